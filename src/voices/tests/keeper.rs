use super::*;

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn what_may_pass_is_tried_again_later_and_later() {
    let start = clock::now();
    let (mut health, mut now) = (Health::default(), start);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        assert!(health.is_due(now));
        health.fail(now, &TtsError::Connect, Failing::Voice);
        let due = health.due.unwrap();
        assert!(!health.is_due(now));
        pauses.push((due - now).as_secs());
        now = due;
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn a_phrase_that_alone_fails_is_tried_ever_more_rarely() {
    let pauses = |error: &TtsError| {
        let (mut health, mut now) = (Health::default(), clock::now());
        let mut pauses = Vec::new();
        for _ in 0..14 {
            health.fail(now, error, Failing::Phrase);
            pauses.push((health.due.unwrap() - now).as_secs());
            now = health.due.unwrap();
        }
        pauses
    };
    assert_eq!(pauses(&TtsError::Broken)[9..], [1_024, 2_048, 3_600, 3_600, 3_600]);
    assert_eq!(pauses(&TtsError::Wording { tries: 4 })[..6], [900, 1_800, 3_600, 7_200, 14_400, 21_600]);
}

#[test]
fn phrases_that_fail_together_are_one_failure() {
    let start = clock::now();
    let mut health = Health::default();
    for ms in [0, 5, 40] {
        health.fail(start + Duration::from_millis(ms), &TtsError::Busy, Failing::Voice);
    }
    assert_eq!(health.failures, 1);
}

#[test]
fn a_vendors_pause_is_kept_even_in_need() {
    let start = clock::now();
    let mut health = Health::default();
    health.fail(start, &TtsError::Rate { retry_after: Some(Duration::from_secs(20)) }, Failing::Voice);
    assert_eq!(health.due, Some(after(start, 20)));
    health.hurry(after(start, 6));
    assert_eq!(health.due, Some(after(start, 20)));
}

#[test]
fn a_call_in_need_shortens_a_pause_but_not_of_what_lasts() {
    let start = clock::now();
    let mut health = Health { failures: 7, ..Health::default() };
    health.fail(start, &TtsError::TimedOut, Failing::Voice);
    assert_eq!(health.due, Some(after(start, 256)));
    health.hurry(after(start, 1));
    assert_eq!(health.due, Some(after(start, 5)));
    for lasting in [TtsError::Key, TtsError::Quota, TtsError::Voice, TtsError::Model, TtsError::Length] {
        let mut health = Health::default();
        health.fail(start, &lasting, Failing::Voice);
        health.hurry(after(start, 60));
        assert_eq!(health.due, Some(start + LASTING), "{lasting}");
    }
}
