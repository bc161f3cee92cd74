use serde::Serialize;

use super::{SOUND_CALL, names};
use crate::{
    assistant::Settings,
    call::Reason,
    chart::{Data, Events, Sound, Speech, Svg, TraceFrame},
    codec::mulaw,
    replay::{Outcome, Replay, Truth, Verdicts},
};

/// One call of a report.
#[derive(Clone, Debug)]
pub struct Call {
    name: String,
    failures: Vec<String>,
    played: Option<Box<Played>>,
}

/// A call that came to an end.
#[derive(Clone, Debug)]
struct Played {
    summary: Summary,
    settings: Vec<(&'static str, String)>,
    timeout: std::time::Duration,
    events: Events,
    trace: Vec<TraceFrame>,
    speech: Option<Speech>,
    truth_file: Option<String>,
    said: Vec<u8>,
    heard: Vec<u8>,
}

/// The figures of a call, milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    reason: Option<&'static str>,
    duration_ms: u64,
    spurts: usize,
    silence_started_ms: Option<f64>,
    deadline_ms: Option<f64>,
    goodbye_ms: Option<f64>,
    hangup_ms: Option<f64>,
    held_ms: f64,
    mechanics_error_ms: Option<f64>,
    truth_error_ms: Option<f64>,
    goodbye_whole: Option<bool>,
}

/// A call in the overview of the page.
#[derive(Debug, Serialize)]
pub(super) struct Listed<'a> {
    name: &'a str,
    picture: Option<&'a str>,
    failures: &'a [String],
    summary: Option<&'a Summary>,
}

/// A call's own block of the page.
#[derive(Debug, Serialize)]
pub(super) struct Detail<'a> {
    settings: &'a [(&'static str, String)],
    truth_name: String,
    truth_file: Option<&'a str>,
    chart: Data<'a>,
}

impl Call {
    /// A recording (`name`: its path, for people) and what its replay came to.
    #[must_use]
    pub fn of(name: &str, replay: &Replay, outcome: &Outcome) -> Self {
        let (said, heard) = &outcome.audio;
        let truth = replay.truth.as_ref();
        let played = Played {
            summary: Summary::of(outcome),
            settings: settings(replay),
            timeout: replay.settings.silence_timeout.get(),
            events: Events::of(&outcome.ledger),
            trace: outcome.trace.clone(),
            speech: truth.map(speech),
            truth_file: truth.map(|truth| truth.source.clone()).filter(|source| !source.is_empty()),
            said: said.iter().map(|&sample| mulaw::encode(sample)).collect(),
            heard: heard.clone(),
        };
        Self { name: name.into(), failures: outcome.rules.broken.clone(), played: Some(Box::new(played)) }
    }

    /// A recording that could not be replayed, and why.
    #[must_use]
    pub fn unplayed(name: &str, why: &str) -> Self {
        Self { name: name.into(), failures: vec![why.into()], played: None }
    }

    /// … in which this is wrong, too: a rule that QA set and that was not kept.
    #[must_use]
    pub fn with_failures(mut self, failures: impl IntoIterator<Item = String>) -> Self {
        self.failures.extend(failures);
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How much sound there is to be put into the page; `None` if it is too long for that.
    pub(super) fn sound_bytes(&self) -> Option<usize> {
        let played = self.played.as_ref()?;
        let longest = played.said.len().max(played.heard.len());
        (longest as u128 <= SOUND_CALL.as_millis() * 8).then_some(played.said.len() + played.heard.len())
    }

    pub(super) fn svg(&self) -> Option<String> {
        let played = self.played.as_ref()?;
        let svg = Svg {
            title: &self.name,
            said: &played.said,
            heard: &played.heard,
            events: &played.events,
            truth: played.speech.as_ref(),
            timeout: played.timeout,
        };
        Some(svg.to_string())
    }

    pub(super) fn listed<'a>(&'a self, picture: &'a str) -> Listed<'a> {
        let played = self.played.as_ref();
        Listed {
            name: &self.name,
            picture: played.map(|_| picture),
            failures: &self.failures,
            summary: played.map(|played| &played.summary),
        }
    }

    pub(super) fn detail(&self, sound: Sound) -> Option<Detail<'_>> {
        let played = self.played.as_ref()?;
        let chart = Data::new(&played.said, &played.heard, sound, &played.events, played.timeout);
        Some(Detail {
            settings: &played.settings,
            truth_name: names::truth(&self.name),
            truth_file: played.truth_file.as_deref(),
            chart: chart.with_trace(&played.trace).with_truth(played.speech.as_ref()),
        })
    }
}

impl Summary {
    fn of(outcome: &Outcome) -> Self {
        Self {
            reason: outcome.reason.map(Reason::name),
            duration_ms: outcome.duration_ms,
            spurts: outcome.talkspurts.len(),
            silence_started_ms: outcome.silence_started_ms,
            deadline_ms: outcome.deadline_ms,
            goodbye_ms: outcome.goodbye_ms,
            hangup_ms: outcome.hangup_ms,
            held_ms: outcome.rules.held_ms,
            mechanics_error_ms: outcome.rules.mechanics_error_ms,
            truth_error_ms: outcome.truth_error_ms,
            goodbye_whole: outcome.rules.goodbye_whole,
        }
    }
}

fn speech(truth: &Truth) -> Speech {
    let agent = truth.utterances.iter().filter(|said| said.who == "bot").map(|said| (said.start_ms, said.end_ms));
    Speech { caller: truth.caller_speech.clone(), agent: agent.collect() }
}

/// What the call was played with, in the words of the configuration.
fn settings(replay: &Replay) -> Vec<(&'static str, String)> {
    let Settings {
        silence_timeout,
        min_speech,
        hangover,
        barge_in_min,
        noise_budget,
        level_floor,
        max_duration,
        hangup_call,
        language,
        ..
    } = &replay.settings;
    let verdicts = match replay.verdicts {
        Verdicts::Unknown => "unknown",
        Verdicts::Wordless => "wordless",
        Verdicts::Truth => "truth",
    };
    vec![
        ("detector", replay.detector.name().into()),
        ("verdict", verdicts.into()),
        ("silence_timeout", silence_timeout.to_string()),
        ("min_speech", min_speech.to_string()),
        ("hangover", hangover.to_string()),
        ("barge_in_min", barge_in_min.to_string()),
        ("noise_budget", noise_budget.to_string()),
        ("level_floor", format!("{} dB", level_floor.db())),
        ("max_duration", max_duration.to_string()),
        ("hangup_call", if hangup_call.is_some() { "on" } else { "off" }.into()),
        ("language", language.clone()),
    ]
}
