//! What control plane and data plane say to each other: [`crate::media`] implements the other side.

use std::time::Duration;

use crate::{
    assistant::FarewellKind,
    carrier::CallRequest,
    model::{ModelRequest, ResponseId},
    time::Timestamp,
};

use super::LedgerEntry;

/// Audio that we add ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnnouncementKind {
    /// The last words of a call.
    Farewell(FarewellKind),
    /// Within the silence window.
    Reminder,
    /// While an answer is late.
    Filler,
    /// While this intent runs.
    IntentFiller(IntentPlace),
}

/// Which of the assistant's intents, by its place in [`crate::assistant::Settings::intents`]: only the first
/// [`IntentPlace::COUNT`] can have a filler of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentPlace(u8);

impl IntentPlace {
    /// How many there are.
    pub const COUNT: usize = 32;

    /// The intent at this place; `None` from [`IntentPlace::COUNT`] on.
    #[must_use]
    pub const fn new(place: usize) -> Option<Self> {
        if place < Self::COUNT { Some(Self(place as u8)) } else { None }
    }

    /// The place.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl AnnouncementKind {
    /// Farewells, reminder and filler: the places below this one.
    pub(crate) const COMMON: usize = 16;
    /// All places.
    pub(crate) const PLACES: usize = Self::COMMON + IntentPlace::COUNT;

    /// Its place among all.
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Farewell(kind) => kind as usize,
            Self::Reminder => 14,
            Self::Filler => 15,
            Self::IntentFiller(intent) => Self::COMMON + intent.get(),
        }
    }
}

/// How we know that audio has come to its end at the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// The mark behind it came back.
    Mark,
    /// No mark came: the estimate stands.
    Estimate,
    /// We took it back from the carrier.
    Clear,
}

/// What the data plane tells the control plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MediaEvent {
    /// First frame of agent audio is on the line.
    AgentAudible {
        /// The response it belongs to.
        response: ResponseId,
    },
    /// A frame of another response follows on the line without a pause.
    AgentContinues {
        /// The response it belongs to.
        response: ResponseId,
    },
    /// The agent's audio has come to its end.
    AgentSilent {
        /// When: the mark's arrival, or the estimated end.
        at: Timestamp,
        /// How we know.
        by: EndedBy,
        /// The mark came this much later than estimated.
        lag: Duration,
    },
    /// A mark came back after its estimate was taken: the end moves forward.
    AgentEndMoved {
        /// The mark's arrival.
        at: Timestamp,
        /// By how much.
        by: Duration,
    },
    /// The first frame of an announcement is on the line.
    AnnouncementBegan {
        /// Which.
        kind: AnnouncementKind,
        /// When the caller starts to hear it, estimated.
        at: Timestamp,
        /// Its length, after any cut.
        length: Duration,
        /// Samples were cut off its end to fit a bound.
        cut: bool,
    },
    /// An announcement has come to its end.
    AnnouncementEnded {
        /// Which.
        kind: AnnouncementKind,
        /// When.
        at: Timestamp,
        /// How we know.
        by: EndedBy,
        /// How much of it was heard.
        heard: Duration,
    },
    /// The mark behind an announcement came back after its estimate was taken: the end moves forward.
    AnnouncementEndMoved {
        /// The mark's arrival.
        at: Timestamp,
        /// By how much.
        by: Duration,
    },
    /// The terminal mark is through, or its bound has passed.
    TerminalMark {
        /// When.
        at: Timestamp,
        /// [`EndedBy::Mark`] or [`EndedBy::Estimate`].
        by: EndedBy,
    },
    /// The model spoke more than can be kept.
    BacklogFull {
        /// The response that is cut off.
        response: ResponseId,
    },
}

/// What the control plane asks of the data plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MediaCommand {
    /// Stop the agent: `clear`, one ramped frame, backlog put aside, every unheard item truncated.
    StopAgent,
    /// The audio put aside goes on from where it was heard.
    ResumeAgent,
    /// The audio put aside is not needed any more.
    ForgetAgent,
    /// Drop this response's audio: what has not been sent and what still comes.
    DropResponse(ResponseId),
    /// In this call's last seconds: cut the agent's audio at the last pause before `until`.
    LimitAgent {
        /// The caller must have heard the last of it by then.
        until: Timestamp,
    },
    /// No limit any more.
    UnlimitAgent,
    /// Play an announcement whole.
    Announce {
        /// Which.
        kind: AnnouncementKind,
        /// It must have been heard by then: else it is cut at a pause.
        until: Option<Timestamp>,
        /// `clear` what the carrier holds and start over the agent's ramped-down audio.
        over_agent: bool,
    },
    /// `clear` announcement and all, one ramped frame.
    StopAnnouncement,
    /// A mark behind everything sent so far, reported as [`MediaEvent::TerminalMark`].
    TerminalMark {
        /// It must have come by then: else the estimate stands.
        until: Option<Timestamp>,
    },
    /// Stop giving caller audio to the model, and forget what is under way.
    HoldModel,
    /// Give the model caller audio again, from this sample on (as far back as it is kept).
    FeedModel {
        /// Call time of the first sample.
        from: Timestamp,
    },
}

/// What the control plane wants done, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// For the data plane, at once.
    Media(MediaCommand),
    /// For the carrier.
    Carrier(CallRequest),
    /// For the model.
    Model(ModelRequest),
    /// For the call record.
    Ledger(LedgerEntry),
}
