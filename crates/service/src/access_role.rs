//! Roles of the access graph: platform-wide ones, which superusers keep, and those of an organization (spec v1beta1 2.3.6, 3.5).
//!
//! What a role of an organization can hold is bounded twice. It names permissions of the three built-in kinds of objects that lie in
//! an organization and of the tenant's own namespaces, and may be given on such objects only: nothing of the platform is a
//! permission at all. And nobody gives more than they have: who makes or edits such a role must hold on that organization, by
//! bindings, each permission that the change adds; a change that lets the role be given on more kinds of objects counts as
//! adding all of them. What a role has already may stay or go. Superusers hold everything.
use portcullis_authz::graph::{Catalogue, Object, expand};
use portcullis_domain::access_role::{AccessRole, PREDEFINED};
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, access_role, organization, permission, role_binding};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::change::moved;
use crate::{Answer, App, Reply};

/// An organization, and the platform, have at most so many roles of their own.
const MOST: usize = 1_000;
/// A role has at most so many permissions.
const MOST_PERMISSIONS: usize = 500;
/// The built-in kinds of objects that a role can be given on.
const GIVEN_ON: [&str; 3] = ["app/organization", "app/project", "app/group"];
/// What somebody needs who keeps an organization's roles.
const MANAGE: &str = "app_organization_rolemanage";
const READ: &str = "app_organization_get";

/// A role as it is to be; a change replaces all of it.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Unique where the role belongs.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// Slugs, `service.resource.verb` or `namespace:verb`.
    pub permissions: Vec<String>,
    /// Namespaces of the objects that it may be given on; short names too.
    pub scopes: Vec<String>,
    /// Checked against the tenant's MetaSchema `role` here.
    pub metadata: Map<String, Value>,
}

/// What a list of roles is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct RoleFilter {
    /// In this state.
    pub state: Option<State>,
    /// That may be given on one of these; empty: all.
    pub scopes: Vec<String>,
}

impl App {
    /// The platform-wide roles, by name; for everybody who is known.
    pub async fn list_roles(&self, cx: &Ctx, filter: &RoleFilter) -> Result<Vec<AccessRole>> {
        self.allow(cx, &Gate::anyone("organization_roles:list")).await?;
        self.roles_of(cx, None, filter).await
    }
    /// Makes a platform-wide role, or puts this in the place of the one that has its name.
    pub async fn create_role(&self, cx: &Ctx, new: Result<NewRole>, reply: Reply<AccessRole>) -> Result<Answer> {
        let command = async { self.put(cx, None, new?, None).await };
        self.answer(cx, Gate::superuser("organization_roles:create"), command, reply, put).await
    }
    /// Changes a platform-wide role, by id or name. The predefined ones keep their names.
    pub async fn update_role(&self, cx: &Ctx, which: String, new: Result<NewRole>) -> Result<AccessRole> {
        let found = self.role_of(cx, None, which).await?;
        let command = async { self.replace(cx, None, found, new).await };
        self.apply(cx, Gate::superuser("organization_roles:update"), command, replace).await
    }
    /// Removes a platform-wide role that nobody holds. The predefined ones stay.
    pub async fn delete_role(&self, cx: &Ctx, which: String) -> Result<()> {
        let found = self.role_of(cx, None, which).await?;
        let command = async { self.removal(cx, found) };
        self.apply(cx, Gate::superuser("organization_roles:delete"), command, remove).await
    }

    /// The roles of an organization's own, by name.
    pub async fn list_organization_roles(
        &self,
        cx: &Ctx,
        organization: String,
        filter: &RoleFilter,
    ) -> Result<Vec<AccessRole>> {
        let organization = self.find_organization(cx, &organization, READ).await?;
        self.allow(cx, &on(&organization, READ)).await?;
        self.roles_of(cx, Some(organization.id), filter).await
    }
    /// A role of an organization's own, by id or name.
    pub async fn get_organization_role(&self, cx: &Ctx, organization: String, which: String) -> Result<AccessRole> {
        let organization = self.find_organization(cx, &organization, READ).await?;
        self.allow(cx, &on(&organization, READ)).await?;
        self.role_of(cx, Some(organization.id), which).await?.ok_or_else(missing)
    }
    /// Makes a role of an organization's own, or puts this in the place of the one that has its name.
    pub async fn create_organization_role(
        &self,
        cx: &Ctx,
        organization: String,
        new: Result<NewRole>,
        reply: Reply<AccessRole>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &organization, MANAGE).await?;
        let old = match &new {
            Ok(new) => self.role_of(cx, Some(organization.id), new.name.to_string()).await?,
            Err(_) => None,
        };
        let gate = self.giving(cx, &organization, old.as_ref(), &new).await?;
        let command = async { self.put(cx, Some(&organization), new?, old).await };
        self.answer(cx, gate, command, reply, put).await
    }
    /// Changes a role of an organization's own, by id or name.
    pub async fn update_organization_role(
        &self,
        cx: &Ctx,
        organization: String,
        which: String,
        new: Result<NewRole>,
    ) -> Result<AccessRole> {
        let organization = self.find_organization(cx, &organization, MANAGE).await?;
        let found = self.role_of(cx, Some(organization.id), which).await?;
        let gate = self.giving(cx, &organization, found.as_ref(), &new).await?;
        let command = async { self.replace(cx, Some(&organization), found, new).await };
        self.apply(cx, gate, command, replace).await
    }
    /// Removes a role of an organization's own that nobody holds.
    pub async fn delete_organization_role(&self, cx: &Ctx, organization: String, which: String) -> Result<()> {
        let organization = self.find_organization(cx, &organization, MANAGE).await?;
        let found = self.role_of(cx, Some(organization.id), which).await?;
        let command = async { self.removal(cx, found) };
        self.apply(cx, on(&organization, MANAGE), command, remove).await
    }

    async fn role_of(
        &self,
        cx: &Ctx,
        organization: Option<Id<Organization>>,
        which: String,
    ) -> Result<Option<AccessRole>> {
        let within = Within { organization, which };
        self.0.db.read(cx.clone(), &within, find).await.map_err(Error::from)
    }
    async fn roles_of(
        &self,
        cx: &Ctx,
        organization: Option<Id<Organization>>,
        filter: &RoleFilter,
    ) -> Result<Vec<AccessRole>> {
        let mut roles = self.0.db.read(cx.clone(), &organization, all).await?;
        let scopes: Vec<String> = filter.scopes.iter().map(|s| namespace(s)).collect();
        roles.retain(|r| {
            filter.state.is_none_or(|state| state == r.state)
                && (scopes.is_empty() || scopes.iter().any(|s| r.scopes.contains(s)))
        });
        Ok(roles)
    }
    /// The permission to keep this organization's roles, and what the change hands on.
    async fn giving(
        &self,
        cx: &Ctx,
        organization: &Organization,
        old: Option<&AccessRole>,
        new: &Result<NewRole>,
    ) -> Result<Gate> {
        let compiled = self.snapshot(cx).await?;
        // what is wrong with the body is told after this
        let gives = new.as_ref().map_or_else(|_| vec![], |new| handed_on(&compiled.access.catalogue, old, new));
        Ok(on(organization, MANAGE).giving(gives))
    }
    /// A role of this content, with a fresh id.
    async fn content(&self, cx: &Ctx, organization: Option<&Organization>, new: NewRole) -> Result<AccessRole> {
        let compiled = self.snapshot(cx).await?;
        let catalogue = &compiled.access.catalogue;
        compiled.schemas.check("role", &new.metadata)?;
        let mut metadata = new.metadata;
        if let Some(organization) = organization {
            metadata.insert("org_name".into(), Value::from(&*organization.name));
        }
        Ok(AccessRole {
            id: self.id(cx),
            organization_id: organization.map(|o| o.id),
            name: new.name,
            title: new.title,
            permissions: permissions(catalogue, &new.permissions)?,
            scopes: scopes(catalogue, &new.scopes)?,
            state: State::Enabled,
            metadata,
            created_at: cx.now,
            updated_at: cx.now,
        })
    }
    async fn put(
        &self,
        cx: &Ctx,
        organization: Option<&Organization>,
        new: NewRole,
        seen: Option<AccessRole>,
    ) -> Result<Change> {
        Ok(Change { role: self.content(cx, organization, new).await?, seen, scribe: self.scribe(cx) })
    }
    async fn replace(
        &self,
        cx: &Ctx,
        organization: Option<&Organization>,
        found: Option<AccessRole>,
        new: Result<NewRole>,
    ) -> Result<Change> {
        let old = found.ok_or_else(missing)?;
        let role = AccessRole { id: old.id, ..self.content(cx, organization, new?).await? };
        if is_predefined(old.id) && role.name != old.name {
            return Err(Error::new(Code::Conflict, "A predefined role keeps its name.").detail("state", "built_in"));
        }
        Ok(Change { role, seen: Some(old), scribe: self.scribe(cx) })
    }
    fn removal(&self, cx: &Ctx, found: Option<AccessRole>) -> Result<Removal> {
        let role = found.ok_or_else(missing)?;
        if is_predefined(role.id) {
            return Err(Error::new(Code::Conflict, "A predefined role stays.").detail("state", "built_in"));
        }
        Ok(Removal { role, scribe: self.scribe(cx) })
    }
}

fn on(organization: &Organization, permission: &'static str) -> Gate {
    Gate::on(Object::Organization(organization.id.uuid()), permission)
}
fn missing() -> Error {
    Error::not_found("role")
}
pub(crate) fn is_predefined(id: Id<AccessRole>) -> bool {
    PREDEFINED.iter().any(|p| p.id() == id)
}
/// The full name of a namespace.
fn namespace(word: &str) -> String {
    expand(word.trim()).to_ascii_lowercase()
}

/// The permissions that a change adds to a role.
fn handed_on(catalogue: &Catalogue, old: Option<&AccessRole>, new: &NewRole) -> Vec<String> {
    let scopes: Vec<String> = new.scopes.iter().map(|s| namespace(s)).collect();
    // on other kinds of objects the same permission reaches further; no scopes at all is a kind of its own
    let wider =
        |old: &AccessRole| scopes.is_empty() != old.scopes.is_empty() || scopes.iter().any(|s| !old.scopes.contains(s));
    let kept = |slug: &str| old.is_some_and(|old| !wider(old) && old.permissions.iter().any(|p| p == slug));
    let slugs = new.permissions.iter().filter_map(|word| catalogue.resolve(word, ""));
    slugs.map(|p| p.slug.to_string()).filter(|slug| !kept(slug)).collect()
}
/// The slugs that words mean, each once; 400 with every word that means none.
pub(crate) fn permissions(catalogue: &Catalogue, words: &[String]) -> Result<Vec<String>> {
    if words.is_empty() || words.len() > MOST_PERMISSIONS {
        return Err(Error::field("permissions", format!("1 to {MOST_PERMISSIONS} permissions.")));
    }
    each(words, "permissions", "There is no such permission", |word| {
        catalogue.resolve(word, "").map(|p| p.slug.to_string())
    })
}
/// The full names of namespaces whose objects a role can be given on.
pub(crate) fn scopes(catalogue: &Catalogue, words: &[String]) -> Result<Vec<String>> {
    if words.len() > MOST_PERMISSIONS {
        return Err(Error::field("scopes", format!("At most {MOST_PERMISSIONS} scopes.")));
    }
    each(words, "scopes", "Roles are not given on objects of this namespace", |word| {
        let name = namespace(word);
        let own = || !name.starts_with("app/") && catalogue.has_namespace(&name);
        (GIVEN_ON.contains(&&*name) || own()).then_some(name)
    })
}
fn each(
    words: &[String],
    field: &str,
    complaint: &str,
    meaning: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>> {
    let (mut out, mut wrong) = (Vec::with_capacity(words.len()), vec![]);
    for (i, word) in words.iter().enumerate() {
        match meaning(word) {
            Some(name) if out.contains(&name) => {}
            Some(name) => out.push(name),
            None => {
                let word: String = word.chars().take(100).collect();
                let (field, message) = (format!("{field}[{i}]"), format!("{complaint}: {word}."));
                wrong.push(FieldError { field: field.into(), message: message.into() });
            }
        }
    }
    if wrong.is_empty() { Ok(out) } else { Err(Error::fields(wrong)) }
}

/// A role by what a caller calls it, where it belongs.
struct Within {
    organization: Option<Id<Organization>>,
    which: String,
}
/// INVARIANT: a role of another organization is never found, whatever its id.
async fn find(tx: &mut Tx, within: &Within) -> portcullis_store::Result<Option<AccessRole>> {
    let found = match within.which.parse() {
        Ok(id) => access_role::by_id(tx, id).await?,
        Err(_) => access_role::by_name(tx, within.organization, &within.which.to_lowercase()).await?,
    };
    Ok(found.filter(|r| r.organization_id == within.organization))
}
async fn all(tx: &mut Tx, organization: &Option<Id<Organization>>) -> portcullis_store::Result<Vec<AccessRole>> {
    let (mut out, mut last) = (vec![], String::new());
    loop {
        let page = access_role::in_scope(tx, *organization, &last).await?;
        let Some(end) = page.last() else { return Ok(out) };
        last = end.name.to_string();
        out.extend(page);
    }
}

pub(crate) struct Change {
    pub role: AccessRole,
    /// The role as it was when it was decided what the change adds.
    pub seen: Option<AccessRole>,
    pub scribe: Scribe,
}
/// What the decision stands on must still be so: the organization, the permissions, and what the role had.
async fn still(tx: &mut Tx, c: &Change, now: Option<&AccessRole>) -> portcullis_store::Result<()> {
    let Some(id) = c.role.organization_id else { return own_permissions(tx, c).await };
    if organization::by_id(tx, id).await?.is_none() {
        return Err(Error::not_found("organization").into());
    }
    let had = |r: &AccessRole| (r.id, r.permissions.clone(), r.scopes.clone());
    if now.map(had) != c.seen.as_ref().map(had) {
        return Err(moved().into());
    }
    own_permissions(tx, c).await
}
async fn own_permissions(tx: &mut Tx, c: &Change) -> portcullis_store::Result<()> {
    for slug in c.role.permissions.iter().filter(|slug| !slug.starts_with("app_")) {
        if permission::by_slug(tx, slug).await?.is_none() {
            return Err(moved().into());
        }
    }
    Ok(())
}
pub(crate) async fn put(tx: &mut Tx, c: &Change) -> portcullis_store::Result<AccessRole> {
    let now = access_role::by_name(tx, c.role.organization_id, &c.role.name).await?;
    still(tx, c, now.as_ref()).await?;
    if let Some(old) = now {
        return save(tx, c, &old).await;
    }
    if all(tx, &c.role.organization_id).await?.len() >= MOST {
        return Err(Error::new(Code::Conflict, format!("At most {MOST} roles.")).into());
    }
    access_role::insert(tx, &c.role).await?;
    tx.touch(Kind::Role, c.role.id.uuid());
    record(tx, c, "role.created", None);
    tx.bump().await?;
    Ok(c.role.clone())
}
async fn replace(tx: &mut Tx, c: &Change) -> portcullis_store::Result<AccessRole> {
    let old = access_role::by_id(tx, c.role.id).await?.ok_or_else(missing)?;
    still(tx, c, Some(&old)).await?;
    let same_name = access_role::by_name(tx, c.role.organization_id, &c.role.name).await?;
    if same_name.is_some_and(|r| r.id != old.id) {
        return Err(Error::new(Code::AlreadyExists, "A role of this name exists.").detail("field", "name").into());
    }
    save(tx, c, &old).await
}
/// The new content in the place of the old.
async fn save(tx: &mut Tx, c: &Change, old: &AccessRole) -> portcullis_store::Result<AccessRole> {
    let role = AccessRole { id: old.id, state: old.state, created_at: old.created_at, ..c.role.clone() };
    access_role::update(tx, &role).await?;
    tx.touch(Kind::Role, role.id.uuid());
    record(tx, c, "role.updated", Some(old));
    tx.bump().await?;
    Ok(role)
}
fn record(tx: &mut Tx, c: &Change, action: &'static str, old: Option<&AccessRole>) {
    let (new, id) = (&c.role, old.map_or(c.role.id, |r| r.id));
    let before = |f: fn(&AccessRole) -> Value| old.map_or(Value::Null, f);
    let event = c
        .scribe
        .event(action, "role", id)
        .change("name", before(|r| (*r.name).into()), &*new.name)
        .change("title", before(|r| r.title.as_str().into()), new.title.as_str())
        .change("permissions", before(|r| r.permissions.clone().into()), new.permissions.clone())
        .change("scopes", before(|r| r.scopes.clone().into()), new.scopes.clone())
        .change("metadata", before(|r| r.metadata.clone().into()), new.metadata.clone());
    let event = match new.organization_id {
        Some(organization) => event.with("organization_id", organization.to_string()),
        None => event,
    };
    c.scribe.write(tx, event);
}

pub(crate) struct Removal {
    pub role: AccessRole,
    pub scribe: Scribe,
}
pub(crate) async fn remove(tx: &mut Tx, c: &Removal) -> portcullis_store::Result<()> {
    if access_role::by_id(tx, c.role.id).await?.is_none() {
        return Err(missing().into());
    }
    if !role_binding::of_role(tx, c.role.id, Uuid::nil()).await?.is_empty() {
        return Err(Error::new(Code::InUse, "role is in use by one or more policies").into());
    }
    access_role::delete(tx, c.role.id).await?;
    tx.touch(Kind::Role, c.role.id.uuid());
    let event = c.scribe.event("role.deleted", "role", c.role.id).change("name", &*c.role.name, Value::Null);
    let event = match c.role.organization_id {
        Some(organization) => event.with("organization_id", organization.to_string()),
        None => event,
    };
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use portcullis_authz::graph::Permission;
    use portcullis_domain::Timestamp;

    use super::*;

    fn catalogue() -> Catalogue {
        Catalogue::new([Permission::new("compute/order", "get")])
    }
    fn new(permissions: &[&str], scopes: &[&str]) -> NewRole {
        NewRole {
            name: Slug::stored("auditor"),
            title: String::new(),
            permissions: permissions.iter().map(|&p| p.into()).collect(),
            scopes: scopes.iter().map(|&s| s.into()).collect(),
            metadata: Map::new(),
        }
    }
    fn old(slugs: &[&str], scopes: &[&str]) -> AccessRole {
        let at = Timestamp::from_micros(0);
        AccessRole {
            id: Id::from_uuid(Uuid::nil()),
            organization_id: None,
            name: Slug::stored("auditor"),
            title: String::new(),
            permissions: slugs.iter().map(|&p| p.into()).collect(),
            scopes: scopes.iter().map(|&s| s.into()).collect(),
            state: State::Enabled,
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn words_for_permissions() {
        let words = |w: &[&str]| permissions(&catalogue(), &w.iter().map(|&w| w.to_owned()).collect::<Vec<_>>());
        let forms = ["app_project_get", "app.project.get", "app/project:get", "project:get", "compute.order.get"];
        assert_eq!(words(&forms).unwrap(), ["app_project_get", "compute_order_get"]);
        for bad in ["get", "", "app_platform_superuser", "compute_order_fly", "app.project", ":", "_get"] {
            assert!(words(&["app_project_get", bad]).is_err(), "{bad}");
        }
        assert!(words(&[]).is_err());
        let words = |w: &[&str]| scopes(&catalogue(), &w.iter().map(|&w| w.to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["project", "app/project", "compute/order"]).unwrap(), ["app/project", "compute/order"]);
        for bad in ["app/platform", "platform", "app/user", "x/y", "", "app_project"] {
            assert!(words(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_change_hands_on() {
        let gives = |old: Option<&AccessRole>, new: &NewRole| handed_on(&catalogue(), old, new);
        let before = old(&["app_project_get"], &["app/project"]);
        assert_eq!(gives(None, &new(&["app.project.get", "nothing"], &[])), ["app_project_get"]);
        assert!(gives(Some(&before), &new(&["project:get"], &["project"])).is_empty(), "it had that");
        let more = new(&["app_project_get", "app_project_delete"], &["app/project"]);
        assert_eq!(gives(Some(&before), &more), ["app_project_delete"]);
        for wider in [&["app/project", "app/organization"][..], &[]] {
            assert_eq!(gives(Some(&before), &new(&["app_project_get"], wider)), ["app_project_get"], "{wider:?}");
        }
    }
}
