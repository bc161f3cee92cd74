//! A wave as columns: the lowest and the highest sample of each.

/// Lowest and highest sample of each bucket of this many samples; the last one may be shorter.
pub(super) fn extremes(samples: &[i16], bucket: usize) -> impl Iterator<Item = (i16, i16)> + '_ {
    samples.chunks(bucket.max(1)).map(|part| part.iter().fold((i16::MAX, i16::MIN), |(l, h), &s| (l.min(s), h.max(s))))
}

/// The same in signed bytes, full scale ±127, one after the other; rounded away from zero, so a quiet line is a line.
pub(super) fn envelope(samples: &[i16], bucket: usize) -> Vec<u8> {
    let byte = |sample: i16| {
        let scaled = f32::from(sample) * 127.0 / 32_768.0;
        (if scaled < 0.0 { scaled.floor() } else { scaled.ceil() }) as i8
    };
    extremes(samples, bucket).flat_map(|(low, high)| [byte(low) as u8, byte(high) as u8]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_keeps_its_extremes_and_the_last_may_be_short() {
        let samples = [0, 100, -32_768, 32_767, -1];
        assert_eq!(extremes(&samples, 2).collect::<Vec<_>>(), [(0, 100), (-32_768, 32_767), (-1, -1)]);
        let bytes: Vec<_> = envelope(&samples, 2).into_iter().map(|byte| byte as i8).collect();
        assert_eq!(bytes, [0, 1, -127, 127, -1, -1]);
        assert!(envelope(&[], 2).is_empty());
    }
}
