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
    model::ModelTraits,
    session::SessionConfig,
    time::Timestamp,
    tts,
    vad::Vad,
};

/// The caller answers this long after the agent has been heard.
const CALLER_PAUSE: Duration = Duration::from_millis(800);
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
    /// What is going to be said, in order.
    agent_lines: VecDeque<String>,
    caller_lines: VecDeque<String>,
}

impl Stage {
    pub(super) fn set(scenario: &Scenario, vad: Box<dyn Vad>, labels: Labels) -> Result<(Self, World), String> {
        let start = Timestamp::ZERO;
        let mut carrier = ScriptedCarrier::new(start, Trouble { seed: 1, ..Trouble::default() });
        carrier.say(0, &line_noise(NOISE_SECONDS));
        let mut model = ScriptedModel::new(Encoding::Pcm24k, Transcripts::Truth(Vec::new()), start);
        let greeting = clip("agent-greeting");
        model.push(Reply::say(&greeting.samples, &greeting.text));
        let traits = ModelTraits { hears_speech: true, answers: true };
        let config = SessionConfig { settings: scenario.settings(), model: traits, encoding: Encoding::Pcm24k };
        let mut world = World::new(config, vad, carrier, model);
        give_builtin_voices(&mut world).map_err(|error| error.to_string())?;
        let turns = scenario.turns.iter().copied();
        let stage = Self {
            turns,
            then: Some(scenario.then),
            labels,
            agent_lines: VecDeque::from([greeting.text]),
            caller_lines: VecDeque::new(),
        };
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
        })
    }

    /// Looks at what happened, and has caller and model do what comes next.
    pub(super) fn follow(&mut self, world: &mut World, entry: &LedgerEntry) {
        if let Cause::AgentSilent { until, by: EndedBy::Mark | EndedBy::Estimate, .. } = entry.cause {
            self.agent_was_heard(world, until);
        } else if entry.cause == Cause::AgentAudible {
            self.agent_speaks(world, entry.at);
        } else if let Cause::Announced { kind: AnnouncementKind::Farewell(_), .. } = entry.cause {
            self.goodbye_begins(world, entry.at);
        }
    }

    fn agent_was_heard(&mut self, world: &mut World, until: Timestamp) {
        if let Some(turn) = self.turns.next() {
            self.exchange(world, until + CALLER_PAUSE, turn);
            return;
        }
        match self.then {
            Some(Then::BeforeDeadline(before, turn)) => {
                self.then = None;
                let deadline = until + world.session.call().settings().silence_timeout.get();
                self.exchange(world, deadline.before(before), turn);
            }
            Some(Then::HoldMusic) => {
                self.then = None;
                let from = (until + MUSIC_PAUSE).as_micros() / 1000;
                world.carrier.say(from, &hold_music(MUSIC_SECONDS));
            }
            Some(Then::ModelGone(line)) => {
                self.then = None;
                world.model.lose_at(until + CALLER_PAUSE, None);
                let turn = Turn { caller: line, agent: None, tool: None };
                self.exchange(world, until + CALLER_PAUSE * 2, turn);
            }
            Some(Then::Quiet | Then::IntoGoodbye(..) | Then::IntoAnswer(..)) | None => {}
        }
    }

    fn agent_speaks(&mut self, world: &mut World, at: Timestamp) {
        if let Some(Then::IntoAnswer(after, turn)) = self.then
            && self.turns.len() == 0
            && world.session.call().record().last_spurt.is_some()
        {
            self.then = None;
            self.exchange(world, at + after, turn);
        }
    }

    fn goodbye_begins(&mut self, world: &mut World, at: Timestamp) {
        if let Some(Then::IntoGoodbye(after, turn)) = self.then {
            self.then = None;
            self.exchange(world, at + after, turn);
        }
    }

    /// The caller says a line so that its first sound falls on `at`, and the model has its answer ready.
    fn exchange(&mut self, world: &mut World, at: Timestamp, turn: Turn) {
        let Clip { samples, text, speech } = clip(turn.caller);
        let lead = Duration::from_secs_f64(speech.0 / 1e3);
        let from = at.before(lead).as_micros() / 1000;
        world.carrier.say(from, &samples);
        let label = (from as f64 + speech.0, from as f64 + speech.1);
        self.labels.borrow_mut().push(label);
        self.caller_lines.push_back(text.clone());
        world.model.will_hear(Utterance { start_ms: label.0 as u64, end_ms: label.1 as u64, text });
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
        world.model.push(reply);
    }

    /// The latest moment at which a call with noise may end by silence.
    pub(super) fn latest_end_with_noise(world: &World, settings: &Settings) -> Option<Timestamp> {
        let worded = world.ledger.iter().filter_map(|entry| {
            let Cause::Verdict { spurt, verdict: Verdict::Worded } = entry.cause else { return None };
            Some(spurt)
        });
        let last = worded.max()?;
        // The agent's answer to the last words starts the last good window.
        let after = |entry: &&LedgerEntry| matches!(entry.cause, Cause::Verdict { spurt, .. } if spurt == last);
        let from = world.ledger.iter().position(|entry| after(&entry))?;
        let answered = world.ledger[from..].iter().find_map(|entry| {
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
