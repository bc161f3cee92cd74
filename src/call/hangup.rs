//! The hang-up: request, socket, retries, verification; and what the carrier says of the call.

use std::time::Duration;

use super::{Action, Call, Cause, Party, Reason, ending::Stage};
use crate::{
    carrier::{CallAnswer, CallRequest, CallStatus, RequestOutcome},
    model::{ModelRequest, ToolAnswer},
    time::{TimerReason, Timestamp},
};

/// The hang-up request's answer is waited for this long before the socket is closed.
pub(super) const HANGUP_ANSWER: Duration = Duration::from_secs(1);
/// First pause between tries; it doubles up to 16 s.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Without any confirmation for this long the record is finished unverified.
pub(super) const VERIFY: Duration = Duration::from_secs(60);

impl Call {
    /// Ends the call: request first, then the socket.
    pub(super) fn hang_up(&mut self, now: Timestamp) {
        self.set_stage(Stage::HangingUp);
        self.answer_hangup_call();
        for reason in [
            TimerReason::HangupEarliest,
            TimerReason::HangupBound,
            TimerReason::ClosingBound,
            TimerReason::TerminalMark,
        ] {
            self.timers.clear(reason);
        }
        let close_by = self.ending.and_then(|ending| ending.bound).map(|bound| bound + super::farewell::HANGUP_RESERVE);
        let answer_by = (now + HANGUP_ANSWER).min(close_by.unwrap_or(Timestamp::NEVER)).max(now);
        self.timers.set(TimerReason::HangupAnswer, answer_by);
        self.timers.set(TimerReason::HangupVerify, now + VERIFY);
        self.send_hangup(now);
    }

    /// The tool call that ends the call gets its answer.
    fn answer_hangup_call(&mut self) {
        if let Some(call) = self.ending.as_mut().and_then(|ending| ending.tool_call.take()) {
            self.answer_tool(call, ToolAnswer::HungUp);
        }
    }

    pub(super) fn send_hangup(&mut self, now: Timestamp) {
        self.act(Action::Carrier(CallRequest::Hangup));
        self.enter(now, Cause::HangupSent { tries: self.record.hangup_tries });
        self.record.hangup_tries += 1;
    }

    /// Closes the media connection: from here on the caller hears nothing of us.
    pub(super) fn close_stream(&mut self, now: Timestamp) {
        self.timers.clear(TimerReason::HangupAnswer);
        if self.ending.is_none_or(|ending| ending.stage != Stage::HangingUp) {
            return;
        }
        self.set_stage(Stage::Verifying);
        self.record.closed_at = Some(now);
        self.act(Action::Carrier(CallRequest::CloseStream));
        self.enter(now, Cause::StreamClosed);
    }

    /// An answer to a request about the call, or the carrier's own word.
    pub fn call_answer(&mut self, now: Timestamp, answer: CallAnswer) {
        if self.ended {
            return;
        }
        match answer {
            CallAnswer::Hangup(RequestOutcome::Done) => {
                if self.is_hanging_up() {
                    self.timers.clear(TimerReason::HangupRetry);
                    self.close_stream(now);
                    self.finish(now, Party::Us, true);
                }
            }
            CallAnswer::Hangup(RequestOutcome::Failed) => {
                if self.is_hanging_up() {
                    self.enter(now, Cause::HangupFailed);
                    let exponent = self.record.hangup_tries.saturating_sub(1).min(4);
                    self.timers.set(TimerReason::HangupRetry, now + RETRY_FIRST * 2u32.pow(exponent));
                    self.close_stream(now);
                }
            }
            CallAnswer::Dial(outcome) => self.put_through_answer(now, outcome == RequestOutcome::Done),
            CallAnswer::Say(outcome) => self.carrier_says(now, outcome == RequestOutcome::Done),
            CallAnswer::Status(CallStatus::Ended) => self.line_is_closed(now, Party::Carrier),
            // Neither changes anything: silence goes on being silence.
            CallAnswer::Status(CallStatus::InProgress | CallStatus::Unreachable) => {}
        }
    }

    /// The carrier says that the stream or the call is over: the caller hung up, unless we had asked for it.
    pub fn carrier_stopped(&mut self, now: Timestamp) {
        self.line_is_closed(now, Party::Caller);
    }

    /// The carrier's connection is gone. A bare but orderly close means the same as a `stop`.
    pub fn carrier_closed(&mut self, now: Timestamp, clean: bool) {
        self.line_is_closed(now, if clean { Party::Caller } else { Party::Carrier });
    }

    fn is_hanging_up(&self) -> bool {
        self.ending.is_some_and(|ending| matches!(ending.stage, Stage::HangingUp | Stage::Verifying))
    }

    fn line_is_closed(&mut self, now: Timestamp, by: Party) {
        if self.ended {
            return;
        }
        // At the same instant the caller's own end comes first.
        let just_begun = by == Party::Caller && self.ending.is_some_and(|ending| ending.begun == now);
        if !just_begun && (self.is_hanging_up() || self.ends_with_carrier_say() || self.is_put_through()) {
            self.finish(now, Party::Us, true);
            return;
        }
        let reason = if by == Party::Caller { Reason::CallerHungUp } else { Reason::CarrierGone };
        if just_begun {
            self.record.reason = Some(reason);
        }
        self.record.reason.get_or_insert(reason);
        self.record.ending_begun_at.get_or_insert(now);
        self.finish(now, by, true);
    }

    /// The line is closed; the record is complete.
    pub(super) fn finish(&mut self, now: Timestamp, by: Party, verified: bool) {
        self.record.ended_by = Some(by);
        self.record.verified = verified;
        self.record.closed_at.get_or_insert(now);
        self.enter(now, Cause::LineClosed { by, verified });
        self.answer_hangup_call();
        self.tell_model(ModelRequest::Close);
        self.ended = true;
    }
}
