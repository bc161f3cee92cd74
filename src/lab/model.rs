use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    audio::{Dbfs, Encoding, FRAME_SAMPLES},
    codec::mulaw,
    model::{AppendedSpan, ItemId, ModelCommand, ModelEvent, ModelRequest, ResponseId, ResponseStatus, ToolCallId},
    time::Timestamp,
};

/// Louder frames are speech to the stand-in's server-side detector.
const SPEECH_LEVEL: f32 = -42.0;
/// Voiced frames before it reports speech, and silent ones before it ends the turn (500 ms).
const START_FRAMES: u32 = 5;
const END_FRAMES: u32 = 25;
/// A turn that does not end is taken as it is after this many milliseconds.
const LONGEST_TURN: u64 = 6_000;
/// A transcript takes this long.
const TRANSCRIPT_TIME: Duration = Duration::from_millis(300);
/// Audio comes five times faster than it plays.
const DELTA_MS: u64 = 200;
const DELTA_EVERY: Duration = Duration::from_millis(40);
/// A truth utterance belongs to a turn if it comes this close.
const TRUTH_SLACK_MS: u64 = 1500;

/// What the caller says, for transcripts. Times of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// First millisecond.
    pub start_ms: u64,
    /// End, exclusive.
    pub end_ms: u64,
    /// The words; empty for a sound without any.
    pub text: String,
}

/// Where transcripts come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Transcripts {
    /// There are none.
    None,
    /// Every turn is empty.
    Empty,
    /// A turn has the words of what was said in it, and none if nothing was.
    Truth(Vec<Utterance>),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyPart {
    /// An item with audio.
    Say {
        /// 8 kHz.
        samples: Arc<[i16]>,
        /// What is said.
        transcript: String,
    },
    /// A tool call.
    Tool {
        /// The tool.
        name: String,
        /// Its item is complete.
        completed: bool,
    },
    /// A tool call with arguments.
    Call {
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
}

/// An answer, or a remark of the model's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// From the end of the caller's turn (or the request) to the response.
    pub delay: Duration,
    /// In order.
    pub parts: Vec<ReplyPart>,
    /// How it ends.
    pub status: ResponseStatus,
}

impl Reply {
    /// Says something, 600 ms after the turn.
    #[must_use]
    pub fn say(samples: &[i16], transcript: &str) -> Self {
        let part = ReplyPart::Say { samples: samples.into(), transcript: transcript.into() };
        Self { delay: Duration::from_millis(600), parts: vec![part], status: ResponseStatus::Completed }
    }

    /// … and then calls a tool.
    #[must_use]
    pub fn then_tool(mut self, name: &str) -> Self {
        self.parts.push(ReplyPart::Tool { name: name.into(), completed: true });
        self
    }

    /// Only calls a tool.
    #[must_use]
    pub fn tool(name: &str) -> Self {
        let part = ReplyPart::Tool { name: name.into(), completed: true };
        Self { delay: Duration::from_millis(600), parts: vec![part], status: ResponseStatus::Completed }
    }

    /// With another delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// What the model has to tell, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelNews {
    /// Ready.
    Ready,
    /// Gone.
    Lost,
    /// Speech.
    SpeechStarted(u64),
    /// The turn was taken.
    Committed,
    /// A transcript.
    Transcript(Option<AppendedSpan>, String),
    /// No transcript.
    TranscriptFailed(Option<AppendedSpan>),
    /// A response begins.
    Created(ResponseId),
    /// Audio.
    Audio(ResponseId, ItemId, Vec<u8>),
    /// An item is complete.
    ItemDone(ResponseId, ItemId, String),
    /// A tool call: name, arguments, and whether its item is complete.
    Tool(ResponseId, ToolCallId, String, String, bool),
    /// A response is over.
    Done(ResponseId, ResponseStatus),
}

impl ModelNews {
    /// As the session takes it.
    #[must_use]
    pub fn event(&self) -> ModelEvent<'_> {
        match self {
            Self::Ready => ModelEvent::Ready,
            Self::Lost => ModelEvent::Lost,
            Self::SpeechStarted(at_ms) => ModelEvent::SpeechStarted { at_ms: *at_ms },
            Self::Committed => ModelEvent::Committed,
            Self::Transcript(span, text) => ModelEvent::InputTranscript { span: *span, text },
            Self::TranscriptFailed(span) => ModelEvent::InputTranscriptFailed { span: *span },
            Self::Created(response) => ModelEvent::ResponseCreated { response: *response },
            Self::Audio(response, item, payload) => ModelEvent::Audio { response: *response, item: *item, payload },
            Self::ItemDone(response, item, transcript) => {
                ModelEvent::ItemDone { response: *response, item: *item, transcript }
            }
            Self::Tool(response, call, name, arguments, completed) => {
                ModelEvent::ToolCall { response: *response, call: *call, name, arguments, completed: *completed }
            }
            Self::Done(response, status) => ModelEvent::ResponseDone { response: *response, status: *status },
        }
    }

    fn response(&self) -> Option<ResponseId> {
        match self {
            Self::Created(id)
            | Self::Audio(id, ..)
            | Self::ItemDone(id, ..)
            | Self::Tool(id, ..)
            | Self::Done(id, _) => Some(*id),
            Self::Ready
            | Self::Lost
            | Self::SpeechStarted(_)
            | Self::Committed
            | Self::Transcript(..)
            | Self::TranscriptFailed(_) => None,
        }
    }
}

/// What a script has for somebody else to carry out.
#[derive(Debug)]
pub(super) enum Scripted {
    Reply(Reply),
    News(ModelNews),
}

#[derive(Debug)]
struct Queued(Timestamp, u64, What);

#[derive(Debug)]
enum What {
    News(ModelNews),
    Begin(Reply),
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// The stand-in's ear: a plain level detector over what was appended.
#[derive(Debug, Default)]
struct Ear {
    appended_ms: u64,
    loud: u32,
    quiet: u32,
    /// Start of the turn: appended time and stream time.
    turn: Option<(u64, u64)>,
}

/// A realtime model with its answers written down.
///
/// It hears turns by itself in the audio that it gets, takes the next reply for each (or for a `response.create`),
/// sends audio faster than real time, stops when it is told to, and can be away or deaf.
#[derive(Debug)]
pub struct ScriptedModel {
    encoding: Encoding,
    transcripts: Transcripts,
    deaf: bool,
    stream_start: Timestamp,
    replies: VecDeque<Reply>,
    queue: BinaryHeap<Reverse<Queued>>,
    order: u64,
    connected: bool,
    /// Time that connecting takes; `None`: it fails.
    connect: Option<Duration>,
    /// … after the next loss.
    reconnect: Option<Option<Duration>>,
    active: Option<ResponseId>,
    responses: u32,
    items: u32,
    tools: u32,
    ear: Ear,
    /// What was told last: an event borrows it.
    told: Option<ModelNews>,
    /// Everything it was asked, with the time.
    pub log: Vec<(Timestamp, ModelRequest)>,
    /// Caller audio it got, as 8 kHz samples, since it was last ready.
    pub got: Vec<i16>,
}

impl ScriptedModel {
    /// A model that is reachable at once and hears; it has no replies yet.
    #[must_use]
    pub fn new(encoding: Encoding, transcripts: Transcripts, stream_start: Timestamp) -> Self {
        Self {
            encoding,
            transcripts,
            deaf: false,
            stream_start,
            replies: VecDeque::new(),
            queue: BinaryHeap::new(),
            order: 0,
            connected: false,
            connect: Some(Duration::from_millis(50)),
            reconnect: None,
            active: None,
            responses: 0,
            items: 0,
            tools: 0,
            ear: Ear::default(),
            told: None,
            log: Vec::new(),
            got: Vec::new(),
        }
    }

    /// It hears nothing by itself: no turns, no transcripts.
    #[must_use]
    pub fn deaf(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// What it answers next.
    pub fn push(&mut self, reply: Reply) {
        self.replies.push_back(reply);
    }

    /// Says this at `at` without being asked.
    pub fn speak_at(&mut self, at: Timestamp, reply: Reply) {
        self.enqueue(at, What::Begin(reply));
    }

    /// Tells this at `at`, whatever its state.
    pub fn tell_at(&mut self, at: Timestamp, news: ModelNews) {
        self.enqueue(at, What::News(news));
    }

    /// Words of the caller, for transcripts to come.
    pub fn will_hear(&mut self, utterance: Utterance) {
        if let Transcripts::Truth(truth) = &mut self.transcripts {
            truth.push(utterance);
        }
    }

    /// The connection breaks at `at`; connecting again takes this long, or fails.
    pub fn lose_at(&mut self, at: Timestamp, reconnect: Option<Duration>) {
        self.reconnect = Some(reconnect);
        self.enqueue(at, What::News(ModelNews::Lost));
    }

    /// Connecting takes this long, or fails.
    pub fn set_connect(&mut self, connect: Option<Duration>) {
        self.connect = connect;
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        self.queue.peek().map_or(Timestamp::NEVER, |Reverse(queued)| queued.0)
    }

    /// What happens by `now`, one thing at a time.
    pub fn poll(&mut self, now: Timestamp) -> Option<ModelNews> {
        while self.next_at() <= now {
            let Reverse(Queued(at, _, what)) = self.queue.pop()?;
            match what {
                What::Begin(reply) => self.begin(at, reply),
                What::News(news) => {
                    match &news {
                        ModelNews::Ready => {
                            self.connected = true;
                            self.ear = Ear::default();
                            self.got.clear();
                        }
                        ModelNews::Lost => {
                            self.connected = false;
                            self.connect = self.reconnect.take().unwrap_or(self.connect);
                            self.active = None;
                            self.queue.retain(|Reverse(q)| !matches!(&q.2, What::News(n) if n.response().is_some()));
                        }
                        ModelNews::Done(id, _) if self.active == Some(*id) => self.active = None,
                        ModelNews::Done(..)
                        | ModelNews::SpeechStarted(_)
                        | ModelNews::Committed
                        | ModelNews::Transcript(..)
                        | ModelNews::TranscriptFailed(_)
                        | ModelNews::Created(_)
                        | ModelNews::Audio(..)
                        | ModelNews::ItemDone(..)
                        | ModelNews::Tool(..) => {}
                    }
                    return Some(news);
                }
            }
        }
        None
    }

    /// How audio travels to and from it.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// As [`ScriptedModel::poll`], keeping what it tells.
    pub(super) fn tell(&mut self, now: Timestamp) -> Option<&ModelNews> {
        self.told = self.poll(now);
        self.told.as_ref()
    }

    /// Takes a command.
    pub fn command(&mut self, now: Timestamp, command: &ModelCommand<'_>) {
        let request = match command {
            ModelCommand::Append(bytes) => return self.hear(now, bytes),
            ModelCommand::Request(request) => *request,
        };
        self.log.push((now, request));
        match request {
            ModelRequest::Connect => match self.connect {
                Some(after) => self.enqueue(now + after, What::News(ModelNews::Ready)),
                None => self.enqueue(now + Duration::from_millis(200), What::News(ModelNews::Lost)),
            },
            ModelRequest::Greet | ModelRequest::CreateResponse => {
                if let Some(reply) = self.replies.pop_front().filter(|_| self.active.is_none()) {
                    self.enqueue(now + reply.delay / 2, What::Begin(reply));
                }
            }
            ModelRequest::Cancel(id) => {
                self.queue.retain(|Reverse(q)| !matches!(&q.2, What::News(n) if n.response() == Some(id)));
                let done = ModelNews::Done(id, ResponseStatus::Cancelled);
                self.enqueue(now + Duration::from_millis(20), What::News(done));
            }
            ModelRequest::Close => {
                self.connected = false;
                self.queue.clear();
            }
            ModelRequest::Commit
            | ModelRequest::Truncate { .. }
            | ModelRequest::ToolOutput { .. }
            | ModelRequest::Note(_) => {}
        }
    }

    /// What its script has for `now`, for whoever carries replies out: one thing at a time.
    pub(super) fn poll_script(&mut self, now: Timestamp) -> Option<Scripted> {
        if self.next_at() > now {
            return None;
        }
        let Reverse(Queued(_, _, what)) = self.queue.pop()?;
        Some(match what {
            What::Begin(reply) => Scripted::Reply(reply),
            What::News(news) => {
                if news == ModelNews::Lost {
                    self.connect = self.reconnect.take().unwrap_or(self.connect);
                }
                Scripted::News(news)
            }
        })
    }

    /// The next reply that is written down.
    pub(super) fn next_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// It hears nothing by itself.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// How long connecting takes; `None`: it fails.
    pub(super) fn connecting(&self) -> Option<Duration> {
        self.connect
    }

    /// The words between two times of the stream; `None`: there are no transcripts.
    pub(super) fn words(&self, start_ms: u64, end_ms: u64) -> Option<String> {
        match &self.transcripts {
            Transcripts::None => None,
            Transcripts::Empty => Some(String::new()),
            Transcripts::Truth(truth) => {
                let said = truth
                    .iter()
                    .filter(|u| u.start_ms < end_ms + TRUTH_SLACK_MS / 5 && start_ms < u.end_ms + TRUTH_SLACK_MS);
                Some(said.map(|u| u.text.as_str()).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn begin(&mut self, at: Timestamp, reply: Reply) {
        if !self.connected || self.active.is_some() {
            return;
        }
        let response = ResponseId(self.responses);
        self.responses += 1;
        self.active = Some(response);
        self.news(at, ModelNews::Created(response));
        let mut at = at + Duration::from_millis(150);
        for part in reply.parts {
            match part {
                ReplyPart::Say { samples, transcript } => {
                    let item = ItemId(self.items);
                    self.items += 1;
                    for chunk in samples.chunks(DELTA_MS as usize * 8) {
                        let payload = self.encode(chunk);
                        self.news(at, ModelNews::Audio(response, item, payload));
                        at += DELTA_EVERY;
                    }
                    self.news(at, ModelNews::ItemDone(response, item, transcript));
                }
                ReplyPart::Tool { name, completed } => {
                    let call = self.next_call();
                    self.news(at, ModelNews::Tool(response, call, name, "{}".to_owned(), completed));
                }
                ReplyPart::Call { name, arguments } => {
                    let call = self.next_call();
                    self.news(at, ModelNews::Tool(response, call, name, arguments, true));
                }
            }
            at += DELTA_EVERY;
        }
        self.news(at, ModelNews::Done(response, reply.status));
    }

    fn next_call(&mut self) -> ToolCallId {
        self.tools += 1;
        ToolCallId(self.tools - 1)
    }

    fn encode(&self, samples: &[i16]) -> Vec<u8> {
        match self.encoding {
            Encoding::Mulaw => samples.iter().map(|&s| mulaw::encode(s)).collect(),
            // Three times the same sample: coarse, but a stand-in's voice need not be fine.
            Encoding::Pcm24k => samples.iter().flat_map(|s| s.to_le_bytes().repeat(3)).collect(),
        }
    }

    fn hear(&mut self, now: Timestamp, bytes: &[u8]) {
        let samples: Vec<i16> = match self.encoding {
            Encoding::Mulaw => bytes.iter().map(|&code| mulaw::decode(code)).collect(),
            Encoding::Pcm24k => {
                bytes.as_chunks::<2>().0.iter().step_by(3).map(|two| i16::from_le_bytes(*two)).collect()
            }
        };
        self.got.extend_from_slice(&samples);
        if self.deaf {
            return;
        }
        for frame in samples.chunks(FRAME_SAMPLES) {
            self.ear.appended_ms += frame.len() as u64 / 8;
            self.hear_frame(now, Dbfs::of(frame).db() > SPEECH_LEVEL);
        }
    }

    fn hear_frame(&mut self, now: Timestamp, loud: bool) {
        let ear = &mut self.ear;
        (ear.loud, ear.quiet) = if loud { (ear.loud + 1, 0) } else { (0, ear.quiet + 1) };
        let stream_ms = (now - self.stream_start).as_millis() as u64;
        match ear.turn {
            None if ear.loud >= START_FRAMES => {
                let back = u64::from(START_FRAMES) * 20;
                let at_ms = ear.appended_ms.saturating_sub(back);
                ear.turn = Some((at_ms, stream_ms.saturating_sub(back)));
                self.news(now, ModelNews::SpeechStarted(at_ms));
            }
            Some((start, start_stream)) if ear.quiet >= END_FRAMES || ear.appended_ms > start + LONGEST_TURN => {
                ear.turn = None;
                ear.loud = 0;
                let back = u64::from(ear.quiet) * 20;
                let span = AppendedSpan { start_ms: start, end_ms: ear.appended_ms.saturating_sub(back) };
                self.turn_ended(now, span, start_stream, stream_ms.saturating_sub(back));
            }
            None | Some(_) => {}
        }
    }

    fn turn_ended(&mut self, now: Timestamp, span: AppendedSpan, start_ms: u64, end_ms: u64) {
        self.news(now, ModelNews::Committed);
        let text = self.words(start_ms, end_ms);
        let words = text.as_ref().is_none_or(|text| !text.is_empty());
        if let Some(text) = text {
            self.news(now + TRANSCRIPT_TIME, ModelNews::Transcript(Some(span), text));
        }
        if words && let Some(reply) = self.replies.pop_front() {
            self.enqueue(now + reply.delay, What::Begin(reply));
        }
    }

    fn news(&mut self, at: Timestamp, news: ModelNews) {
        self.enqueue(at, What::News(news));
    }

    fn enqueue(&mut self, at: Timestamp, what: What) {
        self.order += 1;
        self.queue.push(Reverse(Queued(at, self.order, what)));
    }
}
