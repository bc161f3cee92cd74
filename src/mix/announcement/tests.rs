use super::*;

const SECOND: usize = 8_000;

/// Noise with a spectrum and a rhythm of syllables (4 Hz) like speech, at an RMS of about `amplitude` / 3.
fn speech(samples: usize, amplitude: f32, seed: u64) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut low = 0.0;
    (0..samples)
        .map(|i| {
            low += 0.4 * (random.f32() * 2.0 - 1.0 - low);
            let syllable = 0.25 + (std::f32::consts::PI * 4.0 * i as f32 / SECOND as f32).sin().abs();
            (low * syllable * amplitude) as i16
        })
        .collect()
}

fn silence(samples: usize) -> Vec<i16> {
    vec![0; samples]
}

fn decoded(codes: &[u8]) -> Vec<i16> {
    codes.iter().map(|&code| mulaw::decode(code)).collect()
}

/// One second of speech, 300 ms of pause, half a second of speech, 80 ms of gap, half a second of speech.
fn sentence() -> Vec<i16> {
    [speech(SECOND, 9_000.0, 1), silence(2_400), speech(4_000, 9_000.0, 2), silence(640), speech(4_000, 9_000.0, 3)]
        .concat()
}

#[test]
fn refuses_what_cannot_be_played() {
    assert_eq!(Announcement::render(&[]).unwrap_err(), AnnouncementError::Empty);
    assert_eq!(Announcement::render(&[3; 8_000]).unwrap_err(), AnnouncementError::Silent);
    assert_eq!(Announcement::from_mulaw(&[MULAW_SILENCE; 160]).unwrap_err(), AnnouncementError::Silent);
    let long = Announcement::render(&vec![1_000; 60 * SECOND + 1]).unwrap_err();
    assert_eq!(long, AnnouncementError::TooLong { seconds: 61 });
    assert!(Announcement::render(&vec![1_000; 60 * SECOND]).is_ok());
}

#[test]
fn a_single_sample_is_one_frame() {
    let announcement = Announcement::render(&[20_000]).unwrap();
    assert_eq!((announcement.samples(), announcement.duration()), (160, Duration::from_millis(20)));
}

#[test]
fn words_come_to_the_target_at_any_level() {
    for amplitude in [300.0, 1_000.0, 9_000.0, 30_000.0] {
        for seed in 0..4 {
            let words = speech(2 * SECOND, amplitude, seed);
            let input =
                [silence(500), words, silence(4_000), speech(SECOND, amplitude, seed + 9), silence(3_000)].concat();
            let announcement = Announcement::render(&input).unwrap();
            let out = decoded(announcement.mulaw());
            let pause = announcement.pauses()[0].clone();
            let words = [&out[LEAD..pause.start], &out[pause.end..announcement.sound_end]].concat();
            let level = Dbfs::of(&words).db();
            assert!((level - TARGET_DBFS).abs() <= 0.5, "{amplitude}: {level} dBFS");
        }
    }
}

#[test]
fn peaks_are_bent_not_wrapped() {
    // A click far above faint speech: the target is out of reach, and signs must survive.
    let mut input = speech(SECOND, 1_200.0, 5);
    input[4_000] = i16::MAX;
    input[4_001] = i16::MIN;
    let announcement = Announcement::render(&input).unwrap();
    let out = decoded(announcement.mulaw());
    let peak = (0..out.len()).max_by_key(|&i| out[i]).unwrap();
    assert!(out[peak] > 30_000 && out[peak + 1] < -30_000);
}

#[test]
fn silence_at_the_edges_is_taken_off() {
    let input = [silence(4_000), speech(SECOND, 9_000.0, 1), silence(4_000)].concat();
    let announcement = Announcement::render(&input).unwrap();
    let samples = announcement.samples();
    assert!((LEAD + SECOND + TAIL - 120..=LEAD + SECOND + TAIL + 160).contains(&samples), "{samples}");
    assert_eq!(samples % FRAME_SAMPLES, 0);
    assert_eq!(announcement.mulaw()[samples - 1], MULAW_SILENCE);
}

#[test]
fn edges_fade_even_without_silence() {
    let input: Vec<i16> = vec![8_000; SECOND];
    let out = decoded(Announcement::render(&input).unwrap().mulaw());
    assert_eq!((out[0], out[SECOND - 1]), (0, 0));
    let steepest = out.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap();
    assert!(steepest <= 300, "{steepest}");
}

#[test]
fn finds_pauses_but_not_the_gaps_of_words() {
    let announcement = Announcement::render(&sentence()).unwrap();
    let [pause] = announcement.pauses() else { panic!("{:?}", announcement.pauses()) };
    assert!(pause.start.abs_diff(SECOND) <= 80 && pause.end.abs_diff(SECOND + 2_400) <= 80, "{pause:?}");
}

#[test]
fn cuts_in_the_last_pause_before_the_limit() {
    let announcement = Announcement::render(&sentence()).unwrap();
    let pause = announcement.pauses()[0].clone();
    let at_pause = Cut { end_samples: pause.start + CUT_FADE, at_pause: true };
    assert_eq!(announcement.cut_before(14_000), at_pause);
    assert_eq!(announcement.cut_before(pause.start + CUT_FADE), at_pause);
    let close = announcement.cut_before(pause.start + 10);
    assert_eq!(close, Cut { end_samples: pause.start + 10, at_pause: true });
    assert_eq!(announcement.cut_before(5_000), Cut { end_samples: 5_000, at_pause: false });
    assert_eq!(announcement.cut_before(0), Cut { end_samples: 0, at_pause: false });
    let whole = Cut { end_samples: announcement.samples(), at_pause: true };
    assert_eq!(announcement.cut_before(announcement.samples()), whole);
    assert_eq!(announcement.cut_before(usize::MAX), whole);
}

#[test]
fn a_cut_fades_and_fills_its_frame() {
    let announcement = Announcement::render(&sentence()).unwrap();
    let cut = announcement.cut_before(5_000);
    let out = announcement.mulaw_until(cut);
    assert_eq!(out.len(), 5_120);
    assert!(out[..4_840] == announcement.mulaw()[..4_840], "untouched before the fade");
    let (before, after) = (decoded(&announcement.mulaw()[4_960..5_000]), decoded(&out[4_960..5_000]));
    assert!(Dbfs::of(&after).db() < Dbfs::of(&before).db() - 12.0);
    assert!(out[4_999..].iter().all(|&code| code & 0x7f == 0x7f));
}

#[test]
fn cuts_at_the_bounds() {
    let announcement = Announcement::render(&sentence()).unwrap();
    assert!(announcement.mulaw_until(Cut { end_samples: 0, at_pause: false }).is_empty());
    let whole = announcement.mulaw_until(announcement.cut_before(usize::MAX));
    assert!(Arc::ptr_eq(&whole, announcement.mulaw()));
}

#[test]
fn rendering_twice_changes_little() {
    let once = Announcement::render(&sentence()).unwrap();
    let twice = Announcement::from_mulaw(once.mulaw()).unwrap();
    assert!(once.samples().abs_diff(twice.samples()) <= 160);
    assert_eq!(once.pauses().len(), twice.pauses().len());
}
