//! Levels of a few bands, every 10 ms: what outbound and inbound audio are compared by.

use crate::audio::Dbfs;

/// Samples of a step of comparison: 10 ms.
pub(super) const HOP: usize = 80;
/// Bands from 300 to 3400 Hz.
pub(super) const BANDS: usize = 6;
/// Edges of the bands, Hz: narrower where a voice has its power.
const EDGES: [f32; BANDS + 1] = [300.0, 550.0, 850.0, 1250.0, 1750.0, 2400.0, 3400.0];
/// Bands are worked off side by side; two lanes are idle, so that they fill whole SIMD registers.
const LANES: usize = 8;
const RATE: f32 = 8_000.0;
/// Keeps the filters' states out of denormal numbers, which are slow; far below anything that G.711 can carry.
const TINY: f32 = 1e-12;

/// Levels of 10 ms, whole dB below full scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// Of everything.
    pub(super) level: i8,
    /// Of each band.
    pub(super) bands: [i8; BANDS],
}

impl Hop {
    pub(super) const SILENT: Self = Self { level: SILENT_DB, bands: [SILENT_DB; BANDS] };

    /// The louder of both, by band.
    pub(super) fn louder(self, other: Self) -> Self {
        let bands = std::array::from_fn(|b| self.bands[b].max(other.bands[b]));
        Self { level: self.level.max(other.level), bands }
    }
}

/// [`Dbfs::SILENCE`] in whole dB.
pub(super) const SILENT_DB: i8 = Dbfs::SILENCE.db() as i8;

/// A bank of second-order band-pass filters.
pub(super) struct Bank {
    /// Per lane: gain, and the two coefficients of feedback.
    gain: [f32; LANES],
    back1: [f32; LANES],
    back2: [f32; LANES],
    state1: [f32; LANES],
    state2: [f32; LANES],
    /// Sums of squares since the hop began.
    bands: [f32; LANES],
    whole: f32,
}

impl Bank {
    pub(super) fn new() -> Self {
        let mut bank = Self {
            gain: [0.0; LANES],
            back1: [0.0; LANES],
            back2: [0.0; LANES],
            state1: [0.0; LANES],
            state2: [0.0; LANES],
            bands: [0.0; LANES],
            whole: 0.0,
        };
        // Band-pass with a peak gain of 1, from the "Audio EQ Cookbook" (R. Bristow-Johnson).
        for (b, edges) in EDGES.windows(2).enumerate() {
            let (low, high) = (edges[0], edges[1]);
            let centre = (low * high).sqrt();
            let turn = std::f32::consts::TAU * centre / RATE;
            let alpha = turn.sin() * (high - low) / (2.0 * centre);
            bank.gain[b] = alpha / (1.0 + alpha);
            bank.back1[b] = -2.0 * turn.cos() / (1.0 + alpha);
            bank.back2[b] = (1.0 - alpha) / (1.0 + alpha);
        }
        bank
    }

    /// What came before has nothing to do with what follows.
    pub(super) fn reset(&mut self) {
        self.state1 = [0.0; LANES];
        self.state2 = [0.0; LANES];
        self.next_hop();
    }

    /// A new hop begins.
    pub(super) fn next_hop(&mut self) {
        self.bands = [0.0; LANES];
        self.whole = 0.0;
    }

    /// More samples of this hop.
    pub(super) fn push(&mut self, samples: &[i16]) {
        for &sample in samples {
            let x = f32::from(sample) / 32_768.0 + TINY;
            self.whole += x * x;
            for b in 0..LANES {
                let fed = self.gain[b] * x;
                let y = fed + self.state1[b];
                self.state1[b] = self.state2[b] - self.back1[b] * y;
                self.state2[b] = -fed - self.back2[b] * y;
                self.bands[b] += y * y;
            }
        }
    }

    /// Levels of the hop so far; what has not come yet is silence.
    pub(super) fn hop(&self) -> Hop {
        Hop { level: db(self.whole), bands: std::array::from_fn(|b| db(self.bands[b])) }
    }
}

fn db(sum: f32) -> i8 {
    Dbfs::from_power(sum / HOP as f32).db().round() as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        for (band, hz) in [(0, 400.0), (2, 1_000.0), (5, 2_900.0)] {
            let mut bank = Bank::new();
            let tone = |n: usize| (8_000.0 * (n as f32 * hz * std::f32::consts::TAU / RATE).sin()) as i16;
            let samples: Vec<i16> = (0..10 * HOP).map(tone).collect();
            for hop in samples.chunks(HOP) {
                bank.next_hop();
                bank.push(hop);
            }
            let Hop { level, bands } = bank.hop();
            assert_eq!(level, -15, "8000 of 32768, a sine");
            assert!((-17..=-15).contains(&bands[band]), "{hz} Hz: {bands:?}");
            assert!(bands.iter().enumerate().all(|(b, &db)| b == band || db <= bands[band] - 3), "{hz} Hz: {bands:?}");
        }
    }

    #[test]
    fn silence_is_silent_even_after_a_bang() {
        let mut bank = Bank::new();
        bank.push(&[i16::MIN; HOP]);
        for _ in 0..50 {
            bank.next_hop();
            bank.push(&[0; HOP]);
        }
        assert_eq!(bank.hop(), Hop::SILENT);
    }
}
