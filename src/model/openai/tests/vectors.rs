//! Whole sessions, as they were captured: what they come to, and in which order.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

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
            let greeting = message.get("response").is_some();
            peer.ask(if greeting { ModelRequest::Greet } else { ModelRequest::CreateResponse });
            if greeting || peer.sent.len() == before {
                return; // its words are tested elsewhere; while one is active it waits
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

/// What it comes to, in order; and nothing of it was strange.
fn comes_to(name: &str, expected: &[&str]) -> Peer {
    let peer = play(name);
    assert_eq!(peer.told, expected, "{name}");
    let counters = peer.model.counters();
    assert_eq!((counters.unreadable, counters.unknown, counters.late, counters.dropped), (0, 0, 0, 0), "{name}");
    peer
}

fn fault(name: &str, expected: &[&str]) -> ModelFault {
    comes_to(name, expected).model.fault().expect("a fault")
}

#[test]
fn the_agent_speaks() {
    let greeting =
        ["ready", "created 0", "audio 0.0", "said 0.0 Thank you for calling Acme, how can I help?", "done 0 Completed"];
    assert_eq!(comes_to("greeting", &greeting).audio.len(), 600 * 8);
    let turn = [
        "ready",
        "speech 650",
        "committed",
        "created 0",
        "caller Some((650, 1130)) When do you open tomorrow?",
        "audio 0.0",
        "said 0.0 We open at nine tomorrow morning.",
        "done 0 Completed",
    ];
    comes_to("user-turn", &turn);
    let two = [
        "ready",
        "speech 610",
        "committed",
        "created 0",
        "audio 0.0",
        "said 0.0 One moment, I am looking.",
        "audio 0.1",
        "said 0.1 Yes, we have a table for two at eight.",
        "done 0 Completed",
        "speech 2700",
    ];
    comes_to("two-messages", &two);
    // Never asked for; if a server does it all the same it is a turn like others.
    let idle = [
        "ready",
        "created 0",
        "audio 0.0",
        "said 0.0 How can I help?",
        "done 0 Completed",
        "committed",
        "created 1",
        "audio 1.1",
        "said 1.1 Are you still there?",
        "done 1 Completed",
    ];
    comes_to("idle-timeout", &idle);
}

#[test]
fn the_agent_is_interrupted() {
    let after = [
        "ready",
        "created 0",
        "audio 0.0",
        "said 0.0 We are open from nine to six on weekdays and from ten to two on Saturdays.",
        "done 0 Completed",
        "speech 1840",
        "committed",
        "created 1",
        "audio 1.1",
        "said 1.1 Yes?",
        "done 1 Completed",
    ];
    comes_to("barge-in-after-done", &after);
    let during = [
        "ready",
        "created 0",
        "audio 0.0",
        "speech 1420",
        "said 0.0 Our opening hours are from nine",
        "done 0 Cancelled",
        "committed",
        "created 1",
        "audio 1.1",
        "said 1.1 Of course, go ahead.",
        "done 1 Completed",
    ];
    comes_to("barge-in-while-generating", &during);
    comes_to("client-cancel", &["ready", "created 0", "done 0 Cancelled"]);
}

#[test]
fn tools_are_called() {
    let function = [
        "ready",
        "speech 650",
        "committed",
        "created 0",
        "audio 0.0",
        "said 0.0 Let me check that.",
        "tool 0.0 get_opening_hours {\"day\": \"Saturday\"}",
        "done 0 Completed",
        "caller Some((650, 1130)) What are your hours on Saturday?",
        "created 1",
        "audio 1.1",
        "said 1.1 On Saturday we are open from ten to two.",
        "done 1 Completed",
    ];
    comes_to("function-call", &function);
    let hangup = [
        "ready",
        "speech 630",
        "committed",
        "created 0",
        "tool 0.0 hangup_call {\"reason\": \"caller said goodbye\"}",
        "done 0 Completed",
        "caller Some((630, 1110)) That is all, thank you, bye.",
    ];
    assert_eq!(comes_to("hangup-call", &hangup).closed, 1);
    assert_eq!(comes_to("dtmf-and-caller-hangup", &["ready"]).closed, 1);
}

#[test]
fn errors_that_are_not_fatal() {
    let expected = ["ready", "created 0", "audio 0.0", "said 0.0 Hello.", "done 0 Completed"];
    let mut peer = comes_to("errors-not-fatal", &expected);
    assert_eq!((peer.model.counters().errors, peer.model.fault(), peer.closed), (11, None, 0));
    // The request that found another response active was made again when that was over.
    assert_eq!(
        kinds(&peer.take_sent()),
        ["session.update", "response.create", "response.create", "input_audio_buffer.commit"]
    );
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 9100 });
    peer.ask(ModelRequest::Truncate { item: ItemId(1), heard_ms: 10 });
    assert!(peer.sent.is_empty(), "the errors of the session are not made");
}

#[test]
fn fatal_ones_say_whose_fault_it_is() {
    assert_eq!(fault("fatal-auth", &["lost"]), ModelFault::Key);
    assert_eq!(fault("fatal-model", &["lost"]), ModelFault::Model);
    assert_eq!(fault("fatal-beta-header", &["lost"]), ModelFault::Protocol);
    assert_eq!(fault("session-expired", &["ready", "lost"]), ModelFault::Expired);
    assert_eq!(fault("openai-drops", &["ready", "created 0", "lost"]), ModelFault::Network);
}

#[test]
fn a_failed_response_tells_when_to_ask_again() {
    let expected = [
        "ready",
        "speech 630",
        "committed",
        "created 0",
        "done 0 Failed { retry_after: Some(1.05s) }",
        "created 1",
        "audio 1.0",
        "said 1.0 Sorry for the wait.",
        "done 1 Completed",
        "created 2",
        "done 2 Failed { retry_after: None }",
    ];
    assert_eq!(fault("rate-limit", &expected), ModelFault::Quota);
}

#[test]
fn every_session_is_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openai/realtime-sessions");
    let here = include_str!("vectors.rs");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("sessions are there") {
        let path = entry.expect("sessions can be listed").path();
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        assert!(here.contains(&format!("\"{name}\"")), "{name} is not played");
        count += 1;
    }
    assert_eq!(count, 17);
}

proptest! {
    /// Messages that are cut, spoilt, lost, doubled and out of order.
    #[test]
    fn spoilt_sessions_never_panic(
        name in proptest::sample::select(vec!["function-call", "barge-in-while-generating", "rate-limit", "greeting"]),
        harm in prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, any::<prop::sample::Index>(), any::<char>()), 0..12),
    ) {
        let mut texts: Vec<String> = session(name)
            .iter()
            .filter(|line| line["dir"] == "in" && line["msg"].is_object())
            .map(|line| line["msg"].to_string())
            .collect();
        for (which, what, place, letter) in harm {
            let at = which.index(texts.len());
            let text = &mut texts[at];
            let spot = text.floor_char_boundary(place.index(text.len() + 1));
            match what {
                0 => text.truncate(spot),
                1 => text.insert(spot, letter),
                2 if spot < text.len() => text.replace_range(spot..text.ceil_char_boundary(spot + 1), "\""),
                3 => {
                    let text = texts[at].clone();
                    let other = place.index(texts.len());
                    texts.insert(other, text);
                }
                _ => {
                    let other = place.index(texts.len());
                    texts.swap(at, other);
                }
            }
        }
        let mut peer = Peer::new(settings());
        peer.ask(ModelRequest::Connect);
        for text in &texts {
            peer.socket(WsEvent::Text(text));
            peer.ask(ModelRequest::CreateResponse);
        }
    }
}
