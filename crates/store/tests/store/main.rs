//! The store on both engines. SQLite always; PostgreSQL when `PORTCULLIS_TEST_POSTGRES` is the URL of a server where
//! databases may be made. Each test has its own database.
#![allow(clippy::unwrap_used, reason = "tests")]
#[macro_use]
mod support;
mod audit;
mod faults;
mod isolation;
mod lifecycle;
mod schema;
mod speed;
mod statements;
mod transactions;
