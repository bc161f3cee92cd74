use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::{
    model::openai::Auth,
    tts::{Rendering, Sending, TtsError},
    wire::WsEvent,
};

const SCHEMA: &str = include_str!("../../lab/openai/schemas/realtime-client-events.schema.json");

fn voice() -> Voice {
    let access = Access::new(Access::BASE_URL, SecretString::from("sk-test"), Auth::Bearer).unwrap();
    Voice::new(Arc::new(access))
}

fn phrase() -> Phrase {
    Phrase { text: "Say \"bye\", will you?".into(), language: "en-US".into() }
}

fn texts(saying: &mut Saying) -> Vec<Value> {
    let mut found = Vec::new();
    while let Some(sending) = saying.poll_sending() {
        if let Sending::Text(text) = sending {
            found.push(serde_json::from_str(&text).unwrap());
        }
    }
    found
}

fn tell(saying: &mut Saying, event: &Value) {
    saying.handle_socket(Timestamp::from_millis(5), WsEvent::Text(&event.to_string()));
}

/// Up to the first request for an answer.
fn ready(voice: &Voice) -> (Saying, Vec<Value>) {
    let mut saying = voice.begin(Timestamp::ZERO, &phrase());
    tell(&mut saying, &json!({"type": "session.created"}));
    let mut sent = texts(&mut saying);
    tell(&mut saying, &json!({"type": "session.updated"}));
    sent.extend(texts(&mut saying));
    (saying, sent)
}

fn answered(saying: &mut Saying, id: &str, words: &str) {
    tell(saying, &json!({"type": "response.created", "response": {"id": id}}));
    let audio = base64_simd::STANDARD.encode_to_string([0x10, 0x27].repeat(24_000));
    tell(saying, &json!({"type": "response.output_audio.delta", "response_id": id, "item_id": "i", "delta": audio}));
    let item = json!({"id": "i", "type": "message", "content": [{"type": "output_audio", "transcript": words}]});
    tell(saying, &json!({"type": "response.done", "response": {"id": id, "status": "completed", "output": [item]}}));
}

#[test]
fn what_is_sent_is_the_vendors() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full = Voice { voice: "voice_1".into(), instructions: Some("Warm.".into()), speed: Some(1.1), ..voice() };
    for voice in [voice(), full] {
        let (_, sent) = ready(&voice);
        assert_eq!(sent.len(), 2);
        for event in &sent {
            let errors: Vec<_> = validator.iter_errors(event).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}\n{event}");
        }
        let told = sent[1]["response"]["instructions"].as_str().unwrap();
        assert!(told.ends_with("Say exactly, with nothing added: \"Say 'bye', will you?\""), "{told}");
        assert_eq!(sent[0]["session"]["audio"]["input"]["turn_detection"], Value::Null);
    }
}

#[test]
fn other_words_are_asked_for_again_and_then_refused() {
    let (mut saying, _) = ready(&voice());
    answered(&mut saying, "r1", "Sure! Say bye, will you?");
    assert_eq!(texts(&mut saying).len(), 1);
    answered(&mut saying, "r2", "say \u{201c}bye\u{201d} will you");
    assert!(saying.result().unwrap().is_ok());

    let (mut saying, _) = ready(&voice());
    for n in 1..=saying::TRIES {
        assert!(saying.result().is_none());
        answered(&mut saying, &format!("r{n}"), "Goodbye!");
    }
    assert_eq!(saying.result().unwrap().unwrap_err(), TtsError::Wording { tries: saying::TRIES });
    assert_eq!(saying.vendor_said(), Some("Goodbye!"));
}

#[test]
fn sound_of_an_answer_that_is_over_is_not_taken() {
    let (mut saying, _) = ready(&voice());
    answered(&mut saying, "r1", "No.");
    let late = base64_simd::STANDARD.encode_to_string([0x10, 0x27].repeat(48_000));
    tell(
        &mut saying,
        &json!({"type": "response.output_audio.delta", "response_id": "r1", "item_id": "i", "delta": late}),
    );
    answered(&mut saying, "r2", "Say bye, will you?");
    assert_eq!(saying.result().unwrap().unwrap().samples().len(), 8_000);
}

#[test]
fn errors_before_within_and_instead_of_an_answer() {
    let error = |code: Value, param: Value, event: Value| json!({"type": "error", "error": {"type": "invalid_request_error", "code": code, "message": "…", "param": param, "event_id": event}});
    for (event, expected) in [
        (error(json!("invalid_api_key"), Value::Null, Value::Null), TtsError::Key),
        (error(json!("invalid_model"), Value::Null, Value::Null), TtsError::Model),
        (error(json!("invalid_value"), json!("session.audio.output.voice"), json!("phrase_session")), TtsError::Voice),
        (
            error(json!("unknown_parameter"), json!("session.x"), json!("phrase_session")),
            TtsError::Refused("unknown_parameter".into()),
        ),
        (error(Value::Null, Value::Null, json!("phrase_response")), TtsError::Refused("invalid_request".into())),
    ] {
        let mut saying = voice().begin(Timestamp::ZERO, &phrase());
        tell(&mut saying, &json!({"type": "session.created"}));
        tell(&mut saying, &event);
        assert_eq!(saying.result().map(Result::err), Some(Some(expected)), "{event}");
        assert!(saying.poll_sending() == Some(Sending::Close));
    }
    for (code, expected) in [
        ("rate_limit_exceeded", TtsError::Rate { retry_after: Some(std::time::Duration::from_millis(1_200)) }),
        ("insufficient_quota", TtsError::Quota),
        ("server_error", TtsError::Vendor { status: 0 }),
    ] {
        let (mut saying, _) = ready(&voice());
        tell(&mut saying, &json!({"type": "response.created", "response": {"id": "r"}}));
        let details = json!({"type": "failed", "error": {"code": code, "message": "Please try again in 1.2s."}});
        tell(
            &mut saying,
            &json!({"type": "response.done", "response": {"id": "r", "status": "failed", "status_details": details}}),
        );
        assert_eq!(saying.result().map(Result::err), Some(Some(expected)), "{code}");
    }
    let closed = |reason: &str| {
        let mut saying = voice().begin(Timestamp::ZERO, &phrase());
        saying.handle_socket(Timestamp::ZERO, WsEvent::Closed { code: Some(3000), reason });
        saying.result().and_then(Result::err)
    };
    assert_eq!(closed("invalid_request_error.invalid_api_key"), Some(TtsError::Key));
    assert_eq!(closed(""), None, "another connection is tried");
    let mut saying = voice().begin(Timestamp::ZERO, &phrase());
    saying.handle_socket(Timestamp::ZERO, WsEvent::Refused { status: 401, body: b"{}" });
    assert_eq!(saying.result().unwrap().unwrap_err(), TtsError::Key);
}
