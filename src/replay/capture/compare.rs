use std::{fmt, time::Duration};

use crate::{
    call::LedgerEntry,
    session::capture::{Step, Told, told},
    time::Timestamp,
};

/// An entry of a ledger, of now or of a capture: exact times, and the cause in the words of its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub cause: String,
    /// The deadline from then on.
    pub deadline: Option<Timestamp>,
    /// How far off it may be.
    pub uncertainty: Duration,
}

impl From<&LedgerEntry> for LedgerLine {
    fn from(entry: &LedgerEntry) -> Self {
        let &LedgerEntry { at, cause, deadline, uncertainty } = entry;
        // A capture keeps microseconds.
        let uncertainty = Duration::from_micros(u64::try_from(uncertainty.as_micros()).unwrap_or(u64::MAX));
        Self { at, cause: cause.to_string(), deadline, uncertainty }
    }
}

impl fmt::Display for LedgerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_string();
        write!(f, "{at:>12} s  {}", self.cause)?;
        self.deadline.map_or(Ok(()), |deadline| write!(f, " -> goodbye at {deadline} s"))
    }
}

impl LedgerLine {
    /// The entries that a capture holds.
    pub(super) fn of_steps(steps: &[Step<'_>]) -> Vec<Self> {
        let outputs = steps.iter().flat_map(|step| told(step.outputs));
        let entries = outputs.filter_map(|output| match output {
            Told::Ledger { at, deadline, uncertainty_us, cause } => {
                Some(Self { at, cause: cause.to_owned(), deadline, uncertainty: Duration::from_micros(uncertainty_us) })
            }
            Told::ToCarrier(_)
            | Told::ToModel(_)
            | Told::Mark(_)
            | Told::Clear
            | Told::CarrierRequest { .. }
            | Told::ModelRequest(_)
            | Told::Tool(_)
            | Told::AudioSum(_) => None,
        });
        entries.collect()
    }
}

/// Two ledgers, from where they differ to where they do not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch<'a> {
    /// Entries that both begin with.
    pub common: usize,
    /// Of the capture.
    pub captured: &'a [LedgerLine],
    /// Of now.
    pub now: &'a [LedgerLine],
}

/// What of two ledgers is not the same: all between the entries that both begin with and those that both end with;
/// `None` if they are the same. Without `deadlines` entries are the same that have another deadline only, as nearly all
/// have under another timeout.
#[must_use]
pub fn differing_lines<'a>(captured: &'a [LedgerLine], now: &'a [LedgerLine], deadlines: bool) -> Option<Stretch<'a>> {
    let is_same = |(a, b): &(&LedgerLine, &LedgerLine)| {
        if deadlines { a == b } else { a.at == b.at && a.cause == b.cause }
    };
    let common = captured.iter().zip(now).take_while(is_same).count();
    let (captured, now) = (&captured[common..], &now[common..]);
    let end = captured.iter().rev().zip(now.iter().rev()).take_while(is_same).count();
    let (captured, now) = (&captured[..captured.len() - end], &now[..now.len() - end]);
    (!captured.is_empty() || !now.is_empty()).then_some(Stretch { common, captured, now })
}

/// Whether an output is something that carrier or model notice.
const fn is_deed(output: &Told<'_>) -> bool {
    !matches!(output, Told::Ledger { .. })
}

/// The first deed in which two lists of outputs differ, in words: then, and now.
pub(super) fn differing_deed(captured: &[u8], now: &[u8]) -> Option<(String, String)> {
    let words = |output: Option<Told<'_>>| output.map_or("nothing".to_owned(), |output| output.to_string());
    let (mut captured, mut now) = (told(captured).filter(is_deed), told(now).filter(is_deed));
    loop {
        match (captured.next(), now.next()) {
            (None, None) => return None,
            (a, b) if a != b => return Some((words(a), words(b))),
            _ => {}
        }
    }
}
