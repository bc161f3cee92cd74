//! Whatever carrier and model send, in any order: nothing panics, and every call ends.

use std::time::Duration;

use proptest::prelude::*;
use quietline::{
    assistant::{FarewellKind, Greeting, HangupTool, Intent, MaxDuration, Settings},
    audio::Encoding,
    call::{AnnouncementKind, SaidBy, ToolFault},
    carrier::{CallAnswer, CallStatus, CarrierEvent, Digit, MarkId, RequestOutcome},
    model::{AppendedSpan, ItemId, ModelEvent, ModelTraits, ResponseId, ResponseStatus, ToolCallId},
    session::{Input, Session, SessionConfig},
    time::Timestamp,
};

use crate::sound::{LevelVad, rendering, voice};

/// An event with numbers to fill its fields from.
type Event = (u8, u32, u32, u64);

fn play(events: &[Event], wide: bool, transcription: bool) -> Timestamp {
    let settings = Settings {
        greeting: Some(Greeting { interruptible: true }),
        hangup_call: Some(HangupTool::default()),
        intents: vec![Intent { name: "book".into(), ends_call: true }],
        max_duration: MaxDuration::new(Duration::from_secs(60)).expect("within its bounds"),
        transcription,
        ..Settings::default()
    };
    let model = ModelTraits { hears_speech: true, answers: true };
    let encoding = if wide { Encoding::Pcm24k } else { Encoding::Mulaw };
    let config = SessionConfig { settings, model, encoding };
    let mut session = Session::new(config, Box::new(LevelVad), Timestamp::ZERO);
    let mut now = Timestamp::ZERO;
    let speech = crate::sound::codes(&voice(1, 400, -20.0));
    session.handle_input(now, Input::Carrier(CarrierEvent::Started));
    let mut events = events.iter();
    // Two minutes after the last event every bound has passed.
    let mut idle = 0;
    while !session.is_over() && idle < 7_000 {
        now += Duration::from_millis(20);
        match events.next() {
            Some(event) => one(&mut session, now, *event, &speech),
            None => idle += 1,
        }
        if session.poll_timeout().is_some_and(|(at, _)| at <= now) {
            session.handle_timeout(now);
            while session.poll_output().is_some() {}
        }
        session.tick(now);
        while session.poll_output().is_some() {}
    }
    assert!(session.is_over(), "the call has not ended at {now}");
    now
}

fn one(session: &mut Session, now: Timestamp, (kind, a, b, c): Event, speech: &[u8]) {
    let (response, item, call) = (ResponseId(a % 4), ItemId(b % 6), ToolCallId(b % 5));
    let mark = MarkId { generation: a % 4, number: b % 40 };
    let bytes = &speech[..(c as usize % speech.len())];
    let span = (a % 3 > 0).then_some(AppendedSpan { start_ms: c, end_ms: u64::from(b) });
    let text = ["", "Hello?", "Goodbye.", "Thanks, bye!"][(a % 4) as usize];
    let status = [
        ResponseStatus::Completed,
        ResponseStatus::Cancelled,
        ResponseStatus::Incomplete,
        ResponseStatus::Failed { retry_after: None },
        ResponseStatus::Failed { retry_after: Some(Duration::from_millis(u64::from(b) * 40)) },
    ][(b % 5) as usize];
    let outcome = [RequestOutcome::Done, RequestOutcome::Failed][(a % 2) as usize];
    let input = match kind % 23 {
        0..=3 => Input::Carrier(CarrierEvent::Media { timestamp_ms: None, payload: bytes }),
        4 => Input::Carrier(CarrierEvent::Media { timestamp_ms: Some(c), payload: bytes }),
        5 => Input::Carrier(CarrierEvent::Mark(mark)),
        6 => Input::Carrier(CarrierEvent::Digit(Digit::new('5').expect("a key"))),
        7 => Input::Carrier(CarrierEvent::Answer(CallAnswer::Hangup(outcome))),
        8 => Input::Carrier(CarrierEvent::Answer(CallAnswer::Say(outcome))),
        9 => Input::Carrier(CarrierEvent::Answer(CallAnswer::Status(CallStatus::Unreachable))),
        10 => Input::Model(ModelEvent::Ready),
        11 => Input::Model(ModelEvent::Lost),
        12 => Input::Model(ModelEvent::SpeechStarted { at_ms: c }),
        13 => Input::Model(ModelEvent::InputPartial { start_ms: Some(c) }),
        14 => Input::Model(ModelEvent::InputTranscript { span, text }),
        15 => Input::Model(ModelEvent::ResponseCreated { response }),
        16 => Input::Model(ModelEvent::Audio { response, item, payload: bytes }),
        17 => Input::Model(ModelEvent::ItemDone { response, item, transcript: text }),
        18 => {
            let name = ["hangup_call", "book", "unknown"][(a % 3) as usize];
            Input::Model(ModelEvent::ToolCall { response, call, name, arguments: "{", completed: c % 4 > 0 })
        }
        19 => Input::Model(ModelEvent::ResponseDone { response, status }),
        20 => Input::ToolDone { call, result: if a % 2 == 0 { Ok(()) } else { Err(ToolFault::Answered) } },
        21 => {
            let lost_at = now.before(Duration::from_millis(u64::from(b % 5_000)));
            Input::Carrier(CarrierEvent::Reopened { lost_at })
        }
        _ => {
            let kind = FarewellKind::ALL[(a % 7) as usize];
            let announcement = rendering(u64::from(b), 600);
            Input::Rendered { kind: AnnouncementKind::Farewell(kind), by: SaidBy::Builtin, announcement }
        }
    };
    session.handle_input(now, input);
    while session.poll_output().is_some() {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_every_call_ends(
        events in prop::collection::vec((any::<u8>(), any::<u32>(), any::<u32>(), any::<u64>()), 0..600),
        wide in any::<bool>(),
        transcription in any::<bool>(),
    ) {
        play(&events, wide, transcription);
    }
}
