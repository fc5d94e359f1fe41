//! Searching and exporting organizations, who is in one, and the projects of one (spec v1beta1 3.18). Superusers.
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Error, Id, Result, Timestamp};
use portcullis_store::search::{self, Held, Place, Source};
use portcullis_store::select::Condition;
use portcullis_store::{Tx, access_role};
use serde_json::Value;
use uuid::Uuid;

use crate::App;
use crate::access::Access;
use crate::authorize::Gate;
use crate::holder::{self, persons};
use crate::search::{Cell, Column, Found, Kind, Plan, Query, Sieve, Table, next};

const ORGANIZATIONS: &str = "organizations:list";
const MEMBERS: &str = "organizations:members";
const PROJECTS: &str = "projects:list";
/// Ids of members that one answer holds.
const MOST_IDS: usize = 100_000;

/// Organizations as a search sees them. What billing knows of them is empty until there is billing.
pub struct Organizations;
impl Table for Organizations {
    type Row = Organization;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("title", Kind::Text),
        ("created_by", Kind::Text),
        ("plan_name", Kind::Text),
        ("payment_mode", Kind::Text),
        ("country", Kind::Text),
        ("avatar", Kind::Text),
        ("state", Kind::Text),
        ("created_at", Kind::Time),
        ("updated_at", Kind::Time),
        ("subscription_cycle_end_at", Kind::Time),
        ("subscription_state", Kind::Text),
        ("plan_interval", Kind::Text),
        ("plan_id", Kind::Text),
    ];
    const SEARCHED: &'static [&'static str] =
        &["id", "title", "name", "state", "plan_name", "subscription_state", "plan_interval"];
    const GROUPED: &'static [&'static str] =
        &["state", "plan_name", "subscription_state", "plan_interval", "payment_mode"];
    fn cell<'a>(o: &'a Organization, column: &str) -> Cell<'a> {
        match column {
            "id" => Cell::Text(Cow::Owned(o.id.to_string())),
            "name" => Cell::Text(Cow::Borrowed(&o.name)),
            "title" => Cell::Text(Cow::Borrowed(&o.title)),
            "created_by" => Cell::Text(Cow::Borrowed(created_by(o))),
            "country" => Cell::Text(Cow::Borrowed(country(o))),
            "avatar" => Cell::Text(Cow::Borrowed(o.avatar.as_deref().unwrap_or_default())),
            "state" => Cell::Text(Cow::Borrowed(o.state.as_str())),
            "created_at" => Cell::Time(o.created_at),
            "updated_at" => Cell::Time(o.updated_at),
            _ => Cell::Text(Cow::Borrowed("")),
        }
    }
    fn stored(column: &str) -> Option<Column> {
        Some(match column {
            "id" => Column::Id("id"),
            "name" => Column::Folded("name"),
            "title" => Column::Text("title"),
            "state" => Column::Folded("state"),
            "created_at" => Column::Time("created_at"),
            "updated_at" => Column::Time("updated_at"),
            _ => return None,
        })
    }
}
/// Who made it, as its metadata tell (`poc`).
pub fn created_by(o: &Organization) -> &str {
    o.metadata.get("poc").and_then(Value::as_str).unwrap_or_default()
}
/// Where it is, as its metadata tell.
pub fn country(o: &Organization) -> &str {
    o.metadata.get("country").and_then(Value::as_str).unwrap_or_default()
}

/// Somebody in an organization.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who, without their picture.
    pub user: User,
    /// As what.
    pub roles: Vec<AccessRole>,
    /// Since when.
    pub joined_at: Timestamp,
}
/// Those who are in an organization, as a search sees them.
pub struct Members;
impl Table for Members {
    type Row = Member;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("name", Kind::Text),
        ("title", Kind::Text),
        ("email", Kind::Text),
        ("state", Kind::Text),
        ("org_joined_at", Kind::Time),
        ("role_names", Kind::Words),
        ("role_titles", Kind::Words),
        ("role_ids", Kind::Words),
    ];
    const SEARCHED: &'static [&'static str] = &["name", "title", "email", "state"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(m: &'a Member, column: &str) -> Cell<'a> {
        match column {
            "name" => Cell::Text(Cow::Borrowed(&m.user.slug)),
            "title" => Cell::Text(Cow::Borrowed(&m.user.title)),
            "email" => Cell::Text(Cow::Borrowed(&m.user.email)),
            "state" => Cell::Text(Cow::Borrowed(m.user.state.frontier())),
            "role_names" => Cell::Words(m.roles.iter().map(|r| Cow::Borrowed(&*r.name)).collect()),
            "role_titles" => Cell::Words(m.roles.iter().map(|r| Cow::Borrowed(&*r.title)).collect()),
            "role_ids" => Cell::Words(m.roles.iter().map(|r| Cow::Owned(r.id.to_string())).collect()),
            _ => Cell::Time(m.joined_at),
        }
    }
    fn stored(column: &str) -> Option<Column> {
        Some(match column {
            "name" => Column::Folded("u.slug"),
            "title" => Column::Text("u.title"),
            "email" => Column::Folded("u.email"),
            "state" => Column::UserState("u.state"),
            _ => return None,
        })
    }
}

/// A project with those who hold a role on it itself.
#[derive(Clone, Debug)]
pub struct ProjectMembers {
    /// The project.
    pub project: Project,
    /// How many they are.
    pub count: u32,
    /// Who; only of the rows that are shown.
    pub users: Vec<Uuid>,
}
/// The projects of an organization, as a search sees them.
pub struct Projects;
impl Table for Projects {
    type Row = ProjectMembers;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("title", Kind::Text),
        ("state", Kind::Text),
        ("member_count", Kind::Number),
        ("created_at", Kind::Time),
    ];
    const SEARCHED: &'static [&'static str] = &["title", "name", "state"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(p: &'a ProjectMembers, column: &str) -> Cell<'a> {
        match column {
            "id" => Cell::Text(Cow::Owned(p.project.id.to_string())),
            "name" => Cell::Text(Cow::Borrowed(&p.project.name)),
            "title" => Cell::Text(Cow::Borrowed(&p.project.title)),
            "state" => Cell::Text(Cow::Borrowed(p.project.state.as_str())),
            "member_count" => Cell::Number(p.count.into()),
            _ => Cell::Time(p.project.created_at),
        }
    }
    fn stored(column: &str) -> Option<Column> {
        Some(match column {
            "id" => Column::Id("id"),
            "name" => Column::Folded("name"),
            "title" => Column::Text("title"),
            "state" => Column::Folded("state"),
            "created_at" => Column::Time("created_at"),
            _ => return None,
        })
    }
}

/// Where an export of members goes on: after this person.
pub type AfterMember = Uuid;

impl App {
    /// The organizations that a query finds.
    pub async fn search_organizations(&self, cx: &Ctx, query: &Query) -> Result<Found<Organization>> {
        self.allow(cx, &Gate::superuser(ORGANIZATIONS)).await?;
        Ok(self.0.db.scan(cx.clone(), Plan::of::<Organizations>(query)?, find_organizations).await?)
    }
    /// Those in an organization whom a query finds, disabled ones too.
    pub async fn search_organization_users(
        &self,
        cx: &Ctx,
        which: &String,
        query: &Query,
    ) -> Result<(Id<Organization>, Found<Member>)> {
        let id = self.searched(cx, which, MEMBERS).await?;
        let look = InOrganization { id, plan: Plan::of::<Members>(query)? };
        Ok((id, self.0.db.scan(cx.clone(), look, find_members).await?))
    }
    /// The projects of an organization that a query finds.
    pub async fn search_organization_projects(
        &self,
        cx: &Ctx,
        which: &String,
        query: &Query,
    ) -> Result<Found<ProjectMembers>> {
        let id = self.searched(cx, which, PROJECTS).await?;
        let access = self.snapshot(cx).await?.access.clone();
        let look = ProjectsIn { id, plan: Plan::of::<Projects>(query)?, access: access.clone() };
        let mut found = self.0.db.scan(cx.clone(), look, find_projects).await?;
        name_members(&access, &mut found.rows)?;
        Ok(found)
    }
    /// The next organizations of an export, newest first, and after which one it goes on.
    pub async fn export_organizations(
        &self,
        cx: &Ctx,
        after: Option<Uuid>,
    ) -> Result<(Vec<Organization>, Option<Uuid>)> {
        self.allow(cx, &Gate::superuser(ORGANIZATIONS)).await?;
        let rows = self.0.db.read(cx.clone(), &Place::After(after), organizations_page).await?;
        let next = next(&rows, |o| o.id.uuid());
        Ok((rows, next))
    }
    /// The next members of an organization, and after whom it goes on.
    pub async fn export_organization_users(
        &self,
        cx: &Ctx,
        which: &String,
        after: Option<AfterMember>,
    ) -> Result<(Vec<Member>, Option<AfterMember>)> {
        let id = self.searched(cx, which, MEMBERS).await?;
        Ok(self.0.db.read(cx.clone(), &MembersAfter { object: id.uuid(), after }, members_after).await?)
    }
    /// The next projects of an organization, newest first, and after which one it goes on.
    pub async fn export_organization_projects(
        &self,
        cx: &Ctx,
        which: &String,
        after: Option<Uuid>,
    ) -> Result<(Vec<ProjectMembers>, Option<Uuid>)> {
        let id = self.searched(cx, which, PROJECTS).await?;
        let access = self.snapshot(cx).await?.access.clone();
        let page = ProjectsAfter { id, after };
        let rows = self.0.db.read(cx.clone(), &page, projects_after).await?;
        let next = next(&rows, |p| p.id.uuid());
        let mut rows = with_counts(&access, rows);
        name_members(&access, &mut rows)?;
        Ok((rows, next))
    }
    /// The organization that a superuser searches in.
    pub(crate) async fn searched(&self, cx: &Ctx, which: &String, action: &'static str) -> Result<Id<Organization>> {
        self.allow(cx, &Gate::superuser(action)).await?;
        Ok(self.find_organization(cx, which, action).await?.id)
    }
}

fn with_counts(access: &Access, projects: Vec<Project>) -> Vec<ProjectMembers> {
    let count = |project: Project| ProjectMembers {
        count: holder::count(&access.graph, project.id.uuid()),
        users: vec![],
        project,
    };
    projects.into_iter().map(count).collect()
}
/// Says who the members are; `resource_exhausted` for too many of them at once.
fn name_members(access: &Access, rows: &mut [ProjectMembers]) -> Result<()> {
    let mut all = 0;
    for row in rows {
        all += usize::try_from(row.count).unwrap_or(usize::MAX);
        if all > MOST_IDS {
            let message = "The projects of this page have more than 100,000 members together: ask for a smaller page.";
            return Err(Error::new(portcullis_domain::Code::RateLimited, message));
        }
        row.users = holder::held(&access.graph, row.project.id.uuid(), persons).into_keys().collect();
    }
    Ok(())
}

async fn find_organizations(tx: &mut Tx, plan: &Plan) -> portcullis_store::Result<Found<Organization>> {
    if let Some(window) = plan.window() {
        let rows = search::organizations(tx, &plan.conditions, &window).await?;
        return plan.whole(tx, Source::Organizations, rows).await;
    }
    let (mut sieve, mut after) = (Sieve::<Organizations>::new(&plan.query), None);
    loop {
        let rows = search::organizations(tx, &plan.conditions, &Place::After(after)).await?;
        after = next(&rows, |o| o.id.uuid());
        sieve.take(rows);
        if after.is_none() || sieve.is_full() {
            return Ok(sieve.found());
        }
        sieve.bounded()?;
    }
}
async fn organizations_page(tx: &mut Tx, place: &Place) -> portcullis_store::Result<Vec<Organization>> {
    search::organizations(tx, &[], place).await
}

struct InOrganization {
    id: Id<Organization>,
    plan: Plan,
}
/// Members come by binding, and one may hold several: so the database alone never has the page.
async fn find_members(tx: &mut Tx, c: &InOrganization) -> portcullis_store::Result<Found<Member>> {
    let (mut sieve, mut after, mut roles) = (Sieve::<Members>::new(&c.plan.query), None, HashMap::new());
    loop {
        let (rows, next) = members(tx, c.id.uuid(), &c.plan.conditions, after, &mut roles).await?;
        after = next;
        sieve.take(rows);
        if after.is_none() || sieve.is_full() {
            return Ok(sieve.found());
        }
        sieve.bounded()?;
    }
}
struct MembersAfter {
    object: Uuid,
    after: Option<AfterMember>,
}
async fn members_after(tx: &mut Tx, c: &MembersAfter) -> portcullis_store::Result<(Vec<Member>, Option<AfterMember>)> {
    members(tx, c.object, &[], c.after, &mut HashMap::new()).await
}
/// The members of the next page of bindings, each with all that they hold.
async fn members(
    tx: &mut Tx,
    object: Uuid,
    conditions: &[Condition],
    after: Option<AfterMember>,
    roles: &mut HashMap<Id<AccessRole>, Option<AccessRole>>,
) -> portcullis_store::Result<(Vec<Member>, Option<AfterMember>)> {
    let begin = after.map_or((Uuid::nil(), Uuid::nil()), |person| (person, Uuid::max()));
    let mut page = search::held(tx, object, conditions, begin).await?;
    let mut next = None;
    if page.len() >= search::PAGE {
        // of the last one there may be more on the next page; nobody holds a whole page of roles
        let last = page.last().map(|h| h.user.id);
        let complete = page.iter().take_while(|h| Some(h.user.id) != last).count();
        page.truncate(if complete == 0 { page.len() } else { complete });
        next = page.last().map(|h| h.user.id.uuid());
    }
    let mut out: Vec<Member> = vec![];
    for Held { user, role, since, .. } in page {
        if let Entry::Vacant(missing) = roles.entry(role) {
            missing.insert(access_role::by_id(tx, role).await?);
        }
        let role = roles.get(&role).and_then(Clone::clone);
        match out.last_mut().filter(|m| m.user.id == user.id) {
            Some(member) => {
                member.roles.extend(role);
                member.joined_at = member.joined_at.min(since);
            }
            None => out.push(Member { user, roles: role.into_iter().collect(), joined_at: since }),
        }
    }
    Ok((out, next))
}

struct ProjectsIn {
    id: Id<Organization>,
    plan: Plan,
    access: Arc<Access>,
}
async fn find_projects(tx: &mut Tx, c: &ProjectsIn) -> portcullis_store::Result<Found<ProjectMembers>> {
    if let Some(window) = c.plan.window() {
        let rows = search::projects(tx, c.id, &c.plan.conditions, &window).await?;
        return c.plan.whole(tx, Source::Projects(c.id), with_counts(&c.access, rows)).await;
    }
    let (mut sieve, mut after) = (Sieve::<Projects>::new(&c.plan.query), None);
    loop {
        let rows = search::projects(tx, c.id, &c.plan.conditions, &Place::After(after)).await?;
        after = next(&rows, |p| p.id.uuid());
        sieve.take(with_counts(&c.access, rows));
        if after.is_none() || sieve.is_full() {
            return Ok(sieve.found());
        }
        sieve.bounded()?;
    }
}
struct ProjectsAfter {
    id: Id<Organization>,
    after: Option<Uuid>,
}
async fn projects_after(tx: &mut Tx, c: &ProjectsAfter) -> portcullis_store::Result<Vec<Project>> {
    search::projects(tx, c.id, &[], &Place::After(c.after)).await
}
