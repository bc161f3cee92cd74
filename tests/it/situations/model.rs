//! Rows 24 to 29, 46: the model that does not answer, is away, works long, or talks to itself.

use std::time::Duration;

use quietline::{
    assistant::{FarewellKind, Greeting, Intent},
    call::{AnnouncementKind, Cause, Party, Reason},
    codec::mulaw,
    model::ModelRequest,
    time::Timestamp,
};

use super::{
    checks::Check,
    scenario::{Act, Anchor, Part, Played, Row, row, talk},
};
use crate::sound::find;

const GOODBYE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);
const NO_ANSWER: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::NoAnswer);
const SILENCE_BY_US: Check = Check::Ends(Reason::Silence, Party::Us);

pub(super) fn rows() -> Vec<Row> {
    [absent(), failing(), away(), tools(), remarks(), together()].concat()
}

/// Nothing is answered: what happens in which second after `anchor`.
fn unanswered(row: Row, anchor: Anchor) -> Row {
    row.settings(|s| s.filler = true)
        .check(Check::Ends(Reason::NoAnswer, Party::Us))
        .check(Check::EntryAt("filler", 0, is_filler, anchor, 4_000.0..=4_020.0))
        .check(Check::Entries("fillers", is_filler, 1..=1))
        .check(Check::Whole(AnnouncementKind::Filler))
        .check(Check::EntryAt("the model counts as lost", 0, is_away, anchor, 15_000.0..=15_020.0))
        .check(Check::EntryAt("the end", 0, is_no_answer, anchor, 25_000.0..=25_020.0))
        .check(Check::Whole(NO_ANSWER))
        .check(Check::Unheard(GOODBYE))
}

fn absent() -> Vec<Row> {
    let question = |row: Row| row.at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Is anybody there?"));
    vec![
        unanswered(question(row(24, "model never answers a turn")), Anchor::CallerEnd(0))
            .check(Check::EntryAt("asked", 0, is_asked, Anchor::CallerEnd(0), 8_000.0..=8_020.0))
            .check(Check::That("one `response.create` before it counts as lost", |played, _| {
                created(played, 17_500, 1)
            })),
        unanswered(
            row(25, "greeting never comes").settings(|s| s.greeting = Some(Greeting { interruptible: true })),
            Anchor::Stream,
        )
        .check(Check::EntryAt("asked again", 1, is_asked, Anchor::Stream, 8_000.0..=8_020.0))
        .check(Check::That("the greeting and one `response.create`", |played, _| created(played, 15_000, 2))),
    ]
}

/// The vendor refuses to answer: the caller is told to wait, and it is asked once more.
fn failing() -> Vec<Row> {
    let question = |what| {
        row(24, what)
            .settings(|s| s.filler = true)
            .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Is anybody there?"))
            .check(Check::Entries("fillers", is_filler, 1..=1))
            .check(Check::EntryAt("filler at once", 0, is_filler, Anchor::CallerEnd(0), 1_200.0..=1_500.0))
    };
    let asked = |nth, ms: f64| Check::EntryAt("asked again", nth, is_asked, Anchor::CallerEnd(0), ms..=ms + 300.0);
    vec![
        question("a response fails, and says when to ask again")
            .reply(&[Part::Fails(Some(Duration::from_millis(2_500)))])
            .reply(&[Part::Talk(1_000, "Sorry for the wait.")])
            .check(asked(0, 3_700.0))
            .check(Check::Entries("requests", is_asked, 1..=1))
            .check(Check::AgentWhole(0))
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_080.0)),
        question("… and does not say")
            .reply(&[Part::Fails(None)])
            .reply(&[Part::Talk(1_000, "Sorry for the wait.")])
            .check(asked(0, 2_200.0))
            .check(Check::AgentWhole(0))
            .check(SILENCE_BY_US),
        question("… and again: no third time before 8 s")
            .reply(&[Part::Fails(Some(Duration::from_secs(60)))])
            .reply(&[Part::Fails(None)])
            .reply(&[Part::Talk(1_000, "Sorry for the wait.")])
            .check(asked(0, 6_200.0))
            .check(asked(1, 8_000.0))
            .check(Check::Entries("requests", is_asked, 2..=2))
            .check(Check::AgentWhole(0))
            .check(SILENCE_BY_US),
        question("… and for good")
            .reply(&[Part::Fails(None)])
            .reply(&[Part::Fails(None)])
            .reply(&[Part::Fails(None)])
            .reply(&[Part::Fails(None)])
            .check(Check::Ends(Reason::NoAnswer, Party::Us))
            .check(Check::Whole(NO_ANSWER)),
        row(24, "… after a tool has answered")
            .settings(|s| s.filler = true)
            .settings(|s| s.intents = vec![Intent { name: "lookup".into(), ends_call: false }])
            .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Where is my parcel?"))
            .intent(1_000)
            .reply(&[Part::Tool("lookup")])
            .reply(&[Part::Fails(Some(Duration::from_millis(2_500)))])
            .reply(&[Part::Talk(1_000, "It is here.")])
            .check(Check::EntryAt("filler at once", 0, is_filler, Anchor::ToolEnd(0), 400.0..=600.0))
            .check(Check::Entries("fillers", is_filler, 1..=1))
            .check(Check::EntryAt("asked again", 1, is_asked, Anchor::ToolEnd(0), 2_900.0..=3_100.0))
            .check(Check::Entries("requests", is_asked, 2..=2))
            .check(Check::AgentWhole(0))
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_080.0)),
    ]
}

fn away() -> Vec<Row> {
    let keeps_talking = |what, back: u64| {
        row(26, what)
            .at(Anchor::Stream, 1_000, Act::Say(9_000, -20.0, "And so on and on."))
            .at(Anchor::Stream, 4_000, Act::Lost(Some(Duration::from_millis(back))))
            .reply(&[Part::Talk(1_000, "Aha.")])
            .reply(&[Part::Talk(1_000, "I see.")])
            .check(SILENCE_BY_US)
            .check(Check::Entries("the model is back", |c| matches!(c, Cause::ModelBack), 2..=2))
    };
    vec![
        keeps_talking("model dies, caller keeps talking", 2_000)
            .check(Check::That("words since the loss reach the new session", |played, _| got_from(played, 4_000))),
        keeps_talking("… for longer than is kept", 7_500)
            .check(Check::That("the newest 5 s reach the new session", |played, _| got_from(played, 7_060))),
        row(26, "… and it does not come back")
            .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Hello?"))
            .at(Anchor::Stream, 2_000, Act::Lost(None))
            .check(Check::Ends(Reason::ModelLost, Party::Us))
            .check(Check::Whole(AnnouncementKind::Farewell(FarewellKind::ModelLost)))
            .check(Check::Unheard(GOODBYE)),
    ]
}

fn tools() -> Vec<Row> {
    let working = |number, what| {
        row(number, what)
            .settings(|s| s.intents = vec![Intent { name: "lookup".into(), ends_call: false }])
            .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Where is my parcel?"))
            .reply(&[Part::Tool("lookup")])
    };
    vec![
        working(27, "tool runs 25 s")
            .intent(25_000)
            .check(SILENCE_BY_US)
            // The answer was owed until the tool began, and has paid with it.
            .check(Check::GoodbyeHeard(Anchor::ToolEnd(0), 30_000.0..=30_020.0)),
        working(27, "… filler if configured")
            .settings(|s| s.filler = true)
            .intent(25_000)
            .reply(&[Part::Talk(1_000, "It is here.")])
            .check(SILENCE_BY_US)
            .check(Check::EntryAt("filler", 0, is_filler, Anchor::Tool(0), 3_980.0..=4_020.0))
            .check(Check::Entries("fillers", is_filler, 1..=1))
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_020.0)),
        working(27, "… caller's \"hello?\" is a turn")
            .intent(25_000)
            .at(Anchor::Tool(0), 10_000, Act::Say(700, -20.0, "Hello?"))
            .reply(&[Part::Talk(1_000, "One moment.")])
            .reply(&[Part::Talk(1_000, "It is here.")])
            .check(SILENCE_BY_US)
            .check(Check::EntryAt(
                "the answer",
                0,
                |c| matches!(c, Cause::AgentAudible),
                Anchor::CallerEnd(1),
                1_000.0..=2_000.0,
            ))
            .check(Check::AgentWhole(0))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        working(28, "a tool of 200 s")
            .intent(200_000)
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeard(Anchor::Tool(0), 150_000.0..=150_020.0)),
        working(28, "tool chain of 200 s")
            .intent(50_000)
            .reply(&[Part::Tool("lookup")])
            .reply(&[Part::Tool("lookup")])
            .reply(&[Part::Tool("lookup")])
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeard(Anchor::Tool(0), 150_000.0..=150_020.0)),
    ]
}

fn remarks() -> Vec<Row> {
    let every_ten_seconds = |what, ms| {
        let mut row = talk(29, what);
        for n in 0..20 {
            row = row.at(Anchor::Stream, 12_000 + 10_000 * n, Act::Speaks(vec![Part::Talk(ms, "Are you there?")]));
        }
        row.check(SILENCE_BY_US)
    };
    vec![
        // 7.24 s, then 9 s, 9 s of silence and the rest: three remarks of 1 s.
        every_ten_seconds("model talks to its own silence every 10 s", 1_000)
            .check(Check::GoodbyeHeardAfterAgent(0, 33_000.0..=33_080.0)),
        every_ten_seconds("… for 8 s", 8_000).check(Check::That("the pauses add 30 s", |played, _| {
            let end = played.moment(Anchor::AgentEnd(0)).ok_or("no answer")?;
            let begun = played.moment(Anchor::Ending).ok_or("no ending")?;
            super::checks::within(begun - end, &(60_000.0..=60_040.0))
        })),
    ]
}

fn together() -> Vec<Row> {
    let both = |what, before: i64| {
        talk(46, what)
            .at(Anchor::Deadline, -before, Act::Speaks(vec![Part::Talk(3_000, "By the way, …")]))
            .check(Check::That("its audio is dropped", |played, _| {
                let heard = find(played.world.carrier.heard(), &played.agent[1][..160], 0);
                if heard.is_none() { Ok(()) } else { Err("it is heard".into()) }
            }))
            .check(Check::Asked("cancelled", |r| matches!(r, ModelRequest::Cancel(_)), 1..=1))
    };
    vec![
        both("silence farewell and a model response start together", 10)
            .check(SILENCE_BY_US)
            .check(Check::Whole(GOODBYE))
            .check(Check::TakenBack(0)),
        both("… the response just after the farewell", -30).check(SILENCE_BY_US).check(Check::Whole(GOODBYE)),
        both("… and on take-back `response.create`", 10)
            .at(Anchor::Goodbye, 1_000, Act::Say(1_000, -20.0, "I'm here."))
            .check(Check::TakenBack(1))
            .check(Check::That("asked once the caller is done", |played, _| {
                let done = Timestamp::from_millis(played.said[1].0 + 1_000);
                let asked = |(at, request): &(Timestamp, ModelRequest)| {
                    *request == ModelRequest::CreateResponse && *at >= done && *at <= done + Duration::from_secs(1)
                };
                let times = played.world.model.log.iter().filter(|entry| asked(entry)).count();
                if times == 1 { Ok(()) } else { Err(format!("{times} times")) }
            })),
    ]
}

fn is_filler(cause: &Cause) -> bool {
    matches!(cause, Cause::Announced { kind: AnnouncementKind::Filler, .. })
}

fn is_asked(cause: &Cause) -> bool {
    matches!(cause, Cause::ResponseAsked)
}

fn is_away(cause: &Cause) -> bool {
    matches!(cause, Cause::ModelAway)
}

fn is_no_answer(cause: &Cause) -> bool {
    matches!(cause, Cause::EndingBegan(Reason::NoAnswer))
}

/// So many responses are asked for before this millisecond.
fn created(played: &Played, before_ms: u64, expected: usize) -> Result<(), String> {
    let asked = |(at, request): &&(Timestamp, ModelRequest)| {
        matches!(request, ModelRequest::Greet | ModelRequest::CreateResponse) && *at < Timestamp::from_millis(before_ms)
    };
    let times = played.world.model.log.iter().filter(asked).count();
    if times == expected { Ok(()) } else { Err(format!("{times} times")) }
}

/// The new session got the caller from this millisecond on (at the latest), and nothing is missing after it.
fn got_from(played: &Played, from_ms: u64) -> Result<(), String> {
    let got: Vec<u8> = played.world.model.got.iter().map(|&sample| mulaw::encode(sample)).collect();
    let (start, words) = &played.said[0];
    let rest = &words[(from_ms - start) as usize * 8..];
    if find(&got, rest, 0).is_some() {
        return Ok(());
    }
    let block = (0..rest.len() / 160).find(|block| find(&got, &rest[block * 160..], 0).is_some());
    Err(format!("the first {:?} ms are missing", block.map(|block| block * 20)))
}
