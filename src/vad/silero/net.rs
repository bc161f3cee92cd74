//! The network of Silero VAD's 8 kHz branch, and the weights it is made of.

use std::sync::LazyLock;

use super::kernel::{Columns, Packed, Then, mul_add, multiply, sigmoid, tanh};

/// New samples of a chunk: 32 ms.
pub(super) const CHUNK_SAMPLES: usize = 256;
/// Samples kept from the chunk before.
pub(super) const CONTEXT_SAMPLES: usize = 32;
/// The LSTM's cells.
const CELLS: usize = 128;

const WINDOW: usize = 128;
const HOP: usize = 64;
const SPECTRA: usize = 4;
const BINS: usize = 65;
/// Samples with 32 more, mirrored at the end.
const PADDED: usize = CONTEXT_SAMPLES + CHUNK_SAMPLES + 32;

/// What the network keeps of a call from chunk to chunk.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    hidden: [f32; CELLS],
    cell: [f32; CELLS],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { hidden: [0.0; CELLS], cell: [0.0; CELLS] }
    }
}

/// The weights, laid out for [`multiply`]. One copy serves every call.
#[derive(Debug)]
pub(super) struct Network {
    cosines: Packed,
    sines: Packed,
    /// The highest bin, which would not fit the 64 others.
    nyquist: [f32; HOP],
    encoder: [Packed; 4],
    gates: Packed,
    output: [f32; CELLS],
    output_bias: f32,
}

/// The network, made when it is first used.
pub(super) static NETWORK: LazyLock<Network> = LazyLock::new(Network::new);

/// See `weights/export.py` for the order, and `weights/LICENSE` for the licence (MIT).
static WEIGHTS: &[u8] = include_bytes!("weights/silero_vad_8k.f32");

/// Outputs, inputs of the encoder's layers.
const LAYERS: [(usize, usize); 4] = [(128, BINS), (64, 128), (64, 64), (128, 64)];

impl Network {
    fn new() -> Self {
        let numbers: Vec<f32> = WEIGHTS.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let mut rest = &numbers[..];
        let mut take = |n: usize| {
            let (taken, left) = rest.split_at(n);
            rest = left;
            taken
        };
        let basis = take(2 * BINS * WINDOW);
        // The window is symmetric: the cosines see the sum of both halves, the sines their difference. Sample 0 has no
        // weight; the middle one stands last.
        let real = |bin: usize, n: usize| basis[bin * WINDOW + n + 1];
        let imaginary = |bin: usize, n: usize| basis[(BINS + bin) * WINDOW + n + 1];
        let cosines = Packed::new(64, HOP, real, |_| 0.0);
        let sines = Packed::new(64, HOP, imaginary, |_| 0.0);
        let nyquist = std::array::from_fn(|n| real(BINS - 1, n));
        // Inputs as they lie in memory: tap by tap. The last two layers have fewer columns than taps: what would be
        // multiplied with padding is left out.
        let taps = [0..3, 0..3, 1..3, 1..2];
        let mut layers = LAYERS.into_iter().zip(taps).map(|((out, channels), taps)| {
            let (weight, bias) = (take(out * channels * 3), take(out));
            let number = |out: usize, k: usize| {
                let (tap, channel) = (taps.start + k / channels, k % channels);
                weight[(out * channels + channel) * 3 + tap]
            };
            Packed::new(out, taps.len() * channels, number, |out| bias[out])
        });
        let encoder = std::array::from_fn(|_| layers.next().unwrap_or_else(|| unreachable!("four layers")));
        drop(layers);
        let (input, recurrent) = (take(4 * CELLS * CELLS), take(4 * CELLS * CELLS));
        let (input_bias, recurrent_bias) = (take(4 * CELLS), take(4 * CELLS));
        let gate = |out: usize, k: usize| match k.checked_sub(CELLS) {
            None => input[out * CELLS + k],
            Some(k) => recurrent[out * CELLS + k],
        };
        let gates = Packed::new(4 * CELLS, 2 * CELLS, gate, |out| input_bias[out] + recurrent_bias[out]);
        let output = std::array::from_fn({
            let weight = take(CELLS);
            |n| weight[n]
        });
        Self { cosines, sines, nyquist, encoder, gates, output, output_bias: take(1)[0] }
    }
}

/// Room for the numbers between the layers, for a batch of chunks.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Sums and differences of each window's halves.
    folded: Vec<f32>,
    real: Vec<f32>,
    imaginary: Vec<f32>,
    /// Input of each layer, with a column of zeros before the first and after the last where the layer wants it.
    layers: [Vec<f32>; 4],
    /// The encoder's output and the hidden state, side by side.
    joined: Vec<f32>,
    gates: Vec<f32>,
}

const SPECTRUM_ROOM: usize = (SPECTRA + 2) * BINS;
const LAYER_ROOM: [usize; 4] = [SPECTRUM_ROOM, (SPECTRA + 2) * 128, 2 * 64, 64];

impl Scratch {
    /// For at most this many chunks at once. Allocates.
    pub(super) fn new(chunks: usize) -> Self {
        let room = |numbers: usize| vec![0.0; chunks * numbers];
        Self {
            folded: room(SPECTRA * 2 * HOP),
            real: room(SPECTRA * 64),
            imaginary: room(SPECTRA * 64),
            layers: LAYER_ROOM.map(room),
            joined: room(2 * CELLS),
            gates: room(4 * CELLS),
        }
    }
}

/// One chunk to be scored: 32 old and 256 new samples from -1 to 1, the call's memory, and then the score.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) samples: [f32; CONTEXT_SAMPLES + CHUNK_SAMPLES],
    pub(super) memory: Memory,
    pub(super) probability: f32,
}

impl Chunk {
    #[cfg(test)]
    pub(super) const EMPTY: Self =
        Self { samples: [0.0; CONTEXT_SAMPLES + CHUNK_SAMPLES], memory: Memory::new(), probability: 0.0 };
}

/// Scores the chunks: probabilities of speech, and memories moved on by one chunk. Not more chunks than `scratch` has
/// room for.
pub(super) fn score(network: &Network, chunks: &mut [Chunk], scratch: &mut Scratch) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(Forward { network, chunks, scratch });
    }
    // Aarch64 has FMA in its baseline.
    forward::<{ cfg!(target_arch = "aarch64") }>(network, chunks, scratch);
}

/// [`forward`] as a value: a closure's body would not surely be compiled for the instruction set of its caller.
#[cfg(target_arch = "x86_64")]
struct Forward<'a> {
    network: &'a Network,
    chunks: &'a mut [Chunk],
    scratch: &'a mut Scratch,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        forward::<true>(self.network, self.chunks, self.scratch);
    }
}

/// [`score`] as a machine without AVX2 and FMA does it.
pub(super) fn score_baseline(network: &Network, chunks: &mut [Chunk], scratch: &mut Scratch) {
    forward::<false>(network, chunks, scratch);
}

#[inline(always)]
fn forward<const FMA: bool>(network: &Network, chunks: &mut [Chunk], scratch: &mut Scratch) {
    let n = chunks.len();
    spectra::<FMA>(network, chunks, scratch);
    let [l0, l1, l2, l3] = &mut scratch.layers;
    let [e0, e1, e2, e3] = &network.encoder;
    let columns = |per_chunk, chunk_stride, stride, first| Columns { per_chunk, chunk_stride, stride, first };
    let from = columns(4, LAYER_ROOM[0], BINS, 0);
    multiply::<FMA>(e0, n * 4, (l0, from), (l1, columns(4, LAYER_ROOM[1], 128, 128)), Then::Relu);
    let from = columns(2, LAYER_ROOM[1], 2 * 128, 0);
    multiply::<FMA>(e1, n * 2, (l1, from), (l2, columns(2, LAYER_ROOM[2], 64, 0)), Then::Relu);
    let from = columns(1, LAYER_ROOM[2], 0, 0);
    multiply::<FMA>(e2, n, (l2, from), (l3, columns(1, LAYER_ROOM[3], 0, 0)), Then::Relu);
    let from = columns(1, LAYER_ROOM[3], 0, 0);
    multiply::<FMA>(e3, n, (l3, from), (&mut scratch.joined, columns(1, 2 * CELLS, 0, 0)), Then::Relu);
    for (joined, chunk) in scratch.joined.chunks_exact_mut(2 * CELLS).zip(&*chunks) {
        joined[CELLS..].copy_from_slice(&chunk.memory.hidden);
    }
    let from = columns(1, 2 * CELLS, 0, 0);
    let to = columns(1, network.gates.outputs(), 0, 0);
    multiply::<FMA>(&network.gates, n, (&scratch.joined, from), (&mut scratch.gates, to), Then::Nothing);
    for (gates, chunk) in scratch.gates.chunks_exact(4 * CELLS).zip(chunks) {
        cell::<FMA>(network, gates, chunk);
    }
}

/// Magnitudes of 65 bins in 4 windows of each chunk.
#[inline(always)]
fn spectra<const FMA: bool>(network: &Network, chunks: &[Chunk], scratch: &mut Scratch) {
    for (folded, chunk) in scratch.folded.chunks_exact_mut(SPECTRA * 2 * HOP).zip(chunks) {
        let mut padded = [0.0; PADDED];
        let (samples, mirrored) = padded.split_at_mut(CONTEXT_SAMPLES + CHUNK_SAMPLES);
        samples.copy_from_slice(&chunk.samples);
        for (to, from) in mirrored.iter_mut().zip(chunk.samples.iter().rev().skip(1)) {
            *to = *from;
        }
        for (window, folded) in folded.chunks_exact_mut(2 * HOP).enumerate() {
            let x = &padded[window * HOP..][..WINDOW];
            let (sums, differences) = folded.split_at_mut(HOP);
            for n in 0..HOP - 1 {
                let (early, late) = (x[n + 1], x[WINDOW - 1 - n]);
                sums[n] = early + late;
                differences[n] = early - late;
            }
            sums[HOP - 1] = x[HOP];
            differences[HOP - 1] = 0.0;
        }
    }
    let count = chunks.len() * SPECTRA;
    let from = |first| Columns { per_chunk: 1, chunk_stride: 2 * HOP, stride: 0, first };
    let to = Columns { per_chunk: 1, chunk_stride: 64, stride: 0, first: 0 };
    let (real, imaginary) = (&mut scratch.real, &mut scratch.imaginary);
    multiply::<FMA>(&network.cosines, count, (&scratch.folded, from(0)), (real, to), Then::Nothing);
    multiply::<FMA>(&network.sines, count, (&scratch.folded, from(HOP)), (imaginary, to), Then::Nothing);
    for column in 0..count {
        let first = column / SPECTRA * SPECTRUM_ROOM + (column % SPECTRA + 1) * BINS;
        let out = &mut scratch.layers[0][first..][..BINS];
        let (real, imaginary) = (&scratch.real[column * 64..][..64], &scratch.imaginary[column * 64..][..64]);
        for bin in 0..64 {
            out[bin] = (real[bin] * real[bin] + imaginary[bin] * imaginary[bin]).sqrt();
        }
        let sums = &scratch.folded[column * 2 * HOP..][..HOP];
        let mut highest = [0.0; 8];
        for (x, weight) in sums.as_chunks::<8>().0.iter().zip(network.nyquist.as_chunks::<8>().0) {
            for lane in 0..8 {
                highest[lane] = mul_add::<FMA>(weight[lane], x[lane], highest[lane]);
            }
        }
        out[64] = highest.iter().sum::<f32>().abs();
    }
}

/// The LSTM's step and the sum over its cells.
#[inline(always)]
fn cell<const FMA: bool>(network: &Network, gates: &[f32], chunk: &mut Chunk) {
    let Memory { hidden, cell } = &mut chunk.memory;
    let (input, rest) = gates.split_at(CELLS);
    let (forget, rest) = rest.split_at(CELLS);
    let (candidate, output) = rest.split_at(CELLS);
    let mut sums = [0.0; 8];
    for first in (0..CELLS).step_by(8) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let n = first + lane;
            let kept = sigmoid::<FMA>(forget[n]) * cell[n];
            cell[n] = mul_add::<FMA>(sigmoid::<FMA>(input[n]), tanh::<FMA>(candidate[n]), kept);
            hidden[n] = sigmoid::<FMA>(output[n]) * tanh::<FMA>(cell[n]);
            *sum = mul_add::<FMA>(network.output[n], hidden[n].max(0.0), *sum);
        }
    }
    chunk.probability = sigmoid::<FMA>(sums.iter().sum::<f32>() + network.output_bias);
}
