//! What is written is read; what is not whole is not; arbitrary bytes do no harm.

use std::time::Duration;

use proptest::prelude::*;

use super::{bytes::Bytes, input::put_input, *};
use crate::{
    assistant::{FarewellKind, Greeting, HangupTool, Intent, LevelFloor, Reminder, Settings},
    audio::Encoding,
    call::{AnnouncementKind, IntentPlace, SaidBy, ToolFault},
    carrier::{CallAnswer, CallStatus, CarrierEvent, Digit, MarkId, RequestOutcome},
    mix::Announcement,
    model::{AppendedSpan, ItemId, ModelEvent, ModelTraits, ResponseId, ResponseStatus, ToolCallId},
    session::{Input, Session, SessionConfig},
    time::Timestamp,
    vad::{self, Detector},
};

const FAREWELL: &[u8] = include_bytes!("../../../fixtures/voices/en/farewell-silence.ulaw");

fn config() -> SessionConfig {
    let settings = Settings {
        level_floor: LevelFloor::new(17.3).unwrap(),
        greeting: Some(Greeting { interruptible: false }),
        hangup_call: Some(HangupTool::default()),
        intents: vec![Intent { name: "book “a” table".into(), ends_call: true }],
        reminder: Some(Reminder { after: Duration::from_secs_f64(20.1) }),
        ..Settings::default()
    };
    SessionConfig { settings, model: ModelTraits { hears_speech: true, answers: false }, encoding: Encoding::Pcm24k }
}

fn header() -> Header {
    Header::new(&config(), "combined", "CA1", "front desk", 1_700_000_000_000)
}

/// Every kind of input, filled from these numbers.
fn inputs<'a>(a: u32, b: u64, text: &'a str, bytes: &'a [u8]) -> Vec<Input<'a>> {
    let (response, item, call) = (ResponseId(a), ItemId(a / 2), ToolCallId(a / 3));
    let span = Some(AppendedSpan { start_ms: b / 2, end_ms: b });
    let failed = ResponseStatus::Failed { retry_after: Some(Duration::from_nanos(b)) };
    let mut inputs = vec![
        Input::Operator,
        Input::Drain,
        Input::ToolDone { call, result: Ok(()) },
        Input::ToolDone { call, result: Err(ToolFault::ALL[a as usize % ToolFault::ALL.len()]) },
        Input::Carrier(CarrierEvent::Started),
        Input::Carrier(CarrierEvent::Media { timestamp_ms: None, payload: bytes }),
        Input::Carrier(CarrierEvent::Media { timestamp_ms: Some(b), payload: bytes }),
        Input::Carrier(CarrierEvent::Digit(Digit::new('#').unwrap())),
        Input::Carrier(CarrierEvent::Mark(MarkId { generation: a, number: a / 2 })),
        Input::Carrier(CarrierEvent::Stopped),
        Input::Carrier(CarrierEvent::Closed { clean: a.is_multiple_of(2) }),
        Input::Carrier(CarrierEvent::Reopened { lost_at: Timestamp::from_micros(b) }),
        Input::Carrier(CarrierEvent::Answer(CallAnswer::Hangup(RequestOutcome::Failed))),
        Input::Carrier(CarrierEvent::Answer(CallAnswer::Say(RequestOutcome::Done))),
        Input::Carrier(CarrierEvent::Answer(CallAnswer::Status(CallStatus::Unreachable))),
        Input::Model(ModelEvent::Ready),
        Input::Model(ModelEvent::Lost),
        Input::Model(ModelEvent::SpeechStarted { at_ms: b }),
        Input::Model(ModelEvent::Committed),
        Input::Model(ModelEvent::InputPartial { start_ms: Some(b) }),
        Input::Model(ModelEvent::InputPartial { start_ms: None }),
        Input::Model(ModelEvent::InputTranscript { span, text }),
        Input::Model(ModelEvent::InputTranscript { span: None, text: "" }),
        Input::Model(ModelEvent::InputTranscriptFailed { span }),
        Input::Model(ModelEvent::ResponseCreated { response }),
        Input::Model(ModelEvent::Audio { response, item, payload: bytes }),
        Input::Model(ModelEvent::ItemDone { response, item, transcript: text }),
        Input::Model(ModelEvent::ToolCall { response, call, name: text, arguments: "{}", completed: true }),
    ];
    for status in [ResponseStatus::Completed, ResponseStatus::Cancelled, ResponseStatus::Incomplete, failed] {
        inputs.push(Input::Model(ModelEvent::ResponseDone { response, status }));
    }
    let kinds = FarewellKind::ALL.into_iter().map(AnnouncementKind::Farewell);
    let announcement = Announcement::from_mulaw(FAREWELL).unwrap();
    for (kind, by) in kinds
        .chain([AnnouncementKind::Reminder, AnnouncementKind::Filler])
        .chain((0..IntentPlace::COUNT).filter_map(IntentPlace::new).map(AnnouncementKind::IntentFiller))
        .zip([SaidBy::Voice, SaidBy::OtherVoice, SaidBy::Builtin].into_iter().cycle())
    {
        inputs.push(Input::Rendered { kind, by, announcement: announcement.clone() });
    }
    inputs
}

/// A short call that is over.
fn written() -> Vec<u8> {
    let mut session = Session::new(config(), vad::build(Detector::default()), Timestamp::ZERO);
    session.capture(Recorder::new(&header()));
    let mut bytes = Vec::new();
    let drain = |session: &mut Session| while session.poll_output().is_some() {};
    session.handle_input(Timestamp::ZERO, Input::Carrier(CarrierEvent::Started));
    drain(&mut session);
    for n in 1..=20 {
        let at = Timestamp::from_millis(20 * n);
        let media = CarrierEvent::Media { timestamp_ms: Some(20 * n), payload: &[n as u8; 160] };
        session.handle_input(at, Input::Carrier(media));
        drain(&mut session);
        session.tick(at + Duration::from_micros(n));
        drain(&mut session);
        session.handle_timeout(at + Duration::from_micros(n));
        drain(&mut session);
        bytes.extend(session.recorder().as_mut().unwrap().take());
    }
    session.handle_input(Timestamp::from_millis(500), Input::Carrier(CarrierEvent::Stopped));
    drain(&mut session);
    let recorder = session.recorder().take().unwrap();
    bytes.extend(recorder.finish(session.record()));
    bytes
}

/// Where the records of a capture end.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut at = MAGIC.len() + 4;
    let mut ends = vec![at];
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        at += RECORD_HEAD + length as usize;
        ends.push(at);
    }
    ends
}

#[test]
fn a_call_is_read_as_it_was_written() {
    let bytes = written();
    let capture = Capture::read(&bytes).unwrap();
    assert_eq!((&capture.header, capture.state), (&header(), State::Complete));
    assert_eq!(capture.steps.len(), 1 + 3 * 20 + 1);
    let end = capture.end.as_ref().unwrap();
    assert_eq!((end.steps, end.lost_steps, end.sha256.len()), (62, 0, 64));
    assert_eq!(end.ending.reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(end.ending.closed_us, Some(500_000));
    assert_eq!(capture.steps[5].at, Timestamp::from_micros(40_002));
    assert!(matches!(capture.steps[5].what, What::Tick), "{:?}", capture.steps[5]);
    assert_eq!(capture.length(), Timestamp::from_millis(500));
    let first: Vec<_> = told(capture.steps[0].outputs).collect();
    assert!(
        matches!(first[..], [Told::Ledger { cause: "the stream begins", at: Timestamp::ZERO, .. }, ..]),
        "the connection that a new session asks for is not part of it: {first:?}"
    );
    let appended = capture.steps.iter().flat_map(|step| told(step.outputs)).filter_map(|told| {
        let Told::ToModel(bytes) = told else { return None };
        Some(bytes)
    });
    assert_eq!(appended.sum::<u64>(), 0, "no model was there");
}

#[test]
fn what_is_cut_off_is_read_up_to_the_last_whole_record() {
    let bytes = written();
    let whole = Capture::read(&bytes).unwrap();
    let ends = boundaries(&bytes);
    assert_eq!(ends.last(), Some(&bytes.len()));
    for cut in 0..bytes.len() {
        let records = ends.iter().filter(|end| **end <= cut).count();
        match Capture::read(&bytes[..cut]) {
            Err(CaptureError::Foreign) => assert!(cut < 8),
            Err(CaptureError::Empty) => assert!(records < 2, "{cut}"),
            Err(error) => panic!("{cut}: {error}"),
            Ok(capture) => {
                assert_eq!((capture.state, capture.end.is_none()), (State::CutOff, true));
                // The first boundary is the preamble's, the second the header's.
                assert_eq!(capture.steps.len(), records - 2, "cut at {cut}");
                let last = records - 2;
                assert!(last == 0 || capture.steps[last - 1].outputs == whole.steps[last - 1].outputs);
            }
        }
    }
}

#[test]
fn a_damaged_byte_is_found_where_it_is() {
    let bytes = written();
    let ends = boundaries(&bytes);
    for at in (ends[1]..bytes.len()).step_by(7) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x20;
        let capture = Capture::read(&wrong).unwrap();
        let start = *ends.iter().rfind(|end| **end <= at).unwrap();
        // A length may now be anything that fits into the file or does not.
        assert!(matches!(capture.state, State::Damaged(place) if place == start) || capture.state == State::CutOff);
        assert!(capture.end.is_none() && capture.steps.len() == ends.iter().filter(|end| **end <= start).count() - 2);
    }
    let mut more = bytes.clone();
    more.push(0);
    assert_eq!(Capture::read(&more).unwrap().state, State::Damaged(bytes.len()), "nothing may follow the end");
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    let error = |bytes: &[u8]| Capture::read(bytes).expect_err("refused").to_string();
    assert!(error(b"RIFF....WAVEfmt ").contains("no capture of a call"));
    assert!(error(b"").contains("no capture of a call"));
    let mut future = written();
    future[8] = 2;
    assert!(error(&future).contains("format version 2, and this program reads version 1"));
    let mut newer = MAGIC.to_vec();
    newer.extend(FORMAT.to_le_bytes());
    newer.extend([0; RECORD_HEAD]);
    newer.push(HEADER);
    newer.extend(br#"{"rules_version":1,"mood":"good"}"#);
    seal(&mut newer, 12);
    let told = error(&newer);
    assert!(told.contains("unknown field `mood`") && told.contains("newer quietline"), "{told}");
}

#[test]
fn what_was_lost_is_counted_and_what_is_left_can_be_read() {
    let mut session = Session::new(config(), vad::build(Detector::default()), Timestamp::ZERO);
    session.capture(Recorder::new(&header()));
    let mut kept = Vec::new();
    for n in 0..10 {
        session.tick(Timestamp::from_millis(20 * n));
        while session.poll_output().is_some() {}
        let recorder = session.recorder().as_mut().unwrap();
        if n < 5 {
            kept.extend(recorder.take());
        } else if n == 5 {
            recorder.stop();
        }
    }
    assert_eq!(session.recorder().as_ref().unwrap().waiting(), 0);
    kept.extend(session.recorder().take().unwrap().finish(session.record()));
    let capture = Capture::read(&kept).unwrap();
    assert_eq!((capture.steps.len(), capture.state), (5, State::Overflowed(5)));
}

proptest! {
    #[test]
    fn every_input_is_read_as_it_was_written(
        a in any::<u32>(),
        b in any::<u64>(),
        text in ".{0,20}",
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        for input in inputs(a, b, &text, &bytes) {
            let mut out = Vec::new();
            put_input(&mut out, &input);
            let mut from = Bytes(&out);
            let What::Input(read) = What::take(&mut from).unwrap() else { panic!("{input:?}") };
            // Inputs hold shared audio, which is no `PartialEq`; its `Debug` shows all of it.
            prop_assert_eq!(format!("{:?}", read), format!("{:?}", input));
            prop_assert!(from.is_empty());
            // What is shorter is refused, or is another whole input; it never panics.
            for length in 0..out.len().min(64) {
                let _ = What::take(&mut Bytes(&out[..length]));
            }
        }
    }

    #[test]
    fn arbitrary_records_do_no_harm(records in proptest::collection::vec((0u8..5, proptest::collection::vec(any::<u8>(), 0..60)), 0..12), tail in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = Recorder::new(&header()).take();
        for (kind, content) in &records {
            let start = bytes.len();
            bytes.extend([0; RECORD_HEAD]);
            bytes.push(*kind);
            bytes.extend(content);
            seal(&mut bytes, start);
        }
        bytes.extend(tail);
        let capture = Capture::read(&bytes).unwrap();
        prop_assert!(capture.steps.len() <= records.len());
        for step in &capture.steps {
            prop_assert!(told(step.outputs).count() <= step.outputs.len());
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        if ours {
            bytes.splice(..0, MAGIC.iter().copied().chain(FORMAT.to_le_bytes()));
        }
        let _ = Capture::read(&bytes);
        let _ = told(&bytes).count();
    }
}
