use std::time::Duration;

use super::{
    shadow::{Counts, Effect, Judged},
    *,
};
use crate::{
    call::{LedgerEntry, Reason},
    replay::scenario::{SCENARIOS, Scenario},
    session::capture::{Capture, State},
    vad::Detector,
};

fn captured(name: &str) -> Vec<u8> {
    Scenario::find(name).unwrap().capture(Detector::default()).unwrap()
}

fn play(bytes: &[u8], changes: &[&str]) -> Played {
    let capture = Capture::read(bytes).unwrap();
    Play::new(&capture, &Change::parse(changes).unwrap()).unwrap().run()
}

#[test]
fn every_scenario_replays_to_the_same_decisions() {
    for scenario in SCENARIOS {
        let bytes = scenario.capture(Detector::default()).unwrap();
        let capture = Capture::read(&bytes).unwrap();
        assert_eq!(capture.state, State::Complete, "{}", scenario.name);
        let played = Play::new(&capture, &Change::default()).unwrap().run();
        let mut ledger: Vec<LedgerEntry> = Vec::new();
        scenario.play(Detector::default(), |entry, _| ledger.push(*entry)).unwrap();
        assert!(played.is_same && played.is_over && played.parting.is_none(), "{}: {played:#?}", scenario.name);
        assert_eq!(played.ledger, ledger, "{}", scenario.name);
        assert_eq!(played.captured_ledger, played.ledger_lines(), "{}", scenario.name);
        assert_eq!(capture.end.unwrap().ending, played.ending(), "{}", scenario.name);
    }
}

#[test]
fn a_capture_without_its_end_is_the_same_as_far_as_it_goes() {
    let bytes = captured("barge-in");
    let whole = play(&bytes, &[]);
    let middle = &bytes[..bytes.len() * 2 / 3];
    let played = play(middle, &[]);
    assert_eq!(Capture::read(middle).unwrap().state, State::CutOff);
    assert!(played.is_same && !played.is_over && played.parting.is_none());
    assert_eq!(played.ledger, whole.ledger[..played.ledger.len()]);
    assert!(played.length < whole.length);
}

#[test]
fn another_timeout_is_known_to_end_a_call_earlier_and_not_for_how_long_it_goes_on() {
    let thirty = captured("silence");
    let later = play(&thirty, &["silence_timeout_s=31"]);
    let was = play(&thirty, &[]).ending();
    let us = |played: &Played| played.record.ending_begun_at.unwrap().as_micros();
    assert_eq!(us(&later), was.begun_us.unwrap() + 1_000_000, "{later:#?}");
    // The caller did not hear the goodbye at 30 s: what they would have said without it is not known.
    assert!(!later.is_known() && later.parting.is_some());
    let earlier = play(&thirty, &["silence_timeout_s=20"]);
    assert_eq!(us(&earlier), was.begun_us.unwrap() - 10_000_000);
    assert!(earlier.is_known() && earlier.is_over, "its own goodbye is played and its own hang-up answered");
    assert_eq!(earlier.record.reason, Some(Reason::Silence));
    let parting = earlier.parting.unwrap();
    assert_eq!(Some(parting.at), earlier.record.ending_begun_at);
    let past = play(&thirty, &["silence_timeout_s=60"]);
    assert!(past.record.ending_begun_at.is_none() && !past.is_over);
    assert_eq!(past.deadline.map(|at| at.as_micros()), Some(was.deadline_us.unwrap() + 30_000_000));
}

#[test]
fn the_ledger_alone_parts_nothing() {
    let bytes = captured("hangup-call");
    let played = play(&bytes, &["silence_timeout_s=50"]);
    assert!(played.parting.is_none() && !played.is_same, "the deadlines differ and nothing that is done");
    let (captured, now) = (&played.captured_ledger, played.ledger_lines());
    assert_eq!(differing_lines(captured, &now, false), None);
    let Stretch { common, captured: then, now } = differing_lines(captured, &now, true).unwrap();
    assert!(common == 0 && !then.is_empty() && then.len() == now.len(), "{then:#?}\n{now:#?}");
    assert_eq!(then[0].cause, now[0].cause);
    assert_eq!(now[0].deadline.zip(then[0].deadline).map(|(now, then)| now - then), Some(Duration::from_secs(20)));
}

#[test]
fn interruptions_that_do_not_happen_are_supposed_and_told() {
    let bytes = captured("barge-in");
    let judged = Judged::of(&bytes, &Change::parse(&["barge_in_min_ms=600"]).unwrap()).unwrap();
    assert!(judged.replays && judged.parted_at.is_some() && !judged.is_known, "{judged:#?}");
    let same = Judged::of(&bytes, &Change::default()).unwrap();
    assert_eq!((same.effect, same.is_known, same.barge_ins), (Effect::Same, true, (1, 1)));
}

#[test]
fn a_set_of_calls_is_counted_and_sorted() {
    let change = |text: &str| Change::parse(&[text]).unwrap();
    let calls: Vec<Vec<u8>> = SCENARIOS.iter().map(|scenario| captured(scenario.name)).collect();
    let judge = |change: &Change| calls.iter().map(|bytes| Judged::of(bytes, change).unwrap()).collect::<Vec<_>>();
    let same = Counts::of(&judge(&Change::default()));
    assert_eq!((same.all(), same.effects[0], same.otherwise), (SCENARIOS.len(), (SCENARIOS.len(), SCENARIOS.len()), 0));
    let earlier = judge(&change("silence_timeout_s=25"));
    let counts = Counts::of(&earlier);
    let by_silence = SCENARIOS.iter().filter(|scenario| scenario.ends_by == Reason::Silence).count();
    assert!(counts.effects[1].0 >= by_silence - 2, "{counts:?}");
    for (call, scenario) in earlier.iter().zip(SCENARIOS) {
        if matches!(scenario.name, "silence" | "no-tool") {
            assert_eq!((call.effect, call.is_known), (Effect::Earlier(Duration::from_secs(5)), true));
        }
        if scenario.ends_by != Reason::Silence {
            assert_eq!(call.effect, Effect::Same, "{}", scenario.name);
        }
    }
    let longer = judge(&change("silence_timeout_s=60"));
    assert_eq!(Counts::of(&longer).effects[5].0, longer.iter().filter(|call| call.would.begun_us.is_none()).count());
    let mut sorted: Vec<_> = longer.iter().map(Judged::size).collect();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!(sorted[0], (2, u64::MAX), "those that go on past the end come first");
}

#[test]
fn a_detector_that_is_not_known_is_named() {
    let bytes = captured("silence");
    let mut capture = Capture::read(&bytes).unwrap();
    capture.header.detector = "bat".into();
    let error = Play::new(&capture, &Change::default()).unwrap_err().to_string();
    assert!(error.contains("\"bat\"") && error.contains("cascade") && error.contains("--set detector=NAME"), "{error}");
    assert!(Play::new(&capture, &Change::parse(&["detector=cascade"]).unwrap()).unwrap().run().is_same);
}
