use std::time::Duration;

use super::{BargeInMin, Hangover, LevelFloor, MaxDuration, MinSpeech, NoiseBudget, OutOfRange, SilenceTimeout};
use crate::vad::TalkspurtConfig;

/// Which farewell: every ending that we begin has a text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FarewellKind {
    /// The caller went quiet.
    Silence,
    /// The model asked to hang up and had not said goodbye itself.
    HangupCall,
    /// The call reached its longest length.
    MaxDuration,
    /// The server stops.
    Drain,
    /// The operator ended the call.
    Operator,
    /// The model is gone.
    ModelLost,
    /// The model does not answer.
    NoAnswer,
}

impl FarewellKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Silence,
        Self::HangupCall,
        Self::MaxDuration,
        Self::Drain,
        Self::Operator,
        Self::ModelLost,
        Self::NoAnswer,
    ];

    /// The name in configuration: `farewell.NAME`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::HangupCall => "hangup_call",
            Self::MaxDuration => "max_duration",
            Self::Drain => "drain",
            Self::Operator => "operator",
            Self::ModelLost => "model_lost",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// The greeting that the model speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Off for legal notices: the caller's speech does not stop it.
    pub interruptible: bool,
}

/// The `hangup_call` tool is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HangupTool {
    /// The caller may take the hang-up back within its window.
    pub cancellable: bool,
}

impl Default for HangupTool {
    fn default() -> Self {
        Self { cancellable: true }
    }
}

/// A reminder within the silence window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Time into the window.
    pub after: Duration,
}

/// A tool that the assistant offers besides `hangup_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its name towards the model.
    pub name: String,
    /// The call ends with it.
    pub ends_call: bool,
}

/// What an assistant's settings mean for a call.
///
/// Every field keeps its own bounds; [`Settings::check`] checks what holds between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long the caller may be quiet.
    pub silence_timeout: SilenceTimeout,
    /// Voiced time from which a talkspurt counts.
    pub min_speech: MinSpeech,
    /// Voiced frames closer than this are one talkspurt.
    pub hangover: Hangover,
    /// Voiced time that interrupts the agent.
    pub barge_in_min: BargeInMin,
    /// By how much noise may put off the goodbye.
    pub noise_budget: NoiseBudget,
    /// How far under the caller's usual level background begins.
    pub level_floor: LevelFloor,
    /// Longest call.
    pub max_duration: MaxDuration,
    /// The model speaks first.
    pub greeting: Option<Greeting>,
    /// The `hangup_call` tool.
    pub hangup_call: Option<HangupTool>,
    /// Other tools.
    pub intents: Vec<Intent>,
    /// The `wait_for_caller` tool.
    pub wait_for_caller: bool,
    /// The `send_text` tool: carried out like an intent.
    pub send_text: bool,
    /// Whom `transfer_call` may put the caller through to, by name; the tool is off if there is nobody.
    pub transfers: Vec<String>,
    /// A reminder within the window.
    pub reminder: Option<Reminder>,
    /// A filler phrase is spoken when an answer is late.
    pub filler: bool,
    /// The model transcribes the caller.
    pub transcription: bool,
    /// Two-letter code of the conversation's language, for the farewell lists.
    pub language: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            silence_timeout: SilenceTimeout::default(),
            min_speech: MinSpeech::default(),
            hangover: Hangover::default(),
            barge_in_min: BargeInMin::default(),
            noise_budget: NoiseBudget::default(),
            level_floor: LevelFloor::default(),
            max_duration: MaxDuration::default(),
            greeting: None,
            hangup_call: None,
            intents: Vec::new(),
            wait_for_caller: false,
            send_text: false,
            transfers: Vec::new(),
            reminder: None,
            filler: true,
            transcription: true,
            language: "en".into(),
        }
    }
}

/// The names of the tools that every assistant can have: no intent is called so.
pub const BUILT_IN_TOOLS: [&str; 4] = ["hangup_call", "wait_for_caller", "transfer_call", "send_text"];
/// Places that an assistant may transfer to, at most.
pub const MOST_TRANSFERS: usize = 32;

/// Settings that do not go together: the operator's mistake.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// One setting is out of its own bounds.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// An intent has the name of a built-in tool.
    #[error("an intent cannot be called {0}: that is a built-in tool; give the intent another name")]
    IntentNamedAsTool(&'static str),
    /// A transfer's places are numbered by a byte.
    #[error("an assistant can transfer to {MOST_TRANSFERS} numbers at most")]
    TooManyTransfers,
}

impl Settings {
    /// Checks what holds between settings.
    ///
    /// # Errors
    /// The reminder must lie between 5 s and `silence_timeout` less 5 s; no intent may have the name of a built-in tool;
    /// there are [`MOST_TRANSFERS`] places to transfer to at most.
    pub fn check(&self) -> Result<(), SettingsError> {
        if let Some(reminder) = self.reminder {
            let (low, high) =
                (Duration::from_secs(5), self.silence_timeout.get().saturating_sub(Duration::from_secs(5)));
            if !(low..=high).contains(&reminder.after) {
                let [value, low, high] = [reminder.after, low, high].map(|d| d.as_secs_f64());
                return Err(OutOfRange { setting: "reminder", value, low, high, unit: "s" }.into());
            }
        }
        for name in BUILT_IN_TOOLS {
            if self.intents.iter().any(|intent| intent.name == name) {
                return Err(SettingsError::IntentNamedAsTool(name));
            }
        }
        if self.transfers.len() > MOST_TRANSFERS {
            return Err(SettingsError::TooManyTransfers);
        }
        Ok(())
    }

    /// The model may end the call: the tool is on, or an intent ends it.
    #[must_use]
    pub fn hangup_enabled(&self) -> bool {
        self.hangup_call.is_some() || self.intents.iter().any(|intent| intent.ends_call)
    }

    /// What makes a talkspurt.
    #[must_use]
    pub fn talkspurt(&self) -> TalkspurtConfig {
        TalkspurtConfig { min_speech: self.min_speech.get(), hangover: self.hangover.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_needs_room_on_both_sides() {
        let at = |s| Settings { reminder: Some(Reminder { after: Duration::from_secs(s) }), ..Settings::default() };
        assert!(at(5).check().is_ok() && at(25).check().is_ok());
        assert_eq!(at(26).check().unwrap_err().to_string(), "reminder = 26 is outside 5..=25 s");
        assert!(at(4).check().is_err());
    }

    #[test]
    fn hangup_is_enabled_by_the_tool_or_an_intent() {
        let mut settings = Settings::default();
        assert!(!settings.hangup_enabled());
        settings.intents.push(Intent { name: "book".into(), ends_call: true });
        assert!(settings.hangup_enabled());
        settings.intents[0].name = "hangup_call".into();
        assert_eq!(settings.check(), Err(SettingsError::IntentNamedAsTool("hangup_call")));
    }
}
