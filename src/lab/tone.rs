//! Short tones that measure a way: where they begin is known to the sample, and they are too short to be speech.
//!
//! A caller ([`super::ScriptedCarrier::play_bursts`]) says one about each second. The times between them are random and
//! every caller's own, so that a stand-in for the model can tell whom it hears by nothing but what it hears.

use std::time::Duration;

use crate::{audio::FRAME_SAMPLES, codec::mulaw, time::Timestamp};

/// Frames of a tone: 60 ms, shorter than anything that counts as speech.
const FRAMES: u64 = 3;
/// From one tone's beginning to the next one's, frames: 0.8 to 1.2 s.
const APART: std::ops::Range<u64> = 40..60;
/// Within this time after a beginning there is no other.
const DEAD: Duration = Duration::from_millis(400);
/// One period of 1 kHz: loud from the first sample on.
const PERIOD: [i16; 8] = [3_061, 7_391, 7_391, 3_061, -3_061, -7_391, -7_391, -3_061];
/// Samples from here on are the tone's: neither speech of the stand-ins nor line noise is so loud for long.
const LOUD: u16 = 4_000;

/// A caller's tones.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    random: fastrand::Rng,
    /// Frame in which the latest one begins.
    begins: u64,
    frame: [u8; FRAME_SAMPLES],
}

impl Bursts {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let begins = random.u64(APART);
        Self { random, begins, frame: std::array::from_fn(|n| mulaw::encode(PERIOD[n % PERIOD.len()])) }
    }

    /// Puts what is said in this frame there; frames come in order.
    pub(super) fn fill(&mut self, frame: u64, payload: &mut [u8; FRAME_SAMPLES]) {
        while frame >= self.begins + FRAMES {
            self.begins += self.random.u64(APART);
        }
        if frame >= self.begins {
            *payload = self.frame;
        }
    }
}

/// Listens for tones in one direction of one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ear {
    last: Option<Timestamp>,
}

impl Ear {
    /// A tone begins in this audio, G.711 µ-law, that came at `now`.
    pub(super) fn begins(&mut self, now: Timestamp, codes: &[u8]) -> bool {
        self.loud(now, codes.iter().any(|&code| mulaw::decode(code).unsigned_abs() >= LOUD))
    }

    /// The same of 16-bit audio, little-endian.
    pub(super) fn begins_in_pcm(&mut self, now: Timestamp, bytes: &[u8]) -> bool {
        let mut samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        self.loud(now, samples.any(|sample| sample.unsigned_abs() >= LOUD))
    }

    fn loud(&mut self, now: Timestamp, loud: bool) -> bool {
        let begins = loud && self.last.is_none_or(|last| now - last > DEAD);
        if begins {
            self.last = Some(now);
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::MULAW_SILENCE;

    fn beginnings(seed: u64) -> Vec<u64> {
        let (mut bursts, mut ear, mut found) = (Bursts::new(seed), Ear::default(), Vec::new());
        for frame in 0..1_000 {
            let mut payload = [MULAW_SILENCE; FRAME_SAMPLES];
            bursts.fill(frame, &mut payload);
            if ear.begins(Timestamp::from_millis(frame * 20), &payload) {
                found.push(frame);
            }
        }
        found
    }

    #[test]
    fn every_caller_has_their_own_pattern_and_each_tone_begins_once() {
        let (one, other) = (beginnings(1), beginnings(2));
        assert_eq!(one, beginnings(1));
        assert_ne!(one, other);
        assert!((16..=25).contains(&one.len()), "{one:?}");
        assert!(one.windows(2).all(|pair| APART.contains(&(pair[1] - pair[0]))), "{one:?}");
    }

    #[test]
    fn a_tone_is_three_frames_of_sound() {
        let mut bursts = Bursts::new(3);
        let mut frame_of = |frame| {
            let mut payload = [MULAW_SILENCE; FRAME_SAMPLES];
            bursts.fill(frame, &mut payload);
            payload
        };
        let loud: Vec<_> = (0..APART.end).filter(|&frame| frame_of(frame)[1] != MULAW_SILENCE).collect();
        assert!(loud.len() <= 3 && loud.windows(2).all(|pair| pair[1] == pair[0] + 1), "{loud:?}");
    }

    #[test]
    fn quiet_is_no_tone_in_either_format() {
        let mut ear = Ear::default();
        assert!(!ear.begins(Timestamp::ZERO, &[MULAW_SILENCE; 160]));
        assert!(!ear.begins_in_pcm(Timestamp::ZERO, &3_999_i16.to_le_bytes()));
        assert!(ear.begins_in_pcm(Timestamp::ZERO, &(-4_000_i16).to_le_bytes()));
        assert!(!ear.begins_in_pcm(Timestamp::from_millis(60), &i16::MIN.to_le_bytes()), "the same one");
        assert!(ear.begins_in_pcm(Timestamp::from_millis(800), &i16::MIN.to_le_bytes()));
    }
}
