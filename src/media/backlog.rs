//! The agent's audio, µ-law, with absolute positions: what was heard, sent, and still waits.

use std::{collections::VecDeque, ops::Range};

use crate::{
    audio::{Dbfs, FRAME_SAMPLES, MULAW_SILENCE, MulawFrame},
    codec::mulaw,
    model::{ItemId, ResponseId},
};

/// Unsent audio beyond this is refused: 180 s.
pub(super) const BACKLOG_MAX: u64 = 180 * 8_000;
/// Room that is there before audio comes: what a model needs that sends as fast as it speaks.
const ROOM: usize = 2_000;
/// Items known at once.
const ITEMS: usize = 64;
/// Responses whose late audio is dropped.
const DROPPED: usize = 32;
/// A pause in the agent's speech at which it may be cut: 120 ms below this level.
const PAUSE_SAMPLES: usize = 960;
const PAUSE_LEVEL: Dbfs = Dbfs::new_const(-45.0);
/// Pauses are looked for in steps of 10 ms.
const STEP: usize = 80;

const FRAME: u64 = FRAME_SAMPLES as u64;

/// A stretch of the backlog that belongs to one item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) response: ResponseId,
    pub(super) item: ItemId,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) done: bool,
}

#[derive(Debug)]
pub(super) struct Backlog {
    bytes: VecDeque<u8>,
    /// Position of the first byte kept.
    base: u64,
    /// Everything before was sent.
    sent: u64,
    pub(super) items: VecDeque<Item>,
    dropped: VecDeque<ResponseId>,
    /// Nothing from here on is sent, and later audio is refused.
    limit: Option<u64>,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            bytes: VecDeque::with_capacity(ROOM),
            base: 0,
            sent: 0,
            items: VecDeque::new(),
            dropped: VecDeque::with_capacity(DROPPED),
            limit: None,
        }
    }

    /// Gives back what a long answer has needed, when it has been heard.
    pub(super) fn make_room(&mut self) {
        if self.bytes.len() < ROOM && self.bytes.capacity() > 2 * ROOM {
            self.bytes.shrink_to(ROOM);
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    fn last(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX).min(self.end())
    }

    pub(super) fn unsent(&self) -> u64 {
        self.last().saturating_sub(self.sent)
    }

    /// Nothing waits, and more may come.
    pub(super) fn is_dry(&self) -> bool {
        self.unsent() == 0 && self.limit.is_none()
    }

    pub(super) fn is_dropped(&self, response: ResponseId) -> bool {
        self.dropped.contains(&response)
    }

    /// Adds audio of an item. `false` if there is no room: the response is to be cancelled.
    pub(super) fn append(&mut self, response: ResponseId, item: ItemId, audio: &[u8]) -> bool {
        self.append_from(response, item, |bytes| bytes.extend(audio))
    }

    /// The same for audio that `put` adds to the bytes. It is asked for in any case.
    pub(super) fn append_from(
        &mut self,
        response: ResponseId,
        item: ItemId,
        put: impl FnOnce(&mut VecDeque<u8>),
    ) -> bool {
        let unwanted = self.is_dropped(response) || self.limit.is_some_and(|limit| self.end() >= limit);
        let (unsent, start, length) = (self.unsent(), self.end(), self.bytes.len());
        put(&mut self.bytes);
        let end = self.end();
        if unwanted || unsent + (end - start) > BACKLOG_MAX {
            self.bytes.truncate(length);
            return unwanted;
        }
        match self.items.back_mut() {
            Some(last) if last.item == item && last.response == response => last.end = end,
            Some(_) | None => {
                if self.items.len() == ITEMS {
                    self.items.pop_front();
                }
                self.items.push_back(Item { response, item, start, end, done: false });
            }
        }
        true
    }

    /// Silence that belongs to no item.
    pub(super) fn append_silence(&mut self, samples: usize) {
        self.bytes.extend(std::iter::repeat_n(MULAW_SILENCE, samples));
    }

    /// The response that the frame at `at` belongs to: that of its first byte, but for silence before an item.
    pub(super) fn response_at(&self, at: u64) -> Option<ResponseId> {
        self.items.iter().find(|item| item.start < at + FRAME && at < item.end).map(|item| item.response)
    }

    /// Everything that waits belongs to finished items: a last part of a frame can go out.
    pub(super) fn is_complete(&self) -> bool {
        self.limit.is_some() || self.items.back().is_none_or(|item| item.done)
    }

    pub(super) fn item_done(&mut self, id: ItemId) {
        for item in self.items.iter_mut().filter(|item| item.item == id) {
            item.done = true;
        }
    }

    pub(super) fn all_done(&mut self) {
        for item in &mut self.items {
            item.done = true;
        }
    }

    /// The frame at `at`, filled up with silence; with how many of its samples are there.
    pub(super) fn frame_at(&self, at: u64) -> (MulawFrame, usize) {
        let mut frame = [MULAW_SILENCE; FRAME_SAMPLES];
        let from = usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = usize::try_from(self.last().saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.bytes.len());
        let range = from..to.min(from + FRAME_SAMPLES).max(from);
        for (out, byte) in frame.iter_mut().zip(self.bytes.range(range.clone())) {
            *out = *byte;
        }
        (frame, range.len())
    }

    /// The next frame to send has been sent.
    pub(super) fn mark_sent(&mut self) {
        self.sent = (self.sent + FRAME).min(self.last());
    }

    /// Sending goes on from `at`: what was sent after it is thrown away by the carrier.
    pub(super) fn rewind(&mut self, at: u64) {
        self.sent = at.clamp(self.base, self.sent);
    }

    /// What lies before `at` was heard and is not needed any more.
    pub(super) fn forget_before(&mut self, at: u64) {
        let at = at.min(self.sent);
        let n = at.saturating_sub(self.base);
        if n == 0 {
            return;
        }
        self.bytes.drain(..n as usize);
        self.base += n;
        while self.items.front().is_some_and(|item| item.end <= self.base && (item.done || self.items.len() > 1)) {
            self.items.pop_front();
        }
    }

    /// Forgets everything up to `until`.
    pub(super) fn forget_until(&mut self, until: u64) {
        self.sent = until.clamp(self.sent, self.end());
        self.forget_before(self.sent);
        self.items.retain(|item| item.end > self.base);
    }

    /// Drops this response: what has not been sent (unless it is kept for a resumption), and what still comes.
    pub(super) fn drop_response(&mut self, response: ResponseId, keep: bool) {
        if self.dropped.len() == DROPPED {
            self.dropped.pop_front();
        }
        self.dropped.push_back(response);
        if keep {
            return;
        }
        let mut at = 0;
        while let Some(item) = self.items.get(at).copied() {
            if item.response == response && item.end > self.sent {
                self.cut_out(item.start.max(self.sent)..item.end);
            }
            at += 1;
        }
    }

    /// Takes bytes out and moves what follows up.
    fn cut_out(&mut self, range: Range<u64>) {
        let n = range.end - range.start;
        self.bytes.drain((range.start - self.base) as usize..(range.end - self.base) as usize);
        for item in &mut self.items {
            if item.start >= range.end {
                item.start -= n;
            }
            if item.end >= range.end {
                item.end -= n;
            }
        }
    }

    /// Nothing is sent beyond `limit`; cut at the last pause before it if there is one among what is unsent.
    pub(super) fn limit_to(&mut self, limit: u64) {
        if self.limit.is_some() || self.end() <= limit {
            return;
        }
        self.limit = Some(self.last_pause(limit.max(self.sent)).unwrap_or(limit.max(self.sent)));
    }

    pub(super) fn unlimit(&mut self) {
        if let Some(limit) = self.limit.take() {
            // What was cut off stays cut off.
            let limit = limit.max(self.sent);
            self.bytes.truncate((limit - self.base) as usize);
            let end = self.end();
            for item in &mut self.items {
                item.end = item.end.min(end);
                item.start = item.start.min(end);
            }
        }
    }

    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Start of the last pause of 120 ms that begins in the unsent audio before `limit`, 20 ms into it.
    fn last_pause(&self, limit: u64) -> Option<u64> {
        let (first, last) = ((self.sent - self.base) as usize, (limit - self.base) as usize);
        let last = last.min(self.bytes.len());
        let quiet = |from: usize| {
            let mut block = [0; STEP];
            for (out, byte) in block.iter_mut().zip(self.bytes.range(from..from + STEP)) {
                *out = mulaw::decode(*byte);
            }
            Dbfs::of(&block) < PAUSE_LEVEL
        };
        let mut run = 0;
        let mut found = None;
        let mut at = first;
        while at + STEP <= last {
            run = if quiet(at) { run + STEP } else { 0 };
            at += STEP;
            if run >= PAUSE_SAMPLES {
                found = Some(at - run + 2 * STEP);
            }
        }
        found.map(|at| self.base + at as u64)
    }
}
