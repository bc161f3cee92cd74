//! What is configured of a voice.

use std::fmt;
use std::str::FromStr;

use super::{Phrase, Rendering, elevenlabs, openai, openai_realtime};
use crate::time::Timestamp;

/// Who makes phrases into sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// OpenAI's speech endpoint.
    OpenAi,
    /// A short session of OpenAI Realtime.
    OpenAiRealtime,
    /// ElevenLabs.
    ElevenLabs,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::OpenAiRealtime, Self::ElevenLabs];

    /// Its name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiRealtime => "openai_realtime",
            Self::ElevenLabs => "elevenlabs",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|provider| provider.name() == text).ok_or_else(|| {
            format!("no provider of voices is called {text:?}; there are openai, openai_realtime and elevenlabs")
        })
    }
}

/// A voice: provider, id, model, settings, and the account that pays for it.
#[derive(Clone, Debug)]
pub enum Voice {
    /// OpenAI's speech endpoint.
    OpenAi(openai::Voice),
    /// A short session of OpenAI Realtime.
    OpenAiRealtime(openai_realtime::Voice),
    /// ElevenLabs.
    ElevenLabs(elevenlabs::Voice),
}

impl Voice {
    /// Who makes it.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        match self {
            Self::OpenAi(_) => Provider::OpenAi,
            Self::OpenAiRealtime(_) => Provider::OpenAiRealtime,
            Self::ElevenLabs(_) => Provider::ElevenLabs,
        }
    }

    /// The vendor's name or id of it.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::OpenAi(voice) => &voice.voice,
            Self::OpenAiRealtime(voice) => &voice.voice,
            Self::ElevenLabs(voice) => &voice.voice,
        }
    }

    /// The model that speaks.
    #[must_use]
    pub fn model(&self) -> &str {
        match self {
            Self::OpenAi(voice) => &voice.model,
            Self::OpenAiRealtime(voice) => &voice.model,
            Self::ElevenLabs(voice) => &voice.model,
        }
    }

    /// Everything that makes a difference to the sound, as text: what is kept of a phrase is kept under it. The account
    /// and its address are no part of it.
    #[must_use]
    pub fn identity(&self) -> String {
        let settings = match self {
            Self::OpenAi(voice) => voice.settings(),
            Self::OpenAiRealtime(voice) => voice.settings(),
            Self::ElevenLabs(voice) => voice.settings(),
        };
        format!("{}\n{}\n{}\n{settings}", self.provider(), self.id(), self.model())
    }

    /// Sets out to render a phrase.
    #[must_use]
    pub fn begin(&self, now: Timestamp, phrase: &Phrase) -> Box<dyn Rendering> {
        match self {
            Self::OpenAi(voice) => Box::new(voice.begin(now, phrase)),
            Self::OpenAiRealtime(voice) => Box::new(voice.begin(now, phrase)),
            Self::ElevenLabs(voice) => Box::new(voice.begin(now, phrase)),
        }
    }
}

/// Two voices are the same if they sound the same, whoever pays.
impl PartialEq for Voice {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Voice {}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.provider(), self.id(), self.model())
    }
}
