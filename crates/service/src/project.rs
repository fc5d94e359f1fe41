//! Projects: make, read, change, switch, end, list (spec v1beta1 2.3.9, 3.4). Their members are in `project_member.rs`, the
//! projects of a person in `project_list.rs`.
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::PROJECT_OWNER;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, organization, project, resource};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, maker};
use crate::group::nobody;
use crate::holder::{self, Give, Room, bounded};
use crate::{Answer, App, Reply, lookup};

/// What may change of a project; a change replaces all of it (spec v1beta1 3).
#[derive(Clone, Debug)]
pub struct ProjectContent {
    /// For people.
    pub title: String,
    /// Free JSON: projects have no MetaSchema.
    pub metadata: Map<String, Value>,
}
/// A project to make.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Unique in the tenant.
    pub name: Slug,
    /// What may change later.
    pub content: ProjectContent,
}
/// A project with the number of its members, if that was asked for.
#[derive(Clone, Debug)]
pub struct ProjectShown {
    /// The project.
    pub project: Project,
    /// How many persons hold a role on it; 0 unless asked for.
    pub members: u32,
}
impl ProjectShown {
    /// Without the number.
    pub const fn alone(project: Project) -> Self {
        Self { project, members: 0 }
    }
}

impl App {
    /// Makes a project that its maker owns. `app_organization_projectcreate` on the organization.
    pub async fn create_project(
        &self,
        cx: &Ctx,
        organization: String,
        new: Result<NewProject>,
        reply: Reply<ProjectShown>,
    ) -> Result<Answer> {
        const ACTION: &str = "app_organization_projectcreate";
        let found = self.find_organization(cx, &organization, ACTION).await?;
        let command = async {
            let NewProject { name, content } = new?;
            let owner = maker(&cx.principal).ok_or_else(nobody)?;
            let project = Project {
                id: self.id(cx),
                organization_id: found.id,
                name,
                title: content.title,
                state: State::Enabled,
                metadata: content.metadata,
                created_at: cx.now,
                updated_at: cx.now,
                revision: 1,
            };
            Ok(Insert { project, owner: Some(owner), binding: self.id(cx), scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::on(Object::Organization(found.id.uuid()), ACTION), command, reply, insert).await
    }
    /// One project, by id or name. `app_project_get`. A disabled one is not found.
    pub async fn get_project(&self, cx: &Ctx, which: String) -> Result<ProjectShown> {
        self.project_for(cx, &which, "app_project_get").await.map(ProjectShown::alone)
    }
    /// Puts title and metadata in place of the old ones. `app_project_update`.
    pub async fn update_project(&self, cx: &Ctx, which: String, new: Result<ProjectContent>) -> Result<ProjectShown> {
        let found = self.find_project(cx, &which, "app_project_update").await?;
        let gate = on(&found, "app_project_update").asleep();
        // by the id that was allowed, whatever the body calls it (spec v1beta1 part 11, 6)
        let command = async { Ok(Update { id: found.id, content: new?, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, update).await.map(ProjectShown::alone)
    }
    /// Switches a project on or off. `app_project_delete`.
    pub async fn set_project_state(&self, cx: &Ctx, which: String, state: State, reply: Reply<()>) -> Result<Answer> {
        let found = self.find_project(cx, &which, "app_project_delete").await?;
        let gate = on(&found, "app_project_delete").asleep();
        let command = async { Ok(Switch { id: found.id, state, scribe: self.scribe(cx) }) };
        self.answer(cx, gate, command, reply, switch).await
    }
    /// Ends a project with its resources and all that is held on any of them. `app_project_delete`.
    pub async fn delete_project(&self, cx: &Ctx, which: String) -> Result<()> {
        let found = self.find_project(cx, &which, "app_project_delete").await?;
        let gate = on(&found, "app_project_delete").asleep();
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
    /// All projects of the tenant, or of one organization. Superusers.
    pub async fn list_projects(&self, cx: &Ctx, organization: String, state: State) -> Result<Vec<ProjectShown>> {
        self.allow(cx, &Gate::superuser("projects:list")).await?;
        let organization = match organization.as_str() {
            "" => None,
            _ => Some(self.find_organization(cx, &organization, "projects:list").await?.id),
        };
        let projects = self.0.db.scan(cx.clone(), List { organization, state }, list).await?;
        bounded(projects.len())?;
        Ok(projects.into_iter().map(ProjectShown::alone).collect())
    }
    /// The projects of an organization. `app_organization_projectlist`.
    pub async fn list_organization_projects(
        &self,
        cx: &Ctx,
        which: String,
        state: State,
        count: bool,
    ) -> Result<Vec<ProjectShown>> {
        let organization = self.organization_for(cx, &which, "app_organization_projectlist").await?.id;
        let projects = self.0.db.scan(cx.clone(), List { organization: Some(organization), state }, list).await?;
        bounded(projects.len())?;
        let compiled = self.snapshot(cx).await?;
        let members = |p: &Project| if count { holder::count(&compiled.access.graph, p.id.uuid()) } else { 0 };
        Ok(projects.into_iter().map(|project| ProjectShown { members: members(&project), project }).collect())
    }

    /// A project that the caller may do this to and that is not disabled.
    pub(crate) async fn project_for(&self, cx: &Ctx, which: &String, permission: &'static str) -> Result<Project> {
        let found = self.find_project(cx, which, permission).await?;
        self.allow(cx, &on(&found, permission).asleep()).await?;
        enabled(found)
    }
    /// A project that the caller has yet to be allowed to look at.
    pub(crate) async fn find_project(&self, cx: &Ctx, which: &String, action: &'static str) -> Result<Project> {
        let found = self.0.db.read(cx.clone(), which, lookup::project).await?;
        found.ok_or_else(|| self.missing(cx, action, "project"))
    }
}

/// What somebody needs who does something to a project.
pub(crate) fn on(project: &Project, permission: &'static str) -> Gate {
    Gate::on(Object::Project(project.id.uuid()), permission)
}
/// A disabled project is not found (spec v1beta1 3.4).
pub(crate) fn enabled(project: Project) -> Result<Project> {
    if project.state.is_enabled() { Ok(project) } else { Err(Error::not_found("project")) }
}
/// The project as the transaction sees it.
pub(crate) async fn present(tx: &mut Tx, id: Id<Project>) -> portcullis_store::Result<Project> {
    Ok(project::by_id(tx, id).await?.ok_or_else(|| Error::not_found("project"))?)
}

pub(crate) struct Insert {
    pub project: Project,
    /// `None`: nobody made it who could own it.
    pub owner: Option<Bearer>,
    pub binding: Id<RoleBinding>,
    pub scribe: Scribe,
}
pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<ProjectShown> {
    let p = &c.project;
    if organization::by_id(tx, p.organization_id).await?.is_none() {
        return Err(Error::not_found("organization").into());
    }
    if !project::insert(tx, p).await? {
        let e = Error::new(Code::AlreadyExists, "A project of this name exists in this tenant.");
        return Err(e.detail("field", "name").into());
    }
    tx.touch(Kind::Project, p.id.uuid());
    if let Some(bearer) = c.owner {
        let owner = Give {
            id: c.binding,
            role: PROJECT_OWNER.id(),
            namespace: "app/project",
            object: p.id.uuid(),
            bearer,
            now: p.created_at,
        };
        holder::give(tx, &owner).await?;
    }
    let event = c
        .scribe
        .event("project.created", "project", p.id)
        .change("name", Value::Null, &*p.name)
        .change("title", Value::Null, p.title.as_str())
        .change("metadata", Value::Null, Value::Object(p.metadata.clone()))
        .with("organization_id", p.organization_id.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(ProjectShown::alone(p.clone()))
}

pub(crate) struct Update {
    pub id: Id<Project>,
    pub content: ProjectContent,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Project> {
    let before = enabled(present(tx, c.id).await?)?;
    let after = Project {
        title: c.content.title.clone(),
        metadata: c.content.metadata.clone(),
        updated_at: tx.cx.now,
        revision: before.revision + 1,
        ..before.clone()
    };
    project::update(tx, &after).await?;
    let event = c
        .scribe
        .event("project.updated", "project", c.id)
        .with("organization_id", before.organization_id.to_string())
        .change("title", before.title.as_str(), after.title.as_str())
        .change("metadata", Value::Object(before.metadata), Value::Object(after.metadata.clone()));
    if !event.changes.is_empty() {
        c.scribe.write(tx, event);
    }
    Ok(after)
}

pub(crate) struct Switch {
    pub id: Id<Project>,
    pub state: State,
    pub scribe: Scribe,
}
pub(crate) async fn switch(tx: &mut Tx, c: &Switch) -> portcullis_store::Result<()> {
    let before = present(tx, c.id).await?;
    if before.state == c.state {
        return Ok(());
    }
    let after = Project { state: c.state, updated_at: tx.cx.now, ..before.clone() };
    project::update(tx, &after).await?;
    tx.touch(Kind::Project, c.id.uuid());
    let action = if c.state.is_enabled() { "project.enabled" } else { "project.disabled" };
    let event = c.scribe.event(action, "project", c.id);
    c.scribe.write(tx, event.with("organization_id", before.organization_id.to_string()));
    tx.bump().await?;
    Ok(())
}

pub(crate) struct Delete {
    pub id: Id<Project>,
    pub scribe: Scribe,
}
/// True when it is gone; else as much as one transaction may remove is, and nothing that is left counts any more.
pub(crate) async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<bool> {
    let project = present(tx, c.id).await?;
    let mut room = Room::STEP;
    let emptied = empty(tx, c.id, &mut room).await?;
    if emptied {
        remove(tx, &c.scribe, &project).await?;
    } else if project.state.is_enabled() {
        project::update(tx, &Project { state: State::Disabled, updated_at: tx.cx.now, ..project }).await?;
        tx.touch(Kind::Project, c.id.uuid());
    }
    tx.bump().await?;
    Ok(emptied)
}
/// Removes the resources of a project and all that is held on any of them and on itself; false when the room ended before.
pub(crate) async fn empty(tx: &mut Tx, id: Id<Project>, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        // the first page each time: what was on the one before is gone
        let resources = resource::in_project(tx, id, ("", "")).await?;
        if resources.is_empty() {
            return holder::take_on(tx, id.uuid(), room).await;
        }
        for r in resources {
            if !holder::take_on(tx, r.id.uuid(), room).await? || !room.one() {
                return Ok(false);
            }
            resource::delete(tx, r.id).await?;
        }
    }
}
/// Removes a project that is empty. The caller moves the revision.
pub(crate) async fn remove(tx: &mut Tx, scribe: &Scribe, p: &Project) -> portcullis_store::Result<()> {
    project::delete(tx, p.id).await?;
    tx.touch(Kind::Project, p.id.uuid());
    let event = scribe.event("project.deleted", "project", p.id).with("name", &*p.name);
    scribe.write(tx, event.with("organization_id", p.organization_id.to_string()));
    Ok(())
}

struct List {
    /// `None`: of the whole tenant.
    organization: Option<Id<Organization>>,
    state: State,
}
async fn list(tx: &mut Tx, l: &List) -> portcullis_store::Result<Vec<Project>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = match l.organization {
            None => project::page(tx, after).await?,
            Some(organization) => project::in_organization(tx, organization, after).await?,
        };
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id.uuid();
        out.extend(page.into_iter().filter(|p| p.state == l.state));
        if out.len() > holder::MOST {
            return Ok(out);
        }
    }
}
