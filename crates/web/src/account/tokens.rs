//! `/account/tokens`: one's own personal access tokens, organization by organization (spec v1beta1 3.20).
use askama::Template;
use axum::response::Response;
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::{Code, Ctx, Result, value};
use portcullis_service::Answer;
use portcullis_service::personal_token::{NewScope, Shown, TokenContent};
use serde_json::{Map, json};

use super::keys::{Life, Secret, days, lives};
use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::moment::{ago, date};
use crate::once;
use crate::page::{Frame, page, redirect};
use crate::refusal::Refused;
use crate::return_to::link;
use crate::texts::{EN, Texts, fill};

const PATH: &str = "/account/tokens";
/// A form's field for a role, and on what it holds.
const KINDS: [(&str, &str); 2] = [("role_organization", "app/organization"), ("role_projects", "app/project")];

#[derive(Template)]
#[template(path = "account/tokens.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    /// Those that one is a member of; empty: nothing else is shown.
    organizations: Vec<Choice>,
    organization: String,
    none: String,
    tokens: Vec<Row>,
    title: Field,
    roles: Vec<Roles>,
    role_error: Option<String>,
    lives: Vec<Life>,
    once: String,
}
/// One of a list.
struct Choice {
    id: String,
    label: String,
    chosen: bool,
}
struct Roles {
    field: &'static str,
    label: &'static str,
    roles: Vec<Choice>,
}
struct Row {
    id: String,
    title: String,
    about: String,
    delete: String,
}
impl Row {
    fn of(cx: &Ctx, shown: &Shown) -> Self {
        let token = &shown.token;
        let ended = if token.expires_at <= cx.now { EN.token_expired } else { EN.key_ends };
        let used = match token.used_at {
            Some(at) => fill(EN.key_used, &[("when", &ago(&EN, cx.now, at))]),
            None => EN.key_unused.to_owned(),
        };
        let made = fill(EN.key_made, &[("when", &date(&EN, token.created_at))]);
        Self {
            id: token.id.to_string(),
            about: format!("{made}, {}, {used}", fill(ended, &[("when", &date(&EN, token.expires_at))])),
            delete: fill(EN.token_delete_of, &[("name", &token.title)]),
            title: token.title.clone(),
        }
    }
}
fn name(organization: &Organization) -> String {
    let slug = || organization.name.to_string();
    if organization.title.is_empty() { slug() } else { organization.title.clone() }
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    filled(&account, None, None).await
}
async fn filled(account: &Account, form: Option<&Form>, refused: Option<&Refused>) -> Result<Response> {
    let (app, cx) = (account.visit.app(), &account.cx);
    let member = app.list_my_organizations(cx, Some(State::Enabled)).await?.member;
    let asked = form.map(|f| f.raw("organization").to_owned()).or_else(|| account.visit.query("organization"));
    let here = member.iter().find(|o| asked.as_deref() == Some(&*o.id.to_string())).or(member.first());
    let (tokens, roles) = match here {
        Some(here) => {
            let tokens = app.list_personal_tokens(cx, here.id.to_string()).await?;
            (tokens, app.list_roles_for_tokens(cx, &[]).await?)
        }
        None => (vec![], vec![]),
    };
    let labels = [EN.token_role_organization, EN.token_role_projects];
    let roles = KINDS.into_iter().zip(labels).map(|((field, kind), label)| {
        let chosen = form.map_or("", |f| f.raw(field));
        Roles { field, label, roles: for_kind(&roles, kind, chosen) }
    });
    let title = Field::text("title", EN.token_title).hint(EN.token_title_hint).longest(50).required();
    let none = here.map(|o| fill(EN.tokens_none, &[("organization", &name(o))]));
    Refused::form(
        refused,
        &Page {
            frame: account.frame(EN.tokens, refused),
            t: &EN,
            around: account.around(PATH).await?,
            organization: here.map(|o| o.id.to_string()).unwrap_or_default(),
            none: none.unwrap_or_default(),
            tokens: tokens.iter().rev().map(|shown| Row::of(cx, shown)).collect(),
            title: title.value(form.map_or("", |f| f.raw("title"))).refused(refused),
            roles: roles.collect(),
            role_error: refused.and_then(|r| r.of_field("role")).map(str::to_owned),
            lives: lives(form, false),
            once: once::number(account),
            organizations: member
                .iter()
                .map(|o| Choice { id: o.id.to_string(), label: name(o), chosen: here.is_some_and(|h| h.id == o.id) })
                .collect(),
        },
    )
}
fn for_kind(roles: &[AccessRole], kind: &str, chosen: &str) -> Vec<Choice> {
    let of_kind = roles.iter().filter(|r| r.scopes.iter().any(|s| s == kind));
    let choice = |r: &AccessRole| {
        let id = r.id.to_string();
        let label = if r.title.is_empty() { r.name.to_string() } else { r.title.clone() };
        Choice { chosen: id == chosen, id, label }
    };
    of_kind.map(choice).collect()
}

/// Makes one.
pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let content = match content(&form) {
        Ok(content) => content,
        Err(refused) => return filled(&account, Some(&form), Some(&refused)).await,
    };
    let expires_at = account.cx.now.plus_seconds(days(&form).unwrap_or(30) * 86_400);
    let reply = once::reply(&form, PATH, |shown: &Shown| -> Answer {
        let secret = shown.secret.as_ref().map(|s| s.expose());
        once::keep(&json!({ "name": shown.token.title, "secret": secret }))
    });
    let organization = form.text("organization").to_owned();
    let new = Ok((content, Some(expires_at)));
    let made = account.visit.app().create_personal_token(&account.cx, organization, new, reply).await;
    match made.and_then(|answer| once::made(&answer)) {
        Ok(made) => {
            let text = |name: &str| made[name].as_str().unwrap_or_default();
            let (frame, around) = (account.frame(EN.secret_token, None), account.around(PATH).await?);
            let (name, secret) = (text("name"), text("secret"));
            page(200, &Secret { frame, t: &EN, around, name, secret, back: PATH })
        }
        Err(e) => filled(&account, Some(&form), Some(&Refused::of(e, &["title"])?)).await,
    }
}
fn content(form: &Form) -> Result<TokenContent, Refused> {
    let title = value::line(form.raw("title"), 50).map_err(|why| Refused::field("title", &why))?;
    if title.is_empty() {
        return Err(Refused::field("title", EN.token_enter_title));
    }
    let chosen = KINDS.into_iter().filter(|(field, _)| !form.raw(field).is_empty());
    let scopes: Vec<NewScope> = chosen
        .map(|(field, kind)| NewScope {
            role_id: form.raw(field).to_owned(),
            resource_type: kind.to_owned(),
            resource_ids: vec![],
        })
        .collect();
    if scopes.is_empty() {
        return Err(Refused::field("role", EN.token_choose_role));
    }
    Ok(TokenContent { title, scopes, metadata: Map::new() })
}

/// Ends one, at once. One that is not there has ended.
pub(crate) async fn delete(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let id = account.visit.id::<portcullis_domain::personal_token::PersonalToken>(2).to_string();
    match account.visit.app().delete_personal_token(&account.cx, &id).await {
        Ok(()) => redirect(&link(PATH, &[("organization", form.text("organization")), ("done", "token_deleted")])),
        Err(e) if e.code() == Code::NotFound => redirect(PATH),
        Err(e) => Err(e),
    }
}
