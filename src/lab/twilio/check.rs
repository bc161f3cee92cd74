//! Every message held against the vendor's schema.
//!
//! The event decides which definition counts, so an error names one field and not every way to be a message.

use std::{borrow::Cow, sync::LazyLock};

use base64_simd::STANDARD;
use jsonschema::{PatternOptions, Validator};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{carrier::twilio::StreamSid, lab::shortened::shortened};

const OUTBOUND: &str = include_str!("schemas/media-streams-outbound.schema.json");
const INBOUND: &str = include_str!("schemas/media-streams-inbound.schema.json");
const FORMS: &str = include_str!("schemas/request-forms.schema.json");
const RESOURCES: &str = include_str!("schemas/resources.schema.json");

/// What a gateway sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outbound {
    /// Decoded audio.
    Media(Vec<u8>),
    /// A name.
    Mark(String),
    Clear,
}

/// Something that the vendor would complain about; the message is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The vendor's number.
    pub(super) code: u32,
    /// What is wrong.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn binary(bytes: usize) -> Self {
        Self { code: 31950, what: format!("a binary frame of {bytes} bytes, expected text") }
    }

    fn malformed(what: impl Into<String>) -> Self {
        Self { code: 31951, what: what.into() }
    }
}

static TO_US: LazyLock<[(&str, Validator); 3]> =
    LazyLock::new(|| ["media", "mark", "clear"].map(|event| (event, definition(OUTBOUND, event))));
static FROM_US: LazyLock<[(&str, Validator); 6]> = LazyLock::new(|| {
    ["connected", "start", "media", "dtmf", "mark", "stop"].map(|event| (event, definition(INBOUND, event)))
});
static UPDATE_CALL: LazyLock<Validator> = LazyLock::new(|| definition(FORMS, "UpdateCall"));
static CALL: LazyLock<Validator> = LazyLock::new(|| definition(RESOURCES, "api.v2010.account.call"));

fn definition(schema: &str, name: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(schema).expect("the schemas that we ship are JSON");
    assert!(schema["$defs"][name].is_object(), "the schema defines {name}");
    let root = json!({"$schema": schema["$schema"].take(), "$defs": schema["$defs"].take(),
                      "$ref": format!("#/$defs/{name}")});
    // Patterns run over whole payloads: in linear time.
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    options.build(&root).expect("the schemas that we ship are schemas")
}

/// The first thing that the schema has against a value.
fn complaint(validator: &Validator, value: &Value) -> Option<String> {
    if validator.is_valid(value) {
        return None;
    }
    let error = validator.iter_errors(value).next();
    Some(error.map_or_else(
        || "refused by the schema".to_owned(),
        |error| format!("at `{}`: {}", error.instance_path(), shortened(&error.to_string())),
    ))
}

/// One text frame from the gateway.
///
/// # Errors
/// What the vendor would warn about (31951).
pub(super) fn outbound(text: &str, stream: StreamSid) -> Result<Outbound, Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| Fault::malformed(format!("not JSON: {error}")))?;
    let event = value["event"].as_str().unwrap_or_default();
    let Some((event, validator)) = TO_US.iter().find(|(known, _)| *known == event) else {
        return Err(Fault::malformed(format!("expected an `event` media, mark or clear, got {:?}", shortened(event))));
    };
    if let Some(complaint) = complaint(validator, &value) {
        return Err(Fault::malformed(format!("{event}: {complaint}")));
    }
    let named = value["streamSid"].as_str().unwrap_or_default();
    if named != stream.as_str() {
        return Err(Fault::malformed(format!("{event} for stream {named}, this is {stream}")));
    }
    Ok(match *event {
        "media" => Outbound::Media(audio(value["media"]["payload"].as_str().unwrap_or_default())?),
        "mark" => Outbound::Mark(value["mark"]["name"].as_str().unwrap_or_default().to_owned()),
        _ => Outbound::Clear,
    })
}

/// A message with audio, without its schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Media<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    media: MediaPart<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaPart<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// One text frame from the gateway: the same as [`outbound`], but audio in the right form is not held against the schema.
///
/// # Errors
/// What the vendor would warn about (31951).
pub(super) fn outbound_unchecked(text: &str, stream: StreamSid) -> Result<Outbound, Fault> {
    if let Ok(Media { event, stream_sid, media }) = serde_json::from_str(text)
        && event == "media"
        && stream_sid == stream.as_str()
        && let Ok(audio) = audio(&media.payload)
        && !audio.is_empty()
    {
        return Ok(Outbound::Media(audio));
    }
    // Something else, or something wrong, and the schema knows what.
    outbound(text, stream)
}

fn audio(payload: &str) -> Result<Vec<u8>, Fault> {
    let audio = STANDARD.decode_to_vec(payload).map_err(|_| Fault::malformed("media.payload is not base64"))?;
    if audio.starts_with(b"RIFF") {
        return Err(Fault::malformed("media.payload has a WAV header, which is heard as noise: send raw µ-law"));
    }
    Ok(audio)
}

/// Something of ours against its schema: a mistake of the lab's.
pub(super) fn inbound(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let event = value["event"].as_str().unwrap_or_default();
    match FROM_US.iter().find(|(known, _)| *known == event) {
        Some((_, validator)) => complaint(validator, &value),
        None => Some(format!("{event:?} is no event of the vendor's")),
    }
}

/// A form, or a query, for this operation of REST.
pub(super) fn form(operation: &str, form: &Value) -> Option<String> {
    complaint(&definition(FORMS, operation), form)
}

/// Our answer of this kind: a mistake of the lab's.
pub(super) fn resource(kind: &str, resource: &Value) -> Option<String> {
    complaint(&definition(RESOURCES, kind), resource)
}

/// The form that changes a call.
/// A decoded form that updates a call.
pub(super) fn update_form(form: &Value) -> Option<String> {
    complaint(&UPDATE_CALL, form)
}

/// Our answer about a call: a mistake of the lab's.
pub(super) fn call_resource(resource: &Value) -> Option<String> {
    complaint(&CALL, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> StreamSid {
        "MZ18ad3ab518ad3ab518ad3ab518ad3ab5".parse().expect("a SID")
    }

    fn wrong(text: &str) -> String {
        let fault = outbound(text, stream()).expect_err(text);
        assert_eq!(outbound_unchecked(text, stream()), Err(fault.clone()), "{text}");
        assert_eq!(fault.code, 31951);
        fault.what
    }

    #[test]
    fn right_messages_are_understood() {
        let media = r#"{"event":"media","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5","media":{"payload":"////"}}"#;
        assert_eq!(outbound_unchecked(media, stream()), outbound(media, stream()));
        assert_eq!(outbound(media, stream()), Ok(Outbound::Media(vec![0xff; 3])));
        let mark = r#"{"event":"mark","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5","mark":{"name":"a b"}}"#;
        assert_eq!(outbound(mark, stream()), Ok(Outbound::Mark("a b".to_owned())));
        let clear = r#"{"event":"clear","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5"}"#;
        assert_eq!(outbound(clear, stream()), Ok(Outbound::Clear));
    }

    #[test]
    fn a_complaint_names_the_field() {
        assert!(wrong("nonsense").contains("not JSON"));
        assert!(wrong(r#"{"event":"stop"}"#).contains("media, mark or clear"));
        assert!(wrong(r#"{"event":"clear"}"#).contains("streamSid"));
        let extra = r#"{"event":"clear","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5","sequenceNumber":"1"}"#;
        assert!(wrong(extra).contains("sequenceNumber"), "{}", wrong(extra));
        let other = r#"{"event":"clear","streamSid":"MZ00000000000000000000000000000000"}"#;
        assert!(wrong(other).contains("this is MZ18ad"));
        for payload in ["", "a", "/w=", "UklGRgAAAAA="] {
            let media = json!({"event": "media", "streamSid": stream().as_str(), "media": {"payload": payload}});
            assert!(wrong(&media.to_string()).contains("payload"), "{payload}");
        }
    }

    #[test]
    fn a_complaint_does_not_quote_a_payload_whole() {
        let payload = format!("{}!", "A".repeat(20_000));
        let media = json!({"event": "media", "streamSid": stream().as_str(), "media": {"payload": payload}});
        assert!(wrong(&media.to_string()).len() < 400);
    }
}
