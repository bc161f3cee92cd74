//! What came of the recordings, as a table, as JSON lines, or as ledgers.

use std::{
    io::{self, Write},
    path::Path,
    time::Instant,
};

use quietline::call::{LedgerEntry, Reason};
use serde_json::{Value, json};

use super::{Done, Played, ReplayArgs};
use crate::cli::timeline::Timeline;

/// The table's heading.
pub(super) fn heading(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<40} {:>8} {:>6} {:>10} {:>10} {:>10}  {:<14} {:>9} {:>9}  result",
        "recording", "length", "spurts", "quiet from", "goodbye", "hang-up", "reason", "mechanics", "truth"
    )
}

/// One recording, as it was asked for.
pub(super) fn played(args: &ReplayArgs, path: &Path, played: &Played, out: &mut dyn Write) -> io::Result<()> {
    if args.json {
        writeln!(out, "{}", as_json(path, played))
    } else if args.verbose {
        ledger(path, played, out)
    } else {
        row(path, played, out)
    }
}

fn ledger(path: &Path, played: &Played, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", path.display())?;
    let mut timeline = Timeline::new(out, false, true, played.settings.silence_timeout.get());
    for entry in &played.outcome.ledger {
        timeline.entry(entry, None)?;
    }
    for checked in &played.checked {
        writeln!(out, "{} {checked}", if checked.met { "as expected:  " } else { "NOT expected: " })?;
    }
    writeln!(out)
}

fn row(path: &Path, played: &Played, out: &mut dyn Write) -> io::Result<()> {
    let outcome = &played.outcome;
    let seconds = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{:.2} s", ms / 1e3));
    let error = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{ms:+.0} ms"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let result = match (played.failures.len(), played.checked.len()) {
        (0, 0) => "ok".into(),
        (0, met) => format!("ok, {met} of {met} as expected"),
        (wrong, _) => format!("FAILED: {wrong} wrong"),
    };
    writeln!(
        out,
        "{name:<40} {:>8} {:>6} {:>10} {:>10} {:>10}  {:<14} {:>9} {:>9}  {result}",
        seconds(Some(outcome.duration_ms as f64)),
        outcome.talkspurts.len(),
        seconds(outcome.silence_started_ms),
        seconds(outcome.goodbye_ms),
        seconds(outcome.hangup_ms),
        outcome.reason.map_or("–", Reason::name),
        error(outcome.rules.mechanics_error_ms),
        error(outcome.truth_error_ms),
    )
}

fn as_json(path: &Path, played: &Played) -> Value {
    let outcome = &played.outcome;
    json!({
        "recording": path.display().to_string(),
        "ok": played.failures.is_empty(),
        "duration_ms": outcome.duration_ms,
        "talkspurts": outcome.talkspurts,
        "silence_started_ms": outcome.silence_started_ms,
        "deadline_ms": outcome.deadline_ms,
        "goodbye_ms": outcome.goodbye_ms,
        "hangup_ms": outcome.hangup_ms,
        "reason": outcome.reason.map(Reason::name),
        "mechanics_error_ms": outcome.rules.mechanics_error_ms,
        "held_ms": outcome.rules.held_ms,
        "truth_error_ms": outcome.truth_error_ms,
        "goodbye_whole": outcome.rules.goodbye_whole,
        "closed_after_mark_ms": outcome.rules.closed_after_mark_ms,
        "closed_after_tool_ms": outcome.rules.closed_after_tool_ms,
        "closed_after_words_ms": outcome.rules.closed_after_words_ms,
        "broken": outcome.rules.broken,
        "expect": played.checked,
        "failures": played.failures,
        "notes": played.notes,
        "ledger": outcome.ledger.iter().map(ledger_json).collect::<Vec<_>>(),
    })
}

fn ledger_json(entry: &LedgerEntry) -> Value {
    json!({
        "at_ms": entry.at.as_millis_f64(),
        "cause": entry.cause.to_string(),
        "deadline_ms": entry.deadline.map(quietline::time::Timestamp::as_millis_f64),
        "remaining_ms": entry.deadline.map(|deadline| deadline.diff_micros(entry.at) as f64 / 1e3),
        "uncertainty_ms": entry.uncertainty.as_secs_f64() * 1e3,
    })
}

/// All recordings together.
pub(super) struct Summary {
    begun: Instant,
    played_ms: f64,
    good: usize,
    failed: usize,
    unreadable: usize,
}

impl Summary {
    /// Begins to measure our own speed.
    // The one clock here: no call sees it.
    #[allow(clippy::disallowed_methods)]
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), played_ms: 0.0, good: 0, failed: 0, unreadable: 0 }
    }

    /// Counts a recording.
    pub(super) fn add(&mut self, done: &Done) {
        match &done.result {
            Ok(played) => {
                self.played_ms += played.outcome.hangup_ms.unwrap_or(0.0);
                *(if played.failures.is_empty() { &mut self.good } else { &mut self.failed }) += 1;
            }
            Err(_) => self.unreadable += 1,
        }
    }

    /// Every recording was read, and all was as it must be.
    pub(super) fn is_good(&self) -> bool {
        self.failed + self.unreadable == 0
    }

    /// The last lines of the table.
    pub(super) fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { good, failed, unreadable, .. } = self;
        let total = good + failed + unreadable;
        if total > 1 {
            writeln!(out, "{total} recordings: {good} ok, {failed} failed, {unreadable} could not be played")?;
        }
        let (played, took) = (self.played_ms / 1e3, self.begun.elapsed().as_secs_f64());
        writeln!(out, "{played:.0} s of calls in {took:.2} s: {:.0} times real time", played / took.max(1e-9))
    }
}
