//! Resources: the things of the tenant's own applications, registered so that bindings can be about them (spec v1beta1 2.3.12, 3.9).
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use portcullis_authz::graph::{Object, Permission, expand};
use portcullis_domain::project::Project;
use portcullis_domain::resource::{Resource, Urn};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::value::line;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, group, organization, project, resource, role_binding, user};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, bearer, is_superuser, maker};
use crate::change::moved;
use crate::holder::{bounded, take_all};
use crate::thing::{Name, Thing};
use crate::{Answer, App, Reply, lookup};

/// A resource to register, as it was sent.
#[derive(Clone, Debug)]
pub struct NewResource {
    /// An id of the caller's own; else empty.
    pub id: String,
    /// Unique in its project and namespace.
    pub name: String,
    /// For people.
    pub title: String,
    /// One of the tenant's own namespaces.
    pub namespace: String,
    /// Who shall own it: `namespace:id` or the id of a user; empty: the caller.
    pub principal: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}

/// What a list of resources is narrowed by; empty texts narrow nothing.
#[derive(Clone, Debug, Default)]
pub struct ResourceFilter {
    /// Owned by this user.
    pub user: String,
    /// In this project, by id or name.
    pub project: String,
    /// In this organization, by id or name.
    pub organization: String,
    /// Of this namespace.
    pub namespace: String,
}

/// A resource with its project's name, which its URN is made of.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The resource.
    pub resource: Resource,
    /// Its URN.
    pub urn: Urn,
}
impl Placed {
    fn new(resource: Resource, project: &str) -> Self {
        let urn =
            Urn { project: project.to_owned(), namespace: resource.namespace.clone(), name: resource.name.clone() };
        Self { resource, urn }
    }
}

impl App {
    /// Registers a resource; its maker, or who is named, owns it. The same URN again changes title and metadata, for its owner
    /// alone: a right to look at the project is none to take its resources over (spec v1beta1 part 11, 6).
    pub async fn create_resource(
        &self,
        cx: &Ctx,
        which: String,
        new: Result<NewResource>,
        reply: Reply<Placed>,
    ) -> Result<Answer> {
        let project = self.find_project(cx, &which, "app_project_get").await?;
        // that the namespace is there holds on this revision
        let gate = Gate::on(Object::Project(project.id.uuid()), "app_project_get").once();
        let command = async { self.new_resource(cx, project, new?).await };
        self.answer(cx, gate, command, reply, insert).await
    }
    /// One resource of a project.
    pub async fn get_resource(&self, cx: &Ctx, which: &str, id: &str) -> Result<Placed> {
        let (project, found, gate) = self.resource_named(cx, which, id, "get").await?;
        self.allow(cx, &gate).await?;
        Ok(Placed::new(found, &project.name))
    }
    /// Replaces its metadata and title; name, namespace and owner stay.
    pub async fn update_resource(
        &self,
        cx: &Ctx,
        which: &str,
        id: &str,
        content: Result<(String, Map<String, Value>)>,
    ) -> Result<Placed> {
        let (project, found, gate) = self.resource_named(cx, which, id, "update").await?;
        let command = async {
            let (title, metadata) = content?;
            let new = Resource { title, metadata, updated_at: cx.now, ..found.clone() };
            Ok(Update { seen: found, new, scribe: self.scribe(cx) })
        };
        let resource = self.apply(cx, gate, command, update).await?;
        Ok(Placed::new(resource, &project.name))
    }
    /// Removes it, with the bindings on it.
    pub async fn delete_resource(&self, cx: &Ctx, which: &str, id: &str) -> Result<()> {
        let (_, found, gate) = self.resource_named(cx, which, id, "delete").await?;
        let command = async { Ok(Delete { seen: found, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, delete).await
    }
    /// The resources of a project.
    pub async fn list_project_resources(&self, cx: &Ctx, which: String, namespace: &str) -> Result<Vec<Placed>> {
        let project = self.find_project(cx, &which, "app_project_resourcelist").await?;
        self.allow(cx, &Gate::on(Object::Project(project.id.uuid()), "app_project_resourcelist")).await?;
        let list = List { project: Some(project.id), namespace: expand(namespace), ..List::default() };
        self.listed(cx, list).await
    }
    /// All resources. Superusers only.
    pub async fn list_resources(&self, cx: &Ctx, filter: &ResourceFilter) -> Result<Vec<Placed>> {
        self.allow(cx, &Gate::superuser("resources:list")).await?;
        let nobody = || Error::new(Code::NotFound, "not found");
        let mut list = List { namespace: expand(&filter.namespace), ..List::default() };
        if !filter.user.is_empty() {
            list.owner =
                Some(filter.user.parse::<Id<Resource>>().map_err(|_| Error::field("user_id", "A UUID."))?.uuid());
        }
        if !filter.project.is_empty() {
            let found = self.0.db.read(cx.clone(), &filter.project, lookup::project).await?;
            list.project = Some(found.ok_or_else(nobody)?.id);
        }
        if !filter.organization.is_empty() {
            let found = self.0.db.read(cx.clone(), &filter.organization, lookup::organization).await?;
            list.organization = Some(found.ok_or_else(nobody)?.id.uuid());
        }
        self.listed(cx, list).await
    }

    async fn listed(&self, cx: &Ctx, c: List) -> Result<Vec<Placed>> {
        let all = self.0.db.scan(cx.clone(), c, list).await?;
        bounded(all.len())?;
        Ok(all)
    }
    /// A resource by its project and its id or URN, with what it takes to do this to it. A verb that its namespace does not have is
    /// left to those who hold everything on it: its owner and who administers what is above it.
    async fn resource_named(
        &self,
        cx: &Ctx,
        which: &str,
        id: &str,
        verb: &'static str,
    ) -> Result<(Project, Resource, Gate)> {
        let action = match verb {
            "get" => "resources:read",
            "update" => "resources:update",
            _ => "resources:delete",
        };
        let named = (which.to_owned(), id.to_owned());
        let found = self.0.db.read(cx.clone(), &named, find).await?;
        let (project, resource) = found.ok_or_else(|| self.missing(cx, action, "resource"))?;
        let thing = Thing::of(&resource);
        let compiled = self.snapshot(cx).await?;
        let target = thing.target(&compiled.access.graph);
        let gate = Gate::on(thing.object, action).needing(Permission::new(&thing.namespace, verb), target);
        Ok((project, resource, gate))
    }
    /// Everything that can be made before the writer's turn.
    async fn new_resource(&self, cx: &Ctx, project: Project, new: NewResource) -> Result<Insert> {
        let namespace = expand(&new.namespace);
        let compiled = self.snapshot(cx).await?;
        if namespace.starts_with("app/") || !compiled.access.catalogue.has_namespace(&namespace) {
            return Err(Error::field("namespace", "One of the namespaces that permissions were created for."));
        }
        let name = line(&new.name, 250).map_err(|e| Error::field("name", e))?;
        if name.is_empty() {
            return Err(Error::field("name", "A name must be there."));
        }
        let sent_id = match &*new.id {
            "" => None,
            id => Some(id.parse::<Id<Resource>>().map_err(|_| Error::field("id", "A UUID, or nothing."))?),
        };
        let caller = maker(&cx.principal);
        let owner = match &*new.principal {
            "" => caller,
            named => Some(owner(named)?),
        };
        let owner = owner.ok_or_else(|| Error::field("principal", "Name who shall own it."))?;
        let resource = Resource {
            id: sent_id.unwrap_or_else(|| self.id(cx)),
            project_id: project.id,
            namespace,
            name,
            title: new.title,
            owner,
            metadata: new.metadata,
            created_at: cx.now,
            updated_at: cx.now,
        };
        let names_owner = !new.principal.is_empty();
        let superuser = is_superuser(&cx.principal);
        // a token has nothing by owning: what its user owns it may not take over
        let acts = bearer(&cx.principal);
        Ok(Insert { project, resource, sent_id, caller, acts, superuser, names_owner, scribe: self.scribe(cx) })
    }
}

/// `namespace:id`, or the id of a user.
fn owner(text: &str) -> Result<Bearer> {
    let wrong = || Error::field("principal", "A user or a service user: app/user:0199…");
    let (namespace, id) = match Name::parse(text) {
        Some(name) => (name.namespace, name.id),
        None => ("app/user".to_owned(), text.to_owned()),
    };
    let id = id.parse::<Id<Resource>>().map_err(|_| wrong())?.uuid();
    match &*namespace {
        "app/user" => Ok(Bearer::User(id)),
        "app/serviceuser" => Ok(Bearer::ServiceUser(id)),
        _ => Err(wrong()),
    }
}

struct Insert {
    project: Project,
    resource: Resource,
    sent_id: Option<Id<Resource>>,
    caller: Option<Bearer>,
    acts: Option<Bearer>,
    superuser: bool,
    names_owner: bool,
    scribe: Scribe,
}
/// A resource in place of what it was.
pub(crate) struct Update {
    /// As the call was decided with it.
    seen: Resource,
    new: Resource,
    scribe: Scribe,
}
struct Delete {
    seen: Resource,
    scribe: Scribe,
}
#[derive(Default)]
struct List {
    project: Option<Id<Project>>,
    organization: Option<Uuid>,
    owner: Option<Uuid>,
    /// Empty: all.
    namespace: String,
}
impl List {
    fn takes(&self, r: &Resource) -> bool {
        (self.namespace.is_empty() || r.namespace == self.namespace)
            && self.owner.is_none_or(|owner| r.owner.id() == owner)
            && self.project.is_none_or(|p| r.project_id == p)
    }
}

fn taken() -> Error {
    Error::new(Code::AlreadyExists, "A resource of this name, or with this id, belongs to somebody else.")
        .detail("field", "name")
}
/// Bindings know their object by its id alone: who owned a resource with the id of an organization would give its roles away.
pub(crate) async fn is_another_object(tx: &mut Tx, id: Uuid) -> portcullis_store::Result<bool> {
    Ok(organization::by_id(tx, Id::from_uuid(id)).await?.is_some()
        || project::by_id(tx, Id::from_uuid(id)).await?.is_some()
        || group::by_id(tx, Id::from_uuid(id)).await?.is_some()
        || !role_binding::on_object(tx, id, (Uuid::nil(), Uuid::nil())).await?.is_empty())
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<Placed> {
    let r = &c.resource;
    if c.names_owner && Some(r.owner) != c.caller {
        match r.owner {
            Bearer::User(id) if user::facts(tx, Id::from_uuid(id)).await?.is_some() => {}
            Bearer::User(_) => return Err(Error::not_found("user").into()),
            Bearer::ServiceUser(id) if crate::service_user::is_active(tx, id).await? => {}
            _ => return Err(Error::not_found("service user").into()),
        }
    }
    if let Some(old) = resource::by_name(tx, r.project_id, &r.namespace, &r.name).await? {
        let own = Some(old.owner) == c.acts || c.superuser;
        if !own || c.sent_id.is_some_and(|id| id != old.id) {
            return Err(taken().into());
        }
        let owner = if c.names_owner { r.owner } else { old.owner };
        let new = Resource {
            title: r.title.clone(),
            metadata: r.metadata.clone(),
            owner,
            updated_at: r.updated_at,
            ..old.clone()
        };
        write(tx, &old, &new, &c.scribe).await?;
        return Ok(Placed::new(new, &c.project.name));
    }
    if c.sent_id.is_some() && is_another_object(tx, r.id.uuid()).await? {
        return Err(taken().into());
    }
    if !resource::insert(tx, r).await? {
        return Err(taken().into());
    }
    let event = event(&c.scribe, "resource.created", r).with("owner", text(r.owner));
    c.scribe.write(tx, event);
    Ok(Placed::new(r.clone(), &c.project.name))
}
impl Update {
    /// The same resource with another owner.
    pub(crate) fn owned_by(seen: Resource, owner: Bearer, now: Timestamp, scribe: Scribe) -> Self {
        let new = Resource { owner, updated_at: now, ..seen.clone() };
        Self { seen, new, scribe }
    }
    /// Who owns it then.
    pub(crate) const fn owner(&self) -> Bearer {
        self.new.owner
    }
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Resource> {
    same(tx, &c.seen).await?;
    write(tx, &c.seen, &c.new, &c.scribe).await?;
    Ok(c.new.clone())
}
async fn write(tx: &mut Tx, old: &Resource, new: &Resource, scribe: &Scribe) -> portcullis_store::Result<()> {
    resource::update(tx, new).await?;
    let event = event(scribe, "resource.updated", new)
        .change("title", old.title.as_str(), new.title.as_str())
        .change("owner", text(old.owner), text(new.owner))
        .change("metadata", Value::Object(old.metadata.clone()), Value::Object(new.metadata.clone()));
    scribe.write(tx, event);
    Ok(())
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    same(tx, &c.seen).await?;
    let id = c.seen.id;
    take_all(tx, id.uuid()).await?;
    resource::delete(tx, id).await?;
    let event = event(&c.scribe, "resource.deleted", &c.seen);
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}
/// What was decided on must still be so: no revision moves with resources.
async fn same(tx: &mut Tx, seen: &Resource) -> portcullis_store::Result<()> {
    match resource::by_id(tx, seen.id).await? {
        None => Err(Error::not_found("resource").into()),
        Some(now) if now == *seen => Ok(()),
        Some(_) => Err(moved().into()),
    }
}
fn text(owner: Bearer) -> String {
    format!("{}:{}", owner.namespace(), owner.id())
}
fn event(scribe: &Scribe, action: &'static str, r: &Resource) -> portcullis_domain::audit::Event {
    let event = scribe.event(action, "resource", r.id).with("namespace", r.namespace.as_str());
    event.with("name", r.name.as_str()).with("project_id", r.project_id.to_string())
}

async fn find(tx: &mut Tx, (which, id): &(String, String)) -> portcullis_store::Result<Option<(Project, Resource)>> {
    let Some(project) = lookup::project(tx, which).await? else { return Ok(None) };
    let found = match (id.parse(), Urn::parse(id)) {
        (Ok(id), _) => resource::by_id(tx, id).await?,
        (_, Some(urn)) if urn.project == *project.name => {
            resource::by_name(tx, project.id, &urn.namespace, &urn.name).await?
        }
        _ => None,
    };
    Ok(found.filter(|r| r.project_id == project.id).map(|r| (project, r)))
}
async fn list(tx: &mut Tx, c: &List) -> portcullis_store::Result<Vec<Placed>> {
    let mut out: Vec<Placed> = vec![];
    let mut projects: HashMap<Id<Project>, Option<Project>> = HashMap::new();
    let mut last: Option<Resource> = None;
    loop {
        let page = match (c.project, &last) {
            (Some(p), Some(r)) => resource::in_project(tx, p, (&r.namespace, &r.name)).await?,
            (Some(p), None) => resource::in_project(tx, p, (&c.namespace, "")).await?,
            (None, last) => resource::page(tx, last.as_ref().map_or(Uuid::nil(), |r| r.id.uuid())).await?,
        };
        let Some(end) = page.last() else { return Ok(out) };
        last = Some(end.clone());
        for r in page.into_iter().filter(|r| c.takes(r)) {
            let project = match projects.entry(r.project_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(project::by_id(tx, r.project_id).await?),
            };
            let Some(project) = project else { continue };
            if c.organization.is_none_or(|o| project.organization_id.uuid() == o) {
                out.push(Placed::new(r, &project.name));
            }
        }
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
