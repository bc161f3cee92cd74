//! What outlives the process: assistants with their versions, numbers, call records, texts, tokens, the audit trail, webhooks
//! that wait. Never touched in a tick, nor by a shard.
//!
//! | file | what |
//! |---|---|
//! | `rows.rs` | what is kept, as values |
//! | `change.rs` | what listeners learn |
//! | `error.rs` | what may go wrong |
//! | `location.rs` | where the store is |
//! | `sql/` | both databases: SQLite (one file, the default) and PostgreSQL, with their migrations; a file a subject |
//!
//! The store keeps documents and does not know what they mean: definitions are JSON that [`crate::config`] reads. Every
//! change is whole or not at all, is told to listeners once it is lasting, and survives `kill -9` from the moment its call
//! returns. Times are milliseconds since 1970 by the caller's clock. One contract (`tests/it/store`) holds both databases.

mod change;
mod error;
mod location;
mod rows;
mod sql;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::broadcast;

pub use change::{Change, Subject};
pub use error::{OpenError, Result, StoreError};
pub use location::Location;
pub use rows::{
    Assistant, Audit, Call, CallFilter, Claim, Conversation, Direction, Hook, Id, Listing, NewAssistant, NewVersion,
    Number, NumberUse, Page, StoredAnswer, Text, TextDirection, Token, Version,
};

/// Opens a store, after bringing its tables up to date.
///
/// # Errors
///
/// [`StoreError::Open`], with what to do.
pub async fn open(location: &Location) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(sql::Sql::open(location).await?))
}

/// Everything that is kept; see the [module](self).
///
/// Every method may also fail with [`StoreError::Unavailable`] and [`StoreError::Corrupt`], and with [`StoreError::Nul`]
/// where it is given text. Names are the same if they differ only in case.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    // Assistants.

    /// A new assistant, with a draft only.
    ///
    /// # Errors
    ///
    /// [`StoreError::Taken`] if its name is in use.
    async fn create_assistant(&self, new: NewAssistant) -> Result<Assistant>;
    /// One, by id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn assistant(&self, id: &Id) -> Result<Assistant>;
    /// One, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    async fn assistant_named(&self, name: &str) -> Result<Assistant>;
    /// All, by name; `search` is a part of the name, in any case.
    async fn assistants(&self, search: Option<&str>, page: &Page) -> Result<Listing<Assistant>>;
    /// Replaces the draft, and the name with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] unless `revision` is the current one (`None`: whichever it is); [`StoreError::Taken`].
    async fn save_draft(
        &self,
        id: &Id,
        revision: Option<u64>,
        name: &str,
        draft: Value,
        now_ms: i64,
    ) -> Result<Assistant>;
    /// Makes the next version, and makes it the one in force. The draft stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`], [`StoreError::NotFound`].
    async fn publish(&self, id: &Id, revision: Option<u64>, version: NewVersion) -> Result<Version>;
    /// No version is in force any more; those that there were stay.
    async fn unpublish(&self, id: &Id, now_ms: i64) -> Result<Assistant>;
    /// A version.
    async fn version(&self, id: &Id, version: u32) -> Result<Version>;
    /// All versions, the newest first.
    async fn versions(&self, id: &Id, page: &Page) -> Result<Listing<Version>>;
    /// Takes it away with its versions; its call records stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while a number is assigned to it.
    async fn delete_assistant(&self, id: &Id, revision: Option<u64>) -> Result<()>;
    /// Every assistant's version in force, for the gateway.
    async fn in_force(&self) -> Result<Vec<(Assistant, Version)>>;

    // Numbers.

    /// All assigned numbers, by number.
    async fn numbers(&self) -> Result<Vec<Number>>;
    /// One, E.164.
    async fn number(&self, e164: &str) -> Result<Number>;
    /// Assigns a number, or assigns it anew. What it was used for before quietline had it is kept from the first time.
    async fn put_number(&self, number: Number) -> Result<Number>;
    /// The number is no longer ours to answer.
    async fn remove_number(&self, e164: &str) -> Result<()>;

    // Calls.

    /// Keeps a call's record, and with it a webhook that is to be sent. Again for the same call: replaces it (a call that
    /// was resumed). Marks an earlier call of the same caller that ended by silence within two minutes before as rung back.
    async fn keep_call(&self, call: &Call, hook: Option<&Hook>) -> Result<()>;
    /// Several at once, in one transaction: records must not cost the gateway its breath.
    async fn keep_calls(&self, calls: &[(Call, Option<Hook>)]) -> Result<()>;
    /// One, with everything.
    async fn call(&self, id: &str) -> Result<Call>;
    /// The newest first; [`Call::detail`] is left out (`Null`).
    async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Listing<Call>>;
    /// How many there were with this direction since then, for limits.
    async fn calls_since(&self, direction: Direction, since_ms: i64) -> Result<u64>;
    /// What silence cost, a number at a time, over calls that began in this span.
    async fn number_use(&self, from_ms: i64, to_ms: i64) -> Result<Vec<NumberUse>>;
    /// Takes away the records of calls that began before then; how many.
    async fn forget_calls(&self, before_ms: i64) -> Result<u64>;

    // Texts.

    /// Keeps a message. `false` if its id is known already: a duplicate.
    async fn keep_text(&self, text: &Text) -> Result<bool>;
    /// What became of a message of ours.
    async fn text_status(
        &self,
        id: &str,
        carrier_id: Option<&str>,
        status: &str,
        error: Option<u32>,
        now_ms: i64,
    ) -> Result<()>;
    /// A message, by our id or the carrier's.
    async fn text(&self, id: &str) -> Result<Text>;
    /// The latest messages between two numbers since then, the oldest first.
    async fn history(&self, ours: &str, theirs: &str, since_ms: i64, most: u32) -> Result<Vec<Text>>;
    /// Inbound messages of this sender since then, for limits.
    async fn texts_since(&self, theirs: &str, since_ms: i64) -> Result<u64>;
    /// Pairs of numbers that wrote to each other, the latest first.
    async fn conversations(&self, ours: Option<&str>, page: &Page) -> Result<Listing<Conversation>>;
    /// Inbound messages that have no answer yet: what a process that died left behind.
    async fn unanswered(&self, since_ms: i64) -> Result<Vec<Text>>;
    /// Somebody wants no texts from this number of ours, or wants them again.
    async fn set_opt_out(&self, ours: &str, theirs: &str, out: bool, now_ms: i64) -> Result<()>;
    /// Whether they want none.
    async fn opted_out(&self, ours: &str, theirs: &str) -> Result<bool>;

    // Tokens, audit, idempotency, settings.

    /// Keeps a token (its hash).
    ///
    /// # Errors
    ///
    /// [`StoreError::Taken`] if its name is in use by one that is not revoked.
    async fn create_token(&self, token: &Token) -> Result<()>;
    /// The one with this hash, revoked and expired ones too.
    async fn token(&self, hash: &[u8; 32]) -> Result<Token>;
    /// All, the newest first.
    async fn tokens(&self) -> Result<Vec<Token>>;
    /// It was used: kept to the minute.
    async fn touch_token(&self, id: &Id, now_ms: i64) -> Result<()>;
    /// It is no longer good.
    async fn revoke_token(&self, id: &Id, now_ms: i64) -> Result<()>;
    /// Adds an entry.
    async fn audit(&self, entry: &Audit) -> Result<()>;
    /// The newest first.
    async fn audits(&self, page: &Page) -> Result<Listing<Audit>>;
    /// Says that the request with this key is being carried out, or what came of it before.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyReused`] if the key stood before another request (`fingerprint`).
    async fn claim(&self, actor: &str, key: &str, fingerprint: &[u8; 32], now_ms: i64) -> Result<Claim>;
    /// What came of it: `None` gives the key free again (nothing was done).
    async fn settle(&self, actor: &str, key: &str, answer: Option<&StoredAnswer>) -> Result<()>;
    /// A setting of the server that is not in its file.
    async fn setting(&self, name: &str) -> Result<Option<Value>>;
    /// Sets or (`None`) clears it.
    async fn put_setting(&self, name: &str, value: Option<Value>, now_ms: i64) -> Result<()>;

    // Webhooks that wait.

    /// Those that are due, claimed for `lease_ms`: another process does not get them meanwhile.
    async fn due_hooks(&self, now_ms: i64, lease_ms: i64, most: u32) -> Result<Vec<Hook>>;
    /// When the next one is due.
    async fn next_hook(&self) -> Result<Option<i64>>;
    /// Delivered.
    async fn hook_done(&self, id: &Id) -> Result<()>;
    /// Tried in vain: again then, or (`None`) never.
    async fn hook_failed(&self, id: &Id, next_ms: Option<i64>, why: &str) -> Result<()>;

    // The store itself.

    /// What changes from now on, by this process and, where the database tells it, by others. A slow listener misses some
    /// and is told so: then it reads all anew.
    fn changes(&self) -> broadcast::Receiver<Change>;
    /// It answers: for `/readyz` and the doctor. Words on what it is, such as `SQLite 3.51.3, quietline.db, 4 MB`.
    async fn health(&self) -> Result<String>;
    /// Waits for what is being written, and closes.
    async fn close(&self);
}
