//! What our own voice explains of the inbound level.
//!
//! A line returns some of what we send, 40 to 600 ms later and at least 20 dB down. A frame that is no louder than
//! that is not taken for the caller. A plain bound: an estimate of the call's own delay and loss comes with the
//! detector's own issue.

use crate::{
    audio::{Dbfs, FRAME_SAMPLES},
    time::MediaTime,
};

/// Echo comes back at least this much weaker.
const LOSS_DB: f32 = 20.0;
/// Longest delay looked at, in frames, and some for the playhead's uncertainty.
const REACH: u64 = 35;
/// Frames of outbound level kept: an announcement of 60 s is sent at once.
const KEPT: usize = 4096;
const NONE: i8 = i8::MIN;

/// Outbound levels by the frame of media time at which they are heard.
pub(super) struct Echo {
    levels: Box<[i8]>,
    /// Frames before this one have been forgotten.
    forgotten: u64,
}

impl Echo {
    pub(super) fn new() -> Self {
        Self { levels: vec![NONE; KEPT].into_boxed_slice(), forgotten: 0 }
    }

    /// A frame of this level is heard at `at`.
    pub(super) fn sent(&mut self, at: MediaTime, level: Dbfs) {
        let slot = &mut self.levels[slot(at.samples() / FRAME_SAMPLES as u64)];
        *slot = (*slot).max(level.db().round() as i8);
    }

    /// From `at` on nothing that was sent is heard.
    pub(super) fn cleared(&mut self, at: MediaTime) {
        let from = at.samples() / FRAME_SAMPLES as u64 + 1;
        // What lies before is still echoing; everything else in the ring is the future.
        for n in from..(from + (KEPT as u64 - REACH - 2)) {
            self.levels[slot(n)] = NONE;
        }
    }

    /// An inbound frame at `at` with this level may be nothing but our own voice.
    pub(super) fn explains(&mut self, at: MediaTime, level: Dbfs) -> bool {
        let now = at.samples() / FRAME_SAMPLES as u64;
        let oldest = now.saturating_sub(REACH);
        // Forget what is too old, so that its place can be used again. Long silence needs one round at most.
        self.forgotten = self.forgotten.max(oldest.saturating_sub(KEPT as u64));
        while self.forgotten < oldest {
            self.levels[slot(self.forgotten)] = NONE;
            self.forgotten += 1;
        }
        let loudest = (oldest..=now).map(|n| self.levels[slot(n)]).max().unwrap_or(NONE);
        loudest != NONE && level.db() <= f32::from(loudest) - LOSS_DB
    }
}

fn slot(frame: u64) -> usize {
    (frame % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_voice_explains_what_is_20_db_below_it_for_700_ms() {
        let mut echo = Echo::new();
        let ms = MediaTime::from_millis;
        assert!(!echo.explains(ms(0), Dbfs::new(-60.0)));
        echo.sent(ms(100), Dbfs::new(-18.0));
        assert!(!echo.explains(ms(80), Dbfs::new(-40.0)), "not before it is heard");
        assert!(echo.explains(ms(700), Dbfs::new(-40.0)));
        assert!(!echo.explains(ms(700), Dbfs::new(-30.0)), "double talk");
        assert!(!echo.explains(ms(900), Dbfs::new(-40.0)));
    }

    #[test]
    fn cleared_audio_does_not_echo() {
        let mut echo = Echo::new();
        for n in 0..500 {
            echo.sent(MediaTime::from_millis(n * 20), Dbfs::new(-18.0));
        }
        echo.cleared(MediaTime::from_millis(1000));
        assert!(echo.explains(MediaTime::from_millis(1100), Dbfs::new(-45.0)));
        assert!(!echo.explains(MediaTime::from_millis(2000), Dbfs::new(-45.0)));
    }
}
