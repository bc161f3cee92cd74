//! What must hold of a load.

use super::{refusal::REJECTED, report::LoadReport};

/// Above this lateness of its own, a load says nothing about the gateway: 99 of 100 frames, milliseconds.
pub const LATEST_LOAD_MS: f64 = 5.0;
/// From the gateway's deadline to the first goodbye frame, at most: 99 of 100 calls, milliseconds.
pub const MECHANICS_MS: f64 = 20.0;
/// The same from outside, with the way through sockets: 99 of 100 calls, milliseconds.
pub const ONSET_MS: f64 = 30.0;

/// How severely a load is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judge {
    /// Nothing that depends on how busy the machine is: for checks on shared machines.
    Untimed,
    /// The load's own lateness, underruns and the mechanics error too.
    #[default]
    Usual,
    /// And the onset as heard from outside: it is also about how well the detector hears, and how exact the truth is.
    Strict,
}

/// The rules that do not hold, in words. The onset counts after everything was played: a quiet lead-out of the agent's
/// is the agent's.
#[must_use]
pub fn broken_rules(report: &LoadReport, judge: Judge) -> Vec<String> {
    let (calls, mut broken) = (&report.calls, Vec::new());
    let timed = judge != Judge::Untimed;
    let mut rule = |is_broken: bool, text: String| {
        if is_broken {
            broken.push(text);
        }
    };
    let late = report.load.late_p99_ms;
    rule(timed && late > LATEST_LOAD_MS, format!("the load itself was {late:.1} ms late (p99): the numbers are void"));
    rule(report.violations > 0, format!("{} violations of the vendor's rules", report.violations));
    rule(timed && report.voice.underruns > 0, format!("{} underruns", report.voice.underruns));
    let cut = report.cut_off + report.mechanics.as_ref().map_or(0, |it| it.goodbye_cut.saturating_sub(report.cut_off));
    rule(cut > 0, format!("{cut} goodbyes were cut off"));
    rule(calls.unended > 0, format!("{} calls did not end", calls.unended));
    rule(calls.interrupted > 0, format!("{} calls were ended while their callers talked on", calls.interrupted));
    rule(calls.overdue > 0, format!("{} calls went on long after the silence was over", calls.overdue));
    for (why, count) in calls.refused.iter().filter(|(why, _)| *why != REJECTED) {
        rule(true, format!("{count} calls failed: {why}"));
    }
    if let Some(mechanics) = &report.mechanics {
        rule(mechanics.missing > 0, format!("{} calls have no record", mechanics.missing));
        rule(mechanics.early > 0, format!("{} goodbyes before the gateway's own deadline", mechanics.early));
        if let Some(error) = mechanics.error_ms {
            let text = format!("mechanics error p99 {:.1} ms, at most {MECHANICS_MS} allowed", error.p99);
            rule(timed && error.p99 > MECHANICS_MS, text);
        }
    }
    if let (Judge::Strict, Some(onset)) = (judge, report.onset_after_played_ms) {
        rule(
            onset.p99 > ONSET_MS || report.early > 0,
            format!("onset error p99 {:.1} ms, {} early; at most {ONSET_MS} and none allowed", onset.p99, report.early),
        );
    }
    broken
}

#[cfg(test)]
pub(super) mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{
        lab::load::{Mechanics, Outcome, Spread, plan::tests::nobody},
        time::Timestamp,
    };

    /// Nothing is wrong with it.
    pub(in crate::lab::load) fn good() -> LoadReport {
        let outcome = Outcome {
            dialled: 0,
            calls: Vec::new(),
            unended: Vec::new(),
            hung_up: Some(Timestamp::ZERO),
            fell_silent: None,
            counted: Timestamp::ZERO..Timestamp::NEVER,
            model: None,
            samples: Vec::new(),
            elapsed: Duration::ZERO,
            lab: crate::lab::twilio::LabReport::default(),
        };
        let mut report = LoadReport::of(&nobody(), &outcome, Some(&BTreeMap::new()));
        report.onset_after_played_ms = Spread::of([12.0, 28.0]);
        report.mechanics.as_mut().expect("records").error_ms = Spread::of([0.0, 20.0]);
        report.calls.refused.insert(REJECTED.to_owned(), 3);
        report
    }

    fn broken(change: impl FnOnce(&mut LoadReport)) -> usize {
        let mut report = good();
        change(&mut report);
        broken_rules(&report, Judge::Usual).len()
    }

    #[test]
    fn a_good_load_breaks_no_rule_and_busy_is_none() {
        assert_eq!(broken_rules(&good(), Judge::Strict), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_broken_by_what_it_is_about() {
        fn mechanics(report: &mut LoadReport) -> &mut Mechanics {
            report.mechanics.as_mut().expect("records")
        }
        assert_eq!(broken(|report| report.load.late_p99_ms = 5.1), 1);
        assert_eq!(broken(|report| report.violations = 1), 1);
        assert_eq!(broken(|report| report.voice.underruns = 1), 1);
        assert_eq!(broken(|report| report.cut_off = 1), 1);
        assert_eq!(broken(|report| report.calls.unended = 1), 1);
        assert_eq!(broken(|report| report.calls.overdue = 1), 1);
        assert_eq!(broken(|report| report.calls.interrupted = 1), 1);
        assert_eq!(broken(|report| *report.calls.refused.entry("HTTP 503".to_owned()).or_default() += 1), 1);
        assert_eq!(broken(|report| mechanics(report).missing = 1), 1);
        assert_eq!(broken(|report| mechanics(report).early = 1), 1);
        assert_eq!(broken(|report| mechanics(report).goodbye_cut = 1), 1);
        assert_eq!(broken(|report| mechanics(report).error_ms = Spread::of([20.1])), 1);
    }

    #[test]
    fn the_onset_counts_only_if_it_is_to() {
        let mut report = good();
        report.onset_after_played_ms = Spread::of([30.5]);
        assert_eq!((broken_rules(&report, Judge::Usual).len(), broken_rules(&report, Judge::Strict).len()), (0, 1));
    }
}
