//! Loads on a gateway, with a model of the load's own: what the gateway adds each way, and the goodbyes at their end.

use std::time::Duration;

use quietline::{
    audio::Encoding,
    lab::{
        SharedModel, Trouble,
        load::{AtEnd, Judge, LoadReport, Plan, Talk, broken_rules},
        openai::{OpenAiConfig, OpenAiLab},
    },
};

use super::room::{Room, assistant, model, settings, wired};

const NUMBER: &str = "+15550200900";
/// The gateway's silence timeout; longer than a pause that may be within a goodbye.
const SILENCE_S: u64 = 3;

fn plan(calls: u32) -> Plan {
    Plan {
        calls,
        at_once: calls,
        ramp: Duration::from_millis(50),
        warm_up: Duration::from_millis(950),
        longest: Some(Duration::from_secs(5)),
        at_end: AtEnd::FallSilent,
        to: NUMBER.to_owned(),
        from: "+15550000001".to_owned(),
        talk: Talk::Bursts,
        trouble: Trouble::default(),
        silence_timeout: Duration::from_secs(SILENCE_S),
        server_pid: Some(std::process::id()),
    }
}

async fn mirrored(encoding: Encoding, plan: &Plan) -> LoadReport {
    let openai = OpenAiLab::start(OpenAiConfig { polled: true, check_every: 3, ..OpenAiConfig::mirror() }).unwrap();
    let settings = settings(SILENCE_S);
    let mut assistant = assistant("mirrored", NUMBER, settings.clone(), SharedModel::new(model(&[])));
    assistant.model = wired(&openai, &settings, encoding);
    let room = Room::new(vec![assistant], |lab| lab.check_every = 2).await;
    let outcome = room.load(&openai, plan).await;
    LoadReport::of(plan, &outcome, None)
}

async fn both_ways_are_told_apart(encoding: Encoding) {
    let report = mirrored(encoding, &plan(4)).await;
    assert_eq!((report.calls.up, report.calls.unended, report.violations), (4, 0, 0), "{report:#?}");
    let latency = report.latency.clone().unwrap();
    assert_eq!((latency.lost, latency.unmatched), (0, 0), "{latency:?}");
    // About one a second each, in four and a half seconds.
    assert!((12..=24).contains(&latency.tones), "{latency:?}");
    let (to_model, to_caller) = (latency.to_model_ms.unwrap(), latency.to_caller_ms.unwrap());
    assert_eq!([to_model.count, to_caller.count].map(|count| count as u64), [latency.tones; 2]);
    assert!(to_model.min >= 0.0 && to_caller.min >= 0.0, "{latency:?}");
    let (added, round_trip) = (latency.added_ms.unwrap(), latency.round_trip_ms.unwrap());
    assert!(round_trip.p50 >= added.p50 && added.p50 >= to_model.min + to_caller.min, "{latency:?}");
    // When they fall silent, goodbye is said, and not before.
    assert_eq!((report.calls.interrupted, report.calls.overdue, report.without_goodbye), (0, 0, 0), "{report:#?}");
    assert_eq!(report.onset_ms, None, "tones are no speech whose end could be measured from");
    let server = report.server.unwrap();
    assert!(server.frames > 4 * 100 && server.us_per_frame > 0.0, "{server:?}");
    let broken = broken_rules(&report, Judge::Untimed);
    assert_eq!(broken, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_is_measured_with_wide_audio_to_the_model() {
    both_ways_are_told_apart(Encoding::Pcm24k).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_is_measured_with_telephone_audio_to_the_model() {
    both_ways_are_told_apart(Encoding::Mulaw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_are_sent_away_while_they_talk_break_a_rule() {
    let plan = Plan { longest: Some(Duration::from_secs(20)), at_end: AtEnd::HangUp, ..plan(2) };
    let openai = OpenAiLab::start(OpenAiConfig { polled: true, ..OpenAiConfig::silent() }).unwrap();
    let settings = settings(SILENCE_S);
    let mut assistant = assistant("silent", NUMBER, settings.clone(), SharedModel::new(model(&[])));
    assistant.model = wired(&openai, &settings, Encoding::Mulaw);
    let outcome = Room::new(vec![assistant], |_| {}).await.load(&openai, &plan).await;
    let report = LoadReport::of(&plan, &outcome, None);
    assert_eq!(report.calls.interrupted, 2, "{report:#?}");
    let rules = broken_rules(&report, Judge::Untimed);
    assert!(rules.iter().any(|rule| rule.contains("while their callers talked on")), "{rules:?}");
}
