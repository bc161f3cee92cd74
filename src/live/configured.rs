//! From a configuration to what a gateway is made of.

use std::num::NonZeroUsize;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::outbound::Outbound;
use super::setup::{Assistant, Means, ModelFactory, NewCall, Outside, Setup, TextAnswers, TwilioSetup};
use crate::{
    assistant::FarewellKind,
    carrier::twilio::{
        Access, Sayings, Transfers,
        twiml::{self, Dial, Setting, TwimlError},
    },
    config::{self, Config, ModelChoice},
    intent,
    mix::AnnouncementError,
    model::{
        Tool,
        offline::Offline,
        openai::{self, GreetingText, OpenAi},
    },
    net::guard::Guard,
    voices::{Cache, Shelf},
};

/// Something in the configuration cannot be used: the operator's mistake.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A text or a language cannot be spoken by the carrier.
    #[error("assistant {assistant:?}: {error}")]
    Assistant {
        /// Whose.
        assistant: String,
        /// What is wrong.
        error: TwimlError,
    },
    /// A recording of ours is broken.
    #[error("a built-in recording cannot be used: {0}")]
    Recording(#[from] AnnouncementError),
}

impl Setup {
    /// What a configuration says.
    ///
    /// # Errors
    ///
    /// If a text cannot be spoken by the carrier's own voice.
    pub fn of(config: &Config) -> Result<Self, SetupError> {
        let means = Means::of(config);
        let assistants = config.assistants.iter().map(|assistant| Assistant::of(assistant, &means).map(Arc::new));
        let server = &config.server;
        Ok(Self {
            listen: server.listen,
            public_url: server.public_url.as_str().to_owned(),
            shards: server.shards.map_or_else(cores, NonZeroUsize::get),
            max_calls: config.limits.max_calls,
            drain: config.limits.drain,
            twilio: config.twilio.as_ref().map(TwilioSetup::of),
            assistants: assistants.collect::<Result<_, _>>()?,
            cache: Arc::new(cache(&config.voices)),
            call_records: server.call_records.clone(),
            io: config.io,
            capture: config.capture.clone(),
            page: super::page::html(config),
            outside: Outside::default(),
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn cache(voices: &config::Voices) -> Cache {
    let bytes = u64::from(voices.cache_max_mb) << 20;
    voices.cache_dir.as_ref().map_or_else(Cache::in_memory, |folder| Cache::new(folder, bytes))
}

impl TwilioSetup {
    /// What a configuration says of the account.
    #[must_use]
    pub fn of(twilio: &config::Twilio) -> Self {
        let rest = &twilio.rest;
        Self {
            access: Access::new(twilio.account, &rest.base_url, &rest.user, rest.password.expose_secret()),
            keys: twilio.keys.clone(),
        }
    }
}

impl Means {
    /// What a configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            guard: Guard::new(&config.intents_allow),
            secrets: Arc::new(config.secrets.clone()),
            io: config.io,
            public_url: config.server.public_url.as_str().to_owned(),
        }
    }
}

impl Assistant {
    /// What a configuration says of an assistant, under its own name (`file:NAME`).
    ///
    /// # Errors
    ///
    /// If a text cannot be spoken by the carrier's own voice.
    pub fn of(assistant: &config::Assistant, means: &Means) -> Result<Self, SetupError> {
        Self::keyed(&format!("file:{}", assistant.name), assistant, means)
    }

    /// … under another key.
    ///
    /// # Errors
    ///
    /// As [`Assistant::of`].
    pub fn keyed(key: &str, assistant: &config::Assistant, means: &Means) -> Result<Self, SetupError> {
        ready(key, assistant, means)
    }
}

fn ready(key: &str, assistant: &config::Assistant, means: &Means) -> Result<Assistant, SetupError> {
    let wrong = |error| SetupError::Assistant { assistant: assistant.name.clone(), error };
    let farewells = &assistant.farewells;
    let sayings = Sayings::new(|kind| farewells.text(kind).to_owned(), farewells.language()).map_err(wrong)?;
    let apology = Setting { key: "farewell.model_lost", value: farewells.text(FarewellKind::ModelLost) };
    let language = Setting { key: "language", value: farewells.language() };
    Ok(Assistant {
        key: key.to_owned(),
        name: assistant.name.clone(),
        numbers: assistant.numbers.clone(),
        catches_all: assistant.numbers.is_empty(),
        settings: assistant.settings.clone(),
        detector: assistant.detector,
        shelf: Arc::new(Shelf::of(assistant)?),
        sayings: Arc::new(sayings),
        transfers: Arc::new(transfers(key, assistant, means).map_err(wrong)?),
        apology: twiml::say_and_hang_up(apology, language).map_err(wrong)?,
        outbound: Outbound::of(&assistant.outbound, language).map_err(wrong)?,
        model: model(assistant, &means.io),
        intents: Some(super::intents::runner(&assistant.intents, means)),
        texts: texts(assistant).map(Arc::new),
    })
}

/// What the model is told besides the system message.
const WRITTEN: &str = "This conversation is in text messages (SMS), not on the telephone. Answer in plain text, without \
                       markup, in one to three short sentences.";

fn texts(assistant: &config::Assistant) -> Option<TextAnswers> {
    let ModelChoice::OpenAi(settings) = &assistant.model else { return None };
    if !assistant.channels.contains(&config::Channel::Text) {
        return None;
    }
    let offered = assistant.intents.iter().filter(|intent| intent.api_access);
    let model = openai::Settings {
        instructions: format!("{}\n\n{WRITTEN}", settings.instructions),
        tools: offered.map(intent::Definition::tool).collect(),
        ..openai::Settings::clone(settings)
    };
    Some(TextAnswers { settings: assistant.texts.clone(), model: Arc::new(model) })
}

fn transfers(key: &str, assistant: &config::Assistant, means: &Means) -> Result<Transfers, TwimlError> {
    let Some(transfer) = &assistant.transfer else { return Ok(Transfers::default()) };
    let action = super::answers::dialed(&means.public_url, key);
    let dial = Dial {
        say: Some(Setting { key: "tools.transfer_call.text", value: &transfer.text }),
        language: Setting { key: "language", value: assistant.farewells.language() },
        number: Setting { key: "tools.transfer_call.to", value: "" },
        timeout: transfer.timeout,
        action: Setting { key: "public_url", value: &action },
    };
    Transfers::new(transfer.to.iter().map(|(_, number)| number.as_str()), &dial)
}

fn model(assistant: &config::Assistant, io: &config::Io) -> ModelFactory {
    match &assistant.model {
        ModelChoice::Offline(behaviour) => {
            let behaviour = *behaviour;
            Arc::new(move |call: &NewCall| {
                let model = if call.resumed > 0 || call.returned {
                    Offline::resumed(behaviour)
                } else {
                    Offline::new(behaviour)
                };
                Box::new(model)
            })
        }
        ModelChoice::OpenAi(settings) => {
            let mut settings = openai::Settings { append_ms: io.append_ms, ..openai::Settings::clone(settings) };
            if assistant.settings.hangup_call.is_some() {
                settings.tools.push(Tool::hangup_call(assistant.hangup_confirm));
            }
            if assistant.settings.wait_for_caller {
                settings.tools.push(Tool::wait_for_caller());
            }
            if assistant.settings.send_text {
                settings.tools.push(Tool::send_text());
            }
            if let Some(transfer) = &assistant.transfer {
                let names = transfer.to.iter().map(|(name, _)| name.as_str());
                settings.tools.push(Tool::transfer_call(names, &transfer.text));
            }
            let offered = assistant.intents.iter().filter(|intent| intent.api_access);
            settings.tools.extend(offered.map(intent::Definition::tool));
            let resumed = Arc::new(openai::Settings { greeting: GreetingText::Resumed, ..settings.clone() });
            let returned = Arc::new(openai::Settings { greeting: GreetingText::Returned, ..settings.clone() });
            let settings = Arc::new(settings);
            Arc::new(move |call: &NewCall| {
                let settings = match (call.returned, call.resumed) {
                    (true, _) => &returned,
                    (false, 0) => &settings,
                    (false, _) => &resumed,
                };
                Box::new(OpenAi::new(Arc::clone(settings)))
            })
        }
    }
}
