//! An answer in writing: a whole one, its tools, and how it fails.

use proptest::prelude::*;

use super::{super::text::*, *};
use crate::{
    model::ModelFault,
    wire::{Failure, WsEvent},
};

/// Messages sent since the last look, each held against the schema; `None` for what is done to the socket.
fn sent(turn: &mut TextTurn) -> Vec<Value> {
    let mut sent = Vec::new();
    while let Some(sending) = turn.poll_sending() {
        if let ModelSending::Text(text) = sending {
            sent.push(checked(text));
        }
    }
    sent
}

fn server(turn: &mut TextTurn, event: &Value) {
    turn.handle_socket(WsEvent::Text(&event.to_string()));
}

fn begun() -> TextTurn {
    let history = vec![Line::Theirs("Hi".into()), Line::Ours("Hello!".into()), Line::Theirs("Open?".into())];
    TextTurn::new(Arc::new(settings()), history, Timestamp::ZERO)
}

fn ready() -> TextTurn {
    let mut turn = begun();
    server(&mut turn, &json!({"type": "session.created", "session": {}}));
    server(&mut turn, &json!({"type": "session.updated", "session": {}}));
    sent(&mut turn);
    turn
}

fn done(output: Value) -> Value {
    json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": output}})
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "hours", "arguments": "{}"})
}

#[test]
fn what_was_written_is_told_and_answered() {
    let mut turn = begun();
    assert!(matches!(turn.poll_sending(), Some(ModelSending::Open(request)) if request.url.contains("model=")));
    server(&mut turn, &json!({"type": "session.created", "session": {}}));
    let update = sent(&mut turn);
    assert_eq!(kinds(&update), ["session.update"]);
    assert_eq!(update[0]["session"]["output_modalities"], json!(["text"]));
    assert!(update[0]["session"]["audio"]["output"].is_null(), "no voice");
    server(&mut turn, &json!({"type": "session.updated", "session": {}}));
    let items = sent(&mut turn);
    assert_eq!(
        kinds(&items),
        ["conversation.item.create", "conversation.item.create", "conversation.item.create", "response.create"]
    );
    server(&mut turn, &done(json!([message(" Yes, until five. ")])));
    assert_eq!(turn.take_outcome(), Some(Ok("Yes, until five.".to_owned())));
    assert!(matches!(turn.poll_sending(), Some(ModelSending::Close)));
    assert_eq!(turn.poll_timeout(), Timestamp::NEVER);
}

#[test]
fn tools_are_answered_before_it_is_asked_again() {
    let mut turn = ready();
    server(&mut turn, &done(json!([message("One moment."), call("call_1"), call("call_2")])));
    let calls: Vec<_> = std::iter::from_fn(|| turn.poll_call()).collect();
    assert_eq!(calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["call_1", "call_2"]);
    turn.tool_output(&calls[0], "9 to 17");
    assert_eq!(kinds(&sent(&mut turn)), ["conversation.item.create"]);
    turn.tool_output(&calls[1], "9 to 17");
    assert_eq!(kinds(&sent(&mut turn)), ["conversation.item.create", "response.create"]);
    server(&mut turn, &done(json!([message("From nine to five.")])));
    assert_eq!(turn.take_outcome(), Some(Ok("From nine to five.".to_owned())));
}

#[test]
fn whatever_is_wrong_has_a_name() {
    let ended = |event: WsEvent<'_>| {
        let mut turn = ready();
        turn.handle_socket(event);
        turn.take_outcome().and_then(Result::err)
    };
    assert_eq!(ended(WsEvent::Failed(Failure::Connect)), Some(ModelFault::Network.into()));
    assert_eq!(ended(WsEvent::Refused { status: 401, body: b"{}" }), Some(ModelFault::Key.into()));
    assert_eq!(ended(WsEvent::Text(&done(json!([message("  ")])).to_string())), Some(TextFault::Nothing));
    let cut = json!({"type": "response.done", "response": {"id": "r", "status": "incomplete"}}).to_string();
    assert_eq!(ended(WsEvent::Text(&cut)), Some(TextFault::CutOff));
    let mut turn = ready();
    for _ in 0..MAX_ROUNDS {
        server(&mut turn, &done(json!([call("call_1")])));
        let call = turn.poll_call().expect("a call");
        turn.tool_output(&call, "no");
    }
    server(&mut turn, &done(json!([call("call_1")])));
    assert_eq!(turn.take_outcome(), Some(Err(TextFault::Rounds)));
    let mut turn = begun();
    turn.handle_timeout(Timestamp::ZERO + OPENING);
    assert_eq!(turn.take_outcome(), Some(Err(ModelFault::TimedOut.into())));
    let mut turn = ready();
    turn.handle_timeout(Timestamp::ZERO + LONGEST);
    assert_eq!(turn.take_outcome(), Some(Err(TextFault::TooLate)));
    let mut turn = begun();
    server(&mut turn, &json!({"type": "session.created", "session": {}}));
    server(&mut turn, &json!({"type": "error", "error": {"code": "invalid_value"}}));
    assert_eq!(turn.take_outcome(), Some(Err(ModelFault::Settings.into())));
}

proptest! {
    #[test]
    fn whatever_the_server_says_it_ends_once(texts in proptest::collection::vec(prop_oneof![
        ".{0,40}",
        Just(r#"{"type":"session.created","session":{}}"#.to_owned()),
        Just(r#"{"type":"session.updated","session":{}}"#.to_owned()),
        Just(done(json!([call("c")])).to_string()),
        Just(done(json!([message("Yes.")])).to_string()),
        Just(r#"{"type":"error","error":{"code":"x"}}"#.to_owned()),
        Just(r#"{"type":"response.done","response":{"id":"r","status":7,"output":[1,{"type":"function_call"}]}}"#.to_owned()),
    ], 0..40)) {
        let mut turn = begun();
        let mut outcomes = 0;
        for text in texts {
            turn.handle_socket(WsEvent::Text(&text));
            sent(&mut turn);
            while let Some(call) = turn.poll_call() {
                turn.tool_output(&call, "");
            }
            outcomes += u32::from(turn.take_outcome().is_some());
        }
        turn.handle_timeout(Timestamp::ZERO + LONGEST);
        outcomes += u32::from(turn.take_outcome().is_some());
        prop_assert_eq!(outcomes, 1);
    }
}
