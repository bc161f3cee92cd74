//! A replayed capture as a row, a ledger or JSON, and what is decided otherwise.

use std::{
    io::{self, Write},
    path::Path,
};

use quietline::{
    call::RULES_VERSION,
    replay::capture::{LedgerLine, Played, Stretch, differing_lines},
    session::capture::State,
};
use serde_json::{Value, json};

use super::{About, Showing};

/// Ledger lines of a difference that are printed of each side, without `--verbose`.
const SHOWN: usize = 12;

pub(super) fn heading(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<64} {:>9} {:<14} {:>10} {:>10}  decisions", "capture", "length", "reason", "goodbye", "hang-up")
}

pub(super) fn played(
    path: &Path,
    about: &About,
    played: &Played,
    showing: Showing,
    out: &mut dyn Write,
) -> io::Result<()> {
    if showing.json {
        return writeln!(out, "{}", as_json(path, about, played));
    }
    let ending = played.ending();
    let seconds = |us: Option<u64>| us.map_or("–".into(), |us| format!("{:.2} s", us as f64 / 1e6));
    writeln!(
        out,
        "{:<64} {:>9} {:<14} {:>10} {:>10}  {}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        seconds(Some(played.length.as_micros())),
        ending.reason.as_deref().unwrap_or("–"),
        seconds(ending.goodbye_us),
        seconds(ending.closed_us),
        if played.is_same { "the same, byte for byte" } else { "OTHER ONES" },
    )?;
    if let Some(note) = state(about.state) {
        writeln!(out, "  {note}")?;
    }
    if showing.verbose {
        played.ledger_lines().iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    if played.is_same { Ok(()) } else { difference(about, played, showing, out) }
}

/// What is known of a capture that does not hold the whole call.
fn state(state: State) -> Option<String> {
    match state {
        State::Complete => None,
        State::Overflowed(steps) => Some(format!("the last {steps} steps of the call were not kept")),
        State::CutOff => Some("it ends before the call did".into()),
        State::Damaged(byte) => Some(format!("from byte {byte} on it is damaged: what comes before is used")),
    }
}

fn difference(about: &About, played: &Played, showing: Showing, out: &mut dyn Write) -> io::Result<()> {
    let theirs = about.header.rules_version;
    if theirs != RULES_VERSION {
        writeln!(out, "  it was decided by version {theirs} of the rules, and this program has {RULES_VERSION}")?;
    }
    if let Some(parting) = &played.parting {
        writeln!(out, "  at {} s: then {}; now {}", parting.at, parting.captured, parting.now)?;
        let known = if played.is_known() { "is known" } else { "rests on what caller and model did then" };
        writeln!(out, "  what comes of it {known}")?;
    }
    let now = played.ledger_lines();
    // Under another timeout every deadline is another one: that is shown only where nothing else is, or on demand.
    let Some(stretch) = differing_lines(&played.captured_ledger, &now, showing.verbose) else {
        let only = match differing_lines(&played.captured_ledger, &now, true) {
            Some(_) => "nothing but deadlines of the window (--verbose shows them)",
            None => "the ledgers are the same; what was sent is not",
        };
        return writeln!(out, "  {only}");
    };
    let Stretch { common, captured, now } = stretch;
    writeln!(out, "  the first {common} entries of the ledger are the same, then:")?;
    let most = if showing.verbose { usize::MAX } else { SHOWN };
    side("-", captured, most, out)?;
    side("+", now, most, out)
}

fn side(sign: &str, lines: &[LedgerLine], most: usize, out: &mut dyn Write) -> io::Result<()> {
    lines.iter().take(most).try_for_each(|line| writeln!(out, "  {sign} {line}"))?;
    match lines.len().saturating_sub(most) {
        0 => Ok(()),
        more => writeln!(out, "  {sign} … and {more} more (--verbose)"),
    }
}

fn as_json(path: &Path, about: &About, played: &Played) -> Value {
    let lines = |lines: &[LedgerLine]| lines.iter().map(LedgerLine::to_string).collect::<Vec<_>>();
    let now = played.ledger_lines();
    let difference = differing_lines(&played.captured_ledger, &now, true).map(
        |Stretch { common, captured, now }| json!({ "same_entries": common, "captured": lines(captured), "now": lines(now) }),
    );
    json!({
        "capture": path.display().to_string(),
        "call": about.header.call,
        "assistant": about.header.assistant,
        "rules_version": about.header.rules_version,
        "state": state(about.state),
        "length_ms": played.length.as_millis_f64(),
        "same": played.is_same,
        "ending": played.ending(),
        "parted_ms": played.parting.as_ref().map(|parting| parting.at.as_millis_f64()),
        "known": played.is_known(),
        "difference": difference,
        "ledger": lines(&now),
    })
}
