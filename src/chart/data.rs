use std::time::Duration;

use serde::Serialize;

use super::{Events, wave};
use crate::{
    audio::{Dbfs, FRAME_MS},
    codec::mulaw,
};

/// Samples of a bucket where the sound itself is not in the data: 8 ms.
const BUCKET: usize = 64;
/// Added to the level of a voiced frame.
const VOICED: u8 = 0x80;

/// What the detector said of one frame of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceFrame {
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// The frame holds voice.
    pub voiced: bool,
    /// Its level.
    pub level: Dbfs,
}

/// What is really in a call, in stretches of milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Speech {
    /// The caller's speech.
    pub caller: Vec<(f64, f64)>,
    /// The agent's.
    pub agent: Vec<(f64, f64)>,
}

/// How the sound is kept in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// All of it: it can be played, and takes 1.3 MB a minute.
    Whole,
    /// Its outline alone: 40 kB a minute.
    Outline,
}

/// All that a chart in a page needs; the keys are told in [the module's text](super).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Data<'a> {
    duration_ms: f64,
    timeout_ms: f64,
    waves: Waves,
    trace: Option<Trace>,
    truth: Option<&'a Speech>,
    #[serde(flatten)]
    events: &'a Events,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Waves {
    caller: Wave,
    heard: Wave,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Wave {
    Whole { mulaw: String },
    Outline { envelope: String, bucket: usize },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Trace {
    frame_ms: u64,
    score: String,
    level: String,
}

impl<'a> Data<'a> {
    /// What caller (`said`) and caller's ear (`heard`) had, both µ-law from the call's start on, and what came of it.
    #[must_use]
    pub fn new(said: &[u8], heard: &[u8], sound: Sound, events: &'a Events, timeout: Duration) -> Self {
        let sounded_ms = said.len().max(heard.len()) as f64 / 8.0;
        Self {
            // The caller's clock may go on a moment after the line was closed.
            duration_ms: (events.end_ms() + 1_000.0).max(sounded_ms.min(events.end_ms() + 2_000.0)),
            timeout_ms: timeout.as_secs_f64() * 1e3,
            waves: Waves { caller: Wave::of(said, sound), heard: Wave::of(heard, sound) },
            trace: None,
            truth: None,
            events,
        }
    }

    /// With what the detector said.
    #[must_use]
    pub fn with_trace(mut self, trace: &[TraceFrame]) -> Self {
        let level = |frame: &TraceFrame| (-frame.level.db()).clamp(0.0, 96.0).round() as u8;
        let levels: Vec<_> = trace.iter().map(|f| level(f) + if f.voiced { VOICED } else { 0 }).collect();
        let scores: Vec<_> = trace.iter().map(|frame| (frame.score.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        let trace = Trace { frame_ms: FRAME_MS, score: base64(&scores), level: base64(&levels) };
        self.trace = (!scores.is_empty()).then_some(trace);
        self
    }

    /// With what is really in the call.
    #[must_use]
    pub fn with_truth(mut self, truth: Option<&'a Speech>) -> Self {
        self.truth = truth;
        self
    }
}

impl Wave {
    fn of(codes: &[u8], sound: Sound) -> Self {
        match sound {
            Sound::Whole => Self::Whole { mulaw: base64(codes) },
            Sound::Outline => {
                let samples: Vec<_> = codes.iter().map(|&code| mulaw::decode(code)).collect();
                Self::Outline { envelope: base64(&wave::envelope(&samples, BUCKET)), bucket: BUCKET }
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}
