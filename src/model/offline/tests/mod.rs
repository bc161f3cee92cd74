//! The offline model by itself; `calls.rs`: in whole calls.

// A test that cannot go on panics, and looks only at what it is about.
#![allow(clippy::wildcard_enum_match_arm)]

mod alone;
mod any_order;
mod calls;
mod data;
mod stage;

use std::time::Duration;

use super::*;
use crate::carrier::Digit;
use alone::{Alone, Seen};

const QUESTION: &[u8] = include_bytes!("../../../../fixtures/voices/en/caller-question.ulaw");
const BYE: &[u8] = include_bytes!("../../../../fixtures/voices/en/caller-bye.ulaw");
const MUSIC: &[u8] = include_bytes!("../../../../fixtures/call-hold-music.caller.ulaw");

fn talk() -> Alone {
    Alone::ready(Offline::new(Behaviour::Talk))
}

#[test]
fn a_turn_is_heard_and_answered_600_ms_after_its_end() {
    let mut alone = talk();
    alone.hear_silence(1_000);
    let told = [alone.hear(QUESTION), alone.hear_silence(600)].concat();
    let [Seen::Speech(start), Seen::Committed, Seen::NoWords(span)] = told[..] else { panic!("{told:?}") };
    assert!(span.start_ms == start && start.abs_diff(1_040) <= 60, "{start}");
    assert!(span.end_ms.abs_diff(1_000 + 1_740 - 80) <= 120, "{span:?}");
    let committed = Timestamp::from_millis(span.end_ms + 500);
    assert_eq!(alone.model.poll_timeout(), committed + Duration::from_millis(600));
    let told = alone.wait(Duration::from_secs(5));
    assert_eq!(told.first(), Some(&Seen::Created(0)));
    assert_eq!(told.last(), Some(&Seen::Done(ResponseStatus::Completed)));
    let audio: usize = told.iter().map(|seen| if let Seen::Audio(length) = seen { *length } else { 0 }).sum();
    assert_eq!(audio, lines::ANSWERS[0].audio.len());
    assert_eq!(told[told.len() - 2], Seen::Said(lines::ANSWERS[0].text.to_owned()));
}

#[test]
fn audio_comes_five_times_faster_than_it_plays() {
    let mut alone = talk();
    alone.ask(ModelRequest::CreateResponse);
    let begun = alone.model.poll_timeout();
    let mut deltas = 0;
    while alone.model.poll_timeout() != Timestamp::NEVER {
        alone.now = alone.model.poll_timeout();
        deltas += alone.told().iter().filter(|seen| matches!(seen, Seen::Audio(..=1_600))).count();
    }
    let plays = lines::GREETING.audio.len() as u64 / 8;
    assert_eq!(deltas as u64, plays.div_ceil(200));
    assert!((alone.now - begun).as_millis() as u64 <= plays / 5 + 200);
}

#[test]
fn a_caller_who_goes_on_gets_one_answer_to_all_of_it() {
    let mut alone = talk();
    let told = [alone.hear(QUESTION), alone.hear_silence(800), alone.hear(QUESTION), alone.hear_silence(700)].concat();
    assert_eq!(told.iter().filter(|seen| **seen == Seen::Committed).count(), 2);
    assert!(!told.iter().any(|seen| matches!(seen, Seen::Created(_))), "{told:?}");
    assert_eq!(alone.line(), lines::ANSWERS[0].text);
}

#[test]
fn a_turn_without_an_end_is_taken_after_8_s() {
    let mut alone = talk();
    let mut told = Vec::new();
    let mut longest = 0;
    for frame in MUSIC[7_000 * 8..42_000 * 8].chunks(160) {
        alone.now += Duration::from_millis(20);
        alone.model.handle_command(alone.now, &ModelCommand::Append(frame));
        told.extend(alone.told());
    }
    for seen in &told {
        if let Seen::NoWords(span) = seen {
            longest = longest.max(span.end_ms - span.start_ms);
        }
    }
    assert!((7_000..=8_020).contains(&longest), "{longest}");
}

#[test]
fn greeting_once_then_answers_in_rotation_and_none_twice_in_a_row() {
    let mut alone = talk();
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::GREETING.text);
    let mut last = String::new();
    let mut all = std::collections::BTreeSet::new();
    for n in 0..40 {
        if n % 3 == 0 {
            alone.model.hear_words(alone.now, "help");
        }
        alone.ask(ModelRequest::CreateResponse);
        let line = alone.line();
        assert_ne!(line, last);
        all.insert(line.clone());
        last = line;
    }
    assert_eq!(all.len(), lines::ANSWERS.len());
}

#[test]
fn a_resumed_call_begins_with_the_apology() {
    for asked in [true, false] {
        let mut alone = Alone::ready(Offline::resumed(Behaviour::Talk));
        if asked {
            alone.ask(ModelRequest::CreateResponse);
        } else {
            alone.hear(BYE);
            alone.hear_silence(600);
        }
        assert_eq!(alone.line(), "Sorry, we were cut off for a moment. Please go on.");
        alone.ask(ModelRequest::CreateResponse);
        assert_eq!(alone.line(), lines::ANSWERS[0].text);
    }
}

#[test]
fn nine_says_goodbye_and_hangs_up_and_without_the_tool_it_says_so() {
    let mut alone = talk();
    alone.press('9');
    alone.ask(ModelRequest::CreateResponse);
    let told = alone.wait(Duration::from_secs(10));
    let tail = &told[told.len() - 3..];
    let said = Seen::Said(lines::GOODBYE.text.to_owned());
    assert_eq!(*tail, [said, Seen::Tool("hangup_call".to_owned()), Seen::Done(ResponseStatus::Completed)]);
    alone.ask(ModelRequest::ToolOutput { call: ToolCallId(0), answer: crate::model::ToolAnswer::NoSuchTool });
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::CANNOT_HANG_UP.text);
    alone.press('4');
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::KEY.text);
}

#[test]
fn the_tone_of_a_key_is_no_turn() {
    let mut alone = talk();
    alone.hear_silence(500);
    let tone: Vec<u8> = (0..1_600)
        .map(|n| {
            let angle = |hz: f32| (n as f32 * hz * std::f32::consts::TAU / 8_000.0).sin();
            crate::codec::mulaw::encode((8_000.0 * (angle(852.0) + angle(1_477.0)) / 2.0) as i16)
        })
        .collect();
    let told = alone.hear(&tone);
    assert!(matches!(told[..], [Seen::Speech(_)]), "{told:?}");
    let note = ModelRequest::Note(Note::Digit(Digit::new('9').unwrap()));
    assert_eq!(alone.ask(note), [Seen::Committed]);
    assert_eq!(alone.hear_silence(2_000), []);
}

#[test]
fn cancel_stops_a_response_and_close_everything() {
    let mut alone = talk();
    alone.ask(ModelRequest::CreateResponse);
    alone.wait(Duration::from_millis(600));
    assert_eq!(alone.ask(ModelRequest::CreateResponse), [], "one at a time");
    assert_eq!(alone.ask(ModelRequest::Cancel(ResponseId(7))), [], "none of ours");
    assert_eq!(alone.ask(ModelRequest::Cancel(ResponseId(0))), [Seen::Done(ResponseStatus::Cancelled)]);
    assert_eq!(alone.ask(ModelRequest::Cancel(ResponseId(0))), [], "told once");
    assert_eq!(alone.wait(Duration::from_secs(5)), []);
    alone.ask(ModelRequest::CreateResponse);
    alone.ask(ModelRequest::Close);
    assert_eq!((alone.wait(Duration::from_secs(5)), alone.hear(QUESTION)), (vec![], vec![]));
    assert_eq!(alone.model.poll_timeout(), Timestamp::NEVER);
}

#[test]
fn connecting_again_starts_appended_time_anew_and_keeps_the_conversation() {
    let mut alone = talk();
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::GREETING.text);
    assert_eq!(alone.ask(ModelRequest::Connect), [Seen::Ready]);
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::GREETING.text, "nobody has answered it");
    alone.hear(QUESTION);
    alone.hear_silence(600);
    assert_eq!(alone.line(), lines::ANSWERS[0].text);
    assert_eq!(alone.ask(ModelRequest::Connect), [Seen::Ready]);
    let told = alone.hear(QUESTION);
    assert!(matches!(told[..], [Seen::Speech(0..200)]), "{told:?}");
    alone.hear_silence(600);
    assert_eq!(alone.line(), lines::ANSWERS[1].text);
}

#[test]
fn a_commit_by_hand_ends_the_turn() {
    let mut alone = talk();
    alone.hear(&QUESTION[..800 * 8]);
    let told = alone.ask(ModelRequest::Commit);
    assert!(matches!(told[..], [Seen::Committed, Seen::NoWords(_)]), "{told:?}");
    assert_eq!(alone.ask(ModelRequest::Commit), [], "there is none");
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::ANSWERS[0].text);
}

#[test]
fn known_words_become_the_transcript_and_choose_the_answer() {
    let mut alone = talk();
    alone.hear(QUESTION);
    alone.model.hear_words(alone.now, "When is your office open?");
    let told = alone.hear_silence(600);
    assert_eq!(told, [Seen::Committed, Seen::Words("When is your office open?".into())]);
    assert!(alone.line().contains("nine to five"));
    alone.hear(BYE);
    alone.hear_silence(600);
    alone.model.hear_words(alone.now, "Bye.");
    assert_eq!(alone.told(), [Seen::Words("Bye.".into())], "after the turn as well");
    let told = alone.wait(Duration::from_secs(8));
    assert!(told.contains(&Seen::Tool("hangup_call".into())), "{told:?}");
}

#[test]
fn words_are_bounded_and_cut_between_characters() {
    let mut alone = talk();
    alone.model.hear_words(alone.now, &"ö".repeat(5_000));
    let told = alone.told();
    assert!(matches!(&told[..], [Seen::Words(text)] if text.len() == 2_000 && text.chars().all(|c| c == 'ö')));
}

#[test]
fn fail_is_lost_at_every_connection() {
    let mut alone = Alone { model: Offline::new(Behaviour::Fail), now: Timestamp::ZERO };
    for _ in 0..3 {
        assert_eq!(alone.ask(ModelRequest::Connect), [Seen::Lost]);
        assert_eq!(alone.ask(ModelRequest::CreateResponse), []);
        assert_eq!(alone.hear(QUESTION), []);
    }
}

#[test]
fn stall_hears_and_never_answers() {
    let mut alone = Alone::ready(Offline::new(Behaviour::Stall));
    assert_eq!([alone.hear(QUESTION), alone.hear_silence(600)].concat().len(), 3);
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.wait(Duration::from_secs(60)), []);
}

#[test]
fn echo_answers_a_turn_with_itself() {
    let mut alone = Alone::ready(Offline::new(Behaviour::Echo));
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::GREETING.text, "it greets like any other");
    for _ in 0..2 {
        alone.hear_silence(1_000);
        alone.hear(QUESTION);
        alone.hear_silence(600);
        let mut back = Vec::new();
        while alone.model.poll_timeout() != Timestamp::NEVER {
            alone.now = alone.model.poll_timeout();
            while let Some(event) = alone.model.poll_event(alone.now) {
                if let ModelEvent::Audio { payload, .. } = event {
                    back.extend_from_slice(payload);
                }
            }
        }
        let words = &QUESTION[100 * 8..1_600 * 8];
        assert!(back.windows(words.len()).any(|window| window == words) && back.len() < QUESTION.len() + 1_600);
    }
    alone.press('9');
    alone.ask(ModelRequest::CreateResponse);
    assert_eq!(alone.line(), lines::GOODBYE.text);
}

#[test]
fn appended_audio_may_be_cut_anywhere() {
    let whole = |length: usize| {
        let mut ear = Ear::new();
        let mut sounds = Vec::new();
        let audio = [QUESTION, &[0xff; 8_000], BYE, &[0xff; 8_000]].concat();
        for mut piece in audio.chunks(length) {
            while let Some(sound) = ear.hear(&mut piece) {
                sounds.push(sound);
            }
        }
        sounds
    };
    let frames = whole(160);
    assert_eq!(frames.len(), 4);
    for length in [1, 7, 159, 161, 4_000, 1 << 20] {
        assert_eq!(whole(length), frames, "{length}");
    }
}
