use super::{
    Sql, assistants,
    row::{Row, args},
};
use crate::store::{Number, Result, StoreError, Subject};

const MISSING: StoreError = StoreError::NotFound("number");

pub(super) async fn list(store: &Sql) -> Result<Vec<Number>> {
    store.rows("SELECT * FROM numbers ORDER BY e164", args![]).await?.iter().map(read).collect()
}

pub(super) async fn one(store: &Sql, e164: &str) -> Result<Number> {
    read(&store.row("SELECT * FROM numbers WHERE e164 = $1", args![e164]).await?.ok_or(MISSING)?)
}

pub(super) async fn put(store: &Sql, number: &Number) -> Result<Number> {
    let mut tx = store.begin().await?;
    if !number.assistant.as_str().starts_with("file:") {
        // Locked, so that it is not deleted meanwhile.
        assistants::locked(&mut tx, &number.assistant, None).await?;
    }
    let row = tx
        .row(
            "INSERT INTO numbers (e164, carrier_id, assistant, before, ours, assigned_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (e164) DO UPDATE SET carrier_id = excluded.carrier_id, assistant = excluded.assistant, \
             ours = excluded.ours, assigned_ms = excluded.assigned_ms \
             RETURNING *",
            args![
                &number.e164,
                &number.carrier_id,
                &number.assistant,
                &number.before,
                &number.ours,
                number.assigned_ms
            ],
        )
        .await?
        .ok_or(MISSING)?;
    tx.tell(Subject::Number, &number.e164);
    tx.commit().await?;
    read(&row)
}

pub(super) async fn remove(store: &Sql, e164: &str) -> Result<()> {
    let mut tx = store.begin().await?;
    if tx.run("DELETE FROM numbers WHERE e164 = $1", args![e164]).await? == 0 {
        return Err(MISSING);
    }
    tx.tell(Subject::Number, e164);
    tx.commit().await
}

fn read(row: &Row) -> Result<Number> {
    Ok(Number {
        e164: row.text("e164")?,
        carrier_id: row.text("carrier_id")?,
        assistant: row.id("assistant")?,
        before: row.json("before")?,
        ours: row.json("ours")?,
        assigned_ms: row.int("assigned_ms")?,
    })
}
