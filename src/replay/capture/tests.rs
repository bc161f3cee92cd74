use super::*;
use crate::{
    call::LedgerEntry,
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
