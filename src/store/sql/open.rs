//! Opens a database, brings its tables up to date, and listens to other processes.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::{
    Connection as _, PgPool, Row as _, SqlSafeStr, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Sql,
    db::Db,
    tell::{CHANNEL, Teller},
};
use crate::store::{Location, OpenError, Result, StoreError};

/// A writer waits so long for another process.
const BUSY: Duration = Duration::from_secs(10);
/// Connections that read.
const READERS: u32 = 4;
/// Connections to a server.
const CONNECTIONS: u32 = 8;
/// A server must have answered by then.
const CONNECT: Duration = Duration::from_secs(10);
/// SQLite does not tell that another process has written: it is looked at this often.
const LOOK: Duration = Duration::from_secs(1);
/// Pause before a lost listener is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Every change of the tables, in order: number, name, and what it is in both databases.
const MIGRATIONS: [(i64, &str, [&str; 2]); 2] = [
    (1, "tables", [include_str!("migrations/sqlite/0001.sql"), include_str!("migrations/postgres/0001.sql")]),
    (
        2,
        "calls by two fields",
        [include_str!("migrations/sqlite/0002.sql"), include_str!("migrations/postgres/0002.sql")],
    ),
];

impl Sql {
    /// Opens it; see [`crate::store::open`].
    pub(in crate::store) async fn open(location: &Location) -> Result<Self> {
        match location {
            Location::Sqlite(path) => sqlite(path).await,
            Location::Memory => memory().await,
            Location::Postgres(url) => postgres(url.expose_secret()).await,
        }
    }
}

async fn sqlite(path: &Path) -> Result<Sql> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(OpenError::NoFolder(path.to_owned()).into());
    }
    make(path).map_err(|error| OpenError::NotWritable { path: path.to_owned(), why: error.to_string() })?;
    // An acknowledged write outlives a power cut, not only the process: FULL, which costs one flush a transaction.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY);
    let wrong = |error: sqlx::Error| of_sqlite(path, &error);
    let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(BUSY);
    let writer = pool(1).connect_with(options.clone()).await.map_err(wrong)?;
    migrations(0).run(&writer).await.map_err(|error| of_migration(path, error))?;
    let readers = pool(READERS).connect_with(options.clone().read_only(true)).await.map_err(wrong)?;
    let teller = Teller::new();
    let watching = SqliteConnection::connect_with(&options).await.map_err(wrong)?;
    let listener = tokio::spawn(watch(watching, teller.clone())).abort_handle();
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&readers).await.map_err(wrong)?;
    let name = format!("SQLite {version}, {}", path.display());
    Ok(Sql { db: Db::Sqlite { writer, readers }, teller, name, listener: Some(listener) })
}

/// The file, for this user only: it holds what callers said.
fn make(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

async fn memory() -> Result<Sql> {
    let options = SqliteConnectOptions::from_str("sqlite::memory:").map_err(|error| other(&error))?.foreign_keys(true);
    // Each connection would have a database of its own: so there is one, and it never goes.
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool: SqlitePool = pool.connect_with(options).await.map_err(|error| other(&error))?;
    migrations(0).run(&pool).await.map_err(|error| of_migration(Path::new("memory"), error))?;
    let name = "SQLite in memory: nothing outlives this process".to_owned();
    Ok(Sql { db: Db::Sqlite { writer: pool.clone(), readers: pool }, teller: Teller::new(), name, listener: None })
}

async fn postgres(url: &str) -> Result<Sql> {
    // The message may quote the URL, and with it the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Url("it is not one of PostgreSQL".into()))?;
    let at = format!("{}:{}", options.get_host(), options.get_port());
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECT);
    let pool: PgPool = pool.connect_with(options).await.map_err(|error| of_postgres(&at, error))?;
    migrations(1).run(&pool).await.map_err(|error| of_migration(Path::new(&at), error))?;
    let teller = Teller::new();
    let listener = tokio::spawn(listen(pool.clone(), teller.clone())).abort_handle();
    let row = sqlx::query("SHOW server_version").fetch_one(&pool).await.map_err(|error| of_postgres(&at, error))?;
    let version: String = row.try_get(0).unwrap_or_default();
    let name = format!("PostgreSQL {version} at {at}");
    Ok(Sql { db: Db::Postgres(pool), teller, name, listener: Some(listener) })
}

fn migrations(database: usize) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(number, name, sql)| {
        Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, sql[database].into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Another process has written to the file: it does not say what.
async fn watch(mut connection: SqliteConnection, teller: Teller) {
    let mut known: Option<i64> = None;
    let mut every = tokio::time::interval(LOOK);
    loop {
        every.tick().await;
        match sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut connection).await {
            // Our own writer is another connection too, and counts as one; what it tells itself is told twice.
            Ok(version) => {
                if known.replace(version).is_some_and(|known| known != version) {
                    teller.tell_all();
                }
            }
            Err(error) => tracing::error!(%error, "changes by other processes cannot be seen"),
        }
    }
}

async fn listen(pool: PgPool, teller: Teller) {
    loop {
        match listener(&pool).await {
            Ok(mut listener) => {
                // What happened before is not known.
                teller.tell_all();
                loop {
                    match listener.try_recv().await {
                        Ok(Some(notification)) => teller.heard(&notification),
                        // It was lost, and is there again.
                        Ok(None) => teller.tell_all(),
                        Err(error) => {
                            tracing::warn!(%error, "the database no longer tells of changes: tried again");
                            break;
                        }
                    }
                }
            }
            Err(error) if pool.is_closed() => {
                tracing::debug!(%error, "the database is closed");
                return;
            }
            Err(error) => tracing::warn!(%error, "the database does not tell of changes: tried again"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listener(pool: &PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

fn of_sqlite(path: &Path, error: &sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let (path, why) = (path.to_owned(), error.to_string());
    match code.map(|code| code & 0xff) {
        Some(26) => OpenError::NotOurs(path),
        Some(8 | 14 | 3) => OpenError::NotWritable { path, why },
        _ => OpenError::Other(why),
    }
    .into()
}

fn of_postgres(at: &str, error: sqlx::Error) -> StoreError {
    let at = at.to_owned();
    let why = error.to_string();
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    match (code.as_deref(), &error) {
        (Some("3D000"), _) => OpenError::NoDatabase { at, why },
        (Some(code), _) if code.starts_with("28") => OpenError::Refused { at, why },
        (None, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_)) => {
            OpenError::Unreachable { at, why }
        }
        _ => OpenError::Other(why),
    }
    .into()
}

fn of_migration(path: &Path, error: MigrateError) -> StoreError {
    if let MigrateError::VersionMissing(found) | MigrateError::VersionNotPresent(found) = error {
        return OpenError::Newer { found, known: MIGRATIONS.last().map_or(0, |(number, ..)| *number) }.into();
    }
    if let MigrateError::Execute(error) = error {
        of_sqlite(path, &error)
    } else {
        OpenError::Other(error.to_string()).into()
    }
}

fn other(error: &sqlx::Error) -> StoreError {
    OpenError::Other(error.to_string()).into()
}
