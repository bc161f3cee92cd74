use sqlx::AssertSqlSafe;

use super::{
    Sql,
    db::Tx,
    row::{Row, args},
};
use crate::store::{Hook, Id, Result, StoreError, Subject};

const MISSING: StoreError = StoreError::NotFound("webhook");
/// What was given up is kept for so long, for whoever looks why.
const GIVEN_UP_MS: i64 = 30 * 86_400_000;

/// With what it tells of, in one transaction.
pub(super) async fn put(tx: &mut Tx, hook: &Hook) -> Result<()> {
    tx.run(
        "INSERT INTO hooks (id, url, body, tries, due_ms, leased_ms, created_ms, error) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
        args![&hook.id, &hook.url, &hook.body, hook.tries, hook.due_ms, hook.created_ms, hook.error.as_deref()],
    )
    .await?;
    tx.tell(Subject::Hook, hook.id.as_str());
    Ok(())
}

pub(super) async fn due(store: &Sql, now_ms: i64, lease_ms: i64, most: u32) -> Result<Vec<Hook>> {
    let sql = "SELECT id FROM hooks WHERE due_ms IS NOT NULL AND due_ms <= $1 LIMIT 1";
    if store.row(sql, args![now_ms]).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin().await?;
    let select = "SELECT * FROM hooks WHERE due_ms IS NOT NULL AND due_ms <= $1 ORDER BY due_ms LIMIT $2";
    let rows = tx.rows(AssertSqlSafe(tx.skipping(select)), args![now_ms, most]).await?;
    let hooks: Vec<_> = rows.iter().map(read).collect::<Result<_>>()?;
    for hook in &hooks {
        // Its lease is when it is due again, unless something comes of it.
        tx.run("UPDATE hooks SET due_ms = $2, leased_ms = $2 WHERE id = $1", args![&hook.id, now_ms + lease_ms])
            .await?;
    }
    tx.run("DELETE FROM hooks WHERE due_ms IS NULL AND created_ms < $1", args![now_ms - GIVEN_UP_MS]).await?;
    tx.commit().await?;
    Ok(hooks)
}

pub(super) async fn next(store: &Sql) -> Result<Option<i64>> {
    let row = store.row("SELECT min(due_ms) AS due_ms FROM hooks WHERE due_ms IS NOT NULL", args![]).await?;
    row.map_or(Ok(None), |row| row.int_if_any("due_ms"))
}

pub(super) async fn done(store: &Sql, id: &Id) -> Result<()> {
    let mut tx = store.begin().await?;
    if tx.run("DELETE FROM hooks WHERE id = $1", args![id]).await? == 0 {
        return Err(MISSING);
    }
    tx.tell(Subject::Hook, id.as_str());
    tx.commit().await
}

pub(super) async fn failed(store: &Sql, id: &Id, next_ms: Option<i64>, why: &str) -> Result<()> {
    let mut tx = store.begin().await?;
    let sql = "UPDATE hooks SET tries = tries + 1, due_ms = $2, error = $3 WHERE id = $1";
    if tx.run(sql, args![id, next_ms, why]).await? == 0 {
        return Err(MISSING);
    }
    tx.tell(Subject::Hook, id.as_str());
    tx.commit().await
}

fn read(row: &Row) -> Result<Hook> {
    Ok(Hook {
        id: row.id("id")?,
        url: row.text("url")?,
        body: row.text("body")?,
        tries: row.count("tries")?,
        due_ms: row.int("due_ms")?,
        created_ms: row.int("created_ms")?,
        error: row.text_if_any("error")?,
    })
}
