//! Keeping it: one text of SQL and one form of use case for SQLite and PostgreSQL.
//!
//! A use case is an ordinary `async fn(&mut Tx, &Command) -> Result<T>`; [`Db::write`] runs it in one transaction together
//! with its audit events. Nothing but the database is awaited inside, and everything it needs (ids, times, hashes) is in
//! its command or in [`Tx::cx`], because it may run more than once and commits at most once.
//!
//! To add a concept: write its statements with `statements!` in a file of its own, add the file's `ALL` to
//! [`statements`], and give it functions that take `&mut Tx`. `$1` is the tenant and is bound by [`Tx`]. Statements that
//! belong to no tenant live in `directory.rs`, each with its reason.
#[macro_use]
mod sql;
pub mod access_change;
pub mod access_role;
pub mod api_key;
pub mod application;
pub mod application_consent;
pub mod application_device;
pub mod application_session;
pub mod attempt;
pub mod audit;
pub mod audit_record_key;
pub mod backup_code;
pub mod branding;
mod config;
mod db;
pub mod directory;
pub mod erasure;
mod error;
pub mod frontier;
pub mod group;
pub mod group_list;
pub mod holding;
pub mod idempotency;
pub mod identity;
pub mod identity_provider;
pub mod import_progress;
pub mod invitation;
pub mod kyc;
pub mod lease;
pub mod mail;
pub mod mail_sign_in;
pub mod managed;
pub mod meta_schema;
pub mod mfa_challenge;
pub mod mfa_method;
mod migrate;
pub mod organization;
pub mod organization_domain;
pub mod organization_removal;
mod outbox;
mod param;
pub mod passkey_request;
pub mod permission;
pub mod personal_token;
pub mod policy;
mod postgres;
pub mod preference;
pub mod project;
pub mod prospect;
pub mod resource;
mod revision;
pub mod role_binding;
mod row;
pub mod saml_assertion;
mod scim_search;
pub mod scim_user;
pub mod sealed;
pub mod search;
pub mod select;
pub mod service_credential;
pub mod service_user;
pub mod session;
pub mod sign_in_start;
pub mod signing_key;
mod sqlite;
pub mod tenant;
pub mod tenant_domain;
mod tx;
pub mod user;
pub mod user_list;
pub mod webhook;
pub mod webhook_delivery;

use std::sync::Arc;

use portcullis_domain::tenant::TenantKey;

pub use config::{Config, Location};
pub use db::{Db, Stats};
pub use error::{Error, Result};
pub use migrate::{SchemaVersion, latest_version};
pub use outbox::Subscribers;
pub use param::P;
pub use row::Row;
pub use sql::{Class, Sql, statements};
pub use tx::{Change, Tx};

/// An async fn from a transaction and a command. Fn items only (a closure that captures does not satisfy the bound), so
/// that nothing a repetition needs can be moved away.
pub trait UseCase<'a, C: 'a, T>: Fn(&'a mut Tx, &'a C) -> Self::Future {
    /// What it returns; may move between threads.
    type Future: Future<Output = Result<T>> + Send + 'a;
}
impl<'a, C: 'a, T, F, Fut> UseCase<'a, C, T> for F
where
    F: Fn(&'a mut Tx, &'a C) -> Fut,
    Fut: Future<Output = Result<T>> + Send + 'a,
{
    type Future = Fut;
}

/// Told of the changes of each commit: after it is durable, before its caller is answered. On SQLite it runs on the
/// writer's thread, so it is short and does not panic (the process would end).
pub type Publish = Arc<dyn Fn(TenantKey, &[Change]) + Send + Sync>;
