//! OpenAI Realtime (the GA protocol), Azure, and servers that speak as they do.
//!
//! | file | what |
//! |---|---|
//! | `access.rs` | an account: address, key, headers |
//! | `settings.rs` | what a session is configured with |
//! | `session.rs` | its life: opened, configured, ready, lost |
//! | `outgoing.rs`, `encode.rs` | what the call asks for; its form on the wire |
//! | `incoming.rs`, `decode.rs` | what the server says; its form on the wire |
//! | `ids.rs` | the vendor's ids and our numbers |
//! | `history.rs` | the conversation so far, for a session that takes a lost one's place |
//! | `text.rs` | one answer in writing, by a session without audio |
//! | `fault.rs` | what the vendor's codes mean |
//!
//! Decisions where the protocol leaves a choice:
//!
//! * A response is never asked for while one is active or on its way: the request waits for `response.done`. It lapses
//!   when the call cancels something, or when the server hears the caller: at the end of that turn it answers by itself.
//! * The server counts its own padding into a stretch of speech (`prefix_padding_ms` before, `silence_duration_ms`
//!   behind); it is taken off, so that a transcript is laid to the right talkspurt.
//! * An item that was heard to its end is not truncated: that would only cost the model its words.
//! * A new session gets the conversation in words. Of what was cut off, as many words as fit in the share that was heard.
//! * Any error before `session.updated` is one about our settings, whether it names them or not: nothing else was sent.

mod access;
pub(crate) mod decode;
mod encode;
mod fault;
mod history;
mod ids;
mod incoming;
mod outgoing;
mod session;
mod settings;
#[cfg(test)]
mod tests;
pub mod text;

pub use access::{Access, AccessError, Auth};
pub use session::{OPENING, OpenAi};
pub use settings::{Eagerness, GreetingText, NoiseReduction, Settings, Transcription, TurnDetection};
