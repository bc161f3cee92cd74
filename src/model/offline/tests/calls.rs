//! The offline model in whole calls, with a real session.

use std::time::Duration;

use super::{
    BYE, QUESTION,
    stage::{Stage, settings},
};
use crate::{
    assistant::Settings,
    call::{Cause, Reason},
    model::{
        ModelRequest,
        offline::{Behaviour, Offline, lines},
    },
    time::Timestamp,
};

const INTERRUPT: &[u8] = include_bytes!("../../../../fixtures/voices/en/caller-interrupt.ulaw");

fn call() -> Stage {
    Stage::new(settings(), Offline::new(Behaviour::Talk))
}

#[test]
fn greeting_answer_and_goodbye_are_heard() {
    let mut stage = call();
    stage.say(9_000, QUESTION);
    let record = stage.finish();
    assert_eq!(stage.lines(), [lines::GREETING.text, lines::ANSWERS[0].text]);
    assert_eq!(record.reason, Some(Reason::Silence));
    let heard_at = |audio: &[u8]| {
        let middle = &audio[audio.len() / 2..audio.len() / 2 + 1_600];
        stage.carrier.heard().windows(middle.len()).position(|window| window == middle).map(|at| at / 8)
    };
    let (greeting, answer) = (heard_at(lines::GREETING.audio), heard_at(lines::ANSWERS[0].audio));
    assert!(greeting.is_some_and(|ms| ms < 5_000), "{greeting:?}");
    // The question ends at 10.7 s: 0.5 s of silence, 0.6 s of thinking, half of the answer.
    assert!(answer.is_some_and(|ms| (12_000..14_000).contains(&ms)), "{answer:?}");
    assert!(!stage.ledger.iter().any(|entry| matches!(entry.cause, Cause::BargeIn { .. })));
}

#[test]
fn nine_ends_the_call_within_5_s_of_the_tool_call() {
    let mut stage = call();
    stage.say(9_000, QUESTION);
    stage.press(16_000, '9');
    let record = stage.finish();
    assert_eq!(record.reason, Some(Reason::HangupCall));
    assert_eq!(stage.lines().last(), Some(&lines::GOODBYE.text));
    let (tool, closed) = (stage.tools[0], record.closed_at.unwrap());
    assert!((Duration::from_secs(1)..=Duration::from_secs(5)).contains(&(closed - tool)), "{:?}", closed - tool);
    let tail = &lines::GOODBYE.audio[lines::GOODBYE.audio.len() - 3_200..][..1_600];
    assert!(stage.carrier.heard().windows(tail.len()).any(|window| window == tail), "the goodbye is heard to its end");
    assert!(closed < Timestamp::from_millis(23_000), "{closed}");
}

#[test]
fn nine_in_the_middle_of_an_answer_still_lets_the_goodbye_be_heard() {
    let mut stage = call();
    stage.press(1_500, '9');
    let record = stage.finish();
    assert_eq!(record.reason, Some(Reason::HangupCall));
    let tail = &lines::GOODBYE.audio[lines::GOODBYE.audio.len() - 3_200..][..1_600];
    assert!(stage.carrier.heard().windows(tail.len()).any(|window| window == tail));
    assert!(record.closed_at.unwrap() - stage.tools[0] <= Duration::from_secs(5));
}

#[test]
fn nine_without_the_tool_is_explained_and_the_line_stays() {
    let mut stage = Stage::new(Settings { hangup_call: None, ..settings() }, Offline::new(Behaviour::Talk));
    stage.press(9_000, '9');
    let record = stage.finish();
    assert_eq!(stage.lines()[1..], [lines::GOODBYE.text, lines::CANNOT_HANG_UP.text]);
    assert_eq!(record.reason, Some(Reason::Silence));
}

#[test]
fn another_key_is_answered_a_second_later() {
    let mut stage = call();
    stage.press(9_000, '5');
    stage.finish();
    assert_eq!(stage.lines(), [lines::GREETING.text, lines::KEY.text]);
    assert!(stage.said[1].0 < Timestamp::from_millis(11_500), "{}", stage.said[1].0);
}

#[test]
fn barge_in_cancels_the_greeting() {
    let mut stage = call();
    stage.say(900, INTERRUPT);
    let record = stage.finish();
    assert_eq!(record.barge_ins, (1, 0), "the model heard the caller: no false alarm");
    assert!(stage.asked.iter().any(|(_, request)| matches!(request, ModelRequest::Cancel(_))));
    assert!(stage.asked.iter().any(|(_, request)| matches!(request, ModelRequest::Truncate { .. })));
    assert_eq!(stage.lines(), [lines::ANSWERS[0].text], "the greeting was never finished");
}

#[test]
fn a_caller_who_comes_back_over_the_goodbye_is_told_that_we_are_here() {
    let mut stage = call();
    stage.run_until(Timestamp::from_millis(37_000));
    stage.say(39_000, INTERRUPT);
    stage.finish();
    let begun = stage.at(|cause| *cause == Cause::EndingBegan(Reason::Silence)).unwrap();
    assert!((Timestamp::from_millis(37_000)..Timestamp::from_millis(39_000)).contains(&begun), "{begun}");
    assert_eq!(stage.lines()[1..], [lines::STILL_HERE.text]);
}

#[test]
fn a_word_that_no_turn_was_heard_in_is_answered_by_the_nudge_after_8_s() {
    // The ear is taken away from the model: only the session hears the caller.
    let mut stage = call();
    stage.say(9_000, BYE);
    stage.run_until(Timestamp::from_millis(9_480));
    stage.model.ear = super::Ear::new();
    stage.finish();
    assert_eq!(stage.lines().len(), 2);
}

#[test]
fn fail_ends_in_model_lost_and_stall_in_no_answer() {
    let record = Stage::new(settings(), Offline::new(Behaviour::Fail)).finish();
    assert_eq!(record.reason, Some(Reason::ModelLost));
    let mut stage = Stage::new(settings(), Offline::new(Behaviour::Stall));
    let record = stage.finish();
    assert_eq!(record.reason, Some(Reason::NoAnswer));
    assert_eq!(stage.lines(), [""; 0]);
}

#[test]
fn echo_lets_callers_hear_themselves_and_the_call_ends_by_silence() {
    let mut stage = Stage::new(Settings { greeting: None, ..settings() }, Offline::new(Behaviour::Echo));
    stage.say(2_000, QUESTION);
    let record = stage.finish();
    let words = &QUESTION[400 * 8..800 * 8];
    assert!(stage.carrier.heard().windows(words.len()).any(|window| window == words));
    assert_eq!((record.reason, record.barge_ins), (Some(Reason::Silence), (0, 0)));
}

#[test]
fn a_resumed_call_goes_on() {
    let mut stage = Stage::new(settings(), Offline::resumed(Behaviour::Talk));
    stage.say(6_000, QUESTION);
    stage.finish();
    assert_eq!(stage.lines(), [lines::RESUMED.text, lines::ANSWERS[0].text]);
}
