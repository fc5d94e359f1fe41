//! `/account`: names and picture.
use askama::Template;
use axum::response::Response;
use portcullis_domain::user::AuthProvider;
use portcullis_domain::{Result, avatar, value};
use portcullis_service::profile::ProfilePatch;

use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::moment::{ago, date};
use crate::page::{Frame, page, redirect};
use crate::refusal::Refused;
use crate::texts::{EN, Texts, fill};

const PATH: &str = "/account";
const NAMES: [&str; 3] = ["first_name", "last_name", "display_name"];

#[derive(Template)]
#[template(path = "account/profile.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    fields: Vec<Field>,
    /// Names are kept by an identity provider.
    kept_elsewhere: bool,
    /// What the picture is called to who does not see it.
    picture: String,
    picture_error: Option<String>,
    picture_elsewhere: Option<String>,
    roles: String,
    last_sign_in: String,
    since: String,
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    page(200, &filled(&account, None, None).await?)
}
/// The page once more, with what is wrong.
pub(crate) async fn again(account: &Account, form: Option<&Form>, refused: &Refused) -> Result<Response> {
    refused.page(&filled(account, form, Some(refused)).await?)
}
async fn filled(account: &Account, form: Option<&Form>, refused: Option<&Refused>) -> Result<Page> {
    let around = account.around(PATH).await?;
    let me = &around.me;
    let now = |name: &str, stored: &Option<String>| match form {
        Some(form) => form.raw(name).to_owned(),
        None => stored.clone().unwrap_or_default(),
    };
    let display = Field::text("display_name", EN.display_name).autocomplete("nickname").hint(EN.display_name_hint);
    let fields = [
        (Field::text("first_name", EN.first_name).autocomplete("given-name"), &me.first_name),
        (Field::text("last_name", EN.last_name).autocomplete("family-name"), &me.last_name),
        (display, &me.display_name),
    ];
    let kept_elsewhere = me.auth_provider != AuthProvider::Local;
    let fields = fields.into_iter().zip(NAMES).map(|((field, stored), name)| {
        let field = field.value(now(name, stored)).longest(100).refused(refused);
        if kept_elsewhere && name != "display_name" { field.fixed() } else { field }
    });
    let roles: Vec<&str> = account.cx.principal.roles.public().map(portcullis_domain::Role::as_str).collect();
    let elsewhere = me.avatar.as_deref().filter(|a| !avatar::is_image(a));
    Ok(Page {
        frame: account.frame(EN.profile, refused),
        t: &EN,
        fields: fields.collect(),
        kept_elsewhere,
        picture: fill(EN.picture_of, &[("name", me.name())]),
        picture_error: refused.and_then(|r| r.of_field("picture")).map(str::to_owned),
        picture_elsewhere: elsewhere.map(|url| fill(EN.picture_elsewhere, &[("url", url)])),
        roles: roles.join(", "),
        last_sign_in: me.last_login_at.map_or_else(|| EN.never.to_owned(), |at| ago(&EN, account.cx.now, at)),
        since: date(&EN, me.created_at),
        around,
    })
}

/// Saves the names.
pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let out = match patch(&form) {
        Ok(patch) => account.visit.app().update_profile(&account.cx, Ok(patch)).await,
        Err(refused) => return again(&account, Some(&form), &refused).await,
    };
    match out {
        Ok(_) => redirect("/account?done=profile"),
        Err(e) => again(&account, Some(&form), &Refused::of(e, &NAMES)?).await,
    }
}
/// A name that is left empty is none; one that was not sent stays.
fn patch(form: &Form) -> Result<ProfilePatch, Refused> {
    let read = |name: &str| match form.has(name) {
        false => Ok(None),
        true => match value::line(form.raw(name), 100) {
            Ok(line) => Ok(Some(Some(line).filter(|l| !l.is_empty()))),
            Err(why) => Err(Refused::field(name, &why)),
        },
    };
    let [first_name, last_name, display_name] = NAMES;
    Ok(ProfilePatch {
        first_name: read(first_name)?,
        last_name: read(last_name)?,
        display_name: read(display_name)?,
        ..ProfilePatch::default()
    })
}
