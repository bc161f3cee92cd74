use std::{
    fmt,
    ops::{Add, AddAssign},
    time::Duration,
};

/// Media time: samples at 8 kHz since the stream's first frame. Speech boundaries and silence are measured on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The stream's first sample.
    pub const ZERO: Self = Self(0);
    /// Samples in a second of media time.
    pub const SAMPLES_PER_SECOND: u64 = 8_000;

    /// From samples at 8 kHz.
    #[must_use]
    pub const fn from_samples(samples: u64) -> Self {
        Self(samples)
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * Self::SAMPLES_PER_SECOND / 1000)
    }

    /// Samples at 8 kHz since the stream's first.
    #[must_use]
    pub const fn samples(self) -> u64 {
        self.0
    }

    /// The same as a duration since the stream's first sample; exact, a sample is 125 µs.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_micros(self.0 * 125)
    }

    /// Microseconds since the stream's first sample.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 * 125
    }

    /// Milliseconds since the stream's first sample, with their fraction.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 8.0
    }

    /// Media time since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0) * 125)
    }
}

impl Add<u64> for MediaTime {
    type Output = Self;
    /// Moves on by `samples`.
    fn add(self, samples: u64) -> Self {
        Self(self.0 + samples)
    }
}

impl AddAssign<u64> for MediaTime {
    fn add_assign(&mut self, samples: u64) {
        self.0 += samples;
    }
}

impl fmt::Display for MediaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_args!("{}.{:03}", self.0 / 8000, self.0 % 8000 / 8).to_string();
        f.pad(&text)
    }
}
