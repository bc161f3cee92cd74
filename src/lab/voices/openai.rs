//! `POST /v1/audio/speech`

use std::future;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::{
    body::{self, Form},
    check,
    desk::{Desk, SpeechRequest},
    fault::SpeechFault,
};
use crate::audio::SampleRate;

const MODELS: [&str; 5] =
    ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15"];
const VOICES: [&str; 9] = ["alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer"];
/// Not with `tts-1` and its kind.
const NEW_VOICES: [&str; 4] = ["ballad", "verse", "marin", "cedar"];
const LONGEST: usize = 4096;

/// An error in the vendor's shape.
struct Refusal {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn invalid(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status: 400, kind: "invalid_request_error", code: None, param, message: message.into() }
    }

    fn of_status(status: u16) -> Self {
        let (kind, code, message) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided: sk-lab***."),
            403 => ("invalid_request_error", Some("unsupported_country_region_territory"), "Country not supported"),
            404 => ("invalid_request_error", Some("model_not_found"), "The model does not exist."),
            429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached. Please try again in 1s."),
            400..=499 => ("invalid_request_error", None, "The request is wrong."),
            _ => ("server_error", Some("server_error"), "The server had an error while processing your request."),
        };
        Self { status, kind, code, param: None, message: message.to_owned() }
    }

    fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

pub(super) async fn handle(desk: Desk, headers: HeaderMap, bytes: Bytes) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let known = shown.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|key| desk.knows(key));
    if !known {
        return refused(&desk, &Refusal::of_status(401));
    }
    let request = match read(&desk, &bytes) {
        Ok(request) => request,
        Err(refusal) => return refused(&desk, &refusal),
    };
    let fault = desk.take_fault();
    let status = match fault {
        Some(SpeechFault::NoAnswer) => None,
        Some(SpeechFault::Status(status)) => Some(status),
        Some(SpeechFault::Quota | SpeechFault::TooMany) => Some(429),
        Some(SpeechFault::Busy) => Some(503),
        Some(_) | None => Some(200),
    };
    let text = request["input"].as_str().unwrap_or_default().to_owned();
    let format = request["response_format"].as_str().unwrap_or("mp3").to_owned();
    let word = |value: &Value| value.as_str().map_or_else(|| value["id"].to_string(), str::to_owned);
    let (voice, model) = (word(&request["voice"]), word(&request["model"]));
    desk.asked(SpeechRequest { text: text.clone(), voice, model, format: format.clone(), status });
    match (status, fault) {
        (None, _) => future::pending().await,
        (_, Some(SpeechFault::Quota)) => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            let quota =
                Refusal { kind: "insufficient_quota", code: Some("insufficient_quota"), ..Refusal::of_status(429) };
            refused(&desk, &Refusal { message: message.to_owned(), ..quota })
        }
        (Some(200), _) => {
            let form = if format == "wav" { Form::Wav(SampleRate::WIDE) } else { Form::Pcm(SampleRate::WIDE) };
            spoken(&desk, &text, form, fault, request["stream_format"] == "sse")
        }
        (Some(status), _) => refused(&desk, &Refusal::of_status(status)),
    }
}

/// A body that can be spoken.
fn read(desk: &Desk, bytes: &[u8]) -> Result<Value, Refusal> {
    let wrong = |what: String| desk.violation(format!("POST /v1/audio/speech: {what}"));
    let request: Value = serde_json::from_slice(bytes).map_err(|error| {
        wrong(format!("not JSON: {error}"));
        Refusal::invalid(None, "We could not parse the JSON body of your request.")
    })?;
    if let Some((at, why)) = check::complaint(&check::CREATE_SPEECH, &request) {
        wrong(format!("at `{at}`: {why}"));
        let message = format!("Invalid request body at '{at}': {why}");
        return Err(Refusal::invalid(None, message));
    }
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let model = text("model");
    if !MODELS.contains(&model) {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Refusal { message, ..Refusal::of_status(404) });
    }
    let old = model.starts_with("tts-1");
    let voice = text("voice");
    let id = request["voice"]["id"].as_str();
    if id.is_none() && !VOICES.contains(&voice) && (old || !NEW_VOICES.contains(&voice)) {
        let message = format!("Invalid value: '{voice}'. It is no voice of {model}.");
        return Err(Refusal { code: Some("invalid_value"), ..Refusal::invalid(Some("voice"), message) });
    }
    if old && !text("instructions").is_empty() {
        return Err(Refusal::invalid(Some("instructions"), format!("Instructions are not supported with {model}.")));
    }
    if old && text("stream_format") == "sse" {
        return Err(Refusal::invalid(Some("stream_format"), format!("'sse' is not supported with {model}.")));
    }
    if text("input").is_empty() || text("input").chars().count() > LONGEST {
        let message = "Invalid 'input': expected a string of 1 to 4096 characters.";
        return Err(Refusal::invalid(Some("input"), message));
    }
    let format = request["response_format"].as_str().unwrap_or("mp3");
    if !["pcm", "wav"].contains(&format) {
        let message = format!("This stand-in makes no {format}: ask for pcm or wav.");
        return Err(Refusal { code: Some("unsupported_format"), ..Refusal::invalid(Some("response_format"), message) });
    }
    Ok(request)
}

fn spoken(desk: &Desk, text: &str, form: Form, fault: Option<SpeechFault>, sse: bool) -> Response {
    let (place, _) = desk.place();
    let (kind, body) = match fault {
        Some(SpeechFault::Empty) => (form.content_type(), Body::empty()),
        Some(SpeechFault::ErrorBody) => ("application/json", Body::from(Refusal::of_status(500).body().to_string())),
        _ if sse => ("text/event-stream", Body::from(events(desk, &body::bytes(text, form, fault)))),
        _ => (form.content_type(), body::body(body::bytes(text, form, fault), form, fault, place)),
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), request_id()];
    (StatusCode::OK, headers, body).into_response()
}

fn events(desk: &Desk, bytes: &[u8]) -> String {
    let deltas = bytes
        .chunks(9_600)
        .map(|chunk| json!({"type": "speech.audio.delta", "audio": STANDARD.encode_to_string(chunk)}));
    let usage = json!({"input_tokens": 14, "output_tokens": 101, "total_tokens": 115});
    let events = deltas.chain([json!({"type": "speech.audio.done", "usage": usage})]);
    let mut text = String::new();
    for event in events {
        if let Some((at, why)) = check::complaint(&check::SPEECH_EVENTS, &event) {
            desk.violation(format!("a mistake of the lab's: an event at `{at}`: {why}"));
        }
        text.push_str(&format!("data: {event}\n\n"));
    }
    text
}

fn request_id() -> (HeaderName, HeaderValue) {
    let id = format!("req_{:032x}", fastrand::u128(..));
    (HeaderName::from_static("x-request-id"), HeaderValue::from_str(&id).expect("hexadecimal digits are a header"))
}

fn refused(desk: &Desk, refusal: &Refusal) -> Response {
    let body = refusal.body();
    if let Some((at, why)) = check::complaint(&check::OPENAI_ERROR, &body) {
        desk.violation(format!("a mistake of the lab's: an error at `{at}`: {why}"));
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut response = (status, [kind, request_id()], body.to_string()).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let limits =
            [("retry-after", "1"), ("x-ratelimit-limit-requests", "500"), ("x-ratelimit-remaining-requests", "0")];
        for (name, value) in limits {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
