//! PostgreSQL's errors in the store's words.
use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::Error;

impl From<tokio_postgres::Error> for Error {
    fn from(e: tokio_postgres::Error) -> Self {
        let Some(db) = e.as_db_error() else {
            // only what the driver says about a closed or broken connection is worth another try
            return if e.is_closed() || std::error::Error::source(&e).is_some_and(|s| s.is::<std::io::Error>()) {
                Self::unavailable(e)
            } else {
                Self::Internal(with_source(&e))
            };
        };
        let code = db.code();
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Conflict(db.constraint().unwrap_or_default().to_owned());
        }
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
            return Self::Retry;
        }
        if *code == SqlState::LOCK_NOT_AVAILABLE {
            return Self::Busy;
        }
        // the message only: the detail may hold what was in the row
        let text = format!("{}: {}", code.code(), db.message());
        // 08 connection, 53 resources, 57 operator intervention (shutdown, timeouts), 58 I/O, 25006 a standby
        let away = ["08", "53", "57", "58", "25006"].iter().any(|class| code.code().starts_with(class));
        if away { Self::Unavailable(text) } else { Self::Internal(text) }
    }
}
impl From<PoolError> for Error {
    fn from(e: PoolError) -> Self {
        Self::unavailable(e)
    }
}

fn with_source(e: &tokio_postgres::Error) -> String {
    match std::error::Error::source(e) {
        Some(source) => format!("{e}: {source}"),
        None => e.to_string(),
    }
}
