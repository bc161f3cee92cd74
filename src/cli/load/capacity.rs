//! `--find-capacity`: steps with more and more calls, until one does not hold.

use std::io::{self, Write};

use quietline::lab::load::{LoadReport, Verdict, added_p99_ms};
use serde::Serialize;

/// One step.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    calls: u32,
    #[serde(flatten)]
    verdict: Verdict,
    report: LoadReport,
}

/// What a search came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Found {
    /// The most calls that held.
    held: Option<u32>,
    /// Share of a core that the gateway used then.
    core_share: Option<f64>,
    /// What one core would hold if its use grew as the calls do.
    calls_per_core: Option<f64>,
    /// The load's own core was the limit: the gateway may hold more.
    limited_by_load: bool,
    steps: Vec<Step>,
}

/// The table's first line.
pub(super) fn head(out: &mut dyn Write) -> io::Result<()> {
    let columns = ["calls", "us/frame", "core", "p99 ms", "KiB/call", "underruns", "load"];
    let [calls, rest @ ..] = columns;
    write!(out, "{calls:>6}")?;
    for column in rest {
        write!(out, " {column:>9}")?;
    }
    writeln!(out, "  outcome")
}

impl Found {
    /// Notes a step, and writes its line.
    pub(super) fn step(&mut self, step: Step, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{step}")?;
        let server = step.report.server.as_ref().map(|server| server.core_share);
        match step.verdict {
            Verdict::Held if self.held.is_none_or(|held| step.calls > held) => {
                self.held = Some(step.calls);
                self.core_share = server;
                self.calls_per_core = server.filter(|share| *share > 0.0).map(|share| f64::from(step.calls) / share);
            }
            Verdict::Held | Verdict::NotHeld(_) | Verdict::NotOffered(_) => {}
        }
        self.steps.push(step);
        out.flush()
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// How often so many calls were tried.
    pub(super) fn tries(&self, calls: u32) -> usize {
        self.steps.iter().filter(|step| step.calls == calls).count()
    }

    /// The search ends because the load could not do its part.
    pub(super) fn stopped_by_load(&mut self) {
        self.limited_by_load = true;
    }

    /// The last lines.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        match (self.held, self.core_share) {
            (None, _) => writeln!(out, "no step held")?,
            (Some(held), None) => {
                writeln!(out, "{held} calls held (without --server-pid nothing is known of its CPU)")?
            }
            (Some(held), Some(share)) => {
                let estimate = self.calls_per_core.unwrap_or(0.0);
                let share = share * 100.0;
                writeln!(out, "{held} calls held at {share:.0} % of a core: about {estimate:.0} calls a core")?;
            }
        }
        if self.limited_by_load {
            let advice = "give the load a core of its own, or --validate a higher number";
            writeln!(out, "offered load not held: nothing is known about the gateway beyond; {advice}")?;
        }
        Ok(())
    }

    /// Whether anything held.
    pub(super) fn is_any(&self) -> bool {
        self.held.is_some()
    }
}

impl Step {
    pub(super) fn new(calls: u32, verdict: Verdict, report: LoadReport) -> Self {
        Self { calls, verdict, report }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let server = self.report.server.as_ref();
        let columns = [
            of(server.map(|server| server.us_per_frame), 1),
            percent(server.map(|server| server.core_share)),
            of(added_p99_ms(&self.report), 1),
            of(server.map(|server| server.rss_per_call_kib), 0),
            self.report.voice.underruns.to_string(),
            percent(self.report.load.core_share),
        ];
        write!(f, "{:>6}", self.calls)?;
        for column in columns {
            write!(f, " {column:>9}")?;
        }
        match &self.verdict {
            Verdict::Held => writeln!(f, "  held"),
            Verdict::NotHeld(why) => writeln!(f, "  not held: {}", why.join("; ")),
            Verdict::NotOffered(why) => writeln!(f, "  offered load not held: {}", why.join("; ")),
        }
    }
}
