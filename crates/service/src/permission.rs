//! Namespaces and permissions: the program's own, and those that a tenant adds for its resources (spec v1beta1 3.7).
//!
//! What is built in has no row; its ids are constants, the same in every tenant, made as those of the predefined roles are
//! (`access_role::Predefined`): version 7, all zeros but for the kind and a number. INVARIANT: `BUILT_IN` and [`NAMESPACES`] only grow
//! at the ends of their lists, since the numbers are places in them.
use portcullis_authz::graph::{BUILT_IN, expand};
use portcullis_domain::permission::{Namespace, Permission, PermissionKey};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, access_role, permission, tenant};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::{Answer, App, Reply};

/// A list without pages ends here (decision 22); a tenant has fewer permissions than that.
const LONGEST_LIST: usize = 10_000;
pub(crate) const MOST: usize = 9_000;
/// So many permissions are made by one call.
const AT_ONCE: usize = 500;

/// The built-in namespaces (spec v1beta1 5.1); only the first three have permissions that roles can give.
static NAMESPACES: [&str; 10] = [
    "app/organization",
    "app/project",
    "app/group",
    "app/user",
    "app/serviceuser",
    "app/pat",
    "app/platform",
    "app/invitation",
    "app/role",
    "app/rolebinding",
];

/// A permission to make.
#[derive(Clone, Debug)]
pub struct NewPermission {
    /// What it is called.
    pub key: PermissionKey,
    /// For people.
    pub title: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}

impl App {
    /// All permissions, the built-in ones first; for everybody who is known.
    pub async fn list_permissions(&self, cx: &Ctx) -> Result<Vec<Permission>> {
        self.allow(cx, &Gate::anyone("permissions:list")).await?;
        self.0.db.read(cx.clone(), &(), all).await.map_err(Error::from)
    }
    /// One permission, by id or slug.
    pub async fn get_permission(&self, cx: &Ctx, which: String) -> Result<Permission> {
        self.allow(cx, &Gate::anyone("permissions:read")).await?;
        self.0.db.read(cx.clone(), &Which(which), find).await?.ok_or_else(missing)
    }
    /// All namespaces, the built-in ones first.
    pub async fn list_namespaces(&self, cx: &Ctx) -> Result<Vec<Namespace>> {
        self.allow(cx, &Gate::anyone("namespaces:list")).await?;
        self.0.db.read(cx.clone(), &(), all_namespaces).await.map_err(Error::from)
    }
    /// One namespace, by id or name.
    pub async fn get_namespace(&self, cx: &Ctx, which: String) -> Result<Namespace> {
        self.allow(cx, &Gate::anyone("namespaces:read")).await?;
        let found = self.0.db.read(cx.clone(), &Which(which), find_namespace).await?;
        found.ok_or_else(|| Error::not_found("namespace"))
    }
    /// Makes permissions, and the namespaces that they are the first of; those that are there already stay as they are.
    pub async fn create_permissions(
        &self,
        cx: &Ctx,
        new: Result<Vec<NewPermission>>,
        reply: Reply<Vec<Permission>>,
    ) -> Result<Answer> {
        let command = async {
            let new = new?;
            if new.is_empty() || new.len() > AT_ONCE {
                return Err(Error::field("bodies", format!("1 to {AT_ONCE} permissions.")));
            }
            let there = self.snapshot(cx).await?.access.catalogue.iter().count();
            if there + new.len() > MOST {
                return Err(Error::new(Code::Conflict, format!("A tenant has at most {MOST} permissions.")));
            }
            Ok(Create { new, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::superuser("permissions:create"), command, reply, create).await
    }
    /// Replaces a permission's metadata; what it is called never changes.
    pub async fn update_permission(
        &self,
        cx: &Ctx,
        which: String,
        metadata: Result<Map<String, Value>>,
    ) -> Result<Permission> {
        let command =
            async { Ok(Update { which: Which(which), title: None, metadata: metadata?, scribe: self.scribe(cx) }) };
        self.apply(cx, Gate::superuser("permissions:update"), command, update).await
    }
    /// Removes a permission, from roles too. A namespace goes with its last permission, which stays while there are resources of it.
    pub async fn delete_permission(&self, cx: &Ctx, which: String) -> Result<()> {
        let command = async { Ok(Delete { which: Which(which), scribe: self.scribe(cx) }) };
        self.apply(cx, Gate::superuser("permissions:delete"), command, delete).await
    }
}

fn missing() -> Error {
    Error::not_found("permission")
}
fn built_in_stays() -> Error {
    Error::new(Code::Conflict, "A built-in permission stays as it is.").detail("state", "built_in")
}
fn too_many() -> Error {
    Error::new(Code::RateLimited, "This list is longer than 10,000 rows.")
}

/// The id of something built in: a kind (0 are the predefined roles) and a place in a list.
const fn constant(kind: u16, number: u32) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | (kind as u128) << 32 | number as u128)
}
#[allow(clippy::cast_possible_truncation, reason = "the lists are in the program, and short")]
fn built_in(since: Timestamp) -> impl Iterator<Item = Permission> {
    BUILT_IN.iter().enumerate().flat_map(move |(n, (namespace, verbs))| {
        verbs.iter().enumerate().map(move |(v, verb)| Permission {
            id: Id::from_uuid(constant(1, (n as u32 + 1) << 16 | (v as u32 + 1))),
            namespace: (*namespace).into(),
            verb: (*verb).into(),
            slug: format!("{}_{verb}", namespace.replace('/', "_")),
            title: String::new(),
            metadata: Map::new(),
            created_at: since,
            updated_at: since,
        })
    })
}
#[allow(clippy::cast_possible_truncation, reason = "the list is in the program, and short")]
fn built_in_namespaces(since: Timestamp) -> impl Iterator<Item = Namespace> {
    NAMESPACES.iter().enumerate().map(move |(n, name)| Namespace {
        id: Id::from_uuid(constant(2, n as u32 + 1)),
        name: (*name).into(),
        metadata: Map::new(),
        created_at: since,
        updated_at: since,
    })
}
/// What is built in is there since the tenant is.
async fn since(tx: &mut Tx) -> portcullis_store::Result<Timestamp> {
    let tenant = tenant::get(tx).await?;
    tenant.map(|t| t.created_at).ok_or_else(|| portcullis_store::Error::internal("the tenant is gone"))
}

pub(crate) async fn all(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<Permission>> {
    let mut out: Vec<Permission> = built_in(since(tx).await?).collect();
    let mut last = String::new();
    loop {
        let page = permission::page(tx, &last).await?;
        let Some(end) = page.last() else { return Ok(out) };
        last.clone_from(&end.slug);
        out.extend(page);
        if out.len() > LONGEST_LIST {
            return Err(too_many().into());
        }
    }
}
async fn all_namespaces(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<Namespace>> {
    let mut out: Vec<Namespace> = built_in_namespaces(since(tx).await?).collect();
    let mut last = String::new();
    loop {
        let page = permission::namespaces(tx, &last).await?;
        let Some(end) = page.last() else { return Ok(out) };
        last.clone_from(&end.name);
        out.extend(page);
        if out.len() > LONGEST_LIST {
            return Err(too_many().into());
        }
    }
}
/// A permission or a namespace as a caller calls it.
pub(crate) struct Which(pub String);
/// By UUID, slug, or `service.resource.verb`.
async fn find(tx: &mut Tx, Which(which): &Which) -> portcullis_store::Result<Option<Permission>> {
    let (id, slug) = (which.parse::<Id<Permission>>().ok(), which.replace('.', "_"));
    let own = match id {
        Some(id) => permission::by_id(tx, id).await?,
        None => permission::by_slug(tx, &slug).await?,
    };
    if own.is_some() {
        return Ok(own);
    }
    let since = since(tx).await?;
    Ok(built_in(since).find(|p| Some(p.id) == id || p.slug == slug))
}
/// By UUID or name.
async fn find_namespace(tx: &mut Tx, Which(which): &Which) -> portcullis_store::Result<Option<Namespace>> {
    let (id, name) = (which.parse::<Id<Namespace>>().ok(), expand(which));
    let own = match id {
        Some(id) => permission::namespace_by_id(tx, id).await?,
        None => permission::namespace_by_name(tx, &name).await?,
    };
    if own.is_some() {
        return Ok(own);
    }
    let since = since(tx).await?;
    Ok(built_in_namespaces(since).find(|n| Some(n.id) == id || n.name == name))
}

pub(crate) struct Create {
    pub new: Vec<NewPermission>,
    pub scribe: Scribe,
}
pub(crate) async fn create(tx: &mut Tx, c: &Create) -> portcullis_store::Result<Vec<Permission>> {
    let (mut out, mut made, now) = (Vec::with_capacity(c.new.len()), false, tx.cx.now);
    for new in &c.new {
        let slug = new.key.slug();
        if let Some(there) = permission::by_slug(tx, &slug).await? {
            out.push(there);
            continue;
        }
        if permission::namespace_by_name(tx, new.key.namespace()).await?.is_none() {
            let namespace = Namespace {
                id: c.scribe.id(),
                name: new.key.namespace().into(),
                metadata: Map::new(),
                created_at: now,
                updated_at: now,
            };
            permission::insert_namespace(tx, &namespace).await?;
        }
        let permission = Permission {
            id: c.scribe.id(),
            namespace: new.key.namespace().into(),
            verb: new.key.verb().into(),
            slug,
            title: new.title.clone(),
            metadata: new.metadata.clone(),
            created_at: now,
            updated_at: now,
        };
        permission::insert(tx, &permission).await?;
        tx.touch(Kind::Permission, permission.id.uuid());
        let event = c.scribe.event("permission.created", "permission", permission.id);
        c.scribe.write(tx, event.change("slug", Value::Null, permission.slug.as_str()));
        out.push(permission);
        made = true;
    }
    if made {
        tx.bump().await?;
    }
    Ok(out)
}

pub(crate) struct Update {
    pub which: Which,
    /// `None`: it stays.
    pub title: Option<String>,
    pub metadata: Map<String, Value>,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Permission> {
    let old = find(tx, &c.which).await?.ok_or_else(missing)?;
    if old.is_built_in() {
        return Err(built_in_stays().into());
    }
    let title = c.title.as_ref().unwrap_or(&old.title).clone();
    let new = Permission { title, metadata: c.metadata.clone(), updated_at: tx.cx.now, ..old.clone() };
    permission::update(tx, &new).await?;
    let event = c
        .scribe
        .event("permission.updated", "permission", new.id)
        .with("slug", new.slug.as_str())
        .change("title", old.title, new.title.as_str())
        .change("metadata", Value::Object(old.metadata), Value::Object(new.metadata.clone()));
    c.scribe.write(tx, event);
    Ok(new)
}

pub(crate) struct Delete {
    pub which: Which,
    pub scribe: Scribe,
}
pub(crate) async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let old = find(tx, &c.which).await?.ok_or_else(missing)?;
    if old.is_built_in() {
        return Err(built_in_stays().into());
    }
    if permission::in_namespace(tx, &old.namespace).await?.len() < 2 {
        if permission::has_resources(tx, &old.namespace).await? {
            let message = "This is the last permission of a namespace that has resources: delete those first.";
            return Err(Error::new(Code::InUse, message).detail("namespace", old.namespace).into());
        }
        if let Some(namespace) = permission::namespace_by_name(tx, &old.namespace).await? {
            permission::delete_namespace(tx, namespace.id).await?;
        }
    }
    let roles = take_from_roles(tx, &old.slug).await?;
    permission::delete(tx, old.id).await?;
    tx.touch(Kind::Permission, old.id.uuid());
    let event = c.scribe.event("permission.deleted", "permission", old.id);
    c.scribe.write(tx, event.change("slug", old.slug, Value::Null).with("roles", roles));
    tx.bump().await?;
    Ok(())
}
/// A permission that is made again later must not come back into roles that nobody gave it to. How many had it.
async fn take_from_roles(tx: &mut Tx, slug: &str) -> portcullis_store::Result<u64> {
    let (mut last, mut n, now) = (Uuid::nil(), 0, tx.cx.now);
    loop {
        let page = access_role::page(tx, last).await?;
        let Some(end) = page.last() else { return Ok(n) };
        last = end.id.uuid();
        for mut role in page {
            if !role.permissions.iter().any(|p| p == slug) {
                continue;
            }
            role.permissions.retain(|p| p != slug);
            role.updated_at = now;
            access_role::update(tx, &role).await?;
            tx.touch(Kind::Role, role.id.uuid());
            n += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_built_in_keeps_its_ids() {
        let at = Timestamp::from_micros(0);
        let id = |slug: &str| built_in(at).find(|p| p.slug == slug).unwrap().id.to_string();
        assert_eq!(id("app_organization_administer"), "00000000-0000-7000-8000-000100010001");
        assert_eq!(id("app_organization_billingview"), "00000000-0000-7000-8000-00010001000f");
        assert_eq!(id("app_project_resourcelist"), "00000000-0000-7000-8000-000100020006");
        assert_eq!(id("app_group_get"), "00000000-0000-7000-8000-000100030004");
        let namespace = |name: &str| built_in_namespaces(at).find(|n| n.name == name).unwrap().id.to_string();
        assert_eq!(namespace("app/organization"), "00000000-0000-7000-8000-000200000001");
        assert_eq!(namespace("app/rolebinding"), "00000000-0000-7000-8000-00020000000a");
        let ids: HashSet<Uuid> =
            built_in(at).map(|p| p.id.uuid()).chain(built_in_namespaces(at).map(|n| n.id.uuid())).collect();
        assert_eq!(ids.len(), 25 + 10);
        assert!(BUILT_IN.iter().all(|(namespace, _)| NAMESPACES.contains(namespace)));
    }
}
