//! What the server says.

use base64_simd::STANDARD;

use super::{
    OpenAi, TurnDetection,
    decode::{AudioDelta, Done, ErrorBody, Event, Item, decode},
    fault, ids,
    session::{Link, News},
};
use crate::{
    audio::Encoding,
    model::{ModelFault, ResponseId, ResponseStatus},
};

/// Items of a response that are looked at when it is over.
const ITEMS: usize = 64;

impl OpenAi {
    /// Takes a text message.
    pub(super) fn hear(&mut self, text: &str) {
        let event = match decode(text) {
            Ok(event) => event,
            Err(error) => {
                self.counters.unreadable += 1;
                tracing::debug!(category = ?error.classify(), column = error.column(), "unreadable event of the model");
                return;
            }
        };
        match event {
            Event::SessionCreated => self.created(),
            Event::SessionUpdated => self.updated(),
            Event::Error(error) => self.error(&error),
            Event::Unknown => self.counters.unknown += 1,
            Event::Other => {}
            Event::SpeechStarted { .. }
            | Event::SpeechStopped { .. }
            | Event::Committed { .. }
            | Event::InputDelta { .. }
            | Event::InputTranscript { .. }
            | Event::InputFailed { .. }
            | Event::ResponseCreated { .. }
            | Event::Audio(_)
            | Event::TranscriptDelta(_)
            | Event::ItemDone { .. }
            | Event::ResponseDone(_)
                if !self.is_ready() =>
            {
                // Nothing was asked yet.
                self.counters.late += 1;
            }
            Event::SpeechStarted { item, at_ms } => {
                let padding = self.padding().0;
                // At the very beginning there is nothing to pad with.
                let start_ms = if at_ms == 0 { 0 } else { at_ms + padding };
                self.ids.turn(&item).start_ms = Some(start_ms);
                self.hearing = true;
                self.tell(News::SpeechStarted(start_ms));
            }
            Event::SpeechStopped { item, at_ms } => self.speech_stopped(&item, at_ms),
            Event::Committed { item } => {
                self.hearing = false;
                let appended_ms = self.appended / self.bytes_a_ms();
                let turn = self.ids.turn(&item);
                turn.end_ms = turn.end_ms.or(Some(appended_ms));
                self.history.turn_taken(&item);
                self.tell(News::Committed);
            }
            Event::InputDelta { item, delta } => {
                let turn = self.ids.turn(&item);
                let has_words = delta.chars().any(char::is_alphanumeric);
                // After its end the whole transcript is at hand.
                if has_words && turn.end_ms.is_none() && !std::mem::replace(&mut turn.partial_told, true) {
                    let start_ms = turn.start_ms;
                    self.tell(News::Partial(start_ms));
                }
            }
            Event::InputTranscript { item, text } => {
                self.history.caller_said(&item, &text);
                let span = self.ids.turn(&item).span();
                self.tell(News::Transcript(span, text.into_owned()));
            }
            Event::InputFailed { item } => {
                let span = self.ids.turn(&item).span();
                self.tell(News::NoTranscript(span));
            }
            Event::ResponseCreated { response } => self.response_created(&response),
            Event::Audio(delta) => self.audio(&delta),
            Event::TranscriptDelta(delta) => {
                if let Some(number) = self.ids.item(&delta.item).filter(|item| !item.done).map(|item| item.number) {
                    self.history.agent_says(number, &delta.delta);
                }
            }
            Event::ItemDone { response, item } => {
                let Some(response) = self.ids.response(&response).filter(|r| !r.done) else {
                    self.counters.late += 1;
                    return;
                };
                response.items += 1;
                let (number, cancelled) = (response.number, response.cancelled);
                self.item_done(number, cancelled, &item);
            }
            Event::ResponseDone(done) => self.response_done(&done),
        }
    }

    /// What the server's own detector adds to a stretch of speech before and after, in milliseconds.
    fn padding(&self) -> (u64, u64) {
        match self.settings.turn_detection {
            TurnDetection::Server { prefix_padding_ms, silence_duration_ms, .. } => {
                (u64::from(prefix_padding_ms), u64::from(silence_duration_ms))
            }
            TurnDetection::Semantic(_) => (0, 0),
        }
    }

    fn speech_stopped(&mut self, item: &str, at_ms: u64) {
        let (before, after) = self.padding();
        let turn = self.ids.turn(item);
        let end_ms = at_ms.saturating_sub(after);
        match turn.start_ms {
            // A server that does not count the padding in: its own figures.
            Some(start_ms) if start_ms >= end_ms => {
                turn.start_ms = Some(start_ms.saturating_sub(before));
                turn.end_ms = Some(at_ms);
            }
            Some(_) | None => turn.end_ms = Some(end_ms),
        }
    }

    fn response_created(&mut self, id: &str) {
        // Only one at a time: another that is still open here has ended without a word.
        if let Some(open) = self.ids.active() {
            if self.ids.response(id).is_some() {
                return;
            }
            self.end_response(open, ResponseStatus::Cancelled);
        }
        let Some(number) = self.ids.begin_response(id) else { return };
        self.creating = false;
        self.tell(News::Created(number));
    }

    fn audio(&mut self, delta: &AudioDelta<'_>) {
        let open = self.ids.response(&delta.response).filter(|r| !r.cancelled && !r.done).map(|r| r.number);
        let Some(response) = open else {
            self.counters.late += 1;
            return;
        };
        let samples_are_two_bytes = self.settings.encoding == Encoding::Pcm24k;
        let mut payload = std::mem::take(&mut self.spare);
        payload.clear();
        let item = self.ids.item_of(&delta.item, delta.content_index);
        payload.extend(item.odd);
        if STANDARD.decode_append(delta.delta.as_bytes(), &mut payload).is_err() {
            self.counters.unreadable += 1;
            self.spare = payload;
            return;
        }
        item.odd = if samples_are_two_bytes && payload.len() % 2 == 1 { payload.pop() } else { None };
        item.received += payload.len() as u64;
        let number = item.number;
        if payload.is_empty() {
            self.spare = payload;
            return;
        }
        self.greet = false;
        self.history.agent_says(number, "");
        self.tell(News::Audio(response, number, payload));
    }

    fn item_done(&mut self, response: ResponseId, cancelled: bool, item: &Item) {
        if item.is_tool_call() {
            self.tool_call(response, cancelled, item);
        } else if item.is_message()
            && let Some(id) = &item.id
        {
            let known = self.ids.item_of(id, 0);
            if std::mem::replace(&mut known.done, true) {
                return;
            }
            let (number, cut_ms, received) = (known.number, known.cut_ms, known.received);
            let transcript = item.transcript();
            match cut_ms {
                None if !cancelled => self.history.agent_said(number, &transcript),
                // What was heard of it is known already, as far as it can be.
                None | Some(_) => {}
            }
            if !cancelled && (received > 0 || !transcript.is_empty()) {
                self.tell(News::ItemDone(response, number, transcript));
            }
        }
    }

    fn tool_call(&mut self, response: ResponseId, cancelled: bool, item: &Item) {
        let Some(id) = &item.call_id else {
            self.counters.unreadable += 1;
            return;
        };
        if cancelled {
            return;
        }
        let Some(call) = self.ids.begin_call(id) else { return };
        let name = item.name.clone().unwrap_or_default();
        let arguments = item.arguments.clone().unwrap_or_default();
        let completed = item.is_completed();
        if completed {
            self.history.called(call, id, &name, &arguments);
        }
        self.tell(News::ToolCall { response, call, name, arguments, completed });
    }

    fn response_done(&mut self, done: &Done<'_>) {
        if self.ids.response(&done.id).is_none_or(|response| !response.billed) {
            self.counters.usage += done.usage();
        }
        if let Some(response) = self.ids.response(&done.id) {
            response.billed = true;
        }
        let Some(response) = self.ids.response(&done.id).filter(|response| !response.done) else {
            self.counters.late += 1;
            return self.create_wanted();
        };
        let (number, cancelled, told) = (response.number, response.cancelled, response.items);
        // What was not told by itself. Of more than we remember the first ones would look new.
        for item in done.items().take(ITEMS).filter(|_| told < ids::KEPT) {
            self.item_done(number, cancelled, &item);
        }
        let status = done.status();
        match status {
            ResponseStatus::Completed => {
                self.output_waits = false;
                self.answered();
            }
            ResponseStatus::Failed { .. } => {
                let code = done.error().and_then(|error| error.code.as_deref()).unwrap_or_default();
                self.report(fault::of_code(code).unwrap_or(ModelFault::Server), code);
            }
            ResponseStatus::Cancelled | ResponseStatus::Incomplete => {}
        }
        self.end_response(number, status);
        self.create_wanted();
    }

    fn end_response(&mut self, number: ResponseId, status: ResponseStatus) {
        if let Some(response) = self.ids.response_numbered(number) {
            response.done = true;
        }
        self.tell(News::Done(number, status));
    }

    fn error(&mut self, error: &ErrorBody) {
        self.counters.errors += 1;
        let code = error.code.as_deref().unwrap_or_default();
        let known = fault::of_code(code);
        match self.link {
            // Before the session is ready nothing but our settings was sent.
            Link::Opening => return self.lose(known.unwrap_or(ModelFault::Server), code, true),
            Link::Configuring => {
                let what = error.param.as_deref().unwrap_or(code);
                return self.lose(known.unwrap_or(ModelFault::Settings), what, true);
            }
            Link::Away | Link::Ready => {}
        }
        match known {
            Some(
                fault @ (ModelFault::Key
                | ModelFault::Model
                | ModelFault::Protocol
                | ModelFault::Expired
                | ModelFault::Quota),
            ) => return self.lose(fault, code, true),
            Some(
                ModelFault::RateLimit
                | ModelFault::Settings
                | ModelFault::Server
                | ModelFault::Network
                | ModelFault::TimedOut
                | ModelFault::Overloaded,
            )
            | None => {}
        }
        tracing::debug!(code, param = error.param, message = error.message, "the model reports an error");
        self.refused(error.event_id.as_deref(), code == "conversation_already_has_active_response");
    }
}
