//! Who speaks when, with fine edges: a detector answers for 20 ms at a time, and late; energy shows where voice ends.

use std::time::Duration;

use super::Moment;
use crate::{
    audio::{Dbfs, FRAME_SAMPLES, Frame, to_float},
    time::MediaTime,
    vad::{self, Detector, FrameHeard, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker},
};

/// Samples of a step of energy: 10 ms.
const STEP: usize = 80;
/// A step in milliseconds.
const STEP_MS: f64 = 10.0;
/// What makes a talkspurt, as in a call.
const TALKSPURT: TalkspurtConfig =
    TalkspurtConfig { min_speech: Duration::from_millis(120), hangover: Duration::from_millis(300) };
/// A detector may answer this much too late at a start, or too early at an end.
const REACH_STEPS: usize = 15;
/// Voice is at least this far above the noise around it, in dB …
const OVER_FLOOR_DB: f32 = 6.0;
/// … and at most this far below its own peak.
const BELOW_PEAK_DB: f32 = 35.0;
/// The noise is looked for this far to both sides: 3 s.
const AROUND_STEPS: usize = 300;
/// Less than this is a click: 60 ms.
const LEAST_STEPS: usize = 6;
/// How far off an edge found by energy may be, in milliseconds.
pub(super) const EDGE_MS: f64 = 50.0;
/// Just before a goodbye nothing counts, in milliseconds: its own first sound.
const JUST_BEFORE_MS: f64 = 20.0;

/// Where there is voice in a recording.
#[derive(Debug)]
pub(super) struct Activity {
    /// Start and end, milliseconds, in order.
    pub(super) spurts: Vec<(f64, f64)>,
    levels: Vec<f32>,
}

impl Activity {
    /// Listens to a whole recording, 8 kHz.
    pub(super) fn of(samples: &[i16]) -> Self {
        let levels = levels(samples);
        let spurts = talkspurts(samples);
        let spurts = spurts.into_iter().filter_map(|(from, to)| edges(&levels, from, to, REACH_STEPS)).collect();
        Self { spurts, levels }
    }

    /// The end of the last voice, before this time if one is given.
    pub(super) fn last_before(&self, ms: Option<f64>) -> Option<Moment> {
        let limit = ms.map_or(f64::INFINITY, |ms| ms - JUST_BEFORE_MS);
        self.spurts.iter().rev().find_map(|&(from, to)| {
            let end = if to <= limit { to } else { edges(&self.levels, from, limit, 0)?.1 };
            (from < limit).then_some(Moment { ms: end, uncertainty_ms: EDGE_MS })
        })
    }
}

/// The detector's talkspurts, milliseconds.
fn talkspurts(samples: &[i16]) -> Vec<(f64, f64)> {
    let mut detector = vad::build(Detector::default());
    let mut tracker = TalkspurtTracker::new(TALKSPURT);
    let mut found = Vec::new();
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    let mut at = MediaTime::ZERO;
    for frame in frames {
        let frame: &Frame = frame;
        for event in tracker.push(at, FrameHeard::of(detector.process(frame), Dbfs::of(frame))).into_iter().flatten() {
            match event {
                TalkspurtEvent::Ended(spurt) if spurt.counts => found.push(spurt),
                TalkspurtEvent::Ended(_) | TalkspurtEvent::Began(_) | TalkspurtEvent::Counts(_) => {}
            }
        }
        at += FRAME_SAMPLES as u64;
    }
    found.extend(tracker.open().filter(|open| open.counts));
    found.iter().map(|spurt| (spurt.start.as_millis_f64(), spurt.end.as_millis_f64())).collect()
}

/// The level of each 10 ms, in dBFS, with hum and rumble turned down.
fn levels(samples: &[i16]) -> Vec<f32> {
    let mut last = 0.0;
    let steps = samples.chunks(STEP).map(|step| {
        let power: f32 = step
            .iter()
            .map(|&sample| {
                let x = to_float(sample);
                let y = x - 0.9 * last;
                last = x;
                y * y
            })
            .sum();
        Dbfs::from_power(power / step.len() as f32).db()
    });
    steps.collect()
}

/// Where voice begins and ends within what the detector found, milliseconds; `None` if there is none but a click.
///
/// The end may lie `reach_steps` beyond.
fn edges(levels: &[f32], from_ms: f64, to_ms: f64, reach_steps: usize) -> Option<(f64, f64)> {
    let step = |ms: f64| ((ms / STEP_MS) as usize).min(levels.len());
    let (from, to) = (step(from_ms), step(to_ms));
    let inside = levels.get(from..to).filter(|inside| !inside.is_empty())?;
    let floor = percentile(&levels[from.saturating_sub(AROUND_STEPS)..(to + AROUND_STEPS).min(levels.len())], 0.1);
    let threshold = (floor + OVER_FLOOR_DB).max(percentile(inside, 0.95) - BELOW_PEAK_DB);
    let is_voice = |n: &usize| levels.get(*n).is_some_and(|&level| level >= threshold);
    if (from..to).filter(is_voice).count() < LEAST_STEPS {
        return None;
    }
    // A single loud step among quiet ones is noise.
    let holds = |n: &usize| is_voice(n) && (is_voice(&(n + 1)) || n.checked_sub(1).is_some_and(|n| is_voice(&n)));
    let first = (from.saturating_sub(REACH_STEPS)..to).find(holds)?;
    let last = (from..(to + reach_steps).min(levels.len())).rev().find(holds)?;
    Some((first as f64 * STEP_MS, (last + 1) as f64 * STEP_MS))
}

/// The level below which this share of them lies.
fn percentile(levels: &[f32], share: f64) -> f32 {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(Dbfs::SILENCE.db())
}
