//! What must have happened in a call that was played.

use std::ops::RangeInclusive;

use quietline::{
    assistant::FarewellKind,
    call::{AnnouncementKind, Cause, Party, Reason},
    model::{ModelRequest, ToolAnswer},
};

use super::scenario::{Anchor, Played, Row};
use crate::sound::find;

/// Ours is always this one.
const SILENCE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);

/// A claim about a call, in exact numbers.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    /// Why it ended and who closed the line.
    Ends(Reason, Party),
    /// The silence goodbye's first sample is heard so many milliseconds after a moment.
    GoodbyeHeard(Anchor, RangeInclusive<f64>),
    /// … after the end of the agent's n-th item at the caller's ear.
    GoodbyeHeardAfterAgent(usize, RangeInclusive<f64>),
    /// An announcement is heard to its last sample (the first frame may be mixed with the agent).
    Whole(AnnouncementKind),
    /// An announcement is not heard at all.
    Unheard(AnnouncementKind),
    /// The agent's n-th item is heard to its last sample.
    AgentWhole(usize),
    /// The line is closed so many milliseconds after the terminal mark.
    ClosedAfterMark(RangeInclusive<f64>),
    /// … after a moment.
    Closed(Anchor, RangeInclusive<f64>),
    /// Endings taken back.
    TakenBack(u32),
    /// The model gets the caller's n-th words from their first sample to their last.
    ModelGot(usize),
    /// Answers to tool calls, in order.
    Answers(Vec<ToolAnswer>),
    /// So many requests like this reach the model.
    Asked(&'static str, fn(&ModelRequest) -> bool, RangeInclusive<usize>),
    /// So many entries of the ledger are like this.
    Entries(&'static str, fn(&Cause) -> bool, RangeInclusive<usize>),
    /// The n-th entry like this is written so many milliseconds after a moment.
    EntryAt(&'static str, usize, fn(&Cause) -> bool, Anchor, RangeInclusive<f64>),
    /// Anything else.
    That(&'static str, fn(&Played, &Row) -> Result<(), String>),
}

impl Check {
    pub(super) fn of(&self, row: &Row, played: &Played) -> Result<(), String> {
        let record = played.world.session.record();
        match self {
            Self::Ends(reason, party) => same((record.reason, record.ended_by), (Some(*reason), Some(*party))),
            Self::GoodbyeHeard(anchor, range) => {
                let from = played.moment(*anchor).ok_or_else(|| format!("no {anchor:?}"))?;
                within(goodbye_heard_at(row, played)? - from, range)
            }
            Self::GoodbyeHeardAfterAgent(n, range) => {
                let heard = played.world.carrier.heard();
                let end =
                    find(heard, agent(played, *n)?, 0).ok_or("the agent is not heard")? + agent(played, *n)?.len();
                within(goodbye_heard_at(row, played)? - end as f64 / 8.0, range)
            }
            Self::Whole(kind) => whole(row, played, *kind).map(|_| ()),
            Self::Unheard(kind) => {
                let announcement = row.announcement(*kind);
                let begun = find(played.world.carrier.heard(), &announcement.mulaw()[160..480], 0);
                begun.map_or(Ok(()), |at| Err(format!("it is heard at {} ms", at / 8)))
            }
            Self::AgentWhole(n) => {
                let found = find(played.world.carrier.heard(), agent(played, *n)?, 0);
                found.map(|_| ()).ok_or_else(|| "it is not heard whole".into())
            }
            Self::ClosedAfterMark(range) => {
                let (Some(closed), Some(mark)) = (record.closed_at, record.terminal_mark_at) else {
                    return Err(format!("closed {:?}, mark {:?}", record.closed_at, record.terminal_mark_at));
                };
                within(closed.as_millis_f64() - mark.as_millis_f64(), range)
            }
            Self::Closed(anchor, range) => {
                let from = played.moment(*anchor).ok_or_else(|| format!("no {anchor:?}"))?;
                let closed = record.closed_at.ok_or("it is not closed")?;
                within(closed.as_millis_f64() - from, range)
            }
            Self::TakenBack(times) => same(record.taken_back, *times),
            Self::ModelGot(n) => model_got(played, *n),
            Self::Answers(expected) => {
                let log = played.world.model.log.iter();
                let answers = log.filter_map(|(_, request)| match request {
                    ModelRequest::ToolOutput { answer, .. } => Some(*answer),
                    _ => None,
                });
                same(answers.collect::<Vec<_>>(), expected.clone())
            }
            Self::Asked(_, like, range) => {
                let times = played.world.model.log.iter().filter(|(_, request)| like(request)).count();
                if range.contains(&times) { Ok(()) } else { Err(format!("{times} times")) }
            }
            Self::Entries(_, like, range) => {
                let times = played.entries(like).count();
                if range.contains(&times) { Ok(()) } else { Err(format!("{times} times")) }
            }
            Self::EntryAt(_, n, like, anchor, range) => {
                let from = played.moment(*anchor).ok_or_else(|| format!("no {anchor:?}"))?;
                within(played.nth(*n, like).ok_or("there is none")? - from, range)
            }
            Self::That(_, check) => check(played, row),
        }
    }

    /// How it is called in a report.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Asked(name, _, range) => format!("asked {range:?} times: {name}"),
            Self::Entries(name, _, range) => format!("{range:?} entries: {name}"),
            Self::EntryAt(name, n, _, anchor, range) => format!("{name} (no. {n}) {range:?} ms after {anchor:?}"),
            Self::That(name, _) => (*name).into(),
            other => format!("{other:?}"),
        }
    }
}

/// What holds for every call.
pub(super) fn always(played: &Played) -> Result<(), String> {
    let (record, carrier) = (played.world.session.record(), &played.world.carrier);
    if !carrier.violations().is_empty() {
        return Err(format!("the carrier does not allow {:?}", carrier.violations()));
    }
    if record.reason.is_none() || record.ended_by.is_none() || record.closed_at.is_none() {
        return Err(format!("the record is not complete: {record:?}"));
    }
    let early = record.deadline.zip(record.goodbye_at).is_some_and(|(deadline, at)| at < deadline);
    if early { Err(format!("the goodbye is early: {record:?}")) } else { Ok(()) }
}

pub(super) fn within(value: f64, range: &RangeInclusive<f64>) -> Result<(), String> {
    if range.contains(&value) { Ok(()) } else { Err(format!("it is {value:.1}")) }
}

fn same<T: PartialEq + std::fmt::Debug>(value: T, expected: T) -> Result<(), String> {
    if value == expected { Ok(()) } else { Err(format!("it is {value:?}, not {expected:?}")) }
}

/// Place of an announcement that is heard to its end, in samples.
pub(super) fn whole(row: &Row, played: &Played, kind: AnnouncementKind) -> Result<usize, String> {
    let announcement = row.announcement(kind);
    let at = find(played.world.carrier.heard(), &announcement.mulaw()[160..], 0);
    Ok(at.ok_or("it is not heard whole")?.saturating_sub(160))
}

fn agent(played: &Played, n: usize) -> Result<&[u8], String> {
    played.agent.get(n).map(Vec::as_slice).ok_or_else(|| format!("the agent has no item {n}"))
}

fn goodbye_heard_at(row: &Row, played: &Played) -> Result<f64, String> {
    Ok(whole(row, played, SILENCE)? as f64 / 8.0)
}

fn model_got(played: &Played, n: usize) -> Result<(), String> {
    let got: Vec<u8> = played.world.model.got.iter().map(|&sample| quietline::codec::mulaw::encode(sample)).collect();
    let words = &played.said[n].1;
    if find(&got, words, 0).is_some() {
        return Ok(());
    }
    let missing = (0..words.len() / 80).find(|block| find(&got, &words[block * 80..], 0).is_some());
    Err(missing
        .map_or("the model has nothing of it".into(), |block| format!("the first {} ms are missing", block * 10)))
}
