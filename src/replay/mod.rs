//! The same session on a virtual clock: over recordings, and in the demo's scenarios.
//!
//! A replay is a [`crate::lab::World`] whose caller is a recording: detector, silence window, decisions and goodbye
//! are the ones of a live call. [`Rules`] looks at what came of it.
//!
//! Two errors are told apart. *Mechanics*: the goodbye's first frame against our own deadline. *Truth*: the same
//! call run again with the detector replaced by the labels ([`TruthVad`]), goodbye against goodbye: what the
//! detector alone is to blame for.
//!
//! A live call that was captured is replayed from its capture instead: [`capture`].

mod agent;
pub mod capture;
mod decisions;
mod rules;
mod run;
pub mod scenario;
#[cfg(test)]
mod tests;
mod truth;
mod voices;

pub use decisions::decisions;
pub use rules::{Evidence, Rules};
pub use run::{Outcome, Replay, Verdicts};
pub use truth::{Labels, Truth, TruthError, TruthVad};
pub use voices::give_builtin_voices;
