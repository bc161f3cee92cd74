//! A tick neither allocates nor frees, while caller and agent talk, and what a call costs: counted by an allocator of its own.

// A test that cannot go on panics; the table of what a call costs is for people.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fmt::Write as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use quietline::{
    assistant::{FarewellKind, Settings},
    audio::Encoding,
    call::{AnnouncementKind, Call, SaidBy},
    carrier::{CarrierCommand, CarrierEvent, MarkId},
    media::MediaPath,
    mix::Announcement,
    model::{
        ItemId, Model, ModelCommand, ModelEvent, ModelRequest, ModelTraits, ResponseId, ResponseStatus,
        offline::{Behaviour, Offline},
    },
    resample::{Down, Up},
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    vad::{self, Detector},
};

#[path = "no_alloc/sockets.rs"]
mod sockets;

struct Counting;

/// What the watched shard has allocated and freed while it was watched.
static SHARD: (AtomicU64, AtomicU64) = (AtomicU64::new(0), AtomicU64::new(0));
static WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IS_SHARD: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
    /// Bytes that this thread has allocated and not freed.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

fn count(add: (u64, u64), bytes: i64) {
    // A thread that is going down has nothing to count.
    let _ = COUNT.try_with(|count| count.set(count.get().map(|(a, f)| (a + add.0, f + add.1))));
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
    if WATCHED.load(Ordering::Relaxed) && IS_SHARD.try_with(Cell::get).unwrap_or(false) {
        SHARD.0.fetch_add(add.0, Ordering::Relaxed);
        SHARD.1.fetch_add(add.1, Ordering::Relaxed);
    }
}

/// This thread is the shard that is watched.
fn this_is_the_shard() {
    IS_SHARD.set(true);
}

fn watch_shard(on: bool) {
    WATCHED.store(on, Ordering::Relaxed);
}

/// What it has allocated and freed since this was last asked.
fn shard_counts() -> (u64, u64) {
    (SHARD.0.swap(0, Ordering::Relaxed), SHARD.1.swap(0, Ordering::Relaxed))
}

// SAFETY: everything is left to the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count((1, 0), layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count((0, 1), -(layout.size() as i64));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count((1, 1), size as i64 - layout.size() as i64);
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

/// What `make` makes, and the bytes of heap that it holds.
fn held<T>(make: impl FnOnce() -> T) -> (T, i64) {
    let before = HELD.get();
    let made = make();
    (made, HELD.get() - before)
}

const TRAITS: ModelTraits = ModelTraits { hears_speech: false, answers: true };
const FRAME: Duration = Duration::from_millis(20);
const CALLER: &[u8] = include_bytes!("../fixtures/call-silence.caller.ulaw");
const AGENT: &[u8] = include_bytes!("../fixtures/voices/en/agent-answer-4.ulaw");
const FAREWELL: &[u8] = include_bytes!("../fixtures/voices/en/farewell-silence.ulaw");

fn session(detector: Detector, encoding: Encoding) -> Session {
    let settings = Settings { transcription: false, ..Settings::default() };
    Session::new(SessionConfig { settings, model: TRAITS, encoding }, vad::build(detector), Timestamp::ZERO)
}

/// A call driven by hand: what is given to the session between ticks may allocate, the ticks may not.
struct Line {
    session: Session,
    now: Timestamp,
    marks: Vec<MarkId>,
    in_ticks: (u64, u64),
    ticks: u64,
    frames_out: u64,
    appended: u64,
    received: u64,
    /// Bytes of heap that the session holds, and the most that it ever did.
    heap: i64,
    most: i64,
}

impl Line {
    fn new(detector: Detector, encoding: Encoding) -> Self {
        let (session, heap) = held(|| session(detector, encoding));
        let mut line = Self {
            session,
            now: Timestamp::ZERO,
            marks: Vec::with_capacity(64),
            in_ticks: (0, 0),
            ticks: 0,
            frames_out: 0,
            appended: 0,
            received: 0,
            heap,
            most: heap,
        };
        let announcement = Announcement::from_mulaw(FAREWELL).unwrap();
        let kind = AnnouncementKind::Farewell(FarewellKind::Silence);
        line.input(Input::Rendered { kind, by: SaidBy::Builtin, announcement });
        line.input(Input::Carrier(CarrierEvent::Started));
        line.input(Input::Model(ModelEvent::Ready));
        line
    }

    /// Does `work` with the session, and counts what it holds then.
    fn account(&mut self, work: impl FnOnce(&mut Self)) {
        let ((), more) = held(|| work(self));
        self.heap += more;
        self.most = self.most.max(self.heap);
    }

    fn input(&mut self, input: Input<'_>) {
        self.account(|line| {
            line.session.handle_input(line.now, input);
            line.drain();
        });
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

    /// Payloads of 20 ms arrive, the session ticks and is drained; room is made, and marks come back.
    fn frames<'a>(&mut self, payloads: impl IntoIterator<Item = &'a [u8]>) {
        self.now += FRAME;
        let count = counted(|| {
            for payload in payloads {
                let timestamp_ms = Some(self.received * 20);
                self.received += 1;
                let media = CarrierEvent::Media { timestamp_ms, payload };
                self.session.handle_input(self.now, Input::Carrier(media));
                self.drain();
            }
            self.session.tick(self.now);
            self.drain();
        });
        self.in_ticks = (self.in_ticks.0 + count.0, self.in_ticks.1 + count.1);
        self.ticks += 1;
        self.account(|line| line.session.make_room());
        for mark in self.marks.drain(..).collect::<Vec<_>>() {
            self.input(Input::Carrier(CarrierEvent::Mark(mark)));
        }
    }

    fn frame(&mut self, payload: &[u8]) {
        self.frames([payload]);
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

/// The agent's answer as the model sends it.
fn answer(encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Mulaw => AGENT.to_vec(),
        Encoding::Pcm24k => {
            let wide = |&code: &u8| quietline::codec::mulaw::decode(code).to_le_bytes().repeat(3);
            AGENT.iter().flat_map(wide).collect()
        }
    }
}

/// The caller talks, is answered, and goes quiet.
fn talk(line: &mut Line, encoding: Encoding, caller: &[u8]) {
    let agent = answer(encoding);
    let mut answers = 0;
    for (n, payload) in caller.chunks_exact(160).enumerate() {
        if [260, 560, 760].contains(&n) {
            line.agent_says(answers, &agent);
            answers += 1;
        }
        line.frame(payload);
    }
}

fn a_call_allocates_nothing_in_its_ticks(detector: Detector, encoding: Encoding) {
    let mut line = Line::new(detector, encoding);
    talk(&mut line, encoding, CALLER);
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
fn frames_that_come_late_and_together_allocate_nothing_either() {
    let mut line = Line::new(Detector::Cascade, Encoding::Pcm24k);
    let (first, rest) = CALLER.split_at(8 * 160);
    first.chunks_exact(160).for_each(|payload| line.frame(payload));
    for payloads in rest.chunks_exact(8 * 160) {
        for _ in 0..7 {
            line.frames([]);
        }
        line.frames(payloads.chunks_exact(160));
    }
    assert!(line.appended > 1_000_000, "the model heard only {} bytes", line.appended);
    assert_eq!(line.in_ticks, (0, 0), "allocations and frees in {} ticks", line.ticks);
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

/// What a call may cost besides its resamplers, with nothing to be said.
const CALL_MAX: i64 = 39 << 10;

/// Run it with `--nocapture` to see the table.
#[test]
fn what_a_call_costs_is_written_down_and_small() {
    let before_goodbye = &CALLER[..30 * 8_000];
    // What all calls share is made by the first one.
    talk(&mut Line::new(Detector::Cascade, Encoding::Pcm24k), Encoding::Pcm24k, before_goodbye);
    let (up, down) = (held(Up::new).1, held(Down::new).1);
    let resamplers = (up + down) + (size_of::<Up>() + size_of::<Down>()) as i64;
    let settings = Settings::default();
    let (call, call_heap) = held(|| Call::new(settings, TRAITS, Timestamp::ZERO));
    let mut table = format!("{:<44} {:>8} {:>8}\n", "bytes of one call", "inline", "heap");
    let mut row = |part: &str, inline: usize, heap: i64| {
        writeln!(table, "{part:<44} {inline:>8} {heap:>8}").unwrap();
    };
    row("Call: state, turns, timers, ledger to come", size_of_val(&call), call_heap);
    let talkspurt = call.settings().talkspurt();
    let media = |encoding, vad| held(|| MediaPath::new(talkspurt, vad, encoding));
    let (path, path_heap) = media(Encoding::Pcm24k, vad::build(Detector::Cascade));
    row("MediaPath: rings, echo, backlog, resamplers", size_of_val(&path), path_heap);
    row("  of it resampling up, 8 to 24 kHz", size_of::<Up>(), up);
    row("  of it resampling down, 24 to 8 kHz", size_of::<Down>(), down);
    for detector in Detector::ALL {
        row(&format!("detector {}, but for C", detector.name()), 0, held(|| vad::build(detector)).1);
    }
    row("Session: both, what waits, answers", size_of::<Session>(), 0);
    for encoding in [Encoding::Mulaw, Encoding::Pcm24k] {
        let mut line = Line::new(Detector::Cascade, encoding);
        let made = size_of::<Session>() as i64 + line.heap;
        talk(&mut line, encoding, before_goodbye);
        let quiet = size_of::<Session>() as i64 + line.heap;
        let most = size_of::<Session>() as i64 + line.most;
        writeln!(
            table,
            "all of it, {encoding:?}: {made} when made, {quiet} after talking, {most} with an answer of {} s waiting",
            AGENT.len() / 8_000
        )
        .unwrap();
        for (when, bytes) in [("when made", made), ("after talking", quiet)] {
            let own = bytes - resamplers;
            assert!(own <= CALL_MAX, "a call costs {own} bytes {when} besides its resamplers ({encoding:?}):\n{table}");
        }
    }
    println!("{table}");
}
