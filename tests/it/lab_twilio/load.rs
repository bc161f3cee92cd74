//! Many calls at once, against the gateway of a few lines.

use std::{collections::BTreeMap, future::pending, process::Command, time::Duration};

use quietline::lab::{
    Trouble,
    load::{AtEnd, Judge, LoadReport, Plan, Talk, broken_rules, run},
};
use tokio::time::sleep;

use super::{
    gateway::{ACCOUNT, Gateway, TOKEN, connect, twiml},
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

/// Says back what it hears.
async fn echo() -> Gateway {
    Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect(""),
            _ => (204, "text/plain", String::new()),
        },
        |mut stream| async move {
            stream.started().await;
            while let Some(message) = stream.until("media").await {
                let payload = &message["media"]["payload"];
                let back =
                    serde_json::json!({"event": "media", "streamSid": stream.sid, "media": {"payload": payload}});
                stream.send(back).await;
            }
        },
    )
    .await
}

#[tokio::test]
async fn tones_are_found_again_without_a_model_of_ones_own() {
    let longest = Some(Duration::from_millis(3500));
    let report = report(&echo().await, &Plan { talk: Talk::Bursts, longest, ..plan(2, 2) }).await;
    let latency = report.latency.unwrap();
    assert!(latency.tones >= 4 && latency.lost == 0, "{latency:?}");
    assert_eq!(latency.round_trip_ms.unwrap().count as u64, latency.tones);
    assert_eq!((latency.to_model_ms, latency.added_ms, latency.unmatched), (None, None, 0));
    assert_eq!((report.calls.interrupted, report.calls.overdue), (0, 0));
}

/// `quietline load` against it, as its user runs it.
async fn command(gateway: &Gateway, more: &'static [&'static str]) -> (Option<i32>, String, String) {
    let url = format!("http://{}", gateway.address);
    let output = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_quietline"))
            .args(["load", "--rest-port", "0", "--gateway", &url])
            .args(["--account-sid", ACCOUNT, "--auth-token", TOKEN])
            .args(more)
            .output()
            .expect("the command was built with the tests")
    });
    let output = output.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_search_tells_each_step_and_what_held() {
    let gateway = echo().await;
    let search = ["--find-capacity", "-n", "2", "--most", "3", "--limit-ms", "5000", "--seconds", "2.5"];
    let args: &[&str] = Box::leak([&search[..], &["--warm-up", "0.5", "--json", "-"]].concat().into_boxed_slice());
    let (code, out, err) = command(&gateway, args).await;
    let found: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let steps = found["steps"].as_array().unwrap();
    for step in steps {
        assert!(["held", "not_held", "not_offered"].contains(&step["outcome"].as_str().unwrap()), "{step:#}");
        assert_eq!(step["calls"], step["report"]["at_once"], "{step:#}");
        assert!(step["report"]["latency"]["round_trip_ms"]["count"].as_u64() > Some(0), "{step:#}");
    }
    // How busy this machine is decides what holds; what is told must agree with itself.
    let held = steps.iter().filter(|step| step["outcome"] == "held").map(|step| step["calls"].as_u64()).max();
    assert_eq!(found["held"].as_u64(), held.flatten(), "{out}");
    assert_eq!(code, Some(i32::from(held.is_none())), "{out}{err}");
    assert_eq!(found["limited_by_load"], steps.last().unwrap()["outcome"] == "not_offered", "{out}");
}

#[tokio::test]
async fn callers_who_never_stop_need_an_end() {
    let (code, _, err) = command(&echo().await, &["-n", "1", "--talk", "conversation"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("callers who never stop talking need --seconds"), "{err}");
}
