//! Service users: the machines of an organization, and those that service keys of `/v1` stand for (spec v1beta1 2.3.4, 3.10, decision
//! 13). What they prove themselves with is in `service_credential.rs`.
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::{ORGANIZATION_OWNER, ORGANIZATION_VIEWER};
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Roles, Subject};
use portcullis_store::{Tx, access_role, api_key, project, role_binding, service_credential, service_user};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, forbidden_unseen};
use crate::holder::{Give, Holder, MOST, Room, bounded, give, held, machines, take_everywhere};
use crate::organization::{NAMESPACE, current, on};
use crate::project_list::MyProjects;
use crate::{Answer, App, Reply};

/// What somebody needs who manages machines.
pub(crate) const MANAGE: &str = "app_organization_serviceusermanage";
/// What a search over the machines of an organization is called.
pub(crate) const SEARCH: &str = "service_users:list";
/// An organization has at most so many.
const MOST_OF_ONE: i64 = 5_000;

/// What is said of a service user when it is made.
#[derive(Clone, Debug)]
pub struct ServiceUserContent {
    /// For people.
    pub title: String,
    /// Free JSON: service users have no MetaSchema.
    pub metadata: Map<String, Value>,
}

/// A service user with its organization's projects that it holds a role on.
#[derive(Clone, Debug)]
pub struct ServiceUserProjects {
    /// The service user.
    pub service_user: ServiceUser,
    /// Its projects.
    pub projects: Vec<Project>,
}

/// Where service users are looked for.
pub(crate) enum Home {
    /// The platform: those of service keys.
    Platform,
    /// An organization.
    Organization(Organization),
}
impl Home {
    pub fn id(&self) -> Option<Id<Organization>> {
        match self {
            Self::Platform => None,
            Self::Organization(o) => Some(o.id),
        }
    }
    /// What somebody needs who manages its service users.
    pub fn managing(&self) -> Gate {
        managing(self.id())
    }
}
/// What somebody needs who manages the service users of an organization; those of the platform are the superusers' business.
pub(crate) fn managing(organization: Option<Id<Organization>>) -> Gate {
    match organization {
        None => Gate::superuser(MANAGE),
        Some(organization) => Gate::on(Object::ServiceUser { organization: organization.uuid() }, MANAGE),
    }
}

impl App {
    /// Makes a service user that is a member of its organization. `app_organization_serviceusermanage`.
    pub async fn create_service_user(
        &self,
        cx: &Ctx,
        organization: String,
        new: Result<ServiceUserContent>,
        reply: Reply<ServiceUser>,
    ) -> Result<Answer> {
        let found = self.find_organization(cx, &organization, MANAGE).await?;
        let command = async {
            let ServiceUserContent { title, metadata } = new?;
            let service_user = ServiceUser {
                id: self.id(cx),
                organization_id: Some(found.id),
                title,
                state: State::Enabled,
                roles: Roles::NONE,
                metadata,
                created_at: cx.now,
                updated_at: cx.now,
            };
            Ok(Insert { service_user, organization: found.id, binding: self.id(cx), scribe: self.scribe(cx) })
        };
        self.answer(cx, on(&found, MANAGE), command, reply, insert).await
    }
    /// One service user. `app_organization_serviceusermanage`.
    pub async fn get_service_user(&self, cx: &Ctx, organization: &str, id: &str) -> Result<ServiceUser> {
        self.service_user_for(cx, organization, id).await
    }
    /// The caller's own.
    pub async fn my_service_user(&self, cx: &Ctx) -> Result<ServiceUser> {
        let Subject::ServiceUser(id) = cx.principal.subject else { return Err(Error::not_found("service user")) };
        self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(not_found)
    }
    /// Ends a service user with its credentials and all that it holds. `app_organization_serviceusermanage`.
    pub async fn delete_service_user(&self, cx: &Ctx, organization: &str, id: &str) -> Result<()> {
        let found = self.service_user_for(cx, organization, id).await?;
        let gate = managing_this(&found);
        let command = async { Ok(Delete { id: found.id, scribe: self.scribe(cx) }) };
        let mut gone = self.apply(cx, gate, command, delete).await?;
        while !gone {
            // not asked again: it is the caller's own right that may be among what went
            let next = Delete { id: found.id, scribe: self.scribe(cx) };
            gone = self.0.db.write_bulk(cx.clone(), next, delete).await?;
            // each step is few enough changes for the graph to take them up one by one
            self.snapshot(cx).await?;
        }
        Ok(())
    }

    /// The service users of an organization, or of the platform. `app_organization_get`.
    pub async fn list_service_users(&self, cx: &Ctx, organization: &str, state: State) -> Result<Vec<ServiceUser>> {
        const ACTION: &str = "app_organization_get";
        let home = self.home(cx, organization, ACTION).await?;
        match &home {
            Home::Platform => self.allow(cx, &Gate::superuser(ACTION)).await?,
            Home::Organization(o) => self.allow(cx, &on(o, ACTION)).await?,
        };
        let mut all = self.service_users_in(cx, home.id()).await?;
        all.retain(|s| s.state == state);
        Ok(all)
    }
    /// All of the tenant. Superusers.
    pub async fn list_all_service_users(&self, cx: &Ctx) -> Result<Vec<ServiceUser>> {
        self.allow(cx, &Gate::superuser("service_users:list")).await?;
        let all = self.0.db.scan(cx.clone(), (), everywhere).await?;
        bounded(all.len())?;
        Ok(all)
    }
    /// Those that hold a role on the project itself. `app_project_get`.
    pub async fn list_project_service_users(&self, cx: &Ctx, which: String) -> Result<Vec<Holder<ServiceUser>>> {
        let project = self.project_for(cx, &which, "app_project_get").await?;
        let held = held(&self.snapshot(cx).await?.access.graph, project.id.uuid(), machines);
        self.machines_holding(cx, held).await
    }
    /// The projects that a service user can see, and what of the asked permissions it has on each.
    /// `app_organization_serviceusermanage`.
    pub async fn list_service_user_projects(
        &self,
        cx: &Ctx,
        organization: &str,
        id: &str,
        permissions: &[String],
    ) -> Result<MyProjects> {
        let found = self.service_user_for(cx, organization, id).await?;
        // what other organizations gave it is theirs to show
        let inside = found.organization_id.map(Id::uuid);
        self.projects_with(cx, Bearer::ServiceUser(found.id.uuid()), inside, permissions).await
    }
    /// The service users of an organization that hold a role on any of its projects. Superusers.
    pub async fn search_service_users(&self, cx: &Ctx, which: &str) -> Result<Vec<ServiceUserProjects>> {
        let organization = self.searched(cx, &which.to_owned(), SEARCH).await?;
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let mut found = vec![];
        for service_user in self.service_users_in(cx, Some(organization)).await? {
            let mut ids: Vec<Uuid> = graph
                .bindings_of(Bearer::ServiceUser(service_user.id.uuid()))
                .map(|(_, b)| b.object)
                .filter(|object| graph.project(*object).is_some_and(|p| p.organization == organization.uuid()))
                .collect();
            ids.dedup(); // bindings come by object
            if !ids.is_empty() {
                found.push((service_user, ids));
            }
        }
        bounded(found.iter().map(|(_, ids)| ids.len()).sum())?;
        self.0.db.scan(cx.clone(), found, with_projects).await.map_err(Error::from)
    }
    pub(crate) async fn service_users_in(
        &self,
        cx: &Ctx,
        organization: Option<Id<Organization>>,
    ) -> Result<Vec<ServiceUser>> {
        let all = self.0.db.scan(cx.clone(), organization, in_scope).await?;
        bounded(all.len())?;
        Ok(all)
    }

    /// Where service users are looked for: an organization by id or name, or the platform by the nil UUID.
    pub(crate) async fn home(&self, cx: &Ctx, which: &str, action: &'static str) -> Result<Home> {
        if which.parse() == Ok(Uuid::nil()) {
            return Ok(Home::Platform);
        }
        self.find_organization(cx, &which.to_owned(), action).await.map(Home::Organization)
    }
    /// A service user that the caller may manage. Whoever may manage those of the organization is told when there is no such one
    /// in it; an old path without an organization tells nobody but superusers.
    pub(crate) async fn service_user_for(&self, cx: &Ctx, organization: &str, id: &str) -> Result<ServiceUser> {
        let id = id.parse::<Id<ServiceUser>>().ok();
        let read = async |id: Option<Id<ServiceUser>>| match id {
            Some(id) => self.0.db.read(cx.clone(), &id, by_id).await,
            None => Ok(None),
        };
        if organization.is_empty() {
            let Some(found) = read(id).await? else { return Err(self.no_machine(cx)) };
            self.allow(cx, &managing(found.organization_id)).await?;
            return Ok(found);
        }
        let home = self.home(cx, organization, MANAGE).await?;
        self.allow(cx, &home.managing()).await?;
        read(id).await?.filter(|s| s.organization_id == home.id()).ok_or_else(not_found)
    }
    fn no_machine(&self, cx: &Ctx) -> Error {
        if crate::authorize::is_superuser(&cx.principal) { not_found() } else { forbidden_unseen(MANAGE) }
    }
}

/// Frontier's text (spec v1beta1 6.2).
pub(crate) fn not_found() -> Error {
    Error::new(Code::NotFound, "service user not found")
}
/// What somebody needs who ends one, or a credential of it: those with a platform role are for superusers alone.
pub(crate) fn managing_this(machine: &ServiceUser) -> Gate {
    match machine.roles.is_empty() {
        true => managing(machine.organization_id),
        false => Gate::superuser(MANAGE),
    }
}
/// What a key stands for goes with the key.
pub(crate) fn of_a_key() -> Error {
    Error::new(Code::Conflict, "This service user is an API key's: make another, or revoke the key.")
        .detail("state", "api_key")
}

struct Insert {
    service_user: ServiceUser,
    organization: Id<Organization>,
    binding: Id<RoleBinding>,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<ServiceUser> {
    let (s, organization) = (&c.service_user, current(tx, c.organization).await?);
    if service_user::count(tx, s.organization_id).await? >= MOST_OF_ONE {
        let e = Error::new(Code::Conflict, "An organization has at most 5,000 service users: delete some.");
        return Err(e.detail("state", "full").into());
    }
    service_user::insert(tx, s).await?;
    let role = ORGANIZATION_VIEWER.id();
    if access_role::by_id(tx, role).await?.is_some() {
        let (object, bearer) = (organization.id.uuid(), Bearer::ServiceUser(s.id.uuid()));
        give(tx, &Give { id: c.binding, role, namespace: NAMESPACE, object, bearer, now: tx.cx.now }).await?;
    }
    let event = c.scribe.event("service_user.created", "service_user", s.id).with("title", s.title.as_str());
    c.scribe.write(tx, event.with("organization_id", organization.id.to_string()));
    tx.bump().await?;
    Ok(s.clone())
}

struct Delete {
    id: Id<ServiceUser>,
    scribe: Scribe,
}
/// True when it is gone; else as much as one transaction may remove is, and what is left counts no more.
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let machine = service_user::by_id(tx, c.id).await?.ok_or_else(not_found)?;
    if !api_key::of_service(tx, c.id).await?.is_empty() {
        return Err(of_a_key().into());
    }
    if let (Some(home), true) = (machine.organization_id, machine.state.is_enabled()) {
        let (me, owner) = (Bearer::ServiceUser(c.id.uuid()), ORGANIZATION_OWNER.id());
        let owns = role_binding::held_on(tx, me, home.uuid()).await?.iter().any(|b| b.role_id == owner);
        if owns && !crate::holder::has_another(tx, owner, home.uuid(), me).await? {
            return Err(crate::holder::last_owner().into());
        }
    }
    let mut room = Room::STEP;
    let emptied = empty(tx, c.id, &mut room).await?;
    if emptied {
        remove(tx, &c.scribe, &machine).await?;
    } else if machine.state.is_enabled() {
        let updated_at = tx.cx.now;
        service_user::update(tx, &ServiceUser { state: State::Disabled, updated_at, ..machine }).await?;
    }
    tx.bump().await?;
    Ok(emptied)
}
/// Takes its credentials and what it holds; false when the room ended before. The caller moves the revision.
pub(crate) async fn empty(tx: &mut Tx, id: Id<ServiceUser>, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        let page = service_credential::of_user(tx, id, Uuid::nil()).await?;
        if page.is_empty() {
            break;
        }
        for credential in page {
            if !room.one() {
                return Ok(false);
            }
            service_credential::delete(tx, credential.id).await?;
        }
    }
    take_everywhere(tx, Bearer::ServiceUser(id.uuid()), room).await
}
/// Removes one that holds nothing. The caller moves the revision.
pub(crate) async fn remove(tx: &mut Tx, scribe: &Scribe, machine: &ServiceUser) -> portcullis_store::Result<()> {
    service_user::delete(tx, machine.id).await?;
    let organization = machine.organization_id.map_or(Value::Null, |o| o.to_string().into());
    let event = scribe.event("service_user.deleted", "service_user", machine.id).with("title", machine.title.as_str());
    scribe.write(tx, event.with("organization_id", organization));
    Ok(())
}
/// The one that a service key stands for, made with the key.
pub(crate) fn of_key(id: Id<ServiceUser>, name: &str, now: portcullis_domain::Timestamp) -> ServiceUser {
    ServiceUser {
        id,
        organization_id: None,
        title: name.to_owned(),
        state: State::Enabled,
        roles: Roles::NONE,
        metadata: Map::new(),
        created_at: now,
        updated_at: now,
    }
}
/// It goes with its key; more than one transaction may take is left, and counts for nobody. The caller moves the revision.
pub(crate) async fn end_with_key(tx: &mut Tx, id: Id<ServiceUser>) -> portcullis_store::Result<()> {
    let mut room = Room::STEP;
    empty(tx, id, &mut room).await?;
    service_user::delete(tx, id).await
}
/// Is it there, and can it act?
pub(crate) async fn is_active(tx: &mut Tx, id: Uuid) -> portcullis_store::Result<bool> {
    Ok(service_user::by_id(tx, Id::from_uuid(id)).await?.is_some_and(|s| s.state.is_enabled()))
}

pub(crate) async fn by_id(tx: &mut Tx, id: &Id<ServiceUser>) -> portcullis_store::Result<Option<ServiceUser>> {
    service_user::by_id(tx, *id).await
}
async fn in_scope(tx: &mut Tx, organization: &Option<Id<Organization>>) -> portcullis_store::Result<Vec<ServiceUser>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = service_user::in_scope(tx, *organization, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id.uuid();
        out.extend(page);
        if out.len() > MOST {
            return Ok(out);
        }
    }
}
async fn everywhere(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<ServiceUser>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = service_user::page(tx, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id.uuid();
        out.extend(page);
        if out.len() > MOST {
            return Ok(out);
        }
    }
}
async fn with_projects(
    tx: &mut Tx,
    found: &Vec<(ServiceUser, Vec<Uuid>)>,
) -> portcullis_store::Result<Vec<ServiceUserProjects>> {
    let (mut read, mut out) = (std::collections::HashMap::new(), Vec::with_capacity(found.len()));
    for (service_user, ids) in found {
        let mut projects = Vec::with_capacity(ids.len());
        for id in ids {
            if !read.contains_key(id) {
                read.insert(*id, project::by_id(tx, Id::from_uuid(*id)).await?);
            }
            projects.extend(read.get(id).and_then(Clone::clone));
        }
        out.push(ServiceUserProjects { service_user: service_user.clone(), projects });
    }
    Ok(out)
}
