//! Brains without a script: one that talks, one that says back, one that is silent, one that says next to nothing.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use super::{Brain, Told, Turn, Why, Words, lines};
use crate::{lab::Reply, time::Timestamp};

/// Words of a caller of whom none are known.
const SOMETHING: &str = "Something was said.";
const HANGUP: &str = "hangup_call";
/// Words that end a call.
const FAREWELLS: [&str; 3] = ["bye", "that's all", "that is all"];

/// Greets, answers each turn with a line, and hangs up after a farewell if the tool is there.
#[derive(Clone, Debug, Default)]
pub struct Talk {
    words: VecDeque<String>,
    last_words: String,
    turns: u32,
    hang_up_after: Option<u32>,
    can_hang_up: bool,
    greeted: bool,
    answers: usize,
}

impl Talk {
    /// It knows none of the caller's words.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The caller's turns have these words, in order: for transcripts, and for the farewell.
    #[must_use]
    pub fn hears(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&words| words.to_owned()));
        self
    }

    /// It says goodbye and calls `hangup_call` as the answer to this turn (1: the first).
    #[must_use]
    pub fn hang_up_after(mut self, turns: u32) -> Self {
        self.hang_up_after = Some(turns);
        self
    }
}

impl Brain for Talk {
    fn turn(&mut self, _: Timestamp, _: &Turn<'_>) -> Words {
        self.turns += 1;
        self.last_words = self.words.pop_front().unwrap_or_else(|| SOMETHING.to_owned());
        Words::Said(self.last_words.clone())
    }

    fn answer(&mut self, _: Timestamp, why: Why<'_>) -> Option<Reply> {
        let line = match why {
            Why::Asked(_) if !self.greeted && self.turns == 0 => lines::GREETING,
            Why::Idle => lines::STILL_HERE,
            Why::Turn | Why::Asked(_) => {
                let said = self.last_words.to_lowercase();
                let farewell = FAREWELLS.iter().any(|farewell| said.contains(farewell));
                let enough = self.hang_up_after.is_some_and(|after| self.turns >= after);
                if self.can_hang_up && (farewell || enough) {
                    return Some(lines::GOODBYE.reply().then_tool(HANGUP));
                }
                self.answers += 1;
                lines::ANSWERS[(self.answers - 1) % lines::ANSWERS.len()]
            }
        };
        self.greeted = true;
        Some(line.reply())
    }

    fn told(&mut self, _: Timestamp, told: Told<'_>) {
        match told {
            Told::Tools(tools) => self.can_hang_up = tools.iter().any(|tool| tool == HANGUP),
            Told::Item(_) | Told::Request(_) => {}
        }
    }
}

/// Says the caller's turns back.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    turn: Vec<i16>,
}

impl Echo {
    /// It has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Brain for Echo {
    fn turn(&mut self, _: Timestamp, turn: &Turn<'_>) -> Words {
        self.turn.clear();
        self.turn.extend_from_slice(turn.samples);
        Words::Said(SOMETHING.to_owned())
    }

    fn answer(&mut self, _: Timestamp, why: Why<'_>) -> Option<Reply> {
        match why {
            Why::Turn | Why::Asked(Value::Null) if !self.turn.is_empty() => Some(Reply::say(&self.turn, SOMETHING)),
            Why::Turn | Why::Idle => None,
            Why::Asked(_) => Some(lines::GREETING.reply()),
        }
    }
}

/// Hears, and never answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Brain for Silent {
    fn turn(&mut self, _: Timestamp, _: &Turn<'_>) -> Words {
        Words::Said(SOMETHING.to_owned())
    }

    fn answer(&mut self, _: Timestamp, _: Why<'_>) -> Option<Reply> {
        None
    }
}

/// Answers only if it is asked, with 40 ms of nothing: what it says must not stand before what a mirror says back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Brief;

impl Brain for Brief {
    fn turn(&mut self, _: Timestamp, _: &Turn<'_>) -> Words {
        Words::Withheld
    }

    fn answer(&mut self, _: Timestamp, why: Why<'_>) -> Option<Reply> {
        match why {
            Why::Asked(_) => Some(Reply::say(&[0; 320], "Hm.").after(Duration::ZERO)),
            Why::Turn | Why::Idle => None,
        }
    }
}
