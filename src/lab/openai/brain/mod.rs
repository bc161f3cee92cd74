//! What thinks behind a connection: it is told what the caller's turns hold, and has answers. How they travel is not its
//! business.

mod lines;
mod scripted;
mod talk;

use std::time::Duration;

use serde_json::Value;

pub use scripted::ScriptedBrain;
pub use talk::{Brief, Echo, Silent, Talk};

use crate::{
    lab::{ModelNews, Reply},
    model::ModelRequest,
    time::Timestamp,
};

/// A turn of the caller's that was committed.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// First millisecond of appended audio that is in it.
    pub start_ms: u64,
    /// End, exclusive.
    pub end_ms: u64,
    /// Its audio, 8 kHz.
    pub samples: &'a [i16],
}

/// What is known of a turn's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// No transcript comes, although one was asked for.
    Withheld,
    /// The transcription fails.
    Failed,
    /// These; empty: a sound without words.
    Said(String),
}

/// Why an answer is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Why<'a> {
    /// The caller's turn ended.
    Turn,
    /// `response.create`, with its `response`, or null.
    Asked(&'a Value),
    /// Nobody said anything for so long as the session's `idle_timeout_ms` says.
    Idle,
}

/// Something that happened in the conversation.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// The session was configured, with these tools.
    Tools(&'a [String]),
    /// An item came from the client: a tool's output, a message.
    Item(&'a Value),
    /// What the client asked for, in the words of the model's seam, as far as it has them.
    Request(ModelRequest),
}

/// Something of the brain's own.
#[derive(Clone, Debug)]
pub enum Impulse {
    /// It speaks without being asked.
    Speak(Reply),
    /// It tells this: the connection is lost, speech was heard, a transcript is there. Of responses it cannot tell.
    News(ModelNews),
}

/// What thinks behind a connection. Its times count from the first audio that the client appends, unless
/// [`Brain::begins`] says otherwise.
pub trait Brain: Send {
    /// From the handshake to `session.created`; `None`: it cannot be reached, and the handshake is refused.
    fn opening(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(20))
    }

    /// When its time began, by the lab's clock. `audio`: when the first caller audio of this connection came; `None` as
    /// long as none has. Until it has begun, its time stands at zero.
    fn begins(&mut self, audio: Option<Timestamp>) -> Option<Timestamp> {
        audio
    }

    /// The server hears turns for it.
    fn hears(&self) -> bool {
        true
    }

    /// Caller audio, 8 kHz.
    fn hear(&mut self, now: Timestamp, samples: &[i16]) {
        let _ = (now, samples);
    }

    /// A turn was committed: its words.
    fn turn(&mut self, now: Timestamp, turn: &Turn<'_>) -> Words;

    /// An answer is wanted. `None`: there is none, and no response either.
    fn answer(&mut self, now: Timestamp, why: Why<'_>) -> Option<Reply>;

    /// Something happened.
    fn told(&mut self, now: Timestamp, told: Told<'_>) {
        let _ = (now, told);
    }

    /// What it does by itself by `now`, one thing at a time.
    fn poll(&mut self, now: Timestamp) -> Option<Impulse> {
        let _ = now;
        None
    }

    /// When it does something by itself next; [`Timestamp::NEVER`] if nothing is known. Scripts change while they run:
    /// it is asked again all the time.
    fn next_at(&self) -> Timestamp {
        Timestamp::NEVER
    }
}
