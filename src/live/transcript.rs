//! What was said in a call, line by line, as far as the model wrote it down.

use serde_json::{Value, json};

use crate::time::Timestamp;

/// Lines that are kept of a call, and bytes of text in them: an hour of talk has some 600 lines.
const LINES: usize = 2_000;
const BYTES: usize = 256 * 1024;

/// Who has said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The caller, by the model's transcription.
    Caller,
    /// The agent, by the model's own words: an interruption may have kept the last of them from being heard.
    Agent,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was known, call time: an agent's line mostly before it is heard, a caller's after it was said.
    pub at: Timestamp,
    /// Whose.
    pub who: Speaker,
    /// What.
    pub text: String,
}

/// What was said in a call, as far as the model wrote it down, and within bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    lines: Vec<Line>,
    bytes: usize,
    dropped: u64,
}

impl Transcript {
    pub(super) fn add(&mut self, at: Timestamp, who: Speaker, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if self.lines.len() >= LINES || self.bytes + text.len() > BYTES {
            self.dropped += 1;
            return;
        }
        self.bytes += text.len();
        self.lines.push(Line { at, who, text: text.to_owned() });
    }

    /// In the order in which they were known.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Lines beyond the first 2,000, or 256 KiB: they were not kept.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let line = |line: &Line| {
            let who = match line.who {
                Speaker::Caller => "caller",
                Speaker::Agent => "agent",
            };
            json!({"at_ms": line.at.as_millis_f64(), "who": who, "text": line.text})
        };
        json!({"lines": self.lines.iter().map(line).collect::<Vec<_>>(), "dropped": self.dropped})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_in_lines_and_bytes() {
        let mut transcript = Transcript::default();
        transcript.add(Timestamp::ZERO, Speaker::Caller, " ");
        for _ in 0..LINES + 3 {
            transcript.add(Timestamp::ZERO, Speaker::Agent, "Hello.");
        }
        assert_eq!((transcript.lines().len(), transcript.dropped()), (LINES, 3));
        let mut transcript = Transcript::default();
        transcript.add(Timestamp::ZERO, Speaker::Caller, &"x".repeat(BYTES));
        transcript.add(Timestamp::ZERO, Speaker::Caller, "y");
        assert_eq!((transcript.lines().len(), transcript.dropped()), (1, 1));
    }
}
