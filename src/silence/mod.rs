//! The silence window: turns, pauses, charges, the deadline. Pure arithmetic on call time.
//!
//! `deadline = window start + silence_timeout + Σ pauses`, where what moves the window start is either *good*
//! (it moves it freely), *refilling* (it also refills the noise budget) or *charged* (the time it adds to the
//! deadline is taken from the noise budget, and once that is used up it adds nothing).
//!
//! Verdicts arrive late: a talkspurt counts as good until a transcript says that there were no words in it, and the
//! agent's answer to it with it. So the window keeps the *steps* since the oldest open verdict and works the
//! deadline out anew from a settled base whenever one changes. The log is short and bounded; see [`Window`].
//!
//! It speaks call time (µs), not samples: speech boundaries are converted once, by [`crate::time::MediaClock`], and
//! marks, digits and tools have no media time.

#[cfg(test)]
mod tests;
mod window;

pub use window::{Class, Pause, PauseName, Source, Window, WindowConfig};
