//! `transfer_call`: the agent tells the caller, is heard out, and the carrier takes the caller over.
//!
//! Nobody takes it back; but if the carrier refuses, the conversation goes on. What becomes of the transfer afterwards
//! (nobody answers, for instance) is the carrier's business, and begins another stream.

use std::time::Duration;

use super::{
    Action, Call, Cause, MediaCommand, Reason,
    ending::{Ending, Stage, Transfer},
    hangup::VERIFY,
};
use crate::{
    carrier::CallRequest,
    model::{ResponseId, ToolAnswer, ToolCallId},
    time::{TimerReason, Timestamp},
};

/// The carrier has this long to take the caller over.
const ANSWER: Duration = Duration::from_secs(10);
/// The agent is heard out for so long; what it says beyond that is cut off at a pause.
const LATEST: Duration = Duration::from_secs(15);

impl Call {
    pub(super) fn transfer_called(&mut self, now: Timestamp, response: ResponseId, call: ToolCallId, arguments: &str) {
        if self.settings.transfers.is_empty() {
            return self.refuse_tool(now, call, ToolAnswer::NoSuchTool);
        }
        if self.ending.is_some() {
            return self.answer_tool(call, ToolAnswer::AlreadyEnding);
        }
        if !self.spoke {
            return self.refuse_tool(now, call, ToolAnswer::CallerHasNotSpoken);
        }
        let Some(to) = self.transfer_named(arguments) else {
            return self.refuse_tool(now, call, ToolAnswer::WrongTransfer);
        };
        self.begin_transfer(now, Transfer { to, response }, call);
    }

    fn transfer_named(&self, arguments: &str) -> Option<u8> {
        let arguments: serde_json::Value = serde_json::from_str(arguments).ok()?;
        let name = arguments.get("to")?.as_str()?;
        let place = self.settings.transfers.iter().position(|known| known == name)?;
        u8::try_from(place).ok()
    }

    fn begin_transfer(&mut self, now: Timestamp, transfer: Transfer, call: ToolCallId) {
        self.answer_is_paid(now);
        let bound = now + LATEST;
        self.ending = Some(Ending {
            stage: Stage::HearingOut,
            bound: Some(bound),
            tool_call: Some(call),
            transfer: Some(transfer),
            ..self.new_ending(now, Reason::Transferred)
        });
        self.record.ending_begun_at = Some(now);
        self.record.reason = Some(Reason::Transferred);
        self.record.tool_called_at = Some(now);
        self.record.transfer = Some(transfer.to);
        self.quiet_timers();
        self.forget_barge_in();
        self.timers.set(TimerReason::HangupBound, bound);
        self.enter(now, Cause::EndingBegan(Reason::Transferred));
        self.media(MediaCommand::LimitAgent { until: bound });
        if self.prompt_sounding.is_some() {
            self.media(MediaCommand::StopAnnouncement);
        }
        self.advance_ending(now);
    }

    /// The agent was heard out.
    pub(super) fn put_through(&mut self, now: Timestamp, transfer: Transfer) {
        let Transfer { to, response } = transfer;
        let say = !self.sounded.contains(&response);
        self.set_stage(Stage::Transferring);
        self.timers.clear(TimerReason::HangupBound);
        self.act(Action::Carrier(CallRequest::Dial { to, say }));
        self.timers.set(TimerReason::TerminalMark, now + ANSWER);
        self.enter(now, Cause::TransferAsked { to });
    }

    pub(super) fn put_through_answer(&mut self, now: Timestamp, done: bool) {
        if self.ending.is_none_or(|ending| ending.stage != Stage::Transferring) {
            return;
        }
        if done {
            if let Some(call) = self.ending.as_mut().and_then(|ending| ending.tool_call.take()) {
                self.answer_tool(call, ToolAnswer::Transferred);
            }
            self.set_stage(Stage::HandedOver);
            self.timers.clear(TimerReason::TerminalMark);
            // The stream ends at once; if nobody says so, the record is finished all the same.
            self.timers.set(TimerReason::HangupVerify, now + VERIFY);
            self.enter(now, Cause::HandedOver);
            return;
        }
        let Some(ending) = self.forget_ending() else { return };
        self.media(MediaCommand::UnlimitAgent);
        self.enter(now, Cause::TransferFailed);
        if let Some(call) = ending.tool_call {
            self.answer_tool(call, ToolAnswer::TransferFailed);
        }
        if self.resume_timers(now) {
            // What the agent says now is the answer to the caller's wish.
            self.turn.open = true;
            self.want_response(now);
            self.create_wanted_response(now);
            self.owe(now, now, self.turn.source);
            self.update_pause(now);
        }
    }

    /// The stream may end at any moment: the carrier has the caller.
    pub(super) fn is_put_through(&self) -> bool {
        self.ending.is_some_and(|ending| matches!(ending.stage, Stage::Transferring | Stage::HandedOver))
    }
}
