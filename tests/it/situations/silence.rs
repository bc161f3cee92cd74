//! Rows 1 to 6, 36 to 40: the silence goodbye and the media that it is decided on.

use std::time::Duration;

use quietline::{
    assistant::FarewellKind,
    call::{AnnouncementKind, Cause, Party, Reason},
    carrier::CallRequest,
    lab::{Moment, Rest},
    model::{ModelRequest, Note},
};

use super::{
    checks::Check,
    scenario::{Act, Anchor, Part, Row, row, talk},
};

const GOODBYE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);
const SILENCE_BY_US: Check = Check::Ends(Reason::Silence, Party::Us);

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        talk(1, "caller talks, agent answers, caller goes quiet")
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_020.0))
            .check(Check::GoodbyeHeard(Anchor::Deadline, 0.0..=20.0))
            .check(Check::Whole(GOODBYE))
            .check(Check::ClosedAfterMark(0.0..=1_000.0))
            .check(Check::TakenBack(0))
            .check(Check::ModelGot(0)),
        talk(1, "… over a line with jitter and slow marks")
            .trouble(|t| (t.seed, t.jitter, t.mark_lag) = (5, ms(80), ms(137)))
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_137.0..=30_137.0 + 20.0 + 80.0))
            .check(Check::GoodbyeHeard(Anchor::Deadline, 0.0..=100.0))
            .check(Check::Whole(GOODBYE))
            .check(Check::ClosedAfterMark(0.0..=1_000.0)),
        row(1, "… and nobody ever says anything")
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeard(Anchor::Stream, 30_000.0..=30_020.0))
            .check(Check::Whole(GOODBYE)),
        talk(2, "caller starts at D − 60 ms and goes on")
            .at(Anchor::Deadline, -60, Act::Say(2_000, -20.0, "Are you still there?"))
            .reply(&[Part::Talk(1_000, "I am.")])
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::Entries("the silence ending begins", silence_begins, 1..=1))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        talk(2, "… and nobody owes an answer")
            .recorded()
            .at(Anchor::Deadline, -60, Act::Say(2_000, -20.0, "Are you still there?"))
            .check(SILENCE_BY_US)
            .check(Check::Entries("the silence ending begins", silence_begins, 1..=1))
            .check(Check::GoodbyeHeard(Anchor::CallerEnd(1), 30_000.0..=30_020.0)),
        talk(3, "an 80 ms cough at D")
            .at(Anchor::Deadline, 0, Act::Say(80, -20.0, ""))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_140.0)),
        talk(3, "… that began before it")
            .at(Anchor::Deadline, -40, Act::Say(80, -20.0, ""))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_140.0)),
        talk(5, "caller says \"wait, I'm here\" during the goodbye")
            .at(Anchor::Goodbye, 800, Act::Say(1_200, -20.0, "Wait, I'm here."))
            .reply(&[Part::Talk(1_500, "Good.")])
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(1))
            .check(Check::Asked("the caller is back", is_back, 1..=1))
            .check(Check::ModelGot(1))
            .check(Check::AgentWhole(1))
            .check(Check::Entries(
                "taken back by speech within 460 ms",
                |c| matches!(c, Cause::TakenBack { heard, .. } if *heard <= ms(1_280)),
                1..=1,
            ))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        talk(6, "caller's \"bye\" over the second half of the goodbye")
            .at(Anchor::Goodbye, 2_400, Act::Say(500, -20.0, "Bye."))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::Whole(GOODBYE))
            .check(Check::ClosedAfterMark(0.0..=1_000.0)),
        talk(6, "… at its very end")
            .at(Anchor::Goodbye, 3_900, Act::Say(500, -20.0, "Bye."))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::Whole(GOODBYE))
            .check(Check::Closed(Anchor::CallerEnd(1), 0.0..=1_000.0)),
        talk(36, "caller muted: frames of silence")
            .check(SILENCE_BY_US)
            .check(Check::That("REST is not asked", |played, _| count(rest_asked(played), 0..=0)))
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_020.0)),
        talk(36, "no frames at all, the call goes on")
            .at(Anchor::Stream, 6_000, Act::NoFrames(600_000))
            .check(SILENCE_BY_US)
            .check(Check::That("REST is asked every 10 s", |played, _| count(rest_asked(played), 2..=2)))
            .check(Check::EntryAt("the gap is noticed", 0, is_gap, Anchor::Stream, 16_000.0..=16_040.0))
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_220.0))
            .check(Check::Whole(GOODBYE)),
        talk(36, "no frames at all, REST is silent")
            .at(Anchor::Stream, 6_000, Act::NoFrames(600_000))
            .trouble(|t| t.rest = Rest::Silent)
            .check(SILENCE_BY_US)
            .check(Check::GoodbyeHeardAfterAgent(0, 30_000.0..=30_220.0)),
        talk(36, "no frames at all, REST says that the call is gone")
            .at(Anchor::Stream, 10_000, Act::Vanish)
            .check(Check::Ends(Reason::CarrierGone, Party::Carrier))
            .check(Check::Unheard(GOODBYE))
            .check(Check::Closed(Anchor::Stream, 20_000.0..=20_200.0)),
        talk(37, "stream delivers 2 s late in one burst")
            .at(Anchor::Stream, 10_000, Act::Say(700, -20.0, "Hello?"))
            .at(Anchor::Stream, 9_500, Act::Stall(2_000))
            .reply(&[Part::Talk(1_000, "Yes?")])
            .check(SILENCE_BY_US)
            .check(Check::Entries(
                "the spurt sits at its media time",
                |c| {
                    matches!(c, Cause::Talkspurt { start, end, .. }
                if start.as_micros().abs_diff(10_000_000) <= 20_000 && end.as_micros().abs_diff(10_700_000) <= 20_000)
                },
                1..=1,
            ))
            .check(Check::That("at most 8 frames a tick", |played, _| count(played.frames_in_a_tick as usize, 8..=8)))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        talk(37, "… while the deadline passes: what comes late takes it back")
            .at(Anchor::Deadline, -1_000, Act::Stall(2_000))
            .at(Anchor::CallerEnd(0), 32_500, Act::Say(1_500, -20.0, "Hold on, please."))
            .check(Check::TakenBack(1)),
        talk(39, "a digit during the silence goodbye")
            .at(Anchor::Goodbye, 1_500, Act::Key('5'))
            .reply(&[Part::Talk(1_000, "Five.")])
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(1))
            .check(Check::Entries("talkspurts", |c| matches!(c, Cause::Talkspurt { .. }), 1..=1))
            .check(Check::Asked("the key", |r| matches!(r, ModelRequest::Note(Note::Digit(_))), 1..=1))
            .check(Check::AgentWhole(1))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        talk(40, "echo of our own goodbye")
            .at(Anchor::Goodbye, 180, Act::Echo(GOODBYE, -21.0))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::Whole(GOODBYE))
            .check(Check::ClosedAfterMark(0.0..=1_000.0)),
    ];
    for seed in 0..20 {
        rows.push(
            talk(4, "caller's words at D − 60 ms are still in flight")
                .recorded()
                .trouble(move |t| (t.seed, t.jitter) = (seed, ms(200)))
                .at(Anchor::Deadline, -60, Act::Say(1_500, -20.0, "Hold on."))
                .check(SILENCE_BY_US)
                .check(Check::TakenBack(0))
                .check(Check::Entries("the silence ending begins", silence_begins, 1..=1))
                .check(Check::GoodbyeHeard(Anchor::CallerEnd(1), 30_000.0..=30_260.0)),
        );
        rows.push(
            talk(4, "… nothing is in flight")
                .recorded()
                .trouble(move |t| (t.seed, t.jitter) = (seed, ms(200)))
                .check(SILENCE_BY_US)
                .check(Check::GoodbyeHeard(Anchor::Deadline, 0.0..=220.0)),
        );
    }
    rows
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn silence_begins(cause: &Cause) -> bool {
    matches!(cause, Cause::EndingBegan(Reason::Silence))
}

fn is_gap(cause: &Cause) -> bool {
    matches!(cause, Cause::InboundGap(_))
}

fn is_back(request: &ModelRequest) -> bool {
    matches!(request, ModelRequest::Note(Note::CallerIsBack { .. }))
}

fn rest_asked(played: &super::scenario::Played) -> usize {
    let asked = |moment: &Moment| {
        matches!(moment, Moment::ToCarrier(quietline::carrier::CarrierCommand::Request(CallRequest::FetchStatus)))
    };
    played.world.moments.iter().filter(|(_, moment)| asked(moment)).count()
}

fn count(n: usize, range: std::ops::RangeInclusive<usize>) -> Result<(), String> {
    if range.contains(&n) { Ok(()) } else { Err(format!("it is {n}")) }
}
