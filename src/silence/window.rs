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
    /// Reminder, filler, the model talking to its own silence.
    Idle,
}

impl PauseName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owed, Self::Agent, Self::Tool, Self::Idle];

    /// How much of it a turn may use; `None` is unbounded here (and bounded elsewhere).
    #[must_use]
    pub const fn cap(self) -> Option<Duration> {
        match self {
            Self::Owed | Self::Agent => None,
            Self::Tool => Some(Duration::from_secs(120)),
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
            Self::Idle => "idle prompt",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum StepKind {
    /// A new window start, by an interaction (which opens a turn: pause caps begin anew) or an answer's end.
    Move { at: Timestamp, turn: bool },
    /// A pause of this length.
    Pause { name: PauseName, length: Duration },
}

#[derive(Clone, Copy, Debug)]
struct Step {
    kind: StepKind,
    source: Source,
    class: Class,
}

/// A pause under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    name: PauseName,
    since: Timestamp,
    source: Source,
    class: Class,
}

/// The deadline and what it came from, up to some step.
#[derive(Clone, Copy, Debug)]
struct Account {
    deadline: Timestamp,
    budget: Duration,
    used: [Duration; PauseName::ALL.len()],
}

/// Steps kept while a verdict is open. Verdicts are open for at most 8 s after a talkspurt's end and a talkspurt
/// and its pause take 0.4 s, so about 20 talkspurts with their answers fit. Beyond it the oldest is taken as it
/// stands, and counted.
const LOG_CAPACITY: usize = 96;

/// The silence window of one call.
///
/// It exists from the stream's first frame on; nothing has to happen to arm it. Allocates once, when made.
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
            deadline: start + config.timeout,
            budget: config.noise_budget,
            used: [Duration::ZERO; PauseName::ALL.len()],
        };
        let log = VecDeque::with_capacity(LOG_CAPACITY);
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

    /// A window that starts at `at` counts only what comes after it of a pause under way.
    fn split_pause(&mut self, at: Timestamp) {
        let Some(r) = self.running.as_mut().filter(|r| r.since < at) else { return };
        let kind = StepKind::Pause { name: r.name, length: at - r.since };
        let step = Step { kind, source: r.source, class: r.class };
        r.since = at;
        self.push(step);
    }

    /// A verdict changed: every step of this talkspurt now counts so.
    pub fn set_class(&mut self, spurt: SpurtId, class: Class) {
        let source = Source::Spurt(spurt);
        for step in self.log.iter_mut().filter(|step| step.source == source) {
            step.class = class;
        }
        if let Some(running) = self.running.as_mut().filter(|running| running.source == source) {
            running.class = class;
        }
        self.work_out();
    }

    /// From `at` on the window stands still for this reason, or moves again (`None`). `source` is the turn whose
    /// answer is awaited or heard. The same reason again changes nothing.
    pub fn set_pause(&mut self, at: Timestamp, pause: Option<(PauseName, Source, Class)>) {
        let same = match (&self.running, &pause) {
            (Some(r), Some((name, source, _))) => r.name == *name && r.source == *source,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return;
        }
        if let Some(r) = self.running.take() {
            let kind = StepKind::Pause { name: r.name, length: at.since(r.since) };
            self.push(Step { kind, source: r.source, class: r.class });
        }
        self.running = pause.map(|(name, source, class)| Running { name, since: at, source, class });
    }

    /// A pause that has ended turns out to have lasted this much longer (its mark came late).
    pub fn lengthen_pause(&mut self, name: PauseName, source: Source, class: Class, by: Duration) {
        self.push(Step { kind: StepKind::Pause { name, length: by }, source, class });
    }

    /// The pause under way.
    #[must_use]
    pub fn pause(&self) -> Option<PauseName> {
        self.running.and_then(|r| effective(r.name, r.class))
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
        // What the pause under way has used so far stands before the noise.
        let paused = self.running.and_then(|r| Some((effective(r.name, r.class)?, end.since(r.since))));
        if let Some((name, so_far)) = paused {
            account.pause(name, so_far);
        }
        if let Some(at) = good_until {
            account.advance(self.config, at.min(end), Class::Good);
        }
        account.advance(self.config, end, Class::Charged);
        match paused {
            Some((name, so_far)) => {
                let cap = name.cap()?;
                let used = self.current.used[name as usize];
                Some(account.deadline + cap.saturating_sub(used).saturating_sub(so_far))
            }
            None => Some(account.deadline),
        }
    }

    /// What is left of the noise budget.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.current.budget
    }

    /// How often the log was too short (never, in practice).
    #[must_use]
    pub fn overflows(&self) -> u32 {
        self.overflows
    }

    fn hold(&self, mut account: Account) -> Option<Timestamp> {
        if let Some(name) = self.pause() {
            let left = name.cap()?.saturating_sub(account.used[name as usize]);
            account.deadline += left;
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

/// An answer to something that turned out to be noise was never owed, and is an idle prompt if it came.
fn effective(name: PauseName, class: Class) -> Option<PauseName> {
    match (name, class) {
        (PauseName::Owed, Class::Charged) => None,
        (PauseName::Agent, Class::Charged) => Some(PauseName::Idle),
        (name, _) => Some(name),
    }
}

impl Account {
    fn apply(&mut self, config: WindowConfig, step: Step) {
        match step.kind {
            StepKind::Pause { name, length } => {
                if let Some(name) = effective(name, step.class) {
                    self.pause(name, length);
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

    fn pause(&mut self, name: PauseName, length: Duration) {
        let used = &mut self.used[name as usize];
        let allowed = name.cap().map_or(length, |cap| length.min(cap.saturating_sub(*used)));
        *used += allowed;
        self.deadline += allowed;
    }

    fn advance(&mut self, config: WindowConfig, at: Timestamp, class: Class) {
        let added = (at + config.timeout).since(self.deadline);
        match class {
            Class::Pending | Class::Good => self.deadline += added,
            Class::Refilling => {
                self.deadline += added;
                self.budget = config.noise_budget;
            }
            Class::Charged => {
                let paid = added.min(self.budget);
                self.budget -= paid;
                self.deadline += paid;
            }
        }
    }
}
