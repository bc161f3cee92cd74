//! The one place that reads a clock: everything else takes time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, on the monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> Instant {
    Instant::now()
}

/// Holds this thread until then, and with it all that would run on it.
pub fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(now()));
}

/// The wall clock, in milliseconds since 1970; for call records and the lifetime of tokens only.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn unix_ms() -> u64 {
    // A clock before 1970 is nobody's: 0 says so.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
