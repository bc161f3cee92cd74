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

mod cascade;
mod energy;
mod silero;
mod talkspurt;
#[cfg(test)]
mod tests;
mod webrtc;

pub use cascade::Cascade;
pub use energy::Energy;
pub use silero::Batch;
pub use talkspurt::{FrameHeard, LOOK_BACK, SpurtId, Talkspurt, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker};
pub use webrtc::Webrtc;

use crate::audio::Frame;

/// A detector's answer for one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadFrame {
    /// The frame holds voice.
    pub voiced: bool,
    /// The detector's score, 0 (no voice) to 1 (voice); a hard detector gives 0 or 1.
    pub score: f32,
    /// If it is voiced: so many frames just before it turn out to have been voiced too, at most [`LOOK_BACK`].
    pub back: u8,
}

impl VadFrame {
    /// An answer about this frame alone.
    #[must_use]
    pub const fn new(voiced: bool, score: f32) -> Self {
        Self { voiced, score, back: 0 }
    }
}

/// A voice-activity detector of one call's inbound track, at 8 kHz.
///
/// Frames are given in order. After [`Vad::reset`] a detector answers as a new one would. `process` neither
/// allocates nor blocks; any samples are allowed.
///
/// A neural detector may have its work done together with that of other calls: [`Vad::offer`] the frame that comes next,
/// [`Batch::run`], [`Vad::collect`], and then [`Vad::process`] the same frame. That changes no answer; `process` alone does
/// everything.
pub trait Vad {
    /// Judges the next 20 ms.
    fn process(&mut self, frame: &Frame) -> VadFrame;
    /// Hears the frame that `process` will be given next, and puts into `batch` what can be worked out with others'.
    fn offer(&mut self, _frame: &Frame, _batch: &mut Batch) {}
    /// Takes back what `offer` has put into the batch, which has been run.
    fn collect(&mut self, _batch: &Batch) {}
    /// Forgets everything heard: detectors live in a pool and are reused by the next call.
    fn reset(&mut self);
}

/// Which detector to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detector {
    /// A neural network where a cheap gate is open: the default.
    #[default]
    Cascade,
    /// The network all the time.
    Silero,
    /// `webrtc-vad` alone.
    Webrtc,
    /// Adaptive energy alone.
    Energy,
}

impl Detector {
    /// Every detector, in the order in which they are listed to users.
    pub const ALL: [Self; 4] = [Self::Cascade, Self::Silero, Self::Webrtc, Self::Energy];

    /// The name on command lines and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webrtc => "webrtc",
            Self::Energy => "energy",
            Self::Cascade => "cascade",
            Self::Silero => "silero",
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
        Detector::Cascade => Box::new(Cascade::new()),
        Detector::Silero => Box::new(Cascade::always_open()),
    }
}
