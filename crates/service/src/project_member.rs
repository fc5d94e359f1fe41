//! Who holds roles on a project itself: persons, machines and groups (spec v1beta1 2.3.9, 3.4).
use portcullis_authz::graph::{Object, expand};
use portcullis_domain::access_role::{AccessRole, PROJECT_OWNER};
use portcullis_domain::group::Group;
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, group, role_binding, service_user};
use uuid::Uuid;

use crate::app::Scribe;
use crate::holder::{self, Became, Give, Holder, active_user, groups, held, no_such_role, not_a_member, persons};
use crate::project::{enabled, on, present};
use crate::service_user::not_found;
use crate::{Answer, App, Reply};

impl App {
    /// The persons who hold a role on the project itself; those with this permission on it, if one is named. `app_project_get`.
    pub async fn list_project_users(&self, cx: &Ctx, which: String, permission: &str) -> Result<Vec<Holder<User>>> {
        let project = self.project_for(cx, &which, "app_project_get").await?;
        let access = &self.snapshot(cx).await?.access;
        let mut held = held(&access.graph, project.id.uuid(), persons);
        if !permission.is_empty() {
            let permission = access.catalogue.resolve(permission, "app/project");
            let object = Object::Project(project.id.uuid());
            held.retain(|id, _| {
                permission.is_some_and(|p| access.graph.check(Bearer::User(*id), None, p, object).holds())
            });
        }
        self.people(cx, held).await
    }
    /// The persons who own the project. `app_project_get`.
    pub async fn list_project_admins(&self, cx: &Ctx, which: String) -> Result<Vec<User>> {
        let project = self.project_for(cx, &which, "app_project_get").await?;
        let mut held = held(&self.snapshot(cx).await?.access.graph, project.id.uuid(), persons);
        held.retain(|_, roles| roles.contains(&PROJECT_OWNER.id().uuid()));
        Ok(self.people(cx, held).await?.into_iter().map(|h| h.who).collect())
    }
    /// The groups that hold a role on the project itself. `app_project_get`.
    pub async fn list_project_groups(&self, cx: &Ctx, which: String) -> Result<Vec<Holder<Group>>> {
        let project = self.project_for(cx, &which, "app_project_get").await?;
        let held = held(&self.snapshot(cx).await?.access.graph, project.id.uuid(), groups);
        self.groups_holding(cx, held).await
    }
    /// The same as [`App::list_project_users`], for superusers: also of a project that is disabled.
    pub async fn search_project_users(&self, cx: &Ctx, which: String) -> Result<(Id<Project>, Vec<Holder<User>>)> {
        self.allow(cx, &crate::authorize::Gate::superuser("projects:list")).await?;
        let project = self.find_project(cx, &which, "projects:list").await?;
        let held = held(&self.snapshot(cx).await?.access.graph, project.id.uuid(), persons);
        Ok((project.id, self.people(cx, held).await?))
    }

    /// Gives somebody of the project's organization this role on it instead of any other. `app_project_update`.
    pub async fn set_project_member_role(
        &self,
        cx: &Ctx,
        which: String,
        principal: (&str, &str),
        role: &str,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.find_project(cx, &which, "app_project_update").await?;
        let role = self.named_role(cx, role, Some(found.organization_id)).await?;
        let mut gate = on(&found, "app_project_update").asleep();
        if let Some(role) = &role
            && found.state.is_enabled()
        {
            let compiled = self.snapshot(cx).await?;
            gate = gate.giving(holder::gives(role, &compiled.access.catalogue, "app/project"));
        }
        let command = async {
            let role = valid_role(role)?;
            let (bearer, binding) = (bearer(principal)?, self.id(cx));
            Ok(SetRole { project: found.id, bearer, binding, role, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, set_role).await
    }
    /// Takes everything that somebody holds on the project itself. `app_project_update`.
    pub async fn remove_project_member(
        &self,
        cx: &Ctx,
        which: String,
        principal: (&str, &str),
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.find_project(cx, &which, "app_project_update").await?;
        let gate = on(&found, "app_project_update").asleep();
        let command = async { Ok(Remove { project: found.id, bearer: bearer(principal)?, scribe: self.scribe(cx) }) };
        self.answer(cx, gate, command, reply, remove).await
    }
}

/// A principal by its type and id.
fn bearer((kind, id): (&str, &str)) -> Result<Bearer> {
    let id: Uuid = id.parse().map_err(|_| Error::field("principal_id", "This must be a UUID."))?;
    match Bearer::new(&expand(kind), id) {
        Some(bearer @ (Bearer::User(_) | Bearer::ServiceUser(_) | Bearer::Group(_))) => Ok(bearer),
        _ => Err(Error::field("principal_type", "One of: app/user, app/serviceuser, app/group.")),
    }
}
/// A role that may be given on a project.
fn valid_role(role: Option<AccessRole>) -> Result<AccessRole> {
    let role = role.filter(|r| r.state.is_enabled()).ok_or_else(no_such_role)?;
    if role.scopes.iter().any(|s| s == "app/project") {
        Ok(role)
    } else {
        Err(Error::new(Code::InvalidInput, "role is not valid for project scope"))
    }
}
/// Whoever is given a role on a project belongs to its organization.
async fn belongs(tx: &mut Tx, bearer: Bearer, project: &Project) -> portcullis_store::Result<()> {
    let organization = project.organization_id;
    let inside = match bearer {
        Bearer::Group(id) => {
            let group = group::by_id(tx, Id::from_uuid(id)).await?.filter(|g| g.state.is_enabled());
            group.ok_or_else(|| Error::not_found("group"))?.organization_id == Some(organization)
        }
        Bearer::User(id) => {
            active_user(tx, Id::from_uuid(id)).await?;
            !role_binding::held_on(tx, bearer, organization.uuid()).await?.is_empty()
        }
        Bearer::ServiceUser(id) => {
            // one that does not belong here reads like one that is not there: nobody learns of those of others
            let machine = service_user::by_id(tx, Id::from_uuid(id)).await?.filter(|s| s.state.is_enabled());
            let machine = machine.ok_or_else(not_found)?;
            if machine.organization_id != Some(organization)
                && role_binding::held_on(tx, bearer, organization.uuid()).await?.is_empty()
            {
                return Err(not_found().into());
            }
            true
        }
        Bearer::Pat(_) => false,
    };
    if inside { Ok(()) } else { Err(not_a_member(Code::Conflict).into()) }
}

struct SetRole {
    project: Id<Project>,
    bearer: Bearer,
    binding: Id<RoleBinding>,
    role: AccessRole,
    scribe: Scribe,
}
async fn set_role(tx: &mut Tx, c: &SetRole) -> portcullis_store::Result<()> {
    let project = enabled(present(tx, c.project).await?)?;
    holder::same_role(tx, &c.role).await?;
    belongs(tx, c.bearer, &project).await?;
    let (object, now) = (project.id.uuid(), tx.cx.now);
    let give = Give { id: c.binding, role: c.role.id, namespace: "app/project", object, bearer: c.bearer, now };
    if holder::give(tx, &give).await? == Became::Same {
        return Ok(());
    }
    let event = c
        .scribe
        .event("project.member_role_changed", "project", project.id)
        .with("organization_id", project.organization_id.to_string())
        .with("principal_type", c.bearer.namespace())
        .with("principal_id", c.bearer.id().to_string())
        .with("role_id", c.role.id.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

struct Remove {
    project: Id<Project>,
    bearer: Bearer,
    scribe: Scribe,
}
async fn remove(tx: &mut Tx, c: &Remove) -> portcullis_store::Result<()> {
    let project = enabled(present(tx, c.project).await?)?;
    if !holder::take(tx, c.bearer, project.id.uuid()).await? {
        return Err(not_a_member(Code::NotFound).into());
    }
    let event = c
        .scribe
        .event("project.member_removed", "project", project.id)
        .with("organization_id", project.organization_id.to_string())
        .with("principal_type", c.bearer.namespace())
        .with("principal_id", c.bearer.id().to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}
