//! Personal access tokens (spec v1beta1 2.3.16). None of these calls ever had a REST path.
use std::borrow::Cow;

use portcullis_domain::value::line;
use portcullis_domain::{Error, Result, Timestamp};
use portcullis_service::App;
use portcullis_service::personal_token::{NewScope, Owned, Shown, TokenContent};
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::personal_token_view::{
    CheckCurrentUserPATTitleResponse, CreateCurrentUserPATResponse, GetCurrentUserPATResponse, ListRolesForPATResponse,
    OrganizationPage, Page, RegenerateCurrentUserPATResponse, SearchCurrentUserPATsResponse,
    SearchOrganizationPATsResponse, UpdateCurrentUserPATResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};
use crate::rql::{self, Cell, Kind, Table};

/// A page of an organization's tokens has at most so many rows; any other limit means this (spec v1beta1 3.18).
const PAGE: usize = 30;

/// `CreateCurrentUserPAT`: the token's text is in this answer only.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = content(&request).map(|content| (content, request.moment("expires_at")));
    let reply = call.reply::<CreateCurrentUserPATResponse>();
    Ok(app.create_personal_token(&call.cx, request.text("org_id"), new, reply).await?.into())
}
fn content(request: &DynamicMessage) -> Result<TokenContent> {
    let mut body = Body::item(request.clone(), String::new());
    let title = line(&request.text("title"), 50).map_err(|e| body.wrong("title", e)).unwrap_or_default();
    if title.is_empty() {
        body.wrong("title", "This must be there.");
    }
    let scopes = request.inners("scopes").iter().map(scope).collect();
    let content = TokenContent { title, scopes, metadata: body.metadata() };
    body.finish(Some(content))
}
fn scope(scope: &DynamicMessage) -> NewScope {
    NewScope {
        role_id: scope.text("role_id"),
        resource_type: scope.text("resource_type"),
        resource_ids: scope.texts("resource_ids"),
    }
}

/// `GetCurrentUserPAT`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let shown = app.get_personal_token(&call.cx, &request.text("id")).await?;
    Ok(call.answer::<GetCurrentUserPATResponse>(&shown).into())
}

/// `UpdateCurrentUserPAT`: title, metadata and scopes are replaced.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let shown = app.update_personal_token(&call.cx, &request.text("id"), content(&request)).await?;
    Ok(call.answer::<UpdateCurrentUserPATResponse>(&shown).into())
}

/// `RegenerateCurrentUserPAT`: the new text is in this answer only.
pub async fn regenerate(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<RegenerateCurrentUserPATResponse>();
    let end = request.moment("expires_at");
    Ok(app.regenerate_personal_token(&call.cx, &request.text("id"), end, reply).await?.into())
}

/// `DeleteCurrentUserPAT`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_personal_token(&call.cx, &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `CheckCurrentUserPATTitle`.
pub async fn check_title(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let title = line(&request.text("title"), 50).map_err(|e| Error::field("title", e));
    let free = app.is_token_title_free(&call.cx, request.text("org_id"), title).await?;
    Ok(call.answer::<CheckCurrentUserPATTitleResponse>(&free).into())
}

/// `ListRolesForPAT`.
pub async fn roles(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let roles = app.list_roles_for_tokens(&call.cx, &request.texts("scopes")).await?;
    Ok(call.answer::<ListRolesForPATResponse>(&roles).into())
}

/// One's own tokens as RQL sees them.
struct OwnTokens;
impl Table for OwnTokens {
    type Row = Shown;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("title", Kind::Text),
        ("expires_at", Kind::Time),
        ("created_at", Kind::Time),
        ("regenerated_at", Kind::Time),
    ];
    const SEARCHED: &'static [&'static str] = &["id", "title"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(row: &'a Shown, column: &str) -> Cell<'a> {
        let token = &row.token;
        match column {
            "id" => Cell::Text(Cow::Owned(token.id.to_string())),
            "title" => Cell::Text(Cow::Borrowed(&token.title)),
            "expires_at" => Cell::Time(token.expires_at),
            "regenerated_at" => never(token.regenerated_at),
            _ => Cell::Time(token.created_at),
        }
    }
}
/// What never happened is before everything that did.
fn never(at: Option<Timestamp>) -> Cell<'static> {
    Cell::Time(at.unwrap_or(Timestamp::from_micros(0)))
}

/// `SearchCurrentUserPATs`.
pub async fn search(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<OwnTokens>(request.inner("query").as_ref())?;
    let all = app.list_personal_tokens(&call.cx, request.text("org_id")).await?;
    let (found, total) = rql::run_counting::<OwnTokens>(&query, all);
    Ok(call.answer::<SearchCurrentUserPATsResponse>(&Page { found, total }).into())
}

/// An organization's tokens as RQL sees them.
struct AllTokens;
impl Table for AllTokens {
    type Row = Owned;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("title", Kind::Text),
        ("created_by_title", Kind::Text),
        ("created_by_email", Kind::Text),
        ("created_at", Kind::Time),
        ("expires_at", Kind::Time),
        ("used_at", Kind::Time),
        ("regenerated_at", Kind::Time),
    ];
    const SEARCHED: &'static [&'static str] = &["id", "title", "created_by_title", "created_by_email"];
    const GROUPED: &'static [&'static str] = &[];
    fn cell<'a>(row: &'a Owned, column: &str) -> Cell<'a> {
        let (token, user) = (&row.token, row.user.as_ref());
        match column {
            "id" => Cell::Text(Cow::Owned(token.id.to_string())),
            "title" => Cell::Text(Cow::Borrowed(&token.title)),
            "created_by_title" => Cell::Text(Cow::Borrowed(user.map_or("", |u| &u.title))),
            "created_by_email" => Cell::Text(Cow::Borrowed(user.map_or("", |u| &u.email))),
            "expires_at" => Cell::Time(token.expires_at),
            "used_at" => never(token.used_at),
            "regenerated_at" => never(token.regenerated_at),
            _ => Cell::Time(token.created_at),
        }
    }
}

/// `SearchOrganizationPATs`: everybody's tokens of an organization.
pub async fn search_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<AllTokens>(request.inner("query").as_ref())?.limited(PAGE);
    let all = app.list_organization_tokens(&call.cx, request.text("org_id")).await?;
    let (found, total) = rql::run_counting::<AllTokens>(&query, all);
    let ids = found.rows.iter().map(|row| row.token.id).collect();
    let scopes = app.scopes_of_tokens(&call.cx, ids).await?;
    Ok(call.answer::<SearchOrganizationPATsResponse>(&OrganizationPage { found, scopes, total }).into())
}
