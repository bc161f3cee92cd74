use std::time::Duration;

use crate::{
    assistant::{
        BargeInMin, Hangover, LevelFloor, MaxDuration, MinSpeech, NoiseBudget, OutOfRange, Reminder, Settings,
        SilenceTimeout,
    },
    vad::Detector,
};

/// The keys that can be changed, as the configuration of an assistant calls them. Those with a unit may be written
/// without it.
pub const KEYS: [&str; 10] = [
    "silence_timeout_s",
    "min_speech_ms",
    "hangover_ms",
    "barge_in_min_ms",
    "noise_budget_s",
    "level_floor_db",
    "max_duration_s",
    "reminder.after_s",
    "filler",
    "detector",
];

/// Settings that are to be tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change(Vec<Edit>);

/// What is wrong with `KEY=VALUE`: its writer's mistake.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// There is no `=` in it.
    #[error("{0:?} is no setting: expected KEY=VALUE, such as silence_timeout_s=45")]
    NoValue(String),
    /// No such key.
    #[error("there is no setting {0:?} to try; there are {keys}", keys = KEYS.join(", "))]
    Unknown(String),
    /// The value is of another kind.
    #[error("{key}={value}: expected {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it can be.
        expected: String,
    },
    /// The value is outside its bounds.
    #[error(transparent)]
    Range(#[from] OutOfRange),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Edit {
    SilenceTimeout(SilenceTimeout),
    MinSpeech(MinSpeech),
    Hangover(Hangover),
    BargeInMin(BargeInMin),
    NoiseBudget(NoiseBudget),
    LevelFloor(LevelFloor),
    MaxDuration(MaxDuration),
    Reminder(Option<Reminder>),
    Filler(bool),
    Detector(Detector),
}

impl Change {
    /// From `KEY=VALUE` texts; of one key, the last one counts.
    ///
    /// The two settings whose bounds an operator may widen are held to their widest bounds.
    ///
    /// # Errors
    ///
    /// The first text that cannot be used, and what could.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ChangeError> {
        texts.iter().map(|text| edit(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Nothing is changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes settings; tells whether it has.
    pub(super) fn apply(&self, settings: &mut Settings) -> bool {
        for edit in &self.0 {
            match *edit {
                Edit::SilenceTimeout(value) => settings.silence_timeout = value,
                Edit::MinSpeech(value) => settings.min_speech = value,
                Edit::Hangover(value) => settings.hangover = value,
                Edit::BargeInMin(value) => settings.barge_in_min = value,
                Edit::NoiseBudget(value) => settings.noise_budget = value,
                Edit::LevelFloor(value) => settings.level_floor = value,
                Edit::MaxDuration(value) => settings.max_duration = value,
                Edit::Reminder(value) => settings.reminder = value,
                Edit::Filler(value) => settings.filler = value,
                Edit::Detector(_) => {}
            }
        }
        !self.is_empty()
    }

    /// What is left of it for a call as it was, whose detector is called `captured`: nothing, unless this program knows no
    /// such detector; then the chosen one is the nearest thing to it.
    pub(super) fn as_it_was(&self, captured: &str) -> Self {
        let chosen = self.detector().filter(|_| captured.parse::<Detector>().is_err());
        Self(chosen.map(Edit::Detector).into_iter().collect())
    }

    /// The detector that is chosen, if one is.
    pub(super) fn detector(&self) -> Option<Detector> {
        self.0.iter().rev().find_map(|edit| if let Edit::Detector(detector) = edit { Some(*detector) } else { None })
    }
}

fn edit(text: &str) -> Result<Edit, ChangeError> {
    let (written, value) = text.split_once('=').ok_or_else(|| ChangeError::NoValue(text.to_owned()))?;
    let (written, value) = (written.trim(), value.trim());
    let without_unit = |key: &str| key.rsplit_once('_').is_some_and(|(name, _)| name == written);
    let known = KEYS.into_iter().find(|key| *key == written || without_unit(key));
    let key = known.ok_or_else(|| ChangeError::Unknown(written.to_owned()))?;
    let kind = |expected: &str| ChangeError::Kind { key, value: value.to_owned(), expected: expected.to_owned() };
    let number = || value.parse::<f64>().map_err(|_| kind("a number"));
    // What is no duration at all is out of every range.
    let seconds = || Ok::<_, ChangeError>(Duration::try_from_secs_f64(number()?).unwrap_or(Duration::MAX));
    let ms = || Ok::<_, ChangeError>(Duration::try_from_secs_f64(number()? * 1e-3).unwrap_or(Duration::MAX));
    Ok(match key {
        "silence_timeout_s" => Edit::SilenceTimeout(SilenceTimeout::with_bounds(seconds()?, SilenceTimeout::WIDEST)?),
        "max_duration_s" => Edit::MaxDuration(MaxDuration::with_bounds(seconds()?, MaxDuration::WIDEST)?),
        "noise_budget_s" => Edit::NoiseBudget(NoiseBudget::new(seconds()?)?),
        "min_speech_ms" => Edit::MinSpeech(MinSpeech::new(ms()?)?),
        "hangover_ms" => Edit::Hangover(Hangover::new(ms()?)?),
        "barge_in_min_ms" => Edit::BargeInMin(BargeInMin::new(ms()?)?),
        "level_floor_db" => Edit::LevelFloor(LevelFloor::new(number()? as f32)?),
        "reminder.after_s" if value == "off" => Edit::Reminder(None),
        "reminder.after_s" => Edit::Reminder(Some(Reminder { after: seconds()? })),
        "filler" => match value {
            "true" => Edit::Filler(true),
            "false" => Edit::Filler(false),
            _ => return Err(kind("true or false")),
        },
        // The one that is left of `KEYS`.
        _ => Edit::Detector(value.parse().map_err(|error: String| kind(&error))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_with_and_without_its_unit() {
        let values = ["45", "200", "400", "300.5", "0", "12", "600", "10", "false", "energy"];
        for (key, value) in KEYS.into_iter().zip(values) {
            let change = Change::parse(&[format!("{key} = {value}")]).unwrap_or_else(|error| panic!("{error}"));
            let mut settings = Settings::default();
            assert!(change.apply(&mut settings));
            assert!(settings != Settings::default() || change.detector() == Some(Detector::Energy), "{key}");
        }
        assert_eq!(Change::parse(&["silence_timeout=45"]), Change::parse(&["silence_timeout_s=45"]));
        assert_eq!(Change::parse(&["reminder.after=off"]), Ok(Change(vec![Edit::Reminder(None)])));
    }

    #[test]
    fn mistakes_name_what_is_known_and_both_bounds() {
        let refused = |text: &str| Change::parse(&[text]).expect_err(text).to_string();
        assert!(refused("silence").contains("expected KEY=VALUE"));
        let unknown = refused("silent_timeout=40");
        assert!(KEYS.iter().all(|key| unknown.contains(key)) && unknown.contains("silent_timeout"), "{unknown}");
        assert_eq!(refused("silence_timeout_s=2"), "silence_timeout = 2 is outside 3..=3600 s");
        assert_eq!(refused("hangover_ms=-1").split(" is ").nth(1), Some("outside 100..=800 ms"));
        assert_eq!(refused("level_floor_db=x"), "level_floor_db=x: expected a number");
        assert!(refused("level_floor_db=nan").contains("is outside 6..=30 dB"));
        assert!(refused("detector=ear").contains("cascade, silero, webrtc, energy"));
        assert_eq!(refused("filler=yes"), "filler=yes: expected true or false");
    }
}
