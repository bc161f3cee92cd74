use crate::carrier::twilio::StreamSid;

/// Longest text frame that is read, in bytes. A `media` of 20 ms has about 380.
pub const MAX_TEXT: usize = 64 << 10;

/// A custom parameter's name and value together have fewer characters than this.
pub const MAX_PARAMETER: usize = 500;

/// Why a text frame could not be read: the carrier misbehaved, or somebody who is not the carrier.
///
/// Says what was expected, never what came: that may be a token or what a caller typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`MAX_TEXT`].
    #[error("the carrier misbehaved: a message of {bytes} bytes, expected at most {MAX_TEXT}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, or JSON that is no message.
    #[error("the carrier misbehaved: expected a JSON object with a string `event` ({reason})")]
    NotAMessage {
        /// What the parser expected, and where.
        reason: String,
    },
    /// A known event with a field missing or of a wrong type.
    #[error("the carrier misbehaved: `{event}` cannot be read ({reason})")]
    Malformed {
        /// Which event.
        event: &'static str,
        /// What the parser expected, and where.
        reason: String,
    },
    /// A field of the right type with a value that means nothing.
    #[error("the carrier misbehaved: `{field}` must be {expected}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// Something before `start`.
    #[error("the carrier misbehaved: `{event}` came before `start`")]
    BeforeStart {
        /// Which event.
        event: &'static str,
    },
    /// `start` came again.
    #[error("the carrier misbehaved: `start` came twice on one connection")]
    SecondStart,
    /// The message is about a stream that is not this connection's.
    #[error("the carrier misbehaved: `{event}` is for another stream than {expected}")]
    OtherStream {
        /// Which event.
        event: &'static str,
        /// This connection's stream.
        expected: StreamSid,
    },
}

impl DecodeError {
    pub(super) fn malformed(event: &'static str, error: &serde_json::Error) -> Self {
        Self::Malformed { event, reason: expectation(error) }
    }

    pub(super) fn not_a_message(error: &serde_json::Error) -> Self {
        Self::NotAMessage { reason: expectation(error) }
    }

    pub(super) fn missing(event: &'static str, field: &str) -> Self {
        Self::Malformed { event, reason: format!("missing field `{field}`") }
    }
}

/// The parser's message without the value that it found: `expected a string at line 1 column 9`.
fn expectation(error: &serde_json::Error) -> String {
    let said = error.to_string();
    match said.rfind(", expected ") {
        Some(at) if error.is_data() => said[at + 2..].to_owned(),
        _ => said,
    }
}
