//! The band in which a rendering is found again.

use realfft::RealFftPlanner;

/// Samples a second of what comes out.
pub(super) const RATE: usize = 4_000;
/// What every telephone codec keeps the waveform of, in Hz.
const BAND: std::ops::Range<f64> = 200.0..1_200.0;

/// The band of a recording at 8 kHz, brought to [`RATE`]; exactly half as many samples, without lag.
pub(super) fn narrow(samples: &[i16]) -> Vec<f32> {
    let half = samples.len() / 2;
    // A quarter of a second of silence keeps the end from reaching round to the start.
    let size = (samples.len() + RATE / 2).next_power_of_two().max(4);
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, back) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size / 2));
    let mut wide = forward.make_input_vec();
    for (to, &from) in wide.iter_mut().zip(samples) {
        *to = f32::from(from) / 32_768.0;
    }
    let mut spectrum = forward.make_output_vec();
    let mut out = back.make_output_vec();
    forward.process(&mut wide, &mut spectrum).expect("lengths are the plan's own");
    // Half the rate: the lower half of the spectrum.
    let mut lower = spectrum[..size / 4 + 1].to_vec();
    for (bin, value) in lower.iter_mut().enumerate() {
        if !BAND.contains(&(bin as f64 * 2.0 * RATE as f64 / size as f64)) {
            *value = Default::default();
        }
    }
    back.process(&mut lower, &mut out).expect("lengths are the plan's own");
    out.truncate(half);
    out.iter_mut().for_each(|sample| *sample /= size as f32);
    out
}
