//! SQLite and PostgreSQL: one set of statements, which both understand.
//!
//! | file | what |
//! |---|---|
//! | `open.rs` | connections, migrations, what listens to other processes |
//! | `db.rs`, `row.rs`, `list.rs` | a transaction, a row, a page, of either database |
//! | `tell.rs` | who learns of changes |
//! | `assistants.rs`, `numbers.rs`, `calls.rs`, `texts.rs`, `tokens.rs`, `requests.rs`, `hooks.rs` | a subject each |

mod assistants;
mod calls;
mod db;
mod hooks;
mod list;
mod numbers;
mod open;
mod requests;
mod row;
mod tell;
mod texts;
mod tokens;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::SqlSafeStr;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use db::{Db, Tx};
use row::{Arg, Row, args};
use tell::Teller;

use super::{
    Assistant, Audit, Call, CallFilter, Change, Claim, Conversation, Direction, Hook, Id, Listing, NewAssistant,
    NewVersion, Number, NumberUse, Page, Result, Store, StoreError, StoredAnswer, Text, Token, Version,
};

/// A database.
#[derive(Debug)]
pub(super) struct Sql {
    db: Db,
    teller: Teller,
    /// What it is, for people.
    name: String,
    /// What listens to other processes.
    listener: Option<AbortHandle>,
}

impl Sql {
    async fn begin(&self) -> Result<Tx> {
        self.db.begin(&self.teller).await
    }

    async fn rows(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        self.db.rows(sql, args).await
    }

    async fn row(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        self.db.row(sql, args).await
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

#[async_trait]
impl Store for Sql {
    async fn create_assistant(&self, new: NewAssistant) -> Result<Assistant> {
        assistants::create(self, new).await
    }

    async fn assistant(&self, id: &Id) -> Result<Assistant> {
        assistants::one(self, id).await
    }

    async fn assistant_named(&self, name: &str) -> Result<Assistant> {
        assistants::named(self, name).await
    }

    async fn assistants(&self, search: Option<&str>, page: &Page) -> Result<Listing<Assistant>> {
        assistants::list(self, search, page).await
    }

    async fn save_draft(
        &self,
        id: &Id,
        revision: Option<u64>,
        name: &str,
        draft: Value,
        now_ms: i64,
    ) -> Result<Assistant> {
        assistants::save_draft(self, id, revision, name, &draft, now_ms).await
    }

    async fn publish(&self, id: &Id, revision: Option<u64>, version: NewVersion) -> Result<Version> {
        assistants::publish(self, id, revision, version).await
    }

    async fn unpublish(&self, id: &Id, now_ms: i64) -> Result<Assistant> {
        assistants::unpublish(self, id, now_ms).await
    }

    async fn version(&self, id: &Id, version: u32) -> Result<Version> {
        assistants::version(self, id, version).await
    }

    async fn versions(&self, id: &Id, page: &Page) -> Result<Listing<Version>> {
        assistants::versions(self, id, page).await
    }

    async fn delete_assistant(&self, id: &Id, revision: Option<u64>) -> Result<()> {
        assistants::delete(self, id, revision).await
    }

    async fn in_force(&self) -> Result<Vec<(Assistant, Version)>> {
        assistants::in_force(self).await
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        numbers::list(self).await
    }

    async fn number(&self, e164: &str) -> Result<Number> {
        numbers::one(self, e164).await
    }

    async fn put_number(&self, number: Number) -> Result<Number> {
        numbers::put(self, &number).await
    }

    async fn remove_number(&self, e164: &str) -> Result<()> {
        numbers::remove(self, e164).await
    }

    async fn keep_call(&self, call: &Call, hook: Option<&Hook>) -> Result<()> {
        calls::keep(self, std::iter::once((call, hook))).await
    }

    async fn keep_calls(&self, calls: &[(Call, Option<Hook>)]) -> Result<()> {
        calls::keep(self, calls.iter().map(|(call, hook)| (call, hook.as_ref()))).await
    }

    async fn call(&self, id: &str) -> Result<Call> {
        calls::one(self, id).await
    }

    async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Listing<Call>> {
        calls::list(self, filter, page).await
    }

    async fn calls_since(&self, direction: Direction, since_ms: i64) -> Result<u64> {
        calls::since(self, direction, since_ms).await
    }

    async fn number_use(&self, from_ms: i64, to_ms: i64) -> Result<Vec<NumberUse>> {
        calls::number_use(self, from_ms, to_ms).await
    }

    async fn forget_calls(&self, before_ms: i64) -> Result<u64> {
        calls::forget(self, before_ms).await
    }

    async fn keep_text(&self, text: &Text) -> Result<bool> {
        texts::keep(self, text).await
    }

    async fn text_status(
        &self,
        id: &str,
        carrier_id: Option<&str>,
        status: &str,
        error: Option<u32>,
        now_ms: i64,
    ) -> Result<()> {
        texts::status(self, id, carrier_id, status, error, now_ms).await
    }

    async fn text(&self, id: &str) -> Result<Text> {
        texts::one(self, id).await
    }

    async fn history(&self, ours: &str, theirs: &str, since_ms: i64, most: u32) -> Result<Vec<Text>> {
        texts::history(self, ours, theirs, since_ms, most).await
    }

    async fn texts_since(&self, theirs: &str, since_ms: i64) -> Result<u64> {
        texts::since(self, theirs, since_ms).await
    }

    async fn conversations(&self, ours: Option<&str>, page: &Page) -> Result<Listing<Conversation>> {
        texts::conversations(self, ours, page).await
    }

    async fn unanswered(&self, since_ms: i64) -> Result<Vec<Text>> {
        texts::unanswered(self, since_ms).await
    }

    async fn set_opt_out(&self, ours: &str, theirs: &str, out: bool, now_ms: i64) -> Result<()> {
        texts::set_opt_out(self, ours, theirs, out, now_ms).await
    }

    async fn opted_out(&self, ours: &str, theirs: &str) -> Result<bool> {
        texts::opted_out(self, ours, theirs).await
    }

    async fn create_token(&self, token: &Token) -> Result<()> {
        tokens::create(self, token).await
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Token> {
        tokens::one(self, hash).await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        tokens::list(self).await
    }

    async fn touch_token(&self, id: &Id, now_ms: i64) -> Result<()> {
        tokens::touch(self, id, now_ms).await
    }

    async fn revoke_token(&self, id: &Id, now_ms: i64) -> Result<()> {
        tokens::revoke(self, id, now_ms).await
    }

    async fn audit(&self, entry: &Audit) -> Result<()> {
        requests::audit(self, entry).await
    }

    async fn audits(&self, page: &Page) -> Result<Listing<Audit>> {
        requests::audits(self, page).await
    }

    async fn claim(&self, actor: &str, key: &str, fingerprint: &[u8; 32], now_ms: i64) -> Result<Claim> {
        requests::claim(self, actor, key, fingerprint, now_ms).await
    }

    async fn settle(&self, actor: &str, key: &str, answer: Option<&StoredAnswer>) -> Result<()> {
        requests::settle(self, actor, key, answer).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Value>> {
        requests::setting(self, name).await
    }

    async fn put_setting(&self, name: &str, value: Option<Value>, now_ms: i64) -> Result<()> {
        requests::put_setting(self, name, value.as_ref(), now_ms).await
    }

    async fn due_hooks(&self, now_ms: i64, lease_ms: i64, most: u32) -> Result<Vec<Hook>> {
        hooks::due(self, now_ms, lease_ms, most).await
    }

    async fn next_hook(&self) -> Result<Option<i64>> {
        hooks::next(self).await
    }

    async fn hook_done(&self, id: &Id) -> Result<()> {
        hooks::done(self, id).await
    }

    async fn hook_failed(&self, id: &Id, next_ms: Option<i64>, why: &str) -> Result<()> {
        hooks::failed(self, id, next_ms, why).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.teller.listen()
    }

    async fn health(&self) -> Result<String> {
        let found = self.row("SELECT count(*) AS assistants FROM assistants", args![]).await?;
        let found: u64 = found.ok_or(StoreError::NotFound("answer"))?.count("assistants")?;
        Ok(format!("{}, {found} assistants", self.name))
    }

    async fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
        self.db.close().await;
    }
}
