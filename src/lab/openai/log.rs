//! What happened on a connection.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::Notify;

use crate::time::Timestamp;

/// Events that are kept of a connection.
const KEPT: usize = 20_000;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionEvent {
    /// An event from the client, apart from audio.
    Client(Value),
    /// The server heard the caller begin.
    SpeechStarted {
        /// As it was told.
        audio_start_ms: u64,
    },
    /// The caller's turn was committed.
    Turn {
        /// The item.
        item: String,
        /// First millisecond of appended audio.
        start_ms: u64,
        /// End, exclusive.
        end_ms: u64,
    },
    /// A response began.
    Began(String),
    /// A message item was complete, or cut off.
    Said {
        /// The item.
        item: String,
        /// What was said, as far as it was told.
        text: String,
        /// Audio that was sent.
        ms: u64,
        /// All of it was sent.
        whole: bool,
    },
    /// A tool was called.
    Called {
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// A response ended.
    Done {
        /// The response.
        response: String,
        /// `completed`, `cancelled`, `incomplete`, `failed`.
        status: String,
        /// Why, if it is not completed.
        reason: Option<String>,
    },
    /// The client told how much of an item was heard.
    Truncated {
        /// The item.
        item: String,
        /// Heard.
        ms: u64,
    },
    /// The client was wrong, and was told so.
    Refused {
        /// The error's code.
        code: Option<String>,
        /// Its text.
        message: String,
    },
    /// A fault was carried out.
    Fault(String),
    /// The connection is over.
    Closed(String),
}

impl fmt::Display for ConnectionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(event) => write!(f, "◀ {}", event["type"].as_str().unwrap_or("an event")),
            Self::SpeechStarted { audio_start_ms } => write!(f, "speech since {audio_start_ms} ms"),
            Self::Turn { item, start_ms, end_ms } => write!(f, "turn {item}: {start_ms} to {end_ms} ms"),
            Self::Began(response) => write!(f, "response {response} begins"),
            Self::Said { item, text, ms, whole: true } => write!(f, "said {item} ({ms} ms): {text}"),
            Self::Said { item, text, ms, whole: false } => write!(f, "cut off {item} after {ms} ms: {text}"),
            Self::Called { name, arguments } => write!(f, "called {name}({arguments})"),
            Self::Done { response, status, reason: None } => write!(f, "response {response} {status}"),
            Self::Done { response, status, reason: Some(why) } => write!(f, "response {response} {status}: {why}"),
            Self::Truncated { item, ms } => write!(f, "truncated {item} to {ms} ms"),
            Self::Refused { code, message } => write!(f, "refused ({}): {message}", code.as_deref().unwrap_or("–")),
            Self::Fault(what) => write!(f, "fault: {what}"),
            Self::Closed(why) => write!(f, "closed: {why}"),
        }
    }
}

/// A tone to measure with ([`crate::lab::ScriptedCarrier::play_bursts`]), by the lab's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// The append in which it begins was read.
    pub came: Timestamp,
    /// The delta in which it begins was written; `None`: it was not said back.
    pub sent: Option<Timestamp>,
}

/// What happened on a connection so far; times by the lab's clock.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// Its number: 0 is the first.
    pub number: usize,
    /// The model that was asked for.
    pub model: String,
    /// The handshake was answered.
    pub opened: Timestamp,
    /// The brain's time began: without a script that goes on over a break, when the first caller audio came.
    pub began: Option<Timestamp>,
    /// The end.
    pub closed: Option<Timestamp>,
    /// The session as it is configured.
    pub session: Value,
    /// Caller audio that was appended, milliseconds.
    pub appended_ms: u64,
    /// Messages with caller audio.
    pub appends: u64,
    /// Audio deltas that were sent.
    pub deltas: u64,
    /// Tones that began in the caller's audio; only behind a mirror ([`super::OpenAiConfig::mirror`]).
    pub tones: Vec<Tone>,
    /// In order, the first few thousand.
    pub events: Vec<(Timestamp, ConnectionEvent)>,
    /// What a schema does not allow, in either direction.
    pub violations: Vec<String>,
}

impl ConnectionReport {
    /// What was said, item by item, without what was cut off.
    #[must_use]
    pub fn said(&self) -> Vec<&str> {
        let said = self.events.iter().filter_map(|(_, event)| {
            if let ConnectionEvent::Said { text, whole: true, .. } = event { Some(text.as_str()) } else { None }
        });
        said.collect()
    }

    /// Client events of a type, apart from audio.
    #[must_use]
    pub fn client(&self, kind: &str) -> Vec<&Value> {
        let events = self
            .events
            .iter()
            .filter_map(|(_, event)| if let ConnectionEvent::Client(event) = event { Some(event) } else { None });
        events.filter(|event| event["type"] == kind).collect()
    }

    /// Codes of what was refused, in order.
    #[must_use]
    pub fn refused(&self) -> Vec<Option<&str>> {
        let refused = self.events.iter().filter_map(|(_, event)| {
            if let ConnectionEvent::Refused { code, .. } = event { Some(code.as_deref()) } else { None }
        });
        refused.collect()
    }
}

/// The record of a connection, written by it and read by everybody.
#[derive(Clone)]
pub(super) struct Log {
    report: Arc<Mutex<ConnectionReport>>,
    changed: Arc<Notify>,
}

impl Log {
    pub(super) fn new(number: usize, model: &str, opened: Timestamp, changed: Arc<Notify>) -> Self {
        let report = ConnectionReport {
            number,
            model: model.to_owned(),
            opened,
            began: None,
            closed: None,
            session: Value::Null,
            appended_ms: 0,
            appends: 0,
            deltas: 0,
            tones: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
        };
        Self { report: Arc::new(Mutex::new(report)), changed }
    }

    pub(super) fn report(&self) -> MutexGuard<'_, ConnectionReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event(&self, at: Timestamp, event: ConnectionEvent) {
        let mut report = self.report();
        if report.events.len() < KEPT {
            report.events.push((at, event));
        }
        drop(report);
        self.changed.notify_waiters();
    }

    pub(super) fn violation(&self, what: String) {
        let mut report = self.report();
        if report.violations.len() < 100 {
            report.violations.push(what);
        }
    }

    pub(super) fn closed(&self, at: Timestamp, why: impl Into<String>) {
        if self.report().closed.is_none() {
            self.report().closed = Some(at);
            self.event(at, ConnectionEvent::Closed(why.into()));
        }
    }
}
