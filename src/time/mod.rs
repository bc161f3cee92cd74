//! Kinds of time: call time, media time, and the timers of a call.
//!
//! Core code reads no clock; every function that needs the time takes it. [`Timestamp`] is *call time*,
//! [`MediaTime`] is *media time*, [`MediaClock`] maps the second onto the first, [`TimerTable`] holds every
//! deadline of a call together with its reason. The wall clock appears in call records only.

mod media_clock;
mod media_time;
mod timer_table;
mod timestamp;

pub use media_clock::MediaClock;
pub use media_time::MediaTime;
pub use timer_table::{TimerReason, TimerTable};
pub use timestamp::{ParseTimestampError, Timestamp};
