use serde_json::Value;

use super::{
    Sql,
    list::{Select, after_time, listing, time_cursor},
    row::{Arg, Row, args},
};
use crate::store::{Audit, Claim, Listing, Page, Result, StoreError, StoredAnswer, Subject};

/// Keys are remembered for so long.
const KEYS_MS: i64 = 7 * 86_400_000;

pub(super) async fn audit(store: &Sql, entry: &Audit) -> Result<()> {
    let mut tx = store.begin().await?;
    tx.run(
        "INSERT INTO audits (at_ms, actor, action, object, detail) VALUES ($1, $2, $3, $4, $5)",
        args![entry.at_ms, &entry.actor, &entry.action, &entry.object, &entry.detail],
    )
    .await?;
    tx.commit().await
}

pub(super) async fn audits(store: &Sql, page: &Page) -> Result<Listing<Audit>> {
    let (_, seq) = after_time("audits", page)?;
    let mut select = Select::new("SELECT * FROM audits");
    select.and("seq < ?", [Arg::from(seq)]);
    let (sql, args) = select.page("seq DESC", page);
    let read = |row: &Row| {
        Ok(Audit {
            at_ms: row.int("at_ms")?,
            actor: row.text("actor")?,
            action: row.text("action")?,
            object: row.text("object")?,
            detail: row.json("detail")?,
        })
    };
    listing(store.rows(sql, args).await?, page, read, |row| {
        Ok(time_cursor("audits", (row.int("at_ms")?, row.int("seq")?)))
    })
}

pub(super) async fn claim(store: &Sql, actor: &str, key: &str, fingerprint: &[u8; 32], now_ms: i64) -> Result<Claim> {
    let mut tx = store.begin().await?;
    tx.run("DELETE FROM claims WHERE since_ms < $1", args![now_ms - KEYS_MS]).await?;
    let new = tx
        .run(
            "INSERT INTO claims (actor, key, fingerprint, since_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (actor, key) DO NOTHING",
            args![actor, key, fingerprint, now_ms],
        )
        .await?;
    let row = tx.row("SELECT * FROM claims WHERE actor = $1 AND key = $2", args![actor, key]).await?;
    tx.commit().await?;
    if new > 0 {
        return Ok(Claim::New);
    }
    let row = row.ok_or(StoreError::NotFound("claim"))?;
    if row.bytes("fingerprint")? != fingerprint {
        return Err(StoreError::KeyReused);
    }
    match (row.count_if_any("status")?, row.text_if_any("body")?) {
        (Some(status), Some(body)) => Ok(Claim::Done(StoredAnswer { status, body })),
        _ => Ok(Claim::Unsettled { since_ms: row.int("since_ms")? }),
    }
}

pub(super) async fn settle(store: &Sql, actor: &str, key: &str, answer: Option<&StoredAnswer>) -> Result<()> {
    let mut tx = store.begin().await?;
    match answer {
        Some(answer) => {
            let sql = "UPDATE claims SET status = $3, body = $4 WHERE actor = $1 AND key = $2";
            tx.run(sql, args![actor, key, i64::from(answer.status), &answer.body]).await?;
        }
        None => drop(tx.run("DELETE FROM claims WHERE actor = $1 AND key = $2", args![actor, key]).await?),
    }
    tx.commit().await
}

pub(super) async fn setting(store: &Sql, name: &str) -> Result<Option<Value>> {
    let row = store.row("SELECT value FROM settings WHERE name = $1", args![name]).await?;
    row.map(|row| row.json("value")).transpose()
}

pub(super) async fn put_setting(store: &Sql, name: &str, value: Option<&Value>, now_ms: i64) -> Result<()> {
    let mut tx = store.begin().await?;
    match value {
        Some(value) => {
            let sql = "INSERT INTO settings (name, value, updated_ms) VALUES ($1, $2, $3) \
                       ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms";
            tx.run(sql, args![name, value, now_ms]).await?;
        }
        None => drop(tx.run("DELETE FROM settings WHERE name = $1", args![name]).await?),
    }
    tx.tell(Subject::Setting, name);
    tx.commit().await
}
