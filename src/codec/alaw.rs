//! A-law (PCMA), the code of the telephone line in Europe and of many recordings.

/// Every other bit is inverted on the wire.
const TOGGLE: u8 = 0x55;

const DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

/// The 16-bit sample of a code: one of -32,256 ..= 32,256. A-law has no zero; the codes next to it give ±8.
#[must_use]
pub fn decode(code: u8) -> i16 {
    DECODE[usize::from(code)]
}

/// The code of a 16-bit sample, with the decision values of ITU-T G.711 (those of the G.191 routine).
///
/// 0 becomes 0xd5 (+8). Every code survives [`decode`] and `encode`. No sample is farther from its code's value than
/// half the step of its segment.
#[must_use]
pub fn encode(sample: i16) -> u8 {
    let positive = !(sample >> 15) as u8 & 0x80;
    // Complement instead of negation: -1 has the magnitude of 0, and -32,768 needs no clipping. 13 bits: 0 ..= 2047.
    let magnitude = ((sample ^ (sample >> 15)) >> 4) as u32;
    // The two lowest segments share a step of 16.
    let shift = (magnitude | 0x10).ilog2() - 4;
    let segment = shift + u32::from(magnitude >= 0x10);
    let step = (magnitude >> shift) & 0x0f;
    (positive | (segment as u8) << 4 | step as u8) ^ TOGGLE
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

/// ITU-T G.711, table 1, at 16 bits: the middle of each step.
const fn expand(code: u8) -> i16 {
    let code = code ^ TOGGLE;
    let segment = (code >> 4) & 7;
    let step = ((code & 0x0f) as i32) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    (if code & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_code_exactly() {
        let vectors: serde_json::Value =
            serde_json::from_slice(include_bytes!("../../tests/data/g711/g711.json")).unwrap();
        let expected: Vec<i16> = serde_json::from_value(vectors["alaw_decode"].clone()).unwrap();
        assert_eq!(DECODE.as_slice(), expected);
    }

    #[test]
    fn all_codes_survive() {
        for code in 0..=255 {
            assert_eq!(encode(decode(code)), code);
        }
        assert_eq!(encode(0), 0xd5);
    }

    /// Nearest within its segment: half a step of the code at most, and in the right order.
    #[test]
    fn encodes_to_the_nearest_value_of_the_segment() {
        let mut last = i16::MIN;
        for sample in i16::MIN..=i16::MAX {
            let code = encode(sample);
            let value = decode(code);
            let segment = ((code ^ TOGGLE) >> 4) & 7;
            let half_step = 8 << segment.saturating_sub(1);
            assert!((i32::from(value) - i32::from(sample)).abs() <= half_step, "{sample} became {value}");
            assert!(value >= last, "{sample} became {value} after {last}");
            last = value;
        }
    }

    #[test]
    fn slices_of_equal_length() {
        let (samples, mut codes, mut back) = ([0, 1000, -1000, i16::MIN], [0; 4], [0; 4]);
        encode_into(&samples, &mut codes);
        decode_into(&codes, &mut back);
        assert_eq!(back, [8, 1008, -1008, -32_256]);
    }

    #[test]
    #[should_panic(expected = "one code a sample")]
    fn slices_of_unequal_length_are_refused() {
        encode_into(&[0; 3], &mut [0; 2]);
    }
}
