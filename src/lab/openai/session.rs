//! A realtime session without its socket: events in, events out, time an argument.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64_simd::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    brain::{Brain, Impulse, Told},
    check,
    faults::Faults,
    input::Input,
    items::Items,
    log::{ConnectionEvent, Log},
    mirror::Mirror,
    refusal::Refusal,
    response::Response,
    settings::Settings,
};
use crate::{
    lab::checks::Checks,
    model::{ItemId, ModelRequest, ResponseId},
    time::Timestamp,
};

/// A client's event with audio.
const APPEND: &str = "input_audio_buffer.append";
/// Least audio that can be committed.
const LEAST_MS: f64 = 100.0;
/// Longest audio of one message, decoded.
const MOST_AUDIO: usize = 15 << 20;
/// From an item of the client's to the answer to it.
const ITEM_TIME: Duration = Duration::from_millis(5);

/// Something that comes later.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// An event as it is.
    Event(Value),
    /// Nobody has said anything since the last answer was heard.
    Idle,
}

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) text: String,
    /// It is an audio delta.
    pub(super) is_delta: bool,
}

/// A client's audio, for reading it without the detour of a whole event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Append<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    audio: Cow<'a, str>,
    #[serde(borrow, default, rename = "event_id")]
    _event_id: Option<Cow<'a, str>>,
}

/// A session.
pub(super) struct Session {
    pub(super) brain: Box<dyn Brain>,
    pub(super) settings: Settings,
    pub(super) input: Input,
    pub(super) items: Items,
    pub(super) responses: Vec<Response>,
    pub(super) begun: usize,
    pub(super) due: Vec<(Timestamp, Due)>,
    pub(super) faults: Faults,
    /// Exact phrases that are still to be said wrong.
    pub(super) wrong_words: Arc<AtomicU32>,
    pub(super) random: fastrand::Rng,
    pub(super) log: Log,
    pub(super) model: String,
    /// The item of the caller's turn under way.
    pub(super) turn_item: Option<String>,
    /// Audio of the model's is in the conversation: its voice is fixed.
    pub(super) voiced: bool,
    pub(super) mirror: Option<Mirror>,
    pub(super) checks: Checks,
    pub(super) out: VecDeque<Out>,
    ids: u32,
    prefix: String,
    pub(super) began: Option<Timestamp>,
    lost: bool,
}

impl Session {
    pub(super) fn new(
        brain: Box<dyn Brain>,
        model: &str,
        faults: Faults,
        wrong_words: Arc<AtomicU32>,
        seed: u64,
        log: Log,
        unix_ms: u64,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let prefix: String = std::iter::repeat_with(|| random.alphanumeric()).take(12).collect();
        Self {
            brain,
            settings: Settings::new(&format!("sess_{prefix}"), model, unix_ms / 1000),
            input: Input::default(),
            items: Items::default(),
            responses: Vec::new(),
            begun: 0,
            due: Vec::new(),
            faults,
            wrong_words,
            random,
            log,
            model: model.to_owned(),
            turn_item: None,
            voiced: false,
            mirror: None,
            checks: Checks::default(),
            out: VecDeque::new(),
            ids: 0,
            prefix,
            began: None,
            lost: false,
        }
    }

    /// The connection is there.
    pub(super) fn open(&mut self) {
        self.began = self.brain.begins(None);
        self.log.report().session = self.settings.session().clone();
        self.emit(json!({"type": "session.created", "session": self.settings.session()}));
    }

    /// What is to be sent next.
    pub(super) fn take(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// The brain says that the connection is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// When something happens next by itself.
    pub(super) fn next_at(&self) -> Timestamp {
        let due = self.due.iter().map(|(at, _)| *at).chain(self.responses.iter().map(Response::next_at));
        let brain = self.brain.next_at();
        let brain = match self.began {
            _ if brain == Timestamp::NEVER => Timestamp::NEVER,
            Some(began) => began + (brain - Timestamp::ZERO),
            None if brain == Timestamp::ZERO => Timestamp::ZERO,
            None => Timestamp::NEVER,
        };
        due.fold(brain, Timestamp::min)
    }

    /// Time as the brain counts it.
    pub(super) fn brain_time(&self, now: Timestamp) -> Timestamp {
        self.began.map_or(Timestamp::ZERO, |began| Timestamp::ZERO + (now - began))
    }

    /// Time goes on.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(impulse) = self.brain.poll(self.brain_time(now)) {
            match impulse {
                Impulse::Speak(reply) => self.speak(now, &reply),
                Impulse::News(news) => self.lost |= self.news(now, news),
            }
        }
        self.advance_responses(now);
        while let Some(at) =
            self.due.iter().enumerate().filter(|(_, (at, _))| *at <= now).min_by_key(|(_, (at, _))| *at)
        {
            let at = at.0;
            match self.due.remove(at).1 {
                Due::Event(event) => self.emit(event),
                Due::Idle => self.idle(now),
            }
        }
    }

    /// A binary frame came.
    pub(super) fn binary(&mut self, now: Timestamp, bytes: usize) {
        self.log.violation(format!("a binary frame of {bytes} bytes, expected text"));
        self.refuse(now, &Refusal::binary(), None);
    }

    /// A text frame came.
    pub(super) fn text(&mut self, now: Timestamp, text: &str) {
        if !self.checks.is_due()
            && let Ok(Append { r#type, audio, .. }) = serde_json::from_str(text)
            && r#type == APPEND
        {
            if let Err(refusal) = self.append(now, &audio) {
                self.refuse(now, &refusal, None);
            }
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            self.log.violation("a text frame that is not JSON".to_owned());
            return self.refuse(now, &Refusal::not_json(), None);
        };
        let event_id = event["event_id"].as_str().map(str::to_owned);
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        if kind != APPEND {
            self.log.event(now, ConnectionEvent::Client(event.clone()));
        }
        if let Some(refusal) = check::client(&event) {
            self.log.violation(format!("{kind}: {}", refusal.message));
            return self.refuse(now, &refusal, event_id.as_deref());
        }
        if let Err(refusal) = self.carry_out(now, &kind, &event) {
            self.refuse(now, &refusal, event_id.as_deref());
        }
    }

    /// A client's event that the schema allows.
    fn carry_out(&mut self, now: Timestamp, kind: &str, event: &Value) -> Result<(), Refusal> {
        match kind {
            "session.update" => self.update(now, &event["session"])?,
            APPEND => self.append(now, event["audio"].as_str().unwrap_or_default())?,
            "input_audio_buffer.commit" => {
                let ms = self.input.buffered_ms();
                if ms < LEAST_MS {
                    return Err(Refusal::too_little(ms));
                }
                self.tell(now, ModelRequest::Commit);
                self.commit(now, None);
            }
            "input_audio_buffer.clear" => {
                self.input.clear();
                self.turn_item = None;
                self.emit(json!({"type": "input_audio_buffer.cleared"}));
            }
            "conversation.item.create" => self.create_item(now, event)?,
            "conversation.item.retrieve" => {
                let id = event["item_id"].as_str().unwrap_or_default();
                let item = self.items.get(id).ok_or_else(|| Refusal::no_item(id, "item_id"))?;
                let event = json!({"type": "conversation.item.retrieved", "item": item.value});
                self.emit(event);
            }
            "conversation.item.delete" => {
                let id = event["item_id"].as_str().unwrap_or_default();
                let item = self.items.remove(id).ok_or_else(|| Refusal::no_item(id, "item_id"))?;
                self.emit(json!({"type": "conversation.item.deleted", "item_id": item.id}));
            }
            "conversation.item.truncate" => self.truncate(now, event)?,
            "response.create" => self.create_response(now, &event["response"])?,
            "response.cancel" => {
                let wanted = event["response_id"].as_str();
                let number = self.cancel(now, wanted, "client_cancelled").ok_or_else(Refusal::nothing_to_cancel)?;
                self.tell(now, ModelRequest::Cancel(ResponseId(number)));
            }
            // WebRTC's and SIP's own.
            _ => {
                let message = format!("The event '{kind}' is not supported on WebSocket connections.");
                return Err(Refusal::new("invalid_value", message).at("type"));
            }
        }
        Ok(())
    }

    fn update(&mut self, now: Timestamp, update: &Value) -> Result<(), Refusal> {
        let before = self.settings.input_format();
        self.settings.update(update, self.voiced)?;
        if self.settings.input_format() != before {
            self.input.reformat();
        }
        let time = self.brain_time(now);
        self.brain.told(time, Told::Tools(&self.settings.tools()));
        self.log.report().session = self.settings.session().clone();
        self.emit(json!({"type": "session.updated", "session": self.settings.session()}));
        Ok(())
    }

    fn append(&mut self, now: Timestamp, audio: &str) -> Result<(), Refusal> {
        let wrong = |why| Refusal::invalid("audio", why);
        let bytes = STANDARD.decode_to_vec(audio).map_err(|_| wrong("expected base64-encoded audio bytes"))?;
        if bytes.len() > MOST_AUDIO {
            return Err(wrong("more than 15 MiB of audio in one event"));
        }
        if self.began.is_none() {
            self.began = self.brain.begins(Some(now));
        }
        if self.mirror.is_some() {
            self.mirror(now, audio, &bytes);
            return Ok(());
        }
        let format = self.settings.input_format();
        let samples = self.input.append(&bytes, format);
        {
            let mut report = self.log.report();
            report.appends += 1;
            report.appended_ms = self.input.appended_ms();
            report.began = self.began;
        }
        let time = self.brain_time(now);
        self.brain.hear(time, &samples);
        self.listen(now, &samples);
        Ok(())
    }

    fn create_item(&mut self, now: Timestamp, event: &Value) -> Result<(), Refusal> {
        let mut item = event["item"].clone();
        let id = item["id"].as_str().map_or_else(|| self.id("item"), str::to_owned);
        if item["type"] == "function_call_output" {
            let call = item["call_id"].as_str().unwrap_or_default();
            if !self.items.has_call(call) {
                return Err(Refusal::no_call(call));
            }
        }
        item["id"] = json!(id);
        item["status"] = json!("completed");
        let behind = event["previous_item_id"].as_str();
        self.items.insert(&id, item.clone(), behind)?;
        let time = self.brain_time(now);
        self.brain.told(time, Told::Item(&item));
        let previous = self.items.before(&id);
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.later(now + ITEM_TIME, json!({"type": kind, "previous_item_id": previous, "item": item}));
        }
        Ok(())
    }

    fn truncate(&mut self, now: Timestamp, event: &Value) -> Result<(), Refusal> {
        let id = event["item_id"].as_str().unwrap_or_default();
        let end = &event["audio_end_ms"];
        if end.as_i64().is_some_and(|ms| ms < 0) {
            return Err(Refusal::below("audio_end_ms", &json!(0), end));
        }
        let end_ms = end.as_u64().unwrap_or_default();
        let number = self.items.truncate(id, end_ms)?;
        self.tell(now, ModelRequest::Truncate { item: ItemId(number), heard_ms: end_ms });
        self.log.event(now, ConnectionEvent::Truncated { item: id.to_owned(), ms: end_ms });
        let index = &event["content_index"];
        let event = json!({"type": "conversation.item.truncated", "item_id": id, "content_index": index,
                           "audio_end_ms": end_ms});
        self.later(now + ITEM_TIME, event);
        Ok(())
    }

    /// The brain learns what the client asked for.
    pub(super) fn tell(&mut self, now: Timestamp, request: ModelRequest) {
        let time = self.brain_time(now);
        self.brain.told(time, Told::Request(request));
    }

    /// The client is told that it was wrong.
    pub(super) fn refuse(&mut self, now: Timestamp, refusal: &Refusal, event_id: Option<&str>) {
        let code = refusal.code.map(str::to_owned);
        self.log.event(now, ConnectionEvent::Refused { code, message: refusal.message.clone() });
        self.emit(json!({"type": "error", "error": refusal.error(event_id)}));
    }

    pub(super) fn later(&mut self, at: Timestamp, event: Value) {
        self.due.push((at, Due::Event(event)));
    }

    /// Puts an event out; it is held against the schema.
    pub(super) fn emit(&mut self, mut event: Value) {
        event["event_id"] = json!(self.id("event"));
        if let Some(wrong) = check::server(&event) {
            self.log.violation(format!("a mistake of the lab's: {wrong}"));
        }
        if self.faults.unknown_events {
            event["x_of_tomorrow"] = json!({"a": [1, null]});
            let id = self.id("event");
            let of_tomorrow =
                json!({"type": "response.x_of_tomorrow", "event_id": id, "item_id": "item_x", "delta": "AAAA"});
            self.out.push_back(Out { text: of_tomorrow.to_string(), is_delta: false });
        }
        let is_delta = event["type"] == "response.output_audio.delta";
        self.out.push_back(Out { text: event.to_string(), is_delta });
    }

    /// A new id, such as `item_…`.
    pub(super) fn id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}_{}{:06}", self.prefix, self.ids)
    }

    /// An exact phrase is to be said wrong.
    pub(super) fn takes_wrong_words(&self) -> bool {
        self.wrong_words.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}
