//! quietline: a phone gateway that knows when a caller has gone quiet.
#![forbid(unsafe_code)]

pub mod assistant;
pub mod audio;
pub mod call;
pub mod carrier;
pub mod codec;
pub mod lab;
pub mod media;
pub mod mix;
pub mod model;
pub mod recording;
pub mod replay;
pub mod resample;
pub mod ring;
pub mod session;
pub mod silence;
pub mod time;
pub mod tts;
pub mod vad;
