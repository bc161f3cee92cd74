use sqlx::{AssertSqlSafe, PgPool, Postgres, SqlSafeStr, Sqlite, SqlitePool, Transaction};

use super::{
    row::{Arg, Row, bound},
    tell::Teller,
};
use crate::store::{Change, Result, StoreError, Subject};

/// The connections to a database.
#[derive(Clone, Debug)]
pub(super) enum Db {
    /// One connection writes, so that writers queue here and not for the file's lock; others read meanwhile.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Db {
    /// Rows, outside a transaction.
    pub(super) async fn rows(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { readers, .. } => {
                let rows = bound(sql, args)?.fetch_all(readers).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(pool) => {
                let rows = bound(sql, args)?.fetch_all(pool).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, outside a transaction.
    pub(super) async fn row(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        match self {
            Self::Sqlite { readers, .. } => {
                Ok(bound(sql, args)?.fetch_optional(readers).await.map_err(fault)?.map(Row::Sqlite))
            }
            Self::Postgres(pool) => Ok(bound(sql, args)?.fetch_optional(pool).await.map_err(fault)?.map(Row::Postgres)),
        }
    }

    /// Begins a change. If the [`Tx`] is dropped before [`Tx::commit`], nothing has happened.
    pub(super) async fn begin(&self, teller: &Teller) -> Result<Tx> {
        let on = match self {
            // At once a writer: a reader that becomes one may find that another process was faster, and fail.
            Self::Sqlite { writer, .. } => On::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?),
            Self::Postgres(pool) => On::Postgres(pool.begin().await.map_err(fault)?),
        };
        Ok(Tx { on, changes: Vec::new(), teller: teller.clone() })
    }

    /// What makes SQLite use this index, whatever it takes the others for: it has no statistics. PostgreSQL has them.
    pub(super) fn indexed_by(&self, index: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("INDEXED BY {index}"),
            Self::Postgres(_) => String::new(),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A change that is under way.
pub(super) struct Tx {
    on: On,
    changes: Vec<Change>,
    teller: Teller,
}

enum On {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// What this changes, told once it is lasting.
    pub(super) fn tell(&mut self, subject: Subject, id: &str) {
        let change = Change { subject, id: id.to_owned() };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    pub(super) async fn rows(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        match &mut self.on {
            On::Sqlite(tx) => {
                let rows = bound(sql, args)?.fetch_all(&mut **tx).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            On::Postgres(tx) => {
                let rows = bound(sql, args)?.fetch_all(&mut **tx).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub(super) async fn row(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// How many rows it changed.
    pub(super) async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64> {
        match &mut self.on {
            On::Sqlite(tx) => Ok(bound(sql, args)?.execute(&mut **tx).await.map_err(fault)?.rows_affected()),
            On::Postgres(tx) => Ok(bound(sql, args)?.execute(&mut **tx).await.map_err(fault)?.rows_affected()),
        }
    }

    /// What locks the rows that a statement selects until the change is over: SQLite has one writer anyway.
    pub(super) fn locking(&self, select: &'static str) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self.on {
            On::Sqlite(_) => select.to_owned(),
            On::Postgres(_) => format!("{select} FOR UPDATE"),
        })
    }

    /// As [`Tx::locking`], passing over what others have locked.
    pub(super) fn skipping(&self, select: &str) -> String {
        match self.on {
            On::Sqlite(_) => select.to_owned(),
            On::Postgres(_) => format!("{select} FOR UPDATE SKIP LOCKED"),
        }
    }

    /// Makes it lasting, and tells it.
    ///
    /// In a task of its own: whoever waits for this may be dropped (a client that hangs up) between the two.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { on, changes, teller } = self;
        let task = tokio::spawn(async move {
            match on {
                On::Sqlite(tx) => tx.commit().await.map_err(fault)?,
                On::Postgres(mut tx) => {
                    teller.notify(&mut tx, &changes).await.map_err(fault)?;
                    tx.commit().await.map_err(fault)?;
                }
            }
            teller.tell(changes);
            Ok(())
        });
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

/// What an error of the database means to whoever asked.
pub(super) fn fault(error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(inner) = &error else {
        let unreadable =
            matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_));
        let why = error.to_string();
        return if unreadable { StoreError::Corrupt(why) } else { StoreError::Unavailable(why) };
    };
    if inner.is_unique_violation() {
        return StoreError::Taken("entry");
    }
    // The rest says that a table or a file is not what it should be.
    let passing = match inner.code().as_deref() {
        // SQLite: busy, locked, read-only, input/output, full, cannot be opened.
        Some(code) if code.parse::<u32>().is_ok_and(|code| code <= 0xffff) && code.len() < 5 => {
            matches!(code.parse::<u32>().unwrap_or(0) & 0xff, 5 | 6 | 8 | 10 | 13 | 14)
        }
        // PostgreSQL: connection, resources, shut down, serialisation, read-only.
        Some(code) => ["08", "53", "57", "40", "25"].iter().any(|class| code.starts_with(class)),
        None => true,
    };
    if passing { StoreError::Unavailable(inner.to_string()) } else { StoreError::Corrupt(inner.to_string()) }
}

/// Names what is taken.
pub(super) fn taken(what: &'static str) -> impl Fn(StoreError) -> StoreError {
    move |error| if matches!(error, StoreError::Taken(_)) { StoreError::Taken(what) } else { error }
}
