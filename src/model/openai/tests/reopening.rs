//! A session that takes a lost one's place is given the conversation so far.

use super::*;
use crate::{
    model::{ItemId, ModelFault, Note, ResponseId, ToolAnswer, ToolCallId},
    wire::Failure,
};

/// Lost and opened again: what the new session is given before it is ready, as `role: text`.
fn reopened(peer: &mut Peer) -> Vec<String> {
    peer.socket(WsEvent::Failed(Failure::Broken));
    assert_eq!(peer.take_told().last().map(String::as_str), Some("lost"));
    peer.ask(ModelRequest::Connect);
    peer.take_sent();
    peer.configure();
    assert_eq!(peer.take_told(), ["ready"]);
    let sent = peer.take_sent();
    assert_eq!(sent[0]["type"], "session.update");
    sent[1..].iter().map(|message| told(&message["item"])).collect()
}

fn told(item: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match item["type"].as_str() {
        Some("function_call") => format!("call {} {}", text(&item["name"]), text(&item["arguments"])),
        Some("function_call_output") => format!("output {}", text(&item["output"])),
        _ => format!("{}: {}", text(&item["role"]), text(&item["content"][0]["text"])),
    }
}

#[test]
fn the_conversation_so_far() {
    let mut peer = Peer::ready(settings());
    peer.ask(ModelRequest::Greet);
    peer.says("resp_1", "item_1", 1_000, "Acme, good morning.");
    // The words come during the answer, and belong before it.
    peer.server(json!({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "item_2"}));
    peer.response_created("resp_2");
    peer.audio_delta("resp_2", "item_3", &[1; 800]);
    peer.caller_says("item_2", "When do you open?");
    peer.message_done("resp_2", "item_3", "One moment.");
    peer.tool_called("resp_2", "call_1", "hours", "{\"day\":\"Monday\"}");
    peer.response_done("resp_2", "completed");
    peer.model.tool_result(ToolCallId(0), "From nine.");
    peer.ask(ModelRequest::ToolOutput { call: ToolCallId(0), answer: ToolAnswer::Result { ok: true } });
    peer.ask(ModelRequest::Note(Note::Digit(crate::carrier::Digit::new('1').expect("a key"))));
    let expected = [
        "assistant: Acme, good morning.",
        "user: When do you open?",
        "assistant: One moment.",
        "call hours {\"day\":\"Monday\"}",
        "output From nine.",
        "system: [The caller pressed 1.]",
    ];
    assert_eq!(reopened(&mut peer), expected);
    assert_eq!(reopened(&mut peer), expected, "as often as it takes");
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(peer.take_sent(), [json!({"type": "response.create"})], "the greeting was said");
}

#[test]
fn only_what_was_heard() {
    let mut peer = Peer::ready(settings());
    peer.says("resp_1", "item_1", 1_000, "one two three four five six seven eight nine ten");
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 390 });
    peer.says("resp_2", "item_2", 1_000, "never begun");
    peer.ask(ModelRequest::Truncate { item: ItemId(1), heard_ms: 0 });
    // Cut while it was still being made: how much of its words that was nobody can know.
    peer.response_created("resp_3");
    peer.audio_delta("resp_3", "item_3", &[1; 800]);
    peer.server(json!({
        "type": "response.output_audio_transcript.delta", "event_id": "e", "response_id": "resp_3",
        "item_id": "item_3", "output_index": 0, "content_index": 0, "delta": "As I said",
    }));
    peer.ask(ModelRequest::Truncate { item: ItemId(2), heard_ms: 50 });
    peer.ask(ModelRequest::Cancel(ResponseId(2)));
    peer.message_done("resp_3", "item_3", "As I said before");
    assert_eq!(reopened(&mut peer), ["assistant: one two three \u{2014}"]);
}

#[test]
fn an_answer_that_broke_off_is_marked() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 800]);
    for delta in ["We ", "open"] {
        peer.server(json!({
            "type": "response.output_audio_transcript.delta", "event_id": "e", "response_id": "resp_1",
            "item_id": "item_1", "output_index": 0, "content_index": 0, "delta": delta,
        }));
    }
    assert_eq!(reopened(&mut peer), ["assistant: We open \u{2014}"]);
}

#[test]
fn words_that_nobody_has_written_down() {
    let mut peer = Peer::ready(settings());
    let commit = |item: &str| json!({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": item});
    peer.server(commit("item_1"));
    peer.says("resp_1", "item_2", 100, "From nine.");
    peer.server(commit("item_3"));
    let given = reopened(&mut peer);
    assert_eq!(given[0], "assistant: From nine.", "its answer tells enough");
    assert!(given.len() == 2 && given[1].starts_with("system: [The caller said something"), "{given:?}");
}

#[test]
fn words_that_were_cut_off_by_the_loss() {
    let mut peer = Peer::ready(settings());
    peer.server(json!({
        "type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 0, "item_id": "item_1",
    }));
    let given = reopened(&mut peer);
    assert!(given.len() == 1 && given[0].starts_with("system: [The connection was lost while"), "{given:?}");
}

#[test]
fn nothing_of_the_old_session_reaches_the_new_one() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 800]);
    peer.ask(ModelRequest::CreateResponse);
    reopened(&mut peer);
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 10 });
    peer.ask(ModelRequest::Cancel(ResponseId(0)));
    peer.response_done("resp_1", "completed");
    peer.audio_delta("resp_1", "item_1", &[1; 800]);
    assert!(peer.sent.is_empty() && peer.told.is_empty(), "{:?} {:?}", peer.sent, peer.told);
    // Numbers go on.
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 800]);
    assert_eq!(peer.take_told(), ["created 1", "audio 1.1"]);
}

#[test]
fn a_tool_that_answers_after_the_loss() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.tool_called("resp_1", "call_1", "book", "{}");
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(10_000));
    peer.tool_called("resp_1", "call_2", "book", &long);
    assert_eq!(reopened(&mut peer), ["call book {}"]);
    peer.ask(ModelRequest::ToolOutput { call: ToolCallId(0), answer: ToolAnswer::Result { ok: true } });
    // This call was too long to be told again: its answer is told in words.
    peer.ask(ModelRequest::ToolOutput { call: ToolCallId(1), answer: ToolAnswer::Result { ok: true } });
    let items: Vec<String> = peer.take_sent().iter().map(|message| told(&message["item"])).collect();
    assert_eq!(items, ["output Done.", "system: [A tool that you called answers: Done.]"]);
}

#[test]
fn a_greeting_that_was_never_heard_is_asked_for_again() {
    let greeting = GreetingText::Exactly("Good morning.".into());
    let mut peer = Peer::ready(Settings { greeting, ..settings() });
    peer.ask(ModelRequest::Greet);
    assert!(reopened(&mut peer).is_empty());
    peer.ask(ModelRequest::CreateResponse);
    assert!(peer.take_sent()[0]["response"]["instructions"].as_str().expect("words").contains("Good morning."));
}

#[test]
fn a_long_call_is_told_from_its_end() {
    let mut peer = Peer::ready(settings());
    for n in 0..2_000 {
        peer.says(&format!("resp_{n}"), &format!("item_{n}"), 20, &format!("Number {n}. {}", "word ".repeat(100)));
        peer.take_told();
    }
    let given = reopened(&mut peer);
    assert!((10..=128).contains(&given.len()) && given.iter().map(String::len).sum::<usize>() < 40_000);
    assert!(given.last().expect("some").starts_with("assistant: Number 1999."));
}

#[test]
fn an_hour_is_over() {
    let mut peer = Peer::ready(settings());
    peer.error("session_expired", None);
    peer.socket(WsEvent::Closed { code: Some(1001), reason: "" });
    assert_eq!(peer.take_told(), ["lost"]);
    assert_eq!((peer.model.fault(), peer.closed), (Some(ModelFault::Expired), 1));
    assert!(!ModelFault::Expired.is_lasting());
}
