//! A short pattern against a long signal: normalised cross-correlation at every offset.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex};

/// Samples of a block: 4 s.
const BLOCK: usize = 1 << 14;
/// Quieter stretches than this are taken for so loud: what is next to nothing resembles everything. RMS, full scale 1.
const LEAST_RMS: f64 = 1e-4;

/// A signal, ready for any number of patterns (overlap-save: a block's spectrum is made once).
pub(super) struct Correlator<'a> {
    signal: &'a [f32],
    /// Longest pattern, in samples.
    longest: usize,
    spectra: Vec<Vec<Complex<f32>>>,
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    /// Energy of the signal before each sample.
    energy: Vec<f64>,
}

impl<'a> Correlator<'a> {
    /// For patterns of at most `longest` samples, less than a block.
    pub(super) fn new(signal: &'a [f32], longest: usize) -> Self {
        debug_assert!(longest < BLOCK);
        let mut planner = RealFftPlanner::new();
        let (forward, back) = (planner.plan_fft_forward(BLOCK), planner.plan_fft_inverse(BLOCK));
        let mut energy = vec![0.0];
        energy.extend(signal.iter().scan(0.0, |sum, &x| {
            *sum += f64::from(x * x);
            Some(*sum)
        }));
        let mut this = Self { signal, longest, spectra: Vec::new(), forward, back, energy };
        this.spectra = (0..signal.len()).step_by(this.step()).map(|from| this.spectrum(&signal[from..])).collect();
        this
    }

    /// Offsets of a block that no pattern leaves.
    fn step(&self) -> usize {
        BLOCK - self.longest
    }

    fn spectrum(&self, samples: &[f32]) -> Vec<Complex<f32>> {
        let (mut input, mut output) = (self.forward.make_input_vec(), self.forward.make_output_vec());
        let taken = samples.len().min(BLOCK);
        input[..taken].copy_from_slice(&samples[..taken]);
        self.forward.process(&mut input, &mut output).expect("lengths are the plan's own");
        output
    }

    /// How alike the pattern and the signal are from each offset on, 0 to 1, whatever their levels and signs. Beyond
    /// its end the signal is silent.
    pub(super) fn likeness(&self, pattern: &[f32], mut each: impl FnMut(usize, f32)) {
        let (wanted, own) = (self.spectrum(pattern), energy_of(pattern));
        let mut product = self.back.make_input_vec();
        let mut correlation = self.back.make_output_vec();
        for (block, spectrum) in self.spectra.iter().enumerate() {
            for ((out, signal), pattern) in product.iter_mut().zip(spectrum).zip(&wanted) {
                *out = signal * pattern.conj();
            }
            // Both ends of a real signal's spectrum are real but for rounding, which the transform would refuse.
            product[0].im = 0.0;
            product[BLOCK / 2].im = 0.0;
            self.back.process(&mut product, &mut correlation).expect("lengths are the plan's own");
            let from = block * self.step();
            for (n, &value) in correlation[..self.step().min(self.signal.len() - from)].iter().enumerate() {
                let end = (from + n + pattern.len()).min(self.signal.len());
                let energy = self.energy[end] - self.energy[from + n];
                each(from + n, normalised(f64::from(value) / BLOCK as f64, energy, own, pattern.len()));
            }
        }
    }
}

/// The same for one offset.
pub(super) fn likeness_at(signal: &[f32], offset: usize, pattern: &[f32]) -> f32 {
    let part = &signal[offset.min(signal.len())..(offset + pattern.len()).min(signal.len())];
    let value: f64 = part.iter().zip(pattern).map(|(a, b)| f64::from(a * b)).sum();
    normalised(value, energy_of(part), energy_of(pattern), pattern.len())
}

fn normalised(value: f64, signal: f64, pattern: f64, samples: usize) -> f32 {
    let least = LEAST_RMS * LEAST_RMS * samples as f64;
    (value.abs() / (signal.max(least) * pattern.max(least)).sqrt()).min(1.0) as f32
}

/// Sum of squares.
pub(super) fn energy_of(samples: &[f32]) -> f64 {
    samples.iter().map(|&x| f64::from(x * x)).sum()
}
