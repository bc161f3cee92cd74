use super::fir::{self, LINE, REACH, TAPS};
use crate::audio::{FRAME_SAMPLES, WIDE_FRAME_SAMPLES};

/// Samples that are worked on at a time: what is held, and a frame.
const ROOM: usize = TAPS - 1 + WIDE_FRAME_SAMPLES;

/// 24 kHz to 8 kHz in chunks of any length: the items of a wide-band model on their way to the telephone.
///
/// An item is what lies between two calls of [`finish`](Self::finish). Its n samples become exactly ⌈n / 3⌉, without
/// lag: the filter's delay is taken off the front and made up at the end. How an item is cut into chunks changes
/// nothing. Output comes in pieces of 160 samples or fewer; until the item is finished a sample comes as soon as the
/// 2.375 ms of audio after it are there.
#[derive(Clone, Debug)]
pub struct Down {
    /// What the next output depends on, as far as it is there.
    window: [i16; TAPS - 1],
    held: usize,
}

impl Down {
    /// Output that has not come yet, of all input so far: 2.375 ms, in samples at 8 kHz.
    pub const TRAILS: usize = REACH / 3;

    /// The start of an item.
    #[must_use]
    pub const fn new() -> Self {
        // Before the first sample there was silence.
        Self { window: [0; TAPS - 1], held: REACH }
    }

    /// Takes a chunk of the item, which may be empty; `sink` gets what is ready.
    pub fn push(&mut self, mut chunk: &[i16], sink: &mut impl FnMut(&[i16])) {
        while !chunk.is_empty() {
            let (now, later) = chunk.split_at(chunk.len().min(ROOM - self.held));
            self.convert(now, sink);
            chunk = later;
        }
    }

    /// Ends the item: `sink` gets the rest, and the next chunk begins another item.
    ///
    /// An item without a sample gives none.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[i16])) {
        self.convert(&[0; REACH], sink);
        self.reset();
    }

    /// Forgets the item so far, ready for another.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }

    /// Gives out what the window and these samples suffice for, and keeps what the rest will depend on.
    fn convert(&mut self, samples: &[i16], sink: &mut impl FnMut(&[i16])) {
        let filled = self.held + samples.len();
        let mut wide = [0; 3 * LINE];
        wide[..self.held].copy_from_slice(&self.window[..self.held]);
        wide[self.held..filled].copy_from_slice(samples);

        let ready = (filled + 3).saturating_sub(TAPS) / 3;
        if ready > 0 {
            let mut out = [0; FRAME_SAMPLES];
            let out = &mut out[..ready];
            fir::down(&wide, out);
            sink(out);
        }
        self.held = filled - 3 * ready;
        self.window[..self.held].copy_from_slice(&wide[3 * ready..filled]);
    }
}

impl Default for Down {
    fn default() -> Self {
        Self::new()
    }
}
