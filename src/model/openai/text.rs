//! One answer in writing: a realtime session without audio, from its opening to the answer's last word.
//!
//! The same protocol as a call's, so one model, one key, one prompt and one set of tools serve both channels, and every event
//! is held against the same schemas. A session lives for one answer: what was written before is told to it in words.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{
    OPENING, Settings,
    decode::{Done, Event, decode},
    encode, fault,
};
use crate::{
    model::{ModelFault, ModelSending, ResponseStatus},
    time::Timestamp,
    wire::WsEvent,
};

/// Rounds of tools for one answer; more is a model that goes in circles.
pub const MAX_ROUNDS: u32 = 6;
/// From the first step to the answer.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Characters of an answer that are kept.
pub const MAX_ANSWER: usize = 4_000;
/// Tool calls of one response that are carried out.
const MAX_CALLS: usize = 16;

/// Something that was written before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// By the person.
    Theirs(String),
    /// By the assistant.
    Ours(String),
}

/// The model wants this done before it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCall {
    /// The vendor's id of it: its output names it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Arguments, JSON text by the model: not checked.
    pub arguments: String,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// The model, its server or the way to it.
    #[error("{0}")]
    Model(ModelFault),
    /// It said nothing.
    #[error("the model answered with nothing: look at the assistant's system message")]
    Nothing,
    /// It asked for tools again and again.
    #[error("the model called tools {MAX_ROUNDS} times without an answer: look at the tools' descriptions and answers")]
    Rounds,
    /// What it said was cut off by the vendor: a filter, or the limit of its length.
    #[error("the vendor cut the answer off: look at model.max_output_tokens and the vendor's content filter")]
    CutOff,
    /// No answer within [`LONGEST`].
    #[error("the model gave no answer within {} s", LONGEST.as_secs())]
    TooLate,
}

impl From<ModelFault> for TextFault {
    fn from(fault: ModelFault) -> Self {
        Self::Model(fault)
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Configuring,
    /// A response is under way.
    Answering,
    /// Tools are at work; so many have no output yet.
    Tools(usize),
    Over,
}

#[derive(Debug)]
enum Queued {
    Open,
    Text(String),
    Close,
}

/// See the [module](self).
#[derive(Debug)]
pub struct TextTurn {
    settings: Arc<Settings>,
    history: Vec<Line>,
    state: State,
    /// The session must be ready by then.
    ready_by: Timestamp,
    answer_by: Timestamp,
    rounds: u32,
    sending: VecDeque<Queued>,
    leaving: String,
    calls: VecDeque<TextCall>,
    outcome: Option<Result<String, TextFault>>,
    events: u32,
}

impl TextTurn {
    /// An answer to the last line of this history. Voice, turn detection and greeting of the settings are of no use here.
    #[must_use]
    pub fn new(settings: Arc<Settings>, history: Vec<Line>, now: Timestamp) -> Self {
        Self {
            settings,
            history,
            state: State::Opening,
            ready_by: now + OPENING,
            answer_by: now + LONGEST,
            rounds: 0,
            sending: VecDeque::from([Queued::Open]),
            leaving: String::new(),
            calls: VecDeque::new(),
            outcome: None,
            events: 0,
        }
    }

    /// What is to be done with the socket next.
    pub fn poll_sending(&mut self) -> Option<ModelSending<'_>> {
        Some(match self.sending.pop_front()? {
            Queued::Open => ModelSending::Open(self.settings.access.realtime(&self.settings.model)),
            Queued::Text(text) => {
                self.leaving = text;
                ModelSending::Text(&self.leaving)
            }
            Queued::Close => ModelSending::Close,
        })
    }

    /// A tool that is to be run; each needs its [`TextTurn::tool_output`].
    pub fn poll_call(&mut self) -> Option<TextCall> {
        self.calls.pop_front()
    }

    /// What came of a tool, in words for the model.
    pub fn tool_output(&mut self, call: &TextCall, output: &str) {
        let State::Tools(left) = self.state else { return };
        self.send(encode::item_create(&encode::tool_output(&call.id, output)));
        match left.checked_sub(1) {
            Some(0) | None => self.ask(),
            Some(left) => self.state = State::Tools(left),
        }
    }

    /// When [`TextTurn::handle_timeout`] has something to do at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        match self.state {
            State::Opening | State::Configuring => self.ready_by.min(self.answer_by),
            State::Answering | State::Tools(_) => self.answer_by,
            State::Over => Timestamp::NEVER,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if now >= self.answer_by {
            self.end(Err(TextFault::TooLate));
        } else if now >= self.ready_by && matches!(self.state, State::Opening | State::Configuring) {
            self.end(Err(ModelFault::TimedOut.into()));
        }
    }

    /// Something came from the socket.
    pub fn handle_socket(&mut self, event: WsEvent<'_>) {
        if self.state == State::Over {
            return;
        }
        match event {
            // The server speaks first.
            WsEvent::Open | WsEvent::Binary(_) => {}
            WsEvent::Text(text) => self.hear(text),
            WsEvent::Closed { code: _, reason } => {
                self.end(Err(fault::of_code(reason).unwrap_or(ModelFault::Server).into()));
            }
            WsEvent::Refused { status, body } => self.end(Err(fault::of_answer(status, body).into())),
            WsEvent::Failed(failure) => self.end(Err(fault::of_failure(failure).into())),
        }
    }

    /// What came of it, once.
    pub fn take_outcome(&mut self) -> Option<Result<String, TextFault>> {
        self.outcome.take()
    }

    fn hear(&mut self, text: &str) {
        let Ok(event) = decode(text) else { return };
        match event {
            Event::SessionCreated if self.state == State::Opening => {
                self.state = State::Configuring;
                let id = self.event_id();
                self.send(encode::text_session_update(&self.settings, &id));
            }
            Event::SessionUpdated if self.state == State::Configuring => {
                for line in std::mem::take(&mut self.history) {
                    let item = match &line {
                        Line::Theirs(text) => encode::caller_said(text),
                        Line::Ours(text) => encode::agent_said(text),
                    };
                    self.send(encode::item_create(&item));
                }
                self.ask();
            }
            Event::ResponseDone(done) if self.state == State::Answering => self.response_done(&done),
            Event::Error(error) => {
                let code = error.code.as_deref().unwrap_or_default();
                tracing::debug!(code, param = error.param, message = error.message, "the model reports an error");
                let settings = matches!(self.state, State::Opening | State::Configuring);
                let known = fault::of_code(code);
                let usual = if settings { ModelFault::Settings } else { ModelFault::Server };
                self.end(Err(known.unwrap_or(usual).into()));
            }
            Event::SessionCreated
            | Event::SessionUpdated
            | Event::ResponseDone(_)
            | Event::Unknown
            | Event::Other
            | Event::SpeechStarted { .. }
            | Event::SpeechStopped { .. }
            | Event::Committed { .. }
            | Event::InputDelta { .. }
            | Event::InputTranscript { .. }
            | Event::InputFailed { .. }
            | Event::ResponseCreated { .. }
            | Event::Audio(_)
            | Event::TranscriptDelta(_)
            | Event::ItemDone { .. } => {}
        }
    }

    fn response_done(&mut self, done: &Done<'_>) {
        match done.status() {
            ResponseStatus::Completed => {}
            ResponseStatus::Failed { .. } => {
                let code = done.error().and_then(|error| error.code.as_deref()).unwrap_or_default();
                return self.end(Err(fault::of_code(code).unwrap_or(ModelFault::Server).into()));
            }
            ResponseStatus::Cancelled | ResponseStatus::Incomplete => return self.end(Err(TextFault::CutOff)),
        }
        let mut words = String::new();
        for item in done.items() {
            if item.is_message() {
                words.push_str(&item.transcript());
            } else if item.is_tool_call()
                && self.calls.len() < MAX_CALLS
                && let Some(id) = item.call_id
            {
                let (name, arguments) = (item.name.unwrap_or_default(), item.arguments.unwrap_or_default());
                self.calls.push_back(TextCall { id, name, arguments });
            }
        }
        if !self.calls.is_empty() {
            self.rounds += 1;
            if self.rounds > MAX_ROUNDS {
                self.calls.clear();
                return self.end(Err(TextFault::Rounds));
            }
            self.state = State::Tools(self.calls.len());
            return;
        }
        let words = words.trim();
        let answer =
            if words.is_empty() { Err(TextFault::Nothing) } else { Ok(words.chars().take(MAX_ANSWER).collect()) };
        self.end(answer);
    }

    fn ask(&mut self) {
        self.state = State::Answering;
        let id = self.event_id();
        self.send(encode::response_create(None, &id));
    }

    fn event_id(&mut self) -> String {
        self.events += 1;
        format!("ql_{}", self.events)
    }

    fn send(&mut self, text: String) {
        self.sending.push_back(Queued::Text(text));
    }

    fn end(&mut self, outcome: Result<String, TextFault>) {
        if self.state != State::Over {
            self.state = State::Over;
            self.outcome = Some(outcome);
            self.sending.clear();
            self.sending.push_back(Queued::Close);
        }
    }
}
