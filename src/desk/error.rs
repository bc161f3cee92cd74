use crate::{config::FieldProblem, store::StoreError};

/// Why something could not be done, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// What was sent is wrong: the client's mistake, field by field.
    #[error("{} of what was sent cannot be used", fields(.0))]
    Invalid(Vec<FieldProblem>),
    /// It cannot be published as it is: the author's business, field by field.
    #[error("it cannot be published yet: {}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    NotPublishable(Vec<FieldProblem>),
    /// It is not there.
    #[error("there is no {what} {which:?}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        which: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// It was changed meanwhile.
    #[error("it was changed meanwhile (its revision is now {current}): read it again, then change that")]
    Stale {
        /// Its revision now.
        current: u64,
    },
    /// It stands in the server's file and can only be changed there.
    #[error("{0} stands in the server's file: change it there")]
    ReadOnly(String),
    /// Something must be configured first.
    #[error("{0}")]
    NotConfigured(String),
    /// A limit of ours; it passes with time.
    #[error("{what}: try again in {retry_s} s")]
    Limit {
        /// Which.
        what: String,
        /// When it may work again.
        retry_s: u64,
    },
    /// The carrier refused, or did not answer.
    #[error("{message}")]
    Carrier {
        /// Whose fault it is and what to do.
        message: String,
        /// The vendor's code, if it gave one.
        code: Option<u32>,
        /// It may have been done all the same: look before it is tried again.
        outcome_unknown: bool,
    },
    /// The database does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours: the log has more.
    #[error("a fault of ours: {0}")]
    Fault(String),
}

fn fields(problems: &[FieldProblem]) -> String {
    match problems.len() {
        1 => "one field".to_owned(),
        count => format!("{count} fields"),
    }
}

/// What comes of it.
pub type Result<T> = std::result::Result<T, DeskError>;

impl DeskError {
    /// There is no such thing.
    pub(super) fn missing(what: &'static str, which: impl Into<String>) -> Self {
        Self::NotFound { what, which: which.into() }
    }

    /// Of the store, about this thing.
    pub(super) fn about(what: &'static str, which: &str) -> impl FnOnce(StoreError) -> Self + use<> {
        let which = which.to_owned();
        move |error| {
            if matches!(error, StoreError::NotFound(_)) { Self::NotFound { what, which } } else { Self::from(error) }
        }
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound { what, which: String::new() },
            StoreError::Taken(_) | StoreError::InUse(_) | StoreError::KeyReused => Self::Conflict(error.to_string()),
            StoreError::Stale { current } => Self::Stale { current },
            StoreError::Cursor => {
                Self::Invalid(vec![FieldProblem { path: "after".to_owned(), message: error.to_string() }])
            }
            StoreError::Nul => Self::Invalid(vec![FieldProblem { path: String::new(), message: error.to_string() }]),
            StoreError::Unavailable(_) | StoreError::Open(_) => Self::Unavailable(error.to_string()),
            StoreError::Corrupt(_) => Self::Fault(error.to_string()),
        }
    }
}
