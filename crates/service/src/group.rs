//! Groups of an organization: make, read, change, switch, end, list (spec v1beta1 2.3.5, 3.3). Their members are in
//! `group_member.rs`; groups of the tenant as `/v1` knows them in `tenant_group.rs`.
use std::collections::HashSet;

use portcullis_authz::Target;
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::GROUP_OWNER;
use portcullis_domain::audit::Event;
use portcullis_domain::group::{Group, MANUAL};
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, group, organization, policy, tenant};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, maker};
use crate::change::moved;
use crate::group_role::{as_seen, by_hand, not_ones_own};
use crate::holder::{self, Give, Room, bounded, held, persons};
use crate::user_change::require_revision;
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
            let owner = maker(&cx.principal).ok_or_else(nobody)?;
            let group = Group {
                id: self.id(cx),
                organization_id: Some(found.id),
                name,
                title,
                state: State::Enabled,
                source: MANUAL.into(),
                identity_provider_id: None,
                external_id: None,
                description: None,
                role_mappings: vec![],
                metadata,
                created_at: cx.now,
                updated_at: cx.now,
                revision: 1,
            };
            Ok(Insert { group, owner: Some(owner), binding: self.id(cx), scribe: self.scribe(cx) })
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
        let gate = on(&found, "app_group_update").asleep().carrying(found.roles());
        let command = async {
            let content = new?;
            self.snapshot(cx).await?.schemas.check("group", &content.metadata)?;
            Ok(Update { seen: found, content, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await.map(GroupShown::alone)
    }
    /// Switches a group on or off. `app_group_delete`.
    pub async fn set_group_state(&self, cx: &Ctx, which: String, state: State, reply: Reply<()>) -> Result<Answer> {
        let found = self.find_group(cx, &which, "app_group_delete").await?;
        let gate = on(&found, "app_group_delete").asleep().carrying(found.roles());
        let command = async { Ok(Switch { seen: found, state, scribe: self.scribe(cx) }) };
        self.answer(cx, gate, command, reply, switch).await
    }
    /// Ends a group with all that is held on it and through it. `app_group_delete`.
    pub async fn delete_group(&self, cx: &Ctx, which: String) -> Result<()> {
        let found = self.find_group(cx, &which, "app_group_delete").await?;
        let gate = on(&found, "app_group_delete").asleep();
        self.delete_as(cx, gate, found, None).await
    }
    /// Ends a group that the gate lets the caller end, step by step.
    pub(crate) async fn delete_as(&self, cx: &Ctx, gate: Gate, found: Group, if_match: Option<i64>) -> Result<()> {
        let (id, gate) = (found.id, gate.carrying(found.roles()));
        let command = async {
            let named = self.0.db.scan(cx.clone(), id, naming).await?;
            let tells = self.would_allow(cx, "policies:list", &Target::tenant()).await;
            Ok(Delete { id, first: Some(First { seen: found, named, tells, if_match }), scribe: self.scribe(cx) })
        };
        let mut gone = self.apply(cx, gate, command, delete).await?;
        while !gone {
            // not asked again: the right to it may be among what went
            let next = Delete { id, first: None, scribe: self.scribe(cx) };
            gone = self.0.db.write_bulk(cx.clone(), next, delete).await?;
            // each step is few enough changes for the graph to take them up one by one
            self.snapshot(cx).await?;
        }
        Ok(())
    }

    /// The groups of an organization: enabled ones, unless others are asked for; of these ids only, if there are any.
    /// `app_organization_grouplist`. Those of the tenant itself lie in the platform organization, for superusers (decision 16).
    pub async fn list_organization_groups(
        &self,
        cx: &Ctx,
        organization: String,
        state: State,
        only: &[String],
        shown: Shown,
    ) -> Result<Vec<GroupShown>> {
        let lies_in = if is_platform(&organization) {
            self.allow(cx, &Gate::superuser("groups:list")).await?;
            None
        } else {
            Some(self.organization_for(cx, &organization, "app_organization_grouplist").await?.id)
        };
        let mut groups = self.groups_in(cx, Where::In(lies_in), state).await?;
        if !only.is_empty() {
            let ids: HashSet<Id<Group>> = only.iter().filter_map(|id| id.parse().ok()).collect();
            groups.retain(|g| ids.contains(&g.id));
        }
        self.show_groups(cx, groups, shown).await
    }
    /// All groups of the tenant, or of one organization. Superusers.
    pub async fn list_groups(&self, cx: &Ctx, organization: String, state: State) -> Result<Vec<GroupShown>> {
        self.allow(cx, &Gate::superuser("groups:list")).await?;
        let place = match organization.as_str() {
            "" => Where::Anywhere,
            which if is_platform(which) => Where::In(None),
            _ => Where::In(Some(self.find_organization(cx, &organization, "groups:list").await?.id)),
        };
        let groups = self.groups_in(cx, place, state).await?;
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
    async fn groups_in(&self, cx: &Ctx, place: Where, state: State) -> Result<Vec<Group>> {
        let groups = self.0.db.scan(cx.clone(), List { place, state }, list).await?;
        bounded(groups.len())?;
        Ok(groups)
    }
    pub(crate) async fn show_groups(&self, cx: &Ctx, groups: Vec<Group>, shown: Shown) -> Result<Vec<GroupShown>> {
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let mut people = vec![];
        if shown.members {
            let on = |g: &Group| held(graph, g.id.uuid(), persons).into_keys().collect();
            people = self.people_on(cx, groups.iter().map(on).collect()).await?;
        }
        let mut people = people.into_iter();
        let show = |group: Group| GroupShown {
            users: people.next().unwrap_or_default(),
            members: if shown.count { holder::count(graph, group.id.uuid()) } else { 0 },
            group,
        };
        Ok(groups.into_iter().map(show).collect())
    }
    pub(crate) async fn show_group(&self, cx: &Ctx, group: Group, shown: Shown) -> Result<GroupShown> {
        let one = self.show_groups(cx, vec![group], shown).await?.pop();
        one.ok_or_else(|| Error::internal("a group went missing"))
    }
}

/// What somebody needs who does something to a group.
pub(crate) fn on(group: &Group, permission: &'static str) -> Gate {
    Gate::on(Object::Group(group.id.uuid()), permission)
}
/// The organization that is none: what has no organization is shown as lying in it.
fn is_platform(which: &str) -> bool {
    which.parse::<Id<Organization>>().is_ok_and(|id| id.uuid().is_nil())
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
pub(crate) fn title_taken() -> Error {
    Error::new(Code::AlreadyExists, "A group of this name exists in this tenant.").detail("field", "title")
}

pub(crate) struct Insert {
    pub group: Group,
    /// `None`: nobody made it who could own it.
    pub owner: Option<Bearer>,
    pub binding: Id<RoleBinding>,
    pub scribe: Scribe,
}
pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<GroupShown> {
    let g = &c.group;
    if let Some(id) = g.organization_id
        && organization::by_id(tx, id).await?.is_none()
    {
        return Err(Error::not_found("organization").into());
    }
    if !group::insert(tx, g).await? {
        return Err(taken().into());
    }
    tx.touch(Kind::Group, g.id.uuid());
    if let Some(bearer) = c.owner {
        let owner = Give {
            id: c.binding,
            role: GROUP_OWNER.id(),
            namespace: "app/group",
            object: g.id.uuid(),
            bearer,
            now: g.created_at,
        };
        holder::give(tx, &owner).await?;
    }
    let event = c
        .scribe
        .event("group.created", "group", g.id)
        .change("name", Value::Null, &*g.name)
        .change("title", Value::Null, g.title.as_str())
        .change("metadata", Value::Null, Value::Object(g.metadata.clone()))
        .with("organization_id", g.organization_id.map_or(Value::Null, |o| o.to_string().into()));
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(GroupShown::alone(g.clone()))
}

pub(crate) struct Update {
    pub seen: Group,
    pub content: GroupContent,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Group> {
    let before = enabled(as_seen(tx, &c.seen).await?)?;
    by_hand(&before)?;
    if before.organization_id.is_none() && c.content.title.is_empty() {
        return Err(Error::field("title", "A group of the tenant has one: it is its name on /v1.").into());
    }
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
    group::update(tx, &after)
        .await
        .map_err(|e| e.when_conflict("groups_name", taken).when_conflict("groups_title", title_taken))?;
    let event = c
        .scribe
        .event("group.updated", "group", after.id)
        .change("name", &*before.name, &*after.name)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("metadata", Value::Object(before.metadata), Value::Object(after.metadata.clone()));
    if !event.changes.is_empty() {
        c.scribe.write(tx, within(event, &after));
    }
    // no bump: nothing that a check reads
    Ok(after)
}

pub(crate) struct Switch {
    pub seen: Group,
    pub state: State,
    pub scribe: Scribe,
}
pub(crate) async fn switch(tx: &mut Tx, c: &Switch) -> portcullis_store::Result<()> {
    let before = as_seen(tx, &c.seen).await?;
    if before.state == c.state {
        return Ok(());
    }
    not_ones_own(tx, &before).await?;
    let after = Group { state: c.state, updated_at: tx.cx.now, ..before.clone() };
    group::update(tx, &after).await?;
    tx.touch(Kind::Group, after.id.uuid());
    let action = if c.state.is_enabled() { "group.enabled" } else { "group.disabled" };
    c.scribe.write(tx, within(c.scribe.event(action, "group", after.id), &before));
    tx.bump().await?;
    Ok(())
}

pub(crate) struct Delete {
    pub id: Id<Group>,
    /// What has to hold before the first step; the others only finish it.
    pub first: Option<First>,
    pub scribe: Scribe,
}
pub(crate) struct First {
    seen: Group,
    named: Named,
    /// May the caller know which rules there are?
    tells: bool,
    if_match: Option<i64>,
}
/// True when it is gone; else as much as one transaction may remove is, and nothing that is left counts any more.
pub(crate) async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let group = present(tx, c.id).await?;
    if let Some(first) = &c.first {
        require_revision(group.revision, first.if_match)?;
        let seen = as_seen(tx, &first.seen).await?;
        if seen.ends_elsewhere() {
            by_hand(&seen)?;
        }
        not_ones_own(tx, &group).await?;
        first.named.nowhere(tx, first.tells).await?;
    }
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

/// Which rules and stages name a group, and of which revision of the rules that is.
struct Named {
    rules_revision: i64,
    /// Ids of policies.
    by: BTreeSet<String>,
}
impl Named {
    /// 409 `in_use` while there are any: a rule that names nobody says something else than it said (spec v1 4.4).
    async fn nowhere(&self, tx: &mut Tx, tells: bool) -> portcullis_store::Result<()> {
        let now = tenant::revisions(tx).await?.map(|r| r.rules_revision);
        if now != Some(self.rules_revision) {
            return Err(moved().into());
        }
        if self.by.is_empty() {
            return Ok(());
        }
        let by: Vec<&String> = self.by.iter().take(20).collect();
        let e = Error::new(Code::InUse, "A rule or an approval stage names this group: change it first.");
        Err(if tells { e.detail("used_by", serde_json::json!({ "policies": by })) } else { e }.into())
    }
}
/// 409 `in_use` while a rule or an approval stage names the group, as this transaction sees them.
pub(crate) async fn named_nowhere(tx: &mut Tx, id: Id<Group>) -> portcullis_store::Result<()> {
    naming(tx, &id).await?.nowhere(tx, true).await
}
async fn naming(tx: &mut Tx, id: &Id<Group>) -> portcullis_store::Result<Named> {
    let rules_revision = tenant::revisions(tx).await?.map_or(-1, |r| r.rules_revision);
    let id = id.to_string();
    let names = |text: &str| text.to_ascii_lowercase().contains(&id);
    let rules = policy::all_rules(tx).await?;
    let mut by: BTreeSet<String> = rules.iter().filter(|r| names(&r.text)).map(|r| r.policy_id.to_string()).collect();
    let policies = policy::all(tx).await?;
    by.extend(policies.iter().filter(|p| names(&p.approval_stages.to_string())).map(|p| p.id.to_string()));
    Ok(Named { rules_revision, by })
}

/// Where groups are looked for.
#[derive(Clone, Copy, Debug)]
enum Where {
    Anywhere,
    /// In an organization; `None`: the tenant's own.
    In(Option<Id<Organization>>),
}
struct List {
    place: Where,
    state: State,
}
async fn list(tx: &mut Tx, l: &List) -> portcullis_store::Result<Vec<Group>> {
    let (mut out, mut id, mut name) = (vec![], Uuid::nil(), String::new());
    loop {
        let page = match l.place {
            Where::Anywhere => group::page(tx, id).await?,
            Where::In(organization) => group::in_scope(tx, organization, &name).await?,
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
