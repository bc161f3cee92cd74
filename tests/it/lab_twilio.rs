//! The stand-in for Twilio, against a gateway of a few lines.

mod gateway;
mod load;

use std::{sync::Arc, time::Duration};

use quietline::lab::twilio::{CallEvent, CallReport, Dial, EndedBy, Lab, LabCall, LabConfig, StreamEnd};
use tokio::time::timeout;

use gateway::{ACCOUNT, Gateway, PATIENCE, PUBLIC, TOKEN, connect};

async fn lab(gateway: &Gateway) -> Lab {
    let address = quietline::lab::twilio::Gateway(gateway.address);
    Lab::start(LabConfig::new(ACCOUNT.parse().unwrap(), TOKEN, PUBLIC, address)).await.unwrap()
}

fn dial() -> Dial {
    Dial::new("+13235550123", "+18185550147")
}

async fn finished(call: &LabCall) -> Arc<CallReport> {
    let report = timeout(PATIENCE, call.finished()).await;
    report.unwrap_or_else(|_| panic!("the call goes on: {:#?}", call.events()))
}

/// No violations and no warnings.
fn assert_clean(report: &CallReport) {
    assert_eq!(report.violations, Vec::<String>::new(), "{:#?}", report.events);
    assert_eq!(report.warnings, Vec::new(), "{:#?}", report.events);
}

#[tokio::test]
async fn a_call_from_the_webhook_to_the_closed_stream() {
    let gateway = Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect(""),
            _ => (204, "text/plain", String::new()),
        },
        |mut stream| async move {
            let start = stream.started().await;
            assert_eq!(start["start"]["customParameters"]["call_token"], "t0k3n");
            stream.play(400).await;
            stream.mark("goodbye").await;
            let echo = stream.until("mark").await.unwrap();
            assert_eq!(echo["mark"]["name"], "goodbye");
            stream.close(1000).await;
        },
    )
    .await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    let report = finished(&call).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.status), (EndedBy::Stream, "completed"));
    assert_eq!(report.heard.utterances.len(), 1);
    assert_eq!((report.counts.marks, report.counts.marks_echoed, report.unheard_ms), (1, 1, 0));
    let ended = report.events.iter().find(|(_, event)| matches!(event, CallEvent::StreamEnded { .. }));
    assert_eq!(ended.unwrap().1, CallEvent::StreamEnded { end: StreamEnd::Closed(Some(1000)), unheard_ms: 0 });
    let played = report.ended - report.stream.unwrap();
    assert!(played >= Duration::from_millis(400), "the mark came back when it was played, {played:?}");

    let voice = &gateway.asked("/twilio/voice")[0];
    assert!(voice.signed && voice.form["CallStatus"] == "ringing" && voice.form["From"] == "+18185550147");
    assert_eq!(voice.headers["user-agent"], "TwilioProxy/1.1");
    let media = &gateway.asked("/twilio/media")[0];
    assert_eq!(
        (media.headers["user-agent"].as_str(), media.headers["host"].as_str()),
        ("Twilio.TmeWs/1.0", "gate.example.com")
    );
    let told: Vec<_> = gateway.asked("/twilio/stream-status").iter().map(|it| it.form["StreamEvent"].clone()).collect();
    assert_eq!(told, ["stream-started", "stream-stopped"]);
    let status = &gateway.asked("/twilio/status")[0];
    assert_eq!(
        (status.form["CallStatus"].as_str(), status.form["CallSid"].as_str()),
        ("completed", call.sid().as_str())
    );
}
