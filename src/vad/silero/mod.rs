//! Silero VAD's 8 kHz branch in plain Rust: how likely 32 ms of telephone audio hold speech.
//!
//! The network and its weights are those of the Python package `silero-vad` 6.2.3 (MIT, `weights/LICENSE`); `net.rs` is held
//! to the reference arithmetic of `weights/export.py` within 1e-4 on every chunk (6e-6 measured). It runs on AVX2 and FMA where
//! the machine has them, found out at run time.
//!
//! [`Silero`] keeps what belongs to a call. Chunks of many calls are scored together in a [`Batch`], so that the weights
//! (0.9 MB) are read once for all of them; the scores are the same bits as alone.

mod batch;
mod kernel;
mod net;
#[cfg(test)]
mod tests;

pub use batch::Batch;

use std::{cell::RefCell, sync::LazyLock};

use crate::audio::{FRAME_SAMPLES, Frame};
use batch::Slot;
use net::{CHUNK_SAMPLES, CONTEXT_SAMPLES, Chunk, Memory, NETWORK, Scratch};

/// Audio that is looked back on when scoring begins, samples: 256 ms.
const KEPT: usize = 8 * CHUNK_SAMPLES;

thread_local! {
    /// For chunks that are scored alone. A thread works on one at a time.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new(1));
}

/// One call's part of the network: samples on their way to a chunk of 32 ms, and the memory from chunk to chunk.
///
/// Frames of 20 ms and chunks of 32 ms are both counted from the first sample: after frame *n* exactly
/// ⌊160 (n + 1) / 256⌋ chunks are complete.
#[derive(Debug)]
pub(super) struct Silero {
    /// The latest [`KEPT`] samples; the next one goes to `samples % KEPT`.
    kept: Box<[i16; KEPT]>,
    samples: u64,
    memory: Memory,
    /// Of the chunk that was scored last.
    probability: f32,
    /// Scoring goes on from the chunk before.
    running: bool,
    due: Due,
}

/// Where the chunk that the latest frame completed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It completed none, or nobody wants it scored.
    Nothing,
    /// To be scored: this one of the stream.
    Chunk(u64),
    /// In a batch.
    Batched(u64, Slot),
    /// Scored.
    Scored,
}

impl Silero {
    /// Has heard nothing. Allocates, and prepares this thread for scoring.
    pub(super) fn new() -> Self {
        LazyLock::force(&NETWORK);
        SCRATCH.with_borrow(|_| ());
        Self {
            kept: Box::new([0; KEPT]),
            samples: 0,
            memory: Memory::new(),
            probability: 0.0,
            running: false,
            due: Due::Nothing,
        }
    }

    /// Forgets everything heard.
    pub(super) fn reset(&mut self) {
        self.kept.fill(0);
        self.memory = Memory::new();
        (self.samples, self.probability, self.running, self.due) = (0, 0.0, false, Due::Nothing);
    }

    /// Takes the next frame. If it completes a chunk and scoring is `wanted`, the chunk is due.
    ///
    /// When scoring begins, what was said in the last 256 ms is scored first: first words are not heard half. The network's
    /// memory is the one of when scoring ended: with an empty one it takes keys' tones for speech.
    pub(super) fn hear(&mut self, frame: &Frame, wanted: bool) {
        let at = (self.samples % KEPT as u64) as usize;
        // A frame may lie across the end of the ring.
        let (head, tail) = frame.split_at(FRAME_SAMPLES.min(KEPT - at));
        self.kept[at..at + head.len()].copy_from_slice(head);
        self.kept[..tail.len()].copy_from_slice(tail);
        let before = self.samples / CHUNK_SAMPLES as u64;
        self.samples += FRAME_SAMPLES as u64;
        let after = self.samples / CHUNK_SAMPLES as u64;
        self.due = Due::Nothing;
        if !wanted {
            self.running = false;
            return;
        }
        if !self.running {
            self.running = true;
            self.catch_up(after);
        } else if after > before {
            self.due = Due::Chunk(after - 1);
        }
    }

    /// Scores what is kept but the latest chunk, which becomes due.
    fn catch_up(&mut self, complete: u64) {
        let oldest = (self.samples.saturating_sub(KEPT as u64)).div_ceil(CHUNK_SAMPLES as u64);
        // The first of them is only context for the second.
        for number in (oldest + 1).min(complete)..complete {
            if number + 1 == complete {
                self.due = Due::Chunk(number);
            } else {
                self.score(number);
            }
        }
    }

    /// Chunk `number` of the stream, with the samples before it.
    fn chunk(&self, number: u64) -> Chunk {
        let from = number * CHUNK_SAMPLES as u64;
        let samples = std::array::from_fn(|n| {
            let position = (from + n as u64).checked_sub(CONTEXT_SAMPLES as u64);
            let kept = position.map_or(0, |position| self.kept[(position % KEPT as u64) as usize]);
            f32::from(kept) / 32768.0
        });
        Chunk { samples, memory: self.memory.clone(), probability: 0.0 }
    }

    fn score(&mut self, number: u64) {
        let mut chunk = self.chunk(number);
        SCRATCH.with_borrow_mut(|scratch| net::score(&NETWORK, std::slice::from_mut(&mut chunk), scratch));
        self.scored(&chunk);
    }

    fn scored(&mut self, chunk: &Chunk) {
        self.memory.clone_from(&chunk.memory);
        self.probability = chunk.probability;
    }

    /// Puts a chunk that is due into the batch, if that has room.
    pub(super) fn offer(&mut self, batch: &mut Batch) {
        if let Due::Chunk(number) = self.due
            && batch.has_room()
        {
            self.due = Due::Batched(number, batch.push(self.chunk(number)));
        }
    }

    /// Takes the chunk back from the batch, which has been scored.
    pub(super) fn collect(&mut self, batch: &Batch) {
        if let Due::Batched(_, slot) = self.due
            && let Some(chunk) = batch.get(slot)
        {
            self.scored(chunk);
            self.due = Due::Scored;
        }
    }

    /// The probability of speech in the chunk that the latest frame completed, if it was wanted; scores it unless a
    /// batch has.
    pub(super) fn probability(&mut self) -> Option<f32> {
        match std::mem::replace(&mut self.due, Due::Nothing) {
            Due::Nothing => return None,
            Due::Scored => {}
            // In a batch that nobody gave back: the samples are still here.
            Due::Chunk(number) | Due::Batched(number, _) => self.score(number),
        }
        Some(self.probability)
    }
}
