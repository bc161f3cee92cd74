//! Marks and what takes their place: when was audio heard to its end?

use std::time::Duration;

use super::{OVERDUE, Outbound, Terminal};
use crate::{
    call::{EndedBy, MediaEvent},
    carrier::{CarrierCommand, MarkId},
    media::line::{Behind, call_time},
    time::{MediaClock, MediaTime, Timestamp},
};

impl Outbound {
    pub(super) fn mark_agent(&mut self, at: MediaTime) {
        self.frames_since_mark = 0;
        let id = self.line.mark(at, Behind::Agent(self.backlog.sent()));
        self.last_agent_mark = Some(id);
        self.commands.push_back(CarrierCommand::Mark(id));
    }

    pub(in crate::media) fn mark(&mut self, now: Timestamp, clock: &MediaClock, id: MarkId) {
        let at = clock.to_media(now);
        if let Some((last, end)) = self.estimated.filter(|(last, _)| *last == id) {
            self.estimated = None;
            self.line.echoed(at, last);
            self.events.push_back(MediaEvent::AgentEndMoved { at: now, by: now - end });
            return;
        }
        if let Some((_, end)) = self.prompt_estimated.take_if(|(mark, _)| *mark == id) {
            self.line.echoed(at, id);
            self.events.push_back(MediaEvent::AnnouncementEndMoved { at: now, by: now - end });
            return;
        }
        let Some(echoed) = self.line.echoed(at, id) else { return };
        self.counters.underruns = self.line.underruns;
        self.counters.marks_given_up = self.line.marks_given_up;
        match echoed.behind {
            Behind::Agent(_) => {
                let all = self.last_agent_mark == Some(id) && self.frames_since_mark == 0 && !self.has_unsent();
                if all && self.audible.is_some() {
                    self.agent_ended(now, EndedBy::Mark, echoed.lag);
                }
            }
            Behind::Announcement => {
                // An older announcement's mark, after its estimate, says nothing of a newer one.
                if self.sounding.is_some_and(|sounding| sounding.mark == Some(id)) {
                    self.sounding_ended(at, clock, EndedBy::Mark);
                }
            }
            Behind::Terminal => {
                if self.terminal.take_if(|terminal| terminal.mark == id).is_some() {
                    self.agent_ended(now, EndedBy::Mark, echoed.lag);
                    self.sounding_ended(at, clock, EndedBy::Mark);
                    self.events.push_back(MediaEvent::TerminalMark { at: now, by: EndedBy::Mark });
                }
            }
        }
    }

    pub(super) fn agent_ended(&mut self, at: Timestamp, by: EndedBy, lag: Duration) {
        if self.audible.take().is_none() {
            return;
        }
        self.line.forget_anchor();
        self.events.push_back(MediaEvent::AgentSilent { at, by, lag });
    }

    /// Estimates take the place of marks that do not come.
    pub(in crate::media) fn watch_marks(&mut self, now: Timestamp, clock: &MediaClock) {
        if let Some(audible) = self.audible {
            let end = call_time(clock, audible.until);
            if !self.has_unsent() && now >= end + OVERDUE {
                self.estimated = self.last_agent_mark.map(|mark| (mark, end));
                self.agent_ended(end, EndedBy::Estimate, Duration::ZERO);
            }
        }
        if let Some(sounding) = self.sounding {
            let end = call_time(clock, sounding.began + sounding.length);
            if self.terminal.is_none() && now >= end + OVERDUE {
                self.sounding_ended(clock.to_media(now), clock, EndedBy::Estimate);
            }
        }
        if let Some(Terminal { due, bound, .. }) = self.terminal.filter(|terminal| now >= terminal.bound) {
            self.terminal = None;
            self.sounding_ended(clock.to_media(now), clock, EndedBy::Estimate);
            let at = call_time(clock, due).min(bound);
            self.events.push_back(MediaEvent::TerminalMark { at, by: EndedBy::Estimate });
        }
    }

    pub(in crate::media) fn poll_timeout(&self, clock: &MediaClock) -> Option<Timestamp> {
        let agent = self.audible.filter(|_| !self.has_unsent()).map(|a| call_time(clock, a.until) + OVERDUE);
        let sounding = self.sounding.filter(|_| self.terminal.is_none());
        let prompt = sounding.map(|s| call_time(clock, s.began + s.length) + OVERDUE);
        let terminal = self.terminal.map(|terminal| terminal.bound);
        [agent, prompt, terminal].into_iter().flatten().min()
    }
}
