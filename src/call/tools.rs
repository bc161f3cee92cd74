//! Tool calls: `hangup_call`, intents, and what is answered to them.

use super::{Call, Cause, Reason};
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
        let built_in = (name == Tool::SEND_TEXT && self.settings.send_text).then_some(false);
        let intent = self.settings.intents.iter().find(|intent| intent.name == name);
        let Some(ends_call) =
            built_in.or(intent.map(|intent| intent.ends_call)).filter(|_| self.tools.len() < TOOLS_AT_ONCE)
        else {
            self.refuse_tool(now, call, ToolAnswer::NoSuchTool);
            return ToolVerdict::Done;
        };
        self.tools.push(RunningTool { call, ends_call });
        self.answer_is_paid(now);
        self.timers.set(TimerReason::OwedFiller, now + super::owed::OWED_FILLER);
        self.update_pause(now);
        self.enter(now, Cause::ToolBegan);
        ToolVerdict::Run
    }

    /// An intent has answered, or failed.
    pub fn tool_done(&mut self, now: Timestamp, call: ToolCallId, ok: bool) {
        let Some(at) = self.tools.iter().position(|tool| tool.call == call).filter(|_| !self.ended) else { return };
        let tool = self.tools.swap_remove(at);
        self.answer_tool(call, ToolAnswer::Result { ok });
        self.update_pause(now);
        self.enter(now, Cause::ToolEnded { ok });
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
