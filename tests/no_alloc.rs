//! A tick neither allocates nor frees, while caller and agent talk: counted by an allocator of its own.

// A test that cannot go on panics.
#![allow(clippy::unwrap_used)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use quietline::{
    assistant::{FarewellKind, Settings},
    audio::Encoding,
    call::{AnnouncementKind, SaidBy},
    carrier::{CarrierCommand, CarrierEvent, MarkId},
    mix::Announcement,
    model::{
        ItemId, Model, ModelCommand, ModelEvent, ModelRequest, ModelTraits, ResponseId, ResponseStatus,
        offline::{Behaviour, Offline},
    },
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    vad::{self, Detector},
};

struct Counting;

thread_local! {
    static COUNT: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

fn count(add: (u64, u64)) {
    // A thread that is going down has nothing to count.
    let _ = COUNT.try_with(|count| count.set(count.get().map(|(a, f)| (a + add.0, f + add.1))));
}

// SAFETY: everything is left to the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count((1, 0));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count((0, 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count((1, 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees within `work`.
fn counted(work: impl FnOnce()) -> (u64, u64) {
    COUNT.set(Some((0, 0)));
    work();
    COUNT.replace(None).unwrap_or_default()
}

const FRAME: Duration = Duration::from_millis(20);
const CALLER: &[u8] = include_bytes!("../fixtures/call-silence.caller.ulaw");
const AGENT: &[u8] = include_bytes!("../fixtures/voices/en/agent-answer-4.ulaw");
const FAREWELL: &[u8] = include_bytes!("../fixtures/voices/en/farewell-silence.ulaw");

/// A call driven by hand: what is given to the session between ticks may allocate, the ticks may not.
struct Line {
    session: Session,
    now: Timestamp,
    marks: Vec<MarkId>,
    in_ticks: (u64, u64),
    ticks: u64,
    frames_out: u64,
    appended: u64,
}

impl Line {
    fn new(detector: Detector, encoding: Encoding) -> Self {
        let settings = Settings { transcription: false, ..Settings::default() };
        let model = ModelTraits { hears_speech: false, answers: true };
        let config = SessionConfig { settings, model, encoding };
        let mut line = Self {
            session: Session::new(config, vad::build(detector), Timestamp::ZERO),
            now: Timestamp::ZERO,
            marks: Vec::with_capacity(64),
            in_ticks: (0, 0),
            ticks: 0,
            frames_out: 0,
            appended: 0,
        };
        let announcement = Announcement::from_mulaw(FAREWELL).unwrap();
        let kind = AnnouncementKind::Farewell(FarewellKind::Silence);
        line.input(Input::Rendered { kind, by: SaidBy::Builtin, announcement });
        line.input(Input::Carrier(CarrierEvent::Started));
        line.input(Input::Model(ModelEvent::Ready));
        line
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Carrier(CarrierCommand::Mark(mark)) => self.marks.push(mark),
                Output::Carrier(CarrierCommand::Media(_)) => self.frames_out += 1,
                Output::Model(ModelCommand::Append(bytes)) => self.appended += bytes.len() as u64,
                Output::Carrier(_) | Output::Model(_) | Output::RunTool(_) | Output::Ledger(_) => {}
            }
        }
    }

    /// A frame arrives, the session ticks and is drained; marks come back.
    fn frame(&mut self, payload: &[u8]) {
        self.now += FRAME;
        let timestamp_ms = Some(self.now.as_micros() / 1000);
        let (allocations, frees) = counted(|| {
            self.session.handle_input(self.now, Input::Carrier(CarrierEvent::Media { timestamp_ms, payload }));
            self.drain();
            self.session.tick(self.now);
            self.drain();
        });
        self.in_ticks = (self.in_ticks.0 + allocations, self.in_ticks.1 + frees);
        self.ticks += 1;
        for mark in self.marks.drain(..).collect::<Vec<_>>() {
            self.input(Input::Carrier(CarrierEvent::Mark(mark)));
        }
    }

    fn agent_says(&mut self, number: u32, audio: &[u8]) {
        let (response, item) = (ResponseId(number), ItemId(number));
        self.input(Input::Model(ModelEvent::ResponseCreated { response }));
        for payload in audio.chunks(3200) {
            self.input(Input::Model(ModelEvent::Audio { response, item, payload }));
        }
        self.input(Input::Model(ModelEvent::ItemDone { response, item, transcript: "hello" }));
        let status = ResponseStatus::Completed;
        self.input(Input::Model(ModelEvent::ResponseDone { response, status }));
    }
}

fn a_call_allocates_nothing_in_its_ticks(detector: Detector, encoding: Encoding) {
    let mut line = Line::new(detector, encoding);
    let agent: Vec<u8> = match encoding {
        Encoding::Mulaw => AGENT.to_vec(),
        Encoding::Pcm24k => {
            let wide = |&code: &u8| quietline::codec::mulaw::decode(code).to_le_bytes().repeat(3);
            AGENT.iter().flat_map(wide).collect()
        }
    };
    let mut answers = 0;
    for (n, payload) in CALLER.chunks_exact(160).enumerate() {
        if [260, 560, 760].contains(&n) {
            line.agent_says(answers, &agent);
            answers += 1;
        }
        line.frame(payload);
    }
    // On through the silence to the goodbye and the end of the line.
    while line.session.record().terminal_mark_at.is_none() {
        line.frame(&[0xff; 160]);
        assert!(line.ticks < 10_000, "the call does not end");
    }
    assert!(line.frames_out > 500, "the agent was not heard: {} frames", line.frames_out);
    assert!(line.appended > 1_000_000 / 3, "the model heard only {} bytes", line.appended);
    assert_eq!(line.in_ticks, (0, 0), "allocations and frees in {} ticks", line.ticks);
}

#[test]
fn neither_allocates_nor_frees_with_mulaw_to_the_model() {
    a_call_allocates_nothing_in_its_ticks(Detector::Cascade, Encoding::Mulaw);
}

#[test]
fn neither_allocates_nor_frees_with_24_khz_to_the_model() {
    a_call_allocates_nothing_in_its_ticks(Detector::Cascade, Encoding::Pcm24k);
}

#[test]
fn the_offline_model_neither_allocates_nor_frees_while_it_hears_and_answers() {
    for behaviour in [Behaviour::Talk, Behaviour::Stall, Behaviour::Echo] {
        let mut model = Offline::new(behaviour);
        let (mut now, mut heard, mut said) = (Timestamp::ZERO, 0, 0);
        model.handle_command(now, &ModelCommand::Request(ModelRequest::Connect));
        for payload in CALLER.chunks_exact(160) {
            now += FRAME;
            let count = counted(|| {
                model.handle_command(now, &ModelCommand::Append(payload));
                while let Some(event) = model.poll_event(now) {
                    heard += usize::from(matches!(event, ModelEvent::Committed));
                    said += usize::from(matches!(event, ModelEvent::ItemDone { .. }));
                }
            });
            assert_eq!(count, (0, 0), "{behaviour:?} at {now}");
        }
        assert!(heard >= 3, "{behaviour:?}: {heard} turns");
        assert_eq!(said > 0, behaviour != Behaviour::Stall);
    }
}

#[test]
fn the_counter_counts() {
    let (allocations, frees) = counted(|| drop(std::hint::black_box(Box::new([1u8; 32]))));
    assert_eq!((allocations, frees), (1, 1));
}
