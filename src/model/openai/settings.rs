//! What a session is configured with. Ranges are the vendor's; whoever reads a configuration checks them there.

use std::sync::Arc;

use super::Access;
use crate::{audio::Encoding, model::Tool};

/// Everything that one assistant's sessions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The account.
    pub access: Arc<Access>,
    /// The model; on Azure the deployment. Vendors end models: never a closed list.
    pub model: String,
    /// The voice: a name, or an id `voice_…` of a voice of one's own.
    pub voice: String,
    /// The system message.
    pub instructions: String,
    /// What the agent says first, if the assistant greets.
    pub greeting: GreetingText,
    /// How audio travels: [`Encoding::Pcm24k`] or [`Encoding::Mulaw`].
    pub encoding: Encoding,
    /// Caller audio is sent in messages of this length: 20 to 100 ms, a multiple of 20. Longer ones cost less and come later.
    pub append_ms: u32,
    /// Transcripts of what the caller says; off without.
    pub transcription: Option<Transcription>,
    /// How the server finds the end of the caller's turn.
    pub turn_detection: TurnDetection,
    /// What the server does against noise; off without.
    pub noise_reduction: Option<NoiseReduction>,
    /// 0.25 to 1.5.
    pub speed: f32,
    /// 1 to 4096; without: no limit.
    pub max_output_tokens: Option<u16>,
    /// `minimal`, `low`, `medium`, `high`, for models that reason; not sent without.
    pub reasoning_effort: Option<String>,
    /// What the model may call, `hangup_call` included.
    pub tools: Vec<Tool>,
}

impl Settings {
    /// The model that is used if none is named.
    pub const MODEL: &'static str = "gpt-realtime-2.1";
    /// The voice that is used if none is named.
    pub const VOICE: &'static str = "marin";
    /// What the agent is told to be if nothing is written.
    pub const INSTRUCTIONS: &'static str =
        "You answer the telephone. Be friendly and brief: one or two short sentences at a time.";

    /// The defaults of everything else.
    #[must_use]
    pub fn new(access: Arc<Access>) -> Self {
        Self {
            access,
            model: Self::MODEL.to_owned(),
            voice: Self::VOICE.to_owned(),
            instructions: Self::INSTRUCTIONS.to_owned(),
            greeting: GreetingText::default(),
            encoding: Encoding::Pcm24k,
            append_ms: 20,
            transcription: Some(Transcription::default()),
            turn_detection: TurnDetection::default(),
            noise_reduction: None,
            speed: 1.0,
            max_output_tokens: None,
            reasoning_effort: None,
            tools: Vec::new(),
        }
    }
}

/// What the agent says first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GreetingText {
    /// Whatever the model finds fitting.
    #[default]
    Free,
    /// Exactly this, as far as the model keeps to it.
    Exactly(String),
    /// An apology: the line was cut off, and is there again.
    Resumed,
    /// An apology: the caller was put through to somebody who could not be reached.
    Returned,
}

/// Transcripts of what the caller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcription {
    /// Its model.
    pub model: String,
    /// ISO 639-1; the server guesses without.
    pub language: Option<String>,
    /// Words that are likely to come up.
    pub prompt: Option<String>,
}

impl Transcription {
    /// The model that is used if none is named.
    pub const MODEL: &'static str = "gpt-transcribe";
}

impl Default for Transcription {
    fn default() -> Self {
        Self { model: Self::MODEL.to_owned(), language: None, prompt: None }
    }
}

/// How the server finds the end of a turn. It only ends turns: barge-in is decided here, and silence is timed here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TurnDetection {
    /// By the pause.
    Server {
        /// 0 to 1: how loud speech must be.
        threshold: f32,
        /// Audio kept from before the speech.
        prefix_padding_ms: u32,
        /// The pause that ends a turn.
        silence_duration_ms: u32,
    },
    /// By what was said.
    Semantic(Eagerness),
}

impl Default for TurnDetection {
    fn default() -> Self {
        Self::Server { threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 }
    }
}

/// How soon the server takes a pause for the end of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eagerness {
    /// After 8 s at the latest.
    Low,
    /// After 4 s.
    Medium,
    /// After 2 s.
    High,
    /// As the vendor thinks best: at present [`Eagerness::Medium`].
    #[default]
    Auto,
}

impl Eagerness {
    /// Its name on the wire and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Auto => "auto",
        }
    }
}

impl std::str::FromStr for Eagerness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Low, Self::Medium, Self::High, Self::Auto]
            .into_iter()
            .find(|eagerness| eagerness.name() == text)
            .ok_or_else(|| format!("no eagerness is called {text:?}; there are low, medium, high and auto"))
    }
}

/// What the server does against noise before it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseReduction {
    /// For telephones at the ear.
    NearField,
    /// For hands-free.
    FarField,
}

impl NoiseReduction {
    /// Its name on the wire and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NearField => "near_field",
            Self::FarField => "far_field",
        }
    }
}

impl std::str::FromStr for NoiseReduction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::NearField, Self::FarField]
            .into_iter()
            .find(|reduction| reduction.name() == text)
            .ok_or_else(|| format!("no noise reduction is called {text:?}; there are near_field and far_field"))
    }
}
