//! `NAME.json` beside a recording: what is in it, how the call is to be played, and what is expected of it.

mod settings;
#[cfg(test)]
mod tests;

pub use settings::CallSettings;

use serde_json::Value;

use super::{Expect, ExpectError, Truth, TruthError};

/// What QA knows of a recording. Keys that are not for a replay are ignored, but not below `expect` and `settings`.
#[derive(Clone, Debug, Default)]
pub struct SideCar {
    /// The labels; `None` if the file has none. An empty list says that nobody speaks.
    pub truth: Option<Truth>,
    /// What must come of the call.
    pub expect: Option<Expect>,
    /// How the call is to be played.
    pub settings: CallSettings,
}

/// A side-car cannot be used: whoever wrote it has to change it.
#[derive(Debug, thiserror::Error)]
pub enum SideCarError {
    /// The labels, or no JSON at all.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// The expectations.
    #[error(transparent)]
    Expect(#[from] ExpectError),
    /// The settings of the call.
    #[error("`settings`: {0}")]
    Settings(String),
}

impl SideCar {
    /// Parses a side-car.
    ///
    /// # Errors
    /// See [`SideCarError`]: also if it has neither labels nor `expect` nor `settings`.
    pub fn parse(source: &[u8]) -> Result<Self, SideCarError> {
        let mut json: Value = serde_json::from_slice(source).map_err(TruthError::Json)?;
        let mut take = |key| json.as_object_mut().and_then(|object| object.remove(key));
        let expect = take("expect").map(|expect| Expect::parse(&expect)).transpose()?;
        let settings = take("settings").map(CallSettings::parse).transpose().map_err(SideCarError::Settings)?;
        let truth = Truth::of_value(json, source)?;
        if truth.is_none() && expect.is_none() && settings.is_none() {
            return Err(TruthError::NoSpeech.into());
        }
        Ok(Self { truth, expect, settings: settings.unwrap_or_default() })
    }
}
