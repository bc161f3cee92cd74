//! Voice-activity detection: the [`Vad`] trait, one file a detector, and talkspurts.
//!
//! A detector says of each 20 ms frame whether it holds voice; [`TalkspurtTracker`] makes stretches of speech of
//! these answers, with onset, hangover and back-dated ends. To change the detector, touch this folder only: add a
//! file, a [`Detector`] variant and a line in [`build`]; the contract in `tests.rs` runs against each of them.
//!
//! Detectors are compared on labelled telephone audio by one command, `quietline vad-bench CORPUS` (a folder with
//! `labels.json` and the recordings that it names). It hears them as a call does, echo guard and level floor included.
//! Ends are the error of the last words' end; "uncharged" is what would put a call's end off for nothing, in seconds an hour;
//! times are of two shared cores.
//!
//! | | cascade | silero | webrtc | energy |
//! |---|---|---|---|---|
//! | nobody speaks: a 30 s limit is reached | 19 of 19 | 19 of 19 | 7 of 19 | 7 of 19 |
//! | … false alarms | 0 | 1, 0.1 s | 184, 458.0 s | 267, 444.1 s |
//! | utterances missed, built | 1 of 170 | 1 of 170 | 1 of 170 | 0 of 170 |
//! | … labelled by people | 4 of 77 | 4 of 77 | 0 of 77 | 0 of 77 |
//! | end of the last words, 20 dB and more over noise: median, p95 of the error | 12 ms, 62 ms | 12 ms, 62 ms | 62 ms, 102 ms | 12 ms, 3501 ms |
//! | … all built files: median, p95 | 15 ms, 242 ms | 13 ms, 242 ms | 74 ms, 9981 ms | 24 ms, 1816 ms |
//! | … earliest | -242 ms | -242 ms | -278 ms | -419 ms |
//! | … within 100 ms; lost | 59 of 69; 1 | 58 of 69; 1 | 47 of 69; 0 | 49 of 69; 0 |
//! | talkspurts out of echo | 0, 0 s/h | 0, 0 s/h | 0, 0 s/h | 0, 0 s/h |
//! | talking over echo, 30 dB above: found within 250 ms | 4 of 4 | 4 of 4 | 4 of 4 | 4 of 4 |
//! | … 20 dB above: found within 250 ms | 3 of 3 | 3 of 3 | 3 of 3 | 3 of 3 |
//! | … 10 dB above: found within 500 ms | 4 of 4 | 4 of 4 | 4 of 4 | 4 of 4 |
//! | delay of the echo: median, largest error; not found | 0.3, 2.7 ms; 0 | 0.3, 2.7 ms; 0 | 0.3, 2.7 ms; 0 | 0.3, 2.7 ms; 0 |
//! | loss of the echo: median, largest error; not found | 0.1, 0.4 dB; 0 | 0.1, 0.4 dB; 0 | 0.1, 0.4 dB; 0 | 0.1, 0.4 dB; 0 |
//! | other voices after the caller's, uncharged | 30 s/h | 25 s/h | 669 s/h | 1740 s/h |
//! | … before any caller | 606 s/h | 538 s/h | 504 s/h | 3175 s/h |
//! | a 20 ms frame on one core: silent line | 1.4 µs | 6.3 µs | 0.9 µs | 0.4 µs |
//! | … speech | 7.4 µs | 8.3 µs | 1.0 µs | 0.4 µs |
//! | … speech, 32 calls at once | 5.8 µs | 4.8 µs | 1.3 µs | 0.4 µs |
//! | … speech, without AVX2 and FMA | 13.9 µs | 12.7 µs | 1.0 µs | 0.4 µs |
//!
//! The two ends that come more than 150 ms early are of callers who talk over the agent, 10 and 20 dB above its echo, and
//! whose last words sink into it: nothing tells them from it, and the window stands still while the agent talks. With music or
//! babble 5 to 10 dB below the words, ends come 0.4 to 0.7 s late: the network goes on hearing voices in it.

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
