//! The voices of quietline itself: fixed phrases (farewells, reminder, filler) made into sound by vendors, and built-in
//! recordings of the default texts.
//!
//! | file | what |
//! |---|---|
//! | `voice.rs` | [`Voice`]: what is configured; begins a [`Rendering`] |
//! | `error.rs` | [`TtsError`]: whose fault it is and what to do |
//! | `speech.rs` | [`Speech`]: what came of it; what is no speech is refused here |
//! | `fetch.rs` | the part that all providers over HTTP share: deadlines, one retry, pieces of any length |
//! | `openai/`, `elevenlabs/`, `openai_realtime/` | one provider each: request, errors |
//! | `builtin.rs` | recordings of the default texts |
//!
//! A [`Rendering`] is a state machine without socket or clock: its driver (`voices`) takes [`Rendering::poll_sending`]
//! until there is nothing, gives it what the network brings, and asks for [`Rendering::result`] after each. An exchange
//! that is begun takes the place of the one before it; what the old one still brings does not come here.
//!
//! Another provider: a folder of its own with its settings and its state machine, and a variant of [`Voice`].

mod builtin;
pub mod elevenlabs;
mod error;
mod fetch;
pub mod openai;
pub mod openai_realtime;
mod speech;
#[cfg(test)]
mod tests;
mod voice;

use std::time::Duration;

pub use builtin::{builtin_farewell, builtin_filler, builtin_reminder, default_filler, default_reminder, default_text};
pub use error::{BadAudio, TtsError};
pub use speech::Speech;
pub use voice::{Provider, Voice};

use crate::{
    time::Timestamp,
    wire::{HttpEvent, HttpRequest, WsEvent, WsRequest},
};

/// A vendor that has sent no sound by then is asked once more.
pub const FIRST_BYTE: Duration = Duration::from_secs(3);
/// A phrase is there by then, or the vendor has failed.
pub const WHOLE: Duration = Duration::from_secs(10);
/// Longest text, in characters: what every provider takes.
pub const MAX_TEXT: usize = 4_096;

/// What is to be said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// Their language: a tag such as `en-US`.
    pub language: String,
}

impl Phrase {
    /// The language without its region, such as `en`.
    #[must_use]
    pub fn language_code(&self) -> &str {
        self.language.split(['-', '_']).next().unwrap_or_default()
    }

    /// Whether it can be said at all; checked before anything is sent.
    fn check(&self) -> Result<(), TtsError> {
        if !self.text.chars().any(char::is_alphanumeric) {
            return Err(TtsError::Refused("the text has no words".to_owned()));
        }
        if self.text.chars().count() > MAX_TEXT { Err(TtsError::Length) } else { Ok(()) }
    }
}

/// What a [`Rendering`] wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Make this request; whatever was under way is dropped.
    Http(HttpRequest),
    /// Open this socket; whatever was under way is dropped.
    Open(WsRequest),
    /// Send a text message.
    Text(String),
    /// Drop what is under way.
    Close,
}

/// One phrase on its way to sound.
pub trait Rendering: Send {
    /// What is to be done now, one thing at a time, in order.
    fn poll_sending(&mut self) -> Option<Sending>;
    /// What comes of the last [`Sending::Http`].
    fn handle_http(&mut self, now: Timestamp, event: HttpEvent<'_>) {
        let _ = (now, event);
    }
    /// What comes of the last [`Sending::Open`].
    fn handle_socket(&mut self, now: Timestamp, event: WsEvent<'_>) {
        let _ = (now, event);
    }
    /// When [`Rendering::handle_timeout`] is due; [`Timestamp::NEVER`] once there is a result.
    fn poll_timeout(&self) -> Timestamp;
    /// It is late.
    fn handle_timeout(&mut self, now: Timestamp);
    /// What came of it, once, as soon as it is there.
    fn result(&mut self) -> Option<Result<Speech, TtsError>>;
    /// What the vendor said of a failure, in its own words. They may quote the text: for logs below INFO only.
    fn vendor_said(&self) -> Option<&str> {
        None
    }
}
