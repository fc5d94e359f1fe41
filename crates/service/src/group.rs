//! Groups of an organization: make, read, change, switch, end, list (spec v1beta1 2.3.5, 3.3). Their members are in
//! `group_member.rs`.
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::GROUP_OWNER;
use portcullis_domain::audit::Event;
use portcullis_domain::group::Group;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, group, organization};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, bearer};
use crate::holder::{self, Give, Room, bounded, held, persons};
use crate::{Answer, App, Reply, lookup};

/// What may change of a group; a change replaces all of it (spec v1beta1 3).
#[derive(Clone, Debug)]
pub struct GroupContent {
    /// Unique in its organization.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// Checked against the tenant's MetaSchema `group` here.
    pub metadata: Map<String, Value>,
}

/// A group with as much of its members as was asked for.
#[derive(Clone, Debug)]
pub struct GroupShown {
    /// The group.
    pub group: Group,
    /// Its members; none unless asked for.
    pub users: Vec<User>,
    /// How many they are; 0 unless asked for.
    pub members: u32,
}
impl GroupShown {
    /// Without members.
    pub const fn alone(group: Group) -> Self {
        Self { group, users: vec![], members: 0 }
    }
}

/// What else than the groups themselves a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// The members of each.
    pub members: bool,
    /// How many they are.
    pub count: bool,
}

impl App {
    /// Makes a group whose maker owns it. `app_organization_groupcreate`.
    pub async fn create_group(
        &self,
        cx: &Ctx,
        organization: String,
        new: Result<GroupContent>,
        reply: Reply<GroupShown>,
    ) -> Result<Answer> {
        const ACTION: &str = "app_organization_groupcreate";
        let found = self.find_organization(cx, &organization, ACTION).await?;
        let command = async {
            let GroupContent { name, title, metadata } = new?;
            self.snapshot(cx).await?.schemas.check("group", &metadata)?;
            let owner = bearer(&cx.principal).ok_or_else(nobody)?;
            let group = Group {
                id: self.id(cx),
                organization_id: Some(found.id),
                name,
                title,
                state: State::Enabled,
                source: "manual".into(),
                metadata,
                created_at: cx.now,
                updated_at: cx.now,
                revision: 1,
            };
            Ok(Insert { group, organization: found.id, owner, binding: self.id(cx), scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::on(Object::Organization(found.id.uuid()), ACTION), command, reply, insert).await
    }
    /// One group. `app_group_get`. A disabled one is not found.
    pub async fn get_group(&self, cx: &Ctx, which: String, shown: Shown) -> Result<GroupShown> {
        let group = self.group_for(cx, &which, "app_group_get").await?;
        self.show_group(cx, group, shown).await
    }
    /// Puts name, title and metadata in place of the old ones. `app_group_update`.
    pub async fn update_group(&self, cx: &Ctx, which: String, new: Result<GroupContent>) -> Result<GroupShown> {
        let found = self.find_group(cx, &which, "app_group_update").await?;
        let gate = on(&found, "app_group_update").asleep();
        let command = async {
            let content = new?;
            self.snapshot(cx).await?.schemas.check("group", &content.metadata)?;
            Ok(Update { id: found.id, content, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await.map(GroupShown::alone)
    }
    /// Switches a group on or off. `app_group_delete`.
    pub async fn set_group_state(&self, cx: &Ctx, which: String, state: State, reply: Reply<()>) -> Result<Answer> {
        let found = self.find_group(cx, &which, "app_group_delete").await?;
        let gate = on(&found, "app_group_delete").asleep();
        let command = async { Ok(Switch { id: found.id, state, scribe: self.scribe(cx) }) };
        self.answer(cx, gate, command, reply, switch).await
    }
    /// Ends a group with all that is held on it and through it. `app_group_delete`.
    pub async fn delete_group(&self, cx: &Ctx, which: String) -> Result<()> {
        let found = self.find_group(cx, &which, "app_group_delete").await?;
        let gate = on(&found, "app_group_delete").asleep();
        let command = async { Ok(Delete { id: found.id, scribe: self.scribe(cx) }) };
        let mut gone = self.apply(cx, gate, command, delete).await?;
        while !gone {
            // not asked again: the right to it may be among what went
            let next = Delete { id: found.id, scribe: self.scribe(cx) };
            gone = self.0.db.write_bulk(cx.clone(), next, delete).await?;
            // each step is few enough changes for the graph to take them up one by one
            self.snapshot(cx).await?;
        }
        Ok(())
    }

    /// The groups of an organization: enabled ones, unless others are asked for; of these ids only, if there are any.
    /// `app_organization_grouplist`.
    pub async fn list_organization_groups(
        &self,
        cx: &Ctx,
        organization: String,
        state: State,
        only: &[String],
        shown: Shown,
    ) -> Result<Vec<GroupShown>> {
        let found = self.organization_for(cx, &organization, "app_organization_grouplist").await?;
        let mut groups = self.groups_of_organization(cx, Some(found.id), state).await?;
        if !only.is_empty() {
            let ids: Vec<Id<Group>> = only.iter().filter_map(|id| id.parse().ok()).collect();
            groups.retain(|g| ids.contains(&g.id));
        }
        self.show_groups(cx, groups, shown).await
    }
    /// All groups of the tenant, or of one organization. Superusers.
    pub async fn list_groups(&self, cx: &Ctx, organization: String, state: State) -> Result<Vec<GroupShown>> {
        self.allow(cx, &Gate::superuser("groups:list")).await?;
        let organization = match organization.as_str() {
            "" => None,
            _ => Some(self.find_organization(cx, &organization, "groups:list").await?.id),
        };
        let groups = self.groups_of_organization(cx, organization, state).await?;
        self.show_groups(cx, groups, Shown::default()).await
    }

    /// A group that the caller may do this to and that is not disabled.
    pub(crate) async fn group_for(&self, cx: &Ctx, which: &String, permission: &'static str) -> Result<Group> {
        let found = self.find_group(cx, which, permission).await?;
        self.allow(cx, &on(&found, permission).asleep()).await?;
        enabled(found)
    }
    /// A group that the caller has yet to be allowed to look at.
    pub(crate) async fn find_group(&self, cx: &Ctx, which: &String, action: &'static str) -> Result<Group> {
        let found = self.0.db.read(cx.clone(), which, lookup::group).await?;
        found.ok_or_else(|| self.missing(cx, action, "group"))
    }
    async fn groups_of_organization(
        &self,
        cx: &Ctx,
        organization: Option<Id<Organization>>,
        state: State,
    ) -> Result<Vec<Group>> {
        let groups = self.0.db.scan(cx.clone(), List { organization, state }, list).await?;
        bounded(groups.len())?;
        Ok(groups)
    }
    async fn show_groups(&self, cx: &Ctx, groups: Vec<Group>, shown: Shown) -> Result<Vec<GroupShown>> {
        let mut out = Vec::with_capacity(groups.len());
        let mut members = 0;
        for group in groups {
            let group = self.show_group(cx, group, shown).await?;
            members += group.users.len();
            bounded(members)?;
            out.push(group);
        }
        Ok(out)
    }
    pub(crate) async fn show_group(&self, cx: &Ctx, group: Group, shown: Shown) -> Result<GroupShown> {
        let graph = &self.snapshot(cx).await?.access;
        let (mut users, mut members) = (vec![], 0);
        if shown.members {
            let people = self.people(cx, held(&graph.graph, group.id.uuid(), persons)).await?;
            users = people.into_iter().map(|h| h.who).collect();
        }
        if shown.count {
            members = holder::count(&graph.graph, group.id.uuid());
        }
        Ok(GroupShown { group, users, members })
    }
}

/// What somebody needs who does something to a group.
pub(crate) fn on(group: &Group, permission: &'static str) -> Gate {
    Gate::on(Object::Group(group.id.uuid()), permission)
}
/// A disabled group is not found (spec v1beta1 3.3).
pub(crate) fn enabled(group: Group) -> Result<Group> {
    if group.state.is_enabled() { Ok(group) } else { Err(Error::not_found("group")) }
}
/// A caller that no binding can name has made nothing that it could own.
pub(crate) fn nobody() -> Error {
    Error::new(Code::Forbidden, "Only a person, or a key with every scope, may make this: its maker owns it.")
}
fn taken() -> Error {
    Error::new(Code::AlreadyExists, "A group of this name exists in the organization.").detail("field", "name")
}

struct Insert {
    group: Group,
    organization: Id<Organization>,
    owner: Bearer,
    binding: Id<RoleBinding>,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<GroupShown> {
    let g = &c.group;
    if organization::by_id(tx, c.organization).await?.is_none() {
        return Err(Error::not_found("organization").into());
    }
    if !group::insert(tx, g).await? {
        return Err(taken().into());
    }
    tx.touch(Kind::Group, g.id.uuid());
    let owner = Give {
        id: c.binding,
        role: GROUP_OWNER.id(),
        namespace: "app/group",
        object: g.id.uuid(),
        bearer: c.owner,
        now: g.created_at,
    };
    holder::give(tx, &owner).await?;
    let event = c
        .scribe
        .event("group.created", "group", g.id)
        .change("name", Value::Null, &*g.name)
        .change("title", Value::Null, g.title.as_str())
        .change("metadata", Value::Null, Value::Object(g.metadata.clone()))
        .with("organization_id", c.organization.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(GroupShown::alone(g.clone()))
}

struct Update {
    id: Id<Group>,
    content: GroupContent,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Group> {
    let before = present(tx, c.id).await?;
    let before = enabled(before)?;
    let after = Group {
        name: c.content.name.clone(),
        title: c.content.title.clone(),
        metadata: c.content.metadata.clone(),
        updated_at: tx.cx.now,
        revision: before.revision + 1,
        ..before.clone()
    };
    let other = group::by_name(tx, after.organization_id, &after.name).await?;
    if other.is_some_and(|g| g.id != after.id) {
        return Err(taken().into());
    }
    group::update(tx, &after).await.map_err(|e| e.when_conflict("groups_name", taken))?;
    let event = c
        .scribe
        .event("group.updated", "group", c.id)
        .change("name", &*before.name, &*after.name)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("metadata", Value::Object(before.metadata), Value::Object(after.metadata.clone()));
    if !event.changes.is_empty() {
        c.scribe.write(tx, within(event, &after));
    }
    // no bump: nothing that a check reads
    Ok(after)
}

struct Switch {
    id: Id<Group>,
    state: State,
    scribe: Scribe,
}
async fn switch(tx: &mut Tx, c: &Switch) -> portcullis_store::Result<()> {
    let before = present(tx, c.id).await?;
    if before.state == c.state {
        return Ok(());
    }
    let after = Group { state: c.state, updated_at: tx.cx.now, ..before.clone() };
    group::update(tx, &after).await?;
    tx.touch(Kind::Group, c.id.uuid());
    let action = if c.state.is_enabled() { "group.enabled" } else { "group.disabled" };
    c.scribe.write(tx, within(c.scribe.event(action, "group", c.id), &before));
    tx.bump().await?;
    Ok(())
}

struct Delete {
    id: Id<Group>,
    scribe: Scribe,
}
/// True when it is gone; else as much as one transaction may remove is, and nothing that is left counts any more.
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let group = present(tx, c.id).await?;
    let (mut room, id) = (Room::STEP, c.id.uuid());
    // what is held through it before what is held on it: whoever may delete it may so a moment longer
    let emptied =
        holder::take_everywhere(tx, Bearer::Group(id), &mut room).await? && holder::take_on(tx, id, &mut room).await?;
    if emptied {
        remove(tx, &c.scribe, &group).await?;
    } else if group.state.is_enabled() {
        group::update(tx, &Group { state: State::Disabled, updated_at: tx.cx.now, ..group }).await?;
        tx.touch(Kind::Group, id);
    }
    tx.bump().await?;
    Ok(emptied)
}
/// Removes a group on which and through which nothing is held. The caller moves the revision.
pub(crate) async fn remove(tx: &mut Tx, scribe: &Scribe, group: &Group) -> portcullis_store::Result<()> {
    group::delete(tx, group.id).await?;
    tx.touch(Kind::Group, group.id.uuid());
    let organization = group.organization_id.map_or(Value::Null, |o| o.to_string().into());
    let event = scribe.event("group.deleted", "group", group.id).with("name", &*group.name);
    scribe.write(tx, event.with("organization_id", organization));
    Ok(())
}
/// The event with the organization that the group lies in.
pub(crate) fn within(event: Event, group: &Group) -> Event {
    match group.organization_id {
        Some(organization) => event.with("organization_id", organization.to_string()),
        None => event,
    }
}
/// The group as the transaction sees it.
pub(crate) async fn present(tx: &mut Tx, id: Id<Group>) -> portcullis_store::Result<Group> {
    Ok(group::by_id(tx, id).await?.ok_or_else(|| Error::not_found("group"))?)
}

struct List {
    /// `None`: of the whole tenant.
    organization: Option<Id<Organization>>,
    state: State,
}
async fn list(tx: &mut Tx, l: &List) -> portcullis_store::Result<Vec<Group>> {
    let (mut out, mut id, mut name) = (vec![], Uuid::nil(), String::new());
    loop {
        let page = match l.organization {
            None => group::page(tx, id).await?,
            some => group::in_scope(tx, some, &name).await?,
        };
        let Some(last) = page.last() else { return Ok(out) };
        id = last.id.uuid();
        name = last.name.to_string();
        out.extend(page.into_iter().filter(|g| g.state == l.state));
        if out.len() > holder::MOST {
            return Ok(out);
        }
    }
}
