use std::{
    fmt,
    ops::{Add, AddAssign, Sub},
    str::FromStr,
    time::Duration,
};

/// Call time: microseconds since the call's first input. Monotonic, an input to every core function.
///
/// Prints as seconds with six decimals (`12.340000`) and parses back from the same form, so that one line of a
/// fixture is the whole truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The call's first input.
    pub const ZERO: Self = Self(0);
    /// A time that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// From microseconds since the call's first input.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// From milliseconds since the call's first input.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1000)
    }

    /// Microseconds since the call's first input.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the call's first input, with their fraction.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Time since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This time less `d`, not before zero.
    #[must_use]
    pub fn before(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(micros(d)))
    }

    /// Signed distance in microseconds, `self - other`.
    #[must_use]
    pub const fn diff_micros(self, other: Self) -> i64 {
        self.0.wrapping_sub(other.0) as i64
    }
}

/// Durations of a call fit in 64 bits of microseconds by far; longer ones saturate.
fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(micros(d)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    /// Saturates at zero, like [`Timestamp::since`].
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_args!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000).to_string();
        f.pad(&text)
    }
}

/// The text is not a [`Timestamp`]: seconds with up to six decimals were expected, such as `12.34`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a call time: expected seconds with at most six decimals, such as 12.34")]
pub struct ParseTimestampError;

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = s.split_once('.').unwrap_or((s, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return Err(ParseTimestampError);
        }
        let seconds: u64 = whole.parse().map_err(|_| ParseTimestampError)?;
        let us: u64 = format!("{fraction:0<6}").parse().map_err(|_| ParseTimestampError)?;
        seconds.checked_mul(1_000_000).and_then(|s| s.checked_add(us)).map(Self).ok_or(ParseTimestampError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_back() {
        for us in [0, 1, 999_999, 12_340_000, 7_200_000_001] {
            let t = Timestamp::from_micros(us);
            assert_eq!(t.to_string().parse(), Ok(t));
        }
        assert_eq!("12.34".parse(), Ok(Timestamp::from_millis(12_340)));
        for bad in ["", ".", "1.", "-1", "1.2345678", "1e3", "99999999999999999999"] {
            assert_eq!(bad.parse::<Timestamp>(), Err(ParseTimestampError), "{bad:?}");
        }
    }

    #[test]
    fn differences_saturate() {
        let (a, b) = (Timestamp::from_millis(5), Timestamp::from_millis(7));
        assert_eq!(b - a, Duration::from_millis(2));
        assert_eq!(a - b, Duration::ZERO);
        assert_eq!(Timestamp::NEVER + Duration::from_secs(1), Timestamp::NEVER);
        assert_eq!(a.diff_micros(b), -2000);
    }
}
