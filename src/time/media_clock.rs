use std::time::Duration;

use super::{MediaTime, Timestamp};

/// Length of the history over which the smallest transit time is kept.
const HISTORY: Duration = Duration::from_secs(10);
const BUCKETS: usize = 10;
const BUCKET_US: u64 = HISTORY.as_micros() as u64 / BUCKETS as u64;

/// Maps media time to call time.
///
/// The offset is the smallest (arrival − media position) of the last 10 s: jitter only ever delays, so the
/// smallest is the truth plus a constant, and a window of 10 s follows a carrier's clock that runs some
/// 100 ppm off ours (1 ms in 10 s). Kept in ten one-second buckets: fixed size, no allocation.
#[derive(Clone, Debug)]
pub struct MediaClock {
    /// Per bucket: its number (call time / bucket length) and the smallest offset seen in it, µs.
    buckets: [Option<(u64, i64)>; BUCKETS],
    offset_us: i64,
    /// The worst delay behind the present offset, µs: how far off a conversion may be.
    jitter_us: i64,
    watermark: MediaTime,
}

impl Default for MediaClock {
    fn default() -> Self {
        Self { buckets: [None; BUCKETS], offset_us: 0, jitter_us: 0, watermark: MediaTime::ZERO }
    }
}

impl MediaClock {
    /// Media up to `end` (exclusive) arrived at `arrival`.
    pub fn observe(&mut self, arrival: Timestamp, end: MediaTime) {
        let offset = arrival.as_micros() as i64 - end.as_micros() as i64;
        let number = arrival.as_micros() / BUCKET_US;
        let bucket = &mut self.buckets[(number % BUCKETS as u64) as usize];
        match bucket {
            Some((n, smallest)) if *n == number => *smallest = offset.min(*smallest),
            Some(_) | None => *bucket = Some((number, offset)),
        }
        let live = self.buckets.iter().flatten().filter(|(n, _)| n + BUCKETS as u64 > number);
        self.offset_us = live.map(|(_, o)| *o).min().unwrap_or(offset);
        // Decays by an eighth a second at 50 frames a second, so one late frame does not mark the rest of the call.
        self.jitter_us = (offset - self.offset_us).max(self.jitter_us - self.jitter_us / 400);
        self.watermark = self.watermark.max(end);
    }

    /// All media before this point has been seen.
    #[must_use]
    pub fn watermark(&self) -> MediaTime {
        self.watermark
    }

    /// The call time at which the sample at `at` passed the line, as seen from here.
    #[must_use]
    pub fn to_call(&self, at: MediaTime) -> Timestamp {
        let us = at.as_micros() as i64 + self.offset_us;
        Timestamp::from_micros(us.max(0) as u64)
    }

    /// The media time that belongs to a call time: the carrier's own "now" when `at` is now.
    #[must_use]
    pub fn to_media(&self, at: Timestamp) -> MediaTime {
        let us = at.as_micros() as i64 - self.offset_us;
        MediaTime::from_samples(us.max(0) as u64 / 125)
    }

    /// How far off a conversion may be: the worst recent delay behind the smallest one.
    #[must_use]
    pub fn uncertainty(&self) -> Duration {
        Duration::from_micros(self.jitter_us.max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn jitter_only_delays() {
        let mut clock = MediaClock::default();
        for frame in 1..=100u64 {
            let late = if frame % 7 == 0 { 0 } else { frame % 50 };
            clock.observe(at(1000 + frame * 20 + late), MediaTime::from_millis(frame * 20));
        }
        assert_eq!(clock.to_call(MediaTime::from_millis(500)), at(1500));
        assert_eq!(clock.to_media(at(1500)), MediaTime::from_millis(500));
        assert!(clock.uncertainty() <= Duration::from_millis(49));
    }

    #[test]
    fn follows_drift_within_a_millisecond() {
        let mut clock = MediaClock::default();
        // The carrier's clock is 100 ppm fast: after an hour it is 360 ms ahead of ours.
        for frame in 1..=180_000u64 {
            let arrival = Timestamp::from_micros(frame * 20_000 - frame * 2);
            clock.observe(arrival, MediaTime::from_millis(frame * 20));
        }
        let now = Timestamp::from_micros(180_000 * 19_998);
        let error = clock.to_media(now).as_micros() as i64 - 180_000 * 20_000;
        assert!(error.abs() <= 1_100, "{error} us");
    }

    #[test]
    fn a_slower_clock_is_followed_too() {
        let mut clock = MediaClock::default();
        for frame in 1..=180_000u64 {
            clock.observe(Timestamp::from_micros(frame * 20_002), MediaTime::from_millis(frame * 20));
        }
        let error = clock.to_media(Timestamp::from_micros(180_000 * 20_002)).as_micros() as i64 - 180_000 * 20_000;
        assert!(error.abs() <= 1_100, "{error} us");
    }
}
