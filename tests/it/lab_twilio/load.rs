//! Many calls at once, against the gateway of a few lines.

use std::{collections::BTreeMap, future::pending, time::Duration};

use quietline::lab::{
    Trouble,
    load::{AtEnd, Judge, LoadReport, Plan, Talk, broken_rules, run},
};
use tokio::time::sleep;

use super::{
    gateway::{Gateway, connect, twiml},
    lab,
};

const SILENCE: Duration = Duration::from_millis(300);

fn plan(calls: u32, at_once: u32) -> Plan {
    Plan {
        calls,
        at_once,
        ramp: Duration::from_millis(50),
        warm_up: Duration::ZERO,
        longest: None,
        at_end: AtEnd::HangUp,
        to: "+13235550123".to_owned(),
        from: "+18185550147".to_owned(),
        talk: Talk::Silent,
        trouble: Trouble::default(),
        silence_timeout: SILENCE,
        server_pid: Some(std::process::id()),
    }
}

async fn report(gateway: &Gateway, plan: &Plan) -> LoadReport {
    let outcome = run(lab(gateway).await, None, plan, pending(), |_| {}).await;
    LoadReport::of(plan, &outcome, None)
}

/// Says goodbye when the silence is over, and closes in the middle of it if it is `hasty`.
async fn quiet(hasty: bool) -> Gateway {
    Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect(""),
            _ => (204, "text/plain", String::new()),
        },
        move |mut stream| async move {
            stream.started().await;
            sleep(SILENCE).await;
            stream.play(200).await;
            stream.mark("goodbye").await;
            if !hasty {
                stream.until("mark").await;
            }
            stream.close(1000).await;
        },
    )
    .await
}

#[tokio::test]
async fn calls_follow_each_other_and_their_goodbyes_are_measured() {
    let report = report(&quiet(false).await, &plan(7, 3)).await;
    assert_eq!((report.calls.dialled, report.calls.up, report.calls.unended), (7, 7, 0));
    assert_eq!(report.calls.ended_by, BTreeMap::from([("the gateway (stream closed)".to_owned(), 7)]));
    let onset = report.onset_ms.unwrap();
    assert!(onset.count == 7 && onset.min >= -2.0 && onset.p50 < 150.0, "{onset:?}");
    assert_eq!((report.without_goodbye, report.cut_off, report.violations, report.voice.underruns), (0, 0, 0, 0));
    assert_eq!(report.voice.bytes_per_message, Some([1600; 3]));
    assert_eq!(report.webhook_ms.unwrap().count, 7);
    assert!(report.seconds >= 1.5, "three times half a second: {} s", report.seconds);
    let broken = broken_rules(&report, Judge::Usual);
    assert!(broken.iter().all(|rule| rule.contains("late")), "{broken:?}");
}

#[tokio::test]
async fn a_goodbye_that_is_cut_off_breaks_a_rule() {
    let report = report(&quiet(true).await, &plan(2, 2)).await;
    assert!(report.cut_off == 2 && report.unheard_max_ms > 100, "{report:?}");
    assert!(broken_rules(&report, Judge::Usual).iter().any(|rule| rule.contains("2 goodbyes were cut off")));
}

#[tokio::test]
async fn busy_is_counted_and_refusals_are_named() {
    let asked = std::sync::atomic::AtomicU32::new(0);
    let gateway = Gateway::start(
        move |request| match request.path.as_str() {
            "/twilio/voice" if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
                (503, "text/plain", String::new())
            }
            "/twilio/voice" => twiml("<Reject reason=\"busy\"/>"),
            _ => (204, "text/plain", String::new()),
        },
        |_| async {},
    )
    .await;
    let report = report(&gateway, &plan(4, 1)).await;
    let refused = [("HTTP 503".to_owned(), 1), ("rejected by the document".to_owned(), 3)];
    assert_eq!((report.calls.up, report.calls.refused.clone()), (0, refused.into()));
    assert!(broken_rules(&report, Judge::Strict).contains(&"1 calls failed: HTTP 503".to_owned()));
}

#[tokio::test]
async fn callers_hang_up_when_time_is_over() {
    let gateway = Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect(""),
            _ => (204, "text/plain", String::new()),
        },
        |mut stream| async move { while stream.next().await.is_some() {} },
    )
    .await;
    let plan = Plan { longest: Some(Duration::from_millis(2500)), ..plan(3, 2) };
    let report = report(&gateway, &plan).await;
    assert_eq!((report.calls.dialled, report.calls.up, report.calls.overdue), (2, 2, 0), "the third one never began");
    assert_eq!(report.calls.ended_by, BTreeMap::from([("the caller".to_owned(), 2)]));
    assert_eq!(report.onset_ms, None);
    let server = report.server.unwrap();
    assert!(server.measured_s >= 0.9 && server.rss_full_kib > 0, "{server:?}");
}
