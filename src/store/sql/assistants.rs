use serde_json::Value;

use super::{
    Sql,
    db::{Tx, taken},
    list::{Select, after_text, after_time, listing, text_cursor, time_cursor},
    row::{Arg, Row, args},
};
use crate::store::{Assistant, Id, Listing, NewAssistant, NewVersion, Page, Result, StoreError, Subject, Version};

const MISSING: StoreError = StoreError::NotFound("assistant");

pub(super) async fn create(store: &Sql, new: NewAssistant) -> Result<Assistant> {
    let id = Id::new("as");
    let mut tx = store.begin().await?;
    tx.run(
        "INSERT INTO assistants (id, name, name_key, draft, revision, draft_differs, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, 1, 1, $5, $5)",
        args![&id, &new.name, key(&new.name), &new.draft, new.now_ms],
    )
    .await
    .map_err(taken("assistant"))?;
    finish(tx, &id).await
}

pub(super) async fn one(store: &Sql, id: &Id) -> Result<Assistant> {
    read(&store.row("SELECT * FROM assistants WHERE id = $1", args![id]).await?.ok_or(MISSING)?)
}

pub(super) async fn named(store: &Sql, name: &str) -> Result<Assistant> {
    read(&store.row("SELECT * FROM assistants WHERE name_key = $1", args![key(name)]).await?.ok_or(MISSING)?)
}

pub(super) async fn list(store: &Sql, search: Option<&str>, page: &Page) -> Result<Listing<Assistant>> {
    let mut select = Select::new("SELECT * FROM assistants");
    if let Some(search) = search {
        select.and("name_key LIKE ? ESCAPE '\\'", [Arg::from(containing(&key(search)))]);
    }
    if let Some(after) = after_text("assistants", page)? {
        select.and("name_key > ?", [Arg::from(after)]);
    }
    let (sql, args) = select.page("name_key", page);
    listing(store.rows(sql, args).await?, page, read, |row| Ok(text_cursor("assistants", &row.text("name_key")?)))
}

pub(super) async fn save_draft(
    store: &Sql,
    id: &Id,
    revision: Option<u64>,
    name: &str,
    draft: &Value,
    now_ms: i64,
) -> Result<Assistant> {
    let mut tx = store.begin().await?;
    let old = locked(&mut tx, id, revision).await?;
    if old.name == name && old.draft == *draft {
        return Ok(old);
    }
    let differs = match old.published {
        Some(version) => version_in(&mut tx, id, version).await?.definition != *draft,
        None => true,
    };
    tx.run(
        "UPDATE assistants SET name = $2, name_key = $3, draft = $4, draft_differs = $5, updated_ms = $6, \
         revision = revision + 1 WHERE id = $1",
        args![id, name, key(name), draft, differs, now_ms],
    )
    .await
    .map_err(taken("assistant"))?;
    finish(tx, id).await
}

pub(super) async fn publish(store: &Sql, id: &Id, revision: Option<u64>, new: NewVersion) -> Result<Version> {
    let mut tx = store.begin().await?;
    let assistant = locked(&mut tx, id, revision).await?;
    let newest = "SELECT coalesce(max(version), 0) AS newest FROM versions WHERE assistant = $1";
    let newest: u32 = tx.row(newest, args![id]).await?.ok_or(MISSING)?.count("newest")?;
    let version = newest + 1;
    tx.run(
        "INSERT INTO versions (assistant, version, definition, warnings, note, author, published_ms, restored_from) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![id, version, &new.definition, new.warnings.as_slice(), &new.note, &new.by, new.now_ms, new.restored_from],
    )
    .await?;
    put_in_force(&mut tx, id, Some(version), assistant.draft != new.definition, new.now_ms).await?;
    tx.tell(Subject::Assistant, id.as_str());
    tx.commit().await?;
    Ok(Version {
        assistant: id.clone(),
        version,
        definition: new.definition,
        warnings: new.warnings,
        note: new.note,
        by: new.by,
        published_ms: new.now_ms,
        restored_from: new.restored_from,
    })
}

pub(super) async fn unpublish(store: &Sql, id: &Id, now_ms: i64) -> Result<Assistant> {
    let mut tx = store.begin().await?;
    let assistant = locked(&mut tx, id, None).await?;
    if assistant.published.is_none() {
        return Ok(assistant);
    }
    put_in_force(&mut tx, id, None, true, now_ms).await?;
    finish(tx, id).await
}

pub(super) async fn version(store: &Sql, id: &Id, version: u32) -> Result<Version> {
    read_version(&store.row(VERSION, args![id, version]).await?.ok_or(StoreError::NotFound("version"))?)
}

pub(super) async fn versions(store: &Sql, id: &Id, page: &Page) -> Result<Listing<Version>> {
    let (after, _) = after_time("versions", page)?;
    let mut select = Select::new("SELECT * FROM versions");
    select.and("assistant = ?", [Arg::from(id)]);
    select.and("version < ?", [Arg::from(after)]);
    let (sql, args) = select.page("version DESC", page);
    let rows = store.rows(sql, args).await?;
    if rows.is_empty() {
        one(store, id).await?;
    }
    listing(rows, page, read_version, |row| Ok(time_cursor("versions", (row.int("version")?, 0))))
}

pub(super) async fn delete(store: &Sql, id: &Id, revision: Option<u64>) -> Result<()> {
    let mut tx = store.begin().await?;
    locked(&mut tx, id, revision).await?;
    let users = tx.rows("SELECT e164 FROM numbers WHERE assistant = $1 ORDER BY e164", args![id]).await?;
    if !users.is_empty() {
        let numbers: Vec<String> = users.iter().map(|row| row.text("e164")).collect::<Result<_>>()?;
        return Err(StoreError::InUse(numbers.join(", ")));
    }
    tx.run("DELETE FROM assistants WHERE id = $1", args![id]).await?;
    tx.tell(Subject::Assistant, id.as_str());
    tx.commit().await
}

pub(super) async fn in_force(store: &Sql) -> Result<Vec<(Assistant, Version)>> {
    let sql = "SELECT a.*, v.* FROM assistants a JOIN versions v ON v.assistant = a.id AND v.version = a.published \
               ORDER BY a.name_key";
    store.rows(sql, args![]).await?.iter().map(|row| Ok((read(row)?, read_version(row)?))).collect()
}

/// The assistant, which nobody else changes until this change is over.
///
/// # Errors
///
/// [`StoreError::NotFound`], [`StoreError::Stale`].
pub(super) async fn locked(tx: &mut Tx, id: &Id, revision: Option<u64>) -> Result<Assistant> {
    let sql = tx.locking("SELECT * FROM assistants WHERE id = $1");
    let assistant = read(&tx.row(sql, args![id]).await?.ok_or(MISSING)?)?;
    match revision {
        Some(revision) if revision != assistant.revision => Err(StoreError::Stale { current: assistant.revision }),
        Some(_) | None => Ok(assistant),
    }
}

/// Commits, and gives what is there now.
async fn finish(mut tx: Tx, id: &Id) -> Result<Assistant> {
    let assistant = locked(&mut tx, id, None).await?;
    tx.tell(Subject::Assistant, id.as_str());
    tx.commit().await?;
    Ok(assistant)
}

async fn put_in_force(tx: &mut Tx, id: &Id, version: Option<u32>, differs: bool, now_ms: i64) -> Result<()> {
    tx.run(
        "UPDATE assistants SET published = $2, draft_differs = $3, updated_ms = $4, revision = revision + 1 \
         WHERE id = $1",
        args![id, version, differs, now_ms],
    )
    .await?;
    Ok(())
}

const VERSION: &str = "SELECT * FROM versions WHERE assistant = $1 AND version = $2";

async fn version_in(tx: &mut Tx, id: &Id, version: u32) -> Result<Version> {
    let row = tx.row(VERSION, args![id, version]).await?;
    read_version(&row.ok_or_else(|| StoreError::Corrupt(format!("version {version} of {id} is in force but missing")))?)
}

/// What names are compared by.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// A pattern of `LIKE` for texts that contain this one.
fn containing(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "%"
}

fn read(row: &Row) -> Result<Assistant> {
    Ok(Assistant {
        id: row.id("id")?,
        name: row.text("name")?,
        draft: row.json("draft")?,
        revision: row.count("revision")?,
        published: row.count_if_any("published")?,
        draft_differs: row.flag("draft_differs")?,
        created_ms: row.int("created_ms")?,
        updated_ms: row.int("updated_ms")?,
    })
}

fn read_version(row: &Row) -> Result<Version> {
    Ok(Version {
        assistant: row.id("assistant")?,
        version: row.count("version")?,
        definition: row.json("definition")?,
        warnings: row.texts("warnings")?,
        note: row.text("note")?,
        by: row.text("author")?,
        published_ms: row.int("published_ms")?,
        restored_from: row.count_if_any("restored_from")?,
    })
}
