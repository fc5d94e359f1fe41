//! `SearchOrganizationServiceUsers` and `SearchOrganizationServiceUserCredentials` (spec v1beta1 3.18).
use std::borrow::Cow;

use portcullis_domain::Result;
use portcullis_domain::project::Project;
use portcullis_service::App;
use portcullis_service::service_credential::TitledCredential;
use portcullis_service::service_user::ServiceUserProjects;
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};
use uuid::Uuid;

use super::read::Read;
use super::responses::Pagination;
use crate::call::{Call, Outcome, Response};
use crate::rql::{self, Cell, Found, Kind, Table};

/// Service users with their projects, as RQL sees them.
pub struct ServiceUsers;
impl Table for ServiceUsers {
    type Row = ServiceUserProjects;
    const COLUMNS: &'static [(&'static str, Kind)] = &[("title", Kind::Text), ("created_at", Kind::Time)];
    const SEARCHED: &'static [&'static str] = &["title"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(row: &'a ServiceUserProjects, column: &str) -> Cell<'a> {
        match column {
            "title" => Cell::Text(Cow::Borrowed(&row.service_user.title)),
            _ => Cell::Time(row.service_user.created_at),
        }
    }
}
/// Credentials of service users, as RQL sees them.
pub struct Credentials;
impl Table for Credentials {
    type Row = TitledCredential;
    const COLUMNS: &'static [(&'static str, Kind)] =
        &[("title", Kind::Text), ("serviceuser_title", Kind::Text), ("created_at", Kind::Time)];
    const SEARCHED: &'static [&'static str] = &["title", "serviceuser_title"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(row: &'a TitledCredential, column: &str) -> Cell<'a> {
        match column {
            "title" => Cell::Text(Cow::Borrowed(&row.credential.title)),
            "serviceuser_title" => Cell::Text(Cow::Borrowed(&row.service_user)),
            _ => Cell::Time(row.credential.created_at),
        }
    }
}

/// `SearchOrganizationServiceUsers`.
pub async fn service_users(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<ServiceUsers>(request.inner("query").as_ref())?;
    let all = app.search_service_users(&call.cx, &request.text("id")).await?;
    let found = rql::run::<ServiceUsers>(&query, all);
    Ok(call.answer::<SearchOrganizationServiceUsersResponse>(&found).into())
}

/// `SearchOrganizationServiceUserCredentials`.
pub async fn credentials(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Credentials>(request.inner("query").as_ref())?;
    let all = app.search_service_credentials(&call.cx, &request.text("id")).await?;
    let found = rql::run::<Credentials>(&query, all);
    Ok(call.answer::<SearchOrganizationServiceUserCredentialsResponse>(&found).into())
}

struct ServiceUserView<'a>(&'a ServiceUserProjects);
impl View for ServiceUserView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let s = &self.0.service_user;
        object.id("id", s.id);
        object.text("title", &s.title);
        object.id("org_id", s.organization_id.map_or(Uuid::nil(), |o| o.uuid()));
        object.list("projects", self.0.projects.iter().map(ProjectName));
        object.time("created_at", s.created_at);
    }
}
struct ProjectName<'a>(&'a Project);
impl View for ProjectName<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("id", self.0.id);
        object.text("title", &self.0.title);
        object.text("name", &self.0.name);
    }
}
struct CredentialView<'a>(&'a TitledCredential);
impl View for CredentialView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let c = &self.0.credential;
        object.text("title", &c.title);
        object.text("serviceuser_title", &self.0.service_user);
        object.time("created_at", c.created_at);
        object.id("org_id", c.organization_id.map_or(Uuid::nil(), |o| o.uuid()));
    }
}

/// The service users that were found.
pub struct SearchOrganizationServiceUsersResponse;
impl Response for SearchOrganizationServiceUsersResponse {
    type Of = Found<ServiceUserProjects>;
    const MESSAGE: &'static str = "SearchOrganizationServiceUsersResponse";
    fn write(found: &Found<ServiceUserProjects>, object: &mut Object<'_>) {
        object.list("organization_service_users", found.rows.iter().map(ServiceUserView));
        object.message("pagination", &Pagination(found.offset, found.limit));
        object.absent("group");
    }
}
/// The credentials that were found.
pub struct SearchOrganizationServiceUserCredentialsResponse;
impl Response for SearchOrganizationServiceUserCredentialsResponse {
    type Of = Found<TitledCredential>;
    const MESSAGE: &'static str = "SearchOrganizationServiceUserCredentialsResponse";
    fn write(found: &Found<TitledCredential>, object: &mut Object<'_>) {
        object.list("organization_serviceuser_credentials", found.rows.iter().map(CredentialView));
        object.message("pagination", &Pagination(found.offset, found.limit));
        object.absent("group");
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::super::service_credential_view::tests::credential;
    use super::super::service_user_view::tests::service_user;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let user = ServiceUserProjects { service_user: service_user(), projects: vec![] };
        let titled = TitledCredential { credential: credential(), service_user: String::new() };
        proves::<SearchOrganizationServiceUsersResponse>(&Found {
            rows: vec![user],
            groups: None,
            offset: 0,
            limit: 5,
        });
        let found = Found { rows: vec![titled], groups: None, offset: 0, limit: 5 };
        proves::<SearchOrganizationServiceUserCredentialsResponse>(&found);
    }
}
