//! REST of a scripted carrier: what is asked about the call itself, and what comes back.

use super::{CarrierNews, Due, Rest, ScriptedCarrier};
use crate::{
    carrier::{CallAnswer, CallStatus, RequestOutcome},
    time::Timestamp,
};

impl ScriptedCarrier {
    pub(super) fn answer(&mut self, at: Timestamp, request: u8, works: bool) -> Option<CarrierNews> {
        let outcome = if works { RequestOutcome::Done } else { RequestOutcome::Failed };
        Some(CarrierNews::Answer(match request {
            0 => {
                if works && self.open {
                    self.end(at);
                    self.at(at, Due::Answer(3, true));
                }
                CallAnswer::Hangup(outcome)
            }
            1 => {
                let status = if self.over { CallStatus::Ended } else { CallStatus::InProgress };
                CallAnswer::Status(if works { status } else { CallStatus::Unreachable })
            }
            2 => CallAnswer::Say(outcome),
            4 => {
                if works && self.open {
                    self.end(at);
                    self.at(at, Due::Answer(3, true));
                }
                CallAnswer::Dial(outcome)
            }
            _ => return Some(CarrierNews::Stopped),
        }))
    }

    pub(super) fn rest(&mut self, now: Timestamp, request: u8) {
        match self.trouble.rest {
            Rest::Works(after) => self.at(now + after, Due::Answer(request, true)),
            Rest::FailsUntil(after, until) => self.at(now + after, Due::Answer(request, now >= until)),
            Rest::Silent => {}
        }
    }
}
