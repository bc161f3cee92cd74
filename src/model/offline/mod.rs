//! A model without key and network: recorded lines, and an ear that hears when the caller speaks but not what.
//!
//! It is what a first-time user talks to, and what a server is tried with. Greeting, turns, answers, interruptions,
//! keys and the goodbye take exactly the way that they take with a vendor's model. It has no transcripts by itself;
//! who knows the caller's words hands them in ([`Offline::hear_words`]), and then they choose the answer.
//!
//! Key 9 makes it say goodbye and call `hangup_call`. Its lines are data: `lines.rs`.

mod behaviour;
mod ear;
mod echo;
mod lines;
mod speech;
mod talk;
#[cfg(test)]
mod tests;

pub use behaviour::Behaviour;

use std::{collections::VecDeque, time::Duration};

use super::{
    AppendedSpan, ItemId, Model, ModelCommand, ModelEvent, ModelRequest, ModelTraits, Note, ResponseId, ResponseStatus,
    ToolCallId,
};
use crate::{audio::Encoding, time::Timestamp};
use ear::{Ear, Sound};
use echo::Echo;
use speech::{Speech, Step, Words};
use talk::Talk;

/// From the end of the caller's turn to the answer's beginning.
const THINKING: Duration = Duration::from_millis(600);
/// From a request for a response to its beginning.
const ASKED: Duration = Duration::from_millis(250);
/// News that may wait to be polled; beyond that the oldest is dropped.
const NEWS: usize = 64;

/// Something to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum News {
    Ready,
    Lost,
    SpeechStarted(u64),
    Committed,
    /// The words are in [`Talk::words`].
    Words(Option<AppendedSpan>),
    NoWords(AppendedSpan),
    Cancelled(ResponseId),
}

/// The offline model in one call. See the [module](self).
#[derive(Clone, Debug)]
pub struct Offline {
    behaviour: Behaviour,
    connected: bool,
    now: Timestamp,
    ear: Ear,
    news: VecDeque<News>,
    speech: Option<Speech>,
    /// When the next response begins.
    answer_at: Timestamp,
    /// It was asked for: the caller's going on does not put it off.
    asked: bool,
    /// When all that was sent has been heard, as far as can be told.
    plays_until: Timestamp,
    /// Caller audio, if it is to be said back, and the turn to say.
    echo: Option<Echo>,
    echo_turn: Option<AppendedSpan>,
    responses: u32,
    tools: u32,
    talk: Talk,
    last_turn: Option<AppendedSpan>,
}

impl Offline {
    /// A model for a new call.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            connected: false,
            now: Timestamp::ZERO,
            ear: Ear::new(),
            news: VecDeque::with_capacity(NEWS),
            speech: None,
            answer_at: Timestamp::NEVER,
            asked: false,
            plays_until: Timestamp::ZERO,
            echo: (behaviour == Behaviour::Echo).then(Echo::new),
            echo_turn: None,
            responses: 0,
            tools: 0,
            talk: Talk::new(false),
            last_turn: None,
        }
    }

    /// A model for a call that goes on after a break: its first line is an apology instead of the greeting, asked
    /// for or as the answer to the caller's first turn.
    #[must_use]
    pub fn resumed(behaviour: Behaviour) -> Self {
        Self { talk: Talk::new(true), ..Self::new(behaviour) }
    }

    /// The words of the caller's turn under way, else of the last one: they are told as its transcript, and choose
    /// the answer if it has not begun.
    pub fn hear_words(&mut self, now: Timestamp, text: &str) {
        self.now = self.now.max(now);
        if !self.connected {
            return;
        }
        self.talk.hear_words(text);
        self.news.retain(|news| !matches!(news, News::Words(_)));
        if !self.ear.in_turn() {
            self.tell(News::Words(self.last_turn));
        }
    }

    fn tell(&mut self, news: News) {
        if self.news.len() == NEWS {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    fn connect(&mut self) {
        self.forget();
        self.connected = self.behaviour != Behaviour::Fail;
        self.tell(if self.connected { News::Ready } else { News::Lost });
    }

    /// As before the connection; what the conversation has come to stays.
    fn forget(&mut self) {
        self.connected = false;
        self.ear = Ear::new();
        self.news.clear();
        self.speech = None;
        self.answer_at = Timestamp::NEVER;
        self.asked = false;
        self.plays_until = self.now;
        if let Some(echo) = &mut self.echo {
            echo.forget();
        }
        self.echo_turn = None;
        self.talk.reconnected();
        self.last_turn = None;
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        if let Some(echo) = &mut self.echo {
            echo.hear(bytes);
        }
        while let Some(sound) = self.ear.hear(&mut bytes) {
            self.heard(sound);
        }
    }

    fn heard(&mut self, sound: Sound) {
        self.talk.spoke();
        match sound {
            Sound::Began(at_ms) => {
                if !self.asked {
                    // The caller goes on: one answer to all of it.
                    self.answer_at = Timestamp::NEVER;
                }
                self.tell(News::SpeechStarted(at_ms));
            }
            Sound::Ended(span) => {
                self.last_turn = Some(span);
                self.echo_turn = Some(span);
                self.tell(News::Committed);
                self.tell(if self.talk.has_words() { News::Words(Some(span)) } else { News::NoWords(span) });
                self.answer_in(THINKING);
            }
        }
    }

    fn answer_in(&mut self, after: Duration) {
        if self.behaviour != Behaviour::Stall {
            self.answer_at = self.answer_at.min(self.now + after);
        }
    }

    fn request(&mut self, request: ModelRequest) {
        match request {
            ModelRequest::Connect => self.connect(),
            ModelRequest::Close => self.forget(),
            ModelRequest::Commit => {
                if let Some(sound) = self.ear.end_turn() {
                    self.heard(sound);
                }
            }
            ModelRequest::Greet | ModelRequest::CreateResponse => {
                // While one is active the request is refused, as a vendor's model would.
                if self.connected && self.speech.is_none() {
                    self.talk.asked();
                    self.asked = true;
                    self.answer_in(ASKED);
                }
            }
            ModelRequest::Cancel(response) => self.cancel(response),
            ModelRequest::Truncate { .. } => self.plays_until = self.now,
            ModelRequest::ToolOutput { answer, .. } => self.talk.tool_answered(answer),
            ModelRequest::Note(Note::CallerIsBack { .. }) => self.talk.caller_is_back(),
            ModelRequest::Note(Note::Digit(digit)) => {
                self.talk.pressed(digit.key());
                if self.ear.ignore_tone() {
                    // The turn that was reported is over, and was none.
                    self.tell(News::Committed);
                }
            }
        }
    }

    fn cancel(&mut self, response: ResponseId) {
        if self.speech.take_if(|speech| speech.response == response).is_some() {
            self.plays_until = self.now;
            self.tell(News::Cancelled(response));
        }
    }

    fn begin_answer(&mut self, at: Timestamp) {
        self.answer_at = Timestamp::NEVER;
        self.asked = false;
        let (words, ends_call) = self.words();
        let number = self.responses;
        self.responses += 1;
        let tool = ends_call.then(|| {
            self.tools += 1;
            ToolCallId(self.tools - 1)
        });
        // One item a response.
        self.speech = Some(Speech::new(at, ResponseId(number), ItemId(number), words, tool));
    }

    /// What is said next, and whether the call ends with it.
    fn words(&mut self) -> (Words, bool) {
        if let Some(echo) = &mut self.echo
            && let Some(turn) = self.echo_turn.take()
            && self.talk.may_echo()
        {
            return (Words::Echo(echo.cut(turn)), false);
        }
        let (line, ends_call) = self.talk.choose();
        (Words::Line(line), ends_call)
    }

    fn news_event(&self, news: News) -> ModelEvent<'_> {
        match news {
            News::Ready => ModelEvent::Ready,
            News::Lost => ModelEvent::Lost,
            News::SpeechStarted(at_ms) => ModelEvent::SpeechStarted { at_ms },
            News::Committed => ModelEvent::Committed,
            News::Words(span) => ModelEvent::InputTranscript { span, text: self.talk.words() },
            News::NoWords(span) => ModelEvent::InputTranscriptFailed { span: Some(span) },
            News::Cancelled(response) => ModelEvent::ResponseDone { response, status: ResponseStatus::Cancelled },
        }
    }

    fn speech_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>> {
        let speech = self.speech.as_mut().filter(|speech| speech.due() <= now)?;
        let (response, item) = (speech.response, speech.item);
        let (audio, transcript) = match (speech.words, &self.echo) {
            (Words::Line(line), _) => (line.audio, line.text),
            (Words::Echo(_), Some(echo)) => (echo.turn(), ""),
            (Words::Echo(_), None) => (&[][..], ""),
        };
        Some(match speech.step(&mut self.plays_until) {
            Step::Created => ModelEvent::ResponseCreated { response },
            Step::Audio(samples) => ModelEvent::Audio { response, item, payload: &audio[samples] },
            Step::ItemDone => ModelEvent::ItemDone { response, item, transcript },
            Step::HangUp(call) => {
                ModelEvent::ToolCall { response, call, name: "hangup_call", arguments: "{}", completed: true }
            }
            Step::Done => {
                self.speech = None;
                ModelEvent::ResponseDone { response, status: ResponseStatus::Completed }
            }
        })
    }
}

impl Model for Offline {
    fn traits(&self) -> ModelTraits {
        ModelTraits { hears_speech: true, answers: true }
    }

    fn encoding(&self) -> Encoding {
        Encoding::Mulaw
    }

    fn handle_command(&mut self, now: Timestamp, command: &ModelCommand<'_>) {
        self.now = self.now.max(now);
        match command {
            ModelCommand::Append(bytes) if self.connected => self.hear(bytes),
            ModelCommand::Append(_) => {}
            ModelCommand::Request(request) => self.request(*request),
        }
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>> {
        self.now = self.now.max(now);
        if let Some(news) = self.news.pop_front() {
            return Some(self.news_event(news));
        }
        if self.speech.is_none() && self.answer_at <= now {
            self.begin_answer(self.answer_at);
        }
        self.speech_event(now)
    }

    fn poll_timeout(&self) -> Timestamp {
        if !self.news.is_empty() {
            return self.now;
        }
        self.speech.as_ref().map_or(self.answer_at, Speech::due)
    }
}
