//! The telephone side as values: what a carrier tells us and what we ask of it.
//!
//! Neutral words only; a carrier's own ids and messages live in its own folder ([`twilio`]).
//! The scripted carrier of [`crate::lab`] speaks exactly these.

pub mod twilio;

use std::fmt;
use std::sync::Arc;

use crate::{
    audio::MulawFrame,
    time::Timestamp,
    wire::{ExchangeEvent, ExchangeId, HttpRequest},
};

/// Who talks with whom. `Debug` shows no number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// The other party's number; some word or nothing where it is withheld.
    pub theirs: String,
    /// Our number.
    pub ours: String,
    /// We called them.
    pub outbound: bool,
}

impl fmt::Debug for Parties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parties").field("outbound", &self.outbound).finish_non_exhaustive()
    }
}

/// Whether this is a telephone number by E.164: a plus sign, the country's code, 7 to 15 digits.
#[must_use]
pub fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A call, whoever carries it: the carrier's own id, as text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(Arc<str>);

impl CallId {
    /// With the carrier's id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The carrier's id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
    /// The media connection broke and is there again: the carrier's time stamps begin anew, and what it held of our
    /// audio is gone.
    Reopened {
        /// When it broke.
        lost_at: Timestamp,
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
    /// Of [`CallRequest::Dial`]; done: the carrier takes the caller over.
    Dial(RequestOutcome),
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
    /// Put the caller through, which ends the stream (REST).
    Dial {
        /// Which of the assistant's transfers, in the order of its settings.
        to: u8,
        /// Nobody has told the caller yet: the carrier says it first.
        say: bool,
    },
}

/// What a carrier's side of a call wants sent.
#[derive(Debug)]
pub enum Sending<'a> {
    /// A text message on the media connection.
    Text(&'a str),
    /// A request; its answer goes to [`Carrier::handle_exchange`].
    Http(ExchangeId, HttpRequest),
    /// The media connection is to be closed, after what was sent before.
    Close,
}

/// What could not be used of what came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierCounters {
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Messages that we do not know.
    pub unknown: u64,
}

/// A carrier's side of one call, from its stream's start on: a state machine without sockets or clock.
pub trait Carrier: Send {
    /// The media connection brought a text message. `None`: the call need not hear of it.
    fn handle_text<'a>(&'a mut self, now: Timestamp, text: &'a str) -> Option<CarrierEvent<'a>>;
    /// The media connection is gone; `clean` if it was closed in an orderly way.
    fn handle_closed(
        &mut self,
        now: Timestamp,
        clean: bool,
        send: &mut dyn FnMut(Sending<'_>),
    ) -> Option<CarrierEvent<'static>>;
    /// What became of a request.
    fn handle_exchange(
        &mut self,
        now: Timestamp,
        id: ExchangeId,
        event: &ExchangeEvent,
    ) -> Option<CarrierEvent<'static>>;
    /// Something is due.
    fn handle_timeout(&mut self, now: Timestamp) -> Option<CarrierEvent<'static>>;
    /// When something is due; [`Timestamp::NEVER`] if nothing is.
    fn poll_timeout(&self) -> Timestamp;
    /// Carries out a command.
    fn handle_command(&mut self, now: Timestamp, command: &CarrierCommand, send: &mut dyn FnMut(Sending<'_>));
    /// What could not be used so far.
    fn counters(&self) -> CarrierCounters;
}
