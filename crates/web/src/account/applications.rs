//! `/account/applications`: where one is signed in with this account, and what one allowed applications of others.
use askama::Template;
use axum::response::Response;
use portcullis_domain::Result;
use portcullis_service::provider::Allowed;

use super::{Account, Around};
use crate::authorize::in_words;
use crate::moment::date;
use crate::page::{Frame, page, redirect};
use crate::texts::{EN, Texts, fill};

#[derive(Template)]
#[template(path = "account/applications.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    explained: String,
    applications: Vec<Row>,
}
struct Row {
    id: String,
    name: String,
    told: Vec<String>,
    since: String,
    /// What its button is called to who does not see beside what it stands.
    leave: String,
}
impl Row {
    fn of(allowed: &Allowed) -> Self {
        let name = &allowed.application.name;
        Self {
            id: allowed.application.id.to_string(),
            told: allowed.scopes.iter().map(|s| in_words(s)).collect(),
            since: allowed.since.map(|at| fill(EN.application_since, &[("when", &date(&EN, at))])).unwrap_or_default(),
            leave: fill(EN.application_leave_of, &[("application", name)]),
            name: name.clone(),
        }
    }
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    let all = account.visit.app().own_applications(&account.cx).await?;
    let around = account.around("/account/applications").await?;
    let explained = fill(EN.applications_explained, &[("tenant", &account.doorway.brand.name)]);
    let applications = all.iter().map(Row::of).collect();
    page(200, &Page { frame: account.frame(EN.applications, None), t: &EN, around, explained, applications })
}
/// Takes it back. What is not there any more is what was wanted.
pub(crate) async fn leave(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    account.visit.app().leave_application(&account.cx, account.visit.id(2)).await?;
    redirect("/account/applications?done=application_left")
}
