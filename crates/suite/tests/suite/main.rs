//! The whole server, seen from outside: a fresh database of either engine, both surfaces on a real port, a clock that the
//! test holds.
//!
//! Each test is written once and runs on SQLite and, when `PORTCULLIS_TEST_POSTGRES` is the URL of a server where databases
//! may be made, on PostgreSQL: `both!(a_claim, another_claim)` at the head of a file makes `sqlite::a_claim` and
//! `postgres::a_claim` of each. `UPDATE_GOLDEN=1` writes the files of `tests/golden` anew.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test may panic, and a skipped one says so")]
#[macro_use]
mod world;

mod access_roles;
mod audit;
mod checks;
mod corpora;
mod crash;
mod credentials;
mod escalation;
mod groups;
mod hostile;
mod idempotency;
mod import;
mod isolation;
mod limits;
mod lists;
mod long;
mod nodes;
mod organizations;
mod projects;
mod readme;
mod refusals;
mod roles;
mod rules;
mod seed;
mod service_credentials;
mod service_users;
mod tenants;
mod v1beta1;
