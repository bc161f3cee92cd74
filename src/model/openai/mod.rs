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
//! | `fault.rs` | what the vendor's codes mean |

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

pub use access::{Access, AccessError, Auth};
pub use session::{OPENING, OpenAi};
pub use settings::{Eagerness, GreetingText, NoiseReduction, Settings, Transcription, TurnDetection};
