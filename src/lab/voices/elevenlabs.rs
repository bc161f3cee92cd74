//! `POST /v1/text-to-speech/{voice_id}`, with `/stream` or without, and the lists.

use std::future;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{
    body::{self, Form},
    check,
    desk::{Desk, MOST_AT_A_TIME, SpeechRequest},
    fault::SpeechFault,
};
use crate::audio::SampleRate;

/// Voices: id and name.
pub(super) const VOICES: [(&str, &str); 3] =
    [("21m00Tcm4TlvDq8ikWAM", "Rachel"), ("EXAVITQu4vr4xnSDxMaL", "Sarah"), ("JBFqnCBsd6RMkjVDRZzb", "George")];
/// Models, and how many characters they take.
const MODELS: [(&str, usize); 4] = [
    ("eleven_flash_v2_5", 40_000),
    ("eleven_turbo_v2_5", 40_000),
    ("eleven_multilingual_v2", 10_000),
    ("eleven_v3", 5_000),
];
const DEFAULT_MODEL: &str = "eleven_multilingual_v2";
const DEFAULT_FORMAT: &str = "mp3_44100_128";
/// Voices of a page if nothing is said.
const PAGE: usize = 10;

/// An error in the vendor's shape.
struct Refusal(u16, Value);

impl Refusal {
    fn new(status: u16, name: &str, message: impl Into<String>) -> Self {
        Self(status, json!({"detail": {"status": name, "message": message.into()}}))
    }

    /// What a body or query is refused with that the schema does not allow.
    fn unprocessable(place: &str, pointer: &str, why: &str) -> Self {
        let mut loc = vec![json!(place)];
        loc.extend(pointer.split('/').filter(|part| !part.is_empty()).map(|part| json!(part)));
        Self(422, json!({"detail": [{"loc": loc, "msg": why, "type": "value_error"}]}))
    }

    fn key() -> Self {
        Self::new(401, "invalid_api_key", "Invalid API key")
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::key(),
            403 => {
                Self::new(403, "missing_permissions", "The API key you used is missing the permission text_to_speech")
            }
            404 => Self::new(404, "voice_not_found", "A voice for the voice_id was not found."),
            422 => Self::unprocessable("body", "/text", "field required"),
            429 => Self::new(429, "system_busy", "The system is experiencing heavy traffic, please try again later."),
            400..=499 => Self::new(status, "bad_request", "The request is wrong."),
            _ => Self::new(status, "internal_server_error", "Something went wrong."),
        }
    }

    fn too_many() -> Self {
        let message = "Too many concurrent requests. Your current subscription is associated with a maximum of 10 \
                       concurrent requests.";
        Self::new(429, "too_many_concurrent_requests", message)
    }

    fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), request_id()];
        (status, headers, self.1.to_string()).into_response()
    }
}

fn known(desk: &Desk, headers: &HeaderMap) -> bool {
    let key = headers.get("xi-api-key").and_then(|value| value.to_str().ok());
    key.is_some_and(|key| desk.knows(key))
}

/// A request to speak; `streamed`: the path ends in `/stream`.
pub(super) async fn speak(
    desk: Desk,
    voice: String,
    query: Option<String>,
    headers: HeaderMap,
    bytes: Bytes,
    streamed: bool,
) -> Response {
    if !known(&desk, &headers) {
        return Refusal::key().response();
    }
    let (request, form) = match read(&desk, &voice, query.as_deref().unwrap_or_default(), &bytes, streamed) {
        Ok(read) => read,
        Err(refusal) => return refusal.response(),
    };
    let fault = desk.take_fault();
    let (place, taken) = desk.place();
    let refusal = match fault {
        Some(SpeechFault::Status(status)) => Some(Refusal::of_status(status)),
        Some(SpeechFault::Quota) => {
            let message = "This request exceeds your quota of 10000. You have 0 credits remaining.";
            Some(Refusal::new(401, "quota_exceeded", message))
        }
        Some(SpeechFault::TooMany) => Some(Refusal::too_many()),
        Some(SpeechFault::Busy) => Some(Refusal::of_status(429)),
        _ if taken > MOST_AT_A_TIME => Some(Refusal::too_many()),
        Some(_) | None => None,
    };
    let silent = fault == Some(SpeechFault::NoAnswer);
    let status = if silent { None } else { Some(refusal.as_ref().map_or(200, |refusal| refusal.0)) };
    desk.asked(SpeechRequest { status, voice, ..request.clone() });
    if silent {
        return future::pending().await;
    }
    if let Some(refusal) = refusal {
        return refusal.response();
    }
    let body = match fault {
        Some(SpeechFault::Empty) => Body::empty(),
        Some(SpeechFault::ErrorBody) => Body::from(Refusal::of_status(500).1.to_string()),
        Some(_) | None => body::body(body::bytes(&request.text, form, fault), form, fault, place),
    };
    let number = |name: &'static str, value: usize| (HeaderName::from_static(name), HeaderValue::from(value));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(form.content_type())),
        request_id(),
        number("character-cost", request.text.chars().count()),
        number("current-concurrent-requests", taken),
        number("maximum-concurrent-requests", MOST_AT_A_TIME),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// A request that can be spoken.
fn read(desk: &Desk, voice: &str, query: &str, bytes: &[u8], streamed: bool) -> Result<(SpeechRequest, Form), Refusal> {
    let wrong = |what: String| desk.violation(format!("POST /v1/text-to-speech: {what}"));
    let pairs = form_urlencoded::parse(query.as_bytes());
    let query: Map<String, Value> = pairs.map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let query = Value::Object(query);
    if let Some((at, why)) = check::complaint(&check::QUERY, &query) {
        wrong(format!("query at `{at}`: {why}"));
        return Err(Refusal::unprocessable("query", &at, &why));
    }
    let body: Value = serde_json::from_slice(bytes).map_err(|error| {
        wrong(format!("not JSON: {error}"));
        Refusal::unprocessable("body", "", "JSON decode error")
    })?;
    if let Some((at, why)) = check::complaint(&check::TEXT_TO_SPEECH, &body) {
        wrong(format!("body at `{at}`: {why}"));
        return Err(Refusal::unprocessable("body", &at, &why));
    }
    if !VOICES.iter().any(|(id, _)| *id == voice) {
        let message = format!("A voice with the voice_id {voice} was not found.");
        return Err(Refusal::new(404, "voice_not_found", message));
    }
    let model = body["model_id"].as_str().unwrap_or(DEFAULT_MODEL);
    let Some((_, most)) = MODELS.iter().find(|(id, _)| *id == model) else {
        let message = format!("A model with model ID {model} does not exist.");
        return Err(Refusal::new(400, "model_not_found", message));
    };
    let text = body["text"].as_str().unwrap_or_default();
    let characters = text.chars().count();
    if characters == 0 {
        return Err(Refusal::new(400, "input_text_empty", "The text must not be empty."));
    }
    if characters > *most {
        let message = format!("A maximum of {most} characters per request is supported; this one has {characters}.");
        return Err(Refusal::new(400, "max_character_limit_exceeded", message));
    }
    let format = query["output_format"].as_str().unwrap_or(DEFAULT_FORMAT);
    let form = form(format, streamed).ok_or_else(|| {
        let message = format!("This stand-in makes no {format} here: ask for ulaw_8000, alaw_8000 or pcm_…");
        Refusal::new(400, "unsupported_output_format", message)
    })?;
    let request = SpeechRequest {
        text: text.to_owned(),
        voice: String::new(),
        model: model.to_owned(),
        format: format.to_owned(),
        status: None,
    };
    Ok((request, form))
}

fn form(format: &str, streamed: bool) -> Option<Form> {
    let (codec, rate) = format.split_once('_')?;
    let rate = SampleRate::new(rate.parse().ok()?)?;
    match codec {
        "ulaw" => Some(Form::Mulaw),
        "alaw" => Some(Form::Alaw),
        "pcm" => Some(Form::Pcm(rate)),
        "wav" if !streamed => Some(Form::Wav(rate)),
        _ => None,
    }
}

/// `GET /v1/models`
pub(super) fn models(desk: &Desk, headers: &HeaderMap) -> Response {
    let model = |(id, most): &(&str, usize)| {
        json!({"model_id": id, "name": id, "can_do_text_to_speech": true, "can_do_voice_conversion": false,
               "can_use_style": false, "can_use_speaker_boost": false, "maximum_text_length_per_request": most,
               "languages": [{"language_id": "en", "name": "English"}]})
    };
    listed(desk, headers, &Value::Array(MODELS.iter().map(model).collect()))
}

/// `GET /v1/voices`
pub(super) fn voices(desk: &Desk, headers: &HeaderMap) -> Response {
    let voices = json!({"voices": VOICES.map(|(id, name)| voice(id, name))});
    if let Some((at, why)) = check::complaint(&check::VOICES_V1, &voices) {
        desk.violation(format!("a mistake of the lab's: voices at `{at}`: {why}"));
    }
    listed(desk, headers, &voices)
}

/// `GET /v2/voices`, page by page; a page's token is the number of voices before it.
pub(super) fn voices_paged(desk: &Desk, headers: &HeaderMap, query: &str) -> Response {
    let (mut size, mut search, mut from) = (PAGE, String::new(), 0);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "page_size" => size = value.parse().unwrap_or(0),
            "search" => search = value.to_lowercase(),
            "next_page_token" => from = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    if !(1..=100).contains(&size) {
        return Refusal::unprocessable("query", "/page_size", "must be between 1 and 100").response();
    }
    let found: Vec<_> = VOICES.into_iter().filter(|(_, name)| name.to_lowercase().contains(&search)).collect();
    let page: Vec<_> = found.iter().skip(from).take(size).map(|(id, name)| voice(id, name)).collect();
    let next = from + page.len();
    let more = next < found.len();
    let token = more.then(|| next.to_string());
    let voices = json!({"voices": page, "has_more": more, "total_count": found.len(), "next_page_token": token});
    if let Some((at, why)) = check::complaint(&check::VOICES_V2, &voices) {
        desk.violation(format!("a mistake of the lab's: voices at `{at}`: {why}"));
    }
    listed(desk, headers, &voices)
}

fn voice(id: &str, name: &str) -> Value {
    json!({"voice_id": id, "name": name, "category": "premade", "labels": {"language": "en"},
           "available_for_tiers": [], "high_quality_base_model_ids": [DEFAULT_MODEL], "description": null,
           "preview_url": null, "settings": null})
}

fn listed(desk: &Desk, headers: &HeaderMap, list: &Value) -> Response {
    if !known(desk, headers) {
        return Refusal::key().response();
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (StatusCode::OK, [kind, request_id()], list.to_string()).into_response()
}

fn request_id() -> (HeaderName, HeaderValue) {
    let id = format!("{:020x}", fastrand::u128(..) >> 48);
    (HeaderName::from_static("request-id"), HeaderValue::from_str(&id).expect("hexadecimal digits are a header"))
}
