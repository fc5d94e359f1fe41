//! Who is in an organization (spec v1beta1 3.2): whoever holds a role on it. The last owner who can act stays one.
use std::collections::BTreeSet;

use portcullis_domain::access_role::{AccessRole, ORGANIZATION_OWNER, ORGANIZATION_VIEWER};
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, access_role, holding, role_binding, user};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::holder::{
    Became, Give, Holder, active_user, give, gives, has_another, held, no_such_role, not_a_member, persons, same_role,
    take, take_these,
};
use crate::organization::{NAMESPACE, current, on};
use crate::personal_token_end::end_if_left;
use crate::{Answer, App, Reply};

/// So many are added with one call.
const AT_ONCE: usize = 200;
/// What somebody needs who decides who is what.
const MANAGE: &str = "app_organization_policymanage";

/// What became of adding one member.
#[derive(Clone, Debug)]
pub struct Added {
    /// Who.
    pub user: Id<User>,
    /// As what.
    pub role: Id<AccessRole>,
    /// Why not.
    pub refused: Option<&'static str>,
}

impl App {
    /// The persons who are members, with what they are; of those roles only, if any are named. Disabled ones are in no list.
    pub async fn list_organization_users(
        &self,
        cx: &Ctx,
        which: String,
        roles: &BTreeSet<Uuid>,
    ) -> Result<Vec<Holder<User>>> {
        let organization = self.organization_for(cx, &which, "app_organization_get").await?;
        let compiled = self.snapshot(cx).await?;
        let mut members = held(&compiled.access.graph, organization.id.uuid(), persons);
        if !roles.is_empty() {
            members.retain(|_, held| held.iter().any(|r| roles.contains(r)));
        }
        self.people(cx, members).await
    }
    /// The persons who own it.
    pub async fn list_organization_admins(&self, cx: &Ctx, which: String) -> Result<Vec<Holder<User>>> {
        self.list_organization_users(cx, which, &BTreeSet::from([ORGANIZATION_OWNER.id().uuid()])).await
    }
    /// Makes a member something else than they were. Nobody gives more than they have.
    pub async fn set_organization_member_role(
        &self,
        cx: &Ctx,
        which: String,
        member: Id<User>,
        role: String,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, MANAGE).await?;
        let role = self.named_role(cx, &role, Some(organization.id)).await?;
        let gives = self.given_by(cx, role.as_ref()).await?;
        let gate = on(&organization, MANAGE).giving(gives);
        let command = async {
            let role = role.ok_or_else(no_such_role)?;
            fits(&role, organization.id)?;
            let (binding, scribe) = (self.id(cx), self.scribe(cx));
            Ok(SetRole { organization: organization.id, member, role, binding, scribe })
        };
        self.answer(cx, gate, command, reply, set_role).await
    }
    /// Takes somebody out of an organization: everything that they hold on it and on what lies in it.
    pub async fn remove_organization_member(&self, cx: &Ctx, which: String, member: Result<Bearer>) -> Result<()> {
        let organization = self.find_organization(cx, &which, "app_organization_update").await?;
        let member = &member;
        loop {
            let gate = on(&organization, "app_organization_update");
            let command = async {
                let member = member.clone()?;
                Ok(Remove { organization: organization.id, member, scribe: self.scribe(cx) })
            };
            if self.apply(cx, gate, command, remove).await? {
                return Ok(());
            }
            // each step is few enough changes to be taken up one by one
            self.snapshot(cx).await?;
        }
    }
    /// Makes members, of the least kind, of those who are none yet; all of them or nobody (spec v1beta1 2.5).
    pub async fn add_organization_users(
        &self,
        cx: &Ctx,
        which: String,
        users: Result<Vec<Id<User>>>,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, "app_organization_update").await?;
        let role = self.named_role(cx, &ORGANIZATION_VIEWER.id().to_string(), None).await?;
        let gives = self.given_by(cx, role.as_ref()).await?;
        let gate = on(&organization, "app_organization_update").giving(gives);
        let command = async {
            let role = role.ok_or_else(no_such_role)?;
            fits(&role, organization.id)?;
            let (organization, users) = (organization.id, users?);
            if users.len() > AT_ONCE {
                return Err(Error::field("user_ids", format!("At most {AT_ONCE}; this has {}.", users.len())));
            }
            Ok(AddUsers { organization, users, role, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, add_users).await
    }
    /// What a role gives on an organization: below it each of its permissions counts; a word that is none gives nothing.
    pub(crate) async fn given_by(&self, cx: &Ctx, role: Option<&AccessRole>) -> Result<Vec<String>> {
        let compiled = self.snapshot(cx).await?;
        Ok(role.map_or(vec![], |r| gives(r, &compiled.access.catalogue, NAMESPACE)))
    }
    /// Adds members; each for itself, so that one who cannot be added is in nobody's way. Superusers only.
    pub async fn add_organization_members(
        &self,
        cx: &Ctx,
        which: String,
        members: Vec<(Id<User>, Id<AccessRole>)>,
        reply: Reply<Vec<Added>>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, "organizations:members").await?;
        let command = async {
            if members.len() > AT_ONCE {
                return Err(Error::field("members", format!("At most {AT_ONCE}; this has {}.", members.len())));
            }
            Ok(Add { organization: organization.id, members, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::superuser("organizations:members"), command, reply, add).await
    }
}

/// May the role be given on this organization?
pub(crate) fn fits(role: &AccessRole, organization: Id<Organization>) -> Result<()> {
    let belongs = role.organization_id.is_none_or(|o| o == organization);
    let scoped = role.scopes.iter().any(|s| s == NAMESPACE);
    if belongs && scoped && role.state.is_enabled() {
        return Ok(());
    }
    Err(Error::new(Code::InvalidInput, "role is not valid for organization scope"))
}

struct SetRole {
    organization: Id<Organization>,
    member: Id<User>,
    role: AccessRole,
    binding: Id<portcullis_domain::role_binding::RoleBinding>,
    scribe: Scribe,
}
async fn set_role(tx: &mut Tx, c: &SetRole) -> portcullis_store::Result<()> {
    let organization = current(tx, c.organization).await?;
    let (object, bearer) = (organization.id.uuid(), Bearer::User(c.member.uuid()));
    if user::facts(tx, c.member).await?.is_none() {
        return Err(Error::not_found("user").into());
    }
    same_role(tx, &c.role).await?;
    let before = role_binding::held_on(tx, bearer, object).await?;
    if before.is_empty() {
        return Err(not_a_member(Code::Conflict).into());
    }
    let owner = ORGANIZATION_OWNER.id();
    let owned = before.iter().any(|b| b.role_id == owner);
    if owned && c.role.id != owner && !has_another(tx, owner, object, bearer).await? {
        return Err(Error::new(
            Code::Conflict,
            "org must have at least one owner, consider assigning another owner before changing this user's role",
        )
        .detail("state", "last_owner")
        .into());
    }
    let new = Give { id: c.binding, role: c.role.id, namespace: NAMESPACE, object, bearer, now: tx.cx.now };
    if give(tx, &new).await? == Became::Same {
        return Ok(());
    }
    let roles = |ids: &[String]| serde_json::json!(ids);
    let had: Vec<String> = before.iter().map(|b| b.role_id.to_string()).collect();
    let event = c
        .scribe
        .event("organization.member_role_changed", "organization", c.organization)
        .change("roles", roles(&had), roles(&[c.role.id.to_string()]))
        .with("user_id", c.member.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

struct Remove {
    organization: Id<Organization>,
    member: Bearer,
    scribe: Scribe,
}
/// One step; true when it was the last one. What lies in the organization goes first, so that a call that breaks off can be
/// repeated.
async fn remove(tx: &mut Tx, c: &Remove) -> portcullis_store::Result<bool> {
    let object = current(tx, c.organization).await?.id.uuid();
    let held = role_binding::held_on(tx, c.member, object).await?;
    if held.is_empty() {
        let e = Error::new(Code::Conflict, "principal is not a member of this resource");
        return Err(e.detail("state", "not_member").into());
    }
    let owner = ORGANIZATION_OWNER.id();
    if held.iter().any(|b| b.role_id == owner) && !has_another(tx, owner, object, c.member).await? {
        return Err(Error::new(
            Code::Conflict,
            "cannot change role: this is the last owner of the organization. Make somebody else an owner first.",
        )
        .detail("state", "last_owner")
        .into());
    }
    let inside = holding::inside(tx, c.member, c.organization).await?;
    take_these(tx, &inside.bindings).await?;
    if inside.whole {
        take(tx, c.member, object).await?;
        let event = c
            .scribe
            .event("organization.member_removed", "organization", c.organization)
            .with("principal_type", c.member.namespace());
        // only a person is a `user_id`, which records render as one
        let who = if matches!(c.member, Bearer::User(_)) { "user_id" } else { "principal_id" };
        c.scribe.write(tx, event.with(who, c.member.id().to_string()));
        end_if_left(tx, &c.scribe, c.member, c.organization).await?;
    }
    tx.bump().await?;
    Ok(inside.whole)
}

struct Add {
    organization: Id<Organization>,
    members: Vec<(Id<User>, Id<AccessRole>)>,
    scribe: Scribe,
}
async fn add(tx: &mut Tx, c: &Add) -> portcullis_store::Result<Vec<Added>> {
    let organization = current(tx, c.organization).await?;
    let mut out = Vec::with_capacity(c.members.len());
    for (user, role) in &c.members {
        let refused = add_one(tx, c, &organization, *user, *role).await?;
        out.push(Added { user: *user, role: *role, refused });
    }
    if out.iter().any(|a| a.refused.is_none()) {
        tx.bump().await?;
    }
    Ok(out)
}
/// Why it did not happen.
async fn add_one(
    tx: &mut Tx,
    c: &Add,
    organization: &Organization,
    member: Id<User>,
    role: Id<AccessRole>,
) -> portcullis_store::Result<Option<&'static str>> {
    let Some(role) = access_role::by_id(tx, role).await? else { return Ok(Some("role id is invalid")) };
    if fits(&role, organization.id).is_err() {
        return Ok(Some("role is not valid for organization scope"));
    }
    match user::facts(tx, member).await? {
        None => return Ok(Some("user doesn't exist")),
        Some(user) if user.state == UserState::Suspended => return Ok(Some("user is disabled")),
        Some(_) => {}
    }
    let (object, bearer) = (organization.id.uuid(), Bearer::User(member.uuid()));
    if !role_binding::held_on(tx, bearer, object).await?.is_empty() {
        return Ok(Some("principal is already a member of the resource"));
    }
    join(tx, &c.scribe, organization.id, member, role.id).await?;
    Ok(None)
}

struct AddUsers {
    organization: Id<Organization>,
    users: Vec<Id<User>>,
    role: AccessRole,
    scribe: Scribe,
}
async fn add_users(tx: &mut Tx, c: &AddUsers) -> portcullis_store::Result<()> {
    let organization = current(tx, c.organization).await?;
    same_role(tx, &c.role).await?;
    let mut joined = false;
    for user in &c.users {
        active_user(tx, *user).await?;
        if role_binding::held_on(tx, Bearer::User(user.uuid()), organization.id.uuid()).await?.is_empty() {
            join(tx, &c.scribe, organization.id, *user, c.role.id).await?;
            joined = true;
        }
    }
    if joined {
        tx.bump().await?;
    }
    Ok(())
}
/// Makes somebody a member who is none. The caller moves the revision.
pub(crate) async fn join(
    tx: &mut Tx,
    scribe: &Scribe,
    organization: Id<Organization>,
    member: Id<User>,
    role: Id<AccessRole>,
) -> portcullis_store::Result<()> {
    let (object, bearer) = (organization.uuid(), Bearer::User(member.uuid()));
    give(tx, &Give { id: scribe.id(), role, namespace: NAMESPACE, object, bearer, now: tx.cx.now }).await?;
    let event = scribe
        .event("organization.member_added", "organization", organization)
        .with("user_id", member.to_string())
        .with("role_id", role.to_string());
    scribe.write(tx, event);
    Ok(())
}
