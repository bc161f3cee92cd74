use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    assistant::{
        BargeInMin, Greeting, Hangover, HangupTool, Intent, LevelFloor, MaxDuration, MinSpeech, NoiseBudget,
        OutOfRange, Reminder, Settings, SilenceTimeout,
    },
    audio::Encoding,
    call::RULES_VERSION,
    model::ModelTraits,
    session::SessionConfig,
};

/// What a session was made of, and what made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The rules that decided: [`RULES_VERSION`] of the program that wrote this.
    pub rules_version: u32,
    /// That program's version.
    pub program: String,
    /// The carrier's id of the call.
    pub call: String,
    /// Its assistant.
    pub assistant: String,
    /// When call time began, milliseconds since 1970; 0 on virtual time.
    pub began_unix_ms: u64,
    /// The voice detector, by its name: another program may know others.
    pub detector: String,
    /// The settings.
    pub settings: Settings,
    /// What the model could do.
    pub model: ModelTraits,
    /// How its audio travelled.
    pub encoding: Encoding,
}

impl Header {
    /// Of a session that this program makes now.
    #[must_use]
    pub fn new(config: &SessionConfig, detector: &str, call: &str, assistant: &str, began_unix_ms: u64) -> Self {
        Self {
            rules_version: RULES_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            call: call.to_owned(),
            assistant: assistant.to_owned(),
            began_unix_ms,
            detector: detector.to_owned(),
            settings: config.settings.clone(),
            model: config.model,
            encoding: config.encoding,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let written = Written::from(self);
        // Numbers, texts and flags only: there is nothing in it that JSON cannot say.
        let json = serde_json::to_vec(&written);
        debug_assert!(json.is_ok());
        out.extend(json.unwrap_or_default());
    }

    /// The error is for a reader: what is wrong with it.
    pub(super) fn take(json: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        written.header().map_err(|error| error.to_string())
    }
}

/// The header as it stands in the file. A setting that is added gets `#[serde(default)]` and the meaning that older
/// programs gave its absence.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rules_version: u32,
    program: String,
    call: String,
    assistant: String,
    began_unix_ms: u64,
    detector: String,
    settings: WrittenSettings,
    model_hears_speech: bool,
    model_answers: bool,
    encoding: WrittenEncoding,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenEncoding {
    Mulaw,
    Pcm24k,
}

/// Durations in nanoseconds: exactly what was configured.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSettings {
    silence_timeout_ns: u64,
    min_speech_ns: u64,
    hangover_ns: u64,
    barge_in_min_ns: u64,
    noise_budget_ns: u64,
    level_floor_db: f32,
    max_duration_ns: u64,
    /// It may be interrupted.
    greeting: Option<bool>,
    /// It may be taken back.
    hangup_call: Option<bool>,
    intents: Vec<WrittenIntent>,
    #[serde(default)]
    wait_for_caller: bool,
    #[serde(default)]
    send_text: bool,
    #[serde(default)]
    transfers: Vec<String>,
    reminder_after_ns: Option<u64>,
    filler: bool,
    transcription: bool,
    language: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenIntent {
    name: String,
    ends_call: bool,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&Header> for Written {
    fn from(header: &Header) -> Self {
        Self {
            rules_version: header.rules_version,
            program: header.program.clone(),
            call: header.call.clone(),
            assistant: header.assistant.clone(),
            began_unix_ms: header.began_unix_ms,
            detector: header.detector.clone(),
            settings: WrittenSettings::from(&header.settings),
            model_hears_speech: header.model.hears_speech,
            model_answers: header.model.answers,
            encoding: match header.encoding {
                Encoding::Mulaw => WrittenEncoding::Mulaw,
                Encoding::Pcm24k => WrittenEncoding::Pcm24k,
            },
        }
    }
}

impl From<&Settings> for WrittenSettings {
    fn from(settings: &Settings) -> Self {
        // Taken apart so that a setting that is added cannot be forgotten here.
        let Settings {
            silence_timeout,
            min_speech,
            hangover,
            barge_in_min,
            noise_budget,
            level_floor,
            max_duration,
            greeting,
            hangup_call,
            intents,
            wait_for_caller,
            send_text,
            transfers,
            reminder,
            filler,
            transcription,
            language,
        } = settings;
        let intent = |intent: &Intent| WrittenIntent { name: intent.name.clone(), ends_call: intent.ends_call };
        Self {
            silence_timeout_ns: nanos(silence_timeout.get()),
            min_speech_ns: nanos(min_speech.get()),
            hangover_ns: nanos(hangover.get()),
            barge_in_min_ns: nanos(barge_in_min.get()),
            noise_budget_ns: nanos(noise_budget.get()),
            level_floor_db: level_floor.db(),
            max_duration_ns: nanos(max_duration.get()),
            greeting: greeting.map(|greeting| greeting.interruptible),
            hangup_call: hangup_call.map(|tool| tool.cancellable),
            intents: intents.iter().map(intent).collect(),
            wait_for_caller: *wait_for_caller,
            send_text: *send_text,
            transfers: transfers.clone(),
            reminder_after_ns: reminder.map(|reminder| nanos(reminder.after)),
            filler: *filler,
            transcription: *transcription,
            language: language.clone(),
        }
    }
}

impl Written {
    fn header(self) -> Result<Header, OutOfRange> {
        Ok(Header {
            rules_version: self.rules_version,
            program: self.program,
            call: self.call,
            assistant: self.assistant,
            began_unix_ms: self.began_unix_ms,
            detector: self.detector,
            settings: self.settings.settings()?,
            model: ModelTraits { hears_speech: self.model_hears_speech, answers: self.model_answers },
            encoding: match self.encoding {
                WrittenEncoding::Mulaw => Encoding::Mulaw,
                WrittenEncoding::Pcm24k => Encoding::Pcm24k,
            },
        })
    }
}

impl WrittenSettings {
    fn settings(self) -> Result<Settings, OutOfRange> {
        // An operator may have widened these two: whatever a clock can say.
        let any = (Duration::ZERO, Duration::from_nanos(u64::MAX));
        let ns = Duration::from_nanos;
        Ok(Settings {
            silence_timeout: SilenceTimeout::with_bounds(ns(self.silence_timeout_ns), any)?,
            min_speech: MinSpeech::new(ns(self.min_speech_ns))?,
            hangover: Hangover::new(ns(self.hangover_ns))?,
            barge_in_min: BargeInMin::new(ns(self.barge_in_min_ns))?,
            noise_budget: NoiseBudget::new(ns(self.noise_budget_ns))?,
            level_floor: LevelFloor::new(self.level_floor_db)?,
            max_duration: MaxDuration::with_bounds(ns(self.max_duration_ns), any)?,
            greeting: self.greeting.map(|interruptible| Greeting { interruptible }),
            hangup_call: self.hangup_call.map(|cancellable| HangupTool { cancellable }),
            intents: self
                .intents
                .into_iter()
                .map(|intent| Intent { name: intent.name, ends_call: intent.ends_call })
                .collect(),
            wait_for_caller: self.wait_for_caller,
            send_text: self.send_text,
            transfers: self.transfers,
            reminder: self.reminder_after_ns.map(|after| Reminder { after: ns(after) }),
            filler: self.filler,
            transcription: self.transcription,
            language: self.language,
        })
    }
}
