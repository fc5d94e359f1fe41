//! `/account/keys`: one's own API keys (spec v1 4.7).
use askama::Template;
use axum::response::Response;
use portcullis_domain::api_key::ApiKey;
use portcullis_domain::{Code, Ctx, Result, value};
use portcullis_service::api_key::{ApiKeyFilter, NewApiKey};
use portcullis_service::{Answer, PageRequest};
use serde_json::json;

use super::rights::by_area;
use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::moment::{ago, date};
use crate::once;
use crate::page::{Frame, page, redirect};
use crate::refusal::Refused;
use crate::texts::{EN, Texts, fill};

const PATH: &str = "/account/keys";

#[derive(Template)]
#[template(path = "account/keys.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    explained: String,
    keys: Vec<Row>,
    name: Field,
    /// Areas that a key may be narrowed to, and whether they were chosen.
    areas: Vec<(&'static str, bool)>,
    narrow: bool,
    area_error: Option<String>,
    lives: Vec<Life>,
    once: String,
}
struct Row {
    id: String,
    name: String,
    prefix: String,
    scopes: String,
    about: String,
    revoke: String,
}
impl Row {
    fn of(cx: &Ctx, key: &ApiKey) -> Self {
        let ends = match key.expires_at {
            Some(at) => fill(EN.key_ends, &[("when", &date(&EN, at))]),
            None => EN.key_never_ends.to_owned(),
        };
        let used = match key.last_used_at {
            Some(at) => fill(EN.key_used, &[("when", &ago(&EN, cx.now, at))]),
            None => EN.key_unused.to_owned(),
        };
        let made = fill(EN.key_made, &[("when", &date(&EN, key.created_at))]);
        Self {
            id: key.id.to_string(),
            prefix: format!("pcl_{}…", key.prefix),
            scopes: if key.scopes.is_all() { EN.key_everything.into() } else { key.scopes.as_slice().join(", ") },
            about: format!("{made}, {ends}, {used}"),
            revoke: fill(EN.key_revoke_of, &[("name", &key.name)]),
            name: key.name.clone(),
        }
    }
}
/// How long something lasts that is made here.
pub(super) struct Life {
    pub days: &'static str,
    pub label: &'static str,
    pub chosen: bool,
}
pub(super) fn lives(form: Option<&Form>, forever: bool) -> Vec<Life> {
    let chosen = form.map_or("90", |f| f.raw("days"));
    let all = [("30", EN.days_30), ("90", EN.days_90), ("365", EN.days_365), ("", EN.never)];
    let all = all.into_iter().filter(|(days, _)| forever || !days.is_empty());
    all.map(|(days, label)| Life { days, label, chosen: days == chosen }).collect()
}
/// The chosen days; a number that was not offered counts as the shortest.
pub(super) fn days(form: &Form) -> Option<i64> {
    match form.raw("days") {
        "" => None,
        "90" => Some(90),
        "365" => Some(365),
        _ => Some(30),
    }
}

/// What is shown once.
#[derive(Template)]
#[template(path = "account/secret.html")]
pub(super) struct Secret<'a> {
    pub frame: Frame,
    pub t: &'static Texts,
    pub around: Around,
    pub name: &'a str,
    pub secret: &'a str,
    pub back: &'static str,
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    filled(&account, None, None).await
}
async fn filled(account: &Account, form: Option<&Form>, refused: Option<&Refused>) -> Result<Response> {
    let (app, cx) = (account.visit.app(), &account.cx);
    let filter =
        ApiKeyFilter { status: Some("active"), created_by: cx.principal.user_id(), identity_provider_id: None };
    let first = PageRequest { limit: 250, cursor: None, binding: "pages/keys".into() };
    let keys = app.list_api_keys(cx, &filter, &first).await?;
    let chosen: Vec<&str> = form.map(|f| f.all("area").collect()).unwrap_or_default();
    let areas = by_area(app.my_permissions(cx).await?).into_keys().map(|area| (area, chosen.contains(&area)));
    let around = account.around(PATH).await?;
    let name = Field::text("name", EN.key_name).hint(EN.key_name_hint).longest(120).required();
    Refused::form(
        refused,
        &Page {
            frame: account.frame(EN.keys, refused),
            t: &EN,
            explained: fill(EN.keys_explained, &[("tenant", &account.doorway.brand.name)]),
            around,
            keys: keys.data.iter().map(|key| Row::of(cx, key)).collect(),
            name: name.value(form.map_or("", |f| f.raw("name"))).refused(refused),
            areas: areas.collect(),
            narrow: form.is_some_and(|f| f.raw("reach") == "some"),
            area_error: refused.and_then(|r| r.of_field("area")).map(str::to_owned),
            lives: lives(form, true),
            once: once::number(account),
        },
    )
}

/// Makes one.
pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let new = match new_key(&account.cx, &form) {
        Ok(new) => new,
        Err(refused) => return filled(&account, Some(&form), Some(&refused)).await,
    };
    let reply = once::reply(&form, PATH, |(key, raw): &(ApiKey, String)| -> Answer {
        once::keep(&json!({ "name": key.name, "secret": raw }))
    });
    let made = account.visit.app().create_api_key(&account.cx, Ok(new), reply).await;
    match made.and_then(|answer| once::made(&answer)) {
        Ok(made) => {
            let text = |name: &str| made[name].as_str().unwrap_or_default();
            let (frame, around) = (account.frame(EN.secret_key, None), account.around(PATH).await?);
            let (name, secret) = (text("name"), text("secret"));
            page(200, &Secret { frame, t: &EN, around, name, secret, back: PATH })
        }
        Err(e) => filled(&account, Some(&form), Some(&Refused::of(e, &["name"])?)).await,
    }
}
fn new_key(cx: &Ctx, form: &Form) -> Result<NewApiKey, Refused> {
    let name = value::line(form.raw("name"), 120).map_err(|why| Refused::field("name", &why))?;
    if name.is_empty() {
        return Err(Refused::field("name", EN.key_enter_name));
    }
    let scopes = match form.raw("reach") {
        "some" => Some(form.all("area").map(|area| format!("{area}:*")).collect::<Vec<_>>()),
        _ => None,
    };
    if scopes.as_ref().is_some_and(Vec::is_empty) {
        return Err(Refused::field("area", EN.key_choose_area));
    }
    let expires_at = days(form).map(|days| cx.now.plus_seconds(days * 86_400));
    Ok(NewApiKey { name, scopes, expires_at, service: false, identity_provider_id: None })
}

/// Ends one. One that is not there has ended.
pub(crate) async fn revoke(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    match account.visit.app().revoke_api_key(&account.cx, account.visit.id(2)).await {
        Ok(()) => redirect("/account/keys?done=key_revoked"),
        Err(e) if e.code() == Code::NotFound => redirect(PATH),
        Err(e) => Err(e),
    }
}
