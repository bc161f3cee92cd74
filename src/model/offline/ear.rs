//! When the caller speaks: a small ear over the appended audio.

use std::time::Duration;

use crate::{
    audio::{Dbfs, FRAME_SAMPLES, Frame, MulawFrame},
    codec::mulaw,
    model::AppendedSpan,
    time::MediaTime,
    vad::{Energy, FrameHeard, Talkspurt, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker, Vad},
};

/// Voiced time from which a turn has begun, and silence after which it is over.
const TURN: TalkspurtConfig =
    TalkspurtConfig { min_speech: Duration::from_millis(100), hangover: Duration::from_millis(500) };
/// A turn that does not end (music, a machine) is taken as it is after this time.
const LONGEST_TURN: Duration = Duration::from_secs(8);
/// A key's tone begins this long before the key is told, and may sound on for this long: no speech (in samples).
const TONE_BEFORE: u64 = 400 * 8;
const TONE_AFTER: u64 = 200 * 8;

/// What a frame did to the caller's turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sound {
    /// A turn has begun at this millisecond of appended audio.
    Began(u64),
    /// It is over.
    Ended(AppendedSpan),
}

/// Hears turns in caller audio: the level against the noise of the last seconds. Allocates nothing.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    energy: Energy,
    turns: TalkspurtTracker,
    /// The frame under way: audio is appended in any lengths.
    frame: MulawFrame,
    filled: usize,
    /// What was appended, in whole frames.
    heard: MediaTime,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self {
            energy: Energy::new(),
            turns: TalkspurtTracker::new(TURN),
            frame: [0; FRAME_SAMPLES],
            filled: 0,
            heard: MediaTime::ZERO,
        }
    }

    /// Hears caller audio, µ-law, up to where something comes of it; what is left stays in `bytes`.
    pub(super) fn hear(&mut self, bytes: &mut &[u8]) -> Option<Sound> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(FRAME_SAMPLES - self.filled));
            self.frame[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            *bytes = later;
            if self.filled == FRAME_SAMPLES {
                self.filled = 0;
                let sound = self.hear_frame();
                if sound.is_some() {
                    return sound;
                }
            }
        }
        None
    }

    fn hear_frame(&mut self) -> Option<Sound> {
        let mut samples: Frame = [0; FRAME_SAMPLES];
        mulaw::decode_into(&self.frame, &mut samples);
        let voiced = self.energy.process(&samples).voiced;
        let events = self.turns.push(self.heard, FrameHeard::new(voiced, Dbfs::of(&samples)));
        self.heard += FRAME_SAMPLES as u64;
        // One sound a frame at the most: a turn that has just begun does not count yet.
        let sound = events.into_iter().flatten().find_map(|event| match event {
            TalkspurtEvent::Counts(turn) => Some(Sound::Began(ms(turn.start))),
            TalkspurtEvent::Ended(turn) if turn.counts => Some(Sound::Ended(span(&turn))),
            TalkspurtEvent::Began(_) | TalkspurtEvent::Ended(_) => None,
        });
        let too_long = self.turns.open().is_some_and(|turn| turn.counts && turn.span() >= LONGEST_TURN);
        if too_long { self.end_turn() } else { sound }
    }

    /// A turn is under way.
    pub(super) fn in_turn(&self) -> bool {
        self.turns.open().is_some_and(|turn| turn.counts)
    }

    /// Takes the turn under way as it is.
    pub(super) fn end_turn(&mut self) -> Option<Sound> {
        let turn = self.turns.discard(MediaTime::ZERO, MediaTime::ZERO)?;
        turn.counts.then(|| Sound::Ended(span(&turn)))
    }

    /// What was just heard is the tone of a key. Tells whether a turn that was reported is taken away with it.
    pub(super) fn ignore_tone(&mut self) -> bool {
        let from = MediaTime::from_samples(self.heard.samples().saturating_sub(TONE_BEFORE));
        self.turns.discard(from, self.heard + TONE_AFTER).is_some_and(|turn| turn.counts)
    }
}

fn ms(at: MediaTime) -> u64 {
    at.samples() / 8
}

fn span(turn: &Talkspurt) -> AppendedSpan {
    AppendedSpan { start_ms: ms(turn.start), end_ms: ms(turn.end) }
}
