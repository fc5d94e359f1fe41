//! Changing, suspending and erasing a user.
use portcullis_domain::api_key::ApiKey;
use portcullis_domain::branding::Template;
use portcullis_domain::preference::Whose;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles};
use portcullis_store::user::UserToken;
use portcullis_store::{
    Tx, api_key, application_consent, application_device, application_session, erasure, identity, invitation, mail,
    mail_sign_in, mfa_challenge, preference, scim_user, session, user,
};
use serde_json::Value;
use uuid::Uuid;

use crate::app::Scribe;
use crate::change::moved;
use crate::mail::Post;
use crate::mfa;
use crate::organization_removal::take_some;
use crate::personal_token_end::end_of_user;
use crate::session_list::end_sessions;
use crate::user::{Draft, UserPatch, UserRef, UserShown, gate, roles};
use crate::user_create::{digest, manager_exists, taken, words};
use crate::{Answer, App, Reply};

impl App {
    /// Changes a user. `users:update`, and `roles:grant` for each role given or taken. `if_match`: the revision that the caller
    /// saw, else 412.
    pub async fn update_user(
        &self,
        cx: &Ctx,
        which: &UserRef,
        draft: Draft<UserPatch>,
        if_match: Option<i64>,
    ) -> Result<User> {
        let found = self.find_user(cx, which).await?;
        let mut gate = gate("users:update", found.as_ref());
        gate.asked = draft.asked();
        if let (Some(user), Some(asked)) = (&found, &draft.roles) {
            gate.grants =
                asked.iter().filter_map(|w| Role::parse(w)).collect::<Roles>().changed(user.roles.public().collect());
        }
        let changes_roles = !gate.grants.is_empty();
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            let patch = draft.command?;
            let roles = patch.roles.as_deref().map(roles).transpose()?;
            if let Some(metadata) = &patch.metadata {
                self.snapshot(cx).await?.schemas.check("user", metadata)?;
            }
            if changes_roles && cx.principal.acting_user == Some(user.id) {
                // decision 18: nobody changes his own roles
                return Err(Error::new(Code::Forbidden, "Nobody changes their own roles: ask another administrator.")
                    .detail("action", "roles:grant"));
            }
            Ok(Update { id: user.id, seen: user.revision, patch, roles, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// Suspends or reactivates. `users:suspend`. Suspending ends sessions and keys at once; reactivating brings none back.
    pub async fn set_user_active(
        &self,
        cx: &Ctx,
        which: &UserRef,
        active: Result<bool>,
        reply: Reply<UserShown>,
    ) -> Result<Answer> {
        let found = self.find_user(cx, which).await?;
        let gate = gate("users:suspend", found.as_ref());
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            let effective = self.effective_roles(cx).await?.of(&user);
            Ok(SetActive { id: user.id, seen: user.revision, active: active?, effective, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, set_active).await
    }
    /// Erases a user for good. `users:delete`. The id is gone at once; what the audit log holds of the person goes in steps.
    pub async fn delete_user(&self, cx: &Ctx, which: &UserRef, if_match: Option<i64>) -> Result<()> {
        let found = self.find_user(cx, which).await?;
        let gate = gate("users:delete", found.as_ref());
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            Ok(Delete { id: user.id, seen: user.revision, if_match, scribe: self.scribe(cx) })
        };
        let id = self.apply(cx, gate, command, delete).await?;
        if let Err(e) = self.take_from_deleted(cx, Bearer::User(id.uuid())).await {
            tracing::warn!(error = ?e, user = %id, "what a deleted user held is left to the worker");
        }
        Ok(())
    }
    /// Makes a fresh invitation; earlier ones die. `users:invite`. Without a mail setting the link is answered (decision 8).
    pub async fn resend_invite(&self, cx: &Ctx, id: Id<User>, reply: Reply<Option<String>>) -> Result<Answer> {
        let found = self.find_user(cx, &UserRef::Id(id)).await?;
        // what their groups carry is looked at on this revision only
        let mut gate = gate("users:invite", found.as_ref()).once();
        // whoever holds the link becomes this user: it is given only to those who could make such a one
        let access = &self.snapshot(cx).await?.access;
        let roles = |u: &User| u.roles.and(access.graph.mapped_roles(Bearer::User(u.id.uuid())));
        gate.grants = found.as_ref().map_or(Roles::NONE, |u| roles(u).public().collect::<Roles>().without(Role::User));
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            if user.is_owner && !cx.principal.is_owner && !cx.principal.in_master {
                return Err(owner_protected("Only the master tenant's administrators invite the owner anew."));
            }
            let (url, token) = self.invitation(cx);
            let post = self.post(cx).await?;
            Ok(Invite { id, seen: user.revision, url, token, post, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, invite).await
    }
}

struct Update {
    id: Id<User>,
    seen: i64,
    patch: UserPatch,
    roles: Option<Roles>,
    if_match: Option<i64>,
    scribe: Scribe,
}

/// The user as the transaction sees it, if the caller saw the same. `seen` is the revision that the decision was made on: what
/// was decided about another one (which roles change, whom a rule speaks of) does not count.
async fn current(tx: &mut Tx, id: Id<User>, if_match: Option<i64>, seen: i64) -> portcullis_store::Result<User> {
    let user = user::by_id(tx, id).await?.ok_or_else(|| Error::not_found("user"))?;
    require_revision(user.revision, if_match)?;
    if user.revision == seen { Ok(user) } else { Err(moved().into()) }
}
/// 412 unless the caller saw this revision (spec v1 2.7).
pub(crate) fn require_revision(revision: i64, if_match: Option<i64>) -> Result<()> {
    match if_match {
        Some(seen) if seen != revision => Err(Error::new(
            Code::PreconditionFailed,
            "Somebody changed this since you read it. Read it again, then repeat.",
        )
        .detail("etag", format!("\"{revision}\""))),
        _ => Ok(()),
    }
}

async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<User> {
    let before = current(tx, c.id, c.if_match, c.seen).await?;
    let mut after = before.clone();
    let p = &c.patch;
    if let Some(title) = &p.title {
        after.title.clone_from(title);
    }
    if let Some(external_id) = &p.external_id {
        after.external_id.clone_from(external_id);
    }
    if let Some(manager) = p.manager_id {
        after.manager_id = manager;
    }
    if let Some(metadata) = &p.metadata {
        after.metadata.clone_from(metadata);
    }
    if let Some(roles) = c.roles {
        // what this surface does not show stays as it is (decision 17)
        let hidden = if before.roles.has(Role::Checker) { Roles::NONE.with(Role::Checker) } else { Roles::NONE };
        after.roles = roles.iter().chain(hidden.iter()).collect();
    }
    let theirs =
        before.title != after.title || before.external_id != after.external_id || before.manager_id != after.manager_id;
    if theirs {
        by_hand(tx, c.id).await?;
    }
    if before.is_owner && !after.roles.has(Role::Admin) {
        return Err(owner_protected("The owner keeps the role admin. Move the ownership first.").into());
    }
    if let Some(manager) = after.manager_id.filter(|m| before.manager_id != Some(*m)) {
        no_cycle(tx, c.id, manager).await?;
    }
    if let Some(external_id) = after.external_id.as_deref().filter(|e| before.external_id.as_deref() != Some(*e))
        && user::by_external_id(tx, external_id).await?.is_some()
    {
        return Err(taken("external_id", "A user with this external id exists in this tenant.").into());
    }
    after.updated_at = tx.cx.now;
    user::update(tx, &after).await?;
    if let Some(avatar) = &p.avatar {
        user::set_avatar(tx, c.id, avatar.as_deref()).await?;
        after.avatar.clone_from(avatar);
    }
    after.revision += 1;
    record_update(tx, &c.scribe, &before, &after);
    let structural =
        before.roles != after.roles || before.tags() != after.tags() || before.manager_id != after.manager_id;
    if structural {
        tx.bump().await?;
    }
    Ok(after)
}

/// 409 for somebody whose name, manager and external id belong to a directory (spec v1 4.18).
pub(crate) async fn by_hand(tx: &mut Tx, id: Id<User>) -> portcullis_store::Result<()> {
    if scim_user::directory(tx, id).await?.is_none() {
        return Ok(());
    }
    Err(managed().into())
}
pub(crate) fn managed() -> Error {
    let message = "Name, manager and external id of this person belong to your directory: change them there.";
    Error::new(Code::ManagedExternally, message)
}
/// One event for the fields, one for each role given or taken. Nothing changed: nothing is said.
pub(crate) fn record_update(tx: &mut Tx, scribe: &Scribe, before: &User, after: &User) {
    let text = |s: &Option<String>| s.clone().map_or(Value::Null, Value::from);
    let id = |m: &Option<Id<User>>| m.map_or(Value::Null, |m| Value::from(m.to_string()));
    let image = |a: &Option<String>| a.as_deref().map_or(Value::Null, |a| Value::from(digest(a)));
    let event = scribe
        .event("user.updated", "user", after.id)
        .change("email", &*before.email, &*after.email)
        .change("auth_provider", before.auth_provider.as_str(), after.auth_provider.as_str())
        .change("name", before.title.as_str(), after.title.as_str())
        .change("first_name", text(&before.first_name), text(&after.first_name))
        .change("last_name", text(&before.last_name), text(&after.last_name))
        .change("display_name", text(&before.display_name), text(&after.display_name))
        .change("external_id", text(&before.external_id), text(&after.external_id))
        .change("manager_id", id(&before.manager_id), id(&after.manager_id))
        .change("metadata", Value::Object(before.metadata.clone()), Value::Object(after.metadata.clone()))
        .change("avatar_sha256", image(&before.avatar), image(&after.avatar))
        .change("is_owner", before.is_owner, after.is_owner)
        .change("roles", words(before.roles), words(after.roles));
    if event.changes.is_empty() {
        return;
    }
    scribe.write(tx, event);
    record_roles(tx, scribe, ("user", after.id.uuid()), before.roles, after.roles);
}
/// One event for each role that was given or taken.
pub(crate) fn record_roles(
    tx: &mut Tx,
    scribe: &Scribe,
    (kind, id): (&'static str, Uuid),
    before: Roles,
    after: Roles,
) {
    for role in before.changed(after).iter() {
        let action = if after.has(role) { "role.granted" } else { "role.taken" };
        scribe.write(tx, scribe.event(action, kind, id).with("role", role.as_str()));
    }
}

pub(crate) fn owner_protected(message: &'static str) -> Error {
    Error::new(Code::OwnerProtected, message)
}

/// A manager exists, and is not below the person whom they manage.
pub(crate) async fn no_cycle(tx: &mut Tx, person: Id<User>, manager: Id<User>) -> portcullis_store::Result<()> {
    manager_exists(tx, manager).await?;
    let mut above = Some(manager);
    for _ in 0..100 {
        match above {
            Some(id) if id == person => {
                let field = portcullis_domain::FieldError {
                    field: "manager_id".into(),
                    message: "This would make the person their own manager.".into(),
                };
                return Err(Error::with_fields(Code::Unprocessable, vec![field]).into());
            }
            Some(id) => above = user::facts(tx, id).await?.and_then(|u| u.manager_id),
            None => return Ok(()),
        }
    }
    Ok(())
}

struct SetActive {
    id: Id<User>,
    seen: i64,
    active: bool,
    effective: Roles,
    scribe: Scribe,
}
async fn set_active(tx: &mut Tx, c: &SetActive) -> portcullis_store::Result<UserShown> {
    Ok(UserShown { user: switch(tx, c).await?, effective: c.effective })
}
async fn switch(tx: &mut Tx, c: &SetActive) -> portcullis_store::Result<User> {
    let before = current(tx, c.id, None, c.seen).await?;
    if !c.active && before.is_owner {
        return Err(owner_protected("The owner cannot be suspended. Move the ownership first.").into());
    }
    if !c.active && tx.cx.principal.acting_user == Some(c.id) {
        return Err(Error::new(Code::Conflict, "Nobody suspends themselves.").detail("state", "self").into());
    }
    // it has been decided here: no directory that once had them decides it any more
    scim_user::forget_gone(tx, c.id).await?;
    let state = match (c.active, before.state) {
        (false, _) => UserState::Suspended,
        (true, UserState::Suspended) => back_to(tx, &before).await?,
        (true, state) => state,
    };
    if state == before.state {
        return Ok(before);
    }
    let after = User { state, updated_at: tx.cx.now, revision: before.revision + 1, ..before };
    user::update(tx, &after).await?;
    if c.active {
        c.scribe.write(tx, c.scribe.event("user.reactivated", "user", c.id));
    } else {
        suspended(tx, &c.scribe, c.id).await?;
    }
    tx.bump().await?;
    Ok(after)
}
/// What goes with a suspension: whatever somebody could act with. The caller moves the revision.
pub(crate) async fn suspended(tx: &mut Tx, scribe: &Scribe, id: Id<User>) -> portcullis_store::Result<()> {
    scribe.write(tx, scribe.event("user.suspended", "user", id));
    end_links(tx, id).await?;
    // no sign-in that waits comes back with the user
    if let Some(user) = user::facts(tx, id).await? {
        mail_sign_in::delete_of(tx, &user.email).await?;
    }
    mfa_challenge::delete_of_user(tx, id).await?;
    end_access(tx, scribe, id, "suspended").await
}
/// Ends what was sent to somebody's address: an invitation, a link to a new password, mails that wait.
pub(crate) async fn end_links(tx: &mut Tx, id: Id<User>) -> portcullis_store::Result<()> {
    user::set_token(tx, id, None).await?;
    user::set_reset(tx, id, None).await?;
    mail::delete_of_user(tx, id).await
}
/// Someone who never set a password goes back to being invited.
async fn back_to(tx: &mut Tx, u: &User) -> portcullis_store::Result<UserState> {
    let has_password = user::password_hash(tx, u.id).await?.is_some();
    let never_signed_in = u.auth_provider == AuthProvider::Local && !has_password && !u.email_verified;
    // one made through /v1beta1 without a password was active all along (decision 1)
    Ok(if never_signed_in && u.is_owner { UserState::Invited } else { UserState::Active })
}

/// Ends every session, here and at applications, every key and personal access token of a user, each with its event.
pub(crate) async fn end_access(
    tx: &mut Tx,
    scribe: &Scribe,
    id: Id<User>,
    cause: &'static str,
) -> portcullis_store::Result<()> {
    end_sessions(tx, scribe, id, cause, None).await?;
    let (now, by) = (tx.cx.now, tx.cx.principal.acting_user);
    let mut after = Id::<ApiKey>::from_uuid(Uuid::nil());
    loop {
        let page = api_key::of_creator(tx, id, after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for k in page {
            if api_key::revoke(tx, k.id, now, by).await? {
                scribe.write(tx, scribe.event("api_key.revoked", "api_key", k.id).with("cause", cause));
            }
        }
    }
    end_of_user(tx, scribe, id, cause).await
}

struct Delete {
    id: Id<User>,
    seen: i64,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<Id<User>> {
    let before = current(tx, c.id, c.if_match, c.seen).await?;
    if before.is_owner {
        return Err(owner_protected("The owner cannot be deleted. Move the ownership first.").into());
    }
    if tx.cx.principal.acting_user == Some(c.id) {
        return Err(Error::new(Code::Conflict, "Nobody deletes themselves.").detail("state", "self").into());
    }
    erase(tx, &c.scribe, &before).await?;
    Ok(c.id)
}
/// Erases somebody, with all that they could act with; what is left of them in the log goes in steps. Moves the revision.
pub(crate) async fn erase(tx: &mut Tx, scribe: &Scribe, user: &User) -> portcullis_store::Result<()> {
    let id = user.id;
    end_access(tx, scribe, id, "deleted").await?;
    session::delete_of_user(tx, id).await?;
    mfa::forget(tx, id).await?;
    identity::delete_of_user(tx, id).await?;
    application_session::delete_of_user(tx, id).await?;
    application_consent::delete_of_user(tx, id).await?;
    application_device::delete_of_user(tx, id).await?;
    preference::delete_of(tx, Whose::User(id)).await?;
    // member of nothing any more, the last owner of an organization too (spec v1beta1 3.1)
    take_some(tx, id).await?;
    invitation::delete_of(tx, &user.email).await?;
    mail::delete_of_user(tx, id).await?;
    mail_sign_in::delete_of(tx, &user.email).await?;
    user::delete(tx, id).await?;
    // names nobody: what is left of the person in the log goes with the erasure
    scribe.write(tx, scribe.event("user.deleted", "user", id));
    erasure::add(tx, id).await?;
    tx.bump().await?;
    Ok(())
}

struct Invite {
    id: Id<User>,
    seen: i64,
    url: String,
    token: UserToken,
    /// Without it the link is answered.
    post: Option<Post>,
    scribe: Scribe,
}
async fn invite(tx: &mut Tx, c: &Invite) -> portcullis_store::Result<Option<String>> {
    let user = current(tx, c.id, None, c.seen).await?;
    let waiting = user.state == UserState::Invited
        || (user.auth_provider == AuthProvider::Local && user::password_hash(tx, c.id).await?.is_none());
    if !waiting || user.state == UserState::Suspended {
        return Err(
            Error::new(Code::AlreadyVerified, "Nothing is left to invite: this user can sign in already.").into()
        );
    }
    user::set_token(tx, c.id, Some(&c.token)).await?;
    c.scribe.write(tx, c.scribe.event("user.invited", "user", c.id));
    let Some(post) = &c.post else { return Ok(Some(c.url.clone())) };
    post.count_invitation(tx, &user.email).await?;
    post.write(tx, Some(c.id), &user.email, &post.letter(Template::Invitation, user.name(), &c.url)).await?;
    Ok(None)
}
