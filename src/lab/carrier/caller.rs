//! The caller's side of a scripted carrier: what is said, frame by frame.

use std::sync::Arc;

use super::{CarrierNews, Due, ScriptedCarrier};
use crate::{
    audio::{FRAME_SAMPLES, MULAW_SILENCE, to_float, to_pcm},
    codec::mulaw,
    lab::tone::Bursts,
    time::Timestamp,
};

/// A recording that several callers share.
#[derive(Debug)]
pub(super) struct Tape {
    mulaw: Arc<[u8]>,
    repeats: bool,
}

impl ScriptedCarrier {
    /// The caller is heard with these samples from `at_ms` of the stream on, added to what is there.
    pub fn say(&mut self, at_ms: u64, samples: &[i16]) {
        let from = at_ms as usize * 8;
        if self.caller.len() < from + samples.len() {
            self.caller.resize(from + samples.len(), 0);
        }
        for (sum, &sample) in self.caller[from..].iter_mut().zip(samples) {
            *sum = to_pcm(to_float(*sum) + to_float(sample));
        }
    }

    /// The caller is heard with this recording, G.711 µ-law, from the stream's start on; once, or again and again.
    ///
    /// For load: many callers share one recording. What [`ScriptedCarrier::say`] adds is mixed in, but
    /// [`ScriptedCarrier::said`] knows nothing of the recording.
    pub fn play_tape(&mut self, mulaw: Arc<[u8]>, repeats: bool) {
        self.tape = Some(Tape { mulaw, repeats }).filter(|tape| !tape.mulaw.is_empty());
    }

    /// The caller says a tone of 60 ms about each second, in a pattern that belongs to this seed: to measure with. Takes
    /// the place of a recording.
    pub fn play_bursts(&mut self, seed: u64) {
        self.bursts = Some(Bursts::new(seed));
    }

    /// The recording, or the tones, are over at `at`: the line is silent from the next frame on.
    pub fn fall_silent(&mut self, at: Timestamp) {
        self.silent_from = at;
    }

    pub(super) fn schedule_frame(&mut self) {
        let ideal = self.start + self.carrier_time((self.frame + 1) * 20_000);
        let late = self.trouble.jitter.mul_f32(self.random.f32());
        let stalled = self.stalls.iter().filter(|(from, to)| (*from..*to).contains(&ideal)).map(|(_, to)| *to).max();
        let arrival = (ideal + late).max(self.last_arrival).max(stalled.unwrap_or(ideal));
        self.last_arrival = arrival;
        self.at(arrival, Due::Frame);
    }

    pub(super) fn frame_arrives(&mut self) -> Option<CarrierNews> {
        let frame = self.frame;
        self.frame += 1;
        self.schedule_frame();
        if self.last_arrival > self.silent_from {
            (self.tape, self.bursts) = (None, None);
        }
        let nothing = self.no_frames.iter().any(|(from, to)| (*from..*to).contains(&(frame * 20)));
        if nothing || self.random.f32() < self.trouble.loss {
            return None;
        }
        let mut payload = [MULAW_SILENCE; FRAME_SAMPLES];
        let from = frame as usize * FRAME_SAMPLES;
        if let Some(tape) = &self.tape {
            tape.copy(from, &mut payload);
        }
        if let Some(bursts) = &mut self.bursts {
            bursts.fill(frame, &mut payload);
        }
        for (code, &sample) in payload.iter_mut().zip(self.caller.get(from..).unwrap_or(&[])) {
            *code = match self.tape.is_some() || self.bursts.is_some() {
                false => mulaw::encode(sample),
                true if sample == 0 => *code,
                true => mulaw::encode(to_pcm(to_float(mulaw::decode(*code)) + to_float(sample))),
            };
        }
        // As captured: the first is not 0, later ones lie near steps of 20 ms.
        let timestamp_ms = 155 + (frame - self.first_frame) * 20 + frame % 3;
        Some(CarrierNews::Media { timestamp_ms, payload })
    }
}

impl Tape {
    /// The recording from this sample on; nothing after its end unless it repeats.
    fn copy(&self, from: usize, frame: &mut [u8]) {
        let length = self.mulaw.len();
        for (n, code) in frame.iter_mut().enumerate() {
            let at = from + n;
            if let Some(&sample) = self.mulaw.get(if self.repeats { at % length } else { at }) {
                *code = sample;
            }
        }
    }
}
