//! How much weaker our voice comes back on the whole: its mean power against that of what was sent.

use super::bands::HOP;

/// Frames that count: half a minute in which we were heard.
const MEMORY: f32 = 1500.0;
/// Only what was sent louder than this says anything of the loss, dB.
const LOUD: i8 = -45;
/// What lies as near to the caller's words as this, in frames, is mixed with the quieter ones of them.
const CALLER_NEAR: usize = 15;
/// Beyond this nothing can be told apart from silence, dB.
pub(super) const MOST: f32 = 70.0;

/// Fading sums of power.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loss {
    sums: Powers,
    /// The latest frames, which may turn out to lie just before the caller's words.
    latest: [Powers; CALLER_NEAR],
    /// Frames since those words, or since the beginning.
    since_caller: usize,
}

/// Power of what was sent and of what is heard, 1.0 being full scale.
#[derive(Clone, Copy, Debug, Default)]
struct Powers {
    sent: f32,
    heard: f32,
}

impl Loss {
    /// The caller is heard.
    pub(super) fn interrupt(&mut self) {
        self.since_caller = 0;
    }

    /// A frame of the line, and the hops of ours that come back in it; `noise` is the line's own, all dB.
    pub(super) fn note<const N: usize>(&mut self, sent: [i8; N], heard: f32, noise: f32) {
        const { assert!(N * HOP == crate::audio::FRAME_SAMPLES) };
        if sent.iter().all(|&level| level <= LOUD) {
            return;
        }
        let sent = sent.iter().map(|&level| power(level.into())).sum::<f32>() / N as f32;
        // Noise takes as much away where a frame lies below its mean as it adds elsewhere.
        let now = Powers { sent, heard: power(heard) - power(noise) };
        let then = std::mem::replace(&mut self.latest[self.since_caller % CALLER_NEAR], now);
        self.since_caller += 1;
        // Those up to here followed the caller's words too closely, these are far enough from them on both sides.
        if self.since_caller > 2 * CALLER_NEAR {
            let keep = 1.0 - 1.0 / MEMORY;
            self.sums.sent = self.sums.sent * keep + then.sent;
            self.sums.heard = self.sums.heard * keep + then.heard;
        }
    }

    /// dB; `None` before enough of ours was heard.
    pub(super) fn db(&self) -> Option<f32> {
        let Powers { sent, heard } = self.sums;
        let loss = 10.0 * (sent / heard.max(sent * power(-MOST))).log10();
        (sent > 0.0).then_some(loss.clamp(0.0, MOST))
    }
}

fn power(db: f32) -> f32 {
    (db * std::f32::consts::LOG2_10 / 10.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_ratio_of_powers_without_the_noise() {
        let mut loss = Loss::default();
        assert_eq!(loss.db(), None);
        for n in 0..100 {
            let (sent, heard) = if n % 2 == 0 { (-20, power(-50.0)) } else { (-30, power(-60.0)) };
            loss.note([sent; 2], 10.0 * (heard + power(-55.0)).log10(), -55.0);
        }
        let db = loss.db().expect("something was heard");
        assert!((db - 30.0).abs() < 0.1, "{db}");
    }

    #[test]
    fn what_is_lost_in_noise_has_the_greatest_loss() {
        let mut loss = Loss::default();
        (0..40).for_each(|_| loss.note([-20; 2], -66.0, -60.0));
        assert_eq!(loss.db(), Some(MOST));
        (0..40).for_each(|_| loss.note([-96; 2], -10.0, -60.0));
        assert_eq!(loss.db(), Some(MOST), "nothing of ours is in it");
    }

    #[test]
    fn what_surrounds_the_callers_words_does_not_count() {
        let mut loss = Loss::default();
        (0..100).for_each(|_| loss.note([-20; 2], -50.0, -96.0));
        (0..15).for_each(|_| loss.note([-20; 2], -30.0, -96.0));
        loss.interrupt();
        (0..15).for_each(|_| loss.note([-20; 2], -30.0, -96.0));
        (0..100).for_each(|_| loss.note([-20; 2], -50.0, -96.0));
        let db = loss.db().expect("something was heard");
        assert!((db - 30.0).abs() < 0.1, "{db}");
    }
}
