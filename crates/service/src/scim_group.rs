//! Groups of a directory (spec v1 4.18): find, make, change, end, and who is in them. They carry what `/v1` maps to them; only people of the
//! same directory can be in one.
use std::collections::BTreeSet;

use portcullis_domain::access_role::GROUP_MEMBER;
use portcullis_domain::group::Group;
use portcullis_domain::organization::State;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::scim::{
    Found, GROUP, GroupChange, GroupField, GroupListing, MEMBERS, MemberStep, SCIM_TYPE, Search, Window,
};
use portcullis_domain::user::User;
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, group, role_binding, scim_user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::App;
use crate::app::Scribe;
use crate::group::{self as groups, named_nowhere, title_taken};
use crate::holder::{self, Give};
use crate::scim::{Connection, connection, too_many, wrong};
use crate::tenant_group::free_slug;
use crate::user_change::require_revision;

/// Who is in a group: told, or left out of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// Told.
    Shown,
    /// Left out.
    LeftOut,
}

impl App {
    /// One group of the directory that calls. 400 `tooMany` where more than 10,000 members would have to be told.
    pub async fn scim_group(&self, cx: &Ctx, id: Id<Group>, members: Members) -> Result<GroupListing> {
        self.0.db.scan(cx.clone(), (id, members), get).await.map_err(Error::from)
    }
    /// Groups of the directory that calls, oldest first. 400 `tooMany` where more than 10,000 members would have to be told.
    pub async fn scim_groups(
        &self,
        cx: &Ctx,
        search: Search<GroupField>,
        window: Window,
        members: Members,
    ) -> Result<Found<GroupListing>> {
        self.0.db.scan(cx.clone(), (search, window, members), find).await.map_err(Error::from)
    }
    /// Makes a group.
    pub async fn scim_create_group(&self, cx: &Ctx, change: GroupChange, members: Members) -> Result<GroupListing> {
        let c = Create { id: self.id(cx), change, scribe: self.scribe(cx) };
        let made = self.0.db.write_structure(cx.clone(), c, create).await?;
        self.told(cx, made, members).await
    }
    /// Changes a group. `if_match`: the revision that the directory saw, else 412.
    pub async fn scim_change_group(
        &self,
        cx: &Ctx,
        id: Id<Group>,
        change: GroupChange,
        if_match: Option<i64>,
        members: Members,
    ) -> Result<GroupListing> {
        let c = Update { id, change, if_match, scribe: self.scribe(cx) };
        let changed = self.0.db.write_structure(cx.clone(), c, update).await?;
        self.told(cx, changed, members).await
    }
    /// A group that was written, with who is in it: read outside of the writer. One that has more than are told, or that somebody ended
    /// meanwhile, is told without them: the change was made.
    async fn told(&self, cx: &Ctx, group: Group, members: Members) -> Result<GroupListing> {
        let alone = GroupListing { group, members: None };
        if members == Members::LeftOut {
            return Ok(alone);
        }
        match self.scim_group(cx, alone.group.id, members).await {
            Ok(whole) => Ok(whole),
            Err(e) if matches!(e.code(), Code::InvalidInput | Code::NotFound) => Ok(alone),
            Err(e) => Err(e),
        }
    }
    /// Ends a group that no rule names, step by step.
    pub async fn scim_delete_group(&self, cx: &Ctx, id: Id<Group>, if_match: Option<i64>) -> Result<()> {
        let first = Delete { id, if_match, scribe: self.scribe(cx) };
        let mut gone = self.0.db.write_structure(cx.clone(), first, delete).await?;
        while !gone {
            let next = groups::Delete { id, first: None, scribe: self.scribe(cx) };
            gone = self.0.db.write_bulk(cx.clone(), next, groups::delete).await?;
            // each step is few enough changes for the graph to take them up one by one
            self.snapshot(cx).await?;
        }
        Ok(())
    }
}

async fn ours(tx: &mut Tx, c: &Connection, id: Id<Group>) -> portcullis_store::Result<Group> {
    let found = group::by_id(tx, id).await?.filter(|g| g.identity_provider_id == Some(c.id));
    Ok(found.ok_or_else(|| Error::not_found("group"))?)
}
async fn writer(tx: &mut Tx) -> portcullis_store::Result<Connection> {
    Ok(connection(tx).await?.writes_groups()?)
}
async fn get(tx: &mut Tx, (id, members): &(Id<Group>, Members)) -> portcullis_store::Result<GroupListing> {
    let c = writer(tx).await?;
    let group = ours(tx, &c, *id).await?;
    listed(tx, group, *members).await
}
async fn find(
    tx: &mut Tx,
    (search, window, members): &(Search<GroupField>, Window, Members),
) -> portcullis_store::Result<Found<GroupListing>> {
    let c = writer(tx).await?;
    let found = scim_user::search_groups(tx, c.id, search, *window).await?;
    let (mut rows, mut told) = (Vec::with_capacity(found.rows.len()), 0);
    for group in found.rows {
        let listing = listed(tx, group, *members).await?;
        told += listing.members.as_ref().map_or(0, Vec::len);
        if told > GROUP {
            return Err(too_long(
                "These groups have more than 10,000 members: ask for fewer with count, or send excludedAttributes=members.",
            )
            .into());
        }
        rows.push(listing);
    }
    Ok(Found { rows, total: found.total })
}
async fn listed(tx: &mut Tx, group: Group, members: Members) -> portcullis_store::Result<GroupListing> {
    let members = match members {
        Members::Shown => Some(people(tx, group.id).await?.into_iter().collect()),
        Members::LeftOut => None,
    };
    Ok(GroupListing { group, members })
}
fn too_long(message: &'static str) -> Error {
    Error::new(Code::InvalidInput, message).detail(SCIM_TYPE, "tooMany")
}
/// Everybody in a group, if they are not more than are told.
async fn people(tx: &mut Tx, group: Id<Group>) -> portcullis_store::Result<BTreeSet<Id<User>>> {
    let (mut out, mut after) = (BTreeSet::new(), (Uuid::nil(), Uuid::nil()));
    loop {
        let page = role_binding::on_object(tx, group.uuid(), after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = (last.bearer.id(), last.id.uuid());
        out.extend(page.iter().filter_map(|b| holder::persons(b.bearer)).map(Id::from_uuid));
        if out.len() > GROUP {
            return Err(
                too_long("This group has more than 10,000 members: send excludedAttributes=members, and change them by add and remove.")
                    .into()
            );
        }
    }
}

fn name_taken() -> Error {
    title_taken().detail("field", "displayName")
}
fn id_taken() -> Error {
    Error::new(Code::AlreadyExists, "This connection has a group with this externalId.")
}
async fn free_names(tx: &mut Tx, c: &Connection, who: Id<Group>, g: &GroupChange) -> portcullis_store::Result<()> {
    if let Some(title) = &g.title
        && group::by_title(tx, title).await?.is_some_and(|g| g.id != who)
    {
        return Err(name_taken().into());
    }
    if let Some(Some(external_id)) = &g.external_id
        && group::by_external_id(tx, c.id, external_id).await?.is_some_and(|g| g.id != who)
    {
        return Err(id_taken().into());
    }
    Ok(())
}

struct Create {
    id: Id<Group>,
    change: GroupChange,
    scribe: Scribe,
}
async fn create(tx: &mut Tx, c: &Create) -> portcullis_store::Result<Group> {
    let connection = writer(tx).await?;
    free_names(tx, &connection, c.id, &c.change).await?;
    let title = c.change.title.clone().unwrap_or_default();
    let now = tx.cx.now;
    let group = Group {
        id: c.id,
        organization_id: None,
        name: free_slug(tx, &Slug::from_title(&title)).await?,
        title,
        state: State::Enabled,
        source: "scim".into(),
        identity_provider_id: Some(connection.id),
        external_id: c.change.external_id.clone().flatten(),
        description: None,
        role_mappings: vec![],
        metadata: Map::new(),
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    if !group::insert(tx, &group).await? {
        return Err(name_taken().into());
    }
    tx.touch(Kind::Group, group.id.uuid());
    let event = c
        .scribe
        .event("group.created", "group", group.id)
        .change("name", Value::Null, &*group.name)
        .change("title", Value::Null, group.title.as_str())
        .with("organization_id", Value::Null)
        .with("identity_provider_id", connection.id.to_string());
    c.scribe.write(tx, event);
    take_steps(tx, &c.scribe, &connection, group.id, &c.change.members).await?;
    tx.bump().await?;
    Ok(group)
}

struct Update {
    id: Id<Group>,
    change: GroupChange,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Group> {
    let connection = writer(tx).await?;
    let before = ours(tx, &connection, c.id).await?;
    require_revision(before.revision, c.if_match)?;
    free_names(tx, &connection, c.id, &c.change).await?;
    let after = Group {
        title: c.change.title.clone().unwrap_or_else(|| before.title.clone()),
        external_id: c.change.external_id.clone().unwrap_or_else(|| before.external_id.clone()),
        updated_at: tx.cx.now,
        revision: before.revision + 1,
        ..before.clone()
    };
    let moved = take_steps(tx, &c.scribe, &connection, c.id, &c.change.members).await?;
    let event = c
        .scribe
        .event("group.updated", "group", after.id)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("external_id", json!(before.external_id), json!(after.external_id));
    if event.changes.is_empty() && !moved {
        return Ok(before);
    }
    // who is in it is part of what the ETag speaks of
    group::update(tx, &after).await.map_err(|e| e.when_conflict("groups_title", name_taken))?;
    if !event.changes.is_empty() {
        let set = group::set_external_id(tx, after.id, after.external_id.as_deref()).await;
        set.map_err(|e| e.when_conflict("groups_external", id_taken))?;
        c.scribe.write(tx, event.with("identity_provider_id", connection.id.to_string()));
    }
    if moved {
        tx.bump().await?;
    }
    Ok(after)
}

/// Lets people in and out; true if anybody moved. The caller moves the revision.
async fn take_steps(
    tx: &mut Tx,
    scribe: &Scribe,
    c: &Connection,
    group: Id<Group>,
    steps: &[MemberStep],
) -> portcullis_store::Result<bool> {
    let (mut done, mut entered) = (0, false);
    for step in steps {
        let (mut into, mut out): (Vec<Id<User>>, Vec<Id<User>>) = (vec![], vec![]);
        match step {
            MemberStep::Add(ids) => into.clone_from(ids),
            MemberStep::Remove(ids) => out.clone_from(ids),
            MemberStep::Set(ids) => {
                let (now, wanted) = (people(tx, group).await?, ids.iter().copied().collect::<BTreeSet<_>>());
                out.extend(now.difference(&wanted));
                into.extend(wanted.difference(&now));
            }
        }
        if into.len() + out.len() > MEMBERS {
            return Err(too_many().into());
        }
        for id in out {
            done += usize::from(leave(tx, scribe, c, group, id).await?);
        }
        for id in into {
            let new = enter(tx, scribe, c, group, id).await?;
            done += usize::from(new);
            entered |= new;
        }
        if done > MEMBERS {
            return Err(too_many().into());
        }
    }
    if entered && role_binding::count_on(tx, group.uuid()).await? > GROUP as i64 {
        return Err(too_long("A group has at most 10,000 members.").into());
    }
    Ok(done > 0)
}
/// Lets somebody out; true if they were in it. The caller moves the revision.
pub(crate) async fn leave(
    tx: &mut Tx,
    scribe: &Scribe,
    c: &Connection,
    group: Id<Group>,
    user: Id<User>,
) -> portcullis_store::Result<bool> {
    let was = holder::take(tx, Bearer::User(user.uuid()), group.uuid()).await?;
    if was {
        let event = scribe.event("group.member_removed", "group", group).with("user_id", user.to_string());
        scribe.write(tx, event.with("identity_provider_id", c.id.to_string()));
    }
    Ok(was)
}
async fn enter(
    tx: &mut Tx,
    scribe: &Scribe,
    c: &Connection,
    group: Id<Group>,
    user: Id<User>,
) -> portcullis_store::Result<bool> {
    if scim_user::by_id(tx, c.id, user).await?.is_none() {
        return Err(wrong("members.value", "This must be the id of a user of this connection.").into());
    }
    let bearer = Bearer::User(user.uuid());
    if !role_binding::held_on(tx, bearer, group.uuid()).await?.is_empty() {
        return Ok(false);
    }
    let (id, now) = (scribe.id(), tx.cx.now);
    let give = Give { id, role: GROUP_MEMBER.id(), namespace: "app/group", object: group.uuid(), bearer, now };
    holder::give_too(tx, &give).await?;
    let event = scribe.event("group.member_added", "group", group).with("user_id", user.to_string());
    scribe.write(tx, event.with("identity_provider_id", c.id.to_string()));
    Ok(true)
}

struct Delete {
    id: Id<Group>,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let connection = writer(tx).await?;
    let group = ours(tx, &connection, c.id).await?;
    require_revision(group.revision, c.if_match)?;
    named_nowhere(tx, c.id).await?;
    groups::delete(tx, &groups::Delete { id: c.id, first: None, scribe: c.scribe.clone() }).await
}
