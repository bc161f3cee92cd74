//! What is said of a scripted carrier: its trouble and its news.

use std::time::Duration;

use crate::{
    audio::FRAME_SAMPLES,
    carrier::{CallAnswer, CarrierEvent, Digit, MarkId},
    time::Timestamp,
};

/// How the carrier's REST answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rest {
    /// Does what it is asked after this time.
    Works(Duration),
    /// Fails after the first duration each time until this much call time has passed, then works.
    FailsUntil(Duration, Timestamp),
    /// Never answers.
    Silent,
}

/// Seeded trouble on the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trouble {
    /// Seed of everything random here.
    pub seed: u64,
    /// Inbound frames are late by up to this much, in order.
    pub jitter: Duration,
    /// Share of inbound frames that never come, 0 to 1.
    pub loss: f32,
    /// The carrier's clock is this many parts per million fast.
    pub clock_ppm: i32,
    /// Marks come back this much after they were played.
    pub mark_lag: Duration,
    /// Share of marks that never come back, 0 to 1.
    pub lost_marks: f32,
    /// Share of marks that come back twice.
    pub doubled_marks: f32,
    /// REST.
    pub rest: Rest,
}

impl Default for Trouble {
    /// A perfect line; REST takes 100 ms.
    fn default() -> Self {
        Self {
            seed: 0,
            jitter: Duration::ZERO,
            loss: 0.0,
            clock_ppm: 0,
            mark_lag: Duration::ZERO,
            lost_marks: 0.0,
            doubled_marks: 0.0,
            rest: Rest::Works(Duration::from_millis(100)),
        }
    }
}

/// What the carrier has to tell, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum CarrierNews {
    /// The stream begins.
    Started,
    /// A frame of the caller's.
    Media {
        /// Milliseconds since the stream began.
        timestamp_ms: u64,
        /// 160 bytes.
        payload: [u8; FRAME_SAMPLES],
    },
    /// A key.
    Digit(Digit),
    /// A mark.
    Mark(MarkId),
    /// The call is over.
    Stopped,
    /// The connection broke.
    Closed,
    /// REST answers.
    Answer(CallAnswer),
}

impl CarrierNews {
    /// As the session takes it.
    #[must_use]
    pub fn event(&self) -> CarrierEvent<'_> {
        match self {
            Self::Started => CarrierEvent::Started,
            Self::Media { timestamp_ms, payload } => CarrierEvent::Media { timestamp_ms: Some(*timestamp_ms), payload },
            Self::Digit(digit) => CarrierEvent::Digit(*digit),
            Self::Mark(mark) => CarrierEvent::Mark(*mark),
            Self::Stopped => CarrierEvent::Stopped,
            Self::Closed => CarrierEvent::Closed { clean: false },
            Self::Answer(answer) => CarrierEvent::Answer(*answer),
        }
    }
}
