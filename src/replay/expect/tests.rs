use serde_json::{Value, json};

use super::{Checked, Expect};
use crate::{
    call::Reason,
    replay::{Outcome, Rules},
};

/// A call that ended by silence at 44.74 s.
fn outcome() -> Outcome {
    Outcome {
        duration_ms: 51_740,
        talkspurts: vec![(3_800.0, 6_340.0), (12_200.0, 14_740.0)],
        silence_started_ms: Some(14_740.0),
        deadline_ms: Some(44_740.0),
        goodbye_ms: Some(44_760.0),
        hangup_ms: Some(49_440.0),
        reason: Some(Reason::Silence),
        truth_error_ms: None,
        rules: Rules { goodbye_whole: Some(true), ..Rules::default() },
        ledger: Vec::new(),
        audio: (Vec::new(), Vec::new()),
        trace: Vec::new(),
    }
}

fn check(expect: &Value) -> Vec<Checked> {
    Expect::parse(expect).unwrap().check(&outcome(), None)
}

fn unmet(expect: &Value) -> Vec<String> {
    check(expect).iter().filter(|checked| !checked.met).map(Checked::to_string).collect()
}

#[test]
fn what_came_as_expected_is_met() {
    let expect = json!({
        "reason": "silence",
        "goodbye_ms": 44_740,
        "hangup_ms": {"at": 49_400, "tolerance": 40},
        "silence_started_ms": 14_800.0,
        "closed_after_tool_ms": null,
        "no_goodbye_before_ms": 44_740,
        "goodbye_whole": true,
        "talkspurts": [[3_770, 6_280], [12_200, 14_740]],
    });
    assert_eq!(unmet(&expect), [""; 0]);
    assert_eq!(check(&expect).len(), 8, "each is told");
    assert_eq!(unmet(&json!({"talkspurts": 2})), [""; 0]);
}

#[test]
fn what_did_not_says_by_how_much() {
    let unmet = |expect: Value| unmet(&expect).join("; ");
    assert_eq!(
        unmet(json!({"hangup_ms": 46_100})),
        "hangup_ms: expected 46100.0 ms ± 60 ms, got 49440.0 ms: 3340.0 ms too late"
    );
    assert_eq!(
        unmet(json!({"goodbye_ms": {"at": 44_790, "tolerance": 20}})),
        "goodbye_ms: expected 44790.0 ms ± 20 ms, got 44760.0 ms: 30.0 ms too early"
    );
    assert_eq!(unmet(json!({"reason": "hangup_call"})), "reason: expected hangup_call, got silence");
    assert_eq!(unmet(json!({"goodbye_ms": null})), "goodbye_ms: expected none, got 44760.0 ms");
    assert_eq!(
        unmet(json!({"closed_after_tool_ms": 2_000})),
        "closed_after_tool_ms: expected 2000.0 ms ± 60 ms, got none"
    );
    assert_eq!(
        unmet(json!({"no_hangup_before_ms": 50_000})),
        "no_hangup_before_ms: expected 50000.0 ms, got 49440.0 ms: 560.0 ms too early"
    );
    assert_eq!(unmet(json!({"goodbye_whole": false})), "goodbye_whole: expected false, got true");
    assert_eq!(unmet(json!({"talkspurts": 3})), "talkspurts: expected 3, got 2");
    let spurts = unmet(json!({"talkspurts": [[3_800, 6_340], [12_200, 14_000]]}));
    assert!(spurts.ends_with(": 740.0 ms too late"), "{spurts}");
    assert!(!unmet(json!({"talkspurts": [[3_800, 6_340]]})).is_empty());
}

#[test]
fn the_nearest_tolerance_counts() {
    let met = |expect: Value, default| {
        Expect::parse(&expect).unwrap().check(&outcome(), default).iter().all(|checked| checked.met)
    };
    assert!(!met(json!({"goodbye_ms": 44_900}), None));
    assert!(met(json!({"goodbye_ms": 44_900}), Some(140.0)));
    assert!(met(json!({"goodbye_ms": 44_900, "tolerance_ms": 140}), Some(10.0)), "the file's before the default");
    assert!(!met(json!({"goodbye_ms": {"at": 44_900, "tolerance": 10}, "tolerance_ms": 140}), None));
}

#[test]
fn what_is_not_known_is_refused_with_what_is() {
    let error = |expect: Value| Expect::parse(&expect).unwrap_err().to_string();
    let unknown = error(json!({"hangup": 1}));
    assert!(unknown.starts_with("`expect` has no key `hangup`; there are silence_started_ms, "), "{unknown}");
    assert!(unknown.contains("hangup_ms") && unknown.contains("reason"), "{unknown}");
    assert!(error(json!([])).contains("expected an object"));
    let reason = error(json!({"reason": "boredom"}));
    assert!(reason.contains(r#""boredom": expected one of silence, hangup_call"#), "{reason}");
    for bad in [json!(-1), json!("soon"), json!({"at": 1, "within": 2}), json!({"tolerance": 2}), json!([1])] {
        assert!(error(json!({"hangup_ms": bad})).contains("`hangup_ms` in `expect` is "));
    }
    assert!(error(json!({"talkspurts": [[1, 2, 3]]})).contains("how many"));
    assert!(error(json!({"goodbye_whole": "yes"})).contains("true, false"));
    assert!(error(json!({"no_goodbye_before_ms": null})).contains("milliseconds"));
    assert!(error(json!({"tolerance_ms": -5})).contains("milliseconds"));
}
