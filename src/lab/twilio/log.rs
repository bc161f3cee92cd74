//! The record of a call, of bounded size.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::events::{CallEvent, Spoken};
use crate::time::Timestamp;

/// Events, violations and warnings that are kept without [`super::Dial::detail`].
const KEPT: usize = 16;
/// And with it.
const KEPT_IN_DETAIL: usize = 100_000;

/// The record of a call.
pub(super) struct Log {
    pub(super) events: Vec<(Timestamp, CallEvent)>,
    pub(super) violations: Vec<String>,
    pub(super) warnings: Vec<(u32, String)>,
    pub(super) spoken: Vec<Spoken>,
    pub(super) counts: Counts,
    /// What was still to be played when the last stream ended.
    pub(super) unheard: Duration,
    pub(super) changed: Arc<Notify>,
    detail: bool,
}

/// How much of what happened in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages to the gateway.
    pub sent: u64,
    /// Of these, caller audio.
    pub media_sent: u64,
    /// Text and binary messages from the gateway.
    pub received: u64,
    /// Of these, audio.
    pub media_received: u64,
    /// Marks that the gateway set.
    pub marks: u64,
    /// Marks that were echoed.
    pub marks_echoed: u64,
    /// What the vendor does not allow.
    pub violations: u64,
    /// Streams that were opened.
    pub streams: u64,
    /// Requests that the gateway refused (4xx, 5xx).
    pub refused: u64,
    /// Requests without an answer.
    pub unanswered: u64,
}

impl Counts {
    pub(super) fn add(&mut self, more: &Self) {
        self.sent += more.sent;
        self.media_sent += more.media_sent;
        self.received += more.received;
        self.media_received += more.media_received;
        self.marks += more.marks;
        self.marks_echoed += more.marks_echoed;
        self.violations += more.violations;
        self.streams += more.streams;
        self.refused += more.refused;
        self.unanswered += more.unanswered;
    }
}

impl Log {
    pub(super) fn new(detail: bool, changed: Arc<Notify>) -> Self {
        Self {
            events: Vec::new(),
            violations: Vec::new(),
            warnings: Vec::new(),
            spoken: Vec::new(),
            counts: Counts::default(),
            unheard: Duration::ZERO,
            changed,
            detail,
        }
    }

    pub(super) fn event(&mut self, at: Timestamp, event: CallEvent) {
        let kept = if self.detail { KEPT_IN_DETAIL } else { KEPT };
        match &event {
            CallEvent::Violation(what) => {
                self.counts.violations += 1;
                keep(&mut self.violations, what.clone());
            }
            CallEvent::Warning { code, what } => keep(&mut self.warnings, (*code, what.clone())),
            CallEvent::Spoke(spoken) => keep(&mut self.spoken, spoken.clone()),
            CallEvent::Asked { answer, .. } => {
                self.counts.refused += u64::from(matches!(answer, Ok(400..)));
                self.counts.unanswered += u64::from(answer.is_err());
            }
            CallEvent::Document(_)
            | CallEvent::Handshake { .. }
            | CallEvent::Dialed { .. }
            | CallEvent::StreamStarted(_)
            | CallEvent::AudioBegan
            | CallEvent::AudioEnded { .. }
            | CallEvent::Mark(_)
            | CallEvent::MarkEchoed(_)
            | CallEvent::Clear { .. }
            | CallEvent::Digit(_)
            | CallEvent::StreamEnded { .. }
            | CallEvent::Rest { .. }
            | CallEvent::Played(_)
            | CallEvent::Ended(_) => {}
        }
        if self.events.len() < kept {
            self.events.push((at, event));
        }
        self.changed.notify_waiters();
    }

    /// What happens often, for those who want to know.
    pub(super) fn detail(&mut self, at: Timestamp, event: impl FnOnce() -> CallEvent) {
        if self.detail {
            self.event(at, event());
        }
    }

    pub(super) fn violation(&mut self, at: Timestamp, what: impl Into<String>) {
        self.event(at, CallEvent::Violation(what.into()));
    }

    pub(super) fn warning(&mut self, at: Timestamp, code: u32, what: impl Into<String>) {
        self.event(at, CallEvent::Warning { code, what: what.into() });
    }
}

fn keep<T>(kept: &mut Vec<T>, item: T) {
    if kept.len() < KEPT {
        kept.push(item);
    }
}
