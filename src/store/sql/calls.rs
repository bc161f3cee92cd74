use serde_json::Value;

use super::{
    Sql,
    db::Tx,
    hooks,
    list::{Select, after_time, listing, time_cursor},
    row::{Arg, Row, args},
};
use crate::store::{Call, CallFilter, Direction, Hook, Listing, NumberUse, Page, Result, StoreError, Subject};

const MISSING: StoreError = StoreError::NotFound("call");
/// Who rings again within this time after an ending by silence may have been cut off.
const RANG_BACK_MS: i64 = 120_000;
/// Records that are forgotten in one transaction: writers must not wait long.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

pub(super) async fn keep<'a>(
    store: &Sql,
    calls: impl Iterator<Item = (&'a Call, Option<&'a Hook>)> + Send,
) -> Result<()> {
    let mut tx = store.begin().await?;
    for (call, hook) in calls {
        put(&mut tx, call).await?;
        if let Some(hook) = hook {
            hooks::put(&mut tx, hook).await?;
        }
    }
    tx.commit().await
}

async fn put(tx: &mut Tx, call: &Call) -> Result<()> {
    // One that was resumed began when its first stream did.
    let row = tx
        .row(
            "INSERT INTO calls (id, assistant, assistant_name, version, direction, caller, number, began_ms, \
             duration_ms, silence_ms, reason, ended_by, rang_back) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (id) DO UPDATE SET assistant = excluded.assistant, \
             assistant_name = excluded.assistant_name, version = excluded.version, \
             duration_ms = excluded.began_ms + excluded.duration_ms - calls.began_ms, \
             silence_ms = excluded.silence_ms, reason = excluded.reason, ended_by = excluded.ended_by \
             RETURNING seq",
            args![
                &call.id,
                &call.assistant,
                &call.assistant_name,
                call.version,
                direction(call.direction),
                &call.caller,
                &call.number,
                call.began_ms,
                call.duration_ms,
                call.silence_ms,
                &call.reason,
                &call.ended_by,
                call.rang_back
            ],
        )
        .await?
        .ok_or(MISSING)?;
    let seq = row.int("seq")?;
    tx.run(
        "INSERT INTO call_details (seq, detail) VALUES ($1, $2) ON CONFLICT (seq) DO UPDATE SET detail = excluded.detail",
        args![seq, &call.detail],
    )
    .await?;
    if call.direction == Direction::Inbound && call.caller.starts_with('+') {
        mark_earlier(tx, call).await?;
    }
    tx.tell(Subject::Call, &call.id);
    Ok(())
}

/// The caller's call before this one ended by silence a moment ago.
async fn mark_earlier(tx: &mut Tx, call: &Call) -> Result<()> {
    let marked = tx
        .rows(
            "UPDATE calls SET rang_back = 1 WHERE caller = $1 AND number = $2 AND reason = 'silence' AND rang_back = 0 \
             AND id <> $3 AND began_ms + duration_ms <= $4 AND began_ms + duration_ms >= $5 \
             AND began_ms <= $4 AND began_ms >= $6 RETURNING id",
            args![
                &call.caller,
                &call.number,
                &call.id,
                call.began_ms,
                call.began_ms - RANG_BACK_MS,
                // No call is longer than a day: the index need not be read further back.
                call.began_ms - 86_400_000 - RANG_BACK_MS
            ],
        )
        .await?;
    for row in marked {
        tx.tell(Subject::Call, &row.text("id")?);
    }
    Ok(())
}

pub(super) async fn one(store: &Sql, id: &str) -> Result<Call> {
    let sql = "SELECT c.*, d.detail FROM calls c JOIN call_details d ON d.seq = c.seq WHERE c.id = $1";
    let row = store.row(sql, args![id]).await?.ok_or(MISSING)?;
    Ok(Call { detail: row.json("detail")?, ..read(&row)? })
}

pub(super) async fn list(store: &Sql, filter: &CallFilter, page: &Page) -> Result<Listing<Call>> {
    let (ms, seq) = after_time("calls", page)?;
    let index = store.db.indexed_by(index(filter));
    let mut select = Select::new(format!("SELECT * FROM calls {index}"));
    if let Some(assistant) = &filter.assistant {
        select.and("assistant = ?", [Arg::from(assistant)]);
    }
    for (column, value) in [("number", &filter.number), ("caller", &filter.caller), ("reason", &filter.reason)] {
        if let Some(value) = value {
            select.and(&format!("{column} = ?"), [Arg::from(value)]);
        }
    }
    match filter.rang_back {
        // As the index says it: a value that is bound is not seen by it.
        Some(true) => select.and("rang_back = 1", []),
        Some(false) => select.and("rang_back = 0", []),
        None => {}
    }
    if let Some(from) = filter.from_ms {
        select.and("began_ms >= ?", [Arg::from(from)]);
    }
    if let Some(to) = filter.to_ms {
        select.and("began_ms < ?", [Arg::from(to)]);
    }
    if page.after.is_some() {
        select.and("(began_ms, seq) < (?, ?)", [Arg::from(ms), Arg::from(seq)]);
    }
    let (sql, args) = select.page("began_ms DESC, seq DESC", page);
    let cursor = |row: &Row| Ok(time_cursor("calls", (row.int("began_ms")?, row.int("seq")?)));
    listing(store.rows(sql, args).await?, page, read, cursor)
}

/// The index whose order is the list's, and which leaves least to be passed over.
fn index(filter: &CallFilter) -> &'static str {
    match (&filter.caller, filter.rang_back, &filter.assistant, &filter.number, &filter.reason) {
        (Some(_), _, _, _, Some(_)) => "calls_by_caller_reason",
        (Some(_), ..) => "calls_by_caller",
        (None, Some(true), ..) => "calls_rang_back",
        (None, _, Some(_), Some(_), None) => "calls_by_number_assistant",
        (None, _, _, Some(_), Some(_)) => "calls_by_number_reason",
        (None, _, Some(_), None, Some(_)) => "calls_by_assistant_reason",
        (None, _, Some(_), None, None) => "calls_by_assistant",
        (None, _, None, Some(_), None) => "calls_by_number",
        (None, _, None, None, Some(_)) => "calls_by_reason",
        (None, _, None, None, None) => "calls_by_time",
    }
}

pub(super) async fn since(store: &Sql, which: Direction, since_ms: i64) -> Result<u64> {
    let sql = "SELECT count(*) AS calls FROM calls WHERE began_ms >= $1 AND direction = $2";
    store.row(sql, args![since_ms, direction(which)]).await?.ok_or(MISSING)?.count("calls")
}

pub(super) async fn number_use(store: &Sql, from_ms: i64, to_ms: i64) -> Result<Vec<NumberUse>> {
    // PostgreSQL sums whole numbers as decimals, which are asked back as what they were.
    let sql = "SELECT number, count(*) AS calls, CAST(sum(duration_ms) AS BIGINT) AS duration_ms, \
               CAST(sum(silence_ms) AS BIGINT) AS silence_ms, \
               CAST(sum(CASE WHEN reason = 'silence' THEN 1 ELSE 0 END) AS BIGINT) AS silence_endings, \
               CAST(sum(rang_back) AS BIGINT) AS rang_back \
               FROM calls WHERE began_ms >= $1 AND began_ms < $2 GROUP BY number ORDER BY number";
    let read = |row: &Row| {
        Ok(NumberUse {
            number: row.text("number")?,
            calls: row.count("calls")?,
            duration_ms: row.int("duration_ms")?,
            silence_ms: row.int("silence_ms")?,
            silence_endings: row.count("silence_endings")?,
            rang_back: row.count("rang_back")?,
        })
    };
    store.rows(sql, args![from_ms, to_ms]).await?.iter().map(read).collect()
}

pub(super) async fn forget(store: &Sql, before_ms: i64) -> Result<u64> {
    let mut all = 0;
    loop {
        let mut tx = store.begin().await?;
        let sql =
            "DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE began_ms < $1 ORDER BY began_ms LIMIT $2)";
        let some = tx.run(sql, args![before_ms, FORGOTTEN_AT_ONCE]).await?;
        if some > 0 {
            tx.tell(Subject::Call, "");
        }
        tx.commit().await?;
        all += some;
        if some < FORGOTTEN_AT_ONCE as u64 {
            return Ok(all);
        }
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

fn read(row: &Row) -> Result<Call> {
    Ok(Call {
        id: row.text("id")?,
        assistant: row.id("assistant")?,
        assistant_name: row.text("assistant_name")?,
        version: row.count_if_any("version")?,
        direction: match row.text("direction")?.as_str() {
            "inbound" => Direction::Inbound,
            "outbound" => Direction::Outbound,
            other => return Err(StoreError::Corrupt(format!("a call's direction is {other:?}"))),
        },
        caller: row.text("caller")?,
        number: row.text("number")?,
        began_ms: row.int("began_ms")?,
        duration_ms: row.int("duration_ms")?,
        silence_ms: row.int("silence_ms")?,
        reason: row.text("reason")?,
        ended_by: row.text("ended_by")?,
        rang_back: row.flag("rang_back")?,
        detail: Value::Null,
    })
}
