//! How loud our own voice comes back at most, against a reference made of what was sent.
//!
//! Each frame in which we are heard is remembered by its level and its reference's. Most of them hold nothing but echo
//! and noise, so the bulk of their differences tells what echo does; the caller's own words stand out above it and are
//! left aside with their surroundings. Frames no louder than the line's noise say nothing of the echo: what an echo
//! canceller lets through comes in bursts.

use super::bands::SILENT_DB;

/// Frames remembered: the last 8 s in which we were heard.
const KEPT: usize = 400;
/// Frames from which a bound can be told, of a known path and of an unknown one.
const ENOUGH: usize = 50;
const ENOUGH_BLIND: usize = 100;
const ENOUGH_FOR_NOISE: usize = 20;
/// … of which this many must be heard above the noise.
const ENOUGH_HEARD: u32 = 10;
/// Frames between two reckonings.
const EVERY: u32 = 25;
/// Before anything is known: at least 20 dB weaker than the loudest that may still come back, and 5 dB to spare.
const PRIOR_DB: f32 = -15.0;
/// A known path is measured against less: it may come closer.
const KNOWN_MAX_DB: f32 = -8.0;
/// Echo of a known path, and of an unknown one: the difference that this share of its frames stays under, and dB to spare.
const KNOWN: (f32, f32) = (0.95, 4.0);
const BLIND: (f32, f32) = (0.9, 9.0);
/// Louder than the bulk by this much is the caller, with what is as near as this in frames.
const CALLER_DB: i16 = 14;
const CALLER_NEAR: usize = 5;
/// The line's noise: the level that this share of frames stays under; and what is heard above it, dB.
const NOISE_SHARE: f32 = 0.1;
const ABOVE_NOISE: i16 = 6;
/// Noise louder than this is not told from a caller who talks all the time.
const NOISE_MAX_DB: i8 = -50;
/// With fewer frames above the noise than this share there is no echo to speak of, if no path is known.
const HEARD_SHARE: f32 = 0.1;
/// Nothing louder than this above the noise would have gone unnoticed.
const UNNOTICED_DB: f32 = 10.0;

/// A frame in which we were heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Its first hop; so many are there in 497 days.
    pub(super) hop: u32,
    /// Its level, whole dB.
    pub(super) level: i8,
    /// What its level is held against, whole dB.
    pub(super) reference: i8,
}

impl Seen {
    fn over(&self) -> i16 {
        i16::from(self.level) - i16::from(self.reference)
    }
}

pub(super) struct Bound {
    seen: Box<[Seen]>,
    /// Frames ever remembered; the latest [`KEPT`] are there.
    count: usize,
    until_reckoning: u32,
    noise: i8,
    over_reference: f32,
}

impl Bound {
    pub(super) fn new() -> Self {
        let none = Seen { hop: 0, level: SILENT_DB, reference: SILENT_DB };
        Self {
            seen: vec![none; KEPT].into_boxed_slice(),
            count: 0,
            until_reckoning: EVERY,
            noise: SILENT_DB,
            over_reference: PRIOR_DB,
        }
    }

    /// A frame of this level that is held against `reference` may be nothing but echo and noise.
    pub(super) fn holds(&self, level: f32, reference: f32) -> bool {
        level <= (reference + self.over_reference).max(self.noise_bound())
    }

    /// Mean power of the line's noise is about this, dB.
    pub(super) fn noise(&self) -> f32 {
        f32::from(self.noise)
    }

    fn noise_bound(&self) -> f32 {
        f32::from(self.noise) + f32::from(ABOVE_NOISE)
    }

    /// Remembers a frame, and reckons anew now and then.
    pub(super) fn note(&mut self, seen: Seen, path_known: bool) {
        self.seen[self.count % KEPT] = seen;
        self.count += 1;
        self.until_reckoning -= 1;
        if self.until_reckoning == 0 {
            self.reckon(path_known);
        }
    }

    /// Another path is known, or none any more: `reference` tells what a frame is to be held against now, if that is
    /// still known.
    pub(super) fn hold_against(&mut self, path_known: bool, mut reference: impl FnMut(&Seen) -> Option<i8>) {
        let len = self.len();
        // The oldest first, so that what is kept moves to the front.
        self.seen.rotate_left((self.count - len) % KEPT);
        let mut kept = 0;
        for n in 0..len {
            let seen = self.seen[n];
            if let Some(reference) = reference(&seen) {
                self.seen[kept] = Seen { reference, ..seen };
                kept += 1;
            }
        }
        self.count = kept;
        self.over_reference = PRIOR_DB;
        self.reckon(path_known);
    }

    fn len(&self) -> usize {
        self.count.min(KEPT)
    }

    /// The frames remembered, oldest first.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Seen> {
        (self.count - self.len()..self.count).map(|n| &self.seen[n % KEPT])
    }

    fn reckon(&mut self, path_known: bool) {
        self.until_reckoning = EVERY;
        if self.len() >= ENOUGH_FOR_NOISE {
            self.noise = self.noise_of_line();
        }
        if self.len() < ENOUGH {
            return;
        }
        let audible = i16::from(self.noise) + ABOVE_NOISE;
        let heard = |seen: &&Seen| i16::from(seen.level) > audible;
        let mut all = Histogram::default();
        self.seen().filter(heard).for_each(|seen| all.add(seen.over()));
        let share = all.count as f32 / self.len() as f32;
        if !path_known && (self.len() < ENOUGH_BLIND || share < HEARD_SHARE) {
            if self.len() >= ENOUGH_BLIND {
                self.over_reference = self.unnoticed();
            }
            return;
        }
        let Some(bulk) = all.quantile(0.5) else { return };
        let echo = self.echo_frames(audible, bulk + CALLER_DB);
        let (share, spare) = if path_known { KNOWN } else { BLIND };
        let most = if path_known { KNOWN_MAX_DB } else { PRIOR_DB };
        if let Some(over) = echo.quantile(share).filter(|_| echo.count >= ENOUGH_HEARD) {
            self.over_reference = (f32::from(over) + spare).min(most);
        }
    }

    fn noise_of_line(&self) -> i8 {
        let mut levels = Histogram::default();
        self.seen().for_each(|seen| levels.add(i16::from(seen.level)));
        let noise = levels.quantile(NOISE_SHARE).unwrap_or(SILENT_DB.into());
        noise.clamp(SILENT_DB.into(), NOISE_MAX_DB.into()) as i8
    }

    /// No echo has been heard: not louder than this against the reference it can be.
    fn unnoticed(&self) -> f32 {
        let loudest = self.seen().map(|seen| seen.reference).max().unwrap_or(SILENT_DB);
        // Loud speech, not its one loudest frame.
        let loud = f32::from(loudest) - f32::from(ABOVE_NOISE);
        (f32::from(self.noise) + UNNOTICED_DB - loud).min(PRIOR_DB)
    }

    /// Differences of audible frames without those above `caller` and their surroundings.
    fn echo_frames(&self, audible: i16, caller: i16) -> Histogram {
        let mut echo = Histogram::default();
        let mut last_caller = None;
        let first = self.count - self.len();
        for n in first..self.count + CALLER_NEAR {
            let seen = |n: usize| Some(&self.seen[n % KEPT]).filter(|_| (first..self.count).contains(&n));
            let is_heard = |seen: &&Seen| i16::from(seen.level) > audible;
            if seen(n).filter(is_heard).is_some_and(|seen| seen.over() > caller) {
                last_caller = Some(n);
            }
            let Some(middle) = n.checked_sub(CALLER_NEAR) else { continue };
            if last_caller.is_none_or(|at| at + CALLER_NEAR < middle)
                && let Some(seen) = seen(middle).filter(is_heard)
            {
                echo.add(seen.over());
            }
        }
        echo
    }
}

/// How often each number of decibels came; what is beyond ±127 counts as that.
struct Histogram {
    counts: [u16; 255],
    count: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; 255], count: 0 }
    }
}

impl Histogram {
    fn add(&mut self, db: i16) {
        self.counts[(db.clamp(-127, 127) + 127) as usize] += 1;
        self.count += 1;
    }

    /// The smallest number that `share` of them do not exceed; `None` without any.
    fn quantile(&self, share: f32) -> Option<i16> {
        let wanted = (share * self.count as f32).ceil().max(1.0) as u32;
        let mut below = 0;
        let at = self.counts.iter().position(|&count| {
            below += u32::from(count);
            below >= wanted
        })?;
        Some(at as i16 - 127)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` frames in which we are at -20 dB and the line at what `level` says.
    fn bound(n: usize, path_known: bool, level: impl Fn(usize) -> i8) -> Bound {
        let mut bound = Bound::new();
        (0..n).for_each(|n| bound.note(Seen { hop: 2 * n as u32, level: level(n), reference: -20 }, path_known));
        bound
    }

    #[test]
    fn before_anything_is_known_echo_is_20_db_weaker() {
        let bound = Bound::new();
        assert!(bound.holds(-35.5, -20.0) && !bound.holds(-34.5, -20.0));
    }

    #[test]
    fn a_callers_words_do_not_raise_the_bound() {
        let echo = |n: usize| if n.is_multiple_of(4) { -66 } else { -51 };
        let alone = bound(400, true, echo);
        let over = bound(400, true, |n| if n % 100 < 20 { -20 } else { echo(n) });
        assert_eq!(alone.over_reference, -27.0, "31 below, 4 dB to spare");
        assert_eq!(over.over_reference, alone.over_reference);
    }

    #[test]
    fn bursts_count_by_their_own_level() {
        let bound = bound(400, true, |n| if n % 20 < 5 { -40 } else { -66 });
        assert_eq!((bound.noise, bound.over_reference), (-66, -16.0));
    }

    #[test]
    fn where_nothing_comes_back_a_quiet_caller_is_heard() {
        let bound = bound(120, false, |n| if n < 5 { -30 } else { -66 });
        assert!(!bound.holds(-45.0, -20.0) && bound.holds(-61.0, -20.0));
    }

    #[test]
    fn frames_are_held_against_another_path() {
        let mut bound = bound(450, false, |_| -40);
        bound.hold_against(true, |seen| (seen.hop >= 200).then_some(-10));
        assert_eq!((bound.len(), bound.over_reference), (350, -26.0));
        bound.note(Seen { hop: 900, level: -40, reference: -10 }, true);
        assert_eq!(
            bound.seen().map(|seen| seen.hop).collect::<Vec<_>>(),
            (100..=450).map(|n| 2 * n).collect::<Vec<_>>()
        );
    }
}
