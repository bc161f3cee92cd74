//! Where the line ends: where the recorder stopped, or where nothing comes any more, not even noise.

use std::time::Duration;

use serde::Serialize;

use super::Moment;

/// Samples of a step: 10 ms.
const STEP: usize = 80;
/// A line is dead from this many steps on: 200 ms.
const DEAD_STEPS: usize = 20;
/// A line that is silent so digitally for this share of the call is so in every pause: its end does not show.
const USUAL: f64 = 0.05;

/// The line's end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LineEnd {
    /// When.
    #[serde(flatten)]
    pub at: Moment,
    /// The recorder went on, over a dead line.
    pub is_dead_before_recording_ends: bool,
}

/// Finds it.
pub(super) fn end(samples: &[i16], uncertainty: Duration) -> LineEnd {
    let dead: Vec<bool> = samples.chunks(STEP).map(|step| step.iter().all(|sample| sample.abs() <= 1)).collect();
    let alive = dead.iter().rposition(|dead| !dead).map_or(0, |last| last + 1);
    let usual = dead[..alive].iter().filter(|dead| **dead).count() as f64 / alive.max(1) as f64;
    if dead.len() - alive >= DEAD_STEPS && usual < USUAL {
        let at = Moment { ms: alive as f64 * 10.0, uncertainty_ms: 10.0 };
        return LineEnd { at, is_dead_before_recording_ends: true };
    }
    let at = Moment { ms: samples.len() as f64 / 8.0, uncertainty_ms: uncertainty.as_secs_f64() * 1e3 };
    LineEnd { at, is_dead_before_recording_ends: false }
}
