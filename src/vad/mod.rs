//! Voice-activity detection: the [`Vad`] trait, one file a detector, and talkspurts.
//!
//! A detector says of each 20 ms frame whether it holds voice; [`TalkspurtTracker`] makes stretches of speech of
//! these answers, with onset, hangover and back-dated ends. To change the detector, touch this folder only: add a
//! file, a [`Detector`] variant and a line in [`build`]; the contract in `tests.rs` runs against each of them.
//!
//! Detectors are compared on labelled telephone audio. In a folder with the corpus (`audio/*.ulaw`, `labels.json`) and
//! its referee (`vad_score.py`, which leaves out the `*.bot.ulaw` there), one line prints a detector's table:
//!
//! ```text
//! quietline vad audio/*.ulaw --jsonl --detector combined | python3 vad_score.py --labels labels.json --pred -
//! ```

mod combined;
mod energy;
mod talkspurt;
#[cfg(test)]
mod tests;
mod webrtc;

pub use combined::Combined;
pub use energy::Energy;
pub use talkspurt::{SpurtId, Talkspurt, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker};
pub use webrtc::Webrtc;

use crate::audio::Frame;

/// A detector's answer for one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadFrame {
    /// The frame holds voice.
    pub voiced: bool,
    /// The detector's score, 0 (no voice) to 1 (voice); a hard detector gives 0 or 1.
    pub score: f32,
}

/// A voice-activity detector of one call's inbound track, at 8 kHz.
///
/// Frames are given in order. After [`Vad::reset`] a detector answers as a new one would. `process` neither
/// allocates nor blocks; any samples are allowed.
pub trait Vad {
    /// Judges the next 20 ms.
    fn process(&mut self, frame: &Frame) -> VadFrame;
    /// Forgets everything heard: detectors live in a pool and are reused by the next call.
    fn reset(&mut self);
}

/// Which detector to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detector {
    /// `webrtc-vad` alone.
    Webrtc,
    /// Adaptive energy alone.
    Energy,
    /// Voice where both agree that there is any: the default.
    #[default]
    Combined,
}

impl Detector {
    /// Every detector, in the order in which they are listed to users.
    pub const ALL: [Self; 3] = [Self::Combined, Self::Webrtc, Self::Energy];

    /// The name on command lines and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webrtc => "webrtc",
            Self::Energy => "energy",
            Self::Combined => "combined",
        }
    }
}

impl std::str::FromStr for Detector {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|d| d.name() == s).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|d| d.name()).collect();
            format!("no detector is called {s:?}; there are {}", names.join(", "))
        })
    }
}

/// Builds a detector. Allocates: do it when a shard starts, not in a tick.
#[must_use]
pub fn build(detector: Detector) -> Box<dyn Vad> {
    match detector {
        Detector::Webrtc => Box::new(Webrtc::new()),
        Detector::Energy => Box::new(Energy::new()),
        Detector::Combined => Box::new(Combined::new()),
    }
}
