//! Members of groups: whoever holds a role on one (spec v1beta1 2.3.5, 3.3).
use portcullis_authz::graph::{Object, expand};
use portcullis_domain::access_role::{AccessRole, GROUP_MEMBER, GROUP_OWNER};
use portcullis_domain::group::Group;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, group, role_binding};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, maker};
use crate::group::{GroupShown, Shown, enabled, on, within};
use crate::group_role::{as_seen, by_hand, not_oneself};
use crate::holder::{
    self, Became, Give, Holder, active_user, asked_words, bounded, held, no_such_role, not_a_member,
    not_in_organization, persons,
};
use crate::user::UserRef;
use crate::{Answer, App, Reply};

/// Somebody's groups, and what of the asked permissions they have on each.
#[derive(Clone, Debug)]
pub struct MyGroups {
    /// The groups.
    pub groups: Vec<GroupShown>,
    /// For those on which any was found: the words as they were asked.
    pub pairs: Vec<(Uuid, Vec<String>)>,
}

impl App {
    /// A group's members with their roles. `app_group_get`.
    pub async fn list_group_users(&self, cx: &Ctx, which: String) -> Result<Vec<Holder<User>>> {
        let group = self.group_for(cx, &which, "app_group_get").await?;
        let compiled = self.snapshot(cx).await?;
        self.people(cx, held(&compiled.access.graph, group.id.uuid(), persons)).await
    }
    /// Gives somebody of the group's organization this role on it instead of any other. `app_group_update`.
    pub async fn set_group_member_role(
        &self,
        cx: &Ctx,
        which: String,
        principal: (&str, &str),
        role: &str,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.find_group(cx, &which, "app_group_update").await?;
        let role = self.named_role(cx, role, found.organization_id).await?;
        let gate = self.member_gate(cx, &found, role.as_ref()).await?;
        let command = async {
            let role = valid_role(role)?;
            if expand(principal.0) != "app/user" {
                return Err(Error::field("principal_type", "Members of groups are users: app/user."));
            }
            let user = principal.1.parse().map_err(|_| Error::not_found("user"))?;
            Ok(SetRole { group: found, members: vec![(user, self.id(cx))], role, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, set_role).await
    }
    /// Makes members of those who are none yet; all of them or nobody. `app_group_update`.
    pub async fn add_group_users(
        &self,
        cx: &Ctx,
        which: String,
        users: Result<Vec<Id<User>>>,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.find_group(cx, &which, "app_group_update").await?;
        let role = self.named_role(cx, &GROUP_MEMBER.id().to_string(), None).await?;
        let gate = self.member_gate(cx, &found, role.as_ref()).await?;
        let command = async {
            let members = users?.into_iter().map(|user| (user, self.id(cx))).collect();
            Ok(SetRole { group: found, members, role: valid_role(role)?, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, add).await
    }
    /// Takes a member out of a group, but never its last owner. `app_group_update`.
    pub async fn remove_group_user(&self, cx: &Ctx, which: String, user: Result<UserRef>) -> Result<()> {
        let found = self.find_group(cx, &which, "app_group_update").await?;
        let gate = on(&found, "app_group_update").asleep().carrying(found.roles());
        let command = async {
            // who is nobody is in no group either: the answer tells no accounts
            let user = self.find_user(cx, &user?).await?.ok_or_else(|| not_a_member(Code::Conflict))?;
            Ok(Remove { group: found, user: user.id, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, remove).await
    }

    /// What makes a person a plain member of a group, for whom may add them.
    pub(crate) async fn to_join(&self, cx: &Ctx, group: &Group, user: Id<User>) -> Result<SetRole> {
        let role = self.named_role(cx, &GROUP_MEMBER.id().to_string(), None).await?;
        let gate = self.member_gate(cx, group, role.as_ref()).await?;
        self.allow(cx, &gate).await?;
        let members = vec![(user, self.id(cx))];
        Ok(SetRole { group: group.clone(), members, role: valid_role(role)?, scribe: self.scribe(cx) })
    }
    /// What takes a person out of a group, for whom may do that.
    pub(crate) async fn to_leave(&self, cx: &Ctx, group: &Group, user: Id<User>) -> Result<Remove> {
        let gate = on(group, "app_group_update").asleep().carrying(group.roles());
        self.allow(cx, &gate).await?;
        Ok(Remove { group: group.clone(), user, scribe: self.scribe(cx) })
    }

    /// The caller's own groups; of one organization, if it is named.
    pub async fn my_groups(
        &self,
        cx: &Ctx,
        organization: &str,
        permissions: &[String],
        shown: Shown,
    ) -> Result<MyGroups> {
        self.allow(cx, &Gate::anyone("groups:list")).await?;
        let Some(me) = maker(&cx.principal) else { return Ok(MyGroups { groups: vec![], pairs: vec![] }) };
        let mut groups = self.groups_of(cx, me, organization, shown).await?;
        let access = &self.snapshot(cx).await?.access;
        let asked = asked_words(&access.catalogue, permissions, "app/group")?;
        if cx.principal.credential.is_personal_token() {
            let get = access.catalogue.get("app_group_get");
            let seen = |id| get.is_some_and(|p| access.graph.verdict(&cx.principal, p, Object::Group(id)).holds());
            groups.retain(|g| seen(g.group.id.uuid()));
        }
        let pairs = groups.iter().filter_map(|g| {
            let object = Object::Group(g.group.id.uuid());
            let has: Vec<String> = asked
                .iter()
                .filter(|(_, permission)| access.graph.verdict(&cx.principal, permission, object).holds())
                .map(|(word, _)| (*word).clone())
                .collect();
            (!has.is_empty()).then(|| (g.group.id.uuid(), has))
        });
        let pairs = pairs.collect();
        Ok(MyGroups { groups, pairs })
    }
    /// A user's groups; of one organization, if it is named. Superusers.
    pub async fn groups_of_user(&self, cx: &Ctx, user: Result<UserRef>, organization: &str) -> Result<Vec<GroupShown>> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        let user = self.find_user(cx, &user?).await?.ok_or_else(|| Error::not_found("user"))?;
        self.groups_of(cx, Bearer::User(user.id.uuid()), organization, Shown::default()).await
    }
    /// The enabled groups that somebody is in. An organization that is not there has none, like one that they are not in: so
    /// nobody learns which there are.
    async fn groups_of(&self, cx: &Ctx, who: Bearer, organization: &str, shown: Shown) -> Result<Vec<GroupShown>> {
        let access = self.snapshot(cx).await?.access.clone();
        let inside = match organization {
            "" => None,
            which => match self.0.db.read(cx.clone(), &which.to_owned(), crate::lookup::organization).await? {
                Some(o) => Some(o.id.uuid()),
                None => return Ok(vec![]),
            },
        };
        let counts = |id: &Uuid| {
            let Some(group) = access.graph.group(*id) else { return false };
            let enabled = group.organization.is_none_or(|o| access.graph.organization(o).is_some_and(|o| o.enabled));
            enabled && (inside.is_none() || group.organization == inside)
        };
        let ids: Vec<Uuid> = access.graph.groups_of(who).filter(counts).collect();
        bounded(ids.len())?;
        let groups = self.0.db.scan(cx.clone(), ids, read).await?;
        self.show_groups(cx, groups, shown).await
    }
    /// May the caller make members of this group?
    pub(crate) async fn may_add_to_group(&self, cx: &Ctx, group: &Group) -> Result<()> {
        let role = self.named_role(cx, &GROUP_MEMBER.id().to_string(), None).await?;
        self.allow(cx, &self.member_gate(cx, group, role.as_ref()).await?).await.map(drop)
    }
    /// What somebody needs who gives a role on a group: what it gives there, too.
    async fn member_gate(&self, cx: &Ctx, group: &Group, role: Option<&AccessRole>) -> Result<Gate> {
        let compiled = self.snapshot(cx).await?;
        let gives = role.map_or(vec![], |r| holder::gives(r, &compiled.access.catalogue, "app/group"));
        let gate = on(group, "app_group_update").asleep().carrying(group.roles());
        // of a disabled group nothing is held; it is not found in the use case
        Ok(if group.state.is_enabled() { gate.giving(gives) } else { gate })
    }
}

/// A role that may be given on a group.
fn valid_role(role: Option<AccessRole>) -> Result<AccessRole> {
    let role = role.filter(|r| r.state.is_enabled()).ok_or_else(no_such_role)?;
    if role.scopes.iter().any(|s| s == "app/group") {
        Ok(role)
    } else {
        Err(Error::new(Code::InvalidInput, "role is not valid for group scope"))
    }
}

/// A role that these shall hold on a group.
pub(crate) struct SetRole {
    group: Group,
    members: Vec<(Id<User>, Id<RoleBinding>)>,
    role: AccessRole,
    scribe: Scribe,
}
/// Replaces what they hold.
async fn set_role(tx: &mut Tx, c: &SetRole) -> portcullis_store::Result<()> {
    members(tx, c, Held::Replaced).await
}
/// Leaves those alone who hold something.
pub(crate) async fn add(tx: &mut Tx, c: &SetRole) -> portcullis_store::Result<()> {
    members(tx, c, Held::Kept).await
}
/// What becomes of the roles that somebody holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Replaced,
    Kept,
}
async fn members(tx: &mut Tx, c: &SetRole, before: Held) -> portcullis_store::Result<()> {
    let group = enabled(as_seen(tx, &c.group).await?)?;
    by_hand(&group)?;
    holder::same_role(tx, &c.role).await?;
    let mut changed = false;
    for (user, binding) in &c.members {
        active_user(tx, *user).await?;
        let (bearer, object) = (Bearer::User(user.uuid()), group.id.uuid());
        not_oneself(&tx.cx, &group, bearer)?;
        if let Some(organization) = group.organization_id
            && role_binding::held_on(tx, bearer, organization.uuid()).await?.is_empty()
        {
            return Err(not_in_organization().into());
        }
        let held = role_binding::held_on(tx, bearer, object).await?;
        if before == Held::Kept && !held.is_empty() {
            continue;
        }
        let demoted = c.role.id != GROUP_OWNER.id() && held.iter().any(|b| b.role_id == GROUP_OWNER.id());
        if demoted && !holder::has_another(tx, GROUP_OWNER.id(), object, bearer).await? {
            return Err(last_owner(
                "group must have at least one owner, consider assigning another owner before changing this user's role",
                Code::Conflict,
            )
            .into());
        }
        let give = Give { id: *binding, role: c.role.id, namespace: "app/group", object, bearer, now: tx.cx.now };
        let event = match holder::give(tx, &give).await? {
            Became::Same => continue,
            Became::Added => "group.member_added",
            Became::Changed => "group.member_role_changed",
        };
        let event = c.scribe.event(event, "group", group.id).with("user_id", user.to_string());
        c.scribe.write(tx, within(event, &group).with("role_id", c.role.id.to_string()));
        changed = true;
    }
    if changed {
        tx.bump().await?;
    }
    Ok(())
}

/// Somebody who shall hold nothing on a group.
pub(crate) struct Remove {
    group: Group,
    user: Id<User>,
    scribe: Scribe,
}
pub(crate) async fn remove(tx: &mut Tx, c: &Remove) -> portcullis_store::Result<()> {
    let group = enabled(as_seen(tx, &c.group).await?)?;
    let (bearer, object) = (Bearer::User(c.user.uuid()), group.id.uuid());
    by_hand(&group)?;
    not_oneself(&tx.cx, &group, bearer)?;
    let held = role_binding::held_on(tx, bearer, object).await?;
    if held.is_empty() {
        return Err(not_a_member(Code::Conflict).into());
    }
    active_user(tx, c.user).await?;
    let owner = held.iter().any(|b| b.role_id == GROUP_OWNER.id());
    if owner && !holder::has_another(tx, GROUP_OWNER.id(), object, bearer).await? {
        return Err(last_owner(
            "group must have at least one owner, consider adding another owner before removing",
            Code::InvalidInput,
        )
        .into());
    }
    holder::take(tx, bearer, object).await?;
    let event = c.scribe.event("group.member_removed", "group", group.id).with("user_id", c.user.to_string());
    c.scribe.write(tx, within(event, &group));
    tx.bump().await?;
    Ok(())
}
fn last_owner(message: &'static str, code: Code) -> Error {
    Error::new(code, message).detail("state", "last_owner")
}

async fn read(tx: &mut Tx, ids: &Vec<Uuid>) -> portcullis_store::Result<Vec<Group>> {
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        out.extend(group::by_id(tx, Id::from_uuid(*id)).await?);
    }
    Ok(out)
}
