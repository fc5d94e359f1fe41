//! The pages that mails lead to: a forgotten password, an address to confirm (spec v1 9.5).
use serde_json::json;

use crate::mails::Office;
use crate::world::pages::{Browser, value};
use crate::world::*;

both!(
    a_forgotten_password_is_set_anew_by_mail,
    an_address_is_confirmed_by_a_press_and_not_by_a_look,
    the_pages_of_a_mail_lead_to_the_tenant_that_sent_it,
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
    let token = o.reset_token(&ada.email).await;
    let at = format!("/reset-password?token={token}");
    assert_eq!(value(&b.get(&at).await.page(200), "token"), token);
    let new = "velvet-anchor-monsoon";
    let form = |password: &'static str, again: &'static str| [("password", password), ("again", again)];
    for (wrong, said) in [(form("short", "short"), "At least 8"), (form(new, "other-words-4711"), "not the same")] {
        let form = [("token", token.as_str()), wrong[0], wrong[1]];
        assert!(b.form("/reset-password", &form).await.page(400).contains(said), "{said}");
    }
    let form = [("token", token.as_str()), ("password", new), ("again", new)];
    b.form("/reset-password", &form).await.leads_to("/sign-in?tenant=acme&done=password_set");
    // who looks at a dead link hears of it before they think of a password
    for dead in [b.form("/reset-password", &form).await, b.get(&at).await, b.get("/reset-password?token=x").await] {
        assert!(dead.page(400).contains("This link does not work any more"));
    }
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
    b.form("/verify-email", &[("token", &token)]).await.leads_to("/sign-in?tenant=acme&done=address_verified");
    assert_eq!(verified().await, json!(true));
    assert!(b.form("/verify-email", &[("token", &token)]).await.page(400).contains("does not work any more"));
}

async fn the_pages_of_a_mail_lead_to_the_tenant_that_sent_it(o: Office) {
    let globex = o.second_tenant("Globex").await;
    let mut b = Browser::new(&o.w);
    let made = globex.owner.client.post("/v1/users", new_user()).await.expect(201);
    let token = o.mail_to(made["email"].as_str().unwrap()).await.token();
    let led = format!("/sign-in?tenant={}&done=", globex.slug);
    b.form("/verify-email", &[("token", &token)]).await.leads_to(&format!("{led}address_verified"));
    // from the address to the new password, the tenant is not lost on the way
    let form = [("email", globex.owner.email.as_str()), ("tenant", globex.slug.as_str())];
    let asking = format!("/forgotten-password?tenant={}", globex.slug);
    let page = b.form("/sign-in", &form).await.page(200);
    assert!(page.contains(&format!("href=\"{asking}\"")), "{page}");
    assert_eq!(value(&b.get(&asking).await.page(200), "tenant"), globex.slug);
    b.form("/forgotten-password", &form).await.leads_to(&format!("{led}reset_asked"));
    let token = o.reset_token(&globex.owner.email).await;
    let new = "velvet-anchor-monsoon";
    let form = [("token", token.as_str()), ("password", new), ("again", new)];
    b.form("/reset-password", &form).await.leads_to(&format!("{led}password_set"));
    let form = [("email", globex.owner.email.as_str()), ("password", new), ("tenant", globex.slug.as_str())];
    b.form("/sign-in", &form).await.leads_to("/account");
}

async fn where_no_mail_is_sent_nobody_is_told_to_wait_for_one(w: World) {
    let mut b = Browser::new(&w);
    assert!(!b.form("/sign-in", &[("email", "owner@example.com")]).await.page(200).contains("forgotten-password"));
    b.get("/forgotten-password").await.page(404);
    b.form("/forgotten-password", &[("email", "owner@example.com")]).await.page(404);
}
