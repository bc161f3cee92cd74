//! What is said next: where the conversation stands, and the choice of a line.

use super::lines::{self, Line, Wish};
use crate::model::ToolAnswer;

/// Longest words that are kept, in bytes.
const MAX_WORDS: usize = 2_000;
/// The key that ends the call.
const END_KEY: char = '9';

/// What the next answer is about, apart from what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Topic {
    Key(char),
    CannotHangUp,
    CallerIsBack,
}

/// Where the conversation stands.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    /// The call goes on after a break.
    resumed: bool,
    /// The caller has spoken or pressed a key.
    spoke: bool,
    /// Greeting or apology have been begun in this session.
    opened: bool,
    /// The greeting was asked for in time, and comes whatever the caller does.
    greet: bool,
    topic: Option<Topic>,
    /// The caller's last known words.
    words: String,
    /// No answer has been given to them.
    words_open: bool,
    next_answer: usize,
    last_line: &'static str,
}

impl Talk {
    pub(super) fn new(resumed: bool) -> Self {
        Self {
            resumed,
            spoke: false,
            opened: false,
            greet: false,
            topic: None,
            words: String::new(),
            words_open: false,
            next_answer: 0,
            last_line: "",
        }
    }

    /// A new connection: what the conversation has come to stays, an opening that nobody answered comes again.
    pub(super) fn reconnected(&mut self) {
        self.opened = self.opened && self.spoke;
        self.greet = false;
        self.words_open = false;
    }

    /// The caller speaks.
    pub(super) fn spoke(&mut self) {
        self.spoke = true;
    }

    /// The caller pressed a key.
    pub(super) fn pressed(&mut self, key: char) {
        self.spoke = true;
        self.topic = Some(Topic::Key(key));
    }

    /// A response was asked for.
    pub(super) fn asked(&mut self) {
        self.greet = !self.spoke && !self.opened;
    }

    /// The caller took a goodbye back.
    pub(super) fn caller_is_back(&mut self) {
        self.topic = Some(Topic::CallerIsBack);
    }

    /// `hangup_call` was answered.
    pub(super) fn tool_answered(&mut self, answer: ToolAnswer) {
        match answer {
            ToolAnswer::NoSuchTool => self.topic = Some(Topic::CannotHangUp),
            ToolAnswer::TakenBack => self.caller_is_back(),
            ToolAnswer::Result { .. }
            | ToolAnswer::CallerHasNotSpoken
            | ToolAnswer::HungUp
            | ToolAnswer::AlreadyEnding
            | ToolAnswer::Abandoned
            | ToolAnswer::Waiting
            | ToolAnswer::WrongWait
            | ToolAnswer::WaitedEnough
            | ToolAnswer::WrongTransfer
            | ToolAnswer::Transferred
            | ToolAnswer::TransferFailed => {}
        }
    }

    /// The caller's words are known.
    pub(super) fn hear_words(&mut self, text: &str) {
        let mut end = text.len().min(MAX_WORDS);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.words.clear();
        self.words.push_str(&text[..end]);
        self.words_open = true;
    }

    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// Words are known that have not been answered.
    pub(super) fn has_words(&self) -> bool {
        self.words_open
    }

    /// The caller's turn is answered with itself, unless there is something else to be said.
    pub(super) fn may_echo(&mut self) -> bool {
        let may = self.topic.is_none() && !self.greet;
        self.opened |= may;
        self.words_open &= !may;
        may
    }

    /// The next line, and whether the call ends with it.
    pub(super) fn choose(&mut self) -> (Line, bool) {
        let (line, ends_call) = self.chosen();
        self.last_line = line.name;
        (line, ends_call)
    }

    fn chosen(&mut self) -> (Line, bool) {
        let words_open = std::mem::take(&mut self.words_open);
        let greet = std::mem::take(&mut self.greet);
        let first = !std::mem::replace(&mut self.opened, true);
        match self.topic.take() {
            Some(Topic::Key(END_KEY)) => return (lines::GOODBYE, true),
            Some(Topic::Key(_)) => return (lines::KEY, false),
            Some(Topic::CannotHangUp) => return (lines::CANNOT_HANG_UP, false),
            Some(Topic::CallerIsBack) => return (lines::STILL_HERE, false),
            None if first && self.resumed => return (lines::RESUMED, false),
            None if first && greet => return (lines::GREETING, false),
            None => {}
        }
        let wish = if words_open { lines::wish(&self.words) } else { None };
        match wish {
            Some(Wish::End) => (lines::GOODBYE, true),
            Some(Wish::Hear(line)) if line.name != self.last_line => (line, false),
            Some(Wish::Hear(_)) | None => (self.next_in_rotation(), false),
        }
    }

    fn next_in_rotation(&mut self) -> Line {
        loop {
            let line = lines::ANSWERS[self.next_answer % lines::ANSWERS.len()];
            self.next_answer += 1;
            if line.name != self.last_line {
                return line;
            }
        }
    }
}
