use dasp::Sample;

/// A 16-bit sample as a float, full scale being ±1.0; exact.
#[must_use]
pub fn to_float(sample: i16) -> f32 {
    sample.to_sample()
}

/// The nearest 16-bit sample of a float, full scale being ±1.0; ties go away from zero.
///
/// What is beyond full scale is clipped, NaN becomes 0. Undoes [`to_float`] exactly. (The conversion of `dasp`
/// truncates, which would add an offset of half a step; hence our own.)
#[must_use]
pub fn to_pcm(sample: f32) -> i16 {
    let scaled = sample * 32_768.0;
    (scaled + 0.5f32.copysign(scaled)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_survives() {
        assert!((i16::MIN..=i16::MAX).all(|s| to_pcm(to_float(s)) == s));
    }

    #[test]
    fn rounds_and_clips() {
        let steps = [0.4, 0.5, -0.4, -0.5, 1e9, -1e9, f32::NAN, f32::INFINITY];
        assert_eq!(steps.map(|s| to_pcm(s / 32_768.0)), [0, 1, 0, -1, i16::MAX, i16::MIN, 0, i16::MAX]);
    }
}
