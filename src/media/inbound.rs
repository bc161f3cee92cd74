//! The caller's audio: ring, gaps, decoding, detector, talkspurts.

use std::collections::VecDeque;

use super::{echo::Echo, feed::Feed, line::samples};
use crate::{
    audio::{Dbfs, FRAME_SAMPLES, Frame, MULAW_SILENCE, MulawFrame},
    call::LATE_MEDIA,
    codec::mulaw,
    ring::{RingConsumer, RingProducer, byte_ring},
    time::MediaTime,
    vad::{Batch, FrameHeard, SpurtId, Talkspurt, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker, Vad},
};

/// Frames worked off in one tick at the most: a burst takes longer, a shard's other calls go on.
pub const FRAMES_PER_TICK: usize = 8;
/// Audio that may wait to be worked off: 4 s.
const WAITING_MAX: usize = 4 * 8_000;
/// Room for it in usual times: 240 ms. A burst takes more where it arrives.
const ROOM: usize = 12 * FRAME_SAMPLES;
/// Gaps known at once; a further one joins the last.
const GAPS: usize = 32;
/// A carrier's time stamps lie near, not on, steps of 20 ms: less than this is no gap.
const GAP_MIN_MS: i64 = 60;
/// Stamps may run ahead of the clock by this much before they are taken for nonsense.
const AHEAD_MS: u64 = 1000;
/// Of a longer gap the model gets only this much as silence.
const PADDED: u64 = 10 * 8_000;
/// A key's tone may have begun this long before its message, and last this long after it.
const TONE_BEFORE: u64 = 400 * 8;
const TONE_AFTER: u64 = 200 * 8;

const FRAME: u64 = FRAME_SAMPLES as u64;

/// What was lost or padded on the way in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboundCounters {
    /// Samples that never came (time stamps show it), taken as silence.
    pub gap_samples: u64,
    /// Bytes that found too much waiting.
    pub dropped_bytes: u64,
    /// Time stamps that made no sense.
    pub bad_timestamps: u64,
}

/// A stretch that never came: `samples` of it before the byte number `before` of the ring.
#[derive(Clone, Copy, Debug)]
struct Gap {
    before: u64,
    samples: u64,
}

pub(super) struct Inbound {
    producer: RingProducer,
    consumer: RingConsumer,
    /// Bytes that ever went into the ring, and came out.
    pushed: u64,
    popped: u64,
    gaps: VecDeque<Gap>,
    /// Samples of the stream so far, gaps included.
    received: MediaTime,
    /// The time stamp that belongs to the stream's first sample.
    base_ms: Option<i64>,
    /// The next payload tells anew where the stream is.
    begins: bool,
    processed: MediaTime,
    partial: MulawFrame,
    partial_len: usize,
    /// The frame in `partial` is complete, so many of its samples were received, and the detector has been offered it.
    offered: Option<usize>,
    vad: Box<dyn Vad>,
    tracker: TalkspurtTracker,
    counters: InboundCounters,
}

impl Inbound {
    pub(super) fn new(config: TalkspurtConfig, vad: Box<dyn Vad>) -> Self {
        let (producer, consumer) = byte_ring(ROOM);
        Self {
            producer,
            consumer,
            pushed: 0,
            popped: 0,
            gaps: VecDeque::with_capacity(2),
            received: MediaTime::ZERO,
            base_ms: None,
            begins: true,
            processed: MediaTime::ZERO,
            partial: [MULAW_SILENCE; FRAME_SAMPLES],
            partial_len: 0,
            offered: None,
            vad,
            tracker: TalkspurtTracker::new(config),
            counters: InboundCounters::default(),
        }
    }

    pub(super) fn processed(&self) -> MediaTime {
        self.processed
    }

    pub(super) fn open(&self) -> Option<&Talkspurt> {
        self.tracker.open()
    }

    pub(super) fn counters(&self) -> InboundCounters {
        let dropped_bytes = self.counters.dropped_bytes + self.producer.dropped_bytes();
        InboundCounters { dropped_bytes, ..self.counters }
    }

    /// Takes a payload in; `latest` is where the media could be at most. Gives the position after it.
    pub(super) fn receive(&mut self, timestamp_ms: Option<u64>, payload: &[u8], latest: MediaTime) -> MediaTime {
        let missing = match timestamp_ms {
            _ if self.begins => self.begin(timestamp_ms, payload, latest),
            Some(ms) => self.missing(ms, latest),
            None => 0,
        };
        if missing > 0 {
            self.counters.gap_samples += missing;
            self.add_gap(missing);
        }
        let waiting = self.producer.len() + payload.len();
        if waiting > self.producer.capacity() && waiting <= WAITING_MAX {
            self.change_ring(waiting.next_power_of_two().min(WAITING_MAX));
        }
        if self.producer.push_or_drop(payload) {
            self.pushed += payload.len() as u64;
        } else {
            // Counted by the ring; the media clock goes on.
            self.add_gap(payload.len() as u64);
        }
        self.received += missing + payload.len() as u64;
        self.received
    }

    /// Samples of the gaps that are still to be worked off.
    pub(super) fn missing_samples(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.samples).sum()
    }

    /// Gives back what a burst has needed.
    pub(super) fn make_room(&mut self) {
        if self.producer.capacity() > ROOM && self.producer.is_empty() {
            self.change_ring(ROOM);
        }
    }

    /// Another ring, with what waits in this one.
    fn change_ring(&mut self, capacity: usize) {
        let (mut producer, consumer) = byte_ring(capacity);
        let mut block = [0; FRAME_SAMPLES];
        loop {
            let n = self.consumer.pop_slice(&mut block);
            if n == 0 {
                break;
            }
            producer.push_or_drop(&block[..n]);
        }
        self.counters.dropped_bytes += self.producer.dropped_bytes();
        (self.producer, self.consumer) = (producer, consumer);
    }

    /// The stream was opened again: its time stamps have nothing to do with those before.
    pub(super) fn reopened(&mut self) {
        self.begins = true;
    }

    /// A stream whose first frame comes late began in silence. Its stamp, whatever it is, belongs there.
    fn begin(&mut self, timestamp_ms: Option<u64>, payload: &[u8], latest: MediaTime) -> u64 {
        self.begins = false;
        let before = self.received.samples();
        let silence = latest.samples().saturating_sub(before + payload.len() as u64);
        let silence = if silence < GAP_MIN_MS as u64 * 8 { 0 } else { silence / FRAME * FRAME };
        let stamp = timestamp_ms.and_then(|ms| i64::try_from(ms).ok());
        self.base_ms = stamp.map(|ms| ms - ((before + silence) / 8) as i64);
        silence
    }

    /// Samples between what came before and this time stamp, in whole frames.
    fn missing(&mut self, timestamp_ms: u64, latest: MediaTime) -> u64 {
        let Ok(stamp) = i64::try_from(timestamp_ms) else {
            self.counters.bad_timestamps += 1;
            return 0;
        };
        let position = (self.received.samples() / 8) as i64;
        let base = *self.base_ms.get_or_insert(stamp - position);
        let ahead = stamp.saturating_sub(base).saturating_sub(position);
        if ahead <= -GAP_MIN_MS {
            // Stamps began anew.
            self.counters.bad_timestamps += 1;
            self.base_ms = Some(stamp - position);
            return 0;
        }
        if ahead < GAP_MIN_MS {
            return 0;
        }
        let room = (latest.samples() / 8 + AHEAD_MS).saturating_sub(position as u64);
        if ahead as u64 > room {
            self.counters.bad_timestamps += 1;
            self.base_ms = Some(stamp - position);
            return 0;
        }
        (ahead as u64 + 10) / 20 * FRAME
    }

    fn add_gap(&mut self, samples: u64) {
        let full = self.gaps.len() == GAPS;
        match self.gaps.back_mut() {
            Some(last) if full || last.before == self.pushed => last.samples += samples,
            Some(_) | None => self.gaps.push_back(Gap { before: self.pushed, samples }),
        }
    }

    /// A whole frame can be worked off.
    pub(super) fn has_frame(&self) -> bool {
        self.received.samples() >= self.processed.samples() + FRAME
    }

    /// No frame has come although the line's time is `now`: silence ends the talkspurt under way. A frame that is
    /// only late begins a new one.
    pub(super) fn lull(&mut self, now: MediaTime) -> Option<TalkspurtEvent> {
        if self.has_frame() || now.samples() < self.processed.samples() + samples(LATE_MEDIA) {
            return None;
        }
        let [ended, _] = self.tracker.push(now, FrameHeard::NOTHING);
        ended
    }

    /// Offers the detector the next frame, so that its work can be done together with that of other calls.
    pub(super) fn offer(&mut self, feed: &mut Feed, batch: &mut Batch) {
        if self.offered.is_some() || !self.has_frame() {
            return;
        }
        self.skip_long_gap(feed);
        let received = self.fill();
        self.offered = Some(received);
        if received > 0 {
            self.vad.offer(&self.decoded(), batch);
        }
    }

    /// Takes back what the detector put into the batch.
    pub(super) fn collect(&mut self, batch: &Batch) {
        self.vad.collect(batch);
    }

    fn decoded(&self) -> Frame {
        let mut frame: Frame = [0; FRAME_SAMPLES];
        mulaw::decode_into(&self.partial, &mut frame);
        frame
    }

    /// Works off the next frame. Frames that never came go by with it: after a gap the caller is heard at once.
    pub(super) fn next_frame(&mut self, echo: &mut Echo, feed: &mut Feed) -> Option<[Option<TalkspurtEvent>; 2]> {
        while self.has_frame() {
            let (events, missing) = self.one_frame(echo, feed);
            if !missing || events != [None; 2] || !self.has_frame() {
                return Some(events);
            }
        }
        None
    }

    /// The next frame's events, and whether it never came.
    fn one_frame(&mut self, echo: &mut Echo, feed: &mut Feed) -> ([Option<TalkspurtEvent>; 2], bool) {
        let heard_samples = self.offered.take().unwrap_or_else(|| {
            self.skip_long_gap(feed);
            self.fill()
        });
        let at = self.processed;
        self.processed += FRAME;
        self.partial_len = 0;
        feed.push(&self.partial);
        if heard_samples == 0 {
            return (self.tracker.push(at, FrameHeard::NOTHING), true);
        }
        let frame = self.decoded();
        let level = Dbfs::of(&frame);
        let foreign = echo.is_ours(at, &frame, level);
        let heard = FrameHeard::of(self.vad.process(&frame), level);
        (self.tracker.push(at, FrameHeard { voiced: heard.voiced && !foreign, foreign, ..heard }), false)
    }

    /// Silence of a long gap that nobody needs: neither detector nor model.
    fn skip_long_gap(&mut self, feed: &mut Feed) {
        let at = self.popped;
        if self.partial_len > 0 {
            return;
        }
        if let Some(gap) = self.gaps.front_mut().filter(|gap| gap.before == at && gap.samples > PADDED) {
            let skipped = (gap.samples - PADDED) / FRAME * FRAME;
            gap.samples -= skipped;
            self.processed += skipped;
            feed.skip(skipped);
        }
    }

    /// Fills the frame from gaps and ring; tells how many of its samples were received.
    fn fill(&mut self) -> usize {
        let mut received = 0;
        while self.partial_len < FRAME_SAMPLES {
            let room = &mut self.partial[self.partial_len..];
            if let Some(gap) = self.gaps.front_mut().filter(|gap| gap.before == self.popped) {
                let n = room.len().min(usize::try_from(gap.samples).unwrap_or(usize::MAX));
                room[..n].fill(MULAW_SILENCE);
                gap.samples -= n as u64;
                if gap.samples == 0 {
                    self.gaps.pop_front();
                }
                self.partial_len += n;
                continue;
            }
            let until_gap = self.gaps.front().map_or(u64::MAX, |gap| gap.before - self.popped);
            let n = room.len().min(usize::try_from(until_gap).unwrap_or(usize::MAX));
            let n = self.consumer.pop_slice(&mut room[..n]);
            if n == 0 {
                // `has_frame` said otherwise: count nothing twice, go on with silence.
                debug_assert!(false, "the ring is short of a frame");
                room.fill(MULAW_SILENCE);
                self.partial_len = FRAME_SAMPLES;
                break;
            }
            self.popped += n as u64;
            self.partial_len += n;
            received += n;
        }
        received
    }

    /// The key reported at `at` sounds around then.
    pub(super) fn ignore_tone(&mut self, at: MediaTime) -> Option<SpurtId> {
        let from = MediaTime::from_samples(at.samples().saturating_sub(TONE_BEFORE));
        self.tracker.discard(from, at + TONE_AFTER).map(|spurt| spurt.id)
    }
}
