use super::{
    Sql,
    list::{Select, after_time, listing, time_cursor},
    row::{Arg, Row, args},
};
use crate::store::{Conversation, Listing, Page, Result, StoreError, Subject, Text, TextDirection};

const MISSING: StoreError = StoreError::NotFound("text");

pub(super) async fn keep(store: &Sql, text: &Text) -> Result<bool> {
    let mut tx = store.begin().await?;
    let row = tx
        .row(
            "INSERT INTO texts (id, carrier_id, direction, ours, theirs, body, status, status_ms, error, answers, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $10, $8, $9, $10) ON CONFLICT (id) DO NOTHING RETURNING seq",
            args![
                &text.id,
                text.carrier_id.as_deref(),
                direction(text.direction),
                &text.ours,
                &text.theirs,
                &text.body,
                &text.status,
                text.error,
                text.answers.as_deref(),
                text.at_ms
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(false) };
    tx.run(
        "INSERT INTO conversations (ours, theirs, messages, latest_ms, latest_seq) VALUES ($1, $2, 1, $3, $4) \
         ON CONFLICT (ours, theirs) DO UPDATE SET messages = conversations.messages + 1, \
         latest_ms = excluded.latest_ms, latest_seq = excluded.latest_seq",
        args![&text.ours, &text.theirs, text.at_ms, row.int("seq")?],
    )
    .await?;
    tx.tell(Subject::Text, &text.id);
    tx.commit().await?;
    Ok(true)
}

pub(super) async fn status(
    store: &Sql,
    id: &str,
    carrier_id: Option<&str>,
    status: &str,
    error: Option<u32>,
    now_ms: i64,
) -> Result<()> {
    let mut tx = store.begin().await?;
    // News may come in any order: what is final stays.
    let changed = tx
        .run(
            "UPDATE texts SET status = $2, status_ms = $3, error = coalesce($4, error), \
             carrier_id = coalesce($5, carrier_id) \
             WHERE (id = $1 OR carrier_id = $1) AND NOT (status IN ('delivered', 'undelivered', 'failed'))",
            args![id, status, now_ms, error, carrier_id],
        )
        .await?;
    if changed == 0 {
        let known = tx.row("SELECT id FROM texts WHERE id = $1 OR carrier_id = $1", args![id]).await?;
        return known.map(drop).ok_or(MISSING);
    }
    tx.tell(Subject::Text, id);
    tx.commit().await
}

pub(super) async fn one(store: &Sql, id: &str) -> Result<Text> {
    let sql = "SELECT * FROM texts WHERE id = $1 OR carrier_id = $1 ORDER BY seq LIMIT 1";
    read(&store.row(sql, args![id]).await?.ok_or(MISSING)?)
}

pub(super) async fn history(store: &Sql, ours: &str, theirs: &str, since_ms: i64, most: u32) -> Result<Vec<Text>> {
    let sql =
        "SELECT * FROM texts WHERE ours = $1 AND theirs = $2 AND at_ms >= $3 ORDER BY at_ms DESC, seq DESC LIMIT $4";
    let rows = store.rows(sql, args![ours, theirs, since_ms, most]).await?;
    rows.iter().rev().map(read).collect()
}

pub(super) async fn since(store: &Sql, theirs: &str, since_ms: i64) -> Result<u64> {
    let sql = "SELECT count(*) AS texts FROM texts WHERE theirs = $1 AND at_ms >= $2 AND direction = 'inbound'";
    store.row(sql, args![theirs, since_ms]).await?.ok_or(MISSING)?.count("texts")
}

pub(super) async fn conversations(store: &Sql, ours: Option<&str>, page: &Page) -> Result<Listing<Conversation>> {
    let (ms, seq) = after_time("conversations", page)?;
    let mut select = Select::new(
        "SELECT t.*, c.messages, c.latest_ms, c.latest_seq, o.at_ms AS opted_out_ms FROM conversations c \
         JOIN texts t ON t.seq = c.latest_seq \
         LEFT JOIN opt_outs o ON o.ours = c.ours AND o.theirs = c.theirs",
    );
    if let Some(ours) = ours {
        select.and("c.ours = ?", [Arg::from(ours)]);
    }
    if page.after.is_some() {
        select.and("(c.latest_ms, c.latest_seq) < (?, ?)", [Arg::from(ms), Arg::from(seq)]);
    }
    let (sql, args) = select.page("c.latest_ms DESC, c.latest_seq DESC", page);
    let conversation = |row: &Row| {
        let latest = read(row)?;
        Ok(Conversation {
            ours: latest.ours.clone(),
            theirs: latest.theirs.clone(),
            messages: row.count("messages")?,
            latest,
            opted_out: row.int_if_any("opted_out_ms")?.is_some(),
        })
    };
    let cursor = |row: &Row| Ok(time_cursor("conversations", (row.int("latest_ms")?, row.int("latest_seq")?)));
    listing(store.rows(sql, args).await?, page, conversation, cursor)
}

pub(super) async fn unanswered(store: &Sql, since_ms: i64) -> Result<Vec<Text>> {
    let sql = "SELECT * FROM texts t WHERE t.direction = 'inbound' AND t.status NOT IN ('answered', 'ignored') \
               AND t.at_ms >= $1 AND NOT EXISTS (SELECT 1 FROM texts a WHERE a.answers = t.id) ORDER BY t.at_ms, t.seq";
    store.rows(sql, args![since_ms]).await?.iter().map(read).collect()
}

pub(super) async fn set_opt_out(store: &Sql, ours: &str, theirs: &str, out: bool, now_ms: i64) -> Result<()> {
    let mut tx = store.begin().await?;
    if out {
        let sql =
            "INSERT INTO opt_outs (ours, theirs, at_ms) VALUES ($1, $2, $3) ON CONFLICT (ours, theirs) DO NOTHING";
        tx.run(sql, args![ours, theirs, now_ms]).await?;
    } else {
        tx.run("DELETE FROM opt_outs WHERE ours = $1 AND theirs = $2", args![ours, theirs]).await?;
    }
    tx.tell(Subject::Text, "");
    tx.commit().await
}

pub(super) async fn opted_out(store: &Sql, ours: &str, theirs: &str) -> Result<bool> {
    let sql = "SELECT at_ms FROM opt_outs WHERE ours = $1 AND theirs = $2";
    Ok(store.row(sql, args![ours, theirs]).await?.is_some())
}

const fn direction(direction: TextDirection) -> &'static str {
    match direction {
        TextDirection::Inbound => "inbound",
        TextDirection::Outbound => "outbound",
    }
}

fn read(row: &Row) -> Result<Text> {
    Ok(Text {
        id: row.text("id")?,
        carrier_id: row.text_if_any("carrier_id")?,
        direction: match row.text("direction")?.as_str() {
            "inbound" => TextDirection::Inbound,
            "outbound" => TextDirection::Outbound,
            other => return Err(StoreError::Corrupt(format!("a text's direction is {other:?}"))),
        },
        ours: row.text("ours")?,
        theirs: row.text("theirs")?,
        body: row.text("body")?,
        status: row.text("status")?,
        error: row.count_if_any("error")?,
        answers: row.text_if_any("answers")?,
        at_ms: row.int("at_ms")?,
    })
}
