//! The agent's audio comes in: any length, at 8 kHz µ-law or 24 kHz PCM.

use super::Outbound;
use crate::{
    audio::{Encoding, WIDE_FRAME_SAMPLES},
    call::MediaEvent,
    codec::mulaw,
    model::{ItemId, ResponseId},
    resample::Down,
};

/// Samples that the resampler holds back at most.
const FLUSHED: usize = Down::TRAILS + 1;

impl Outbound {
    pub(in crate::media) fn append(&mut self, response: ResponseId, item: ItemId, payload: &[u8]) {
        if self.backlog.is_dropped(response) {
            return;
        }
        if self.stopped.is_some_and(|kept| self.backlog.end() >= kept) {
            // The model has gone on to something else: nothing will be resumed.
            self.forget_agent();
        }
        let fits = match self.encoding {
            Encoding::Mulaw => self.backlog.append(response, item, payload),
            Encoding::Pcm24k => self.append_wide(response, item, payload),
        };
        if !fits {
            self.counters.refused_bytes += payload.len() as u64;
            self.events.push_back(MediaEvent::BacklogFull { response });
        }
        self.idle_ticks = 0;
    }

    fn append_wide(&mut self, response: ResponseId, item: ItemId, payload: &[u8]) -> bool {
        if self.down_item != Some((response, item)) {
            self.flush_wide();
            self.down_item = Some((response, item));
            if self.stopped.is_none() && self.backlog.is_dry() && payload.len() >= 2 * WIDE_FRAME_SAMPLES {
                // What the resampler holds back of the first frame would keep it from being whole until more comes: of a
                // model that speaks in real time for 20 ms. So the item begins that much later instead.
                self.backlog.append_silence(Down::TRAILS);
            }
        }
        let (down, odd) = (&mut self.down, &mut self.odd);
        self.backlog.append_from(response, item, |narrow| {
            let mut sink = |out: &[i16]| narrow.extend(out.iter().map(|&sample| mulaw::encode(sample)));
            let mut payload = payload;
            if let (Some(low), [high, rest @ ..]) = (*odd, payload) {
                down.push(&[i16::from_le_bytes([low, *high])], &mut sink);
                *odd = None;
                payload = rest;
            }
            let (pairs, last) = payload.as_chunks::<2>();
            let mut block = [0i16; WIDE_FRAME_SAMPLES];
            for pairs in pairs.chunks(block.len()) {
                for (sample, two) in block.iter_mut().zip(pairs) {
                    *sample = i16::from_le_bytes(*two);
                }
                down.push(&block[..pairs.len()], &mut sink);
            }
            if let [last] = last {
                *odd = Some(*last);
            }
            // What is left in the resampler may be fetched by a tick.
            narrow.reserve(FLUSHED);
        })
    }

    /// The item's last samples come out of the resampler.
    pub(super) fn flush_wide(&mut self) {
        let Some((response, item)) = self.down_item.take() else { return };
        let down = &mut self.down;
        self.backlog.append_from(response, item, |narrow| {
            down.finish(&mut |out| narrow.extend(out.iter().map(|&sample| mulaw::encode(sample))));
        });
        self.odd = None;
    }

    pub(in crate::media) fn item_done(&mut self, item: ItemId) {
        if self.down_item.is_some_and(|(_, id)| id == item) {
            self.flush_wide();
        }
        self.backlog.item_done(item);
    }

    pub(in crate::media) fn flush(&mut self) {
        self.flush_wide();
        self.backlog.all_done();
    }

    pub(in crate::media) fn drop_response(&mut self, response: ResponseId) {
        if self.down_item.is_some_and(|(id, _)| id == response) {
            self.down_item = None;
            self.down.reset();
            self.odd = None;
        }
        self.backlog.drop_response(response, self.stopped.is_some());
    }
}
