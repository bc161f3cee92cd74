use std::time::Duration;

use super::fir::{self, LINE, REACH};
use crate::audio::{FRAME_SAMPLES, Frame, SampleRate, WIDE_FRAME_SAMPLES};

/// Earlier samples that a frame depends on.
const HISTORY: usize = 2 * REACH / 3;

/// 8 kHz to 24 kHz, a frame at a time: the caller's stream on its way to a wide-band model.
///
/// The output lags the input by [`Up::DELAY`]; the first frame after a start begins with that much near-silence.
#[derive(Clone, Debug)]
pub struct Up {
    history: [i16; HISTORY],
}

impl Up {
    /// Delay of the filter, 2.375 ms: 57 samples at 24 kHz, 19 at 8 kHz.
    pub const DELAY: Duration = Duration::from_micros(REACH as u64 * 1_000_000 / SampleRate::WIDE.hz() as u64);

    /// The start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { history: [0; HISTORY] }
    }

    /// Converts one frame; peaks between the samples of a full-scale input are clipped.
    pub fn process(&mut self, frame: &Frame, out: &mut [i16; WIDE_FRAME_SAMPLES]) {
        let mut line = [0; LINE];
        line[..HISTORY].copy_from_slice(&self.history);
        line[HISTORY..][..FRAME_SAMPLES].copy_from_slice(frame);
        self.history.copy_from_slice(&frame[FRAME_SAMPLES - HISTORY..]);

        fir::up(&line, out);
    }

    /// Forgets the signal so far, ready for another stream.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Default for Up {
    fn default() -> Self {
        Self::new()
    }
}
