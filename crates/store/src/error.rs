//! What can go wrong in the store, in one set of words for both engines.
//!
//! Use cases answer [`Result`]; [`Error::when_conflict`] turns the unique rule that was expected to fail into a refusal,
//! and the conversion to the domain's error hides the rest from callers.
use portcullis_domain as domain;

/// What a use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a statement or a transaction failed.
#[derive(Clone, Debug)]
pub enum Error {
    /// A unique rule, by the name of its index: the same on both engines. The primary key is `<table>_pkey`.
    Conflict(String),
    /// The engine asks for a repetition (40001, 40P01). [`crate::Db::write`] repeats by itself; use cases pass it on.
    Retry,
    /// Someone else held the row longer than `lock_timeout`. Never on SQLite.
    Busy,
    /// Full disk, connection lost, queue full, server stopping: 503. The text is for the log.
    Unavailable(String),
    /// A rule of the domain said no.
    Domain(domain::Error),
    /// Our fault. The text is for the log.
    Internal(String),
}

impl Error {
    /// Our fault.
    pub fn internal(cause: impl ToString) -> Self {
        Self::Internal(cause.to_string())
    }
    /// Away for now.
    pub fn unavailable(cause: impl ToString) -> Self {
        Self::Unavailable(cause.to_string())
    }
    /// If this is a violation of the unique index `index`, the refusal that it means; else itself.
    #[must_use]
    pub fn when_conflict(self, index: &str, refuse: impl FnOnce() -> domain::Error) -> Self {
        match self {
            Self::Conflict(name) if name == index => Self::Domain(refuse()),
            other => other,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflict(index) => write!(f, "the unique rule {index} refused the row"),
            Self::Retry => f.write_str("the transaction met another one and has to be repeated"),
            Self::Busy => f.write_str("another transaction holds the row"),
            Self::Unavailable(cause) | Self::Internal(cause) => f.write_str(cause),
            Self::Domain(e) => e.fmt(f),
        }
    }
}
impl std::error::Error for Error {}

impl From<domain::Error> for Error {
    fn from(e: domain::Error) -> Self {
        Self::Domain(e)
    }
}
impl From<Error> for domain::Error {
    fn from(e: Error) -> Self {
        match e {
            Error::Domain(e) => e,
            Error::Retry | Error::Busy | Error::Unavailable(_) => Self::unavailable(e),
            Error::Conflict(_) | Error::Internal(_) => Self::internal(e),
        }
    }
}
