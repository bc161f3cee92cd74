//! What a resampler between 8 and 24 kHz does to tones: the figures of the tests and of `benches/resample.rs`.

use std::f64::consts::TAU;

/// Amplitude of the tones: half of full scale.
pub(crate) const AMPLITUDE: f64 = 16_000.0;

/// Figures of one direction, in dB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// Largest deviation of the gain from 1, up to 3.4 kHz.
    pub(crate) ripple: f64,
    /// All that a tone up to 3.4 kHz is turned into besides itself: images, rounding.
    pub(crate) images: f64,
    /// What is left of a tone of 4.1 kHz and more; none on the way up.
    pub(crate) aliases: f64,
}

/// Figures of `up`, which converts samples at 8 kHz.
pub(crate) fn of_up(mut up: impl FnMut(&[i16]) -> Vec<i16>) -> Quality {
    let (ripple, images) = passed(8_000, 24_000, &mut up);
    Quality { ripple, images, aliases: f64::NEG_INFINITY }
}

/// Figures of `down`, which converts samples at 24 kHz.
pub(crate) fn of_down(mut down: impl FnMut(&[i16]) -> Vec<i16>) -> Quality {
    let (ripple, images) = passed(24_000, 8_000, &mut down);
    let stopped = (41..120).map(|h| {
        let out = middle(&down(&tone(f64::from(h) * 100.0, 24_000)), 8_000);
        let power = out.iter().map(|s| s * s).sum::<f64>() / out.len() as f64;
        10.0 * (power.max(1e-9) / (AMPLITUDE * AMPLITUDE / 2.0)).log10()
    });
    Quality { ripple, images, aliases: stopped.fold(f64::NEG_INFINITY, f64::max) }
}

/// Ripple and images.
fn passed(from: u32, to: u32, convert: &mut impl FnMut(&[i16]) -> Vec<i16>) -> (f64, f64) {
    let (mut ripple, mut images) = (0f64, f64::NEG_INFINITY);
    for hz in (1..=68).map(|n| f64::from(n) * 50.0) {
        let (gain, rest) = gain_and_rest(&middle(&convert(&tone(hz, from)), to), hz, to);
        (ripple, images) = (ripple.max(gain.abs()), images.max(rest));
    }
    (ripple, images)
}

fn tone(hz: f64, rate: u32) -> Vec<i16> {
    sine(hz, rate, 2 * rate as usize).iter().map(|s| s.round() as i16).collect()
}

pub(crate) fn sine(hz: f64, rate: u32, samples: usize) -> Vec<f64> {
    (0..samples).map(|i| AMPLITUDE * (TAU * hz * i as f64 / f64::from(rate)).sin()).collect()
}

/// One second from the middle of two, so that edges do not count.
fn middle(samples: &[i16], rate: u32) -> Vec<f64> {
    let second = rate as usize;
    samples[second / 2..][..second].iter().map(|&s| f64::from(s)).collect()
}

/// Gain of the tone in dB and the rest below it in dB, over whole periods of 1 Hz.
pub(crate) fn gain_and_rest(signal: &[f64], hz: f64, rate: u32) -> (f64, f64) {
    assert_eq!(signal.len() % rate as usize, 0, "whole seconds");
    let n = signal.len() as f64;
    let (mut re, mut im, mut total) = (0.0, 0.0, 0.0);
    for (i, &s) in signal.iter().enumerate() {
        let (sin, cos) = (TAU * hz * i as f64 / f64::from(rate)).sin_cos();
        (re, im, total) = (re + s * cos, im + s * sin, total + s * s);
    }
    let amplitude = 2.0 / n * re.hypot(im);
    let tone_power = amplitude * amplitude / 2.0;
    let rest = (total / n - tone_power).max(1e-9);
    (20.0 * (amplitude / AMPLITUDE).log10(), 10.0 * (rest / tone_power).log10())
}
