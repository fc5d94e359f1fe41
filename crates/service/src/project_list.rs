//! Somebody's projects: those that they or their groups hold a role on, and those that a role on the organization lets them see
//! (spec v1beta1 3.1, 3.4).
use std::collections::BTreeSet;

use portcullis_authz::graph::{Graph, Object, Permission};
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::{Tx, project};
use uuid::Uuid;

use crate::access::Access;
use crate::authorize::{Gate, maker};
use crate::holder::{self, asked_words, bounded};
use crate::project::ProjectShown;
use crate::user::UserRef;
use crate::{App, lookup};

/// Rows of a page at most: each has its permissions looked up and its members counted.
const LARGEST_PAGE: usize = 1_000;

/// Which of the caller's projects are asked for, and what of them.
#[derive(Clone, Debug, Default)]
pub struct MyProjectsQuery {
    /// Of this organization only, by id or name; empty: of all.
    pub organization: String,
    /// Permissions to look for on each.
    pub permissions: Vec<String>,
    /// Without those that only a role on the organization shows.
    pub non_inherited: bool,
    /// With the number of members of each.
    pub count: bool,
    /// Rows of a page; more than 1,000 are 1,000.
    pub size: usize,
    /// Which page, from 1.
    pub page: usize,
}
/// A page of somebody's projects.
#[derive(Clone, Debug, Default)]
pub struct MyProjects {
    /// The page's projects.
    pub projects: Vec<ProjectShown>,
    /// For those on which any of the asked permissions was found: the words as they were asked.
    pub pairs: Vec<(Uuid, Vec<String>)>,
    /// How many projects there are on all pages.
    pub total: usize,
}

impl App {
    /// The caller's own projects.
    pub async fn my_projects(&self, cx: &Ctx, q: &MyProjectsQuery) -> Result<MyProjects> {
        self.allow(cx, &Gate::anyone("projects:list")).await?;
        let Some(me) = maker(&cx.principal) else { return Ok(MyProjects::default()) };
        let inside = match q.organization.as_str() {
            "" => None,
            // one that is not there shows as much as one that the caller is not in: so nobody learns which there are
            _ => match self.0.db.read(cx.clone(), &q.organization, lookup::organization).await? {
                Some(o) => Some(o.id.uuid()),
                None => return Ok(MyProjects::default()),
            },
        };
        let mut all = self.projects_of(cx, me, inside, q.non_inherited).await?;
        let access = &self.snapshot(cx).await?.access;
        if cx.principal.credential.is_personal_token() {
            let get = access.catalogue.get("app_project_get");
            let seen = |id| get.is_some_and(|p| access.graph.verdict(&cx.principal, p, Object::Project(id)).holds());
            all.retain(|p| seen(p.id.uuid()));
        }
        let total = all.len();
        let size = q.size.min(LARGEST_PAGE);
        let first = q.page.saturating_sub(1).saturating_mul(size);
        let page: Vec<Project> = all.into_iter().skip(first).take(size).collect();
        let mine = |p: &Permission, object| access.graph.verdict(&cx.principal, p, object).holds();
        let pairs = pairs(access, mine, &page, &q.permissions)?;
        let members = |p: &Project| if q.count { holder::count(&access.graph, p.id.uuid()) } else { 0 };
        let projects = page.into_iter().map(|project| ProjectShown { members: members(&project), project }).collect();
        Ok(MyProjects { projects, pairs, total })
    }
    /// All of somebody's projects, of one organization if it is named. The caller was allowed to look.
    pub(crate) async fn projects_with(
        &self,
        cx: &Ctx,
        who: Bearer,
        inside: Option<Uuid>,
        permissions: &[String],
    ) -> Result<MyProjects> {
        let all = self.projects_of(cx, who, inside, false).await?;
        let (access, total) = (&self.snapshot(cx).await?.access, all.len());
        let theirs = |p: &Permission, object| access.graph.check(who, None, p, object).holds();
        let pairs = pairs(access, theirs, &all, permissions)?;
        Ok(MyProjects { projects: all.into_iter().map(ProjectShown::alone).collect(), pairs, total })
    }
    /// A user's projects. Superusers.
    pub async fn projects_of_user(&self, cx: &Ctx, user: Result<UserRef>) -> Result<Vec<ProjectShown>> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        let user = self.find_user(cx, &user?).await?.ok_or_else(|| Error::not_found("user"))?;
        let projects = self.projects_of(cx, Bearer::User(user.id.uuid()), None, false).await?;
        Ok(projects.into_iter().map(ProjectShown::alone).collect())
    }
    /// Enabled projects in the order of their making.
    async fn projects_of(
        &self,
        cx: &Ctx,
        who: Bearer,
        inside: Option<Uuid>,
        non_inherited: bool,
    ) -> Result<Vec<Project>> {
        let access = self.snapshot(cx).await?.access.clone();
        let graph = &access.graph;
        let (mut projects, organizations) = reachable(graph, who);
        projects.retain(|id| {
            let Some(p) = graph.project(*id) else { return false };
            p.enabled && counts(graph, p.organization) && inside.is_none_or(|o| o == p.organization)
        });
        if !non_inherited && let Some(get) = access.catalogue.get("app_project_get") {
            let organizations: Vec<Uuid> =
                organizations.into_iter().filter(|o| counts(graph, *o) && inside.is_none_or(|i| i == *o)).collect();
            for id in self.0.db.scan(cx.clone(), organizations, projects_in).await? {
                if graph.check(who, None, get, Object::Project(id)).holds() {
                    projects.insert(id);
                }
            }
        }
        bounded(projects.len())?;
        self.0.db.scan(cx.clone(), projects, read).await.map_err(Error::from)
    }
}

/// What of these permissions somebody has on each project, in the words that were asked; unknown ones nobody has.
fn pairs(
    access: &Access,
    has: impl Fn(&Permission, Object) -> bool,
    projects: &[Project],
    words: &[String],
) -> Result<Vec<(Uuid, Vec<String>)>> {
    let asked = asked_words(&access.catalogue, words, "app/project")?;
    let pair = |project: &Project| {
        let id = project.id.uuid();
        let held = asked.iter().filter(|(_, p)| has(p, Object::Project(id)));
        let held: Vec<String> = held.map(|(word, _)| (*word).clone()).collect();
        (!held.is_empty()).then_some((id, held))
    };
    Ok(projects.iter().filter_map(pair).collect())
}

/// The projects and the organizations on which somebody holds something, themselves or through a group.
fn reachable(graph: &Graph, who: Bearer) -> (BTreeSet<Uuid>, BTreeSet<Uuid>) {
    let (mut projects, mut organizations) = (BTreeSet::new(), BTreeSet::new());
    for bearer in std::iter::once(who).chain(graph.groups_of(who).map(Bearer::Group)) {
        for (_, binding) in graph.bindings_of(bearer) {
            if graph.project(binding.object).is_some() {
                projects.insert(binding.object);
            } else if graph.organization(binding.object).is_some() {
                organizations.insert(binding.object);
            }
        }
    }
    (projects, organizations)
}
fn counts(graph: &Graph, organization: Uuid) -> bool {
    graph.organization(organization).is_some_and(|o| o.enabled)
}

/// The ids of the projects of these organizations.
async fn projects_in(tx: &mut Tx, organizations: &Vec<Uuid>) -> portcullis_store::Result<Vec<Uuid>> {
    let mut out = vec![];
    for organization in organizations {
        let (organization, mut after) = (Id::<Organization>::from_uuid(*organization), Uuid::nil());
        loop {
            let page = project::in_organization(tx, organization, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            out.extend(page.iter().map(|p| p.id.uuid()));
            bounded(out.len())?;
        }
    }
    Ok(out)
}
async fn read(tx: &mut Tx, ids: &BTreeSet<Uuid>) -> portcullis_store::Result<Vec<Project>> {
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        out.extend(project::by_id(tx, Id::from_uuid(*id)).await?);
    }
    Ok(out)
}
