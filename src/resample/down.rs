use super::block::Block;
use crate::audio::{FRAME_SAMPLES, SampleRate, WIDE_FRAME_SAMPLES, to_float, to_pcm};

/// 24 kHz to 8 kHz in chunks of any length: the items of a wide-band model on their way to the telephone.
///
/// An item is what lies between two calls of [`finish`](Self::finish). Its n samples become exactly ⌈n / 3⌉, without
/// lag: the filter's delay is taken off the front and made up at the end. How an item is cut into chunks changes
/// nothing. Output comes in pieces of 160 samples or fewer and trails the input by 10 to 30 ms of audio until the
/// item is finished.
pub struct Down {
    block: Block,
    wide: [f32; WIDE_FRAME_SAMPLES],
    /// Samples of `wide` that are waiting for the block to be full.
    filled: usize,
    narrow: [f32; FRAME_SAMPLES],
    /// Samples of this item: received at 24 kHz, given out at 8 kHz.
    received: u64,
    given: u64,
    /// Output samples that still are the filter's delay.
    to_skip: usize,
}

impl Down {
    /// Plans the transforms and allocates all that it ever needs.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "costs some hundred microseconds: not a default")]
    pub fn new() -> Self {
        let block =
            Block::new(SampleRate::WIDE, SampleRate::TELEPHONE, WIDE_FRAME_SAMPLES).expect("24 to 8 kHz is 3:1");
        Self {
            to_skip: block.delay_out(),
            block,
            wide: [0.0; WIDE_FRAME_SAMPLES],
            filled: 0,
            narrow: [0.0; FRAME_SAMPLES],
            received: 0,
            given: 0,
        }
    }

    /// Takes a chunk of the item, which may be empty; `sink` gets what is ready. Allocates nothing.
    pub fn push(&mut self, mut chunk: &[i16], sink: &mut impl FnMut(&[i16])) {
        self.received += chunk.len() as u64;
        while !chunk.is_empty() {
            let (now, later) = chunk.split_at(chunk.len().min(WIDE_FRAME_SAMPLES - self.filled));
            for (float, &sample) in self.wide[self.filled..].iter_mut().zip(now) {
                *float = to_float(sample);
            }
            self.filled += now.len();
            if self.filled == WIDE_FRAME_SAMPLES {
                self.convert(sink);
            }
            chunk = later;
        }
    }

    /// Ends the item: `sink` gets the rest, and the next chunk begins another item. Allocates nothing.
    ///
    /// An item without a sample gives none.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[i16])) {
        while self.given < self.received.div_ceil(3) {
            self.wide[self.filled..].fill(0.0);
            self.convert(sink);
        }
        self.reset();
    }

    /// Forgets the item so far, ready for another. Allocates nothing.
    pub fn reset(&mut self) {
        self.block.reset();
        (self.filled, self.received, self.given, self.to_skip) = (0, 0, 0, self.block.delay_out());
    }

    /// Converts the block, which is full, and gives out what belongs to the item.
    fn convert(&mut self, sink: &mut impl FnMut(&[i16])) {
        self.block.process(&self.wide, &mut self.narrow).expect("lengths are those of the block");
        self.filled = 0;
        let mut samples = [0; FRAME_SAMPLES];
        for (sample, &float) in samples.iter_mut().zip(&self.narrow) {
            *sample = to_pcm(float);
        }
        let due = (self.received.div_ceil(3) - self.given).min(FRAME_SAMPLES as u64) as usize;
        let from = self.to_skip.min(FRAME_SAMPLES);
        let ready = &samples[from..FRAME_SAMPLES.min(from + due)];
        self.to_skip -= from;
        self.given += ready.len() as u64;
        if !ready.is_empty() {
            sink(ready);
        }
    }
}
