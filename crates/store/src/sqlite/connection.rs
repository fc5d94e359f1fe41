//! One SQLite connection: statements by number of their placeholders, errors by the names that PostgreSQL gives.
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, ErrorCode};

use super::names::UniqueNames;
use crate::param::Args;
use crate::row::Source;
use crate::{Error, P, Result, Row};

const STATEMENTS: usize = 1024;

pub(crate) struct Connection {
    pub raw: rusqlite::Connection,
    names: Arc<UniqueNames>,
}

impl Connection {
    pub fn new(raw: rusqlite::Connection, names: Arc<UniqueNames>) -> Self {
        raw.set_prepared_statement_cache_capacity(STATEMENTS);
        Self { raw, names }
    }
    /// The number of rows that the statement touched.
    pub fn run(&self, text: &str, args: &Args<'_>) -> Result<u64> {
        let mut statement = self.prepare(text, args)?;
        let rows = statement.raw_execute().map_err(|e| self.error(e))?;
        Ok(rows as u64)
    }
    pub fn all<T>(&self, text: &str, args: &Args<'_>, read: fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.prepare(text, args)?;
        let mut rows = statement.raw_query();
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(|e| self.error(e))? {
            out.push(read(&Row(Source::Sqlite(row)))?);
        }
        Ok(out)
    }
    /// A statement of the engine room: BEGIN, SAVEPOINT, COMMIT.
    pub fn control(&self, text: &'static str) -> Result<()> {
        let mut statement = self.raw.prepare_cached(text).map_err(|e| self.error(e))?;
        statement.raw_execute().map_err(|e| self.error(e))?;
        Ok(())
    }
    /// One integer from a pragma.
    pub fn number(&self, text: &'static str) -> Result<i64> {
        let mut statement = self.raw.prepare_cached(text).map_err(|e| self.error(e))?;
        statement.query_row([], |row| row.get(0)).map_err(|e| self.error(e))
    }
    /// Rows written on this connection since it was opened, those that were rolled back too.
    pub fn changes(&self) -> u64 {
        self.raw.total_changes()
    }
    /// Outside a transaction? Then SQLite has rolled it back by itself (disk full, I/O error, no memory).
    pub fn is_autocommit(&self) -> bool {
        self.raw.is_autocommit()
    }

    fn prepare(&self, text: &str, args: &Args<'_>) -> Result<CachedStatement<'_>> {
        let mut statement = self.raw.prepare_cached(text).map_err(|e| self.error(e))?;
        // `$3` is a name to SQLite, not a number: its index is the order of appearance. So each is bound by its number.
        let mut highest = 0;
        for index in 1..=statement.parameter_count() {
            let number = statement
                .parameter_name(index)
                .and_then(number)
                .ok_or_else(|| Error::Internal(format!("placeholders are $1, $2, …: {text}")))?;
            let value = args.get(number).ok_or_else(|| Error::Internal(format!("no value for ${number}: {text}")))?;
            statement.raw_bind_parameter(index, value).map_err(|e| self.error(e))?;
            highest = highest.max(number);
        }
        if highest == args.len() {
            Ok(statement)
        } else {
            Err(Error::Internal(format!("{} values for {highest} placeholders: {text}", args.len())))
        }
    }
    pub fn error(&self, e: rusqlite::Error) -> Error {
        let rusqlite::Error::SqliteFailure(failure, message) = &e else { return Error::internal(e) };
        match failure.code {
            ErrorCode::ConstraintViolation => message
                .as_deref()
                .and_then(|m| self.names.of_message(m))
                .map_or_else(|| Error::internal(&e), |index| Error::Conflict(index.to_owned())),
            ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory => Error::unavailable(e),
            ErrorCode::CannotOpen | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::unavailable(e),
            ErrorCode::OperationInterrupted => Error::unavailable("the read took longer than its time"),
            _ => Error::internal(e),
        }
    }
}

fn number(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse().ok()
}

impl ToSql for P<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            P::Null => ToSqlOutput::Owned(Value::Null),
            P::Int(i) => ToSqlOutput::Owned(Value::Integer(*i)),
            P::Text(s) => ToSqlOutput::Borrowed(ValueRef::Text(s.as_bytes())),
            P::Bytes(b) => ToSqlOutput::Borrowed(ValueRef::Blob(b)),
            P::Uuid(u) => ToSqlOutput::Borrowed(ValueRef::Blob(u.as_bytes())),
        })
    }
}
