use std::sync::LazyLock;

use super::net::{Chunk, NETWORK, Scratch, score, score_baseline};

/// A place in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// Chunks of many calls, to be scored in one go: the weights are read once for all of them.
///
/// A tick of a shard clears it, lets every call [put its chunk in](super::super::Vad::offer), [runs](Batch::run) it, and
/// lets every call [take its score](super::super::Vad::collect). A call whose chunk finds no room scores it by itself.
#[derive(Debug)]
pub struct Batch {
    chunks: Vec<Chunk>,
    scratch: Scratch,
    baseline: bool,
}

/// Chunks scored at once: more would not be faster, and push each other out of the cache.
const MOST: usize = 32;

impl Batch {
    /// An empty batch with room for `calls` chunks (2.3 KB each). Allocates; the first one lays out the weights, so that
    /// no call has to wait for it.
    #[must_use]
    pub fn new(calls: usize) -> Self {
        LazyLock::force(&NETWORK);
        Self { chunks: Vec::with_capacity(calls), scratch: Scratch::new(MOST.min(calls)), baseline: false }
    }

    /// The same as a machine without AVX2 and FMA works it out: slower, the last bits of a score differ. To measure.
    #[must_use]
    pub fn baseline(calls: usize) -> Self {
        Self { baseline: true, ..Self::new(calls) }
    }

    /// Forgets the chunks of the tick before.
    pub fn clear(&mut self) {
        self.chunks.clear();
    }

    /// Number of chunks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// No chunk is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Scores every chunk.
    pub fn run(&mut self) {
        for chunks in self.chunks.chunks_mut(MOST) {
            if self.baseline {
                score_baseline(&NETWORK, chunks, &mut self.scratch);
            } else {
                score(&NETWORK, chunks, &mut self.scratch);
            }
        }
    }

    /// Another chunk fits in.
    pub(super) fn has_room(&self) -> bool {
        self.chunks.len() < self.chunks.capacity()
    }

    pub(super) fn push(&mut self, chunk: Chunk) -> Slot {
        self.chunks.push(chunk);
        Slot(self.chunks.len() - 1)
    }

    /// A chunk with its memory and score; nothing if the batch has been cleared.
    pub(super) fn get(&self, slot: Slot) -> Option<&Chunk> {
        self.chunks.get(slot.0)
    }
}
