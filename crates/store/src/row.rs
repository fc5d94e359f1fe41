//! A row, decoded in place by a plain fn. Columns are read by their place in the select list.
//!
//! Every reader fails with [`Error::Internal`] when the column is missing, NULL (but for `opt_`) or of another type.
use portcullis_domain::{Id, Timestamp};
use rusqlite::types::FromSql as FromSqlite;
use tokio_postgres::types::FromSql as FromPostgres;
use uuid::Uuid;

use crate::{Error, Result};

/// One row of either engine.
pub struct Row<'r>(pub(crate) Source<'r>);

pub(crate) enum Source<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    fn get<T: FromSqlite + for<'a> FromPostgres<'a>>(&self, column: usize) -> Result<T> {
        match self.0 {
            Source::Sqlite(row) => row.get(column).map_err(Error::internal),
            Source::Postgres(row) => row.try_get(column).map_err(Error::internal),
        }
    }
    /// An integer.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.get(column)
    }
    /// An integer or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        self.get(column)
    }
    /// Text.
    pub fn text(&self, column: usize) -> Result<String> {
        self.get(column)
    }
    /// Text or NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        self.get(column)
    }
    /// Text, looked at without a copy.
    pub fn str(&self, column: usize) -> Result<&'r str> {
        match self.0 {
            Source::Sqlite(row) => row.get_ref(column).map_err(Error::internal)?.as_str().map_err(Error::internal),
            Source::Postgres(row) => row.try_get(column).map_err(Error::internal),
        }
    }
    /// Bytes.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        self.get(column)
    }
    /// Bytes or NULL.
    pub fn opt_bytes(&self, column: usize) -> Result<Option<Vec<u8>>> {
        self.get(column)
    }
    /// Exactly `N` bytes: a hash.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        let bytes = self.opt_array(column)?;
        bytes.ok_or_else(|| Error::Internal(format!("column {column} is NULL")))
    }
    /// Exactly `N` bytes or NULL.
    pub fn opt_array<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>> {
        let bytes: Option<&[u8]> = match self.0 {
            Source::Sqlite(row) => {
                row.get_ref(column).map_err(Error::internal)?.as_blob_or_null().map_err(Error::internal)?
            }
            Source::Postgres(row) => row.try_get(column).map_err(Error::internal)?,
        };
        let exact = bytes.map(TryInto::try_into).transpose();
        exact.map_err(|_| Error::Internal(format!("column {column} does not hold {N} bytes")))
    }
    /// A UUID.
    pub fn uuid(&self, column: usize) -> Result<Uuid> {
        let id = self.opt_uuid(column)?;
        id.ok_or_else(|| Error::Internal(format!("column {column} is NULL")))
    }
    /// A UUID or NULL.
    pub fn opt_uuid(&self, column: usize) -> Result<Option<Uuid>> {
        match self.0 {
            Source::Sqlite(_) => Ok(self.opt_array::<16>(column)?.map(Uuid::from_bytes)),
            Source::Postgres(row) => row.try_get(column).map_err(Error::internal),
        }
    }
    /// A typed id.
    pub fn id<T>(&self, column: usize) -> Result<Id<T>> {
        self.uuid(column).map(Id::from_uuid)
    }
    /// A typed id or NULL.
    pub fn opt_id<T>(&self, column: usize) -> Result<Option<Id<T>>> {
        Ok(self.opt_uuid(column)?.map(Id::from_uuid))
    }
    /// A boolean: 0 is false, everything else true.
    pub fn bool(&self, column: usize) -> Result<bool> {
        self.int(column).map(|i| i != 0)
    }
    /// A moment.
    pub fn timestamp(&self, column: usize) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_micros)
    }
    /// A moment or NULL.
    pub fn opt_timestamp(&self, column: usize) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }
}

/// Stored JSON; what cannot be read is empty.
pub(crate) fn json(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).unwrap_or_default()
}
/// JSON as it is stored.
pub(crate) fn json_text(m: &serde_json::Map<String, serde_json::Value>) -> String {
    if m.is_empty() { "{}".into() } else { serde_json::to_string(m).unwrap_or_else(|_| "{}".into()) }
}
/// A stored list of words.
pub(crate) fn words(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}
/// A list of words as it is stored.
pub(crate) fn words_text(words: &[String]) -> String {
    serde_json::to_string(words).unwrap_or_else(|_| "[]".into())
}
/// A stored list of ids.
pub(crate) fn ids<T>(text: &str) -> Vec<Id<T>> {
    serde_json::from_str(text).unwrap_or_default()
}
/// A list of ids as it is stored.
pub(crate) fn ids_text<T>(ids: &[Id<T>]) -> String {
    serde_json::to_string(ids).unwrap_or_else(|_| "[]".into())
}
