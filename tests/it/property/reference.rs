//! The rules of a call, held against what happened: plain, slow, and with no word of the state machine in it.
//!
//! The silence deadline cannot be known exactly from outside: where the rules leave room (which talkspurt a
//! transcript without a span speaks of, whether a level lies below a floor that is an average, the estimated end of
//! audio whose mark is lost, the transit time of the media) there are two answers. So the reference works it out
//! twice: `Bound::Low` takes whatever makes the deadline come early, `Bound::High` whatever makes it late. A silence
//! ending must not begin before the first and must not be missing after the second. In a kind world both agree to
//! the millisecond.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quietline::{
    call::{Cause, Party, Reason, TakenBackBy},
    carrier::{CallStatus, MarkId},
    model::{ResponseStatus, ToolAnswer},
    time::Timestamp,
};

use super::{
    Counts,
    generator::Plan,
    trace::{Entry, Said, Tool, Trace, Voice, What},
    world::{level_db, voice_number},
};

/// A rule that was broken.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) at: Timestamp,
    pub(crate) rule: &'static str,
    pub(crate) text: String,
}

type Checked = Result<(), Violation>;

const MS: u64 = 1_000;
const FRAME: u64 = 20 * MS;
const LATE_MEDIA: u64 = 200 * MS;
/// A frame may hold parts of two responses.
const PARTS: u64 = 320;
/// A decision is never early; times are rounded to a sample or a millisecond here and there.
const ROUNDING: u64 = 2 * MS;
const OVERDUE: u64 = 1_000 * MS;
const TOOL_CAP: u64 = 120_000 * MS;
const WAIT_CAP: u64 = 180_000 * MS;
/// What is said before a transfer, its request, and the end of the stream that the carrier may not tell.
const TRANSFER_AT_MOST: u64 = (15_000 + 10_000 + 60_000 + 500) * MS;
const IDLE_CAP: u64 = 30_000 * MS;
/// 15 s, one reconnect of 10 s, and some time to notice.
const OWED_AT_MOST: u64 = 26_000 * MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Low,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Charged,
    Good,
    Refilling,
}

/// What is known of something at least and at most.
#[derive(Clone, Copy, Debug)]
struct Range<T> {
    low: T,
    high: T,
}

impl<T: Copy + Ord> Range<T> {
    fn exactly(value: T) -> Self {
        Self { low: value, high: value }
    }

    fn widen(&mut self, value: T) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    fn get(&self, bound: Bound) -> T {
        match bound {
            Bound::Low => self.low,
            Bound::High => self.high,
        }
    }
}

/// A talkspurt of the caller, worked out anew from the voiced frames.
#[derive(Clone, Debug)]
struct Spurt {
    first_frame: u32,
    last_frame: u32,
    voiced: u64,
    power: f64,
    frames: u32,
    open: bool,
    /// The session has not had the time yet to settle its end.
    settling: bool,
    /// Call time of media time 0, as it could be known while the talkspurt's end was.
    offset: Range<u64>,
    verdict: Range<Class>,
    judged: bool,
    /// A partial transcript with words is certain, is possible.
    words: Range<bool>,
    below: Range<bool>,
    /// It may be a key's tone.
    tone: bool,
    counted_at: u64,
    /// Voiced time of the part before a lull in the stream: one talkspurt with this, or another.
    before_lull: u64,
}

impl Spurt {
    fn counts(&self, min_speech: u64) -> bool {
        self.voiced >= min_speech
    }

    fn may_count(&self, min_speech: u64) -> bool {
        self.voiced + self.before_lull >= min_speech
    }

    fn start(&self, bound: Bound) -> u64 {
        u64::from(self.first_frame) * FRAME + self.offset.get(bound)
    }

    fn end(&self, bound: Bound) -> u64 {
        u64::from(self.last_frame + 1) * FRAME + self.offset.get(bound)
    }

    fn span(&self) -> u64 {
        u64::from(self.last_frame + 1 - self.first_frame) * FRAME
    }

    fn level(&self) -> f64 {
        10.0 * (self.power / f64::from(self.frames)).log10()
    }

    fn class(&self, bound: Bound) -> Class {
        // `below.high`: it may lie below the floor.
        let below = if bound == Bound::Low { self.below.high } else { self.below.low };
        if below { Class::Charged } else { self.verdict.get(bound) }
    }

    fn has_words(&self, bound: Bound) -> bool {
        self.words.get(bound) || self.verdict.get(bound) == Class::Refilling
    }
}

/// What opened a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Sure,
    Spurt(usize),
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    number: usize,
    source: Source,
    /// The first moment without anything left of it is over: possibly, certainly.
    maybe_closed: bool,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Response {
    turn: Turn,
    active: bool,
    cancelled: bool,
    given: u64,
    sent: u64,
}

/// A stretch of audio of ours that the caller hears.
#[derive(Clone, Debug)]
struct Run {
    /// `None`: reminder or filler.
    response: Option<u32>,
    from: u64,
    /// When the carrier will have played what it was sent, if it plays at once.
    until: u64,
    last_sent: u64,
    mark: Option<MarkId>,
    /// The mark behind the last frame that is the agent's for sure, if others followed it.
    tail: Option<MarkId>,
    /// Low and high end, once there is one.
    ended_low: Option<u64>,
    ended_high: Option<u64>,
    /// The low end is an estimate.
    estimated: bool,
    cleared: bool,
    /// Another response follows without a pause: no end of its own.
    followed: bool,
    /// The turn at its end.
    turn_at_end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Period {
    from: u64,
    to: Option<u64>,
    source: Source,
}

#[derive(Clone, Debug)]
struct Ending {
    reason: Reason,
    at: u64,
    spoken: Option<Spoken>,
    terminal: Option<MarkId>,
    terminal_at: Option<u64>,
    says: bool,
    hangup_at: Option<u64>,
}

/// The caller has asked for time.
#[derive(Clone, Copy, Debug)]
struct Wait {
    from: u64,
    until: u64,
    to: Option<u64>,
}

/// A tool call of the model.
#[derive(Clone, Copy, Debug)]
struct ToolCall {
    tool: Tool,
    /// It is to be run: complete, of a response that is not cancelled, and the model is there.
    valid: bool,
    /// The model has been there ever since, so that it can be answered.
    reachable: bool,
    answered: bool,
}

/// A farewell on the line.
#[derive(Clone, Copy, Debug)]
struct Spoken {
    from: u64,
    played: u64,
}

struct Reference<'a> {
    plan: &'a Plan,
    trace: &'a Trace,
    now: u64,
    timeout: u64,
    budget: u64,
    min_speech: u64,
    hangover: u64,
    started: Option<u64>,
    over: bool,
    closed: bool,

    /// Smallest offsets of the last 10 s and 9 s: monotonic queues of (arrival, offset).
    recent: [VecDeque<(u64, u64)>; 2],
    offset: Range<u64>,
    spurts: Vec<Spurt>,
    open: Option<usize>,
    next_frame: u32,
    worked_off: u32,
    last_arrival: u64,
    digits: Vec<u64>,
    turn: Turn,
    levels: Option<(f64, f64)>,
    surely_learned: u64,
    texts: Vec<Said>,

    ready: bool,
    away_since: u64,
    responses: BTreeMap<u32, Response>,
    run: Option<Run>,
    prompt: Option<Run>,
    runs: Vec<Run>,
    generation: u32,
    /// Audio was thrown away since the last agent frame: what waits is unknown.
    put_aside: bool,
    line_end: u64,
    tools: Vec<(u32, Period)>,
    waits: Vec<Wait>,
    /// The first wait since the caller last came back.
    first_wait: Option<u64>,
    /// Words that must have ended the wait.
    must_end_wait: bool,
    /// What the tool call told last must be answered with.
    expected: Option<(u32, ToolAnswer)>,
    tool_calls: BTreeMap<u32, ToolCall>,
    owed: [Vec<Period>; 2],
    /// Responses whose audio may sound again after a false alarm.
    resumed: BTreeSet<u32>,
    agent_sent_at: u64,
    /// Until then a prompt may be mixed into the agent's frames.
    mixed_until: u64,

    ending: Option<Ending>,
    reason: Option<Reason>,
    silence_taken_back: Range<u32>,
    goodbyes_taken_back: u32,
    asked: Vec<(u64, Reason)>,
    /// Decisions in a row in which an end that is due had not begun.
    not_begun: u32,
    /// What was told last must take the ending under way back, at once.
    must_take_back: Option<&'static str>,
    asked_status: u64,
    taken_back_at: u64,
    /// A response is asked for and has not begun.
    awaited: bool,
    /// Since when nothing holds the turn open.
    nothing_since: Option<u64>,
    /// When a response last failed.
    failed_at: Option<u64>,
    high: u64,
    overdue: u32,
    lines_closed: u32,
    hangup_at: Option<u64>,
}

pub(crate) fn check(plan: &Plan, trace: &Trace, counts: &mut Counts) -> Checked {
    Reference::new(plan, trace).check(counts)
}

fn us(d: std::time::Duration) -> u64 {
    d.as_micros() as u64
}

impl<'a> Reference<'a> {
    fn new(plan: &'a Plan, trace: &'a Trace) -> Self {
        let s = &plan.settings;
        Self {
            plan,
            trace,
            now: 0,
            timeout: us(s.silence_timeout.get()),
            budget: us(s.noise_budget.get()),
            min_speech: us(s.min_speech.get()),
            hangover: us(s.hangover.get()),
            started: None,
            over: false,
            closed: false,
            recent: [VecDeque::new(), VecDeque::new()],
            offset: Range::exactly(0),
            spurts: Vec::new(),
            open: None,
            next_frame: 0,
            worked_off: 0,
            last_arrival: 0,
            digits: Vec::new(),
            turn: Turn { number: 0, source: Source::Sure, maybe_closed: false, closed: false },
            levels: None,
            surely_learned: 0,
            texts: Vec::new(),
            ready: false,
            away_since: 0,
            responses: BTreeMap::new(),
            run: None,
            prompt: None,
            runs: Vec::new(),
            generation: 0,
            put_aside: false,
            line_end: 0,
            tools: Vec::new(),
            waits: Vec::new(),
            first_wait: None,
            must_end_wait: false,
            expected: None,
            tool_calls: BTreeMap::new(),
            owed: [Vec::new(), Vec::new()],
            resumed: BTreeSet::new(),
            agent_sent_at: 0,
            mixed_until: 0,
            ending: None,
            reason: None,
            silence_taken_back: Range::exactly(0),
            goodbyes_taken_back: 0,
            asked: Vec::new(),
            not_begun: 0,
            must_take_back: None,
            asked_status: 0,
            taken_back_at: 0,
            awaited: false,
            nothing_since: None,
            failed_at: None,
            high: 0,
            overdue: 0,
            lines_closed: 0,
            hangup_at: None,
        }
    }

    fn wrong(&self, rule: &'static str, text: String) -> Checked {
        Err(Violation { at: Timestamp::from_micros(self.now), rule, text })
    }

    fn hold(&self, holds: bool, rule: &'static str, text: impl FnOnce() -> String) -> Checked {
        if holds { Ok(()) } else { self.wrong(rule, text()) }
    }

    fn check(mut self, counts: &mut Counts) -> Checked {
        let entries = &self.trace.entries;
        for (n, entry) in entries.iter().enumerate() {
            self.now = entry.at.as_micros();
            if !entry.what.is_output() {
                self.before_input(&entries[..n])?;
            }
            self.step(entry, &entries[..n], counts)?;
        }
        self.at_end()
    }

    /// Everything that must have happened when the machine was last awake.
    fn before_input(&mut self, past: &[Entry]) -> Checked {
        let Some(last) = past.iter().rev().find(|entry| !entry.what.is_output()) else { return Ok(()) };
        if self.over {
            return Ok(());
        }
        if let Some(by) = self.must_take_back.take() {
            return self.wrong("what takes an ending back does so at once", by.into());
        }
        if std::mem::take(&mut self.must_end_wait) && self.ending.is_none() {
            return self.wrong("words or a key end a wait", String::new());
        }
        if let Some((call, answer)) = self.expected.take().filter(|(call, _)| self.tool_calls[call].reachable) {
            return self.wrong("a built-in tool is answered at once", format!("{call}: {answer:?}"));
        }
        let decided = matches!(last.what, What::Tick | What::Timeout);
        if decided && self.started.is_some() {
            self.after_decision(last.at.as_micros(), last.what == What::Tick)?;
        }
        let told = match last.what {
            What::Drain => Some(Reason::Drain),
            What::Operator => Some(Reason::Operator),
            _ => None,
        };
        if let Some(reason) = told {
            self.hold(self.ending.is_some(), "an end that is asked for begins", || {
                format!("{} began nothing", reason.name())
            })?;
        }
        Ok(())
    }

    /// The machine was awake at `at` and has had its say.
    fn after_decision(&mut self, at: u64, tick: bool) -> Checked {
        self.settle(at);
        let longest = self.started.map_or(u64::MAX, |start| start + us(self.plan.settings.max_duration.get()));
        let overdue = self.waiting().is_some_and(|wait| at >= wait.until);
        self.hold(!overdue, "a wait ends with its time", String::new)?;
        let Some(ending) = self.ending.clone() else {
            // What was taken back at this very decision is followed by what is due at the next.
            let asked = self.asked.first().map(|(_, reason)| *reason);
            let due = if at >= longest { Some(Reason::MaxDuration) } else { asked };
            self.not_begun = if due.is_some() { self.not_begun + 1 } else { 0 };
            self.hold(self.not_begun < 2, "an end that is due begins", || format!("{due:?}, and nothing began"))?;
            if tick && at > self.last_arrival.max(self.taken_back_at) + 10_100 * MS {
                self.hold(self.asked_status > self.last_arrival, "the carrier is asked after 10 s", String::new)?;
            }
            return if tick { self.not_overdue(at) } else { Ok(()) };
        };
        if self.closed {
            return Ok(());
        }
        if let Some(hangup) = ending.hangup_at {
            return self.hold(at <= hangup + 1_000 * MS, "the socket is closed 1 s after the request", || {
                format!("requested at {}", Timestamp::from_micros(hangup))
            });
        }
        let window = match ending.reason {
            Reason::HangupCall | Reason::IntentEnded => Some(5_000 * MS),
            Reason::Drain | Reason::Operator => Some(8_000 * MS),
            _ => None,
        };
        if ending.reason == Reason::Transferred {
            return self.hold(at <= ending.at + TRANSFER_AT_MOST, "a transfer has a bound", String::new);
        }
        if let Some(window) = window {
            self.hold(at <= ending.at + window, "closed within its window", || {
                format!("{} began at {}", ending.reason.name(), Timestamp::from_micros(ending.at))
            })?;
        } else if let Some(spoken) = ending.spoken {
            // The mark is waited for until the estimate and at most 5 s; the caller's own goodbye for some time.
            let most = spoken.played + self.uncertain_end() + 5_000 * MS + 2_000 * MS;
            self.hold(at <= most, "the terminal mark's bound", || {
                format!("everything was played at {}", Timestamp::from_micros(spoken.played))
            })?;
            if let Some(marked) = ending.terminal_at {
                let bye = if ending.reason == Reason::Silence { 2_000 * MS } else { 0 };
                self.hold(at <= marked + bye + FRAME, "hung up after the terminal mark", || {
                    format!("the terminal mark was there at {}", Timestamp::from_micros(marked))
                })?;
            }
        } else if ending.says {
            self.hold(at <= ending.at + 45_000 * MS, "the carrier's own farewell has a bound", String::new)?;
        } else if ending.reason != Reason::ModelGoodbye {
            self.hold(at <= ending.at + FRAME, "a farewell begins at once", || ending.reason.name().into())?;
        }
        if tick && ending.reason == Reason::Silence { self.must_take_back(&ending) } else { Ok(()) }
    }

    /// An estimate of what the carrier plays may be off by so much.
    fn uncertain_end(&self) -> u64 {
        let c = &self.plan.carrier;
        let late = if c.mark_late > 0 { c.mark_late_ms.end } else { 0 };
        u64::from(c.latency_ms + c.mark_lag_ms.end + late + 150) * MS
    }

    fn at_end(&self) -> Checked {
        self.hold(self.over && self.lines_closed == 1, "the line is closed once", || {
            format!("over: {}, closed {} times", self.over, self.lines_closed)
        })?;
        let record = self.trace.record;
        let reason = record.and_then(|record| record.reason);
        self.hold(reason.is_some() && reason == self.reason, "one reason", || {
            format!("the record says {reason:?}, the ledger {:?}", self.reason)
        })?;
        // Every `hangup_call` is answered but the one that the call ended with.
        let asked = self.tool_calls.iter().filter(|(_, c)| c.tool == Tool::Hangup && c.valid && c.reachable);
        let unanswered: Vec<u32> = asked.filter(|(_, c)| !c.answered).map(|(call, _)| *call).collect();
        let may = usize::from(self.reason == Some(Reason::HangupCall));
        self.hold(unanswered.len() <= may, "every hangup_call is answered", || format!("{unanswered:?}"))?;
        if let Some(hangup) = self.hangup_at {
            self.hold(self.now <= hangup + 60_100 * MS, "verification ends after 60 s", String::new)?;
        }
        Ok(())
    }

    // ---- one entry ----

    fn step(&mut self, entry: &Entry, past: &[Entry], counts: &mut Counts) -> Checked {
        let now = self.now;
        match entry.what {
            What::Started => {
                self.started = Some(now);
                self.last_arrival = now;
                self.offset = Range::exactly(now);
                self.new_turn(Source::Sure);
                self.away_since = if self.ready { self.away_since } else { now };
                if self.plan.settings.greeting.is_some() {
                    self.owe([true, true], now, Source::Sure);
                }
                self.high = 0;
            }
            What::Frame { number, level } => self.frame(number, level),
            What::Tick => {
                self.worked_off = self.next_frame.min(self.worked_off + 8);
                if self.next_frame - self.worked_off > 600 {
                    self.worked_off = self.next_frame - 500;
                }
                self.lull();
                self.settle_turn(true);
            }
            What::Timeout => {}
            What::Digit => self.digit(),
            What::Mark(id) => self.mark(id),
            What::Stopped | What::Closed { .. } => {}
            What::Status(_) | What::HangupAnswer(_) | What::SayAnswer(_) | What::DialAnswer(_) | What::Rendered(_) => {}
            What::ModelReady => self.ready = true,
            What::ModelLost => {
                if self.ready {
                    self.away_since = now;
                }
                self.ready = false;
                self.awaited = false;
                for response in self.responses.values_mut() {
                    response.active = false;
                }
                for call in self.tool_calls.values_mut() {
                    call.reachable = false;
                }
            }
            What::Hint | What::Committed => {}
            What::Partial { first, last, told } => {
                for spurt in &mut self.spurts {
                    if spurt.first_frame <= last && first <= spurt.last_frame && told {
                        spurt.words = Range { low: true, high: true };
                    } else {
                        spurt.words.high = true;
                    }
                }
            }
            What::Transcript { first, last, told, said } => self.transcript(first, last, told, said),
            What::Created(number) => {
                self.settle_turn(false);
                self.awaited = false;
                let turn = self.turn;
                self.responses.insert(number, Response { turn, active: true, cancelled: false, given: 0, sent: 0 });
            }
            What::Audio { response, samples, late } => {
                if let Some(response) = self.responses.get_mut(&response).filter(|_| !late) {
                    response.given += u64::from(samples);
                }
            }
            What::ItemDone { .. } => {}
            What::ToolCall { response, call, tool, completed } => {
                let cancelled = self.responses.get(&response).is_some_and(|r| r.cancelled);
                let valid = completed && !cancelled && self.started.is_some();
                self.tool_calls.insert(call, ToolCall { tool, valid, reachable: self.ready, answered: false });
                if valid {
                    self.expected = self.built_in(tool).map(|answer| (call, answer));
                }
            }
            What::Done { response, status } => {
                if matches!(status, ResponseStatus::Failed { .. }) {
                    self.failed_at = Some(now);
                }
                if let Some(response) = self.responses.get_mut(&response) {
                    response.active = false;
                }
            }
            What::ToolDone { call, .. } => {
                if let Some((_, period)) = self.tools.iter_mut().find(|(c, _)| *c == call) {
                    period.to = Some(now);
                }
            }
            What::Operator => self.asked.push((now, Reason::Operator)),
            What::Drain => self.asked.push((now, Reason::Drain)),

            What::Sent(voice) => self.sent(voice)?,
            What::Announcement { samples, played } => self.announced(samples, played.as_micros()),
            What::SentMark(id) => {
                self.hold(!self.closed, "nothing after CloseStream", || "a mark".into())?;
                for run in [&mut self.run, &mut self.prompt].into_iter().flatten() {
                    run.mark.get_or_insert(id);
                }
                if let Some(ending) = &mut self.ending {
                    ending.terminal = Some(id);
                }
            }
            What::Clear => {
                self.hold(!self.closed, "nothing after CloseStream", || "clear".into())?;
                self.generation += 1;
                self.put_aside();
                self.line_end = self.line_end.min(now);
                for run in [self.run.take(), self.prompt.take()].into_iter().flatten() {
                    let turn_at_end = self.turn.number;
                    self.runs.push(Run {
                        ended_low: Some(run.ended_low.unwrap_or(now.max(run.from))),
                        ended_high: Some(now.max(run.from)),
                        cleared: true,
                        turn_at_end,
                        ..run
                    });
                }
                if let Some(ending) = &mut self.ending {
                    ending.spoken = None;
                }
            }
            What::Hangup => self.hangup(counts)?,
            What::CloseStream => {
                self.hold(!self.closed, "nothing after CloseStream", || "CloseStream again".into())?;
                self.closed = true;
                if let Some(ending) = &self.ending
                    && matches!(ending.reason, Reason::HangupCall | Reason::IntentEnded)
                {
                    self.hold(now >= ending.at + 1_000 * MS, "closed no sooner than 1 s", || {
                        format!("began at {}", Timestamp::from_micros(ending.at))
                    })?;
                }
            }
            What::Dial { to } => {
                let ending = self.ending.as_ref().is_some_and(|ending| ending.reason == Reason::Transferred);
                let known = usize::from(to) < self.plan.settings.transfers.len();
                self.hold(ending && known && !self.closed, "a transfer was asked for", || format!("{to}"))?;
            }
            What::FetchStatus => self.asked_status = now,
            What::Create => self.awaited = true,
            What::Commit | What::Note | What::CloseModel => {}
            What::Connect => {
                // A new session while the old one stands: the model counts as lost.
                if self.ready {
                    (self.ready, self.away_since) = (false, now);
                    for call in self.tool_calls.values_mut() {
                        call.reachable = false;
                    }
                }
            }
            What::Say(_) => {
                if let Some(ending) = &mut self.ending {
                    ending.says = true;
                }
            }
            What::Cancel(number) => {
                if let Some(response) = self.responses.get_mut(&number) {
                    response.cancelled = true;
                    response.active = false;
                }
                self.resumed.remove(&number);
            }
            What::Truncate { .. } => {}
            What::ToolOutput { call, answer } => self.tool_output(call, answer)?,
            What::RunTool(call) => {
                self.tools.push((call, Period { from: now, to: None, source: Source::Sure }));
                self.pay();
            }
            What::Ledger(n) => self.ledger(n, past, counts)?,
            What::Over => self.over = true,
        }
        Ok(())
    }

    // ---- the caller ----

    fn observe(&mut self, arrival: u64, media_end: u64) {
        let offset = arrival.saturating_sub(media_end);
        for (queue, window) in self.recent.iter_mut().zip([10_000 * MS, 8_990 * MS]) {
            while queue.back().is_some_and(|(_, o)| *o >= offset) {
                queue.pop_back();
            }
            queue.push_back((arrival, offset));
            while queue.front().is_some_and(|(at, _)| at + window < arrival) {
                queue.pop_front();
            }
        }
        let [low, high] = [0, 1].map(|n| self.recent[n].front().map_or(offset, |(_, o)| *o));
        self.offset = Range { low, high };
        for spurt in self.spurts.iter_mut().rev().take(4).filter(|spurt| spurt.open || spurt.settling) {
            if spurt.open {
                spurt.offset = self.offset;
            } else {
                spurt.offset.widen(low);
                spurt.offset.widen(high);
            }
        }
    }

    fn frame(&mut self, number: u32, level: u8) {
        self.last_arrival = self.now;
        self.next_frame = number + 1;
        self.observe(self.now, u64::from(number + 1) * FRAME);
        let voiced = level > 0;
        // Voiced frames closer than the hangover are one talkspurt.
        if let Some(open) = self.open {
            let spurt = &self.spurts[open];
            let reach = u64::from(if voiced { number } else { number + 1 }) * FRAME;
            if reach - u64::from(spurt.last_frame + 1) * FRAME >= self.hangover {
                self.close(open);
            }
        }
        if !voiced {
            return;
        }
        let power = 10f64.powf(level_db(level) / 10.0);
        let n = match self.open {
            Some(n) => n,
            None => {
                let tone = self.digits.iter().any(|at| self.is_tone(number, *at));
                let last =
                    self.spurts.last().filter(|last| u64::from(number - last.last_frame - 1) * FRAME < self.hangover);
                let before_lull = last.map_or(0, |last| last.voiced + last.before_lull);
                self.spurts.push(Spurt {
                    first_frame: number,
                    last_frame: number,
                    voiced: 0,
                    power: 0.0,
                    frames: 0,
                    open: true,
                    settling: false,
                    offset: self.offset,
                    verdict: Range::exactly(Class::Good),
                    judged: false,
                    words: Range::exactly(false),
                    below: Range::exactly(false),
                    tone,
                    counted_at: 0,
                    before_lull,
                });
                self.open = Some(self.spurts.len() - 1);
                self.spurts.len() - 1
            }
        };
        let counted = self.spurts[n].counts(self.min_speech);
        let spurt = &mut self.spurts[n];
        spurt.last_frame = number;
        spurt.voiced += FRAME;
        spurt.power += power;
        spurt.frames += 1;
        self.judge_level(n);
        if !counted && self.spurts[n].counts(self.min_speech) {
            self.spurts[n].counted_at = self.now;
            self.new_turn(Source::Spurt(n));
        }
        self.high = 0;
    }

    /// A gap in inbound frames is silence: once late media would be here, the talkspurt has ended.
    fn lull(&mut self) {
        let Some(open) = self.open.filter(|_| self.worked_off == self.next_frame) else { return };
        let media = self.now.saturating_sub(self.offset.low);
        let end = u64::from(self.spurts[open].last_frame + 1) * FRAME;
        if media >= u64::from(self.next_frame) * FRAME + LATE_MEDIA && media + FRAME >= end + self.hangover {
            self.close(open);
        }
    }

    /// A talkspurt near a key's tone may be, or be cut by, the tone.
    fn is_tone(&self, frame: u32, digit: u64) -> bool {
        let at = u64::from(frame) * FRAME + self.offset.low;
        at + 700 * MS >= digit && at <= digit + 900 * MS
    }

    /// Below the floor: surely, possibly. The caller's usual level is some average of what counted before.
    fn judge_level(&mut self, n: usize) {
        let level = self.spurts[n].level();
        let floor = f64::from(self.plan.settings.level_floor.db());
        let (low, high) = match self.levels {
            None => (false, false),
            Some((least, most)) => {
                (self.surely_learned >= 2_000 * MS && level < least - floor - 0.5, level < most - floor + 0.5)
            }
        };
        self.spurts[n].below = Range { low, high };
    }

    fn close(&mut self, n: usize) {
        self.open = None;
        self.judge_level(n);
        let spurt = &mut self.spurts[n];
        spurt.open = false;
        spurt.settling = true;
        self.high = 0;
        if !self.spurts[n].counts(self.min_speech) {
            return;
        }
        let spurt = &self.spurts[n];
        let (level, voiced) = (spurt.level(), spurt.voiced);
        let (low, high) = (spurt.end(Bound::Low), spurt.end(Bound::High));
        let sure = !spurt.tone && spurt.class(Bound::Low) != Class::Charged;
        if !spurt.below.low {
            let (least, most) = self.levels.unwrap_or((level, level));
            self.levels = Some((least.min(level), most.max(level)));
            if !self.plan.settings.transcription && !spurt.below.high && !spurt.tone {
                self.surely_learned += voiced;
            }
        }
        // While the agent is heard, or has something to say, it is open whether an answer is owed.
        let silent = self.run.is_none() && self.runs_since(self.spurts[n].start(Bound::Low)) && self.nothing_waits();
        self.owe([sure && silent, false], high, Source::Spurt(n));
        self.owe([false, true], low, Source::Spurt(n));
    }

    fn runs_since(&self, from: u64) -> bool {
        self.runs.iter().rev().take(3).all(|run| run.ended_high.is_none_or(|end| end < from))
    }

    /// No agent audio waits to be sent, for sure.
    fn nothing_waits(&self) -> bool {
        !self.put_aside && self.responses.values().all(|r| r.cancelled || r.given <= r.sent + PARTS)
    }

    /// The ending can still be taken back: its farewell is ours, and the terminal mark is not through.
    fn is_open(&self) -> bool {
        let ours = |ending: &Ending| ending.hangup_at.is_none() && !ending.says;
        self.ending.as_ref().filter(|ending| ours(ending)).is_some_and(|ending| match ending.reason {
            Reason::Silence => ending.spoken.is_some() && ending.terminal_at.is_none(),
            Reason::HangupCall | Reason::IntentEnded => self.cancellable(),
            _ => false,
        })
    }

    fn digit(&mut self) {
        if self.started.is_none() {
            return;
        }
        let now = self.now;
        if self.is_open() {
            self.must_take_back = Some("a key");
        }
        for n in 0..self.spurts.len() {
            let (first, last) = (self.spurts[n].first_frame, self.spurts[n].last_frame);
            if (first..=last).any(|frame| self.is_tone(frame, now)) {
                self.spurts[n].tone = true;
            }
        }
        self.digits.push(now);
        self.first_wait = None;
        self.must_end_wait = self.waiting().is_some();
        self.high = 0;
        self.new_turn(Source::Sure);
        self.owe([false, true], now, Source::Sure);
    }

    fn transcript(&mut self, first: u32, last: u32, told: bool, said: Said) {
        self.high = 0;
        let same = self.texts.iter().rev().take(2).filter(|text| **text == said).count() == 2;
        let class = match said {
            Said::Failed => Class::Good,
            Said::Nothing => Class::Charged,
            Said::Words(_) | Said::Closing(_) if same => Class::Charged,
            Said::Words(_) | Said::Closing(_) => Class::Refilling,
        };
        // An equal text with others in between may or may not be "in a row".
        let equals = self.texts.iter().filter(|text| **text == said).count();
        let unsure = matches!(said, Said::Words(_) | Said::Closing(_)) && equals >= 2;
        self.texts.push(said);
        let now = self.now;
        let window = self.ending.as_ref().filter(|e| matches!(e.reason, Reason::HangupCall | Reason::IntentEnded));
        if let Some(ending) = window.filter(|_| matches!(said, Said::Words(_)) && !unsure && told && self.is_open()) {
            let after = self.spurts.iter().any(|spurt| {
                spurt.first_frame <= last
                    && first <= spurt.last_frame
                    && spurt.start(Bound::Low) >= ending.at
                    && spurt.counts(self.min_speech)
                    && !spurt.tone
                    && self.worked_off == self.next_frame
            });
            if after {
                self.must_take_back = Some("words");
            }
        }
        // Words that are surely those of a talkspurt begun within the wait.
        let waiting = self.waiting().filter(|_| matches!(said, Said::Words(_) | Said::Closing(_)) && !unsure && told);
        if let Some(wait) = waiting {
            self.must_end_wait = self.worked_off == self.next_frame
                && self.spurts.iter().any(|spurt| {
                    spurt.first_frame <= last
                        && first <= spurt.last_frame
                        && spurt.start(Bound::Low) >= wait.from
                        && spurt.counts(self.min_speech)
                        && !spurt.tone
                        && !spurt.below.high
                        && spurt.verdict.low == spurt.verdict.high
                        && spurt.verdict.low != Class::Refilling
                        && now < spurt.end(Bound::Low) + 7_900 * MS
                });
        }
        for n in 0..self.spurts.len() {
            let spurt = &mut self.spurts[n];
            // A talkspurt that ended long before cannot be meant.
            if u64::from(spurt.last_frame + 1) * FRAME + 25_000 * MS < u64::from(last) * FRAME {
                continue;
            }
            let overlaps = spurt.first_frame <= last && first <= spurt.last_frame;
            let near = spurt.first_frame <= last + 30 && first <= spurt.last_frame + 30;
            // After 8 s it is unknown, and open what a later transcript changes.
            let in_time = now < spurt.end(Bound::Low) + 7_900 * MS;
            if overlaps && told && !spurt.judged && !spurt.open && !unsure && in_time {
                spurt.verdict = Range::exactly(class);
                spurt.judged = true;
                if class != Class::Charged && !spurt.below.high && !spurt.tone {
                    self.surely_learned += spurt.voiced;
                }
            } else if !told || near {
                spurt.verdict.widen(class);
                if unsure {
                    spurt.verdict.widen(Class::Charged);
                    spurt.verdict.widen(Class::Refilling);
                }
                if class == Class::Refilling {
                    spurt.words.high = true;
                }
            }
        }
        if class == Class::Refilling {
            self.silence_taken_back.low = 0;
        }
    }

    // ---- turns and what is owed ----

    fn new_turn(&mut self, source: Source) {
        self.turn = Turn { number: self.turn.number + 1, source, maybe_closed: false, closed: false };
    }

    fn owes(&self, bound: Bound) -> bool {
        self.owed[bound as usize].iter().rev().take(12).any(|period| {
            let charged = match period.source {
                Source::Sure => false,
                Source::Spurt(n) => self.spurts[n].class(bound) == Class::Charged,
            };
            period.to.is_none() && !charged && (bound == Bound::Low || self.now < period.from + OWED_AT_MOST)
        })
    }

    /// The turn ends at the first moment when no audio is queued, no response is active, no tool runs and no answer
    /// is owed. In a tick that moment is sure; between ticks it may or may not be noticed.
    fn settle_turn(&mut self, tick: bool) {
        let tools = self.tools.iter().any(|(_, period)| period.to.is_none());
        let active = self.responses.values().any(|r| r.active && !r.cancelled);
        let waits = self.responses.values().any(|r| !r.cancelled && r.given > r.sent + PARTS);
        let silent = self.run.as_ref().is_none_or(|run| run.ended_low.is_some());
        let nothing = silent && !tools && !active;
        if nothing && !self.owes(Bound::Low) && !waits {
            self.turn.maybe_closed = true;
            // A key is followed by others: we ask for an answer a second later.
            let fresh = self.digits.last().is_some_and(|at| self.now < at + 1_200 * MS)
                // One that failed is asked for again up to 5 s later.
                || self.failed_at.is_some_and(|at| self.now < at + 5_200 * MS);
            // A response that is wanted is asked for up to 600 ms later, unless the server begins one by itself.
            let since = *self.nothing_since.get_or_insert(self.now);
            if tick
                && !fresh
                && self.now > since + 700 * MS
                && !self.awaited
                && self.run.is_none()
                && self.open.is_none()
                && !self.owes(Bound::High)
                && !self.put_aside
            {
                self.turn.closed = true;
            }
        } else {
            self.nothing_since = None;
        }
    }

    fn owe(&mut self, which: [bool; 2], from: u64, source: Source) {
        // Nothing is owed in an ending, unless it is about to be taken back.
        let which = [which[0] && self.ending.is_none(), which[1]];
        for (owed, which) in self.owed.iter_mut().zip(which) {
            if which {
                owed.push(Period { from, to: None, source });
            }
        }
    }

    fn pay(&mut self) {
        // Speech that is here and not yet worked off is owed an answer later.
        let caught_up = self.worked_off == self.next_frame;
        for owed in self.owed.iter_mut().take(if caught_up { 2 } else { 1 }) {
            for period in owed.iter_mut().rev().take(12) {
                period.to.get_or_insert(self.now);
            }
        }
    }

    // ---- built-in tools ----

    fn waiting(&self) -> Option<Wait> {
        self.waits.last().copied().filter(|wait| wait.to.is_none())
    }

    fn end_wait(&mut self) {
        let now = self.now;
        if let Some(wait) = self.waits.last_mut() {
            wait.to.get_or_insert(now);
        }
    }

    /// What this call must be answered with at once, if that is known.
    fn built_in(&mut self, tool: Tool) -> Option<ToolAnswer> {
        let (now, s) = (self.now, &self.plan.settings);
        match tool {
            Tool::Wait(_) if !s.wait_for_caller => Some(ToolAnswer::NoSuchTool),
            Tool::Transfer(_) if s.transfers.is_empty() => Some(ToolAnswer::NoSuchTool),
            Tool::Wait(_) | Tool::Transfer(_) if self.ending.is_some() => Some(ToolAnswer::AlreadyEnding),
            Tool::Wait(seconds) if !(1..=180).contains(&seconds) => Some(ToolAnswer::WrongWait),
            Tool::Wait(seconds) => {
                let first = *self.first_wait.get_or_insert(now);
                let until = (now + u64::from(seconds) * 1_000 * MS).min(first + WAIT_CAP);
                if until <= now {
                    return Some(ToolAnswer::WaitedEnough);
                }
                self.end_wait();
                self.waits.push(Wait { from: now, until, to: None });
                self.pay();
                Some(ToolAnswer::Waiting)
            }
            Tool::Transfer(9) if self.has_spoken_for_long() => Some(ToolAnswer::WrongTransfer),
            Tool::Transfer(_) | Tool::Hangup | Tool::Intent(_) | Tool::Unknown => None,
        }
    }

    /// The caller is back before the time is over: by a key, or by a talkspurt begun within the wait.
    fn wait_ended(&mut self, early: bool, past: &[Entry]) -> Checked {
        let Some(wait) = self.waiting() else { return self.wrong("a wait ends once", String::new()) };
        self.must_end_wait = false;
        self.high = 0;
        let now = self.now;
        self.end_wait();
        if !early {
            return self.hold(now >= wait.until, "a wait lasts its time", String::new);
        }
        self.first_wait = None;
        let key = matches!(last_input(past), Some(What::Digit));
        let spoken = self.spurts.iter().any(|spurt| {
            // How long media travel is known as far as they jitter.
            let jitter = u64::from(self.plan.carrier.jitter_ms) * MS;
            // A key's tone may have cut it in two.
            let begun = spurt.start(Bound::High) + ROUNDING + jitter >= wait.from;
            (begun || (spurt.tone && spurt.end(Bound::High) + jitter >= wait.from))
                && spurt.may_count(self.min_speech)
                && !spurt.below.low
        });
        self.hold(key || spoken, "only the caller ends a wait early", String::new)
    }

    // ---- our audio ----

    /// What waits may be thrown away, or kept: it is not known any more.
    fn put_aside(&mut self) {
        self.put_aside = true;
        for response in self.responses.values_mut() {
            (response.given, response.sent) = (0, 0);
        }
    }

    fn sent(&mut self, voice: Voice) -> Checked {
        let now = self.now;
        self.hold(!self.closed, "nothing after CloseStream", || "audio".into())?;
        let number = match voice {
            Voice::Other => {
                self.line_end = self.line_end.max(now) + FRAME;
                if let Some(run) = &mut self.run {
                    run.tail = run.tail.or(run.mark);
                    (run.until, run.last_sent, run.mark) = (self.line_end, now, None);
                    if let Some(response) = run.response.and_then(|number| self.responses.get_mut(&number)) {
                        response.sent += 160;
                    }
                }
                return Ok(());
            }
            Voice::Agent(n) | Voice::Late(n) if now < self.mixed_until && !self.is_alive(n) => {
                return self.sent(Voice::Other);
            }
            Voice::Late(n) => {
                return self.wrong("late audio of a cancelled response is dropped", format!("response {n}"));
            }
            Voice::Agent(n) => self.responses.keys().rev().find(|number| voice_number(**number) == n).copied(),
        };
        self.line_end = self.line_end.max(now) + FRAME;
        let Some(number) = number else { return self.wrong("audio of a known response", format!("{voice:?}")) };
        let Some(response) = self.responses.get_mut(&number) else { return Ok(()) };
        response.sent += 160;
        let cancelled = response.cancelled;
        self.hold(!cancelled || self.resumed.contains(&number), "a cancelled response is silent", || {
            format!("response {number}")
        })?;
        self.put_aside = false;
        self.agent_sent_at = now;
        self.pay();
        match &mut self.run {
            // One run, unless the estimate has already stood for its end.
            Some(run) if run.response == Some(number) && run.ended_low.is_none() => {
                (run.until, run.last_sent, run.mark, run.tail) = (self.line_end, now, None, None);
            }
            other => {
                if let Some(run) = other.take() {
                    let turn_at_end = self.turn.number;
                    let followed = run.ended_low.is_none();
                    self.runs.push(Run {
                        ended_low: Some(run.ended_low.unwrap_or(run.until.min(now))),
                        // Its end was not yet told from a pause.
                        ended_high: Some(run.until.max(now)),
                        followed,
                        turn_at_end,
                        ..run
                    });
                }
                self.run = Some(Run {
                    response: Some(number),
                    from: now,
                    until: self.line_end,
                    last_sent: now,
                    mark: None,
                    tail: None,
                    ended_low: None,
                    ended_high: None,
                    estimated: false,
                    cleared: false,
                    followed: false,
                    turn_at_end: 0,
                });
            }
        }
        Ok(())
    }

    /// A code that is heard belongs to a response that may sound.
    fn is_alive(&self, code: u8) -> bool {
        let last = self.responses.iter().rev().find(|(number, _)| voice_number(**number) == code);
        last.is_some_and(|(number, r)| !r.cancelled || self.resumed.contains(number))
    }

    fn announced(&mut self, samples: u32, played: u64) {
        let now = self.now;
        let begins = self.line_end.max(now);
        self.line_end = begins + u64::from(samples) * 125;
        if let Some(ending) = &mut self.ending {
            let from = ending.spoken.map_or(begins, |spoken| spoken.from);
            ending.spoken = Some(Spoken { from, played });
            ending.terminal = None;
            return;
        }
        self.prompt = Some(Run {
            response: None,
            from: now,
            until: self.line_end,
            last_sent: now,
            mark: None,
            tail: None,
            ended_low: None,
            ended_high: None,
            estimated: false,
            cleared: false,
            followed: false,
            turn_at_end: 0,
        });
    }

    fn mark(&mut self, id: MarkId) {
        let now = self.now;
        // An echo of our own clear proves nothing.
        if id.generation != self.generation {
            return;
        }
        self.high = 0;
        let turn_at_end = self.turn.number;
        if let Some(run) = self.run.as_mut().filter(|run| run.tail == Some(id)) {
            run.ended_low.get_or_insert(now.min(run.until.saturating_sub(2 * FRAME)).max(run.from));
        }
        for place in [&mut self.run, &mut self.prompt] {
            if let Some(run) = place.take_if(|run| run.mark.is_some_and(|mark| mark.number <= id.number)) {
                // A mark behind a later one is proof too, but need not be taken for it.
                let low = if run.mark == Some(id) { now } else { run.until.min(now) };
                let low = run.ended_low.filter(|_| run.tail.is_some()).unwrap_or(low);
                self.runs.push(Run { ended_low: Some(low), ended_high: Some(now), turn_at_end, ..run });
            }
        }
        // A mark that comes after its estimate was taken moves the end.
        for run in self.runs.iter_mut().rev().take(4).filter(|run| run.mark == Some(id) && !run.cleared) {
            let first = run.ended_high.is_none_or(|end| end < now);
            if first {
                run.ended_high = Some(now);
            }
        }
        if let Some(ending) = &mut self.ending
            && ending.terminal == Some(id)
        {
            ending.terminal_at.get_or_insert(now);
        }
    }

    /// Estimates take the place of marks that do not come.
    fn settle(&mut self, at: u64) {
        let uncertain = self.uncertain_end();
        let jitter = u64::from(self.plan.carrier.jitter_ms) * MS;
        let turn_at_end = self.turn.number;
        for place in [&mut self.run, &mut self.prompt] {
            let Some(run) = place else { continue };
            let low = run.until.saturating_sub(2 * FRAME + jitter).max(run.from);
            let high = run.until + uncertain;
            if at >= low + OVERDUE {
                run.estimated |= run.ended_low.is_none();
                run.ended_low.get_or_insert(low);
            }
            if at >= high + OVERDUE {
                run.ended_high = Some(high);
                if let Some(run) = place.take() {
                    self.runs.push(Run { turn_at_end, ..run });
                }
            }
        }
        let caught_up = self.worked_off == self.next_frame;
        if caught_up {
            for spurt in self.spurts.iter_mut().rev().take(4) {
                spurt.settling = false;
            }
        }
    }

    // ---- the deadline ----

    /// The silence deadline as it stands at `at`.
    ///
    /// Whether a talkspurt near a key was its tone is open; as one that is charged also uses up the budget, neither
    /// answer is always the earlier one. The same holds for an answer to noise whose turn may have been over.
    fn deadline(&self, bound: Bound, at: u64) -> u64 {
        let ways = [(true, true), (true, false), (false, true), (false, false)];
        let deadlines = ways.map(|(tones, answers)| self.deadline_if(bound, at, tones, answers));
        match bound {
            Bound::Low => deadlines.into_iter().fold(u64::MAX, u64::min),
            Bound::High => deadlines.into_iter().fold(0, u64::max),
        }
    }

    /// The same, with talkspurts that may have been tones heard or taken away, and answers to noise charged or not.
    fn deadline_if(&self, bound: Bound, at: u64, tones: bool, charged_answers: bool) -> u64 {
        enum Change {
            Move { class: Class, resets: bool },
            Begin(usize),
            End(usize),
        }
        const UNCAPPED: usize = 0;
        const TOOL: usize = 1;
        const IDLE: usize = 2;
        const WAIT: usize = 3;
        let start = self.started.unwrap_or(0);
        let mut changes: Vec<(u64, Change)> = Vec::with_capacity(64);
        let class_of = |source| match source {
            Source::Sure => Class::Good,
            Source::Spurt(n) => self.spurts[n].class(bound),
        };
        let mut pause = |from: u64, to: u64, name: usize| {
            let to = to.min(at);
            if from < to {
                changes.push((from, Change::Begin(name)));
                changes.push((to, Change::End(name)));
            }
        };
        let tools = self.tools.iter().map(|(_, tool)| (tool.from, tool.to.unwrap_or(at), TOOL));
        let waits = self.waits.iter().map(|wait| (wait.from, wait.to.unwrap_or(at), WAIT));
        for (mut from, to, name) in tools.chain(waits) {
            // While an estimate was waited for, the agent's pause stood for this one.
            for run in self.runs.iter().chain(&self.run).filter(|run| bound == Bound::Low && run.estimated) {
                if let Some(end) = run.ended_low.filter(|end| from < end + OVERDUE + 200 * MS && run.from < to) {
                    from = from.max(end + OVERDUE + 200 * MS);
                }
            }
            pause(from, to, name);
        }
        for owed in &self.owed[bound as usize] {
            let good = class_of(owed.source) != Class::Charged;
            let to = owed.to.unwrap_or(at);
            match bound {
                Bound::Low if good => pause(owed.from, to, UNCAPPED),
                Bound::Low => {}
                Bound::High => {
                    // While the caller spoke with words, by a partial transcript, none of its steps fell due; that the
                    // whole transcript has none was known only later.
                    let words = self.spurts.iter().filter(|spurt| spurt.words.low && spurt.end(bound) > owed.from);
                    let put_off: u64 = words.filter(|spurt| spurt.start(bound) < to).map(Spurt::span).sum();
                    let most = owed.from + OWED_AT_MOST + put_off;
                    pause(owed.from, to.min(most), if good { UNCAPPED } else { IDLE });
                }
            }
        }
        let mut answers = Vec::new();
        for run in self.runs.iter().chain(&self.run).chain(&self.prompt) {
            let end = if bound == Bound::Low { run.ended_low } else { run.ended_high };
            let turn = run.response.and_then(|number| self.responses.get(&number)).map(|r| r.turn);
            let Some(turn) = turn else {
                pause(run.from, end.unwrap_or(at), IDLE);
                continue;
            };
            let good = class_of(turn.source) != Class::Charged;
            let belongs = match bound {
                Bound::Low => !turn.maybe_closed,
                Bound::High => !turn.closed,
            };
            let name = if belongs && good { UNCAPPED } else { IDLE };
            // Heard before the media's start of this run is not known better than a frame.
            pause(run.from, end.unwrap_or(at), name);
            let ended_turn = if end.is_some() && run.turn_at_end > 0 { run.turn_at_end } else { self.turn.number };
            let opens =
                belongs && (bound == Bound::High || (ended_turn == turn.number && !run.cleared && !run.followed));
            let class = class_of(turn.source).min(Class::Good);
            let opens = if class == Class::Charged { charged_answers && !turn.closed } else { opens };
            if let Some(end) = end.filter(|_| opens) {
                answers.push((end, class));
            }
        }
        changes.extend(answers.into_iter().map(|(end, class)| (end, Change::Move { class, resets: false })));
        changes.extend(self.digits.iter().map(|at| (*at, Change::Move { class: Class::Refilling, resets: true })));
        for spurt in &self.spurts {
            let counts = match bound {
                Bound::Low => spurt.counts(self.min_speech),
                Bound::High => spurt.may_count(self.min_speech),
            };
            if !counts || (spurt.tone && !tones) {
                continue;
            }
            let (end, class) = (spurt.end(bound), spurt.class(bound));
            let resets = bound == Bound::High || class != Class::Charged;
            if class == Class::Good && spurt.span() > self.budget && !spurt.has_words(bound) {
                // Open for longer than the budget without words: charged from then on.
                // A key's tone within it may have cut it in two.
                let key = self.digits.iter().filter(|at| bound == Bound::High && spurt.tone && **at < end).max();
                let from = spurt.start(bound).max(key.map_or(0, |at| at + 350 * MS)).min(end) + self.budget;
                let from = from.min(end);
                changes.push((from, Change::Move { class, resets }));
                changes.push((end, Change::Move { class: Class::Charged, resets: false }));
            } else {
                changes.push((end, Change::Move { class, resets }));
            }
        }
        changes.sort_by_key(|(at, _)| *at);

        let (mut deadline, mut budget) = (start + self.timeout, self.budget);
        let mut active = [0u32; 4];
        let mut left = [u64::MAX, TOOL_CAP, IDLE_CAP, WAIT_CAP];
        let mut last = start;
        let run = |active: &[u32; 4], left: &mut [u64; 4], length: u64| -> u64 {
            let any = active.iter().sum::<u32>();
            if any == 0 || length == 0 {
                return 0;
            }
            let capped = [TOOL, IDLE, WAIT].into_iter().filter(|name| active[*name] > 0);
            match bound {
                // Every pause that is under way is charged for its time.
                Bound::Low => {
                    let least = capped.clone().map(|name| left[name]).min().unwrap_or(u64::MAX);
                    for name in capped {
                        left[name] = left[name].saturating_sub(length);
                    }
                    if active[UNCAPPED] > 0 { length } else { length.min(least) }
                }
                Bound::High => {
                    let most = capped.clone().map(|name| left[name]).max().unwrap_or(u64::MAX);
                    if active[UNCAPPED] > 0 {
                        return length;
                    }
                    if capped.clone().count() == 1 {
                        for name in capped {
                            left[name] = left[name].saturating_sub(length);
                        }
                    }
                    length.min(most)
                }
            }
        };
        for (time, change) in changes {
            let time = time.clamp(last, at.max(last));
            deadline += run(&active, &mut left, time - last);
            last = time;
            match change {
                Change::Begin(name) => active[name] += 1,
                Change::End(name) => active[name] -= 1,
                Change::Move { class, resets } => {
                    let added = (time + self.timeout).saturating_sub(deadline);
                    match class {
                        Class::Charged => {
                            let paid = added.min(budget);
                            budget -= paid;
                            deadline += paid;
                        }
                        Class::Good => deadline += added,
                        Class::Refilling => {
                            deadline += added;
                            budget = self.budget;
                        }
                    }
                    if resets {
                        left = [u64::MAX, TOOL_CAP, IDLE_CAP, WAIT_CAP];
                    }
                }
            }
        }
        deadline + run(&active, &mut left, at.saturating_sub(last))
    }

    /// The caller is inside a talkspurt that counts, by what has arrived.
    fn speaking(&self, bound: Bound, at: u64) -> Option<&Spurt> {
        let spurt = &self.spurts[self.open?];
        // A gap in inbound frames is silence.
        let flows = at < self.last_arrival + if bound == Bound::Low { 60 * MS } else { 400 * MS };
        let counts = match bound {
            Bound::Low => spurt.counts(self.min_speech) && !spurt.tone,
            Bound::High => spurt.may_count(self.min_speech),
        };
        (counts && flows).then_some(spurt)
    }

    /// A talkspurt that must not be talked into.
    fn is_protected(&self, spurt: &Spurt, bound: Bound) -> bool {
        let short = spurt.span() <= self.budget;
        match spurt.class(bound) {
            Class::Charged => false,
            Class::Good => short || spurt.has_words(bound),
            Class::Refilling => true,
        }
    }

    /// The deadline has not been passed for longer than the rules allow.
    fn not_overdue(&mut self, at: u64) -> Checked {
        if self.speaking(Bound::High, at).is_some_and(|spurt| self.is_protected(spurt, Bound::High)) {
            self.overdue = 0;
            return Ok(());
        }
        // An answer that has begun while the decision was held opens a window of its own.
        let answered = self.run.as_ref().and_then(|run| self.responses.get(&run.response?));
        if at < self.high || answered.is_some_and(|response| !response.turn.closed) {
            self.overdue = 0;
            return Ok(());
        }
        self.high = self.deadline(Bound::High, at);
        // A window that stands still at its very end has not passed it.
        if at <= self.high + FRAME {
            self.overdue = 0;
            return Ok(());
        }
        // Nothing is decided over the head of frames that are here and not yet worked off.
        if self.worked_off < self.next_frame {
            return Ok(());
        }
        self.overdue += 1;
        let most = ((LATE_MEDIA + self.min_speech) / FRAME) as u32 + 3;
        self.hold(self.overdue <= most, "silence is not late", || {
            format!("the deadline was {} at the latest, {} ticks ago", Timestamp::from_micros(self.high), self.overdue)
        })
    }

    fn silence_began(&self, counts: &mut Counts) -> Checked {
        let at = self.now;
        let low = self.deadline(Bound::Low, at);
        self.hold(at + ROUNDING >= low, "silence is never early", || {
            format!("the deadline is {} at the earliest", Timestamp::from_micros(low))
        })?;
        if let Some(spurt) = self.speaking(Bound::Low, at).filter(|spurt| self.is_protected(spurt, Bound::Low)) {
            return self.wrong(
                "no farewell inside a talkspurt",
                format!("since frame {}, {} ms voiced", spurt.first_frame, spurt.voiced / MS),
            );
        }
        self.hold(!self.audible(at), "no silence while the agent is heard", String::new)?;
        let longest = self.started.map_or(u64::MAX, |start| start + us(self.plan.settings.max_duration.get()));
        self.hold(at < longest, "max_duration comes before silence", String::new)?;
        counts.silences_exact += 1;
        Ok(())
    }

    /// Agent audio that answers the caller is being heard, for sure.
    fn audible(&self, at: u64) -> bool {
        self.run.as_ref().is_some_and(|run| {
            let turn = run.response.and_then(|number| self.responses.get(&number)).map(|r| r.turn);
            let good = turn.is_some_and(|turn| match turn.source {
                Source::Sure => !turn.maybe_closed,
                Source::Spurt(n) => !turn.maybe_closed && self.spurts[n].class(Bound::Low) != Class::Charged,
            });
            good && run.ended_low.is_none() && at < run.until + OVERDUE - 2 * FRAME
        })
    }

    // ---- endings ----

    fn ledger(&mut self, n: u32, past: &[Entry], counts: &mut Counts) -> Checked {
        match self.trace.ledger[n as usize].cause {
            Cause::EndingBegan(reason) => {
                self.began(reason, past, counts)?;
                self.reason = Some(reason);
                self.not_begun = 0;
                self.put_aside();
                self.pay();
                self.end_wait();
                if reason == Reason::Transferred {
                    self.tools.push((u32::MAX, Period { from: self.now, to: None, source: Source::Sure }));
                }
                self.ending = Some(Ending {
                    reason,
                    at: self.now,
                    spoken: None,
                    terminal: None,
                    terminal_at: None,
                    says: false,
                    hangup_at: None,
                });
                self.asked.retain(|(_, asked)| *asked != reason);
            }
            Cause::TakenBack { reason, by, .. } => {
                self.must_take_back = None;
                self.taken_back_at = self.now;
                self.taken_back(reason, by, past)?;
                self.ending = None;
                self.put_aside();
                let (now, source) = (self.now, self.turn.source);
                self.owe([false, true], now, source);
                self.reason = None;
                self.high = 0;
                self.overdue = 0;
            }
            Cause::WaitEnded { early } => self.wait_ended(early, past)?,
            Cause::TransferFailed => {
                self.hold(
                    self.ending.as_ref().is_some_and(|ending| ending.reason == Reason::Transferred),
                    "a transfer was under way",
                    String::new,
                )?;
                self.taken_back_at = self.now;
                self.ending = None;
                self.put_aside();
                let (now, source) = (self.now, self.turn.source);
                if let Some((_, period)) = self.tools.iter_mut().rfind(|(call, _)| *call == u32::MAX) {
                    period.to = Some(now);
                }
                (self.turn.maybe_closed, self.turn.closed) = (false, false);
                self.owe([false, true], now, source);
                self.reason = None;
                self.high = 0;
                self.overdue = 0;
            }
            Cause::Announced { length, .. } => self.mixed_until = self.now + us(length) + 500 * MS,
            Cause::BargeInFalse => {
                self.resumed = self.responses.iter().filter(|(_, r)| r.cancelled).map(|(number, _)| *number).collect();
                let now = self.now;
                for period in self.owed[0].iter_mut().rev().take(12) {
                    period.to.get_or_insert(now);
                }
            }
            Cause::LineClosed { by, .. } => {
                self.lines_closed += 1;
                self.must_take_back = None;
                let hung_up = matches!(last_input(past), Some(What::Stopped | What::Closed { clean: true }));
                if let Some(ending) = self.ending.as_ref().filter(|e| hung_up && e.at == self.now) {
                    let reason = self.trace.record.and_then(|record| record.reason);
                    self.hold(reason == Some(Reason::CallerHungUp), "at one instant the caller comes first", || {
                        format!("{} began at the same instant", ending.reason.name())
                    })?;
                    self.reason = reason;
                }
                if self.reason.is_none() {
                    self.reason = Some(if by == Party::Caller { Reason::CallerHungUp } else { Reason::CarrierGone });
                    let told = last_input(past);
                    let gone = match told {
                        Some(What::Stopped | What::Closed { clean: true }) => by == Party::Caller,
                        Some(What::Closed { clean: false } | What::Status(CallStatus::Ended)) => by == Party::Carrier,
                        _ => false,
                    };
                    self.hold(gone, "only the carrier's word ends a call without an ending", || format!("{told:?}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn began(&self, reason: Reason, past: &[Entry], counts: &mut Counts) -> Checked {
        let (now, s) = (self.now, &self.plan.settings);
        self.hold(self.ending.is_none(), "one ending at a time", || reason.name().into())?;
        let told = last_input(past);
        match reason {
            Reason::Silence => self.silence_began(counts),
            Reason::HangupCall => {
                self.hold(s.hangup_call.is_some(), "hang-up must be enabled", String::new)?;
                let Some(What::ToolCall { response, tool: Tool::Hangup, completed: true, .. }) = told else {
                    return self.wrong("hangup_call needs a tool call", format!("{told:?}"));
                };
                let cancelled = self.responses.get(&response).is_some_and(|r| r.cancelled);
                self.hold(!cancelled, "a cancelled response calls nothing", String::new)?;
                self.hold(self.has_spoken(), "hangup_call before the caller spoke", String::new)
            }
            Reason::Transferred => {
                let Some(What::ToolCall { response, tool: Tool::Transfer(to), completed: true, .. }) = told else {
                    return self.wrong("a transfer needs a tool call", format!("{told:?}"));
                };
                let cancelled = self.responses.get(&response).is_some_and(|r| r.cancelled);
                self.hold(!cancelled, "a cancelled response calls nothing", String::new)?;
                self.hold(usize::from(to) < s.transfers.len(), "only to those who are configured", || format!("{to}"))?;
                self.hold(self.has_spoken(), "a transfer before the caller spoke", String::new)
            }
            Reason::IntentEnded => {
                let Some(What::ToolDone { call, ok: true }) = told else {
                    return self.wrong("intent_ended needs an intent that worked", format!("{told:?}"));
                };
                let ends = match self.tool_calls.get(&call) {
                    Some(ToolCall { tool: Tool::Intent(n), .. }) => s.intents[usize::from(*n)].ends_call,
                    _ => false,
                };
                self.hold(ends, "intent_ended needs ends_call", String::new)
            }
            Reason::ModelGoodbye => {
                self.hold(s.hangup_enabled(), "hang-up must be enabled", String::new)?;
                let last = self.runs.iter().rev().chain(&self.run).find(|run| run.response.is_some());
                let end = self.run.as_ref().or(last).and_then(|run| run.ended_low).unwrap_or(u64::MAX);
                self.hold(
                    end != u64::MAX && now + ROUNDING >= end + 3_000 * MS,
                    "3 s after the goodbye's end",
                    || format!("it ended at {}", Timestamp::from_micros(end)),
                )?;
                let answered = self.spurts.iter().rev().take(8).find(|spurt| {
                    let voiced = if self.goodbyes_taken_back > 0 { 1_500 * MS } else { self.min_speech };
                    spurt.voiced >= voiced
                        && !spurt.tone
                        && spurt.start(Bound::Low) > end + 250 * MS
                        && spurt.counted_at > 0
                        && spurt.counted_at + 2 * FRAME < now
                        && spurt.class(Bound::Low) != Class::Charged
                        && self.worked_off == self.next_frame
                });
                self.hold(answered.is_none(), "a goodbye that was answered", || {
                    format!("frame {} on", answered.map_or(0, |spurt| spurt.first_frame))
                })?;
                let digit = self.digits.iter().any(|at| *at > end && *at < now);
                self.hold(!digit, "a goodbye that was answered", || "by a key".into())
            }
            Reason::NoAnswer => {
                // Some turn has gone unanswered for 15 s.
                let since = self.agent_sent_at.max(self.tools.last().map_or(0, |(_, tool)| tool.from));
                let first = self
                    .spurts
                    .iter()
                    .filter(|spurt| spurt.counts(self.min_speech))
                    .map(|spurt| spurt.end(Bound::Low))
                    .chain(self.digits.iter().copied())
                    .chain(self.started)
                    .filter(|end| *end + 1_000 * MS >= since)
                    .min();
                self.hold(first.is_some_and(|end| end + 15_000 * MS <= now + ROUNDING), "no_answer after 15 s", || {
                    format!("{:?}", first.map(Timestamp::from_micros))
                })
            }
            Reason::ModelLost => {
                let since = self.away_since.max(self.started.unwrap_or(u64::MAX));
                self.hold(!self.ready && since + 15_000 * MS <= now, "model_lost after 15 s", || {
                    format!("ready: {}, since {}", self.ready, Timestamp::from_micros(since))
                })
            }
            Reason::MaxDuration => {
                let due = self.started.unwrap_or(u64::MAX) + us(s.max_duration.get());
                self.hold(now >= due, "max_duration is not early", String::new)
            }
            Reason::Drain | Reason::Operator => {
                self.hold(self.asked.iter().any(|(_, asked)| *asked == reason), "asked for", || reason.name().into())
            }
            Reason::CallerHungUp | Reason::CarrierGone => Ok(()),
        }
    }

    fn has_spoken(&self) -> bool {
        !self.digits.is_empty() || self.spurts.iter().any(|spurt| spurt.counts(self.min_speech))
    }

    /// The session knows it as well.
    fn has_spoken_for_long(&self) -> bool {
        let known = |spurt: &Spurt| spurt.counted_at > 0 && spurt.counted_at + 500 * MS < self.now && !spurt.tone;
        !self.digits.is_empty() || (self.worked_off == self.next_frame && self.spurts.iter().any(known))
    }

    fn cancellable(&self) -> bool {
        self.plan.settings.hangup_call.is_none_or(|tool| tool.cancellable)
    }

    fn taken_back(&mut self, reason: Reason, by: TakenBackBy, past: &[Entry]) -> Checked {
        const RULE: &str = "what takes an ending back";
        let told = last_input(past);
        let now = self.now;
        if by == TakenBackBy::Digit {
            self.hold(told == Some(What::Digit), RULE, || format!("a key? {told:?}"))?;
        }
        if reason == Reason::ModelGoodbye && self.ending.is_none() {
            if by == TakenBackBy::Speech && self.goodbyes_taken_back > 0 {
                let long = self.spurts.iter().rev().take(3).any(|spurt| spurt.voiced >= 1_500 * MS);
                self.hold(long, RULE, || "a second goodbye needs 1,500 ms".into())?;
            }
            self.goodbyes_taken_back += 1;
            return Ok(());
        }
        let Some(ending) = self.ending.clone().filter(|ending| ending.reason == reason) else {
            return self.wrong(RULE, "it was not under way".into());
        };
        self.hold(ending.hangup_at.is_none() && !self.closed, RULE, || "after the hang-up".into())?;
        match (reason, by) {
            (Reason::Silence, TakenBackBy::Digit) => {
                self.hold(!ending.says, RULE, || "the carrier speaks".into())?;
            }
            (Reason::Silence, TakenBackBy::Speech) => {
                let half = ending.spoken.map(|spoken| u64::midpoint(spoken.from, spoken.played));
                let found = self.spurts.iter().rev().take(4).find(|spurt| {
                    let late = half.is_some_and(|half| spurt.start(Bound::Low) > half + self.uncertain_end());
                    spurt.voiced >= self.min_speech.max(400 * MS)
                        && !spurt.below.low
                        && spurt.end(Bound::High).max(spurt.counted_at) + FRAME >= ending.at
                        && (!late || spurt.span() >= 900 * MS)
                });
                self.hold(found.is_some(), RULE, || "no talkspurt is enough".into())?;
                self.silence_taken_back.low += 1;
                self.silence_taken_back.high += 1;
                self.hold(self.silence_taken_back.low <= 2, RULE, || "a third time without words".into())?;
            }
            (Reason::HangupCall | Reason::IntentEnded, TakenBackBy::Digit) => {
                self.hold(self.cancellable(), RULE, || "not cancellable".into())?;
            }
            (Reason::HangupCall | Reason::IntentEnded, TakenBackBy::Words) => {
                self.hold(self.cancellable(), RULE, || "not cancellable".into())?;
                let words = matches!(told, Some(What::Transcript { said: Said::Words(_), .. }));
                self.hold(words, RULE, || format!("words? {told:?}"))?;
            }
            (Reason::HangupCall | Reason::IntentEnded, TakenBackBy::Speech) => {
                self.hold(self.cancellable(), RULE, || "not cancellable".into())?;
                let found =
                    self.spurts.iter().rev().take(4).any(|spurt| {
                        spurt.voiced >= 1_500 * MS && spurt.end(Bound::High) >= ending.at && !spurt.below.low
                    });
                self.hold(found, RULE, || "no talkspurt is long enough".into())?;
            }
            (Reason::HangupCall | Reason::IntentEnded, TakenBackBy::StillSpeaking) => {
                self.hold(now >= ending.at + 4_000 * MS, RULE, || "long before the bound".into())?;
                let found = self.spurts.iter().rev().take(4).any(|spurt| {
                    let before = spurt.open && spurt.start(Bound::Low) <= ending.at && spurt.counts(self.min_speech);
                    before || (spurt.voiced >= 1_500 * MS && spurt.end(Bound::High) >= ending.at)
                });
                self.hold(found, RULE, || "nobody is still speaking".into())?;
            }
            _ => return self.wrong(RULE, format!("{} by {by:?}", reason.name())),
        }
        Ok(())
    }

    /// A talkspurt begun in the goodbye's first half, 400 ms long and above the floor, takes it back.
    fn must_take_back(&self, ending: &Ending) -> Checked {
        let Some(spoken) = ending.spoken.filter(|_| ending.terminal_at.is_none() && !ending.says) else {
            return Ok(());
        };
        if self.worked_off < self.next_frame || self.silence_taken_back.high >= 2 {
            return Ok(());
        }
        let half = u64::midpoint(spoken.from, spoken.played - self.uncertain_end().min(spoken.played - spoken.from));
        let found = self.spurts.iter().rev().take(3).find(|spurt| {
            spurt.voiced >= self.min_speech.max(400 * MS)
                && !spurt.tone
                && !spurt.below.high
                && spurt.start(Bound::Low) >= ending.at
                && spurt.start(Bound::High) + 100 * MS < half
        });
        self.hold(found.is_none(), "speech takes the goodbye back", || {
            found.map_or(String::new(), |s| format!("frames {}..={}", s.first_frame, s.last_frame))
        })
    }

    fn hangup(&mut self, counts: &mut Counts) -> Checked {
        let now = self.now;
        self.hangup_at.get_or_insert(now);
        let Some(ending) = self.ending.clone() else {
            return self.wrong("a hang-up needs an ending", String::new());
        };
        if ending.hangup_at.is_some() {
            return Ok(());
        }
        if let Some(spoken) = ending.spoken {
            let bound = match ending.reason {
                Reason::HangupCall | Reason::IntentEnded => Some(5_000 * MS),
                Reason::Drain | Reason::Operator => Some(8_000 * MS),
                _ => None,
            };
            let forced = bound.is_some_and(|bound| now + 600 * MS >= ending.at + bound);
            self.hold(now >= spoken.played || forced, "the goodbye is heard whole", || {
                format!("the carrier has played it at {}", Timestamp::from_micros(spoken.played))
            })?;
            counts.goodbyes_whole += u64::from(now >= spoken.played);
        }
        if let Some(ending) = &mut self.ending {
            ending.hangup_at = Some(now);
        }
        if matches!(ending.reason, Reason::HangupCall | Reason::IntentEnded) {
            self.hold(now >= ending.at + 1_000 * MS, "closed no sooner than 1 s", String::new)?;
        }
        Ok(())
    }

    fn tool_output(&mut self, call: u32, answer: ToolAnswer) -> Checked {
        let Some(known) = self.tool_calls.get_mut(&call) else {
            return self.wrong("a tool call is answered once", format!("{call}: {answer:?}"));
        };
        let (ToolCall { tool, valid, .. }, again) = (*known, std::mem::replace(&mut known.answered, true));
        self.hold(!again, "a tool call is answered once", || format!("{call}: {answer:?}"))?;
        self.hold(valid, "a call of an incomplete response is not run", || format!("{call}: {answer:?}"))?;
        if let Some((_, expected)) = self.expected.take_if(|(known, _)| *known == call) {
            self.hold(answer == expected, "a built-in tool's answer", || format!("{answer:?}, not {expected:?}"))?;
        }
        if tool == Tool::Hangup && self.plan.settings.hangup_call.is_none() {
            self.hold(answer == ToolAnswer::NoSuchTool, "hangup_call without the tool", || format!("{answer:?}"))?;
        }
        Ok(())
    }
}

/// What the session was told or asked last.
fn last_input(past: &[Entry]) -> Option<What> {
    past.iter().rev().map(|entry| entry.what).find(|what| !what.is_output())
}
