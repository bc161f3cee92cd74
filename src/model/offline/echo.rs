//! The caller's last audio, kept to be said back.

use std::collections::VecDeque;

use crate::model::AppendedSpan;

/// What is kept: the longest turn, the silence that ends it, and the time until an answer to it begins.
const KEPT: usize = 12 * 8_000;
/// What is said back begins this much before the turn and ends this much after it: soft onsets belong to it.
const MARGIN_MS: u64 = 100;

/// Keeps caller audio, and cuts turns out of it.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    kept: VecDeque<u8>,
    /// Samples appended so far, those no longer kept included.
    appended: u64,
    /// The turn that is said back.
    turn: Vec<u8>,
}

impl Echo {
    pub(super) fn new() -> Self {
        Self { kept: VecDeque::with_capacity(KEPT), appended: 0, turn: Vec::with_capacity(KEPT) }
    }

    /// Caller audio, µ-law.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.appended += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let too_many = (self.kept.len() + bytes.len()).saturating_sub(KEPT);
        self.kept.drain(..too_many);
        self.kept.extend(bytes);
    }

    /// Appended time starts anew.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
        self.appended = 0;
    }

    /// Cuts a turn out, as far as it is still kept; gives its length in samples.
    pub(super) fn cut(&mut self, span: AppendedSpan) -> usize {
        let oldest = self.appended - self.kept.len() as u64;
        let place = |ms: u64| (ms * 8).clamp(oldest, self.appended) - oldest;
        let from = place(span.start_ms.saturating_sub(MARGIN_MS)) as usize;
        let to = place(span.end_ms + MARGIN_MS) as usize;
        self.turn.clear();
        self.turn.extend(self.kept.range(from..to));
        self.turn.len()
    }

    /// The turn that was cut out.
    pub(super) fn turn(&self) -> &[u8] {
        &self.turn
    }
}
