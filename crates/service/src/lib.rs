//! What can be done: one use case = authorise → decide → change → audit.
//!
//! Every public function takes the request's [`Ctx`](portcullis_domain::Ctx) first, authorises on the *target*, and answers a
//! domain value or a domain error. Nothing here knows HTTP.
mod access;
pub mod access_check;
pub mod access_list;
pub mod access_role;
pub mod answer;
pub mod api_key;
pub mod app;
pub mod audit_chain;
pub mod audit_log;
pub mod authenticate;
mod authorize;
mod change;
pub mod check;
mod denial;
mod evaluate;
pub mod every_tenant;
mod fresh;
pub mod group;
pub mod group_member;
pub mod holder;
mod idempotency;
pub mod import;
mod import_right;
mod keys;
pub mod long;
mod lookup;
pub mod meta_schema;
mod metadata;
pub mod organization;
pub mod organization_member;
mod organization_removal;
pub mod page;
pub mod permission;
pub mod policy;
mod policy_source;
pub mod profile;
pub mod project;
pub mod project_list;
pub mod project_member;
pub mod resource;
pub mod role_binding;
mod rule;
pub mod session;
mod setup;
pub mod tenancy;
pub mod tenant;
mod thing;
pub mod tidy;
pub mod user;
mod user_change;
mod user_create;

pub use answer::{Answer, IdempotencyKey, Reply};
pub use app::App;
pub use page::{Page, PageRequest};
