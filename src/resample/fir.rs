//! The one filter of both directions: its taps, and sums over them for each instruction set.
//!
//! It is designed at 24 kHz: 115 taps, symmetric, equiripple (Parks and McClellan), flat to 3.4 kHz, closed from 4.1 kHz
//! on, more so from 4.6 kHz on, where the images of telephone speech lie; rounded to 16 bits, and the rounding searched
//! for the least error. Every third tap makes a phase; both directions are three sums over a phase for each sample at
//! 8 kHz.
//!
//! Sums are whole numbers and cannot overflow: they are exact, so every machine gives the same bits.

use crate::audio::{FRAME_SAMPLES, WIDE_FRAME_SAMPLES};

/// Samples at 24 kHz to each side of an output that it depends on.
pub(super) const REACH: usize = 57;
/// Taps at 24 kHz.
pub(super) const TAPS: usize = 2 * REACH + 1;
/// Samples at 8 kHz that a frame of outputs depends on: its own, those before them, and what is multiplied by zero.
pub(super) const LINE: usize = FRAME_SAMPLES + PHASE_TAPS;
/// Taps of a phase; one or two at its end are zero, for taps are worked on by twos.
const PHASE_TAPS: usize = 40;
/// Outputs that are summed up together: as many as keep the registers busy.
const LANES: usize = 32;

/// The middle tap and those to one side of it; 2^16 is a gain of 1 at 24 kHz.
const HALF: [i16; REACH + 1] = [
    20_174, 17_163, 9_724, 1_646, -3_429, -4_074, -1_571, 1_348, 2_484, 1_453, -474, -1_641, -1_300, 4, 1_081, 1_122,
    263, -673, -929, -403, 370, 736, 458, -148, -551, -455, -8, 384, 412, 107, -241, -347, -160, 127, 271, 179, -42,
    -195, -171, -16, 126, 146, 48, -71, -115, -62, 29, 82, 62, -2, -53, -55, -12, 38, 64, 58, 35, 9,
];

/// Neighbours in time: what one instruction multiplies and adds.
type Pair = [i16; 2];
/// Every third tap, by twos.
type Phase = [Pair; PHASE_TAPS / 2];

/// Taps 0, 3, 6 … of the filter, then 1, 4, 7 …, then 2, 5, 8 …
const PHASES: [Phase; 3] = phases();

const fn phases() -> [Phase; 3] {
    let mut phases = [[[0; 2]; PHASE_TAPS / 2]; 3];
    let mut tap = 0;
    while tap < TAPS {
        phases[tap % 3][tap / 6][tap / 3 % 2] = HALF[tap.abs_diff(REACH)];
        tap += 1;
    }
    phases
}

// The largest sum: all inputs at full scale, their signs those of the taps.
const _: () = {
    let mut phase = 0;
    while phase < 3 {
        let (mut sum, mut tap) = (0, 0);
        while tap < PHASE_TAPS {
            sum += PHASES[phase][tap / 2][tap % 2].unsigned_abs() as u64;
            tap += 1;
        }
        assert!(sum * 32_768 <= i32::MAX as u64);
        phase += 1;
    }
};

/// For each of the three outputs of a sample, which phase of the filter, and from which of its samples on.
const OUTPUTS: [(usize, usize); 3] = [(0, 0), (2, 1), (1, 1)];

/// Three outputs for each sample of the line: those of sample n depend on n to n + 38.
pub(super) fn up(line: &[i16; LINE], out: &mut [i16; WIDE_FRAME_SAMPLES]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(UpOn { v3, line, out });
    }
    up_with(Baseline, line, out);
}

/// An output for every third sample: output n depends on 3 n to 3 n + 114. A frame of outputs at most.
pub(super) fn down(line: &[i16; 3 * LINE], out: &mut [i16]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(DownOn { v3, line, out });
    }
    down_with(Baseline, line, out);
}

#[inline(always)]
pub(super) fn up_with(with: impl Multiply, line: &[i16; LINE], out: &mut [i16; WIDE_FRAME_SAMPLES]) {
    let pairs = pairs(line);
    let mut samples = [[0; FRAME_SAMPLES]; 3];
    for (samples, (phase, from)) in samples.iter_mut().zip(OUTPUTS) {
        let mut sums = [0; FRAME_SAMPLES];
        filter(with, &pairs[from..], &PHASES[phase], &mut sums);
        for (sample, sum) in samples.iter_mut().zip(sums) {
            // Two of three samples that the filter is made for are zero here.
            *sample = rounded((sum >> 2) * 3);
        }
    }
    let [first, second, third] = &samples;
    for (n, three) in out.as_chunks_mut().0.iter_mut().enumerate() {
        *three = [first[n], second[n], third[n]];
    }
}

#[inline(always)]
pub(super) fn down_with(with: impl Multiply, line: &[i16; 3 * LINE], out: &mut [i16]) {
    let mut total = [0; FRAME_SAMPLES];
    let total = &mut total[..out.len().next_multiple_of(LANES)];
    for (phase, taps) in PHASES.iter().enumerate() {
        let mut narrow = [0; LINE];
        for (sample, three) in narrow.iter_mut().zip(line.as_chunks::<3>().0) {
            *sample = three[phase];
        }
        let mut sums = [0; FRAME_SAMPLES];
        filter(with, &pairs(&narrow), taps, &mut sums[..total.len()]);
        for (total, sum) in total.iter_mut().zip(sums) {
            // Three sums would not fit.
            *total += sum >> 2;
        }
    }
    for (sample, sum) in out.iter_mut().zip(total) {
        *sample = rounded(*sum);
    }
}

/// Each sample with the one after it.
#[inline(always)]
fn pairs(line: &[i16; LINE]) -> [Pair; LINE] {
    let mut pairs = [[0; 2]; LINE];
    for (pair, two) in pairs.iter_mut().zip(line.array_windows()) {
        *pair = *two;
    }
    pairs
}

/// `sums[n]` is the sum over the phase of the line from sample n on, 2^16 times too large.
#[inline(always)]
fn filter(with: impl Multiply, line: &[Pair], phase: &Phase, sums: &mut [i32]) {
    for (block, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut lanes = [0; LANES];
        for (two, &taps) in phase.iter().enumerate() {
            if let Some(pairs) = line[block * LANES + 2 * two..].first_chunk() {
                with.add_products(&mut lanes, pairs, taps);
            }
        }
        *sums = lanes;
    }
}

/// The nearest 16-bit sample of a sum that is 2^14 times too large; full scale where it is beyond.
#[inline(always)]
fn rounded(sum: i32) -> i16 {
    ((sum + (1 << 13)) >> 14).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// [`up`] as a value: a closure's body would not surely be compiled for the instruction set of its caller.
#[cfg(target_arch = "x86_64")]
struct UpOn<'a> {
    v3: pulp::x86::V3,
    line: &'a [i16; LINE],
    out: &'a mut [i16; WIDE_FRAME_SAMPLES],
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for UpOn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        up_with(self.v3, self.line, self.out);
    }
}

/// [`down`] as a value, likewise.
#[cfg(target_arch = "x86_64")]
struct DownOn<'a> {
    v3: pulp::x86::V3,
    line: &'a [i16; 3 * LINE],
    out: &'a mut [i16],
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for DownOn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        down_with(self.v3, self.line, self.out);
    }
}

/// What an instruction set has for this.
pub(super) trait Multiply: Copy {
    /// Adds to each sum both products of its pair and the taps.
    fn add_products(self, sums: &mut [i32; LANES], pairs: &[Pair; LANES], taps: Pair);
}

/// Any machine.
#[derive(Clone, Copy)]
pub(super) struct Baseline;

impl Multiply for Baseline {
    #[inline(always)]
    fn add_products(self, sums: &mut [i32; LANES], pairs: &[Pair; LANES], taps: Pair) {
        for (sum, pair) in sums.iter_mut().zip(pairs) {
            *sum += i32::from(pair[0]) * i32::from(taps[0]) + i32::from(pair[1]) * i32::from(taps[1]);
        }
    }
}

/// AVX2 has one instruction for sixteen products; compilers do not find it in the plain loop.
#[cfg(target_arch = "x86_64")]
impl Multiply for pulp::x86::V3 {
    #[inline(always)]
    fn add_products(self, sums: &mut [i32; LANES], pairs: &[Pair; LANES], taps: Pair) {
        let taps = pulp::cast(self.splat_i32x8(pulp::cast(taps)));
        for (sums, pairs) in sums.as_chunks_mut::<8>().0.iter_mut().zip(pairs.as_chunks::<8>().0) {
            let products = self.multiply_wrapping_add_adjacent_i16x16(pulp::cast(*pairs), taps);
            *sums = pulp::cast(self.wrapping_add_i32x8(pulp::cast(*sums), products));
        }
    }
}
