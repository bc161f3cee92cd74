//! µ-law (PCMU), the code of the telephone line in North America and of Twilio's media streams.

/// Added to the magnitude so that every segment starts at a power of two.
const BIAS: i32 = 0x84;
/// The largest magnitude that fits in seven bits of segment and step.
const CLIP: i32 = 32_635;

const DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

/// The 16-bit sample of a code: one of -32,124 ..= 32,124. Both zeros (0xff and 0x7f) give 0.
#[must_use]
pub fn decode(code: u8) -> i16 {
    DECODE[usize::from(code)]
}

/// The code of a 16-bit sample, as the routine of ITU-T G.191 computes it.
///
/// Magnitudes above 32,635 are clipped. 0 becomes 0xff, −1 minus zero (0x7f). Every code but 0x7f survives [`decode`]
/// and `encode`; 0x7f comes back as 0xff.
#[must_use]
pub fn encode(sample: i16) -> u8 {
    let sign = (sample >> 15) as u8 & 0x80;
    // Complement instead of negation: a negative sample on a decision value goes to the nearer code.
    let magnitude = i32::from(sample ^ (sample >> 15));
    let biased = magnitude.min(CLIP) + BIAS;
    // 132 ..= 32,767: the highest bit is one of 7 ..= 14.
    let segment = 24 - biased.leading_zeros();
    let step = (biased >> (segment + 3)) as u8 & 0x0f;
    !(sign | (segment as u8) << 4 | step)
}

/// Decodes `codes` into `samples`.
///
/// # Panics
///
/// If the lengths differ: a bug of the caller.
pub fn decode_into(codes: &[u8], samples: &mut [i16]) {
    assert_eq!(codes.len(), samples.len(), "one sample a code");
    for (sample, &code) in samples.iter_mut().zip(codes) {
        *sample = decode(code);
    }
}

/// Encodes `samples` into `codes`.
///
/// # Panics
///
/// If the lengths differ: a bug of the caller.
pub fn encode_into(samples: &[i16], codes: &mut [u8]) {
    assert_eq!(codes.len(), samples.len(), "one code a sample");
    for (code, &sample) in codes.iter_mut().zip(samples) {
        *code = encode(sample);
    }
}

/// ITU-T G.711, table 2, at 16 bits.
const fn expand(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let magnitude = (((((code & 0x0f) as i32) << 3) + BIAS) << segment) - BIAS;
    (if code & 0x80 == 0 { magnitude } else { -magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIOOP: &[u8] = include_bytes!("../../tests/data/g711/ulaw-encode-audioop.bin");
    const G191: &[u8] = include_bytes!("../../tests/data/g711/ulaw-encode-g191.bin");
    const SUN16: &[u8] = include_bytes!("../../tests/data/g711/ulaw-encode-sun16.bin");

    #[test]
    fn decodes_every_code_exactly() {
        let vectors: serde_json::Value =
            serde_json::from_slice(include_bytes!("../../tests/data/g711/g711.json")).unwrap();
        let expected: Vec<i16> = serde_json::from_value(vectors["ulaw_decode"].clone()).unwrap();
        assert_eq!(DECODE.as_slice(), expected);
    }

    #[test]
    fn encodes_every_sample_like_g191() {
        let ours: Vec<u8> = (i16::MIN..=i16::MAX).map(encode).collect();
        assert_eq!(ours, G191);
    }

    #[test]
    fn encodes_no_farther_than_the_best_of_three_encoders() {
        for sample in i16::MIN..=i16::MAX {
            let index = (i32::from(sample) + 32_768) as usize;
            let distance = |code: u8| (i32::from(decode(code)) - i32::from(sample)).abs();
            let best = [AUDIOOP, G191, SUN16].map(|table| distance(table[index])).into_iter().min().unwrap();
            assert!(distance(encode(sample)) <= best + 4, "{sample}");
        }
    }

    #[test]
    fn all_codes_but_minus_zero_survive() {
        for code in (0..=255).filter(|&code| code != 0x7f) {
            assert_eq!(encode(decode(code)), code);
        }
        assert_eq!(encode(decode(0x7f)), 0xff);
        assert_eq!(encode(0), crate::audio::MULAW_SILENCE);
    }

    #[test]
    fn slices_of_equal_length() {
        let (samples, mut codes, mut back) = ([0, 1000, -1000, i16::MAX], [0; 4], [0; 4]);
        encode_into(&samples, &mut codes);
        decode_into(&codes, &mut back);
        assert_eq!(back, [0, 988, -988, 32_124]);
        encode_into(&[], &mut []);
    }

    #[test]
    #[should_panic(expected = "one sample a code")]
    fn slices_of_unequal_length_are_refused() {
        decode_into(&[0xff; 3], &mut [0; 2]);
    }
}
