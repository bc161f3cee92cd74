//! Words of audio: frames, rates, encodings, levels, directions.

mod sample;

use std::fmt;

pub use sample::{to_float, to_pcm};

/// Length of a frame in milliseconds.
pub const FRAME_MS: u64 = 20;
/// Samples of a frame on the telephone side (8 kHz).
pub const FRAME_SAMPLES: usize = 160;
/// Samples of a frame on a 24 kHz model's side.
pub const WIDE_FRAME_SAMPLES: usize = 480;
/// µ-law code of digital silence.
pub const MULAW_SILENCE: u8 = 0xff;

/// 20 ms of G.711 µ-law at 8 kHz: what the wire carries.
pub type MulawFrame = [u8; FRAME_SAMPLES];
/// 20 ms of 16-bit linear samples at 8 kHz: what the media path works on.
pub type Frame = [i16; FRAME_SAMPLES];

/// Samples a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The telephone line.
    pub const TELEPHONE: Self = Self(8_000);
    /// Realtime models that speak 16-bit PCM.
    pub const WIDE: Self = Self(24_000);
    /// Slowest and fastest rate that a recording may have.
    pub const BOUNDS: std::ops::RangeInclusive<u32> = 4_000..=384_000;

    /// A rate within [`SampleRate::BOUNDS`], else `None`.
    #[must_use]
    pub fn new(hz: u32) -> Option<Self> {
        Self::BOUNDS.contains(&hz).then_some(Self(hz))
    }

    /// Samples a second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// How samples travel between us and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// G.711 µ-law, 8 kHz, one byte a sample (PCMU on the wire).
    Mulaw,
    /// 16-bit linear, 24 kHz, little endian.
    Pcm24k,
}

/// Direction of audio: never uplink, ingress or rx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Caller to us.
    Inbound,
    /// Us to the caller.
    Outbound,
}

/// A level in dB below full scale of a 16-bit sample (RMS unless said otherwise); 0 is a full-scale square wave.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Dbfs(f32);

impl Dbfs {
    /// The level of digital silence: below anything that G.711 can carry.
    pub const SILENCE: Self = Self(-96.0);

    /// From decibels; values below [`Dbfs::SILENCE`] and NaN are silence.
    #[must_use]
    pub fn new(db: f32) -> Self {
        Self(db.max(Self::SILENCE.0))
    }

    /// From mean power, 1.0 being full scale.
    #[must_use]
    pub fn from_power(power: f32) -> Self {
        Self::new(10.0 * power.max(1e-12).log10())
    }

    /// RMS level of 16-bit samples; an empty slice is silence.
    #[must_use]
    pub fn of(samples: &[i16]) -> Self {
        if samples.is_empty() {
            return Self::SILENCE;
        }
        let sum: i64 = samples.iter().map(|&s| i64::from(s) * i64::from(s)).sum();
        Self::from_power(sum as f32 / samples.len() as f32 / (32768.0 * 32768.0))
    }

    /// Decibels relative to full scale, zero or less for anything real.
    #[must_use]
    pub const fn db(self) -> f32 {
        self.0
    }

    /// Mean power, 1.0 being full scale.
    #[must_use]
    pub fn power(self) -> f32 {
        10f32.powf(self.0 / 10.0)
    }
}

impl fmt::Display for Dbfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} dBFS", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        assert_eq!(Dbfs::of(&[]), Dbfs::SILENCE);
        assert_eq!(Dbfs::of(&[0; 160]), Dbfs::SILENCE);
        assert!((Dbfs::of(&[-32768; 160]).db()).abs() < 1e-3);
        let sine: Vec<i16> =
            (0..160).map(|i| (16384.0 * (i as f32 * std::f32::consts::TAU / 16.0).sin()) as i16).collect();
        assert!((Dbfs::of(&sine).db() + 9.03).abs() < 0.05, "{}", Dbfs::of(&sine));
        assert_eq!(Dbfs::new(f32::NAN), Dbfs::SILENCE);
    }
}
