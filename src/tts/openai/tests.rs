use secrecy::SecretString;

use super::*;
use crate::{
    model::openai::Auth,
    tts::{Rendering, Sending, TtsError, fetch::Refusal},
    wire::HttpRequest,
};

const SCHEMA: &str = include_str!("../../lab/openai/schemas/create-speech.schema.json");

fn sample() -> Voice {
    let access = Access::new(Access::BASE_URL, SecretString::from("sk-test"), Auth::Bearer).unwrap();
    Voice::new(Arc::new(access))
}

fn request(voice: &Voice) -> HttpRequest {
    let phrase = Phrase { text: "Goodbye.".into(), language: "en-US".into() };
    match voice.begin(Timestamp::ZERO, &phrase).poll_sending() {
        Some(Sending::Http(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_is_the_vendors() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full =
        Voice { voice: "voice_123".into(), instructions: Some("Warm and calm.".into()), speed: Some(1.25), ..sample() };
    for voice in [sample(), full] {
        let request = request(&voice);
        assert_eq!(request.url, "https://api.openai.com/v1/audio/speech");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((&body["response_format"], &body["input"]), (&json!("pcm"), &json!("Goodbye.")));
    }
}

#[test]
fn every_shape_of_an_error_has_its_meaning() {
    let pause = Some(std::time::Duration::from_secs(7));
    for (status, body, error) in [
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-t***st.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            TtsError::Key,
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":null}}"#,
            TtsError::Key,
        ),
        (401, r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key"}}"#, TtsError::Key),
        (
            401,
            r#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.model.audio.request","type":"invalid_request_error","code":null}}"#,
            TtsError::Permission,
        ),
        (
            403,
            r#"{"error":{"message":"Country not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}"#,
            TtsError::Permission,
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            TtsError::Model,
        ),
        (
            400,
            r#"{"error":{"message":"invalid model ID","type":"invalid_request_error","param":"model","code":null}}"#,
            TtsError::Model,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid value: 'x'. Supported values are: 'alloy'","type":"invalid_request_error","param":"voice","code":"invalid_value"}}"#,
            TtsError::Voice,
        ),
        (
            400,
            r#"{"error":{"message":"String should have at most 4096 characters","type":"invalid_request_error","param":"input","code":"string_above_max_length"}}"#,
            TtsError::Length,
        ),
        (
            400,
            r#"{"error":{"message":"no","type":"invalid_request_error","param":"speed","code":"decimal_above_max_value"}}"#,
            TtsError::Refused("decimal_above_max_value".into()),
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            TtsError::Quota,
        ),
        (
            429,
            r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            TtsError::Rate { retry_after: pause },
        ),
        (429, "slow down", TtsError::Rate { retry_after: pause }),
        (
            503,
            r#"{"error":{"message":"The engine is currently overloaded","type":"server_error","param":null,"code":null}}"#,
            TtsError::Busy,
        ),
        (
            500,
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            TtsError::Vendor { status: 500 },
        ),
        (502, "<html>Bad gateway</html>", TtsError::Vendor { status: 502 }),
        (404, "404 page not found", TtsError::Vendor { status: 404 }),
        (400, r#"{"error":"unsupported"}"#, TtsError::Refused("HTTP 400".into())),
        (422, r#"{"detail":[{"loc":["body"],"msg":"x"}]}"#, TtsError::Refused("HTTP 422".into())),
        (302, "", TtsError::Vendor { status: 302 }),
    ] {
        let got = judge(Refusal { status, retry_after: pause, body: body.as_bytes() });
        assert_eq!(got.0, error, "{status} {body}");
    }
}
