//! The assistants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::{
    Assistant, Channel, Farewells, Limits, ModelChoice,
    file::{AssistantTable, FarewellTable, Number, ReminderTable, Value},
    reader::{Reader, out_of_range},
};
use crate::{
    assistant::{
        BargeInMin, FarewellKind, Greeting, Hangover, HangupTool, Intent, LevelFloor, MaxDuration, MinSpeech,
        NoiseBudget, OutOfRange, Reminder, Settings, SettingsError, SilenceTimeout,
    },
    carrier::{
        is_e164,
        twilio::twiml::{self, Setting},
    },
    model::openai::{self, Access},
    tts,
    vad::Detector,
};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// Languages whose usual region we know.
const REGIONS: [(&str, &str); 7] = [
    ("en", "en-US"),
    ("de", "de-DE"),
    ("es", "es-ES"),
    ("fr", "fr-FR"),
    ("hi", "hi-IN"),
    ("it", "it-IT"),
    ("pt", "pt-BR"),
];

impl Reader<'_> {
    /// All of them; the default one if none is written.
    pub(super) fn assistants(
        &mut self,
        tables: &[Spanned<AssistantTable>],
        limits: &Limits,
        openai: Option<&Arc<Access>>,
    ) -> Vec<Assistant> {
        if tables.is_empty() {
            let model = openai.map_or_else(ModelChoice::default, |access| {
                ModelChoice::OpenAi(Arc::new(openai::Settings::new(Arc::clone(access))))
            });
            let (voice, fallback_voice) = self.farewell_voices(&None, &None, openai, &model);
            return vec![Assistant { model, voice, fallback_voice, ..Assistant::default() }];
        }
        let assistants: Vec<_> = tables.iter().map(|table| self.assistant(table, limits, openai)).collect();
        self.check_claims(tables, &assistants);
        assistants
    }

    /// One number, one assistant; one name as well.
    fn check_claims(&mut self, tables: &[Spanned<AssistantTable>], assistants: &[Assistant]) {
        let mut names = BTreeSet::new();
        let mut numbers = BTreeMap::new();
        let mut catch_all: Option<&str> = None;
        for (table, assistant) in tables.iter().zip(assistants) {
            let name = assistant.name.as_str();
            let place = table.get_ref().name.as_ref().map_or_else(|| table.span(), Spanned::span);
            if !names.insert(name) {
                self.wrong(place.clone(), format!("two assistants are called {name:?}: give each a name of its own"));
            }
            for number in &table.get_ref().numbers {
                if let Some(other) = numbers.insert(number.get_ref().as_str(), name) {
                    let message = format!("{} is claimed twice, by {other:?} and {name:?}", number.get_ref());
                    self.wrong(number.span(), format!("{message}: leave it with one of them"));
                }
            }
            if table.get_ref().numbers.is_empty()
                && let Some(other) = catch_all.replace(name)
            {
                let message = format!("{other:?} and {name:?} both take every number that no other assistant claims");
                self.wrong(place, format!("{message}: give all but one of them their numbers"));
            }
        }
    }

    pub(super) fn assistant(
        &mut self,
        spanned: &Spanned<AssistantTable>,
        limits: &Limits,
        openai: Option<&Arc<Access>>,
    ) -> Assistant {
        let table = spanned.get_ref();
        let name = self.name(spanned);
        self.check_numbers(&table.numbers);
        let (language, tag) = self.language(&table.language);
        let mut settings = self.timing(table, limits);
        settings.greeting = table.greeting.as_ref().map(|greeting| Greeting { interruptible: greeting.interruptible });
        let hangup = table.tools.hangup_call.as_ref().filter(|tool| tool.enabled);
        settings.hangup_call = hangup.map(|tool| HangupTool { cancellable: tool.cancellable });
        settings.wait_for_caller = table.tools.wait_for_caller.as_ref().is_some_and(|tool| tool.enabled);
        settings.send_text = table.tools.send_text.as_ref().is_some_and(|tool| tool.enabled);
        let transfer = self.transfer(&table.tools);
        settings.transfers = transfer.iter().flat_map(|it| it.to.iter().map(|(name, _)| name.clone())).collect();
        let message = self.system_message(table);
        let switched_on_by_message = message.hangs_up && settings.hangup_call.is_none();
        if switched_on_by_message {
            settings.hangup_call = Some(HangupTool::default());
        }
        let intents = self.intents(&table.intents);
        settings.intents.extend(
            intents
                .iter()
                .filter(|intent| intent.api_access)
                .map(|intent| Intent { name: intent.name.clone(), ends_call: intent.ends_call }),
        );
        settings.filler = table.filler.unwrap_or(true);
        settings.language = language;
        let model = self.model(table, openai, &tag, &message.text);
        let farewell = &table.farewell;
        let (voice, fallback_voice) = self.farewell_voices(&farewell.voice, &farewell.fallback_voice, openai, &model);
        let has_voice = voice.is_some();
        let outbound = self.outbound(&table.outbound, &tag);
        self.warn_of_silent_fillers(&name, &intents, has_voice);
        let reminder_text = self.reminder(&name, &table.reminder, has_voice, &mut settings);
        let farewells = self.farewells(&name, farewell, has_voice, tag);
        Assistant {
            name,
            numbers: table.numbers.iter().map(|number| number.get_ref().clone()).collect(),
            reminder_text,
            transfer,
            outbound,
            hangup_confirm: table.tools.hangup_call.as_ref().is_none_or(|tool| tool.confirm),
            model,
            detector: self.named(&table.detector, |text| text.parse::<Detector>()).unwrap_or_default(),
            settings,
            farewells,
            voice,
            fallback_voice,
            channels: self.channels(table),
            texts: self.texts(&table.text),
            api_access: table.api_access.unwrap_or(false),
            system_message: message.text,
            switched_on_by_message,
            mentioned: message.mentioned,
            intents,
        }
    }

    /// Where it can be reached.
    fn channels(&mut self, table: &AssistantTable) -> BTreeSet<Channel> {
        let only = table.audio_channel.as_ref().filter(|channel| channel.get_ref() != "realtime");
        if let Some(other) = only {
            let message = format!("no audio channel is called {:?}; there is realtime", other.get_ref());
            self.wrong(other.span(), message);
        }
        let Some(written) = &table.channels else { return BTreeSet::from([Channel::Call]) };
        let mut channels = BTreeSet::new();
        for name in written {
            match Channel::ALL.into_iter().find(|channel| channel.name() == name.get_ref()) {
                Some(channel) => drop(channels.insert(channel)),
                None => {
                    let message = format!("no channel is called {:?}; there are call and text", name.get_ref());
                    self.wrong(name.span(), message);
                }
            }
        }
        channels
    }

    fn name(&mut self, table: &Spanned<AssistantTable>) -> String {
        let Some(name) = &table.get_ref().name else {
            self.wrong(table.span(), "name is missing: give the assistant a name, such as name = \"front desk\"");
            return String::new();
        };
        let text = name.get_ref();
        let length = text.chars().count();
        if text.trim() != text || length == 0 || length > MAX_NAME || text.contains(char::is_control) {
            let message = format!("not a name: expected 1 to {MAX_NAME} characters without spaces around them");
            self.wrong(name.span(), message);
        }
        text.clone()
    }

    fn check_numbers(&mut self, numbers: &[Spanned<String>]) {
        for number in numbers {
            if !is_e164(number.get_ref()) {
                let message = "not a telephone number: expected + and 7 to 15 digits with the country's code, such as \
                               +15551234567";
                self.wrong(number.span(), message);
            }
        }
    }

    /// The conversation's language, and its tag for the carrier's voice.
    fn language(&mut self, value: &Value<String>) -> (String, String) {
        let default = Farewells::default().language;
        let Some(value) = value else { return ("en".to_owned(), default) };
        let text = value.get_ref();
        let (code, region) = text.split_once('-').map_or((text.as_str(), None), |(code, region)| (code, Some(region)));
        let is_code = (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_region = |region: &str| {
            (2..=16).contains(&region.len()) && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let known = REGIONS.iter().find(|(known, _)| *known == code).map(|(_, tag)| (*tag).to_owned());
        let tag = match region {
            Some(region) => is_region(region).then(|| text.clone()),
            None => known,
        };
        match tag.filter(|_| is_code) {
            Some(tag) => (code.to_owned(), tag),
            None => {
                let codes: Vec<_> = REGIONS.iter().map(|(code, _)| *code).collect();
                let message = format!(
                    "not a language: expected {}, or any with its region, such as nl-NL or en-GB",
                    codes.join(", ")
                );
                self.wrong(value.span(), message);
                ("en".to_owned(), default)
            }
        }
    }

    fn timing(&mut self, table: &AssistantTable, limits: &Limits) -> Settings {
        const S: f64 = 1.0;
        const MS: f64 = 1e-3;
        let widened = "; the server's [limits] may widen this";
        Settings {
            silence_timeout: self.setting(&table.silence_timeout_s, S, widened, |value| {
                SilenceTimeout::with_bounds(value, limits.silence_timeout)
            }),
            min_speech: self.setting(&table.min_speech_ms, MS, "", MinSpeech::new),
            hangover: self.setting(&table.hangover_ms, MS, "", Hangover::new),
            barge_in_min: self.setting(&table.barge_in_min_ms, MS, "", BargeInMin::new),
            noise_budget: self.setting(&table.noise_budget_s, S, "", NoiseBudget::new),
            max_duration: self.setting(&table.max_duration_s, S, widened, |value| {
                MaxDuration::with_bounds(value, limits.max_duration)
            }),
            level_floor: self.level_floor(&table.level_floor_db),
            ..Settings::default()
        }
    }

    /// A duration in units of so many seconds, checked by the setting itself.
    fn setting<T: Default>(
        &mut self,
        value: &Value<Number>,
        unit: f64,
        hint: &str,
        check: impl Fn(Duration) -> Result<T, OutOfRange>,
    ) -> T {
        let Some(value) = value else { return T::default() };
        let number = value.get_ref().0;
        // What is no duration at all is out of every range.
        let duration = Duration::try_from_secs_f64(number * unit).unwrap_or(Duration::MAX);
        check(duration).unwrap_or_else(|error| {
            let error = OutOfRange { value: number, ..error };
            self.wrong(value.span(), format!("{}{hint}", out_of_range(&error)));
            T::default()
        })
    }

    fn level_floor(&mut self, value: &Value<Number>) -> LevelFloor {
        let Some(value) = value else { return LevelFloor::default() };
        let number = value.get_ref().0;
        LevelFloor::new(number as f32).unwrap_or_else(|error| {
            self.wrong(value.span(), out_of_range(&OutOfRange { value: number, ..error }));
            LevelFloor::default()
        })
    }

    /// Sets the reminder, and gives its text.
    fn reminder(
        &mut self,
        name: &str,
        value: &Value<ReminderTable>,
        has_voice: bool,
        settings: &mut Settings,
    ) -> String {
        let default = tts::default_reminder().to_owned();
        let Some(value) = value else { return default };
        let table = value.get_ref();
        let Some(after) = &table.after_s else {
            self.wrong(value.span(), "after_s is missing: write when the reminder comes, such as { after_s = 20 }");
            return default;
        };
        let number = after.get_ref().0;
        let duration = Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX);
        settings.reminder = Some(Reminder { after: duration });
        match settings.check() {
            Ok(()) => {}
            Err(SettingsError::Range(error)) => {
                self.wrong(
                    after.span(),
                    out_of_range(&OutOfRange { setting: "reminder.after", value: number, ..error }),
                );
            }
            Err(error @ (SettingsError::IntentNamedAsTool(_) | SettingsError::TooManyTransfers)) => {
                self.wrong(after.span(), error.to_string())
            }
        }
        let text = self.spoken("reminder.text", &table.text, &Farewells::default().language).unwrap_or(default);
        if text != tts::default_reminder() && !has_voice {
            self.warnings.push(format!(
                "assistant {name:?}: reminder.text has no recording, and there is no voice to say it, so no reminder \
                 will be heard; write farewell.voice, or leave the text out for the built-in one"
            ));
        }
        text
    }

    fn farewells(&mut self, name: &str, table: &FarewellTable, has_voice: bool, language: String) -> Farewells {
        let mut farewells = Farewells { language, ..Farewells::default() };
        for kind in FarewellKind::ALL {
            let key = format!("farewell.{}", kind.name());
            if let Some(text) = self.spoken(&key, table.text(kind), &farewells.language) {
                farewells.configured.insert(kind, text);
            }
            if !farewells.is_default(kind) && !has_voice {
                // An ending with a bound cannot wait for the carrier's voice.
                let what = match kind {
                    FarewellKind::HangupCall | FarewellKind::Drain | FarewellKind::Operator => {
                        "nor time for the carrier's own voice, so nothing will be said; write farewell.voice, or leave \
                         the text out for the built-in one"
                    }
                    FarewellKind::Silence
                    | FarewellKind::MaxDuration
                    | FarewellKind::ModelLost
                    | FarewellKind::NoAnswer => {
                        "so the carrier's own voice will speak it; write farewell.voice for another"
                    }
                };
                self.warnings.push(format!(
                    "assistant {name:?}: {key} has no recording, and there is no voice to say it, {what}"
                ));
            }
        }
        let english = FarewellKind::ALL.into_iter().filter(|kind| farewells.is_default(*kind)).count();
        if english > 0 && !farewells.language.starts_with("en-") {
            let language = &farewells.language;
            self.warnings.push(format!(
                "assistant {name:?}: {english} of its farewells are the default texts, in English, though its language \
                 is {language}"
            ));
        }
        farewells
    }

    /// A text that is to be spoken, also by the carrier.
    pub(super) fn spoken(&mut self, key: &str, value: &Value<String>, language: &str) -> Option<String> {
        let value = value.as_ref()?;
        let text = value.get_ref();
        let length = text.chars().count();
        if text.trim().is_empty() || length > Farewells::MAX_LENGTH {
            let most = Farewells::MAX_LENGTH;
            self.wrong(
                value.span(),
                format!("{key} has {length} characters: expected 1 to {most}, not all of them spaces"),
            );
            return None;
        }
        let language = Setting { key: "language", value: language };
        if let Err(error) = twiml::say_and_hang_up(Setting { key, value: text }, language) {
            self.wrong(value.span(), error.to_string());
            return None;
        }
        Some(text.clone())
    }

    /// One of several names.
    pub(super) fn named<T>(&mut self, value: &Value<String>, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = value.as_ref()?;
        parse(value.get_ref()).map_err(|message| self.wrong(value.span(), message)).ok()
    }
}

impl FarewellTable {
    fn text(&self, kind: FarewellKind) -> &Value<String> {
        match kind {
            FarewellKind::Silence => &self.silence,
            FarewellKind::HangupCall => &self.hangup_call,
            FarewellKind::MaxDuration => &self.max_duration,
            FarewellKind::Drain => &self.drain,
            FarewellKind::Operator => &self.operator,
            FarewellKind::ModelLost => &self.model_lost,
            FarewellKind::NoAnswer => &self.no_answer,
        }
    }
}
