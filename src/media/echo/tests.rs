//! The guard as a whole, with sounds made here.

use proptest::prelude::*;

use super::*;

const RATE: f32 = 8_000.0;

/// A voice of sorts: syllables of changing length, pitch and colour at about -20 dBFS, the same for the same seed.
fn voice(seed: u64, frames: usize) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut samples = Vec::with_capacity((frames + 40) * FRAME_SAMPLES);
    while samples.len() < frames * FRAME_SAMPLES {
        let length = random.usize(600..2_400);
        let (pitch, colour) = (90.0 + 120.0 * random.f32(), 350.0 + 2_400.0 * random.f32());
        let loud = if random.usize(0..5) == 0 { 0.0 } else { 2_500.0 + 6_000.0 * random.f32() };
        for n in 0..length {
            let t = n as f32 / RATE;
            let shape = (std::f32::consts::PI * n as f32 / length as f32).sin();
            let tones = (t * pitch * std::f32::consts::TAU).sin() * (t * colour * std::f32::consts::TAU).sin();
            samples.push((loud * shape * tones) as i16);
        }
    }
    samples.truncate(frames * FRAME_SAMPLES);
    samples
}

/// What the line brings: `voice` so many samples later and this much weaker, over a little noise.
fn line(voice: &[i16], delay: usize, loss_db: f32) -> Vec<i16> {
    let gain = 10f32.powf(-loss_db / 20.0);
    let mut random = fastrand::Rng::with_seed(7);
    let echo = std::iter::repeat_n(0, delay).chain(voice.iter().copied()).take(voice.len());
    echo.map(|sample| (f32::from(sample) * gain) as i16 + random.i16(-8..=8)).collect()
}

/// Runs a call in which `sent` is heard as it is sent; tells which frames of `heard` are taken for ours.
fn run(echo: &mut Echo, sent: &[i16], heard: &[i16]) -> Vec<bool> {
    let (frames, _) = heard.as_chunks::<FRAME_SAMPLES>();
    let from = echo.next.max(1) / HOPS * HOPS * HOP as u64;
    let frames = frames.iter().zip(sent.chunks(FRAME_SAMPLES)).enumerate();
    let judge = |(n, (frame, sent)): (usize, (&Frame, &[i16]))| {
        let at = MediaTime::from_samples(from + (n * FRAME_SAMPLES) as u64);
        echo.sent(at, sent);
        echo.is_ours(at, frame, Dbfs::of(frame))
    };
    frames.map(judge).collect()
}

fn add(one: &[i16], other: &[i16]) -> Vec<i16> {
    one.iter().zip(other).map(|(a, b)| a.saturating_add(*b)).collect()
}

#[test]
fn delay_and_loss_are_found_within_two_seconds() {
    for (delay_ms, loss_db) in [(40, 20.0), (123, 30.0), (250, 40.0), (400, 26.0), (600, 35.0)] {
        let (mut echo, sent) = (Echo::new(), voice(delay_ms, 100));
        let ours = run(&mut echo, &sent, &line(&sent, delay_ms as usize * 8, loss_db));
        let theirs: Vec<usize> = (0..100).filter(|&n| !ours[n]).collect();
        assert!(theirs.iter().all(|&n| n < 10), "{delay_ms} ms, {loss_db} dB: {theirs:?}");
        let path = echo.path().unwrap_or_else(|| panic!("{delay_ms} ms, {loss_db} dB: nothing found"));
        let error_ms = path.delay.as_secs_f64() * 1e3 - delay_ms as f64;
        assert!(
            error_ms.abs() <= 5.0 && (path.loss_db - loss_db).abs() <= 1.5,
            "{delay_ms} ms, {loss_db} dB: {path:?}"
        );
        assert!(path.confidence > 0.5, "{path:?}");
    }
}

#[test]
fn the_caller_is_heard_over_the_echo_and_changes_nothing() {
    let (mut echo, sent, caller) = (Echo::new(), voice(1, 600), voice(2, 600));
    let alone = line(&sent, 960, 30.0);
    let over: Vec<i16> = caller.iter().map(|sample| sample / 6).collect();
    let heard = [&alone[..40_000], &add(&alone, &over)[40_000..72_000], &alone[72_000..]].concat();
    let ours = run(&mut echo, &sent, &heard);
    assert!(ours[10..250].iter().all(|&ours| ours), "{:?}", (0..250).filter(|&n| !ours[n]).collect::<Vec<_>>());
    let found = ours[250..450].iter().filter(|&&ours| !ours).count();
    assert!(found > 80, "{found} of 200 frames, the caller 14 dB louder than the echo");
    assert!(ours[460..].iter().all(|&ours| ours), "as before");
    let path = echo.path().expect("it was known before");
    assert!((path.delay_ms() - 120.0).abs() <= 5.0 && (path.loss_db - 30.0).abs() <= 2.0, "{path:?}");
}

#[test]
fn a_line_without_echo_has_no_path_and_lets_a_quiet_caller_through() {
    let (mut echo, sent) = (Echo::new(), voice(3, 400));
    run(&mut echo, &sent, &line(&sent, 0, 90.0));
    let caller: Vec<i16> = voice(4, 100).iter().map(|sample| sample / 16).collect();
    let ours = run(&mut echo, &voice(5, 100), &caller);
    let found = ours.iter().filter(|&&ours| !ours).count();
    assert!(found > 50, "{found} of 100 frames, some 24 dB below us");
    assert_eq!(echo.path(), None);
}

#[test]
fn callers_who_talk_all_the_time_are_no_echo() {
    for seed in 10..16 {
        let (mut echo, sent) = (Echo::new(), voice(seed, 1_500));
        run(&mut echo, &sent, &voice(100 + seed, 1_500));
        assert_eq!(echo.path(), None, "seed {seed}");
    }
}

#[test]
fn a_path_that_changes_is_followed() {
    let (mut echo, sent) = (Echo::new(), voice(6, 1_500));
    let heard = [&line(&sent, 800, 40.0)[..80_000], &line(&sent, 2_400, 25.0)[80_000..]].concat();
    let ours = run(&mut echo, &sent, &heard);
    let path = echo.path().expect("there is one all the time");
    assert!((path.delay_ms() - 300.0).abs() <= 5.0 && (path.loss_db - 25.0).abs() <= 2.0, "{path:?}");
    assert!(ours[1_000..].iter().all(|&ours| ours), "20 s on, 10 s after the change");
}

#[test]
fn what_is_sent_ahead_is_heard_later_and_what_is_cleared_never() {
    let (mut echo, sent) = (Echo::new(), voice(8, 3_000));
    for (n, frame) in sent.chunks(FRAME_SAMPLES).enumerate() {
        echo.sent(MediaTime::from_samples((n * FRAME_SAMPLES) as u64), frame);
    }
    let mut is_ours = |ms: u64, level: f32| {
        let level = Dbfs::new(level);
        let amplitude = (level.power().sqrt() * 32_768.0) as i16;
        echo.is_ours(MediaTime::from_millis(ms), &[amplitude; FRAME_SAMPLES], level)
    };
    assert!(!is_ours(0, -45.0), "nothing can have come back");
    assert!(is_ours(20_000, -45.0) && is_ours(59_980, -45.0), "an announcement of a minute, sent whole");
    assert!(is_ours(60_400, -45.0) && !is_ours(61_000, -45.0));
    let mut echo = Echo::new();
    echo.sent(MediaTime::ZERO, &sent[..16_000]);
    echo.cleared(MediaTime::from_millis(1_000));
    let frame = [180; FRAME_SAMPLES];
    assert!(echo.is_ours(MediaTime::from_millis(1_100), &frame, Dbfs::of(&frame)), "still on its way");
    assert!(!echo.is_ours(MediaTime::from_millis(2_000), &frame, Dbfs::of(&frame)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_audio_and_no_order_of_events_panics(
        events in prop::collection::vec((0u8..4, 0u64..90_000_000, 0usize..=FRAME_SAMPLES, any::<u64>()), 1..200)
    ) {
        let mut echo = Echo::new();
        let mut at = MediaTime::ZERO;
        for (what, jump, length, seed) in events {
            let mut random = fastrand::Rng::with_seed(seed);
            let frame: Frame = std::array::from_fn(|_| random.i16(..));
            match what {
                0 => echo.sent(at + jump % 480_000, &frame[..length]),
                1 => echo.cleared(at),
                2 => at += jump,
                _ => for _ in 0..length {
                    echo.is_ours(at, &frame, Dbfs::of(&frame));
                    at += FRAME_SAMPLES as u64;
                },
            }
            if let Some(EchoPath { delay, loss_db, confidence }) = echo.path() {
                prop_assert!((20..=640).contains(&delay.as_millis()));
                prop_assert!((0.0..=70.0).contains(&loss_db) && (0.0..=1.0).contains(&confidence));
            }
        }
    }
}
