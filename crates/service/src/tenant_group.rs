//! Groups of the tenant as `/v1` knows them (spec v1 4.4): list, make, read, change, end, and who is in them. They are Frontier's
//! groups without an organization (decision 16); what they carry is in `group_role.rs`.
use std::collections::HashMap;

use portcullis_authz::{Reach, Target};
use portcullis_domain::access_role::{AccessRole, GROUP_MEMBER};
use portcullis_domain::group::{Group, MANUAL};
use portcullis_domain::organization::State;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Roles, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::group_list::{self, GroupList};
use portcullis_store::{Tx, group, role_binding, user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::group::{GroupShown, title_taken};
use crate::group_role::{as_seen, by_hand, not_oneself};
use crate::holder::{self, Give, active_user, bounded, same_role};
use crate::user::UserRef;
use crate::user_change::require_revision;
use crate::{Answer, App, Page, PageRequest, Reply, lookup};

/// A group to make.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Unique in the tenant, whatever the case; Frontier's title.
    pub name: String,
    /// At length.
    pub description: Option<String>,
}
/// A change of a group. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct GroupPatch {
    /// Unique in the tenant.
    pub name: Option<String>,
    /// At length.
    pub description: Option<Option<String>>,
}
/// What a list of groups is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// `local`, `scim`, …
    pub source: Option<String>,
    /// Start of a word of the name.
    pub q: Option<String>,
}

/// Somebody in a group.
#[derive(Clone, Debug)]
pub struct GroupMember {
    /// Who.
    pub user: User,
    /// Whence the membership comes: as the group does.
    pub source: String,
    /// Since when.
    pub joined_at: Timestamp,
    /// In which group.
    pub group: Id<Group>,
}

impl App {
    /// A page of groups, newest first. `groups:list`; without it everywhere, one's own are listed.
    pub async fn list_tenant_groups(
        &self,
        cx: &Ctx,
        filter: &GroupFilter,
        page: &PageRequest,
    ) -> Result<Page<GroupShown>> {
        let reach = self.may(cx, "groups:list", Target::tenant()).await?.reach;
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let only = match (reach, cx.principal.user_id()) {
            (Reach::All, _) => None,
            (_, Some(me)) => Some(graph.groups_of(Bearer::User(me.uuid())).collect::<Vec<Uuid>>()),
            _ => Some(vec![]),
        };
        if let Some(own) = &only {
            bounded(own.len())?;
        }
        let after = self.page_start(cx, page).await?.and_then(|k| crate::page::text(&k, "id").parse().ok());
        let source = filter.source.as_ref().map(|s| if s == "local" { MANUAL.to_owned() } else { s.clone() });
        let list = GroupList { source, q: filter.q.clone(), only, after, limit: page.limit + 1 };
        let rows = if list.is_scan() {
            self.0.db.scan(cx.clone(), list, run_list).await?
        } else {
            self.0.db.read(cx.clone(), &list, run_list).await?
        };
        let page = self.page(cx, page, rows, |g: &Group| json!({ "id": g.id })).await?;
        Ok(page.map(|g| counted(graph, g)))
    }
    /// One group. `groups:read`; one's own always.
    pub async fn get_tenant_group(&self, cx: &Ctx, id: Id<Group>) -> Result<GroupShown> {
        let group = self.readable(cx, id).await?;
        Ok(counted(&self.snapshot(cx).await?.access.graph, group))
    }
    /// Makes a group that nobody is in. `groups:create`.
    pub async fn create_tenant_group(
        &self,
        cx: &Ctx,
        new: Result<NewGroup>,
        reply: Reply<GroupShown>,
    ) -> Result<Answer> {
        let command = async {
            let NewGroup { name, description } = new?;
            let group = Group {
                id: self.id(cx),
                organization_id: None,
                name: Slug::from_title(&name),
                title: name,
                state: State::Enabled,
                source: MANUAL.into(),
                identity_provider_id: None,
                external_id: None,
                description,
                role_mappings: vec![],
                metadata: Map::new(),
                created_at: cx.now,
                updated_at: cx.now,
                revision: 1,
            };
            Ok(Insert { group, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::new("groups:create", Target::tenant()), command, reply, insert).await
    }
    /// Changes name and description. `groups:update`, and `roles:grant` for what it carries.
    pub async fn update_tenant_group(
        &self,
        cx: &Ctx,
        id: Id<Group>,
        patch: Result<GroupPatch>,
        if_match: Option<i64>,
    ) -> Result<GroupShown> {
        let found = self.find_tenant_group(cx, id).await?;
        let gate = gate("groups:update", found.as_ref());
        let command = async {
            let seen = found.ok_or_else(|| Error::not_found("group"))?;
            Ok(Update { seen, patch: patch?, if_match, scribe: self.scribe(cx) })
        };
        let group = self.apply(cx, gate, command, update).await?;
        Ok(counted(&self.snapshot(cx).await?.access.graph, group))
    }
    /// Ends a group. `groups:delete`, and `roles:grant` for what it carries.
    pub async fn delete_tenant_group(&self, cx: &Ctx, id: Id<Group>, if_match: Option<i64>) -> Result<()> {
        let found = self.find_tenant_group(cx, id).await?;
        let gate = gate("groups:delete", found.as_ref());
        match found {
            Some(group) => self.delete_as(cx, gate, group, if_match).await,
            None => {
                self.allow(cx, &gate).await?;
                Err(Error::not_found("group"))
            }
        }
    }

    /// Who is in a group, suspended ones too. `groups:read`; of one's own always.
    pub async fn list_tenant_group_members(&self, cx: &Ctx, id: Id<Group>) -> Result<Vec<GroupMember>> {
        let group = self.readable(cx, id).await?;
        let members = self.0.db.scan(cx.clone(), group, members).await?;
        bounded(members.len())?;
        Ok(members)
    }
    /// Puts somebody into a group. `groups:members`, and `roles:grant` for what it carries.
    pub async fn add_tenant_group_member(
        &self,
        cx: &Ctx,
        id: Id<Group>,
        member: Result<Id<User>>,
        reply: Reply<GroupMember>,
    ) -> Result<Answer> {
        let found = self.find_tenant_group(cx, id).await?;
        let role = self.named_role(cx, &GROUP_MEMBER.id().to_string(), None).await?;
        let gate = gate("groups:members", found.as_ref());
        let command = async {
            let seen = found.ok_or_else(|| Error::not_found("group"))?;
            let (user, role) = (member?, role.ok_or_else(holder::no_such_role)?);
            if self.find_user(cx, &UserRef::Id(user)).await?.is_none() {
                let field = FieldError { field: "user_id".into(), message: "No such user in this tenant.".into() };
                return Err(Error::with_fields(Code::Unprocessable, vec![field]));
            }
            Ok(Add { seen, user, role, binding: self.id(cx), scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, add).await
    }
    /// Takes somebody out of a group. `groups:members`, and `roles:grant` for what it carries.
    pub async fn remove_tenant_group_member(&self, cx: &Ctx, id: Id<Group>, user: Id<User>) -> Result<()> {
        let found = self.find_tenant_group(cx, id).await?;
        let gate = gate("groups:members", found.as_ref());
        let command = async {
            let seen = found.ok_or_else(|| Error::not_found("group"))?;
            Ok(Remove { seen, user, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, remove).await
    }

    /// A group of the tenant that the caller has yet to be allowed to look at.
    pub(crate) async fn find_tenant_group(&self, cx: &Ctx, id: Id<Group>) -> Result<Option<Group>> {
        let found = self.0.db.read(cx.clone(), &id.to_string(), lookup::group).await?;
        Ok(found.filter(|g| g.organization_id.is_none()))
    }
    async fn readable(&self, cx: &Ctx, id: Id<Group>) -> Result<Group> {
        let found = self.find_tenant_group(cx, id).await?;
        let graph = &self.snapshot(cx).await?.access.graph;
        let mine = cx.principal.user_id().filter(|me| graph.is_member(Bearer::User(me.uuid()), id.uuid()));
        let target = target(found.as_ref(), mine);
        self.may_read(cx, "groups:read", target, found, "group").await
    }
}

/// A group as rules see it; one that is not there is asked for in general, and is nobody's own (spec v1 2.3). `mine`: whose own it is.
pub(crate) fn target(group: Option<&Group>, mine: Option<Id<User>>) -> Target<'static> {
    let Some(group) = group else { return Target::tenant().about(Id::from_uuid(Uuid::nil())) };
    let target = Target::group(group.id.uuid())
        .attribute("name", &*group.title)
        .attribute("source", group.source_word())
        .in_groups(&[], group.roles())
        .into_owned();
    target.about(mine.unwrap_or(Id::from_uuid(Uuid::nil())))
}
fn gate(action: &'static str, group: Option<&Group>) -> Gate {
    Gate::new(action, target(group, None)).carrying(group.map_or(Roles::NONE, Group::roles))
}
fn counted(graph: &portcullis_authz::graph::Graph, group: Group) -> GroupShown {
    GroupShown { members: holder::count(graph, group.id.uuid()), users: vec![], group }
}
async fn run_list(tx: &mut Tx, l: &GroupList) -> portcullis_store::Result<Vec<Group>> {
    group_list::list(tx, l).await
}

struct Insert {
    group: Group,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<GroupShown> {
    if group::by_title(tx, &c.group.title).await?.is_some() {
        return Err(name_taken().into());
    }
    let group = Group { name: free_slug(tx, &c.group.name).await?, ..c.group.clone() };
    if !group::insert(tx, &group).await? {
        return Err(name_taken().into());
    }
    tx.touch(Kind::Group, group.id.uuid());
    let event = c
        .scribe
        .event("group.created", "group", group.id)
        .change("name", Value::Null, &*group.name)
        .change("title", Value::Null, group.title.as_str())
        .change("description", Value::Null, json!(group.description))
        .with("organization_id", Value::Null);
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(GroupShown::alone(group))
}
/// The slug itself, or the first free one of `_2`, `_3`, … (decision 2).
pub(crate) async fn free_slug(tx: &mut Tx, slug: &Slug) -> portcullis_store::Result<Slug> {
    for n in 1..=1_000 {
        let candidate = slug.numbered(n);
        if group::by_name(tx, None, &candidate).await?.is_none() {
            return Ok(candidate);
        }
    }
    Err(name_taken().into())
}
fn name_taken() -> Error {
    title_taken().detail("field", "name")
}

struct Update {
    seen: Group,
    patch: GroupPatch,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Group> {
    let before = as_seen(tx, &c.seen).await?;
    require_revision(before.revision, c.if_match)?;
    by_hand(&before)?;
    let mut after = Group { updated_at: tx.cx.now, revision: before.revision + 1, ..before.clone() };
    if let Some(name) = &c.patch.name {
        after.title.clone_from(name);
    }
    if let Some(description) = &c.patch.description {
        after.description.clone_from(description);
    }
    let event = c
        .scribe
        .event("group.updated", "group", after.id)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("description", json!(before.description), json!(after.description));
    if event.changes.is_empty() {
        return Ok(before);
    }
    if group::by_title(tx, &after.title).await?.is_some_and(|g| g.id != after.id) {
        return Err(name_taken().into());
    }
    group::update(tx, &after).await.map_err(|e| e.when_conflict("groups_title", name_taken))?;
    c.scribe.write(tx, event);
    // no bump: nothing that a decision reads
    Ok(after)
}

async fn members(tx: &mut Tx, group: &Group) -> portcullis_store::Result<Vec<GroupMember>> {
    let mut joined: HashMap<Uuid, Timestamp> = HashMap::new();
    let (mut order, mut after) = (vec![], (Uuid::nil(), Uuid::nil()));
    loop {
        let page = role_binding::on_object(tx, group.id.uuid(), after).await?;
        let Some(last) = page.last() else { break };
        after = (last.bearer.id(), last.id.uuid());
        for b in page {
            let Bearer::User(id) = b.bearer else { continue };
            let since = joined.entry(id).or_insert_with(|| {
                order.push(id);
                b.created_at
            });
            *since = (*since).min(b.created_at);
        }
        if order.len() > holder::MOST {
            break;
        }
    }
    let mut out = Vec::with_capacity(order.len());
    for id in order {
        if let (Some(user), Some(since)) = (user::facts(tx, Id::from_uuid(id)).await?, joined.get(&id)) {
            out.push(member(group, user, *since));
        }
    }
    Ok(out)
}
fn member(group: &Group, user: User, joined_at: Timestamp) -> GroupMember {
    GroupMember { user, source: group.source_word().to_owned(), joined_at, group: group.id }
}

struct Add {
    seen: Group,
    user: Id<User>,
    role: AccessRole,
    binding: Id<RoleBinding>,
    scribe: Scribe,
}
async fn add(tx: &mut Tx, c: &Add) -> portcullis_store::Result<GroupMember> {
    let group = as_seen(tx, &c.seen).await?;
    by_hand(&group)?;
    let bearer = Bearer::User(c.user.uuid());
    not_oneself(&tx.cx, &group, bearer)?;
    same_role(tx, &c.role).await?;
    let user = active_user(tx, c.user).await?;
    if !role_binding::held_on(tx, bearer, group.id.uuid()).await?.is_empty() {
        return Err(Error::new(Code::AlreadyMember, "This person is in the group already.").into());
    }
    let now = tx.cx.now;
    let give = Give { id: c.binding, role: c.role.id, namespace: "app/group", object: group.id.uuid(), bearer, now };
    holder::give(tx, &give).await?;
    let event = c.scribe.event("group.member_added", "group", group.id).with("user_id", c.user.to_string());
    c.scribe.write(tx, event.with("role_id", c.role.id.to_string()));
    tx.bump().await?;
    Ok(member(&group, user, now))
}

struct Remove {
    seen: Group,
    user: Id<User>,
    scribe: Scribe,
}
async fn remove(tx: &mut Tx, c: &Remove) -> portcullis_store::Result<()> {
    let group = as_seen(tx, &c.seen).await?;
    by_hand(&group)?;
    let bearer = Bearer::User(c.user.uuid());
    not_oneself(&tx.cx, &group, bearer)?;
    if !holder::take(tx, bearer, group.id.uuid()).await? {
        return Err(Error::not_found("member").into());
    }
    let event = c.scribe.event("group.member_removed", "group", group.id).with("user_id", c.user.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}
