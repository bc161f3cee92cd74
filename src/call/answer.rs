//! The agent: responses and their audio, the answer owed, the model's absence.

use std::time::Duration;

use super::{Call, Cause, EndedBy, MediaCommand, MediaEvent, Reason, SilentAgent, phrases};
use crate::{
    model::{ModelRequest, ResponseId, ResponseStatus},
    silence::Source,
    time::{TimerReason, Timestamp},
};

/// A call without a model for this long ends.
pub(super) const MODEL_LOST: Duration = Duration::from_secs(15);
/// First pause before connecting again; it doubles.
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// The agent's goodbye is followed by this much time for the caller.
pub(super) const GOODBYE_TIME: Duration = Duration::from_secs(3);

/// Where a goodbye ends is known to its mark's lag: a key pressed so shortly before answers it as well.
const END_KNOWN: Duration = Duration::from_millis(250);
/// How far off an estimated end may be: the time that its mark was waited for.
const ESTIMATED: Duration = Duration::from_secs(1);

/// Responses remembered; a session has one active at a time.
pub(super) const RESPONSES_KEPT: usize = 16;

/// The model's connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum ModelState {
    /// Open and configured.
    Ready,
    /// Not (or no longer) open.
    Away {
        /// Since when.
        since: Timestamp,
        /// Failed attempts so far.
        retries: u32,
    },
}

impl ModelState {
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// A response as the call knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    pub(super) id: ResponseId,
    /// The turn it was created in; `None`: nobody had asked (an idle prompt).
    pub(super) turn: Option<(u32, Source)>,
    pub(super) active: bool,
    /// Cancelled by us: nothing of it counts any more.
    pub(super) cancelled: bool,
    pub(super) status: Option<ResponseStatus>,
    /// It is the greeting.
    pub(super) greeting: bool,
    pub(super) said_goodbye: bool,
}

impl Call {
    /// The model's session is open and configured.
    pub fn model_ready(&mut self, now: Timestamp) {
        if self.ended {
            return;
        }
        self.model = ModelState::Ready;
        // A new session has heard nothing yet.
        self.uncommitted = false;
        self.timers.clear(TimerReason::ModelLost);
        self.timers.clear(TimerReason::ModelRetry);
        self.enter(now, Cause::ModelBack);
        let greeting_asked = self.greeting_asked;
        self.ask_for_greeting(now);
        let waits = self.response_wanted || self.owed.is_some_and(|owed| owed.follows_speech() || greeting_asked);
        if waits && self.ending.is_none() {
            // The words since the loss reach the new session; should the server hear no turn in them, we ask.
            self.want_response(now + Duration::from_secs(1));
        }
    }

    /// The model's connection is gone or could not be made.
    pub fn model_lost(&mut self, now: Timestamp) {
        if self.ended {
            return;
        }
        let retries = match self.model {
            ModelState::Ready => {
                self.model = ModelState::Away { since: now, retries: 0 };
                self.enter(now, Cause::ModelAway);
                if self.started_at.is_some() {
                    self.timers.set(TimerReason::ModelLost, now + MODEL_LOST);
                }
                0
            }
            ModelState::Away { since, retries } => {
                self.model = ModelState::Away { since, retries: retries + 1 };
                retries + 1
            }
        };
        for response in &mut self.responses {
            response.active = false;
        }
        self.response_asked = None;
        self.response_wanted = false;
        self.timers.clear(TimerReason::ResponseWanted);
        self.resolve_all_verdicts(now);
        if self.owed.is_some_and(|owed| owed.reconnected) && self.ending.is_none() {
            self.begin_ending(now, Reason::NoAnswer);
        } else if self.ending.is_none() {
            self.timers.set(TimerReason::ModelRetry, now + RETRY_FIRST * 2u32.pow(retries.min(4)));
        }
    }

    /// The greeting is asked for once, when both sides are there.
    pub(super) fn ask_for_greeting(&mut self, now: Timestamp) {
        let both = self.model.is_ready() && self.started_at.is_some();
        if both && self.settings.greeting.is_some() && !self.greeting_asked && self.ending.is_none() {
            self.greeting_asked = true;
            self.ask_model(now, ModelRequest::Greet);
        }
    }

    /// A response begins.
    pub fn response_created(&mut self, now: Timestamp, id: ResponseId) {
        if self.ended {
            return;
        }
        self.response_wanted = false;
        self.response_asked = None;
        self.uncommitted = false;
        self.timers.clear(TimerReason::ResponseWanted);
        let greeting = self.greeting_asked && self.turn.number == 1 && !self.responses.iter().any(|r| r.greeting);
        let turn = self.turn.open.then_some((self.turn.number, self.turn.source));
        if self.responses.len() == RESPONSES_KEPT {
            self.responses.pop_front();
        }
        let refused = self.ending.is_some();
        self.responses.push_back(Response {
            id,
            turn,
            active: true,
            cancelled: refused,
            status: None,
            greeting,
            said_goodbye: false,
        });
        if refused {
            // The call is being ended: nothing new is begun.
            self.tell_model(ModelRequest::Cancel(id));
            self.media(MediaCommand::DropResponse(id));
            if let Some(ending) = &mut self.ending {
                ending.cancelled_response = true;
            }
        }
        self.update_pause(now);
    }

    /// An item is complete; what the agent says in it.
    pub fn item_done(&mut self, response: ResponseId, transcript: &str) {
        let goodbye = phrases::ends_in_farewell(transcript, &self.settings.language);
        let Some(known) = self.responses.iter_mut().find(|r| r.id == response && !r.cancelled) else { return };
        known.said_goodbye = goodbye;
        self.goodbye_said = goodbye.then_some(response);
    }

    /// A response is over.
    pub fn response_done(&mut self, now: Timestamp, id: ResponseId, status: ResponseStatus) {
        let mut cancelled = false;
        if let Some(response) = self.responses.iter_mut().find(|r| r.id == id) {
            response.active = false;
            response.status = Some(status);
            cancelled = response.cancelled;
        }
        let waits = match status {
            ResponseStatus::Failed { retry_after } if !cancelled => self.answer_failed(now, retry_after),
            ResponseStatus::Failed { .. }
            | ResponseStatus::Completed
            | ResponseStatus::Cancelled
            | ResponseStatus::Incomplete => false,
        };
        if self.response_wanted && !waits && self.ending.is_none() {
            self.create_wanted_response(now);
        }
        if !self.hearing.agent_audible && !self.hearing.agent_unsent {
            self.arm_goodbye(now);
        }
    }

    /// The server took the caller's speech as a turn.
    pub fn committed(&mut self) {
        self.uncommitted = false;
    }

    /// What the data plane has to tell.
    pub fn media_event(&mut self, now: Timestamp, event: MediaEvent) {
        match event {
            MediaEvent::AgentAudible { response } => {
                self.sounds(response);
                self.hearing.agent_audible = true;
                // An older goodbye was not the last word.
                self.timers.clear(TimerReason::ModelGoodbye);
                self.enter(now, Cause::AgentAudible);
                // What was a last word is none any more; this utterance may end in one again.
                self.timers.clear(TimerReason::ModelGoodbye);
                self.tool_answered = false;
                self.answer_is_paid(now);
                self.update_pause(now);
            }
            MediaEvent::AgentContinues { response } => {
                self.sounds(response);
                self.timers.clear(TimerReason::ModelGoodbye);
                self.tool_answered = false;
                self.answer_is_paid(now);
                self.update_pause(now);
            }
            MediaEvent::AgentSilent { at, by, lag } => self.agent_silent(now, at, by, lag),
            MediaEvent::AgentEndMoved { at, by } => self.agent_end_moved(now, at, by),
            MediaEvent::AnnouncementBegan { kind, at, length, cut } => {
                self.announcement_began(now, kind, at, length, cut)
            }
            MediaEvent::AnnouncementEnded { kind, at, by, heard } => self.announcement_ended(now, kind, at, by, heard),
            MediaEvent::AnnouncementEndMoved { at, by } => {
                self.window.lengthen_pause(self.pause_of_prompt(), at.before(by), at);
                self.enter(now, Cause::AgentEndMoved { by });
            }
            MediaEvent::TerminalMark { at, by } => self.terminal_mark(now, at, by),
            MediaEvent::BacklogFull { response } => {
                self.enter(now, Cause::BacklogFull);
                self.cancel_response(response);
            }
        }
    }

    fn sounds(&mut self, response: ResponseId) {
        self.sounding = Some(response);
        if !self.sounded.contains(&response) {
            self.sounded.rotate_left(1);
            self.sounded[super::SOUNDED - 1] = response;
        }
    }

    fn agent_silent(&mut self, now: Timestamp, at: Timestamp, by: EndedBy, lag: Duration) {
        self.hearing.agent_audible = false;
        let Some(response) = self.sounding.take() else { return };
        self.end_uncertainty = lag;
        if by == EndedBy::Estimate {
            self.record.estimated_ends += 1;
            self.end_uncertainty = ESTIMATED;
        }
        self.last_silent = Some(SilentAgent { response, at });
        // The pause ends with the audio, then the answer's end moves the window.
        self.update_pause_at(now, at);
        self.answer_ended(response, at);
        self.enter(now, Cause::AgentSilent { until: at, by, lag });
        if by != EndedBy::Clear {
            self.arm_goodbye(now);
        }
    }

    fn answer_ended(&mut self, response: ResponseId, at: Timestamp) {
        let turn = self.responses.iter().rev().find(|r| r.id == response).and_then(|r| r.turn);
        // Only the present turn's answer opens a window; an earlier one's end has merely held it.
        if let Some((_, source)) = turn.filter(|(number, _)| *number == self.turn.number) {
            self.window.answer_ended(at, source, self.class_of(source));
            self.reminded = false;
        }
    }

    fn agent_end_moved(&mut self, now: Timestamp, at: Timestamp, by: Duration) {
        let Some(last) = self.last_silent else { return };
        self.last_silent = Some(SilentAgent { at, ..last });
        let turn = self.responses.iter().rev().find(|r| r.id == last.response).and_then(|r| r.turn);
        match turn.filter(|(number, _)| *number == self.turn.number) {
            Some((_, source)) => self.window.answer_ended(at, source, self.class_of(source)),
            None => self.window.lengthen_pause(self.pause_of_response(last.response), last.at, at),
        }
        if self.timers.get(TimerReason::ModelGoodbye).is_some() {
            self.timers.set(TimerReason::ModelGoodbye, at + GOODBYE_TIME);
        }
        self.enter(now, Cause::AgentEndMoved { by });
    }

    /// The turn ends at the first moment when nothing of it is left; not within an ending, which it may take back.
    pub(super) fn settle_turn(&mut self, now: Timestamp) {
        if self.ending.is_some() {
            return;
        }
        let speaking = self.hearing.open.is_some_and(|heard| heard.counts);
        let agent = self.hearing.agent_audible || self.hearing.agent_unsent;
        let active = self.responses.iter().any(|r| r.active);
        let answered = self.responses.back().and_then(|r| r.turn).is_some_and(|(number, _)| number == self.turn.number);
        let recorded = !self.traits.answers && !answered && now < self.turn.answer_by;
        if self.owed.is_none()
            && !recorded
            && !speaking
            && !agent
            && !active
            && self.tools.is_empty()
            && !self.response_wanted
            && self.response_asked.is_none_or(|at| now >= at + super::owed::OWED_LOST)
        {
            self.turn.open = false;
        }
    }

    /// A response is wanted at `at`, unless the server has begun one by then.
    pub(super) fn want_response(&mut self, at: Timestamp) {
        self.response_wanted = true;
        self.timers.set(TimerReason::ResponseWanted, at);
    }

    /// Asks for the response that is wanted, as soon as none is active and the caller does not speak.
    pub(super) fn create_wanted_response(&mut self, now: Timestamp) {
        if !self.response_wanted || self.ending.is_some() || !self.model.is_ready() {
            return;
        }
        if self.caller_goes_on() {
            self.create_after_spurt = true;
            self.response_wanted = false;
        } else if !self.responses.iter().any(|r| r.active) {
            self.response_wanted = false;
            self.create_response(now);
        }
    }

    pub(super) fn create_response(&mut self, now: Timestamp) {
        self.ask_model(now, ModelRequest::CreateResponse);
    }

    fn ask_model(&mut self, now: Timestamp, request: ModelRequest) {
        self.tell_model(request);
        self.response_asked = Some(now);
        self.enter(now, Cause::ResponseAsked);
    }

    /// Cancels what is being said, and drops its late audio.
    pub(super) fn cancel_responses(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.responses.len() {
            let response = self.responses[at];
            if response.active && !response.cancelled {
                self.cancel_response(response.id);
                any = true;
            }
        }
        any
    }

    fn cancel_response(&mut self, id: ResponseId) {
        if let Some(response) = self.responses.iter_mut().find(|r| r.id == id) {
            response.cancelled = true;
            let active = std::mem::take(&mut response.active);
            if active {
                self.tell_model(ModelRequest::Cancel(id));
            }
        }
        self.media(MediaCommand::DropResponse(id));
    }

    /// The greeting may not be interrupted and is being heard.
    pub(super) fn greeting_is_protected(&self) -> bool {
        self.settings.greeting.is_some_and(|greeting| !greeting.interruptible)
            && self.responses.iter().any(|r| r.greeting && (r.active || self.sounding == Some(r.id)))
    }

    /// The agent has been heard to the end of a farewell: 3 s for the caller, then the line closes.
    fn arm_goodbye(&mut self, now: Timestamp) {
        let Some(id) = self.goodbye_said.filter(|_| self.ending.is_none() && self.settings.hangup_enabled()) else {
            return;
        };
        let done = |r: &Response| r.id == id && r.status == Some(ResponseStatus::Completed) && !r.cancelled;
        let heard_at = self.last_silent.filter(|last| last.response == id).map(|last| last.at);
        let Some(at) = heard_at.filter(|_| self.responses.iter().any(done)) else { return };
        if self.responses.iter().any(|r| r.active) {
            return;
        }
        self.goodbye_said = None;
        // Words or a key of the caller since then have answered it already.
        let spoken = self.spurts.last().is_some_and(|spurt| spurt.open || spurt.heard.end > at);
        if spoken || self.digit_at.is_some_and(|digit_at| digit_at + END_KNOWN >= at) {
            return;
        }
        self.timers.set(TimerReason::ModelGoodbye, at + GOODBYE_TIME);
        self.enter(now, Cause::GoodbyeHeard);
    }
}
