use super::{Vad, VadFrame};
/// Placeholder.
#[derive(Debug)]
pub struct Webrtc;
impl Webrtc {
    /// New.
    pub fn new() -> Self {
        Self
    }
}
impl Vad for Webrtc {
    fn process(&mut self, _f: &crate::audio::Frame) -> VadFrame {
        VadFrame { voiced: false, score: 0.0 }
    }
    fn reset(&mut self) {}
}
