//! `wait_for_caller`: the caller has asked for time ("hold on, I'm getting my card").
//!
//! The window stands still until the time is over, a key, or words of the caller: a sound without any (paper, steps, a
//! cough) is no return. At the end of the time the reminder speaks, and the window runs on.

use std::time::Duration;

use super::{AnnouncementKind, Call, Cause, MediaCommand};
use crate::{
    model::{Tool, ToolAnswer, ToolCallId},
    time::{TimerReason, Timestamp},
};

/// The caller is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// What the caller says from now on is a return; what was said before may have asked for it.
    begun: Timestamp,
}

impl Call {
    pub(super) fn wait_called(&mut self, now: Timestamp, call: ToolCallId, arguments: &str) {
        if !self.settings.wait_for_caller {
            return self.refuse_tool(now, call, ToolAnswer::NoSuchTool);
        }
        if self.ending.is_some() {
            return self.answer_tool(call, ToolAnswer::AlreadyEnding);
        }
        let Some(asked) = seconds(arguments) else {
            return self.refuse_tool(now, call, ToolAnswer::WrongWait);
        };
        // However often it is asked for: without a word of the caller it is one wait.
        let first = *self.waited_since.get_or_insert(now);
        let until = (now + asked).min(first + Duration::from_secs(Tool::LONGEST_WAIT_S));
        if until <= now {
            return self.refuse_tool(now, call, ToolAnswer::WaitedEnough);
        }
        self.waiting = Some(Wait { begun: now });
        self.timers.set(TimerReason::WaitOver, until);
        self.answer_tool(call, ToolAnswer::Waiting);
        self.answer_is_paid(now);
        self.update_pause(now);
        self.enter(now, Cause::WaitBegan { until });
    }

    /// The time is over: the caller is asked, unless somebody is speaking.
    pub(super) fn wait_is_over(&mut self, now: Timestamp) {
        if self.waiting.take().is_none() {
            return;
        }
        self.update_pause(now);
        self.enter(now, Cause::WaitEnded { early: false });
        let kind = AnnouncementKind::Reminder;
        if self.hearing.agent_audible || self.hearing.agent_unsent || self.caller_goes_on() {
            return;
        }
        // Once a window is enough, whether or not the assistant has one of its own.
        self.reminded = true;
        if self.is_rendered(kind) {
            self.media(MediaCommand::Announce { kind, until: None, over_agent: false });
        } else {
            self.enter(now, Cause::NotRendered { kind });
        }
    }

    /// The caller has said words since `at`, or pressed a key then.
    pub(super) fn caller_is_back(&mut self, now: Timestamp, at: Timestamp) {
        if self.waited_since.is_some_and(|since| at >= since) {
            self.waited_since = None;
        }
        if self.waiting.is_some_and(|wait| at >= wait.begun) {
            self.waiting = None;
            self.timers.clear(TimerReason::WaitOver);
            self.update_pause(now);
            self.enter(now, Cause::WaitEnded { early: true });
        }
    }
}

fn seconds(arguments: &str) -> Option<Duration> {
    let arguments: serde_json::Value = serde_json::from_str(arguments).ok()?;
    let seconds = arguments.get("seconds")?;
    // Models write 30 as 30.0 now and then.
    let seconds = seconds.as_u64().or_else(|| seconds.as_f64().filter(|s| s.fract() == 0.0).map(|s| s as u64))?;
    (1..=Tool::LONGEST_WAIT_S).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_and_within_bounds() {
        for (arguments, expected) in [
            (r#"{"seconds":1}"#, Some(1)),
            (r#"{"seconds":180}"#, Some(180)),
            (r#"{"seconds":30.0}"#, Some(30)),
            (r#"{"seconds":181}"#, None),
            (r#"{"seconds":0}"#, None),
            (r#"{"seconds":-5}"#, None),
            (r#"{"seconds":1.5}"#, None),
            (r#"{"seconds":"30"}"#, None),
            ("{}", None),
            (r#"{"seconds":30"#, None),
        ] {
            assert_eq!(seconds(arguments), expected.map(Duration::from_secs), "{arguments}");
        }
    }
}
