//! The conversation so far, in words: a new session is given it when the old one was lost.

use std::collections::VecDeque;

use serde_json::Value;

use super::encode;
use crate::model::{ItemId, ToolCallId};

/// Entries and bytes of text that are kept; the oldest go first.
const ENTRIES: usize = 128;
const BYTES: usize = 32 * 1024;
/// Bytes of one entry.
const LONGEST: usize = 4 * 1024;
/// Stands for what was said and is not known any more.
const UNHEARD: &str = "[The caller said something here that was lost with the connection. If it matters, ask again.]";

#[derive(Debug)]
enum Entry {
    Caller {
        /// The vendor's id of the turn.
        turn: String,
        /// `None`: no transcript has come.
        text: Option<String>,
    },
    Agent {
        item: ItemId,
        text: String,
        /// Said and, as far as is known, heard to its end.
        whole: bool,
    },
    Call {
        call: ToolCallId,
        id: String,
        name: String,
        arguments: String,
    },
    Output {
        call: ToolCallId,
        text: String,
    },
    Note(String),
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Caller { text, .. } => text.as_ref().map_or(0, String::len),
            Self::Agent { text, .. } | Self::Output { text, .. } | Self::Note(text) => text.len(),
            Self::Call { name, arguments, .. } => name.len() + arguments.len(),
        }
    }
}

/// What was said, asked and noted in this call.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
}

impl History {
    /// The server took the caller's speech as a turn: its words belong here, whenever they come.
    pub(super) fn turn_taken(&mut self, turn: &str) {
        if !self.entries.iter().any(|entry| matches!(entry, Entry::Caller { turn: known, .. } if known == turn)) {
            self.push(Entry::Caller { turn: turn.to_owned(), text: None });
        }
    }

    /// The transcript of a turn.
    pub(super) fn caller_said(&mut self, turn: &str, words: &str) {
        self.turn_taken(turn);
        let entries = self.entries.iter_mut().rev();
        for entry in entries {
            if let Entry::Caller { turn: known, text } = entry
                && known == turn
            {
                *text = Some(short(words).to_owned());
                break;
            }
        }
        self.forget_oldest();
    }

    /// The caller has spoken.
    pub(super) fn has_caller(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Caller { .. }))
    }

    /// The agent begins to say something, or says more of it.
    pub(super) fn agent_says(&mut self, item: ItemId, words: &str) {
        match self.agent(item) {
            Some((text, _)) if text.len() < LONGEST => text.push_str(short(words)),
            Some(_) => {}
            None => self.push(Entry::Agent { item, text: short(words).to_owned(), whole: false }),
        }
    }

    /// All of what the agent says in an item.
    pub(super) fn agent_said(&mut self, item: ItemId, words: &str) {
        if self.agent(item).is_none() {
            self.agent_says(item, "");
        }
        if let Some((text, whole)) = self.agent(item) {
            *text = short(words).to_owned();
            *whole = true;
        }
        self.forget_oldest();
    }

    /// Only this much of an item was heard, of so much if all of it was there. Words have no times: of an item that
    /// was complete as many are kept as fit in the share that was heard, of another none.
    pub(super) fn agent_was_cut(&mut self, item: ItemId, heard_ms: u64, of_ms: Option<u64>) {
        let Some((text, whole)) = self.agent(item) else { return };
        *whole = false;
        let words = text.split_whitespace().count() as u64;
        let kept = of_ms.filter(|of| *of > 0).map_or(0, |of| words * heard_ms.min(of) / of);
        *text = text.split_whitespace().take(kept as usize).collect::<Vec<_>>().join(" ");
    }

    fn agent(&mut self, wanted: ItemId) -> Option<(&mut String, &mut bool)> {
        self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Agent { item, text, whole } if *item == wanted => Some((text, whole)),
            Entry::Agent { .. } | Entry::Caller { .. } | Entry::Call { .. } | Entry::Output { .. } | Entry::Note(_) => {
                None
            }
        })
    }

    /// The agent called a tool.
    pub(super) fn called(&mut self, call: ToolCallId, id: &str, name: &str, arguments: &str) {
        if arguments.len() <= LONGEST {
            let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
            self.push(Entry::Call { call, id, name, arguments });
        }
    }

    /// A tool answered.
    pub(super) fn answered(&mut self, call: ToolCallId, text: &str) {
        self.push(Entry::Output { call, text: short(text).to_owned() });
    }

    /// The agent was told something.
    pub(super) fn noted(&mut self, text: &str) {
        self.push(Entry::Note(short(text).to_owned()));
    }

    /// As items for a new session.
    pub(super) fn items(&self) -> Vec<Value> {
        let mut items = Vec::with_capacity(self.entries.len());
        let last_said = self.entries.iter().rposition(|entry| matches!(entry, Entry::Agent { .. }));
        for (at, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::Caller { text: Some(text), .. } if text.trim().is_empty() => {}
                Entry::Caller { text: Some(text), .. } => items.push(encode::caller_said(text)),
                // What was answered is known by its answer.
                Entry::Caller { text: None, .. } if last_said > Some(at) => {}
                Entry::Caller { text: None, .. } => items.push(encode::note(UNHEARD)),
                Entry::Agent { text, .. } if text.trim().is_empty() => {}
                Entry::Agent { text, whole: true, .. } => items.push(encode::agent_said(text)),
                Entry::Agent { text, whole: false, .. } => {
                    items.push(encode::agent_said(&format!("{} \u{2014}", text.trim_end())))
                }
                Entry::Call { id, name, arguments, .. } => items.push(encode::tool_call(id, name, arguments)),
                Entry::Output { call, text } => {
                    // Without its call an output is an error.
                    if let Some(id) = self.id_of(*call) {
                        items.push(encode::tool_output(id, text));
                    }
                }
                Entry::Note(text) => items.push(encode::note(text)),
            }
        }
        items
    }

    fn id_of(&self, wanted: ToolCallId) -> Option<&str> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Call { call, id, .. } if *call == wanted => Some(id.as_str()),
            Entry::Call { .. } | Entry::Caller { .. } | Entry::Agent { .. } | Entry::Output { .. } | Entry::Note(_) => {
                None
            }
        })
    }

    /// Whether a new session would know this tool call.
    pub(super) fn knows_call(&self, call: ToolCallId) -> bool {
        self.id_of(call).is_some()
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        let mut bytes: usize = self.entries.iter().map(Entry::bytes).sum();
        while self.entries.len() > ENTRIES || bytes > BYTES {
            let Some(entry) = self.entries.pop_front() else { return };
            bytes -= entry.bytes();
        }
    }
}

/// Its beginning, if it is very long.
fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
