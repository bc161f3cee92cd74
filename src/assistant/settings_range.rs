use std::{fmt, time::Duration};

/// A value outside its bounds: the operator's mistake. Names the setting and both bounds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{setting} = {value} is outside {low}..={high} {unit}")]
pub struct OutOfRange {
    /// Name of the setting.
    pub setting: &'static str,
    /// What was given, in `unit`.
    pub value: f64,
    /// Smallest allowed value.
    pub low: f64,
    /// Largest allowed value.
    pub high: f64,
    /// Unit of all three.
    pub unit: &'static str,
}

macro_rules! duration_setting {
    ($(#[$doc:meta])* $name:ident, $key:literal, $low:expr, $default:expr, $high:expr, $scale:expr, $unit:literal) => {
        $(#[$doc])*
        #[doc = concat!("`", $key, "`, in ", $unit, ": from ", stringify!($low), " to ", stringify!($high),
                        ", default ", stringify!($default), ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Duration);

        impl $name {
            /// Smallest and largest value, both allowed.
            pub const BOUNDS: (Duration, Duration) = (Duration::from_millis($low * $scale), Duration::from_millis($high * $scale));

            /// Checks the bounds.
            ///
            /// # Errors
            /// [`OutOfRange`] with the setting's name and both bounds.
            pub fn new(value: Duration) -> Result<Self, OutOfRange> {
                Self::within(value, Self::BOUNDS)
            }

            fn within(value: Duration, (low, high): (Duration, Duration)) -> Result<Self, OutOfRange> {
                if (low..=high).contains(&value) {
                    return Ok(Self(value));
                }
                let units = |d: Duration| d.as_secs_f64() * 1000.0 / $scale as f64;
                let (low, high, value) = (units(low), units(high), units(value));
                Err(OutOfRange { setting: $key, value, low, high, unit: $unit })
            }

            /// The value.
            #[must_use]
            pub const fn get(self) -> Duration {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self(Duration::from_millis($default * $scale))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0.as_secs_f64() * 1000.0 / $scale as f64, $unit)
            }
        }
    };
}

duration_setting! {
    /// How long a caller may be quiet before the goodbye.
    SilenceTimeout, "silence_timeout", 30, 30, 60, 1000, "s"
}
duration_setting! {
    /// Voiced time from which a talkspurt counts.
    MinSpeech, "min_speech", 60, 120, 400, 1, "ms"
}
duration_setting! {
    /// Voiced frames closer than this are one talkspurt.
    Hangover, "hangover", 100, 300, 800, 1, "ms"
}
duration_setting! {
    /// Voiced time from which a talkspurt interrupts the agent.
    BargeInMin, "barge_in_min", 120, 240, 600, 1, "ms"
}
duration_setting! {
    /// Time by which noise may put off the goodbye past the caller's last good word.
    NoiseBudget, "noise_budget", 0, 60, 300, 1000, "s"
}
duration_setting! {
    /// Longest call.
    MaxDuration, "max_duration", 60, 1800, 14400, 1000, "s"
}

impl SilenceTimeout {
    /// How far an operator may widen the bounds.
    pub const WIDEST: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(3_600));

    /// Checks against bounds that the operator has widened in the server's `limits`.
    ///
    /// # Errors
    /// [`OutOfRange`] with those bounds.
    pub fn with_bounds(value: Duration, bounds: (Duration, Duration)) -> Result<Self, OutOfRange> {
        Self::within(value, bounds)
    }
}

impl MaxDuration {
    /// How far an operator may widen the bounds.
    pub const WIDEST: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(86_400));

    /// Checks against bounds that the operator has widened in the server's `limits`.
    ///
    /// # Errors
    /// [`OutOfRange`] with those bounds.
    pub fn with_bounds(value: Duration, bounds: (Duration, Duration)) -> Result<Self, OutOfRange> {
        Self::within(value, bounds)
    }
}

/// How far under the caller's own usual level a talkspurt must lie to be charged as background.
///
/// `level_floor`, in dB: from 6 to 30, default 18.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LevelFloor(f32);

impl LevelFloor {
    /// Smallest and largest value, both allowed.
    pub const BOUNDS: (f32, f32) = (6.0, 30.0);

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`OutOfRange`] with the setting's name and both bounds; NaN is out of range.
    pub fn new(db: f32) -> Result<Self, OutOfRange> {
        let (low, high) = Self::BOUNDS;
        if (low..=high).contains(&db) {
            return Ok(Self(db));
        }
        let (value, low, high) = (f64::from(db), f64::from(low), f64::from(high));
        Err(OutOfRange { setting: "level_floor", value, low, high, unit: "dB" })
    }

    /// Decibels.
    #[must_use]
    pub const fn db(self) -> f32 {
        self.0
    }
}

impl Default for LevelFloor {
    fn default() -> Self {
        Self(18.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_named_in_the_error() {
        for s in [30, 60] {
            assert!(SilenceTimeout::new(Duration::from_secs(s)).is_ok());
        }
        let error = SilenceTimeout::new(Duration::from_secs(61)).unwrap_err();
        assert_eq!(error.to_string(), "silence_timeout = 61 is outside 30..=60 s");
        assert!(SilenceTimeout::new(Duration::from_millis(29_999)).is_err());
        assert!(
            SilenceTimeout::with_bounds(Duration::from_secs(5), (Duration::from_secs(3), Duration::from_secs(60)))
                .is_ok()
        );
        assert_eq!(
            MinSpeech::new(Duration::from_millis(59)).unwrap_err().to_string(),
            "min_speech = 59 is outside 60..=400 ms"
        );
        assert!(LevelFloor::new(f32::NAN).is_err() && LevelFloor::new(6.0).is_ok());
    }

    #[test]
    fn defaults_are_within_their_bounds() {
        assert_eq!(SilenceTimeout::new(SilenceTimeout::default().get()), Ok(SilenceTimeout::default()));
        assert_eq!(MaxDuration::new(MaxDuration::default().get()), Ok(MaxDuration::default()));
        assert_eq!(NoiseBudget::new(NoiseBudget::default().get()), Ok(NoiseBudget::default()));
        assert_eq!(BargeInMin::new(BargeInMin::default().get()), Ok(BargeInMin::default()));
        assert_eq!(Hangover::new(Hangover::default().get()), Ok(Hangover::default()));
        assert_eq!(MinSpeech::new(MinSpeech::default().get()), Ok(MinSpeech::default()));
        assert_eq!(LevelFloor::new(LevelFloor::default().db()), Ok(LevelFloor::default()));
    }
}
