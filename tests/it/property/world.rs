//! Everything around a session, on virtual time: carrier, caller, model, tools, and a machine that may stall.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::LazyLock,
    time::Duration,
};

use fastrand::Rng;
use quietline::{
    audio::{Encoding, Frame},
    call::{Cause, Reason, SaidBy, ToolFault},
    carrier::{
        CallAnswer, CallRequest, CallStatus, CarrierCommand, CarrierEvent, Digit, MarkId, Payload, RequestOutcome,
    },
    codec::mulaw,
    model::{
        AppendedSpan, ItemId, ModelCommand, ModelEvent, ModelRequest, ModelTraits, ResponseId, ResponseStatus,
        ToolCallId,
    },
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    vad::{Vad, VadFrame},
};

use super::{
    generator::{self, Leave, Manner, Plan, Rest},
    trace::{Said, Tool, Trace, Voice, What},
};

const FRAME: u64 = 20_000;
const NONE: u64 = u64::MAX;

/// µ-law codes of a level: no voice, then −34, −22 and −10 dBFS.
static LEVELS: LazyLock<[u8; 4]> =
    LazyLock::new(|| [mulaw::encode(8), mulaw::encode(654), mulaw::encode(2603), mulaw::encode(10362)]);

/// The level of a caller's voice in dBFS, exactly.
pub(crate) fn level_db(level: u8) -> f64 {
    20.0 * (f64::from(mulaw::decode(LEVELS[usize::from(level)])).abs() / 32768.0).log10()
}

/// 160 samples of one magnitude whose signs hold the frame's number.
fn caller_frame(number: u32, level: u8) -> [u8; 160] {
    let code = LEVELS[usize::from(level)] & 0x7f;
    std::array::from_fn(|i| if i < 32 { code | (((number >> i) & 1) as u8) << 7 } else { code | ((i & 1) as u8) << 7 })
}

/// The number and the level of a caller's frame.
fn read_frame(bytes: &[u8]) -> Option<(u32, u8)> {
    let level = LEVELS.iter().position(|code| (code ^ bytes[0]) & 0x7f == 0)?;
    let number = bytes[..32].iter().enumerate().fold(0, |n, (i, byte)| n | u32::from(byte >> 7) << i);
    Some((number, level as u8))
}

/// Hears voice by the first sample's magnitude.
struct FirstSample;

impl Vad for FirstSample {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let voiced = frame[0].unsigned_abs() > 300;
        VadFrame::new(voiced, f32::from(u8::from(voiced)))
    }
    fn reset(&mut self) {}
}

/// The agent speaks below −31 dBFS: none of the caller's levels can be taken for its echo (`media/echo`), which the
/// reference does not know of.
const AGENT_CODES: u32 = 40;
const AGENT_FIRST: u8 = 0xd0;

fn agent_code(response: u32, late: bool) -> u8 {
    let code = AGENT_FIRST + (response % AGENT_CODES) as u8;
    if late { code & 0x7f } else { code }
}

fn voice_of(samples: &[u8]) -> Voice {
    let mut counts = [0u8; 256];
    for sample in samples {
        counts[usize::from(*sample)] += 1;
    }
    for n in 0..AGENT_CODES as u8 {
        let code = AGENT_FIRST + n;
        if counts[usize::from(code)] >= 100 {
            return Voice::Agent(n);
        }
        if counts[usize::from(code & 0x7f)] >= 100 {
            return Voice::Late(n);
        }
    }
    Voice::Other
}

/// The response number that a [`Voice`] stands for, modulo the codes.
pub(crate) fn voice_number(response: u32) -> u8 {
    (response % AGENT_CODES) as u8
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ev {
    Start,
    Mark(u32),
    Ready(u32),
    Lost(u32),
    RestHangup(bool),
    RestSay(bool),
    RestDial(bool),
    RestStatus(u8),
    Leave,
    CarrierStop,
    Operator,
    Drain,
    Rendered(u8),
    Digit,
    Committed(u32),
    Hint(u32),
    Partial(u32, u32),
    Transcript(u32),
    Answer(u32),
    Step(u32),
    Cancelled(u32),
    ToolDone(u32, bool),
    SelfTalk(u32),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Created,
    Audio { item: u32, ms: u32 },
    ItemDone { item: u32, text: u8 },
    Tool { tool: Tool, completed: bool },
    Done(ResponseStatus),
}

#[derive(Debug)]
struct Response {
    number: u32,
    epoch: u32,
    steps: VecDeque<(u64, Step)>,
    created: bool,
    cancelled_at: u64,
    done: bool,
}

#[derive(Clone, Copy, Debug)]
struct SentMark {
    id: MarkId,
    reached: u64,
    echoed: bool,
    lost: bool,
}

/// A stretch that the caller speaks, in frames of the caller's own time.
#[derive(Clone, Copy, Debug)]
struct Talk {
    from: u64,
    to: u64,
    level: u8,
    /// A voiced frame in so many (1: all).
    every: u64,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    epoch: u32,
    first: u32,
    last: u32,
    start_ms: u64,
    end_ms: u64,
}

const AGENT_TEXTS: [(&str, bool); 4] = [
    ("The table is free at eight.", false),
    ("Before we say goodbye, is there anything else?", false),
    ("Thank you for calling. Goodbye, have a nice day!", true),
    ("Goodbye.", true),
];
const WORDS: [&str; 4] =
    ["I would like to book a table", "what time do you open", "wait, one more thing", "no, the other number please"];
const CLOSINGS: [&str; 3] = ["Okay, thank you so much, bye-bye.", "bye", "thanks, goodbye"];
const REPEATED: &str = "subtitles by the community";

struct Side {
    plan: Plan,
    rng: Rng,
    now: u64,
    heap: BinaryHeap<Reverse<(u64, u32, Ev)>>,
    seq: u32,
    // carrier
    stream: bool,
    closed: bool,
    gone: bool,
    play_end: u64,
    marks: Vec<SentMark>,
    start_at: u64,
    next_number: u32,
    inbound: VecDeque<(u64, u32, u8)>,
    last_arrival: u64,
    hangup_tries: u32,
    // caller
    talks: Vec<Talk>,
    next_talk: u64,
    turns_left: u32,
    deadline_seen: Option<Timestamp>,
    // model
    epoch: u32,
    ready: bool,
    connects: usize,
    appended_ms: u64,
    voice_since: Option<(u64, u32)>,
    voice_last: Option<(u64, u32)>,
    hinted: bool,
    partials: u64,
    heard: Vec<Heard>,
    responses: Vec<Response>,
    next_response: u32,
    next_item: u32,
    next_tool: u32,
    item_ms: Vec<u64>,
    turns: u32,
    running: Vec<u32>,
    payload: Vec<u8>,
    over_told: bool,
    /// A farewell is on its way: which ending.
    ending: Option<Reason>,
}

/// Runs one plan into `trace`.
pub(crate) fn run(plan: &Plan, trace: &mut Trace) {
    trace.clear();
    let config = SessionConfig {
        settings: plan.settings.clone(),
        model: ModelTraits { hears_speech: plan.model.hears_speech, answers: true },
        encoding: Encoding::Mulaw,
    };
    let mut session = Session::new(config, Box::new(FirstSample), Timestamp::ZERO);
    let mut side = Side::new(plan.clone());
    drain(&mut session, &mut side, trace);
    let limit = side.limit();
    let mut next_tick = side.start_at;
    let (mut stall, mut handled_timeout) = (0, None);
    while !session.is_over() {
        let timeout = if session.is_over() { None } else { session.poll_timeout() };
        let ticking = side.stream && !side.closed;
        let tick_at = if ticking { next_tick } else { NONE };
        let timeout_at = timeout.map_or(NONE, |(at, _)| at.as_micros());
        let event_at = side.heap.peek().map_or(NONE, |Reverse((at, ..))| *at);
        let frame_at = side.inbound.front().map_or(NONE, |(at, ..)| *at);
        let stalls = &side.plan.stalls;
        // When the machine is awake again.
        let mut awake = |at: u64| {
            while stalls.get(stall).is_some_and(|s| u64::from(s.end) * 1000 <= at) {
                stall += 1;
            }
            stalls.get(stall).filter(|s| u64::from(s.start) * 1000 <= at).map_or(at, |s| u64::from(s.end) * 1000)
        };
        let next = tick_at.min(event_at).min(frame_at);
        // Between ticks a driver looks at the timers; a stalled one does so later.
        let timeout_at = if timeout_at == NONE { NONE } else { awake(timeout_at.max(side.now)) };
        let stalled = next != NONE && awake(next) != next;
        if timeout_at < next {
            side.now = timeout_at;
            if timeout_at > limit {
                break;
            }
            let now = side.time();
            trace.push(now, What::Timeout);
            if handled_timeout == timeout {
                trace.wrong(now, "timers advance", format!("{timeout:?} is still there after it was handled"));
                break;
            }
            handled_timeout = timeout;
            session.handle_timeout(now);
            drain(&mut session, &mut side, trace);
            continue;
        }
        handled_timeout = None;
        if next == NONE || next > limit {
            break;
        }
        side.now = next;
        let now = side.time();
        if frame_at == next {
            let Some((_, number, level)) = side.inbound.pop_front() else { continue };
            let payload = caller_frame(number, level);
            let timestamp_ms = side.plan.carrier.timestamps.then_some(u64::from(number) * 20);
            trace.push(now, What::Frame { number, level });
            session.handle_input(now, Input::Carrier(CarrierEvent::Media { timestamp_ms, payload: &payload }));
        } else if event_at == next {
            let Some(Reverse((_, _, ev))) = side.heap.pop() else { continue };
            side.happen(ev, &mut session, trace);
        } else {
            next_tick += FRAME;
            if stalled {
                side.caller_clock();
                continue;
            }
            side.caller_clock();
            trace.push(now, What::Tick);
            session.tick(now);
            drain(&mut session, &mut side, trace);
            if let Some((at, why)) = session.poll_timeout().filter(|(at, _)| *at < now) {
                trace.wrong(now, "no timer in the past", format!("{why:?} at {at} after the tick"));
            }
        }
        drain(&mut session, &mut side, trace);
        if !session.is_over() && side.stream && session.poll_timeout().is_none() {
            trace.wrong(now, "a timer while the call lives", "poll_timeout is None".into());
        }
    }
    trace.record = Some(*session.record());
    if !session.is_over() {
        let now = side.time();
        trace.wrong(now, "every call ends", format!("not over at {}", Timestamp::from_micros(limit)));
    }
}

fn drain(session: &mut Session, side: &mut Side, trace: &mut Trace) {
    while let Some(output) = session.poll_output() {
        side.output(output, trace);
    }
    if session.is_over() && !side.over_told {
        side.over_told = true;
        trace.push(side.time(), What::Over);
    }
}

impl Side {
    fn new(plan: Plan) -> Self {
        let mut side = Self {
            rng: plan.rng.clone(),
            now: 0,
            heap: BinaryHeap::new(),
            seq: 0,
            stream: false,
            closed: false,
            gone: false,
            play_end: 0,
            marks: Vec::new(),
            start_at: u64::from(plan.carrier.start_ms) * 1000,
            next_number: 0,
            inbound: VecDeque::new(),
            last_arrival: 0,
            hangup_tries: 0,
            talks: Vec::new(),
            next_talk: 0,
            turns_left: match plan.caller.manner {
                Manner::Turns(n) => n,
                Manner::Chatty => u32::MAX,
                Manner::Silent => 0,
                Manner::Hum(_) | Manner::Background => 2,
            },
            deadline_seen: None,
            epoch: 0,
            ready: false,
            connects: 0,
            appended_ms: 0,
            voice_since: None,
            voice_last: None,
            hinted: false,
            partials: 0,
            heard: Vec::new(),
            responses: Vec::new(),
            next_response: 0,
            next_item: 0,
            next_tool: 0,
            item_ms: Vec::new(),
            turns: 0,
            running: Vec::new(),
            payload: Vec::new(),
            over_told: false,
            ending: None,
            plan,
        };
        side.at(side.start_at, Ev::Start);
        side.next_talk = side.rng.u64(20..150);
        for (n, (_, ready)) in side.plan.rendered.clone().into_iter().enumerate() {
            if let Some(ms) = ready {
                side.at(u64::from(ms) * 1000, Ev::Rendered(n as u8));
            }
        }
        for (ms, ev) in [(side.plan.operator_ms, Ev::Operator), (side.plan.drain_ms, Ev::Drain)] {
            if let Some(ms) = ms {
                side.at(u64::from(ms) * 1000, ev);
            }
        }
        if let Some((ms, _)) = side.plan.carrier.leave {
            side.at(side.start_at + u64::from(ms) * 1000, Ev::Leave);
        }
        for ms in side.plan.caller.digits_at_ms.clone() {
            side.digit_at(side.start_at + u64::from(ms) * 1000);
        }
        let (end, manner) = (10_000, side.plan.caller.manner);
        match manner {
            Manner::Hum(from) => {
                side.talks.push(Talk { from: from.into(), to: end, level: side.plan.caller.level, every: 1 });
            }
            Manner::Background => {
                let mut from = side.rng.u64(100..600);
                while from < 6000 {
                    let to = from + side.rng.u64(10..200);
                    side.talks.push(Talk { from, to, level: 1, every: 1 });
                    from = to + side.rng.u64(5..150);
                }
            }
            Manner::Silent | Manner::Turns(_) | Manner::Chatty => {}
        }
        side
    }

    /// By then every call must be over, whatever happens; see the reference for why.
    fn limit(&self) -> u64 {
        let longest = self.plan.settings.max_duration.get() + Duration::from_secs(5 + 45 + 60 + 15);
        self.start_at + longest.as_micros() as u64
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    fn at(&mut self, at: u64, ev: Ev) {
        self.seq += 1;
        self.heap.push(Reverse((at.max(self.now), self.seq, ev)));
    }

    fn after_ms(&mut self, ms: u64, ev: Ev) {
        self.at(self.now + ms * 1000, ev);
    }

    fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.rng.u32(0..100) < percent
    }

    fn within(&mut self, range: std::ops::Range<u32>) -> u64 {
        if range.is_empty() { range.start.into() } else { self.rng.u32(range).into() }
    }

    fn digit_at(&mut self, at: u64) {
        self.at(at, Ev::Digit);
        if self.plan.caller.tones {
            let from = (at.saturating_sub(self.start_at) / FRAME).saturating_sub(self.rng.u64(0..8));
            let to = from + self.rng.u64(5..10);
            self.talks.push(Talk { from, to, level: 3, every: 1 });
        }
    }

    // ---- what comes out of the session ----

    fn output(&mut self, output: Output<'_>, trace: &mut Trace) {
        let now = self.time();
        match output {
            Output::Carrier(CarrierCommand::Media(payload)) => self.play(&payload, trace),
            Output::Carrier(CarrierCommand::Mark(id)) => {
                trace.push(now, What::SentMark(id));
                self.mark_sent(id);
            }
            Output::Carrier(CarrierCommand::Clear) => {
                trace.push(now, What::Clear);
                self.cleared();
            }
            Output::Carrier(CarrierCommand::Request(request)) => self.request(request, trace),
            Output::Model(ModelCommand::Append(bytes)) => self.append(bytes),
            Output::Model(ModelCommand::Request(request)) => self.model_request(request, trace),
            Output::RunTool(request) => {
                trace.push(now, What::RunTool(request.call.0));
                self.running.push(request.call.0);
                if let Some(range) = self.plan.model.tool_ms.clone() {
                    let (ms, ok) = (self.within(range), !self.chance(self.plan.model.tool_fails));
                    self.after_ms(ms, Ev::ToolDone(request.call.0, ok));
                }
            }
            Output::Ledger(entry) => {
                trace.push(now, What::Ledger(trace.ledger.len() as u32));
                trace.ledger.push(entry);
                match entry.cause {
                    Cause::EndingBegan(reason) => {
                        self.ending_began(reason);
                        if self.rng.u32(0..300) == 0 {
                            // The caller hangs up at this very instant.
                            self.at(self.now, Ev::CarrierStop);
                        }
                    }
                    Cause::TakenBack { .. } => self.ending = None,
                    _ => {}
                }
                if let Some(deadline) = entry.deadline.filter(|_| entry.deadline != self.deadline_seen) {
                    self.deadline_seen = Some(deadline);
                    self.at_deadline(deadline);
                }
            }
        }
    }

    fn play(&mut self, payload: &Payload, trace: &mut Trace) {
        let now = self.time();
        let samples = payload.samples();
        if self.closed {
            trace.wrong(now, "nothing after CloseStream", "audio".into());
        }
        let begins = self.play_end.max(self.now + u64::from(self.plan.carrier.latency_ms) * 1000);
        self.play_end = begins + samples.len() as u64 * 125;
        match payload {
            Payload::Frame(_) => trace.push(now, What::Sent(voice_of(samples))),
            Payload::Part { .. } => {
                let played = Timestamp::from_micros(self.play_end);
                trace.push(now, What::Announcement { samples: samples.len() as u32, played });
                if self.ending.is_some() {
                    self.answer_goodbye(begins, self.play_end);
                }
            }
        }
    }

    fn mark_sent(&mut self, id: MarkId) {
        let reached = self.play_end.max(self.now + u64::from(self.plan.carrier.latency_ms) * 1000);
        let lost = self.chance(self.plan.carrier.mark_lost);
        let n = self.marks.len() as u32;
        self.marks.push(SentMark { id, reached, echoed: false, lost });
        if lost {
            return;
        }
        let mut lag = self.within(self.plan.carrier.mark_lag_ms.clone());
        if self.chance(self.plan.carrier.mark_late) {
            lag += self.within(self.plan.carrier.mark_late_ms.clone());
        }
        self.at(reached + lag * 1000, Ev::Mark(n));
        if self.chance(self.plan.carrier.mark_doubled) {
            let more = self.within(0..3000);
            self.at(reached + (lag + more) * 1000, Ev::Mark(n));
        }
    }

    /// The carrier throws away what it has and echoes every mark at once.
    fn cleared(&mut self) {
        let at = self.now + u64::from(self.plan.carrier.latency_ms) * 1000;
        self.play_end = self.play_end.min(at);
        for n in 0..self.marks.len() {
            let mark = self.marks[n];
            if mark.reached > at && !mark.echoed {
                self.marks[n].reached = at;
                if !mark.lost {
                    let lag = self.within(self.plan.carrier.mark_lag_ms.clone());
                    self.at(at + lag * 1000, Ev::Mark(n as u32));
                }
            }
        }
    }

    fn request(&mut self, request: CallRequest, trace: &mut Trace) {
        let now = self.time();
        match request {
            CallRequest::Hangup => {
                trace.push(now, What::Hangup);
                self.hangup_tries += 1;
                let ok = match self.plan.carrier.hangup {
                    Rest::Failing(n) => self.hangup_tries > n,
                    Rest::Quick | Rest::Slow => true,
                    Rest::Never => return,
                };
                let ms = self.rest_ms(self.plan.carrier.hangup);
                self.after_ms(ms, Ev::RestHangup(ok));
                if let Some(stop) = self.plan.carrier.stop_after_hangup_ms.filter(|_| ok) {
                    // The stream may stop before the answer comes.
                    self.after_ms((ms + u64::from(stop)).saturating_sub(200), Ev::CarrierStop);
                }
            }
            CallRequest::CloseStream => {
                trace.push(now, What::CloseStream);
                self.closed = true;
                self.inbound.clear();
            }
            CallRequest::FetchStatus => {
                trace.push(now, What::FetchStatus);
                let answer = if self.gone { 1 } else { self.rng.u8(0..10).saturating_sub(7) * 2 };
                let ms = self.rest_ms(self.plan.carrier.status);
                if self.plan.carrier.status != Rest::Never {
                    self.after_ms(ms, Ev::RestStatus(answer));
                }
            }
            CallRequest::Dial { to, .. } => {
                trace.push(now, What::Dial { to });
                let ok = !matches!(self.plan.carrier.say, Rest::Failing(_));
                if self.plan.carrier.say != Rest::Never {
                    let ms = self.rest_ms(self.plan.carrier.say);
                    self.after_ms(ms, Ev::RestDial(ok));
                    if let Some(stop) = self.plan.carrier.stop_after_hangup_ms.filter(|_| ok) {
                        self.after_ms((ms + u64::from(stop)).saturating_sub(200), Ev::CarrierStop);
                    }
                }
            }
            CallRequest::Say(kind) => {
                trace.push(now, What::Say(kind));
                let ok = !matches!(self.plan.carrier.say, Rest::Failing(_));
                if self.plan.carrier.say != Rest::Never {
                    let ms = self.rest_ms(self.plan.carrier.say);
                    self.after_ms(ms, Ev::RestSay(ok));
                    if ok && self.plan.carrier.stop_after_hangup_ms.is_some() {
                        self.after_ms(ms + 4000, Ev::CarrierStop);
                    }
                }
            }
        }
        if self.closed && !matches!(request, CallRequest::Hangup | CallRequest::CloseStream) {
            trace.wrong(now, "nothing after CloseStream", format!("{request:?}"));
        }
    }

    fn rest_ms(&mut self, rest: Rest) -> u64 {
        match rest {
            Rest::Slow => self.within(1000..6000),
            Rest::Quick | Rest::Failing(_) | Rest::Never => self.within(30..400),
        }
    }

    fn model_request(&mut self, request: ModelRequest, trace: &mut Trace) {
        let now = self.time();
        match request {
            ModelRequest::Connect => {
                trace.push(now, What::Connect);
                self.epoch += 1;
                self.ready = false;
                let wait = self.plan.model.connect_ms[self.connects % self.plan.model.connect_ms.len()];
                self.connects += 1;
                if let Some(ms) = wait {
                    let fails = self.chance(self.plan.model.connect_fails);
                    let ev = if fails { Ev::Lost(self.epoch) } else { Ev::Ready(self.epoch) };
                    self.after_ms(ms.into(), ev);
                }
            }
            ModelRequest::Commit => {
                trace.push(now, What::Commit);
                self.after_ms(30, Ev::Committed(self.epoch));
            }
            ModelRequest::Greet | ModelRequest::CreateResponse => {
                trace.push(now, What::Create);
                if self.chance(self.plan.model.answers) {
                    let ms = self.within(50..500);
                    self.after_ms(ms, Ev::Answer(self.epoch));
                }
            }
            ModelRequest::Cancel(id) => {
                trace.push(now, What::Cancel(id.0));
                let ms = self.within(10..200);
                if let Some(r) = self.responses.iter_mut().find(|r| r.number == id.0 && !r.done) {
                    r.cancelled_at = self.now;
                    self.after_ms(ms, Ev::Cancelled(id.0));
                }
            }
            ModelRequest::Truncate { item, heard_ms } => {
                trace.push(now, What::Truncate { item: item.0, heard_ms: heard_ms as u32 });
                let given = self.item_ms.get(item.0 as usize).copied().unwrap_or(0);
                if heard_ms > given {
                    trace.wrong(now, "truncate within what was given", format!("{heard_ms} ms of {given} ms"));
                }
            }
            ModelRequest::ToolOutput { call, answer } => {
                trace.push(now, What::ToolOutput { call: call.0, answer });
            }
            ModelRequest::Note(_) => trace.push(now, What::Note),
            ModelRequest::Close => {
                trace.push(now, What::CloseModel);
                self.epoch += 1;
                self.ready = false;
            }
        }
    }

    /// The model's own detector works on what it is given.
    fn append(&mut self, bytes: &[u8]) {
        if !self.ready {
            return;
        }
        for chunk in bytes.chunks_exact(160) {
            let start = self.appended_ms;
            self.appended_ms += 20;
            let frame = read_frame(chunk).filter(|(_, level)| *level > 0);
            if let Some((number, level)) = frame {
                let since = *self.voice_since.get_or_insert((start, number));
                self.voice_last = Some((self.appended_ms, number));
                let long = self.appended_ms - since.0;
                if long >= 100 && !self.hinted && level > 1 {
                    self.hinted = true;
                    if self.plan.model.hears_speech && self.chance(self.plan.model.hint) {
                        self.after_ms(40, Ev::Hint(since.0 as u32));
                    }
                }
                let transcribes = self.plan.settings.transcription;
                if transcribes && long / 1000 > self.partials && self.chance(self.plan.model.partial) {
                    self.heard.push(Heard {
                        epoch: self.epoch,
                        first: since.1,
                        last: number,
                        start_ms: since.0,
                        end_ms: self.appended_ms,
                    });
                    let ms = self.within(50..600);
                    self.after_ms(ms, Ev::Partial(self.epoch, self.heard.len() as u32 - 1));
                }
                self.partials = long / 1000;
            } else if let (Some(since), Some(last)) = (self.voice_since, self.voice_last)
                && self.appended_ms >= last.0 + 500
            {
                self.voice_since = None;
                self.hinted = false;
                self.partials = 0;
                if last.0 - since.0 >= 100 {
                    self.turn_over(since, last);
                }
            }
        }
    }

    fn turn_over(&mut self, since: (u64, u32), last: (u64, u32)) {
        self.turns += 1;
        let heard = Heard { epoch: self.epoch, first: since.1, last: last.1, start_ms: since.0, end_ms: last.0 };
        self.heard.push(heard);
        let n = self.heard.len() as u32 - 1;
        self.after_ms(20, Ev::Committed(self.epoch));
        if self.plan.settings.transcription && !self.chance(self.plan.model.missing) {
            let ms = self.within(self.plan.model.transcript_ms.clone());
            self.after_ms(ms, Ev::Transcript(n));
        }
        if self.chance(self.plan.model.answers) {
            let ms = self.within(self.plan.model.answer_ms.clone());
            self.after_ms(ms, Ev::Answer(self.epoch));
        }
    }

    // ---- what the caller does of their own ----

    /// 20 ms of the caller's life.
    fn caller_clock(&mut self) {
        if self.closed || self.gone {
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        let n = u64::from(number);
        if n >= self.next_talk {
            self.speak_script(n);
        }
        let mut level = 0;
        for talk in &self.talks {
            if talk.from <= n && n < talk.to && (n - talk.from).is_multiple_of(talk.every) {
                level = level.max(talk.level);
            }
        }
        if self.talks.len() > 8 && number.is_multiple_of(64) {
            self.talks.retain(|talk| talk.to > n);
        }
        let carrier = &self.plan.carrier;
        let lost = carrier.gaps.iter().any(|gap| gap.contains(&number));
        let quiet = level == 0 && carrier.dtx.iter().any(|dtx| dtx.contains(&number));
        if lost || quiet {
            return;
        }
        let jitter = if carrier.jitter_ms == 0 { 0 } else { self.rng.u64(0..u64::from(carrier.jitter_ms) * 1000) };
        let mut at = self.start_at + (n + 1) * FRAME + jitter;
        if let Some(burst) =
            carrier.bursts.iter().find(|b| (u64::from(b.start) * 1000..u64::from(b.end) * 1000).contains(&at))
        {
            at = u64::from(burst.end) * 1000;
        }
        at = at.max(self.last_arrival).max(self.now);
        self.last_arrival = at;
        self.inbound.push_back((at, number, level));
    }

    fn talk(&mut self, from: u64, frames: u64) {
        let level = self.plan.caller.level;
        self.talks.push(Talk { from, to: from + frames, level, every: 1 });
    }

    /// Frame number of the caller's own time.
    fn frame_at(&self, at: u64) -> u64 {
        at.saturating_sub(self.start_at) / FRAME
    }

    fn speak_script(&mut self, n: u64) {
        if self.turns_left == 0 {
            // Now and then a cough.
            if self.chance(30) {
                let frames = self.rng.u64(1..8);
                self.talk(n, frames);
            }
            self.next_talk = n + self.rng.u64(100..600);
            return;
        }
        self.turns_left -= 1;
        let frames = match self.rng.u32(0..100) {
            0..8 => self.rng.u64(1..8),
            p if p >= 100 - self.plan.caller.long_talk => self.rng.u64(200..1500),
            _ => self.rng.u64(10..130),
        };
        let every = if self.chance(5) { self.rng.u64(2..8) } else { 1 };
        let level = match self.rng.u32(0..20) {
            0 => self.plan.caller.level - 1,
            _ => self.plan.caller.level,
        };
        self.talks.push(Talk { from: n, to: n + frames, level, every });
        let pause = match self.rng.u32(0..10) {
            0..2 => self.rng.u64(5..40),
            2..8 => self.rng.u64(50..250),
            _ => self.rng.u64(200..500),
        };
        self.next_talk = n + frames + pause;
    }

    /// The window's end is known: the caller may speak at just that moment.
    fn at_deadline(&mut self, deadline: Timestamp) {
        if self.ending.is_some() || !self.chance(self.plan.caller.at_deadline) {
            return;
        }
        let off = self.rng.u64(0..600_000);
        let at = (deadline.as_micros() + 200_000).saturating_sub(off).max(self.now);
        if self.chance(80) {
            let frames = self.rng.u64(1..40);
            self.talk(self.frame_at(at), frames);
        } else {
            self.digit_at(at);
        }
    }

    fn ending_began(&mut self, reason: Reason) {
        self.ending = Some(reason);
        if matches!(reason, Reason::HangupCall | Reason::IntentEnded) && self.chance(self.plan.caller.answers_hangup) {
            let at = self.now + self.rng.u64(0..4_500_000);
            if self.chance(80) {
                let frames = self.rng.u64(5..200);
                self.talk(self.frame_at(at), frames);
            } else {
                self.digit_at(at);
            }
        }
    }

    /// A goodbye plays from `begins` to `ends`.
    fn answer_goodbye(&mut self, begins: u64, ends: u64) {
        let at = begins + self.rng.u64(0..(ends - begins) + 400_000);
        if self.chance(self.plan.caller.answers_goodbye) {
            let frames = match self.rng.u32(0..4) {
                0 => self.rng.u64(3..20),
                1 => self.rng.u64(18..46),
                _ => self.rng.u64(20..120),
            };
            self.talk(self.frame_at(at), frames);
        } else if self.chance(self.plan.caller.digit_at_goodbye) {
            self.digit_at(at);
        }
    }

    // ---- what happens ----

    fn happen(&mut self, ev: Ev, session: &mut Session, trace: &mut Trace) {
        let now = self.time();
        let carrier = |session: &mut Session, event| session.handle_input(now, Input::Carrier(event));
        match ev {
            Ev::Start => {
                self.stream = true;
                trace.push(now, What::Started);
                carrier(session, CarrierEvent::Started);
                if let Some(ms) = self.plan.model.self_talk_ms {
                    self.after_ms(ms.into(), Ev::SelfTalk(0));
                }
            }
            Ev::Rendered(n) => {
                let (kind, _) = self.plan.rendered[usize::from(n)];
                trace.push(now, What::Rendered(kind));
                let announcement = generator::announcement(kind, self.plan.variant);
                session.handle_input(now, Input::Rendered { kind, by: SaidBy::Builtin, announcement });
            }
            Ev::Operator => {
                trace.push(now, What::Operator);
                session.handle_input(now, Input::Operator);
            }
            Ev::Drain => {
                trace.push(now, What::Drain);
                session.handle_input(now, Input::Drain);
            }
            Ev::Mark(n) => {
                let mark = &mut self.marks[n as usize];
                mark.echoed = true;
                let id = mark.id;
                if !self.closed {
                    trace.push(now, What::Mark(id));
                    carrier(session, CarrierEvent::Mark(id));
                }
            }
            Ev::Digit => {
                if !self.closed && self.stream {
                    trace.push(now, What::Digit);
                    carrier(session, CarrierEvent::Digit(Digit::new('5').unwrap()));
                }
            }
            Ev::Leave | Ev::CarrierStop => {
                let how = self.plan.carrier.leave.filter(|_| ev == Ev::Leave).map_or(Leave::Stop, |(_, how)| how);
                match how {
                    Leave::Stop | Leave::CleanClose | Leave::Break if self.closed && ev == Ev::Leave => {}
                    Leave::Stop => {
                        trace.push(now, What::Stopped);
                        carrier(session, CarrierEvent::Stopped);
                    }
                    Leave::CleanClose | Leave::Break => {
                        let clean = how == Leave::CleanClose;
                        trace.push(now, What::Closed { clean });
                        carrier(session, CarrierEvent::Closed { clean });
                    }
                    Leave::Vanish => self.gone = true,
                    Leave::StatusEnded => {
                        trace.push(now, What::Status(CallStatus::Ended));
                        carrier(session, CarrierEvent::Answer(CallAnswer::Status(CallStatus::Ended)));
                    }
                }
            }
            Ev::RestHangup(ok) => {
                trace.push(now, What::HangupAnswer(ok));
                carrier(session, CarrierEvent::Answer(CallAnswer::Hangup(outcome(ok))));
            }
            Ev::RestSay(ok) => {
                trace.push(now, What::SayAnswer(ok));
                carrier(session, CarrierEvent::Answer(CallAnswer::Say(outcome(ok))));
            }
            Ev::RestDial(ok) => {
                trace.push(now, What::DialAnswer(ok));
                carrier(session, CarrierEvent::Answer(CallAnswer::Dial(outcome(ok))));
            }
            Ev::RestStatus(n) => {
                let status = match n {
                    0 => CallStatus::InProgress,
                    1 => CallStatus::Ended,
                    _ => CallStatus::Unreachable,
                };
                trace.push(now, What::Status(status));
                carrier(session, CarrierEvent::Answer(CallAnswer::Status(status)));
            }
            Ev::ToolDone(call, ok) => {
                self.running.retain(|c| *c != call);
                trace.push(now, What::ToolDone { call, ok });
                session.handle_input(
                    now,
                    Input::ToolDone {
                        call: ToolCallId(call),
                        result: if ok { Ok(()) } else { Err(ToolFault::Answered) },
                    },
                );
            }
            Ev::Ready(_)
            | Ev::Lost(_)
            | Ev::Committed(_)
            | Ev::Hint(_)
            | Ev::Partial(..)
            | Ev::Transcript(_)
            | Ev::Answer(_)
            | Ev::Step(_)
            | Ev::Cancelled(_)
            | Ev::SelfTalk(_) => self.model_happens(ev, session, trace),
        }
    }

    fn model_happens(&mut self, ev: Ev, session: &mut Session, trace: &mut Trace) {
        let now = self.time();
        let model = |session: &mut Session, event| session.handle_input(now, Input::Model(event));
        match ev {
            Ev::Ready(epoch) if epoch == self.epoch => {
                self.ready = true;
                (self.appended_ms, self.voice_since, self.voice_last) = (0, None, None);
                (self.hinted, self.partials) = (false, 0);
                if let Some(ms) = self.plan.model.lost_at_ms.pop() {
                    let at = (u64::from(ms) * 1000).max(self.now + 200_000);
                    self.at(at, Ev::Lost(self.epoch));
                }
                trace.push(now, What::ModelReady);
                model(session, ModelEvent::Ready);
            }
            Ev::Lost(epoch) if epoch == self.epoch => {
                self.epoch += 1;
                self.ready = false;
                trace.push(now, What::ModelLost);
                model(session, ModelEvent::Lost);
            }
            Ev::Committed(epoch) if epoch == self.epoch => {
                trace.push(now, What::Committed);
                model(session, ModelEvent::Committed);
            }
            Ev::Hint(at_ms) if self.ready => {
                trace.push(now, What::Hint);
                model(session, ModelEvent::SpeechStarted { at_ms: at_ms.into() });
            }
            Ev::Partial(epoch, n) if epoch == self.epoch => {
                let heard = self.heard[n as usize];
                let told = self.plan.model.spans;
                trace.push(now, What::Partial { first: heard.first, last: heard.last, told });
                model(session, ModelEvent::InputPartial { start_ms: told.then_some(heard.start_ms) });
            }
            Ev::Transcript(n) => self.transcript(self.heard[n as usize], session, trace),
            Ev::Answer(epoch) if epoch == self.epoch && self.ready => {
                if self.responses.iter().any(|r| !r.done && r.epoch == self.epoch) {
                    // One at a time: the answer waits for the one under way.
                    if self.heap.len() < 100 {
                        self.after_ms(150, Ev::Answer(epoch));
                    }
                } else {
                    self.begin_response(false);
                }
            }
            Ev::SelfTalk(n) => {
                if self.ready && n < 40 && self.responses.iter().all(|r| r.done || r.epoch != self.epoch) {
                    self.begin_response(true);
                }
                let ms = self.plan.model.self_talk_ms.unwrap_or(5000);
                self.after_ms(ms.into(), Ev::SelfTalk(n + 1));
            }
            Ev::Step(n) => self.step(n as usize, session, trace),
            Ev::Cancelled(number) => {
                let Some(r) = self.responses.iter_mut().find(|r| r.number == number && !r.done) else { return };
                if r.epoch != self.epoch {
                    return;
                }
                r.done = true;
                trace.push(now, What::Done { response: number, status: ResponseStatus::Cancelled });
                let (response, status) = (ResponseId(number), ResponseStatus::Cancelled);
                model(session, ModelEvent::ResponseDone { response, status });
            }
            _ => {}
        }
    }

    fn transcript(&mut self, heard: Heard, session: &mut Session, trace: &mut Trace) {
        if heard.epoch != self.epoch {
            return;
        }
        let (now, told, plan) = (self.time(), self.plan.model.spans, self.plan.model.clone());
        let span = told.then_some(AppendedSpan { start_ms: heard.start_ms, end_ms: heard.end_ms });
        let (said, text) = if self.chance(plan.failed) {
            (Said::Failed, "")
        } else if self.chance(plan.empty) {
            (Said::Nothing, "")
        } else if plan.same_text {
            (Said::Words(100), REPEATED)
        } else if self.chance(plan.closing) {
            let n = self.rng.usize(0..CLOSINGS.len());
            (Said::Closing(n as u8), CLOSINGS[n])
        } else {
            let n = self.rng.usize(0..WORDS.len());
            (Said::Words(n as u8), WORDS[n])
        };
        trace.push(now, What::Transcript { first: heard.first, last: heard.last, told, said });
        let event = if said == Said::Failed {
            ModelEvent::InputTranscriptFailed { span }
        } else {
            ModelEvent::InputTranscript { span, text }
        };
        session.handle_input(now, Input::Model(event));
    }

    fn begin_response(&mut self, by_itself: bool) {
        let plan = self.plan.model.clone();
        let number = self.next_response;
        self.next_response += 1;
        let mut steps = VecDeque::new();
        let mut at = self.now;
        steps.push_back((at, Step::Created));
        at += self.within(20..300) * 1000;
        let mut status = ResponseStatus::Completed;
        if self.chance(plan.fails) {
            // Of its own, so that what a seed stands for does not change.
            let mut delay = Rng::with_seed(at ^ u64::from(self.next_item));
            let retry_after = delay.bool().then(|| Duration::from_millis(delay.u64(0..8_000)));
            let failed = ResponseStatus::Failed { retry_after };
            status = *self.rng.choice([failed, ResponseStatus::Incomplete].iter()).unwrap();
        }
        let talks_to_caller = !by_itself && self.turns > 0;
        let hangup = talks_to_caller && self.chance(plan.hangup);
        let too_early = !talks_to_caller && self.chance(plan.hangup / 4);
        let intent = self.chance(plan.intent);
        let goodbye = self.chance(if hangup { 50 } else { plan.goodbye });
        let silent = (hangup || intent) && self.chance(40);
        let first_tool = self.chance(20);
        let mut tools = Vec::new();
        if intent {
            let n = self.plan.settings.intents.len();
            let tool = if n == 0 || self.chance(3) { Tool::Unknown } else { Tool::Intent(self.rng.usize(0..n) as u8) };
            tools.push(tool);
        }
        if hangup || too_early {
            tools.push(Tool::Hangup);
            for _ in 0..plan.repeats {
                tools.push(Tool::Hangup);
            }
        }
        let mut extra = Rng::with_seed(!at ^ u64::from(self.next_item));
        if extra.u32(0..100) < plan.wait {
            let seconds = if extra.u32(0..10) == 0 { extra.u32(0..400) } else { extra.u32(1..20) };
            tools.push(Tool::Wait(seconds));
        }
        if extra.u32(0..100) < plan.transfer {
            tools.push(Tool::Transfer(*extra.choice([0, 1, 9].iter()).unwrap()));
        }
        if first_tool {
            for tool in tools.drain(..) {
                steps.push_back((at, Step::Tool { tool, completed: status == ResponseStatus::Completed }));
                at += self.within(0..60) * 1000;
            }
        }
        if !silent && !matches!(status, ResponseStatus::Failed { .. }) {
            let items = if self.chance(80) { 1 } else { self.rng.u32(2..4) };
            for n in 0..items {
                let item = self.next_item;
                self.next_item += 1;
                let total = self.within(plan.speech_ms.clone());
                let speed = self.within(plan.speed.clone()).max(1);
                let mut given = 0;
                while given < total {
                    let ms = self.within(40..400).min(total - given);
                    steps.push_back((at, Step::Audio { item, ms: ms as u32 }));
                    given += ms;
                    at += ms * 1000 / speed;
                    if self.chance(2) {
                        at += self.within(100..2500) * 1000;
                    }
                }
                let last = n + 1 == items;
                let text = if goodbye && last { self.rng.u8(2..4) } else { self.rng.u8(0..2) };
                if status == ResponseStatus::Completed || !last {
                    at += self.within(0..100) * 1000;
                    steps.push_back((at, Step::ItemDone { item, text }));
                }
            }
        }
        for tool in tools {
            steps.push_back((at, Step::Tool { tool, completed: status == ResponseStatus::Completed }));
            at += self.within(0..60) * 1000;
        }
        at += self.within(5..80) * 1000;
        steps.push_back((at, Step::Done(status)));
        let n = self.responses.len() as u32;
        let epoch = self.epoch;
        self.responses.push(Response { number, epoch, steps, created: false, cancelled_at: NONE, done: false });
        self.at(self.now, Ev::Step(n));
    }

    fn step(&mut self, n: usize, session: &mut Session, trace: &mut Trace) {
        let now = self.time();
        let late_ms = u64::from(self.plan.model.late_audio_ms);
        let epoch = self.epoch;
        let response = &mut self.responses[n];
        if response.epoch != epoch {
            return;
        }
        let cancelled = response.cancelled_at != NONE;
        if cancelled && self.now > response.cancelled_at + late_ms * 1000 {
            return;
        }
        let Some((_, step)) = response.steps.pop_front() else { return };
        let next = response.steps.front().map(|(at, _)| *at);
        let (number, id) = (response.number, ResponseId(response.number));
        let model = |session: &mut Session, event| session.handle_input(now, Input::Model(event));
        match step {
            Step::Created => {
                response.created = true;
                trace.push(now, What::Created(number));
                model(session, ModelEvent::ResponseCreated { response: id });
                if self.chance(self.plan.caller.barges_in / 2) {
                    let at = self.now + self.rng.u64(300_000..3_000_000);
                    let frames = self.rng.u64(3..60);
                    self.talk(self.frame_at(at), frames);
                }
            }
            Step::Audio { item, ms } => {
                if self.item_ms.len() <= item as usize {
                    self.item_ms.resize(item as usize + 1, 0);
                }
                self.item_ms[item as usize] += u64::from(ms);
                self.payload.clear();
                self.payload.resize(ms as usize * 8, agent_code(number, cancelled));
                trace.push(now, What::Audio { response: number, samples: ms * 8, late: cancelled });
                let payload = &self.payload;
                model(session, ModelEvent::Audio { response: id, item: ItemId(item), payload });
            }
            Step::ItemDone { item, text } => {
                if !cancelled {
                    let (transcript, goodbye) = AGENT_TEXTS[usize::from(text)];
                    trace.push(now, What::ItemDone { response: number, goodbye });
                    model(session, ModelEvent::ItemDone { response: id, item: ItemId(item), transcript });
                }
            }
            Step::Tool { tool, completed } => {
                let call = self.next_tool;
                self.next_tool += 1;
                let completed = completed && !cancelled;
                let name = match tool {
                    Tool::Hangup => "hangup_call".into(),
                    Tool::Intent(i) => self.plan.settings.intents[usize::from(i)].name.clone(),
                    Tool::Wait(_) => "wait_for_caller".into(),
                    Tool::Transfer(_) => "transfer_call".into(),
                    Tool::Unknown => "no_such_thing".into(),
                };
                let to = |to| ["billing", "sales"].get(usize::from(to)).copied().unwrap_or("nobody");
                let complete = match tool {
                    Tool::Wait(seconds) => format!("{{\"seconds\":{seconds}}}"),
                    Tool::Transfer(place) => format!("{{\"to\":\"{}\"}}", to(place)),
                    Tool::Hangup | Tool::Intent(_) | Tool::Unknown => "{}".into(),
                };
                trace.push(now, What::ToolCall { response: number, call, tool, completed });
                let arguments = if completed { complete.as_str() } else { "{\"a\":" };
                let call = ToolCallId(call);
                model(session, ModelEvent::ToolCall { response: id, call, name: &name, arguments, completed });
            }
            Step::Done(status) => {
                if response.done || cancelled {
                    return;
                }
                response.done = true;
                trace.push(now, What::Done { response: number, status });
                model(session, ModelEvent::ResponseDone { response: id, status });
            }
        }
        if let Some(at) = next {
            self.at(at, Ev::Step(n as u32));
        }
    }
}

fn outcome(ok: bool) -> RequestOutcome {
    if ok { RequestOutcome::Done } else { RequestOutcome::Failed }
}
