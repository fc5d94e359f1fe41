//! Where a user is: their organizations, and their projects in one of them (spec v1beta1 3.18). Superusers.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::{Bearer, Relation};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, access_role, organization, project, role_binding, user};
use uuid::Uuid;

use crate::App;
use crate::access::Access;
use crate::authorize::Gate;
use crate::holder::{bounded, held, persons};
use crate::search::{Cell, Found, Kind, Query, Table, run};
use crate::user::UserRef;

const ACTION: &str = "users:read";
/// Members of projects that one answer tells.
const MOST_MEMBERS: usize = 10_000;

/// An organization that a user is in.
#[derive(Clone, Debug)]
pub struct UserOrganization {
    /// Which; its picture only if it is a link.
    pub organization: Organization,
    /// As what.
    pub roles: Vec<AccessRole>,
    /// On how many of its projects the user holds a role.
    pub projects: u32,
    /// Since when.
    pub joined_at: Timestamp,
}
/// A project on which a user holds a role, with all who do.
#[derive(Clone, Debug)]
pub struct UserProject {
    /// Which.
    pub project: Project,
    /// Who; filled in for the rows that are shown.
    pub users: Vec<User>,
}
/// A user's projects in an organization, as a search sees them.
pub struct UserProjects;
impl Table for UserProjects {
    type Row = UserProject;
    const COLUMNS: &'static [(&'static str, Kind)] = &[];
    const SEARCHED: &'static [&'static str] = &["title", "name"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(p: &'a UserProject, column: &str) -> Cell<'a> {
        match column {
            "title" => Cell::Text(Cow::Borrowed(&p.project.title)),
            _ => Cell::Text(Cow::Borrowed(&p.project.name)),
        }
    }
}
/// A user's organizations: of a query only the page counts.
pub struct UserOrganizations;
impl Table for UserOrganizations {
    type Row = Id<Organization>;
    const COLUMNS: &'static [(&'static str, Kind)] = &[];
    const SEARCHED: &'static [&'static str] = &[];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(id: &'a Id<Organization>, _: &str) -> Cell<'a> {
        Cell::Text(Cow::Owned(id.to_string()))
    }
}

impl App {
    /// The organizations that a user holds a role on.
    pub async fn search_user_organizations(
        &self,
        cx: &Ctx,
        which: &str,
        query: &Query,
    ) -> Result<(Id<User>, Found<UserOrganization>)> {
        let user = self.searched_user(cx, which).await?;
        let access = self.snapshot(cx).await?.access.clone();
        let graph = &access.graph;
        let mut ids: Vec<Id<Organization>> = graph
            .bindings_of(Bearer::User(user.uuid()))
            .filter(|(_, b)| graph.organization(b.object).is_some())
            .map(|(_, b)| Id::from_uuid(b.object))
            .collect();
        ids.dedup(); // bindings come by object
        bounded(ids.len())?;
        let page = run::<UserOrganizations>(query, ids);
        let look = Organizations { user, ids: page.rows.clone(), access };
        let rows = self.0.db.scan(cx.clone(), look, organizations).await?;
        Ok((user, Found { rows, groups: None, offset: page.offset, limit: page.limit }))
    }
    /// The projects of an organization that a user holds a role on, by name.
    pub async fn search_user_projects(
        &self,
        cx: &Ctx,
        which: &str,
        organization: &str,
        query: &Query,
    ) -> Result<(Id<User>, Id<Organization>, Found<UserProject>)> {
        let user = self.searched_user(cx, which).await?;
        let organization = self.find_organization(cx, &organization.to_owned(), ACTION).await?.id;
        let access = self.snapshot(cx).await?.access.clone();
        let projects = projects_of(&access, user, organization.uuid());
        bounded(projects.len())?;
        let mut rows = self.0.db.scan(cx.clone(), projects, read_projects).await?;
        rows.sort_by(|a, b| a.project.name.cmp(&b.project.name));
        let mut found = run::<UserProjects>(query, rows);
        let members: BTreeMap<Uuid, Vec<Uuid>> = found
            .rows
            .iter()
            .map(|p| p.project.id.uuid())
            .map(|id| (id, held(&access.graph, id, persons).into_keys().collect()))
            .collect();
        if members.values().map(Vec::len).sum::<usize>() > MOST_MEMBERS {
            let message = "The projects of this page have more than 10,000 members together: ask for a smaller page.";
            return Err(Error::new(Code::RateLimited, message));
        }
        let mut people = self.0.db.scan(cx.clone(), members, read_people).await?;
        for row in &mut found.rows {
            row.users = people.remove(&row.project.id.uuid()).unwrap_or_default();
        }
        Ok((user, organization, found))
    }
    async fn searched_user(&self, cx: &Ctx, which: &str) -> Result<Id<User>> {
        self.allow(cx, &Gate::superuser(ACTION)).await?;
        let id = which.parse().map_err(|_| Error::not_found("user"))?;
        Ok(self.find_user(cx, &UserRef::Id(id)).await?.ok_or_else(|| Error::not_found("user"))?.id)
    }
}

/// The projects of an organization on which somebody holds a role themselves.
fn projects_of(access: &Access, user: Id<User>, organization: Uuid) -> Vec<Uuid> {
    let graph = &access.graph;
    let inside = |id: &Uuid| graph.project(*id).is_some_and(|p| p.organization == organization);
    let mut ids: Vec<Uuid> =
        graph.bindings_of(Bearer::User(user.uuid())).map(|(_, b)| b.object).filter(inside).collect();
    ids.dedup();
    ids
}

struct Organizations {
    user: Id<User>,
    ids: Vec<Id<Organization>>,
    access: Arc<Access>,
}
async fn organizations(tx: &mut Tx, c: &Organizations) -> portcullis_store::Result<Vec<UserOrganization>> {
    let mut out = Vec::with_capacity(c.ids.len());
    for id in &c.ids {
        let Some(mut organization) = organization::by_id(tx, *id).await? else { continue };
        organization.avatar = organization.avatar.filter(|a| is_link(a));
        let held = role_binding::held_on(tx, Bearer::User(c.user.uuid()), id.uuid()).await?;
        let Some(joined_at) = held.iter().map(|b| b.created_at).min() else { continue };
        let mut roles = vec![];
        for b in held.iter().filter(|b| b.relation == Relation::Granted) {
            roles.extend(access_role::by_id(tx, b.role_id).await?);
        }
        let projects = projects_of(&c.access, c.user, id.uuid()).len();
        let projects = u32::try_from(projects).unwrap_or(u32::MAX);
        out.push(UserOrganization { organization, roles, projects, joined_at });
    }
    Ok(out)
}
async fn read_projects(tx: &mut Tx, ids: &Vec<Uuid>) -> portcullis_store::Result<Vec<UserProject>> {
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        let project = project::by_id(tx, Id::from_uuid(*id)).await?;
        out.extend(project.map(|project| UserProject { project, users: vec![] }));
    }
    Ok(out)
}
async fn read_people(
    tx: &mut Tx,
    members: &BTreeMap<Uuid, Vec<Uuid>>,
) -> portcullis_store::Result<BTreeMap<Uuid, Vec<User>>> {
    let mut out = BTreeMap::new();
    for (project, ids) in members {
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            let mut user = user::by_id(tx, Id::from_uuid(*id)).await?;
            if let Some(user) = &mut user {
                user.avatar = user.avatar.take().filter(|a| is_link(a));
            }
            users.extend(user);
        }
        out.insert(*project, users);
    }
    Ok(out)
}
/// A picture itself may be as large as a page of rows.
fn is_link(avatar: &str) -> bool {
    !portcullis_domain::avatar::is_image(avatar)
}
