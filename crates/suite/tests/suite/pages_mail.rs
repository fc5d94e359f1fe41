//! The pages that mails lead to: a forgotten password, an address to confirm (spec v1 9.5).
use serde_json::json;

use crate::mails::Office;
use crate::world::pages::{Browser, value};
use crate::world::*;

both!(
    a_forgotten_password_is_set_anew_by_mail,
    an_address_is_confirmed_by_a_press_and_not_by_a_look,
    where_no_mail_is_sent_nobody_is_told_to_wait_for_one,
);

async fn a_forgotten_password_is_set_anew_by_mail(o: Office) {
    let ada = o.w.person("Ada", &["user"]).await;
    o.deliver().await;
    let mut b = Browser::new(&o.w);
    let page = b.form("/sign-in", &[("email", &ada.email)]).await.page(200);
    assert!(page.contains("href=\"/forgotten-password\""), "{page}");
    assert!(b.get("/forgotten-password").await.page(200).contains("Forgotten password"));
    // the same for who is nobody
    for email in [ada.email.as_str(), "nobody@example.com"] {
        b.form("/forgotten-password", &[("email", email)]).await.leads_to("/sign-in?done=reset_asked");
    }
    assert!(b.get("/sign-in?done=reset_asked").await.page(200).contains("a mail is on its way"));
    assert!(b.form("/forgotten-password", &[("email", "")]).await.page(400).contains("Enter your e-mail address"));
    let token = o.mail_to(&ada.email).await.token();
    let at = format!("/reset-password?token={token}");
    assert_eq!(value(&b.get(&at).await.page(200), "token"), token);
    let new = "velvet-anchor-monsoon";
    let form = |password: &'static str, again: &'static str| [("password", password), ("again", again)];
    for (wrong, said) in [(form("short", "short"), "At least 8"), (form(new, "other-words-4711"), "not the same")] {
        let form = [("token", token.as_str()), wrong[0], wrong[1]];
        assert!(b.form("/reset-password", &form).await.page(400).contains(said), "{said}");
    }
    let form = [("token", token.as_str()), ("password", new), ("again", new)];
    b.form("/reset-password", &form).await.leads_to("/sign-in?done=password_set");
    assert!(b.form("/reset-password", &form).await.page(400).contains("This link does not work any more"));
    ada.client.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let login = json!({ "email": ada.email, "password": new });
    o.w.anonymous().post("/v1/auth/login", login).await.expect(200);
}

async fn an_address_is_confirmed_by_a_press_and_not_by_a_look(o: Office) {
    let made = o.w.owner().post("/v1/users", new_user()).await.expect(201);
    let (id, email) = (made["id"].as_str().unwrap(), made["email"].as_str().unwrap());
    let token = o.mail_to(email).await.token();
    let verified = async || o.w.owner().get(&format!("/v1/users/{id}")).await.expect(200)["email_verified"].clone();
    let mut b = Browser::new(&o.w);
    let page = b.get(&format!("/verify-email?token={token}")).await.page(200);
    assert_eq!((value(&page, "token"), verified().await), (token.clone(), json!(false)));
    b.form("/verify-email", &[("token", &token)]).await.leads_to("/sign-in?done=address_verified");
    assert_eq!(verified().await, json!(true));
    assert!(b.form("/verify-email", &[("token", &token)]).await.page(400).contains("does not work any more"));
}

async fn where_no_mail_is_sent_nobody_is_told_to_wait_for_one(w: World) {
    let mut b = Browser::new(&w);
    assert!(!b.form("/sign-in", &[("email", "owner@example.com")]).await.page(200).contains("forgotten-password"));
    b.get("/forgotten-password").await.page(404);
    b.form("/forgotten-password", &[("email", "owner@example.com")]).await.page(404);
}
