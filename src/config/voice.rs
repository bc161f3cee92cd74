//! Which voices say an assistant's fixed phrases, and where what they said is kept.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::{
    ModelChoice, Voices,
    file::{Number, Value, VoiceTable, VoicesTable},
    reader::Reader,
};
use crate::{
    model::openai::Access,
    tts::{Provider, Voice, elevenlabs, openai, openai_realtime},
};

/// Longest id of a voice or model, in characters.
const MAX_NAME: usize = 128;
/// Longest instructions, in characters: the vendor's.
const MAX_INSTRUCTIONS: usize = 4_096;
/// Size of the cache, in MB.
const CACHE_MB: (u32, u32, u32) = (1, 100, 10_000);

/// Which of the two voices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Fallback,
}

impl Place {
    /// Name of a setting of it.
    const fn speed(self) -> &'static str {
        match self {
            Self::First => "voice.speed",
            Self::Fallback => "fallback_voice.speed",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::First => "voice",
            Self::Fallback => "fallback_voice",
        }
    }
}

/// What the tables of an assistant are read with.
#[derive(Clone, Copy)]
struct Around<'a> {
    openai: Option<&'a Arc<Access>>,
    /// The voice of the assistant's model: what it says by itself should sound like it.
    of_model: Option<&'a str>,
}

impl Reader<'_> {
    /// The table `[voices]`.
    pub(super) fn voices(&mut self, table: &VoicesTable) -> Voices {
        let (low, usual, high) = CACHE_MB;
        let written = table.cache_dir.as_ref().map(|value| {
            if value.get_ref().trim().is_empty() {
                self.wrong(value.span(), "cache_dir is empty: expected a folder's path, or leave the key out");
            }
            PathBuf::from(value.get_ref())
        });
        let max_mb = table.cache_max_mb.as_ref().and_then(|value| self.whole("cache_max_mb", value, (low, high)));
        Voices { cache_dir: written.or_else(|| self.usual_cache()), cache_max_mb: max_mb.unwrap_or(usual) }
    }

    /// What the service manager gives, else where programs of this user keep what can be made again.
    fn usual_cache(&self) -> Option<PathBuf> {
        let given = self.variable("CACHE_DIRECTORY").and_then(|list| list.split(':').next().map(PathBuf::from));
        let of_user = || {
            let cache = self.variable("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(PathBuf::from(self.variable("HOME")?).join(".cache")));
            cache.map(|cache| cache.join("quietline"))
        };
        given.or_else(of_user).filter(|folder| folder.is_absolute()).map(|folder| folder.join("voices"))
    }

    /// Both voices of an assistant: those that are written, else what the accounts give.
    pub(super) fn farewell_voices(
        &mut self,
        voice: &Value<VoiceTable>,
        fallback: &Value<VoiceTable>,
        openai: Option<&Arc<Access>>,
        model: &ModelChoice,
    ) -> (Option<Voice>, Option<Voice>) {
        let before = self.problems.len();
        let around = Around { openai, of_model: model.openai().map(|settings| settings.voice.as_str()) };
        let first = match voice {
            Some(table) => self.voice(Place::First, table, around),
            None => around.usual(Provider::OpenAi),
        };
        let second = match fallback {
            Some(table) => self.voice(Place::Fallback, table, around),
            None => first.as_ref().and_then(|first| {
                // The same account's other way, or the other account.
                let other = match first.provider() {
                    Provider::OpenAi => Provider::OpenAiRealtime,
                    Provider::OpenAiRealtime | Provider::ElevenLabs => Provider::OpenAi,
                };
                around.usual(other)
            }),
        };
        if first.is_none()
            && second.is_some()
            && self.problems.len() == before
            && let Some(table) = fallback
        {
            self.wrong(table.span(), "fallback_voice stands in for a voice, and there is none: write it as voice");
        }
        (first, second)
    }

    fn voice(&mut self, place: Place, spanned: &Spanned<VoiceTable>, around: Around<'_>) -> Option<Voice> {
        let table = spanned.get_ref();
        if table.provider.as_ref().is_some_and(|provider| provider.get_ref() == "none") {
            return None;
        }
        let provider = match &table.provider {
            Some(value) => self
                .named(&table.provider, |text| {
                    text.parse::<Provider>().map_err(|error| format!("{error}; none takes the built-in recordings"))
                })
                .map(|provider| (provider, value.span())),
            None => match (around.openai.is_some(), self.elevenlabs.is_some()) {
                (true, false) => Some((Provider::OpenAi, spanned.span())),
                (false, true) => Some((Provider::ElevenLabs, spanned.span())),
                (true, true) | (false, false) => {
                    let key = place.key();
                    self.wrong(
                        spanned.span(),
                        format!("{key}.provider is missing: write openai, openai_realtime, elevenlabs or none"),
                    );
                    None
                }
            },
        };
        let (provider, at) = provider?;
        self.check_fitting(place, table, provider);
        let named = |reader: &mut Self, key: &str, value: &Value<String>| {
            reader.text(&format!("{}.{key}", place.key()), value, MAX_NAME)
        };
        let (id, model) = (named(self, "voice", &table.voice), named(self, "model", &table.model));
        let instructions = self.text(&format!("{}.instructions", place.key()), &table.instructions, MAX_INSTRUCTIONS);
        let bounds = match provider {
            Provider::OpenAi => openai::Voice::SPEED,
            Provider::OpenAiRealtime => openai_realtime::Voice::SPEED,
            Provider::ElevenLabs => elevenlabs::Voice::SPEED,
        };
        let speed = self.share(place.speed(), &table.speed, bounds);
        match provider {
            Provider::OpenAi | Provider::OpenAiRealtime => {
                let Some(usual) = around.usual(provider) else {
                    if !self.has_openai_table {
                        let message = "there is no account with OpenAI: write a table [openai], with api_key_env";
                        self.wrong(at, message);
                    }
                    return None;
                };
                let voice = match usual {
                    Voice::OpenAi(usual) => Voice::OpenAi(openai::Voice {
                        voice: id.unwrap_or(usual.voice),
                        model: model.unwrap_or(usual.model),
                        instructions,
                        speed,
                        ..usual
                    }),
                    Voice::OpenAiRealtime(usual) => Voice::OpenAiRealtime(openai_realtime::Voice {
                        voice: id.unwrap_or(usual.voice),
                        model: model.unwrap_or(usual.model),
                        instructions,
                        speed,
                        ..usual
                    }),
                    Voice::ElevenLabs(usual) => Voice::ElevenLabs(usual),
                };
                self.check_old_model(place, table, &voice);
                Some(voice)
            }
            Provider::ElevenLabs => {
                let Some(access) = self.elevenlabs.clone() else {
                    if !self.has_elevenlabs_table {
                        let message =
                            "there is no account with ElevenLabs: write a table [elevenlabs], with api_key_env";
                        self.wrong(at, message);
                    }
                    return None;
                };
                if table.voice.is_none() {
                    let key = place.key();
                    let message = format!("{key}.voice is missing: ElevenLabs needs a voice's id (`quietline voices`)");
                    self.wrong(at, message);
                }
                let usual = elevenlabs::Voice::new(access, &id?);
                let settings = elevenlabs::Settings {
                    stability: self.share("stability", &table.stability, elevenlabs::Voice::SHARE),
                    similarity_boost: self.share("similarity_boost", &table.similarity_boost, elevenlabs::Voice::SHARE),
                    style: self.share("style", &table.style, elevenlabs::Voice::SHARE),
                    use_speaker_boost: table.use_speaker_boost.as_ref().map(|value| *value.get_ref()),
                    speed,
                };
                Some(Voice::ElevenLabs(elevenlabs::Voice { model: model.unwrap_or(usual.model), settings, ..usual }))
            }
        }
    }

    /// Keys of another provider would do nothing.
    fn check_fitting(&mut self, place: Place, table: &VoiceTable, provider: Provider) {
        let key = place.key();
        let of_elevenlabs = [
            ("stability", table.stability.as_ref().map(Spanned::span)),
            ("similarity_boost", table.similarity_boost.as_ref().map(Spanned::span)),
            ("style", table.style.as_ref().map(Spanned::span)),
            ("use_speaker_boost", table.use_speaker_boost.as_ref().map(Spanned::span)),
        ];
        let of_openai = [("instructions", table.instructions.as_ref().map(Spanned::span))];
        let (strange, whose): (&[_], _) = match provider {
            Provider::OpenAi | Provider::OpenAiRealtime => (&of_elevenlabs, "elevenlabs"),
            Provider::ElevenLabs => (&of_openai, "openai and openai_realtime"),
        };
        for (name, span) in strange {
            if let Some(span) = span {
                self.wrong(span.clone(), format!("{key}.{name} is a setting of {whose}, not of {provider}"));
            }
        }
    }

    /// The first models of the speech endpoint can less.
    fn check_old_model(&mut self, place: Place, table: &VoiceTable, voice: &Voice) {
        let Voice::OpenAi(voice) = voice else { return };
        if !openai::Voice::is_old(&voice.model) {
            return;
        }
        let (key, model) = (place.key(), &voice.model);
        if let Some(instructions) = &table.instructions {
            self.wrong(instructions.span(), format!("{key}.instructions: {model} takes none; gpt-4o-mini-tts does"));
        }
        if openai::Voice::NEW_VOICES.contains(&voice.voice.as_str())
            && let Some(at) = table.voice.as_ref().or(table.model.as_ref())
        {
            let message = format!("{key}.voice: {model} has no {}; it has alloy, coral, nova and others", voice.voice);
            self.wrong(at.span(), message);
        }
    }

    fn share(&mut self, name: &'static str, value: &Value<Number>, (low, high): (f64, f64)) -> Option<f64> {
        let value = value.as_ref()?;
        let number = value.get_ref().0;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        self.wrong(value.span(), format!("{name} = {number} is outside {low}..={high}"));
        None
    }
}

impl Around<'_> {
    /// What an account gives if nothing is written. ElevenLabs has no voice of its own choice.
    fn usual(&self, provider: Provider) -> Option<Voice> {
        let access = Arc::clone(self.openai?);
        match provider {
            Provider::OpenAi => {
                let usual = openai::Voice::new(access);
                let voice = self.of_model.map_or(usual.voice, str::to_owned);
                Some(Voice::OpenAi(openai::Voice { voice, ..usual }))
            }
            Provider::OpenAiRealtime => {
                let usual = openai_realtime::Voice::new(access);
                let voice = self.of_model.map_or(usual.voice, str::to_owned);
                Some(Voice::OpenAiRealtime(openai_realtime::Voice { voice, ..usual }))
            }
            Provider::ElevenLabs => None,
        }
    }
}
