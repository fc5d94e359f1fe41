//! Role bindings, which Frontier calls policies: grant, look at, revoke (spec v1beta1 2.3.10, 3.6). The rules that `/v1` calls
//! policies are in `policy.rs`.
use portcullis_authz::graph::{Graph, Object, Permission};
use portcullis_domain::access_role::{AccessRole, GROUP_OWNER, ORGANIZATION_OWNER};
use portcullis_domain::group::Group;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Roles};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, access_role, group, organization, project, resource, role_binding, service_user, user};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, is_superuser};
use crate::change::moved;
use crate::group_role::{as_seen, by_hand, not_oneself};
use crate::holder::{bounded, gives, has_another, last_owner, same_role};
use crate::organization::NAMESPACE;
use crate::personal_token_end::end_if_left;
use crate::tenancy::Compiled;
use crate::thing::{Name, Thing};
use crate::{Answer, App, Reply, lookup};

/// A binding to make, as it was sent.
#[derive(Clone, Debug)]
pub struct NewRoleBinding {
    /// A role by id, or one of all organizations by name.
    pub role: String,
    /// On what: `namespace:id`.
    pub resource: String,
    /// Who shall hold it: `namespace:id`.
    pub principal: String,
    /// For people.
    pub title: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}

/// What a list of bindings is narrowed by; empty texts narrow nothing.
#[derive(Clone, Debug, Default)]
pub struct RoleBindingFilter {
    /// On this organization, by id or name.
    pub organization: String,
    /// On this project, by id or name.
    pub project: String,
    /// On this group.
    pub group: String,
    /// Held by this user.
    pub user: String,
    /// Of this role, by id or name.
    pub role: String,
}

impl App {
    /// Grants a role on something. Who holds it there already gets title and metadata anew. The authorization is what manages
    /// access to the object, and that alone: whoever has it may give any role there.
    pub async fn create_role_binding(
        &self,
        cx: &Ctx,
        new: Result<NewRoleBinding>,
        reply: Reply<RoleBinding>,
    ) -> Result<Answer> {
        let compiled = self.snapshot(cx).await?;
        let new = new?;
        let name = Name::parse(&new.resource).ok_or_else(notation)?;
        // nothing is held on a service user
        let thing = self.thing(cx, &compiled, name).await?.filter(|t| !matches!(t.object, Object::ServiceUser { .. }));
        let thing = thing.ok_or_else(|| self.missing(cx, MANAGE, "resource"))?;
        let (gate, seen) = self.carrying(cx, managing(&compiled.access.graph, &thing), &thing).await?;
        let command = async {
            let role = self.0.db.read(cx.clone(), &new.role, find_role).await?;
            let grant = self.grant(cx, &compiled, thing, role, new).await?;
            Ok(Grant { group: seen, ..grant })
        };
        self.answer(cx, gate, command, reply, grant).await
    }
    /// Grants a role on a project to whom may change it, within what they hold there themselves: a right to change a project
    /// is none to own it.
    pub async fn create_role_binding_for_project(
        &self,
        cx: &Ctx,
        which: String,
        new: Result<NewRoleBinding>,
        reply: Reply<RoleBinding>,
    ) -> Result<Answer> {
        const ACTION: &str = "app_project_update";
        let found = self.0.db.read(cx.clone(), &which, lookup::project).await?;
        let project = found.ok_or_else(|| self.missing(cx, ACTION, "project"))?;
        let new = new?;
        let compiled = self.snapshot(cx).await?;
        let role = self.0.db.read(cx.clone(), &new.role, find_role).await?;
        let id = project.id.uuid();
        let thing = Thing { object: Object::Project(id), namespace: "app/project".into(), id };
        let given = role.as_ref().map(|r| gives(r, &compiled.access.catalogue, &thing.namespace)).unwrap_or_default();
        let gate = Gate::on(thing.object, ACTION).giving(given);
        let command = self.grant(cx, &compiled, thing, role, new);
        self.answer(cx, gate, command, reply, grant).await
    }
    /// One binding. Whoever manages access to its object, and superusers.
    pub async fn get_role_binding(&self, cx: &Ctx, id: &str) -> Result<RoleBinding> {
        let (binding, gate, _) = self.role_binding(cx, id).await?;
        self.allow(cx, &gate).await?;
        Ok(binding)
    }
    /// Takes a binding away.
    pub async fn delete_role_binding(&self, cx: &Ctx, id: &str) -> Result<()> {
        let (binding, gate, thing) = self.role_binding(cx, id).await?;
        let (gate, group) = match &thing {
            Some(thing) => self.carrying(cx, gate, thing).await?,
            None => (gate, None),
        };
        let command = async { Ok(Revoke { id: binding.id, thing, group, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, revoke).await
    }
    /// What takes a binding away, for whom may do that.
    pub(crate) async fn to_revoke(&self, cx: &Ctx, id: &str) -> Result<Revoke> {
        let (binding, gate, thing) = self.role_binding(cx, id).await?;
        let (gate, group) = match &thing {
            Some(thing) => self.carrying(cx, gate, thing).await?,
            None => (gate, None),
        };
        self.allow(cx, &gate).await?;
        Ok(Revoke { id: binding.id, thing, group, scribe: self.scribe(cx) })
    }
    /// Frontier never changed one; who may take it away is told so.
    pub async fn update_role_binding(&self, cx: &Ctx, id: &str) -> Result<()> {
        let (_, gate, _) = self.role_binding(cx, id).await?;
        self.allow(cx, &gate).await?;
        Err(Error::new(Code::NotImplemented, "A policy is never changed: delete it and create another."))
    }
    /// Bindings by object, bearer and role. On an object: who manages access to it; one's own: everybody; else superusers.
    pub async fn list_role_bindings(&self, cx: &Ctx, filter: &RoleBindingFilter) -> Result<Vec<RoleBinding>> {
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let mut on = vec![];
        for (namespace, id) in
            [("app/organization", &filter.organization), ("app/project", &filter.project), ("app/group", &filter.group)]
        {
            if id.is_empty() {
                continue;
            }
            let name = Name { namespace: namespace.into(), id: id.clone() };
            let thing = self.thing(cx, &compiled, name).await?.ok_or_else(|| self.missing(cx, MANAGE, "resource"))?;
            self.allow(cx, &managing(graph, &thing)).await?;
            on.push(thing.id);
        }
        let user = match &*filter.user {
            "" => None,
            id => {
                Some(id.parse::<Id<portcullis_domain::user::User>>().map_err(|_| Error::field("user_id", "A UUID."))?)
            }
        };
        if on.is_empty() {
            let own = user.is_some() && user == cx.principal.himself();
            self.allow(cx, &if own { Gate::anyone(LIST) } else { Gate::superuser(LIST) }).await?;
        }
        let role = match &*filter.role {
            "" => None,
            _ => Some(self.0.db.read(cx.clone(), &filter.role, find_role).await?.ok_or_else(invalid_role)?.id),
        };
        let bearer = user.map(|u| Bearer::User(u.uuid()));
        let ids: Option<Vec<Uuid>> = match (on.first(), bearer) {
            (Some(object), _) => Some(graph.bindings_on(*object).map(|(id, _)| id).collect()),
            (None, Some(bearer)) => Some(graph.bindings_of(bearer).map(|(id, _)| id).collect()),
            (None, None) => None,
        };
        let counts = |b: &RoleBinding| {
            on.iter().all(|object| b.object_id == *object)
                && bearer.is_none_or(|bearer| b.bearer == bearer)
                && role.is_none_or(|role| b.role_id == role)
        };
        let all = self.0.db.scan(cx.clone(), List { ids, role }, list).await?;
        bounded(all.len())?;
        Ok(all.into_iter().filter(counts).collect())
    }

    /// Whoever holds a role on a group is in it: what it carries is given and taken with the binding (decision 18).
    async fn carrying(&self, cx: &Ctx, gate: Gate, thing: &Thing) -> Result<(Gate, Option<Group>)> {
        let Object::Group(id) = thing.object else { return Ok((gate, None)) };
        let group = self.0.db.read(cx.clone(), &id.to_string(), lookup::group).await?;
        let roles = group.as_ref().map_or(Roles::NONE, Group::roles);
        Ok((gate.carrying(roles), group))
    }
    /// A binding with what it takes to manage it. `None` for the thing: it is gone, and only superusers clear up.
    async fn role_binding(&self, cx: &Ctx, id: &str) -> Result<(RoleBinding, Gate, Option<Thing>)> {
        let found = match id.parse() {
            Ok(id) => self.0.db.read(cx.clone(), &id, by_id).await?,
            Err(_) => None,
        };
        let binding = found.ok_or_else(|| self.missing(cx, MANAGE, "policy"))?;
        let compiled = self.snapshot(cx).await?;
        let name = Name { namespace: binding.namespace.clone(), id: binding.object_id.to_string() };
        let thing = self.thing(cx, &compiled, name).await?;
        if thing.is_none() && !is_superuser(&cx.principal) {
            return Err(self.missing(cx, MANAGE, "policy"));
        }
        let gate = match &thing {
            Some(thing) => managing(&compiled.access.graph, thing),
            None => Gate::superuser(MANAGE),
        };
        Ok((binding, gate, thing))
    }
    /// Everything that can be made before the writer's turn.
    async fn grant(
        &self,
        cx: &Ctx,
        compiled: &Compiled,
        thing: Thing,
        role: Option<AccessRole>,
        new: NewRoleBinding,
    ) -> Result<Grant> {
        let role = role.ok_or_else(invalid_role)?;
        // a role of one organization means nothing in another
        let home = compiled.access.graph.home(thing.object);
        if role.organization_id.is_some_and(|o| Some(o.uuid()) != home) {
            return Err(invalid_role());
        }
        if !role.scopes.is_empty() && !role.scopes.iter().any(|s| **s == *thing.namespace) {
            let kind = thing.namespace.trim_start_matches("app/");
            return Err(Error::new(Code::InvalidInput, format!("role is not valid for {kind} scope")));
        }
        let name = Name::parse(&new.principal).ok_or_else(notation)?;
        let id = name.id.parse::<Id<RoleBinding>>().map_err(|_| notation())?.uuid();
        let bearer = match &*name.namespace {
            "app/user" => Bearer::User(id),
            "app/serviceuser" => Bearer::ServiceUser(id),
            "app/group" => Bearer::Group(id),
            _ => return Err(Error::field("principal", "Name a user, a service user or a group: app/user:0199…")),
        };
        let binding = RoleBinding {
            id: self.id(cx),
            role_id: role.id,
            namespace: thing.namespace.to_string(),
            object_id: thing.id,
            bearer,
            relation: Relation::Granted,
            title: new.title,
            metadata: new.metadata,
            created_at: cx.now,
            updated_at: cx.now,
        };
        Ok(Grant { binding, role, thing, group: None, scribe: self.scribe(cx) })
    }
}

const MANAGE: &str = "role_bindings:manage";
const LIST: &str = "role_bindings:list";

/// What manages access to an object (spec v1beta1 2.3.10, CreatePolicy).
fn managing(graph: &Graph, thing: &Thing) -> Gate {
    let verb = match thing.object {
        Object::Organization(_) | Object::Project(_) => "policymanage",
        // a namespace without this verb has administrators and owners all the same
        Object::Group(_) | Object::Resource { .. } => "delete",
        Object::ServiceUser { .. } | Object::Invitation { .. } => return Gate::superuser(MANAGE),
    };
    // the refusal names the call alone: not what kind of thing it is, nor that it is there
    Gate::on(thing.object, MANAGE).needing(Permission::new(&thing.namespace, verb), thing.target(graph))
}
fn notation() -> Error {
    Error::new(Code::InvalidInput, "subject/object should be provided as 'namespace:uuid'")
}
fn invalid_role() -> Error {
    Error::new(Code::InvalidInput, "role id is invalid")
}

pub(crate) struct Grant {
    pub binding: RoleBinding,
    /// As the call was decided with it.
    pub role: AccessRole,
    pub thing: Thing,
    /// The group that it is on, if it is one.
    pub group: Option<Group>,
    pub scribe: Scribe,
}
/// A binding that shall end.
pub(crate) struct Revoke {
    pub id: Id<RoleBinding>,
    pub thing: Option<Thing>,
    /// The group that it is on, if it is one.
    pub group: Option<Group>,
    pub scribe: Scribe,
}
struct List {
    /// These alone; `None`: all of the role, or all there are.
    ids: Option<Vec<Uuid>>,
    role: Option<Id<AccessRole>>,
}

pub(crate) async fn grant(tx: &mut Tx, c: &Grant) -> portcullis_store::Result<RoleBinding> {
    same_role(tx, &c.role).await?;
    same_thing(tx, &c.thing).await?;
    let b = &c.binding;
    membership(tx, c.group.as_ref(), b.bearer).await?;
    exists(tx, b.bearer).await?;
    if let Some(old) = role_binding::same(tx, b).await? {
        let new = RoleBinding {
            title: b.title.clone(),
            metadata: b.metadata.clone(),
            updated_at: b.updated_at,
            ..old.clone()
        };
        role_binding::update(tx, &new).await?;
        let event = event(&c.scribe, "role_binding.updated", &new)
            .change("title", old.title, new.title.as_str())
            .change("metadata", Value::Object(old.metadata), Value::Object(new.metadata.clone()));
        c.scribe.write(tx, event);
        return Ok(new);
    }
    role_binding::insert(tx, b).await?;
    tx.touch(Kind::Binding, b.id.uuid());
    let event = event(&c.scribe, "role_binding.created", b).with("role", &*c.role.name);
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(b.clone())
}
pub(crate) async fn revoke(tx: &mut Tx, c: &Revoke) -> portcullis_store::Result<()> {
    let Some(b) = role_binding::by_id(tx, c.id).await? else { return Err(Error::not_found("policy").into()) };
    if let Some(thing) = &c.thing {
        same_thing(tx, thing).await?;
    }
    membership(tx, c.group.as_ref(), b.bearer).await?;
    let owns = b.role_id == ORGANIZATION_OWNER.id() || b.role_id == GROUP_OWNER.id();
    if owns && c.thing.is_some() && !has_another(tx, b.role_id, b.object_id, b.bearer).await? {
        return Err(last_owner().into());
    }
    role_binding::delete(tx, b.id).await?;
    tx.touch(Kind::Binding, b.id.uuid());
    let event = event(&c.scribe, "role_binding.deleted", &b);
    c.scribe.write(tx, event);
    if b.namespace == NAMESPACE {
        // the last role on an organization was the membership
        end_if_left(tx, &c.scribe, b.bearer, Id::from_uuid(b.object_id)).await?;
    }
    tx.bump().await?;
    Ok(())
}
/// May the membership that a binding on a group is be changed?
async fn membership(tx: &mut Tx, seen: Option<&Group>, bearer: Bearer) -> portcullis_store::Result<()> {
    let Some(seen) = seen else { return Ok(()) };
    let group = as_seen(tx, seen).await?;
    by_hand(&group)?;
    not_oneself(&tx.cx, &group, bearer)?;
    Ok(())
}
/// What a binding says, in ids.
fn event(scribe: &Scribe, action: &'static str, b: &RoleBinding) -> portcullis_domain::audit::Event {
    scribe
        .event(action, "role_binding", b.id)
        .with("role_id", b.role_id.to_string())
        .with("object", format!("{}:{}", b.namespace, b.object_id))
        .with("bearer", format!("{}:{}", b.bearer.namespace(), b.bearer.id()))
}
/// Is it still there? Project and owner of a resource are no part of the revision: what was decided on must still be so.
async fn same_thing(tx: &mut Tx, thing: &Thing) -> portcullis_store::Result<()> {
    let id = thing.id;
    let same = match thing.object {
        Object::Organization(_) => organization::by_id(tx, Id::from_uuid(id)).await?.is_some(),
        Object::Project(_) => project::by_id(tx, Id::from_uuid(id)).await?.is_some(),
        Object::Group(_) => group::by_id(tx, Id::from_uuid(id)).await?.is_some(),
        Object::Resource { project, owner, .. } => resource::by_id(tx, Id::from_uuid(id))
            .await?
            .is_some_and(|r| r.project_id.uuid() == project && Some(r.owner) == owner),
        Object::ServiceUser { .. } | Object::Invitation { .. } => false,
    };
    if same { Ok(()) } else { Err(moved().into()) }
}
/// 404 unless somebody is there who can hold something.
pub(crate) async fn exists(tx: &mut Tx, bearer: Bearer) -> portcullis_store::Result<()> {
    let there = match bearer {
        Bearer::User(id) => user::facts(tx, Id::from_uuid(id)).await?.is_some(),
        Bearer::Group(id) => group::by_id(tx, Id::from_uuid(id)).await?.is_some(),
        Bearer::ServiceUser(id) => service_user::by_id(tx, Id::from_uuid(id)).await?.is_some(),
        // a token is given what it has when it is made
        Bearer::Pat(_) => false,
    };
    if there {
        return Ok(());
    }
    Err(match bearer {
        Bearer::User(_) => Error::not_found("user"),
        Bearer::Group(_) => Error::not_found("group"),
        Bearer::ServiceUser(_) | Bearer::Pat(_) => crate::service_user::not_found(),
    }
    .into())
}

async fn by_id(tx: &mut Tx, id: &Id<RoleBinding>) -> portcullis_store::Result<Option<RoleBinding>> {
    role_binding::by_id(tx, *id).await
}
/// A role by id, or one of all organizations by name.
#[allow(clippy::ptr_arg, reason = "a use case takes its command as it is kept")]
async fn find_role(tx: &mut Tx, which: &String) -> portcullis_store::Result<Option<AccessRole>> {
    match which.parse() {
        Ok(id) => access_role::by_id(tx, id).await,
        Err(_) => access_role::by_name(tx, None, &which.to_lowercase()).await,
    }
}
async fn list(tx: &mut Tx, c: &List) -> portcullis_store::Result<Vec<RoleBinding>> {
    let mut out = vec![];
    if let Some(ids) = &c.ids {
        for id in ids {
            out.extend(role_binding::by_id(tx, Id::from_uuid(*id)).await?);
            if bounded(out.len()).is_err() {
                break;
            }
        }
        return Ok(out);
    }
    let mut last = Uuid::nil();
    loop {
        let page = match c.role {
            Some(role) => role_binding::of_role(tx, role, last).await?,
            None => role_binding::page(tx, last).await?,
        };
        let Some(end) = page.last() else { return Ok(out) };
        last = end.id.uuid();
        out.extend(page);
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
