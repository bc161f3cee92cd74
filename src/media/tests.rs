use std::time::Duration;

use super::{backlog::Backlog, line::Line, *};
use crate::{
    audio::{Dbfs, FRAME_SAMPLES, Frame, MULAW_SILENCE},
    call::EndedBy,
    carrier::Payload,
    codec::mulaw,
    resample::Down,
    vad::VadFrame,
};

struct LevelVad;

impl Vad for LevelVad {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let voiced = Dbfs::of(frame).db() > -45.0;
        VadFrame::new(voiced, 0.0)
    }

    fn reset(&mut self) {}
}

fn ms(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn path() -> MediaPath {
    let config = TalkspurtConfig { min_speech: Duration::from_millis(120), hangover: Duration::from_millis(300) };
    let mut path = MediaPath::new(config, Box::new(LevelVad), Encoding::Mulaw);
    path.start(ms(0));
    path.model_ready();
    path
}

/// A sine, loud enough to be voiced.
fn sine(hz: f64, length_ms: u64) -> Vec<u8> {
    let sample = |n: u64| (4_000.0 * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin()) as i16;
    (0..length_ms * 8).map(|n| mulaw::encode(sample(n))).collect()
}

/// No two samples' surroundings are alike.
fn pattern(samples: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x7f
    };
    (0..samples).map(|_| next()).collect()
}

/// Works everything off, and gives what the model got of it.
fn drain(path: &mut MediaPath) -> Vec<u8> {
    let mut got = Vec::new();
    for _ in 0..200 {
        for _ in 0..FRAMES_PER_TICK {
            path.hear();
        }
        let mut fed = [0; FED_BYTES];
        for _ in 0..FRAMES_PER_TICK {
            got.extend_from_slice(path.feed(&mut fed).unwrap_or_default());
        }
    }
    got
}

/// Audio that was sent, with a `None` for each clear.
fn sent(path: &mut MediaPath) -> Vec<Option<Vec<u8>>> {
    let mut sent = Vec::new();
    while let Some(command) = path.poll_outbound() {
        match command {
            CarrierCommand::Media(payload) => sent.push(Some(payload.samples().to_vec())),
            CarrierCommand::Clear => sent.push(None),
            CarrierCommand::Mark(_) | CarrierCommand::Request(_) => {}
        }
    }
    sent
}

#[test]
fn payloads_of_any_size_are_cut_into_frames() {
    let audio = pattern(FRAME_SAMPLES * 30);
    let mut path = path();
    let (mut from, mut size) = (0, 1);
    while from < audio.len() {
        let to = (from + size).min(audio.len());
        path.receive(ms(to as u64 / 8), None, &audio[from..to]);
        (from, size) = (to, size * 2 % 397 + 1);
    }
    assert_eq!(drain(&mut path), audio);
    assert_eq!(path.hearing().media, MediaTime::from_millis(600));
}

#[test]
fn a_gap_in_the_time_stamps_is_silence() {
    let audio = pattern(FRAME_SAMPLES * 2);
    let mut path = path();
    path.receive(ms(20), Some(155), &audio[..160]);
    path.receive(ms(240), Some(375), &audio[160..]);
    let got = drain(&mut path);
    assert_eq!(got.len(), 12 * FRAME_SAMPLES);
    assert_eq!((&got[..160], &got[11 * 160..]), (&audio[..160], &audio[160..]));
    assert!(got[160..11 * 160].iter().all(|&code| code == MULAW_SILENCE));
    assert_eq!(path.inbound_counters().gap_samples, 1_600);
    // A stamp that makes no sense is counted and believed no further.
    path.receive(ms(260), Some(9_000_000), &audio[..160]);
    assert_eq!((drain(&mut path).len(), path.inbound_counters().bad_timestamps), (160, 1));
}

#[test]
fn a_late_first_frame_has_silence_before_it() {
    let mut path = path();
    path.receive(ms(2_420), Some(2_555), &pattern(160));
    drain(&mut path);
    assert_eq!(path.hearing().media, MediaTime::from_millis(2_420));
    assert_eq!(path.clock().to_call(MediaTime::from_millis(2_420)), ms(2_420));
}

#[test]
fn a_burst_is_worked_off_in_steps_and_dated_by_its_samples() {
    let mut path = path();
    path.receive(ms(20), None, &[MULAW_SILENCE; 160]);
    path.receive(ms(2_000), None, &[[MULAW_SILENCE; 160].as_slice(), &sine(300.0, 1_960)].concat());
    let mut counted = None;
    for _ in 0..FRAMES_PER_TICK {
        let events = path.hear().expect("more is waiting");
        counted = counted.or(events.into_iter().flatten().next());
    }
    assert!(!path.hearing().caught_up);
    assert!(matches!(counted, Some(Heard::Counts(spurt)) if spurt.start == ms(40)), "{counted:?}");
    drain(&mut path);
    assert!(path.hearing().caught_up);
}

#[test]
fn a_burst_of_4_s_is_kept_and_what_is_more_is_dropped_and_counted() {
    let mut path = path();
    let burst = pattern(32_000);
    path.receive(ms(4_000), Some(0), &burst);
    path.receive(ms(4_000), Some(4_000), &[0x12; 160]);
    assert_eq!(path.inbound_counters().dropped_bytes, 160);
    path.make_room();
    let got = drain(&mut path);
    assert_eq!((&got[..32_000], &got[32_000..]), (&burst[..], &[MULAW_SILENCE; 160][..]));
    // The room of the burst is given back; the count stays.
    path.make_room();
    path.receive(ms(4_040), Some(4_020), &burst[..160]);
    assert_eq!((drain(&mut path), path.inbound_counters().dropped_bytes), (burst[..160].to_vec(), 160));
}

#[test]
fn a_lull_ends_the_talkspurt() {
    let mut path = path();
    path.receive(ms(200), None, &sine(300.0, 200));
    drain(&mut path);
    assert!(path.hear_lull(ms(399)).is_none() && path.hearing().open.is_some());
    let ended = path.hear_lull(ms(620));
    assert!(matches!(ended, Some(Heard::Ended(spurt)) if spurt.end == ms(200)), "{ended:?}");
    assert!(path.hearing().open.is_none());
}

#[test]
fn what_was_said_over_a_hold_is_fed_from_its_first_sample() {
    let audio = pattern(160 * 100);
    let mut path = path();
    path.receive(ms(1_000), None, &audio[..8_000]);
    assert_eq!(drain(&mut path).len(), 8_000);
    path.command(ms(1_000), MediaCommand::HoldModel);
    path.receive(ms(2_000), None, &audio[8_000..]);
    assert!(drain(&mut path).is_empty());
    path.command(ms(2_000), MediaCommand::FeedModel { from: ms(1_500) });
    assert_eq!(drain(&mut path), audio[12_000..]);
    // Appended time: 1.0 s before the hold, then what began at 1.5 s.
    assert_eq!(path.appended_to_call(900), ms(900));
    assert_eq!(path.appended_to_call(1_100), ms(1_600));
    // A new session counts anew, with what is kept since.
    path.model_lost();
    path.receive(ms(2_100), None, &audio[..800]);
    assert!(drain(&mut path).is_empty());
    path.model_ready();
    assert_eq!(drain(&mut path), audio[..800]);
    assert_eq!(path.appended_to_call(50), ms(2_050));
}

#[test]
fn a_model_that_is_away_for_long_gets_the_newest_5_s() {
    let mut path = path();
    path.model_lost();
    let audio = pattern(8_000 * 7);
    for (n, second) in audio.chunks(8_000).enumerate() {
        path.receive(ms(1_000 * (n as u64 + 1)), None, second);
        drain(&mut path);
    }
    path.model_ready();
    assert_eq!(drain(&mut path), audio[16_000..]);
    assert_eq!(path.feed_dropped(), 16_000);
}

#[test]
fn the_backlog_is_cut_at_the_last_pause() {
    let (word, pause) = (sine(300.0, 500), vec![MULAW_SILENCE; 200 * 8]);
    let speech = [&word, &pause, &word, &pause, &word].map(Vec::as_slice).concat();
    let cut = |limit_ms: u64| {
        let mut backlog = Backlog::new();
        assert!(backlog.append(ResponseId(0), ItemId(0), &speech));
        backlog.limit_to(limit_ms * 8);
        backlog.unsent() / 8
    };
    assert!((500..=700).contains(&cut(1_100)), "in the first pause: {}", cut(1_100));
    assert!((1_200..=1_400).contains(&cut(1_800)), "in the second: {}", cut(1_800));
    assert_eq!(cut(400), 400, "no pause: in mid-word");
    assert_eq!(cut(5_000), 1_900, "it fits");
}

/// Plays the agent until `until`, in ticks.
fn speak(path: &mut MediaPath, until: u64) -> Vec<Option<Vec<u8>>> {
    let mut all = Vec::new();
    for tick in (0..until).step_by(20) {
        path.receive(ms(tick + 20), None, &[MULAW_SILENCE; 160]);
        drain(path);
        path.speak(ms(tick + 20));
        all.extend(sent(path));
    }
    all
}

#[test]
fn an_interruption_truncates_what_was_not_heard() {
    let mut path = path();
    for item in 0..3 {
        path.agent_audio(ResponseId(0), ItemId(item), &sine(300.0, 500));
        path.item_done(ItemId(item));
    }
    speak(&mut path, 700);
    path.command(ms(700), MediaCommand::StopAgent);
    let told: Vec<_> = std::iter::from_fn(|| path.poll_truncation()).collect();
    // The first frame was heard at 20 ms: 680 ms in, 180 of the second item.
    assert_eq!(told, [(ItemId(1), 180), (ItemId(2), 0)]);
    let last = sent(&mut path);
    assert!(matches!(&last[..], [None, Some(frame)] if frame.len() == 160), "a clear and one ramped frame");
    let events: Vec<_> = std::iter::from_fn(|| path.poll_event()).collect();
    assert!(matches!(events.last(), Some(MediaEvent::AgentSilent { by: EndedBy::Clear, .. })), "{events:?}");
}

#[test]
fn the_joint_of_agent_and_farewell_has_no_audible_step() {
    let kind = AnnouncementKind::Reminder;
    let pcm: Vec<i16> = sine(220.0, 1_000).into_iter().map(mulaw::decode).collect();
    for at in (400..600).step_by(20) {
        let mut path = path();
        path.rendered(kind, Announcement::render(&pcm).expect("a sine can be rendered"));
        path.agent_audio(ResponseId(0), ItemId(0), &sine(170.0, 3_000));
        let agent: Vec<u8> = speak(&mut path, at).into_iter().flatten().flatten().collect();
        path.command(ms(at), MediaCommand::Announce { kind, until: None, over_agent: true });
        let rest: Vec<u8> = sent(&mut path).into_iter().flatten().flatten().collect();
        // The agent began at 20 ms: that much of it was heard.
        let heard = [&agent[..(at as usize - 20) * 8], &rest].concat();
        let pcm: Vec<i32> = heard.iter().map(|&code| i32::from(mulaw::decode(code))).collect();
        let step = pcm.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(step <= Some(3_277), "{step:?} at {at} ms");
    }
}

#[test]
fn a_mark_of_an_older_generation_proves_nothing() {
    let mut line = Line::new();
    line.send(MediaTime::ZERO, 1_600);
    let old = line.mark(MediaTime::ZERO, line::Behind::Terminal);
    line.clear(MediaTime::from_millis(50));
    line.send(MediaTime::from_millis(50), 1_600);
    let new = line.mark(MediaTime::from_millis(50), line::Behind::Terminal);
    assert!(line.echoed(MediaTime::from_millis(60), old).is_none());
    assert!(line.echoed(MediaTime::from_millis(260), new).is_some());
    assert!(line.echoed(MediaTime::from_millis(270), new).is_none(), "doubled");
}

#[test]
fn marks_that_come_late_lengthen_the_lead_up_to_a_second() {
    let mut line = Line::new();
    let lead = |line: &Line, now| (0..200).take_while(|n| line.wants_more_than(now, *n * 80)).count();
    assert_eq!(lead(&line, MediaTime::ZERO), 20);
    let mut now = MediaTime::ZERO;
    for late in [0, 100, 400, 800, 800] {
        line.send(now, 1_600);
        let mark = line.mark(now, line::Behind::Agent(0));
        // More is on its way behind it.
        line.send(now, 80_000);
        now = MediaTime::from_samples(now.samples() + 1_600 + late * 8);
        line.echoed(now, mark);
        now += 160_000;
    }
    assert_eq!((line.underruns, lead(&line, now)), (4, 100), "1 s");
}

#[test]
fn announcements_are_sent_whole_at_once() {
    let kind = AnnouncementKind::Filler;
    let pcm: Vec<i16> = sine(220.0, 2_000).into_iter().map(mulaw::decode).collect();
    let rendering = Announcement::render(&pcm).expect("a sine can be rendered");
    let mut path = path();
    path.rendered(kind, rendering.clone());
    path.command(ms(20), MediaCommand::Announce { kind, until: None, over_agent: false });
    let command = path.poll_outbound();
    let whole = matches!(&command, Some(CarrierCommand::Media(Payload::Part { from: 0, to, .. })) if *to == rendering.samples());
    assert!(whole, "{command:?}");
    assert!(matches!(path.poll_outbound(), Some(CarrierCommand::Mark(_))));
}

#[test]
fn a_reopened_stream_goes_on_where_the_caller_stopped_hearing() {
    let mut path = path();
    let speech = pattern(8_000 * 3);
    path.agent_audio(ResponseId(0), ItemId(0), &speech);
    path.item_done(ItemId(0));
    speak(&mut path, 500);
    // Broken at 0.5 s, there again at 0.6 s; the time stamps begin anew.
    path.reopened(ms(500));
    assert_eq!(sent(&mut path), [], "nothing to be cleared on the new stream");
    path.receive(ms(620), Some(155), &[MULAW_SILENCE; 160]);
    drain(&mut path);
    assert_eq!(path.hearing().media, MediaTime::from_millis(620));
    assert_eq!(path.inbound_counters().gap_samples, 100 * 8);
    path.speak(ms(620));
    let again: Vec<u8> = sent(&mut path).into_iter().flatten().flatten().collect();
    // The first frame was heard from 20 ms on: 480 ms of it were.
    assert_eq!(again[..160], speech[480 * 8..500 * 8]);
    path.receive(ms(640), Some(175), &[MULAW_SILENCE; 160]);
    assert_eq!((drain(&mut path).len(), path.inbound_counters().bad_timestamps), (160, 0));
}

/// The filter's delay must not cost a frame of 20 ms.
#[test]
fn a_wide_band_agent_in_real_time_is_sent_frame_by_frame() {
    let config = TalkspurtConfig { min_speech: Duration::from_millis(120), hangover: Duration::from_millis(300) };
    let mut path = MediaPath::new(config, Box::new(LevelVad), Encoding::Pcm24k);
    path.start(ms(0));
    let sample = |n: usize| (8_000.0 * (std::f64::consts::TAU * 500.0 * n as f64 / 24_000.0).sin()) as i16;
    let wide: Vec<u8> = (0..24_000).flat_map(|n| sample(n).to_le_bytes()).collect();
    let mut heard = Vec::new();
    for (n, payload) in wide.chunks(960).enumerate() {
        path.agent_audio(ResponseId(0), ItemId(0), payload);
        assert!(path.is_short(ms(20 * n as u64)), "frame {n} waits");
        path.speak(ms(20 * n as u64));
        let frames = sent(&mut path);
        assert_eq!(frames.len(), 1, "frame {n}");
        heard.extend(frames.into_iter().flatten().flatten());
        assert!(matches!(path.poll_event(), Some(MediaEvent::AgentAudible { .. })) == (n == 0));
    }
    path.item_done(ItemId(0));
    path.speak(ms(1_000));
    heard.extend(sent(&mut path).into_iter().flatten().flatten());
    // Silence of the filter's delay, then all of the item.
    let first = heard.iter().position(|&code| mulaw::decode(code).unsigned_abs() > 500).expect("it is heard");
    assert!((Down::TRAILS..Down::TRAILS + 4).contains(&first), "{first}");
    let last = heard.iter().rposition(|&code| mulaw::decode(code).unsigned_abs() > 500).expect("it is heard");
    assert!((8_000 + Down::TRAILS - 8..8_000 + Down::TRAILS).contains(&last), "{last}");
}
