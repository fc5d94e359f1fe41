//! Signing in at a SAML provider from our own pages: the button, the way back, and what is said when it does not work.
use serde_json::json;

use super::{Stage, post};
use crate::openid::pages::link_to;
use crate::world::pages::{Browser, HERE};
use crate::world::*;

both!(
    a_page_leads_to_the_saml_provider_and_back,
    sec_04_a_saml_sign_in_on_a_page_ends_in_the_browser_that_began_it,
    what_went_wrong_at_a_saml_provider_is_said_on_the_page,
    sec_06_a_sign_in_that_began_there_ends_on_a_page_where_it_may,
);

impl Stage {
    /// A browser that was sent to the provider from the sign-in page, with where it was sent.
    async fn page(&self, return_to: &str) -> (Browser, String) {
        let mut b = Browser::new(&self.w);
        let page = b.form("/sign-in", &[("email", "ada@corp.example"), ("return_to", return_to)]).await.page(200);
        let sent = b.follow(&link_to(&page, "Work")).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        (b, sent.header("location").unwrap().to_owned())
    }
}
/// Where a response leads that a page of elsewhere posts, without the cookies of this browser as that is cross-site; then this browser goes
/// there.
async fn land(s: &Stage, b: &mut Browser, response: &str) -> Answer {
    let answer = post(&s.w.anonymous(), &s.id, response).await;
    let to = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text()));
    let back = to.strip_prefix(HERE).unwrap_or_else(|| panic!("{to}")).to_owned();
    assert!(back.starts_with("/v1/auth/callback?state="), "{back}");
    let there = b.follow(&back).await.header("location").unwrap().to_owned();
    b.follow(&there).await
}

async fn a_page_leads_to_the_saml_provider_and_back(e: Engine) {
    let s = Stage::on(e).await;
    let (mut b, url) = s.page("/account/keys").await;
    assert!(url.starts_with(&s.provider.sso_url()), "{url}");
    let response = s.provider.response(&s.said(&url, "ada"));
    land(&s, &mut b, &response).await.leads_to("/account/keys");
    let page = b.get("/account").await.page(200);
    assert!(page.contains("Ada Lovelace") && page.contains("ada@corp.example"), "{page}");
    assert!(!b.cookies().contains("portcullis_sign_in"), "it is of no more use");
    post(&s.w.anonymous(), &s.id, &response).await.refused(401, "login_failed");
}

async fn sec_04_a_saml_sign_in_on_a_page_ends_in_the_browser_that_began_it(e: Engine) {
    let s = Stage::on(e).await;
    for mut ada in [Browser::new(&s.w), s.page("").await.0] {
        let (_, url) = s.page("").await;
        let answer = land(&s, &mut ada, &s.provider.response(&s.said(&url, "mallory"))).await;
        let to = answer.header("location").unwrap();
        assert!(answer.status == 303 && to.starts_with("/sign-in?problem=provider_"), "{to}");
        assert_eq!(s.why().await, "the sign-in was begun in another browser");
        assert!(!ada.cookies().contains("portcullis_session"));
    }
    assert_eq!(tables::count(&s.w, "identities").await, 0);
}

async fn what_went_wrong_at_a_saml_provider_is_said_on_the_page(e: Engine) {
    let s = Stage::on(e).await;
    let (mut b, url) = s.page("/account/keys").await;
    let stranger = s.provider.with_key(super::provider::Key::new(s.w.clock.seconds()));
    let answer = land(&s, &mut b, &stranger.response(&s.said(&url, "ada"))).await;
    let to = answer.header("location").unwrap().to_owned();
    assert!(to.contains("problem=provider_failed") && to.contains("return_to"), "{to}");
    let failed = s.w.events("action=auth.login_failed").await;
    assert_eq!(failed.len(), 1, "it is told once: {failed:?}");
    assert!(s.why().await.contains("No certificate of the provider"));
    assert!(b.get(&to).await.page(200).contains("Sign in"));
    // a provider whose metadata does not come is another thing
    let (mut b, url) = s.page("").await;
    let away =
        json!({ "metadata_url": "http://127.0.0.1:1/m", "entity_id": null, "sso_url": null, "certificates": null });
    s.set(away).await;
    let answer = land(&s, &mut b, &s.provider.response(&s.said(&url, "ada"))).await;
    let to = answer.header("location").unwrap();
    assert!(to.contains("problem=provider_away"), "{to}");
}

async fn sec_06_a_sign_in_that_began_there_ends_on_a_page_where_it_may(e: Engine) {
    let s = Stage::with(e, json!({ "allow_idp_initiated": true })).await;
    let response = s.provider.response(&s.unasked("ada"));
    let answer = post(&s.w.anonymous(), &s.id, &response).await;
    let to = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
    let kept = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(kept.starts_with("portcullis_sign_in="), "{kept}");
    let to = to.strip_prefix(HERE).unwrap().to_owned();
    // another browser that is given the link has nothing of it
    let mut other = Browser::new(&s.w);
    let there = other.follow(&to).await.header("location").unwrap().to_owned();
    let ended = other.follow(&there).await;
    assert!(ended.header("location").unwrap().contains("problem="));
    // nor counts it twice
    post(&s.w.anonymous(), &s.id, &response).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the assertion was heard before");
    let mut b = Browser::new(&s.w);
    let answer = post(&s.w.anonymous(), &s.id, &s.provider.response(&s.unasked("ada"))).await;
    let to = answer.header("location").unwrap().strip_prefix(HERE).unwrap().to_owned();
    b.client = b.client.with("cookie", answer.header("set-cookie").unwrap().split(';').next().unwrap());
    let there = b.follow(&to).await.header("location").unwrap().to_owned();
    b.follow(&there).await.leads_to("/account");
    assert!(b.get("/account").await.page(200).contains("Ada Lovelace"));
    // one that says what it answers has to answer it
    let mut said = s.unasked("ada");
    said.request = Some(format!("_{}", "0".repeat(32)));
    post(&s.w.anonymous(), &s.id, &s.provider.response(&said)).await.refused(401, "login_failed");
}
