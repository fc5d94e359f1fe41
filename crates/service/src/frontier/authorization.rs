//! Namespaces, permissions, roles, role bindings (Frontier's policies), and the few relations that are nowhere else.
use portcullis_domain::Id;
use portcullis_domain::Role;
use portcullis_domain::access_role::{AccessRole, Predefined};
use portcullis_domain::meta_schema::{BUILT_IN as BUILT_IN_SCHEMAS, MetaSchema};
use portcullis_domain::permission::{Namespace, Permission, PermissionKey};
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::value::Slug;
use portcullis_store::access_change::Kind;
use portcullis_store::{
    Result, Tx, access_role, group, meta_schema as schemas, organization, permission as permissions, project, resource,
    role_binding, user,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::row::Row;
use super::tenancy::{Notes, without};
use super::{Batch, Outcome, machine};
use crate::user_change::record_update;

pub(super) async fn namespace(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let (Some(id), name) = (r.id(), r.str("name")) else { return Ok(Outcome::Problem("no id".into())) };
    if name.starts_with("app/") {
        return Ok(Outcome::Left("built in"));
    }
    // a word that is as good as any verb: the namespace is what is looked at
    if let Err(e) = PermissionKey::of(name, "get") {
        return Ok(Outcome::Problem(format!("the namespace {name:?} cannot be kept: {e}")));
    }
    b.note(name.to_owned());
    if permissions::namespace_by_name(tx, name).await?.is_some() {
        return Ok(Outcome::There);
    }
    let mut notes = Notes::default();
    let created_at = r.time("created_at", tx.cx.now);
    let made = Namespace {
        id: Id::from_uuid(id),
        name: name.into(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if !b.dry_run && !permissions::insert_namespace(tx, &made).await? {
        return Ok(Outcome::Problem("its id is taken".into()));
    }
    Ok(notes.outcome())
}

pub(super) async fn permission(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    let (namespace, verb) = (r.str("namespace_name"), r.str("name"));
    if namespace.starts_with("app/") {
        return Ok(Outcome::Left("built in"));
    }
    let key = match PermissionKey::of(namespace, verb) {
        Ok(key) => key,
        Err(e) => return Ok(Outcome::Problem(format!("the permission {verb:?} of {namespace:?} cannot be kept: {e}"))),
    };
    b.note(key.slug());
    if permissions::by_slug(tx, &key.slug()).await?.is_some() {
        return Ok(Outcome::There);
    }
    if !b.would_know(namespace) && permissions::namespace_by_name(tx, namespace).await?.is_none() {
        return Ok(without("namespace"));
    }
    let mut notes = Notes::default();
    let created_at = r.time("created_at", tx.cx.now);
    let made = Permission {
        id: Id::from_uuid(id),
        namespace: namespace.into(),
        verb: verb.into(),
        slug: key.slug(),
        title: String::new(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if !b.dry_run {
        if !permissions::insert(tx, &made).await? {
            return Ok(Outcome::Problem("its id is taken".into()));
        }
        tx.touch(Kind::Permission, id);
    }
    Ok(notes.outcome())
}

pub(super) async fn role(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    let mut notes = Notes::default();
    let slugs = known_permissions(tx, b, r, &mut notes).await?;
    if let Some(ours) = b.predefined.get(&id) {
        return predefined(tx, b, r, Id::from_uuid(*ours), slugs).await;
    }
    if access_role::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    let organization_id = match r.uuid("org_id") {
        None => None,
        Some(org) if org.is_nil() => None,
        Some(org) if b.would_be(org) || organization::by_id(tx, Id::from_uuid(org)).await?.is_some() => {
            Some(Id::from_uuid(org))
        }
        Some(_) => return Ok(without("organization")),
    };
    let name = notes.name(r);
    if let Some(other) = access_role::by_name(tx, organization_id, &name).await? {
        return Ok(Outcome::Problem(format!("the name {name} is that of the role {} here", other.id)));
    }
    let mut scopes = vec![];
    for scope in r.texts("scopes") {
        let built_in = ["app/organization", "app/project", "app/group"].contains(&&*scope);
        if built_in || b.would_know(&scope) || permissions::namespace_by_name(tx, &scope).await?.is_some() {
            scopes.push(scope);
        } else {
            notes.when(true, &format!("the scope {scope:?} is not known here"));
        }
    }
    let created_at = r.time("created_at", tx.cx.now);
    let made = AccessRole {
        id: Id::from_uuid(id),
        organization_id,
        name,
        title: r.title(),
        permissions: slugs,
        scopes,
        state: r.state(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if !b.dry_run {
        if !access_role::insert(tx, &made).await? {
            return Ok(Outcome::Problem("its id or its name is taken".into()));
        }
        tx.touch(Kind::Role, id);
    }
    Ok(notes.outcome())
}
/// The slugs of a role that mean something here.
async fn known_permissions(tx: &mut Tx, b: &Batch, r: &Row, notes: &mut Notes) -> Result<Vec<String>> {
    let built_in = portcullis_authz::graph::Catalogue::new([]);
    let mut out: Vec<String> = vec![];
    for slug in r.texts("permissions") {
        let known =
            built_in.get(&slug).is_some() || b.would_know(&slug) || permissions::by_slug(tx, &slug).await?.is_some();
        match known {
            true if out.contains(&slug) => {}
            true => out.push(slug),
            false => notes.when(true, &format!("the permission {slug:?} is not known here")),
        }
    }
    Ok(out)
}
/// A predefined role has our id. Where nobody edited ours, an edit that was made there is taken over, or checks would answer
/// otherwise than there; where somebody did, ours stays.
async fn predefined(tx: &mut Tx, b: &Batch, r: &Row, id: Id<AccessRole>, slugs: Vec<String>) -> Result<Outcome> {
    let Some(ours) = access_role::by_id(tx, id).await? else {
        return Ok(Outcome::Problem("this tenant has no such role".into()));
    };
    let same = |a: &[String], b: &[String]| a.len() == b.len() && a.iter().all(|p| b.contains(p));
    if same(&ours.permissions, &slugs) {
        return Ok(Outcome::There);
    }
    let shipped: Vec<String> = Predefined::named(&ours.name)
        .map(|p| p.permissions.iter().map(|p| (*p).to_owned()).collect())
        .unwrap_or_default();
    if !same(&ours.permissions, &shipped) {
        return Ok(Outcome::Problem(format!("{} was edited there and, otherwise, here: ours stays", r.str("name"))));
    }
    if !b.dry_run {
        let event =
            b.scribe.event("role.updated", "role", id).change("permissions", ours.permissions.clone(), slugs.clone());
        access_role::update(tx, &AccessRole { permissions: slugs, updated_at: tx.cx.now, ..ours }).await?;
        tx.touch(Kind::Role, id.uuid());
        b.scribe.write(tx, event);
    }
    Ok(Outcome::Changed(format!("{} holds what it was edited to hold there", r.str("name"))))
}

pub(super) async fn policy(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    let (Some(role), Some(object), Some(principal)) =
        (r.uuid("role_id"), r.uuid("resource_id"), r.uuid("principal_id"))
    else {
        return Ok(Outcome::Problem("no role, no object or no principal".into()));
    };
    if object.is_nil() {
        return Ok(Outcome::Left("on the platform itself"));
    }
    let role = b.predefined.get(&role).copied().unwrap_or(role);
    let held = access_role::by_id(tx, Id::from_uuid(role)).await?;
    if held.is_none() && !b.would_be(role) {
        return Ok(without("role"));
    }
    let namespace = r.str("resource_type").to_owned();
    let there = b.would_be(object)
        || match &*namespace {
            "app/organization" => organization::by_id(tx, Id::from_uuid(object)).await?.is_some(),
            "app/project" => project::by_id(tx, Id::from_uuid(object)).await?.is_some(),
            "app/group" => group::by_id(tx, Id::from_uuid(object)).await?.is_some(),
            own => resource::by_id(tx, Id::from_uuid(object)).await?.is_some_and(|x| x.namespace == own),
        };
    if !there {
        return Ok(Outcome::Problem(format!("{namespace:?} {object} is not here")));
    }
    let group = match &*namespace {
        "app/group" => group::by_id(tx, Id::from_uuid(object)).await?,
        _ => None,
    };
    if group.as_ref().is_some_and(|g| !g.roles().is_empty() || g.is_managed()) {
        let why = "its group carries roles of the tenant, or is a directory's: add the member here";
        return Ok(Outcome::Problem(why.into()));
    }
    if let Some(own) = held.and_then(|r| r.organization_id) {
        let within = match &*namespace {
            "app/organization" => Some(Id::from_uuid(object)),
            "app/group" => group.and_then(|g| g.organization_id),
            "app/project" => project::by_id(tx, Id::from_uuid(object)).await?.map(|p| p.organization_id),
            _ => match resource::by_id(tx, Id::from_uuid(object)).await? {
                Some(found) => project::by_id(tx, found.project_id).await?.map(|p| p.organization_id),
                None => None,
            },
        };
        if within != Some(own) && !b.would_be(object) {
            return Ok(Outcome::Problem("its role is of another organization".into()));
        }
    }
    let bearer = match r.str("principal_type") {
        "app/user" => b.user(tx, principal).await?.map(Bearer::User),
        "app/group" => {
            let there = b.would_be(principal) || group::by_id(tx, Id::from_uuid(principal)).await?.is_some();
            there.then_some(Bearer::Group(principal))
        }
        "app/serviceuser" => b.has_machine(tx, principal).await?.then_some(Bearer::ServiceUser(principal)),
        "app/pat" => return Ok(Outcome::Left("of a token: tokens are not taken over")),
        other => return Ok(Outcome::Problem(format!("a principal of the type {other:?}"))),
    };
    let Some(bearer) = bearer else { return Ok(without("principal")) };
    if r.str("grant_relation") == Relation::PatGranted.as_str() {
        return Ok(Outcome::Problem("pat_granted to what is no token".into()));
    }
    if namespace == "app/group" {
        b.note(format!("{object}/{}", bearer.id()));
    }
    let mut notes = Notes::default();
    let created_at = r.time("created_at", tx.cx.now);
    let made = RoleBinding {
        id: Id::from_uuid(id),
        role_id: Id::from_uuid(role),
        namespace,
        object_id: object,
        bearer,
        relation: Relation::Granted,
        title: String::new(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if role_binding::same(tx, &made).await?.is_some() || role_binding::by_id(tx, made.id).await?.is_some() {
        return Ok(Outcome::There);
    }
    if !b.dry_run {
        role_binding::insert(tx, &made).await?;
        tx.touch(Kind::Binding, id);
    }
    Ok(notes.outcome())
}

pub(super) async fn relation(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let (object_kind, relation) = (r.str("object_namespace_name"), r.str("relation_name"));
    let (subject_kind, subject) = (r.str("subject_namespace_name"), r.uuid("subject_id"));
    Ok(match (object_kind, relation, subject_kind) {
        ("app/platform", "admin" | "member", kind @ ("app/user" | "app/serviceuser")) => {
            let role = if relation == "admin" { Role::Admin } else { Role::Checker };
            match subject {
                Some(subject) if kind == "app/user" => platform_user(tx, b, subject, role).await?,
                Some(subject) => machine::platform_user(tx, b, subject, role).await?,
                None => without("subject"),
            }
        }
        ("app/group", "member", "app/user") => match (r.uuid("object_id"), subject) {
            (Some(group), Some(user)) if is_member(tx, b, group, user).await? => Outcome::Left("said by a policy too"),
            _ => Outcome::Problem("a member of a group without a policy on it: add them, if they should be".into()),
        },
        // in the rows that they were made from
        ("app/rolebinding" | "app/role" | "app/invitation", ..)
        | ("app/organization", "platform", _)
        | ("app/project" | "app/group" | "app/serviceuser", "org", _)
        | (_, "granted" | "pat_granted", "app/rolebinding") => Outcome::Left("said by another row too"),
        (kind, "project" | "owner", _) if !kind.starts_with("app/") => Outcome::Left("said by another row too"),
        ("app/organization" | "app/group", "owner" | "member", _)
        | ("app/serviceuser" | "app/pat", "user" | "org", _) => {
            Outcome::Left("of an older Frontier, which gives nothing any more")
        }
        _ => Outcome::Problem(format!(
            "{:?} has no counterpart here",
            format!("{object_kind}#{relation}@{subject_kind}")
        )),
    })
}
async fn is_member(tx: &mut Tx, b: &Batch, group: Uuid, user: Uuid) -> Result<bool> {
    let user = b.user(tx, user).await?.unwrap_or(user);
    Ok(b.would_know(&format!("{group}/{user}"))
        || !role_binding::held_on(tx, Bearer::User(user), group).await?.is_empty())
}
async fn platform_user(tx: &mut Tx, b: &Batch, subject: Uuid, role: Role) -> Result<Outcome> {
    let Some(id) = b.user(tx, subject).await? else { return Ok(without("user")) };
    // whoever reads the report sees who administers
    let made = Outcome::Changed(format!("the user {id} gets the role {}", role.as_str()));
    let Some(before) = user::by_id(tx, Id::from_uuid(id)).await? else { return Ok(made) };
    if before.roles.has(role) {
        return Ok(Outcome::There);
    }
    if !b.dry_run {
        let after = User { roles: before.roles.with(role), updated_at: tx.cx.now, ..before.clone() };
        user::update(tx, &after).await?;
        record_update(tx, &b.scribe, &before, &after);
    }
    Ok(made)
}

/// Those with our names are ours; the others are kept for the clients that read them.
pub(super) async fn meta_schema(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let (Some(id), Ok(name)) = (r.id(), Slug::parse(r.str("name"))) else {
        return Ok(Outcome::Problem(format!("the name {:?} cannot be kept", r.str("name"))));
    };
    if BUILT_IN_SCHEMAS.contains(&&*name) {
        return Ok(Outcome::Left("built in; an edit has to be made here again"));
    }
    if schemas::by_id(tx, Id::from_uuid(id)).await?.is_some() || schemas::by_name(tx, &name).await?.is_some() {
        return Ok(Outcome::There);
    }
    let schema = r.str("schema").to_owned();
    if serde_json::from_str::<Map<String, Value>>(&schema).is_err() || crate::meta_schema::validator(&schema).is_err() {
        return Ok(Outcome::Problem(format!("the schema {name} does not hold")));
    }
    let created_at = r.time("created_at", tx.cx.now);
    let updated_at = r.time("updated_at", created_at);
    if !b.dry_run {
        schemas::insert(tx, &MetaSchema { id: Id::from_uuid(id), name, schema, created_at, updated_at }).await?;
    }
    Ok(Outcome::Imported)
}
