//! The built-in tools in calls: waiting for the caller, and transfers.

use std::time::Duration;

use quietline::lab::{
    Reply, ReplyPart,
    twilio::{CallEvent, Callee},
};
use serde_json::json;

use super::intents::{Called, call, causes, line};

const SALES: &str = "+15550300001";

fn with(name: &str, arguments: &str) -> Reply {
    let mut reply = line(None);
    reply.parts.push(ReplyPart::Call { name: name.into(), arguments: arguments.into() });
    reply
}

async fn transferred(to: &str, callee: Callee, script: Vec<Reply>) -> Called {
    let keys = json!({"tools": {"transfer_call": {"to": {"sales": SALES, "billing": "+15550300002"}, "timeout_s": 5}}});
    let arguments = json!({"to": to}).to_string();
    let script = [vec![with("transfer_call", &arguments)], script].concat();
    call(keys, script, "", |config, _| config.callees = vec![(SALES.to_owned(), callee)]).await
}

fn dialed(called: &Called) -> Vec<&'static str> {
    let events = called.report.events.iter();
    let statuses = events.filter_map(|(_, event)| match event {
        CallEvent::Dialed { status, .. } => Some(*status),
        _ => None,
    });
    statuses.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_is_waited_for_and_then_asked() {
    let keys = json!({"tools": {"wait_for_caller": {}}});
    let called = call(keys, vec![with("wait_for_caller", r#"{"seconds": 7}"#)], "", |_, _| {}).await;
    assert!(called.outputs.len() == 1 && called.outputs[0].contains("The line is held"), "{:?}", called.outputs);
    let causes = causes(&called.record);
    for expected in ["the caller needs time", "waiting for the caller", "the caller's time is over", "we say reminder"]
    {
        assert!(causes.contains(expected), "no {expected:?} in\n{causes}");
    }
    // With a window of 4 s: the 7 s held it.
    let closed = called.record["detail"]["closed_ms"].as_f64().unwrap();
    assert!(closed > 12_000.0, "{closed}");
    assert_eq!(called.record["reason"], "silence");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_put_through_and_the_call_ends_with_the_other_side() {
    let answers = Callee::Answers { rings: Duration::from_secs(1), talks: Duration::from_secs(2) };
    let called = transferred("sales", answers, Vec::new()).await;
    let causes = causes(&called.record);
    assert_eq!(dialed(&called), ["completed"], "{causes}");
    assert_eq!(
        (called.record["reason"].as_str(), called.record["ended_by"].as_str()),
        (Some("transferred"), Some("us"))
    );
    // The stream may end before REST has answered.
    assert!(causes.contains("the carrier is asked to put the caller through"), "{causes}");
    assert_eq!(called.record["detail"]["transferred_to"], "sales");
    // The agent has told the caller: the carrier says nothing.
    assert!(called.report.spoken.is_empty(), "{:?}", called.report.spoken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whom_nobody_answers_comes_back_to_the_assistant() {
    for callee in [Callee::Busy, Callee::NoAnswer] {
        let called = transferred("sales", callee, vec![line(None)]).await;
        let status = if callee == Callee::Busy { "busy" } else { "no-answer" };
        assert_eq!(dialed(&called), [status]);
        // The second stream greets, and ends by silence as any other.
        assert_eq!(called.record["reason"], "silence", "{}", causes(&called.record));
        let streams = called.report.events.iter().filter(|(_, event)| matches!(event, CallEvent::StreamStarted(_)));
        assert_eq!(streams.count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_is_sent_a_text() {
    let keys = json!({"tools": {"send_text": {}}});
    let script = vec![with("send_text", r#"{"text": "12 Main Street, second floor."}"#), line(None)];
    let called = call(keys, script, "", |_, _| {}).await;
    assert_eq!(called.outputs, ["The text is sent."]);
    assert_eq!(called.texts, ["12 Main Street, second floor."]);
    let script = vec![with("send_text", "{}"), line(None)];
    let called = call(json!({"tools": {"send_text": {}}}), script, "", |_, _| {}).await;
    assert!(called.outputs[0].contains("1 to 480 characters") && called.texts.is_empty(), "{:?}", called.outputs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_configured_names_are_put_through() {
    let called = transferred("+15550399999", Callee::Busy, vec![line(None)]).await;
    assert!(called.outputs[0].contains("one of the names"), "{:?}", called.outputs);
    assert_eq!((dialed(&called), called.record["reason"].as_str()), (Vec::new(), Some("silence")));
}
