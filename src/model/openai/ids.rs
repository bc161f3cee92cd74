//! The vendor's ids and our numbers: bounded, the oldest forgotten.

use std::collections::VecDeque;

use crate::model::{AppendedSpan, ItemId, ResponseId, ToolCallId};

/// Known at once of each kind. A response has a few items; what is older than these is not spoken of any more.
pub(super) const KEPT: usize = 64;

/// A response of this session.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) id: String,
    pub(super) number: ResponseId,
    /// Cancelled by us: what still comes of it is dropped.
    pub(super) cancelled: bool,
    pub(super) done: bool,
    /// The vendor has told what it costs.
    pub(super) billed: bool,
    /// Items that came to their end one by one.
    pub(super) items: usize,
}

/// A message of the agent in this session.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) number: ItemId,
    pub(super) content_index: u32,
    /// Bytes of audio that came.
    pub(super) received: u64,
    /// Half a sample, until its other half comes.
    pub(super) odd: Option<u8>,
    /// Its audio is complete, and that was told.
    pub(super) done: bool,
    /// The server keeps no more of it than this.
    pub(super) cut_ms: Option<u64>,
}

/// A tool call of this call; it outlives the session.
#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) number: ToolCallId,
    /// What the tool answered.
    pub(super) result: Option<String>,
    /// The model was given an answer.
    pub(super) answered: bool,
    /// It was made in the session that is open: the server knows it.
    pub(super) is_current: bool,
}

/// A stretch of the caller's speech in this session.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: String,
    pub(super) start_ms: Option<u64>,
    pub(super) end_ms: Option<u64>,
    /// It was told that it has words.
    pub(super) partial_told: bool,
}

impl Turn {
    pub(super) fn span(&self) -> Option<AppendedSpan> {
        Some(AppendedSpan { start_ms: self.start_ms?, end_ms: self.end_ms? }).filter(|span| span.start_ms < span.end_ms)
    }
}

/// All that has ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) responses: VecDeque<Response>,
    pub(super) items: VecDeque<Item>,
    pub(super) calls: VecDeque<ToolCall>,
    pub(super) turns: VecDeque<Turn>,
    next_response: u32,
    next_item: u32,
    next_call: u32,
}

impl Ids {
    /// A new session: only tool calls are still spoken of. Numbers are never used again.
    pub(super) fn new_session(&mut self) {
        self.responses.clear();
        self.items.clear();
        self.turns.clear();
        for call in &mut self.calls {
            call.is_current = false;
        }
    }

    /// A response that begins; `None` if it is known.
    pub(super) fn begin_response(&mut self, id: &str) -> Option<ResponseId> {
        if self.response(id).is_some() {
            return None;
        }
        let number = ResponseId(self.next_response);
        self.next_response += 1;
        push(
            &mut self.responses,
            Response { id: id.to_owned(), number, cancelled: false, done: false, billed: false, items: 0 },
        );
        Some(number)
    }

    pub(super) fn response(&mut self, id: &str) -> Option<&mut Response> {
        self.responses.iter_mut().rev().find(|response| response.id == id)
    }

    pub(super) fn response_numbered(&mut self, number: ResponseId) -> Option<&mut Response> {
        self.responses.iter_mut().rev().find(|response| response.number == number)
    }

    /// The server's response that is not over.
    pub(super) fn active(&self) -> Option<ResponseId> {
        self.responses.iter().rev().find(|response| !response.done).map(|response| response.number)
    }

    /// This item, new or known.
    pub(super) fn item_of(&mut self, id: &str, content_index: u32) -> &mut Item {
        let at = self.items.iter().rposition(|item| item.id == id).unwrap_or_else(|| {
            let number = ItemId(self.next_item);
            self.next_item += 1;
            let id = id.to_owned();
            let item = Item { id, number, content_index, received: 0, odd: None, done: false, cut_ms: None };
            push(&mut self.items, item);
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    pub(super) fn item(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().rev().find(|item| item.id == id)
    }

    pub(super) fn item_numbered(&mut self, number: ItemId) -> Option<&mut Item> {
        self.items.iter_mut().rev().find(|item| item.number == number)
    }

    /// A tool call; `None` if it is known.
    pub(super) fn begin_call(&mut self, id: &str) -> Option<ToolCallId> {
        if self.calls.iter().any(|call| call.id == id) {
            return None;
        }
        let number = ToolCallId(self.next_call);
        self.next_call += 1;
        if self.calls.len() == KEPT {
            // One that waits for its answer is remembered as long as others can go.
            let oldest = self.calls.iter().position(|call| call.answered).unwrap_or(0);
            self.calls.remove(oldest);
        }
        self.calls.push_back(ToolCall { id: id.to_owned(), number, result: None, answered: false, is_current: true });
        Some(number)
    }

    pub(super) fn call(&mut self, number: ToolCallId) -> Option<&mut ToolCall> {
        self.calls.iter_mut().rev().find(|call| call.number == number)
    }

    /// This stretch of speech, new or known.
    pub(super) fn turn(&mut self, id: &str) -> &mut Turn {
        let at = self.turns.iter().rposition(|turn| turn.id == id).unwrap_or_else(|| {
            push(&mut self.turns, Turn { id: id.to_owned(), start_ms: None, end_ms: None, partial_told: false });
            self.turns.len() - 1
        });
        &mut self.turns[at]
    }
}

fn push<T>(list: &mut VecDeque<T>, value: T) {
    if list.len() == KEPT {
        list.pop_front();
    }
    list.push_back(value);
}
