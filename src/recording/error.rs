use std::time::Duration;

use crate::{audio::SampleRate, resample::ResampleError};

/// Why a recording cannot be used. Nearly always the file's fault; each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Not a single byte.
    #[error("the file is empty (0 bytes): was it copied completely?")]
    Empty,
    /// No known format's signature was found.
    #[error(
        "the file is in no format that can be read: give m4a (AAC-LC), WAV (PCM, mu-law, A-law), MP3, Ogg Vorbis, or \
         raw G.711 named .ulaw or .alaw"
    )]
    UnknownFormat,
    /// Opus audio, in whatever container.
    #[error(
        "Opus audio, such as the Ogg/Opus voice notes of messengers, cannot be read: convert it to WAV or m4a first, \
         for example with `ffmpeg -i NOTE.ogg NOTE.wav`"
    )]
    Opus,
    /// A known container with a codec that is not read here.
    #[error("the file's audio codec cannot be read ({0}): convert it to AAC-LC, PCM, MP3 or Vorbis first")]
    UnknownCodec(String),
    /// A container without audio, such as a silent film.
    #[error("the file holds no audio track: is it the right one?")]
    NoAudio,
    /// An audio track without a single sample.
    #[error("the file's audio track is empty: the recorder stopped before it began")]
    NoSamples,
    /// The file is cut off or altered.
    #[error("the file is damaged {:.3} s into it ({reason}): copy it again from where it was recorded", at.as_secs_f64())]
    Damaged {
        /// How much was decoded before, from the track's first sample; zero if the file's head is damaged.
        at: Duration,
        /// What was wrong.
        reason: String,
    },
    /// Longer than [`super::MAX_LENGTH`].
    #[error("the recording is longer than 8 hours: cut it first")]
    TooLong,
    /// A rate outside [`SampleRate::BOUNDS`], in Hz.
    #[error("the recording's rate of {0} Hz is outside {least} to {most} Hz", least = SampleRate::BOUNDS.start(), most = SampleRate::BOUNDS.end())]
    Rate(u32),
    /// More channels than a phone call has sides.
    #[error("the recording has {0} channels, one or two can be read: mix it down first")]
    Channels(usize),
    /// The channel that was asked for is not there.
    #[error("there is no such channel: the recording has {channels}")]
    NoSuchChannel {
        /// Channels of the recording.
        channels: usize,
    },
    /// The recording's rate cannot be brought to 8 kHz.
    #[error("the recording's rate cannot be converted: {0}")]
    Resample(#[from] ResampleError),
}
