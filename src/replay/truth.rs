use std::{cell::RefCell, rc::Rc};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    audio::{FRAME_MS, Frame},
    lab::Utterance,
    vad::{Vad, VadFrame},
};

/// What is really in a recording: what a side-car ([`super::SideCar`]) says of its sounds.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Truth {
    /// Stretches of the caller's speech, milliseconds. Voice notes call it `speech`.
    #[serde(default, alias = "speech")]
    pub caller_speech: Vec<(f64, f64)>,
    /// Stretches of the agent's speech, milliseconds.
    #[serde(default)]
    pub bot_speech: Vec<(f64, f64)>,
    /// Who said what.
    #[serde(default)]
    pub utterances: Vec<TruthUtterance>,
    /// The file as it was written, with the keys that are not read here; empty for a truth that came from no file.
    #[serde(skip)]
    pub source: String,
}

/// One utterance of a side-car.
#[derive(Clone, Debug, Deserialize)]
pub struct TruthUtterance {
    /// `caller`, `bot`, or what else speaks (`announcement`). Voice notes have only a caller.
    #[serde(default = "caller")]
    pub who: String,
    /// First millisecond.
    pub start_ms: f64,
    /// End, exclusive.
    pub end_ms: f64,
    /// The words, where they are known.
    pub text: Option<String>,
}

fn caller() -> String {
    "caller".into()
}

/// The labels cannot be used: whoever wrote them has to change them.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// Not the JSON that is expected.
    #[error("not a truth file: {0}; expected an object with `caller_speech`: [[start_ms, end_ms], …]")]
    Json(#[from] serde_json::Error),
    /// No speech in it.
    #[error("the truth file names no `caller_speech` (or `speech`); write [] if nobody speaks")]
    NoSpeech,
    /// A stretch ends before it begins, or is no number.
    #[error("the truth file's speech {0:?} is no stretch of time")]
    BadStretch((f64, f64)),
}

impl Truth {
    /// Parses the labels of a side-car. Unknown keys are ignored: the files say more than is needed here.
    /// `caller_speech` may be empty, where nobody speaks, but must be there.
    ///
    /// # Errors
    /// See [`TruthError`].
    pub fn parse(json: &[u8]) -> Result<Self, TruthError> {
        Self::of_value(serde_json::from_slice(json)?, json)?.ok_or(TruthError::NoSpeech)
    }

    /// The labels of a side-car, which was written as `source`; `None` if it labels no speech.
    pub(super) fn of_value(json: Value, source: &[u8]) -> Result<Option<Self>, TruthError> {
        let labelled = ["caller_speech", "speech"].iter().any(|key| json.get(key).is_some());
        let mut truth: Self = serde_json::from_value(json)?;
        truth.source = String::from_utf8_lossy(source).into_owned();
        let good = |(from, to): &(f64, f64)| from.is_finite() && to.is_finite() && *from >= 0.0 && to >= from;
        match truth.caller_speech.iter().chain(&truth.bot_speech).find(|stretch| !good(stretch)) {
            Some(bad) => Err(TruthError::BadStretch(*bad)),
            None => Ok(labelled.then_some(truth)),
        }
    }

    /// The labels of one track that holds both voices: whoever speaks is heard where the caller would be.
    #[must_use]
    pub fn of_mixed(mut self) -> Self {
        self.caller_speech.append(&mut self.bot_speech);
        self.caller_speech.sort_by(|a, b| a.0.total_cmp(&b.0));
        self
    }

    /// What the caller says, for transcripts. Speech without known words gets a placeholder.
    #[must_use]
    pub fn caller_words(&self) -> Vec<Utterance> {
        let known = |from: f64, to: f64| {
            self.utterances.iter().find(|u| u.who == "caller" && u.start_ms <= to && from <= u.end_ms)
        };
        let speech = self.caller_speech.iter().map(|&(from, to)| Utterance {
            start_ms: from as u64,
            end_ms: to as u64,
            text: known(from, to).and_then(|u| u.text.clone()).unwrap_or_else(|| "(speech)".into()),
        });
        // Other people's words are transcribed too: a model cannot tell.
        let others = self.utterances.iter().filter(|u| u.who != "caller" && u.who != "bot");
        let others = others.map(|u| Utterance {
            start_ms: u.start_ms as u64,
            end_ms: u.end_ms as u64,
            text: u.text.clone().unwrap_or_else(|| "(announcement)".into()),
        });
        speech.chain(others).collect()
    }

    /// What the agent says between these milliseconds, where it is known.
    #[must_use]
    pub fn agent_words(&self, start_ms: f64, end_ms: f64) -> String {
        let said = self.utterances.iter().filter(|u| u.who == "bot" && u.start_ms < end_ms && start_ms < u.end_ms);
        said.filter_map(|u| u.text.as_deref()).collect::<Vec<_>>().join(" ")
    }
}

/// Stretches of speech in milliseconds that may still grow while a call runs.
pub type Labels = Rc<RefCell<Vec<(f64, f64)>>>;

/// A detector that knows: frame after frame, at least half of it labelled speech.
#[derive(Clone, Debug)]
pub struct TruthVad {
    speech: Labels,
    frame: u64,
}

impl TruthVad {
    /// For a recording played from its start on.
    #[must_use]
    pub fn new(truth: &Truth) -> Self {
        Self::of_labels(Rc::new(RefCell::new(truth.caller_speech.clone())))
    }

    /// For a caller who speaks as the call goes.
    #[must_use]
    pub fn of_labels(speech: Labels) -> Self {
        Self { speech, frame: 0 }
    }
}

impl Vad for TruthVad {
    fn process(&mut self, _frame: &Frame) -> VadFrame {
        let from = (self.frame * FRAME_MS) as f64;
        let to = from + FRAME_MS as f64;
        self.frame += 1;
        let overlap: f64 =
            self.speech.borrow().iter().map(|(start, end)| (end.min(to) - start.max(from)).max(0.0)).sum();
        let voiced = overlap >= FRAME_MS as f64 / 2.0;
        VadFrame::new(voiced, f32::from(u8::from(voiced)))
    }

    fn reset(&mut self) {
        self.frame = 0;
    }
}
