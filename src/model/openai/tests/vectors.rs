//! Whole sessions, as they were captured: what they come to, and in which order.

use std::fs;
use std::path::Path;

use super::*;
use crate::{
    model::{ItemId, ModelFault, ResponseId, ToolAnswer, ToolCallId},
    wire::Failure,
};

/// A line of a session.
fn session(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openai/realtime-sessions");
    let text = fs::read_to_string(folder.join(name).with_extension("jsonl")).expect("the session is there");
    text.lines().skip(1).map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The vendor's ids, numbered as they come: what the provider is expected to do.
#[derive(Default)]
struct Numbers {
    items: Vec<String>,
    responses: Vec<String>,
    calls: Vec<String>,
}

impl Numbers {
    fn see(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (list, id) = match message["type"].as_str() {
            Some("response.created") => (&mut self.responses, text(&message["response"]["id"])),
            Some("response.output_audio.delta") => (&mut self.items, text(&message["item_id"])),
            Some("response.output_item.done") => (&mut self.calls, text(&message["item"]["call_id"])),
            _ => return,
        };
        if let Some(id) = id.filter(|id| !list.contains(id)) {
            list.push(id);
        }
    }
}

fn place(list: &[String], id: &Value) -> u32 {
    list.iter().position(|known| Some(known.as_str()) == id.as_str()).expect("it came before") as u32
}

/// Plays a session: what comes is given to the provider, what goes out is asked of it, and must go out alike.
fn play(name: &str) -> Peer {
    let mut peer = Peer::new(settings());
    let mut numbers = Numbers::default();
    for line in session(name) {
        peer.now = Timestamp::from_millis(line["t"].as_u64().expect("a time"));
        if line["dir"] == "in" {
            receive(&mut peer, &mut numbers, &line);
        } else if line["invalid"] != true {
            ask(&mut peer, &numbers, &line);
        }
    }
    peer.drain();
    peer
}

fn receive(peer: &mut Peer, numbers: &mut Numbers, line: &Value) {
    if line["msg"].is_object() {
        numbers.see(&line["msg"]);
        peer.server(line["msg"].clone());
    } else if line["close"]["code"] == 1006 {
        // No close frame: so the connection broke.
        peer.socket(WsEvent::Failed(Failure::Broken));
    } else {
        let code = line["close"]["code"].as_u64().map(|code| code as u16);
        peer.socket(WsEvent::Closed { code, reason: line["close"]["reason"].as_str().unwrap_or_default() });
    }
}

fn ask(peer: &mut Peer, numbers: &Numbers, line: &Value) {
    let message = &line["msg"];
    let before = peer.sent.len();
    match message["type"].as_str() {
        None if line["open"].is_object() => return peer.ask(ModelRequest::Connect),
        None if line["close"].is_object() => return peer.ask(ModelRequest::Close),
        None => return,
        // Sent by itself, once; our settings are not the session's.
        Some("session.update") => return assert_eq!(kinds(&peer.sent)[..1], ["session.update"]),
        Some("input_audio_buffer.append") => {
            let audio = message["audio"].as_str().expect("audio");
            peer.append(&STANDARD.decode_to_vec(audio).expect("base64"));
        }
        Some("input_audio_buffer.commit") => peer.ask(ModelRequest::Commit),
        Some("response.create") => {
            peer.ask(ModelRequest::CreateResponse);
            if peer.sent.len() == before {
                return; // one is active: it waits
            }
        }
        Some("response.cancel") => {
            let Some(number) = (numbers.responses.len() as u32).checked_sub(1) else { return };
            peer.ask(ModelRequest::Cancel(ResponseId(number)));
        }
        Some("conversation.item.truncate") => {
            if message["item_id"] == "item_user" || message["audio_end_ms"] == 9100 {
                return; // see `errors_that_are_not_fatal`
            }
            let item = ItemId(place(&numbers.items, &message["item_id"]));
            let heard_ms = message["audio_end_ms"].as_u64().expect("a time");
            peer.ask(ModelRequest::Truncate { item, heard_ms });
        }
        Some("conversation.item.create") => {
            let call = ToolCallId(place(&numbers.calls, &message["item"]["call_id"]));
            peer.model.tool_result(call, message["item"]["output"].as_str().expect("an output"));
            peer.ask(ModelRequest::ToolOutput { call, answer: ToolAnswer::Result { ok: true } });
        }
        Some(other) => panic!("{other} is not played"),
    }
    assert_eq!(peer.sent.len(), before + 1, "one message for {message}");
    let mut pair = [peer.sent.last().expect("one was sent").clone(), message.clone()];
    for message in &mut pair {
        message.as_object_mut().expect("an object").remove("event_id");
    }
    assert_eq!(pair[0], pair[1]);
}

fn comes_to(name: &str, expected: &[&str]) -> Peer {
    let peer = play(name);
    assert_eq!(peer.told, expected, "{name}");
    assert_eq!(peer.model.counters().unreadable, 0, "{name}");
    assert_eq!(peer.model.counters().unknown, 0, "{name}");
    peer
}

#[test]
fn a_greeting() {
    let peer = comes_to("greeting", &[]);
    assert!(!peer.audio.is_empty());
}

#[test]
fn print() {
    for name in [
        "barge-in-after-done",
        "barge-in-while-generating",
        "client-cancel",
        "dtmf-and-caller-hangup",
        "errors-not-fatal",
        "fatal-auth",
        "fatal-beta-header",
        "fatal-model",
        "function-call",
        "greeting",
        "hangup-call",
        "idle-timeout",
        "openai-drops",
        "rate-limit",
        "session-expired",
        "two-messages",
        "user-turn",
    ] {
        let peer = play(name);
        println!(
            "== {name} {:?} {:?} {:?} closed {} audio {}",
            peer.model.fault(),
            peer.model.counters(),
            kinds(&peer.sent).iter().filter(|k| **k != "input_audio_buffer.append").collect::<Vec<_>>(),
            peer.closed,
            peer.audio.len()
        );
        for l in &peer.told {
            println!("            {l:?},");
        }
    }
}
