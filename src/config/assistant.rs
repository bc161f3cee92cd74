//! Who answers the telephone: what is configured of an assistant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Outbound, TextSettings, Transfer};
use crate::{
    assistant::{FarewellKind, Greeting, HangupTool, Settings},
    intent,
    model::{offline, openai},
    tts::{self, Voice},
    vad::Detector,
};

/// An assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct Assistant {
    /// Its name, unique.
    pub name: String,
    /// The numbers that it answers, E.164; empty: every number that no other assistant claims.
    pub numbers: Vec<String>,
    /// What a call needs to know.
    pub settings: Settings,
    /// What it says at the end.
    pub farewells: Farewells,
    /// The voice of what it says by itself; without: built-in recordings, and the carrier's own voice.
    pub voice: Option<Voice>,
    /// The voice that stands in for it.
    pub fallback_voice: Option<Voice>,
    /// What it says within the silence window, if `settings.reminder` is set.
    pub reminder_text: String,
    /// The description of `hangup_call` tells the model to ask the caller before it ends the call.
    pub hangup_confirm: bool,
    /// Whom it may put callers through to.
    pub transfer: Option<Transfer>,
    /// Calls that it places.
    pub outbound: Outbound,
    /// Its model.
    pub model: ModelChoice,
    /// Its voice detector.
    pub detector: Detector,
    /// Where it can be reached: `channels`, default `["call"]`.
    pub channels: BTreeSet<Channel>,
    /// How it answers texts.
    pub texts: TextSettings,
    /// It may be published for calls, and its intents be offered: `api_access`, default off. One of the server's file is
    /// not published and does not need it.
    pub api_access: bool,
    /// Who it is and what it does: `system_message`, with `{{hangup_instructions}}` filled in; may be empty.
    pub system_message: String,
    /// The system message has switched `hangup_call` on.
    pub switched_on_by_message: bool,
    /// Intents that the system message names by `{{intent:NAME}}`.
    pub mentioned: Vec<String>,
    /// What it can do: `intents`.
    pub intents: Vec<intent::Definition>,
}

/// Where an assistant can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// By telephone.
    Call,
    /// By text message.
    Text,
}

impl Channel {
    /// All.
    pub const ALL: [Self; 2] = [Self::Call, Self::Text];

    /// Its name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Text => "text",
        }
    }
}

impl Default for Assistant {
    /// The one that answers when none is configured: greets, hears, and hangs up at key 9, without key or network.
    fn default() -> Self {
        Self {
            name: "demo".to_owned(),
            numbers: Vec::new(),
            settings: Settings {
                greeting: Some(Greeting { interruptible: true }),
                hangup_call: Some(HangupTool::default()),
                ..Settings::default()
            },
            farewells: Farewells::default(),
            voice: None,
            fallback_voice: None,
            reminder_text: tts::default_reminder().to_owned(),
            hangup_confirm: true,
            transfer: None,
            outbound: Outbound::default(),
            model: ModelChoice::default(),
            detector: Detector::default(),
            channels: BTreeSet::from([Channel::Call]),
            texts: TextSettings::default(),
            api_access: false,
            system_message: String::new(),
            switched_on_by_message: false,
            mentioned: Vec::new(),
            intents: Vec::new(),
        }
    }
}

/// Which model an assistant talks with.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelChoice {
    /// Recorded lines: needs neither key nor network.
    Offline(offline::Behaviour),
    /// OpenAI Realtime, or a server that speaks as it does.
    OpenAi(Arc<openai::Settings>),
}

impl ModelChoice {
    /// The provider's name in configuration.
    #[must_use]
    pub const fn provider(&self) -> &'static str {
        match self {
            Self::Offline(_) => "offline",
            Self::OpenAi(_) => "openai",
        }
    }
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self::Offline(offline::Behaviour::default())
    }
}

/// What an assistant says before the line is closed, and in which language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewells {
    pub(super) configured: BTreeMap<FarewellKind, String>,
    pub(super) language: String,
}

impl Default for Farewells {
    /// The default texts, in English.
    fn default() -> Self {
        Self { configured: BTreeMap::new(), language: "en-US".to_owned() }
    }
}

impl Farewells {
    /// Longest text, in characters.
    pub const MAX_LENGTH: usize = 500;

    /// What is said at this ending.
    #[must_use]
    pub fn text(&self, kind: FarewellKind) -> &str {
        self.configured.get(&kind).map_or_else(|| tts::default_text(kind), String::as_str)
    }

    /// The text is the default one: the built-in recording says it.
    #[must_use]
    pub fn is_default(&self, kind: FarewellKind) -> bool {
        self.text(kind) == tts::default_text(kind)
    }

    /// The language for the carrier's own voice, such as `en-US`.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }
}
