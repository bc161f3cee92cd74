//! Audits of recordings as people have them: one track with both voices, such as a telephone's recorder saves.
//!
//! Nothing is known of such a call but its sound. [`audit`] finds the goodbye, the last activity before it, and the
//! line's end, each with its uncertainty, and holds them against the rules for endings: [`Rule`].
//!
//! | file | what |
//! |---|---|
//! | `activity.rs` | who speaks when: the detector decides what is voice, energy where it ends |
//! | `band.rs` | the band in which a rendering is found again: what every telephone codec leaves alone |
//! | `correlate.rs` | pieces of a rendering against the whole recording |
//! | `goodbye.rs` | where the goodbye is, and how much of it |
//! | `line.rs` | where the line ends |
//! | `rules.rs` | the verdicts |
//!
//! A goodbye is matched in pieces of a quarter of a second, each of which may lie a little off: clocks drift, and jitter
//! buffers stretch. Where no rendering is found, the last spurt is taken for the goodbye; what depends on that can be
//! kept, but not broken.

mod activity;
mod band;
mod correlate;
mod goodbye;
mod line;
mod rules;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

pub use goodbye::{Goodbye, Match, RENDERING_LENGTH, Rendering, builtin_renderings};
pub use line::LineEnd;
pub use rules::{Ending, Finding, Rule, Verdict};

use activity::Activity;

/// Shortest recording of which anything can be said.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// A time found in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Milliseconds from the recording's start.
    pub ms: f64,
    /// How far off it may be, either way, in milliseconds.
    pub uncertainty_ms: f64,
}

/// What an audit goes by.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the goodbye may sound like; the one that fits best counts.
    pub renderings: Vec<Rendering>,
    /// The silence timeout of the call; `None`: anything that may be configured.
    pub silence_timeout: Option<Duration>,
    /// How the call ended, if that is known.
    pub ending: Option<Ending>,
    /// How far the recording's end may lie from where the recorder stopped: a block of its codec.
    pub end_uncertainty: Duration,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// Length of the recording, milliseconds.
    pub duration_ms: f64,
    /// Stretches of voice, whoever's: start and end, milliseconds.
    pub spurts: Vec<(f64, f64)>,
    /// End of the last words of either side before the goodbye.
    pub last_activity: Option<Moment>,
    /// The goodbye.
    pub goodbye: Option<Goodbye>,
    /// The line's end.
    pub line_end: LineEnd,
    /// Which kind of ending it is; `None` if it cannot be told.
    pub ending: Option<Ending>,
    /// Why it is taken for that.
    pub ending_because: String,
    /// Who ended the call, or why that cannot be told.
    pub ended_by: String,
    /// The rules, each with its verdict.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// From the last activity to the goodbye, with the uncertainty of both.
    #[must_use]
    pub fn silence(&self) -> Option<Moment> {
        let (from, goodbye) = (self.last_activity?, self.goodbye.as_ref()?);
        Some(goodbye.start.since(from))
    }

    /// A rule was broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Broken)
    }
}

impl Moment {
    /// The time from `earlier` on; both may be off.
    fn since(self, earlier: Self) -> Self {
        Self { ms: self.ms - earlier.ms, uncertainty_ms: self.uncertainty_ms + earlier.uncertainty_ms }
    }
}

/// A recording of which nothing can be said: the file's fault.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AuditError {
    /// Shorter than [`SHORTEST`].
    #[error("the recording is only {0:.2} s long, at least 1 s is needed: was it copied completely?")]
    TooShort(f64),
    /// Nobody speaks in it.
    #[error("there is no voice in the recording: is it the right one, and was the microphone on?")]
    NoVoice,
}

/// Audits a recording: one track, 8 kHz.
///
/// # Errors
/// See [`AuditError`].
pub fn audit(samples: &[i16], options: &Options) -> Result<Audit, AuditError> {
    let duration_ms = samples.len() as f64 / 8.0;
    if duration_ms < SHORTEST.as_secs_f64() * 1e3 {
        return Err(AuditError::TooShort(duration_ms / 1e3));
    }
    let line_end = line::end(samples, options.end_uncertainty);
    let activity = Activity::of(samples);
    if activity.spurts.is_empty() {
        return Err(AuditError::NoVoice);
    }
    let goodbye = goodbye::find(samples, &activity, &options.renderings);
    let last_activity = activity.last_before(goodbye.as_ref().map(|goodbye| goodbye.start.ms));
    let mut audit = Audit {
        duration_ms,
        spurts: activity.spurts,
        last_activity,
        goodbye,
        line_end,
        ending: None,
        ending_because: String::new(),
        ended_by: String::new(),
        findings: Vec::new(),
    };
    rules::judge(&mut audit, options);
    Ok(audit)
}
