//! Which model an assistant talks with, and how it is configured.

use std::sync::Arc;

use toml::Spanned;

use super::{
    ModelChoice,
    file::{AssistantTable, Number, OpenAiModelTable, TranscriptionTable, TurnDetectionTable, Value},
    reader::Reader,
};
use crate::{
    audio::Encoding,
    model::openai::{Access, Eagerness, GreetingText, Settings, Transcription, TurnDetection},
};

/// Longest text of a greeting, and of a transcription's prompt.
const MAX_TEXT: usize = 2_000;
/// Longest name of a model, voice or effort.
const MAX_NAME: usize = 128;

impl Reader<'_> {
    /// The table `[assistant.model]`. Without a provider it is the account's, or the offline one.
    pub(super) fn model(
        &mut self,
        assistant: &AssistantTable,
        openai: Option<&Arc<Access>>,
        tag: &str,
        message: &str,
    ) -> ModelChoice {
        let table = &assistant.model;
        let behaviour = self.named(&table.behaviour, str::parse).unwrap_or_default();
        let is_openai = match table.provider.as_ref().map(|provider| (provider, provider.get_ref().as_str())) {
            None => openai.is_some(),
            Some((_, "openai")) => true,
            Some((_, "offline")) => false,
            Some((provider, name)) => {
                let message = format!("no model provider is called {name:?}; there are openai and offline");
                self.wrong(provider.span(), message);
                false
            }
        };
        let settings = self.openai_model(assistant, openai, tag, message);
        match (is_openai, settings, &table.provider) {
            (true, Some(settings), _) => ModelChoice::OpenAi(Arc::new(settings)),
            (true, None, Some(provider)) => {
                // An account with a mistake in it is told of where it stands.
                if !self.has_openai_table {
                    let message = "there is no account with OpenAI: write a table [openai], with api_key_env";
                    self.wrong(provider.span(), message);
                }
                ModelChoice::Offline(behaviour)
            }
            (true, None, None) | (false, _, _) => {
                let greets = assistant.greeting.as_ref().is_some_and(|greeting| greeting.text.is_some());
                if greets || !message.is_empty() {
                    let name = assistant.name.as_ref().map_or("", |name| name.get_ref().as_str());
                    self.warnings.push(format!(
                        "assistant {name:?}: the offline model says its recorded lines: system_message and greeting.text \
                         are not used"
                    ));
                }
                ModelChoice::Offline(behaviour)
            }
        }
    }

    /// Checked also where another provider is chosen. `None` without an account.
    fn openai_model(
        &mut self,
        assistant: &AssistantTable,
        access: Option<&Arc<Access>>,
        tag: &str,
        message: &str,
    ) -> Option<Settings> {
        let instructions = Some(message.to_owned()).filter(|message| !message.is_empty());
        let greeting = assistant.greeting.as_ref().and_then(|table| self.text("greeting.text", &table.text, MAX_TEXT));
        let table = &assistant.model.openai;
        let model = self.text("model", &table.model, MAX_NAME);
        let voice = self.text("voice", &table.voice, MAX_NAME);
        let reasoning_effort = self.text("reasoning_effort", &table.reasoning_effort, MAX_NAME);
        let encoding = self.named(&table.encoding, |text| match text {
            "pcm" => Ok(Encoding::Pcm24k),
            "mulaw" => Ok(Encoding::Mulaw),
            _ => Err(format!("no encoding is called {text:?}; there are pcm (24 kHz) and mulaw (8 kHz)")),
        });
        let transcription = self.transcription(&table.transcription, assistant);
        let turn_detection = self.turn_detection(&table.turn_detection);
        let noise_reduction = self.named(&table.noise_reduction, str::parse);
        let speed = self.ratio("speed", &table.speed, (0.25, 1.5));
        let max_output_tokens = self.max_output_tokens(table);
        let default = Settings::new(Arc::clone(access?));
        let language = assistant
            .language
            .as_ref()
            .map_or(String::new(), |_| format!(" Speak the language {tag} unless the caller speaks another one."));
        Some(Settings {
            model: model.unwrap_or(default.model),
            voice: voice.unwrap_or(default.voice),
            instructions: instructions.unwrap_or_else(|| format!("{}{language}", Settings::INSTRUCTIONS)),
            greeting: greeting.map_or(GreetingText::Free, GreetingText::Exactly),
            encoding: encoding.unwrap_or(default.encoding),
            transcription,
            turn_detection,
            noise_reduction,
            speed: speed.unwrap_or(default.speed),
            max_output_tokens,
            reasoning_effort,
            ..Settings::new(default.access)
        })
    }

    fn transcription(&mut self, table: &TranscriptionTable, assistant: &AssistantTable) -> Option<Transcription> {
        let model = self.text("transcription.model", &table.model, MAX_NAME);
        let language = self.text("transcription.language", &table.language, MAX_NAME);
        let prompt = self.text("transcription.prompt", &table.prompt, MAX_TEXT);
        // A language that was written down is meant; the default one may not be the callers'.
        let spoken = assistant.language.as_ref().map(|language| {
            let tag = language.get_ref();
            tag.split_once('-').map_or(tag.as_str(), |(code, _)| code).to_owned()
        });
        table.enabled.unwrap_or(true).then(|| Transcription {
            model: model.unwrap_or_else(|| Transcription::MODEL.to_owned()),
            language: language.or(spoken),
            prompt,
        })
    }

    fn turn_detection(&mut self, table: &TurnDetectionTable) -> TurnDetection {
        let semantic = self.named(&table.kind, |text| match text {
            "server_vad" => Ok(false),
            "semantic_vad" => Ok(true),
            _ => Err(format!("no turn detection is called {text:?}; there are server_vad and semantic_vad")),
        });
        let eagerness: Option<Eagerness> = self.named(&table.eagerness, str::parse);
        let threshold = self.ratio("turn_detection.threshold", &table.threshold, (0.0, 1.0));
        let mut ms = |name, value: &Value<Number>| value.as_ref().and_then(|value| self.whole(name, value, (0, 5_000)));
        let prefix = ms("turn_detection.prefix_padding_ms", &table.prefix_padding_ms);
        let silence = ms("turn_detection.silence_duration_ms", &table.silence_duration_ms);
        if semantic == Some(true) {
            return TurnDetection::Semantic(eagerness.unwrap_or_default());
        }
        match TurnDetection::default() {
            TurnDetection::Server { threshold: usual, prefix_padding_ms, silence_duration_ms } => {
                TurnDetection::Server {
                    threshold: threshold.unwrap_or(usual),
                    prefix_padding_ms: prefix.unwrap_or(prefix_padding_ms),
                    silence_duration_ms: silence.unwrap_or(silence_duration_ms),
                }
            }
            semantic @ TurnDetection::Semantic(_) => semantic,
        }
    }

    fn max_output_tokens(&mut self, table: &OpenAiModelTable) -> Option<u16> {
        let value = table.max_output_tokens.as_ref()?;
        self.whole("max_output_tokens", value, (1, 4_096)).and_then(|tokens| u16::try_from(tokens).ok())
    }

    fn ratio(&mut self, name: &'static str, value: &Value<Number>, (low, high): (f64, f64)) -> Option<f32> {
        let value = value.as_ref()?;
        let number = value.get_ref().0;
        if (low..=high).contains(&number) {
            return Some(number as f32);
        }
        self.wrong(value.span(), format!("{name} = {number} is outside {low}..={high}"));
        None
    }

    /// A text of so many characters at most, and not only spaces.
    pub(super) fn text(&mut self, key: &str, value: &Option<Spanned<String>>, most: usize) -> Option<String> {
        let value = value.as_ref()?;
        let length = value.get_ref().chars().count();
        if value.get_ref().trim().is_empty() || length > most {
            let message = format!("{key} has {length} characters: expected 1 to {most}, not all of them spaces");
            self.wrong(value.span(), message);
            return None;
        }
        Some(value.get_ref().clone())
    }
}

impl ModelChoice {
    /// The settings of OpenAI's model, if that is chosen.
    #[must_use]
    pub fn openai(&self) -> Option<&Arc<Settings>> {
        match self {
            Self::OpenAi(settings) => Some(settings),
            Self::Offline(_) => None,
        }
    }
}
