//! How many calls a gateway holds: which number to try next, and whether a step held.

use serde::Serialize;

use super::{
    report::LoadReport,
    rules::{LATEST_LOAD_MS, MECHANICS_MS},
};

/// A search ends when what held and what did not lie so near, of what held.
const NEAR: f64 = 0.1;
/// The next step after one that held.
const GROWTH: f64 = 1.5;
/// Share of frames that were sent in time; of tones that came back.
const ENOUGH: f64 = 0.99;

/// A search for the most calls that hold: up by half until a step does not hold, then by halves in between.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    first: u32,
    most: u32,
    held: Option<u32>,
    failed: Option<u32>,
}

impl Search {
    /// Begins with `first` calls, and tries at most `most`.
    #[must_use]
    pub fn new(first: u32, most: u32) -> Self {
        Self { first: first.clamp(1, most.max(1)), most: most.max(1), held: None, failed: None }
    }

    /// What to try next; `None`: it is found.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        match (self.held, self.failed) {
            (None, None) => Some(self.first),
            (None, Some(1)) => None,
            (None, Some(failed)) => Some(failed / 2),
            (Some(held), None) if held >= self.most => None,
            (Some(held), None) => Some(((f64::from(held) * GROWTH).ceil() as u32).min(self.most)),
            (Some(held), Some(failed)) => {
                let near = (f64::from(held) * NEAR).max(1.0);
                (f64::from(failed - held) > near).then_some(held.midpoint(failed))
            }
        }
    }

    /// So many calls held, or did not.
    pub fn tried(&mut self, calls: u32, held: bool) {
        if held {
            self.held = self.held.max(Some(calls));
        } else {
            self.failed = Some(self.failed.map_or(calls, |failed| failed.min(calls)));
        }
    }

    /// The most that held.
    #[must_use]
    pub fn held(&self) -> Option<u32> {
        self.held
    }
}

/// What a step must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time that the gateway adds, both ways together: 99 of 100 tones, milliseconds.
    pub added_ms: f64,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "why")]
pub enum Verdict {
    /// Within all limits.
    Held,
    /// Beyond these.
    NotHeld(Vec<String>),
    /// The load could not do its own part: nothing is known about the gateway.
    NotOffered(Vec<String>),
}

impl Verdict {
    /// Of a load with all calls at once.
    #[must_use]
    pub fn of(report: &LoadReport, limits: Limits) -> Self {
        let offered = not_offered(report);
        if !offered.is_empty() {
            return Self::NotOffered(offered);
        }
        let broken = not_held(report, limits);
        if broken.is_empty() { Self::Held } else { Self::NotHeld(broken) }
    }
}

/// 99 of 100 tones were not later: the time that was added, or the way there and back if the model is somebody else's.
#[must_use]
pub fn added_p99_ms(report: &LoadReport) -> Option<f64> {
    let latency = report.latency.as_ref()?;
    latency.added_ms.or(latency.round_trip_ms).map(|spread| spread.p99)
}

fn not_offered(report: &LoadReport) -> Vec<String> {
    let (mut why, load) = (Vec::new(), &report.load);
    if load.late_p99_ms > LATEST_LOAD_MS {
        why.push(format!("the load was {:.1} ms late (p99), at most {LATEST_LOAD_MS} allowed", load.late_p99_ms));
    }
    match load.offered {
        None => why.push("no stretch at full load: a longer --seconds is needed".to_owned()),
        Some(offered) if offered < ENOUGH => why.push(format!("{:.1} % of the frames were sent", offered * 100.0)),
        Some(_) => {}
    }
    why
}

fn not_held(report: &LoadReport, limits: Limits) -> Vec<String> {
    let mut why: Vec<_> = report.calls.refused.iter().map(|(why, calls)| format!("{calls} × {why}")).collect();
    let mut limit = |beyond: bool, text: String| {
        if beyond {
            why.push(text);
        }
    };
    let (up, wanted) = (report.calls.most_at_once, report.at_once);
    limit(up < u64::from(wanted), format!("{up} of {wanted} calls at once"));
    limit(report.calls.interrupted > 0, format!("{} calls ended by the gateway", report.calls.interrupted));
    limit(report.violations > 0, format!("{} violations", report.violations));
    limit(report.voice.underruns > 0, format!("{} underruns", report.voice.underruns));
    if let Some(latency) = &report.latency {
        let p99 = added_p99_ms(report);
        limit(p99.is_none(), "no tone came back".to_owned());
        let p99 = p99.unwrap_or(0.0);
        limit(p99 >= limits.added_ms, format!("p99 {p99:.1} ms, less than {} allowed", limits.added_ms));
        let enough = latency.lost as f64 <= latency.tones as f64 * (1.0 - ENOUGH);
        limit(!enough, format!("{} of {} tones did not come back", latency.lost, latency.tones));
        limit(latency.unmatched > 0, format!("{} connections could not be told apart", latency.unmatched));
    }
    if let Some(mechanics) = &report.mechanics {
        limit(mechanics.missing > 0, format!("{} calls without a record", mechanics.missing));
        limit(mechanics.early > 0, format!("{} goodbyes before their deadline", mechanics.early));
        let p99 = mechanics.error_ms.map_or(0.0, |error| error.p99);
        limit(p99 > MECHANICS_MS, format!("mechanics error p99 {p99:.1} ms, at most {MECHANICS_MS} allowed"));
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::load::{Latency, Spread, rules::tests::good};

    /// All steps of a search on a gateway that holds so many calls.
    fn steps(mut search: Search, capacity: u32) -> (Vec<u32>, Option<u32>) {
        let mut steps = Vec::new();
        while let Some(calls) = search.next() {
            steps.push(calls);
            search.tried(calls, calls <= capacity);
            assert!(steps.len() < 40, "{steps:?}");
        }
        (steps, search.held())
    }

    #[test]
    fn the_search_goes_up_and_then_closes_in() {
        assert_eq!(steps(Search::new(200, 10_000), 520), (vec![200, 300, 450, 675, 562, 506, 534], Some(506)));
        assert_eq!(steps(Search::new(200, 10_000), 60), (vec![200, 100, 50, 75, 62, 56, 59], Some(59)));
        assert_eq!(steps(Search::new(200, 250), 999), (vec![200, 250], Some(250)));
        assert_eq!(steps(Search::new(4, 99), 0), (vec![4, 2, 1], None));
        assert_eq!(steps(Search::new(1, 99), 2).1, Some(2));
    }

    const LIMITS: Limits = Limits { added_ms: 20.0 };

    fn step() -> LoadReport {
        let mut report = good();
        report.calls.refused.clear();
        (report.at_once, report.calls.most_at_once) = (4, 4);
        report.load.offered = Some(1.0);
        let added_ms = Spread::of([5.0, 19.9]);
        report.latency = Some(Latency { added_ms, tones: 100, lost: 1, ..Latency::default() });
        report
    }

    #[test]
    fn a_step_holds_within_its_limits() {
        assert_eq!(Verdict::of(&step(), LIMITS), Verdict::Held);
        let beyond = |change: fn(&mut LoadReport)| {
            let mut report = step();
            change(&mut report);
            match Verdict::of(&report, LIMITS) {
                Verdict::NotHeld(why) => why.len(),
                other @ (Verdict::Held | Verdict::NotOffered(_)) => panic!("{other:?}"),
            }
        };
        fn latency(report: &mut LoadReport) -> &mut Latency {
            report.latency.as_mut().expect("tones")
        }
        assert_eq!(beyond(|report| latency(report).added_ms = Spread::of([20.0])), 1);
        assert_eq!(beyond(|report| latency(report).added_ms = None), 1);
        assert_eq!(beyond(|report| latency(report).lost = 2), 1);
        assert_eq!(beyond(|report| latency(report).unmatched = 1), 1);
        assert_eq!(beyond(|report| report.voice.underruns = 1), 1);
        assert_eq!(beyond(|report| report.calls.most_at_once = 3), 1);
        assert_eq!(beyond(|report| report.calls.refused = [("HTTP 503".to_owned(), 1)].into()), 1);
        assert_eq!(beyond(|report| report.calls.interrupted = 1), 1);
        assert_eq!(beyond(|report| report.mechanics.as_mut().expect("records").error_ms = Spread::of([20.5])), 1);
    }

    #[test]
    fn a_load_that_was_not_offered_says_nothing_about_the_gateway() {
        let mut late = step();
        late.load.late_p99_ms = 5.1;
        late.voice.underruns = 7;
        assert!(matches!(Verdict::of(&late, LIMITS), Verdict::NotOffered(why) if why.len() == 1));
        let mut few = step();
        few.load.offered = Some(0.98);
        assert!(
            matches!(Verdict::of(&few, LIMITS), Verdict::NotOffered(why) if why == ["98.0 % of the frames were sent"])
        );
        few.load.offered = None;
        assert!(matches!(Verdict::of(&few, LIMITS), Verdict::NotOffered(_)));
    }
}
