//! How our own voice comes back, for record and ledger.

use std::time::Duration;

use super::{Call, Cause};
use crate::time::Timestamp;

/// A path that changes by less is not told anew.
const DELAY_CHANGE: Duration = Duration::from_millis(20);
const LOSS_CHANGE_DB: f32 = 6.0;

/// The path by which our own voice comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EchoPath {
    /// From the moment it is heard, by marks and estimates, to its strongest echo: 20 to 640 ms.
    pub delay: Duration,
    /// How much weaker it comes back, in RMS while we talk: 0 to 70 dB.
    pub loss_db: f32,
    /// Correlation of both directions' levels: 0.15 where an echo canceller leaves scraps, 1 for a plain echo.
    pub confidence: f32,
}

impl EchoPath {
    /// The delay in milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> f64 {
        self.delay.as_secs_f64() * 1e3
    }

    fn is_about(&self, other: &Self) -> bool {
        self.delay.abs_diff(other.delay) <= DELAY_CHANGE && (self.loss_db - other.loss_db).abs() <= LOSS_CHANGE_DB
    }
}

impl Call {
    /// Tells a path that is new.
    pub(super) fn follow_echo(&mut self, now: Timestamp) {
        let Some(echo) = self.hearing.echo else { return };
        self.record.echo = Some(echo);
        if self.echo_told.is_none_or(|told| !told.is_about(&echo)) {
            self.echo_told = Some(echo);
            self.enter(now, Cause::EchoKnown(echo));
        }
    }
}
