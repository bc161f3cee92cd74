//! How long our own voice takes to come back: outbound and inbound band levels correlated over all delays.
//!
//! Levels are compared in dB and without their slow part, so what counts is the rhythm of syllables, band by band. A
//! caller who talks at the same time, or in turn, has another rhythm: that weakens the peak and makes no other.

use super::bands::{BANDS, Hop};

/// Delays compared, in hops from 0 on.
const DELAYS: usize = 66;
/// Delays that a path may have: 20 to 630 ms, the line's 40 to 600 and what the playhead is uncertain by.
const POSSIBLE: std::ops::RangeInclusive<usize> = 2..=63;
/// The slow part of the levels is what lasts longer than some 80 ms.
const SLOW: f32 = 0.12;
/// The last 7 s in which we were heard count.
const MEMORY: f32 = 700.0;
/// Below this nothing of ours comes back, and the line's own noise is all there is, dB.
const FAINT_SENT: i8 = -55;
const FAINT_HEARD: i8 = -75;
/// Hops between two looks at the peak, and before the first.
const LOOK_EVERY: u32 = 25;
const FIRST_LOOK: u32 = 75;
/// Neighbours of the peak belong to it: reflections, and the width of a syllable.
const PEAK: usize = 6;
/// What a path is believed from: the peak itself, its lead over every other delay, and that lead times the square root
/// of the hops it stands on (chance alone reached 2.9 where an echo canceller left short bursts).
const PEAK_MIN: f32 = 0.15;
const LEAD_MIN: f32 = 0.1;
const EVIDENCE: f32 = 3.2;
/// With less than this a path that was known is forgotten.
const EVIDENCE_LOST: f32 = 1.0;

/// A delay that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    /// In hops.
    pub(super) delay: f32,
    /// Correlation there, 0 to 1.
    pub(super) correlation: f32,
}

/// What a look at the correlation shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    /// This delay.
    Found(Peak),
    /// Nothing that would change what is known.
    Unclear,
    /// That there is no echo, or none any more.
    Nothing,
}

pub(super) struct Correlator {
    /// Fast parts of the outbound levels, by band, the latest last.
    sent: [[f32; DELAYS]; BANDS],
    /// Their energy, all bands.
    sent_energy: [f32; DELAYS],
    slow_sent: [f32; BANDS],
    slow_heard: [f32; BANDS],
    /// Fading sums, the longest delay first.
    products: [f32; DELAYS],
    energies: [f32; DELAYS],
    heard_energy: f32,
    /// Hops behind the sums.
    weight: f32,
    fresh: bool,
    until_look: u32,
}

impl Correlator {
    pub(super) fn new() -> Self {
        Self {
            sent: [[0.0; DELAYS]; BANDS],
            sent_energy: [0.0; DELAYS],
            slow_sent: [0.0; BANDS],
            slow_heard: [0.0; BANDS],
            products: [0.0; DELAYS],
            energies: [0.0; DELAYS],
            heard_energy: 0.0,
            weight: 0.0,
            fresh: true,
            until_look: FIRST_LOOK,
        }
    }

    /// What follows does not continue what came before. What is known stays.
    pub(super) fn restart(&mut self) {
        self.sent = [[0.0; DELAYS]; BANDS];
        self.sent_energy = [0.0; DELAYS];
        self.fresh = true;
    }

    /// Takes in a hop: what is heard of us just then, and what comes from the line. Now and then it looks at the peak.
    /// Unless it is to learn, a hop is only what later ones follow upon.
    pub(super) fn push(&mut self, sent: &Hop, heard: &Hop, learn: bool) -> Option<Look> {
        let sent = fast_part(&mut self.slow_sent, &sent.bands, FAINT_SENT, self.fresh);
        let heard = fast_part(&mut self.slow_heard, &heard.bands, FAINT_HEARD, self.fresh);
        self.fresh = false;
        let keep = 1.0 - 1.0 / MEMORY;
        for (window, sent) in self.sent.iter_mut().zip(sent) {
            window.copy_within(1.., 0);
            window[DELAYS - 1] = sent;
        }
        self.sent_energy.copy_within(1.., 0);
        self.sent_energy[DELAYS - 1] = sent.iter().map(|x| x * x).sum();
        if !learn {
            return None;
        }
        for (sum, energy) in self.energies.iter_mut().zip(&self.sent_energy) {
            *sum = *sum * keep + energy;
        }
        let mut products = [0.0; DELAYS];
        for (window, heard) in self.sent.iter().zip(heard) {
            for (product, sent) in products.iter_mut().zip(window) {
                *product += sent * heard;
            }
        }
        for (sum, product) in self.products.iter_mut().zip(products) {
            *sum = *sum * keep + product;
        }
        self.heard_energy = self.heard_energy * keep + heard.iter().map(|x| x * x).sum::<f32>();
        self.weight = self.weight * keep + 1.0;
        self.until_look -= 1;
        if self.until_look > 0 {
            return None;
        }
        self.until_look = LOOK_EVERY;
        Some(self.look())
    }

    fn look(&self) -> Look {
        let at = |delay: usize| {
            let n = DELAYS - 1 - delay;
            self.products[n] / (self.energies[n] * self.heard_energy).sqrt().max(1.0)
        };
        let best = POSSIBLE.fold(*POSSIBLE.start(), |best, delay| if at(delay) > at(best) { delay } else { best });
        let other = (0..DELAYS).filter(|delay| delay.abs_diff(best) > PEAK).map(at).fold(0.0, f32::max);
        let (peak, lead) = (at(best), at(best) - other);
        let evidence = lead * self.weight.sqrt();
        if peak >= PEAK_MIN && lead >= LEAD_MIN && evidence >= EVIDENCE {
            let delay = best as f32 + vertex(at(best - 1), peak, at(best + 1));
            Look::Found(Peak { delay, correlation: peak.min(1.0) })
        } else if evidence < EVIDENCE_LOST {
            Look::Nothing
        } else {
            Look::Unclear
        }
    }
}

/// The levels less their slow part, which moves on.
fn fast_part(slow: &mut [f32; BANDS], levels: &[i8; BANDS], faint: i8, fresh: bool) -> [f32; BANDS] {
    std::array::from_fn(|b| {
        let level = f32::from(levels[b].max(faint));
        if fresh {
            slow[b] = level;
        }
        slow[b] += SLOW * (level - slow[b]);
        level - slow[b]
    })
}

/// Where between its neighbours a parabola through three values has its top: -0.5 to 0.5.
fn vertex(before: f32, top: f32, after: f32) -> f32 {
    let bend = before - 2.0 * top + after;
    if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_has_its_top_where_it_has() {
        assert_eq!(vertex(1.0, 2.0, 1.0), 0.0);
        assert!((vertex(1.0, 2.0, 1.5) - 1.0 / 6.0).abs() < 1e-6);
        assert_eq!(vertex(1.0, 1.0, 1.0), 0.0);
    }
}
