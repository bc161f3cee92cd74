//! Everything that we write, against the schemas; and that the schemas would notice.

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{json as read, session_messages, stream};
use crate::carrier::MarkId;
use crate::carrier::twilio::encode::pieces;
use crate::carrier::twilio::{Encoder, Event, decode};

fn outbound() -> Validator {
    jsonschema::validator_for(&read("media-streams-outbound.schema.json")).expect("a schema")
}

fn inbound() -> Validator {
    jsonschema::validator_for(&read("media-streams-inbound.schema.json")).expect("a schema")
}

fn parsed(message: &str) -> Value {
    serde_json::from_str(message).expect("we write JSON")
}

#[test]
fn every_message_written_is_one_that_the_carrier_takes() {
    let (schema, encoder, mut out) = (outbound(), Encoder::new(stream()), String::new());
    let audio: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    for length in [1, 2, 3, 159, 160, 161, 16_000] {
        encoder.media(&audio[..length], &mut out);
        assert!(schema.is_valid(&parsed(&out)), "{length} samples");
    }
    for piece in pieces(&audio) {
        encoder.media(piece, &mut out);
        assert!(schema.is_valid(&parsed(&out)));
    }
    for id in [(0, 0), (1, 2), (u32::MAX, u32::MAX)].map(|(generation, number)| MarkId { generation, number }) {
        encoder.mark(id, &mut out);
        assert!(schema.is_valid(&parsed(&out)), "{out}");
    }
    encoder.clear(&mut out);
    assert!(schema.is_valid(&parsed(&out)), "{out}");
}

#[test]
fn the_schemas_hold_for_the_sessions_and_notice_extra_fields() {
    let (to, from) = (outbound(), inbound());
    for (session, mut message) in session_messages("out") {
        assert!(to.is_valid(&message), "{session}: {message}");
        message["extra"] = json!(1);
        assert!(!to.is_valid(&message), "{session}: {message}");
    }
    for (session, message) in session_messages("in") {
        assert!(from.is_valid(&message), "{session}: {message}");
    }
}

#[test]
fn the_messages_of_the_sessions_are_written_alike() {
    let (encoder, mut out) = (Encoder::new(stream()), String::new());
    for (session, message) in session_messages("out") {
        match message["event"].as_str() {
            Some("media") => {
                let payload = message["media"]["payload"].as_str().expect("a payload");
                encoder.media(&base64_simd::STANDARD.decode_to_vec(payload).expect("base64"), &mut out);
                assert_eq!(parsed(&out), message, "{session}");
            }
            Some("clear") => {
                encoder.clear(&mut out);
                assert_eq!(parsed(&out), message, "{session}");
            }
            // Names are the sessions' own; the fields must be the same.
            Some("mark") => {
                encoder.mark(MarkId { generation: 0, number: 1 }, &mut out);
                let mut ours = parsed(&out);
                assert_eq!(ours["mark"]["name"], "q:0:1");
                ours["mark"]["name"] = message["mark"]["name"].clone();
                assert_eq!(ours, message, "{session}");
            }
            other => panic!("{session}: {other:?}"),
        }
    }
}

proptest! {
    /// What we send, given back as inbound audio, is what was sent.
    #[test]
    fn audio_round_trips(samples in prop::collection::vec(any::<u8>(), 1..2000), timestamp: u32) {
        let mut out = String::new();
        Encoder::new(stream()).media(&samples, &mut out);
        let mut message = parsed(&out);
        message["media"]["timestamp"] = json!(timestamp.to_string());
        let (message, mut audio) = (message.to_string(), Vec::new());
        prop_assert_eq!(
            decode(&message, Some(stream()), &mut audio),
            Ok(Event::Media { timestamp_ms: timestamp.into(), payload: &samples })
        );
    }
}
