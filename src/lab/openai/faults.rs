//! What goes wrong on purpose.

use std::time::Duration;

/// What is wrong with a connection. The default: nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// At the handshake.
    pub handshake: Handshake,
    /// Responses that fail, by their number within the connection (0: the first).
    pub responses: Vec<(usize, Failing)>,
    /// The first audio of every response comes so much later.
    pub slow_first_delta: Duration,
    /// Events and fields that no schema knows are mixed in.
    pub unknown_events: bool,
    /// Audio deltas have odd sizes: with 16-bit audio their edges fall into a sample.
    pub odd_deltas: bool,
    /// Transcriptions of what the caller says fail.
    pub no_transcripts: bool,
    /// What happens to the connection, and when.
    pub acts: Vec<(When, Act)>,
}

impl Faults {
    /// With this, then.
    #[must_use]
    pub fn act(mut self, when: When, act: Act) -> Self {
        self.acts.push((when, act));
        self
    }

    /// With this answer to the handshake.
    #[must_use]
    pub fn handshake(mut self, handshake: Handshake) -> Self {
        self.handshake = handshake;
        self
    }

    /// The `n`-th response (0: the first) fails.
    #[must_use]
    pub fn fails(mut self, n: usize, failing: Failing) -> Self {
        self.responses.push((n, failing));
        self
    }
}

/// What is wrong with a handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handshake {
    /// Nothing.
    #[default]
    Normal,
    /// It is answered after this time.
    Slow(Duration),
    /// It is answered with this HTTP status instead of 101.
    Status(u16),
    /// It is never answered.
    Silent,
    /// It is answered, but then nothing comes: not even `session.created`.
    Mute,
}

/// How a response fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// `failed`: the rate limit, with the time after which to try again.
    RateLimit(Duration),
    /// `failed`: the account is empty.
    Quota,
    /// `failed`: a fault of the server's.
    Server,
    /// `incomplete`: the answer is cut off by `max_output_tokens` after this many milliseconds of audio.
    MaxTokens(u64),
    /// `incomplete`: the answer is cut off by the content filter after this many milliseconds of audio.
    ContentFilter(u64),
}

/// When something happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the handshake.
    After(Duration),
    /// After so many audio deltas.
    Deltas(u64),
}

/// Something that happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The session reaches its longest time: `session_expired`, then a close with 1001.
    Expire,
    /// The TCP connection is reset.
    Reset,
    /// A close frame with this code.
    Close(u16),
    /// Nothing is read or written any more; the connection stays.
    Stall,
    /// Nothing is sent any more; what comes is read.
    Mute,
    /// This text is sent, such as something that is not JSON.
    Text(String),
    /// A binary frame is sent.
    Binary(Vec<u8>),
    /// An `error` event with this code and message; the session goes on.
    Error(&'static str, String),
}
