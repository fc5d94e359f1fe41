//! Signing in at a SAML provider (spec v1 4.2, 9.3, 9.4; checklist 1, 2, 4, 6): a provider in the test, which says what it is told. What
//! makes a response worthless by itself is tested where it is read, in the federation crate.
mod pages;
pub mod provider;
mod real;
mod responses;

use serde_json::{Value, json};

use crate::openid::{HOME, encoded, settings_of};
use crate::world::authenticator::{enrol, show};
use crate::world::pages::HERE;
use crate::world::token::in_seconds;
use crate::world::*;
use provider::{Provider, Said, TWO_FACTORS, request_of};

both!(
    a_person_signs_in_at_their_saml_provider,
    a_provider_knows_us_by_our_metadata,
    what_a_provider_publishes_is_remembered_and_its_keys_rotate,
    a_test_says_what_is_wrong_with_a_saml_provider,
    settings_that_cannot_be_right_are_refused,
    sec_01_a_person_is_found_as_at_any_provider,
    a_factor_that_the_provider_states_is_one,
    sec_19_a_session_ends_when_the_provider_says,
    sec_19_another_party_ends_what_the_old_one_vouched_for_and_a_new_certificate_does_not,
);

/// A tenant with a verified domain, where people come back to [`HOME`], and a provider that is trusted for the domain.
pub struct Stage {
    pub w: World,
    pub provider: Provider,
    /// Its id here.
    pub id: String,
}
impl Stage {
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, json!({})).await
    }
    pub async fn with(engine: Engine, config: Value) -> Self {
        let options = Options { settings: crate::openid::Stage::settings(), ..Options::default() };
        let w = World::on(engine, options).await;
        crate::identity_providers::verified_domain(&w, "corp.example").await;
        settings_of(&w, &json!({ "redirect_uris": [HOME] })).await;
        let provider = Provider::start(w.clock.seconds()).await;
        let body = json!({ "name": "Work", "provider_type": "saml", "config": provider.config(&config) });
        let id = w.owner().post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { w, provider, id }
    }
    pub fn path(&self) -> String {
        format!("/v1/identity-providers/{}", self.id)
    }
    pub async fn set(&self, change: Value) {
        let config = self.provider.config(&change);
        self.w.owner().put(&self.path(), json!({ "config": config })).await.expect(200);
    }
    /// Where the browser is sent, and the state.
    pub async fn begin(&self) -> (String, String) {
        let query = format!("provider_id={}&mode=json&redirect_uri={}", self.id, encoded(HOME));
        let begun = self.w.anonymous().get(&format!("/v1/auth/start?{query}")).await.expect(200);
        (begun["authorization_url"].as_str().unwrap().into(), begun["state"].as_str().unwrap().into())
    }
    /// What the provider says of somebody who was sent there.
    pub fn said(&self, url: &str, sub: &str) -> Said {
        Said { request: Some(request_of(url)), ..self.unasked(sub) }
    }
    /// What it says of somebody who came by themselves.
    pub fn unasked(&self, sub: &str) -> Said {
        Said {
            at: format!("{HERE}/v1/auth/saml/{}", self.id),
            request: None,
            now: self.w.clock.seconds(),
            id: format!("_{}", unique()),
            sub: sub.into(),
            mail: format!("{sub}@corp.example"),
            group: "Engineering".into(),
            class: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport".into(),
            until: None,
        }
    }
    /// The browser posts a response, as any page of elsewhere has it do.
    pub async fn post(&self, response: &str) -> Answer {
        post(&self.w.anonymous(), &self.id, response).await
    }
    /// What it brings home then.
    pub fn brought(answer: &Answer) -> Value {
        let to = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text()));
        assert!(answer.status == 303 && to.starts_with(&format!("{HOME}&state=")), "{to}");
        let mut back = json!({ "redirect_uri": HOME });
        for (name, value) in url::Url::parse(to).unwrap().query_pairs().filter(|(n, _)| n != "x") {
            back[&*name] = json!(value);
        }
        back
    }
    pub async fn finish(&self, back: &Value) -> Answer {
        self.w.anonymous().post("/v1/auth/callback", back.clone()).await
    }
    /// The whole way, with what the provider says changed.
    pub async fn sign_in_as(&self, sub: &str, change: impl FnOnce(&mut Said)) -> Answer {
        let (url, _) = self.begin().await;
        let mut said = self.said(&url, sub);
        change(&mut said);
        self.finish(&Self::brought(&self.post(&self.provider.response(&said)).await)).await
    }
    pub async fn person(&self, sub: &str) -> Client {
        let done = self.sign_in_as(sub, |_| {}).await.expect(200);
        self.w.bearer(done["token"].as_str().unwrap())
    }
    /// Why the last sign-in failed, as administrators read it.
    pub async fn why(&self) -> String {
        let event = self.w.events("action=auth.login_failed").await.remove(0);
        assert_eq!(event["metadata"]["identity_provider_id"], json!(self.id), "{event}");
        event["metadata"]["reason"].as_str().unwrap().to_owned()
    }
}
pub async fn post(by: &Client, provider: &str, response: &str) -> Answer {
    let form = format!("SAMLResponse={}&RelayState=x&Submit=", encoded(response));
    let by = by.with("content-type", "application/x-www-form-urlencoded").with("origin", "https://idp.example");
    let by = by.with("sec-fetch-site", "cross-site");
    by.send("POST", &format!("/v1/auth/saml/{provider}/acs"), form.as_bytes()).await
}

async fn a_person_signs_in_at_their_saml_provider(e: Engine) {
    let s = Stage::on(e).await;
    let told = s.w.anonymous().get("/v1/auth/providers?domain=corp.example").await.expect(200);
    assert_eq!((&told["methods"], &told["providers"][0]["type"]), (&json!(["local", "saml"]), &json!("saml")));
    let (url, state) = s.begin().await;
    assert!(url.starts_with(&s.provider.sso_url()) && url.contains("&Signature="), "{url}");
    let answer = s.post(&s.provider.response(&s.said(&url, "ada"))).await;
    let back = Stage::brought(&answer);
    assert_eq!(back["state"], json!(state));
    let done = s.finish(&back).await.expect(200);
    assert_eq!(done["tenant_id"], json!(s.w.tenant));
    let ada = s.w.bearer(done["token"].as_str().unwrap());
    let me = ada.get("/v1/users/me/profile").await.expect(200);
    assert_eq!((&me["email"], &me["auth_provider"]), (&json!("ada@corp.example"), &json!("saml")));
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Ada"), &json!("Lovelace")));
    let groups = s.w.owner().get("/v1/groups?source=saml").await.expect(200);
    assert_eq!((&groups["data"][0]["name"], &groups["data"][0]["member_count"]), (&json!("Engineering"), &json!(1)));
    let sessions = ada.get("/v1/users/me/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["amr"], json!(["fed", "pwd"]));
    // the second time they are who they were, whatever their address is called now
    let again = s.sign_in_as("ada", |said| said.mail = "ada.king@corp.example".into()).await.expect(200);
    let again = s.w.bearer(again["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
    assert_eq!(again["id"], me["id"]);
    // over the sign-in that is over nobody comes in again
    s.finish(&back).await.refused(401, "login_failed");
}

async fn a_provider_knows_us_by_our_metadata(e: Engine) {
    let s = Stage::on(e).await;
    let at = format!("/v1/auth/saml/{}/metadata", s.id);
    let told = s.w.anonymous().get(&at).await;
    assert_eq!((told.status, told.header("content-type")), (200, Some("application/samlmetadata+xml")));
    let text = told.text();
    for part in [
        format!("entityID=\"{HERE}{at}\""),
        format!("Location=\"{HERE}/v1/auth/saml/{}/acs\"", s.id),
        "WantAssertionsSigned=\"true\"".into(),
        "AuthnRequestsSigned=\"true\"".into(),
        "use=\"signing\"".into(),
        "use=\"encryption\"".into(),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
    // the key is the provider's own and stays
    s.set(json!({ "sign_requests": false })).await;
    let later = s.w.anonymous().get(&at).await.text();
    let certificate = |t: &str| t.split("X509Certificate>").nth(1).unwrap().to_owned();
    assert_eq!(certificate(&later), certificate(&text));
    assert!(later.contains("AuthnRequestsSigned=\"false\"") && !s.begin().await.0.contains("Signature"));
    let other = json!({ "name": "Other", "provider_type": "saml", "config": s.provider.config(&json!({})) });
    let other = s.w.owner().post("/v1/identity-providers", other).await.expect(201)["id"].as_str().unwrap().to_owned();
    let other = s.w.anonymous().get(&format!("/v1/auth/saml/{other}/metadata")).await.text();
    assert_ne!(certificate(&other), certificate(&text));
    // a provider that is switched off can be set up there already; others have none
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    assert_eq!(s.w.anonymous().get(&at).await.status, 200);
    let oidc = json!({ "name": "O", "provider_type": "oidc", "config": { "issuer_url": "https://id.example.net", "client_id": "c" } });
    let oidc = s.w.owner().post("/v1/identity-providers", oidc).await.expect(201)["id"].as_str().unwrap().to_owned();
    for none in [&oidc, NOBODY, "x"] {
        s.w.anonymous().get(&format!("/v1/auth/saml/{none}/metadata")).await.refused(404, "not_found");
        post(&s.w.anonymous(), none, "AAAA").await.refused(404, "not_found");
    }
    // what would sign in our name is shown nowhere
    let shown = s.w.owner().get(&s.path()).await.expect(200);
    assert!(shown["config"].get("client_secret").is_none() && !shown.to_string().contains("secret"), "{shown}");
}

async fn what_a_provider_publishes_is_remembered_and_its_keys_rotate(e: Engine) {
    let s = Stage::on(e).await;
    let url =
        json!({ "metadata_url": s.provider.metadata_url, "entity_id": null, "sso_url": null, "certificates": null });
    s.set(url).await;
    s.person("ada").await;
    s.person("ada").await;
    assert_eq!(s.provider.asked(), 1);
    // another key is looked for at once, but not again and again
    s.w.clock.pass(61);
    let new = provider::Key::new(s.w.clock.seconds());
    s.provider.publish(&[&s.provider.key, &new]);
    let rotated = s.provider.with_key(new);
    let (url, _) = s.begin().await;
    let answer = s.post(&rotated.response(&s.said(&url, "ada"))).await;
    s.finish(&Stage::brought(&answer)).await.expect(200);
    assert_eq!(s.provider.asked(), 2);
    let stranger = s.provider.with_key(provider::Key::new(s.w.clock.seconds()));
    for _ in 0..3 {
        let (url, _) = s.begin().await;
        s.post(&stranger.response(&s.said(&url, "ada"))).await.refused(401, "login_failed");
    }
    assert_eq!(s.provider.asked(), 2);
    assert!(s.why().await.contains("No certificate of the provider"));
    // a provider that is out of order is told from a sign-in that is
    s.provider.publish(&[]);
    s.w.clock.pass(601);
    let start = format!("/v1/auth/start?provider_id={}&redirect_uri={}", s.id, encoded(HOME));
    s.w.anonymous().get(&start).await.refused(502, "upstream_failed");
}

async fn a_test_says_what_is_wrong_with_a_saml_provider(e: Engine) {
    let s = Stage::on(e).await;
    let test = async || s.w.owner().post(&format!("{}/test", s.path()), json!({})).await;
    let well = test().await.expect(200);
    assert_eq!(well["success"], true, "{well}");
    let names: Vec<&str> = well["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["metadata", "certificates", "requests", "own_certificate", "domains"]);
    let first = well["checks"][0]["message"].as_str().unwrap();
    assert!(first.contains(&s.provider.entity_id), "{first}");
    // a certificate that has expired, alone and beside another
    let old = provider::Key::new(s.w.clock.seconds() - 11 * 365 * 86_400);
    s.set(json!({ "certificates": [old.shown()] })).await;
    let told = test().await.expect(200);
    assert_eq!(told["success"], false);
    assert!(told["message"].as_str().unwrap().contains("Certificate 1 expired on 20"), "{told}");
    s.set(json!({ "certificates": [old.shown(), s.provider.key.shown()] })).await;
    let told = test().await.expect(200);
    assert_eq!(told["success"], true);
    assert!(told["checks"][1]["message"].as_str().unwrap().contains("Certificate 1 expired on 20"), "{told}");
    // requests that the provider does not take
    let wants = s.provider.metadata(&[&s.provider.key]);
    let wants = wants.replace("<md:IDPSSODescriptor", "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"true\"");
    let parts = json!({ "entity_id": null, "sso_url": null, "certificates": null });
    let with = |name: &str, value: Value, more: Value| {
        let mut c = parts.clone();
        c[name] = value;
        for (n, v) in more.as_object().unwrap() {
            c[n] = v.clone();
        }
        c
    };
    s.set(with("metadata_xml", json!(wants), json!({ "sign_requests": false }))).await;
    assert!(test().await.expect(200)["message"].as_str().unwrap().contains("sign_requests"));
    let dated = wants.replace("entityID=", "validUntil=\"2020-01-01T00:00:00Z\" entityID=");
    s.set(with("metadata_xml", json!(dated), json!({}))).await;
    let told = test().await.refused(502, "upstream_failed");
    assert!(told["message"].as_str().unwrap().contains("valid until 2020-01-01"), "{told}");
    // metadata that does not come, or is none
    s.set(with("metadata_url", json!(s.provider.metadata_url), json!({}))).await;
    assert_eq!(test().await.expect(200)["success"], true);
    s.provider.publish(&[]);
    let told = test().await.refused(502, "upstream_failed");
    assert!(told["message"].as_str().unwrap().contains("The metadata (metadata_url) answers 500."), "{told}");
}

async fn settings_that_cannot_be_right_are_refused(e: Engine) {
    let s = Stage::on(e).await;
    let parts = json!({ "entity_id": null, "sso_url": null, "certificates": null });
    let good = s.provider.metadata(&[&s.provider.key]);
    for (name, value, field, told) in [
        ("metadata_xml", json!("<x/>"), "config.metadata_xml", "EntityDescriptor"),
        ("metadata_xml", json!(good.replace("HTTP-Redirect", "SOAP")), "config.metadata_xml", "HTTP-Redirect"),
        ("metadata_xml", json!(format!("<!DOCTYPE x>{good}")), "config.metadata_xml", "document type"),
        ("certificates", json!(["AAAA"]), "config.certificates[0]", "X.509"),
        ("certificates", json!([s.provider.key.shown(), "%"]), "config.certificates[1]", "base64"),
    ] {
        let mut change = if name == "metadata_xml" { parts.clone() } else { json!({}) };
        change[name] = value;
        let config = s.provider.config(&change);
        let body = json!({ "name": "New", "provider_type": "saml", "config": config });
        for answer in [
            s.w.owner().post("/v1/identity-providers", body).await,
            s.w.owner().put(&s.path(), json!({ "config": config })).await,
        ] {
            let e = answer.refused(422, "unprocessable");
            let wrong = &e["details"]["fields"][0];
            assert_eq!(wrong["field"], json!(field));
            assert!(wrong["message"].as_str().unwrap().contains(told), "{wrong}");
        }
    }
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", s.provider.key.shown());
    s.set(json!({ "certificates": [pem] })).await;
    s.person("ada").await;
}

async fn sec_01_a_person_is_found_as_at_any_provider(e: Engine) {
    let s = Stage::on(e).await;
    // an address of a domain that it may not speak for
    s.sign_in_as("eve", |said| said.mail = "eve@elsewhere.example".into()).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider is not trusted for the domain of the e-mail address");
    // who has a password, who signs in otherwise, and the owner's address
    for (name, provider, why) in [
        ("pat", "local", "the user signs in with a password here"),
        ("olga", "oidc", "the user signs in with OpenID Connect"),
    ] {
        let mut user = json!({ "email": format!("{name}@corp.example"), "name": name, "auth_provider": provider });
        if provider == "local" {
            user["password"] = json!(PASSWORD);
        }
        user["roles"] = json!(["user"]);
        s.w.owner().post("/v1/users", user).await.expect(201);
        s.sign_in_as(name, |_| {}).await.refused(401, "login_failed");
        assert_eq!(s.why().await, why);
    }
    let mine = s.w.owner().get("/v1/users/me/profile").await.expect(200)["email"].as_str().unwrap().to_owned();
    let domain = mine.split_once('@').unwrap().1.to_owned();
    crate::identity_providers::verified_domain(&s.w, &domain).await;
    s.set(json!({ "domains": ["corp.example", domain] })).await;
    s.sign_in_as("boss", |said| said.mail = mine.clone()).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the owner is not linked by an address");
    // who was made for it is linked, once
    let user = json!({ "email": "sam@corp.example", "name": "Sam", "roles": ["user"], "auth_provider": "saml" });
    let sam = s.w.owner().post("/v1/users", user).await.expect(201);
    let done = s.sign_in_as("sam", |_| {}).await.expect(200);
    let me = s.w.bearer(done["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
    assert_eq!(me["id"], sam["id"]);
    s.sign_in_as("sam-2", |said| said.mail = "sam@corp.example".into()).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the user signs in as somebody else, or at another provider");
    s.set(json!({ "jit_create": false })).await;
    s.sign_in_as("new", |_| {}).await.refused(401, "login_failed");
}

async fn a_factor_that_the_provider_states_is_one(e: Engine) {
    let s = Stage::on(e).await;
    settings_of(&s.w, &json!({ "mfa_policy": "required", "redirect_uris": [HOME] })).await;
    let one = s.sign_in_as("ada", |_| {}).await.expect(200);
    assert_eq!(one["mfa_setup_required"], true, "{one}");
    let two = s.sign_in_as("ada", |said| said.class = TWO_FACTORS.into()).await.expect(200);
    assert!(two.get("mfa_setup_required").is_none(), "{two}");
    let sessions =
        s.w.bearer(two["token"].as_str().unwrap()).get("/v1/users/me/sessions").await.expect(200)["data"].clone();
    assert!(sessions.as_array().unwrap().iter().any(|s| s["amr"] == json!(["fed", "mfa"])), "{sessions}");
    // a card and its number are two as well
    let card = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
    let two = s.sign_in_as("ada", |said| said.class = card.into()).await.expect(200);
    let sessions =
        s.w.bearer(two["token"].as_str().unwrap()).get("/v1/users/me/sessions").await.expect(200)["data"].clone();
    let amr = json!(["fed", "pin", "sc", "mfa"]);
    assert!(sessions.as_array().unwrap().iter().any(|s| s["amr"] == amr), "{sessions}");
    let distrusting = json!({ "mfa_policy": "required", "mfa_trust_provider": false, "redirect_uris": [HOME] });
    settings_of(&s.w, &distrusting).await;
    let two = s.sign_in_as("ada", |said| said.class = TWO_FACTORS.into()).await.expect(200);
    assert_eq!(two["mfa_setup_required"], true);
}

async fn sec_19_a_session_ends_when_the_provider_says(e: Engine) {
    const ME: &str = "/v1/users/me/profile";
    let s = Stage::on(e).await;
    // clocks may differ by a minute
    let done = s.sign_in_as("ada", |said| said.until = Some(7_200)).await.expect(200);
    let end = in_seconds(&s.w, 7_260);
    assert!(done["refresh_expires_at"].as_str() <= end.as_str(), "{done} after {end}");
    let (app, _) = enrol(&s.w, &s.w.bearer(done["token"].as_str().unwrap())).await;
    // the second factor makes it no longer
    let half = s.sign_in_as("ada", |said| said.until = Some(7_200)).await.expect(200);
    let shown = show(&s.w.anonymous(), half["challenge_id"].as_str().unwrap(), "totp", &app.next(&s.w.clock)).await;
    let whole = shown.expect(200);
    s.w.clock.pass(3_400);
    let refresh = |done: &Value| json!({ "refresh_token": done["refresh_token"] });
    let [done, whole] = [done, whole].map(|done| refresh(&done));
    let done = s.w.anonymous().post("/v1/auth/refresh", done).await.expect(200);
    let whole = s.w.anonymous().post("/v1/auth/refresh", whole).await.expect(200);
    s.w.clock.pass(3_590);
    for done in [&done, &whole] {
        s.w.bearer(done["token"].as_str().unwrap()).get(ME).await.expect(200);
    }
    s.w.clock.pass(300);
    for done in [&done, &whole] {
        s.w.bearer(done["token"].as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
        s.w.anonymous().post("/v1/auth/refresh", refresh(done)).await.refused(401, "unauthenticated");
    }
    // one that ends on the way here, and one that ended before
    let (url, _) = s.begin().await;
    let said = Said { until: Some(-30), ..s.said(&url, "bob") };
    let back = Stage::brought(&s.post(&s.provider.response(&said)).await);
    s.w.clock.pass(31);
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the session at the provider is over");
    let (url, _) = s.begin().await;
    let said = Said { until: Some(-61), ..s.said(&url, "bob") };
    s.post(&s.provider.response(&said)).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The session at the provider is over (SessionNotOnOrAfter).");
}

async fn sec_19_another_party_ends_what_the_old_one_vouched_for_and_a_new_certificate_does_not(e: Engine) {
    let s = Stage::on(e).await;
    let ada = s.person("ada").await;
    let new = provider::Key::new(s.w.clock.seconds());
    s.set(json!({ "certificates": [s.provider.key.shown(), new.shown()] })).await;
    ada.get("/v1/users/me/profile").await.expect(200);
    let xml = json!({ "metadata_xml": s.provider.metadata(&[&s.provider.key]), "entity_id": null, "sso_url": null, "certificates": null });
    s.set(xml).await;
    ada.get("/v1/users/me/profile").await.expect(200);
    s.set(json!({ "entity_id": "https://another.example/saml" })).await;
    ada.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let ended = s.w.events("action=session.revoked").await.remove(0);
    assert_eq!(ended["metadata"]["cause"], "provider_changed");
}
