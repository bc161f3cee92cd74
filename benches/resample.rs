//! What it costs to change between the telephone's 8 kHz and a model's 24 kHz, and what is had for it: our filter beside
//! `rubato`'s FFT resampler in blocks of 20 ms, whose delay is four times as long.
//!
//! `cargo bench --bench resample`; a throughput of 1 element is one 20 ms frame one way.

#[path = "../src/resample/quality.rs"]
mod quality;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quality::{Quality, of_down, of_up};
use quietline::{
    audio::{FRAME_SAMPLES, WIDE_FRAME_SAMPLES, to_float, to_pcm},
    resample::{Down, Up},
};
use rubato::{Fft, FixedSync, Resampler, WindowFunction, audioadapter_buffers::direct::InterleavedSlice};

/// A wide sample in milliseconds.
const WIDE_MS: f64 = 1.0 / 24.0;

/// rubato as it would stand in our place: 16-bit frames in and out.
struct Rubato {
    fft: Fft<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Rubato {
    fn new(from: usize, to: usize) -> Self {
        let samples = from / 50;
        let fft =
            Fft::new_custom(from, to, samples, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Input).expect("1:3");
        Self { fft, input: vec![0.0; samples], output: vec![0.0; to / 50] }
    }

    fn process(&mut self, input: &[i16], output: &mut [i16]) {
        for (float, &sample) in self.input.iter_mut().zip(input) {
            *float = to_float(sample);
        }
        let wave = InterleavedSlice::new(&self.input, 1, input.len()).expect("a block");
        let mut resampled = InterleavedSlice::new_mut(&mut self.output, 1, output.len()).expect("a block");
        self.fft.process_into_buffer(&wave, &mut resampled, None).expect("a block");
        for (sample, &float) in output.iter_mut().zip(&self.output) {
            *sample = to_pcm(float);
        }
    }

    fn all(from: usize, to: usize, samples: &[i16]) -> Vec<i16> {
        let mut rubato = Self::new(from, to);
        let mut block = vec![0; to / 50];
        let mut out = Vec::new();
        for samples in samples.chunks_exact(from / 50) {
            rubato.process(samples, &mut block);
            out.extend_from_slice(&block);
        }
        out
    }
}

fn up(samples: &[i16]) -> Vec<i16> {
    let (mut up, mut wide, mut out) = (Up::new(), [0; WIDE_FRAME_SAMPLES], Vec::new());
    for frame in samples.as_chunks().0 {
        up.process(frame, &mut wide);
        out.extend_from_slice(&wide);
    }
    out
}

fn down(samples: &[i16]) -> Vec<i16> {
    let (mut down, mut out) = (Down::new(), Vec::new());
    down.push(samples, &mut |piece| out.extend_from_slice(piece));
    down.finish(&mut |piece| out.extend_from_slice(piece));
    out
}

/// Where an impulse comes out, in milliseconds after it went in.
fn impulse_delay(convert: impl FnOnce(&[i16]) -> Vec<i16>, ms_in: f64, ms_out: f64) -> f64 {
    const AT: usize = 1_440;
    let mut impulse = vec![0; 3 * AT];
    impulse[AT] = 20_000;
    let out = convert(&impulse);
    let peak = (0..out.len()).max_by_key(|&n| out[n]).unwrap_or_default();
    peak as f64 * ms_out - AT as f64 * ms_in
}

/// What has to come after a sample before it is given out, for `Down` takes its lag off.
fn trail() -> f64 {
    let (mut down, mut pushed, mut given) = (Down::new(), 0, 0);
    while given == 0 {
        down.push(&[0], &mut |out| given += out.len());
        pushed += 1;
    }
    f64::from(pushed - 1) * WIDE_MS
}

/// The table beside the times.
#[expect(clippy::print_stdout, reason = "a bench's table")]
fn quality(_: &mut Criterion) {
    let narrow_ms = 3.0 * WIDE_MS;
    let rubato_up = |samples: &[i16]| Rubato::all(8_000, 24_000, samples);
    let rubato_down = |samples: &[i16]| Rubato::all(24_000, 8_000, samples);
    let rows: [(&str, f64, Quality); 4] = [
        ("ours, up", impulse_delay(up, narrow_ms, WIDE_MS), of_up(up)),
        ("ours, down", trail(), of_down(down)),
        ("rubato, up", impulse_delay(rubato_up, narrow_ms, WIDE_MS), of_up(rubato_up)),
        ("rubato, down", impulse_delay(rubato_down, WIDE_MS, narrow_ms), of_down(rubato_down)),
    ];
    println!("| resampler | delay, ms | ripple, dB | images, dB | aliases, dB |\n|---|---|---|---|---|");
    for (name, delay, Quality { ripple, images, aliases }) in rows {
        let aliases = if aliases.is_finite() { format!("{aliases:.1}") } else { "–".to_owned() };
        println!("| {name} | {delay:.3} | {ripple:.4} | {images:.1} | {aliases} |");
    }
}

fn noise<const N: usize>() -> [i16; N] {
    let mut random = fastrand::Rng::with_seed(1);
    std::array::from_fn(|_| random.i16(-12_000..=12_000))
}

/// A frame up, a frame down, ours and rubato's; the samples make no difference.
fn resample(c: &mut Criterion) {
    let (narrow, wide) = (noise::<FRAME_SAMPLES>(), noise::<WIDE_FRAME_SAMPLES>());
    let mut group = c.benchmark_group("resample");
    group.throughput(Throughput::Elements(1));
    group.bench_function("up/ours", |b| {
        let (mut up, mut out) = (Up::new(), [0; WIDE_FRAME_SAMPLES]);
        b.iter(|| up.process(black_box(&narrow), black_box(&mut out)));
    });
    group.bench_function("up/rubato", |b| {
        let (mut up, mut out) = (Rubato::new(8_000, 24_000), [0; WIDE_FRAME_SAMPLES]);
        b.iter(|| up.process(black_box(&narrow), black_box(&mut out)));
    });
    group.bench_function("down/ours", |b| {
        let mut down = Down::new();
        b.iter(|| down.push(black_box(&wide), &mut |out| _ = black_box(out)));
    });
    group.bench_function("down/rubato", |b| {
        let (mut down, mut out) = (Rubato::new(24_000, 8_000), [0; FRAME_SAMPLES]);
        b.iter(|| down.process(black_box(&wide), black_box(&mut out)));
    });
    group.finish();
}

criterion_group!(benches, quality, resample);
criterion_main!(benches);
