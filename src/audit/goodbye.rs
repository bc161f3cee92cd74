//! The goodbye in a recording: found by a rendering, in pieces, or else taken to be the last spurt.

use std::time::Duration;

use serde::Serialize;

use super::{
    Moment,
    activity::{Activity, EDGE_MS},
    band::{self, RATE},
    correlate::{Correlator, energy_of, likeness_at},
};
use crate::{assistant::FarewellKind, codec::mulaw, tts};

/// Samples of a piece: 250 ms.
const PIECE: usize = RATE / 4;
/// Samples of a cell, in which only the best offset counts: 10 ms.
const CELL: usize = RATE / 100;
/// A piece may lie this many cells off: 40 ms, for clocks and jitter buffers.
const OFF_CELLS: usize = 4;
/// A piece is found from this likeness on: music, other words and noise stay below 0.55.
const FOUND: f32 = 0.7;
/// … if it is the only one.
const FOUND_ALONE: f32 = 0.85;
/// Share of the pieces that must be found.
const ENOUGH: f64 = 0.25;
/// What is this good compared with the best place is another goodbye.
const AGAIN: f32 = 0.6;
/// The goodbye is looked for in this much before the recording's end: 10 min.
const SEARCHED: usize = 600 * RATE;
/// Samples of a window in which the goodbye is or is not: 100 ms, every 50 ms.
const WINDOW: usize = RATE / 10;
const HOP: usize = WINDOW / 2;
/// A window is there from this likeness on: less than for a piece, as its place is known.
const HEARD: f32 = 0.55;
/// A window that is not there has something else over it if it holds at least this share of the power it should.
const COVERED: f64 = 0.25;
/// How far off an edge of a rendering that was found may be, in milliseconds.
const MATCHED_MS: f64 = 20.0;
/// What is this far below a rendering's loudest window is a pause: 30 dB, as power.
const PAUSE: f64 = 1e-3;
/// Without a rendering: a pause of this length before the last words makes them a goodbye after silence …
const LONG_PAUSE_MS: f64 = 10_000.0;
/// … if they are not longer than this.
const LONGEST_GOODBYE_MS: f64 = 15_000.0;

/// Shortest and longest rendering that can be looked for.
pub const RENDERING_LENGTH: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(60));

/// What a goodbye sounds like.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// What to call it towards the reader.
    pub name: String,
    /// Which farewell it is, if that is known.
    pub kind: Option<FarewellKind>,
    /// 8 kHz.
    pub samples: Vec<i16>,
}

/// The built-in recordings of all farewells.
#[must_use]
pub fn builtin_renderings() -> Vec<Rendering> {
    let rendering = |kind| Rendering {
        name: format!("the built-in farewell.{}", FarewellKind::name(kind)),
        kind: Some(kind),
        samples: tts::builtin_farewell(kind).iter().map(|&code| mulaw::decode(code)).collect(),
    };
    FarewellKind::ALL.map(rendering).into()
}

/// The goodbye as it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goodbye {
    /// Its first sound.
    pub start: Moment,
    /// Its last sound, as far as it was heard.
    pub end: Moment,
    /// How it was found; `None`: the last spurt was taken for it.
    pub matched: Option<Match>,
}

impl Goodbye {
    /// The end of what was played: a rendering may be silent at its end.
    pub(super) fn played(&self) -> Moment {
        let tail = self.matched.as_ref().map_or(0.0, |matched| matched.tail_ms);
        Moment { ms: self.end.ms + tail, ..self.end }
    }
}

/// A rendering that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// The rendering's name.
    pub rendering: String,
    /// Which farewell it is, if that is known.
    #[serde(skip)]
    pub kind: Option<FarewellKind>,
    /// How alike the two are where it was found, 0 to 1.
    pub score: f32,
    /// Length of the rendering's sound, milliseconds.
    pub length_ms: f64,
    /// Silence behind that sound, which is played too, milliseconds.
    pub tail_ms: f64,
    /// Share of its sound that is there, 0 to 1.
    pub heard: f64,
    /// Share that cannot be made out, because something else is as loud.
    pub covered: f64,
    /// Share that is missing at its end.
    pub cut: f64,
}

/// Finds the goodbye; `None` if there is no rendering of it and nothing that could be taken for it.
pub(super) fn find(samples: &[i16], activity: &Activity, renderings: &[Rendering]) -> Option<Goodbye> {
    by_rendering(samples, renderings).or_else(|| last_words(&activity.spurts))
}

fn by_rendering(samples: &[i16], renderings: &[Rendering]) -> Option<Goodbye> {
    if renderings.is_empty() {
        return None;
    }
    let skipped = (samples.len() / 2).saturating_sub(SEARCHED);
    let signal = band::narrow(&samples[2 * skipped..]);
    let correlator = Correlator::new(&signal, PIECE);
    let placed = renderings.iter().filter_map(|rendering| {
        let own = Own::of(rendering);
        let place = own.place(&correlator, &signal)?;
        Some((own, rendering, place))
    });
    let (own, rendering, place) = placed.max_by(|(_, _, a), (_, _, b)| a.weight.total_cmp(&b.weight))?;
    Some(own.measure(rendering, &place, &signal, ms(skipped)))
}

/// A rendering in the band.
struct Own {
    samples: Vec<f32>,
    /// Where its sound begins and ends, in samples.
    sound: std::ops::Range<usize>,
    /// Power above which a stretch is no pause.
    pause: f64,
}

/// Where pieces of a rendering were found.
struct Place {
    /// Position of a piece within the rendering, and in the signal.
    pieces: Vec<(usize, usize)>,
    score: f32,
    /// What speaks for this rendering: likeness times length.
    weight: f64,
}

impl Own {
    fn of(rendering: &Rendering) -> Self {
        let samples = band::narrow(&rendering.samples);
        let loudest = samples.chunks(HOP).map(power).fold(0.0, f64::max);
        let mut this = Self { samples, sound: 0..0, pause: loudest * PAUSE };
        // Fine steps: the edges are what the goodbye's times are taken from.
        let step = RATE / 200;
        let loud = |(_, step): &(usize, &[f32])| power(step) > this.pause;
        let steps = || this.samples.chunks(step).enumerate();
        let first = steps().find(loud).map_or(0, |(n, _)| n * step);
        let last = steps().rfind(loud).map_or(0, |(n, _)| ((n + 1) * step).min(this.samples.len()));
        this.sound = first..last;
        this
    }

    /// Stretches of this length that are no pauses: where they begin.
    fn stretches(&self, length: usize, step: usize) -> impl Iterator<Item = usize> {
        let last = self.sound.end.saturating_sub(length / 2);
        (self.sound.start..last).step_by(step).filter(move |&from| power(self.cut(from, length)) > self.pause)
    }

    fn cut(&self, from: usize, length: usize) -> &[f32] {
        &self.samples[from..(from + length).min(self.sound.end)]
    }

    /// Where most of it is.
    fn place(&self, correlator: &Correlator<'_>, signal: &[f32]) -> Option<Place> {
        let pieces: Vec<usize> = self.stretches(PIECE, PIECE).collect();
        let cells = signal.len().div_ceil(CELL);
        let mut sum = vec![0.0_f32; cells];
        for &piece in &pieces {
            let mut best = vec![0.0_f32; cells];
            correlator.likeness(self.cut(piece, PIECE), |at, likeness| {
                best[at / CELL] = best[at / CELL].max(likeness);
            });
            for (cell, sum) in sum.iter_mut().enumerate() {
                let at = cell + piece / CELL;
                let near = best.get(at.saturating_sub(OFF_CELLS)..(at + OFF_CELLS + 1).min(cells));
                // Squared: a few pieces that are surely there say more than many that might be.
                *sum += near.unwrap_or_default().iter().fold(0.0_f32, |most, &x| most.max(x)).powi(2);
            }
        }
        // A goodbye may be taken back and said again: the last one counts. It is as good over as many cells as a piece
        // may be off, to both sides.
        let best = sum.iter().fold(0.0_f32, |most, &x| most.max(x));
        let cell = sum.iter().rposition(|&x| x >= best * AGAIN)?.saturating_sub(OFF_CELLS);
        let exact = pieces.iter().filter_map(|&piece| {
            let (at, likeness) = self.exact(piece, cell * CELL + piece, signal)?;
            (likeness >= FOUND).then_some((piece, at, likeness))
        });
        let exact: Vec<_> = exact.collect();
        let score = exact.iter().map(|(_, _, likeness)| likeness).sum::<f32>() / exact.len().max(1) as f32;
        let enough = exact.len() as f64 >= (pieces.len() as f64 * ENOUGH).max(1.0);
        if !enough || (exact.len() == 1 && score < FOUND_ALONE) {
            return None;
        }
        let pieces = exact.iter().map(|&(piece, at, _)| (piece, at)).collect();
        Some(Place { pieces, score, weight: f64::from(score) * exact.len() as f64 })
    }

    /// The best offset of a piece near where it should be.
    fn exact(&self, piece: usize, near: usize, signal: &[f32]) -> Option<(usize, f32)> {
        let reach = (OFF_CELLS + 1) * CELL;
        let pattern = self.cut(piece, PIECE);
        let offsets = near.saturating_sub(reach)..(near + reach + CELL).min(signal.len());
        offsets.map(|at| (at, likeness_at(signal, at, pattern))).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// How much of it is there, window by window, and when.
    fn measure(&self, rendering: &Rendering, place: &Place, signal: &[f32], skipped_ms: f64) -> Goodbye {
        // A window lies where the nearest piece that was found says.
        let at = |from: usize| {
            let (piece, at) =
                place.pieces.iter().min_by_key(|(piece, _)| piece.abs_diff(from)).copied().unwrap_or_default();
            (at + from).saturating_sub(piece)
        };
        let windows: Vec<(usize, bool)> = self
            .stretches(WINDOW, HOP)
            .map(|from| {
                let pattern = self.cut(from, WINDOW);
                let near = at(from).saturating_sub(2)..at(from) + 3;
                (from, near.map(|at| likeness_at(signal, at, pattern)).fold(0.0, f32::max) >= HEARD)
            })
            .collect();
        // How much louder or softer it is in the recording.
        let ratio = |&from: &usize| {
            let heard = signal.get(at(from)..(at(from) + WINDOW).min(signal.len())).unwrap_or_default();
            power(heard) / power(self.cut(from, WINDOW))
        };
        let mut ratios: Vec<f64> = windows.iter().filter(|(_, heard)| *heard).map(|(from, _)| ratio(from)).collect();
        ratios.sort_by(f64::total_cmp);
        let gain = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0);
        let count = |is: &dyn Fn(&(usize, bool)) -> bool| windows.iter().filter(|window| is(window)).count() as f64;
        let all = windows.len().max(1) as f64;
        let covered = |window: &(usize, bool)| !window.1 && ratio(&window.0) >= gain * COVERED;
        let last = windows.iter().rev().find(|window| window.1 || covered(window)).map_or(0, |(from, _)| *from);
        let is_whole = windows.last().is_none_or(|(from, _)| *from == last);
        let end = if is_whole { self.sound.end } else { (last + WINDOW).min(self.sound.end) };
        let moment = |sample: usize, uncertainty_ms| Moment { ms: skipped_ms + ms(sample), uncertainty_ms };
        Goodbye {
            start: moment(at(self.sound.start), MATCHED_MS),
            // Cut short, it ends somewhere within a window.
            end: moment(at(end), if is_whole { MATCHED_MS } else { ms(WINDOW) }),
            matched: Some(Match {
                rendering: rendering.name.clone(),
                kind: rendering.kind,
                score: place.score,
                length_ms: ms(self.sound.len()),
                tail_ms: ms(self.samples.len() - self.sound.end),
                heard: count(&|window| window.1) / all,
                covered: count(&covered) / all,
                cut: count(&|window| window.0 > last) / all,
            }),
        }
    }
}

/// The last words: after a long pause all of them, else the last spurt.
fn last_words(spurts: &[(f64, f64)]) -> Option<Goodbye> {
    let &(last, end) = spurts.last()?;
    let after_pause = spurts.windows(2).rev().find(|pair| pair[1].0 - pair[0].1 >= LONG_PAUSE_MS);
    let start = after_pause.map(|pair| pair[1].0).filter(|start| end - start <= LONGEST_GOODBYE_MS).unwrap_or(last);
    let moment = |ms| Moment { ms, uncertainty_ms: EDGE_MS };
    // The only spurt of a recording ends no conversation.
    (spurts.len() > 1).then(|| Goodbye { start: moment(start), end: moment(end), matched: None })
}

fn power(samples: &[f32]) -> f64 {
    energy_of(samples) / samples.len().max(1) as f64
}

fn ms(samples: usize) -> f64 {
    samples as f64 * 1e3 / RATE as f64
}
