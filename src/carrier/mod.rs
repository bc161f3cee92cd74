//! The telephone side as values: what a carrier tells us and what we ask of it.
//!
//! Neutral words only; a carrier's own ids and messages live in its own folder ([`twilio`]).
//! The scripted carrier of [`crate::lab`] speaks exactly these.

pub mod twilio;

use std::sync::Arc;

use crate::audio::MulawFrame;

/// Name of a mark: a place in the outbound audio whose playing the carrier reports.
///
/// A `clear` makes the carrier echo every pending mark at once; the generation counts our clears, so an echo of an
/// older generation proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MarkId {
    /// How often we had cleared when the mark was sent.
    pub generation: u32,
    /// Number of the mark within the call.
    pub number: u32,
}

/// A key of the telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digit(char);

impl Digit {
    /// `0-9`, `*`, `#`, `A-D`; anything else is `None`.
    #[must_use]
    pub fn new(key: char) -> Option<Self> {
        matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(key))
    }

    /// The key.
    #[must_use]
    pub const fn key(self) -> char {
        self.0
    }
}

/// What a request about the call itself came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// Done, or there was nothing left to do (the call is not in progress).
    Done,
    /// Refused, failed or timed out; worth trying again.
    Failed,
}

/// What the carrier says of the call when asked, or by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// The call goes on.
    InProgress,
    /// The call is over.
    Ended,
    /// The carrier could not be asked.
    Unreachable,
}

/// Something the carrier tells us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CarrierEvent<'a> {
    /// The media stream begins: outbound audio may be sent from now on.
    Started,
    /// Caller audio, G.711 µ-law, any length.
    Media {
        /// Milliseconds since the stream began, of the payload's first sample. For gap detection: it may be off by
        /// some milliseconds. `None` if the carrier does not say.
        timestamp_ms: Option<u64>,
        /// The samples.
        payload: &'a [u8],
    },
    /// The caller pressed a key.
    Digit(Digit),
    /// Everything sent before this mark was played, or thrown away by a `clear`.
    Mark(MarkId),
    /// The stream or the call is over, says the carrier.
    Stopped,
    /// The connection is gone. `clean` tells whether it was closed in an orderly way.
    Closed {
        /// With a close handshake.
        clean: bool,
    },
    /// What became of a [`CallRequest`], or what the carrier says of the call by itself.
    Answer(CallAnswer),
}

/// What became of a request about the call itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    /// Of [`CallRequest::Hangup`].
    Hangup(RequestOutcome),
    /// Of [`CallRequest::Say`].
    Say(RequestOutcome),
    /// Of [`CallRequest::FetchStatus`], or a status callback.
    Status(CallStatus),
}

/// Audio for the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// One frame.
    Frame(MulawFrame),
    /// A stretch of a rendering, `audio[from..to]`: an announcement goes out whole, and nothing is copied.
    Part {
        /// G.711 µ-law of the whole announcement.
        audio: Arc<[u8]>,
        /// First sample to send.
        from: usize,
        /// End, exclusive.
        to: usize,
    },
}

impl Payload {
    /// The samples, G.711 µ-law.
    #[must_use]
    pub fn samples(&self) -> &[u8] {
        match self {
            Self::Frame(frame) => frame,
            Self::Part { audio, from, to } => audio.get(*from..*to).unwrap_or(&[]),
        }
    }
}

/// Something we ask of the carrier. In order: a mark stands behind the audio sent before it.
#[derive(Clone, Debug, PartialEq)]
pub enum CarrierCommand {
    /// Play this after what was sent before.
    Media(Payload),
    /// Report when everything before this has been played.
    Mark(MarkId),
    /// Drop what has not been played yet.
    Clear,
    /// Something about the call itself (the carrier's REST), or the connection.
    Request(CallRequest),
}

/// What is asked of the carrier apart from audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallRequest {
    /// End the call (REST).
    Hangup,
    /// Close the media connection.
    CloseStream,
    /// Ask whether the call still exists (REST).
    FetchStatus,
    /// Let the carrier itself speak the farewell of this ending, then hang up: the last resort (REST).
    Say(crate::assistant::FarewellKind),
}
