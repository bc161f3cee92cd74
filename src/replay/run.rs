use super::{Evidence, Rules, Truth, TruthVad, agent, trace::TracedVad, voices::give_builtin_voices};
use crate::{
    assistant::Settings,
    audio::Encoding,
    call::{Cause, LedgerEntry, Reason},
    chart::TraceFrame,
    lab::{ScriptedCarrier, ScriptedModel, Transcripts, Trouble, World},
    model::ModelTraits,
    session::SessionConfig,
    time::Timestamp,
    vad::{self, Detector, Vad},
};

/// What the caller's talkspurts are taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdicts {
    /// There is no transcription.
    #[default]
    Unknown,
    /// A model hears no word in any of them.
    Wordless,
    /// A model transcribes what the truth file says.
    Truth,
}

impl Verdicts {
    /// All of them, in the order in which they are listed to users.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Wordless, Self::Truth];

    /// The name on command lines and in side-cars.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Wordless => "wordless",
            Self::Truth => "truth",
        }
    }
}

impl std::str::FromStr for Verdicts {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|verdicts| verdicts.name() == s).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no source of verdicts is called {s:?}; there are {names}")
        })
    }
}

/// A recording to be played to a session.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// The assistant's settings.
    pub settings: Settings,
    /// The detector.
    pub detector: Detector,
    /// Where verdicts come from.
    pub verdicts: Verdicts,
    /// The caller's side, 8 kHz.
    pub caller: Vec<i16>,
    /// The agent's side on the same time line, 8 kHz.
    pub agent: Option<Vec<i16>>,
    /// What is really in the recording.
    pub truth: Option<Truth>,
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Length of the recording, milliseconds.
    pub duration_ms: u64,
    /// Talkspurts that counted: start and end, milliseconds.
    pub talkspurts: Vec<(f64, f64)>,
    /// End of the caller's last good talkspurt, milliseconds.
    pub silence_started_ms: Option<f64>,
    /// The silence deadline at which the ending began.
    pub deadline_ms: Option<f64>,
    /// First frame of the goodbye.
    pub goodbye_ms: Option<f64>,
    /// The line was closed.
    pub hangup_ms: Option<f64>,
    /// Why.
    pub reason: Option<Reason>,
    /// Goodbye less the goodbye of the same call with the labels as detector.
    pub truth_error_ms: Option<f64>,
    /// Held against the rules.
    pub rules: Rules,
    /// Why the window moved.
    pub ledger: Vec<LedgerEntry>,
    /// What the detector said of each 20 ms, from the call's start on.
    pub trace: Vec<TraceFrame>,
    /// Caller and what the caller heard, 8 kHz.
    pub audio: (Vec<i16>, Vec<u8>),
}

impl Replay {
    /// Plays the recording; after its end the line stays quiet until the call ends.
    ///
    /// # Errors
    /// A text for the reader, if the call does not end (a bug of ours).
    pub fn run(&self) -> Result<Outcome, String> {
        let (vad, trace) = TracedVad::new(vad::build(self.detector));
        let world = self.play(Box::new(vad))?;
        let mut outcome = self.outcome(&world);
        outcome.trace = trace.take();
        if let Some(truth) = &self.truth {
            let labelled = self.play(Box::new(TruthVad::new(truth)))?;
            let (ours, theirs) = (world.session.record(), labelled.session.record());
            if let (Some(ours), Some(theirs)) = (ours.goodbye_at, theirs.goodbye_at) {
                outcome.truth_error_ms = Some(ours.diff_micros(theirs) as f64 / 1e3);
            }
        }
        Ok(outcome)
    }

    fn play(&self, vad: Box<dyn Vad>) -> Result<World, String> {
        let start = Timestamp::ZERO;
        let mut carrier = ScriptedCarrier::new(start, Trouble::default());
        carrier.say(0, &self.caller);
        let transcripts = match (self.verdicts, &self.truth) {
            (Verdicts::Unknown, _) => Transcripts::None,
            (Verdicts::Wordless, _) | (Verdicts::Truth, None) => Transcripts::Empty,
            (Verdicts::Truth, Some(truth)) => Transcripts::Truth(truth.caller_words()),
        };
        let transcription = self.verdicts != Verdicts::Unknown;
        let mut model = ScriptedModel::new(Encoding::Mulaw, transcripts, start);
        model.set_connect(Some(std::time::Duration::ZERO));
        if !transcription {
            model = model.deaf();
        }
        if let Some(recorded) = &self.agent {
            agent::script(&mut model, recorded, self.truth.as_ref());
        }
        let settings = Settings { transcription, greeting: None, ..self.settings.clone() };
        let traits = ModelTraits { hears_speech: transcription, answers: false };
        let config = SessionConfig { settings, model: traits, encoding: Encoding::Mulaw };
        let mut world = World::new(config, vad, carrier, model);
        give_builtin_voices(&mut world).map_err(|error| error.to_string())?;
        world.run(|_, _| {})?;
        Ok(world)
    }

    fn outcome(&self, world: &World) -> Outcome {
        let record = world.session.record();
        let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millis_f64);
        let talkspurts = world.ledger.iter().filter_map(|entry| {
            let Cause::Talkspurt { start, end, .. } = entry.cause else { return None };
            Some((start.as_millis_f64(), end.as_millis_f64()))
        });
        Outcome {
            duration_ms: self.caller.len() as u64 / 8,
            talkspurts: talkspurts.collect(),
            silence_started_ms: ms(record.caller_silent_since).or(Some(0.0)),
            deadline_ms: ms(record.deadline),
            goodbye_ms: ms(record.goodbye_at),
            hangup_ms: ms(record.closed_at),
            reason: record.reason,
            truth_error_ms: None,
            rules: Rules::check(&Evidence::of(world)),
            ledger: world.ledger.clone(),
            trace: Vec::new(),
            audio: (world.carrier.said().to_vec(), world.carrier.heard().to_vec()),
        }
    }
}
