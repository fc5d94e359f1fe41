//! Signing in at a provider from our own pages (spec v1 9.3): the button, the way back, and what is said when it does not work.
use serde_json::json;

use super::{HOME, SigningKey, Stage, claims, encoded};
use crate::world::pages::{Browser, HERE, value};
use crate::world::tables::count;
use crate::world::*;

both!(
    a_page_leads_to_the_provider_and_back,
    sec_04_a_sign_in_on_a_page_ends_in_the_browser_that_began_it,
    sec_09_a_sign_in_on_a_page_leads_to_pages_of_ours_only,
    what_went_wrong_is_said_on_the_page,
    sec_15_the_same_providers_are_shown_whoever_has_the_address,
    over_https_the_cookie_of_a_sign_in_is_bound_to_its_host,
    where_a_factor_is_due_it_is_the_second_step,
);

/// Where the button for this provider leads.
#[track_caller]
pub fn link_to(page: &str, name: &str) -> String {
    let at = page.find(&format!("Sign in with {name}<")).unwrap_or_else(|| panic!("no button for {name}: {page}"));
    let href = page[..at].rfind("href=\"").unwrap() + 6;
    page[href..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}
impl Stage {
    /// A browser that was sent to the provider from the sign-in page, with where it was sent.
    async fn page(&self, email: &str, return_to: &str) -> (Browser, String) {
        let mut b = Browser::new(&self.w);
        let page = b.form("/sign-in", &[("email", email), ("return_to", return_to)]).await.page(200);
        let sent = b.follow(&link_to(&page, "Work")).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        let url = sent.header("location").unwrap().to_owned();
        (b, url)
    }
    /// The address that it comes back with after somebody signed in.
    pub fn back(&self, url: &str, said: serde_json::Value) -> String {
        let state = url::Url::parse(url).unwrap().query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
        let code = self.provider.sign_in(url, said);
        format!("/v1/auth/callback?code={}&state={state}&session_state=x&scope=openid%20email", encoded(&code))
    }
}
/// Comes back, through the address that providers know.
pub async fn come_back(b: &mut Browser, back: &str) -> Answer {
    let there = b.follow(back).await;
    let to = there.header("location").unwrap_or_else(|| panic!("{}", there.text())).to_owned();
    assert!(there.status == 303 && to.starts_with("/sign-in/callback?") && !to.contains("session_state"), "{to}");
    b.follow(&to).await
}

async fn a_page_leads_to_the_provider_and_back(e: Engine) {
    let s = Stage::on(e).await;
    let (mut b, url) = s.page("ada@corp.example", "/account/keys").await;
    let asked: std::collections::HashMap<String, String> =
        url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    assert_eq!(asked["redirect_uri"], format!("{HERE}/v1/auth/callback"));
    let back = s.back(&url, claims(&s.w, "ada"));
    let done = come_back(&mut b, &back).await;
    done.leads_to("/account/keys");
    let page = b.get("/account").await.page(200);
    assert!(page.contains("Ada Lovelace") && page.contains("ada@corp.example"), "{page}");
    assert!(!b.cookies().contains("portcullis_sign_in"), "it is of no more use");
    // a second time it counts for nothing
    let mut b = Browser::new(&s.w);
    come_back(&mut b, &back).await.leads_to("/sign-in?problem=provider_elsewhere");
    // a password is one way beside it
    let mut b = Browser::new(&s.w);
    let page = b.form("/sign-in", &[("email", "ada@corp.example")]).await.page(200);
    assert!(page.contains("type=\"password\"") && page.contains("Sign in with Work"), "{page}");
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    let page = b.form("/sign-in", &[("email", "ada@corp.example")]).await.page(200);
    assert!(!page.contains("Sign in with Work"), "{page}");
}

async fn sec_04_a_sign_in_on_a_page_ends_in_the_browser_that_began_it(e: Engine) {
    let s = Stage::on(e).await;
    // mallory signs in and gives the link back to ada, who would be in mallory's account
    let (_, url) = s.page("mallory@corp.example", "").await;
    let back = s.back(&url, claims(&s.w, "mallory"));
    for mut ada in [Browser::new(&s.w), s.page("ada@corp.example", "").await.0] {
        let answer = come_back(&mut ada, &back).await;
        let to = answer.header("location").unwrap();
        assert!(answer.status == 303 && to.starts_with("/sign-in?problem=provider_"), "{to}");
        assert!(!ada.cookies().contains("portcullis_session"));
        let asked = s.provider.asked("/token");
        assert_eq!(asked, 0, "the code is not even shown to the provider");
    }
    // nor does a link on a page of elsewhere begin one
    let at = format!("/sign-in/at?provider={}", s.id);
    for (from, leads_there) in [("cross-site", false), ("same-origin", true), ("none", true)] {
        let sent = s.w.anonymous().with("sec-fetch-site", from).get(&at).await;
        let to = sent.header("location").unwrap_or_default();
        assert_eq!((sent.status, to.starts_with(&s.provider.issuer())), (303, leads_there), "{from}: {to}");
        assert_eq!(sent.header("set-cookie").is_some(), leads_there, "{from}");
    }
    // nor does an API client end what a page began
    let (mut b, url) = s.page("ada@corp.example", "").await;
    let back = s.back(&url, claims(&s.w, "ada"));
    let query: std::collections::HashMap<String, String> =
        url::Url::parse(&format!("{HERE}{back}")).unwrap().query_pairs().into_owned().collect();
    let body =
        json!({ "code": query["code"], "state": query["state"], "redirect_uri": format!("{HERE}/v1/auth/callback") });
    s.finish(&body).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the sign-in was begun in another browser");
    // and a page does not end what an API client began
    let (url, _) = s.begin().await;
    let back = s.back(&url, claims(&s.w, "ada"));
    come_back(&mut b, &back).await.leads_to("/sign-in?problem=provider_failed");
    assert_eq!(s.why().await, "the code was brought to another address");
    assert_eq!((count(&s.w, "identities").await, s.provider.asked("/token")), (0, 0));
}

async fn sec_09_a_sign_in_on_a_page_leads_to_pages_of_ours_only(e: Engine) {
    let s = Stage::on(e).await;
    for bad in
        ["//evil.example/", "https://evil.example/account", "/account/../x", "/v1beta1/auth/logout", "/account\r\nx: y"]
    {
        let mut b = Browser::new(&s.w);
        let at = format!("/sign-in/at?provider={}&return_to={}", s.id, encoded(bad));
        let sent = b.follow(&at).await;
        let back = s.back(sent.header("location").unwrap(), claims(&s.w, "ada"));
        come_back(&mut b, &back).await.leads_to("/account");
    }
    // nothing but a provider's own address is gone to
    for bad in ["", "nonsense", NOBODY, "https://evil.example/"] {
        let mut b = Browser::new(&s.w);
        let sent = b.follow(&format!("/sign-in/at?provider={}", encoded(bad))).await;
        let to = sent.header("location").unwrap();
        assert!(sent.status == 303 && to.starts_with("/sign-in"), "{bad}: {to}");
    }
}

async fn what_went_wrong_is_said_on_the_page(e: Engine) {
    let s = Stage::on(e).await;
    let said = async |b: &mut Browser, answer: Answer| {
        let to = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
        assert!(to.contains("return_to=%2Faccount%2Fkeys"), "where they wanted to go is kept: {to}");
        assert!(!b.cookies().contains("portcullis_session"));
        let page = b.get(&to).await.page(200);
        assert_eq!(value(&page, "return_to"), "/account/keys");
        page
    };
    // who may not come in
    let (mut b, url) = s.page("ada@corp.example", "/account/keys").await;
    let mut eve = claims(&s.w, "eve");
    eve["email_verified"] = json!(false);
    let back = s.back(&url, eve);
    let answer = come_back(&mut b, &back).await;
    let page = said(&mut b, answer).await;
    assert!(page.contains("You could not be signed in there.") && !page.contains("verified"), "{page}");
    // who turned back there
    let (mut b, url) = s.page("ada@corp.example", "/account/keys").await;
    let state = url::Url::parse(&url).unwrap().query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
    let back = format!("/v1/auth/callback?error=access_denied&error_description=%3Cscript%3E&state={state}");
    let answer = come_back(&mut b, &back).await;
    let page = said(&mut b, answer).await;
    assert!(page.contains("You turned back at your identity provider.") && !page.contains("script"), "{page}");
    assert_eq!(s.why().await, "the provider says access_denied");
    // a provider that does not work, on the way back and on the way there
    let (mut b, url) = s.page("ada@corp.example", "/account/keys").await;
    s.provider.twist(Some(super::provider::Twist::NoToken));
    let back = s.back(&url, claims(&s.w, "ada"));
    let answer = come_back(&mut b, &back).await;
    let page = said(&mut b, answer).await;
    assert!(page.contains("Your identity provider does not answer as it should."), "{page}");
    s.provider.twist(None);
    s.provider.describe("jwks_uri", json!(5));
    s.w.clock.pass(700);
    let mut b = Browser::new(&s.w);
    let answer = b.follow(&format!("/sign-in/at?provider={}&return_to=/account/keys", s.id)).await;
    let page = said(&mut b, answer).await;
    assert!(page.contains("Your identity provider does not answer as it should."), "{page}");
    // words of a link are none of ours
    let page = Browser::new(&s.w).get("/sign-in?problem=%3Cb%3Ebuy").await.page(200);
    assert!(!page.contains("buy") && !page.contains("class=\"problem\""), "{page}");
    // nothing at all
    for nothing in ["/sign-in/callback", "/sign-in/callback?code=a&state=b", "/sign-in/callback?error=%00"] {
        Browser::new(&s.w).get(nothing).await.leads_to("/sign-in?problem=provider_elsewhere");
    }
}

async fn sec_15_the_same_providers_are_shown_whoever_has_the_address(e: Engine) {
    let s = Stage::on(e).await;
    s.person("ada").await;
    let local = json!({ "email": "bob@corp.example", "name": "Bob", "roles": ["user"], "password": PASSWORD });
    s.w.owner().post("/v1/users", local).await.expect(201);
    let mut pages = vec![];
    for email in ["ada@corp.example", "bob@corp.example", "nobody@corp.example"] {
        let page = Browser::new(&s.w).form("/sign-in", &[("email", email)]).await.page(200);
        pages.push(page.replace(email, "ADDRESS"));
    }
    assert!(pages[0].contains("Sign in with Work") && pages.iter().all(|p| *p == pages[0]), "{pages:?}");
    // another domain's people see every provider, theirs only their own
    crate::identity_providers::verified_domain(&s.w, "other.example").await;
    let config = s.provider.config(json!({ "domains": ["other.example"] }));
    let other = json!({ "name": "Other", "provider_type": "oidc", "config": config });
    s.w.owner().post("/v1/identity-providers", other).await.expect(201);
    for (email, work, other) in
        [("a@corp.example", true, false), ("a@other.example", false, true), ("a@else.example", true, true)]
    {
        let page = Browser::new(&s.w).form("/sign-in", &[("email", email)]).await.page(200);
        let shown = (page.contains("Sign in with Work"), page.contains("Sign in with Other"));
        assert_eq!(shown, (work, other), "{email}");
    }
}

async fn over_https_the_cookie_of_a_sign_in_is_bound_to_its_host(e: Engine) {
    let usual = Stage::settings();
    let settings = portcullis_service::app::Settings { public_url: "https://id.example.com".into(), ..usual };
    let s = Stage::of(e, settings, SigningKey::ed(), json!({})).await;
    let sent = s.w.anonymous().get(&format!("/sign-in/at?provider={}", s.id)).await;
    let cookie = sent.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-portcullis_sign_in="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"), "{cookie}");
    assert!(sent.header("location").unwrap().contains(&encoded("https://id.example.com/v1/auth/callback")));
}

async fn where_a_factor_is_due_it_is_the_second_step(e: Engine) {
    let s = Stage::on(e).await;
    let settings = format!("/v1/tenants/{}/settings", s.w.tenant);
    s.w.service().patch(&settings, json!({ "mfa_policy": "required", "redirect_uris": [HOME] })).await.expect(200);
    let (mut b, url) = s.page("ada@corp.example", "/account/keys").await;
    let back = s.back(&url, claims(&s.w, "ada"));
    let page = come_back(&mut b, &back).await.page(200);
    assert!(!b.cookies().contains("portcullis_session"));
    let challenge = value(&page, "challenge");
    let app = crate::pages_factors::app_of(&page);
    let form = [("challenge", &*challenge), ("code", &app.next(&s.w.clock)), ("return_to", "/account/keys")];
    let codes = b.form("/sign-in/enrol", &form).await.page(200);
    assert!(codes.contains("/account/keys"), "{codes}");
    assert!(b.get("/account").await.page(200).contains("Ada Lovelace"));
    // and now it is asked for
    let (mut b, url) = s.page("ada@corp.example", "").await;
    let back = s.back(&url, claims(&s.w, "ada"));
    let page = come_back(&mut b, &back).await.page(200);
    let challenge = value(&page, "challenge");
    let form = [("challenge", &*challenge), ("code", &app.next(&s.w.clock))];
    b.form("/sign-in/code", &form).await.leads_to("/account");
    // the provider vouches for the whole session too
    s.w.service().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    assert_eq!(b.get("/account").await.status, 303);
}
