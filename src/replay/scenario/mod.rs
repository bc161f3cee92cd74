//! The demo's scenarios: callers from `fixtures/`, a scripted agent, on virtual time.
//!
//! A scenario is data: turns of caller and agent, what happens then, what must come of it. [`Scenario::play`] runs
//! it as a [`World`].

mod clips;
mod live;
mod stage;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, rc::Rc, time::Duration};

use super::{Evidence, Rules, TruthVad};
use crate::{
    assistant::{HangupTool, Reminder, Settings},
    call::{CallRecord, Cause, LedgerEntry, Reason},
    lab::World,
    session::AnswerLatency,
    vad::{self, Detector, Vad},
};
pub use live::{LiveEvent, play_live};
use stage::Stage;

/// One exchange: a line of the caller's and the agent's answer to it, by the names of their clips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) caller: &'static str,
    pub(crate) agent: Option<&'static str>,
    /// The agent then calls this tool.
    pub(crate) tool: Option<&'static str>,
}

/// What happens besides the turns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// Nothing: the caller stays quiet.
    Quiet,
    /// The caller begins this long before the deadline.
    BeforeDeadline(Duration, Turn),
    /// The caller speaks this long into the goodbye.
    IntoGoodbye(Duration, Turn),
    /// The caller speaks this long into the agent's last answer.
    IntoAnswer(Duration, Turn),
    /// The caller's side plays hold music.
    HoldMusic,
    /// The model's connection breaks for good after the last turn, and the caller speaks once more.
    ModelGone(&'static str),
}

/// A scenario of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub what: &'static str,
    /// How the call must end.
    pub ends_by: Reason,
    /// How many endings may be taken back: at least and at most.
    pub taken_back: (u32, u32),
    turns: &'static [Turn],
    then: Then,
    hangup_call: bool,
    reminder: Option<u64>,
}

const fn turn(caller: &'static str, agent: &'static str) -> Turn {
    Turn { caller, agent: Some(agent), tool: None }
}

const TALK: &[Turn] = &[turn("talk-1", "agent-answer-1"), turn("talk-2", "agent-answer-3")];

const BASE: Scenario = Scenario {
    name: "silence",
    what: "the caller talks with the agent and then goes quiet",
    ends_by: Reason::Silence,
    taken_back: (0, 0),
    turns: &[turn("talk-1", "agent-answer-1"), turn("talk-2", "agent-answer-2"), turn("talk-3", "agent-answer-3")],
    then: Then::Quiet,
    hangup_call: false,
    reminder: None,
};

/// All scenarios, the default first.
pub const SCENARIOS: &[Scenario] = &[
    BASE,
    Scenario {
        name: "late-speaker",
        what: "the caller speaks again 60 ms before the deadline: no goodbye",
        turns: TALK,
        then: Then::BeforeDeadline(Duration::from_millis(60), turn("caller-hello", "agent-still-here")),
        ..BASE
    },
    Scenario {
        name: "hangup-call",
        what: "the agent calls hangup_call after \"thanks, that's all\": closed 1 to 5 s later",
        ends_by: Reason::HangupCall,
        turns: &[
            turn("caller-question", "agent-answer-4"),
            Turn { caller: "caller-thanks", agent: Some("agent-goodbye"), tool: Some("hangup_call") },
        ],
        hangup_call: true,
        ..BASE
    },
    Scenario {
        name: "take-back",
        what: "the caller says \"wait, I'm here\" during the goodbye: it is taken back",
        taken_back: (1, 1),
        turns: TALK,
        then: Then::IntoGoodbye(Duration::from_millis(1000), turn("caller-wait", "agent-still-here")),
        ..BASE
    },
    Scenario {
        name: "barge-in",
        what: "the caller interrupts a long answer: the agent stops",
        turns: &[turn("caller-question", "agent-answer-4")],
        then: Then::IntoAnswer(Duration::from_millis(2500), turn("caller-interrupt", "agent-answer-2")),
        ..BASE
    },
    Scenario {
        name: "no-tool",
        what: "the agent says goodbye but has no hangup_call: only silence ends the call",
        turns: &[turn("talk-1", "agent-answer-1"), turn("caller-thanks", "agent-goodbye")],
        ..BASE
    },
    Scenario {
        name: "hold-music",
        what: "the caller's side plays music for minutes: noise may put the goodbye off by 60 s, no more",
        taken_back: (0, 2),
        turns: TALK,
        then: Then::HoldMusic,
        ..BASE
    },
    Scenario {
        name: "reminder",
        what: "\"are you still there?\" after 20 s of silence, and nobody answers",
        turns: TALK,
        reminder: Some(20),
        ..BASE
    },
    Scenario {
        name: "model-gone",
        what: "the model's connection breaks for good: a spoken apology within 15 s, never silence",
        ends_by: Reason::ModelLost,
        turns: TALK,
        then: Then::ModelGone("caller-hello"),
        ..BASE
    },
];

/// A played scenario.
#[derive(Debug)]
pub struct Played {
    /// The call's record.
    pub record: CallRecord,
    /// Why the window moved.
    pub ledger: Vec<LedgerEntry>,
    /// How long the caller waited for answers.
    pub answers: Vec<AnswerLatency>,
    /// What the caller said, 8 kHz, from the stream's start on.
    pub said: Vec<i16>,
    /// What the caller heard, µ-law, from the stream's start on.
    pub heard: Vec<u8>,
    /// Held against the rules, the scenario's own included.
    pub rules: Rules,
    /// Goodbye less the goodbye of the same scenario with the labels as detector, milliseconds.
    pub truth_error_ms: Option<f64>,
}

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// The settings it runs with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            hangup_call: self.hangup_call.then(HangupTool::default),
            reminder: self.reminder.map(|s| Reminder { after: Duration::from_secs(s) }),
            greeting: Some(crate::assistant::Greeting { interruptible: true }),
            ..Settings::default()
        }
    }

    /// Plays it, giving each ledger entry to `watch`, with the words that begin there; then once more with the labels as detector.
    ///
    /// # Errors
    /// A text for the reader, if the call does not end (a bug of ours).
    pub fn play(
        &self,
        detector: Detector,
        mut watch: impl FnMut(&LedgerEntry, Option<&str>),
    ) -> Result<Played, String> {
        let labels = Rc::new(RefCell::new(Vec::new()));
        let world = self.run(vad::build(detector), None, Rc::clone(&labels), &mut watch)?;
        let rules = self.judge(&Evidence::of(&world));
        let truth_error_ms = self.truth_error_ms(world.session.record())?;
        Ok(Played {
            record: *world.session.record(),
            answers: world.session.answers().to_vec(),
            said: world.carrier.said().to_vec(),
            heard: world.carrier.heard().to_vec(),
            ledger: world.ledger,
            rules,
            truth_error_ms,
        })
    }

    /// Plays it and writes the call down: the content of a capture's file ([`crate::session::capture`]).
    ///
    /// # Errors
    /// A text for the reader, if the call does not end (a bug of ours).
    pub fn capture(&self, detector: Detector) -> Result<Vec<u8>, String> {
        let mut world = self.run(vad::build(detector), Some(detector.name()), Rc::default(), &mut |_, _| {})?;
        let recorder = world.session.recorder().take().ok_or("the call was not captured")?;
        Ok(recorder.finish(world.session.record()))
    }

    /// The goodbye of this record less that of the same scenario with the labels as detector.
    fn truth_error_ms(&self, record: &CallRecord) -> Result<Option<f64>, String> {
        let labels = Rc::new(RefCell::new(Vec::new()));
        let labelled = self.run(Box::new(TruthVad::of_labels(Rc::clone(&labels))), None, labels, &mut |_, _| {})?;
        let goodbyes = record.goodbye_at.zip(labelled.session.record().goodbye_at);
        Ok(goodbyes.map(|(ours, theirs)| ours.diff_micros(theirs) as f64 / 1e3))
    }

    fn run(
        &self,
        vad: Box<dyn Vad>,
        captured: Option<&str>,
        labels: super::Labels,
        watch: &mut dyn FnMut(&LedgerEntry, Option<&str>),
    ) -> Result<World, String> {
        let (mut stage, mut world) = Stage::set(self, vad, captured, labels)?;
        world.run(|world, entry| {
            watch(&entry, stage.words(&entry).as_deref());
            stage.follow(&mut world.carrier, &mut world.model, &entry);
        })?;
        Ok(world)
    }

    /// Holds a call against the rules, the scenario's own included.
    fn judge(&self, call: &Evidence<'_>) -> Rules {
        let mut rules = Rules::check(call);
        let record = call.record;
        if record.reason != Some(self.ends_by) {
            let reason = record.reason.map_or("nothing", Reason::name);
            rules.broken.push(format!("the call ended by {reason}; {} was expected", self.ends_by.name()));
        }
        let (least, most) = self.taken_back;
        if !(least..=most).contains(&record.taken_back) {
            let count = record.taken_back;
            rules.broken.push(format!("{count} endings were taken back; {least} to {most} were expected"));
        }
        if matches!(self.then, Then::IntoAnswer(..)) && record.barge_ins != (1, 0) {
            rules.broken.push(format!("the agent was interrupted {} times; once was expected", record.barge_ins.0));
        }
        if matches!(self.then, Then::HoldMusic) {
            let latest = Stage::latest_end_with_noise(call.ledger, &self.settings());
            // Sounds may still take it back twice; without a word they cannot put it off again.
            let first = call.ledger.iter().find(|e| e.cause == Cause::EndingBegan(Reason::Silence)).map(|e| e.at);
            if first.is_none() || first > latest {
                rules.broken.push("noise put the goodbye off by more than its budget".into());
            }
        }
        rules
    }
}
