use std::path::PathBuf;

/// What comes of asking the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Something else has this name.
    #[error("another {0} has this name: choose another name")]
    Taken(&'static str),
    /// It was changed meanwhile.
    #[error("it was changed meanwhile (its revision is now {current}): read it again, then change that")]
    Stale {
        /// Its revision now.
        current: u64,
    },
    /// Something depends on it.
    #[error("it is still used by {0}")]
    InUse(String),
    /// The idempotency key stood before another request.
    #[error("this idempotency key was used for another request: take a new one")]
    KeyReused,
    /// The cursor is none of ours.
    #[error("the cursor cannot be read: take the one of the page before, or none")]
    Cursor,
    /// What was given holds U+0000 as a character (inside a string of JSON it is fine): the fault of whoever gave it.
    #[error("a text holds the character U+0000, which PostgreSQL cannot keep: leave it out")]
    Nul,
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be reached, is full, or is busy: trying again later may help.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// What is kept cannot be read: a fault of ours, or of whoever changed the database by hand.
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
}

/// Why a database cannot be opened, and what to do: for whoever configured it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no folder for the file.
    #[error("there is no folder for the database {}: make the folder, or name another file", .0.display())]
    NoFolder(PathBuf),
    /// The file or its folder is not for this user to write.
    #[error("the database {} cannot be written ({why}): let this user write the file and its folder, or name another file", .path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// The file is something else.
    #[error("{} is no database of quietline: move it away, or name another file", .0.display())]
    NotOurs(PathBuf),
    /// A newer program has changed its tables.
    #[error(
        "the database was written by a newer quietline (its schema is {found}, this program knows {known}): run that \
         program, or put back a copy from before"
    )]
    Newer {
        /// The newest migration that was carried out.
        found: i64,
        /// The newest that this program has.
        known: i64,
    },
    /// It is no URL of a database.
    #[error("the database's URL cannot be read ({0}): write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Url(String),
    /// Nobody answers there.
    #[error("PostgreSQL at {at} cannot be reached ({why}): check host and port, and that the server runs")]
    Unreachable {
        /// Host and port.
        at: String,
        /// In the system's words.
        why: String,
    },
    /// It does not let us in.
    #[error("PostgreSQL at {at} refuses the user ({why}): check user, password and pg_hba.conf")]
    Refused {
        /// Host and port.
        at: String,
        /// In the server's words.
        why: String,
    },
    /// It has no database of this name.
    #[error("PostgreSQL at {at} has no such database ({why}): make it with `createdb`, or name another")]
    NoDatabase {
        /// Host and port.
        at: String,
        /// In the server's words.
        why: String,
    },
    /// Anything else.
    #[error("the database cannot be opened: {0}")]
    Other(String),
}
