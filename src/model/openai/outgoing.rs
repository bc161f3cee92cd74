//! What the call asks for.

use super::{GreetingText, OpenAi, encode};
use crate::model::{ItemId, ResponseId, ToolAnswer, ToolCallId};

impl OpenAi {
    /// Asks for a response, as soon as none is active. One that is on its way is enough.
    pub(super) fn create(&mut self) {
        if !self.is_ready() || self.creating {
            return;
        }
        if self.ids.active().is_some() {
            self.wanted = true;
            return;
        }
        self.wanted = false;
        let id = self.event_id();
        let instructions = self.greeting_instructions();
        self.send(encode::response_create(instructions.as_deref(), &id));
        self.asked = Some(id);
        self.creating = true;
    }

    /// The instructions of the greeting, if this is one and its words are given. They replace the session's for this
    /// response, so they hold them.
    fn greeting_instructions(&self) -> Option<String> {
        if !self.greet || self.history.has_caller() {
            return None;
        }
        let task = match &self.settings.greeting {
            GreetingText::Free => "The call has just begun: greet the caller.".to_owned(),
            GreetingText::Exactly(words) => format!("Greet the caller: say exactly: \"{words}\""),
            GreetingText::Resumed => "The line was cut off and is there again: the caller had been talking with you, \
                                      and you know nothing of it any more. Say that you are sorry for the \
                                      interruption, and ask what you can do."
                .to_owned(),
            GreetingText::Returned => {
                "The caller had talked with you and was put through to somebody who could not be \
                                       reached; now the caller is back, and you know nothing of the conversation any \
                                       more. Say that nobody could be reached, and ask what you can do."
                    .to_owned()
            }
        };
        Some(format!("{}\n\n{task}", self.settings.instructions))
    }

    /// A response is over: what was wanted meanwhile is asked for. While the caller speaks it is not: the server answers
    /// at the end of the turn by itself.
    pub(super) fn create_wanted(&mut self) {
        if std::mem::take(&mut self.wanted) && !self.hearing {
            self.create();
        }
    }

    /// An error names our request for a response, or names nothing. If another response was active it is asked for again
    /// when that is over; but what the server began by itself is the answer to all that it then knew: only a tool's
    /// output may have come too late for it.
    pub(super) fn refused(&mut self, event_id: Option<&str>, busy: bool) {
        if event_id.is_some_and(|id| self.asked.as_deref() != Some(id)) || self.asked.take().is_none() {
            return;
        }
        let begun = !std::mem::take(&mut self.creating);
        self.wanted |= busy && (!begun || self.output_waits);
        if begun && self.ids.active().is_none() {
            // That one is over already.
            self.create_wanted();
        }
    }

    pub(super) fn cancel(&mut self, number: ResponseId) {
        // The call decides anew what it wants after this.
        self.wanted = false;
        let Some(response) = self.ids.response_numbered(number) else { return };
        response.cancelled = true;
        if !response.done {
            let event = encode::response_cancel(&response.id);
            self.send(event);
        }
    }

    pub(super) fn truncate(&mut self, number: ItemId, heard_ms: u64) {
        let bytes_a_ms = self.bytes_a_ms();
        let Some(item) = self.ids.item_numbered(number) else { return };
        let received_ms = item.received / bytes_a_ms;
        let known_ms = item.cut_ms.unwrap_or(received_ms);
        // Nothing to take away: an item without audio cannot be cut, and cutting at the end only costs its transcript.
        if received_ms == 0 || (heard_ms >= known_ms && (item.done || item.cut_ms.is_some())) {
            return;
        }
        let end_ms = heard_ms.min(known_ms);
        item.cut_ms = Some(end_ms);
        let event = encode::truncate(&item.id, item.content_index, end_ms);
        let of_ms = item.done.then_some(received_ms);
        self.send(event);
        self.history.agent_was_cut(number, end_ms, of_ms);
    }

    pub(super) fn commit(&mut self) {
        if self.is_ready() {
            self.send(encode::commit());
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        if self.is_ready() {
            self.send(encode::item_create(&encode::note(text)));
        }
        self.history.noted(text);
    }

    /// The output goes in by itself; whether the model is to speak of it is the call's decision.
    pub(super) fn tool_output(&mut self, number: ToolCallId, answer: ToolAnswer) {
        let Some(call) = self.ids.call(number) else { return };
        call.answered = true;
        let text = call.result.take().filter(|_| matches!(answer, ToolAnswer::Result { .. }));
        let text = text.unwrap_or_else(|| words(answer).to_owned());
        // Without its call an output is an error: a new session may not know it.
        let item = if call.is_current || self.history.knows_call(number) {
            encode::tool_output(&call.id, &text)
        } else {
            encode::note(&format!("[A tool that you called answers: {text}]"))
        };
        if self.is_ready() {
            self.send(encode::item_create(&item));
            self.output_waits = true;
        }
        self.history.answered(number, &text);
    }
}

/// A tool's answer in words for the model.
fn words(answer: ToolAnswer) -> &'static str {
    match answer {
        ToolAnswer::Result { ok: true } => "Done.",
        ToolAnswer::Result { ok: false } => "This failed. Tell the caller that it is not possible at the moment.",
        ToolAnswer::NoSuchTool => "There is no such tool. Go on without it.",
        ToolAnswer::CallerHasNotSpoken => {
            "This was not done: the caller has not spoken yet. Talk with the caller first."
        }
        ToolAnswer::HungUp => "The call is being ended. Say nothing more.",
        ToolAnswer::AlreadyEnding => "The call is already being ended. Say nothing more.",
        ToolAnswer::TakenBack => "The call was not ended: the caller is still there. Go on with the conversation.",
        ToolAnswer::Abandoned => "The call goes on; what became of this is not known.",
        ToolAnswer::Waiting => "The line is held. Say nothing until the caller speaks again.",
        ToolAnswer::WrongWait => "The line was not held: seconds has to be a whole number from 1 to 180.",
        ToolAnswer::WaitedEnough => {
            "The line was not held: the caller has been waited for as long as possible. Ask whether the caller is there."
        }
        ToolAnswer::WrongTransfer => {
            "The caller was not put through: to has to be one of the names of the tool's schema."
        }
        ToolAnswer::Transferred => "The caller is put through. Say nothing more.",
        ToolAnswer::TransferFailed => {
            "The caller could not be put through and is still with you. Say so, and offer another way."
        }
    }
}
