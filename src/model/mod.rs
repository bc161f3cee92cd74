//! The realtime model's side as values: what a model tells us and what we ask of it.
//!
//! Vendor ids never appear here: a provider numbers responses, items and tool calls as it meets them and keeps the
//! table. The scripted model of [`crate::lab`] speaks exactly these.
//!
//! | folder | provider |
//! |---|---|
//! | [`offline`] | recorded lines: needs neither key nor network |
//! | [`openai`] | OpenAI Realtime, and servers that speak as it does |

mod fault;
pub mod offline;
pub mod openai;
mod tools;

use std::time::Duration;

pub use fault::ModelFault;
pub use tools::Tool;

use crate::{
    audio::Encoding,
    carrier::Digit,
    time::Timestamp,
    wire::{WsEvent, WsRequest},
};

/// Number of a response within the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResponseId(pub u32);

/// Number of an item: playback is keyed by it, never by the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub u32);

/// Number of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolCallId(pub u32);

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseStatus {
    /// Finished.
    Completed,
    /// Cancelled by us or by the server.
    Cancelled,
    /// Cut off by a limit or a filter.
    Incomplete,
    /// The vendor could not answer (rate limit, quota, fault).
    Failed {
        /// It may be asked again after this time, if it said.
        retry_after: Option<Duration>,
    },
}

/// A stretch of the caller audio that the model was given, in milliseconds of what was appended since it was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AppendedSpan {
    /// First millisecond.
    pub start_ms: u64,
    /// End, exclusive.
    pub end_ms: u64,
}

/// Something the model tells us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelEvent<'a> {
    /// The session is open and configured: audio may be appended. Appended time starts at 0.
    Ready,
    /// The connection is gone or could not be made.
    Lost,
    /// The server hears speech since this millisecond of appended audio.
    SpeechStarted {
        /// Milliseconds of appended audio.
        at_ms: u64,
    },
    /// The server took the caller's speech so far as a turn of the conversation.
    Committed,
    /// Part of a transcript of speech still going on: it has words.
    InputPartial {
        /// Start of the speech in appended audio, if known.
        start_ms: Option<u64>,
    },
    /// The transcript of a stretch of caller speech; empty text means no words.
    InputTranscript {
        /// The stretch, if the server said.
        span: Option<AppendedSpan>,
        /// What was said.
        text: &'a str,
    },
    /// There will be no transcript for this stretch.
    InputTranscriptFailed {
        /// The stretch, if the server said.
        span: Option<AppendedSpan>,
    },
    /// A response begins.
    ResponseCreated {
        /// Its number.
        response: ResponseId,
    },
    /// Audio of an item, in the session's encoding; any length.
    Audio {
        /// The response it belongs to.
        response: ResponseId,
        /// The item it belongs to.
        item: ItemId,
        /// The bytes.
        payload: &'a [u8],
    },
    /// An item's audio is complete; its transcript.
    ItemDone {
        /// The response it belongs to.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// What the agent says in it.
        transcript: &'a str,
    },
    /// A tool call, told once.
    ToolCall {
        /// The response it belongs to.
        response: ResponseId,
        /// Its number.
        call: ToolCallId,
        /// The tool's name.
        name: &'a str,
        /// Arguments, JSON text.
        arguments: &'a str,
        /// The item is complete; calls of cancelled or incomplete responses may hold cut-off arguments.
        completed: bool,
    },
    /// A response is over.
    ResponseDone {
        /// Its number.
        response: ResponseId,
        /// How it ended.
        status: ResponseStatus,
    },
}

/// What a tool call is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolAnswer {
    /// An intent's result; the driver holds the text.
    Result {
        /// It worked.
        ok: bool,
    },
    /// It is not configured: the tool does not exist.
    NoSuchTool,
    /// `hangup_call` or `transfer_call` before the caller spoke or pressed anything.
    CallerHasNotSpoken,
    /// `hangup_call` was carried out: the line is being closed.
    HungUp,
    /// The call is already being ended.
    AlreadyEnding,
    /// The hang-up was taken back: the caller is still there.
    TakenBack,
    /// The ending was taken back before this tool had finished.
    Abandoned,
    /// `wait_for_caller`: the line is held.
    Waiting,
    /// `wait_for_caller` without a whole number of seconds within its bounds.
    WrongWait,
    /// `wait_for_caller` when the caller has been waited for as long as may be.
    WaitedEnough,
    /// `transfer_call` to nobody that is configured.
    WrongTransfer,
    /// `transfer_call`: the caller is put through.
    Transferred,
    /// `transfer_call`: the carrier has refused it.
    TransferFailed,
}

/// Something the model is told in words, as an item of the conversation. The provider renders it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// The silence goodbye was taken back.
    CallerIsBack {
        /// How long the caller had been silent.
        silent: Duration,
        /// How much of the goodbye was heard.
        heard: Duration,
    },
    /// The caller pressed a key.
    Digit(Digit),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CallerIsBack { silent, heard } => write!(
                f,
                "[The caller was silent for {:.0} s; the goodbye was begun, {} ms of it heard; the caller is back.]",
                silent.as_secs_f64(),
                heard.as_millis()
            ),
            Self::Digit(digit) => write!(f, "[The caller pressed {}.]", digit.key()),
        }
    }
}

/// Something for the model, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelCommand<'a> {
    /// Caller audio in the session's encoding.
    Append(&'a [u8]),
    /// Anything else.
    Request(ModelRequest),
}

/// What we ask of the model apart from listening.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelRequest {
    /// Open a session (again); the conversation so far is re-created by the provider.
    Connect,
    /// End the caller's turn by hand.
    Commit,
    /// Ask for the greeting.
    Greet,
    /// Ask for a response.
    CreateResponse,
    /// Stop a response; its late audio is dropped here.
    Cancel(ResponseId),
    /// Tell how much of an item was heard.
    Truncate {
        /// The item.
        item: ItemId,
        /// Heard, in milliseconds of the item's audio; never above what was received.
        heard_ms: u64,
    },
    /// Answer a tool call.
    ToolOutput {
        /// The call.
        call: ToolCallId,
        /// The answer.
        answer: ToolAnswer,
    },
    /// Add an item.
    Note(Note),
    /// The call is over: close the session.
    Close,
}

/// What the model's provider can do, as far as the rules must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelTraits {
    /// It reports the caller's speech (`speech_started`, transcripts): a barge-in it does not hear is a false alarm.
    pub hears_speech: bool,
    /// It can be asked for an answer. A recorded agent cannot: then no answer is owed, and what it says within
    /// 15 s of the caller's words is taken for the answer to them.
    pub answers: bool,
}

/// What came of a model that could not be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCounters {
    /// Events that we do not know.
    pub unknown: u64,
    /// Messages that are not what they should be: no JSON, a field missing, audio that is no base64, binary.
    pub unreadable: u64,
    /// Errors that the server reported.
    pub errors: u64,
    /// Pieces of responses that were cancelled, over, or never begun.
    pub late: u64,
    /// News that nobody polled in time.
    pub dropped: u64,
    /// What the vendor bills.
    pub usage: ModelUsage,
}

/// Tokens, as far as the vendor has told: a connection that broke in the middle of a response has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelUsage {
    /// Text that went in: instructions, tools, the conversation so far.
    pub input_text: u64,
    /// Audio that went in.
    pub input_audio: u64,
    /// Of both, how much was kept from before and costs less.
    pub input_cached: u64,
    /// Text that came out.
    pub output_text: u64,
    /// Audio that came out.
    pub output_audio: u64,
}

impl std::ops::AddAssign for ModelUsage {
    fn add_assign(&mut self, other: Self) {
        let sum = |a: &mut u64, b| *a = a.saturating_add(b);
        sum(&mut self.input_text, other.input_text);
        sum(&mut self.input_audio, other.input_audio);
        sum(&mut self.input_cached, other.input_cached);
        sum(&mut self.output_text, other.output_text);
        sum(&mut self.output_audio, other.output_audio);
    }
}

/// What a provider wants done with its socket. It has one at most; the driver owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSending<'a> {
    /// Open it; one that is open or being opened is dropped first.
    Open(WsRequest),
    /// Send a text message.
    Text(&'a str),
    /// Close it.
    Close,
}

/// A realtime model's session in one call: a state machine without sockets or clock.
///
/// The driver gives it commands, what its socket brings, and time; after each it takes events until there are none, and
/// then [`Model::poll_sending`] until there is nothing: a time-out that an event tells of may close the socket. Between [`Model::poll_timeout`] and the next command or message
/// nothing happens.
///
/// A session may be opened before its call begins ([`Model::open_ahead`]): time stands at [`Timestamp::ZERO`] until
/// then.
pub trait Model: Send {
    /// What this provider can do.
    fn traits(&self) -> ModelTraits;
    /// How audio travels to and from it.
    fn encoding(&self) -> Encoding;
    /// Takes a command.
    fn handle_command(&mut self, now: Timestamp, command: &ModelCommand<'_>);
    /// What happens by `now`, one thing at a time.
    fn poll_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>>;
    /// When something happens next by itself; [`Timestamp::NEVER`] if nothing does.
    fn poll_timeout(&self) -> Timestamp;
    /// The call is about to begin: the session may be opened and configured now. The first [`ModelRequest::Connect`]
    /// then finds it open, or on its way.
    fn open_ahead(&mut self) {}
    /// What is to be done with its socket, one thing at a time, in order.
    fn poll_sending(&mut self) -> Option<ModelSending<'_>> {
        None
    }
    /// What its socket brings. What comes of a socket that was dropped for another does not come here.
    fn handle_socket(&mut self, now: Timestamp, event: WsEvent<'_>) {
        let _ = (now, event);
    }
    /// A tool has answered: the text that goes to the model with the next [`ToolAnswer::Result`] of this call.
    fn tool_result(&mut self, call: ToolCallId, text: &str) {
        let _ = (call, text);
    }
    /// Why it is lost or could not answer, until it does.
    fn fault(&self) -> Option<ModelFault> {
        None
    }
    /// What came that could not be used.
    fn counters(&self) -> ModelCounters {
        ModelCounters::default()
    }
}
