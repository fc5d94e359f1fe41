//! Organizations: create, read, change, list (spec v1beta1 2.3.7, 3.2). Their members are in `organization_member.rs`, their end is in
//! `organization_removal.rs`.
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::ORGANIZATION_OWNER;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::preference::Whose;
use portcullis_domain::preference_trait::DISABLE_ORGS_ON_CREATE;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::{User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, organization, personal_token, user};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, is_superuser, maker};
use crate::holder::{Give, MOST, Pictures, bounded, give};
use crate::user::{NewUser, UserRef};
use crate::user_create::{self, digest};
use crate::{Answer, App, Reply, lookup, preference};

/// An organization to make.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Unique in the tenant.
    pub name: Slug,
    /// What may change later.
    pub content: Content,
}

/// What may change of an organization; a change replaces all of it (spec v1beta1 3).
#[derive(Clone, Debug)]
pub struct Content {
    /// For people.
    pub title: String,
    /// Https URL or image data URI, checked.
    pub avatar: Option<String>,
    /// Checked against the tenant's MetaSchema `organization` here.
    pub metadata: Map<String, Value>,
}

/// What a list of organizations is narrowed by, and which page of it.
#[derive(Clone, Debug)]
pub struct OrganizationFilter {
    /// Those that this user is a member of.
    pub user: Option<Id<User>>,
    /// In this state.
    pub state: Option<State>,
    /// Rows of a page.
    pub size: usize,
    /// From 1.
    pub page: usize,
}

/// Somebody's organizations.
#[derive(Clone, Debug, Default)]
pub struct OrganizationsOf {
    /// Those that they are a member of.
    pub member: Vec<Organization>,
    /// Those that they may join, or did join, by their domain.
    pub joinable: Vec<Organization>,
}

impl App {
    /// Makes an organization that its maker owns; persons only.
    pub async fn create_organization(
        &self,
        cx: &Ctx,
        new: Result<NewOrganization>,
        reply: Reply<Organization>,
    ) -> Result<Answer> {
        let command = async {
            let Some(user) = cx.principal.user_id() else {
                return Err(Error::new(Code::Forbidden, "only user principals can create organizations"));
            };
            self.new_organization(cx, new?, user.uuid()).await
        };
        self.answer(cx, Gate::anyone("organizations:create"), command, reply, insert).await
    }
    /// One organization, by id or name.
    pub async fn get_organization(&self, cx: &Ctx, which: String) -> Result<Organization> {
        self.organization_for(cx, &which, "app_organization_get").await
    }
    /// Makes an organization for somebody else; who is not there yet is made too. Superusers only.
    pub async fn create_organization_for(
        &self,
        cx: &Ctx,
        new: Result<(NewOrganization, Email)>,
        reply: Reply<Organization>,
    ) -> Result<Answer> {
        let command = async {
            let (new, owner) = new?;
            let person = self.new_user(cx, NewUser::of_address(owner), true).await?;
            let organization = self.new_organization(cx, new, person.user.id.uuid()).await?;
            Ok(InsertFor { person, organization })
        };
        self.answer(cx, Gate::superuser("organizations:create"), command, reply, insert_for).await
    }
    /// Replaces title, avatar and metadata of the organization that the caller may change, whatever else the body names
    /// (spec v1beta1 part 11, 6).
    pub async fn update_organization(&self, cx: &Ctx, which: String, content: Result<Content>) -> Result<Organization> {
        let found = self.find_organization(cx, &which, "app_organization_update").await?;
        let gate = on(&found, "app_organization_update");
        let command = async {
            let content = content?;
            self.snapshot(cx).await?.schemas.check("organization", &content.metadata)?;
            Ok(Update { id: found.id, content, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// Switches an organization, with everything in it, off or on again. Superusers only.
    pub async fn set_organization_state(
        &self,
        cx: &Ctx,
        which: String,
        state: State,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.find_organization(cx, &which, "organizations:update").await?;
        let command = async { Ok(SetState { id: found.id, state, scribe: self.scribe(cx) }) };
        self.answer(cx, Gate::superuser("organizations:update"), command, reply, set_state).await
    }

    /// A page of organizations by number, and how many there are in all. Everybody may list their own; the rest is for
    /// superusers (spec v1beta1 2.3.7, decision 21).
    pub async fn list_organizations(
        &self,
        cx: &Ctx,
        filter: &OrganizationFilter,
    ) -> Result<(Vec<Organization>, usize)> {
        let own = filter.user.is_some() && filter.user == cx.principal.himself();
        let gate = if own { Gate::anyone } else { Gate::superuser };
        self.allow(cx, &gate("organizations:list")).await?;
        let (size, offset) = (filter.size, filter.page.saturating_sub(1).saturating_mul(filter.size));
        if offset.saturating_add(size) > MOST {
            return Err(Error::new(Code::RateLimited, "A list by page number ends at 10,000 rows: narrow it."));
        }
        let Some(user) = filter.user else {
            let list = List { state: filter.state, size, offset };
            return self.0.db.scan(cx.clone(), list, list_page).await.map_err(Error::from);
        };
        let all = self.organizations_with(cx, Bearer::User(user.uuid()), filter.state).await?;
        let count = all.len();
        Ok((all.into_iter().skip(offset).take(size).collect(), count))
    }
    /// The caller's organizations.
    pub async fn list_my_organizations(&self, cx: &Ctx, state: Option<State>) -> Result<OrganizationsOf> {
        self.allow(cx, &Gate::anyone("organizations:list")).await?;
        let Some(bearer) = maker(&cx.principal) else { return Ok(OrganizationsOf::default()) };
        let mut member = self.organizations_with(cx, bearer, state).await?;
        if let Credential::PersonalToken { organization, .. } = cx.principal.credential {
            // a token is for one organization, and joins none
            member.retain(|o| o.id == organization);
            return Ok(OrganizationsOf { member, joinable: vec![] });
        }
        let me = match cx.principal.user_id() {
            Some(id) => self.find_user(cx, &UserRef::Id(id)).await?,
            None => None,
        };
        let joinable = match &me {
            Some(user) => self.joinable_by(cx, user).await?,
            None => vec![],
        };
        Ok(OrganizationsOf { member, joinable })
    }
    /// A user's organizations. Superusers only.
    pub async fn list_organizations_of(
        &self,
        cx: &Ctx,
        which: Result<UserRef>,
        state: Option<State>,
    ) -> Result<OrganizationsOf> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        let user = self.find_user(cx, &which?).await?.ok_or_else(|| Error::not_found("user"))?;
        let member = self.organizations_with(cx, Bearer::User(user.id.uuid()), state).await?;
        Ok(OrganizationsOf { member, joinable: self.joinable_by(cx, &user).await? })
    }
    async fn organizations_with(&self, cx: &Ctx, member: Bearer, state: Option<State>) -> Result<Vec<Organization>> {
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let mut ids: Vec<Uuid> = graph
            .bindings_of(member)
            .map(|(_, b)| b.object)
            .filter(|object| graph.organization(*object).is_some())
            .collect();
        ids.dedup(); // bindings come by object
        bounded(ids.len())?;
        let all = self.0.db.scan(cx.clone(), ids, read_all).await?;
        Ok(all.into_iter().filter(|o| state.is_none_or(|s| o.state == s)).collect())
    }

    /// An organization that the caller may do this to.
    pub(crate) async fn organization_for(
        &self,
        cx: &Ctx,
        which: &String,
        permission: &'static str,
    ) -> Result<Organization> {
        let found = self.find_organization(cx, which, permission).await?;
        self.allow(cx, &on(&found, permission)).await?;
        Ok(found)
    }
    /// An organization that the caller has yet to be allowed to look at.
    pub(crate) async fn find_organization(
        &self,
        cx: &Ctx,
        which: &String,
        action: &'static str,
    ) -> Result<Organization> {
        let found = self.0.db.read(cx.clone(), which, lookup::organization).await?;
        found.ok_or_else(|| self.missing(cx, action, "organization"))
    }
    /// Everything that can be made before the writer's turn.
    async fn new_organization(&self, cx: &Ctx, new: NewOrganization, owner: Uuid) -> Result<Insert> {
        self.snapshot(cx).await?.schemas.check("organization", &new.content.metadata)?;
        let Content { title, avatar, metadata } = new.content;
        let organization = Organization {
            id: self.id(cx),
            name: new.name,
            title,
            avatar,
            state: State::Enabled,
            metadata,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        Ok(Insert { owner: Some(owner), binding: self.id(cx), organization, scribe: self.scribe(cx) })
    }
}

/// What is seen of an organization by who may join it: what its members know of it is not told before.
pub(crate) fn shown_outside(organization: Organization) -> Organization {
    Organization { metadata: Map::new(), ..organization }
}
/// What somebody needs who does something to an organization.
pub(crate) fn on(organization: &Organization, permission: &'static str) -> Gate {
    Gate::on(Object::Organization(organization.id.uuid()), permission)
}

/// The namespace of organizations in bindings.
pub(crate) const NAMESPACE: &str = "app/organization";

pub(crate) struct Insert {
    pub organization: Organization,
    /// The user who owns it; `None`: bindings that come in the same transaction say so.
    pub owner: Option<Uuid>,
    pub binding: Id<RoleBinding>,
    pub scribe: Scribe,
}

/// What anybody else than a superuser makes may have to wait for one to enable it (spec v1beta1 3.2).
pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<Organization> {
    let waits =
        !is_superuser(&tx.cx.principal) && preference::is_on(tx, Whose::Platform, &DISABLE_ORGS_ON_CREATE).await?;
    insert_owned(tx, c, c.owner, if waits { State::Disabled } else { c.organization.state }).await
}
async fn insert_owned(
    tx: &mut Tx,
    c: &Insert,
    owner: Option<Uuid>,
    state: State,
) -> portcullis_store::Result<Organization> {
    let o = &Organization { state, ..c.organization.clone() };
    if !organization::insert(tx, o).await? {
        return Err(taken().into());
    }
    tx.touch(Kind::Organization, o.id.uuid());
    if let Some(owner) = owner {
        let owner = Give {
            id: c.binding,
            role: ORGANIZATION_OWNER.id(),
            namespace: NAMESPACE,
            object: o.id.uuid(),
            bearer: Bearer::User(owner),
            now: o.created_at,
        };
        give(tx, &owner).await?;
    }
    let event = c
        .scribe
        .event("organization.created", "organization", o.id)
        .change("name", Value::Null, &*o.name)
        .change("title", Value::Null, o.title.as_str())
        .change("avatar_sha256", Value::Null, avatar(o))
        .change("metadata", Value::Object(Map::new()), Value::Object(o.metadata.clone()))
        .with("user_id", owner.map_or(Value::Null, |id| id.to_string().into()));
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(o.clone())
}

/// An avatar enters an event as a digest only.
fn avatar(o: &Organization) -> Value {
    o.avatar.as_deref().map_or(Value::Null, |a| Value::from(digest(a)))
}
fn taken() -> Error {
    Error::new(Code::AlreadyExists, "An organization of this name exists in this tenant.").detail("field", "name")
}

struct InsertFor {
    organization: Insert,
    /// Whom the address belongs to, if nobody has it yet.
    person: user_create::Insert,
}
async fn insert_for(tx: &mut Tx, c: &InsertFor) -> portcullis_store::Result<Organization> {
    let owner = match user::by_email(tx, &c.person.user.email).await? {
        Some(user) if user.state == UserState::Suspended => {
            return Err(Error::new(Code::Conflict, "user is disabled").detail("state", "disabled").into());
        }
        Some(user) => user,
        None => user_create::insert(tx, &c.person).await?,
    };
    insert_owned(tx, &c.organization, Some(owner.id.uuid()), c.organization.organization.state).await
}

pub(crate) struct Update {
    pub id: Id<Organization>,
    pub content: Content,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Organization> {
    let before = current(tx, c.id).await?;
    let Content { title, avatar: image, metadata } = c.content.clone();
    let after = Organization { title, avatar: image, metadata, updated_at: tx.cx.now, ..before.clone() };
    let event = c
        .scribe
        .event("organization.updated", "organization", c.id)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("avatar_sha256", avatar(&before), avatar(&after))
        .change("metadata", Value::Object(before.metadata.clone()), Value::Object(after.metadata.clone()));
    if event.changes.is_empty() {
        return Ok(before);
    }
    organization::update(tx, &after).await?;
    c.scribe.write(tx, event);
    Ok(Organization { revision: before.revision + 1, ..after })
}

pub(crate) struct SetState {
    pub id: Id<Organization>,
    pub state: State,
    pub scribe: Scribe,
}
pub(crate) async fn set_state(tx: &mut Tx, c: &SetState) -> portcullis_store::Result<()> {
    let before = current(tx, c.id).await?;
    if before.state == c.state {
        return Ok(());
    }
    organization::update(tx, &Organization { state: c.state, updated_at: tx.cx.now, ..before }).await?;
    tx.touch(Kind::Organization, c.id.uuid());
    let event = if c.state.is_enabled() {
        c.scribe.event("organization.enabled", "organization", c.id)
    } else {
        // its tokens end for good (decision 19): there may be many, and this is one event
        let now = tx.cx.now;
        let ended = personal_token::revoke_in(tx, c.id, now).await?;
        let event = c.scribe.event("organization.disabled", "organization", c.id);
        if ended > 0 { event.with("pats_revoked", ended) } else { event }
    };
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

/// The organization as the transaction sees it.
pub(crate) async fn current(tx: &mut Tx, id: Id<Organization>) -> portcullis_store::Result<Organization> {
    Ok(organization::by_id(tx, id).await?.ok_or_else(|| Error::not_found("organization"))?)
}

struct List {
    state: Option<State>,
    size: usize,
    offset: usize,
}
async fn list_page(tx: &mut Tx, l: &List) -> portcullis_store::Result<(Vec<Organization>, usize)> {
    let count = organization::count(tx, l.state).await?;
    Ok((organization::list(tx, l.state, l.size, l.offset).await?, count))
}
async fn read_all(tx: &mut Tx, ids: &Vec<Uuid>) -> portcullis_store::Result<Vec<Organization>> {
    let mut out = Vec::with_capacity(ids.len());
    let mut pictures = Pictures::ROOM;
    for id in ids {
        if let Some(mut organization) = organization::by_id(tx, Id::from_uuid(*id)).await? {
            pictures.keep(&mut organization.avatar);
            out.push(organization);
        }
    }
    Ok(out)
}
