//! Dialling, a look each second, and the end.

use std::{collections::BTreeMap, future::Future, ops::Range, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    plan::{AtEnd, Plan},
    usage::{Sample, Usage},
};
use crate::{
    carrier::twilio::CallSid,
    lab::{
        openai::{OpenAiLab, Tone},
        twilio::{CallReport, Counts, Lab, LabCall, LabReport},
    },
    time::Timestamp,
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long calls that were hung up have to end, callbacks included.
const PATIENCE: Duration = Duration::from_secs(20);
/// A call that is up for so long after its goodbye was due should have ended.
pub(super) const OVERDUE: Duration = Duration::from_secs(20);
/// No call is due.
const NEVER: Duration = Duration::from_secs(3600);

/// How it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Calls dialled.
    pub dialled: u32,
    /// Calls with a stream.
    pub up: u64,
    /// Calls that are over, and had a stream.
    pub ended: u64,
    /// Calls that are over, and had none.
    pub refused: u64,
    /// What the gateway did that the vendor does not allow.
    pub violations: u64,
    /// Frames sent in the last second.
    pub frames_per_s: f64,
    /// How late the lab was, so far: 99 of 100 frames were not later, milliseconds.
    pub late_ms: f64,
}

/// A call that is over.
#[derive(Clone, Debug)]
pub struct EndedCall {
    /// Its number in the plan.
    pub number: u32,
    /// What came of it.
    pub report: Arc<CallReport>,
}

/// What came of a load.
#[derive(Debug)]
pub struct Outcome {
    /// Calls dialled.
    pub dialled: u32,
    /// Those that are over.
    pub calls: Vec<EndedCall>,
    /// Those that did not end although they were hung up.
    pub unended: Vec<CallSid>,
    /// When the callers hung up because time was over; `None`: every call ended by itself.
    pub hung_up: Option<Timestamp>,
    /// When the first of those who talk on fell silent; the others followed as they had come.
    pub fell_silent: Option<Timestamp>,
    /// What counts: from the end of the warm-up to when time was over.
    pub counted: Range<Timestamp>,
    /// What the model saw; `None`: it is somebody else's.
    pub model: Option<ModelSeen>,
    /// A look before the first call, then one each second.
    pub samples: Vec<Sample>,
    /// From the first call to the last one's end.
    pub elapsed: Duration,
    /// The sum.
    pub lab: LabReport,
}

/// What the load's own model saw.
#[derive(Clone, Debug, Default)]
pub struct ModelSeen {
    /// The tones that each of its connections heard, by the callers' clock.
    pub tones: Vec<Vec<Tone>>,
    /// What the vendor does not allow.
    pub violations: Vec<String>,
}

/// Calls, until all are over, or time is, or `stop` comes true: then all callers hang up, or fall silent first if the
/// plan says so. `model` is the gateway's model if it is ours: it falls silent with them.
pub async fn run(
    lab: Lab,
    model: Option<&OpenAiLab>,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    mut look: impl FnMut(&Progress),
) -> Outcome {
    let mut load = Load::new(&lab, plan);
    load.sample();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.tick().await;
    let warm = sleep(plan.warm());
    let over = sleep(plan.longest.map_or(Duration::MAX, |longest| plan.warm() + longest));
    tokio::pin!(stop, warm, over);
    loop {
        load.dial_due();
        if load.flying.is_empty() && load.dialled == plan.calls {
            break;
        }
        let next_dial = load.next_dial();
        tokio::select! {
            Some(ended) = load.ending.join_next(), if !load.ending.is_empty() => load.ended(ended.ok()),
            () = sleep(next_dial) => {}
            _ = looks.tick() => look(&load.sample()),
            () = &mut warm, if load.counted.start == Timestamp::NEVER => load.warmed_up(),
            () = &mut over => {
                if load.fell_silent.is_some() || plan.at_end == AtEnd::HangUp {
                    break;
                }
                load.fall_silent(model);
                over.as_mut().reset(Instant::now() + plan.ramp + plan.silence_timeout + OVERDUE);
            }
            () = &mut stop => break,
        }
    }
    load.over();
    load.hang_up().await;
    look(&load.sample());
    let elapsed = lab.now() - load.start;
    let model = model.map(|model| seen(&lab, model));
    let Load { dialled, flying, calls, hung_up, fell_silent, counted, samples, .. } = load;
    let unended = flying.into_values().map(|call| call.sid()).collect();
    let lab = lab.stop().await;
    Outcome { dialled, calls, unended, hung_up, fell_silent, counted, model, samples, elapsed, lab }
}

fn seen(lab: &Lab, model: &OpenAiLab) -> ModelSeen {
    let (lab_now, model_now) = (lab.now(), model.now());
    let by_lab = |at: Timestamp| before(lab_now, model_now - at);
    let tone = |tone: &Tone| Tone { came: by_lab(tone.came), sent: tone.sent.map(by_lab) };
    let connections = model.connections();
    let tones = connections.iter().map(|connection| connection.tones.iter().map(tone).collect()).collect();
    ModelSeen { tones, violations: model.violations() }
}

/// So long before; never before the clock's beginning.
pub(super) fn before(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::ZERO + (at - Timestamp::ZERO).saturating_sub(by)
}

/// A load under way.
struct Load<'a> {
    lab: &'a Lab,
    plan: &'a Plan,
    start: Timestamp,
    dialled: u32,
    flying: BTreeMap<u32, LabCall>,
    ending: JoinSet<EndedCall>,
    calls: Vec<EndedCall>,
    hung_up: Option<Timestamp>,
    fell_silent: Option<Timestamp>,
    counted: Range<Timestamp>,
    samples: Vec<Sample>,
    /// Of those that are over.
    counts: (u64, u64),
    refused: u64,
}

impl<'a> Load<'a> {
    fn new(lab: &'a Lab, plan: &'a Plan) -> Self {
        Self {
            lab,
            plan,
            start: lab.now(),
            dialled: 0,
            flying: BTreeMap::new(),
            ending: JoinSet::new(),
            calls: Vec::new(),
            hung_up: None,
            fell_silent: None,
            counted: Timestamp::NEVER..Timestamp::NEVER,
            samples: Vec::new(),
            counts: (0, 0),
            refused: 0,
        }
    }

    fn dial_due(&mut self) {
        while self.next_dial().is_zero() {
            let number = self.dialled;
            let call = self.lab.dial(self.plan.dial(number));
            self.dialled += 1;
            self.flying.insert(number, call.clone());
            self.ending.spawn(async move { EndedCall { number, report: call.finished().await } });
        }
    }

    /// How long until the next call is due.
    fn next_dial(&self) -> Duration {
        if self.dialled == self.plan.calls || self.flying.len() >= self.plan.at_once as usize {
            return NEVER;
        }
        (self.start + self.plan.due(self.dialled)) - self.lab.now()
    }

    fn ended(&mut self, ended: Option<EndedCall>) {
        let Some(ended) = ended else { return };
        self.flying.remove(&ended.number);
        let Counts { media_sent, violations, .. } = ended.report.counts;
        self.counts = (self.counts.0 + media_sent, self.counts.1 + violations);
        self.refused += u64::from(ended.report.stream.is_none());
        self.calls.push(ended);
    }

    fn warmed_up(&mut self) {
        if !self.plan.warm_up.is_zero() {
            self.lab.forget_warm_up();
        }
        self.counted.start = self.lab.now();
        self.sample();
    }

    /// Time is over: what comes after does not count.
    fn over(&mut self) {
        if self.counted.end == Timestamp::NEVER {
            self.sample();
            self.counted.end = self.lab.now();
        }
    }

    fn fall_silent(&mut self, model: Option<&OpenAiLab>) {
        self.over();
        self.fell_silent = Some(self.counted.end);
        if let Some(model) = model {
            model.fall_silent(self.plan.apart());
        }
        for (number, call) in &self.flying {
            // As they came: or all would be told goodbye in the same frame.
            let later = self.plan.apart() * (number % self.plan.at_once.max(1));
            call.with_caller(|caller, now| caller.fall_silent(now + later));
        }
    }

    /// Ends what is up, and waits for it.
    async fn hang_up(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        self.hung_up = Some(self.lab.now());
        for call in self.flying.values() {
            call.hang_up();
        }
        let all = async {
            while let Some(ended) = self.ending.join_next().await {
                self.ended(ended.ok());
            }
        };
        // Those that take longer are named.
        let _ = timeout(PATIENCE, all).await;
    }

    fn sample(&mut self) -> Progress {
        let (mut up, (mut frames, mut violations)) = (0, self.counts);
        for counts in self.flying.values().map(LabCall::counts) {
            up += u64::from(counts.streams > 0);
            frames += counts.media_sent;
            violations += counts.violations;
        }
        let at = self.lab.now();
        let server = self.plan.server_pid.and_then(Usage::of);
        let before = self.samples.last().copied().unwrap_or_default();
        self.samples.push(Sample { at, up, frames, server, lab: Usage::of(std::process::id()) });
        Progress {
            elapsed: at - self.start,
            dialled: self.dialled,
            up,
            ended: self.calls.len() as u64 - self.refused,
            refused: self.refused,
            violations,
            frames_per_s: (frames - before.frames) as f64 / (at - before.at).as_secs_f64().max(1e-3),
            late_ms: self.lab.report().late_us.quantile(0.99).unwrap_or(0) as f64 / 1e3,
        }
    }
}
