//! What an audit found, for people and for programs.

use std::{
    io::{self, Write},
    path::Path,
};

use quietline::audit::{Audit, Ending, Goodbye, Moment};
use serde_json::{Value, json};

use super::{Audited, truth::Compared};
use crate::cli::beside;

/// For people.
pub(super) fn text(path: &Path, audited: &Audited, out: &mut dyn Write) -> io::Result<()> {
    let audit = &audited.audit;
    writeln!(out, "{}: {:.2} s{}", path.display(), audit.duration_ms / 1e3, one_side(path))?;
    let mut line = |what: &str, value: String| writeln!(out, "  {what:<16} {value}");
    line(
        "last words",
        audit.last_activity.map_or("none before the goodbye".into(), |at| format!("end at {}", time(at))),
    )?;
    match &audit.goodbye {
        Some(goodbye) => {
            line("goodbye", format!("{} to {}", time(goodbye.start), time(goodbye.end)))?;
            line("", found_by(goodbye))?;
        }
        None => line("goodbye", "none was found".into())?,
    }
    if let Some(silence) = audit.silence() {
        line("silence between", time(silence))?;
    }
    let recorder =
        if audit.line_end.is_dead_before_recording_ends { "nothing comes any more" } else { "the recording ends" };
    line("line ends", format!("{} ({recorder})", time(audit.line_end.at)))?;
    line("ended for", format!("{}: {}", ending(audit), audit.ending_because))?;
    line("ended by", audit.ended_by.clone())?;
    for finding in &audit.findings {
        writeln!(out, "  {:<28} {:<12} {}", finding.rule.to_string(), finding.verdict.to_string(), finding.because)?;
    }
    if let Some(compared) = &audited.compared {
        writeln!(out, "  against the truth: {}", errors(compared))?;
    }
    writeln!(out)
}

/// A call's end is heard only where both voices are.
fn one_side(path: &Path) -> &'static str {
    match beside::parts(path) {
        Some((_, "caller")) => "; by its name the caller's side alone: audit a recording with both voices",
        Some((_, "bot")) => "; by its name the agent's side alone: audit a recording with both voices",
        Some(_) | None => "",
    }
}

fn found_by(goodbye: &Goodbye) -> String {
    match &goodbye.matched {
        Some(matched) => format!("by {}, {:.0} % alike where it is heard", matched.rendering, matched.score * 100.0),
        None => "no rendering was found: the last words are taken for it".into(),
    }
}

fn ending(audit: &Audit) -> &'static str {
    match audit.ending {
        Some(Ending::Silence) => "silence",
        Some(Ending::Hangup) => "a hang-up",
        None => "cannot tell",
    }
}

fn errors(compared: &Compared) -> String {
    let error = |(what, error): &(&str, Option<f64>)| match error {
        Some(error) => format!("{what} {error:+.0} ms"),
        None => format!("{what} was not found"),
    };
    let other = compared.other_ending.as_ref().map(|truth| format!("it was ended for {truth}"));
    compared.errors.iter().map(error).chain(other).collect::<Vec<_>>().join(", ")
}

fn time(moment: Moment) -> String {
    format!("{:.2} s ± {:.2}", moment.ms / 1e3, moment.uncertainty_ms / 1e3)
}

/// For programs.
pub(super) fn json(path: &Path, audited: &Audited) -> Value {
    let errors = audited.compared.as_ref().map(|compared| {
        let errors = compared.errors.iter().map(|(what, error)| json!({"what": what, "error_ms": error}));
        json!({"errors": errors.collect::<Vec<_>>(), "other_ending": compared.other_ending})
    });
    json!({
        "recording": path.display().to_string(),
        "audit": audited.audit,
        "silence": audited.audit.silence(),
        "truth": errors,
    })
}
