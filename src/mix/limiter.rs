use crate::audio::to_pcm;

/// Amplitude up to which the limiter changes nothing: −3 dBFS.
pub const KNEE: f32 = 0.707_945_76;

const HEADROOM: f32 = 1.0 - KNEE;

/// A sum of samples (full scale ±1.0, any finite value) as one 16-bit sample.
///
/// Bit-transparent up to [`KNEE`]; from there a parabola leads with the slope of the line into full scale, which it
/// reaches at +2.2 dBFS. Monotone, odd but for −32,768, without memory; never wraps. NaN is 0.
#[must_use]
pub fn limit(sum: f32) -> i16 {
    to_pcm(bend(sum))
}

/// The curve of [`limit`] before rounding. Each operation is monotone when rounded, hence so is the whole.
pub(super) fn bend(sum: f32) -> f32 {
    let amplitude = sum.abs();
    let rest = 1.0 - ((amplitude - KNEE) / (2.0 * HEADROOM)).clamp(0.0, 1.0);
    (amplitude.min(KNEE) + HEADROOM * (1.0 - rest * rest)).copysign(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::to_float;

    #[test]
    fn transparent_below_the_knee() {
        for sample in -23_197..=23_197 {
            assert_eq!(limit(to_float(sample)), sample);
        }
    }

    #[test]
    fn monotone_and_within_bounds() {
        let curve: Vec<i16> = (-80_000..=80_000).map(|sum| limit(sum as f32 / 32_768.0)).collect();
        assert!(curve.is_sorted());
        assert_eq!((curve[0], curve[160_000]), (i16::MIN, i16::MAX));
        // The line's slope at most: no corner at the knee.
        assert!(curve.windows(2).all(|pair| pair[1].abs_diff(pair[0]) <= 1));
    }

    #[test]
    fn endless_and_undefined_sums() {
        assert_eq!([f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -0.0].map(limit), [i16::MAX, i16::MIN, 0, 0]);
    }
}
