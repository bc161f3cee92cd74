use super::{
    Sql, assistants,
    db::taken,
    row::{Row, args},
};
use crate::store::{Id, Result, StoreError, Subject, Token};

const MISSING: StoreError = StoreError::NotFound("token");
const MINUTE_MS: i64 = 60_000;

pub(super) async fn create(store: &Sql, token: &Token) -> Result<()> {
    let mut tx = store.begin().await?;
    tx.run(
        "INSERT INTO tokens (id, name, name_key, hash, scopes, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            &token.id,
            &token.name,
            assistants::key(&token.name),
            &token.hash,
            token.scopes.as_slice(),
            token.created_ms,
            token.expires_ms
        ],
    )
    .await
    .map_err(taken("token"))?;
    tx.tell(Subject::Token, token.id.as_str());
    tx.commit().await
}

pub(super) async fn one(store: &Sql, hash: &[u8; 32]) -> Result<Token> {
    read(&store.row("SELECT * FROM tokens WHERE hash = $1", args![hash]).await?.ok_or(MISSING)?)
}

pub(super) async fn list(store: &Sql) -> Result<Vec<Token>> {
    store.rows("SELECT * FROM tokens ORDER BY created_ms DESC, seq DESC", args![]).await?.iter().map(read).collect()
}

pub(super) async fn touch(store: &Sql, id: &Id, now_ms: i64) -> Result<()> {
    let minute = now_ms - now_ms.rem_euclid(MINUTE_MS);
    let sql = "SELECT id FROM tokens WHERE id = $1 AND coalesce(used_ms, 0) < $2";
    if store.row(sql, args![id, minute]).await?.is_none() {
        return Ok(());
    }
    let mut tx = store.begin().await?;
    tx.run("UPDATE tokens SET used_ms = $2 WHERE id = $1", args![id, minute]).await?;
    tx.tell(Subject::Token, id.as_str());
    tx.commit().await
}

pub(super) async fn revoke(store: &Sql, id: &Id, now_ms: i64) -> Result<()> {
    let mut tx = store.begin().await?;
    let sql = "UPDATE tokens SET revoked_ms = coalesce(revoked_ms, $2) WHERE id = $1";
    if tx.run(sql, args![id, now_ms]).await? == 0 {
        return Err(MISSING);
    }
    tx.tell(Subject::Token, id.as_str());
    tx.commit().await
}

fn read(row: &Row) -> Result<Token> {
    let hash = row.bytes("hash")?;
    Ok(Token {
        id: row.id("id")?,
        name: row.text("name")?,
        hash: hash.try_into().map_err(|_| StoreError::Corrupt("a token's hash is not 32 bytes".to_owned()))?,
        scopes: row.texts("scopes")?,
        created_ms: row.int("created_ms")?,
        expires_ms: row.int_if_any("expires_ms")?,
        used_ms: row.int_if_any("used_ms")?,
        revoked_ms: row.int_if_any("revoked_ms")?,
    })
}
