//! Rows 38, 43, 44, 47: clocks, endings that meet, carriers that fail, and calls without an end.

use std::time::Duration;

use quietline::{
    assistant::{FarewellKind, MaxDuration},
    call::{AnnouncementKind, Cause, Party, Reason},
    lab::Rest,
    time::Timestamp,
};

use super::{
    checks::{Check, within},
    scenario::{Act, Anchor, Part, Row, row, talk},
};

const GOODBYE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);

pub(super) fn rows() -> Vec<Row> {
    vec![
        fast_clock(),
        talk(43, "caller hangs up during the farewell")
            .at(Anchor::Goodbye, 1_000, Act::HangUp)
            .check(Check::Ends(Reason::Silence, Party::Caller))
            .check(Check::Closed(Anchor::Goodbye, 990.0..=1_010.0)),
        talk(43, "… the connection breaks during the farewell")
            .at(Anchor::Goodbye, 1_000, Act::BreakOff)
            .check(Check::Ends(Reason::Silence, Party::Carrier)),
        talk(43, "… caller hangs up before it")
            .at(Anchor::Deadline, -1_000, Act::HangUp)
            .check(Check::Ends(Reason::CallerHungUp, Party::Caller))
            .check(Check::Unheard(GOODBYE)),
        talk(44, "REST answers 500 for 20 s")
            .trouble(|t| t.rest = Rest::FailsUntil(Duration::from_millis(100), Timestamp::from_millis(35_760 + 24_000)))
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::ClosedAfterMark(0.0..=1_000.0))
            .check(Check::Entries("asked again", |c| matches!(c, Cause::HangupSent { .. }), 4..=8))
            .check(Check::That("verified in the end", |played, _| {
                if played.world.session.record().verified { Ok(()) } else { Err("it is not".into()) }
            })),
        talk(44, "… REST never answers")
            .trouble(|t| t.rest = Rest::Silent)
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::ClosedAfterMark(0.0..=1_020.0)),
        machines(),
    ]
}

const WORDS: [&str; 2] = ["Your call is important to us.", "Please hold."];

/// Two machines: each answers the other, with words, for ever.
fn machines() -> Row {
    let mut call = row(47, "two machines talk to each other, words for ever")
        .settings(|s| s.max_duration = MaxDuration::new(Duration::from_secs(120)).expect("within its bounds"));
    for n in 0..40 {
        call = call
            .at(Anchor::Stream, 1_000 + n * 5_000, Act::Say(2_000, -20.0, WORDS[n as usize % 2]))
            .reply(&[Part::Talk(1_500, "Thank you for holding.")]);
    }
    call.check(Check::Ends(Reason::MaxDuration, Party::Us))
        .check(Check::EntryAt(
            "begun",
            0,
            |c| matches!(c, Cause::EndingBegan(_)),
            Anchor::Stream,
            120_000.0..=120_020.0,
        ))
        .check(Check::Whole(AnnouncementKind::Farewell(FarewellKind::MaxDuration)))
        .check(Check::ClosedAfterMark(0.0..=1_000.0))
}

/// Two hours: 360,000 ticks.
fn fast_clock() -> Row {
    let mut call = row(38, "caller's clock 100 ppm fast for 2 h")
        .recorded()
        .settings(|s| s.max_duration = MaxDuration::new(Duration::from_secs(4 * 3600)).expect("within its bounds"))
        .trouble(|t| (t.clock_ppm, t.seed, t.jitter) = (100, 3, Duration::from_millis(30)));
    for n in 0..240 {
        let words = ["Still here.", "Yes.", "Go on."][n as usize % 3];
        call = call.at(Anchor::Stream, 5_000 + n * 30_000, Act::Say(1_000, -20.0, words));
        if n % 4 == 0 {
            call = call.at(Anchor::Stream, 9_000 + n * 30_000, Act::Speaks(vec![Part::Talk(4_000, "Good.")]));
        }
    }
    call.check(Check::Ends(Reason::Silence, Party::Us))
        .check(Check::That("the lead stays within 40 ms of 200 ms", |played, _| {
            let (least, most) = played.lead_ms.ok_or("the agent did not speak")?;
            within(least, &(160.0..=240.0)).and(within(most, &(160.0..=240.0)))
        }))
        .check(Check::That("the silence is as long as ever", |played, row| {
            let goodbye = super::checks::whole(row, played, GOODBYE)? as f64 / 8.0;
            let (at, words) = played.said.last().ok_or("nothing was said")?;
            // Both on the carrier's own clock.
            within(goodbye - (at + words.len() as u64 / 8) as f64, &(30_000.0..=30_000.0 + 20.0 + 30.0 + 10.0))
        }))
}
