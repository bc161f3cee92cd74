//! A histogram of a few hundred bytes: exact up to 15, then eight steps to each doubling.

use std::fmt;

/// Steps of one doubling.
const STEPS: u64 = 8;
/// Values below this are exact.
const EXACT: u64 = 2 * STEPS;
/// Doublings above [`EXACT`].
const DOUBLINGS: usize = 20;
const BUCKETS: usize = EXACT as usize + STEPS as usize * DOUBLINGS;

/// Whole numbers, counted; larger ones than 2²⁴ count as that.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u32; BUCKETS]>,
    count: u64,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), count: 0, min: u64::MAX, max: 0 }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bucket = &mut self.counts[bucket(value)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
    }

    /// Adds all values of another one.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *sum = sum.saturating_add(*more);
        }
        self.count += other.count;
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value that this share of all values does not exceed, at most one eighth too small: 0.5 is the median.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        for (n, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return Some(lowest(n).clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("min", &self.min())
            .field("median", &self.quantile(0.5))
            .field("max", &self.max())
            .finish()
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let doubling = u64::from(value.ilog2() - EXACT.ilog2());
    let step = (value >> (doubling + 1)) - STEPS;
    ((EXACT + doubling * STEPS + step) as usize).min(BUCKETS - 1)
}

fn lowest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let (doubling, step) = ((bucket - EXACT) / STEPS, (bucket - EXACT) % STEPS);
    (STEPS + step) << (doubling + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact_and_large_ones_within_an_eighth() {
        for value in (0..5000).chain([1 << 20, (1 << 24) - 1]) {
            let low = lowest(bucket(value));
            assert!(low <= value && value < low + 1 + low / 8, "{value}: {low}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_lie_between_the_extremes() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.min(), histogram.quantile(0.5), histogram.max()), (None, None, None));
        for value in 1..=100 {
            histogram.add(value);
        }
        assert_eq!((histogram.min(), histogram.max(), histogram.count()), (Some(1), Some(100), 100));
        assert_eq!(histogram.quantile(0.01), Some(1));
        assert!((44..=50).contains(&histogram.quantile(0.5).expect("values")));
        let mut sum = Histogram::default();
        sum.add(1000);
        sum.merge(&histogram);
        assert_eq!((sum.count(), sum.max()), (101, Some(1000)));
    }
}
