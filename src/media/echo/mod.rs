//! What our own voice explains of the inbound audio.
//!
//! A line returns some of what we send, 40 to 600 ms later and weaker. A frame that is no louder than that is not taken
//! for the caller; one above it is, while we talk too. Until the call's own path is known a careful prior holds: echo
//! of any delay, at least 20 dB weaker.
//!
//! | file | what |
//! |---|---|
//! | `bands.rs` | levels of six bands, every 10 ms |
//! | `sent.rs` | … of what we send, by the media time at which it is heard |
//! | `delay.rs` | both directions correlated: how long the echo takes |
//! | `bound.rs` | how loud it comes back at most |
//! | `loss.rs` | how much weaker it is on the whole, for the record |
//!
//! Nothing is worked out while nothing was sent for [`REACH`]; only [`Echo::make_room`] and [`Echo::expect`] allocate.

mod bands;
mod bound;
mod delay;
mod loss;
mod sent;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::{
    audio::{Dbfs, FRAME_SAMPLES, Frame},
    call::EchoPath,
    time::MediaTime,
};
use bands::{Bank, HOP, SILENT_DB};
use bound::{Bound, Seen};
use delay::{Correlator, Look, Peak};
use loss::Loss;
use sent::Sent;

/// Hops of a frame.
const HOPS: u64 = (FRAME_SAMPLES / HOP) as u64;
/// Echo of an unknown path comes back after this many hops at the earliest and at the latest, the playhead's
/// uncertainty included: 20 to 640 ms.
const SOONEST: u64 = 2;
const REACH: u64 = 64;
/// Reflections and the filters' width: echo lies in so many hops before and after a known delay.
const BEFORE: u64 = 2;
const AFTER: u64 = 4;
/// A room falls silent by this much a frame: 60 dB in 0.4 s.
const DECAY_DB: f32 = 3.0;
/// We count as heard above this level, and echo is measured above it.
const FAINT: i8 = -50;
const MEASURED: i8 = -45;
/// Nothing is learned of a path that is known, and has been heard without the caller, while they talk over us and for so
/// many hops after: their words would blur it until it is lost. But no longer than this without a break: a path that has
/// become louder looks just like that.
const CALLER_HOPS: u64 = 20;
const UNLEARNED_MAX: u64 = 500;
/// After so many frames louder than echo it is the caller who talks, and for [`CALLER_HOPS`] the bound is this much lower:
/// what there was to spare, dB.
const CALLER_FRAMES: u8 = 4;
const SINKING_DB: f32 = 4.0;
/// A delay that moves by less than this is the same path: only its estimate gets better, hops.
const SAME_PATH: f32 = 1.5;

/// The echo of one call.
pub(super) struct Echo {
    sent: Sent,
    ear: Bank,
    correlator: Correlator,
    bound: Bound,
    loss: Loss,
    peak: Option<Peak>,
    /// What the frame before was held against: a room's tail follows it, dB.
    reference: f32,
    /// The hop that continues what was heard.
    next: u64,
    /// The last hop in which we were heard.
    last_sent: Option<u64>,
    /// Something of ours could come back in the frame before.
    listens: bool,
    /// The last hop that was louder than echo: the caller talks over us.
    last_caller: Option<u64>,
    /// Frames louder than echo in this stretch of the caller's.
    caller_frames: u8,
    /// Hops since the path was last learned from.
    unlearned: u64,
}

impl Echo {
    /// Allocates some 10 KiB.
    pub(super) fn new() -> Self {
        Self {
            sent: Sent::new(),
            ear: Bank::new(),
            correlator: Correlator::new(),
            bound: Bound::new(),
            loss: Loss::default(),
            peak: None,
            reference: SILENT_DB.into(),
            next: 0,
            last_sent: None,
            last_caller: None,
            caller_frames: 0,
            unlearned: 0,
            listens: false,
        }
    }

    /// An announcement of so many samples may be sent.
    pub(super) fn expect(&mut self, samples: usize) {
        self.sent.expect(samples);
    }

    /// Takes memory for what a tick may send.
    pub(super) fn make_room(&mut self) {
        self.sent.make_room();
    }

    /// These samples, a frame at most, are heard from `at` on.
    pub(super) fn sent(&mut self, at: MediaTime, samples: &[i16]) {
        self.sent.note(at, samples);
    }

    /// From `at` on nothing that was sent is heard.
    pub(super) fn cleared(&mut self, at: MediaTime) {
        self.sent.cleared(at);
    }

    /// The path that our voice comes back by, as far as it is known.
    pub(super) fn path(&self) -> Option<EchoPath> {
        let (peak, loss_db) = (self.peak?, self.loss.db()?);
        let delay = Duration::from_micros((peak.delay * 10_000.0).round() as u64);
        Some(EchoPath { delay, loss_db, confidence: peak.correlation })
    }

    /// The inbound frame at `at`, of this level, may be nothing but our own voice. To be called for each frame that is
    /// heard, in order, whether it is voiced or not: the path is learned from them.
    pub(super) fn is_ours(&mut self, at: MediaTime, frame: &Frame, level: Dbfs) -> bool {
        let hop = at.samples() / HOP as u64;
        self.sent.go_on_to(hop);
        let follows = std::mem::replace(&mut self.next, hop + HOPS) == hop;
        // After a gap in what is heard, what was sent within it may still come back.
        let unseen = if follows { hop } else { hop.saturating_sub(REACH) };
        let last_sent = (unseen..hop + HOPS).rev().find(|&n| self.sent.level(n) > FAINT);
        self.last_sent = last_sent.or(self.last_sent);
        if self.last_sent.is_none_or(|last| hop > last + REACH) {
            self.listens = false;
            return false;
        }
        if !std::mem::replace(&mut self.listens, true) || !follows {
            self.ear.reset();
            self.correlator.restart();
            self.reference = SILENT_DB.into();
        }
        self.listen(hop, frame);
        let now = self.reference_at(hop);
        self.reference = f32::from(now).max(self.reference - DECAY_DB);
        if now > MEASURED {
            let (level, reference) = (level.db().round() as i8, self.reference.round() as i8);
            let seen = Seen { hop: hop as u32, level, reference };
            self.bound.note(seen, self.peak.is_some());
        }
        let ours = self.bound.holds(level.db(), self.reference);
        let talks = self.talks(hop);
        if !ours {
            self.last_caller = Some(hop);
            self.caller_frames = if talks { self.caller_frames.saturating_add(1) } else { 1 };
            self.loss.interrupt();
        } else if let Some(peak) = self.peak {
            self.loss.note(self.sent_at(&peak, hop), level.db(), self.bound.noise());
        }
        // Words that sink to the height of the echo are still the caller's.
        let sinking =
            talks && self.caller_frames >= CALLER_FRAMES && !self.bound.holds(level.db() + SINKING_DB, self.reference);
        ours && !sinking
    }

    /// The caller has just been louder than echo.
    fn talks(&self, hop: u64) -> bool {
        self.last_caller.is_some_and(|last| hop <= last + CALLER_HOPS)
    }

    /// Correlates the frame with what was sent.
    fn listen(&mut self, hop: u64, frame: &Frame) {
        let (halves, _) = frame.as_chunks::<HOP>();
        let talks = self.talks(hop);
        let known = self.path().is_some_and(|path| path.loss_db < loss::MOST);
        let learn = !talks || !known || self.unlearned >= UNLEARNED_MAX;
        self.unlearned = if talks { self.unlearned + HOPS } else { 0 };
        for (n, half) in (hop..).zip(halves) {
            self.ear.next_hop();
            self.ear.push(half);
            match self.correlator.push(&self.sent.hop(n), &self.ear.hop(), learn) {
                Some(Look::Found(peak)) => self.found(peak),
                Some(Look::Nothing) => self.lost(),
                Some(Look::Unclear) | None => {}
            }
        }
    }

    fn found(&mut self, peak: Peak) {
        let before = self.peak.replace(peak);
        if before.is_some_and(|before| (before.delay - peak.delay).abs() < SAME_PATH) {
            return;
        }
        self.hold_against_path();
        self.loss = Loss::default();
        for seen in self.bound.seen() {
            if !self.bound.holds(seen.level.into(), seen.reference.into()) {
                self.loss.interrupt();
            } else {
                self.loss.note(self.sent_at(&peak, seen.hop.into()), seen.level.into(), self.bound.noise());
            }
        }
    }

    fn lost(&mut self) {
        if self.peak.take().is_some() {
            self.hold_against_path();
        }
    }

    fn hold_against_path(&mut self) {
        let (sent, path, now_hop) = (&self.sent, self.peak, self.next);
        let mut reference = f32::from(SILENT_DB);
        let mut last = 0;
        self.bound.hold_against(path.is_some(), |seen| {
            let hop = u64::from(seen.hop);
            let now = reference_at(sent, path, hop);
            let decayed = reference - DECAY_DB * (hop.saturating_sub(last) / HOPS) as f32;
            reference = f32::from(now).max(decayed);
            last = hop;
            let known = now_hop.saturating_sub(hop) < sent::PAST - REACH;
            (known && now > MEASURED).then_some(reference.round() as i8)
        });
        self.reference = reference;
    }

    fn reference_at(&self, hop: u64) -> i8 {
        reference_at(&self.sent, self.peak, hop)
    }

    /// The loudest of the frame that comes back by this path in the frame at `hop`.
    fn sent_at(&self, peak: &Peak, hop: u64) -> [i8; HOPS as usize] {
        let delay = peak.delay.round() as u64;
        std::array::from_fn(|n| (hop + n as u64).checked_sub(delay).map_or(SILENT_DB, |n| self.sent.level(n)))
    }
}

/// The loudest that can be coming back in the frame at `hop`.
fn reference_at(sent: &Sent, path: Option<Peak>, hop: u64) -> i8 {
    let (from, to) = match path {
        Some(peak) => {
            let delay = peak.delay.round() as u64;
            (delay + AFTER, delay.saturating_sub(BEFORE))
        }
        None => (REACH, SOONEST),
    };
    let last = hop + HOPS - 1;
    if last < to { SILENT_DB } else { sent.loudest(hop.saturating_sub(from), last - to) }
}
