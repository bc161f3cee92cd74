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
    /// The database cannot be reached, is full, or is busy: trying again later may help.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// What is kept cannot be read: a fault of ours, or of whoever changed the database by hand.
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
}
