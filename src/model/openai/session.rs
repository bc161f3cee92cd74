//! The session's life: opened, configured, ready, lost; and what waits to be sent and told.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Settings, encode, fault, history::History, ids::Ids};
use crate::{
    audio::Encoding,
    model::{
        AppendedSpan, ItemId, Model, ModelCommand, ModelCounters, ModelEvent, ModelFault, ModelRequest, ModelSending,
        ModelTraits, ResponseId, ResponseStatus, ToolCallId,
    },
    time::Timestamp,
    wire::WsEvent,
};

/// From the request for a socket until the session is configured. The handshake has 5 s of it.
pub const OPENING: Duration = Duration::from_secs(8);
/// Texts kept for later audio, and how large one of them may be.
const TEXTS: usize = 2;
const TEXT_KEPT: usize = 8 << 10;
/// News that may wait to be polled; beyond that the oldest is dropped. One message brings a handful.
const NEWS: usize = 1024;

/// Told to a new session if the old one was lost while the caller spoke.
const CUT_OFF: &str = "[The connection was lost while the caller spoke: the beginning of what follows is missing.]";

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// There is none.
    Away,
    /// A socket was asked for; the server has not said anything yet.
    Opening,
    /// The server has a session; our settings are on their way.
    Configuring,
    /// Configured.
    Ready,
}

/// Something to be done with the socket.
#[derive(Debug)]
enum Queued {
    Open,
    Text(String),
    Close,
}

/// Something to be told.
#[derive(Debug)]
pub(super) enum News {
    Ready,
    Lost,
    SpeechStarted(u64),
    Committed,
    Partial(Option<u64>),
    Transcript(Option<AppendedSpan>, String),
    NoTranscript(Option<AppendedSpan>),
    Created(ResponseId),
    Audio(ResponseId, ItemId, Vec<u8>),
    ItemDone(ResponseId, ItemId, String),
    ToolCall { response: ResponseId, call: ToolCallId, name: String, arguments: String, completed: bool },
    Done(ResponseId, ResponseStatus),
}

/// A session with OpenAI Realtime in one call. See the [module](super).
#[derive(Debug)]
pub struct OpenAi {
    pub(super) settings: Arc<Settings>,
    pub(super) link: Link,
    /// The call has asked for the connection: before that nothing is told.
    pub(super) begun: bool,
    /// By then the session must be ready.
    deadline: Timestamp,
    pub(super) now: Timestamp,
    sending: VecDeque<Queued>,
    /// Caller audio that is no whole message yet.
    pending: Vec<u8>,
    /// The text that was lent last, and texts to be used again: audio is sent without an allocation.
    leaving: String,
    texts: Vec<String>,
    news: VecDeque<News>,
    /// What was told last: an event borrows it.
    told: Option<News>,
    /// A buffer for audio, used again.
    pub(super) spare: Vec<u8>,
    pub(super) ids: Ids,
    pub(super) history: History,
    /// Our events so far: numbers of their ids.
    events: u64,
    /// Our last `response.create`, unless it was refused.
    pub(super) asked: Option<String>,
    /// No response has begun since.
    pub(super) creating: bool,
    /// A response was asked for while another was active.
    pub(super) wanted: bool,
    /// A tool has answered, and no response was completed since.
    pub(super) output_waits: bool,
    /// The server hears speech that it has not yet taken as a turn: at its end it answers by itself.
    pub(super) hearing: bool,
    /// The greeting was asked for, and nothing has been said yet.
    pub(super) greet: bool,
    /// Bytes of caller audio that this session was given.
    pub(super) appended: u64,
    fault: Option<ModelFault>,
    /// The fault that was last warned of.
    warned: Option<ModelFault>,
    pub(super) counters: ModelCounters,
}

impl OpenAi {
    /// For a new call; nothing is opened yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            link: Link::Away,
            begun: false,
            deadline: Timestamp::NEVER,
            now: Timestamp::ZERO,
            sending: VecDeque::with_capacity(16),
            pending: Vec::new(),
            leaving: String::new(),
            texts: Vec::new(),
            news: VecDeque::with_capacity(16),
            told: None,
            spare: Vec::new(),
            ids: Ids::default(),
            history: History::default(),
            events: 0,
            asked: None,
            creating: false,
            wanted: false,
            output_waits: false,
            hearing: false,
            greet: false,
            appended: 0,
            fault: None,
            warned: None,
            counters: ModelCounters::default(),
        }
    }

    /// An id for an event of ours: an error names it.
    pub(super) fn event_id(&mut self) -> String {
        self.events += 1;
        format!("ql_{}", self.events)
    }

    pub(super) fn send(&mut self, text: String) {
        self.send_pending();
        self.sending.push_back(Queued::Text(text));
    }

    /// Caller audio goes out in messages of the configured length.
    fn append(&mut self, audio: &[u8]) {
        self.appended += audio.len() as u64;
        let message = u64::from(self.settings.append_ms) * self.bytes_a_ms();
        if self.pending.is_empty() && audio.len() as u64 >= message {
            return self.send_audio(audio);
        }
        self.pending.extend_from_slice(audio);
        if self.pending.len() as u64 >= message {
            self.send_pending();
        }
    }

    /// What follows must not overtake the audio before it.
    fn send_pending(&mut self) {
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.send_audio(&pending);
            self.pending = pending;
            self.pending.clear();
        }
    }

    fn send_audio(&mut self, audio: &[u8]) {
        let mut text = self.texts.pop().unwrap_or_default();
        encode::append(audio, &mut text);
        self.sending.push_back(Queued::Text(text));
    }

    pub(super) fn tell(&mut self, news: News) {
        if self.news.len() == NEWS {
            self.news.pop_front();
            self.counters.dropped += 1;
        }
        self.news.push_back(news);
    }

    /// Bytes of a millisecond of audio, both ways.
    pub(super) fn bytes_a_ms(&self) -> u64 {
        match self.settings.encoding {
            Encoding::Mulaw => 8,
            Encoding::Pcm24k => 48,
        }
    }

    /// The call has a session that it may use.
    pub(super) fn is_ready(&self) -> bool {
        self.begun && self.link == Link::Ready
    }

    fn see(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        // Before its call begins time stands still, and with it our patience.
        let opening = matches!(self.link, Link::Opening | Link::Configuring);
        if opening && self.deadline == Timestamp::NEVER && self.now > Timestamp::ZERO {
            self.deadline = self.now + OPENING;
        }
        if self.deadline <= self.now {
            self.lose(ModelFault::TimedOut, "", true);
        }
    }

    pub(super) fn connect(&mut self) {
        let first = !std::mem::replace(&mut self.begun, true);
        match self.link {
            Link::Ready if first => self.tell(News::Ready),
            Link::Opening | Link::Configuring if first => self.deadline = self.now + OPENING,
            Link::Away | Link::Opening | Link::Configuring | Link::Ready => self.open(),
        }
    }

    fn open(&mut self) {
        self.forget();
        self.news.clear();
        self.sending.push_back(Queued::Open);
        self.link = Link::Opening;
        self.deadline = if self.begun { self.now + OPENING } else { Timestamp::NEVER };
    }

    /// The server has a session: it gets our settings.
    pub(super) fn created(&mut self) {
        if self.link != Link::Opening {
            return;
        }
        self.link = Link::Configuring;
        let id = self.event_id();
        self.send(encode::session_update(&self.settings, &id));
    }

    /// Our settings hold: the conversation so far follows, and then the caller's audio.
    pub(super) fn updated(&mut self) {
        if self.link != Link::Configuring {
            return;
        }
        self.link = Link::Ready;
        self.deadline = Timestamp::NEVER;
        (self.fault, self.warned) = (None, None);
        for item in self.history.items() {
            self.send(encode::item_create(&item));
        }
        if self.begun {
            self.tell(News::Ready);
        }
    }

    /// The connection is gone, or of no use: `close` it if it may still be there. `code` is the vendor's, if it gave one.
    pub(super) fn lose(&mut self, fault: ModelFault, code: &str, close: bool) {
        if self.link == Link::Away {
            return;
        }
        if self.hearing {
            self.history.noted(CUT_OFF);
        }
        self.forget();
        if close {
            self.sending.push_back(Queued::Close);
        }
        self.report(fault, code);
        if self.begun {
            self.tell(News::Lost);
        }
    }

    /// Says once what is wrong, until it is right again.
    pub(super) fn report(&mut self, fault: ModelFault, code: &str) {
        self.fault = Some(fault);
        let code: String = code.chars().take(80).collect();
        let model = self.settings.model.as_str();
        if self.warned.replace(fault) == Some(fault) || fault == ModelFault::Expired {
            tracing::debug!(%fault, code, model, "no answer from the model");
        } else {
            tracing::warn!(%fault, code, model, "no answer from the model");
        }
    }

    /// The model answers: what was wrong is right again.
    pub(super) fn answered(&mut self) {
        (self.fault, self.warned) = (None, None);
    }

    /// As without a connection; what the conversation has come to stays.
    fn forget(&mut self) {
        self.link = Link::Away;
        self.deadline = Timestamp::NEVER;
        self.sending.clear();
        self.pending.clear();
        self.ids.new_session();
        self.asked = None;
        self.creating = false;
        self.wanted = false;
        self.output_waits = false;
        self.hearing = false;
        self.appended = 0;
    }

    fn close(&mut self) {
        if self.link != Link::Away {
            self.forget();
            self.sending.push_back(Queued::Close);
        }
        self.news.clear();
    }

    fn request(&mut self, request: ModelRequest) {
        match request {
            ModelRequest::Connect => self.connect(),
            ModelRequest::Close => self.close(),
            ModelRequest::Commit => self.commit(),
            ModelRequest::Greet => {
                self.greet = true;
                self.create();
            }
            ModelRequest::CreateResponse => self.create(),
            ModelRequest::Cancel(response) => self.cancel(response),
            ModelRequest::Truncate { item, heard_ms } => self.truncate(item, heard_ms),
            ModelRequest::ToolOutput { call, answer } => self.tool_output(call, answer),
            ModelRequest::Note(note) => self.note(&note.to_string()),
        }
    }
}

impl Model for OpenAi {
    fn traits(&self) -> ModelTraits {
        ModelTraits { hears_speech: true, answers: true }
    }

    fn encoding(&self) -> Encoding {
        self.settings.encoding
    }

    fn handle_command(&mut self, now: Timestamp, command: &ModelCommand<'_>) {
        self.see(now);
        match command {
            ModelCommand::Append(audio) if self.is_ready() => self.append(audio),
            ModelCommand::Append(_) => {}
            ModelCommand::Request(request) => self.request(*request),
        }
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>> {
        self.see(now);
        if let Some(News::Audio(.., payload)) = self.told.take() {
            self.spare = payload;
        }
        self.told = self.news.pop_front();
        self.told.as_ref().map(News::event)
    }

    fn poll_timeout(&self) -> Timestamp {
        if self.news.is_empty() { self.deadline } else { self.now }
    }

    fn open_ahead(&mut self) {
        if self.link == Link::Away {
            self.open();
        }
    }

    fn poll_sending(&mut self) -> Option<ModelSending<'_>> {
        let sent = std::mem::take(&mut self.leaving);
        if self.texts.len() < TEXTS && (1..=TEXT_KEPT).contains(&sent.capacity()) {
            self.texts.push(sent);
        }
        Some(match self.sending.pop_front()? {
            Queued::Open => ModelSending::Open(self.settings.access.realtime(&self.settings.model)),
            Queued::Text(text) => {
                self.leaving = text;
                ModelSending::Text(&self.leaving)
            }
            Queued::Close => ModelSending::Close,
        })
    }

    fn handle_socket(&mut self, now: Timestamp, event: WsEvent<'_>) {
        self.see(now);
        if self.link == Link::Away {
            return;
        }
        match event {
            // The server speaks first.
            WsEvent::Open => {}
            WsEvent::Text(text) => self.hear(text),
            WsEvent::Binary(_) => self.counters.unreadable += 1,
            WsEvent::Closed { code: _, reason } => {
                let known = fault::of_code(reason);
                self.lose(known.unwrap_or(ModelFault::Server), reason.rsplit('.').next().unwrap_or(reason), false);
            }
            WsEvent::Refused { status, body } => {
                self.lose(fault::of_answer(status, body), &format!("HTTP {status}"), false)
            }
            WsEvent::Failed(failure) => self.lose(fault::of_failure(failure), &failure.to_string(), false),
        }
    }

    fn tool_result(&mut self, call: ToolCallId, text: &str) {
        if let Some(call) = self.ids.call(call) {
            call.result = Some(text.to_owned());
        }
    }

    fn fault(&self) -> Option<ModelFault> {
        self.fault
    }

    fn counters(&self) -> ModelCounters {
        self.counters
    }
}

impl News {
    fn event(&self) -> ModelEvent<'_> {
        match self {
            Self::Ready => ModelEvent::Ready,
            Self::Lost => ModelEvent::Lost,
            Self::SpeechStarted(at_ms) => ModelEvent::SpeechStarted { at_ms: *at_ms },
            Self::Committed => ModelEvent::Committed,
            Self::Partial(start_ms) => ModelEvent::InputPartial { start_ms: *start_ms },
            Self::Transcript(span, text) => ModelEvent::InputTranscript { span: *span, text },
            Self::NoTranscript(span) => ModelEvent::InputTranscriptFailed { span: *span },
            Self::Created(response) => ModelEvent::ResponseCreated { response: *response },
            Self::Audio(response, item, payload) => ModelEvent::Audio { response: *response, item: *item, payload },
            Self::ItemDone(response, item, transcript) => {
                ModelEvent::ItemDone { response: *response, item: *item, transcript }
            }
            Self::ToolCall { response, call, name, arguments, completed } => {
                ModelEvent::ToolCall { response: *response, call: *call, name, arguments, completed: *completed }
            }
            Self::Done(response, status) => ModelEvent::ResponseDone { response: *response, status: *status },
        }
    }
}
