//! What QA expects of a call: the key `expect` of a side-car, held against what came of the replay.

mod check;
#[cfg(test)]
mod tests;

pub use check::Checked;

use serde_json::{Map, Value};

use super::Outcome;
use crate::call::Reason;

/// How far a time may be off when nobody says so, in milliseconds: three frames, what the detector is allowed.
pub const DEFAULT_TOLERANCE_MS: f64 = 60.0;

/// What is expected of one call.
///
/// | key | value |
/// |---|---|
/// | `reason` | the ending's name, such as `"silence"` |
/// | `silence_started_ms`, `deadline_ms`, `goodbye_ms`, `hangup_ms` | a time of the call; `null`: there is none |
/// | `closed_after_words_ms`, `closed_after_tool_ms`, `closed_after_mark_ms` | a length; `null`: there is none |
/// | `no_goodbye_before_ms`, `no_hangup_before_ms` | the earliest time that is right |
/// | `goodbye_whole` | `true` or `false`; `null`: there was no goodbye |
/// | `talkspurts` | how many count, or `[[start_ms, end_ms], …]` |
/// | `tolerance_ms` | how far every time of this file may be off |
///
/// A time is a number, or `{"at": 46100, "tolerance": 20}` with a tolerance of its own.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    wants: Vec<Want>,
    tolerance_ms: Option<f64>,
}

#[derive(Clone, Debug)]
enum Want {
    Reason(Reason),
    Time(&'static Measure, Option<At>),
    NotBefore(&'static Measure, f64),
    GoodbyeWhole(Option<bool>),
    Count(usize),
    Spurts(Vec<(f64, f64)>),
}

/// A time with the tolerance that its writer gave it, milliseconds.
#[derive(Clone, Copy, Debug)]
struct At {
    ms: f64,
    tolerance: Option<f64>,
}

/// A time that an outcome has or has not, milliseconds.
type Told = fn(&Outcome) -> Option<f64>;

/// What a key looks at.
#[derive(Debug)]
struct Measure {
    key: &'static str,
    of: Told,
}

/// Keys whose value is met within a tolerance.
static TIMES: [Measure; 7] = [
    Measure { key: "silence_started_ms", of: |outcome| outcome.silence_started_ms },
    Measure { key: "deadline_ms", of: |outcome| outcome.deadline_ms },
    Measure { key: "goodbye_ms", of: |outcome| outcome.goodbye_ms },
    Measure { key: "hangup_ms", of: |outcome| outcome.hangup_ms },
    Measure { key: "closed_after_words_ms", of: |outcome| outcome.rules.closed_after_words_ms },
    Measure { key: "closed_after_tool_ms", of: |outcome| outcome.rules.closed_after_tool_ms },
    Measure { key: "closed_after_mark_ms", of: |outcome| outcome.rules.closed_after_mark_ms },
];

/// Keys that forbid something before a time.
static NOT_BEFORE: [Measure; 2] = [
    Measure { key: "no_goodbye_before_ms", of: |outcome| outcome.goodbye_ms },
    Measure { key: "no_hangup_before_ms", of: |outcome| outcome.hangup_ms },
];

/// The keys whose values are of a kind of their own.
const OTHERS: [&str; 4] = ["reason", "goodbye_whole", "talkspurts", "tolerance_ms"];

/// What QA wrote under `expect` cannot be used: whoever wrote it has to change it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpectError {
    /// Not an object.
    #[error("`expect` is {0}: expected an object, such as {{\"reason\": \"silence\", \"hangup_ms\": 46100}}")]
    NoObject(Value),
    /// A key that means nothing here.
    #[error("`expect` has no key `{key}`; there are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that are known, in one text.
        known: String,
    },
    /// A value that means nothing under its key.
    #[error("`{key}` in `expect` is {value}: expected {wanted}")]
    BadValue {
        /// The key.
        key: String,
        /// What was written.
        value: Value,
        /// What may stand there.
        wanted: String,
    },
}

impl Expect {
    /// Reads the value of the key `expect`.
    ///
    /// # Errors
    /// See [`ExpectError`]: a misspelt key must not pass as an expectation that is met.
    pub fn parse(value: &Value) -> Result<Self, ExpectError> {
        let Value::Object(object) = value else { return Err(ExpectError::NoObject(value.clone())) };
        let mut expect = Self::default();
        for (key, value) in object {
            expect.read(key, value)?;
        }
        Ok(expect)
    }

    fn read(&mut self, key: &str, value: &Value) -> Result<(), ExpectError> {
        let bad = |wanted: &str| ExpectError::BadValue { key: key.into(), value: value.clone(), wanted: wanted.into() };
        if let Some(time) = TIMES.iter().find(|time| time.key == key) {
            let at = at(value).ok_or_else(|| {
                bad("milliseconds (0 or more), {\"at\": ms, \"tolerance\": ms}, or null where there must be none")
            })?;
            self.wants.push(Want::Time(time, at));
            return Ok(());
        }
        if let Some(earliest) = NOT_BEFORE.iter().find(|earliest| earliest.key == key) {
            let ms = milliseconds(value).ok_or_else(|| bad("milliseconds, 0 or more"))?;
            self.wants.push(Want::NotBefore(earliest, ms));
            return Ok(());
        }
        match key {
            "reason" => {
                let reason = Reason::ALL.into_iter().find(|reason| value == reason.name());
                let names = || Reason::ALL.map(Reason::name).join(", ");
                self.wants.push(Want::Reason(reason.ok_or_else(|| bad(&format!("one of {}", names())))?));
            }
            "goodbye_whole" => {
                let whole = if value.is_null() { None } else { Some(value.as_bool()) };
                let whole = whole.map(|whole| whole.ok_or_else(|| bad("true, false, or null where there is none")));
                self.wants.push(Want::GoodbyeWhole(whole.transpose()?));
            }
            "talkspurts" => {
                let wanted = || bad("how many talkspurts count, or their times: [[start_ms, end_ms], …]");
                self.wants.push(match value.as_u64() {
                    Some(count) => Want::Count(usize::try_from(count).map_err(|_| wanted())?),
                    None => Want::Spurts(stretches(value).ok_or_else(wanted)?),
                });
            }
            "tolerance_ms" => {
                self.tolerance_ms = Some(milliseconds(value).ok_or_else(|| bad("milliseconds, 0 or more"))?);
            }
            _ => return Err(ExpectError::UnknownKey { key: key.into(), known: known() }),
        }
        Ok(())
    }
}

fn known() -> String {
    let keys = TIMES.iter().map(|time| time.key).chain(NOT_BEFORE.iter().map(|earliest| earliest.key)).chain(OTHERS);
    keys.collect::<Vec<_>>().join(", ")
}

/// A time, or that there is none; `None` if it is neither.
fn at(value: &Value) -> Option<Option<At>> {
    match value {
        Value::Null => Some(None),
        Value::Object(object) => at_with_tolerance(object).map(Some),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            milliseconds(value).map(|ms| Some(At { ms, tolerance: None }))
        }
    }
}

fn at_with_tolerance(object: &Map<String, Value>) -> Option<At> {
    if object.keys().any(|key| !matches!(key.as_str(), "at" | "tolerance")) {
        return None;
    }
    let tolerance = object.get("tolerance").map(|value| milliseconds(value).ok_or(())).transpose().ok()?;
    Some(At { ms: milliseconds(object.get("at")?)?, tolerance })
}

fn milliseconds(value: &Value) -> Option<f64> {
    value.as_f64().filter(|ms| ms.is_finite() && *ms >= 0.0)
}

fn stretches(value: &Value) -> Option<Vec<(f64, f64)>> {
    let stretch = |value: &Value| match value.as_array()?.as_slice() {
        [start, end] => Some((milliseconds(start)?, milliseconds(end)?)),
        _ => None,
    };
    value.as_array()?.iter().map(stretch).collect()
}
