use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::{
    tts::{Rendering, Sending, TtsError, fetch::Refusal},
    wire::{ExchangeEvent, HttpRequest},
};

const SCHEMA: &str = include_str!("../../lab/voices/schemas/text-to-speech-request.schema.json");
const QUERY: &str = include_str!("../../lab/voices/schemas/text-to-speech-query.schema.json");
const VOICES: &str = include_str!("../../lab/voices/schemas/voices-v2-response.schema.json");

fn access() -> Arc<Access> {
    Arc::new(Access::new(Access::BASE_URL, SecretString::from("xi-test")).unwrap())
}

fn request(voice: &Voice, language: &str) -> HttpRequest {
    let phrase = Phrase { text: "Goodbye.".into(), language: language.into() };
    match voice.begin(Timestamp::ZERO, &phrase).poll_sending() {
        Some(Sending::Http(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn valid(schema: &str, value: &Value) {
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{value}");
}

#[test]
fn the_request_is_the_vendors() {
    let full = Settings {
        stability: Some(0.5),
        similarity_boost: Some(0.75),
        style: Some(0.0),
        use_speaker_boost: Some(true),
        speed: Some(1.1),
    };
    for settings in [Settings::default(), full] {
        let voice = Voice { settings, ..Voice::new(access(), "21m00Tcm4TlvDq8ikWAM") };
        let request = request(&voice, "de-DE");
        let (path, query) = request.url.split_once('?').unwrap();
        assert_eq!(path, "https://api.elevenlabs.io/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream");
        let query = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into(), json!(value)));
        valid(QUERY, &Value::Object(query.collect()));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        valid(SCHEMA, &body);
        assert_eq!((&body["language_code"], &body["text"]), (&json!("de"), &json!("Goodbye.")));
        assert_eq!(body["voice_settings"].is_null(), settings == Settings::default());
    }
}

#[test]
fn a_language_goes_only_to_models_that_take_one() {
    let voice = Voice { model: "eleven_multilingual_v2".into(), ..Voice::new(access(), "v") };
    for (voice, language, sent) in [
        (&voice, "en-US", None),
        (&Voice::new(access(), "v"), "en-US", Some("en")),
        (&Voice::new(access(), "v"), "fil-PH", None),
    ] {
        let body: Value = serde_json::from_slice(&request(voice, language).body).unwrap();
        assert_eq!(body["language_code"].as_str(), sent, "{language}");
    }
}

#[test]
fn an_id_stays_in_its_segment() {
    for (id, path) in [("a b/c?d", "a%20b%2Fc%3Fd"), ("..", "%2E%2E"), ("é", "%C3%A9"), ("a-b_c.~", "a-b_c.~")] {
        let url = request(&Voice::new(access(), id), "en-US").url;
        assert_eq!(url, format!("https://api.elevenlabs.io/v1/text-to-speech/{path}/stream?output_format=ulaw_8000"));
    }
}

#[test]
fn every_shape_of_an_error_has_its_meaning() {
    let pause = Some(Duration::from_secs(2));
    for (status, body, error) in [
        (401, r#"{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}"#, TtsError::Key),
        (
            401,
            r#"{"detail":{"status":"quota_exceeded","message":"This request exceeds your quota."}}"#,
            TtsError::Quota,
        ),
        (401, r#"{"detail":{"status":"missing_permissions","message":"…"}}"#, TtsError::Permission),
        (401, r#"{"detail":{"status":"detected_unusual_activity","message":"…"}}"#, TtsError::Permission),
        (401, r#"{"detail":{"type":"authentication_error","code":"invalid_api_key","message":"…"}}"#, TtsError::Key),
        (401, r#"{"detail":"Unauthorized"}"#, TtsError::Key),
        (400, r#"{"detail":{"status":"voice_not_found","message":"…"}}"#, TtsError::Voice),
        (404, r#"{"detail":{"status":"voice_not_found","message":"…"}}"#, TtsError::Voice),
        (400, r#"{"detail":{"status":"max_character_limit_exceeded","message":"…"}}"#, TtsError::Length),
        (400, r#"{"detail":{"status":"model_not_found","message":"…"}}"#, TtsError::Model),
        (400, r#"{"detail":{"status":"strange_code","message":"…"}}"#, TtsError::Refused("strange_code".into())),
        (422, r#"{"detail":[{"loc":["body","model_id"],"msg":"…","type":"value_error"}]}"#, TtsError::Model),
        (422, r#"{"detail":[{"loc":["path","voice_id"],"msg":"…","type":"value_error"}]}"#, TtsError::Voice),
        (
            422,
            r#"{"detail":[{"loc":["body","text"],"msg":"field required","type":"x"}]}"#,
            TtsError::Refused("text".into()),
        ),
        (422, r#"{"detail":[]}"#, TtsError::Refused("HTTP 422".into())),
        (422, r#"{"detail":"Something about your text"}"#, TtsError::Refused("HTTP 422".into())),
        (
            429,
            r#"{"detail":{"status":"too_many_concurrent_requests","message":"…"}}"#,
            TtsError::Rate { retry_after: pause },
        ),
        (429, r#"{"detail":{"status":"system_busy","message":"…"}}"#, TtsError::Busy),
        (429, "", TtsError::Rate { retry_after: pause }),
        (500, "Internal Server Error", TtsError::Vendor { status: 500 }),
        (404, "<html></html>", TtsError::Vendor { status: 404 }),
        (403, r#"{"detail":{"status":"output_format_not_allowed"}}"#, TtsError::Permission),
    ] {
        let got = refusal::judge(Refusal { status, retry_after: pause, body: body.as_bytes() });
        assert_eq!(got.0, error, "{status} {body}");
    }
}

fn page(ids: &[&str], next: Option<&str>) -> ExchangeEvent {
    let voice = |id: &&str| {
        json!({
            "voice_id": id, "name": format!("Voice {id}"), "category": "premade", "labels": { "accent": "american" },
            "available_for_tiers": [], "high_quality_base_model_ids": [],
        })
    };
    let voices: Vec<_> = ids.iter().map(voice).collect();
    let page = json!({ "voices": voices, "has_more": next.is_some(), "total_count": 3, "next_page_token": next });
    ExchangeEvent::Answer { status: 200, body: page.to_string().into_bytes() }
}

#[test]
fn voices_come_page_by_page() {
    let mut listing = Listing::new(access());
    assert_eq!(listing.request().unwrap().url, "https://api.elevenlabs.io/v2/voices?page_size=100");
    listing.handle(&page(&["a", "b"], Some("x y"))).unwrap();
    assert_eq!(listing.request().unwrap().url, "https://api.elevenlabs.io/v2/voices?page_size=100&next_page_token=x+y");
    listing.handle(&page(&["c"], None)).unwrap();
    assert!(listing.request().is_none());
    let ids: Vec<_> = listing.voices().iter().map(|voice| voice.id.as_str()).collect();
    assert_eq!(
        (ids, &listing.voices()[0].labels),
        (vec!["a", "b", "c"], &vec!["premade".to_owned(), "american".to_owned()])
    );
    // The test's pages are the vendor's.
    if let ExchangeEvent::Answer { body, .. } = page(&["a"], Some("t")) {
        valid(VOICES, &serde_json::from_slice(&body).unwrap());
    }
}

#[test]
fn a_listing_ends_when_the_vendor_goes_round_or_fails() {
    let mut listing = Listing::new(access());
    listing.handle(&page(&["a"], Some("t"))).unwrap();
    listing.handle(&page(&["a"], Some("t"))).unwrap();
    assert!(listing.request().is_none());
    for (event, error) in [
        (ExchangeEvent::Answer { status: 401, body: b"{}".to_vec() }, TtsError::Key),
        (ExchangeEvent::Answer { status: 200, body: b"<html>".to_vec() }, TtsError::Vendor { status: 200 }),
        (ExchangeEvent::Failed(crate::wire::Failure::Connect), TtsError::Connect),
    ] {
        let mut listing = Listing::new(access());
        assert_eq!(listing.handle(&event), Err(error));
        assert!(listing.request().is_none());
    }
}
