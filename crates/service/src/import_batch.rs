//! What becomes of the rows of a batch, in its one transaction: each meets who is there already, and is made, changed, left out
//! or refused.
//!
//! That a row is well-formed is known before (`import.rs`), and so is what the caller may do (`import_right.rs`); if the latter
//! is no longer so, the batch is left to be tried again.
use std::sync::Arc;

use portcullis_domain::user::User;
use portcullis_domain::{Code, Error, Id, Result, Role};
use portcullis_store::{Tx, scim_user, user};
use serde_json::Value;

use crate::app::Scribe;
use crate::import::{Entry, ImportOptions, OnConflict, Row, outcome};
use crate::import_right::Right;
use crate::mail::Post;
use crate::user_change::{managed, no_cycle, record_update};

/// Rows that are committed together, and by what.
pub(crate) struct Batch {
    entries: Arc<Vec<Entry>>,
    options: ImportOptions,
    post: Option<Arc<Post>>,
    right: Right,
    /// Of each entry: why a new user is refused. Known before the writer's turn begins.
    beyond: Vec<Option<Value>>,
    scribe: Scribe,
}
impl Batch {
    /// Of these rows, under this right; invitations go by this post, if there is one.
    pub fn new(
        entries: Arc<Vec<Entry>>,
        options: ImportOptions,
        post: Option<Arc<Post>>,
        right: Right,
        scribe: Scribe,
    ) -> Self {
        let beyond = entries.iter().map(|e| beyond(&right, e)).collect();
        Self { entries, options, post, right, beyond, scribe }
    }
    /// A line about a user who was there before.
    fn known(&self, line: Value, other: &User) -> Value {
        if self.right.shows(other) { with_id(line, other.id) } else { line }
    }
}
fn with_id(mut o: Value, id: Id<User>) -> Value {
    o["id"] = id.to_string().into();
    o
}

/// Writes what the rows ask for: the report's lines. `None`: what the caller may do changed; nothing was written.
pub(crate) async fn commit(tx: &mut Tx, c: &Batch) -> portcullis_store::Result<Option<Vec<Value>>> {
    if tx.revision().await? != c.right.revision {
        return Ok(None);
    }
    let (mut out, mut structural) = (Vec::with_capacity(c.entries.len()), false);
    for (e, beyond) in c.entries.iter().zip(&c.beyond) {
        let row = match &e.row {
            Ok(row) => row,
            Err(refused) => {
                out.push(refused.clone());
                continue;
            }
        };
        if let Some(refused) = manager_missing(tx, e, row).await? {
            out.push(refused);
            continue;
        }
        if let Some(refused) = beyond {
            // a user who is there already may be left as he is, or changed within what the caller may
            if existing(tx, &row.user).await?.is_none() {
                out.push(refused.clone());
                continue;
            }
        } else if user::insert(tx, &row.user, row.password_hash.as_deref(), row.token()).await? {
            tx.audit(row.event.clone());
            invite(tx, c, row).await?;
            out.push(with_id(outcome(e.line, "created", e.external_id.as_deref(), None), row.user.id));
            continue;
        }
        let other = existing(tx, &row.user).await?;
        let (line, changed) = clash(tx, c, e, row, other).await?;
        structural |= changed;
        out.push(line);
    }
    if structural {
        tx.bump().await?;
    }
    Ok(Some(out))
}
/// Tells somebody new that they are invited, if that was asked for.
async fn invite(tx: &mut Tx, c: &Batch, row: &Row) -> portcullis_store::Result<()> {
    if let (Some(post), Some((_, letter))) = (&c.post, &row.invitation) {
        post.write(tx, Some(row.user.id), &row.user.email, letter).await?;
        c.scribe.write(tx, c.scribe.event("user.invited", "user", row.user.id));
    }
    Ok(())
}
/// The same without writing: what would become of each row, each taken by itself.
pub(crate) async fn dry_run(tx: &mut Tx, c: &Batch) -> portcullis_store::Result<Option<Vec<Value>>> {
    let mut out = Vec::with_capacity(c.entries.len());
    for (e, beyond) in c.entries.iter().zip(&c.beyond) {
        let line = match &e.row {
            Err(refused) => refused.clone(),
            Ok(row) => match (manager_missing(tx, e, row).await?, existing(tx, &row.user).await?) {
                (Some(refused), _) => refused,
                (None, None) => {
                    beyond.clone().unwrap_or_else(|| outcome(e.line, "created", e.external_id.as_deref(), None))
                }
                (None, Some(other)) => match c.options.on_conflict {
                    OnConflict::Error => conflict(c, e, &other, &row.user),
                    OnConflict::Skip => c.known(outcome(e.line, "skipped", e.external_id.as_deref(), None), &other),
                    OnConflict::Update => {
                        let listed = listed(tx, &other).await?;
                        match changed(tx, c, row, &other, listed) {
                            Ok(None) => c.known(outcome(e.line, "unchanged", e.external_id.as_deref(), None), &other),
                            Ok(Some(_)) => c.known(outcome(e.line, "updated", e.external_id.as_deref(), None), &other),
                            Err(refused) => outcome(e.line, "invalid", e.external_id.as_deref(), Some(&refused)),
                        }
                    }
                },
            },
        };
        out.push(line);
    }
    Ok(Some(out))
}
/// A new user with what the caller may not give.
fn beyond(right: &Right, e: &Entry) -> Option<Value> {
    let refused = right.create(&e.row.as_ref().ok()?.user).err()?;
    Some(outcome(e.line, "invalid", e.external_id.as_deref(), Some(&refused)))
}
/// The user as the row wants him, if that is another; what the caller may not change is refused.
fn changed(tx: &Tx, c: &Batch, row: &Row, other: &User, listed: bool) -> Result<Option<User>> {
    let mut roles = if row.names_roles { row.user.roles } else { other.roles };
    if other.roles.has(Role::Checker) {
        // what this surface does not show stays (decision 17)
        roles = roles.with(Role::Checker);
    }
    if other.is_owner {
        roles = roles.with(Role::Admin);
    }
    let differ = other.roles.changed(roles);
    c.right.update(other, &row.user, row.names_roles, differ)?;
    if !differ.is_empty() && tx.cx.principal.acting_user == Some(other.id) {
        return Err(Error::new(Code::Forbidden, "Nobody changes their own roles: ask another administrator."));
    }
    // the address and the provider of a user are not editable
    let after = User {
        title: row.user.title.clone(),
        roles,
        external_id: row.user.external_id.clone().or(other.external_id.clone()),
        manager_id: row.user.manager_id.or(other.manager_id),
        metadata: row.user.metadata.clone(),
        first_name: row.user.first_name.clone(),
        last_name: row.user.last_name.clone(),
        updated_at: tx.cx.now,
        ..other.clone()
    };
    let named = after.title == other.title
        && after.external_id == other.external_id
        && after.manager_id == other.manager_id
        && after.first_name == other.first_name
        && after.last_name == other.last_name;
    if listed && !named {
        return Err(managed());
    }
    let same = named && after.roles == other.roles && after.metadata == other.metadata;
    Ok((!same).then_some(after))
}
/// Does a directory say what somebody is called?
async fn listed(tx: &mut Tx, user: &User) -> portcullis_store::Result<bool> {
    Ok(scim_user::directory(tx, user.id).await?.is_some())
}
async fn manager_missing(tx: &mut Tx, e: &Entry, row: &Row) -> portcullis_store::Result<Option<Value>> {
    match row.user.manager_id {
        Some(m) if user::facts(tx, m).await?.is_none() => {
            let error = Error::field("manager_id", "No such user in this tenant.");
            Ok(Some(outcome(e.line, "invalid", e.external_id.as_deref(), Some(&error))))
        }
        _ => Ok(None),
    }
}
/// Who is there already: by `external_id`, else by `email`.
async fn existing(tx: &mut Tx, u: &User) -> portcullis_store::Result<Option<User>> {
    if let Some(external_id) = &u.external_id
        && let Some(other) = user::by_external_id(tx, external_id).await?
    {
        return Ok(Some(other));
    }
    user::by_email(tx, &u.email).await
}
fn conflict(c: &Batch, e: &Entry, other: &User, wanted: &User) -> Value {
    let field = if other.email == wanted.email { "email" } else { "external_id" };
    let message = if field == "email" {
        "A user with this e-mail address exists."
    } else {
        "A user with this external id exists."
    };
    let error = Error::new(Code::UserExists, message).detail("field", field);
    c.known(outcome(e.line, "conflict", e.external_id.as_deref(), Some(&error)), other)
}
async fn clash(
    tx: &mut Tx,
    c: &Batch,
    e: &Entry,
    row: &Row,
    other: Option<User>,
) -> portcullis_store::Result<(Value, bool)> {
    let external_id = e.external_id.as_deref();
    let Some(other) = other else {
        return Err(portcullis_store::Error::internal("a row was refused by a rule that is not known here"));
    };
    match c.options.on_conflict {
        OnConflict::Error => Ok((conflict(c, e, &other, &row.user), false)),
        OnConflict::Skip => Ok((c.known(outcome(e.line, "skipped", external_id, None), &other), false)),
        OnConflict::Update => {
            let listed = listed(tx, &other).await?;
            let after = match changed(tx, c, row, &other, listed) {
                Ok(Some(after)) => after,
                Ok(None) => return Ok((c.known(outcome(e.line, "unchanged", external_id, None), &other), false)),
                Err(refused) => return Ok((outcome(e.line, "invalid", external_id, Some(&refused)), false)),
            };
            if let Some(manager) = after.manager_id.filter(|m| other.manager_id != Some(*m)) {
                match no_cycle(tx, other.id, manager).await {
                    Err(portcullis_store::Error::Domain(refused)) => {
                        return Ok((outcome(e.line, "invalid", external_id, Some(&refused)), false));
                    }
                    checked => checked?,
                }
            }
            user::update(tx, &after).await?;
            record_update(tx, &c.scribe, &other, &after);
            let structural =
                after.roles != other.roles || after.tags() != other.tags() || after.manager_id != other.manager_id;
            Ok((c.known(outcome(e.line, "updated", external_id, None), &other), structural))
        }
    }
}
