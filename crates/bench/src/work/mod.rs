//! The kinds of work, one file each: what is asked, against which ceiling, and the goal of the design.
pub mod check;
pub mod create_user;
pub mod create_user_postgres;
pub mod decision;
pub mod get_user;
pub mod import;
pub mod login;
pub mod mixed;
pub mod page;
pub mod tenants;
