use std::{collections::VecDeque, time::Duration};

use crate::{time::Timestamp, vad::SpurtId};

/// What the window is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowConfig {
    /// Silence after which the line is ended.
    pub timeout: Duration,
    /// Time by which charged steps may put the deadline off.
    pub noise_budget: Duration,
}

/// How a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The verdict is open: good until it comes.
    Pending,
    /// Moves the window freely.
    Good,
    /// Moves it freely and refills the noise budget (words above the floor, a digit).
    Refilling,
    /// What it adds to the deadline comes out of the noise budget.
    Charged,
}

impl Class {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Good => "good",
            Self::Refilling => "refilling",
            Self::Charged => "charged",
        }
    }
}

/// Whose doing a step is: its class may change with a talkspurt's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The stream's start, or a digit.
    Sure,
    /// A talkspurt, or the agent's answer to it.
    Spurt(SpurtId),
}

/// Why the window stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PauseName {
    /// An answer is owed: no silence is counted against the caller. Bounded by the rules of the answer owed.
    Owed,
    /// The agent's answer is under way, or still sounds from an earlier turn.
    Agent,
    /// A tool runs.
    Tool,
    /// The caller has asked for time (`wait_for_caller`).
    Wait,
    /// Reminder, filler, the model talking to its own silence.
    Idle,
}

impl PauseName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Owed, Self::Agent, Self::Tool, Self::Wait, Self::Idle];

    /// How much of it a turn may use; `None` is unbounded here (and bounded elsewhere).
    #[must_use]
    pub const fn cap(self) -> Option<Duration> {
        match self {
            Self::Owed | Self::Agent => None,
            Self::Tool => Some(Duration::from_secs(120)),
            Self::Wait => Some(Duration::from_secs(180)),
            Self::Idle => Some(Duration::from_secs(30)),
        }
    }

    /// The name in ledgers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owed => "answer owed",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Wait => "waiting for the caller",
            Self::Idle => "idle prompt",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum StepKind {
    /// A new window start, by an interaction (which opens a turn: pause caps begin anew) or an answer's end.
    Move { at: Timestamp, turn: bool },
    /// A pause.
    Pause { name: PauseName, otherwise: Option<PauseName>, from: Timestamp, to: Timestamp },
}

#[derive(Clone, Copy, Debug)]
struct Step {
    kind: StepKind,
    source: Source,
    class: Class,
}

/// Why the window stands still, and whose doing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The reason.
    pub name: PauseName,
    /// The turn whose answer is awaited or heard.
    pub source: Source,
    /// How that turn counts.
    pub class: Class,
    /// What would hold the window if this did not (the answer turns out to be owed to nobody).
    pub otherwise: Option<PauseName>,
}

/// A pause under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    pause: Pause,
    since: Timestamp,
}

impl Running {
    fn name(&self) -> Option<PauseName> {
        effective(self.pause.name, self.pause.otherwise, self.pause.class)
    }

    fn step(&self, to: Timestamp) -> Step {
        let Pause { name, source, class, otherwise } = self.pause;
        Step { kind: StepKind::Pause { name, otherwise, from: self.since, to }, source, class }
    }
}

/// Pauses remembered to tell which part of another one, or of a window that starts late, they overlap.
const PAUSES: usize = 4;

/// The deadline and what it came from, up to some step.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Where the window starts; of a pause only what comes after counts.
    start: Timestamp,
    deadline: Timestamp,
    budget: Duration,
    /// The latest pauses as they were counted, apart from each other, oldest first.
    paused: [(Timestamp, Timestamp); PAUSES],
    /// Pauses that began after the deadline.
    late: [Option<(PauseName, Timestamp, Timestamp)>; PAUSES],
    used: [Duration; PauseName::ALL.len()],
}

/// Steps kept while a verdict is open. Verdicts are open for at most 8 s after a talkspurt's end and a talkspurt
/// and its pause take 0.4 s, so about 20 talkspurts with their answers fit. Beyond it the oldest is taken as it
/// stands, and counted.
const LOG_CAPACITY: usize = 96;
/// Steps of a tick.
const ROOM: usize = 8;

/// The silence window of one call.
///
/// It exists from the stream's first frame on; nothing has to happen to arm it. Allocates in [`Window::make_room`] only, if
/// that is called often enough.
#[derive(Clone, Debug)]
pub struct Window {
    config: WindowConfig,
    settled: Account,
    log: VecDeque<Step>,
    current: Account,
    running: Option<Running>,
    overflows: u32,
}

impl Window {
    /// A window that starts at `start`.
    #[must_use]
    pub fn new(config: WindowConfig, start: Timestamp) -> Self {
        let account = Account {
            start,
            paused: [(start, start); PAUSES],
            late: [None; PAUSES],
            deadline: start + config.timeout,
            budget: config.noise_budget,
            used: [Duration::ZERO; PauseName::ALL.len()],
        };
        let log = VecDeque::with_capacity(ROOM);
        Self { config, settled: account, log, current: account, running: None, overflows: 0 }
    }

    /// An interaction ended at `at`: a talkspurt's last voiced frame, a digit. Opens a turn, so pause caps begin
    /// anew (unless it is charged).
    pub fn interaction(&mut self, at: Timestamp, source: Source, class: Class) {
        self.split_pause(at);
        self.push(Step { kind: StepKind::Move { at, turn: true }, source, class });
    }

    /// The agent's answer to `source` ended at `at`, acknowledged or estimated.
    pub fn answer_ended(&mut self, at: Timestamp, source: Source, class: Class) {
        self.split_pause(at);
        self.push(Step { kind: StepKind::Move { at, turn: false }, source, class });
    }

    /// What a pause under way has added by `at` stands before a step there: noise does not pay for it.
    fn split_pause(&mut self, at: Timestamp) {
        if let Some(running) = self.running.as_mut().filter(|running| running.since < at) {
            let step = running.step(at);
            running.since = at;
            self.push(step);
        }
    }

    /// A verdict changed: every step of this talkspurt now counts so.
    pub fn set_class(&mut self, spurt: SpurtId, class: Class) {
        let source = Source::Spurt(spurt);
        for step in self.log.iter_mut().filter(|step| step.source == source) {
            step.class = class;
        }
        if let Some(running) = self.running.as_mut().filter(|running| running.pause.source == source) {
            running.pause.class = class;
        }
        self.work_out();
    }

    /// From `at` on the window stands still for this reason, or moves again (`None`). The same again changes nothing.
    pub fn set_pause(&mut self, at: Timestamp, pause: Option<Pause>) {
        let key = |pause: Pause| (pause.name, pause.source, pause.otherwise);
        if self.running.map(|running| key(running.pause)) == pause.map(key) {
            return;
        }
        if let Some(running) = self.running.take() {
            self.push(running.step(at));
        }
        self.running = pause.map(|pause| Running { pause, since: at });
    }

    /// A pause that has ended at `from` turns out to have lasted until `to` (its mark came late).
    pub fn lengthen_pause(&mut self, pause: Pause, from: Timestamp, to: Timestamp) {
        self.push(Running { pause, since: from }.step(to));
    }

    /// The pause under way.
    #[must_use]
    pub fn pause(&self) -> Option<PauseName> {
        self.running.and_then(|running| running.name())
    }

    /// When the window ends if nothing else happens, given the pause under way; `None` while an unbounded pause
    /// holds it. A talkspurt still open is not looked at: see [`Window::deadline_with_noise`].
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.hold(self.current)
    }

    /// The deadline if a charged talkspurt that is still open had ended at `end`; up to `good_until` it was good.
    #[must_use]
    pub fn deadline_with_noise(&self, good_until: Option<Timestamp>, end: Timestamp) -> Option<Timestamp> {
        let mut account = self.current;
        let paused = self.running.and_then(|running| Some((running.name()?, running.since)));
        if let Some((name, since)) = paused {
            account.pause(name, since, end);
        }
        if let Some(at) = good_until {
            account.advance(self.config, at.min(end), Class::Good);
        }
        account.advance(self.config, end, Class::Charged);
        match paused {
            Some((name, _)) => Some(account.deadline + name.cap()?.saturating_sub(account.used[name as usize])),
            None => Some(account.deadline),
        }
    }

    /// What is left of the noise budget.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.current.budget
    }

    /// Takes memory for steps to come. Call it between ticks.
    pub fn make_room(&mut self) {
        self.log.reserve(ROOM.min(LOG_CAPACITY - self.log.len()));
    }

    /// How often the log was too short (never, in practice).
    #[must_use]
    pub fn overflows(&self) -> u32 {
        self.overflows
    }

    fn hold(&self, mut account: Account) -> Option<Timestamp> {
        if let Some((running, name)) = self.running.zip(self.pause()) {
            name.cap()?;
            account.pause(name, running.since, Timestamp::NEVER);
        }
        Some(account.deadline)
    }

    fn push(&mut self, step: Step) {
        if self.log.len() == LOG_CAPACITY {
            if let Some(oldest) = self.log.pop_front() {
                self.settled.apply(self.config, oldest);
            }
            self.overflows += 1;
        }
        self.log.push_back(step);
        self.work_out();
    }

    fn work_out(&mut self) {
        // What lies before the first open verdict can no longer change.
        while self.log.front().is_some_and(|step| step.class != Class::Pending) {
            if let Some(step) = self.log.pop_front() {
                self.settled.apply(self.config, step);
            }
        }
        let mut account = self.settled;
        for step in &self.log {
            account.apply(self.config, *step);
        }
        self.current = account;
    }
}

/// An answer to something that turned out to be noise was never owed, and is an idle prompt if it came and nothing else
/// holds the window.
fn effective(name: PauseName, otherwise: Option<PauseName>, class: Class) -> Option<PauseName> {
    match (name, class) {
        (PauseName::Owed, Class::Charged) => otherwise,
        (PauseName::Agent, Class::Charged) => otherwise.or(Some(PauseName::Idle)),
        (name, _) => Some(name),
    }
}

impl Account {
    fn apply(&mut self, config: WindowConfig, step: Step) {
        match step.kind {
            StepKind::Pause { name, otherwise, from, to } => {
                if let Some(name) = effective(name, otherwise, step.class) {
                    self.pause(name, from, to);
                }
            }
            StepKind::Move { at, turn } => {
                // Only the caller refills the budget, not the agent's answer.
                let class = if turn || step.class != Class::Refilling { step.class } else { Class::Good };
                self.advance(config, at, class);
                if turn && class != Class::Charged {
                    self.used = [Duration::ZERO; PauseName::ALL.len()];
                }
            }
        }
    }

    /// Counts what belongs to this window of a pause, is not counted already, and does not go over the cap.
    fn pause(&mut self, name: PauseName, from: Timestamp, to: Timestamp) {
        let mut from = from.max(self.start);
        if from >= self.deadline {
            // The window was over by then, as far as is known: it holds nothing, unless a later step says otherwise.
            self.late.rotate_left(1);
            self.late[PAUSES - 1] = Some((name, from, to));
            return;
        }
        let known = self.paused;
        for (begun, ended) in known {
            if begun <= from {
                from = from.max(ended);
            } else if begun < to {
                // One in the middle: what lies before it, then what lies after.
                self.count(name, from, begun);
                from = ended;
            }
        }
        if from < to {
            self.count(name, from, to);
        }
    }

    fn count(&mut self, name: PauseName, from: Timestamp, to: Timestamp) {
        let used = &mut self.used[name as usize];
        let length = to.since(from);
        let allowed = name.cap().map_or(length, |cap| length.min(cap.saturating_sub(*used)));
        *used += allowed;
        self.deadline += allowed;
        self.remember(from, from + allowed);
    }

    /// Keeps the latest pauses in order; what adjoins becomes one.
    fn remember(&mut self, from: Timestamp, to: Timestamp) {
        if let Some(next) = self.paused.iter_mut().find(|(begun, ended)| *ended == from || *begun == to) {
            *next = (next.0.min(from), next.1.max(to));
            return;
        }
        self.paused[0] = (from, to);
        self.paused.sort_unstable();
    }

    /// The deadline of a window that starts at `at`, with what of the pauses so far belongs to it.
    fn deadline_from(&self, config: WindowConfig, at: Timestamp) -> Timestamp {
        let own = self.paused.iter().map(|(from, to)| to.since((*from).max(at)));
        at + config.timeout + own.sum()
    }

    fn advance(&mut self, config: WindowConfig, at: Timestamp, class: Class) {
        let added = self.deadline_from(config, at).since(self.deadline);
        let paid = if class == Class::Charged { added.min(self.budget) } else { added };
        self.deadline += paid;
        match class {
            Class::Pending | Class::Good => {}
            Class::Refilling => self.budget = config.noise_budget,
            Class::Charged => self.budget -= paid,
        }
        if paid == added {
            self.start = self.start.max(at);
        }
        for (name, from, to) in std::mem::take(&mut self.late).into_iter().flatten() {
            self.pause(name, from, to);
        }
    }
}
