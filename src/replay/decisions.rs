//! What was decided in a call, without the times: two runs of one situation must agree on it.

use crate::call::{Cause, LedgerEntry};

/// The decisions of a ledger, in order, one line each.
///
/// Left out is what measures instead of deciding (verdicts, charges, what is owed): it may change places with its
/// neighbours by a millisecond.
#[must_use]
pub fn decisions(ledger: &[LedgerEntry]) -> Vec<String> {
    ledger.iter().filter_map(|entry| decision(&entry.cause)).collect()
}

fn decision(cause: &Cause) -> Option<String> {
    Some(match *cause {
        Cause::StreamStarted => "the stream begins".into(),
        Cause::SpeechBegan { spurt, .. } => format!("the caller speaks ({})", spurt.0),
        Cause::Digit(digit) => format!("the caller presses {}", digit.key()),
        Cause::AgentAudible => "the agent speaks".into(),
        Cause::AgentSilent { by, .. } => format!("the agent is silent ({by})"),
        Cause::Announced { kind, cut, .. } => format!("we say {kind}{}", if cut { ", cut" } else { "" }),
        Cause::AnnouncementEnded { kind, by, .. } => format!("{kind} ends ({by})"),
        Cause::BargeIn { spurt } => format!("talkspurt {} interrupts the agent", spurt.0),
        Cause::BargeInFalse
        | Cause::ToolBegan
        | Cause::ToolEnded { .. }
        | Cause::WaitEnded { .. }
        | Cause::TransferAsked { .. }
        | Cause::HandedOver
        | Cause::TransferFailed
        | Cause::ModelAway
        | Cause::ModelBack
        | Cause::BacklogFull
        | Cause::GoodbyeHeard
        | Cause::EndingBegan(_)
        | Cause::TerminalMark(_)
        | Cause::CarrierSays
        | Cause::NotRendered { .. } => cause.to_string(),
        Cause::WaitBegan { .. } => "the caller needs time".into(),
        Cause::TakenBack { reason, by, .. } => format!("{} is taken back by {by:?}", reason.name()),
        Cause::LineClosed { by, verified } => {
            format!("the line is closed by {}{}", by.name(), if verified { "" } else { " (not confirmed)" })
        }
        Cause::Talkspurt { .. }
        | Cause::Verdict { .. }
        | Cause::Charged { .. }
        | Cause::AgentEndMoved { .. }
        | Cause::AnswerOwed { .. }
        | Cause::AnswerPaid
        | Cause::Paused(_)
        | Cause::Unpaused
        | Cause::ResponseAsked
        | Cause::InboundGap(_)
        | Cause::HangupSent { .. }
        | Cause::HangupFailed
        | Cause::EchoKnown(_)
        | Cause::StreamClosed => return None,
    })
}
