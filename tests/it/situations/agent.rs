//! Rows 18 to 23, 30, 31: the agent's audio, its marks, and the caller who talks over it.

use std::time::Duration;

use quietline::{
    assistant::{FarewellKind, Greeting, Reminder},
    call::{AnnouncementKind, Cause, EndedBy, Party, Reason},
    model::ModelRequest,
};

use super::{
    checks::{Check, within},
    scenario::{Act, Anchor, Hears, Part, Played, Row, row, talk},
};
use crate::sound::find;

const GOODBYE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);
const SILENCE_BY_US: Check = Check::Ends(Reason::Silence, Party::Us);

pub(super) fn rows() -> Vec<Row> {
    [marks(), interrupted(), reminders()].concat()
}

fn marks() -> Vec<Row> {
    vec![
        talk(18, "mark never returns")
            .trouble(|t| t.lost_marks = 1.0)
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_020.0))
            .check(Check::Whole(GOODBYE))
            .check(Check::Closed(Anchor::Goodbye, 6_000.0..=6_120.0))
            .check(Check::That("the record says \"estimated\"", |played, _| {
                let record = played.world.session.record();
                let estimated = record.goodbye_heard == Some(EndedBy::Estimate) && record.estimated_ends == 1;
                if estimated { Ok(()) } else { Err(format!("{record:?}")) }
            })),
        talk(19, "mark returns 3 s late, after the estimate was used")
            .trouble(|t| t.mark_lag = Duration::from_secs(3))
            .check(SILENCE_BY_US)
            .check(Check::Entries("the end moves", |c| matches!(c, Cause::AgentEndMoved { .. }), 1..=1))
            .check(Check::GoodbyeHeardAfterAgent(0, 33_000.0..=33_020.0)),
        talk(20, "marks echoed by our own `clear`: barge-in")
            .at(Anchor::Agent(0), 500, Act::Say(1_500, -20.0, "No, wait."))
            .reply(&[Part::Talk(1_000, "Yes?")])
            .check(SILENCE_BY_US)
            .check(Check::Entries("cleared", |c| ended_by(c, EndedBy::Clear), 1..=1))
            .check(Check::Entries("heard to the end", |c| ended_by(c, EndedBy::Mark), 1..=1))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        talk(20, "… and a goodbye that is taken back")
            .at(Anchor::Goodbye, 800, Act::Say(1_200, -20.0, "Wait, I'm here."))
            .reply(&[Part::Talk(1_500, "Good.")])
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(1))
            .check(Check::Entries("everything was heard", |c| matches!(c, Cause::TerminalMark(_)), 1..=1))
            .check(Check::ClosedAfterMark(0.0..=1_000.0))
            .check(Check::Whole(GOODBYE)),
    ]
}

fn interrupted() -> Vec<Row> {
    let greeted = |number, what, interruptible| {
        row(number, what)
            .settings(|s| s.greeting = Some(Greeting { interruptible }))
            .reply(&[Part::Talk(5_000, "Welcome to the shop. This call may be recorded.")])
            .at(Anchor::Agent(0), 1_000, Act::Say(1_200, -20.0, "Yes, hello."))
            .reply(&[Part::Talk(1_000, "Hello.")])
    };
    vec![
        row(21, "two responses, several items queued, caller barges in")
            .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Tell me everything."))
            .reply(&[Part::Talk(1_000, "First."), Part::Talk(2_000, "Second.")])
            .at(Anchor::Agent(0), 1_000, Act::Speaks(vec![Part::Talk(1_500, "Third."), Part::Talk(1_500, "Fourth.")]))
            .at(Anchor::Agent(0), 2_000, Act::Say(1_200, -20.0, "Stop."))
            .check(Check::That("each item is truncated", truncated)),
        greeted(22, "barge-in during the greeting", true)
            .check(SILENCE_BY_US)
            .check(Check::EntryAt("decided", 0, is_barge_in, Anchor::CallerStart(0), 120.0..=280.0))
            .check(Check::That("the agent stops within 2 frames", stops))
            .check(Check::AgentWhole(1)),
        greeted(22, "… which is not interruptible", false)
            .check(SILENCE_BY_US)
            .check(Check::Entries("interrupted", is_barge_in, 0..=0))
            .check(Check::AgentWhole(0)),
        row(23, "cough during agent audio, server hears nothing")
            .hears(Hears::NoTurns)
            .at(Anchor::Stream, 1_000, Act::Speaks(vec![Part::Talk(6_000, "Let me tell you about it.")]))
            .at(Anchor::Agent(0), 1_500, Act::Say(340, -20.0, ""))
            .check(SILENCE_BY_US)
            .check(Check::Entries("false alarms", |c| matches!(c, Cause::BargeInFalse), 1..=1))
            .check(Check::That("it resumes within 1.5 s where it was heard", resumes)),
    ]
}

fn reminders() -> Vec<Row> {
    let reminded =
        |number, what| talk(number, what).settings(|s| s.reminder = Some(Reminder { after: Duration::from_secs(20) }));
    vec![
        reminded(30, "reminder at 20 s, caller silent")
            .check(SILENCE_BY_US)
            .check(Check::Whole(AnnouncementKind::Reminder))
            .check(Check::EntryAt("reminded", 0, is_reminder, Anchor::AgentEnd(0), 20_000.0..=20_020.0))
            .check(Check::Entries("reminders", is_reminder, 1..=1))
            .check(Check::That("D moves by its length", |played, row| {
                let heard = played.world.carrier.heard();
                let at = |kind| {
                    let audio = row.announcement(kind);
                    let at = find(heard, &audio.mulaw()[160..], 0).ok_or("not heard")? - 160;
                    Ok::<_, String>((at as f64 / 8.0, audio.samples() as f64 / 8.0))
                };
                let (_, reminder) = at(AnnouncementKind::Reminder)?;
                let (goodbye, _) = at(GOODBYE)?;
                let agent = played.moment(Anchor::AgentEnd(0)).ok_or("no agent")?;
                within(goodbye - agent - 30_000.0 - reminder, &(0.0..=40.0))
            })),
        reminded(31, "reminder at 20 s, caller answers over it")
            .at(Anchor::Prompt, 400, Act::Say(1_200, -20.0, "Yes, I'm looking."))
            .reply(&[Part::Talk(1_000, "Take your time.")])
            .check(SILENCE_BY_US)
            .check(Check::Entries(
                "the first is interrupted",
                |c| {
                    matches!(c, Cause::AnnouncementEnded { kind: AnnouncementKind::Reminder, by: EndedBy::Clear, heard }
                    if *heard <= Duration::from_millis(700))
                },
                1..=1,
            ))
            .check(Check::ModelGot(1))
            .check(Check::Entries("one in each window", is_reminder, 2..=2))
            .check(Check::EntryAt("the second", 1, is_reminder, Anchor::AgentEnd(1), 20_000.0..=20_020.0)),
    ]
}

fn ended_by(cause: &Cause, how: EndedBy) -> bool {
    matches!(cause, Cause::AgentSilent { by, .. } if *by == how)
}

fn is_barge_in(cause: &Cause) -> bool {
    matches!(cause, Cause::BargeIn { .. })
}

fn is_reminder(cause: &Cause) -> bool {
    matches!(cause, Cause::Announced { kind: AnnouncementKind::Reminder, .. })
}

/// How many samples of the agent's n-th item are heard, from its start on.
fn heard_of(played: &Played, n: usize) -> usize {
    let (heard, item) = (played.world.carrier.heard(), &played.agent[n]);
    let Some(at) = find(heard, &item[..160], 0) else { return 0 };
    heard[at..].iter().zip(item).take_while(|(a, b)| a == b).count()
}

/// The first item was heard whole, the second in part, the rest not at all.
fn truncated(played: &Played, _: &Row) -> Result<(), String> {
    let log = played.world.model.log.iter();
    let told: Vec<(u32, u64)> = log
        .filter_map(|(_, request)| match request {
            ModelRequest::Truncate { item, heard_ms } => Some((item.0, *heard_ms)),
            _ => None,
        })
        .collect();
    let really = heard_of(played, 1) as u64 / 8;
    match told[..] {
        [(1, second), (2, 0), (3, 0)] if second.abs_diff(really) <= 40 && (1_100..=1_320).contains(&second) => Ok(()),
        _ => Err(format!("the model was told {told:?}; {really} ms of the second were heard")),
    }
}

/// After the decision no more than two frames of the agent are heard.
fn stops(played: &Played, _: &Row) -> Result<(), String> {
    let begun = find(played.world.carrier.heard(), &played.agent[0][..160], 0).ok_or("no greeting")?;
    let until = (begun + heard_of(played, 0)) as f64 / 8.0;
    within(until - played.moment(Anchor::BargeIn).ok_or("no barge-in")?, &(0.0..=40.0))
}

/// The agent's audio goes on within 1.5 s, and nothing of it is missing but what two ramps bend.
fn resumes(played: &Played, _: &Row) -> Result<(), String> {
    let (heard, item) = (played.world.carrier.heard(), &played.agent[0]);
    let stopped = heard_of(played, 0);
    let first = find(heard, &item[..160], 0).ok_or("no agent")?;
    // Two frames on, past the ramps.
    let rest = item.get(stopped + 320..stopped + 1_280).ok_or("it was not stopped")?;
    let again = find(heard, rest, first).ok_or("it does not go on where it was heard")?;
    within((again - first - stopped - 320) as f64 / 8.0, &(1_000.0..=1_500.0))?;
    find(heard, &item[stopped + 320..], first).map(|_| ()).ok_or_else(|| "its end is missing".into())
}
