//! Percentiles of a value a call.

use serde::Serialize;

/// How values are spread; percentiles by nearest rank, so each is a value that occurred.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 95 of 100 are not larger.
    pub p95: f64,
    /// 99 of 100 are not larger.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values; nothing of none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let rank = |share: f64| {
            let rank = (share * values.len() as f64).ceil() as usize;
            values[rank.clamp(1, values.len()) - 1]
        };
        Some(Self { count: values.len(), min, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let spread = Spread::of((1..=200).rev().map(f64::from)).expect("values");
        let of = (spread.count, spread.min, spread.p50, spread.p95, spread.p99, spread.max);
        assert_eq!(of, (200, 1.0, 100.0, 190.0, 198.0, 200.0));
        let one = Spread::of([-3.5]).expect("a value");
        assert_eq!((one.min, one.p50, one.p99, one.max), (-3.5, -3.5, -3.5, -3.5));
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN]), None);
    }

    #[test]
    fn a_single_outlier_of_a_hundred_is_the_largest_and_not_the_99th() {
        let values = (0..99).map(|_| 1.0).chain([50.0]);
        let spread = Spread::of(values).expect("values");
        assert_eq!((spread.p99, spread.max), (1.0, 50.0));
    }
}
