//! Frontier's strategies at a provider and with a passkey (spec v1beta1 4.2, decisions 5, 10 and 11; checklist 1, 4, 5, 8, 9, 15, 17).
use std::collections::HashMap;

use portcullis_service::app::Settings;
use serde_json::{Value, json};

use crate::openid::provider::SigningKey;
use crate::openid::{HOME as PAGE, Stage, claims, encoded, settings_of};
use crate::world::access::connect;
use crate::world::authenticator::{demand, enrol};
use crate::world::pages::{Browser, HERE};
use crate::world::passkey::{Passkey, with_passkey};
use crate::world::tables::count;
use crate::world::*;

/// Where the operator lets people be led to.
const RETURN: &str = "https://app.example.com/home";
const SELF: &str = "/v1beta1/users/self";
const END: &str = "/v1beta1/auth/callback";

/// A tenant whose provider is called Work.
pub struct Doors(Stage);
impl Arranged for Doors {
    async fn arrange(engine: Engine) -> Self {
        let settings = Settings { return_urls: vec![RETURN.into()], ..Stage::settings() };
        Self(Stage::of(engine, settings, SigningKey::ed(), json!({})).await)
    }
}
impl std::ops::Deref for Doors {
    type Target = Stage;
    fn deref(&self) -> &Stage {
        &self.0
    }
}

/// What a browser that a provider sends here says of that.
fn from_elsewhere(b: &Browser) -> Client {
    b.client.with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "navigate")
}
fn query_of(url: &str) -> HashMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}
/// Somebody begins over Connect; the browser, and what was answered.
async fn begin(w: &World, asked: Value) -> (Browser, Value) {
    let mut b = Browser::new(w);
    let answer = connect(&b.client, "Authenticate", asked).await;
    let begun = answer.expect(200);
    b.take(&answer);
    (b, begun)
}
impl Doors {
    /// Somebody is sent to the provider; their browser, and where to.
    async fn go(&self, query: &str) -> (Browser, String) {
        let mut b = Browser::new(&self.w);
        let sent = b.follow(&format!("/v1beta1/auth/register/work?redirect_onstart=true{query}")).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        let url = sent.header("location").unwrap().to_owned();
        (b, url)
    }
    /// What the provider sends the browser back to, of this person.
    fn signed_in(&self, url: &str, sub: &str) -> String {
        let code = self.provider.sign_in(url, claims(&self.w, sub));
        format!("{END}?code={}&state={}&session_state=x", encoded(&code), query_of(url)["state"])
    }
    /// The whole way.
    async fn sign_in_as(&self, sub: &str) -> (Browser, Answer) {
        let (mut b, url) = self.go("").await;
        let answer = from_elsewhere(&b).get(&self.signed_in(&url, sub)).await;
        b.take(&answer);
        (b, answer)
    }
    async fn names(&self) -> Vec<String> {
        let listed = self.w.anonymous().get("/v1beta1/auth").await.expect(200);
        listed["strategies"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect()
    }
    async fn another(&self, name: &str) -> String {
        let config = self.provider.config(json!({}));
        let body = json!({ "name": name, "provider_type": "oidc", "config": config });
        let made = self.w.owner().post("/v1/identity-providers", body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }
}
#[track_caller]
fn refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.header("set-cookie")), (400, None), "{}", answer.text());
    let told = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains(says), "{told}");
}
const FAILED: &str = "The sign-in could not be completed.";
const UNSUPPORTED: &str = "unsupported authentication method";

both!(
    a_provider_is_a_strategy_of_its_name,
    a_browser_goes_to_its_provider_and_comes_back,
    a_page_of_an_application_ends_it_over_connect,
    a_session_of_a_provider_has_no_idle_end,
    sec_01_a_provider_that_is_switched_off_is_no_strategy,
    sec_01_the_same_people_come_in_as_anywhere,
    sec_04_where_a_second_factor_is_due_the_session_of_a_provider_is_restricted,
    sec_04_a_strategy_ends_in_the_browser_that_began_it,
    sec_08_a_strategy_ends_once_and_in_time,
    sec_09_a_strategy_comes_back_to_listed_pages_only,
    sec_17_a_page_of_elsewhere_begins_no_sign_in_at_a_provider,
    who_the_provider_says_it_is_is_handed_on,
    who_has_a_passkey_signs_in_with_it,
    sec_05_a_passkey_signs_in_who_was_named_and_nobody_else,
    sec_05_a_passkey_of_a_strategy_is_asked_once,
    sec_15_a_passkey_is_asked_of_everybody_alike,
    sec_14_strategies_count_as_sign_ins,
);

async fn a_provider_is_a_strategy_of_its_name(d: Doors) {
    assert_eq!(d.names().await, ["work", "passkey"]);
    let listed = connect(&d.w.anonymous(), "ListAuthStrategies", json!({})).await.expect(200);
    assert_eq!(listed["strategies"], json!([{ "name": "work" }, { "name": "passkey" }]));
    d.another("Google Workspace / EU").await;
    // a name that is taken, or none in a path
    let second = d.another("work!").await;
    let third = d.another("Passkey").await;
    let fourth = d.another("グーグル").await;
    let all = ["work", "google-workspace-eu", &second, &third, &fourth, "passkey"];
    assert_eq!(d.names().await, all);
    for name in &all[..5] {
        let begun = connect(&d.w.anonymous(), "Authenticate", json!({ "strategy_name": name })).await.expect(200);
        assert!(begun["endpoint"].as_str().unwrap().starts_with(&d.provider.issuer()), "{begun}");
    }
    // a name goes to nobody else while its provider is switched off
    d.w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    assert_eq!(d.names().await, all[1..]);
    // another tenant's are its own
    let rival = d.w.second_tenant("Rival").await;
    let there = d.w.anonymous().with("x-tenant-id", rival.id.clone());
    let listed = there.get("/v1beta1/auth").await.expect(200);
    assert_eq!(listed["strategies"], json!([{ "name": "passkey", "params": null }]));
    refused(&there.get("/v1beta1/auth/register/google-workspace-eu").await, UNSUPPORTED);
    refused(&d.w.anonymous().get("/v1beta1/auth/register/nobody").await, UNSUPPORTED);
    refused(&connect(&d.w.anonymous(), "Authenticate", json!({ "strategy_name": "" })).await, UNSUPPORTED);
}

async fn a_browser_goes_to_its_provider_and_comes_back(d: Doors) {
    let (mut b, url) = d.go(&format!("&return_to={}", encoded(RETURN))).await;
    let asked = query_of(&url);
    assert_eq!(asked["redirect_uri"], format!("{HERE}{END}"));
    assert!(asked["nonce"].len() == 43 && asked["code_challenge"].len() == 43, "{asked:?}");
    assert!(b.cookies().starts_with("portcullis_strategy="), "{}", b.cookies());
    let answer = from_elsewhere(&b).get(&d.signed_in(&url, "ada")).await;
    answer.leads_to(RETURN);
    b.take(&answer);
    assert!(!b.cookies().contains("portcullis_strategy"), "it is of no more use");
    let me = b.get(SELF).await.expect(200);
    assert_eq!(me["user"]["email"], "ada@corp.example");
    let user = d.user("ada@corp.example").await.unwrap();
    assert_eq!((&user["auth_provider"], &user["identity_provider_id"]), (&json!("oidc"), &json!(d.id)));
    let told = d.w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!((&told["metadata"]["identity_provider_id"], &told["metadata"]["amr"]), (&json!(d.id), &json!(["fed"])));
    // who is signed in already is done
    let done = b.client.with("sec-fetch-site", "same-origin");
    let done = done.get("/v1beta1/auth/register/work?redirect_onstart=true").await;
    assert_eq!((done.status, done.json()["endpoint"].clone()), (200, json!("")));
    // an older session in that browser is in nobody's way, and ends
    let (fresh, url) = d.go("").await;
    let both = format!("{}; {}", b.cookies(), fresh.cookies());
    let both = from_elsewhere(&fresh).with("cookie", both);
    let answer = both.get(&d.signed_in(&url, "bob")).await;
    assert_eq!((answer.status, answer.header("location")), (200, None), "{}", answer.text());
    assert_eq!(b.get(SELF).await.status, 401);
    let b = d.w.anonymous().with("cookie", answer.header("set-cookie").unwrap().split(';').next().unwrap());
    assert_eq!(b.get(SELF).await.expect(200)["user"]["email"], "bob@corp.example");
}

async fn a_page_of_an_application_ends_it_over_connect(d: Doors) {
    for name in ["work", ""] {
        let asked = json!({ "strategy_name": "work", "callback_url": PAGE, "return_to": RETURN });
        let (mut b, begun) = begin(&d.w, asked).await;
        let url = begun["endpoint"].as_str().unwrap();
        let told = query_of(url);
        assert_eq!((&told["redirect_uri"], &json!(told["state"])), (&PAGE.to_owned(), &begun["state"]));
        let code = d.provider.sign_in(url, claims(&d.w, "ada"));
        let body = json!({ "strategy_name": name, "state": begun["state"], "code": code });
        let answer = connect(&b.client.with("origin", HERE), "AuthCallback", body).await;
        assert_eq!((answer.header("location"), answer.expect(200)), (None, json!({})));
        b.take(&answer);
        assert_eq!(b.get(SELF).await.expect(200)["user"]["email"], "ada@corp.example");
    }
    // and over REST, without being led away
    let begun = Browser::new(&d.w).client.post("/v1beta1/auth/register/work", json!({ "callback_url": PAGE })).await;
    let mut b = Browser::new(&d.w);
    b.take(&begun);
    let begun = begun.expect(200);
    let code = d.provider.sign_in(begun["endpoint"].as_str().unwrap(), claims(&d.w, "ada"));
    let answer = b.client.with("origin", HERE).post(END, json!({ "state": begun["state"], "code": code })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    b.take(&answer);
    b.get(SELF).await.expect(200);
}

async fn a_session_of_a_provider_has_no_idle_end(d: Doors) {
    let (b, _) = d.sign_in_as("ada").await;
    b.get(SELF).await.expect(200);
    d.w.clock.pass(29 * 86_400);
    b.get(SELF).await.expect(200);
    d.w.clock.pass(2 * 86_400);
    assert_eq!(b.get(SELF).await.status, 401, "720 hours");
}

async fn sec_01_a_provider_that_is_switched_off_is_no_strategy(d: Doors) {
    let (b, url) = d.go("").await;
    let back = d.signed_in(&url, "ada");
    let (named, begun) = begin(&d.w, json!({ "strategy_name": "work", "callback_url": PAGE })).await;
    d.w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    assert_eq!(d.names().await, ["passkey"]);
    refused(&d.w.anonymous().get("/v1beta1/auth/register/work?redirect_onstart=true").await, UNSUPPORTED);
    refused(&from_elsewhere(&b).get(&back).await, FAILED);
    assert_eq!(d.why().await, "the provider is switched off");
    let body = json!({ "strategy_name": "work", "state": begun["state"], "code": "x" });
    refused(&connect(&named.client.with("origin", HERE), "AuthCallback", body).await, UNSUPPORTED);
    assert_eq!((count(&d.w, "identities").await, d.provider.asked("/token")), (0, 0));
}

async fn sec_01_the_same_people_come_in_as_anywhere(d: Doors) {
    let local = json!({ "email": "bob@corp.example", "name": "Bob", "roles": ["user"], "password": PASSWORD });
    d.w.owner().post("/v1/users", local).await.expect(201);
    refused(&d.sign_in_as("bob").await.1, FAILED);
    let (b, url) = d.go("").await;
    let mut eve = claims(&d.w, "eve");
    eve["email"] = json!("eve@other.example");
    let code = d.provider.sign_in(&url, eve);
    refused(&from_elsewhere(&b).get(&format!("{END}?code={code}&state={}", query_of(&url)["state"])).await, FAILED);
    assert_eq!(d.why().await, "the provider is not trusted for the domain of the e-mail address");
    // nobody is made where the provider makes nobody
    d.set(json!({ "jit_create": false })).await;
    refused(&d.sign_in_as("zoe").await.1, FAILED);
    assert!(d.user("zoe@corp.example").await.is_none());
}

async fn sec_04_where_a_second_factor_is_due_the_session_of_a_provider_is_restricted(d: Doors) {
    let by = d.person("ada").await;
    let (app, _) = enrol(&d.w, &by).await;
    let (b, answer) = d.sign_in_as("ada").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = b.get("/account/reauthenticate").await.text();
    assert!(page.contains("Code that the app shows") && page.contains("came in by your identity provider"), "{page}");
    let b = b.client.with("origin", HERE).with("x-tenant-id", d.w.tenant.clone());
    assert_eq!(b.get(SELF).await.status, 403);
    b.post("/v1/users/me/mfa/totp", json!({})).await.refused(403, "mfa_setup_required");
    let path = "/v1/users/me/reauthenticate";
    b.post(path, json!({ "password": PASSWORD })).await.refused(403, "forbidden");
    b.post(path, json!({ "code": app.wrong(&d.w.clock) })).await.refused(400, "invalid_code");
    b.post(path, json!({ "code": app.next(&d.w.clock) })).await.expect(204);
    b.get(SELF).await.expect(200);
    // which is no way to a fresh sign-in, and ends with the provider
    b.post(path, json!({ "code": app.next(&d.w.clock) })).await.refused(403, "forbidden");
    d.w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    assert_eq!(b.get(SELF).await.status, 401);
    d.w.owner().put(&d.path(), json!({ "enabled": true })).await.expect(200);
    // who has none and needs one enrols it
    settings_of(&d.w, &json!({ "mfa_policy": "required" })).await;
    let (b, _) = d.sign_in_as("bob").await;
    let b = b.client.with("origin", HERE).with("x-tenant-id", d.w.tenant.clone());
    assert_eq!(b.get(SELF).await.status, 403);
    enrol(&d.w, &b).await;
    b.get(SELF).await.expect(200);
}

async fn sec_04_a_strategy_ends_in_the_browser_that_began_it(d: Doors) {
    // mallory signs in and gives the link to ada, who would be in mallory's account
    for other in [Browser::new(&d.w), d.go("").await.0] {
        let (_, url) = d.go("").await;
        refused(&from_elsewhere(&other).get(&d.signed_in(&url, "mallory")).await, FAILED);
        assert_eq!(d.why().await, "the sign-in was begun in another browser");
    }
    // nor does it help to begin it otherwise: without a challenge, with a page's cookie, or with a challenge of nothing
    let nothing = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let to = encoded(&format!("{HERE}{END}"));
    for more in ["", &format!("&code_challenge={nothing}")] {
        let at = format!("/v1/auth/start?provider_id={}&mode=json&redirect_uri={to}{more}", d.id);
        let begun = d.w.anonymous().get(&at).await.expect(200);
        let back = d.signed_in(begun["authorization_url"].as_str().unwrap(), "mallory");
        for cookie in ["", "portcullis_strategy=.", "portcullis_strategy="] {
            let (_, url) = d.go("").await;
            let ada = Browser { client: d.w.anonymous().with("cookie", cookie) };
            refused(&from_elsewhere(&ada).get(&d.signed_in(&url, "mallory")).await, FAILED);
        }
        refused(&from_elsewhere(&Browser::new(&d.w)).get(&back).await, FAILED);
    }
    // a client of the API does not end what a strategy began
    let (_, url) = d.go("").await;
    let back = d.signed_in(&url, "ada");
    let told = query_of(&format!("{HERE}{back}"));
    let body = json!({ "code": told["code"], "state": told["state"], "redirect_uri": format!("{HERE}{END}") });
    d.finish(&body).await.refused(401, "login_failed");
    // nor a strategy what a page began, or a client without a challenge
    let mut page = Browser::new(&d.w);
    let sent = page.follow(&format!("/sign-in/at?provider={}", d.id)).await;
    let (strategy, _) = d.go("").await;
    let both = format!("{}; {}", page.cookies(), strategy.cookies());
    let both = Browser { client: d.w.anonymous().with("cookie", both) };
    refused(&from_elsewhere(&both).get(&d.signed_in(sent.header("location").unwrap(), "ada")).await, FAILED);
    let (url, _) = Stage::begin(&d).await;
    refused(&from_elsewhere(&strategy).get(&d.signed_in(&url, "ada")).await, FAILED);
    assert_eq!((count(&d.w, "identities").await, d.provider.asked("/token")), (0, 0));
}

async fn sec_08_a_strategy_ends_once_and_in_time(d: Doors) {
    let (b, url) = d.go("").await;
    let back = d.signed_in(&url, "ada");
    assert_eq!(from_elsewhere(&b).get(&back).await.status, 200);
    refused(&from_elsewhere(&b).get(&back).await, FAILED);
    // a code that is missing, a state that is none, a state that somebody made
    let (b, url) = d.go("").await;
    let state = query_of(&url)["state"].clone();
    let made = format!("{}{}{}", &state[..50], if &state[50..51] == "A" { "B" } else { "A" }, &state[51..]);
    for (query, says) in [
        (format!("code=x&state={made}"), FAILED),
        ("code=x&state=nonsense".into(), UNSUPPORTED),
        ("code=x".into(), UNSUPPORTED),
        (String::new(), UNSUPPORTED),
        ("code=x&strategy_name=google".into(), UNSUPPORTED),
    ] {
        refused(&b.get(&format!("{END}?{query}")).await, says);
    }
    let named = format!("{END}?strategy_name=work&code=x&state=nonsense");
    refused(&b.get(&named).await, FAILED);
    refused(&from_elsewhere(&b).get(&format!("{END}?error=access_denied&state={state}")).await, FAILED);
    assert_eq!(d.why().await, "the provider says no code");
    // and that was it
    refused(&from_elsewhere(&b).get(&d.signed_in(&url, "ada")).await, FAILED);
    let (b, url) = d.go("").await;
    d.w.clock.pass(601);
    refused(&from_elsewhere(&b).get(&d.signed_in(&url, "ada")).await, FAILED);
    assert_eq!(d.why().await, "the sign-in took longer than ten minutes");
    // a provider that does not work is no fault of the caller's
    d.provider.describe("jwks_uri", json!(5));
    d.w.clock.pass(601);
    let answer = d.w.anonymous().get("/v1beta1/auth/register/work").await;
    assert!(answer.status >= 500 && answer.header("set-cookie").is_none(), "{}", answer.text());
}

async fn sec_09_a_strategy_comes_back_to_listed_pages_only(d: Doors) {
    for page in
        ["https://evil.example/", "https://app.example.com/signed-in", "https://app.example.com/signed-in?x=1#y"]
    {
        let asked = json!({ "strategy_name": "work", "callback_url": page });
        let answer = connect(&d.w.anonymous(), "Authenticate", asked).await;
        refused(&answer, "");
        assert!(answer.text().contains("callback_url") && answer.text().contains("redirect_uris"), "{}", answer.text());
        let at = format!("/v1beta1/auth/register/work?redirect_onstart=true&callback_url={}", encoded(page));
        let answer = d.w.anonymous().get(&at).await;
        assert_eq!((answer.status, answer.header("location")), (400, None));
    }
    for page in
        ["https://evil.example/", "https://app.example.com/home/", "https://app.example.com/home#x", "//evil.example"]
    {
        let (b, url) = d.go(&format!("&return_to={}", encoded(page))).await;
        let answer = from_elsewhere(&b).get(&d.signed_in(&url, "ada")).await;
        assert_eq!((answer.status, answer.header("location")), (200, None), "{page}");
    }
    // what the cookie says is read as if anybody had written it
    let (b, url) = d.go("").await;
    let page = data_encoding::BASE64URL_NOPAD.encode(b"https://evil.example/");
    let forged = Browser { client: b.client.with("cookie", format!("{}{page}", b.cookies())) };
    let answer = from_elsewhere(&forged).get(&d.signed_in(&url, "ada")).await;
    assert_eq!((answer.status, answer.header("location")), (200, None), "{}", answer.text());
}

async fn sec_17_a_page_of_elsewhere_begins_no_sign_in_at_a_provider(d: Doors) {
    let elsewhere = d.w.anonymous().with("sec-fetch-site", "cross-site");
    let evil = d.w.anonymous().with("origin", "https://evil.example");
    for answer in [
        elsewhere.get("/v1beta1/auth/register/work?redirect_onstart=true").await,
        evil.post("/v1beta1/auth/register/work", json!({})).await,
    ] {
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{}", answer.text());
    }
    // nor ends one by a call of its own, or with a strategy that it names
    let (b, url) = d.go("").await;
    let told = query_of(&format!("{HERE}{}", d.signed_in(&url, "ada")));
    let body = json!({ "code": told["code"], "state": told["state"] });
    assert_eq!(b.client.with("origin", "https://evil.example").post(END, body).await.status, 403);
    for name in [
        "strategy_name=mailotp",
        "strategyName=mailotp",
        "strategy_name%5Bx%5D=mailotp",
        "strategy_name=&strategyName=maillink",
        "strategyName=work",
    ] {
        let at = format!("{END}?{name}&state={}&code={}", told["state"], told["code"]);
        assert_eq!(from_elsewhere(&b).get(&at).await.status, 403, "{name}");
    }
}

async fn who_the_provider_says_it_is_is_handed_on(d: Doors) {
    d.provider.describe("authorization_response_iss_parameter_supported", json!(true));
    let issuer = d.provider.issuer();
    for (iss, status) in [(Some(&*issuer), 200), (Some("http://127.0.0.1:1/other"), 400), (None, 400)] {
        let (b, url) = d.go("").await;
        let more = iss.map(|iss| format!("&iss={}", encoded(iss))).unwrap_or_default();
        let answer = from_elsewhere(&b).get(&format!("{}{more}", d.signed_in(&url, "ada"))).await;
        assert_eq!(answer.status, status, "{iss:?}: {}", answer.text());
        let (b, begun) = begin(&d.w, json!({ "strategy_name": "work", "callback_url": PAGE })).await;
        let code = d.provider.sign_in(begun["endpoint"].as_str().unwrap(), claims(&d.w, "ada"));
        let options = iss.map_or(json!({}), |iss| json!({ "iss": iss }));
        let body = json!({ "state": begun["state"], "code": code, "state_options": options });
        let answer = connect(&b.client.with("origin", HERE), "AuthCallback", body).await;
        assert_eq!(answer.status, status, "{iss:?}: {}", answer.text());
    }
}

/// Somebody with a passkey.
async fn holder(w: &World, name: &str) -> (Person, Passkey) {
    let (person, mut passkey) = (w.person(name, &["user"]).await, Passkey::new(name));
    with_passkey(&person.client, &mut passkey).await;
    (person, passkey)
}
async fn ask(w: &World, email: &str) -> Value {
    let asked = json!({ "strategy_name": "passkey", "email": email });
    connect(&w.anonymous(), "Authenticate", asked).await.expect(200)
}
fn public_key(begun: &Value) -> &Value {
    assert_eq!(begun["state_options"]["type"], "login", "{begun}");
    &begun["state_options"]["options"]["publicKey"]
}
async fn show(w: &World, state: &Value, options: Value) -> Answer {
    let body = json!({ "strategy_name": "passkey", "state": state, "state_options": options });
    connect(&w.anonymous(), "AuthCallback", body).await
}

async fn who_has_a_passkey_signs_in_with_it(d: Doors) {
    let (ada, mut passkey) = holder(&d.w, "Ada").await;
    // a passkey is two factors
    demand(&d.w, "required").await;
    let begun = ask(&d.w, &ada.email.to_uppercase()).await;
    let given = public_key(&begun);
    assert_eq!((&given["rpId"], &given["allowCredentials"]), (&json!("localhost"), &json!([])));
    assert_eq!((&given["userVerification"], &given["timeout"]), (&json!("required"), &json!(300_000)));
    // as the original's pages send it: as text
    let said = passkey.answer(given).to_string();
    let answer = show(&d.w, &begun["state"], json!({ "type": "login", "options": said })).await;
    assert_eq!((answer.header("location"), answer.expect(200)), (None, json!({})));
    let mut b = Browser::new(&d.w);
    b.take(&answer);
    assert_eq!(b.get(SELF).await.expect(200)["user"]["id"], json!(ada.id));
    let told = d.w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!((&told["metadata"]["amr"], &told["actor_id"]), (&json!(["hwk", "mfa"]), &json!(ada.id)));
    d.w.clock.pass(29 * 86_400);
    b.get(SELF).await.expect(200);
    // on REST, as an object, with the way home
    let mut b = Browser::new(&d.w);
    let body = json!({ "email": ada.email, "return_to": RETURN });
    let answer = b.client.with("origin", HERE).post("/v1beta1/auth/register/passkey", body).await;
    b.take(&answer);
    let begun = answer.expect(200);
    assert_eq!(begun["endpoint"], "");
    let said = passkey.answer(public_key(&begun));
    let body = json!({ "strategy_name": "passkey", "state": begun["state"], "state_options": { "options": said } });
    let answer = b.client.with("origin", HERE).post(END, body).await;
    answer.leads_to(RETURN);
    b.take(&answer);
    b.get(SELF).await.expect(200);
    // and alone
    let begun = ask(&d.w, &ada.email).await;
    let said = passkey.answer(public_key(&begun));
    show(&d.w, &begun["state"], said).await.expect(200);
}

async fn sec_05_a_passkey_signs_in_who_was_named_and_nobody_else(d: Doors) {
    let ((ada, mut of_ada), (bob, mut of_bob)) = (holder(&d.w, "Ada").await, holder(&d.w, "Bob").await);
    let rival = d.w.second_tenant("Rival").await;
    let before = count(&d.w, "sessions").await;
    let not_enrolled = "This passkey is not enrolled here.";
    // another's, one that nobody has, and one's own for another or for nobody
    let mut unknown = Passkey { user: of_ada.user.clone(), ..Passkey::new("unknown") };
    let wrong = async |email: &str, passkey: &mut Passkey| {
        let begun = ask(&d.w, email).await;
        let said = passkey.answer(public_key(&begun));
        refused(&show(&d.w, &begun["state"], said).await, not_enrolled);
    };
    wrong(&ada.email, &mut of_bob).await;
    wrong(&ada.email, &mut unknown).await;
    wrong(&bob.email, &mut of_ada).await;
    wrong("nobody@example.com", &mut of_ada).await;
    // what was asked for bob is not answered as if for ada
    let (adas, bobs) = (ask(&d.w, &ada.email).await, ask(&d.w, &bob.email).await);
    let said = of_ada.answer(public_key(&bobs));
    refused(&show(&d.w, &adas["state"], said).await, "begin again");
    // nor what a page asked
    let said = of_ada.answer(public_key(&adas));
    for state in [json!(""), json!("nonsense"), json!("A".repeat(86)), bobs["state"].clone()] {
        refused(&show(&d.w, &state, said.clone()).await, "begin again");
    }
    // another origin
    of_ada.origin = "https://evil.example".into();
    let begun = ask(&d.w, &ada.email).await;
    let said = of_ada.answer(public_key(&begun));
    refused(&show(&d.w, &begun["state"], said).await, "");
    of_ada.origin = HERE.into();
    // in another tenant it counts for nothing
    let begun = ask(&d.w, &ada.email).await;
    let said = of_ada.answer(public_key(&begun));
    let body = json!({ "strategy_name": "passkey", "state": begun["state"], "state_options": said });
    let there = d.w.anonymous().with("x-tenant-id", rival.id.clone());
    refused(&connect(&there, "AuthCallback", body).await, "begin again");
    d.w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    let begun = ask(&d.w, &ada.email).await;
    let said = of_ada.answer(public_key(&begun));
    refused(&show(&d.w, &begun["state"], said).await, not_enrolled);
    let told = d.w.events("action=auth.login_failed&outcome=denied").await;
    assert_eq!((told.len(), &told[0]["metadata"]["amr"]), (6, &json!("webauthn")));
    assert_eq!(count(&d.w, "sessions").await, before);
}

async fn sec_05_a_passkey_of_a_strategy_is_asked_once(d: Doors) {
    let (ada, mut passkey) = holder(&d.w, "Ada").await;
    let begun = ask(&d.w, &ada.email).await;
    let said = passkey.answer(public_key(&begun));
    show(&d.w, &begun["state"], said.clone()).await.expect(200);
    refused(&show(&d.w, &begun["state"], said).await, "begin again");
    let begun = ask(&d.w, &ada.email).await;
    let said = passkey.answer(public_key(&begun));
    d.w.clock.pass(301);
    refused(&show(&d.w, &begun["state"], said).await, "begin again");
    for nothing in [json!({}), json!({ "options": "" }), json!({ "options": "{" }), json!({ "options": [] })] {
        let answer = show(&d.w, &begun["state"], nothing).await;
        refused(&answer, "");
        assert!(answer.text().contains("state_options"), "{}", answer.text());
    }
    assert_eq!(count(&d.w, "passkey_requests").await, 1);
    d.w.node.retain().await;
    assert_eq!(count(&d.w, "passkey_requests").await, 0);
}

async fn sec_15_a_passkey_is_asked_of_everybody_alike(d: Doors) {
    let (ada, _) = holder(&d.w, "Ada").await;
    let bob = d.w.person("Bob", &["user"]).await;
    settings_of(&d.w, &json!({ "registration": "open" })).await;
    let users = count(&d.w, "users").await;
    let mut shapes = vec![];
    for email in [&*ada.email, &bob.email, "nobody@example.com"] {
        let mut begun = ask(&d.w, email).await;
        assert_eq!(begun["state"].as_str().unwrap().len(), 86);
        begun["state"] = json!("");
        begun["state_options"]["options"]["publicKey"]["challenge"] = json!("");
        shapes.push(begun);
    }
    assert!(shapes.iter().all(|s| *s == shapes[0]), "{shapes:?}");
    let answer = connect(&d.w.anonymous(), "Authenticate", json!({ "strategy_name": "passkey", "email": "ada" })).await;
    refused(&answer, "Invalid email");
    assert_eq!(count(&d.w, "users").await, users, "a passkey registers nobody");
}

async fn sec_14_strategies_count_as_sign_ins(e: Engine) {
    let mut options = Options::default();
    options.edge.login_per_minute = 3;
    let w = World::on(e, options).await;
    let asked = json!({ "strategy_name": "passkey", "email": "ada@example.com" });
    for _ in 0..2 {
        connect(&w.anonymous(), "Authenticate", asked.clone()).await.expect(200);
    }
    assert_eq!(w.anonymous().get(&format!("{END}?code=x&state={}", "A".repeat(86))).await.status, 400);
    for answer in [
        connect(&w.anonymous(), "Authenticate", asked).await,
        w.anonymous().get(&format!("{END}?code=x&state={}", "A".repeat(86))).await,
    ] {
        assert_eq!(answer.status, 429, "{}", answer.text());
    }
}
