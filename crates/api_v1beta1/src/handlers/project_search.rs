//! `SearchProjectUsers`: RQL that knows free text, offset and limit only (spec v1beta1 3.18).
use std::borrow::Cow;

use portcullis_domain::access_role::AccessRole;
use portcullis_domain::project::Project;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Result};
use portcullis_service::App;
use portcullis_service::holder::Holder;
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};

use super::read::Read;
use super::responses::Pagination;
use crate::call::{Call, Outcome, Response};
use crate::rql::{self, Cell, Found, Kind, Table};

/// Persons with their roles as RQL sees them.
pub struct ProjectUsers;
impl Table for ProjectUsers {
    type Row = Holder<User>;
    const COLUMNS: &'static [(&'static str, Kind)] = &[];
    const SEARCHED: &'static [&'static str] =
        &["name", "email", "title", "state", "role_names", "role_titles", "role_ids"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(row: &'a Holder<User>, column: &str) -> Cell<'a> {
        let all = |of: fn(&AccessRole) -> String| {
            Cell::Text(Cow::Owned(row.roles.iter().map(of).collect::<Vec<_>>().join(",")))
        };
        match column {
            "name" => Cell::Text(Cow::Borrowed(&row.who.slug)),
            "email" => Cell::Text(Cow::Borrowed(&row.who.email)),
            "title" => Cell::Text(Cow::Borrowed(&row.who.title)),
            "state" => Cell::Text(Cow::Borrowed(row.who.state.frontier())),
            "role_names" => all(|r| r.name.to_string()),
            "role_titles" => all(|r| r.title.clone()),
            _ => all(|r| r.id.to_string()),
        }
    }
}

/// The page that the query asks for.
pub async fn search(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = request.inner("query");
    rql::refuse(query.as_ref(), &["filters", "group_by", "sort"])?;
    let query = rql::read::<ProjectUsers>(query.as_ref())?;
    let (project, users) = app.search_project_users(&call.cx, request.text("id")).await?;
    let found = rql::run::<ProjectUsers>(&query, users);
    Ok(call.answer::<SearchProjectUsersResponse>(&Page { project, found }).into())
}

/// What was found in a project.
pub struct Page {
    project: Id<Project>,
    found: Found<Holder<User>>,
}
/// The persons who were found.
pub struct SearchProjectUsersResponse;
impl Response for SearchProjectUsersResponse {
    type Of = Page;
    const MESSAGE: &'static str = "SearchProjectUsersResponse";
    fn write(of: &Page, object: &mut Object<'_>) {
        object.list("project_users", of.found.rows.iter().map(|holder| ProjectUser { holder, project: of.project }));
        object.message("pagination", &Pagination(of.found.offset, of.found.limit));
        object.absent("group");
    }
}
struct ProjectUser<'a> {
    holder: &'a Holder<User>,
    project: Id<Project>,
}
impl View for ProjectUser<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let (user, roles) = (&self.holder.who, &self.holder.roles);
        object.id("id", user.id);
        object.text("name", &user.slug);
        object.text("title", &user.title);
        object.text("email", &user.email);
        object.text("avatar", user.avatar.as_deref().unwrap_or_default());
        object.texts("role_names", &roles.iter().map(|r| &*r.name).collect::<Vec<_>>());
        object.texts("role_titles", &roles.iter().map(|r| &*r.title).collect::<Vec<_>>());
        let ids: Vec<String> = roles.iter().map(|r| r.id.to_string()).collect();
        object.texts("role_ids", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        object.id("project_id", self.project);
    }
}

#[cfg(test)]
mod tests {
    use super::super::project_view::tests::holder;
    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn the_answer_is_its_message() {
        for rows in [vec![], vec![holder()]] {
            let found = Found { rows, groups: None, offset: 0, limit: 5 };
            proves::<SearchProjectUsersResponse>(&Page { project: Id::from_uuid(uuid::Uuid::nil()), found });
        }
    }
}
