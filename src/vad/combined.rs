use super::{Energy, Vad, VadFrame, Webrtc};
use crate::audio::Frame;

/// Voice where [`Energy`] hears it and [`Webrtc`] does or did within the last 60 ms.
///
/// The energy detector has no hold of its own, so an end is found to a frame or two; the other one keeps out what is
/// merely loud. The score is the energy's, halved where the other one disagrees.
pub struct Combined {
    webrtc: Webrtc,
    energy: Energy,
    /// Frames for which `webrtc` is still believed.
    believed: u8,
}

impl Combined {
    /// A detector that has heard nothing. Allocates, in C.
    ///
    /// # Panics
    ///
    /// If the C library cannot allocate.
    #[must_use]
    pub fn new() -> Self {
        Self { webrtc: Webrtc::new(), energy: Energy::new(), believed: 0 }
    }
}

/// Frames for which the other detector's voice is believed after it ended. On the corpus of labelled telephone audio, 0 lost
/// 0.6 % of the built utterances (the quietest) and 3 none, for 894 instead of 852 s an hour heard where nobody spoke.
const BELIEVED_FRAMES: u8 = 3;

impl Default for Combined {
    fn default() -> Self {
        Self::new()
    }
}

impl Vad for Combined {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let (webrtc, energy) = (self.webrtc.process(frame), self.energy.process(frame));
        let agreed = webrtc.voiced || self.believed > 0;
        self.believed = if webrtc.voiced { BELIEVED_FRAMES } else { self.believed.saturating_sub(1) };
        let score = if agreed { energy.score } else { 0.5 * energy.score };
        VadFrame { voiced: agreed && energy.voiced, score }
    }

    fn reset(&mut self) {
        self.webrtc.reset();
        self.energy.reset();
        self.believed = 0;
    }
}
