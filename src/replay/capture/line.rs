//! The line after the parting: plays our audio, echoes our marks, and answers our requests.

use std::{collections::VecDeque, time::Duration};

use crate::{
    carrier::{CallAnswer, CallRequest, CallStatus, CarrierCommand, CarrierEvent, MarkId, RequestOutcome},
    time::Timestamp,
};

/// A request about the call takes so long.
const REQUEST: Duration = Duration::from_millis(200);

/// Follows what is sent from the call's beginning on, so that it knows what is still to be heard at the parting.
#[derive(Debug, Default)]
pub(super) struct Line {
    plays_until: Timestamp,
    marks: VecDeque<(Timestamp, MarkId)>,
    answers: VecDeque<(Timestamp, CallAnswer)>,
}

impl Line {
    /// We send something.
    pub(super) fn command(&mut self, now: Timestamp, command: &CarrierCommand) {
        match command {
            CarrierCommand::Media(payload) => {
                // 8 kHz: 125 µs a sample.
                let length = Duration::from_micros(payload.samples().len() as u64 * 125);
                self.plays_until = self.plays_until.max(now) + length;
            }
            CarrierCommand::Mark(mark) => self.marks.push_back((self.plays_until.max(now), *mark)),
            CarrierCommand::Clear => {
                self.plays_until = now;
                for (due, _) in &mut self.marks {
                    *due = (*due).min(now);
                }
            }
            CarrierCommand::Request(request) => {
                let answer = match request {
                    CallRequest::Hangup => Some(CallAnswer::Hangup(RequestOutcome::Done)),
                    CallRequest::Say(_) => Some(CallAnswer::Say(RequestOutcome::Done)),
                    CallRequest::Dial { .. } => Some(CallAnswer::Dial(RequestOutcome::Done)),
                    CallRequest::FetchStatus => Some(CallAnswer::Status(CallStatus::InProgress)),
                    CallRequest::CloseStream => None,
                };
                self.answers.extend(answer.map(|answer| (now + REQUEST, answer)));
            }
        }
    }

    /// The carrier of the capture echoes a mark, or answers: that is done, then.
    pub(super) fn came(&mut self, event: &CarrierEvent<'_>) {
        match event {
            CarrierEvent::Mark(mark) => self.marks.retain(|(_, waiting)| waiting != mark),
            CarrierEvent::Answer(_) => drop(self.answers.pop_front()),
            CarrierEvent::Started
            | CarrierEvent::Media { .. }
            | CarrierEvent::Digit(_)
            | CarrierEvent::Stopped
            | CarrierEvent::Closed { .. }
            | CarrierEvent::Reopened { .. } => {}
        }
    }

    /// What is due, after the parting.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<CarrierEvent<'static>> {
        if let Some((_, mark)) = self.marks.pop_front_if(|(due, _)| *due <= now) {
            return Some(CarrierEvent::Mark(mark));
        }
        let (_, answer) = self.answers.pop_front_if(|(due, _)| *due <= now)?;
        Some(CarrierEvent::Answer(answer))
    }
}
