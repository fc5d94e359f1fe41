//! The whole server, seen from outside: a fresh database of either engine, both surfaces on a real port, a clock that the
//! test holds.
//!
//! Each test is written once and runs on SQLite and, when `PORTCULLIS_TEST_POSTGRES` is the URL of a server where databases
//! may be made, on PostgreSQL: `both!(a_claim, another_claim)` at the head of a file makes `sqlite::a_claim` and
//! `postgres::a_claim` of each. `UPDATE_GOLDEN=1` writes the files of `tests/golden` anew.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test may panic, and a skipped one says so")]
#[macro_use]
mod world;

mod access;
mod access_roles;
mod apply;
mod attempts;
mod audit;
mod audit_records;
mod authorization;
mod branding;
mod breached_passwords;
mod calls;
mod checks;
mod cookies;
mod corpora;
mod crash;
mod credentials;
mod domains;
mod escalation;
mod factors;
mod first_week;
mod frontier;
mod group_roles;
mod groups;
mod grpc;
mod hostile;
mod idempotency;
mod identity_providers;
mod import;
mod introspection;
mod invitations;
mod isolation;
mod kyc;
mod limits;
mod lists;
mod long;
mod lost_answers;
mod mail_sign_ins;
mod mails;
mod master_key;
mod nodes;
mod openid;
mod organization_domains;
mod organization_ends;
mod organization_roles;
mod organizations;
mod own_sessions;
mod pages;
mod pages_account;
mod pages_browser;
mod pages_factors;
mod pages_mail;
mod password_resets;
mod permissions;
mod personal_token_ends;
mod personal_token_rights;
mod personal_tokens;
mod platform_users;
mod preferences;
mod projects;
mod prospects;
mod readme;
mod refresh;
mod refusals;
mod relations;
mod resources;
mod role_bindings;
mod roles;
mod rules;
mod searches;
mod second_step;
mod secrets;
mod seed;
mod service_credentials;
mod service_user_tokens;
mod service_users;
mod sessions;
mod step_up;
mod tenant_groups;
mod tenant_settings;
mod tenants;
mod token_keys;
mod unseen;
mod v1beta1;
mod webauthn;
mod webhooks;
