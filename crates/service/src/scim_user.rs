//! People of a directory (spec v1 4.18): find, make, change, end. What `active` does is what suspending does; an address that the
//! directory changes is one that it vouches for, and whoever signs in keeps being who they were.
use std::sync::Arc;

use portcullis_domain::identity_provider::ProviderType;
use portcullis_domain::provider_config::OnDelete;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::scim::{Comparison, Found, Listing, Person, Provisioned, Search, UserField, Window};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::scim_user::Gone;
use portcullis_store::{Tx, identity_provider, mail_sign_in, scim_user, user};
use serde_json::{Map, json};

use crate::App;
use crate::app::Scribe;
use crate::federated_groups::memberships;
use crate::scim::{Connection, connection, speaks_for, wrong};
use crate::scim_group::leave;
use crate::user_change::{end_links, erase, no_cycle, owner_protected, record_update, require_revision, suspended};
use crate::user_create::{created, free_slug, taken};

/// A person as they shall be, made of the person as they are.
pub type Change = Arc<dyn Fn(&Provisioned) -> Result<Person> + Send + Sync>;

impl App {
    /// One person of the directory that calls.
    pub async fn scim_user(&self, cx: &Ctx, id: Id<User>) -> Result<Provisioned> {
        self.0.db.read(cx.clone(), &id, get).await.map_err(Error::from)
    }
    /// People of the directory that calls, oldest first.
    pub async fn scim_users(&self, cx: &Ctx, search: Search<UserField>, window: Window) -> Result<Found<Provisioned>> {
        // only these have an index, and only for what is equal
        let named = |f| matches!(f, UserField::UserName | UserField::ExternalId | UserField::Id);
        if matches!(search, Search::Is(field, Comparison::Equal, _) if named(field)) {
            return self.0.db.read(cx.clone(), &(search, window), find).await.map_err(Error::from);
        }
        self.0.db.scan(cx.clone(), (search, window), find).await.map_err(Error::from)
    }
    /// Makes a person, or takes up again whom the directory had and left suspended.
    pub async fn scim_create_user(&self, cx: &Ctx, person: Person) -> Result<Provisioned> {
        let c = Create { person, id: self.id(cx), scribe: self.scribe(cx) };
        self.0.db.write_structure(cx.clone(), c, create).await.map_err(Error::from)
    }
    /// Changes a person. `if_match`: the revision that the directory saw, else 412.
    pub async fn scim_change_user(
        &self,
        cx: &Ctx,
        id: Id<User>,
        change: Change,
        if_match: Option<i64>,
    ) -> Result<Provisioned> {
        let c = Update { id, change, if_match, scribe: self.scribe(cx) };
        self.0.db.write_structure(cx.clone(), c, update).await.map_err(Error::from)
    }
    /// Ends a person as the connection is set up: deleted, or suspended and no more the directory's.
    pub async fn scim_delete_user(&self, cx: &Ctx, id: Id<User>, if_match: Option<i64>) -> Result<()> {
        let c = Delete { id, if_match, scribe: self.scribe(cx) };
        let erased = self.0.db.write_structure(cx.clone(), c, delete).await?;
        if erased && let Err(e) = self.take_from_deleted(cx, Bearer::User(id.uuid())).await {
            tracing::warn!(error = ?e, user = %id, "what a deleted user held is left to the worker");
        }
        Ok(())
    }
}

fn no_such_user() -> Error {
    Error::not_found("user")
}
async fn get(tx: &mut Tx, id: &Id<User>) -> portcullis_store::Result<Provisioned> {
    let c = connection(tx).await?;
    Ok(scim_user::by_id(tx, c.id, *id).await?.ok_or_else(no_such_user)?)
}
async fn find(
    tx: &mut Tx,
    (search, window): &(Search<UserField>, Window),
) -> portcullis_store::Result<Found<Provisioned>> {
    let c = connection(tx).await?;
    scim_user::search(tx, c.id, search, *window).await
}

struct Create {
    person: Person,
    id: Id<User>,
    scribe: Scribe,
}
async fn create(tx: &mut Tx, c: &Create) -> portcullis_store::Result<Provisioned> {
    let connection = connection(tx).await?;
    let p = &c.person;
    speaks_for(tx, &connection, &p.email).await?;
    if let Some(other) = user::facts_by_email(tx, &p.email).await? {
        return match scim_user::gone_from(tx, connection.id, other.id).await? {
            // an address may be given to the next person, an id of the directory's is not
            Some(gone) if gone.external_id.is_some() && gone.external_id == p.external_id => {
                take_up(tx, c, &connection, other, &gone).await
            }
            _ => Err(address_taken().into()),
        };
    }
    free_names(tx, &connection, None, p).await?;
    if let Some(manager) = p.manager {
        of_ours(tx, &connection, manager).await?;
    }
    let now = tx.cx.now;
    let state = if p.listing.active { UserState::Active } else { UserState::Suspended };
    let user = User {
        id: c.id,
        slug: free_slug(tx, &Slug::from_email(&p.email)).await?,
        title: p.title(),
        auth_provider: signs_in(tx, &p.email).await?,
        identity_provider_id: None,
        state,
        email_verified: true,
        mfa_enrolled: false,
        roles: connection.trust.default_roles,
        is_owner: false,
        avatar: None,
        external_id: None,
        manager_id: p.manager,
        metadata: Map::new(),
        first_name: p.first_name.clone(),
        last_name: p.last_name.clone(),
        display_name: None,
        last_login_at: None,
        created_at: now,
        updated_at: now,
        revision: 1,
        email: p.email.clone(),
    };
    if !user::insert(tx, &user, None, None).await? {
        return Err(portcullis_store::Error::internal("a free address or slug was taken"));
    }
    scim_user::list(tx, user.id, connection.id, &p.listing, p.external_id.as_deref()).await?;
    let user = User { external_id: p.external_id.clone(), ..user };
    let event = created(c.scribe.event("user.created", "user", user.id), &user);
    c.scribe.write(tx, event.with("identity_provider_id", connection.id.to_string()));
    if !p.listing.active {
        c.scribe.write(tx, c.scribe.event("user.suspended", "user", user.id));
    }
    Ok(Provisioned { user, listing: p.listing.clone() })
}
/// Somebody whom the directory had, deleted, and has again: the same person here, since they were only suspended.
async fn take_up(
    tx: &mut Tx,
    c: &Create,
    connection: &Connection,
    before: User,
    gone: &Gone,
) -> portcullis_store::Result<Provisioned> {
    free_names(tx, connection, Some(before.id), &c.person).await?;
    // as one who is there and was said to be inactive; whoever was suspended by hand before stays so
    let listing = Listing { active: gone.by_hand, ..c.person.listing.clone() };
    scim_user::list(tx, before.id, connection.id, &listing, None).await?;
    change(tx, &c.scribe, connection, &Provisioned { user: before, listing }, &c.person).await
}

/// 409 when `userName` or `externalId` is somebody else's at this directory.
async fn free_names(tx: &mut Tx, c: &Connection, who: Option<Id<User>>, p: &Person) -> portcullis_store::Result<()> {
    let other = |found: Option<Provisioned>| found.is_some_and(|f| Some(f.user.id) != who);
    if other(scim_user::by_name(tx, c.id, &p.listing.user_name).await?) {
        return Err(taken("userName", "This connection has a user with this userName.").into());
    }
    if let Some(external_id) = &p.external_id
        && other(scim_user::by_external_id(tx, c.id, external_id).await?)
    {
        return Err(taken("externalId", "This connection has a user with this externalId.").into());
    }
    Ok(())
}
/// Whose it is stays unsaid: it may be of another source.
fn address_taken() -> Error {
    taken("emails", "Another user of this tenant has this e-mail address.")
}
/// 400 unless this is somebody of the same directory.
async fn of_ours(tx: &mut Tx, c: &Connection, manager: Id<User>) -> portcullis_store::Result<()> {
    match scim_user::by_id(tx, c.id, manager).await? {
        Some(_) => Ok(()),
        None => Err(wrong("manager.value", "This must be the id of a user of this connection.").into()),
    }
}
/// Where people of a domain sign in: at the OpenID provider that is trusted for it, if there is one.
pub(crate) async fn signs_in(tx: &mut Tx, email: &Email) -> portcullis_store::Result<AuthProvider> {
    let providers = identity_provider::all(tx).await?;
    let there = providers.iter().any(|p| {
        p.enabled && p.kind() == ProviderType::Oidc && p.config.domains().iter().any(|d| **d == *email.domain())
    });
    Ok(if there { AuthProvider::Oidc } else { AuthProvider::Saml })
}

struct Update {
    id: Id<User>,
    change: Change,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Provisioned> {
    let connection = connection(tx).await?;
    let before = scim_user::by_id(tx, connection.id, c.id).await?.ok_or_else(no_such_user)?;
    require_revision(before.user.revision, c.if_match)?;
    let wanted = (c.change)(&before)?;
    change(tx, &c.scribe, &connection, &before, &wanted).await
}
async fn change(
    tx: &mut Tx,
    scribe: &Scribe,
    connection: &Connection,
    before: &Provisioned,
    wanted: &Person,
) -> portcullis_store::Result<Provisioned> {
    let was = &before.user;
    let id = was.id;
    let moved = was.email != wanted.email;
    if moved {
        may_move(tx, connection, was, &wanted.email).await?;
    }
    free_names(tx, connection, Some(id), wanted).await?;
    if let Some(manager) = wanted.manager.filter(|m| was.manager_id != Some(*m)) {
        of_ours(tx, connection, manager).await?;
        no_cycle(tx, id, manager).await?;
    }
    let state = state(before, wanted.listing.active)?;
    let after = User {
        email: wanted.email.clone(),
        // whoever has signed in keeps to where that was
        auth_provider: match was.identity_provider_id {
            None => signs_in(tx, &wanted.email).await?,
            Some(_) => was.auth_provider,
        },
        title: wanted.title(),
        first_name: wanted.first_name.clone(),
        last_name: wanted.last_name.clone(),
        external_id: wanted.external_id.clone(),
        manager_id: wanted.manager,
        email_verified: was.email_verified || moved,
        state,
        updated_at: tx.cx.now,
        revision: was.revision + 1,
        ..was.clone()
    };
    let listing = wanted.listing.clone();
    if same(was, &after) && before.listing == listing {
        return Ok(before.clone());
    }
    user::update(tx, &after).await?;
    scim_user::list(tx, id, connection.id, &listing, after.external_id.as_deref()).await?;
    record_update(tx, scribe, was, &after);
    record_listing(tx, scribe, before, &after, &listing);
    if moved {
        end_links(tx, id).await?;
        mail_sign_in::delete_of(tx, &was.email).await?;
    }
    if moved || was.auth_provider != after.auth_provider {
        scim_user::set_email(tx, &after).await.map_err(|e| e.when_conflict("users_email", address_taken))?;
    }
    match (was.state, after.state) {
        (before, after) if before == after => {}
        (_, UserState::Suspended) => suspended(tx, scribe, id).await?,
        _ => scribe.write(tx, scribe.event("user.reactivated", "user", id)),
    }
    if moved || was.state != after.state || was.manager_id != after.manager_id {
        tx.bump().await?;
    }
    Ok(Provisioned { user: after, listing })
}
/// What the directory alone says, where that is another. The state that follows from `active` has an event of its own.
fn record_listing(tx: &mut Tx, scribe: &Scribe, before: &Provisioned, after: &User, now: &Listing) {
    let was = &before.listing;
    let event = scribe
        .event("user.updated", "user", after.id)
        .change("user_name", was.user_name.as_str(), now.user_name.as_str())
        .change("formatted_name", json!(was.formatted), json!(now.formatted));
    let event = match before.user.state == after.state {
        true => event.change("directory_active", was.active, now.active),
        false => event,
    };
    if !event.changes.is_empty() {
        scribe.write(tx, event);
    }
}
/// May the directory give somebody this address?
async fn may_move(tx: &mut Tx, c: &Connection, was: &User, to: &Email) -> portcullis_store::Result<()> {
    if was.is_owner {
        // whoever has the owner's address could have what is theirs
        return Err(
            owner_protected("The owner's address is not changed by a directory. Move the ownership first.").into()
        );
    }
    speaks_for(tx, c, to).await?;
    match user::facts_by_email(tx, to).await? {
        Some(other) if other.id != was.id => Err(address_taken().into()),
        _ => Ok(()),
    }
}
/// The state that follows from what the directory says of `active`. Who was suspended by hand stays so until it says false, then true.
fn state(before: &Provisioned, active: bool) -> Result<UserState> {
    let was = before.user.state;
    match (active, was) {
        (false, UserState::Suspended) => Ok(was),
        (false, _) if before.user.is_owner => {
            Err(owner_protected("The owner cannot be deactivated. Move the ownership first."))
        }
        (false, _) => Ok(UserState::Suspended),
        (true, UserState::Suspended) if !before.listing.active => Ok(UserState::Active),
        (true, was) => Ok(was),
    }
}
fn same(a: &User, b: &User) -> bool {
    a.email == b.email
        && a.auth_provider == b.auth_provider
        && a.title == b.title
        && a.first_name == b.first_name
        && a.last_name == b.last_name
        && a.external_id == b.external_id
        && a.manager_id == b.manager_id
        && a.state == b.state
}

struct Delete {
    id: Id<User>,
    if_match: Option<i64>,
    scribe: Scribe,
}
/// True when they are erased.
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let connection = connection(tx).await?;
    let before = scim_user::by_id(tx, connection.id, c.id).await?.ok_or_else(no_such_user)?;
    require_revision(before.user.revision, c.if_match)?;
    let was = before.user;
    if was.is_owner {
        return Err(owner_protected("The owner cannot be deleted. Move the ownership first.").into());
    }
    if connection.on_delete == OnDelete::Delete {
        erase(tx, &c.scribe, &was).await?;
        return Ok(true);
    }
    let groups = memberships(tx, connection.id, Bearer::User(was.id.uuid())).await?;
    for group in &groups {
        leave(tx, &c.scribe, &connection, Id::from_uuid(*group), was.id).await?;
    }
    let after = User { state: UserState::Suspended, external_id: None, updated_at: tx.cx.now, ..was.clone() };
    user::update(tx, &after).await?;
    let here = was.state == UserState::Suspended;
    let gone = Gone { external_id: was.external_id.clone(), by_hand: here && before.listing.active };
    scim_user::unlist(tx, was.id, connection.id, &gone).await?;
    record_update(tx, &c.scribe, &was, &after);
    if !here {
        suspended(tx, &c.scribe, was.id).await?;
    }
    if !here || !groups.is_empty() {
        tx.bump().await?;
    }
    Ok(false)
}
