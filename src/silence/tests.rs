use std::time::Duration;

use super::*;
use crate::{time::Timestamp, vad::SpurtId};

const CONFIG: WindowConfig = WindowConfig { timeout: Duration::from_secs(30), noise_budget: Duration::from_secs(60) };

fn s(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn spurt(n: u32) -> Source {
    Source::Spurt(SpurtId(n))
}

fn pause(name: PauseName, source: Source, class: Class) -> Pause {
    Pause { name, source, class, otherwise: None }
}

fn window() -> Window {
    Window::new(CONFIG, Timestamp::ZERO)
}

#[test]
fn nothing_has_to_happen_to_arm_it() {
    assert_eq!(window().deadline(), Some(s(30)));
}

#[test]
fn an_interaction_starts_it_anew() {
    let mut w = window();
    w.interaction(s(12), spurt(0), Class::Good);
    assert_eq!(w.deadline(), Some(s(42)));
    w.answer_ended(s(15), spurt(0), Class::Good);
    assert_eq!(w.deadline(), Some(s(45)));
    w.interaction(s(14), spurt(1), Class::Good);
    assert_eq!(w.deadline(), Some(s(45)), "never backwards");
}

#[test]
fn charged_steps_use_up_the_budget_and_then_move_nothing() {
    let mut w = window();
    w.interaction(s(25), spurt(0), Class::Charged); // adds 25
    w.interaction(s(50), spurt(1), Class::Charged); // adds 25
    assert_eq!((w.deadline(), w.budget()), (Some(s(80)), secs(10)));
    w.interaction(s(75), spurt(2), Class::Charged); // would add 25, 10 are left
    assert_eq!((w.deadline(), w.budget()), (Some(s(90)), Duration::ZERO));
    w.interaction(s(89), spurt(3), Class::Charged);
    assert_eq!(w.deadline(), Some(s(90)));
    w.interaction(s(89), Source::Sure, Class::Refilling);
    assert_eq!((w.deadline(), w.budget()), (Some(s(119)), secs(60)));
}

#[test]
fn a_late_verdict_changes_the_past() {
    let mut w = window();
    w.interaction(s(10), spurt(0), Class::Pending);
    w.set_pause(s(10), Some(pause(PauseName::Owed, spurt(0), Class::Pending)));
    w.set_pause(s(12), Some(pause(PauseName::Agent, spurt(0), Class::Pending)));
    assert_eq!(w.deadline(), None, "held while the answer sounds");
    w.set_pause(s(20), None);
    w.answer_ended(s(20), spurt(0), Class::Pending);
    assert_eq!((w.deadline(), w.budget()), (Some(s(50)), secs(60)));
    // It was a cough after all: the talkspurt is charged, the answer to it too (as an idle prompt).
    w.set_class(SpurtId(0), Class::Charged);
    // It adds 10 s to the first deadline, the idle prompt 8 s, the prompt's end another 2 s.
    assert_eq!((w.deadline(), w.budget()), (Some(s(50)), secs(48)));
    // Without budget nothing of it counts but the pause of the idle prompt.
    let mut poor = Window::new(WindowConfig { noise_budget: Duration::ZERO, ..CONFIG }, Timestamp::ZERO);
    poor.interaction(s(10), spurt(0), Class::Pending);
    poor.set_pause(s(12), Some(pause(PauseName::Agent, spurt(0), Class::Pending)));
    poor.set_class(SpurtId(0), Class::Charged);
    assert_eq!(poor.deadline(), Some(s(60)), "30 s, and at most 30 s of idle prompts");
    poor.set_pause(s(20), None);
    assert_eq!(poor.deadline(), Some(s(38)));
}

#[test]
fn only_what_comes_after_a_windows_start_of_a_pause_counts() {
    let mut w = window();
    w.set_pause(s(5), Some(pause(PauseName::Tool, Source::Sure, Class::Good)));
    w.interaction(s(12), spurt(0), Class::Good);
    w.set_pause(s(15), None);
    assert_eq!(w.deadline(), Some(s(45)), "12 + 30 + the pause's last 3 s");
}

#[test]
fn a_window_that_starts_within_a_pause_that_is_over_keeps_its_rest() {
    let mut w = window();
    w.set_pause(s(5), Some(pause(PauseName::Tool, Source::Sure, Class::Good)));
    w.set_pause(s(15), None);
    w.interaction(s(12), spurt(0), Class::Good);
    assert_eq!(w.deadline(), Some(s(45)), "known late: 12 + 30 + the pause's last 3 s");
}

#[test]
fn pauses_that_overlap_count_once() {
    let mut w = window();
    w.set_pause(s(5), Some(pause(PauseName::Agent, Source::Sure, Class::Good)));
    w.set_pause(s(10), None);
    // Back-dated to before the end of the last one.
    w.set_pause(s(8), Some(pause(PauseName::Owed, Source::Sure, Class::Good)));
    w.set_pause(s(12), None);
    assert_eq!(w.deadline(), Some(s(37)), "5 to 12");
    // A late mark: an older pause lasted from 3 to 14.
    w.lengthen_pause(pause(PauseName::Agent, Source::Sure, Class::Good), s(3), s(14));
    assert_eq!(w.deadline(), Some(s(41)), "3 to 14");
    // … of which a newer window owns only the rest.
    w.interaction(s(20), spurt(0), Class::Good);
    w.lengthen_pause(pause(PauseName::Agent, Source::Sure, Class::Good), s(14), s(21));
    assert_eq!(w.deadline(), Some(s(51)));
}

#[test]
fn an_answer_owed_to_noise_holds_nothing() {
    let mut w = window();
    w.interaction(s(10), spurt(0), Class::Pending);
    w.set_pause(s(10), Some(pause(PauseName::Owed, spurt(0), Class::Pending)));
    assert_eq!(w.deadline(), None);
    w.set_class(SpurtId(0), Class::Charged);
    assert_eq!((w.deadline(), w.pause()), (Some(s(40)), None));
    w.set_pause(s(14), None);
    assert_eq!(w.deadline(), Some(s(40)));
}

#[test]
fn a_tool_that_runs_under_an_answer_owed_to_noise_goes_on_holding() {
    let mut w = window();
    w.interaction(s(10), spurt(0), Class::Pending);
    let owed = Pause { otherwise: Some(PauseName::Tool), ..pause(PauseName::Owed, spurt(0), Class::Pending) };
    w.set_pause(s(10), Some(owed));
    w.set_class(SpurtId(0), Class::Charged);
    w.set_pause(s(14), None);
    // 30 s, 10 s charged, 4 s of the tool.
    assert_eq!(w.deadline(), Some(s(44)));
}

#[test]
fn pauses_have_caps_which_a_turn_renews() {
    let mut w = window();
    w.set_pause(s(5), Some(pause(PauseName::Tool, Source::Sure, Class::Good)));
    assert_eq!(w.deadline(), Some(s(150)), "30 s and the cap");
    w.set_pause(s(205), None);
    assert_eq!(w.deadline(), Some(s(150)), "200 s of tools count as 120");
    w.interaction(s(140), spurt(0), Class::Good);
    w.set_pause(s(141), Some(pause(PauseName::Idle, Source::Sure, Class::Good)));
    w.set_pause(s(151), None);
    assert_eq!(w.deadline(), Some(s(180)));
    w.lengthen_pause(pause(PauseName::Idle, Source::Sure, Class::Good), s(151), s(154));
    assert_eq!(w.deadline(), Some(s(183)), "a mark that came late");
    w.lengthen_pause(pause(PauseName::Idle, Source::Sure, Class::Good), s(154), s(454));
    assert_eq!(w.deadline(), Some(s(200)));
}

#[test]
fn noise_that_goes_on_moves_the_deadline_until_the_budget_is_gone() {
    let w = window();
    assert_eq!(w.deadline_with_noise(None, s(20)), Some(s(50)));
    assert_eq!(w.deadline_with_noise(None, s(200)), Some(s(90)));
    // Good for its first 60 s, charged from then on.
    assert_eq!(w.deadline_with_noise(Some(s(60)), s(200)), Some(s(150)));
    assert_eq!(w.deadline_with_noise(Some(s(60)), s(40)), Some(s(70)));
}

#[test]
fn the_log_is_bounded_and_overflow_is_counted() {
    let mut w = window();
    for n in 0..1000 {
        w.interaction(s(u64::from(n)), spurt(n), Class::Pending);
    }
    assert_eq!(w.deadline(), Some(s(999 + 30)));
    assert!(w.overflows() > 0);
}
