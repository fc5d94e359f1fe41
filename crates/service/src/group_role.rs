//! What a group of the tenant carries: roles that each of its members holds (spec v1 4.4), and the guards of everything that gives
//! or takes them with a membership, on either surface (decision 18). The roles that somebody holds *on* a group are in
//! `group_member.rs`.
use portcullis_domain::group::{Group, RoleMapping};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, group, role_binding};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::group::present;
use crate::tenant_group::target;
use crate::user_change::require_revision;
use crate::{Answer, App, Reply};

/// A mapping that was made, and of which group.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The group.
    pub group: Id<Group>,
    /// Its new mapping.
    pub mapping: RoleMapping,
}

impl App {
    /// Lets each member of a group hold a role. `groups:roles`, and `roles:grant` for the role and for those that it carries.
    pub async fn map_group_role(
        &self,
        cx: &Ctx,
        id: Id<Group>,
        role: Result<String>,
        reply: Reply<Mapped>,
    ) -> Result<Answer> {
        let found = self.find_tenant_group(cx, id).await?;
        let mut gate = Gate::new("groups:roles", target(found.as_ref(), None));
        gate.carried = found.as_ref().map_or(Roles::NONE, Group::roles);
        gate.grants = role.as_ref().ok().and_then(|w| Role::parse(w)).into_iter().collect();
        let command = async {
            let seen = found.ok_or_else(|| Error::not_found("group"))?;
            let role = crate::user::roles(&[role?])?.iter().next().ok_or_else(|| Error::internal("no role"))?;
            Ok(Map { seen, role, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, map).await
    }
    /// Takes a role from a group, and so from each member who holds it by nothing else. `groups:roles` and `roles:grant`.
    pub async fn unmap_group_role(
        &self,
        cx: &Ctx,
        id: Id<Group>,
        role: &str,
        if_match: Result<Option<i64>>,
    ) -> Result<()> {
        let found = self.find_tenant_group(cx, id).await?;
        let gate = Gate::new("groups:roles", target(found.as_ref(), None));
        let gate = gate.carrying(found.as_ref().map_or(Roles::NONE, Group::roles));
        let command = async {
            let seen = found.ok_or_else(|| Error::not_found("group"))?;
            let role = Role::parse(role).filter(|r| seen.roles().has(*r)).ok_or_else(|| Error::not_found("role"))?;
            Ok(Unmap { seen, role, if_match: if_match?, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, unmap).await
    }
}

/// The group as the transaction sees it, if it still carries what was decided on.
pub(crate) async fn as_seen(tx: &mut Tx, seen: &Group) -> portcullis_store::Result<Group> {
    let now = present(tx, seen.id).await?;
    if now.roles() == seen.roles() { Ok(now) } else { Err(crate::change::moved().into()) }
}
/// 409 for a group whose name, members and end belong to a directory (spec v1 4.4).
pub(crate) fn by_hand(group: &Group) -> Result<()> {
    if group.is_managed() {
        let message = "This group belongs to your directory: change it there.";
        return Err(Error::new(Code::ManagedExternally, message));
    }
    Ok(())
}
/// Nobody changes their own roles (decision 18), by entering or leaving a group that carries some neither.
pub(crate) fn not_oneself(cx: &Ctx, group: &Group, member: Bearer) -> Result<()> {
    if group.roles().is_empty() || Some(member) != acting(cx) { Ok(()) } else { Err(own_roles()) }
}
/// The same for what changes the roles of all members.
pub(crate) async fn not_ones_own(tx: &mut Tx, group: &Group) -> portcullis_store::Result<()> {
    if group.roles().is_empty() { Ok(()) } else { not_a_member(tx, group).await }
}
async fn not_a_member(tx: &mut Tx, group: &Group) -> portcullis_store::Result<()> {
    let Some(me) = acting(&tx.cx) else { return Ok(()) };
    if role_binding::held_on(tx, me, group.id.uuid()).await?.is_empty() { Ok(()) } else { Err(own_roles().into()) }
}
/// The person behind the call: of a key the one who made it.
fn acting(cx: &Ctx) -> Option<Bearer> {
    cx.principal.acting_user.or(cx.principal.user_id()).map(|u| Bearer::User(u.uuid()))
}
fn own_roles() -> Error {
    Error::new(Code::Forbidden, "Nobody changes their own roles: ask another administrator.")
        .detail("action", "roles:grant")
}

struct Map {
    seen: Group,
    role: Role,
    scribe: Scribe,
}
async fn map(tx: &mut Tx, c: &Map) -> portcullis_store::Result<Mapped> {
    let before = as_seen(tx, &c.seen).await?;
    if before.roles().has(c.role) {
        return Err(Error::new(Code::AlreadyMember, "The group carries this role already.").into());
    }
    not_a_member(tx, &before).await?;
    let mapping = RoleMapping { role: c.role, created_at: tx.cx.now };
    let id = before.id;
    let mut mappings = before.role_mappings.clone();
    mappings.push(mapping);
    write(tx, &c.scribe, Group { role_mappings: mappings, ..before }, "group.role_mapped", c.role).await?;
    Ok(Mapped { group: id, mapping })
}

struct Unmap {
    seen: Group,
    role: Role,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn unmap(tx: &mut Tx, c: &Unmap) -> portcullis_store::Result<()> {
    let mut group = as_seen(tx, &c.seen).await?;
    require_revision(group.revision, c.if_match)?;
    not_a_member(tx, &group).await?;
    group.role_mappings.retain(|m| m.role != c.role);
    write(tx, &c.scribe, group, "group.role_unmapped", c.role).await
}
async fn write(
    tx: &mut Tx,
    scribe: &Scribe,
    group: Group,
    event: &'static str,
    role: Role,
) -> portcullis_store::Result<()> {
    let group = Group { updated_at: tx.cx.now, ..group };
    group::update(tx, &group).await?;
    tx.touch(Kind::Group, group.id.uuid());
    scribe.write(tx, scribe.event(event, "group", group.id).with("role", role.as_str()));
    tx.bump().await?;
    Ok(())
}
