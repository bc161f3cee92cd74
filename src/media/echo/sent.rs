//! What we send, by the media time at which it is heard.

use super::bands::{Bank, HOP, Hop, SILENT_DB};
use crate::time::MediaTime;

/// Hops kept: an announcement of 60 s is sent at once, and 10 s of the past are looked back at.
const KEPT: usize = 8192;
/// How far back what was sent is known, in hops.
pub(super) const PAST: u64 = 1024;

/// Outbound levels on a grid of 10 ms. 56 KiB: levels are whole dB.
pub(super) struct Sent {
    hops: Box<[Hop]>,
    bank: Bank,
    /// The sample after the last one noted.
    next: u64,
    /// Hops before this one have been forgotten.
    forgotten: u64,
}

impl Sent {
    pub(super) fn new() -> Self {
        Self { hops: vec![Hop::SILENT; KEPT].into_boxed_slice(), bank: Bank::new(), next: 0, forgotten: 0 }
    }

    /// These samples are heard from `at` on.
    pub(super) fn note(&mut self, at: MediaTime, samples: &[i16]) {
        if samples.iter().all(|&sample| sample == 0) {
            // What lies there already is louder, and the next sound begins anew.
            return;
        }
        if at.samples() != self.next {
            self.bank.reset();
            self.next = at.samples();
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let room = HOP - (self.next % HOP as u64) as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.bank.push(now);
            let slot = &mut self.hops[slot(self.next / HOP as u64)];
            *slot = slot.louder(self.bank.hop());
            self.next += now.len() as u64;
            if now.len() == room {
                self.bank.next_hop();
            }
            rest = later;
        }
    }

    /// From `at` on nothing that was noted is heard.
    pub(super) fn cleared(&mut self, at: MediaTime) {
        let from = at.samples().div_ceil(HOP as u64);
        // What lies before is still echoing; everything else in the ring is the future.
        for n in from..from + (KEPT as u64 - PAST - 2) {
            self.hops[slot(n)] = Hop::SILENT;
        }
        self.next = u64::MAX;
    }

    /// Hops more than [`PAST`] before `now` are forgotten, so that their places can be used again. Call it for each
    /// frame; a long silence needs one round at most.
    pub(super) fn go_on_to(&mut self, now: u64) {
        let oldest = now.saturating_sub(PAST);
        self.forgotten = self.forgotten.max(oldest.saturating_sub(KEPT as u64));
        while self.forgotten < oldest {
            self.hops[slot(self.forgotten)] = Hop::SILENT;
            self.forgotten += 1;
        }
    }

    /// A hop not older than [`PAST`].
    pub(super) fn hop(&self, n: u64) -> &Hop {
        &self.hops[slot(n)]
    }

    /// The loudest of the hops from `from` to `to`, both included.
    pub(super) fn loudest(&self, from: u64, to: u64) -> i8 {
        (from..=to).map(|n| self.hop(n).level).max().unwrap_or(SILENT_DB)
    }
}

fn slot(hop: u64) -> usize {
    (hop % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(samples: u64) -> MediaTime {
        MediaTime::from_samples(samples)
    }

    #[test]
    fn frames_off_the_grid_are_spread_over_it() {
        let mut sent = Sent::new();
        sent.note(at(840), &[8_192; 160]);
        sent.note(at(1000), &[8_192; 160]);
        let levels: Vec<i8> = (9..16).map(|n| sent.hop(n).level).collect();
        assert_eq!(levels, [SILENT_DB, -15, -12, -12, -12, -15, SILENT_DB]);
    }

    #[test]
    fn what_is_cleared_is_not_heard_and_what_was_before_is() {
        let mut sent = Sent::new();
        for n in 0..3_000 {
            sent.note(at(n * 160), &[8_192; 160]);
        }
        sent.cleared(at(16_000));
        assert_eq!((sent.loudest(0, 199), sent.loudest(200, 6_100)), (-12, SILENT_DB));
        sent.note(at(16_000), &[8_192; 160]);
        assert_eq!(sent.loudest(200, 6_100), -12);
    }

    #[test]
    fn the_past_is_forgotten_before_its_place_is_used_again() {
        let mut sent = Sent::new();
        sent.note(at(0), &[8_192; 160]);
        sent.go_on_to(PAST);
        assert_eq!(sent.hop(0).level, -12);
        sent.go_on_to(PAST + 2);
        assert_eq!(sent.loudest(0, 1), SILENT_DB);
        sent.go_on_to(u64::MAX / 2);
        assert_eq!(sent.loudest(u64::MAX / 2 - PAST, u64::MAX / 2), SILENT_DB);
    }
}
