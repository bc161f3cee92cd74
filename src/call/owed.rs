//! The answer owed: from the end of the caller's turn until the agent is heard or a tool starts, *we* are late.

use std::time::Duration;

use super::{Action, AnnouncementKind, Call, Cause, MediaCommand, Reason, answer::ModelState};
use crate::{
    model::ModelRequest,
    silence::{Class, Source},
    time::{TimerReason, Timestamp},
};

/// A filler phrase is spoken when an answer is owed for this long.
pub(super) const OWED_FILLER: Duration = Duration::from_secs(4);
/// The model is asked for the answer.
pub(super) const OWED_CREATE: Duration = Duration::from_secs(8);
/// The model counts as lost.
pub(super) const OWED_LOST: Duration = Duration::from_secs(15);
/// A reconnect for an owed answer has this long.
pub(super) const OWED_RECONNECT: Duration = Duration::from_secs(10);

/// A response that failed is asked for again after this time, if it said nothing else.
const RETRY: Duration = Duration::from_secs(1);
/// The longest time that it may ask for.
const RETRY_AT_MOST: Duration = Duration::from_secs(5);

/// A turn that has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unanswered {
    source: Source,
    since: Timestamp,
}

/// Turns without an answer that are kept apart; of more than these the latest is replaced.
const TURNS: usize = 8;

/// An answer that we owe the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    /// The turns without an answer, oldest first: one that turns out to be noise does not wipe out the others.
    turns: [Unanswered; TURNS],
    count: usize,
    /// The reconnect has been tried.
    pub(super) reconnected: bool,
    /// A response failed and was asked for again.
    retried: bool,
}

impl Owed {
    fn to(turn: Unanswered) -> Self {
        Self { turns: [turn; TURNS], count: 1, reconnected: false, retried: false }
    }

    /// Whose answer holds the window.
    pub(super) fn source(&self) -> Source {
        self.turns[0].source
    }

    /// The caller has said something.
    pub(super) fn follows_speech(&self) -> bool {
        self.turns[..self.count].iter().any(|turn| turn.source != Source::Sure)
    }

    fn last(&self) -> Unanswered {
        self.turns[self.count - 1]
    }

    /// The caller speaks again: what is owed is owed from the end of these words.
    pub(super) fn goes_on(&mut self, source: Source, now: Timestamp) {
        self.push(Unanswered { source, since: now });
    }

    /// Adds a turn, or its end if it is there already.
    fn push(&mut self, turn: Unanswered) {
        if self.last().source == turn.source {
            self.turns[self.count - 1] = turn;
            return;
        }
        self.count = (self.count + 1).min(TURNS);
        self.turns[self.count - 1] = turn;
    }

    /// Takes a turn out; `None` if none is left.
    fn without(mut self, source: Source) -> Option<Self> {
        let kept = self.turns;
        let kept = kept[..self.count].iter().filter(|turn| turn.source != source);
        let mut count = 0;
        for (slot, turn) in self.turns.iter_mut().zip(kept) {
            *slot = *turn;
            count += 1;
        }
        self.count = count;
        (count > 0).then_some(self)
    }
}

impl Call {
    /// From `since` on an answer is owed to this turn.
    pub(super) fn owe(&mut self, now: Timestamp, since: Timestamp, source: Source) {
        if self.ending.is_some() || !self.traits.answers {
            return;
        }
        let turn = Unanswered { source, since };
        match &mut self.owed {
            Some(owed) => owed.push(turn),
            None => self.owed = Some(Owed::to(turn)),
        }
        self.set_owed_timers(since, since);
        self.update_pause_at(now, since);
        self.enter(now, Cause::AnswerOwed { since });
    }

    /// The answer is here, a tool has started, or there was nothing to answer.
    pub(super) fn answer_is_paid(&mut self, now: Timestamp) {
        if self.owed.take().is_none() {
            return;
        }
        self.clear_owed_timers();
        self.update_pause(now);
        self.enter(now, Cause::AnswerPaid);
    }

    /// This turned out to be no turn: an answer to an earlier or later one is still owed.
    pub(super) fn nothing_owed_to(&mut self, now: Timestamp, source: Source) {
        let Some(owed) = self.owed else { return };
        let Some(left) = owed.without(source) else {
            if owed.retried {
                // The response that failed was one to noise.
                self.response_wanted = false;
                self.timers.clear(TimerReason::ResponseWanted);
            }
            return self.answer_is_paid(now);
        };
        self.owed = Some(left);
        if owed.last() != left.last() {
            // What fell due under the noise: filler and request now, the rest at its distance from them.
            let since = left.last().since.max(now.before(OWED_CREATE));
            self.set_owed_timers(since, now);
        }
        self.update_pause(now);
    }

    /// The steps of an answer owed since `since`, none of them before `earliest`. The reconnect is tried once.
    fn set_owed_timers(&mut self, since: Timestamp, earliest: Timestamp) {
        self.timers.set(TimerReason::OwedFiller, (since + OWED_FILLER).max(earliest));
        self.timers.set(TimerReason::OwedCreate, (since + OWED_CREATE).max(earliest));
        if !self.owed.is_some_and(|owed| owed.reconnected) {
            self.timers.set(TimerReason::OwedLost, (since + OWED_LOST).max(earliest));
        } else if self.timers.get(TimerReason::OwedLost).is_none() {
            self.timers.set(TimerReason::OwedLost, (since + OWED_RECONNECT).max(earliest));
        }
    }

    pub(super) fn clear_owed_timers(&mut self) {
        for reason in [TimerReason::OwedFiller, TimerReason::OwedCreate, TimerReason::OwedLost] {
            self.timers.clear(reason);
        }
    }

    /// The caller is speaking: what is owed is owed from the end of these words. Noise is no speech.
    pub(super) fn caller_goes_on(&self) -> bool {
        let noise =
            self.spurts.open().is_some_and(|open| open.charged_from.is_some() || open.class() == Class::Charged);
        self.hearing.open.is_some_and(|heard| heard.counts) && !noise
    }

    pub(super) fn speak_filler(&mut self, now: Timestamp) {
        if self.tools.iter().any(|tool| tool.filler.is_some()) {
            return self.speak_tool_filler(now);
        }
        let kind = AnnouncementKind::Filler;
        let waits = self.owed.is_some() || !self.tools.is_empty() || self.response_wanted;
        let quiet = !self.caller_goes_on() && !self.hearing.agent_audible && !self.hearing.agent_unsent;
        if !waits || !quiet || !self.settings.filler || self.ending.is_some() {
            return;
        }
        if self.is_rendered(kind) {
            self.media(MediaCommand::Announce { kind, until: None, over_agent: false });
        } else {
            self.enter(now, Cause::NotRendered { kind });
        }
    }

    /// What the first of the running tools has of its own to say; those of others, and of one that would have to speak
    /// over somebody, come later.
    fn speak_tool_filler(&mut self, now: Timestamp) {
        if self.ending.is_some() {
            return;
        }
        let quiet = !self.caller_goes_on() && !self.hearing.agent_audible && !self.hearing.agent_unsent;
        let free = quiet && self.prompt_sounding.is_none();
        if let Some(kind) = self.tools.iter_mut().filter(|_| free).find_map(|tool| tool.filler.take()) {
            self.media(MediaCommand::Announce { kind, until: None, over_agent: false });
        }
        if self.tools.iter().any(|tool| tool.filler.is_some()) {
            self.timers.set(TimerReason::OwedFiller, now + OWED_FILLER);
        }
    }

    /// The response that would have been the answer, or would have told what a tool has found, failed: the filler
    /// speaks, and it is asked for once more after the time that the vendor states. Tells whether it will be; if not, the
    /// steps of an answer owed go on as they are.
    pub(super) fn answer_failed(&mut self, now: Timestamp, retry_after: Option<Duration>) -> bool {
        if self.ending.is_some() || !self.model.is_ready() {
            return false;
        }
        let filler = match &mut self.owed {
            Some(owed) if owed.retried => return false,
            Some(owed) => {
                owed.retried = true;
                self.timers.get(TimerReason::OwedFiller).is_some()
            }
            None if !self.tool_answered => return false,
            None => true,
        };
        self.tool_answered = false;
        self.want_response(now + retry_after.unwrap_or(RETRY).min(RETRY_AT_MOST));
        let quiet = !self.caller_goes_on() && !self.hearing.agent_audible && !self.hearing.agent_unsent;
        if filler && quiet {
            self.timers.clear(TimerReason::OwedFiller);
            self.speak_filler(now);
        }
        true
    }

    pub(super) fn ask_for_owed_answer(&mut self, now: Timestamp) {
        if self.owed.is_none() || self.ending.is_some() || self.caller_goes_on() {
            return;
        }
        if self.responses.iter().any(|r| r.active) || !self.model.is_ready() {
            return;
        }
        if std::mem::take(&mut self.uncommitted) {
            self.tell_model(ModelRequest::Commit);
        }
        self.create_response(now);
    }

    pub(super) fn owed_answer_lost(&mut self, now: Timestamp) {
        if self.caller_goes_on() {
            return;
        }
        let Some(owed) = self.owed.as_mut().filter(|_| self.ending.is_none()) else { return };
        if owed.reconnected {
            self.begin_ending(now, Reason::NoAnswer);
            return;
        }
        owed.reconnected = true;
        self.timers.set(TimerReason::OwedLost, now + OWED_RECONNECT);
        if self.model.is_ready() {
            self.model = ModelState::Away { since: now, retries: 0 };
            for response in &mut self.responses {
                response.active = false;
            }
            self.enter(now, Cause::ModelAway);
            self.act(Action::Model(ModelRequest::Connect));
        }
    }
}
