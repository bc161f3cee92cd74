//! The agent's audio, items and tools: what is passed on, cut, and dropped.

use super::*;
use crate::model::{ItemId, ModelFault, ResponseId};

fn truncated(item: &str, audio_end_ms: u64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": audio_end_ms})
}

#[test]
fn late_audio_of_a_cancelled_response_is_dropped() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 80]);
    peer.ask(ModelRequest::Cancel(ResponseId(0)));
    peer.audio_delta("resp_1", "item_1", &[2; 80]);
    peer.message_done("resp_1", "item_1", "Our opening");
    peer.tool_called("resp_1", "call_1", "look_up", "{}");
    peer.response_done("resp_1", "cancelled");
    peer.audio_delta("resp_1", "item_1", &[3; 80]);
    assert_eq!(peer.take_told(), ["created 0", "audio 0.0", "done 0 Cancelled"]);
    assert_eq!((peer.audio.clone(), peer.model.counters().late), (vec![1; 80], 2));
    // Over already: a cancel would be an error.
    peer.take_sent();
    peer.ask(ModelRequest::Cancel(ResponseId(0)));
    peer.ask(ModelRequest::Cancel(ResponseId(9)));
    assert!(peer.sent.is_empty());
    peer.error("response_cancel_not_active", None);
    assert!(peer.told.is_empty(), "a lost race is nothing");
}

#[test]
fn audio_of_no_response_is_dropped() {
    let mut peer = Peer::ready(settings());
    peer.audio_delta("resp_x", "item_x", &[1; 80]);
    peer.response_done("resp_x", "completed");
    peer.message_done("resp_x", "item_x", "Hm.");
    assert!(peer.told.is_empty());
    assert_eq!(peer.model.counters().late, 3);
}

#[test]
fn half_a_sample_waits_for_its_other_half() {
    let mut peer = Peer::ready(Settings { encoding: Encoding::Pcm24k, ..settings() });
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1, 2, 3]);
    peer.audio_delta("resp_1", "item_2", &[11]);
    peer.audio_delta("resp_1", "item_1", &[4, 5, 6]);
    peer.audio_delta("resp_1", "item_2", &[12, 13]);
    assert_eq!(peer.audio, [1, 2, 3, 4, 5, 6, 11, 12]);
    assert_eq!(peer.told, ["created 0", "audio 0.0", "audio 0.1"]);
}

#[test]
fn several_messages_in_a_response_are_several_items() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 800]);
    peer.message_done("resp_1", "item_1", "One moment.");
    peer.audio_delta("resp_1", "item_2", &[2; 1600]);
    peer.message_done("resp_1", "item_2", "Yes, we do.");
    peer.message_done("resp_1", "item_2", "Yes, we do.");
    peer.response_done("resp_1", "completed");
    let expected =
        ["created 0", "audio 0.0", "said 0.0 One moment.", "audio 0.1", "said 0.1 Yes, we do.", "done 0 Completed"];
    assert_eq!(peer.take_told(), expected);
    peer.ask(ModelRequest::Truncate { item: ItemId(1), heard_ms: 120 });
    assert_eq!(peer.take_sent(), [truncated("item_2", 120)]);
}

#[test]
fn no_more_is_truncated_than_was_received() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[1; 8 * 200]);
    // Under way: the rest of it was never sent to the caller.
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 9_100 });
    assert_eq!(peer.take_sent(), [truncated("item_1", 200)]);
    // What the server has thrown away cannot be had again.
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 300 });
    assert!(peer.sent.is_empty());
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 150 });
    assert_eq!(peer.take_sent(), [truncated("item_1", 150)]);
    peer.response_done("resp_1", "cancelled");

    // Heard to its end: nothing to take away.
    peer.says("resp_2", "item_2", 500, "All of it.");
    peer.ask(ModelRequest::Truncate { item: ItemId(1), heard_ms: 500 });
    assert!(peer.sent.is_empty());
    // Not begun.
    peer.ask(ModelRequest::Truncate { item: ItemId(1), heard_ms: 0 });
    assert_eq!(peer.take_sent(), [truncated("item_2", 0)]);
}

#[test]
fn an_item_without_audio_is_not_truncated() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.audio_delta("resp_1", "item_1", &[]);
    peer.message_done("resp_1", "item_1", "Words only.");
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 0 });
    peer.ask(ModelRequest::Truncate { item: ItemId(7), heard_ms: 0 });
    assert!(peer.sent.is_empty());
}

#[test]
fn a_tool_call_is_told_once() {
    let item = |status: &str| {
        json!({
            "id": "item_1", "type": "function_call", "status": status, "name": "look_up", "call_id": "call_1",
            "arguments": "{\"day\":\"Mon",
        })
    };
    let done = |status: &str, item: Value| json!({"type": "response.done", "event_id": "e", "response": {"id": "resp_1", "status": status, "output": [item]}});
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.tool_called("resp_1", "call_1", "look_up", "{}");
    peer.server(done("completed", item("completed")));
    assert_eq!(peer.take_told(), ["created 0", "tool 0.0 look_up {}", "done 0 Completed"]);

    // Cut off, and told only with the end.
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.server(done("incomplete", item("incomplete")));
    assert_eq!(peer.take_told(), ["created 0", "tool 0.0 look_up {\"day\":\"Mon cut off", "done 0 Incomplete"]);
}

#[test]
fn a_failure_states_its_delay() {
    let failed = |peer: &mut Peer, id: &str, code: &str, message: &str| {
        peer.response_created(id);
        peer.server(json!({"type": "response.done", "event_id": "e", "response": {
            "id": id, "status": "failed", "output": [],
            "status_details": {"type": "failed", "error": {"type": code, "code": code, "message": message}},
        }}));
        (peer.take_told().pop().expect("the end"), peer.model.fault().expect("a fault"))
    };
    let mut peer = Peer::ready(settings());
    let (told, fault) = failed(&mut peer, "resp_1", "rate_limit_exceeded", "Please try again in 1.2s.");
    assert_eq!((told.as_str(), fault), ("done 0 Failed { retry_after: Some(1.2s) }", ModelFault::RateLimit));
    let (told, fault) = failed(&mut peer, "resp_2", "insufficient_quota", "You exceeded your current quota.");
    assert_eq!((told.as_str(), fault), ("done 1 Failed { retry_after: None }", ModelFault::Quota));
    let (_, fault) = failed(&mut peer, "resp_3", "server_error", "");
    assert_eq!(fault, ModelFault::Server);
    peer.says("resp_4", "item_1", 100, "Hello.");
    assert_eq!(peer.model.fault(), None, "it answers again");
}

#[test]
fn a_second_response_ends_the_first() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.response_created("resp_1");
    peer.response_created("resp_2");
    peer.response_done("resp_1", "completed");
    assert_eq!(peer.take_told(), ["created 0", "done 0 Cancelled", "created 1"]);
}

#[test]
fn only_so_many_ids_are_kept() {
    let mut peer = Peer::ready(settings());
    for n in 0..500 {
        peer.says(&format!("resp_{n}"), &format!("item_{n}"), 20, "Yes.");
    }
    peer.take_sent();
    peer.ask(ModelRequest::Truncate { item: ItemId(0), heard_ms: 0 });
    assert!(peer.sent.is_empty(), "nobody speaks of that any more");
    peer.ask(ModelRequest::Truncate { item: ItemId(499), heard_ms: 0 });
    assert_eq!(peer.take_sent(), [truncated("item_499", 0)]);
}
