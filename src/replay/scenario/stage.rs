use std::{collections::VecDeque, time::Duration};

use super::{
    super::{Labels, give_builtin_voices},
    Scenario, Then, Turn,
    clips::{Clip, clip, hold_music, line_noise},
};
use crate::{
    assistant::Settings,
    audio::Encoding,
    call::{AnnouncementKind, Cause, EndedBy, LedgerEntry, Verdict},
    lab::{Reply, ScriptedCarrier, ScriptedModel, Transcripts, Trouble, Utterance, World},
    model::Model,
    session::{
        SessionConfig,
        capture::{Header, Recorder},
    },
    time::Timestamp,
    tts,
    vad::Vad,
};

/// The caller answers this long after the agent has been heard.
const CALLER_PAUSE: Duration = Duration::from_millis(800);
/// … counted from the next of these beats.
const BEAT: Duration = Duration::from_millis(200);
/// Line noise lasts longer than any scenario.
const NOISE_SECONDS: usize = 400;
/// Hold music begins this long after the last answer.
const MUSIC_PAUSE: Duration = Duration::from_secs(2);
const MUSIC_SECONDS: usize = 240;

/// What is left of a scenario while it runs.
pub(super) struct Stage {
    turns: std::iter::Copied<std::slice::Iter<'static, Turn>>,
    then: Option<Then>,
    labels: Labels,
    silence_timeout: Duration,
    /// The caller has said something.
    caller_spoke: bool,
    /// What is going to be said, in order.
    agent_lines: VecDeque<String>,
    caller_lines: VecDeque<String>,
}

/// Both sides of the call, which the stage has do what comes next.
struct Peers<'a> {
    carrier: &'a mut ScriptedCarrier,
    model: &'a mut ScriptedModel,
}

impl Stage {
    /// The scenarios' line.
    pub(super) fn line() -> Trouble {
        Trouble { seed: 1, ..Trouble::default() }
    }

    /// The scenario's beginning: a caller and a model whose stream starts at 0.
    pub(super) fn new(
        scenario: &Scenario,
        labels: Labels,
        mut carrier: ScriptedCarrier,
    ) -> (Self, ScriptedCarrier, ScriptedModel) {
        carrier.say(0, &line_noise(NOISE_SECONDS));
        let mut model = ScriptedModel::new(Encoding::Pcm24k, Transcripts::Truth(Vec::new()), Timestamp::ZERO);
        let greeting = clip("agent-greeting");
        model.push(Reply::say(&greeting.samples, &greeting.text));
        let stage = Self {
            turns: scenario.turns.iter().copied(),
            then: Some(scenario.then),
            labels,
            silence_timeout: scenario.settings().silence_timeout.get(),
            caller_spoke: false,
            agent_lines: VecDeque::from([greeting.text]),
            caller_lines: VecDeque::new(),
        };
        (stage, carrier, model)
    }

    /// The same as a world on virtual time. With the name of its detector, the call is captured.
    pub(super) fn set(
        scenario: &Scenario,
        vad: Box<dyn Vad>,
        captured: Option<&str>,
        labels: Labels,
    ) -> Result<(Self, World), String> {
        let carrier = ScriptedCarrier::new(Timestamp::ZERO, Self::line());
        let (stage, carrier, model) = Self::new(scenario, labels, carrier);
        let config = SessionConfig { settings: scenario.settings(), model: model.traits(), encoding: model.encoding() };
        let recorder = captured.map(|name| Recorder::new(&Header::new(&config, name, scenario.name, "demo", 0)));
        let mut world = World::new(config, vad, carrier, model);
        if let Some(recorder) = recorder {
            world.session.capture(recorder);
        }
        give_builtin_voices(&mut world).map_err(|error| error.to_string())?;
        Ok((stage, world))
    }

    /// The words that begin with this entry, if any.
    pub(super) fn words(&mut self, entry: &LedgerEntry) -> Option<String> {
        if matches!(entry.cause, Cause::SpeechBegan { .. }) {
            return self.caller_lines.pop_front();
        }
        if entry.cause == Cause::AgentAudible {
            return self.agent_lines.pop_front();
        }
        let Cause::Announced { kind, .. } = entry.cause else { return None };
        Some(match kind {
            AnnouncementKind::Farewell(kind) => tts::default_text(kind).into(),
            AnnouncementKind::Reminder => "Are you still there?".into(),
            AnnouncementKind::Filler => "One moment, please.".into(),
            // The demo's assistants have no intents.
            AnnouncementKind::IntentFiller(_) => return None,
        })
    }

    /// Looks at what happened, and has caller and model do what comes next.
    pub(super) fn follow(&mut self, carrier: &mut ScriptedCarrier, model: &mut ScriptedModel, entry: &LedgerEntry) {
        let mut peers = Peers { carrier, model };
        self.caller_spoke |= matches!(entry.cause, Cause::SpeechBegan { .. });
        if let Cause::AgentSilent { until, by: EndedBy::Mark | EndedBy::Estimate, .. } = entry.cause {
            self.agent_was_heard(&mut peers, until);
        } else if entry.cause == Cause::AgentAudible {
            self.agent_speaks(&mut peers, entry.at);
        } else if let Cause::Announced { kind: AnnouncementKind::Farewell(_), .. } = entry.cause {
            self.goodbye_begins(&mut peers, entry.at);
        }
    }

    fn agent_was_heard(&mut self, peers: &mut Peers<'_>, until: Timestamp) {
        // People do not answer to the millisecond; and so a run on sockets hears the very same frames as one on virtual
        // time: music that lies a few samples elsewhere in its frames is another sound to a detector.
        let step = BEAT.as_micros() as u64;
        let beat = Timestamp::from_micros(until.as_micros().div_ceil(step) * step);
        if let Some(turn) = self.turns.next() {
            self.exchange(peers, beat + CALLER_PAUSE, turn);
            return;
        }
        match self.then {
            Some(Then::BeforeDeadline(before, turn)) => {
                self.then = None;
                let deadline = until + self.silence_timeout;
                self.exchange(peers, deadline.before(before), turn);
            }
            Some(Then::HoldMusic) => {
                self.then = None;
                let from = (beat + MUSIC_PAUSE).as_micros() / 1000;
                peers.carrier.say(from, &hold_music(MUSIC_SECONDS));
            }
            Some(Then::ModelGone(line)) => {
                self.then = None;
                peers.model.lose_at(until + CALLER_PAUSE, None);
                let turn = Turn { caller: line, agent: None, tool: None };
                self.exchange(peers, until + CALLER_PAUSE * 2, turn);
            }
            Some(Then::Quiet | Then::IntoGoodbye(..) | Then::IntoAnswer(..)) | None => {}
        }
    }

    fn agent_speaks(&mut self, peers: &mut Peers<'_>, at: Timestamp) {
        if let Some(Then::IntoAnswer(after, turn)) = self.then
            && self.turns.len() == 0
            && self.caller_spoke
        {
            self.then = None;
            self.exchange(peers, at + after, turn);
        }
    }

    fn goodbye_begins(&mut self, peers: &mut Peers<'_>, at: Timestamp) {
        if let Some(Then::IntoGoodbye(after, turn)) = self.then {
            self.then = None;
            self.exchange(peers, at + after, turn);
        }
    }

    /// The caller says a line so that its first sound falls on `at`, and the model has its answer ready.
    fn exchange(&mut self, peers: &mut Peers<'_>, at: Timestamp, turn: Turn) {
        let Clip { samples, text, speech } = clip(turn.caller);
        let lead = Duration::from_secs_f64(speech.0 / 1e3);
        let from = at.before(lead).as_micros() / 1000;
        peers.carrier.say(from, &samples);
        let label = (from as f64 + speech.0, from as f64 + speech.1);
        self.labels.borrow_mut().push(label);
        self.caller_lines.push_back(text.clone());
        peers.model.will_hear(Utterance { start_ms: label.0 as u64, end_ms: label.1 as u64, text });
        let mut reply = match turn.agent {
            Some(name) => {
                let answer = clip(name);
                self.agent_lines.push_back(answer.text.clone());
                Reply::say(&answer.samples, &answer.text)
            }
            None => return,
        };
        if let Some(tool) = turn.tool {
            reply = reply.then_tool(tool);
        }
        peers.model.push(reply);
    }

    /// The latest moment at which a call with noise may end by silence.
    pub(super) fn latest_end_with_noise(ledger: &[LedgerEntry], settings: &Settings) -> Option<Timestamp> {
        let worded = ledger.iter().filter_map(|entry| {
            let Cause::Verdict { spurt, verdict: Verdict::Worded } = entry.cause else { return None };
            Some(spurt)
        });
        let last = worded.max()?;
        // The agent's answer to the last words starts the last good window.
        let after = |entry: &&LedgerEntry| matches!(entry.cause, Cause::Verdict { spurt, .. } if spurt == last);
        let from = ledger.iter().position(|entry| after(&entry))?;
        let answered = ledger[from..].iter().find_map(|entry| {
            let Cause::AgentSilent { until, .. } = entry.cause else { return None };
            Some(until)
        });
        let frame = Duration::from_millis(crate::audio::FRAME_MS);
        Some(
            answered?
                + settings.silence_timeout.get()
                + settings.noise_budget.get()
                + settings.min_speech.get()
                + frame,
        )
    }
}
