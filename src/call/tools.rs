//! Tool calls: `hangup_call`, intents, and what is answered to them.

use super::{AnnouncementKind, Call, Cause, IntentPlace, Reason, owed::OWED_FILLER};
use crate::{
    model::{ModelRequest, ResponseId, Tool, ToolAnswer, ToolCallId},
    time::{TimerReason, Timestamp},
};

/// Tools that may run at once; a further one is answered with an error.
pub(super) const TOOLS_AT_ONCE: usize = 16;

/// An intent under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunningTool {
    pub(super) call: ToolCallId,
    pub(super) ends_call: bool,
    /// A filler of its own that has not been said.
    pub(super) filler: Option<AnnouncementKind>,
}

/// Why an intent did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolFault {
    /// It answered so.
    Answered,
    /// The model's arguments are not what it takes.
    Arguments,
    /// It is not set up: the operator's mistake.
    Setup,
    /// Its address is not one that the operator allows.
    NotAllowed,
    /// It could not be connected to.
    Unreachable,
    /// It did not answer within its time.
    TimedOut,
    /// Its answer broke off.
    Broken,
    /// Its answer was longer than we read.
    TooLong,
    /// We had no room for one more.
    Busy,
}

impl ToolFault {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::Arguments,
        Self::Setup,
        Self::NotAllowed,
        Self::Unreachable,
        Self::TimedOut,
        Self::Broken,
        Self::TooLong,
        Self::Busy,
    ];

    /// In words, for the ledger.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Answered => "its answer says so",
            Self::Arguments => "the model's arguments are not what it takes",
            Self::Setup => "it is not set up",
            Self::NotAllowed => "its address is not allowed",
            Self::Unreachable => "it cannot be reached",
            Self::TimedOut => "it did not answer in time",
            Self::Broken => "its answer broke off",
            Self::TooLong => "its answer is too long",
            Self::Busy => "too many requests wait already",
        }
    }
}

/// What is to be done about a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolVerdict {
    /// Nothing: it is answered here, or it is not to be run.
    Done,
    /// Run the intent, then call [`Call::tool_done`].
    Run,
}

impl Call {
    /// The model calls a tool. Tells whether an intent is to be run.
    pub fn tool_call(
        &mut self,
        now: Timestamp,
        response: ResponseId,
        call: ToolCallId,
        name: &str,
        arguments: &str,
        completed: bool,
    ) -> ToolVerdict {
        let cancelled = self.responses.iter().any(|r| r.id == response && r.cancelled);
        if self.ended || !completed || cancelled || self.started_at.is_none() {
            return ToolVerdict::Done;
        }
        match name {
            Tool::HANGUP_CALL => {
                self.hangup_called(now, call);
                return ToolVerdict::Done;
            }
            Tool::WAIT_FOR_CALLER => {
                self.wait_called(now, call, arguments);
                return ToolVerdict::Done;
            }
            Tool::TRANSFER_CALL => {
                self.transfer_called(now, response, call, arguments);
                return ToolVerdict::Done;
            }
            _ => {}
        }
        let place = self.settings.intents.iter().position(|intent| intent.name == name);
        let built_in = name == Tool::SEND_TEXT && self.settings.send_text;
        if (place.is_none() && !built_in) || self.tools.len() >= TOOLS_AT_ONCE {
            self.refuse_tool(now, call, ToolAnswer::NoSuchTool);
            return ToolVerdict::Done;
        }
        let ends_call = place.is_some_and(|place| self.settings.intents[place].ends_call);
        let filler = place.and_then(IntentPlace::new).map(AnnouncementKind::IntentFiller);
        let filler = filler.filter(|kind| self.is_rendered(*kind));
        self.tools.push(RunningTool { call, ends_call, filler });
        self.answer_is_paid(now);
        // Its own filler is said at once, unless somebody is speaking; the common one only if it takes its time.
        self.timers.set(TimerReason::OwedFiller, if filler.is_some() { now } else { now + OWED_FILLER });
        self.update_pause(now);
        self.enter(now, Cause::ToolBegan);
        ToolVerdict::Run
    }

    /// An intent has answered, or failed.
    pub fn tool_done(&mut self, now: Timestamp, call: ToolCallId, result: Result<(), ToolFault>) {
        let Some(at) = self.tools.iter().position(|tool| tool.call == call).filter(|_| !self.ended) else { return };
        let tool = self.tools.swap_remove(at);
        let ok = result.is_ok();
        self.answer_tool(call, ToolAnswer::Result { ok });
        self.update_pause(now);
        self.enter(now, Cause::ToolEnded { result });
        if self.tools.is_empty() && self.owed.is_none() {
            self.timers.clear(TimerReason::OwedFiller);
        }
        if self.ending.is_some() {
            return;
        }
        if tool.ends_call && ok && self.spoke {
            self.begin_hangup(now, Reason::IntentEnded, None);
        } else if self.tools.is_empty() {
            self.tool_answered = true;
            self.want_response(now);
            self.create_wanted_response(now);
        }
    }

    fn hangup_called(&mut self, now: Timestamp, call: ToolCallId) {
        if self.settings.hangup_call.is_none() {
            self.refuse_tool(now, call, ToolAnswer::NoSuchTool);
        } else if self.ending.is_some() {
            self.answer_tool(call, ToolAnswer::AlreadyEnding);
        } else if !self.spoke {
            self.refuse_tool(now, call, ToolAnswer::CallerHasNotSpoken);
        } else {
            self.begin_hangup(now, Reason::HangupCall, Some(call));
        }
    }

    /// The model is told why not, and goes on talking.
    pub(super) fn refuse_tool(&mut self, now: Timestamp, call: ToolCallId, why: ToolAnswer) {
        self.answer_tool(call, why);
        self.want_response(now);
        self.create_wanted_response(now);
    }

    pub(super) fn answer_tool(&mut self, call: ToolCallId, answer: ToolAnswer) {
        self.tell_model(ModelRequest::ToolOutput { call, answer });
    }
}
