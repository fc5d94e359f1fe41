//! The tables beneath the server, changed behind its back.
use std::collections::BTreeSet;

use crate::world::tables::Cell;
use crate::world::*;

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
