use std::time::Duration;

use super::block::Block;
use crate::audio::{FRAME_SAMPLES, Frame, SampleRate, WIDE_FRAME_SAMPLES, to_float, to_pcm};

/// 8 kHz to 24 kHz, a frame at a time: the caller's stream on its way to a wide-band model.
///
/// The output lags the input by [`Up::DELAY`]; the first frame after a start begins with that much near-silence.
pub struct Up {
    block: Block,
    narrow: [f32; FRAME_SAMPLES],
    wide: [f32; WIDE_FRAME_SAMPLES],
}

impl Up {
    /// Delay of the filter: 240 samples at 24 kHz.
    pub const DELAY: Duration = Duration::from_millis(10);

    /// Plans the transforms and allocates all that it ever needs.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "costs some hundred microseconds: not a default")]
    pub fn new() -> Self {
        let block = Block::new(SampleRate::TELEPHONE, SampleRate::WIDE, FRAME_SAMPLES).expect("8 to 24 kHz is 1:3");
        Self { block, narrow: [0.0; FRAME_SAMPLES], wide: [0.0; WIDE_FRAME_SAMPLES] }
    }

    /// Converts one frame; peaks between the samples of a full-scale input are clipped. Allocates nothing.
    pub fn process(&mut self, frame: &Frame, out: &mut [i16; WIDE_FRAME_SAMPLES]) {
        for (float, &sample) in self.narrow.iter_mut().zip(frame) {
            *float = to_float(sample);
        }
        self.block.process(&self.narrow, &mut self.wide).expect("lengths are those of the block");
        for (sample, &float) in out.iter_mut().zip(&self.wide) {
            *sample = to_pcm(float);
        }
    }

    /// Forgets the signal so far, ready for another stream. Allocates nothing.
    pub fn reset(&mut self) {
        self.block.reset();
    }
}
