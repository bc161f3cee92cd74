//! Matrix times columns, and the curves of the LSTM: written once, compiled for each instruction set.
//!
//! Every output is summed over its inputs in order, whatever the number of columns: a chunk scored alone and one scored
//! among others give the same bits. With and without FMA they differ in the last ones.

/// Eight neighbours, worked on together.
pub(super) type Lanes = [f32; 8];
const LANES: usize = 8;
/// Outputs that lie side by side in [`Packed`].
const BLOCK: usize = 2 * LANES;

/// A matrix `[out][in]` and its bias, turned so that 16 outputs of one input lie side by side.
#[derive(Debug)]
pub(super) struct Packed {
    inputs: usize,
    blocks: usize,
    weights: Vec<[Lanes; 2]>,
    bias: Vec<[Lanes; 2]>,
}

impl Packed {
    /// `outputs` is a multiple of 64; `weight(out, in)` gives the numbers.
    pub(super) fn new(
        outputs: usize,
        inputs: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let blocks = outputs / BLOCK;
        let side_by_side = |first: usize, number: &dyn Fn(usize) -> f32| {
            [0, LANES].map(|half| std::array::from_fn(|lane| number(first + half + lane)))
        };
        let mut weights = Vec::with_capacity(blocks * inputs);
        for first in (0..outputs).step_by(BLOCK) {
            weights.extend((0..inputs).map(|input| side_by_side(first, &|out| weight(out, input))));
        }
        let bias = (0..outputs).step_by(BLOCK).map(|first| side_by_side(first, &bias)).collect();
        Self { inputs, blocks, weights, bias }
    }

    /// Outputs of one column.
    pub(super) const fn outputs(&self) -> usize {
        self.blocks * BLOCK
    }
}

/// Where the columns of a matrix lie: `per_chunk` of them in each chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Columns of one chunk.
    pub(super) per_chunk: usize,
    /// From one chunk to the next.
    pub(super) chunk_stride: usize,
    /// From one column of a chunk to the next.
    pub(super) stride: usize,
    /// The first number of the first column.
    pub(super) first: usize,
}

impl Columns {
    #[inline(always)]
    const fn at(&self, column: usize) -> usize {
        self.first + column / self.per_chunk * self.chunk_stride + column % self.per_chunk * self.stride
    }
}

/// What is done to each sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Negative ones become 0.
    Relu,
}

/// `output = matrix · input + bias` for `count` columns.
#[inline(always)]
pub(super) fn multiply<const FMA: bool>(
    matrix: &Packed,
    count: usize,
    (input, from): (&[f32], Columns),
    (output, to): (&mut [f32], Columns),
    then: Then,
) {
    let mut column = 0;
    while column + 4 <= count {
        for block in 0..matrix.blocks {
            tile::<FMA, 1, 4>(matrix, block, column, (input, from), (output, to), then);
        }
        column += 4;
    }
    while column < count {
        for block in (0..matrix.blocks).step_by(4) {
            tile::<FMA, 4, 1>(matrix, block, column, (input, from), (output, to), then);
        }
        column += 1;
    }
}

/// `B` blocks of outputs of `C` columns: as many sums as an instruction set has registers to keep busy.
#[inline(always)]
fn tile<const FMA: bool, const B: usize, const C: usize>(
    matrix: &Packed,
    block: usize,
    column: usize,
    (input, from): (&[f32], Columns),
    (output, to): (&mut [f32], Columns),
    then: Then,
) {
    let n = matrix.inputs;
    let weights: [&[[Lanes; 2]]; B] = std::array::from_fn(|b| &matrix.weights[(block + b) * n..][..n]);
    let inputs: [&[f32]; C] = std::array::from_fn(|c| &input[from.at(column + c)..][..n]);
    let mut sums: [[[Lanes; 2]; C]; B] = std::array::from_fn(|b| [matrix.bias[block + b]; C]);
    for k in 0..n {
        for b in 0..B {
            let [low, high] = &weights[b][k];
            for c in 0..C {
                let x = inputs[c][k];
                let [sum_low, sum_high] = &mut sums[b][c];
                multiply_add::<FMA>(sum_low, low, x);
                multiply_add::<FMA>(sum_high, high, x);
            }
        }
    }
    for (b, sums) in sums.iter_mut().enumerate() {
        for (c, sums) in sums.iter_mut().enumerate() {
            let out = &mut output[to.at(column + c) + (block + b) * BLOCK..][..BLOCK];
            for (out, sum) in out.iter_mut().zip(sums.as_flattened_mut()) {
                *out = if then == Then::Relu { sum.max(0.0) } else { *sum };
            }
        }
    }
}

#[inline(always)]
fn multiply_add<const FMA: bool>(sum: &mut Lanes, weight: &Lanes, x: f32) {
    for (sum, weight) in sum.iter_mut().zip(weight) {
        *sum = mul_add::<FMA>(*weight, x, *sum);
    }
}

/// `a · b + c`; without the instruction `f32::mul_add` would be a call into the C library.
#[inline(always)]
pub(super) fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// e^x to 2e-7 of its value, within what a sigmoid can tell from 0 and 1: no branch, no call, so that eight go at once.
///
/// Cephes' polynomial for `expf` on half an ln 2 around 0, times a power of two.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    /// 1.5 · 2^23: added, it rounds to whole numbers and leaves them in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-80.0, 80.0);
    let shifted = mul_add::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = mul_add::<FMA>(n, -0.693_359_4, x);
    let r = mul_add::<FMA>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = mul_add::<FMA>(p, r, c);
    }
    let p = mul_add::<FMA>(p * r, r, r) + 1.0;
    let power = (shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23;
    p * f32::from_bits(power)
}

#[inline(always)]
pub(super) fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

#[inline(always)]
pub(super) fn tanh<const FMA: bool>(x: f32) -> f32 {
    2.0 * sigmoid::<FMA>(2.0 * x) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_the_c_library() {
        for n in -20_000..20_000 {
            let x = n as f32 * 1e-3;
            let (ours, theirs) = (f64::from(sigmoid::<false>(x)), 1.0 / (1.0 + (-f64::from(x)).exp()));
            assert!((ours - theirs).abs() < 2e-7, "sigmoid({x}) = {ours}, not {theirs}");
            let (ours, theirs) = (f64::from(tanh::<true>(x)), f64::from(x).tanh());
            assert!((ours - theirs).abs() < 4e-7, "tanh({x}) = {ours}, not {theirs}");
        }
        for x in [f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30] {
            assert!((0.0..=1.0).contains(&sigmoid::<false>(x)), "sigmoid({x})");
        }
    }

    #[test]
    fn a_matrix_times_one_column_is_the_same_among_others() {
        let weight = |out: usize, input: usize| ((out * 31 + input * 17) % 23) as f32 * 0.37 - 4.0;
        let matrix = Packed::new(64, 10, weight, |out| out as f32);
        let input: Vec<f32> = (0..7 * 10).map(|n| ((n * 7) % 11) as f32 - 5.3).collect();
        let from = Columns { per_chunk: 1, chunk_stride: 10, stride: 0, first: 0 };
        let to = Columns { per_chunk: 1, chunk_stride: 64, stride: 0, first: 0 };
        let mut all = vec![0.0; 7 * 64];
        multiply::<false>(&matrix, 7, (&input, from), (&mut all, to), Then::Relu);
        for (column, all) in all.chunks(64).enumerate() {
            let mut one = vec![0.0; 64];
            multiply::<false>(&matrix, 1, (&input[column * 10..], from), (&mut one, to), Then::Relu);
            assert_eq!(one, all, "column {column}");
            for (out, sum) in one.iter().enumerate() {
                let plain: f32 = (0..10).map(|k| weight(out, k) * input[column * 10 + k]).sum::<f32>() + out as f32;
                assert!((plain.max(0.0) - sum).abs() < 1e-3, "{out}: {plain} {sum}");
            }
        }
    }
}
