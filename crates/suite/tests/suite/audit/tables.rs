//! The tables beneath the server: read whatever the engine, and changed behind its back.
use std::collections::{BTreeMap, BTreeSet};

use crate::world::*;

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

const TABLES: [&str; 16] = [
    "tenants",
    "users",
    "user_avatars",
    "sessions",
    "api_keys",
    "policies",
    "policy_rules",
    "meta_schemas",
    "idempotency",
    "attempts",
    "audit_events",
    "audit_seals",
    "audit_checkpoints",
    "signing_keys",
    "leases",
    "erasures",
];

/// Everything that the store holds, one value after the other.
pub async fn dump(w: &World) -> Vec<u8> {
    let mut out = vec![];
    for table in TABLES {
        out.extend(table_bytes(w, table).await);
    }
    out
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

/// Runs statements beside the server.
pub async fn tamper(w: &World, sql: &str) {
    if w.engine.is_sqlite() {
        w.engine.raw_sqlite().execute_batch(sql).unwrap();
    } else {
        w.engine.raw_postgres().await.batch_execute(sql).await.unwrap();
    }
}
/// A value as a literal of both engines.
pub fn literal(w: &World, cell: &Cell) -> String {
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match cell {
        Cell::Null => "NULL".into(),
        Cell::Int(i) => i.to_string(),
        Cell::Text(t) => format!("'{}'", t.replace('\'', "''")),
        Cell::Bytes(b) if w.engine.is_sqlite() => format!("x'{}'", hex(b)),
        Cell::Bytes(b) => format!("'\\x{}'::bytea", hex(b)),
        Cell::Uuid(u) => format!("'{u}'::uuid"),
    }
}
/// The same value with one bit or one character changed, for each place in `places` that it has.
pub fn flips(cell: &Cell, places: usize) -> Vec<Cell> {
    let spread = |len: usize| -> BTreeSet<usize> {
        (0..places).map(|n| n * len / places).chain([len.saturating_sub(1)]).filter(|at| *at < len).collect()
    };
    match cell {
        Cell::Null => vec![],
        Cell::Int(i) => vec![Cell::Int(i ^ 1), Cell::Int(i ^ (1 << 20))],
        Cell::Text(t) if t.is_empty() => vec![Cell::Text("x".into())],
        Cell::Text(t) => spread(t.len())
            .into_iter()
            .filter(|at| t.is_char_boundary(*at) && t.as_bytes()[*at].is_ascii())
            .map(|at| {
                let mut b = t.clone().into_bytes();
                b[at] ^= if b[at] == b'0' { 3 } else { 1 };
                Cell::Text(String::from_utf8(b).unwrap())
            })
            .collect(),
        Cell::Bytes(b) => spread(b.len())
            .into_iter()
            .map(|at| {
                let mut b = b.clone();
                b[at] ^= 1;
                Cell::Bytes(b)
            })
            .collect(),
        Cell::Uuid(u) => spread(16)
            .into_iter()
            .map(|at| {
                let mut b = *u.as_bytes();
                b[at] ^= 1;
                Cell::Uuid(uuid::Uuid::from_bytes(b))
            })
            .collect(),
    }
}
