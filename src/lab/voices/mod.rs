//! Stand-ins for the vendors' voices on real sockets.

mod synth;

pub use synth::{CHARACTER_MS, speech, speech_ms};
