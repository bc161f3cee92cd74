//! A response under way: its steps, and when each of them is due.

use std::{ops::Range, time::Duration};

use super::lines::Line;
use crate::{
    model::{ItemId, ResponseId, ToolCallId},
    time::Timestamp,
};

/// Audio comes in pieces of 200 ms, five times faster than it plays.
const DELTA_SAMPLES: usize = 200 * 8;
const DELTA_EVERY: Duration = Duration::from_millis(40);
/// From the response's beginning to its first audio.
const FIRST_AUDIO: Duration = Duration::from_millis(100);
/// The tool that ends the call is not called before so little is left to be heard: what is said must fit into the
/// window that the tool call opens.
const HEARD_BEFORE_HANGUP: Duration = Duration::from_secs(3);

/// What is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    /// A recorded line.
    Line(Line),
    /// So many samples of what the caller said.
    Echo(usize),
}

/// A response that says something, and may then call `hangup_call`.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) response: ResponseId,
    pub(super) item: ItemId,
    pub(super) words: Words,
    tool: Option<ToolCallId>,
    next: Step,
    due: Timestamp,
}

/// What happens next in a response.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Created,
    /// These samples of the words.
    Audio(Range<usize>),
    ItemDone,
    HangUp(ToolCallId),
    Done,
}

impl Speech {
    /// Begins at `at`.
    pub(super) fn new(
        at: Timestamp,
        response: ResponseId,
        item: ItemId,
        words: Words,
        tool: Option<ToolCallId>,
    ) -> Self {
        Self { response, item, words, tool, next: Step::Created, due: at }
    }

    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    /// The step that is due, and moves on. `plays_until` is when what was sent so far has been heard, as far as can
    /// be told; an audio step moves it.
    pub(super) fn step(&mut self, plays_until: &mut Timestamp) -> Step {
        let (next, due) = match &self.next {
            Step::Created => (self.audio_from(0), self.due + FIRST_AUDIO),
            Step::Audio(samples) => {
                let length = Duration::from_micros(samples.len() as u64 * 125);
                *plays_until = (*plays_until).max(self.due) + length;
                (self.audio_from(samples.end), self.due + DELTA_EVERY)
            }
            Step::ItemDone => match self.tool {
                Some(tool) => (Step::HangUp(tool), self.due.max(plays_until.before(HEARD_BEFORE_HANGUP))),
                None => (Step::Done, self.due),
            },
            Step::HangUp(_) | Step::Done => (Step::Done, self.due),
        };
        self.due = due;
        std::mem::replace(&mut self.next, next)
    }

    fn audio_from(&self, start: usize) -> Step {
        let length = match self.words {
            Words::Line(line) => line.audio.len(),
            Words::Echo(length) => length,
        };
        let end = length.min(start + DELTA_SAMPLES);
        if start < end { Step::Audio(start..end) } else { Step::ItemDone }
    }
}
