use super::{SCENARIOS, Scenario, clips};
use crate::vad::Detector;

#[test]
fn every_scenario_keeps_every_rule() {
    for scenario in SCENARIOS {
        let played = scenario.play(Detector::default(), |_, _| {}).unwrap();
        assert_eq!(played.rules.broken, [""; 0], "{}", scenario.name);
    }
}

#[test]
fn names_are_unique_and_the_clips_say_what_their_texts_say() {
    for scenario in SCENARIOS {
        assert_eq!(SCENARIOS.iter().filter(|other| other.name == scenario.name).count(), 1, "{}", scenario.name);
        assert_eq!(Scenario::find(scenario.name).map(|found| found.what), Some(scenario.what));
    }
    let texts: serde_json::Value =
        serde_json::from_str(include_str!("../../../fixtures/voices/en/texts.json")).unwrap();
    for (name, text) in clips::VOICES {
        assert_eq!(texts[name], *text, "{name}");
        let clip = clips::clip(name);
        assert!(clip.speech.1 - clip.speech.0 > 300.0, "{name}");
    }
}

#[test]
fn a_scenario_plays_the_same_way_twice() {
    let ledger = |_| {
        let mut lines = Vec::new();
        let scenario = Scenario::find("take-back").unwrap();
        let played = scenario.play(Detector::default(), |entry, _| lines.push(format!("{entry:?}"))).unwrap();
        (lines, played.heard)
    };
    assert_eq!(ledger(1), ledger(2));
}
