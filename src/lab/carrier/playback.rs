//! The playback clock of a scripted carrier: bytes play back to back, marks wait for them, `clear` throws them away.

use std::{cmp::Reverse, time::Duration};

use super::{Due, ScriptedCarrier};
use crate::{
    audio::MULAW_SILENCE,
    carrier::{MarkId, Payload},
    time::Timestamp,
};

/// More than this waiting to be played, and the carrier discards what comes (the vendor's 31931).
const MOST_BUFFERED: Duration = Duration::from_secs(600);
/// From so many waiting marks on, those that were played are forgotten.
const MARKS_KEPT: usize = 64;

/// A mark that waits for what was sent before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    id: MarkId,
    due: Timestamp,
}

impl ScriptedCarrier {
    /// Keeps nothing of what is heard: for load.
    pub fn forget_heard(&mut self) {
        self.keep_heard = false;
        self.heard = Vec::new();
    }

    pub(super) fn play(&mut self, now: Timestamp, payload: &Payload) {
        let samples = payload.samples();
        if samples.is_empty() {
            self.violate(format!("{now}: an empty payload"));
        }
        let begins = self.plays_until.max(now);
        let until = begins + self.carrier_time(samples.len() as u64 * 125);
        if until - now > MOST_BUFFERED {
            self.violate(format!("{now}: more than 10 minutes are buffered, the rest is discarded (31931)"));
            return;
        }
        if self.keep_heard {
            // What plays back to back follows sample by sample: microseconds of a fast clock round to another one.
            if self.plays_until <= now {
                let from = self.index(begins);
                self.heard.resize(from.max(self.heard.len()), MULAW_SILENCE);
            }
            self.heard.extend_from_slice(samples);
        }
        self.plays_until = until;
    }

    pub(super) fn mark(&mut self, now: Timestamp, id: MarkId) {
        let due = self.plays_until.max(now);
        if self.waiting.len() >= MARKS_KEPT {
            self.waiting.retain(|mark| mark.due > now);
        }
        self.waiting.push(Waiting { id, due });
        if self.random.f32() < self.trouble.lost_marks {
            return;
        }
        self.at(due + self.trouble.mark_lag, Due::Mark(id));
        if self.random.f32() < self.trouble.doubled_marks {
            self.at(due + self.trouble.mark_lag * 2, Due::Mark(id));
        }
    }

    pub(super) fn clear(&mut self, now: Timestamp) {
        let at = self.index(now);
        self.heard.truncate(at);
        self.plays_until = now;
        // Every mark that was waiting is echoed now, once more than it would have been.
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|mark| mark.due > now);
        self.due.retain(|Reverse((_, _, due))| !waiting.iter().any(|mark| *due == Due::Mark(mark.id)));
        for mark in waiting {
            self.at(now + self.trouble.mark_lag, Due::Mark(mark.id));
        }
    }

    /// The place on the caller's time line that belongs to a call time.
    fn index(&self, at: Timestamp) -> usize {
        let us = (at - self.start).as_micros() as i128;
        (us * (1_000_000 + i128::from(self.trouble.clock_ppm)) / 1_000_000 / 125) as usize
    }

    /// Microseconds of the carrier's clock on ours.
    pub(super) fn carrier_time(&self, us: u64) -> Duration {
        Duration::from_nanos((us as f64 * 1e3 / (1.0 + f64::from(self.trouble.clock_ppm) * 1e-6)) as u64)
    }

    /// What would have been heard after `at` is not.
    pub(super) fn cut(&mut self, at: Timestamp) {
        let end = self.index(at);
        self.heard.truncate(end);
    }
}
