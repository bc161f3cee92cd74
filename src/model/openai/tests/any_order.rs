//! Whatever it is asked and told, in whatever order: it keeps to what a session may expect of a model, sends only what
//! the vendor takes, and never asks for a response while one is active.

use proptest::prelude::*;

use super::*;
use crate::{
    carrier::Digit,
    model::{ItemId, Note, ResponseId, ToolAnswer, ToolCallId},
    wire::Failure,
};

#[derive(Clone, Debug)]
enum Step {
    Ask(ModelRequest),
    Append(usize),
    Server(Value),
    Text(String),
    Socket(u8),
    Wait(u64),
}

fn request() -> impl Strategy<Value = ModelRequest> {
    prop_oneof![
        2 => Just(ModelRequest::Connect),
        1 => Just(ModelRequest::Greet),
        6 => Just(ModelRequest::CreateResponse),
        1 => Just(ModelRequest::Commit),
        3 => (0u32..6).prop_map(|id| ModelRequest::Cancel(ResponseId(id))),
        3 => (0u32..6, 0u64..500).prop_map(|(id, heard_ms)| ModelRequest::Truncate { item: ItemId(id), heard_ms }),
        2 => (0u32..4, any::<bool>())
            .prop_map(|(id, ok)| ModelRequest::ToolOutput { call: ToolCallId(id), answer: ToolAnswer::Result { ok } }),
        1 => Just(ModelRequest::Note(Note::Digit(Digit::new('#').expect("a key")))),
        1 => Just(ModelRequest::Close),
    ]
}

/// Events of a server, in no order at all.
fn server() -> impl Strategy<Value = Value> {
    let id = |prefix: &'static str| (0u8..6).prop_map(move |n| format!("{prefix}_{n}"));
    let (response, item, call) = (|| id("resp"), || id("item"), || id("call"));
    let status = || proptest::sample::select(vec!["completed", "cancelled", "incomplete", "failed", "odd"]);
    let turn = proptest::sample::select(vec!["speech_started", "speech_stopped", "committed"]);
    prop_oneof![
        3 => Just(json!({"type": "session.created", "session": {}})),
        3 => Just(json!({"type": "session.updated", "session": {}})),
        6 => response().prop_map(|id| json!({"type": "response.created", "response": {"id": id}})),
        8 => (response(), item(), ".{0,8}").prop_map(|(response, item, audio)| json!({
            "type": "response.output_audio.delta", "response_id": response, "item_id": item, "content_index": 1,
            "delta": STANDARD.encode_to_string(audio),
        })),
        2 => (item(), ".{0,8}").prop_map(|(item, text)| json!({
            "type": "response.output_audio_transcript.delta", "item_id": item, "delta": text,
        })),
        3 => (response(), item(), status()).prop_map(|(response, item, status)| json!({
            "type": "response.output_item.done", "response_id": response,
            "item": {"id": item, "type": "message", "status": status, "content": [{"transcript": "Yes."}]},
        })),
        3 => (response(), call(), status()).prop_map(|(response, call, status)| json!({
            "type": "response.output_item.done", "response_id": response,
            "item": {"type": "function_call", "status": status, "call_id": call, "name": "x", "arguments": "{"},
        })),
        6 => (response(), status(), call()).prop_map(|(response, status, call)| json!({
            "type": "response.done", "response": {"id": response, "status": status,
            "output": [{"type": "function_call", "call_id": call}, {"type": "message", "id": "item_9"}]},
        })),
        3 => (turn, item(), 0u64..9000).prop_map(|(kind, item, at)| json!({
            "type": format!("input_audio_buffer.{kind}"), "item_id": item, "audio_start_ms": at, "audio_end_ms": at,
        })),
        3 => (proptest::sample::select(vec!["delta", "completed", "failed"]), item(), ".{0,8}")
            .prop_map(|(kind, item, text)| json!({
                "type": format!("conversation.item.input_audio_transcription.{kind}"), "item_id": item,
                "delta": text, "transcript": text,
            })),
        3 => (proptest::sample::select(vec![
            "conversation_already_has_active_response", "response_cancel_not_active", "invalid_value",
            "session_expired", "",
        ]), proptest::option::of(1u8..9)).prop_map(|(code, id)| json!({
            "type": "error", "error": {"code": code, "event_id": id.map(|id| format!("ql_{id}"))},
        })),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => request().prop_map(Step::Ask),
        2 => (0usize..2_000).prop_map(Step::Append),
        14 => server().prop_map(Step::Server),
        1 => ".{0,40}".prop_map(Step::Text),
        1 => (0u8..5).prop_map(Step::Socket),
        2 => (0u64..5_000).prop_map(Step::Wait),
    ]
}

/// Holds what is told and sent against the contract.
#[derive(Default)]
struct Watch {
    ready: bool,
    active: Option<u32>,
    next: u32,
    seen: (usize, usize),
    /// The server was asked for a response that has neither begun nor been refused.
    asked: bool,
}

impl Watch {
    fn look(&mut self, peer: &Peer) {
        for line in &peer.told[self.seen.0..] {
            self.see(line);
        }
        for message in &peer.sent[self.seen.1..] {
            match message["type"].as_str() {
                Some("session.update") => assert!(!self.ready),
                Some("response.create") => {
                    assert!(self.ready && !self.asked && self.active.is_none(), "asked into {:?}", self.active);
                    self.asked = true;
                }
                Some("input_audio_buffer.append" | "input_audio_buffer.commit" | "response.cancel") => {
                    assert!(self.ready);
                }
                _ => {}
            }
        }
        self.seen = (peer.told.len(), peer.sent.len());
    }

    fn see(&mut self, line: &str) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.split([' ', '.']).next().and_then(|n| n.parse::<u32>().ok());
        match what {
            "ready" => (self.ready, self.active, self.asked) = (true, None, false),
            "lost" => self.ready = false,
            "created" => {
                assert!(self.ready && self.active.is_none() && number() >= Some(self.next));
                self.active = number();
                self.next = number().expect("a number") + 1;
                self.asked = false;
            }
            "audio" | "said" | "tool" => assert_eq!(self.active, number(), "{line}"),
            "done" => assert_eq!(self.active.take(), number(), "{line}"),
            _ => assert!(self.ready, "{line}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_keeps_to_the_contract(ahead: bool, wide: bool, steps in prop::collection::vec(step(), 1..80)) {
        let encoding = if wide { Encoding::Pcm24k } else { Encoding::Mulaw };
        let mut peer = Peer::new(Settings { encoding, ..settings() });
        if ahead {
            peer.model.open_ahead();
        }
        let mut watch = Watch::default();
        for step in steps {
            let silenced = matches!(step, Step::Ask(ModelRequest::Connect | ModelRequest::Close));
            match step {
                Step::Ask(request) => {
                    if silenced {
                        // Nothing more is told of what was under way.
                        (watch.ready, watch.active, watch.asked) = (false, None, false);
                    }
                    peer.ask(request);
                }
                Step::Append(length) => peer.append(&vec![0x55; length]),
                Step::Server(event) => {
                    if event["type"] == "error" {
                        // It may be the refusal of what was asked for.
                        watch.asked = false;
                    }
                    peer.server(event);
                }
                Step::Text(text) => peer.socket(WsEvent::Text(&text)),
                Step::Socket(0) => peer.socket(WsEvent::Open),
                Step::Socket(1) => peer.socket(WsEvent::Binary(3)),
                Step::Socket(2) => peer.socket(WsEvent::Closed { code: None, reason: "" }),
                Step::Socket(3) => peer.socket(WsEvent::Refused { status: 500, body: b"" }),
                Step::Socket(_) => peer.socket(WsEvent::Failed(Failure::Broken)),
                Step::Wait(ms) => peer.wait(ms),
            }
            watch.look(&peer);
        }
    }
}
