//! Expectations against an outcome.

use serde::Serialize;
use serde_json::{Value, json};

use super::{At, DEFAULT_TOLERANCE_MS, Expect, Want};
use crate::{call::Reason, replay::Outcome};

/// One expectation, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The key in `expect`.
    pub what: &'static str,
    /// What was expected.
    pub expected: Value,
    /// What came; `null` if there was none.
    pub got: Value,
    /// How far a time may be off, milliseconds; `null` where no tolerance applies.
    pub tolerance_ms: Option<f64>,
    /// How far it was off, milliseconds: above 0 if it came late.
    pub off_by_ms: Option<f64>,
    /// It is met.
    pub met: bool,
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_time = self.what.ends_with("_ms");
        let told = |value: &Value| match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(ms) if is_time => format!("{ms} ms"),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        write!(f, "{}: expected {}", self.what, told(&self.expected))?;
        if let Some(tolerance) = self.tolerance_ms.filter(|_| !self.expected.is_null()) {
            write!(f, " ± {tolerance} ms")?;
        }
        write!(f, ", got {}", told(&self.got))?;
        match self.off_by_ms {
            Some(off) if off < 0.0 => write!(f, ": {:.1} ms too early", -off),
            Some(off) if off > 0.0 => write!(f, ": {off:.1} ms too late"),
            Some(_) | None => Ok(()),
        }
    }
}

impl Expect {
    /// Holds each expectation against the outcome. A time without a tolerance of its own, in a file without one, may
    /// be off by `default_tolerance_ms` ([`DEFAULT_TOLERANCE_MS`] if nobody wants another).
    #[must_use]
    pub fn check(&self, outcome: &Outcome, default_tolerance_ms: Option<f64>) -> Vec<Checked> {
        let tolerance = self.tolerance_ms.or(default_tolerance_ms).unwrap_or(DEFAULT_TOLERANCE_MS);
        self.wants.iter().map(|want| want.check(outcome, tolerance)).collect()
    }
}

impl Want {
    fn check(&self, outcome: &Outcome, tolerance: f64) -> Checked {
        match self {
            Self::Reason(reason) => exact("reason", json!(reason.name()), json!(outcome.reason.map(Reason::name))),
            Self::GoodbyeWhole(whole) => exact("goodbye_whole", json!(whole), json!(outcome.rules.goodbye_whole)),
            Self::Count(count) => exact("talkspurts", json!(count), json!(outcome.talkspurts.len())),
            Self::Spurts(spurts) => check_spurts(spurts, &outcome.talkspurts, tolerance),
            Self::Time(time, at) => check_time(time.key, *at, (time.of)(outcome), tolerance),
            Self::NotBefore(earliest, ms) => {
                let got = (earliest.of)(outcome);
                let off = got.map(|got| (got - ms).min(0.0));
                Checked {
                    off_by_ms: off,
                    met: off.is_none_or(|off| off >= 0.0),
                    ..exact(earliest.key, json!(ms), json!(got))
                }
            }
        }
    }
}

/// Met if both are the same.
fn exact(what: &'static str, expected: Value, got: Value) -> Checked {
    let met = expected == got;
    Checked { what, expected, got, tolerance_ms: None, off_by_ms: None, met }
}

fn check_time(what: &'static str, at: Option<At>, got: Option<f64>, tolerance: f64) -> Checked {
    let off = at.zip(got).map(|(at, got)| got - at.ms);
    let tolerance = at.and_then(|at| at.tolerance).unwrap_or(tolerance);
    let met = match (at, off) {
        (_, Some(off)) => off.abs() <= tolerance,
        (None, None) => got.is_none(),
        (Some(_), None) => false,
    };
    let expected = json!(at.map(|at| at.ms));
    Checked { what, expected, got: json!(got), tolerance_ms: at.map(|_| tolerance), off_by_ms: off, met }
}

/// As many, each within the tolerance at both ends; told is the edge that is farthest off.
fn check_spurts(expected: &[(f64, f64)], got: &[(f64, f64)], tolerance: f64) -> Checked {
    let edges = expected.iter().zip(got).flat_map(|(want, got)| [got.0 - want.0, got.1 - want.1]);
    let off = edges.max_by(|a, b| a.abs().total_cmp(&b.abs())).filter(|_| expected.len() == got.len());
    Checked {
        tolerance_ms: Some(tolerance),
        off_by_ms: off,
        met: expected.len() == got.len() && off.is_none_or(|off| off.abs() <= tolerance),
        ..exact("talkspurts", json!(expected), json!(got))
    }
}
