//! Things of the access graph by what a caller calls them: an id or a name.
#![allow(clippy::ptr_arg, reason = "a use case takes a reference to its command, which is a String here")]
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::{Ctx, Error, Id};
use portcullis_store::{Result, Tx, group, organization, project};

use crate::App;
use crate::authorize::{forbidden_unseen, is_superuser};

/// An organization by UUID or name.
pub(crate) async fn organization(tx: &mut Tx, which: &String) -> Result<Option<Organization>> {
    match which.parse() {
        Ok(id) => organization::by_id(tx, id).await,
        Err(_) => organization::by_name(tx, &which.to_lowercase()).await,
    }
}
/// A project by UUID or name.
pub(crate) async fn project(tx: &mut Tx, which: &String) -> Result<Option<Project>> {
    match which.parse() {
        Ok(id) => project::by_id(tx, id).await,
        Err(_) => project::by_name(tx, &which.to_lowercase()).await,
    }
}
/// A group by UUID.
pub(crate) async fn group(tx: &mut Tx, which: &String) -> Result<Option<Group>> {
    match which.parse::<Id<Group>>() {
        Ok(id) => group::by_id(tx, id).await,
        Err(_) => Ok(None),
    }
}

impl App {
    /// What to answer when a thing is not there: only superusers are told, all others are refused as if it were and they might not.
    pub(crate) fn missing(&self, cx: &Ctx, action: &'static str, what: &'static str) -> Error {
        if is_superuser(&cx.principal) { Error::not_found(what) } else { forbidden_unseen(action) }
    }
}
