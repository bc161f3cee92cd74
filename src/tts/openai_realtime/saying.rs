//! One phrase in one session: opened, configured, asked, checked, asked again.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Voice, wording};
use crate::{
    audio::Encoding,
    model::{
        ResponseStatus,
        openai::decode::{Done, ErrorBody, Event, decode},
    },
    time::Timestamp,
    tts::{
        BadAudio, FIRST_BYTE, Phrase, Rendering, Sending, Speech, TtsError, WHOLE,
        error::code,
        fetch::Refusal,
        openai::{judge, judge_code},
        speech::max_bytes,
    },
    wire::{Failure, WsEvent},
};

/// `event_id`s of what we send: errors name them.
pub(super) const SESSION: &str = "phrase_session";
pub(super) const RESPONSE: &str = "phrase_response";

/// Connecting and configuring.
const OPENING: Duration = Duration::from_secs(5);
/// The model is asked so often for the right words: once, and three times more.
pub(super) const TRIES: u32 = 4;

pub(in crate::tts) struct Saying {
    voice: Voice,
    phrase: Phrase,
    outbox: VecDeque<Sending>,
    stage: Stage,
    until: Timestamp,
    tries: u32,
    reopened: bool,
    /// The last error that did not end anything by itself: it may explain a close.
    last_error: Option<TtsError>,
    said: Option<String>,
}

enum Stage {
    /// Until the session is there.
    Opening,
    /// Until our settings hold.
    Configuring,
    Speaking(Answer),
    Done(Option<Result<Speech, TtsError>>),
}

/// What has come of an answer so far.
#[derive(Default)]
struct Answer {
    id: Option<String>,
    audio: Vec<u8>,
    transcript: String,
    whole_until: Timestamp,
}

impl Saying {
    pub(super) fn begin(now: Timestamp, voice: &Voice, phrase: &Phrase) -> Self {
        let mut saying = Self {
            voice: voice.clone(),
            phrase: phrase.clone(),
            outbox: VecDeque::new(),
            stage: Stage::Opening,
            until: Timestamp::NEVER,
            tries: 0,
            reopened: false,
            last_error: None,
            said: None,
        };
        match phrase.check() {
            Ok(()) => saying.open(now),
            Err(error) => saying.stage = Stage::Done(Some(Err(error))),
        }
        saying
    }

    fn open(&mut self, now: Timestamp) {
        self.stage = Stage::Opening;
        self.until = now + OPENING;
        self.outbox.push_back(Sending::Open(self.voice.access.realtime(&self.voice.model)));
    }

    fn ask(&mut self, now: Timestamp) {
        self.tries += 1;
        self.until = now + FIRST_BYTE;
        self.stage = Stage::Speaking(Answer { whole_until: now + WHOLE, ..Answer::default() });
        self.outbox.push_back(Sending::Text(self.voice.response_create(&self.phrase)));
    }

    fn finish(&mut self, result: Result<Speech, TtsError>) {
        self.outbox.clear();
        self.outbox.push_back(Sending::Close);
        self.stage = Stage::Done(Some(result));
        self.until = Timestamp::NEVER;
    }

    /// The connection is of no use any more. Another one is tried once, if nothing was heard on this.
    fn lost(&mut self, now: Timestamp, error: TtsError) {
        let heard = match &self.stage {
            Stage::Speaking(answer) => !answer.audio.is_empty(),
            Stage::Opening | Stage::Configuring => false,
            Stage::Done(_) => return,
        };
        let again = error.may_pass() && error.retry_after().is_none() && !matches!(error, TtsError::Rate { .. });
        if heard || self.reopened || !again {
            self.finish(Err(error));
            return;
        }
        self.reopened = true;
        self.last_error = None;
        self.outbox.clear();
        self.open(now);
    }

    fn event(&mut self, now: Timestamp, event: Event<'_>) {
        match event {
            Event::SessionCreated => {
                if matches!(self.stage, Stage::Opening) {
                    self.stage = Stage::Configuring;
                    self.outbox.push_back(Sending::Text(self.voice.session_update()));
                }
            }
            Event::SessionUpdated => {
                if matches!(self.stage, Stage::Configuring) {
                    self.ask(now);
                }
            }
            Event::ResponseCreated { response } => {
                if let Stage::Speaking(answer) = &mut self.stage {
                    answer.id.get_or_insert_with(|| response.into_owned());
                }
            }
            Event::Audio(delta) => {
                if let Some(answer) = self.answer(&delta.response) {
                    // What is no base64 is no sound; the transcript alone does not pass.
                    if let Ok(audio) = base64_simd::STANDARD.decode_to_vec(delta.delta.as_bytes()) {
                        answer.audio.extend_from_slice(&audio);
                    }
                    let (length, whole_until) = (answer.audio.len(), answer.whole_until);
                    self.until = whole_until;
                    if length > max_bytes(Encoding::Pcm24k) {
                        self.finish(Err(TtsError::BadAudio(BadAudio::TooLong)));
                    }
                }
            }
            Event::ItemDone { response, item } => {
                if let Some(answer) = self.answer(&response)
                    && item.is_message()
                {
                    answer.transcript.push_str(&item.transcript());
                    answer.transcript.push(' ');
                }
            }
            Event::ResponseDone(done) => self.response_done(now, &done),
            Event::Error(error) => self.error(&error),
            Event::SpeechStarted { .. }
            | Event::SpeechStopped { .. }
            | Event::Committed { .. }
            | Event::InputDelta { .. }
            | Event::InputTranscript { .. }
            | Event::InputFailed { .. }
            | Event::TranscriptDelta(_)
            | Event::Other
            | Event::Unknown => {}
        }
    }

    /// The answer that is being waited for, if this is its id.
    fn answer(&mut self, response: &str) -> Option<&mut Answer> {
        match &mut self.stage {
            Stage::Speaking(answer) => (answer.id.as_deref() == Some(response)).then_some(answer),
            Stage::Opening | Stage::Configuring | Stage::Done(_) => None,
        }
    }

    fn response_done(&mut self, now: Timestamp, done: &Done<'_>) {
        let text = self.phrase.text.clone();
        let Some(answer) = self.answer(&done.id) else { return };
        let audio = std::mem::take(&mut answer.audio);
        let mut transcript = std::mem::take(&mut answer.transcript);
        if transcript.trim().is_empty() {
            transcript = done.items().filter(|item| item.is_message()).map(|item| item.transcript()).collect();
        }
        match done.status() {
            ResponseStatus::Completed if wording::is_said(&text, &transcript) => {
                self.finish(Speech::of(Encoding::Pcm24k, &audio));
            }
            ResponseStatus::Completed | ResponseStatus::Incomplete | ResponseStatus::Cancelled => {
                if self.tries < TRIES {
                    self.ask(now);
                } else {
                    self.said = Some(transcript);
                    self.finish(Err(TtsError::Wording { tries: self.tries }));
                }
            }
            ResponseStatus::Failed { retry_after } => {
                let error = done.error();
                self.said = error.and_then(|error| error.message.clone());
                let code = error.and_then(|error| error.code.as_deref()).unwrap_or_default();
                let error = judge_code(code, "", "", retry_after);
                self.finish(Err(error.unwrap_or(TtsError::Vendor { status: 0 })));
            }
        }
    }

    fn error(&mut self, error: &ErrorBody) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (name, param) = (text(&error.code), text(&error.param));
        let known = judge_code(&name, "", &param, None);
        let is_ours = matches!(error.event_id.as_deref(), Some(SESSION | RESPONSE));
        self.said = error.message.clone();
        match known {
            Some(known) => self.finish(Err(known)),
            None if is_ours => {
                let why = code(&name).unwrap_or_else(|| "invalid_request".to_owned());
                self.finish(Err(TtsError::Refused(why)));
            }
            None => self.last_error = Some(TtsError::Refused(code(&name).unwrap_or_else(|| "error".to_owned()))),
        }
    }
}

impl Rendering for Saying {
    fn poll_sending(&mut self) -> Option<Sending> {
        self.outbox.pop_front()
    }

    fn handle_socket(&mut self, now: Timestamp, event: WsEvent<'_>) {
        if matches!(self.stage, Stage::Done(_)) {
            return;
        }
        match event {
            WsEvent::Open | WsEvent::Binary(_) => {}
            WsEvent::Text(text) => {
                // What cannot be read is left out; what is missing then is noticed at the end or in time.
                if let Ok(event) = decode(text) {
                    self.event(now, event);
                }
            }
            WsEvent::Closed { reason, .. } => {
                let reason = reason.rsplit('.').next().unwrap_or_default();
                let known = judge_code(reason, "", "", None).or_else(|| self.last_error.take());
                self.lost(now, known.unwrap_or(TtsError::Broken));
            }
            WsEvent::Refused { status, body } => {
                let (error, said) = judge(Refusal { status, retry_after: None, body });
                self.said = said;
                self.lost(now, error);
            }
            WsEvent::Failed(failure) => {
                let error = match failure {
                    Failure::Connect => TtsError::Connect,
                    Failure::TimedOut => TtsError::TimedOut,
                    Failure::Broken | Failure::TooLong => TtsError::Broken,
                    Failure::Overloaded => TtsError::Busy,
                };
                self.lost(now, error);
            }
        }
    }

    fn poll_timeout(&self) -> Timestamp {
        self.until
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        if now >= self.until {
            self.lost(now, TtsError::TimedOut);
        }
    }

    fn result(&mut self) -> Option<Result<Speech, TtsError>> {
        match &mut self.stage {
            Stage::Opening | Stage::Configuring | Stage::Speaking(_) => None,
            Stage::Done(result) => {
                self.until = Timestamp::NEVER;
                result.take()
            }
        }
    }

    fn vendor_said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}
