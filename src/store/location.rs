use std::path::PathBuf;

use secrecy::SecretString;

/// Where the store is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of SQLite; it is made if it is missing, for this user only. Its folder must be there.
    Sqlite(PathBuf),
    /// In memory, gone when it is closed: for the demo and tests.
    Memory,
    /// A server, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres(SecretString),
}
