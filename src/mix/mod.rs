//! What is heard when two sounds meet: gain ramps, ducking, the sum with its limiter, and announcements ready to play.
//!
//! [`Mixer`] works a frame at a time and allocates nothing. [`Announcement`] is made once, away from the tick.

mod announcement;
mod limiter;
mod mixer;
mod ramp;

pub use announcement::{Announcement, AnnouncementError, Cut};
pub use limiter::{KNEE, limit};
pub use mixer::{AGENT_FADE, ANNOUNCEMENT_FADE, DUCK_GAIN, DUCK_RAMP, Mixer};
pub use ramp::{GainRamp, ramp_samples};
