//! The model's side of a session: responses, in the captured order.

use std::{collections::VecDeque, time::Duration};

use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::{
    brain::Why,
    faults::Failing,
    log::ConnectionEvent,
    refusal::Refusal,
    response::{self, Open, Response, Step, Wanted},
    session::Session,
    settings,
};
use crate::{
    audio::SampleRate,
    lab::{
        Reply, ReplyPart,
        voices::{speech, speech_ms},
    },
    model::{ModelRequest, ResponseStatus},
    time::Timestamp,
};

/// From the first sign of a response to its first item.
const FIRST_ITEM: Duration = Duration::from_millis(50);
/// From a response's end to the limits.
const LIMITS: Duration = Duration::from_millis(40);
/// An out-of-band phrase is begun after this time.
const PHRASE_TIME: Duration = Duration::from_millis(150);
/// What is said in place of an exact phrase, as a fault.
const WRONG_WORDS: &str = "I would rather say something else entirely.";

impl Session {
    /// `response.create`
    pub(super) fn create_response(&mut self, now: Timestamp, params: &Value) -> Result<(), Refusal> {
        let wanted = self.wanted(params);
        if wanted.in_conversation {
            if let Some(active) = self.conversation_response() {
                return Err(Refusal::already_active(active));
            }
            self.tell(now, ModelRequest::CreateResponse);
        }
        let exact = params["instructions"].as_str().and_then(exact_words);
        let time = self.brain_time(now);
        let reply = match exact {
            Some(text) if self.takes_wrong_words() => Some(phrase(WRONG_WORDS, text.len().is_multiple_of(2))),
            Some(text) if !wanted.in_conversation => Some(phrase(text, true)),
            Some(text) => self.brain.answer(time, Why::Asked(params)).or_else(|| Some(phrase(text, true))),
            None if wanted.in_conversation => self.brain.answer(time, Why::Asked(params)),
            None => Some(phrase("All right.", true)),
        };
        if let Some(mut reply) = reply {
            if params["tool_choice"] == "none" {
                reply.parts.retain(|part| matches!(part, ReplyPart::Say { .. }));
            }
            self.begin(now, &reply, wanted);
        }
        Ok(())
    }

    /// The brain speaks without being asked.
    pub(super) fn speak(&mut self, now: Timestamp, reply: &Reply) {
        if self.conversation_response().is_none() {
            let wanted = self.wanted(&Value::Null);
            self.begin(now, &reply.clone().after(Duration::ZERO), wanted);
        }
    }

    /// What a response is to be like: the session's settings, and what `params` say instead.
    pub(super) fn wanted(&self, params: &Value) -> Wanted {
        let session = self.settings.session();
        let or = |own: &Value, session: &Value| if own.is_null() { session.clone() } else { own.clone() };
        let output = &session["audio"]["output"];
        let own = &params["audio"]["output"];
        let format_value = or(&own["format"], &output["format"]);
        let modalities = or(&params["output_modalities"], &session["output_modalities"]);
        Wanted {
            in_conversation: params["conversation"] != "none",
            metadata: params["metadata"].clone(),
            format: settings::format(&format_value),
            format_value,
            voice: or(&own["voice"], &output["voice"]),
            text_only: modalities == json!(["text"]),
            max_output_tokens: or(&params["max_output_tokens"], &session["max_output_tokens"]),
        }
    }

    /// A response begins.
    pub(super) fn begin(&mut self, now: Timestamp, reply: &Reply, wanted: Wanted) {
        let number = self.begun;
        let failing = self.faults.responses.iter().find(|(n, _)| *n == number).map(|(_, failing)| *failing);
        let odd = if self.faults.odd_deltas { Some(&mut self.random) } else { None };
        let first = now + FIRST_ITEM + reply.delay + self.faults.slow_first_delta;
        let steps = response::steps(reply, first, &wanted, failing, odd);
        self.begin_steps(now, steps, wanted, reply.status, failing);
    }

    /// A response begins, with steps of its own.
    pub(super) fn begin_steps(
        &mut self,
        now: Timestamp,
        steps: VecDeque<(Timestamp, Step)>,
        wanted: Wanted,
        status: ResponseStatus,
        failing: Option<Failing>,
    ) {
        let number = self.begun;
        self.begun += 1;
        self.no_idle();
        let id = self.id("resp");
        self.log.event(now, ConnectionEvent::Began(id.clone()));
        let response = Response {
            id,
            number: number as u32,
            wanted,
            steps,
            output: Vec::new(),
            open: None,
            status,
            failing,
            audio_ms: 0,
        };
        let created = response_value(&response, "in_progress", &Value::Null, &Value::Null);
        self.emit(json!({"type": "response.created", "response": created}));
        self.responses.push(response);
    }

    /// Carries out what is due.
    pub(super) fn advance_responses(&mut self, now: Timestamp) {
        let mut at = 0;
        while at < self.responses.len() {
            match self.responses[at].step(now) {
                None => at += 1,
                Some(Step::Done) => {
                    let response = self.responses.remove(at);
                    self.finish(now, response);
                }
                Some(step) => {
                    // Taken out: a step needs all of the session.
                    let mut response = self.responses.remove(at);
                    self.step(now, &mut response, step);
                    self.responses.insert(at, response);
                }
            }
        }
    }

    /// Stops a response: the one that is named, else the conversation's. Gives its number.
    pub(super) fn cancel(&mut self, now: Timestamp, wanted: Option<&str>, reason: &str) -> Option<u32> {
        let at = self.responses.iter().position(|response| match wanted {
            Some(id) => response.id == id,
            None => response.wanted.in_conversation,
        })?;
        let mut response = self.responses.remove(at);
        response.status = ResponseStatus::Cancelled;
        self.close_message(now, &mut response, "incomplete");
        let details = json!({"type": "cancelled", "reason": reason});
        self.done(now, &response, "cancelled", &details);
        Some(response.number)
    }

    fn step(&mut self, now: Timestamp, response: &mut Response, step: Step) {
        match step {
            Step::OpenMessage => self.open_message(response),
            Step::Text(text) => self.text_delta(response, &text),
            Step::Audio { bytes, ms } => self.audio_delta(response, &bytes, ms),
            Step::CloseMessage => self.close_message(now, response, "completed"),
            Step::Call { name, arguments, completed } => self.call(now, response, &name, &arguments, completed),
            Step::Done => {}
        }
    }

    fn open_message(&mut self, response: &mut Response) {
        let item = self.id("item");
        let value = json!({"id": item, "type": "message", "status": "in_progress", "role": "assistant", "content": []});
        self.add_item(response, &item, &value);
        let part = if response.wanted.text_only {
            json!({"type": "text", "text": ""})
        } else {
            json!({"type": "audio", "transcript": ""})
        };
        self.emit(json!({"type": "response.content_part.added", "response_id": response.id, "item_id": item,
                         "output_index": response.output.len(), "content_index": 0, "part": part}));
        response.open = Some(Open { item, text: String::new(), audio_ms: 0 });
    }

    fn add_item(&mut self, response: &Response, id: &str, value: &Value) {
        self.emit(json!({"type": "response.output_item.added", "response_id": response.id,
                         "output_index": response.output.len(), "item": value}));
        if response.wanted.in_conversation {
            let previous = self.items.last();
            self.items.push(id, value.clone(), true);
            self.emit(json!({"type": "conversation.item.added", "previous_item_id": previous, "item": value}));
        }
    }

    fn text_delta(&mut self, response: &mut Response, text: &str) {
        let Some(open) = &mut response.open else { return };
        open.text.push_str(text);
        let kind = if response.wanted.text_only { "output_text" } else { "output_audio_transcript" };
        let event = json!({"type": format!("response.{kind}.delta"), "response_id": response.id, "item_id": open.item,
                           "output_index": response.output.len(), "content_index": 0, "delta": text,
                           "obfuscation": "Zq1"});
        self.emit(event);
    }

    pub(super) fn audio_delta(&mut self, response: &mut Response, bytes: &[u8], ms: u64) {
        let Some(open) = &mut response.open else { return };
        open.audio_ms += ms;
        response.audio_ms += ms;
        self.log.report().deltas += 1;
        if let Some(item) = self.items.get_mut(&open.item) {
            item.audio_ms += ms;
            self.voiced = true;
        }
        let event = json!({"type": "response.output_audio.delta", "response_id": response.id, "item_id": open.item,
                           "output_index": response.output.len(), "content_index": 0,
                           "delta": STANDARD.encode_to_string(bytes)});
        self.emit(event);
    }

    /// The chain of events that ends a message, whole or cut off.
    fn close_message(&mut self, now: Timestamp, response: &mut Response, status: &str) {
        let Some(Open { item, text, audio_ms }) = response.open.take() else { return };
        let (index, text_only) = (response.output.len(), response.wanted.text_only);
        let at = |kind: &str| json!({"type": kind, "response_id": response.id, "item_id": item, "output_index": index, "content_index": 0});
        let with = |mut event: Value, name: &str, value: Value| {
            event[name] = value;
            event
        };
        let (part, content) = if text_only {
            self.emit(with(at("response.output_text.done"), "text", json!(text)));
            (json!({"type": "text", "text": text}), json!({"type": "output_text", "text": text}))
        } else {
            self.emit(at("response.output_audio.done"));
            self.emit(with(at("response.output_audio_transcript.done"), "transcript", json!(text)));
            (json!({"type": "audio", "transcript": text}), json!({"type": "output_audio", "transcript": text}))
        };
        self.emit(with(at("response.content_part.done"), "part", part));
        let value = json!({"id": item, "type": "message", "status": status, "role": "assistant", "content": [content]});
        self.end_item(response, &item, value);
        let whole = status == "completed";
        self.log.event(now, ConnectionEvent::Said { item, text: text.trim_end().to_owned(), ms: audio_ms, whole });
    }

    fn end_item(&mut self, response: &mut Response, id: &str, value: Value) {
        if response.wanted.in_conversation {
            let previous = self.items.before(id);
            if let Some(item) = self.items.get_mut(id) {
                item.value = value.clone();
            }
            self.emit(json!({"type": "conversation.item.done", "previous_item_id": previous, "item": value}));
        }
        self.emit(json!({"type": "response.output_item.done", "response_id": response.id,
                         "output_index": response.output.len(), "item": value}));
        response.output.push(value);
    }

    fn call(&mut self, now: Timestamp, response: &mut Response, name: &str, arguments: &str, completed: bool) {
        let (item, call_id) = (self.id("item"), self.id("call"));
        let value = |status: &str, arguments: &str| {
            json!({"id": item, "type": "function_call", "status": status, "name": name, "call_id": call_id,
                   "arguments": arguments})
        };
        self.add_item(response, &item, &value("in_progress", ""));
        let at = json!({"response_id": response.id, "item_id": item, "output_index": response.output.len(),
                        "call_id": call_id});
        let with = |kind: &str, name: &str, text: &str| {
            let mut event = at.clone();
            event["type"] = json!(kind);
            event[name] = json!(text);
            event
        };
        // Cut off where a limit would: in the middle of the text.
        let middle = (arguments.len() / 2..=arguments.len()).find(|&at| arguments.is_char_boundary(at)).unwrap_or(0);
        let (head, tail) = arguments.split_at(middle);
        self.emit(with("response.function_call_arguments.delta", "delta", head));
        let told = if completed {
            self.emit(with("response.function_call_arguments.delta", "delta", tail));
            let mut done = with("response.function_call_arguments.done", "arguments", arguments);
            done["name"] = json!(name);
            self.emit(done);
            arguments
        } else {
            head
        };
        let status = if completed { "completed" } else { "incomplete" };
        self.end_item(response, &item, value(status, told));
        let (name, arguments) = (name.to_owned(), told.to_owned());
        self.log.event(now, ConnectionEvent::Called { name, arguments });
    }

    fn finish(&mut self, now: Timestamp, mut response: Response) {
        self.close_message(now, &mut response, "incomplete");
        let failed = |kind: &str, code: &str, message: String| {
            ("failed", json!({"type": "failed", "error": {"type": kind, "code": code, "message": message}}))
        };
        let incomplete = |reason: &str| ("incomplete", json!({"type": "incomplete", "reason": reason}));
        let server = || failed("server_error", "server_error", "The server had an error while processing.".to_owned());
        let (status, details) = match response.failing {
            Some(Failing::RateLimit(after)) => {
                let message = format!(
                    "Rate limit reached for {} in organization org-test on tokens per min (TPM): Limit 40000, Used 39500, \
                     Requested 1200. Please try again in {}s.",
                    self.model,
                    after.as_secs_f64()
                );
                failed("rate_limit_error", "rate_limit_exceeded", message)
            }
            Some(Failing::Quota) => {
                let message = "You exceeded your current quota, please check your plan and billing details.";
                failed("insufficient_quota", "insufficient_quota", message.to_owned())
            }
            Some(Failing::Server) => server(),
            Some(Failing::MaxTokens(_)) => incomplete("max_output_tokens"),
            Some(Failing::ContentFilter(_)) => incomplete("content_filter"),
            None => match response.status {
                ResponseStatus::Completed => ("completed", Value::Null),
                ResponseStatus::Cancelled => ("cancelled", json!({"type": "cancelled", "reason": "turn_detected"})),
                ResponseStatus::Incomplete => incomplete("max_output_tokens"),
                ResponseStatus::Failed { .. } => server(),
            },
        };
        self.done(now, &response, status, &details);
    }

    /// `response.done`, and what follows.
    fn done(&mut self, now: Timestamp, response: &Response, status: &str, details: &Value) {
        let text = 10 + 5 * response.output.len() as u64;
        let audio = response.audio_ms / 50;
        let usage = if response.output.is_empty() {
            json!({"total_tokens": 40, "input_tokens": 40, "output_tokens": 0})
        } else {
            json!({"total_tokens": 132 + text + audio, "input_tokens": 132, "output_tokens": text + audio,
                   "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "image_tokens": 0,
                       "cached_tokens": 64,
                       "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0}},
                   "output_token_details": {"text_tokens": text, "audio_tokens": audio}})
        };
        let value = response_value(response, status, details, &usage);
        self.emit(json!({"type": "response.done", "response": value}));
        let reason = details["reason"].as_str().or(details["error"]["code"].as_str()).map(str::to_owned);
        let (id, status) = (response.id.clone(), status.to_owned());
        self.log.event(now, ConnectionEvent::Done { response: id, status, reason });
        let (limit, remaining, reset) = match response.failing {
            Some(Failing::RateLimit(after)) => (40_000, 500, after.as_secs_f64()),
            Some(Failing::Quota | Failing::Server | Failing::MaxTokens(_) | Failing::ContentFilter(_)) | None => {
                (15_000_000, 14_999_716, 0.001)
            }
        };
        if response.failing == Some(Failing::Quota) {
            // There is nothing left to be limited.
            return;
        }
        let limits = json!([{"name": "tokens", "limit": limit, "remaining": remaining, "reset_seconds": reset}]);
        self.later(now + LIMITS, json!({"type": "rate_limits.updated", "rate_limits": limits}));
        if response.wanted.in_conversation && response.status != ResponseStatus::Cancelled {
            self.await_idle(now + Duration::from_millis(response.audio_ms));
        }
    }
}

fn response_value(response: &Response, status: &str, details: &Value, usage: &Value) -> Value {
    let wanted = &response.wanted;
    let modality = if wanted.text_only { "text" } else { "audio" };
    let conversation = if wanted.in_conversation { json!("conv_1") } else { Value::Null };
    json!({"object": "realtime.response", "id": response.id, "status": status, "status_details": details,
           "output": response.output, "conversation_id": conversation, "output_modalities": [modality],
           "max_output_tokens": wanted.max_output_tokens,
           "audio": {"output": {"format": wanted.format_value, "voice": wanted.voice}},
           "usage": usage, "metadata": wanted.metadata})
}

/// The words of an instruction to say exactly some words: what stands between the first and the last quotation mark.
fn exact_words(instructions: &str) -> Option<&str> {
    let marks = ['"', '\u{201c}', '\u{201d}'];
    let at = instructions.to_lowercase().find("exactly")?;
    let rest = instructions.get(at..)?;
    let (from, mark) = rest.char_indices().find(|(_, c)| marks.contains(c))?;
    let to = rest.rfind(marks)?;
    rest.get(from + mark.len_utf8()..to).filter(|text| !text.is_empty())
}

fn phrase(text: &str, whole: bool) -> Reply {
    let samples = speech(text, SampleRate::TELEPHONE);
    // A phrase that is wrong may also be half as long.
    let samples = if whole { &samples[..] } else { &samples[..speech_ms(text) as usize * 4] };
    Reply::say(samples, text).after(PHRASE_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_words_are_what_is_quoted() {
        assert_eq!(exact_words("Say exactly, with nothing added: \"Good \"bye\".\""), Some("Good \"bye\"."));
        assert_eq!(exact_words("Greet the caller: say exactly “Hi.”"), Some("Hi."));
        assert_eq!(exact_words("Say \"hello\"."), None);
        assert_eq!(exact_words("Say exactly what you want."), None);
    }
}
