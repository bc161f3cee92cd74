//! Rows 32 to 35: music, television, hum, and a caller who turns quiet.

use quietline::{
    assistant::FarewellKind,
    call::{AnnouncementKind, Cause, Party, Reason},
};

use super::{
    checks::{Check, within},
    scenario::{Act, Anchor, Hears, Part, Played, Row, talk},
};

const GOODBYE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);
const SILENCE_BY_US: Check = Check::Ends(Reason::Silence, Party::Us);

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        // Phrases of 4 s, pauses of 2 s: the budget runs out in a pause, …
        phrases(talk(32, "hold music for minutes"), 12_000, 4_000, 2_000, -22.0, "")
            .check(SILENCE_BY_US)
            .check(Check::That("90 s past the last words at the latest", |played, _| begins_after(played, 90_000.0))),
        // … or within a phrase: nobody knows yet that there are no words in it.
        phrases(talk(32, "… heard out to the end of a phrase"), 8_000, 4_000, 2_000, -22.0, "")
            .check(SILENCE_BY_US)
            .check(Check::That("and its verdict at the latest", |played, _| {
                begins_after(played, 90_000.0 + 4_000.0 + 800.0)
            })),
        phrases(
            talk(33, "television with words, 20 dB under the caller"),
            8_000,
            3_000,
            800,
            -40.0,
            "And now the weather.",
        )
        .check(SILENCE_BY_US)
        .check(Check::TakenBack(0))
        .check(Check::Entries("all of it is charged", |c| matches!(c, Cause::Charged { .. }), 20..=60))
        .check(Check::That("90 s past the last words at the latest", |played, _| begins_after(played, 90_000.0))),
        talk(34, "caller turns quiet, −12 dB, keeps talking for 95 s without a pause, no transcripts")
            .hears(Hears::NoTranscripts)
            .at(Anchor::Stream, 8_000, Act::Say(95_000, -32.0, "And then …"))
            .check(Check::EntryAt(
                "ended",
                0,
                |c| matches!(c, Cause::EndingBegan(_)),
                Anchor::CallerEnd(1),
                0.0..=60_000.0,
            )),
        talk(35, "steady hum keeps the detector on")
            .hears(Hears::NoTranscripts)
            .at(Anchor::Stream, 8_000, Act::Say(600_000, -30.0, ""))
            .check(SILENCE_BY_US)
            .check(Check::TakenBack(0))
            .check(Check::Whole(GOODBYE))
            .check(Check::GoodbyeHeard(Anchor::CallerStart(1), 150_000.0..=150_020.0)),
    ];
    // The same with a model that answers the television: its answers pause, 30 s at the most.
    let mut row = phrases(talk(33, "… and the model answers it"), 8_000, 3_000, 3_000, -40.0, "And now the weather.");
    for _ in 0..60 {
        row = row.reply(&[Part::Talk(1_000, "Sunny?")]);
    }
    rows.push(
        row.check(SILENCE_BY_US)
            .check(Check::That("120 s past the last words at the latest", |played, _| begins_after(played, 120_000.0))),
    );
    rows
}

/// Sounds from then on for six minutes.
fn phrases(mut row: Row, from: i64, ms: u64, pause: u64, db: f32, words: &'static str) -> Row {
    let mut at = from;
    while at < 360_000 {
        row = row.at(Anchor::Stream, at, Act::Say(ms, db, words));
        at += (ms + pause) as i64;
    }
    row
}

/// The ending begins so long after the agent's answer at the latest, and not within the timeout.
fn begins_after(played: &Played, latest: f64) -> Result<(), String> {
    let begun = played.nth(0, |c| matches!(c, Cause::EndingBegan(_))).ok_or("no ending")?;
    within(begun - played.moment(Anchor::AgentEnd(0)).ok_or("no answer")?, &(30_000.0..=latest + 20.0))
}
