//! Shadow: how captured calls would have ended under other settings.
//!
//! Each call is played twice, as it was and with the change, so that what the rules of *this* program make of it is
//! told apart from what the change does: [`Judged::replays`] says whether it still comes to the decisions of the
//! capture. What is known and what has to be supposed is told in [`super`].

use std::{fmt, time::Duration};

use super::{Change, Play, PlayError, Played};
use crate::{
    session::capture::{Capture, CaptureError, Ending, State},
    time::Timestamp,
};

/// Endings closer than this are the same: a frame.
const SAME: i64 = 20_000;

/// What a change does to the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It ends as it did, and when it did.
    Same,
    /// It ends for the same reason, so much earlier.
    Earlier(Duration),
    /// It ends for the same reason, so much later.
    Later(Duration),
    /// It ends for another reason; microseconds later (earlier if negative).
    OtherReason(i64),
    /// It ends as it did, but a goodbye comes microseconds later (earlier if negative), or is there in one of the two only
    /// (0): that of the ending, or one before that the caller takes back.
    OtherGoodbye(i64),
    /// It has not begun to end when the capture does, which had: it would go on for nobody knows how long.
    PastTheEnd,
    /// It ends within the capture, which had not.
    EndsWithin,
}

impl Effect {
    /// The names in tables and in JSON, in the order in which they are counted.
    pub const NAMES: [&str; 7] =
        ["same", "earlier", "later", "other reason", "other goodbye", "past the end", "ends within"];

    /// One of [`Effect::NAMES`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        let place = match self {
            Self::Same => 0,
            Self::Earlier(_) => 1,
            Self::Later(_) => 2,
            Self::OtherReason(_) => 3,
            Self::OtherGoodbye(_) => 4,
            Self::PastTheEnd => 5,
            Self::EndsWithin => 6,
        };
        Self::NAMES[place]
    }

    /// By how much the call ends, or says goodbye, later, microseconds; earlier if negative. `None`: nobody knows.
    #[must_use]
    pub fn later_us(self) -> Option<i64> {
        let us = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match self {
            Self::Same => Some(0),
            Self::Earlier(by) => Some(-us(by)),
            Self::Later(by) => Some(us(by)),
            Self::OtherReason(by) | Self::OtherGoodbye(by) => Some(by),
            Self::PastTheEnd | Self::EndsWithin => None,
        }
    }

    /// Of two endings. They begin when they are decided, not when the line is closed.
    #[must_use]
    pub fn of(was: &Ending, would: &Ending) -> Self {
        let (was_at, would_at) = match (was.begun_us, would.begun_us) {
            (Some(was), Some(would)) => (was, would),
            (None, None) => return Self::Same,
            (Some(_), None) => return Self::PastTheEnd,
            (None, Some(_)) => return Self::EndsWithin,
        };
        let later = |was: u64, would: u64| would.wrapping_sub(was) as i64;
        let by = later(was_at, would_at);
        if was.reason != would.reason {
            return Self::OtherReason(by);
        }
        if by <= -SAME {
            return Self::Earlier(Duration::from_micros(by.unsigned_abs()));
        }
        if by >= SAME {
            return Self::Later(Duration::from_micros(by.unsigned_abs()));
        }
        match (was.goodbye_us, would.goodbye_us) {
            (Some(was), Some(would)) if later(was, would).abs() >= SAME => Self::OtherGoodbye(later(was, would)),
            (Some(_), Some(_)) | (None, None) => Self::Same,
            // The capture may have been cut off in between.
            (Some(_), None) | (None, Some(_)) => Self::OtherGoodbye(0),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |us: i64| format!("{:+.2} s", us as f64 / 1e6);
        match self.later_us().filter(|_| *self != Self::Same) {
            Some(us) => write!(f, "{} ({})", self.name(), by(us)),
            None => f.write_str(self.name()),
        }
    }
}

/// The capture cannot be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShadowError {
    /// It cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It cannot be played.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// There is nothing in it but its header.
    #[error("no step of the call is in this capture")]
    NoStep,
}

/// A call under other settings.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The carrier's id of it.
    pub call: String,
    /// Its assistant.
    pub assistant: String,
    /// How much of it the capture holds.
    pub state: State,
    /// As it was, it comes to the decisions of the capture, byte for byte. If not, the rules or the detector of this
    /// program are other ones, and `was` is what *they* make of it.
    pub replays: bool,
    /// How it ended.
    pub was: Ending,
    /// How it would end.
    pub would: Ending,
    /// The difference.
    pub effect: Effect,
    /// Nothing had to be supposed to say so.
    pub is_known: bool,
    /// Where they part: something is done to carrier or model that was not done then.
    pub parted_at: Option<Timestamp>,
    /// When the first ending begins, taken back or not: then, and now.
    pub first_ending: (Option<Timestamp>, Option<Timestamp>),
    /// Endings that are taken back: then, and now.
    pub taken_back: (u32, u32),
    /// Interruptions of the agent: then, and now.
    pub barge_ins: (u32, u32),
    /// The capture's length.
    pub length: Timestamp,
}

impl Judged {
    /// Plays a capture's file twice.
    ///
    /// # Errors
    ///
    /// If it cannot be read or played.
    pub fn of(bytes: &[u8], change: &Change) -> Result<Self, ShadowError> {
        let capture = Capture::read(bytes)?;
        if capture.steps.is_empty() {
            return Err(ShadowError::NoStep);
        }
        let would = Play::new(&capture, change)?.run();
        let was = Play::new(&capture, &change.as_it_was(&capture.header.detector))?.run();
        Ok(Self::compare(&capture, &was, &would))
    }

    fn compare(capture: &Capture<'_>, was: &Played, would: &Played) -> Self {
        let first = (was.first_ending(), would.first_ending());
        let (mut effect, mut is_known) = (Effect::of(&was.ending(), &would.ending()), would.is_known());
        if effect == Effect::Same {
            let later = match first {
                (Some(was), Some(would)) => Some(would.diff_micros(was)).filter(|by| by.abs() >= SAME),
                (Some(_), None) | (None, Some(_)) => Some(0),
                (None, None) => None,
            };
            if let Some(later) = later {
                effect = Effect::OtherGoodbye(later);
                is_known |= first.1.zip(would.parting.as_ref()).is_some_and(|(first, parting)| first <= parting.at);
            }
        }
        Self {
            call: capture.header.call.clone(),
            assistant: capture.header.assistant.clone(),
            state: capture.state,
            replays: was.is_same,
            was: was.ending(),
            would: would.ending(),
            effect,
            is_known: is_known && was.is_known(),
            first_ending: first,
            parted_at: would.parting.as_ref().map(|parting| parting.at),
            taken_back: (was.record.taken_back, would.record.taken_back),
            barge_ins: (was.record.barge_ins.0, would.record.barge_ins.0),
            length: capture.length(),
        }
    }

    /// Calls with a greater difference come first: those of which nobody knows how long they would go on, then by the
    /// time between the endings.
    #[must_use]
    pub fn size(&self) -> (u8, u64) {
        let us = self.effect.later_us();
        let class = match self.effect {
            Effect::Same => 0,
            Effect::Earlier(_) | Effect::Later(_) | Effect::OtherReason(_) | Effect::OtherGoodbye(_) => 1,
            Effect::PastTheEnd | Effect::EndsWithin => 2,
        };
        (class, us.map_or(u64::MAX, i64::unsigned_abs))
    }
}

/// How many calls end how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the order of [`Effect::NAMES`]: all, and of them those of which it is known.
    pub effects: [(usize, usize); 7],
    /// Calls that do not replay to the decisions of their capture.
    pub otherwise: usize,
}

impl Counts {
    /// Of these calls.
    pub fn of<'a>(calls: impl IntoIterator<Item = &'a Judged>) -> Self {
        let mut counts = Self::default();
        for call in calls {
            let names = Effect::NAMES.iter().zip(&mut counts.effects);
            for (_, (all, known)) in names.filter(|(name, _)| **name == call.effect.name()) {
                *all += 1;
                *known += usize::from(call.is_known);
            }
            counts.otherwise += usize::from(!call.replays);
        }
        counts
    }

    /// All calls.
    #[must_use]
    pub fn all(&self) -> usize {
        self.effects.iter().map(|(all, _)| all).sum()
    }
}
