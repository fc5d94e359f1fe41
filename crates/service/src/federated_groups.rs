//! The groups that a provider names for somebody (spec v1 3.2 `group_sync`). Each is a group of the tenant that belongs to the provider:
//! a claim puts nobody into a group that was made here, whatever it is called, so that only roles which somebody gave to the provider's
//! own group come with it.
use std::collections::BTreeSet;

use portcullis_domain::access_role::GROUP_MEMBER;
use portcullis_domain::group::Group;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::organization::State;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::value::{Slug, line};
use portcullis_domain::{Ctx, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, group, identity_provider, role_binding};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::App;
use crate::app::Scribe;
use crate::holder::{self, Give, Room};
use crate::tenant_group::free_slug;

/// A provider names so many groups at most; what it names beyond them is not made.
const MOST: i64 = 1_000;
/// The longest name of a group, in characters.
const NAME: usize = 120;

/// Puts somebody into the groups of these names, and out of the provider's others; true if anything changed. The caller moves the
/// revision.
pub(crate) async fn sync(
    tx: &mut Tx,
    scribe: &Scribe,
    p: &IdentityProvider,
    user: Id<User>,
    names: &[String],
) -> portcullis_store::Result<bool> {
    if names.is_empty() && group::of_provider(tx, p.id, "").await?.is_empty() {
        return Ok(false);
    }
    let mut wanted = BTreeSet::new();
    let mut changed = false;
    for name in names.iter().filter_map(|n| line(n, NAME).ok()).filter(|n| !n.is_empty()).collect::<BTreeSet<_>>() {
        match group::by_external_id(tx, p.id, &name).await? {
            Some(g) => {
                wanted.insert(g.id.uuid());
            }
            None if group::count_of_provider(tx, p.id).await? < MOST => {
                wanted.insert(make(tx, scribe, p, name).await?.uuid());
                changed = true;
            }
            None => tracing::warn!(provider = %p.id, "an identity provider names more than 1,000 groups"),
        }
    }
    let bearer = Bearer::User(user.uuid());
    let present = memberships(tx, p.id, bearer).await?;
    for id in present.difference(&wanted) {
        holder::take(tx, bearer, *id).await?;
        left(tx, scribe, p.id, *id, user.uuid());
        changed = true;
    }
    for id in wanted.difference(&present) {
        let give = Give {
            id: scribe.id(),
            role: GROUP_MEMBER.id(),
            namespace: "app/group",
            object: *id,
            bearer,
            now: tx.cx.now,
        };
        holder::give(tx, &give).await?;
        let event = scribe.event("group.member_added", "group", id).with("user_id", user.to_string());
        scribe.write(tx, event.with("identity_provider_id", p.id.to_string()));
        changed = true;
    }
    Ok(changed)
}

fn left(tx: &mut Tx, scribe: &Scribe, provider: Id<IdentityProvider>, group: Uuid, user: Uuid) {
    let event = scribe.event("group.member_removed", "group", group).with("user_id", user.to_string());
    scribe.write(tx, event.with("identity_provider_id", provider.to_string()));
}

impl App {
    /// Takes everybody out of the groups of a provider that gives none any more. What it does not come to is taken with each one's next
    /// sign-in.
    pub(crate) async fn empty_groups(&self, cx: &Ctx, provider: &IdentityProvider) -> Result<()> {
        if provider.config.gives_groups() {
            return Ok(());
        }
        let step = || Step { provider: provider.id, scribe: self.scribe(cx) };
        while !self.0.db.write_bulk(cx.clone(), step(), empty).await? {
            // each step is few enough changes for the graph to take them up one by one
            self.snapshot(cx).await?;
        }
        Ok(())
    }
}
struct Step {
    provider: Id<IdentityProvider>,
    scribe: Scribe,
}
/// True when nobody is in one any more.
async fn empty(tx: &mut Tx, c: &Step) -> portcullis_store::Result<bool> {
    let p = identity_provider::by_id(tx, c.provider).await?;
    // they may be wanted again
    if p.is_none_or(|p| p.config.gives_groups()) {
        return Ok(true);
    }
    let mut room = Room::STEP;
    let done = take_members(tx, c, &mut room).await?;
    if room.0 < Room::STEP.0 {
        tx.bump().await?;
    }
    Ok(done)
}
async fn take_members(tx: &mut Tx, c: &Step, room: &mut Room) -> portcullis_store::Result<bool> {
    let mut after = String::new();
    loop {
        let page = group::of_provider(tx, c.provider, &after).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = last.external_id.clone().unwrap_or_default();
        for id in page.into_iter().map(|g| g.id.uuid()) {
            let mut after = (Uuid::nil(), Uuid::nil());
            loop {
                let held = role_binding::on_object(tx, id, after).await?;
                let Some(last) = held.last() else { break };
                after = (last.bearer.id(), last.id.uuid());
                let people: BTreeSet<Uuid> = held.iter().filter_map(|b| holder::persons(b.bearer)).collect();
                for user in people {
                    if !room.one() {
                        return Ok(false);
                    }
                    holder::take(tx, Bearer::User(user), id).await?;
                    left(tx, &c.scribe, c.provider, id, user);
                }
            }
        }
    }
}

/// The groups of this provider that somebody is in.
pub(crate) async fn memberships(
    tx: &mut Tx,
    provider: Id<IdentityProvider>,
    bearer: Bearer,
) -> portcullis_store::Result<BTreeSet<Uuid>> {
    let (mut out, mut after) = (BTreeSet::new(), Uuid::nil());
    loop {
        let page = role_binding::held_by(tx, bearer, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.object_id;
        for b in page.iter().filter(|b| b.namespace == "app/group") {
            let found = group::by_id(tx, Id::from_uuid(b.object_id)).await?;
            if found.is_some_and(|g| g.identity_provider_id == Some(provider)) {
                out.insert(b.object_id);
            }
        }
    }
}

async fn make(tx: &mut Tx, scribe: &Scribe, p: &IdentityProvider, name: String) -> portcullis_store::Result<Id<Group>> {
    let now = tx.cx.now;
    let title = free_title(tx, &name, &p.name).await?;
    let slug = Slug::from_title(&title);
    let group = Group {
        id: scribe.id(),
        organization_id: None,
        name: free_slug(tx, &slug).await?,
        title,
        state: State::Enabled,
        source: p.kind().as_str().into(),
        identity_provider_id: Some(p.id),
        external_id: Some(name),
        description: None,
        role_mappings: vec![],
        metadata: Map::new(),
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    if !group::insert(tx, &group).await? {
        return Err(portcullis_store::Error::internal("a free name of a group was taken"));
    }
    tx.touch(Kind::Group, group.id.uuid());
    let event = scribe
        .event("group.created", "group", group.id)
        .change("name", Value::Null, &*group.name)
        .change("title", Value::Null, group.title.as_str())
        .with("organization_id", Value::Null)
        .with("identity_provider_id", p.id.to_string());
    scribe.write(tx, event);
    Ok(group.id)
}
/// Its own name, or one that says whose it is, or a number besides.
async fn free_title(tx: &mut Tx, name: &str, provider: &str) -> portcullis_store::Result<String> {
    let cut = |text: String| text.chars().take(NAME).collect::<String>();
    let whose = |n: u32| match n {
        0 => cut(name.to_owned()),
        1 => cut(format!("{name} ({provider})")),
        n => format!("{} {n}", cut(name.to_owned()).chars().take(NAME - 8).collect::<String>()),
    };
    for n in 0..1_000 {
        let title = whose(n);
        if group::by_title(tx, &title).await?.is_none() {
            return Ok(title);
        }
    }
    Err(portcullis_store::Error::internal("no free name for a group"))
}
