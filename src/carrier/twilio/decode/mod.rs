//! One text frame of a media stream to an [`Event`].

mod body;
mod error;

use std::borrow::Cow;
use std::fmt;

use base64_simd::STANDARD;

use self::body::{Frame, StartFrame};
pub use self::error::{DecodeError, MAX_PARAMETER, MAX_TEXT};
use super::{AccountSid, CallSid, StreamSid, mark_name};
use crate::{
    carrier::{CarrierEvent, Digit, MarkId},
    wire::flat::{self, Value},
};

/// What a text frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The connection's first message; names no stream yet.
    Connected,
    /// The stream begins.
    Start(Start<'a>),
    /// Caller audio.
    Media {
        /// Milliseconds since the stream began; near a multiple of 20, not on it.
        timestamp_ms: u64,
        /// G.711 µ-law, any length, empty too: the buffer that was given.
        payload: &'a [u8],
    },
    /// A key.
    Digit(Digit),
    /// A mark of ours came back.
    Mark(MarkId),
    /// A mark came back whose name we never wrote; to be ignored.
    ForeignMark,
    /// The stream or the call is over.
    Stop,
    /// An event that we do not know; to be ignored and counted.
    Unknown,
}

impl<'a> Event<'a> {
    /// The same in the carrier's neutral words; `None` if the call need not hear of it.
    #[must_use]
    pub const fn neutral(&self) -> Option<CarrierEvent<'a>> {
        match *self {
            Self::Start(_) => Some(CarrierEvent::Started),
            Self::Media { timestamp_ms, payload } => {
                Some(CarrierEvent::Media { timestamp_ms: Some(timestamp_ms), payload })
            }
            Self::Digit(digit) => Some(CarrierEvent::Digit(digit)),
            Self::Mark(id) => Some(CarrierEvent::Mark(id)),
            Self::Stop => Some(CarrierEvent::Stopped),
            Self::Connected | Self::ForeignMark | Self::Unknown => None,
        }
    }
}

/// Which call a stream belongs to.
#[derive(Clone, PartialEq)]
pub struct Start<'a> {
    /// The account that owns the call.
    pub account: AccountSid,
    /// The call.
    pub call: CallSid,
    /// The stream: for [`decode`] and [`super::Encoder`] from now on.
    pub stream: StreamSid,
    /// The `<Parameter>`s of the answer, names and values, each name once. Not shown by `Debug`: one may be a token.
    pub parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Start<'_> {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }
}

impl fmt::Debug for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("account", &self.account)
            .field("call", &self.call)
            .field("stream", &self.stream)
            .field("parameters", &self.parameters.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish()
    }
}

/// Reads one text frame.
///
/// `stream` is `None` until a [`Start`] was read, then its stream: before, nothing but `connected` and `start` may
/// come; afterwards every message must name this stream. Audio is put into `audio`, whatever was in it before: once it
/// has grown to the longest payload, reading `media`, `dtmf` and `mark` allocates nothing (unless their strings are
/// written with escapes, which the vendor does not do).
///
/// # Errors
///
/// [`DecodeError`]: always the carrier's fault, or that of whoever speaks in its name. The connection may go on; the
/// message is lost.
pub fn decode<'a>(text: &'a str, stream: Option<StreamSid>, audio: &'a mut Vec<u8>) -> Result<Event<'a>, DecodeError> {
    audio.clear();
    if text.len() > MAX_TEXT {
        return Err(DecodeError::TooLong { bytes: text.len() });
    }
    if let Some(media) = plain_media(text)
        && stream.is_some_and(|stream| media.stream == stream.as_str())
    {
        return payload(media.timestamp, media.payload, audio);
    }
    let frame: Frame<'a> = match serde_json::from_str(text) {
        Ok(frame) => frame,
        // A wrong body concerns only events that we know.
        Err(error) => return body::unread(text, &error),
    };
    let event = match frame.event() {
        "connected" => return Ok(Event::Connected),
        "start" if stream.is_some() => return Err(DecodeError::SecondStart),
        "start" => return start(text),
        "media" => "media",
        "dtmf" => "dtmf",
        "mark" => "mark",
        "stop" => "stop",
        _ => return Ok(Event::Unknown),
    };
    let expected = stream.ok_or(DecodeError::BeforeStart { event })?;
    if frame.stream(event)? != expected.as_str() {
        return Err(DecodeError::OtherStream { event, expected });
    }
    match event {
        "media" => media(&frame, audio),
        "dtmf" => digit(&frame),
        "mark" => Ok(mark_name::parse(frame.mark()?).map_or(Event::ForeignMark, Event::Mark)),
        _ => Ok(Event::Stop),
    }
}

fn media<'a>(frame: &Frame<'_>, audio: &'a mut Vec<u8>) -> Result<Event<'a>, DecodeError> {
    let media = frame.media()?;
    // Only the inbound track comes on a bidirectional stream; our own voice must not be taken for the caller's.
    if media.track().is_some_and(|track| track != "inbound") {
        return Err(DecodeError::Value { field: "media.track", expected: "`inbound`" });
    }
    payload(media.timestamp(), media.payload(), audio)
}

fn payload<'a>(timestamp: &str, payload: &str, audio: &'a mut Vec<u8>) -> Result<Event<'a>, DecodeError> {
    let timestamp_ms = timestamp
        .parse()
        .map_err(|_| DecodeError::Value { field: "media.timestamp", expected: "milliseconds in decimal digits" })?;
    audio.reserve(STANDARD.estimated_decoded_length(payload.len()));
    STANDARD
        .decode_append(payload.as_bytes(), audio)
        .map_err(|_| DecodeError::Value { field: "media.payload", expected: "base64 with padding" })?;
    Ok(Event::Media { timestamp_ms, payload: audio })
}

/// What is needed of caller audio.
struct PlainMedia<'a> {
    stream: &'a str,
    timestamp: &'a str,
    payload: &'a str,
}

/// Caller audio as it is written fifty times a second; everything else, and whatever is odd about it, is read below.
fn plain_media(text: &str) -> Option<PlainMedia<'_>> {
    let (mut event, mut stream, mut track, mut timestamp, mut payload) = (None, None, None, None, None);
    let plain = flat::read(text, &mut |outer, name, value| {
        let place = match (outer, name) {
            (None, "event") => &mut event,
            (None, "streamSid") => &mut stream,
            (Some("media"), "track") => &mut track,
            (Some("media"), "timestamp") => &mut timestamp,
            (Some("media"), "payload") => &mut payload,
            (_, _) => return true,
        };
        match value {
            // A field that stands twice is not plain.
            Value::Text(value) => place.replace(value).is_none(),
            Value::Word(_) => false,
        }
    });
    let plain = plain && event == Some("media") && track.is_none_or(|track| track == "inbound");
    if plain { Some(PlainMedia { stream: stream?, timestamp: timestamp?, payload: payload? }) } else { None }
}

fn digit(frame: &Frame<'_>) -> Result<Event<'static>, DecodeError> {
    let mut keys = frame.digit()?.chars();
    match (keys.next().and_then(Digit::new), keys.next()) {
        (Some(digit), None) => Ok(Event::Digit(digit)),
        _ => Err(DecodeError::Value { field: "dtmf.digit", expected: "one of 0-9, *, #, A-D" }),
    }
}

fn start(text: &str) -> Result<Event<'_>, DecodeError> {
    let frame: StartFrame<'_> = serde_json::from_str(text).map_err(|error| DecodeError::malformed("start", &error))?;
    frame.checked().map(Event::Start)
}
