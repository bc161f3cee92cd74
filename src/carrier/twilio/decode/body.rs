//! The messages' shapes. Strings are borrowed; one that is written with escapes (`\/`) is copied instead of refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{DecodeError, Event, MAX_PARAMETER, Start};
use crate::carrier::twilio::StreamSid;

/// Borrowed where it can be. A plain `Option<Cow<str>>` would always copy.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Every message but `start`, in one pass.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, rename = "streamSid")]
    stream: Option<Text<'a>>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Media<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl<'a> Frame<'a> {
    pub(super) fn event(&self) -> &str {
        &self.event
    }

    pub(super) fn stream(&self, event: &'static str) -> Result<&str, DecodeError> {
        self.stream.as_ref().map(|sid| sid.0.as_ref()).ok_or_else(|| DecodeError::missing(event, "streamSid"))
    }

    pub(super) fn media(&self) -> Result<&Media<'a>, DecodeError> {
        self.media.as_ref().ok_or_else(|| DecodeError::missing("media", "media"))
    }

    pub(super) fn digit(&self) -> Result<&str, DecodeError> {
        self.dtmf.as_ref().map(|dtmf| dtmf.digit.as_ref()).ok_or_else(|| DecodeError::missing("dtmf", "dtmf"))
    }

    pub(super) fn mark(&self) -> Result<&str, DecodeError> {
        self.mark.as_ref().map(|mark| mark.name.as_ref()).ok_or_else(|| DecodeError::missing("mark", "mark"))
    }
}

impl Media<'_> {
    pub(super) fn track(&self) -> Option<&str> {
        self.track.as_ref().map(|track| track.0.as_ref())
    }

    pub(super) fn timestamp(&self) -> &str {
        &self.timestamp
    }

    pub(super) fn payload(&self) -> &str {
        &self.payload
    }
}

/// What to make of a text that is no [`Frame`]: an unknown event may use our names for shapes of its own.
pub(super) fn unread<'a>(text: &'a str, error: &serde_json::Error) -> Result<Event<'a>, DecodeError> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| DecodeError::not_a_message(&error))?;
    let known = ["connected", "start", "media", "dtmf", "mark", "stop"];
    match known.into_iter().find(|event| *event == head.event) {
        Some(event) => Err(DecodeError::malformed(event, error)),
        None => Ok(Event::Unknown),
    }
}

/// `start`.
#[derive(Deserialize)]
pub(super) struct StartFrame<'a> {
    #[serde(borrow, rename = "streamSid")]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    start: StartBody<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartBody<'a> {
    #[serde(borrow)]
    account_sid: Cow<'a, str>,
    #[serde(borrow)]
    call_sid: Cow<'a, str>,
    #[serde(borrow)]
    stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    media_format: MediaFormat<'a>,
    #[serde(borrow, default)]
    custom_parameters: Parameters<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaFormat<'a> {
    #[serde(borrow)]
    encoding: Cow<'a, str>,
    sample_rate: u32,
    channels: u32,
}

impl<'a> StartFrame<'a> {
    pub(super) fn checked(self) -> Result<Start<'a>, DecodeError> {
        let body = self.start;
        let wrong = |field, expected| DecodeError::Value { field, expected };
        let account = body.account_sid.parse();
        let call = body.call_sid.parse();
        let stream = body.stream_sid.parse::<StreamSid>();
        let stream = stream.map_err(|_| wrong("start.streamSid", "MZ and 32 hexadecimal digits"))?;
        if self.stream != stream.as_str() {
            return Err(DecodeError::OtherStream { event: "start", expected: stream });
        }
        let format = &body.media_format;
        if format.encoding != "audio/x-mulaw" || (format.sample_rate, format.channels) != (8000, 1) {
            return Err(wrong("start.mediaFormat", "audio/x-mulaw at 8000 Hz with 1 channel"));
        }
        Ok(Start {
            account: account.map_err(|_| wrong("start.accountSid", "AC and 32 hexadecimal digits"))?,
            call: call.map_err(|_| wrong("start.callSid", "CA and 32 hexadecimal digits"))?,
            stream,
            parameters: body.custom_parameters.0,
        })
    }
}

/// Names and values in the order in which they came; none too long, none twice.
#[derive(Default)]
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parameters<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor).map(Self)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Self::Value = Vec::new();
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            if name.chars().count() + value.chars().count() >= MAX_PARAMETER {
                let limit = format!("a custom parameter is too long, expected under {MAX_PARAMETER} characters");
                return Err(A::Error::custom(limit));
            }
            if found.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a custom parameter stands twice, expected each name once"));
            }
            found.push((name, value));
        }
        Ok(found)
    }
}
