//! The transaction of an apply: section by section in the order in which things need one another, then what left the file.
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_authz::graph::Catalogue;
use portcullis_domain::access_role::{AccessRole, ORGANIZATION_OWNER};
use portcullis_domain::group::{Group, MANUAL};
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Error, Id};
use portcullis_store::{Result, Tx, access_role, group, managed, organization, permission, project, user};
use serde_json::Value;
use uuid::Uuid;

use super::difference::{Compared, Difference, FieldDifference, What};
use super::rules::ReadPolicy;
use super::wanted::{Placed, Wanted, WantedGroup, WantedOrganization, WantedProject};
use super::{ApplyOptions, removal};
use crate::access;
use crate::access_role::{self as roles, NewRole};
use crate::app::Scribe;
use crate::metadata::Schemas;
use crate::user_change::record_update;
use crate::{group as groups, holder, organization as organizations, permission as permissions, project as projects};

/// What one apply works with.
pub(super) struct Command {
    pub wanted: Wanted,
    pub policies: Vec<ReadPolicy>,
    pub options: ApplyOptions,
    /// As of this revision; another one: it begins anew.
    pub schemas: Arc<Schemas>,
    pub revision: i64,
    pub scribe: Scribe,
    pub moved: AtomicBool,
    /// What a dry run would have done.
    pub pretended: Mutex<Option<Vec<Difference>>>,
}

/// The kinds of things that a set keeps, as they are stored.
pub(super) const PERMISSION: &str = "permission";
pub(super) const ROLE: &str = "role";
pub(super) const ORGANIZATION: &str = "organization";
pub(super) const GROUP: &str = "group";
pub(super) const PROJECT: &str = "project";
pub(super) const POLICY: &str = "policy";
pub(super) const BINDING: &str = "binding";
pub(super) const ADMIN: &str = "platform_admin";
pub(super) const MEMBER: &str = "platform_member";

pub(super) async fn apply(tx: &mut Tx, c: &Arc<Command>) -> Result<Vec<Difference>> {
    if tx.revision().await? != c.revision {
        c.moved.store(true, Ordering::Relaxed);
        return Err(Error::unavailable("the tenant's revision moved").into());
    }
    let mine = managed::of_set(tx, &c.wanted.set).await?.into_iter().map(|m| (m.kind, m.id)).collect();
    // one revision for all of it, however many use cases it is made of
    tx.gather();
    let mut work = Work {
        tx,
        c,
        mine,
        named: HashSet::new(),
        out: vec![],
        foreign: vec![],
        owners: vec![],
        catalogue: Catalogue::default(),
    };
    work.everything().await?;
    let out = work.out;
    tx.settle().await?;
    if c.options.dry_run {
        *c.pretended.lock().unwrap_or_else(PoisonError::into_inner) = Some(out);
        return Err(Error::new(Code::Conflict, "This was a dry run.").into());
    }
    if !out.is_empty() {
        let count = |what: What| out.iter().filter(|d| d.what == what).count();
        let event = c.scribe.event("access.applied", "tenant", tx.cx.tenant_id).with("set", c.wanted.set.as_str());
        let event = event.with("created", count(What::Create)).with("changed", count(What::Change));
        c.scribe.write(tx, event.with("removed", count(What::Remove)).with("adopted", count(What::Adopt)));
    }
    Ok(out)
}

pub(super) struct Work<'a> {
    pub tx: &'a mut Tx,
    pub c: &'a Command,
    /// What the set keeps so far.
    pub mine: HashSet<(String, Uuid)>,
    /// What the file names and the set keeps, or might.
    pub named: HashSet<(&'static str, Uuid)>,
    pub out: Vec<Difference>,
    /// What is somebody else's and not as the file says.
    foreign: Vec<String>,
    /// Whose owner may have gone: looked at when everything is done.
    pub owners: Vec<(Id<AccessRole>, Uuid, String)>,
    /// The permissions that there are when this is done.
    catalogue: Catalogue,
}

impl Work<'_> {
    async fn everything(&mut self) -> Result<()> {
        let wanted = &self.c.wanted;
        self.permissions().await?;
        for role in &wanted.roles {
            self.role(None, role).await?;
        }
        for organization in &wanted.organizations {
            self.organization(organization).await?;
        }
        for group in &wanted.groups {
            self.group(None, group).await?;
        }
        self.policies().await?;
        for binding in &wanted.bindings {
            self.binding(binding).await?;
        }
        for (email, relation) in &wanted.platform_users {
            self.platform_user(email, *relation).await?;
        }
        // what the file may not change is told before what it may not remove
        self.only_own()?;
        removal::everything(self).await?;
        self.somebody_owns().await
    }

    pub fn scribe(&self) -> Scribe {
        self.c.scribe.clone()
    }
    pub fn note(&mut self, what: What, kind: &'static str, name: &str, fields: Vec<FieldDifference>) {
        self.out.push(Difference { what, kind, name: name.into(), fields });
    }
    /// A thing was made: the set keeps it.
    pub async fn made(&mut self, kind: &'static str, id: Uuid, name: &str) -> Result<()> {
        self.named.insert((kind, id));
        managed::put(self.tx, kind, id, &self.c.wanted.set).await?;
        self.note(What::Create, kind, name, vec![]);
        Ok(())
    }
    /// A thing is there: may it be made as the file says? What is so already is left alone, whoever keeps it.
    pub async fn may_change(&mut self, kind: &'static str, id: Uuid, name: &str, differs: bool) -> Result<bool> {
        self.named.insert((kind, id));
        if self.mine.contains(&(kind.into(), id)) {
            return Ok(differs);
        }
        if self.c.options.adopt {
            managed::put(self.tx, kind, id, &self.c.wanted.set).await?;
            self.note(What::Adopt, kind, name, vec![]);
            return Ok(differs);
        }
        if differs {
            let whose = match managed::set_of(self.tx, kind, id).await? {
                Some(set) => format!("the set {set} keeps it"),
                None => "it was not made by this file".into(),
            };
            self.foreign.push(format!("{kind} {name} ({whose})"));
        }
        Ok(false)
    }
    /// The same with what differs.
    pub async fn change(&mut self, kind: &'static str, id: Uuid, name: &str, fields: Compared) -> Result<bool> {
        let may = self.may_change(kind, id, name, !fields.0.is_empty()).await?;
        if may {
            self.note(What::Change, kind, name, fields.0);
        }
        Ok(may)
    }
    fn only_own(&self) -> Result<()> {
        if self.foreign.is_empty() {
            return Ok(());
        }
        let (n, some) = (self.foreign.len(), self.foreign.iter().take(20).cloned().collect::<Vec<_>>().join(", "));
        let message = format!(
            "{n} things are not as the file says, and not this set's to change: {some}. --adopt takes them over."
        );
        Err(Error::new(Code::Conflict, message).detail("foreign", self.foreign.clone()).into())
    }
    /// Who owned something may be replaced by another owner, not by nobody.
    async fn somebody_owns(&mut self) -> Result<()> {
        let nobody = Bearer::Pat(Uuid::nil());
        for (role, object, name) in std::mem::take(&mut self.owners) {
            let there = organization::by_id(self.tx, Id::from_uuid(object)).await?.is_some()
                || group::by_id(self.tx, Id::from_uuid(object)).await?.is_some();
            if there && !holder::has_another(self.tx, role, object, nobody).await? {
                let message =
                    format!("{name} would have no owner: bind a user, who is not disabled, to its owner's role.");
                return Err(Error::new(Code::Conflict, message).detail("state", "last_owner").into());
            }
        }
        Ok(())
    }

    async fn permissions(&mut self) -> Result<()> {
        let c = self.c;
        let mut new = vec![];
        for p in &c.wanted.permissions {
            let (slug, name) = (p.key.slug(), format!("{}.{}", p.key.namespace().replace('/', "."), p.key.verb()));
            let Some(old) = permission::by_slug(self.tx, &slug).await? else {
                new.push(p.clone());
                continue;
            };
            let fields = Compared::default().field("title", old.title.as_str(), p.title.as_str()).field(
                "metadata",
                old.metadata.clone(),
                p.metadata.clone(),
            );
            if self.change(PERMISSION, old.id.uuid(), &name, fields).await? {
                let update = permissions::Update {
                    which: permissions::Which(slug),
                    title: Some(p.title.clone()),
                    metadata: p.metadata.clone(),
                    scribe: self.scribe(),
                };
                permissions::update(self.tx, &update).await?;
            }
        }
        if !new.is_empty() {
            let create = permissions::Create { new, scribe: self.scribe() };
            for made in permissions::create(self.tx, &create).await? {
                self.made(PERMISSION, made.id.uuid(), &made.key()).await?;
            }
        }
        let own = access::own_permissions(self.tx).await?;
        if own.len() > permissions::MOST {
            return Err(
                Error::new(Code::Conflict, format!("A tenant has at most {} permissions.", permissions::MOST)).into()
            );
        }
        let mut leaving = HashSet::new();
        for (_, id) in
            self.mine.iter().filter(|(kind, id)| kind == PERMISSION && !self.named.contains(&(PERMISSION, *id)))
        {
            leaving.extend(permission::by_id(self.tx, Id::from_uuid(*id)).await?.map(|p| p.slug));
        }
        self.catalogue = Catalogue::new(own.into_iter().filter(|p| !leaving.contains(&*p.slug)));
        Ok(())
    }

    async fn role(&mut self, organization: Option<&Organization>, new: &NewRole) -> Result<()> {
        let name = placed(organization, &new.name);
        let at = |e: Error| about("role", &name, &e);
        let mut metadata = new.metadata.clone();
        self.c.schemas.check("role", &metadata).map_err(at)?;
        if let Some(organization) = organization {
            metadata.insert("org_name".into(), Value::from(&*organization.name));
        }
        let now = self.tx.cx.now;
        let role = AccessRole {
            id: self.c.scribe.id(),
            organization_id: organization.map(|o| o.id),
            name: new.name.clone(),
            title: new.title.clone(),
            permissions: roles::permissions(&self.catalogue, &new.permissions).map_err(at)?,
            scopes: roles::scopes(&self.catalogue, &new.scopes).map_err(at)?,
            state: State::Enabled,
            metadata,
            created_at: now,
            updated_at: now,
        };
        let seen = access_role::by_name(self.tx, role.organization_id, &role.name).await?;
        let Some(old) = seen.clone() else {
            let made = roles::put(self.tx, &roles::Change { role, seen, scribe: self.scribe() }).await?;
            return self.made(ROLE, made.id.uuid(), &name).await;
        };
        let fields = Compared::default()
            .field("title", old.title.as_str(), role.title.as_str())
            .set("permissions", &old.permissions, &role.permissions)
            .set("scopes", &old.scopes, &role.scopes)
            .field("metadata", old.metadata.clone(), role.metadata.clone());
        if self.change(ROLE, old.id.uuid(), &name, fields).await? {
            roles::put(self.tx, &roles::Change { role, seen, scribe: self.scribe() }).await?;
        }
        Ok(())
    }

    async fn organization(&mut self, w: &WantedOrganization) -> Result<()> {
        let name = w.new.name.to_string();
        self.c.schemas.check("organization", &w.new.content.metadata).map_err(|e| about(ORGANIZATION, &name, &e))?;
        let found = match organization::by_name(self.tx, &name).await? {
            Some(old) => self.same_organization(w, old, &name).await?,
            None => self.new_organization(w, &name).await?,
        };
        for role in &w.roles {
            self.role(Some(&found), role).await?;
        }
        for group in &w.groups {
            self.group(Some(&found), group).await?;
        }
        for project in &w.projects {
            self.project(&found, project).await?;
        }
        Ok(())
    }
    async fn new_organization(&mut self, w: &WantedOrganization, name: &str) -> Result<Organization> {
        let (now, content) = (self.tx.cx.now, w.new.content.clone());
        let organization = Organization {
            id: self.c.scribe.id(),
            name: w.new.name.clone(),
            title: content.title,
            avatar: content.avatar,
            state: State::Enabled,
            metadata: content.metadata,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let insert =
            organizations::Insert { organization, owner: None, binding: self.c.scribe.id(), scribe: self.scribe() };
        let made = organizations::insert(self.tx, &insert).await?;
        self.made(ORGANIZATION, made.id.uuid(), name).await?;
        self.owners.push((ORGANIZATION_OWNER.id(), made.id.uuid(), format!("organization {name}")));
        self.switch_organization(made.id, made.state, w.state).await?;
        Ok(made)
    }
    async fn same_organization(
        &mut self,
        w: &WantedOrganization,
        old: Organization,
        name: &str,
    ) -> Result<Organization> {
        let content = &w.new.content;
        let fields = Compared::default()
            .field("title", old.title.as_str(), content.title.as_str())
            .field("avatar", old.avatar.as_deref(), content.avatar.as_deref())
            .field("state", old.state.as_str(), w.state.as_str())
            .field("metadata", old.metadata.clone(), content.metadata.clone());
        if self.change(ORGANIZATION, old.id.uuid(), name, fields).await? {
            let update = organizations::Update { id: old.id, content: content.clone(), scribe: self.scribe() };
            organizations::update(self.tx, &update).await?;
            self.switch_organization(old.id, old.state, w.state).await?;
        }
        Ok(old)
    }
    async fn switch_organization(&mut self, id: Id<Organization>, from: State, to: State) -> Result<()> {
        if from == to {
            return Ok(());
        }
        organizations::set_state(self.tx, &organizations::SetState { id, state: to, scribe: self.scribe() }).await
    }

    async fn group(&mut self, organization: Option<&Organization>, w: &WantedGroup) -> Result<()> {
        let name = placed(organization, &w.content.name);
        self.c.schemas.check("group", &w.content.metadata).map_err(|e| about(GROUP, &name, &e))?;
        let found = group::by_name(self.tx, organization.map(|o| o.id), &w.content.name).await?;
        let (id, state) = match found {
            None => {
                let id = self.new_group(organization, w).await?;
                self.made(GROUP, id.uuid(), &name).await?;
                (id, State::Enabled)
            }
            // who is in it is the provider's to say, so that nobody takes it over
            Some(old) if old.identity_provider_id.is_some() => return Err(providers(&name)),
            Some(old) => {
                let fields = Compared::default()
                    .field("title", old.title.as_str(), w.content.title.as_str())
                    .field("state", old.state.as_str(), w.state.as_str())
                    .field("metadata", old.metadata.clone(), w.content.metadata.clone());
                let content = fields.0.iter().any(|f| f.field != "state");
                if !self.change(GROUP, old.id.uuid(), &name, fields).await? {
                    return Ok(());
                }
                if content {
                    // only what is enabled can be changed
                    self.switch_group(old.id, old.state, State::Enabled).await?;
                    let content = w.content.clone();
                    let update = groups::Update { seen: old.clone(), content, scribe: self.scribe() };
                    groups::update(self.tx, &update).await?;
                    (old.id, State::Enabled)
                } else {
                    (old.id, old.state)
                }
            }
        };
        self.switch_group(id, state, w.state).await
    }
    async fn new_group(&mut self, organization: Option<&Organization>, w: &WantedGroup) -> Result<Id<Group>> {
        let now = self.tx.cx.now;
        let group = Group {
            id: self.c.scribe.id(),
            organization_id: organization.map(|o| o.id),
            name: w.content.name.clone(),
            title: w.content.title.clone(),
            state: State::Enabled,
            source: MANUAL.into(),
            identity_provider_id: None,
            external_id: None,
            description: None,
            role_mappings: vec![],
            metadata: w.content.metadata.clone(),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let insert = groups::Insert { group, owner: None, binding: self.c.scribe.id(), scribe: self.scribe() };
        Ok(groups::insert(self.tx, &insert).await?.group.id)
    }
    async fn switch_group(&mut self, id: Id<Group>, from: State, to: State) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let Some(seen) = group::by_id(self.tx, id).await? else { return Ok(()) };
        groups::switch(self.tx, &groups::Switch { seen, state: to, scribe: self.scribe() }).await
    }

    async fn project(&mut self, organization: &Organization, w: &WantedProject) -> Result<()> {
        let name = w.new.name.to_string();
        let found = project::by_name(self.tx, &name).await?;
        let (id, state) = match found {
            None => {
                let id = self.new_project(organization, w).await?;
                self.made(PROJECT, id.uuid(), &name).await?;
                (id, State::Enabled)
            }
            Some(old) if old.organization_id != organization.id => {
                let message = format!("project {name} lies in another organization, and a project never moves.");
                return Err(Error::new(Code::Conflict, message).into());
            }
            Some(old) => {
                let fields = Compared::default()
                    .field("title", old.title.as_str(), w.new.content.title.as_str())
                    .field("state", old.state.as_str(), w.state.as_str())
                    .field("metadata", old.metadata.clone(), w.new.content.metadata.clone());
                let content = fields.0.iter().any(|f| f.field != "state");
                if !self.change(PROJECT, old.id.uuid(), &name, fields).await? {
                    return Ok(());
                }
                if content {
                    self.switch_project(old.id, old.state, State::Enabled).await?;
                    let update = projects::Update { id: old.id, content: w.new.content.clone(), scribe: self.scribe() };
                    projects::update(self.tx, &update).await?;
                    (old.id, State::Enabled)
                } else {
                    (old.id, old.state)
                }
            }
        };
        self.switch_project(id, state, w.state).await
    }
    async fn new_project(&mut self, organization: &Organization, w: &WantedProject) -> Result<Id<Project>> {
        let now = self.tx.cx.now;
        let project = Project {
            id: self.c.scribe.id(),
            organization_id: organization.id,
            name: w.new.name.clone(),
            title: w.new.content.title.clone(),
            state: State::Enabled,
            metadata: w.new.content.metadata.clone(),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let insert = projects::Insert { project, owner: None, binding: self.c.scribe.id(), scribe: self.scribe() };
        Ok(projects::insert(self.tx, &insert).await?.project.id)
    }
    async fn switch_project(&mut self, id: Id<Project>, from: State, to: State) -> Result<()> {
        if from == to {
            return Ok(());
        }
        projects::switch(self.tx, &projects::Switch { id, state: to, scribe: self.scribe() }).await
    }

    pub async fn save_user(&mut self, before: &User, after: &User) -> Result<()> {
        user::update(self.tx, after).await?;
        record_update(self.tx, &self.c.scribe, before, after);
        self.tx.bump().await.map(drop)
    }
}

/// 409: a file names no group of an identity provider.
pub(super) fn providers(name: &str) -> portcullis_store::Error {
    let message = format!(
        "group {name} is an identity provider's, which says who is in it: a file neither keeps nor binds it. Name your own otherwise."
    );
    Error::new(Code::Conflict, message).detail("state", "managed_externally").into()
}
/// `organization/name`, as the file says it.
pub(super) fn placed(organization: Option<&Organization>, name: &str) -> String {
    Placed { organization: organization.map(|o| o.name.to_string()), name: name.into() }.to_string()
}
/// The same refusal, naming what it is about.
pub(super) fn about(kind: &str, name: &str, e: &Error) -> Error {
    let mut out = Error::new(e.code(), format!("{kind} {name}: {}", e.message()));
    for (key, value) in e.details() {
        out = out.detail(key, value.clone());
    }
    out
}
pub(super) fn named(e: portcullis_store::Error, kind: &str, name: &str) -> portcullis_store::Error {
    match e {
        portcullis_store::Error::Domain(e) => about(kind, name, &e).into(),
        e => e,
    }
}
