//! What we send, by the media time at which it is heard.

use std::collections::VecDeque;

use super::bands::{Bank, HOP, Hop, SILENT_DB};
use crate::time::MediaTime;

/// How far back what was sent is known, in hops.
pub(super) const PAST: u64 = 1024;
/// How far ahead: an announcement of 60 s is sent at once, and frames of the line may come late.
const AHEAD: u64 = 7168;
/// Room for what is ahead besides an announcement: the lead, and frames that come late.
const ROOM: usize = 128;
/// Hops that a tick may add, if more is ahead than usual: a second.
const HOPS_A_TICK: usize = 100;

/// Outbound levels on a grid of 10 ms, whole dB. Bands are needed of what is still to be heard, of what was only levels.
pub(super) struct Sent {
    /// Levels of the hops before `now`, each at its number modulo their count.
    past: Box<[i8; PAST as usize]>,
    /// Hops from `now` on, as far as anything was noted.
    ahead: VecDeque<Hop>,
    now: u64,
    /// Hops of the longest announcement.
    longest: usize,
    bank: Bank,
    /// The sample after the last one noted.
    next: u64,
}

impl Sent {
    pub(super) fn new() -> Self {
        let mut sent = Self {
            past: Box::new([SILENT_DB; PAST as usize]),
            ahead: VecDeque::new(),
            now: 0,
            longest: 0,
            bank: Bank::new(),
            next: 0,
        };
        sent.make_room();
        sent
    }

    /// An announcement of so many samples may be sent.
    pub(super) fn expect(&mut self, samples: usize) {
        self.longest = self.longest.max(samples.div_ceil(HOP));
        self.make_room();
    }

    /// Takes memory for what a tick may send, and gives back what is not needed any more.
    pub(super) fn make_room(&mut self) {
        let usual = self.longest + ROOM;
        if self.ahead.capacity() < usual {
            self.ahead.reserve_exact(usual - self.ahead.len());
        } else if self.ahead.is_empty() && self.ahead.capacity() > usual + usual / 2 {
            self.ahead.shrink_to(usual);
        } else {
            self.ahead.reserve(HOPS_A_TICK);
        }
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
            self.note_hop(self.next / HOP as u64, self.bank.hop());
            self.next += now.len() as u64;
            if now.len() == room {
                self.bank.next_hop();
            }
            rest = later;
        }
    }

    fn note_hop(&mut self, n: u64, hop: Hop) {
        // Nothing is heard for so long that the rest of it is past.
        self.go_on_to((n + 1).saturating_sub(AHEAD));
        if n >= self.now {
            let at = (n - self.now) as usize;
            if self.ahead.len() <= at {
                self.ahead.resize(at + 1, Hop::SILENT);
            }
            self.ahead[at] = self.ahead[at].louder(hop);
        } else if self.now - n <= PAST {
            let level = &mut self.past[slot(n)];
            *level = hop.level.max(*level);
        }
    }

    /// From `at` on nothing that was noted is heard.
    pub(super) fn cleared(&mut self, at: MediaTime) {
        // What lies before is still echoing.
        let from = at.samples().div_ceil(HOP as u64);
        self.ahead.truncate(usize::try_from(from.saturating_sub(self.now)).unwrap_or(usize::MAX));
        for n in from.max(self.now.saturating_sub(PAST))..self.now {
            self.past[slot(n)] = SILENT_DB;
        }
        self.next = u64::MAX;
    }

    /// Hops before `now` are past, those more than [`PAST`] before it are forgotten. Call it for each frame; it takes as
    /// many rounds as hops were noted and not gone over yet, and [`PAST`] more at the most.
    pub(super) fn go_on_to(&mut self, now: u64) {
        while self.now < now {
            let hop = self.ahead.pop_front();
            if hop.is_none() {
                // All of it is silent: what lies further back is forgotten in any case.
                self.now = self.now.max(now.saturating_sub(PAST));
            }
            self.past[slot(self.now)] = hop.map_or(SILENT_DB, |hop| hop.level);
            self.now += 1;
        }
    }

    /// A hop that is not past.
    pub(super) fn hop(&self, n: u64) -> Hop {
        n.checked_sub(self.now).and_then(|at| self.ahead.get(at as usize)).copied().unwrap_or(Hop::SILENT)
    }

    /// The level of any hop that is not forgotten.
    pub(super) fn level(&self, n: u64) -> i8 {
        match self.now.checked_sub(n) {
            None | Some(0) => self.hop(n).level,
            Some(1..=PAST) => self.past[slot(n)],
            Some(_) => SILENT_DB,
        }
    }

    /// The loudest of the hops from `from` to `to`, both included.
    pub(super) fn loudest(&self, from: u64, to: u64) -> i8 {
        (from..=to).map(|n| self.level(n)).max().unwrap_or(SILENT_DB)
    }
}

fn slot(hop: u64) -> usize {
    (hop % PAST) as usize
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
        let levels: Vec<i8> = (9..16).map(|n| sent.level(n)).collect();
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
        assert_eq!(sent.level(0), -12);
        sent.go_on_to(PAST + 2);
        assert_eq!(sent.loudest(0, 1), SILENT_DB);
        sent.go_on_to(u64::MAX / 2);
        assert_eq!(sent.loudest(u64::MAX / 2 - PAST, u64::MAX / 2), SILENT_DB);
    }
}
