//! REST: what a gateway may ask of a call, and what is wrong with it on request.

use std::time::Duration;

use quietline::lab::{
    ScriptedCarrier, Trouble,
    twilio::{CallEvent, Dial, EndedBy, LabCall, RestFault},
};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{
    assert_clean, dial, finished,
    gateway::{self, Gateway, connect, login, path, twiml},
    lab, ms, wait_for,
};

async fn gateway() -> Gateway {
    let answer = |asked: &gateway::Asked| match asked.path.as_str() {
        "/twilio/voice" => connect("<Say>never</Say>"),
        "/other" => twiml("<Hangup/>"),
        _ => (204, "text/plain", String::new()),
    };
    Gateway::start(answer, |mut stream| async move {
        stream.started().await;
        stream.play(5000).await;
        stream.mark("never").await;
        stream.until("stop").await.unwrap();
        assert_eq!(stream.next().await, None, "a close follows");
    })
    .await
}

async fn streaming(call: &LabCall) {
    wait_for(call, "stream", |event| matches!(event, CallEvent::StreamStarted(_))).await;
}

#[tokio::test]
async fn a_call_is_fetched_completed_and_gone() {
    let gateway = gateway().await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    streaming(&call).await;
    let (url, path) = (lab.rest_url(), path(call.sid().as_str()));
    let (status, resource) = gateway::rest(&url, "GET", &path, &login(), "").await;
    assert_eq!((status, &resource["status"], &resource["end_time"]), (200, &"in-progress".into(), &Value::Null));
    assert_eq!(resource["uri"], path.as_str());
    let (status, resource) = gateway::rest(&url, "POST", &path, &login(), "Status=canceled").await;
    assert_eq!((status, &resource["code"]), (400, &21220.into()), "only before the answer");
    let (status, resource) = gateway::rest(&url, "POST", &path, &login(), "Status=completed").await;
    assert_eq!((status, &resource["status"]), (200, &"completed".into()));
    let report = finished(&call).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.spoken.len(), report.counts.marks_echoed), (EndedBy::Rest, 0, 0));
    assert!(report.unheard_ms > 0);
    let (status, refusal) = gateway::rest(&url, "POST", &path, &login(), "Status=completed").await;
    assert_eq!((status, &refusal["code"], &refusal["status"]), (400, &21220.into(), &400.into()));
    let (status, resource) = gateway::rest(&url, "GET", &path, &login(), "").await;
    assert_eq!((status, &resource["status"], &resource["duration"]), (200, &"completed".into(), &"1".into()));
}

#[tokio::test]
async fn another_document_ends_the_stream_and_is_followed() {
    let gateway = gateway().await;
    let lab = lab(&gateway).await;
    for (form, spoken) in [
        ("Twiml=%3CResponse%3E%3CSay%3EBye.%3C%2FSay%3E%3CHangup%2F%3E%3C%2FResponse%3E", 1),
        ("Url=https%3A%2F%2Fgate.example.com%2Fother&Method=POST", 0),
    ] {
        let call = lab.dial(dial());
        streaming(&call).await;
        let (status, resource) =
            gateway::rest(&lab.rest_url(), "POST", &path(call.sid().as_str()), &login(), form).await;
        assert_eq!((status, &resource["status"]), (200, &"in-progress".into()));
        let report = finished(&call).await;
        assert_clean(&report);
        assert_eq!((report.ended_by, report.spoken.len()), (EndedBy::Document, spoken), "{:#?}", report.events);
    }
    assert!(gateway.asked("/other")[0].signed);
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_the_vendors_words() {
    let gateway = gateway().await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    streaming(&call).await;
    let url = lab.rest_url();
    let ours = path(call.sid().as_str());
    let unknown = path("CA00000000000000000000000000000000");
    let long = format!("Twiml={}", "x".repeat(4001));
    for (path, login, form, status, code) in [
        (ours.as_str(), "ACxx:wrong", "Status=completed", 401, 20003),
        (unknown.as_str(), login().as_str(), "Status=completed", 404, 20404),
        ("/2010-04-01/Accounts.json", login().as_str(), "", 404, 20404),
        (ours.as_str(), login().as_str(), "Status=over", 400, 20001),
        (ours.as_str(), login().as_str(), "status=completed", 400, 20001),
        (ours.as_str(), login().as_str(), "Twiml=%3CResponse%2F%3E&Url=https%3A%2F%2Fx", 400, 20001),
        (ours.as_str(), login().as_str(), long.as_str(), 400, 32018),
    ] {
        let (got, refusal) = gateway::rest(&url, "POST", path, login, form).await;
        assert_eq!((got, &refusal["code"]), (status, &code.into()), "{form:.60}");
    }
    call.hang_up();
    let report = finished(&call).await;
    assert_eq!(report.counts.violations, 4, "{:?}", report.violations);
}

#[tokio::test]
async fn faults_for_all_calls_and_for_one() {
    let gateway = gateway().await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    streaming(&call).await;
    let (url, path) = (lab.rest_url(), path(call.sid().as_str()));
    lab.set_rest_fault(Some(RestFault::Status(500)), Duration::from_secs(60));
    let (status, _) = gateway::rest(&url, "POST", &path, &login(), "Status=completed").await;
    assert_eq!(status, 500);
    lab.set_rest_fault(None, Duration::ZERO);
    call.set_rest_fault(Some(RestFault::Status(429)));
    let (status, refusal) = gateway::rest(&url, "GET", &path, &login(), "").await;
    assert_eq!((status, &refusal["code"]), (429, &20429.into()));
    call.set_rest_fault(Some(RestFault::Silent));
    let waited = timeout(ms(500), gateway::rest(&url, "POST", &path, &login(), "Status=completed")).await;
    assert!(waited.is_err(), "no answer, and nothing done");
    call.set_rest_fault(Some(RestFault::Slow(ms(400))));
    let began = Instant::now();
    let (status, resource) = gateway::rest(&url, "GET", &path, &login(), "").await;
    assert_eq!((status, &resource["status"]), (200, &"in-progress".into()));
    assert!(began.elapsed() >= ms(400));
    call.hang_up();
    let report = finished(&call).await;
    let asked = report.events.iter().filter(|(_, event)| matches!(event, CallEvent::Rest { .. })).count();
    assert_eq!(asked, 4, "{:#?}", report.events);
}

#[tokio::test]
async fn the_lines_own_trouble_with_rest_counts_from_the_streams_start() {
    let gateway = gateway().await;
    let lab = lab(&gateway).await;
    let until = ScriptedCarrier::waiting(Trouble::default()).start() + Duration::from_secs(60);
    let rest = quietline::lab::Rest::FailsUntil(ms(10), until);
    let caller = ScriptedCarrier::waiting(Trouble { rest, ..Trouble::default() });
    let call = lab.dial(Dial { caller, ..dial() });
    streaming(&call).await;
    let (status, _) = gateway::rest(&lab.rest_url(), "GET", &path(call.sid().as_str()), &login(), "").await;
    assert_eq!(status, 500);
    drop(lab);
    assert_eq!(finished(&call).await.ended_by, EndedBy::Lab);
}
