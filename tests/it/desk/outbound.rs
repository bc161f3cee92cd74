//! Calls that assistants place: who answers, and what becomes of the call.

use std::time::Duration;

use quietline::{
    lab::twilio::{CallEvent, CallReport, Callee, EndedBy, Lab, LabNumber, RestFault, Webhook},
    wire::Method::{Get, Post, Put},
};
use serde_json::{Value, json};

use super::room::{ACCOUNT, Server, TOKEN, account, place};

const OURS: &str = "+15550200901";
const PERSON: &str = "+15550300001";
const MAILBOX: &str = "+15550300002";
const BUSY: &str = "+15550300003";
const NOBODY: &str = "+15550300004";
const DEAD: &str = "+15550300005";
const MESSAGE: &str = "This is the clinic. Please call us back.";
/// Windows short enough for a test, as an operator may allow.
const SHORT: &str = "[limits]\nsilence_timeout_s = { min = 3 }\n";

fn callees(config: &mut quietline::lab::twilio::LabConfig) {
    let rings = Duration::from_millis(500);
    config.numbers = vec![LabNumber::new(OURS)];
    config.callees = vec![
        (PERSON.to_owned(), Callee::Answers { rings, talks: Duration::from_secs(60) }),
        (MAILBOX.to_owned(), Callee::Machine { rings, greets: Duration::from_secs(3) }),
        (BUSY.to_owned(), Callee::Busy),
        (DEAD.to_owned(), Callee::Fails),
    ];
}

async fn ready(server: &Server, lab: &Lab, name: &str, outbound: Value) {
    let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
    server.done(Put, "/twilio", Some(&entry)).await;
    let draft = json!({"name": name, "api_access": true, "silence_timeout_s": 3, "greeting": {}, "filler": false,
                       "outbound": outbound});
    server.done(Post, "/assistants", Some(&draft)).await;
    server.done(Post, &format!("/assistants/{name}/publish"), Some(&json!({}))).await;
}

async fn ask(server: &Server, key: &str, to: &str, assistant: &str) -> (u16, Value) {
    let body = json!({"to": to, "assistant": assistant, "from": OURS});
    let token = server.own_token().to_owned();
    server.ask_as(&token, Post, "/calls", Some(&body), &[("idempotency-key", key)]).await
}

/// Places a call and waits for its end, and for its record.
async fn called(server: &Server, lab: &Lab, to: &str, assistant: &str) -> (std::sync::Arc<CallReport>, Value) {
    let (status, placed) = ask(server, &format!("{assistant}-{to}"), to, assistant).await;
    assert_eq!((status, placed["to"].as_str(), placed["from"].as_str()), (201, Some(to), Some(OURS)), "{placed}");
    let id = placed["id"].as_str().unwrap();
    let call = lab.placed().into_iter().find(|call| call.sid().as_str() == id).unwrap();
    let report = tokio::time::timeout(Duration::from_secs(60), call.finished()).await.expect("the call ends");
    for _ in 0..200 {
        let (status, record) = server.ask(Get, &format!("/calls/{id}"), None).await;
        if status == 200 {
            assert_eq!(
                [&record["direction"], &record["caller"], &record["number"], &record["assistant_name"]],
                ["outbound", to, OURS, assistant]
            );
            assert_eq!(record["version"], 1);
            return (report, record);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no record of {id}");
}

fn streams(report: &CallReport) -> usize {
    report.events.iter().filter(|(_, event)| matches!(event, CallEvent::StreamStarted(_))).count()
}

fn words(report: &CallReport) -> Vec<&str> {
    report.spoken.iter().map(|spoken| spoken.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_talks_with_the_assistant_and_others_are_recorded_as_what_they_are() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, callees).await;
    let server = Server::start(&folder, addr, SHORT).await;
    ready(&server, &lab, "clinic", json!({})).await;
    let [person, mailbox, busy, nobody, dead] =
        [PERSON, MAILBOX, BUSY, NOBODY, DEAD].map(|to| called(&server, &lab, to, "clinic"));
    let (person, mailbox, busy, nobody, dead) = tokio::join!(person, mailbox, busy, nobody, dead);

    let (report, record) = person;
    assert_eq!((streams(&report), &record["reason"], &record["ended_by"]), (1, &json!("silence"), &json!("us")));
    let asked: Vec<_> = report
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            CallEvent::Asked { webhook: webhook @ (Webhook::Placed | Webhook::Status), answer, .. } => {
                Some((*webhook, answer.clone()))
            }
            _ => None,
        })
        .collect();
    let told = asked.iter().filter(|(webhook, _)| *webhook == Webhook::Status);
    assert_eq!(told.count(), 4, "initiated, ringing, answered, completed: {asked:?}");
    assert!(asked.iter().all(|(_, answer)| matches!(answer, Ok(200 | 204))), "{asked:?}");

    let (report, record) = mailbox;
    assert_eq!((streams(&report), words(&report), report.ended_by), (0, Vec::new(), EndedBy::Document));
    assert_eq!((&record["reason"], &record["ended_by"]), (&json!("machine"), &json!("us")));
    for ((report, record), reason) in [(busy, "busy"), (nobody, "unanswered"), (dead, "unreachable")] {
        assert_eq!((streams(&report), report.ended_by), (0, EndedBy::Callee), "{reason}");
        assert_eq!((&record["reason"], &record["ended_by"]), (&json!(reason), &json!("carrier")));
    }
    assert_eq!(lab.complaints(), [""; 0]);
    assert_eq!(lab.report().counts.violations, 0);
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_hears_the_whole_message_after_its_beep() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, callees).await;
    let server = Server::start(&folder, addr, SHORT).await;
    ready(&server, &lab, "clinic", json!({"machine": "message", "message": MESSAGE})).await;
    let (report, record) = called(&server, &lab, MAILBOX, "clinic").await;
    assert_eq!((streams(&report), words(&report)), (0, vec![MESSAGE]));
    let at = |fits: fn(&CallEvent) -> bool| report.events.iter().find(|(_, event)| fits(event)).unwrap().0;
    let answered = at(|event| matches!(event, CallEvent::Dialed { .. }));
    let (spoke, ended) =
        (at(|event| matches!(event, CallEvent::Spoke(_))), at(|event| matches!(event, CallEvent::Ended(_))));
    assert!(spoke - answered >= Duration::from_secs(3), "its greeting is over");
    assert!(ended - spoke >= report.spoken[0].duration, "nothing is cut off");
    assert_eq!(record["reason"], "machine");
    assert!(record["duration_s"].as_f64().unwrap() >= 5.0, "{record}");
    // A person who answers the same assistant talks with it.
    let (report, _) = called(&server, &lab, PERSON, "clinic").await;
    assert_eq!((streams(&report), words(&report)), (1, Vec::new()));
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_placed_once_and_only_as_often_as_allowed() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, callees).await;
    let server = Server::start(&folder, addr, SHORT).await;
    ready(&server, &lab, "clinic", json!({"max_per_hour": 2})).await;
    server.done(Post, "/assistants", Some(&json!({"name": "draft"}))).await;
    let problem = |answer: &Value| answer["type"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();

    // What is wrong is said before anything rings, and does not count.
    let (status, told) = ask(&server, "1", "555", "clinic").await;
    assert_eq!((status, told["errors"][0]["field"].as_str()), (422, Some("to")));
    assert_eq!(ask(&server, "2", PERSON, "nobody").await.0, 404);
    let (status, told) = ask(&server, "3", PERSON, "draft").await;
    assert_eq!((status, problem(&told)), (409, "conflict".to_owned()));
    let bare = json!({"to": PERSON, "assistant": "clinic"});
    let (status, told) = server.ask(Post, "/calls", Some(&bare)).await;
    assert_eq!((status, told["errors"][0]["field"].as_str()), (422, Some("Idempotency-Key")));
    let token = server.own_token().to_owned();
    let (status, told) = server.ask_as(&token, Post, "/calls", Some(&bare), &[("idempotency-key", "4")]).await;
    assert_eq!((status, told["errors"][0]["field"].as_str()), (422, Some("from")), "it has no number: {told}");
    let foreign = json!({"to": PERSON, "assistant": "clinic", "from": "+15559999999"});
    for key in ["5", "6", "7"] {
        let (status, told) = server.ask_as(&token, Post, "/calls", Some(&foreign), &[("idempotency-key", key)]).await;
        assert_eq!((status, told["carrier_code"].as_u64()), (502, Some(21212)), "{told}");
    }
    assert!(lab.placed().is_empty());

    // The same key again places nothing, also when nobody knows what became of the first request.
    let first = ask(&server, "8", BUSY, "clinic").await;
    assert_eq!((first.0, &ask(&server, "8", BUSY, "clinic").await), (201, &first));
    assert_eq!(lab.placed().len(), 1);
    lab.set_rest_fault(Some(RestFault::Status(500)), Duration::from_secs(60));
    let unknown = ask(&server, "9", BUSY, "clinic").await;
    assert_eq!((unknown.0, problem(&unknown.1)), (502, "outcome-unknown".to_owned()));
    lab.set_rest_fault(None, Duration::ZERO);
    assert_eq!(ask(&server, "9", BUSY, "clinic").await, unknown);

    // Two are two, over a restart as well.
    let (status, told) = ask(&server, "10", BUSY, "clinic").await;
    assert_eq!((status, problem(&told)), (429, "limit".to_owned()));
    server.stop().await;
    let server = Server::start(&folder, addr, SHORT).await;
    assert_eq!(ask(&server, "11", BUSY, "clinic").await.0, 429);
    assert_eq!(lab.placed().len(), 1);
    assert_eq!(lab.complaints(), [""; 0]);
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
