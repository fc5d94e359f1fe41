//! What left the file: removed in the order in which things stand on one another, and only if nothing that somebody else made
//! would go with it.
use portcullis_domain::access_role::{AccessRole, GROUP_OWNER, ORGANIZATION_OWNER};
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Error, Id, Role};
use portcullis_store::{
    Result, access_role, group, managed, organization, permission, policy, project, resource, role_binding, user,
};
use uuid::Uuid;

use super::difference::What;
use super::work::{
    ADMIN, BINDING, GROUP, MEMBER, ORGANIZATION, PERMISSION, POLICY, PROJECT, ROLE, Work, named, placed,
};
use crate::{
    access_role as roles, group as groups, organization_removal, permission as permissions, policy as policies,
    project as projects, role_binding as bindings,
};

/// What is bound first, then what it is bound to.
const ORDER: [&str; 9] = [BINDING, ADMIN, MEMBER, POLICY, PROJECT, GROUP, ROLE, ORGANIZATION, PERMISSION];

pub(super) async fn everything(w: &mut Work<'_>) -> Result<()> {
    for kind in ORDER {
        let left = w.mine.iter().filter(|(k, id)| k == kind && !w.named.contains(&(kind, *id)));
        let mut left: Vec<Uuid> = left.map(|(_, id)| *id).collect();
        left.sort();
        for id in left {
            match kind {
                BINDING => w.remove_binding(id).await?,
                ADMIN => w.remove_platform_user(ADMIN, Role::Admin, Id::from_uuid(id)).await?,
                MEMBER => w.remove_platform_user(MEMBER, Role::Checker, Id::from_uuid(id)).await?,
                POLICY => w.remove_policy(id).await?,
                PROJECT => w.remove_project(Id::from_uuid(id)).await?,
                GROUP => w.remove_group(Id::from_uuid(id)).await?,
                ROLE => w.remove_role(Id::from_uuid(id)).await?,
                ORGANIZATION => w.remove_organization(Id::from_uuid(id)).await?,
                _ => w.remove_permission(Id::from_uuid(id)).await?,
            }
            // also of what somebody else removed meanwhile
            managed::delete(w.tx, kind, id).await?;
        }
    }
    Ok(())
}

fn holds_more(kind: &str, name: &str, what: &str) -> portcullis_store::Error {
    let message = format!("{kind} {name} left the file, but {what} that the file did not make: remove those first.");
    Error::new(Code::InUse, message).into()
}

impl Work<'_> {
    async fn remove_binding(&mut self, id: Uuid) -> Result<()> {
        let Some(b) = role_binding::by_id(self.tx, Id::from_uuid(id)).await? else { return Ok(()) };
        let role = access_role::by_id(self.tx, b.role_id).await?.map_or_else(String::new, |r| r.name.to_string());
        let name = format!("{role} on {}:{} to {}:{}", b.namespace, b.object_id, b.bearer.namespace(), b.bearer.id());
        let group = match &*b.namespace {
            "app/group" => group::by_id(self.tx, Id::from_uuid(b.object_id)).await?,
            _ => None,
        };
        bindings::revoke(self.tx, &bindings::Revoke { id: b.id, thing: None, group, scribe: self.scribe() }).await?;
        for (owner, kind) in [(ORGANIZATION_OWNER.id(), ORGANIZATION), (GROUP_OWNER.id(), GROUP)] {
            if b.role_id == owner {
                self.owners.push((owner, b.object_id, format!("{kind} {}", b.object_id)));
            }
        }
        self.note(What::Remove, BINDING, &name, vec![]);
        Ok(())
    }
    async fn remove_platform_user(&mut self, kind: &'static str, role: Role, id: Id<User>) -> Result<()> {
        let Some(before) = user::by_id(self.tx, id).await?.filter(|u| u.roles.has(role)) else { return Ok(()) };
        if before.is_owner && role == Role::Admin {
            return Err(
                Error::new(Code::OwnerProtected, "The owner keeps the role admin. Move the ownership first.").into()
            );
        }
        let after = User { roles: before.roles.without(role), updated_at: self.tx.cx.now, ..before.clone() };
        self.save_user(&before, &after).await?;
        self.note(What::Remove, kind, &before.email, vec![]);
        Ok(())
    }
    async fn remove_policy(&mut self, id: Uuid) -> Result<()> {
        let Some(p) = policy::by_id(self.tx, Id::from_uuid(id)).await? else { return Ok(()) };
        policies::delete(self.tx, &policies::Delete { id: p.id, if_match: None, scribe: self.scribe() }).await?;
        self.note(What::Remove, POLICY, &p.name, vec![]);
        Ok(())
    }
    async fn remove_project(&mut self, id: Id<Project>) -> Result<()> {
        let Some(p) = project::by_id(self.tx, id).await? else { return Ok(()) };
        if !resource::in_project(self.tx, id, ("", "")).await?.is_empty() {
            return Err(holds_more(PROJECT, &p.name, "there are resources in it"));
        }
        self.nothing_held_on(id.uuid(), PROJECT, &p.name).await?;
        while !projects::delete(self.tx, &projects::Delete { id, scribe: self.scribe() }).await? {}
        self.note(What::Remove, PROJECT, &p.name, vec![]);
        Ok(())
    }
    async fn remove_group(&mut self, id: Id<Group>) -> Result<()> {
        let Some(g) = group::by_id(self.tx, id).await? else { return Ok(()) };
        let organization = match g.organization_id {
            Some(id) => organization::by_id(self.tx, id).await?,
            None => None,
        };
        let name = placed(organization.as_ref(), &g.name);
        self.nothing_held_on(id.uuid(), GROUP, &name).await?;
        if !role_binding::held_by(self.tx, Bearer::Group(id.uuid()), Uuid::nil()).await?.is_empty() {
            return Err(holds_more(GROUP, &name, "it holds roles by bindings"));
        }
        if !g.role_mappings.is_empty() {
            return Err(holds_more(GROUP, &name, "it carries roles"));
        }
        groups::named_nowhere(self.tx, id).await.map_err(|e| named(e, GROUP, &name))?;
        while !groups::delete(self.tx, &groups::Delete { id, first: None, scribe: self.scribe() }).await? {}
        self.note(What::Remove, GROUP, &name, vec![]);
        Ok(())
    }
    async fn remove_role(&mut self, id: Id<AccessRole>) -> Result<()> {
        let Some(role) = access_role::by_id(self.tx, id).await? else { return Ok(()) };
        let organization = match role.organization_id {
            Some(id) => organization::by_id(self.tx, id).await?,
            None => None,
        };
        let name = placed(organization.as_ref(), &role.name);
        if roles::is_predefined(id) {
            self.note(What::Release, ROLE, &name, vec![]);
            return Ok(());
        }
        let removed = roles::remove(self.tx, &roles::Removal { role, scribe: self.scribe() }).await;
        removed.map_err(|e| named(e, ROLE, &name))?;
        self.note(What::Remove, ROLE, &name, vec![]);
        Ok(())
    }
    async fn remove_organization(&mut self, id: Id<Organization>) -> Result<()> {
        let Some(o) = organization::by_id(self.tx, id).await? else { return Ok(()) };
        let empty = project::in_organization(self.tx, id, Uuid::nil()).await?.is_empty()
            && group::in_scope(self.tx, Some(id), "").await?.is_empty()
            && access_role::in_scope(self.tx, Some(id), "").await?.is_empty();
        if !empty {
            return Err(holds_more(ORGANIZATION, &o.name, "there are projects, groups or roles in it"));
        }
        self.nothing_held_on(id.uuid(), ORGANIZATION, &o.name).await?;
        organization_removal::delete(self.tx, &organization_removal::Delete { id, scribe: self.scribe() }).await?;
        self.note(What::Remove, ORGANIZATION, &o.name, vec![]);
        Ok(())
    }
    async fn remove_permission(&mut self, id: Id<portcullis_domain::permission::Permission>) -> Result<()> {
        let Some(p) = permission::by_id(self.tx, id).await? else { return Ok(()) };
        let delete = permissions::Delete { which: permissions::Which(p.slug.clone()), scribe: self.scribe() };
        permissions::delete(self.tx, &delete).await.map_err(|e| named(e, PERMISSION, &p.key()))?;
        self.note(What::Remove, PERMISSION, &p.key(), vec![]);
        Ok(())
    }
    async fn nothing_held_on(&mut self, object: Uuid, kind: &str, name: &str) -> Result<()> {
        match role_binding::on_object(self.tx, object, (Uuid::nil(), Uuid::nil())).await?.is_empty() {
            true => Ok(()),
            false => Err(holds_more(kind, name, "there are bindings on it")),
        }
    }
}
