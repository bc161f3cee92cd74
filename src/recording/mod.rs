//! Recordings of phone calls, read from bytes: m4a (AAC-LC), MP3, WAV, Ogg Vorbis, and raw G.711.
//!
//! [`read`] decodes a whole file to samples in step with what the recorder heard: an m4a's edit list is honoured
//! (symphonia parses it but does not use it), and the delay that an MP3's LAME tag or a Vorbis stream names is
//! trimmed. An MP3 without a LAME tag says nothing of its encoder's delay and comes up to 1105 samples late.
//! [`Recording::telephone`] brings it to the line's 8 kHz. Nothing here opens a file: give it the bytes.

mod decode;
mod edit_list;
mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use error::RecordingError;

use crate::{
    audio::SampleRate,
    codec::{alaw, mulaw},
    resample,
};

/// Longest recording that is read.
pub const MAX_LENGTH: Duration = Duration::from_secs(8 * 3600);

/// A decoded recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Rate of every channel.
    pub rate: SampleRate,
    /// One channel or two (left, right), equally long and not empty; full scale is -1 to 1.
    pub channels: Vec<Vec<f32>>,
}

/// Which part of a recording to listen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The mean of all channels; of a mono recording, its only one.
    #[default]
    Mix,
    /// The first channel; of a mono recording, its only one.
    Left,
    /// The second channel.
    Right,
}

/// Decodes a recording.
///
/// `name_hint` is the file's name: one that ends in `.ulaw`, `.mulaw` or `.ul` (`.alaw`, `.al`), in either case, is
/// taken for raw G.711 at 8 kHz and not looked into. Every other name is ignored, the content decides.
///
/// # Errors
///
/// [`RecordingError`], for everything that is not a recording of one or two channels, at a rate within
/// [`SampleRate::BOUNDS`], and at most [`MAX_LENGTH`] long. Damage in the middle is an error too: what follows would
/// no longer be in step.
pub fn read(bytes: Vec<u8>, name_hint: &str) -> Result<Recording, RecordingError> {
    if bytes.is_empty() {
        return Err(RecordingError::Empty);
    }
    match raw_codec(name_hint) {
        Some(codec) => read_raw(&bytes, codec),
        None => contained(|| decode::decode(&bytes)),
    }
}

/// Makes damage of a panic: symphonia's parsers still have some for altered heads (an overflow in a WAV's `fmt ` chunk,
/// found by the tests below), and a file must not bring us down. Nothing that `decode` touches outlives it.
fn contained(decode: impl FnOnce() -> Result<Recording, RecordingError>) -> Result<Recording, RecordingError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(RecordingError::Damaged {
            at: Duration::ZERO,
            reason: "its numbers make no sense to the decoder".to_owned(),
        })
    })
}

impl Recording {
    /// Its length.
    #[must_use]
    pub fn length(&self) -> Duration {
        let samples = self.channels.first().map_or(0, Vec::len);
        Duration::from_secs_f64(samples as f64 / f64::from(self.rate.hz()))
    }

    /// One channel at 8 kHz. G.711 at 8 kHz comes out exactly as it decodes.
    ///
    /// # Errors
    ///
    /// [`RecordingError::NoSuchChannel`] for the right channel of a mono recording, [`RecordingError::Resample`] if
    /// the rate cannot be converted.
    pub fn telephone(&self, channel: Channel) -> Result<Vec<i16>, RecordingError> {
        let samples = resample::whole(&self.channel(channel)?, self.rate, SampleRate::TELEPHONE)?;
        Ok(samples.iter().map(|&x| to_i16(x)).collect())
    }

    fn channel(&self, channel: Channel) -> Result<std::borrow::Cow<'_, [f32]>, RecordingError> {
        match (channel, self.channels.as_slice()) {
            (Channel::Mix | Channel::Left, [only]) => Ok(only.into()),
            (Channel::Left, [left, ..]) => Ok(left.into()),
            (Channel::Right, [_, right, ..]) => Ok(right.into()),
            (Channel::Mix, [left, right]) => Ok(left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect()),
            (_, channels) => Err(RecordingError::NoSuchChannel { channels: channels.len() }),
        }
    }
}

type G711 = fn(u8) -> i16;

fn raw_codec(name: &str) -> Option<G711> {
    let (_, extension) = name.rsplit_once('.')?;
    let is = |names: &[&str]| names.iter().any(|n| extension.eq_ignore_ascii_case(n));
    if is(&["ulaw", "mulaw", "ul"]) {
        Some(mulaw::decode)
    } else if is(&["alaw", "al"]) {
        Some(alaw::decode)
    } else {
        None
    }
}

fn read_raw(bytes: &[u8], codec: G711) -> Result<Recording, RecordingError> {
    check_length(bytes.len(), SampleRate::TELEPHONE)?;
    let samples = bytes.iter().map(|&code| f32::from(codec(code)) / FULL_SCALE).collect();
    Ok(Recording { rate: SampleRate::TELEPHONE, channels: vec![samples] })
}

const FULL_SCALE: f32 = 32768.0;

/// Rounds; what lies outside is clipped, NaN is 0.
fn to_i16(x: f32) -> i16 {
    (x * FULL_SCALE).round() as i16
}

fn check_length(samples: usize, rate: SampleRate) -> Result<(), RecordingError> {
    let most = u64::from(rate.hz()) * MAX_LENGTH.as_secs();
    if samples as u64 > most { Err(RecordingError::TooLong) } else { Ok(()) }
}
