//! What several files' tests need, and the tests by subject.

mod any_order;
mod asking;
mod hearing;
mod logs;
mod opening;
mod reopening;
mod settings;
mod speaking;
mod text;
mod vectors;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64_simd::STANDARD;
use jsonschema::Validator;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::{
    audio::Encoding,
    model::{Model, ModelCommand, ModelEvent, ModelRequest, ModelSending, Tool},
    time::Timestamp,
    wire::WsEvent,
};

fn settings() -> Settings {
    let access = Access::new(Access::BASE_URL, SecretString::from("sk-test"), Auth::Bearer).expect("an address");
    Settings { encoding: Encoding::Mulaw, tools: vec![Tool::hangup_call(true)], ..Settings::new(Arc::new(access)) }
}

/// The other side of a session: plays the server and the call, and holds all that is sent against the schema.
struct Peer {
    model: OpenAi,
    now: Timestamp,
    /// Messages sent since the last look.
    sent: Vec<Value>,
    opened: u32,
    closed: u32,
    told: Vec<String>,
    /// Bytes of audio that were told.
    audio: Vec<u8>,
}

impl Peer {
    fn new(settings: Settings) -> Self {
        let model = OpenAi::new(Arc::new(settings));
        let (sent, told, audio) = (Vec::new(), Vec::new(), Vec::new());
        Self { model, now: Timestamp::ZERO, sent, opened: 0, closed: 0, told, audio }
    }

    /// Open, configured and asked for.
    fn ready(settings: Settings) -> Self {
        let mut peer = Self::new(settings);
        peer.ask(ModelRequest::Connect);
        peer.configure();
        assert_eq!(peer.take_told(), ["ready"]);
        peer.sent.clear();
        peer
    }

    /// The server accepts whatever comes.
    fn configure(&mut self) {
        self.socket(WsEvent::Open);
        self.server(json!({"type": "session.created", "event_id": "e", "session": {}}));
        self.server(json!({"type": "session.updated", "event_id": "e", "session": {}}));
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.drain();
    }

    fn ask(&mut self, request: ModelRequest) {
        self.model.handle_command(self.now, &ModelCommand::Request(request));
        self.drain();
    }

    fn append(&mut self, audio: &[u8]) {
        self.model.handle_command(self.now, &ModelCommand::Append(audio));
        self.drain();
    }

    fn server(&mut self, event: Value) {
        self.socket(WsEvent::Text(&event.to_string()));
    }

    fn socket(&mut self, event: WsEvent<'_>) {
        self.model.handle_socket(self.now, event);
        self.drain();
    }

    fn response_created(&mut self, id: &str) {
        self.server(
            json!({"type": "response.created", "event_id": "e", "response": {"id": id, "status": "in_progress"}}),
        );
    }

    fn audio_delta(&mut self, response: &str, item: &str, audio: &[u8]) {
        self.server(json!({
            "type": "response.output_audio.delta", "event_id": "e", "response_id": response, "item_id": item,
            "output_index": 0, "content_index": 0, "delta": STANDARD.encode_to_string(audio),
        }));
    }

    fn message_done(&mut self, response: &str, item: &str, transcript: &str) {
        self.server(json!({
            "type": "response.output_item.done", "event_id": "e", "response_id": response, "output_index": 0,
            "item": {"id": item, "type": "message", "status": "completed", "role": "assistant",
                     "content": [{"type": "output_audio", "transcript": transcript}]},
        }));
    }

    fn tool_called(&mut self, response: &str, call: &str, name: &str, arguments: &str) {
        self.server(json!({
            "type": "response.output_item.done", "event_id": "e", "response_id": response, "output_index": 0,
            "item": {"id": format!("item_{call}"), "type": "function_call", "status": "completed", "name": name,
                     "call_id": call, "arguments": arguments},
        }));
    }

    fn response_done(&mut self, id: &str, status: &str) {
        self.server(json!({
            "type": "response.done", "event_id": "e", "response": {"id": id, "status": status, "output": []},
        }));
    }

    fn error(&mut self, code: &str, event_id: Option<&str>) {
        self.server(json!({
            "type": "error", "event_id": "e",
            "error": {"type": "invalid_request_error", "code": code, "message": "…", "param": null, "event_id": event_id},
        }));
    }

    /// A whole answer of one item with this much audio.
    fn says(&mut self, response: &str, item: &str, ms: usize, transcript: &str) {
        self.response_created(response);
        self.audio_delta(response, item, &vec![0x55; ms * 8]);
        self.message_done(response, item, transcript);
        self.response_done(response, "completed");
    }

    /// A turn of the caller's, with its words.
    fn caller_says(&mut self, item: &str, words: &str) {
        self.server(json!({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": item}));
        self.server(json!({
            "type": "conversation.item.input_audio_transcription.completed", "event_id": "e", "item_id": item,
            "content_index": 0, "transcript": words,
        }));
    }

    fn drain(&mut self) {
        while let Some(event) = self.model.poll_event(self.now) {
            let line = line(&event);
            if let ModelEvent::Audio { payload, .. } = event {
                self.audio.extend(payload);
            }
            // A run of audio of one item is one line.
            if !(line.starts_with("audio") && self.told.last() == Some(&line)) {
                self.told.push(line);
            }
        }
        while let Some(sending) = self.model.poll_sending() {
            match sending {
                ModelSending::Open(_) => self.opened += 1,
                ModelSending::Close => self.closed += 1,
                ModelSending::Text(text) => self.sent.push(checked(text)),
            }
        }
        assert!(self.model.poll_timeout() > self.now, "something is due, and is not told");
    }

    fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// What was sent since the last look, without the ids of events.
    fn take_sent(&mut self) -> Vec<Value> {
        let mut sent = std::mem::take(&mut self.sent);
        for message in &mut sent {
            message.as_object_mut().expect("an object").remove("event_id");
        }
        sent
    }

    /// The id of the last event sent.
    fn last_event_id(&self) -> String {
        self.sent.last().expect("something was sent")["event_id"].as_str().expect("it has an id").to_owned()
    }
}

/// What we write, once it is held against the schema of its type.
fn checked(text: &str) -> Value {
    let message: Value = serde_json::from_str(text).expect("we write JSON");
    let kind = message["type"].as_str().expect("every event has a type");
    let validator = schemas().get(kind).unwrap_or_else(|| panic!("{kind} is no client event"));
    if let Err(error) = validator.validate(&message) {
        panic!("{kind} at {}: {error}", error.instance_path());
    }
    message
}

/// A validator for each client event that a gateway may send over a WebSocket.
fn schemas() -> &'static HashMap<String, Validator> {
    static SCHEMAS: OnceLock<HashMap<String, Validator>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let text = include_str!("../../../lab/openai/schemas/realtime-client-events.schema.json");
        let schema: Value = serde_json::from_str(text).expect("a schema is JSON");
        let events = [
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "conversation.item.create",
            "conversation.item.truncate",
            "response.create",
            "response.cancel",
        ];
        let one = |event: &str| {
            let schema = json!({
                "$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": format!("#/$defs/{event}"),
            });
            (event.to_owned(), jsonschema::validator_for(&schema).expect("a schema"))
        };
        events.into_iter().map(one).collect()
    })
}

/// An event in a line.
fn line(event: &ModelEvent<'_>) -> String {
    match event {
        ModelEvent::Ready => "ready".into(),
        ModelEvent::Lost => "lost".into(),
        ModelEvent::SpeechStarted { at_ms } => format!("speech {at_ms}"),
        ModelEvent::Committed => "committed".into(),
        ModelEvent::InputPartial { start_ms } => format!("partial {start_ms:?}"),
        ModelEvent::InputTranscript { span, text } => {
            let span = span.map(|span| (span.start_ms, span.end_ms));
            format!("caller {span:?} {text}")
        }
        ModelEvent::InputTranscriptFailed { span } => {
            format!("no transcript {:?}", span.map(|span| (span.start_ms, span.end_ms)))
        }
        ModelEvent::ResponseCreated { response } => format!("created {}", response.0),
        ModelEvent::Audio { response, item, .. } => format!("audio {}.{}", response.0, item.0),
        ModelEvent::ItemDone { response, item, transcript } => {
            format!("said {}.{} {transcript}", response.0, item.0)
        }
        ModelEvent::ToolCall { response, call, name, arguments, completed } => {
            let cut_off = if *completed { "" } else { " cut off" };
            format!("tool {}.{} {name} {arguments}{cut_off}", response.0, call.0)
        }
        ModelEvent::ResponseDone { response, status } => format!("done {} {status:?}", response.0),
    }
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().expect("a type")).collect()
}
