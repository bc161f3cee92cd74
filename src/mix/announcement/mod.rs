mod activity;
#[cfg(test)]
mod tests;

use std::{iter, ops::Range, sync::Arc, time::Duration};

use self::activity::Activity;
use super::limiter::bend;
use crate::{
    audio::{Dbfs, FRAME_SAMPLES, MULAW_SILENCE, to_float, to_pcm},
    codec::mulaw,
    time::MediaTime,
};

/// Level of the words, pauses not counted.
const TARGET_DBFS: f32 = -20.0;
/// Longest recording, before trimming: 60 s.
const MAX_SAMPLES: usize = 60 * 8_000;
/// Silence kept before the first sound, so that no soft onset is lost: 10 ms.
const LEAD: usize = 80;
/// Silence kept after the last sound: 100 ms.
const TAIL: usize = 800;
/// Fade at both edges: 5 ms.
const EDGE_FADE: usize = 40;
/// Fade at a cut, and how much of a pause a cut leaves: 20 ms.
const CUT_FADE: usize = 160;

/// Audio that we add ourselves (goodbye, reminder, filler), ready to play: 8 kHz µ-law in whole frames.
///
/// Immutable, and cheap to clone: the audio is shared.
#[derive(Clone, Debug)]
pub struct Announcement {
    mulaw: Arc<[u8]>,
    pauses: Arc<[Range<usize>]>,
    /// End of the last sound; silence from there on.
    sound_end: usize,
}

/// Why a recording cannot be an announcement: whoever recorded or configured it has to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// Not a single sample.
    #[error("the announcement is empty")]
    Empty,
    /// More than 60 s.
    #[error("the announcement lasts {seconds} s; 60 s are allowed")]
    TooLong {
        /// Its length, rounded up.
        seconds: usize,
    },
    /// Nowhere above −60 dBFS.
    #[error("the announcement is silence")]
    Silent,
}

/// Where to end an announcement early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Samples that are played.
    pub end_samples: usize,
    /// Whether no word is cut: the end lies in a pause, or after the last word.
    pub at_pause: bool,
}

impl Announcement {
    /// From samples at 8 kHz.
    ///
    /// Takes off silence before the first sound (but for 10 ms) and after the last (but for 100 ms); brings the
    /// words, pauses not counted, to −20 dBFS RMS with peaks bent rather than clipped; fades 5 ms at both edges;
    /// fills the last frame with silence. Material with peaks more than about 22 dB above its RMS stays below −20
    /// dBFS.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 60 s before trimming, or nowhere above −60 dBFS.
    pub fn render(samples: &[i16]) -> Result<Self, AnnouncementError> {
        if samples.is_empty() {
            return Err(AnnouncementError::Empty);
        }
        if samples.len() > MAX_SAMPLES {
            return Err(AnnouncementError::TooLong { seconds: samples.len().div_ceil(8_000) });
        }
        let sound = Activity::of(samples).ok_or(AnnouncementError::Silent)?.sound;
        let start = sound.start.saturating_sub(LEAD);
        let trimmed = &samples[start..samples.len().min(sound.end + TAIL)];

        // Again, for the positions after trimming.
        let activity = Activity::of(trimmed).ok_or(AnnouncementError::Silent)?;
        let mut levelled = levelled(trimmed, &activity);
        fade_in(&mut levelled, EDGE_FADE);
        fade_out(&mut levelled, EDGE_FADE);
        let codes = levelled.into_iter().map(to_pcm).map(mulaw::encode);
        let mulaw = in_frames(codes, trimmed.len());
        Ok(Self { mulaw, pauses: activity.pauses.into(), sound_end: sound.end - start })
    }

    /// From µ-law at 8 kHz, like [`render`](Self::render).
    ///
    /// # Errors
    ///
    /// Those of [`render`](Self::render).
    pub fn from_mulaw(codes: &[u8]) -> Result<Self, AnnouncementError> {
        let samples: Vec<i16> = codes.iter().map(|&code| mulaw::decode(code)).collect();
        Self::render(&samples)
    }

    /// From what another one was made of: [`mulaw`](Self::mulaw), [`pauses`](Self::pauses) and
    /// [`sound_end`](Self::sound_end). `None` if no rendering has such parts.
    #[must_use]
    pub fn from_parts(mulaw: &[u8], pauses: Vec<Range<usize>>, sound_end: usize) -> Option<Self> {
        let is_audio = !mulaw.is_empty()
            && mulaw.len().is_multiple_of(FRAME_SAMPLES)
            && mulaw.len() <= MAX_SAMPLES.next_multiple_of(FRAME_SAMPLES);
        let bounds = pauses.iter().flat_map(|pause| [pause.start, pause.end]).chain([sound_end, mulaw.len()]);
        (is_audio && bounds.is_sorted()).then(|| Self { mulaw: mulaw.into(), pauses: pauses.into(), sound_end })
    }

    /// The audio: a whole number of 160-byte frames, at least one.
    #[must_use]
    pub fn mulaw(&self) -> &Arc<[u8]> {
        &self.mulaw
    }

    /// Pauses of at least 120 ms between words, in samples, in order; found to 5 ms.
    #[must_use]
    pub fn pauses(&self) -> &[Range<usize>] {
        &self.pauses
    }

    /// Where the last sound ends, in samples.
    #[must_use]
    pub const fn sound_end(&self) -> usize {
        self.sound_end
    }

    /// Length in samples, silence at the end included.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.mulaw.len()
    }

    /// Length in time.
    #[must_use]
    pub fn duration(&self) -> Duration {
        MediaTime::from_samples(self.samples() as u64).as_duration()
    }

    /// The best end at or before `limit_samples`.
    ///
    /// All of it if it fits; else 20 ms into the last pause that begins before the limit (less if the limit comes
    /// first); else, without such a pause, the limit itself, which cuts a word.
    #[must_use]
    pub fn cut_before(&self, limit_samples: usize) -> Cut {
        if limit_samples >= self.sound_end {
            return Cut { end_samples: limit_samples.min(self.samples()), at_pause: true };
        }
        let last = self.pauses.iter().rev().find(|pause| pause.start < limit_samples);
        match last {
            Some(pause) => Cut { end_samples: limit_samples.min(pause.start + CUT_FADE), at_pause: true },
            None => Cut { end_samples: limit_samples, at_pause: false },
        }
    }

    /// The audio up to a cut, with a fade over its last 20 ms, filled up with silence to whole frames.
    ///
    /// The whole (shared, not copied) if the cut is at its end or beyond; nothing if it is at 0.
    #[must_use]
    pub fn mulaw_until(&self, cut: Cut) -> Arc<[u8]> {
        if cut.end_samples >= self.samples() {
            return Arc::clone(&self.mulaw);
        }
        let (kept, ending) = self.mulaw[..cut.end_samples].split_at(cut.end_samples.saturating_sub(CUT_FADE));
        let mut ending: Vec<f32> = ending.iter().map(|&code| to_float(mulaw::decode(code))).collect();
        fade_out(&mut ending, CUT_FADE);
        in_frames(kept.iter().copied().chain(ending.into_iter().map(to_pcm).map(mulaw::encode)), cut.end_samples)
    }
}

/// The samples with their words at the target. Bending the peaks takes some level away, so it is made up in rounds.
fn levelled(samples: &[i16], activity: &Activity) -> Vec<f32> {
    let target = Dbfs::new(TARGET_DBFS).power();
    let (mut gain, mut result) = (1.0, Vec::new());
    for _ in 0..8 {
        result = samples.iter().map(|&sample| bend(to_float(sample) * gain)).collect();
        let power = words_power(&result, activity);
        // 0.05 dB.
        if power <= 0.0 || (target / power - 1.0).abs() < 0.012 {
            break;
        }
        gain *= (target / power).sqrt();
    }
    result
}

fn words_power(samples: &[f32], activity: &Activity) -> f32 {
    let count: usize = activity.words().map(|word| word.len()).sum();
    let energy: f64 = activity.words().flat_map(|word| &samples[word]).map(|&s| f64::from(s * s)).sum();
    (energy / count.max(1) as f64) as f32
}

fn fade_in(samples: &mut [f32], length: usize) {
    for (i, sample) in samples.iter_mut().take(length).enumerate() {
        *sample *= i as f32 / length as f32;
    }
}

fn fade_out(samples: &mut [f32], length: usize) {
    for (i, sample) in samples.iter_mut().rev().take(length).enumerate() {
        *sample *= i as f32 / length as f32;
    }
}

fn in_frames(codes: impl Iterator<Item = u8>, length: usize) -> Arc<[u8]> {
    codes.chain(iter::repeat(MULAW_SILENCE)).take(length.next_multiple_of(FRAME_SAMPLES)).collect()
}
