//! quietline: a phone gateway that knows when a caller has gone quiet.
#![forbid(unsafe_code)]

pub mod audio;
pub mod codec;
pub mod mix;
pub mod recording;
pub mod resample;
pub mod ring;
pub mod time;
pub mod vad;
