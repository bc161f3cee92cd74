//! The caller's side of a session: turns, transcripts, and silence that lasts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    brain::{Turn, Why, Words},
    input::Heard,
    log::ConnectionEvent,
    session::{Due, Session},
};
use crate::{lab::ModelNews, time::Timestamp};

/// A transcript takes this long.
const TRANSCRIPT_TIME: Duration = Duration::from_millis(300);

impl Session {
    /// Listens to what was just appended.
    pub(super) fn listen(&mut self, now: Timestamp, samples: &[i16]) {
        let Some(detection) = self.settings.detection().filter(|_| self.brain.hears()) else { return };
        for heard in self.input.listen(samples, &detection) {
            match heard {
                Heard::Started { at_ms } => {
                    self.speech_started(now, at_ms);
                    if detection.interrupt_response {
                        self.cancel(now, None, "turn_detected");
                    }
                }
                Heard::Stopped { start_ms, end_ms } => {
                    let item = self.turn_item.clone().unwrap_or_else(|| self.id("item"));
                    self.emit(json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": end_ms,
                                     "item_id": item}));
                    self.turn_item = Some(item);
                    self.commit(now, Some(start_ms));
                    if detection.create_response {
                        self.answer(now, Why::Turn);
                    }
                }
            }
        }
    }

    fn speech_started(&mut self, now: Timestamp, at_ms: u64) {
        let item = self.id("item");
        self.log.event(now, ConnectionEvent::SpeechStarted { audio_start_ms: at_ms });
        self.emit(json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": at_ms, "item_id": item}));
        self.turn_item = Some(item);
        self.no_idle();
    }

    /// The buffer becomes an item.
    pub(super) fn commit(&mut self, now: Timestamp, start_ms: Option<u64>) {
        let item = self.turn_item.take().unwrap_or_else(|| self.id("item"));
        let (start_ms, end_ms, samples) = self.input.commit(start_ms);
        self.log.event(now, ConnectionEvent::Turn { item: item.clone(), start_ms, end_ms });
        self.add_turn(&item);
        let turn = Turn { start_ms, end_ms, samples: &samples };
        let time = self.brain_time(now);
        let words = self.brain.turn(time, &turn);
        if self.settings.transcribes() {
            let words = if self.faults.no_transcripts { Words::Failed } else { words };
            self.transcribe(now + TRANSCRIPT_TIME, &item, &words, (end_ms - start_ms) as f64 / 1000.0);
        }
    }

    fn add_turn(&mut self, item: &str) {
        let previous = self.items.last();
        self.emit(json!({"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item}));
        let value = json!({"id": item, "type": "message", "status": "completed", "role": "user",
                           "content": [{"type": "input_audio", "transcript": null}]});
        self.items.push(item, value.clone(), false);
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.emit(json!({"type": kind, "previous_item_id": previous, "item": value}));
        }
    }

    fn transcribe(&mut self, at: Timestamp, item: &str, words: &Words, seconds: f64) {
        let kind = |kind: &str| format!("conversation.item.input_audio_transcription.{kind}");
        match words {
            Words::Withheld => {}
            Words::Failed => {
                let error = json!({"type": "transcription_error", "code": "audio_unintelligible",
                                   "message": "The audio could not be transcribed.", "param": null});
                let event = json!({"type": kind("failed"), "item_id": item, "content_index": 0, "error": error});
                self.later(at, event);
            }
            Words::Said(text) => {
                for word in text.split_inclusive(' ') {
                    let obfuscation = "x".repeat(self.random.usize(1..9));
                    let event = json!({"type": kind("delta"), "item_id": item, "content_index": 0, "delta": word,
                                       "obfuscation": obfuscation});
                    self.later(at, event);
                }
                let usage = json!({"type": "duration", "seconds": seconds.ceil()});
                let event = json!({"type": kind("completed"), "item_id": item, "content_index": 0, "transcript": text,
                                   "usage": usage});
                self.later(at, event);
            }
        }
    }

    /// What a script tells by itself; true: the connection is lost.
    pub(super) fn news(&mut self, now: Timestamp, news: ModelNews) -> bool {
        match news {
            ModelNews::Lost => return true,
            ModelNews::SpeechStarted(at_ms) => self.speech_started(now, at_ms),
            ModelNews::Committed => {
                let item = self.turn_item.take().unwrap_or_else(|| self.id("item"));
                self.add_turn(&item);
            }
            ModelNews::Transcript(_, text) => self.transcribe(now, &self.last_turn(), &Words::Said(text), 1.0),
            ModelNews::TranscriptFailed(_) => self.transcribe(now, &self.last_turn(), &Words::Failed, 1.0),
            // Of the session and of responses the server tells by itself.
            ModelNews::Ready
            | ModelNews::Created(_)
            | ModelNews::Audio(..)
            | ModelNews::ItemDone(..)
            | ModelNews::Tool(..)
            | ModelNews::Done(..) => {}
        }
        false
    }

    /// The last item, for a transcript that a script tells.
    fn last_turn(&self) -> String {
        self.items.last().as_str().unwrap_or("item_unknown").to_owned()
    }

    /// The silence after an answer begins when it has been heard.
    pub(super) fn await_idle(&mut self, heard_at: Timestamp) {
        self.no_idle();
        if let Some(idle_ms) = self.settings.detection().and_then(|detection| detection.idle_ms) {
            self.due.push((heard_at + Duration::from_millis(idle_ms), Due::Idle));
        }
    }

    pub(super) fn no_idle(&mut self) {
        self.due.retain(|(_, due)| !matches!(due, Due::Idle));
    }

    /// Nobody has said anything for too long.
    pub(super) fn idle(&mut self, now: Timestamp) {
        let Some(idle_ms) = self.settings.detection().and_then(|detection| detection.idle_ms) else { return };
        if self.input.in_speech() || self.conversation_response().is_some() {
            return;
        }
        let end_ms = self.input.appended_ms();
        let start_ms = end_ms.saturating_sub(idle_ms);
        let item = self.id("item");
        self.emit(json!({"type": "input_audio_buffer.timeout_triggered", "audio_start_ms": start_ms,
                         "audio_end_ms": end_ms, "item_id": item}));
        self.input.commit(Some(start_ms));
        self.add_turn(&item);
        self.answer(now, Why::Idle);
    }

    /// The response that the conversation waits for.
    pub(super) fn conversation_response(&self) -> Option<&str> {
        self.responses.iter().find(|response| response.wanted.in_conversation).map(|response| response.id.as_str())
    }

    /// An answer of the brain's own accord, or to the caller.
    fn answer(&mut self, now: Timestamp, why: Why<'_>) {
        if let Some(active) = self.conversation_response() {
            let refusal = super::refusal::Refusal::already_active(active);
            return self.refuse(now, &refusal, None);
        }
        let time = self.brain_time(now);
        if let Some(reply) = self.brain.answer(time, why) {
            let wanted = self.wanted(&Value::Null);
            self.begin(now, &reply, wanted);
        }
    }
}
