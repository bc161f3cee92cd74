//! The contract of [`Vad`], run against each detector.

use proptest::prelude::*;

use super::*;
use crate::audio::FRAME_SAMPLES;

const FRAMES_A_SECOND: usize = 50;

fn judge(detector: &mut dyn Vad, samples: &[i16]) -> Vec<VadFrame> {
    samples.as_chunks::<FRAME_SAMPLES>().0.iter().map(|frame| detector.process(frame)).collect()
}

/// A recorded caller: the words of `call-silence`, one after the other and again, scaled to this peak.
fn speech(ms: usize, peak: f32) -> Vec<i16> {
    let call = recorded();
    let words = [&call[7_270 * 8..10_280 * 8], &call[1_980 * 8..4_490 * 8], &call[13_100 * 8..14_740 * 8]].concat();
    let loudest = words.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    let gain = peak / f32::from(loudest);
    words.iter().cycle().take(ms * 8).map(|&sample| (f32::from(sample) * gain) as i16).collect()
}

/// The caller of a call that falls silent at 14.740 s.
fn recorded() -> Vec<i16> {
    let bytes = include_bytes!("../../fixtures/call-silence.caller.ulaw");
    bytes.iter().map(|&code| crate::codec::mulaw::decode(code)).collect()
}

/// White noise, uniform within `peak` of 0.
fn noise(ms: usize, peak: i16, seed: u64) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..ms * 8).map(|_| random.i16(-peak..=peak)).collect()
}

fn hum(ms: usize) -> Vec<i16> {
    (0..ms * 8).map(|i| (1500.0 * (i as f32 * std::f32::consts::TAU * 50.0 / 8000.0).sin()) as i16).collect()
}

fn voiced(judged: &[VadFrame]) -> usize {
    judged.iter().filter(|frame| frame.voiced).count()
}

#[test]
fn digital_silence_is_never_voiced() {
    for kind in Detector::ALL {
        let mut detector = build(kind);
        assert_eq!(voiced(&judge(detector.as_mut(), &[0; 10 * 8000])), 0, "{kind:?} from the start");
        judge(detector.as_mut(), &speech(2000, 20_000.0));
        let judged = judge(detector.as_mut(), &[0; 10 * 8000]);
        assert_eq!(voiced(&judged[10..]), 0, "{kind:?} after speech");
    }
}

#[test]
fn reset_makes_it_new() {
    let sound = [noise(500, 100, 1), speech(1500, 8_000.0), noise(1000, 100, 2), speech(500, 3_000.0)].concat();
    for kind in Detector::ALL {
        let fresh = judge(build(kind).as_mut(), &sound);
        let mut used = build(kind);
        judge(used.as_mut(), &noise(7_000, 20_000, 3));
        judge(used.as_mut(), &speech(1000, 20_000.0));
        used.reset();
        assert_eq!(judge(used.as_mut(), &sound), fresh, "{kind:?}");
    }
}

#[test]
fn speech_is_found_in_quiet_and_in_noise() {
    for kind in Detector::ALL {
        for (floor, peak) in [(20, 4_000.0), (100, 10_000.0), (400, 30_000.0)] {
            let mut detector = build(kind);
            judge(detector.as_mut(), &noise(6_000, floor, 4));
            let mut sound = speech(2_000, peak);
            for (sample, noise) in sound.iter_mut().zip(noise(2_000, floor, 5)) {
                *sample = sample.saturating_add(noise);
            }
            let found = voiced(&judge(detector.as_mut(), &sound));
            assert!(found * 10 >= 2 * FRAMES_A_SECOND * 7, "{kind:?} in noise of {floor}: {found} frames of 100");
            judge(detector.as_mut(), &noise(400, floor, 6));
            let after = voiced(&judge(detector.as_mut(), &noise(5_000, floor, 7)));
            assert!(after <= 5, "{kind:?} in noise of {floor}: {after} frames after the words");
        }
    }
}

#[test]
fn steady_hum_is_learned_within_seconds() {
    for kind in Detector::ALL {
        let mut detector = build(kind);
        judge(detector.as_mut(), &hum(5_000));
        assert_eq!(voiced(&judge(detector.as_mut(), &hum(5_000))), 0, "{kind:?}");
    }
}

#[test]
fn steady_noise_is_learned_within_seconds() {
    // webrtc-vad alone never gets used to loud noise.
    for kind in [Detector::Energy, Detector::Cascade, Detector::Silero] {
        let mut detector = build(kind);
        judge(detector.as_mut(), &noise(5_000, 3_000, 8));
        assert_eq!(voiced(&judge(detector.as_mut(), &noise(5_000, 3_000, 9))), 0, "{kind:?}");
    }
}

#[test]
fn long_speech_is_not_swallowed() {
    for kind in Detector::ALL {
        let mut detector = build(kind);
        judge(detector.as_mut(), &noise(2_000, 20, 10));
        judge(detector.as_mut(), &speech(30_000, 8_000.0));
        let found = voiced(&judge(detector.as_mut(), &speech(10_000, 8_000.0)));
        assert!(found >= 5 * FRAMES_A_SECOND, "{kind:?}: {found} frames of 500 after half a minute");
    }
}

#[test]
fn a_recorded_callers_words_and_their_end_are_found() {
    let samples = recorded();
    for kind in Detector::ALL {
        let judged = judge(build(kind).as_mut(), &samples);
        for (start_ms, end_ms) in [(1_980, 4_490), (7_270, 10_280), (13_100, 14_740)] {
            let words = &judged[start_ms / 20..end_ms / 20];
            assert!(voiced(words) * 2 > words.len(), "{kind:?}: {} of {} frames", voiced(words), words.len());
        }
        let last = judged.iter().rposition(|frame| frame.voiced).unwrap();
        let end_ms = (last as i64 + 1) * 20;
        assert!((end_ms - 14_740).abs() <= 200, "{kind:?}: the last voiced frame ends at {end_ms} ms");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_samples_are_judged(samples in proptest::collection::vec(any::<i16>(), 0..8000)) {
        for kind in Detector::ALL {
            for frame in judge(build(kind).as_mut(), &samples) {
                prop_assert!((0.0..=1.0).contains(&frame.score));
            }
        }
    }
}
