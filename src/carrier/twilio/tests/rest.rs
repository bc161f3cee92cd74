use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::json as read;
use crate::assistant::FarewellKind;
use crate::carrier::twilio::rest::{InlineTooLong, MAX_INLINE, Request, Verdict, answer, call_status, status};
use crate::carrier::twilio::twiml::{Setting, Twiml, hang_up, say_and_hang_up};
use crate::carrier::twilio::{AccountSid, CallSid};
use crate::carrier::{CallAnswer, CallRequest, CallStatus, RequestOutcome};
use crate::wire::Method;

fn ids() -> (AccountSid, CallSid) {
    let (account, call) = ("ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4", "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c");
    (account.parse().expect("a SID"), call.parse().expect("a SID"))
}

fn said(text: &str) -> Twiml {
    let text = Setting { key: "farewell.silence", value: text };
    say_and_hang_up(text, Setting { key: "language", value: "en-US" }).expect("a document")
}

fn refusal(code: u32) -> Vec<u8> {
    json!({"code": code, "message": "\u{2026}", "more_info": "https://www.twilio.com/docs/errors/1", "status": 400})
        .to_string()
        .into_bytes()
}

#[test]
fn requests_validate_against_the_vendors_forms() {
    let mut schema = read("request-forms.schema.json");
    schema["$ref"] = "#/$defs/UpdateCall".into();
    let update = &schema["$defs"]["UpdateCall"];
    assert_eq!(update["x-path"], "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json");
    assert_eq!(update["x-method"], "POST");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let (account, call) = ids();
    let farewell = said("Good bye & see you <soon>, \u{e4} + \u{20ac}");
    for request in [
        Request::complete(account, call),
        Request::update(account, call, &hang_up()).expect("short"),
        Request::update(account, call, &farewell).expect("short"),
    ] {
        assert_eq!(request.method, Method::Post);
        assert_eq!(
            request.path,
            "/2010-04-01/Accounts/ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4/Calls/CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c.json"
        );
        let body = request.body();
        let decoded: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert!(schema.is_valid(&json!(decoded)), "{body}");
        assert_eq!(decoded.len(), request.form.len());
        for (name, value) in &request.form {
            assert_eq!(decoded.get(*name), Some(value), "as the carrier reads it");
        }
    }
    assert!(!schema.is_valid(&json!({"Status": "over"})), "the schema would notice");
    let fetch = Request::fetch(account, call);
    assert_eq!((fetch.method, fetch.body().as_str()), (Method::Get, ""));
}

#[test]
fn a_request_shows_no_text() {
    let (account, call) = ids();
    let shown = format!("{:?}", Request::update(account, call, &said("hidden")).expect("short"));
    assert!(shown.contains("Twiml") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn an_inline_document_has_at_most_4000_characters() {
    let (account, call) = ids();
    let around = said("x").as_str().chars().count() - 1;
    let longest = said(&"\u{e4}".repeat(MAX_INLINE - around));
    assert!(Request::update(account, call, &longest).is_ok());
    let longer = said(&"\u{e4}".repeat(MAX_INLINE - around + 1));
    assert_eq!(Request::update(account, call, &longer), Err(InlineTooLong { length: MAX_INLINE + 1 }));
}

#[test]
fn answers_mean_done_again_the_operators_mistake_or_ours() {
    let again = |status, code| Verdict::Again { status: Some(status), code };
    let operator = |status, code| Verdict::Operator { status, code };
    for (status, body, verdict, outcome) in [
        (200, refusal(20003), Verdict::Done, RequestOutcome::Done),
        (204, Vec::new(), Verdict::Done, RequestOutcome::Done),
        (404, refusal(20404), Verdict::Gone, RequestOutcome::Done),
        (404, b"<html>".to_vec(), Verdict::Gone, RequestOutcome::Done),
        (400, refusal(21220), Verdict::Gone, RequestOutcome::Done),
        (429, refusal(20429), again(429, Some(20429)), RequestOutcome::Failed),
        (429, Vec::new(), again(429, None), RequestOutcome::Failed),
        (400, refusal(20429), again(400, Some(20429)), RequestOutcome::Failed),
        (408, Vec::new(), again(408, None), RequestOutcome::Failed),
        (500, b"{}".to_vec(), again(500, None), RequestOutcome::Failed),
        (503, b"upstream".to_vec(), again(503, None), RequestOutcome::Failed),
        (401, refusal(20003), operator(401, Some(20003)), RequestOutcome::Failed),
        (401, Vec::new(), operator(401, None), RequestOutcome::Failed),
        (403, refusal(20003), operator(403, Some(20003)), RequestOutcome::Failed),
        (400, refusal(20005), operator(400, Some(20005)), RequestOutcome::Failed),
        (307, Vec::new(), operator(307, None), RequestOutcome::Failed),
        (400, refusal(21218), Verdict::Ours { status: 400, code: Some(21218) }, RequestOutcome::Failed),
        (415, Vec::new(), Verdict::Ours { status: 415, code: None }, RequestOutcome::Failed),
    ] {
        let of = Verdict::of(status, &body);
        assert_eq!((of, of.outcome()), (verdict, outcome), "{status} {}", String::from_utf8_lossy(&body));
    }
    assert_eq!(Verdict::NO_ANSWER.outcome(), RequestOutcome::Failed);
}

#[test]
fn every_state_of_the_vendors_schema_is_known() {
    let mut schema = read("resources.schema.json");
    let states = schema["$defs"]["call_enum_status"]["enum"].as_array().expect("a list").clone();
    schema["$ref"] = "#/$defs/api.v2010.account.call".into();
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    assert_eq!(states.len(), 8);
    for state in states {
        let answer = json!({"sid": ids().1.as_str(), "status": state, "duration": null});
        assert!(schema.is_valid(&answer), "{answer}");
        let goes_on = matches!(state.as_str(), Some("queued" | "ringing" | "in-progress"));
        let expected = if goes_on { CallStatus::InProgress } else { CallStatus::Ended };
        assert_eq!(status(Verdict::Done, answer.to_string().as_bytes()), expected, "{state}");
    }
    let words = read("webhooks.json");
    for request in words["requests"].as_array().expect("a list") {
        if let Some(word) = request["params"]["CallStatus"].as_str() {
            assert!(call_status(word).is_some(), "{word}");
        }
    }
}

#[test]
fn a_call_is_asked_for_in_vain_when_nobody_answers() {
    assert_eq!(status(Verdict::Gone, b""), CallStatus::Ended);
    assert_eq!(status(Verdict::NO_ANSWER, b""), CallStatus::Unreachable);
    assert_eq!(status(Verdict::of(401, b""), b""), CallStatus::Unreachable);
    for body in ["", "[]", "{}", r#"{"status":null}"#, r#"{"status":"dreaming"}"#] {
        assert_eq!(status(Verdict::Done, body.as_bytes()), CallStatus::Unreachable, "{body}");
    }
}

#[test]
fn answers_become_neutral_words() {
    let body = br#"{"status":"completed"}"#;
    let answer = |request, verdict| answer(request, verdict, body);
    let say = CallRequest::Say(FarewellKind::Silence);
    assert_eq!(answer(CallRequest::Hangup, Verdict::Gone), Some(CallAnswer::Hangup(RequestOutcome::Done)));
    assert_eq!(answer(CallRequest::Hangup, Verdict::NO_ANSWER), Some(CallAnswer::Hangup(RequestOutcome::Failed)));
    assert_eq!(answer(say, Verdict::Done), Some(CallAnswer::Say(RequestOutcome::Done)));
    assert_eq!(answer(CallRequest::FetchStatus, Verdict::Done), Some(CallAnswer::Status(CallStatus::Ended)));
    assert_eq!(answer(CallRequest::CloseStream, Verdict::Done), None);
}

proptest! {
    #[test]
    fn any_answer_has_a_meaning(http: u16, body: Vec<u8>) {
        let verdict = Verdict::of(http, &body);
        let _ = (status(verdict, &body), verdict.outcome(), verdict.to_string());
    }
}

#[test]
fn the_vendors_code_counts_only_as_a_number() {
    let odd: Value = json!({"code": "20404"});
    assert_eq!(Verdict::of(400, odd.to_string().as_bytes()), Verdict::Ours { status: 400, code: None });
}
