//! Our own voice on the line: it is nobody who speaks, and it does not cover the caller.

use quietline::{
    assistant::Settings,
    audio::{Dbfs, Frame},
    call::{Cause, EchoPath, Reason},
    codec::mulaw,
    replay::{Heard, Listening, Outcome, Replay},
    vad::{Detector, Vad, VadFrame, build},
};

/// Takes everything for speech that can be heard at all: what the guard lets through is the guard's doing.
struct Credulous;

impl Vad for Credulous {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let voiced = Dbfs::of(frame).db() > -52.0;
        VadFrame::new(voiced, f32::from(u8::from(voiced)))
    }

    fn reset(&mut self) {}
}

fn fixture(name: &str) -> Vec<i16> {
    let path = format!("{}/fixtures/{name}.ulaw", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap().iter().map(|&code| mulaw::decode(code)).collect()
}

fn listen(call: &str, vad: Box<dyn Vad>) -> Heard {
    let (caller, agent) = (fixture(&format!("{call}.caller")), fixture(&format!("{call}.bot")));
    Listening { caller: &caller, agent: Some(&agent), talkspurt: Settings::default().talkspurt() }.with(vad)
}

fn detectors() -> Vec<Box<dyn Vad>> {
    let built = Detector::ALL.into_iter().map(build);
    built.chain([Box::new(Credulous) as Box<dyn Vad>]).collect()
}

/// Starts of talkspurts in this stretch, ms.
fn starts(heard: &Heard, from_ms: f64, to_ms: f64) -> Vec<f64> {
    let starts = heard.talkspurts.iter().map(|spurt| spurt.heard.start.as_millis_f64());
    starts.filter(|start| (from_ms..to_ms).contains(start)).collect()
}

fn assert_path(path: Option<EchoPath>, delay_ms: f64, loss_db: f32) {
    let path = path.expect("the path has been found");
    assert!((path.delay_ms() - delay_ms).abs() <= 8.0, "{path:?}, in truth {delay_ms} ms");
    assert!((path.loss_db - loss_db).abs() <= 2.5, "{path:?}, in truth {loss_db} dB");
}

#[test]
fn echo_alone_makes_no_talkspurt_whatever_the_detector() {
    for vad in detectors() {
        let heard = listen("call-echo", vad);
        assert_eq!(starts(&heard, 4_600.0, 37_000.0), [0.0; 0]);
        assert_path(heard.echo, 150.0, 30.0);
    }
}

#[test]
fn a_caller_who_talks_over_us_is_found_once_louder_than_the_echo() {
    for vad in detectors() {
        let heard = listen("call-double-talk", vad);
        // The first 280 ms of the first turn are as quiet as the echo.
        for (turn, within) in [(10_880.0, 320.0), (17_030.0, 40.0), (25_000.0, 40.0)] {
            let found = starts(&heard, turn - 100.0, turn + within);
            assert!(!found.is_empty(), "nothing at {turn} ms: {:?}", starts(&heard, 0.0, 72_000.0));
        }
        assert_eq!(starts(&heard, 28_000.0, 72_000.0), [0.0; 0], "from then on there is only echo");
        assert_path(heard.echo, 180.0, 26.0);
    }
}

/// A caller who says nothing, but whose line gives back what it is sent: 200 ms later, `loss_db` weaker.
fn echoing(loss_db: f32, over: impl Fn(&Outcome) -> Vec<(f64, Vec<i16>)>) -> (Outcome, Outcome) {
    let call = |caller: Vec<i16>| Replay { caller, detector: Detector::Webrtc, ..Replay::default() };
    let silent = call(vec![0; 8_000]).run().unwrap();
    let gain = 10f32.powf(-loss_db / 20.0);
    let back = silent.audio.1.iter().map(|&code| (f32::from(mulaw::decode(code)) * gain) as i16);
    let mut caller: Vec<i16> = std::iter::repeat_n(0, 1_600).chain(back).collect();
    for (at_ms, words) in over(&silent) {
        let at = (at_ms * 8.0) as usize;
        caller.resize(caller.len().max(at + words.len()), 0);
        for (sample, word) in caller[at..].iter_mut().zip(words) {
            *sample = sample.saturating_add(word);
        }
    }
    let echoed = call(caller).run().unwrap();
    (silent, echoed)
}

fn taken_back(outcome: &Outcome) -> usize {
    outcome.ledger.iter().filter(|entry| matches!(entry.cause, Cause::TakenBack { .. })).count()
}

#[test]
fn our_own_goodbye_coming_back_does_not_take_itself_back() {
    for loss_db in [20.0, 30.0] {
        let (silent, echoed) = echoing(loss_db, |_| Vec::new());
        assert_eq!((echoed.reason, taken_back(&echoed)), (Some(Reason::Silence), 0), "{loss_db} dB");
        assert_eq!(echoed.goodbye_ms, silent.goodbye_ms);
        assert!(echoed.talkspurts.is_empty(), "{:?}", echoed.talkspurts);
        let known = echoed.ledger.iter().find_map(|entry| match entry.cause {
            Cause::EchoKnown(path) => Some(path),
            _ => None,
        });
        assert_path(known, 200.0, loss_db);
    }
}

#[test]
fn a_caller_who_speaks_over_our_goodbye_takes_it_back_in_spite_of_the_echo() {
    let words = fixture("call-silence.caller")[13_100 * 8..14_700 * 8].to_vec();
    let (_, echoed) = echoing(24.0, |silent| vec![(silent.goodbye_ms.unwrap() + 1_500.0, words.clone())]);
    assert_eq!(taken_back(&echoed), 1, "{:?}", echoed.talkspurts);
}
