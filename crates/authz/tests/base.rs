//! The base layer is the spec's table, in the file, in the table read from it, and in the golden matrix.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests stop where they cannot go on")]
use portcullis_authz::base::{Cell, Column, cell};
use portcullis_authz::{actions, oracle};

/// The columns as spec v1 part 5 shows them: the owner holds `admin` and `user` besides, master is an admin.
const SPEC: [(&str, &[Column]); 6] = [
    ("user", &[Column::User]),
    ("approver", &[Column::Approver]),
    ("admin", &[Column::Admin]),
    ("owner", &[Column::User, Column::Admin, Column::Owner]),
    ("master", &[Column::Admin, Column::Master]),
    ("checker", &[Column::Checker]),
];

#[test]
fn the_table_says_what_cedar_says() {
    for (i, action) in actions::ALL.iter().enumerate() {
        for column in Column::ALL {
            let cell = cell(column, i);
            for (own, named) in [(false, false), (true, false), (false, true), (true, true)] {
                let table = cell.has(Cell::YES) || (own && cell.has(Cell::OWN)) || (named && cell.has(Cell::NAMED));
                let cedar = oracle::base_allows(&[column], action.name, own, named);
                assert_eq!(table, cedar, "{} for {column:?}, own {own}, named {named}", action.name);
            }
        }
    }
}

#[test]
fn the_matrix_is_the_specs() {
    let mut matrix = format!("{:<28}", "action");
    for (name, _) in SPEC {
        matrix.push_str(&format!("{name:<12}"));
    }
    for (i, action) in actions::ALL.iter().enumerate() {
        matrix = format!("{}\n{:<28}", matrix.trim_end(), action.name);
        for (_, columns) in SPEC {
            let sum = columns.iter().fold(Cell::NO, |sum, c| sum | cell(*c, i));
            matrix.push_str(&format!("{:<12}", sum.as_str()));
        }
    }
    let matrix = format!("{}\n", matrix.trim_end());
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roles.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &matrix).unwrap();
    }
    let want = std::fs::read_to_string(golden).unwrap_or_default();
    assert!(matrix == want, "the roles changed; UPDATE_GOLDEN=1 writes the new matrix:\n{matrix}");
}
