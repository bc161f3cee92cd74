use std::fmt;

use serde_json::Value;

/// An id: a short prefix that says of what, and a UUID of version 7 (in the order of making) as 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl Id {
    /// A new one, such as `as_0192…`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self(format!("{prefix}_{}", uuid::Uuid::now_v7().simple()))
    }

    /// One that was given out before; whether it is there, the store says.
    #[must_use]
    pub fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Behind the one that this cursor names; from the beginning.
    pub after: Option<String>,
    /// So many at most: 1 to 1,000.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: 50 }
    }
}

/// What a page holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// An assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct Assistant {
    /// `as_…`.
    pub id: Id,
    /// Unique.
    pub name: String,
    /// What is being written.
    pub draft: Value,
    /// Counts changes of the draft and of what is in force, from 1.
    pub revision: u64,
    /// The version in force, if any.
    pub published: Option<u32>,
    /// The draft is not what is in force.
    pub draft_differs: bool,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub updated_ms: i64,
}

/// What an assistant begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAssistant {
    /// Unique.
    pub name: String,
    /// Its draft.
    pub draft: Value,
    /// Now.
    pub now_ms: i64,
}

/// A published definition: it never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Whose.
    pub assistant: Id,
    /// From 1.
    pub version: u32,
    /// What was published.
    pub definition: Value,
    /// What was warned of then.
    pub warnings: Vec<String>,
    /// Its author's words on it; may be empty.
    pub note: String,
    /// Who published it.
    pub by: String,
    /// When.
    pub published_ms: i64,
    /// It is an earlier version again.
    pub restored_from: Option<u32>,
}

/// What is to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    /// As in [`Version`].
    pub definition: Value,
    /// As in [`Version`].
    pub warnings: Vec<String>,
    /// As in [`Version`].
    pub note: String,
    /// As in [`Version`].
    pub by: String,
    /// As in [`Version`].
    pub restored_from: Option<u32>,
    /// Now.
    pub now_ms: i64,
}

/// A number that is assigned to an assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// E.164, unique.
    pub e164: String,
    /// The carrier's id of it.
    pub carrier_id: String,
    /// Who answers; the name of an assistant of the configuration file is written `file:NAME`.
    pub assistant: Id,
    /// What the carrier was told before quietline had it: put back when it is unassigned.
    pub before: Value,
    /// What quietline told the carrier: anything else there now is drift.
    pub ours: Value,
    /// When.
    pub assigned_ms: i64,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Somebody called us.
    Inbound,
    /// We called somebody.
    Outbound,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The carrier's id of it, unique.
    pub id: String,
    /// The assistant's id (as in [`Number::assistant`]).
    pub assistant: Id,
    /// The assistant's name then.
    pub assistant_name: String,
    /// The version that it kept to; none for one of the configuration file.
    pub version: Option<u32>,
    /// Who called whom.
    pub direction: Direction,
    /// Of our two numbers, theirs: may be no number at all (withheld).
    pub caller: String,
    /// Ours.
    pub number: String,
    /// When it began.
    pub began_ms: i64,
    /// How long its line was open.
    pub duration_ms: i64,
    /// How long the caller had been silent when it ended.
    pub silence_ms: i64,
    /// Why it ended.
    pub reason: String,
    /// Who closed the line.
    pub ended_by: String,
    /// The caller rang again within two minutes after an ending by silence.
    pub rang_back: bool,
    /// All the rest: record, ledger, transcript, latencies, usage, drops.
    pub detail: Value,
}

/// Which calls are wanted; all of what is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Of this assistant.
    pub assistant: Option<Id>,
    /// To or from this number of ours.
    pub number: Option<String>,
    /// With this caller.
    pub caller: Option<String>,
    /// Ended so.
    pub reason: Option<String>,
    /// Began then or later.
    pub from_ms: Option<i64>,
    /// Began before.
    pub to_ms: Option<i64>,
    /// Whose caller rang back.
    pub rang_back: Option<bool>,
}

/// What a number's calls came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberUse {
    /// Ours.
    pub number: String,
    /// Calls.
    pub calls: u64,
    /// Open lines, in all.
    pub duration_ms: i64,
    /// Silence before the ends, in all.
    pub silence_ms: i64,
    /// Calls that ended by silence.
    pub silence_endings: u64,
    /// … and whose caller rang back within two minutes.
    pub rang_back: u64,
}

/// Which way a text went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextDirection {
    /// To us.
    Inbound,
    /// From us.
    Outbound,
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `tx_…`, or for an inbound one what makes it unique: the carrier's id.
    pub id: String,
    /// The carrier's id of it, once known.
    pub carrier_id: Option<String>,
    /// Which way.
    pub direction: TextDirection,
    /// Our number.
    pub ours: String,
    /// Their number.
    pub theirs: String,
    /// What it says.
    pub body: String,
    /// `received`, `held` (quiet hours), `answered`, `ignored`, `failed` (there is no answer); or of ours `queued`,
    /// `sent`, `delivered`, `failed`, `unknown` (nobody knows whether it was sent), ….
    pub status: String,
    /// The carrier's code of what went wrong.
    pub error: Option<u32>,
    /// The message that this one answers.
    pub answers: Option<String>,
    /// When.
    pub at_ms: i64,
}

/// Two numbers that wrote to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Our number.
    pub ours: String,
    /// Their number.
    pub theirs: String,
    /// How many messages.
    pub messages: u64,
    /// The latest one.
    pub latest: Text,
    /// They want no texts.
    pub opted_out: bool,
}

/// Who may use the API. The token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `tk_…`.
    pub id: Id,
    /// For people; unique among those that are good.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_ms: i64,
    /// Until when it is good.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
    /// Since when it is no longer good.
    pub revoked_ms: Option<i64>,
}

/// Somebody did something.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// When.
    pub at_ms: i64,
    /// Who: a token's name, or the command line on this machine.
    pub actor: String,
    /// What, such as `assistant.publish`.
    pub action: String,
    /// To what: an id, a number.
    pub object: String,
    /// More; no secrets.
    pub detail: Value,
}

/// What a request with an idempotency key comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has asked before: carry it out, then settle.
    New,
    /// It is being carried out, or was when a process died: nobody knows what came of it.
    Unsettled {
        /// Since when.
        since_ms: i64,
    },
    /// It was carried out: this was the answer.
    Done(StoredAnswer),
}

/// An answer, kept for those who ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON text.
    pub body: String,
}

/// A webhook that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `msg_…`, told to the receiver.
    pub id: Id,
    /// Where to.
    pub url: String,
    /// What, JSON text.
    pub body: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it is due.
    pub due_ms: i64,
    /// When it was made.
    pub created_ms: i64,
    /// What came of the last try.
    pub error: Option<String>,
}
