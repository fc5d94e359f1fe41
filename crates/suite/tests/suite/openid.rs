//! Signing in at an OpenID provider (spec v1 4.2, 9.3; decisions 5, 6, 10; checklist 1, 4, 7, 8, 9): a provider in the test, which is
//! right or wrong in one way.
mod factors;
mod linking;
pub mod pages;
pub mod provider;
pub mod real;
mod sessions;
mod tokens;

use serde_json::{Value, json};

use crate::world::*;
use portcullis_service::app::Settings;
use portcullis_service::webhook::Reach;
use provider::{Provider, SigningKey};

both!(
    a_person_signs_in_at_their_provider,
    a_place_tells_how_people_sign_in_there,
    a_sign_in_begins_where_a_provider_is_set_up,
    sec_09_a_browser_comes_back_only_to_an_address_of_the_tenant,
    a_provider_that_does_not_work_is_told_from_a_sign_in_that_does_not,
    what_is_known_of_a_provider_is_remembered_and_its_keys_rotate,
    a_sign_in_that_nobody_ends_is_forgotten,
);

pub const HOME: &str = "https://app.example.com/signed-in?x=1";

/// A tenant with a verified domain, where people come back to [`HOME`], and a provider that is trusted for the domain.
pub struct Stage {
    pub w: World,
    pub provider: Provider,
    /// Its id.
    pub id: String,
}
/// Somebody at their provider.
pub fn claims(w: &World, sub: &str) -> Value {
    json!({
        "sub": sub, "email": format!("{sub}@corp.example"), "email_verified": true, "given_name": "Ada", "family_name": "Lovelace",
        "iat": w.clock.seconds(), "exp": w.clock.seconds() + 300,
    })
}
impl Stage {
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, SigningKey::ed(), json!({})).await
    }
    pub async fn with(engine: Engine, key: SigningKey, config: Value) -> Self {
        Self::of(engine, Self::settings(), key, config).await
    }
    /// Providers may be on this machine.
    pub fn settings() -> Settings {
        Settings { federation: Reach { http: true, private: true }, ..Options::default().settings }
    }
    pub async fn of(engine: Engine, settings: Settings, key: SigningKey, config: Value) -> Self {
        let w = World::on(engine, Options { settings, ..Options::default() }).await;
        crate::identity_providers::verified_domain(&w, "corp.example").await;
        settings_of(&w, &json!({ "redirect_uris": [HOME] })).await;
        let provider = Provider::start(key).await;
        let mut config = provider.config(config);
        if config.get("domains").is_none() {
            config["domains"] = json!(["corp.example"]);
        }
        let body = json!({ "name": "Work", "provider_type": "oidc", "config": config });
        let id = w.owner().post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { w, provider, id }
    }
    pub fn path(&self) -> String {
        format!("/v1/identity-providers/{}", self.id)
    }
    /// Settings of the provider that are so from now on.
    pub async fn set(&self, change: Value) {
        let mut config = self.w.owner().get(&self.path()).await.expect(200)["config"].clone();
        for (name, value) in change.as_object().unwrap() {
            config[name] = value.clone();
        }
        self.w.owner().put(&self.path(), json!({ "config": config })).await.expect(200);
    }
    /// Where the browser is sent, and the state.
    pub async fn begin(&self) -> (String, String) {
        let query = format!("provider_id={}&mode=json&redirect_uri={}", self.id, encoded(HOME));
        let begun = self.w.anonymous().get(&format!("/v1/auth/start?{query}")).await.expect(200);
        (begun["authorization_url"].as_str().unwrap().into(), begun["state"].as_str().unwrap().into())
    }
    /// What the browser brings back after somebody signed in there.
    pub async fn come_back(&self, claims: Value) -> Value {
        let (url, state) = self.begin().await;
        let code = self.provider.sign_in(&url, claims);
        json!({ "code": code, "redirect_uri": HOME, "state": state })
    }
    pub async fn finish(&self, back: &Value) -> Answer {
        self.w.anonymous().post("/v1/auth/callback", back.clone()).await
    }
    /// The whole way.
    pub async fn sign_in(&self, claims: Value) -> Answer {
        self.finish(&self.come_back(claims).await).await
    }
    /// The whole way as somebody with this subject, whose address is theirs.
    pub async fn person(&self, sub: &str) -> Client {
        let done = self.sign_in(claims(&self.w, sub)).await.expect(200);
        self.w.bearer(done["token"].as_str().unwrap())
    }
    /// Why the last sign-in failed, as administrators read it.
    pub async fn why(&self) -> String {
        let event = self.w.events("action=auth.login_failed").await.remove(0);
        assert_eq!(event["metadata"]["identity_provider_id"], json!(self.id), "{event}");
        event["metadata"]["reason"].as_str().unwrap().to_owned()
    }
    /// The user with this address.
    pub async fn user(&self, email: &str) -> Option<Value> {
        let found = self.w.owner().get(&format!("/v1/users?email={email}")).await.expect(200);
        found["data"].as_array().unwrap().first().cloned()
    }
}
/// Settings of the first tenant that are so from now on.
pub async fn settings_of(w: &World, settings: &Value) {
    w.service().patch(&format!("/v1/tenants/{}/settings", w.tenant), settings.clone()).await.expect(200);
}
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn a_person_signs_in_at_their_provider(e: Engine) {
    let s = Stage::with(e, SigningKey::ed(), json!({ "default_roles": ["user", "approver"] })).await;
    let done = s.sign_in(claims(&s.w, "ada")).await;
    assert_eq!(done.header("cache-control"), Some("no-store"));
    let done = done.expect(200);
    assert_eq!(done["tenant_id"], json!(s.w.tenant));
    let ada = s.user("ada@corp.example").await.unwrap();
    for (member, value) in [
        ("auth_provider", json!("oidc")),
        ("identity_provider_id", json!(s.id)),
        ("email_verified", json!(true)),
        ("name", json!("Ada Lovelace")),
        ("roles", json!(["user", "approver"])),
        ("state", json!("active")),
    ] {
        assert_eq!(ada[member], value, "{member}");
    }
    let client = s.w.bearer(done["token"].as_str().unwrap());
    let profile = client.get("/v1/users/me/profile").await.expect(200);
    assert_eq!((&profile["first_name"], &profile["last_name"]), (&json!("Ada"), &json!("Lovelace")));
    let sessions = client.get("/v1/users/me/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["amr"], json!(["fed"]));
    // the session goes on as any other
    s.w.anonymous().post("/v1/auth/refresh", json!({ "refresh_token": done["refresh_token"] })).await.expect(200);
    // and next time it is the same person, whatever their address and name are by then
    let mut later = claims(&s.w, "ada");
    later["email"] = json!("countess@elsewhere.example");
    later["email_verified"] = json!(false);
    later["family_name"] = json!("King");
    s.sign_in(later).await.expect(200);
    let id = ada["id"].as_str().unwrap();
    let again = s.w.owner().get(&format!("/v1/users/{id}")).await.expect(200);
    assert_eq!((&again["email"], &again["name"]), (&json!("ada@corp.example"), &json!("Ada Lovelace")));
    assert_eq!(client.get("/v1/users/me/profile").await.expect(200)["last_name"], "King");
    let event = s.w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!(event["metadata"]["identity_provider_id"], json!(s.id));
    let created = s.w.events(&format!("action=user.created&resource_id={id}")).await;
    assert_eq!(created[0]["metadata"]["identity_provider_id"], json!(s.id));
    // a password is nothing here
    s.w.login("ada@corp.example").await.refused(401, "invalid_credentials");
}

async fn a_place_tells_how_people_sign_in_there(e: Engine) {
    let s = Stage::on(e).await;
    let (w, by) = (&s.w, s.w.anonymous());
    let slug =
        w.owner().get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200)["slug"].as_str().unwrap().to_owned();
    let ours = json!([{
        "id": s.id, "name": "Work", "type": "oidc", "start_url": format!("http://localhost:7400/v1/auth/start?provider_id={}", s.id),
    }]);
    for query in ["domain=corp.example".to_owned(), "domain=CORP.example".into(), format!("slug={slug}")] {
        let told = by.get(&format!("/v1/auth/providers?{query}")).await.expect(200);
        let all = json!({ "tenant_id": w.tenant, "methods": ["local", "oidc"], "providers": ours });
        assert_eq!(told, all, "{query}");
    }
    for unknown in ["domain=other.example", "domain=nonsense", "slug=nobody", "slug=No%20Slug"] {
        by.get(&format!("/v1/auth/providers?{unknown}")).await.refused(404, "not_found");
    }
    for bad in ["", "domain=a.example&slug=b", "provider_id=x", "q=1"] {
        by.get(&format!("/v1/auth/providers?{bad}")).await.refused(400, "invalid_input");
    }
    // a domain that was only claimed is nobody's
    w.owner().post("/v1/domains", json!({ "domain": "claimed.example" })).await.expect(201);
    by.get("/v1/auth/providers?domain=claimed.example").await.refused(404, "not_found");
    // what cannot be used is not told
    let scim = json!({ "name": "S", "provider_type": "scim", "config": { "domains": ["corp.example"] } });
    w.owner().post("/v1/identity-providers", scim).await.expect(201);
    w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    let told = by.get("/v1/auth/providers?domain=corp.example").await.expect(200);
    assert_eq!((&told["methods"], &told["providers"]), (&json!(["local"]), &json!([])));
}

async fn a_sign_in_begins_where_a_provider_is_set_up(e: Engine) {
    let s = Stage::on(e).await;
    let (w, by, home) = (&s.w, s.w.anonymous(), encoded(HOME));
    let slug =
        w.owner().get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200)["slug"].as_str().unwrap().to_owned();
    for place in [format!("provider_id={}", s.id), "domain=corp.example".into(), format!("slug={slug}")] {
        let a = by.get(&format!("/v1/auth/start?{place}&redirect_uri={home}")).await;
        assert_eq!(a.status, 302, "{place}: {}", a.text());
        let url = url::Url::parse(a.header("location").unwrap()).unwrap();
        assert_eq!(url.path(), "/realm/auth");
        let told: std::collections::HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((&*told["redirect_uri"], &*told["scope"]), (HOME, "openid profile email"));
        assert!(told["nonce"].len() == 43 && told["code_challenge"].len() == 43 && told["state"].len() == 86);
    }
    let scim = json!({ "name": "D", "provider_type": "scim", "config": {} });
    let scim = w.owner().post("/v1/identity-providers", scim).await.expect(201)["id"].as_str().unwrap().to_owned();
    let saml = json!({ "name": "S", "provider_type": "saml", "config": { "metadata_url": "http://127.0.0.1:1/m" } });
    let saml = w.owner().post("/v1/identity-providers", saml).await.expect(201)["id"].as_str().unwrap().to_owned();
    let rival = w.second_tenant("Rival").await;
    for (place, status, code) in [
        (format!("provider_id={NOBODY}"), 404, "not_found"),
        ("domain=other.example".into(), 404, "not_found"),
        ("slug=nobody".into(), 404, "not_found"),
        (format!("provider_id={scim}"), 409, "not_configured"),
        (format!("provider_id={saml}"), 502, "upstream_failed"),
        (format!("slug={}", rival.slug), 409, "not_configured"),
        ("provider_id=nonsense".into(), 400, "invalid_input"),
        (format!("provider_id={}&slug={slug}", s.id), 400, "invalid_input"),
        (String::new(), 400, "invalid_input"),
        (format!("provider_id={}&mode=popup", s.id), 400, "invalid_input"),
    ] {
        let a = by.get(&format!("/v1/auth/start?{place}&redirect_uri={home}")).await;
        a.refused(status, code);
        assert!(a.header("location").is_none(), "{place}");
    }
    // of several the default is meant, or one that is named
    let second = json!({ "name": "Second", "provider_type": "oidc", "config": s.provider.config(json!({})) });
    w.owner().post("/v1/identity-providers", second).await.expect(201);
    let at = format!("/v1/auth/start?slug={slug}&mode=json&redirect_uri={home}");
    by.get(&at).await.refused(409, "not_configured");
    s.set(json!({ "is_default": true })).await;
    by.get(&at).await.expect(200);
}

async fn sec_09_a_browser_comes_back_only_to_an_address_of_the_tenant(e: Engine) {
    let s = Stage::on(e).await;
    for bad in [
        "https://app.example.com/signed-in",
        "https://app.example.com/signed-in?x=1&y=2",
        "https://app.example.com/signed-in?x=1#top",
        "https://APP.example.com/signed-in?x=1",
        "https://app.example.com:443/signed-in?x=1",
        "https://app.example.com/./signed-in?x=1",
        "https://app.example.com/signed-in?x=%31",
        "https://user@app.example.com/signed-in?x=1",
        "https://app.example.com.evil.example/signed-in?x=1",
        "http://app.example.com/signed-in?x=1",
        "//app.example.com/signed-in?x=1",
        "javascript:alert(1)",
        " https://app.example.com/signed-in?x=1",
        "https://app.example.com/signed-in?x=1 ",
        "*",
    ] {
        let at = format!("/v1/auth/start?provider_id={}&redirect_uri={}", s.id, encoded(bad));
        let a = s.w.anonymous().get(&at).await;
        let e = a.refused(400, "invalid_input");
        assert_eq!(e["details"]["fields"][0]["field"], "redirect_uri", "{bad}");
        assert!(a.header("location").is_none());
    }
    s.w.anonymous().get(&format!("/v1/auth/start?provider_id={}", s.id)).await.refused(400, "invalid_input");
    // nor is a code taken that was brought elsewhere
    let mut back = s.come_back(claims(&s.w, "ada")).await;
    back["redirect_uri"] = json!("https://app.example.com/signed-in");
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!((s.why().await.as_str(), s.provider.asked("/token")), ("the code was brought to another address", 0));
    back["redirect_uri"] = json!(HOME);
    s.finish(&back).await.refused(401, "login_failed");
}

async fn a_provider_that_does_not_work_is_told_from_a_sign_in_that_does_not(e: Engine) {
    let s = Stage::on(e).await;
    let at = format!("/v1/auth/start?provider_id={}&mode=json&redirect_uri={}", s.id, encoded(HOME));
    for (member, wrong) in [
        ("issuer", json!("http://127.0.0.1:1/realm")),
        ("issuer", json!(format!("{}/", s.provider.issuer()))),
        ("token_endpoint", json!("ftp://127.0.0.1/token")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("jwks_uri", json!(5)),
    ] {
        s.provider.describe(member, wrong.clone());
        s.w.clock.pass(16);
        s.w.anonymous().get(&at).await.refused(502, "upstream_failed");
        s.provider.describe(member, Value::Null);
    }
    s.w.clock.pass(16);
    for (member, wrong) in [("token_endpoint", "http://127.0.0.1:1/token"), ("jwks_uri", "http://127.0.0.1:1/jwks")] {
        s.provider.describe(member, json!(wrong));
        s.w.clock.pass(601);
        s.sign_in(claims(&s.w, "ada")).await.refused(502, "upstream_failed");
        s.provider.describe(member, Value::Null);
    }
    s.w.clock.pass(601);
    s.provider.twist(Some(provider::Twist::NoToken));
    s.sign_in(claims(&s.w, "ada")).await.refused(502, "upstream_failed");
    s.provider.twist(None);
    // we are not who it knows
    s.set(json!({ "client_secret": "another" })).await;
    s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The token endpoint refuses: invalid_client.");
    s.set(json!({ "client_secret": provider::SECRET })).await;
    s.sign_in(claims(&s.w, "ada")).await.expect(200);
}

async fn what_is_known_of_a_provider_is_remembered_and_its_keys_rotate(e: Engine) {
    let s = Stage::on(e).await;
    for _ in 0..3 {
        s.person("ada").await;
    }
    assert_eq!((s.provider.asked("/.well-known/openid-configuration"), s.provider.asked("/jwks")), (1, 1));
    s.w.clock.pass(61);
    s.provider.rotate("k2", SigningKey::ec());
    s.person("ada").await;
    assert_eq!(s.provider.asked("/jwks"), 2);
    // who sends unknown keys does not make us ask again and again
    for _ in 0..3 {
        s.provider.twist(Some(provider::Twist::Header("kid", json!("k99"))));
        s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
    }
    assert_eq!(s.provider.asked("/jwks"), 2);
    s.w.clock.pass(61);
    s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
    assert_eq!(s.provider.asked("/jwks"), 3);
}

async fn a_sign_in_that_nobody_ends_is_forgotten(e: Engine) {
    let s = Stage::on(e).await;
    for _ in 0..3 {
        s.begin().await;
    }
    s.w.node.retain().await;
    assert_eq!(tables::count(&s.w, "sign_in_starts").await, 3);
    s.w.clock.pass(601);
    s.w.node.retain().await;
    assert_eq!(tables::count(&s.w, "sign_in_starts").await, 0);
}
