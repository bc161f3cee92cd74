use super::{Vad, VadFrame};
/// Placeholder.
#[derive(Debug)]
pub struct Energy;
impl Energy {
    /// New.
    pub fn new() -> Self {
        Self
    }
}
impl Vad for Energy {
    fn process(&mut self, _f: &crate::audio::Frame) -> VadFrame {
        VadFrame { voiced: false, score: 0.0 }
    }
    fn reset(&mut self) {}
}
