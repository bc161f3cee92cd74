//! What a user configures of an assistant, parsed and checked.
//!
//! One newtype a setting, the check beside the bounds; nothing out of range gets past construction.

mod settings;
mod settings_range;

pub use settings::{
    BUILT_IN_TOOLS, FarewellKind, Greeting, HangupTool, Intent, MOST_TRANSFERS, Reminder, Settings, SettingsError,
};
pub use settings_range::{
    BargeInMin, Hangover, LevelFloor, MaxDuration, MinSpeech, NoiseBudget, OutOfRange, SilenceTimeout,
};
