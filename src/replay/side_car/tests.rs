use std::time::Duration;

use super::SideCar;
use crate::{assistant::Settings, replay::Verdicts, vad::Detector};

fn error(json: &str) -> String {
    SideCar::parse(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn expectations_stand_with_the_labels_or_alone() {
    let both = SideCar::parse(br#"{"caller_speech": [[1, 2]], "expect": {"reason": "silence"}}"#).unwrap();
    assert!(both.truth.is_some() && both.expect.is_some());
    let alone = SideCar::parse(br#"{"expect": {"reason": "silence"}}"#).unwrap();
    assert!(alone.truth.is_none(), "no labels are not the label that nobody speaks");
    let nobody = SideCar::parse(br#"{"caller_speech": []}"#).unwrap();
    assert!(nobody.truth.unwrap().caller_speech.is_empty());
    assert!(error(r#"{"name": "a call"}"#).contains("caller_speech"));
    assert!(error(r#"{"expect": {"hangup": 1}}"#).contains("no key `hangup`"));
    assert!(error("[1, 2]").contains("not a truth file"));
}

#[test]
fn settings_are_called_as_in_the_servers_file() {
    let json = br#"{"settings": {"silence_timeout_s": 45, "min_speech_ms": 200, "hangover_ms": 400,
        "barge_in_min_ms": 300, "noise_budget_s": 0, "level_floor_db": 12, "max_duration_s": 600, "filler": false,
        "reminder": {"after_s": 20}, "tools": {"hangup_call": {"cancellable": false}}, "language": "fr",
        "detector": "energy", "verdict": "wordless"}}"#;
    let given = SideCar::parse(json).unwrap().settings;
    assert_eq!((given.detector, given.verdict), (Some(Detector::Energy), Some(Verdicts::Wordless)));
    let mut settings = Settings::default();
    given.apply(&mut settings).unwrap();
    assert_eq!(settings.silence_timeout.get(), Duration::from_secs(45));
    assert_eq!(settings.min_speech.get(), Duration::from_millis(200));
    assert_eq!(settings.noise_budget.get(), Duration::ZERO);
    assert_eq!(settings.reminder.map(|reminder| reminder.after), Some(Duration::from_secs(20)));
    assert_eq!(settings.hangup_call.map(|tool| tool.cancellable), Some(false));
    assert_eq!((settings.language.as_str(), settings.filler), ("fr", false));
    let untouched = SideCar::parse(br#"{"settings": {}}"#).unwrap().settings;
    let mut settings = Settings::default();
    untouched.apply(&mut settings).unwrap();
    assert_eq!(settings, Settings::default());
}

#[test]
fn settings_that_cannot_be_say_why() {
    let unknown = error(r#"{"settings": {"silence_timeout": 45}}"#);
    assert!(
        unknown.contains("unknown field `silence_timeout`") && unknown.contains("`silence_timeout_s`"),
        "{unknown}"
    );
    assert!(error(r#"{"settings": {"verdict": "guess"}}"#).contains("there are unknown, wordless, truth"));
    assert!(error(r#"{"settings": {"tools": {"hangup": true}}}"#).contains("`hangup_call`"));
    let apply =
        |json: &str| SideCar::parse(json.as_bytes()).unwrap().settings.apply(&mut Settings::default()).unwrap_err();
    assert_eq!(apply(r#"{"settings": {"silence_timeout_s": 61}}"#), "silence_timeout = 61 is outside 30..=60 s");
    assert_eq!(apply(r#"{"settings": {"min_speech_ms": -1}}"#), "min_speech = -1 is outside 60..=400 ms");
    assert_eq!(apply(r#"{"settings": {"reminder": {"after_s": 27}}}"#), "reminder = 27 is outside 5..=25 s");
}
