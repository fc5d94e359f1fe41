//! Exports as CSV, a page at a time (spec v1beta1 3.18): users, organizations, who is in one, and the projects of one.
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_service::App;
use portcullis_service::long::Long;
use portcullis_service::organization_search::{country, created_by};
use portcullis_wire_v1beta1::DynamicMessage;
use uuid::Uuid;

use super::csv;
use super::current_user::superuser;
use super::read::Read;
use crate::call::{Call, Outcome};

/// What is exported.
enum Export {
    Users,
    Organizations,
    /// Who is in this organization.
    Members(String),
    /// The projects of this one.
    Projects(String),
}

/// `ExportUsers`.
pub async fn users(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    stream(app, call, Export::Users).await
}
/// `ExportOrganizations`.
pub async fn organizations(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    stream(app, call, Export::Organizations).await
}
/// `ExportOrganizationUsers`.
pub async fn organization_users(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    stream(app, call, Export::Members(request.text("id"))).await
}
/// `ExportOrganizationProjects`.
pub async fn organization_projects(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    stream(app, call, Export::Projects(request.text("id"))).await
}

/// Reads the first page before it answers, so that a refusal is an answer and not a broken stream. Who is asking is looked at
/// anew for every page.
async fn stream(app: App, call: Call, what: Export) -> Result<Outcome> {
    let cx = call.cx;
    superuser(&cx)?;
    let place = app.place(&cx, Long::Export)?;
    if what.page(&app, &cx, None).await?.0.is_empty() {
        return Err(Error::new(Code::InvalidInput, "no data to export"));
    }
    let mut pieces = place.answer(|outlet| async move {
        let (mut after, mut text) = (None, String::from(what.header()));
        loop {
            let room = outlet.room().await?;
            let cx = app.still(&cx).await?;
            superuser(&cx)?;
            let (rows, next) = what.page(&app, &cx, after).await?;
            text.push_str(&rows);
            room.fill(std::mem::take(&mut text).into_bytes());
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    });
    let pieces = stream::poll_fn(move |task| pieces.poll_recv(task).map(|p| p.map(|p| p.map(Bytes::from))));
    Ok(Outcome::File { media: "text/csv", body: Body::from_stream(pieces) })
}

impl Export {
    const fn header(&self) -> &'static str {
        match self {
            Self::Users => "User ID,Name,Title,Email,State,Joined At\n",
            Self::Organizations => {
                "Organization ID,Name,Title,Created By,Plan Name,Payment Mode,Country,State,Created At,Updated At,\
                 Subscription Cycle End,Subscription State,Plan Interval\n"
            }
            Self::Members(_) => "User ID,Name,Title,Email,State,Role Names,Role Titles,Organization Joined At\n",
            Self::Projects(_) => "Project ID,Name,Title,State,Member Count,User IDs,Created At,Organization ID\n",
        }
    }
    /// The rows of a page, and after what the next one begins.
    async fn page(&self, app: &App, cx: &Ctx, after: Option<Uuid>) -> Result<(String, Option<Uuid>)> {
        let mut out = String::new();
        let next = match self {
            Self::Users => {
                let (users, next) = app.export_users(cx, after).await?;
                for u in &users {
                    let (id, joined) = (u.id.to_string(), u.created_at.to_string());
                    csv::row([&*id, &*u.slug, &*u.title, &*u.email, u.state.frontier(), &*joined], &mut out);
                }
                next
            }
            Self::Organizations => {
                let (organizations, next) = app.export_organizations(cx, after).await?;
                for o in &organizations {
                    let (id, created, updated) = (o.id.to_string(), o.created_at.to_string(), o.updated_at.to_string());
                    let (by, country, state) = (created_by(o), country(o), o.state.as_str());
                    let billing = ["", "", ""];
                    let own = [&*id, &*o.name, &*o.title, by, "", "", country, state, &*created, &*updated];
                    csv::row(own.into_iter().chain(billing), &mut out);
                }
                next
            }
            Self::Members(organization) => {
                let (members, next) = app.export_organization_users(cx, organization, after).await?;
                for m in &members {
                    let (u, id, joined) = (&m.user, m.user.id.to_string(), m.joined_at.to_string());
                    let names = m.roles.iter().map(|r| &*r.name).collect::<Vec<_>>().join(",");
                    let titles = m.roles.iter().map(|r| &*r.title).collect::<Vec<_>>().join(",");
                    let state = u.state.frontier();
                    csv::row([&*id, &*u.slug, &*u.title, &*u.email, state, &*names, &*titles, &*joined], &mut out);
                }
                next
            }
            Self::Projects(organization) => {
                let (projects, next) = app.export_organization_projects(cx, organization, after).await?;
                for p in &projects {
                    let (id, created) = (p.project.id.to_string(), p.project.created_at.to_string());
                    let (count, organization) = (p.count.to_string(), p.project.organization_id.to_string());
                    let users = p.users.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
                    let (name, title, state) = (&*p.project.name, &*p.project.title, p.project.state.as_str());
                    csv::row([&*id, name, title, state, &*count, &*users, &*created, &*organization], &mut out);
                }
                next
            }
        };
        Ok((out, next))
    }
}
