use base64_simd::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{session_messages, stream, text};
use crate::carrier::twilio::decode::{MAX_PARAMETER, MAX_TEXT};
use crate::carrier::twilio::mark_name::MarkName;
use crate::carrier::twilio::{DecodeError, Event, decode};
use crate::carrier::{CarrierEvent, Digit, MarkId};

const SID: &str = "MZ18ad3ab518ad3ab518ad3ab518ad3ab5";
const MEDIA: &str = r#"{"event":"media","sequenceNumber":"2","media":{"track":"inbound","chunk":"1","timestamp":"155","payload":"//9/"},"streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5"}"#;

fn start() -> Value {
    json!({"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": {
        "accountSid": "ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4",
        "streamSid": SID,
        "callSid": "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"call_token": "k3J", "line": "front \u{2014} desk"},
    }})
}

/// The error of a message that comes after `start`.
fn refused(message: &str) -> DecodeError {
    decode(message, Some(stream()), &mut Vec::new()).expect_err(message)
}

#[test]
fn every_message_of_the_sessions_decodes_to_what_it_says() {
    let mut audio = Vec::new();
    let mut seen = 0;
    let mut session = String::new();
    let mut known = None;
    for (name, message) in session_messages("in") {
        if name != session {
            (session, known) = (name, None);
        }
        let written = message.to_string();
        let event = decode(&written, known, &mut audio).expect(&session);
        match (text(&message, "event"), event) {
            ("connected", Event::Connected) | ("stop", Event::Stop) | ("mark", Event::ForeignMark) => {}
            ("start", Event::Start(start)) => {
                let said = &message["start"];
                assert_eq!(start.account.as_str(), said["accountSid"]);
                assert_eq!(start.call.as_str(), said["callSid"]);
                assert_eq!(start.stream.as_str(), said["streamSid"]);
                assert_eq!(start.parameter("token"), said["customParameters"]["token"].as_str());
                assert_eq!(start.parameters.len(), said["customParameters"].as_object().map_or(0, |all| all.len()));
                known = Some(start.stream);
            }
            ("media", Event::Media { timestamp_ms, payload }) => {
                assert_eq!(timestamp_ms.to_string(), message["media"]["timestamp"]);
                assert_eq!(STANDARD.encode_to_string(payload), message["media"]["payload"]);
            }
            ("dtmf", Event::Digit(digit)) => assert_eq!(digit.key().to_string(), message["dtmf"]["digit"]),
            (event, other) => panic!("{session}: {event} became {other:?}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 164);
}

#[test]
fn names_of_parameters_are_shown_but_no_values() {
    let (written, mut audio) = (start().to_string(), Vec::new());
    let event = decode(&written, None, &mut audio);
    let Ok(Event::Start(start)) = event else { panic!("{event:?}") };
    assert_eq!(start.parameter("call_token"), Some("k3J"));
    assert_eq!(start.parameter("line"), Some("front \u{2014} desk"));
    assert_eq!(start.parameter("other"), None);
    let shown = format!("{start:?}");
    assert!(shown.contains("call_token") && !shown.contains("k3J"), "{shown}");
}

#[test]
fn events_become_neutral_words() {
    let mut audio = vec![1, 2, 3];
    let event = decode(MEDIA, Some(stream()), &mut audio).expect("a media message");
    let expected = CarrierEvent::Media { timestamp_ms: Some(155), payload: &[0xff, 0xff, 0x7f] };
    assert_eq!(event.neutral(), Some(expected));
    let digit = Digit::new('#').expect("a key");
    assert_eq!(Event::Digit(digit).neutral(), Some(CarrierEvent::Digit(digit)));
    let id = MarkId { generation: 1, number: 2 };
    assert_eq!(Event::Mark(id).neutral(), Some(CarrierEvent::Mark(id)));
    assert_eq!(Event::Stop.neutral(), Some(CarrierEvent::Stopped));
    for event in [Event::Connected, Event::ForeignMark, Event::Unknown] {
        assert_eq!(event.neutral(), None);
    }
}

#[test]
fn escaped_slashes_are_read_like_plain_ones() {
    let mut audio = Vec::new();
    let escaped = MEDIA.replace("//9/", r"\/\/9\/").replace("\"media\"", r#""\u006dedia""#);
    assert_ne!(escaped, MEDIA);
    let event = decode(&escaped, Some(stream()), &mut audio).expect("escapes are allowed");
    assert_eq!(event, Event::Media { timestamp_ms: 155, payload: &[0xff, 0xff, 0x7f] });
    let written = start().to_string().replace("k3J", r"a\/b").replace("audio/", r"audio\/");
    let event = decode(&written, None, &mut audio);
    let Ok(Event::Start(start)) = event else { panic!("{event:?}") };
    assert_eq!(start.parameter("call_token"), Some("a/b"));
}

#[test]
fn payloads_may_have_any_length() {
    let mut audio = Vec::new();
    for length in [0, 1, 2, 3, 159, 160, 161, 4800, 40_000] {
        let samples = vec![0x5a; length];
        let message = MEDIA.replace("//9/", &STANDARD.encode_to_string(&samples));
        let event = decode(&message, Some(stream()), &mut audio);
        assert_eq!(event, Ok(Event::Media { timestamp_ms: 155, payload: &samples }));
    }
}

#[test]
fn the_audio_buffer_is_reused() {
    let mut audio = Vec::new();
    decode(MEDIA, Some(stream()), &mut audio).expect("a media message");
    let (capacity, place) = (audio.capacity(), audio.as_ptr());
    for _ in 0..100 {
        decode(MEDIA, Some(stream()), &mut audio).expect("a media message");
    }
    assert_eq!((audio.capacity(), audio.as_ptr()), (capacity, place));
}

#[test]
fn what_is_not_known_is_ignored() {
    let mut audio = Vec::new();
    for message in [
        r#"{"event":"weather"}"#,
        r#"{"event":"weather","media":5,"streamSid":null}"#,
        r#"{"event":"weather","streamSid":"MZ00000000000000000000000000000000","start":{}}"#,
    ] {
        assert_eq!(decode(message, Some(stream()), &mut audio), Ok(Event::Unknown), "{message}");
        assert_eq!(decode(message, None, &mut audio), Ok(Event::Unknown), "{message}");
    }
    let more = MEDIA.replace("\"sequenceNumber\"", r#""mood":{"a":[1,2]},"sequenceNumber""#);
    assert!(matches!(decode(&more, Some(stream()), &mut audio), Ok(Event::Media { .. })));
}

#[test]
fn only_the_streams_own_messages_count() {
    let other = MEDIA.replace("ab5\"", "ab6\"");
    assert_eq!(refused(&other), DecodeError::OtherStream { event: "media", expected: stream() });
    assert_eq!(decode(MEDIA, None, &mut Vec::new()), Err(DecodeError::BeforeStart { event: "media" }));
    assert_eq!(refused(&start().to_string()), DecodeError::SecondStart);
    let mut two_names = start();
    two_names["streamSid"] = "MZ00000000000000000000000000000000".into();
    let error = decode(&two_names.to_string(), None, &mut Vec::new()).expect_err("two streams");
    assert_eq!(error, DecodeError::OtherStream { event: "start", expected: stream() });
}

#[test]
fn errors_say_whose_fault_and_what_was_expected() {
    let changed = |from: &str, to: &str| {
        let message = MEDIA.replace(from, to);
        assert_ne!(message, MEDIA);
        refused(&message).to_string()
    };
    for (error, expected) in [
        (refused("").to_string(), "expected a JSON object with a string `event`"),
        (refused("\u{0}\u{1}").to_string(), "expected a JSON object with a string `event`"),
        (refused("[]").to_string(), "expected a JSON object with a string `event`"),
        (refused(r#"{"event":7}"#).to_string(), "expected a string"),
        (refused(r#"{"event":"media"}"#).to_string(), "missing field `streamSid`"),
        (refused(&format!(r#"{{"event":"media","streamSid":"{SID}"}}"#)).to_string(), "missing field `media`"),
        (
            refused(&format!(r#"{{"event":"mark","streamSid":"{SID}","mark":{{}}}}"#)).to_string(),
            "missing field `name`",
        ),
        (
            refused(&format!(r#"{{"event":"dtmf","streamSid":"{SID}","dtmf":{{"digit":"12"}}}}"#)).to_string(),
            "one of 0-9",
        ),
        (
            refused(&format!(r#"{{"event":"dtmf","streamSid":"{SID}","dtmf":{{"digit":1}}}}"#)).to_string(),
            "expected a string",
        ),
        (changed(r#","payload":"//9/""#, ""), "missing field `payload`"),
        (changed("\"//9/\"", "[1,2]"), "expected a string"),
        (changed("\"155\"", "\"soon\""), "`media.timestamp` must be milliseconds"),
        (changed("\"155\"", "\"-1\""), "`media.timestamp` must be milliseconds"),
        (changed("\"155\"", "155"), "expected a string"),
        (changed("//9/", "//9"), "`media.payload` must be base64"),
        (changed("//9/", "/ 9/"), "`media.payload` must be base64"),
        (changed("//9/", "_-9_"), "`media.payload` must be base64"),
        (changed("\"inbound\"", "\"outbound\""), "`media.track` must be `inbound`"),
    ] {
        assert!(error.starts_with("the carrier misbehaved: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn errors_of_start_name_the_field() {
    for (field, wrong, expected) in [
        ("/start/callSid", json!("CA12"), "`start.callSid` must be CA and 32"),
        ("/start/accountSid", json!("MZ18ad3ab518ad3ab518ad3ab518ad3ab5"), "`start.accountSid` must be AC"),
        ("/start/streamSid", json!(""), "`start.streamSid` must be MZ"),
        ("/start/mediaFormat/sampleRate", json!(16000), "audio/x-mulaw at 8000 Hz"),
        ("/start/mediaFormat/encoding", json!("audio/l16"), "audio/x-mulaw at 8000 Hz"),
        ("/start/mediaFormat/channels", json!("1"), "expected u32"),
        ("/start/customParameters", json!(["a"]), "expected an object of strings"),
        ("/start/customParameters/line", json!(5), "expected a string"),
        ("/start/customParameters/line", json!("x".repeat(MAX_PARAMETER - 4)), "under 500 characters"),
        ("/start", json!({}), "missing field `accountSid`"),
    ] {
        let mut message = start();
        *message.pointer_mut(field).expect("the field is there") = wrong;
        let error = decode(&message.to_string(), None, &mut Vec::new()).expect_err(field).to_string();
        assert!(error.starts_with("the carrier misbehaved: ") && error.contains(expected), "{error}");
    }
    let twice = start().to_string().replace("\"line\":", "\"call_token\":\"other\",\"line\":");
    let error = decode(&twice, None, &mut Vec::new()).expect_err("ambiguous").to_string();
    assert!(error.contains("each name once"), "{error}");
}

#[test]
fn errors_never_repeat_what_came() {
    for message in [
        MEDIA.replace("{\"track\"", "\"hidden\",\"x\":{\"track\""),
        MEDIA.replace("\"155\"", "\"hidden\""),
        MEDIA.replace("//9/", "hidden!"),
        format!(r#"{{"event":"dtmf","streamSid":"{SID}","dtmf":"hidden, expected x"}}"#),
        format!(r#"{{"event":"dtmf","streamSid":"{SID}","dtmf":{{"digit":"hidden"}}}}"#),
        r#"{"event":{"hidden":1}}"#.to_owned(),
    ] {
        let error = refused(&message);
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
}

#[test]
fn the_longest_message_is_64_kib() {
    let filled = |bytes: usize| format!(r#"{{"event":"weather","x":"{}"}}"#, "x".repeat(bytes - 26));
    assert_eq!(filled(MAX_TEXT).len(), MAX_TEXT);
    assert_eq!(decode(&filled(MAX_TEXT), Some(stream()), &mut Vec::new()), Ok(Event::Unknown));
    assert_eq!(refused(&filled(MAX_TEXT + 1)), DecodeError::TooLong { bytes: MAX_TEXT + 1 });
}

proptest! {
    #[test]
    fn any_text_is_an_event_or_an_error(bytes: Vec<u8>, known: bool) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = decode(&text, known.then(stream), &mut Vec::new());
    }

    /// Cut and altered messages come closer to the parser than noise.
    #[test]
    fn any_damage_is_an_event_or_an_error(which in 0..5_usize, at: prop::sample::Index, cut: bool, by: Vec<u8>) {
        let messages = [MEDIA.to_owned(), start().to_string(),
            format!(r#"{{"event":"dtmf","streamSid":"{SID}","dtmf":{{"track":"inbound_track","digit":"1"}}}}"#),
            format!(r#"{{"event":"mark","streamSid":"{SID}","mark":{{"name":"q:1:2"}}}}"#),
            format!(r#"{{"event":"stop","streamSid":"{SID}","stop":{{}}}}"#)];
        let mut bytes = messages[which].clone().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at); }
        bytes.splice(at..at.min(bytes.len()), by);
        let text = String::from_utf8_lossy(&bytes);
        let _ = decode(&text, (which != 1).then(stream), &mut Vec::new());
    }

    #[test]
    fn marks_come_back_as_they_went(generation: u32, number: u32) {
        let id = MarkId { generation, number };
        let echo = json!({"event": "mark", "sequenceNumber": "61", "streamSid": SID,
            "mark": {"name": MarkName(id).to_string()}}).to_string();
        let mut audio = Vec::new();
        prop_assert_eq!(decode(&echo, Some(stream()), &mut audio), Ok(Event::Mark(id)));
    }
}
