//! The table as text.

use std::fmt;

use super::{
    Measurements,
    measurements::Stale,
    path::{CONFIGURATIONS, STAGES, TICKS, WIRE},
};

const FRAME_NS: f64 = 20e6;
const MISSING: &str = "not measured";

/// Stages in rows, configurations in columns.
pub(crate) struct Table<'a>(pub(crate) &'a Measurements);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row(
            f,
            "a frame of 20 ms and its return frame",
            "least ns a frame",
            CONFIGURATIONS.map(str::to_owned),
            "",
        )?;
        let sums: [Option<f64>; 4] = std::array::from_fn(|column| self.sum(column, |_| true));
        for (stage, times) in STAGES {
            let shares = std::array::from_fn(|column| self.share(stage, times[column], sums[column]));
            self.stage(f, stage, shares)?;
        }
        let stages = STAGES.iter().map(|(stage, _)| *stage);
        self.totals(f, "the sum of these stages", sums, self.0.is_any_stale(stages.clone()))?;
        let whole = std::array::from_fn(|column| {
            let wire = self.sum(column, |stage| stage.starts_with(WIRE))?;
            Some(wire + self.0.find(TICKS[column])?.ns_per_frame)
        });
        let wire = stages.filter(|stage| stage.starts_with(WIRE));
        let stale = self.0.is_any_stale(wire.chain(TICKS));
        self.totals(f, "a whole tick, one of 1,000 calls, and the wire", whole, stale)?;
        writeln!(f)?;
        let on_path = |stage: &str| STAGES.iter().any(|(one, _)| *one == stage);
        self.0
            .iter()
            .filter(|measurement| !on_path(&measurement.stage))
            .try_for_each(|measurement| self.stage(f, &measurement.stage, Default::default()))
    }
}

impl Table<'_> {
    /// Nanoseconds of the stages that a frame passes through, if all of them were measured.
    fn sum(&self, column: usize, counts: impl Fn(&str) -> bool) -> Option<f64> {
        STAGES
            .iter()
            .filter(|(stage, times)| times[column] > 0.0 && counts(stage))
            .map(|(stage, times)| Some(self.0.find(stage)?.ns_per_frame * times[column]))
            .sum()
    }

    fn share(&self, stage: &str, times: f64, sum: Option<f64>) -> String {
        match (self.0.find(stage), sum) {
            (Some(measured), Some(sum)) if times > 0.0 => {
                format!("{:.1} %", 100.0 * measured.ns_per_frame * times / sum)
            }
            _ => String::new(),
        }
    }

    fn stage(&self, f: &mut fmt::Formatter<'_>, stage: &str, shares: [String; 4]) -> fmt::Result {
        let Some(measured) = self.0.find(stage) else { return self.row(f, stage, MISSING, shares, "") };
        let stale = match measured.stale {
            None => "",
            Some(Stale::OlderBuild) => "stale: measured before this build",
            Some(Stale::OlderRun) => "stale: of an older run",
        };
        let ns = measured.ns_per_frame;
        self.row(f, stage, &format!("{ns:.*}", usize::from(ns < 100.0)), shares, stale)
    }

    fn totals(&self, f: &mut fmt::Formatter<'_>, what: &str, ns: [Option<f64>; 4], stale: bool) -> fmt::Result {
        let column = |show: &dyn Fn(f64) -> String| ns.map(|ns| ns.map_or_else(|| MISSING.to_owned(), show));
        let remark = if stale { "stale in part" } else { "" };
        writeln!(f)?;
        self.row(f, what, "", column(&|ns| format!("{:.2} µs", ns / 1e3)), remark)?;
        self.row(f, "  calls a core, if that were all", "", column(&|ns| format!("{:.0}", FRAME_NS / ns)), remark)
    }

    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        first: &str,
        ns: &str,
        columns: [String; 4],
        remark: &str,
    ) -> fmt::Result {
        let [a, b, c, d] = columns;
        let line = format!("{first:<46} {ns:>16} {a:>13} {b:>13} {c:>13} {d:>13}  {remark}");
        writeln!(f, "{}", line.trim_end())
    }
}
