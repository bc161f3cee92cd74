use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    assistant::{
        BargeInMin, Hangover, HangupTool, LevelFloor, MaxDuration, MinSpeech, NoiseBudget, OutOfRange, Reminder,
        Settings, SilenceTimeout,
    },
    replay::Verdicts,
    vad::Detector,
};

/// The settings of a recorded call: what of `[[assistant]]` in the server's file matters to a replay, by the same
/// names, and where verdicts come from. What is not given is left as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallSettings {
    /// `cascade`, or another detector's name.
    #[serde(deserialize_with = "named")]
    pub detector: Option<Detector>,
    /// `unknown`, `wordless` or `truth`.
    #[serde(deserialize_with = "named")]
    pub verdict: Option<Verdicts>,
    language: Option<String>,
    silence_timeout_s: Option<f64>,
    min_speech_ms: Option<f64>,
    hangover_ms: Option<f64>,
    barge_in_min_ms: Option<f64>,
    noise_budget_s: Option<f64>,
    level_floor_db: Option<f32>,
    max_duration_s: Option<f64>,
    filler: Option<bool>,
    reminder: Option<ReminderTable>,
    tools: Option<ToolsTable>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object: {\"after_s\": 20}")]
struct ReminderTable {
    after_s: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object: {\"hangup_call\": {\"enabled\": true}}")]
struct ToolsTable {
    hangup_call: HangupTable,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object: {\"enabled\": true, \"cancellable\": true}")]
struct HangupTable {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "yes")]
    cancellable: bool,
}

fn yes() -> bool {
    true
}

fn named<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr<Err = String>,
    D: Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(serde::de::Error::custom)
}

impl CallSettings {
    /// Reads the value of the key `settings`.
    ///
    /// # Errors
    /// A text for whoever wrote it: a key that is not known, with those that are; a value of the wrong kind.
    pub(super) fn parse(value: Value) -> Result<Self, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Sets what is given.
    ///
    /// # Errors
    /// A text that names the setting and both its bounds.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), String> {
        const S: f64 = 1.0;
        const MS: f64 = 1e-3;
        set(&mut settings.silence_timeout, self.silence_timeout_s, S, SilenceTimeout::new)?;
        set(&mut settings.min_speech, self.min_speech_ms, MS, MinSpeech::new)?;
        set(&mut settings.hangover, self.hangover_ms, MS, Hangover::new)?;
        set(&mut settings.barge_in_min, self.barge_in_min_ms, MS, BargeInMin::new)?;
        set(&mut settings.noise_budget, self.noise_budget_s, S, NoiseBudget::new)?;
        set(&mut settings.max_duration, self.max_duration_s, S, MaxDuration::new)?;
        if let Some(db) = self.level_floor_db {
            settings.level_floor = LevelFloor::new(db).map_err(|error| error.to_string())?;
        }
        if let Some(language) = &self.language {
            settings.language.clone_from(language);
        }
        if let Some(filler) = self.filler {
            settings.filler = filler;
        }
        if let Some(ReminderTable { after_s }) = self.reminder {
            settings.reminder = Some(Reminder { after: duration(after_s, S) });
        }
        if let Some(ToolsTable { hangup_call }) = &self.tools {
            settings.hangup_call = hangup_call.enabled.then_some(HangupTool { cancellable: hangup_call.cancellable });
        }
        settings.check().map_err(|error| error.to_string())
    }
}

fn set<T>(
    setting: &mut T,
    value: Option<f64>,
    unit: f64,
    check: impl Fn(Duration) -> Result<T, OutOfRange>,
) -> Result<(), String> {
    if let Some(value) = value {
        *setting = check(duration(value, unit)).map_err(|error| OutOfRange { value, ..error }.to_string())?;
    }
    Ok(())
}

/// What is no duration at all is out of every range.
fn duration(value: f64, unit: f64) -> Duration {
    Duration::try_from_secs_f64(value * unit).unwrap_or(Duration::MAX)
}
