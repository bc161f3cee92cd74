//! The caller's silence: pauses, the deadline, the decision, the reminder.

use super::{Action, AnnouncementKind, Call, Cause, INBOUND_GAP, LATE_MEDIA, MediaCommand, Reason};
use crate::{
    carrier::CallRequest,
    model::ResponseId,
    silence::{Class, Pause, PauseName, Source},
    time::{TimerReason, Timestamp},
};

impl Call {
    /// What holds the window at this moment, if anything.
    fn pause_now(&self) -> Option<Pause> {
        let Some(owed) = self.owed else { return self.pause_but_owed() };
        let otherwise = self.pause_but_owed().map(|pause| pause.name);
        Some(Pause { otherwise, ..self.pause_for(PauseName::Owed, owed.source()) })
    }

    fn pause_but_owed(&self) -> Option<Pause> {
        let sounding = self.sounding.map(|id| self.pause_of_response(id));
        let besides = self.pause_besides();
        if let Some(answer) = sounding.filter(|pause| pause.name == PauseName::Agent) {
            return Some(Pause { otherwise: besides.map(|pause| pause.name), ..answer });
        }
        // An idle prompt does not use up its own time while something else holds the window.
        besides.or(sounding).or_else(|| self.prompt_sounding.map(|_| self.pause_of_prompt()))
    }

    /// What holds the window whether or not anybody is heard.
    fn pause_besides(&self) -> Option<Pause> {
        // A transfer is our doing as well: if it comes to nothing, the caller has not been silent meanwhile.
        if !self.tools.is_empty() || self.ending.is_some_and(|ending| ending.transfer.is_some()) {
            return Some(self.pause_for(PauseName::Tool, Source::Sure));
        }
        if self.waiting.is_some() {
            return Some(self.pause_for(PauseName::Wait, Source::Sure));
        }
        None
    }

    /// The pause that a reminder or a filler makes.
    pub(super) fn pause_of_prompt(&self) -> Pause {
        self.pause_for(PauseName::Idle, Source::Sure)
    }

    /// The pause that a response's audio makes.
    pub(super) fn pause_of_response(&self, id: ResponseId) -> Pause {
        match self.responses.iter().rev().find(|r| r.id == id).and_then(|r| r.turn) {
            Some((_, source)) => self.pause_for(PauseName::Agent, source),
            None => self.pause_for(PauseName::Idle, Source::Sure),
        }
    }

    fn pause_for(&self, name: PauseName, source: Source) -> Pause {
        Pause { name, source, class: self.class_of(source), otherwise: None }
    }

    pub(super) fn update_pause(&mut self, now: Timestamp) {
        self.update_pause_at(now, now);
    }

    /// What holds the window has changed at `at` (not later than now).
    pub(super) fn update_pause_at(&mut self, now: Timestamp, at: Timestamp) {
        let before = self.window.pause();
        self.window.set_pause(at, self.pause_now());
        let after = self.window.pause();
        if before != after && self.ending.is_none() && self.started_at.is_some() {
            self.enter(now, after.map_or(Cause::Unpaused, Cause::Paused));
        }
    }

    /// The deadline with the talkspurt under way taken into account.
    pub(super) fn current_deadline(&self) -> Option<Timestamp> {
        let Some(open) = self.spurts.open() else { return self.window.deadline() };
        if open.has_words {
            return None;
        }
        match open.class() {
            Class::Charged => self.window.deadline_with_noise(None, open.heard.end),
            Class::Pending | Class::Good | Class::Refilling => {
                self.window.deadline_with_noise(Some(open.charged_from?), open.heard.end)
            }
        }
    }

    /// Begins the silence ending once the deadline has passed, on the media's own clock.
    pub(super) fn check_silence(&mut self, now: Timestamp) {
        let deadline = self.current_deadline();
        if deadline != self.checked_deadline {
            self.checked_deadline = deadline;
            self.decision_held = None;
            // A verdict may put the deadline into the past: it is due from the moment on which it is known.
            self.due_since = deadline.map(|deadline| deadline.max(now));
        }
        let Some(deadline) = deadline else {
            self.timers.clear(TimerReason::Silence);
            return;
        };
        if now < deadline {
            self.timers.set(TimerReason::Silence, deadline);
            return;
        }
        if let Some(again) = self.decision_waits(now, deadline) {
            self.decision_held = Some(again);
            self.timers.set(TimerReason::Silence, again);
            return;
        }
        let due = self.due_since.unwrap_or(deadline);
        self.record.deadline = Some(due);
        // Not to the last look: between two looks lies a tick, and that is no waiting.
        self.record.held = self.decision_held.map_or(std::time::Duration::ZERO, |until| until.min(now) - due);
        self.begin_ending(now, Reason::Silence);
    }

    /// The deadline has passed, but speech may be in flight or has just begun: when to look again.
    fn decision_waits(&self, now: Timestamp, deadline: Timestamp) -> Option<Timestamp> {
        let heard_to = self.hearing.heard_to;
        let frame = std::time::Duration::from_millis(crate::audio::FRAME_MS);
        if !self.hearing.caught_up {
            return Some(now + frame);
        }
        // A frame comes when it is over. Of the one in which the deadline lies, up to half may be missing: waiting for
        // its end would make a goodbye up to a frame late before anything else has delayed it. Words begun 60 ms
        // before the deadline are still heard in time (the detector takes one or two frames to open).
        if heard_to + frame / 2 <= deadline && now < deadline + LATE_MEDIA {
            return Some(deadline + LATE_MEDIA);
        }
        let provisional = self.hearing.open.is_some_and(|heard| !heard.counts);
        let limit = deadline + self.settings.min_speech.get();
        if provisional && heard_to < limit && now < limit + LATE_MEDIA {
            return Some(if now < limit { limit } else { limit + LATE_MEDIA });
        }
        None
    }

    /// The reminder, once a window.
    pub(super) fn check_reminder(&mut self, now: Timestamp) {
        self.timers.clear(TimerReason::Reminder);
        let Some(reminder) = self.settings.reminder.filter(|_| !self.reminded) else { return };
        let busy = self.window.pause().is_some() || self.hearing.open.is_some();
        let Some(deadline) = self.current_deadline().filter(|_| !busy) else { return };
        let at = deadline.before(self.settings.silence_timeout.get()) + reminder.after;
        if now < at {
            self.timers.set(TimerReason::Reminder, at);
            return;
        }
        self.reminded = true;
        let kind = AnnouncementKind::Reminder;
        if self.is_rendered(kind) {
            self.media(MediaCommand::Announce { kind, until: None, over_agent: false });
        } else {
            self.enter(now, Cause::NotRendered { kind });
        }
    }

    /// No frame for 10 s: the carrier knows whether the call still exists.
    pub(super) fn ask_about_gap(&mut self, now: Timestamp) {
        let due = self.hearing.last_frame_at + INBOUND_GAP;
        if now < due {
            self.timers.set(TimerReason::InboundGap, due);
            return;
        }
        if self.ending.is_none() {
            self.enter(now, Cause::InboundGap(now - self.hearing.last_frame_at));
            self.act(Action::Carrier(CallRequest::FetchStatus));
        }
        self.timers.set(TimerReason::InboundGap, now + INBOUND_GAP);
    }
}
