//! From the columns that SQLite reports to the name of the unique index, as PostgreSQL reports it.
//!
//! `UNIQUE constraint failed: users.tenant, users.email` becomes `users_email`. Read off the schema when a store is opened.
use std::collections::HashMap;

use crate::{Error, Result};

#[derive(Debug, Default)]
pub(crate) struct UniqueNames(HashMap<String, String>);

impl UniqueNames {
    /// Reads the schema. Two unique indexes over the same columns could not be told apart and are refused.
    pub fn read(connection: &rusqlite::Connection) -> Result<Self> {
        let mut names = Self::default();
        names.indexes(connection)?;
        names.primary_keys(connection)?;
        Ok(names)
    }
    /// The index behind an error message, if it is about a unique rule.
    pub fn of_message(&self, message: &str) -> Option<&str> {
        let columns = message.strip_prefix("UNIQUE constraint failed: ")?;
        match columns.strip_prefix("index '") {
            // an index over an expression is reported by its name
            Some(_) => self.0.values().map(String::as_str).find(|n| columns == format!("index '{n}'")),
            None => self.0.get(columns).map(String::as_str),
        }
    }

    fn indexes(&mut self, connection: &rusqlite::Connection) -> Result<()> {
        let sql = "SELECT t.name, i.name, (SELECT group_concat(t.name || '.' || c.name, ', ') \
                     FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c) \
                   FROM sqlite_master t, pragma_index_list(t.name) i \
                   WHERE t.type = 'table' AND i.\"unique\" = 1 AND i.origin = 'c'";
        self.collect(connection, sql, |_, index| index.to_owned())
    }
    fn primary_keys(&mut self, connection: &rusqlite::Connection) -> Result<()> {
        let sql = "SELECT t.name, '', (SELECT group_concat(t.name || '.' || c.name, ', ') \
                     FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk) c) \
                   FROM sqlite_master t WHERE t.type = 'table'";
        self.collect(connection, sql, |table, _| format!("{table}_pkey"))
    }
    fn collect(&mut self, connection: &rusqlite::Connection, sql: &str, name: fn(&str, &str) -> String) -> Result<()> {
        let mut statement = connection.prepare(sql).map_err(Error::internal)?;
        let mut rows = statement.query([]).map_err(Error::internal)?;
        while let Some(row) = rows.next().map_err(Error::internal)? {
            let text = |i| row.get_ref(i).map_err(Error::internal)?.as_str_or_null().map_err(Error::internal);
            let (Some(table), Some(index), Some(columns)) = (text(0)?, text(1)?, text(2)?) else { continue };
            let name = name(table, index);
            if let Some(other) = self.0.insert(columns.to_owned(), name.clone()) {
                return Err(Error::Internal(format!(
                    "unique rules {other} and {name} have the same columns {columns}"
                )));
            }
        }
        Ok(())
    }
}
