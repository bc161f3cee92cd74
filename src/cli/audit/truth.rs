//! What is really in a recording, against what the audit found.

use quietline::audit::{Audit, Ending};
use serde::{Deserialize, Serialize};

/// The keys of a side-car that an audit can be held against; all others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Truth {
    last_activity_ms: Option<f64>,
    goodbye_ms: Option<(f64, f64)>,
    line_end_ms: Option<f64>,
    ended_by: Option<String>,
}

/// How far off everything is.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    /// What, and how far it was found after the truth, milliseconds; `None`: it was not found.
    pub(super) errors: Vec<(&'static str, Option<f64>)>,
    /// The ending by the truth, if it is another one.
    pub(super) other_ending: Option<String>,
}

impl Truth {
    /// `None` if the file says nothing of the call's end.
    pub(super) fn parse(json: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let truth: Self = serde_json::from_slice(json)?;
        let says_something =
            truth.goodbye_ms.is_some() || truth.last_activity_ms.is_some() || truth.line_end_ms.is_some();
        Ok(says_something.then_some(truth))
    }

    pub(super) fn compare(&self, audit: &Audit) -> Compared {
        let goodbye = audit.goodbye.as_ref();
        let found = [
            ("last activity", self.last_activity_ms, audit.last_activity.map(|at| at.ms)),
            ("goodbye starts", self.goodbye_ms.map(|at| at.0), goodbye.map(|goodbye| goodbye.start.ms)),
            ("goodbye ends", self.goodbye_ms.map(|at| at.1), goodbye.map(|goodbye| goodbye.end.ms)),
            (
                "silence",
                self.last_activity_ms.zip(self.goodbye_ms).map(|(words, (goodbye, _))| goodbye - words),
                audit.silence().map(|silence| silence.ms),
            ),
            ("line end", self.line_end_ms, Some(audit.line_end.at.ms)),
        ];
        let errors = found.into_iter().filter_map(|(what, truth, found)| {
            let truth = truth?;
            Some((what, found.map(|found| found - truth)))
        });
        let name = audit.ending.map(|ending| match ending {
            Ending::Silence => "silence",
            Ending::Hangup => "hangup",
        });
        let other_ending = self.ended_by.clone().filter(|truth| Some(truth.as_str()) != name);
        Compared { errors: errors.collect(), other_ending }
    }
}

impl Compared {
    /// All was found, within this many milliseconds.
    pub(super) fn is_within(&self, tolerance_ms: f64) -> bool {
        self.other_ending.is_none()
            && self.errors.iter().all(|(_, error)| error.is_some_and(|error| error.abs() <= tolerance_ms))
    }
}
