//! What can be done: one use case = authorise → decide → change → audit.
//!
//! Every public function takes the request's [`Ctx`](portcullis_domain::Ctx) first, authorises on the *target*, and answers a
//! domain value or a domain error. Nothing here knows HTTP.
pub mod answer;
pub mod api_key;
pub mod app;
pub mod audit_chain;
pub mod audit_log;
pub mod authenticate;
mod authorize;
mod change;
mod denial;
mod evaluate;
pub mod every_tenant;
mod fresh;
mod idempotency;
pub mod import;
mod keys;
pub mod long;
pub mod meta_schema;
pub mod page;
pub mod policy;
mod policy_source;
pub mod profile;
mod rule;
pub mod session;
mod setup;
pub mod tenancy;
pub mod tenant;
pub mod tidy;
pub mod user;
mod user_change;
mod user_create;

pub use answer::{Answer, IdempotencyKey, Reply};
pub use app::App;
pub use page::{Page, PageRequest};
