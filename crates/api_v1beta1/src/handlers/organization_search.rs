//! Searches over organizations, who is in one, the projects of one, and where a user is (spec v1beta1 3.18).
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Result};
use portcullis_service::App;
use portcullis_service::membership_search::{UserOrganization, UserOrganizations, UserProject, UserProjects};
use portcullis_service::organization_search::{
    Member, Members, Organizations, ProjectMembers, Projects, country, created_by,
};
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};

use super::current_user::superuser;
use super::read::Read;
use super::responses::page_and_groups;
use crate::call::{Call, Outcome, Response};
use crate::rql::{self, Found};

/// `SearchOrganizations`.
pub async fn organizations(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Organizations>(request.inner("query").as_ref())?;
    superuser(&call.cx)?;
    let found = app.search_organizations(&call.cx, &query).await?;
    Ok(call.answer::<SearchOrganizationsResponse>(&found).into())
}
/// `SearchOrganizationUsers`.
pub async fn users(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = request.inner("query");
    rql::refuse(query.as_ref(), &["group_by"])?;
    let query = rql::read::<Members>(query.as_ref())?;
    superuser(&call.cx)?;
    let page = app.search_organization_users(&call.cx, &request.text("id"), &query).await?;
    Ok(call.answer::<SearchOrganizationUsersResponse>(&page).into())
}
/// `SearchOrganizationProjects`.
pub async fn projects(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = request.inner("query");
    rql::refuse(query.as_ref(), &["group_by"])?;
    let query = rql::read::<Projects>(query.as_ref())?;
    superuser(&call.cx)?;
    let found = app.search_organization_projects(&call.cx, &request.text("id"), &query).await?;
    Ok(call.answer::<SearchOrganizationProjectsResponse>(&found).into())
}
/// `SearchUserOrganizations`: of a query only offset and limit count.
pub async fn of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = request.inner("query");
    rql::refuse(query.as_ref(), &["filters", "group_by", "sort", "search"])?;
    let query = rql::read::<UserOrganizations>(query.as_ref())?;
    superuser(&call.cx)?;
    let page = app.search_user_organizations(&call.cx, &request.text("id"), &query).await?;
    Ok(call.answer::<SearchUserOrganizationsResponse>(&page).into())
}
/// `SearchUserProjects`: free text, offset and limit.
pub async fn projects_of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = request.inner("query");
    rql::refuse(query.as_ref(), &["filters", "group_by", "sort"])?;
    let query = rql::read::<UserProjects>(query.as_ref())?;
    superuser(&call.cx)?;
    let (user, organization) = (request.text("user_id"), request.text("org_id"));
    let page = app.search_user_projects(&call.cx, &user, &organization, &query).await?;
    Ok(call.answer::<SearchUserProjectsResponse>(&page).into())
}

/// The organizations that were found.
pub struct SearchOrganizationsResponse;
impl Response for SearchOrganizationsResponse {
    type Of = Found<Organization>;
    const MESSAGE: &'static str = "SearchOrganizationsResponse";
    fn write(found: &Found<Organization>, object: &mut Object<'_>) {
        object.list("organizations", found.rows.iter().map(OrganizationResult));
        page_and_groups(found, object);
    }
}
struct OrganizationResult<'a>(&'a Organization);
impl View for OrganizationResult<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let o = self.0;
        object.id("id", o.id);
        object.text("name", &o.name);
        object.text("title", &o.title);
        object.time("created_at", o.created_at);
        object.time("updated_at", o.updated_at);
        object.text("state", o.state.as_str());
        object.text("avatar", o.avatar.as_deref().unwrap_or_default());
        object.text("created_by", created_by(o));
        object.text("plan_name", "");
        object.text("payment_mode", "");
        object.absent("subscription_cycle_end_at");
        object.text("country", country(o));
        object.text("subscription_state", "");
        object.text("plan_interval", "");
        object.text("plan_id", "");
    }
}

/// `role_names`, `role_titles` and `role_ids`.
fn roles(roles: &[AccessRole], object: &mut Object<'_>) {
    object.texts("role_names", &roles.iter().map(|r| &*r.name).collect::<Vec<_>>());
    object.texts("role_titles", &roles.iter().map(|r| &*r.title).collect::<Vec<_>>());
    let ids: Vec<String> = roles.iter().map(|r| r.id.to_string()).collect();
    object.texts("role_ids", &ids.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Those in an organization who were found.
pub struct SearchOrganizationUsersResponse;
impl Response for SearchOrganizationUsersResponse {
    type Of = (Id<Organization>, Found<Member>);
    const MESSAGE: &'static str = "SearchOrganizationUsersResponse";
    fn write((organization, found): &Self::Of, object: &mut Object<'_>) {
        object.list(
            "org_users",
            found.rows.iter().map(|member| OrganizationUser { member, organization: *organization }),
        );
        page_and_groups(found, object);
    }
}
struct OrganizationUser<'a> {
    member: &'a Member,
    organization: Id<Organization>,
}
impl View for OrganizationUser<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let user = &self.member.user;
        object.id("id", user.id);
        object.text("name", &user.slug);
        object.text("title", &user.title);
        object.text("email", &user.email);
        object.time("org_joined_at", self.member.joined_at);
        object.text("state", user.state.frontier());
        object.text("avatar", user.avatar.as_deref().unwrap_or_default());
        roles(&self.member.roles, object);
        object.id("organization_id", self.organization);
    }
}

/// The projects that were found.
pub struct SearchOrganizationProjectsResponse;
impl Response for SearchOrganizationProjectsResponse {
    type Of = Found<ProjectMembers>;
    const MESSAGE: &'static str = "SearchOrganizationProjectsResponse";
    fn write(found: &Self::Of, object: &mut Object<'_>) {
        object.list("org_projects", found.rows.iter().map(OrganizationProject));
        page_and_groups(found, object);
    }
}
struct OrganizationProject<'a>(&'a ProjectMembers);
impl View for OrganizationProject<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let ProjectMembers { project, count, users } = self.0;
        object.id("id", project.id);
        object.text("name", &project.name);
        object.text("title", &project.title);
        object.text("state", project.state.as_str());
        object.long("member_count", i64::from(*count));
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        object.texts("user_ids", &users.iter().map(String::as_str).collect::<Vec<_>>());
        object.time("created_at", project.created_at);
        object.id("organization_id", project.organization_id);
    }
}

/// Where a user is.
pub struct SearchUserOrganizationsResponse;
impl Response for SearchUserOrganizationsResponse {
    type Of = (Id<User>, Found<UserOrganization>);
    const MESSAGE: &'static str = "SearchUserOrganizationsResponse";
    fn write((user, found): &Self::Of, object: &mut Object<'_>) {
        object.list("user_organizations", found.rows.iter().map(|o| OfUser { o, user: *user }));
        page_and_groups(found, object);
    }
}
struct OfUser<'a> {
    o: &'a UserOrganization,
    user: Id<User>,
}
impl View for OfUser<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let organization = &self.o.organization;
        object.id("org_id", organization.id);
        object.text("org_title", &organization.title);
        object.text("org_name", &organization.name);
        object.text("org_avatar", organization.avatar.as_deref().unwrap_or_default());
        object.long("project_count", i64::from(self.o.projects));
        roles(&self.o.roles, object);
        object.time("org_joined_on", self.o.joined_at);
        object.id("user_id", self.user);
    }
}

/// A user's projects in an organization.
pub struct SearchUserProjectsResponse;
impl Response for SearchUserProjectsResponse {
    type Of = (Id<User>, Id<Organization>, Found<UserProject>);
    const MESSAGE: &'static str = "SearchUserProjectsResponse";
    fn write((user, organization, found): &Self::Of, object: &mut Object<'_>) {
        let row = |p| ProjectOfUser { p, user: *user, organization: *organization };
        object.list("user_projects", found.rows.iter().map(row));
        page_and_groups(found, object);
    }
}
struct ProjectOfUser<'a> {
    p: &'a UserProject,
    user: Id<User>,
    organization: Id<Organization>,
}
impl View for ProjectOfUser<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let UserProject { project, users } = self.p;
        object.id("project_id", project.id);
        object.text("project_title", &project.title);
        object.text("project_name", &project.name);
        object.time("project_created_on", project.created_at);
        let of = |each: fn(&User) -> &str| users.iter().map(each).collect::<Vec<_>>();
        object.texts("user_names", &of(|u| &u.slug));
        object.texts("user_titles", &of(|u| &u.title));
        let ids: Vec<String> = users.iter().map(|u| u.id.to_string()).collect();
        object.texts("user_ids", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        object.texts("user_avatars", &of(|u| u.avatar.as_deref().unwrap_or_default()));
        object.id("org_id", self.organization);
        object.id("user_id", self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::super::organization_view::tests::organization;
    use super::super::project_view::tests::{holder, project};
    use super::super::responses::tests::{proves, user};
    use super::*;
    use uuid::Uuid;

    fn found<R>(rows: Vec<R>) -> Found<R> {
        Found { rows, groups: Some(("state".into(), vec![("enabled".into(), 1)])), offset: 0, limit: 5 }
    }

    #[test]
    fn every_answer_is_its_message() {
        let (o, u) = (Id::from_uuid(Uuid::nil()), Id::from_uuid(Uuid::nil()));
        let at = organization().created_at;
        proves::<SearchOrganizationsResponse>(&found(vec![organization()]));
        let member = || Member { user: user(), roles: holder().roles, joined_at: at };
        proves::<SearchOrganizationUsersResponse>(&(o, found(vec![member()])));
        let members = |count| ProjectMembers { project: project(), count, users: vec![Uuid::nil()] };
        proves::<SearchOrganizationProjectsResponse>(&found(vec![members(0), members(2)]));
        let of_user = UserOrganization { organization: organization(), roles: vec![], projects: 1, joined_at: at };
        proves::<SearchUserOrganizationsResponse>(&(u, found(vec![of_user])));
        let project = UserProject { project: project(), users: vec![user()] };
        proves::<SearchUserProjectsResponse>(&(u, o, found(vec![project])));
    }
}
