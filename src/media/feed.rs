//! Caller audio for the model: kept for 5 s, held back, replayed, resampled.

use std::collections::VecDeque;

use super::inbound::FRAMES_PER_TICK;
use crate::{
    audio::{Encoding, FRAME_SAMPLES, Frame, MulawFrame, WIDE_FRAME_SAMPLES},
    codec::mulaw,
    resample::Up,
    ring::HistoryRing,
    time::MediaTime,
};

/// Caller audio that is kept for a model that is away, or for words spoken over our goodbye.
pub const FEED_HISTORY: std::time::Duration = std::time::Duration::from_secs(5);
const HISTORY_BYTES: usize = 5 * 8_000;
/// Stretches of appended audio that do not follow each other on media time.
const STRETCHES: usize = 16;

/// Bytes of a frame for the model: the longer encoding's.
pub const FED_BYTES: usize = 2 * WIDE_FRAME_SAMPLES;
/// What a tick adds at most, besides gaps.
const ROOM: usize = FRAMES_PER_TICK * FRAME_SAMPLES;

const FRAME: u64 = FRAME_SAMPLES as u64;

/// From this sample of appended audio on (8 kHz), media time goes on from `media`.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    appended: u64,
    media: u64,
}

/// One cursor over the history: whatever is due goes to the model in order, a few frames a tick. What it has passed is
/// forgotten, so the history is empty but for a model that is away or held.
pub(super) struct Feed {
    encoding: Encoding,
    history: HistoryRing,
    /// Media position of the history's byte 0.
    origin: u64,
    /// Media position of the next frame to append.
    cursor: u64,
    ready: bool,
    held: bool,
    appended: u64,
    stretches: VecDeque<Stretch>,
    up: Up,
    dropped: u64,
}

impl Feed {
    pub(super) fn new(encoding: Encoding) -> Self {
        let mut history = HistoryRing::new(HISTORY_BYTES);
        history.make_room(ROOM);
        Self {
            encoding,
            history,
            origin: 0,
            cursor: 0,
            ready: false,
            held: false,
            appended: 0,
            stretches: VecDeque::with_capacity(STRETCHES),
            up: Up::new(),
            dropped: 0,
        }
    }

    /// Takes memory for what the next tick brings, `missing` samples of gaps among it, and gives back what is not needed
    /// any more.
    pub(super) fn make_room(&mut self, missing: u64) {
        self.history.make_room(ROOM + usize::try_from(missing).map_or(HISTORY_BYTES, |n| n.min(HISTORY_BYTES)));
    }

    /// The next frame of the stream.
    pub(super) fn push(&mut self, frame: &MulawFrame) {
        self.history.push(frame);
    }

    /// Silence that is not worth keeping: the stream goes on `samples` later.
    pub(super) fn skip(&mut self, samples: u64) {
        let live = self.cursor == self.end();
        self.origin = self.end() + samples;
        self.history.reset();
        if live {
            self.cursor = self.origin;
        }
    }

    /// A new session: appended time starts at 0, with what is kept since the cursor stood still.
    pub(super) fn ready(&mut self) {
        self.ready = true;
        self.appended = 0;
        self.stretches.clear();
        self.up.reset();
    }

    pub(super) fn lost(&mut self) {
        self.ready = false;
    }

    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// Goes on from this sample, or from the oldest that is kept.
    pub(super) fn release(&mut self, from: MediaTime) {
        self.held = false;
        let from = from.samples() / FRAME * FRAME;
        // Never what the model has had already.
        self.cursor = from.max(self.cursor).min(self.end());
    }

    fn end(&self) -> u64 {
        self.origin + self.history.end()
    }

    /// The next frame that is due to the model, in its encoding. Asked for again until there is none, a few times a tick.
    pub(super) fn next_frame<'a>(&mut self, out: &'a mut [u8; FED_BYTES]) -> Option<&'a [u8]> {
        let oldest = self.origin + self.history.start();
        if self.cursor < oldest {
            // In whole frames, so that frames stay aligned with the stream.
            let lost = (oldest - self.cursor).div_ceil(FRAME) * FRAME;
            self.cursor += lost;
            self.dropped += if self.held { 0 } else { lost };
        }
        if !self.ready || self.held || self.cursor + FRAME > self.end() || self.cursor < self.origin {
            return None;
        }
        let mut frame: MulawFrame = [0; FRAME_SAMPLES];
        if self.history.copy(self.cursor - self.origin, &mut frame) < FRAME_SAMPLES {
            return None;
        }
        let bytes = self.encoded(&frame, out);
        self.passed();
        Some(bytes)
    }

    fn encoded<'a>(&mut self, frame: &MulawFrame, out: &'a mut [u8; FED_BYTES]) -> &'a [u8] {
        match self.encoding {
            Encoding::Mulaw => {
                out[..FRAME_SAMPLES].copy_from_slice(frame);
                &out[..FRAME_SAMPLES]
            }
            Encoding::Pcm24k => {
                let mut narrow: Frame = [0; FRAME_SAMPLES];
                let mut wide = [0; WIDE_FRAME_SAMPLES];
                mulaw::decode_into(frame, &mut narrow);
                self.up.process(&narrow, &mut wide);
                for (two, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(wide) {
                    *two = sample.to_le_bytes();
                }
                out
            }
        }
    }

    /// The frame at the cursor has been given to the model.
    fn passed(&mut self) {
        let follows = self.stretches.back().is_some_and(|s| s.media + (self.appended - s.appended) == self.cursor);
        if !follows {
            if self.stretches.len() == STRETCHES {
                self.stretches.pop_front();
            }
            self.stretches.push_back(Stretch { appended: self.appended, media: self.cursor });
        }
        self.cursor += FRAME;
        self.appended += FRAME;
        self.history.forget_before(self.cursor - self.origin);
    }

    /// The media time of a millisecond of appended audio. The resampler's delay is taken off.
    pub(super) fn media_of(&self, appended_ms: u64) -> MediaTime {
        let delay = match self.encoding {
            Encoding::Mulaw => 0,
            Encoding::Pcm24k => Up::DELAY.as_micros() as u64 * 8 / 1_000,
        };
        let sample = appended_ms.saturating_mul(8).saturating_sub(delay).min(self.appended);
        let stretch = self.stretches.iter().rev().find(|s| s.appended <= sample).or(self.stretches.front());
        let media = stretch.map_or(sample, |s| s.media + sample.saturating_sub(s.appended));
        MediaTime::from_samples(media)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
