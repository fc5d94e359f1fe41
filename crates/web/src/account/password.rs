//! `/account/password`: another password; other sessions end.
use askama::Template;
use axum::response::Response;
use portcullis_domain::user::AuthProvider;
use portcullis_domain::{Code, Result};
use portcullis_service::{Answer, Reply};

use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::page::{Frame, redirect};
use crate::refusal::{Refused, password_hint};
use crate::texts::{EN, Texts};

const PATH: &str = "/account/password";

#[derive(Template)]
#[template(path = "account/password.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    fields: Vec<Field>,
    /// The password is kept by an identity provider.
    elsewhere: bool,
    around: Around,
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    filled(&account, None).await
}
async fn filled(account: &Account, refused: Option<&Refused>) -> Result<Response> {
    let around = account.around(PATH).await?;
    let least = around.password_min_length;
    let fields = vec![
        // which account a browser's store of passwords should put the new one to
        Field::email("email", EN.email).value(&*around.me.email).fixed(),
        Field::password("current_password", EN.current_password, "current-password").refused(refused),
        Field::password("new_password", EN.new_password, "new-password").hint(password_hint(least)).refused(refused),
        Field::password("again", EN.new_password_again, "new-password").refused(refused),
    ];
    let elsewhere = around.me.auth_provider != AuthProvider::Local;
    let frame = account.frame(EN.change_password, refused);
    let form = Page { frame, t: &EN, fields, elsewhere, around };
    Refused::form(refused, &form)
}

pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    match change(&account, &form).await? {
        Ok(()) => redirect("/account/password?done=password"),
        Err(refused) => filled(&account, Some(&refused)).await,
    }
}
async fn change(account: &Account, form: &Form) -> Result<Result<(), Refused>> {
    let typed = || Ok((form.password("current_password")?, form.new_password("new_password", "again")?));
    let change = match typed() {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    // tried here as at sign-in, on the same pool
    let out = match account.visit.limit_passwords() {
        Ok(()) => {
            let reply = Reply { key: None, render: |()| Answer::new(204, vec![]) };
            account.visit.app().change_password(&account.cx, Ok(change), reply).await
        }
        Err(e) => Err(e),
    };
    match out {
        Ok(_) => Ok(Ok(())),
        Err(e) if e.code() == Code::WeakPassword => Ok(Err(Refused::field("new_password", e.message()))),
        Err(e) => Refused::of(e, &["current_password"]).map(Err),
    }
}
