use proptest::prelude::*;

use super::{
    fir::{Baseline, LINE},
    quality::{AMPLITUDE, gain_and_rest, of_down, of_up, sine},
    *,
};
use crate::audio::{FRAME_SAMPLES, Frame, SampleRate, WIDE_FRAME_SAMPLES};

fn pcm(samples: &[f64]) -> Vec<i16> {
    samples.iter().map(|s| s.round() as i16).collect()
}

fn up(samples: &[i16]) -> Vec<i16> {
    let (mut up, mut wide) = (Up::new(), [0; WIDE_FRAME_SAMPLES]);
    let mut out = Vec::new();
    for frame in samples.as_chunks::<FRAME_SAMPLES>().0 {
        up.process(frame, &mut wide);
        out.extend_from_slice(&wide);
    }
    out
}

fn down_in_chunks(down: &mut Down, samples: &[i16], lengths: &[usize]) -> Vec<i16> {
    let (mut out, mut rest) = (Vec::new(), samples);
    let mut sink = |piece: &[i16]| out.extend_from_slice(piece);
    for &length in lengths {
        let (chunk, later) = rest.split_at(length.min(rest.len()));
        down.push(chunk, &mut sink);
        rest = later;
    }
    down.push(rest, &mut sink);
    down.finish(&mut sink);
    out
}

fn down(samples: &[i16]) -> Vec<i16> {
    down_in_chunks(&mut Down::new(), samples, &[])
}

fn noise(samples: usize, seed: u64) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..samples).map(|_| random.i16(-12_000..=12_000)).collect()
}

#[test]
fn up_is_flat_and_without_images() {
    let quality = of_up(up);
    assert!(quality.ripple <= 0.05 && quality.images <= -70.0, "{quality:?}");
}

#[test]
fn down_is_flat_adds_nothing_and_lets_no_alias_through() {
    let quality = of_down(down);
    assert!(quality.ripple <= 0.05 && quality.images <= -70.0 && quality.aliases <= -70.0, "{quality:?}");
}

#[test]
fn neither_delays_by_more_than_2_5_ms_nor_keeps_more_than_256_bytes() {
    assert!(Up::DELAY <= std::time::Duration::from_micros(2_500));
    let (samples, mut down, mut given) = (noise(5_000, 5), Down::new(), 0);
    for (n, sample) in samples.iter().enumerate() {
        down.push(&[*sample], &mut |out| given += out.len());
        // All but the last 57 samples, a third of them, rounded up.
        assert_eq!(given, (n + 1).saturating_sub(57).div_ceil(3), "after {} samples", n + 1);
    }
    assert!(size_of::<Up>() <= 256 && size_of::<Down>() <= 256);
}

#[test]
fn every_machine_gives_the_same_bits() {
    let full_scale = |n: usize| if n.is_multiple_of(7) == n.is_multiple_of(3) { i16::MAX } else { i16::MIN };
    for line in [noise(3 * LINE, 6), (0..3 * LINE).map(full_scale).collect(), vec![i16::MIN; 3 * LINE]] {
        let wide: &[i16; 3 * LINE] = line.first_chunk().unwrap();
        let narrow: &[i16; LINE] = line.first_chunk().unwrap();
        let (mut here, mut anywhere) = ([0; WIDE_FRAME_SAMPLES], [0; WIDE_FRAME_SAMPLES]);
        fir::up(narrow, &mut here);
        fir::up_with(Baseline, narrow, &mut anywhere);
        assert_eq!(here, anywhere);
        assert!(here.iter().any(|&sample| sample != 0));
        for outputs in [1, 31, 32, 33, FRAME_SAMPLES] {
            let (mut here, mut anywhere) = (vec![0; outputs], vec![0; outputs]);
            fir::down(wide, &mut here);
            fir::down_with(Baseline, wide, &mut anywhere);
            assert_eq!(here, anywhere);
            assert!(here.iter().any(|&sample| sample != 0));
        }
    }
}

#[test]
fn silence_stays_silence() {
    assert!(up(&[0; 3 * FRAME_SAMPLES]).iter().all(|&sample| sample == 0));
    assert!(down(&[0; 1_000]).iter().all(|&sample| sample == 0));
}

#[test]
fn up_lags_by_its_stated_delay() {
    let delay = (Up::DELAY.as_micros() * 24 / 1_000) as usize;
    let mut impulse = vec![0; 5 * FRAME_SAMPLES];
    impulse[FRAME_SAMPLES + 37] = 20_000;
    let out = up(&impulse);
    let peak = (0..out.len()).max_by_key(|&i| out[i]).unwrap();
    assert_eq!(peak, (FRAME_SAMPLES + 37) * 3 + delay);
    assert!((1..200).all(|i| out[peak - i].abs_diff(out[peak + i]) <= 1), "linear phase");

    let input = noise(16_000, 1);
    let out = up(&input);
    let correlation = |lag: usize| -> i64 {
        input[..15_000].iter().enumerate().map(|(i, &s)| i64::from(s) * i64::from(out[3 * i + lag])).sum()
    };
    assert_eq!((0..700).max_by_key(|&lag| correlation(lag)).unwrap(), delay);
}

#[test]
fn up_resets_to_a_new_stream() {
    let frame: Frame = noise(FRAME_SAMPLES, 2).try_into().unwrap();
    let (mut up, mut first, mut again) = (Up::new(), [0; WIDE_FRAME_SAMPLES], [0; WIDE_FRAME_SAMPLES]);
    up.process(&frame, &mut first);
    up.reset();
    up.process(&frame, &mut again);
    assert_eq!(first, again);
}

#[test]
fn down_has_no_lag() {
    let mut impulse = vec![0; 4_000];
    impulse[3 * 400] = 20_000;
    let out = down(&impulse);
    assert_eq!((0..out.len()).max_by_key(|&i| out[i]).unwrap(), 400);
}

#[test]
fn there_and_back_is_the_same_signal() {
    let input = pcm(&sine(1000.0, 8_000, 12_000));
    let back = down(&up(&input));
    let lag = (Up::DELAY.as_micros() * 8 / 1_000) as usize;
    let second: Vec<f64> = back[lag + 500..][..8_000].iter().map(|&s| f64::from(s)).collect();
    let (gain, _) = gain_and_rest(&second, 1000.0, 8_000);
    assert!(gain.abs() <= 0.1, "the ripple of both: {gain} dB");
    let gain = 10f64.powf(gain / 20.0);
    assert!(second.iter().zip(&input[500..]).all(|(s, &i)| (s - gain * f64::from(i)).abs() <= 3.0));
}

#[test]
fn down_gives_exact_lengths_item_after_item() {
    let (samples, mut down) = (noise(2_000, 3), Down::new());
    for n in (0..10).chain([239, 240, 241, 479, 480, 481, 960, 1_443, 2_000]) {
        assert_eq!(down_in_chunks(&mut down, &samples[..n], &[]).len(), n.div_ceil(3), "{n} samples");
    }
}

#[test]
fn full_scale_does_not_wrap() {
    let square: Vec<i16> = (0..4_800).map(|i| if i / 48 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    for (out, half, lag) in [(down(&square), 16, 0), (up(&square), 144, 57)] {
        for n in 1..out.len() / half - 2 {
            let sample = out[n * half + half / 2 + lag];
            assert!(if n % 2 == 0 { sample > 25_000 } else { sample < -25_000 }, "half-wave {n}: {sample}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_change_nothing(
        samples in 0usize..4_000,
        lengths in proptest::collection::vec(prop_oneof![0usize..4, 0usize..1_500], 0..40),
    ) {
        let (samples, mut down) = (noise(samples, 4), Down::new());
        let one_piece = down_in_chunks(&mut down, &samples, &[]);
        let chunked = down_in_chunks(&mut down, &samples, &lengths);
        prop_assert_eq!(chunked.len(), samples.len().div_ceil(3));
        prop_assert_eq!(one_piece, chunked);
    }
}

#[test]
fn whole_keeps_sines_of_common_rates() {
    for rate in [44_100, 48_000, 16_000, 11_025, 22_050, 24_000, 4_000, 32_001] {
        let hz = if rate == 4_000 { 1_000.0 } else { 3_000.0 };
        let input: Vec<f32> = sine(hz, rate, 3 * rate as usize).iter().map(|&s| s as f32).collect();
        let out = whole(&input, SampleRate::new(rate).unwrap(), SampleRate::TELEPHONE).unwrap();
        assert_eq!(out.len(), 24_000, "{rate} Hz");
        let out: Vec<f64> = out[8_000..16_000].iter().map(|&s| f64::from(s)).collect();
        let (gain, rest) = gain_and_rest(&out, hz, 8_000);
        assert!(gain.abs() <= 0.1 && rest <= -60.0, "{rate} Hz: gain {gain} dB, rest {rest} dB");
        // Equal to the sine sample by sample: neither lag nor drift.
        let worst = out.iter().zip(sine(hz, 8_000, 8_000)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 0.002 * AMPLITUDE, "{rate} Hz: off by {worst}");
    }
}

#[test]
fn whole_lets_no_alias_through() {
    for (rate, tones) in
        [(44_100, [4_100.0, 4_700.0, 9_000.0, 21_000.0]), (16_000, [4_100.0, 4_700.0, 6_000.0, 7_900.0])]
    {
        for hz in tones {
            let input: Vec<f32> = sine(hz, rate, 3 * rate as usize).iter().map(|&s| s as f32).collect();
            let out = whole(&input, SampleRate::new(rate).unwrap(), SampleRate::TELEPHONE).unwrap();
            let loudest = out[8_000..16_000].iter().fold(0f32, |peak, s| peak.max(s.abs()));
            assert!(f64::from(loudest) <= AMPLITUDE / 1_000.0, "{hz} Hz at {rate} Hz: {loudest} of {AMPLITUDE}");
        }
    }
}

#[test]
fn whole_rounds_the_length() {
    for (rate, samples, expected) in
        [(44_100, 1, 0), (44_100, 3, 1), (44_100, 44_100, 8_000), (16_000, 3, 2), (4_000, 7, 14)]
    {
        let out = whole(&vec![0.1; samples], SampleRate::new(rate).unwrap(), SampleRate::TELEPHONE).unwrap();
        assert_eq!(out.len(), expected, "{samples} samples at {rate} Hz");
    }
}

#[test]
fn whole_of_equal_rates_is_the_same_and_of_nothing_is_nothing() {
    let input = [0.1, -0.2, 0.3];
    assert_eq!(whole(&input, SampleRate::TELEPHONE, SampleRate::TELEPHONE).unwrap(), input);
    assert!(whole(&[], SampleRate::WIDE, SampleRate::TELEPHONE).unwrap().is_empty());
}

#[test]
fn whole_takes_odd_rates_at_the_bounds() {
    for rate in [4_001, 7_999, 8_001, 383_999, 384_000] {
        let out = whole(&vec![0.5; 2 * rate as usize], SampleRate::new(rate).unwrap(), SampleRate::TELEPHONE).unwrap();
        assert_eq!(out.len(), 16_000);
        assert!((out[8_000] - 0.5).abs() < 1e-3, "{rate} Hz: {}", out[8_000]);
    }
}
