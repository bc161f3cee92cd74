//! Responses that are asked for: one at a time, and never into one that is active.

use super::*;
use crate::model::{ResponseId, ToolAnswer, ToolCallId};

#[test]
fn one_at_a_time() {
    let mut peer = Peer::ready(settings());
    peer.ask(ModelRequest::CreateResponse);
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(kinds(&peer.take_sent()), ["response.create"], "one is on its way");
    peer.response_created("resp_1");
    peer.ask(ModelRequest::CreateResponse);
    assert!(peer.sent.is_empty(), "one is active");
    peer.response_done("resp_1", "completed");
    assert_eq!(kinds(&peer.take_sent()), ["response.create"], "it was wanted");
    peer.response_created("resp_2");
    peer.response_done("resp_2", "completed");
    assert!(peer.sent.is_empty(), "once");
}

#[test]
fn after_a_cancel_it_waits_for_the_end() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.ask(ModelRequest::Cancel(ResponseId(0)));
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(peer.take_sent(), [json!({"type": "response.cancel", "response_id": "resp_1"})]);
    peer.response_done("resp_1", "cancelled");
    assert_eq!(kinds(&peer.take_sent()), ["response.create"]);
    // What was wanted before a cancel is not wanted after it.
    peer.response_created("resp_2");
    peer.ask(ModelRequest::CreateResponse);
    peer.ask(ModelRequest::Cancel(ResponseId(1)));
    peer.take_sent();
    peer.response_done("resp_2", "cancelled");
    assert!(peer.sent.is_empty());
}

#[test]
fn a_turn_that_the_server_hears_answers_itself() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    peer.ask(ModelRequest::CreateResponse);
    peer.server(json!({
        "type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 0, "item_id": "item_1",
    }));
    peer.response_done("resp_1", "cancelled");
    assert!(peer.sent.is_empty(), "the caller speaks");
}

#[test]
fn a_race_that_is_lost_is_run_again_only_if_something_is_left_to_say() {
    let busy = "conversation_already_has_active_response";
    // The server had begun an answer by itself.
    let mut peer = Peer::ready(settings());
    peer.ask(ModelRequest::CreateResponse);
    let id = peer.last_event_id();
    peer.response_created("resp_1");
    peer.error(busy, Some(&id));
    peer.take_sent();
    peer.response_done("resp_1", "completed");
    assert!(peer.sent.is_empty(), "that was the answer");

    // It had, but without what a tool has found out.
    peer.response_created("resp_2");
    peer.tool_called("resp_2", "call_1", "look_up", "{}");
    peer.response_done("resp_2", "completed");
    peer.ask(ModelRequest::ToolOutput { call: ToolCallId(0), answer: ToolAnswer::Result { ok: true } });
    peer.ask(ModelRequest::CreateResponse);
    let id = peer.last_event_id();
    peer.take_sent();
    peer.response_created("resp_3");
    peer.error(busy, Some(&id));
    assert!(peer.sent.is_empty());
    peer.response_done("resp_3", "completed");
    assert_eq!(kinds(&peer.take_sent()), ["response.create"]);
    peer.response_created("resp_4");
    peer.response_done("resp_4", "completed");

    // A response that we do not know of is in the way: not at once, that would be refused again.
    for named in [true, false] {
        peer.ask(ModelRequest::CreateResponse);
        let id = peer.last_event_id();
        peer.take_sent();
        peer.error(busy, named.then_some(id.as_str()));
        assert!(peer.sent.is_empty());
        peer.response_done("resp_unknown", "completed");
        assert_eq!(kinds(&peer.take_sent()), ["response.create"]);
        peer.response_created(&format!("resp_{named}"));
        peer.response_done(&format!("resp_{named}"), "completed");
    }
}

#[test]
fn a_request_that_is_refused_does_not_stand_in_the_way() {
    for named in [true, false] {
        let mut peer = Peer::ready(settings());
        peer.ask(ModelRequest::CreateResponse);
        let id = peer.last_event_id();
        peer.error("invalid_value", named.then_some(id.as_str()));
        peer.take_sent();
        peer.ask(ModelRequest::CreateResponse);
        assert_eq!(kinds(&peer.take_sent()), ["response.create"]);
        // An error about something else does.
        peer.error("invalid_value", Some("ql_other"));
        peer.ask(ModelRequest::CreateResponse);
        assert!(peer.sent.is_empty());
    }
}

#[test]
fn the_greeting_in_its_words() {
    let exactly = GreetingText::Exactly("Acme, good morning.".into());
    let mut peer = Peer::ready(Settings { greeting: exactly.clone(), instructions: "Be brief.".into(), ..settings() });
    peer.ask(ModelRequest::Greet);
    let words = json!({"instructions": "Be brief.\n\nGreet the caller: say exactly: \"Acme, good morning.\""});
    assert_eq!(peer.take_sent(), [json!({"type": "response.create", "response": words})]);
    // It failed, or was lost: the next attempt is the greeting again.
    peer.response_created("resp_1");
    peer.response_done("resp_1", "failed");
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(peer.take_sent()[0]["response"], words);
    // Once it was said, it was.
    peer.says("resp_2", "item_1", 100, "Acme, good morning.");
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(peer.take_sent(), [json!({"type": "response.create"})]);

    // A caller who speaks first is answered, not greeted.
    let mut peer = Peer::ready(Settings { greeting: exactly, ..settings() });
    peer.ask(ModelRequest::Greet);
    peer.take_sent();
    peer.response_created("resp_1");
    peer.caller_says("item_1", "Hello?");
    peer.response_done("resp_1", "failed");
    peer.ask(ModelRequest::CreateResponse);
    assert_eq!(peer.take_sent(), [json!({"type": "response.create"})]);

    for (greeting, word) in [(GreetingText::Free, "greet the caller"), (GreetingText::Resumed, "cut off")] {
        let mut peer = Peer::ready(Settings { greeting, instructions: "Be brief.".into(), ..settings() });
        peer.ask(ModelRequest::Greet);
        let sent = peer.take_sent();
        let told = sent[0]["response"]["instructions"].as_str().unwrap();
        assert!(told.starts_with("Be brief.") && told.contains(word), "in the model's own words: {told}");
    }
}

#[test]
fn tools_are_answered_without_asking_for_more() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    for call in 0..6 {
        peer.tool_called("resp_1", &format!("call_{call}"), "look_up", "{}");
    }
    peer.response_done("resp_1", "completed");
    peer.model.tool_result(ToolCallId(0), "Nine to five.");
    let answers = [
        ToolAnswer::Result { ok: true },
        ToolAnswer::Result { ok: false },
        ToolAnswer::NoSuchTool,
        ToolAnswer::CallerHasNotSpoken,
        ToolAnswer::TakenBack,
        ToolAnswer::HungUp,
    ];
    for (call, answer) in answers.into_iter().enumerate() {
        peer.ask(ModelRequest::ToolOutput { call: ToolCallId(call as u32), answer });
    }
    let sent = peer.take_sent();
    assert_eq!(kinds(&sent), ["conversation.item.create"; 6]);
    assert_eq!(
        sent[0]["item"],
        json!({"type": "function_call_output", "call_id": "call_0", "output": "Nine to five."})
    );
    for (call, message) in sent.iter().enumerate() {
        assert_eq!(message["item"]["call_id"], format!("call_{call}"));
        assert!(message["item"]["output"].as_str().expect("words").ends_with('.'), "plain sentences");
    }
    assert!(sent[3]["item"]["output"].as_str().expect("words").contains("has not spoken"));
    peer.ask(ModelRequest::ToolOutput { call: ToolCallId(99), answer: ToolAnswer::HungUp });
    assert!(peer.sent.is_empty(), "nobody asked that");
}

#[test]
fn notes_and_commits() {
    let mut peer = Peer::ready(settings());
    let note = crate::model::Note::Digit(crate::carrier::Digit::new('5').expect("a key"));
    peer.ask(ModelRequest::Note(note));
    peer.ask(ModelRequest::Commit);
    let content = json!([{"type": "input_text", "text": "[The caller pressed 5.]"}]);
    assert_eq!(
        peer.take_sent(),
        [
            json!({
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "system", "content": content},
            }),
            json!({"type": "input_audio_buffer.commit"}),
        ]
    );
}
