//! What happened in a call, in words that a person and a test can read.

use std::fmt;

use crate::carrier::twilio::StreamSid;

/// Which address was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Webhook {
    /// The number's voice webhook.
    Voice,
    /// The number's fallback.
    Fallback,
    /// Of `<Redirect>`.
    Redirect,
    /// The `action` of `<Connect>`.
    Action,
    /// The `action` of `<Dial>`.
    Dialed,
    /// Given by REST.
    Url,
    /// Given by REST for a call that the gateway placed.
    Placed,
    /// Of a call's status.
    Status,
    /// Of a stream's status.
    StreamStatus,
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Voice => "voice webhook",
            Self::Fallback => "fallback",
            Self::Redirect => "redirect",
            Self::Action => "action",
            Self::Dialed => "action of Dial",
            Self::Url => "document from REST",
            Self::Placed => "document of a placed call",
            Self::Status => "status callback",
            Self::StreamStatus => "stream status callback",
        })
    }
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The gateway closed it, with this code if it said one.
    Closed(Option<u16>),
    /// The connection broke, or the gateway broke the protocol: 31921, 31924.
    Broken(String),
    /// We broke it on purpose ([`super::WireAct`], [`crate::lab::ScriptedCarrier::break_off`]).
    BrokenOnPurpose,
    /// We ended it: the caller left, REST said so, or the lab was stopped.
    Stopped,
}

impl fmt::Display for StreamEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(Some(code)) => write!(f, "closed by the gateway ({code})"),
            Self::Closed(None) => f.write_str("closed by the gateway (no code)"),
            Self::Broken(how) => write!(f, "broken: {how}"),
            Self::BrokenOnPurpose => f.write_str("broken by the lab"),
            Self::Stopped => f.write_str("stopped by the carrier"),
        }
    }
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// The gateway closed the stream, and no verb was left.
    Stream,
    /// A verb, or the end of the document.
    Document,
    /// REST.
    Rest,
    /// The caller hung up.
    Caller,
    /// The call vanished: REST knows, nobody says so.
    Vanished,
    /// Whoever was called: did not answer, talks with somebody else, or cannot be reached.
    Callee,
    /// The time that the gateway had set for it.
    TimeLimit,
    /// A webhook failed, and nothing was there to fall back on.
    Failure,
    /// The lab was stopped.
    Lab,
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stream => "the gateway (stream closed)",
            Self::Document => "the document",
            Self::Rest => "the gateway (REST)",
            Self::Caller => "the caller",
            Self::Vanished => "nobody says (vanished)",
            Self::Callee => "whoever was called",
            Self::TimeLimit => "the carrier (time limit)",
            Self::Failure => "the carrier (a webhook failed)",
            Self::Lab => "the lab",
        })
    }
}

/// Words that the vendor itself speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The text.
    pub text: String,
    /// The voice's language, if the document names one.
    pub language: Option<String>,
    /// How long it took to say, if nothing cut it off.
    pub duration: std::time::Duration,
}

/// Something that happened in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEvent {
    /// A webhook or callback was answered with this status, or why it was not.
    Asked {
        /// Which.
        webhook: Webhook,
        /// Its address.
        url: String,
        /// HTTP status, or the failure in words.
        answer: Result<u16, String>,
    },
    /// A document was taken: its verbs.
    Document(String),
    /// The handshake of a stream: HTTP status, or why there is none.
    Handshake {
        /// As written in the document.
        url: String,
        /// 101 if it worked.
        answer: Result<u16, String>,
    },
    /// Somebody else was called; `DialCallStatus`.
    Dialed {
        /// Whom.
        number: String,
        /// `completed`, `busy`, `no-answer` or `failed`.
        status: &'static str,
    },
    /// `start` was sent.
    StreamStarted(StreamSid),
    /// The caller begins to hear something.
    AudioBegan,
    /// The caller has heard nothing for a while; since when, in milliseconds before this event.
    AudioEnded {
        /// Milliseconds.
        ago_ms: u64,
    },
    /// The gateway set a mark.
    Mark(String),
    /// A mark was echoed.
    MarkEchoed(String),
    /// The gateway cleared this much audio.
    Clear {
        /// Milliseconds that will not be heard.
        unheard_ms: u64,
    },
    /// The caller pressed a key.
    Digit(char),
    /// The stream ended with this much audio unheard.
    StreamEnded {
        /// How.
        end: StreamEnd,
        /// Milliseconds.
        unheard_ms: u64,
    },
    /// A request to REST about this call.
    Rest {
        /// What was asked.
        what: String,
        /// HTTP status; none if it was left without an answer.
        status: Option<u16>,
    },
    /// The vendor's voice speaks.
    Spoke(Spoken),
    /// The recording at this address would be played.
    Played(String),
    /// An entry of the vendor's debugger.
    Warning {
        /// The vendor's number.
        code: u32,
        /// In words.
        what: String,
    },
    /// The gateway did what the vendor does not allow.
    Violation(String),
    /// The call is over.
    Ended(EndedBy),
}

impl fmt::Display for CallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { webhook, url, answer: Ok(status) } => write!(f, "{webhook} {url} → {status}"),
            Self::Asked { webhook, url, answer: Err(why) } => write!(f, "{webhook} {url} failed: {why}"),
            Self::Document(verbs) => write!(f, "document: {verbs}"),
            Self::Handshake { url, answer: Ok(status) } => write!(f, "stream {url} → {status}"),
            Self::Handshake { url, answer: Err(why) } => write!(f, "stream {url} failed: {why}"),
            Self::Dialed { number, status } => write!(f, "{number} is called: {status}"),
            Self::StreamStarted(sid) => write!(f, "stream {sid} started"),
            Self::AudioBegan => f.write_str("the caller hears something"),
            Self::AudioEnded { ago_ms } => write!(f, "the caller hears nothing any more (for {ago_ms} ms)"),
            Self::Mark(name) => write!(f, "mark {name}"),
            Self::MarkEchoed(name) => write!(f, "mark {name} echoed"),
            Self::Clear { unheard_ms } => write!(f, "clear: {unheard_ms} ms unheard"),
            Self::Digit(key) => write!(f, "the caller presses {key}"),
            Self::StreamEnded { end, unheard_ms } => write!(f, "stream {end}, {unheard_ms} ms unheard"),
            Self::Rest { what, status: Some(status) } => write!(f, "REST {what} → {status}"),
            Self::Rest { what, status: None } => write!(f, "REST {what} → no answer"),
            Self::Spoke(Spoken { text, language, .. }) => {
                write!(f, "carrier says ({}) “{text}”", language.as_deref().unwrap_or("no language"))
            }
            Self::Played(url) => write!(f, "carrier plays {url} (not fetched)"),
            Self::Warning { code, what } => write!(f, "warning {code}: {what}"),
            Self::Violation(what) => write!(f, "VIOLATION {what}"),
            Self::Ended(by) => write!(f, "call ended by {by}"),
        }
    }
}
