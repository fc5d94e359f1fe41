//! The tables beneath the server, read whatever the engine.
use std::collections::BTreeMap;

use super::World;

/// A column's value, whatever the engine calls it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(uuid::Uuid),
}

/// All rows of a table, in the order of its first columns.
pub async fn rows(w: &World, table: &str) -> Vec<BTreeMap<String, Cell>> {
    let sql = format!("SELECT * FROM {table} ORDER BY 1, 2");
    if w.engine.is_sqlite() {
        let db = w.engine.raw_sqlite();
        let mut statement = db.prepare(&sql).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            Ok(names
                .iter()
                .enumerate()
                .map(|(n, name)| {
                    use rusqlite::types::ValueRef;
                    let cell = match row.get_ref(n).unwrap() {
                        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
                        ValueRef::Integer(i) => Cell::Int(i),
                        ValueRef::Text(t) => Cell::Text(String::from_utf8(t.to_vec()).unwrap()),
                        ValueRef::Blob(b) => Cell::Bytes(b.to_vec()),
                    };
                    (name.clone(), cell)
                })
                .collect())
        };
        return statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    }
    let found = w.engine.raw_postgres().await.query(&sql, &[]).await.unwrap();
    found
        .iter()
        .map(|row| {
            row.columns()
                .iter()
                .enumerate()
                .map(|(n, c)| {
                    let cell = match c.type_().name() {
                        "int8" => row.get::<_, Option<i64>>(n).map_or(Cell::Null, Cell::Int),
                        "text" => row.get::<_, Option<String>>(n).map_or(Cell::Null, Cell::Text),
                        "bytea" => row.get::<_, Option<Vec<u8>>>(n).map_or(Cell::Null, Cell::Bytes),
                        "uuid" => row.get::<_, Option<uuid::Uuid>>(n).map_or(Cell::Null, Cell::Uuid),
                        other => panic!("a column of type {other}"),
                    };
                    (c.name().to_owned(), cell)
                })
                .collect()
        })
        .collect()
}

/// The names of all tables, from the database itself.
pub async fn tables(w: &World) -> Vec<String> {
    if w.engine.is_sqlite() {
        let db = w.engine.raw_sqlite();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut statement = db.prepare(sql).unwrap();
        return statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    }
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()";
    w.engine.raw_postgres().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
/// Everything that the store holds, by table.
pub struct Contents(Vec<(String, Vec<u8>)>);
impl Contents {
    pub async fn of(w: &World) -> Self {
        let mut out = vec![];
        for table in tables(w).await {
            let bytes = table_bytes(w, &table).await;
            out.push((table, bytes));
        }
        Self(out)
    }
    /// The tables in which this is.
    pub fn tables_with(&self, what: &[u8]) -> Vec<&str> {
        let within = |bytes: &[u8]| bytes.windows(what.len()).any(|part| part == what);
        self.0.iter().filter(|(_, bytes)| within(bytes)).map(|(table, _)| &**table).collect()
    }
}
/// How many rows a table has, of any tenant.
pub async fn count(w: &World, table: &str) -> i64 {
    count_where(w, table, "1 = 1").await
}
/// How many of them are so.
pub async fn count_where(w: &World, table: &str, that: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table} WHERE {that}");
    if w.engine.is_sqlite() {
        return w.engine.raw_sqlite().query_row(&sql, [], |r| r.get(0)).unwrap();
    }
    w.engine.raw_postgres().await.query_one(&sql, &[]).await.unwrap().get(0)
}
/// Runs statements beside the server.
pub async fn execute(w: &World, sql: &str) {
    if w.engine.is_sqlite() {
        w.engine.raw_sqlite().execute_batch(sql).unwrap();
    } else {
        w.engine.raw_postgres().await.batch_execute(sql).await.unwrap();
    }
}
/// Everything that one table holds.
pub async fn table_bytes(w: &World, table: &str) -> Vec<u8> {
    let mut out = vec![];
    for cell in rows(w, table).await.into_iter().flat_map(BTreeMap::into_values) {
        match cell {
            Cell::Null => {}
            Cell::Int(i) => out.extend(i.to_string().bytes()),
            Cell::Text(t) => out.extend(t.bytes()),
            Cell::Bytes(b) => out.extend(b),
            Cell::Uuid(u) => out.extend(u.to_string().bytes()),
        }
        out.push(b'\n');
    }
    out
}
/// Is this text somewhere in these bytes?
pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}
