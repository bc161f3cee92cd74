//! The same session on a virtual clock: over recordings, and in the demo's scenarios.
//!
//! A replay is a [`crate::lab::World`] whose caller is a recording: detector, silence window, decisions and goodbye
//! are the ones of a live call. [`Rules`] looks at what came of it.
//!
//! A [`Listening`] stops short of decisions: what the media path hears in a recording, for `quietline vad`.
//!
//! Two errors are told apart. *Mechanics*: the goodbye's first frame against our own deadline. *Truth*: the same
//! call run again with the detector replaced by the labels ([`TruthVad`]), goodbye against goodbye: what the
//! detector alone is to blame for.
//!
//! QA's words about a recording stand in its [`SideCar`]: the labels, the settings of the call, and what is expected
//! of it ([`Expect`]).
//! A live call that was captured is replayed from its capture instead: [`capture`].

mod agent;
pub mod capture;
mod decisions;
mod expect;
mod listening;
mod rules;
mod run;
pub mod scenario;
mod side_car;
#[cfg(test)]
mod tests;
mod trace;
mod truth;
mod voices;

pub use decisions::decisions;
pub use expect::{Checked, DEFAULT_TOLERANCE_MS, Expect, ExpectError};
pub use listening::{Heard, Listening};
pub use rules::{Evidence, Rules};
pub use run::{Outcome, Replay, Verdicts};
pub use side_car::{CallSettings, SideCar, SideCarError};
pub use truth::{Labels, Truth, TruthError, TruthVad};
pub use voices::give_builtin_voices;
