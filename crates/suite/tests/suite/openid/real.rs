//! Signing in at a real OpenID provider, which others wrote: `oidc-provider`, run by `peers/openid`, with the browser of whoever signs
//! in there. `scripts/test` installs it, and without that the test says so and is skipped.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use url::Url;

use super::{HOME, encoded};
use crate::world::pages::{Browser, HERE};
use crate::world::*;

both!(people_sign_in_at_a_real_provider, a_test_says_what_is_wrong_at_a_real_provider, a_page_leads_to_a_real_provider);

const SECRET: &str = "the-client-secret-4711+/%";

/// The provider; it ends with the test.
pub struct Real {
    node: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    pub issuer: String,
}
impl Real {
    /// `None`: something that it needs is not there.
    pub fn start(w: &World, alg: &str, auth_method: &str) -> Option<Self> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/openid");
        if !peers.join("node_modules/oidc-provider").is_dir() {
            println!("skipped: the packages of crates/suite/peers/openid are not installed");
            return None;
        }
        let mut node = Command::new("node");
        node.current_dir(peers).arg("provider.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut node) = node.spawn() else {
            println!("skipped: node is not installed");
            return None;
        };
        let (to, from) = (node.stdin.take()?, BufReader::new(node.stdout.take()?));
        let mut real = Self { node, to, from, issuer: String::new() };
        let told = real.say(&json!({
            "client_id": "portcullis", "client_secret": SECRET, "redirect_uris": [HOME, format!("{HERE}/v1/auth/callback")],
            "alg": alg, "auth_method": auth_method, "now": w.clock.seconds(), "claims_at_userinfo": true,
            "people": { "ada-at-real": ada() },
        }));
        real.issuer = told["issuer"].as_str().unwrap().to_owned();
        Some(real)
    }
    fn say(&mut self, line: &Value) -> Value {
        writeln!(self.to, "{line}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("the peer ended: {answer:?}"))
    }
    /// Somebody signs in where the browser was sent; where it is sent next.
    fn sign_in(&mut self, url: &str, sub: &str, claims: &Value) -> Url {
        let told = self.say(&json!({ "url": url, "sub": sub, "claims": claims }));
        Url::parse(told["location"].as_str().unwrap_or_else(|| panic!("{told}"))).unwrap()
    }
}
impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

async fn world(e: Engine) -> World {
    let w = World::on(e, Options { settings: super::Stage::settings(), ..Options::default() }).await;
    crate::identity_providers::verified_domain(&w, "corp.example").await;
    super::settings_of(&w, &json!({ "redirect_uris": [HOME] })).await;
    w
}
/// The provider's path here.
pub async fn set_up(w: &World, real: &Real, more: Value) -> String {
    let mut config = json!({
        "issuer_url": real.issuer, "client_id": "portcullis", "client_secret": SECRET, "domains": ["corp.example"],
        "scopes": ["openid", "profile", "email", "groups"], "group_sync": true,
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    let body = json!({ "name": "Real", "provider_type": "oidc", "config": config });
    let made = w.owner().post("/v1/identity-providers", body).await.expect(201);
    format!("/v1/identity-providers/{}", made["id"].as_str().unwrap())
}
fn ada() -> Value {
    json!({
        "email": "ada@corp.example", "email_verified": true, "given_name": "Ada", "family_name": "Lovelace", "groups": ["Engineering"],
    })
}
/// What the browser brings back, as a front end sends it.
fn brought(there: &Url) -> Value {
    let mut back = json!({ "redirect_uri": HOME });
    for (name, value) in there.query_pairs() {
        if ["code", "state", "iss"].contains(&&*name) {
            back[&*name] = json!(value);
        }
    }
    back
}

async fn people_sign_in_at_a_real_provider(e: Engine) {
    let w = world(e).await;
    for (alg, auth_method) in [("RS256", "client_secret_basic"), ("ES256", "client_secret_post")] {
        let Some(mut real) = Real::start(&w, alg, auth_method) else { return };
        let path = set_up(&w, &real, json!({})).await;
        let id = path.rsplit('/').next().unwrap();
        let begin = format!("/v1/auth/start?provider_id={id}&mode=json&redirect_uri={}", encoded(HOME));
        for _ in 0..2 {
            let begun = w.anonymous().get(&begin).await.expect(200);
            let there = real.sign_in(begun["authorization_url"].as_str().unwrap(), "ada-at-real", &ada());
            assert!(there.as_str().starts_with(HOME), "{there}");
            let back = brought(&there);
            assert_eq!((&back["state"], &back["iss"]), (&begun["state"], &json!(real.issuer)), "{alg}");
            let done = w.anonymous().post("/v1/auth/callback", back.clone()).await.expect(200);
            let me = w.bearer(done["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
            assert_eq!((&me["first_name"], &me["auth_provider"]), (&json!("Ada"), &json!("oidc")));
            let groups = w.owner().get("/v1/groups?source=oidc").await.expect(200);
            assert!(groups["data"][0]["member_count"] == 1, "{groups}");
            w.anonymous().post("/v1/auth/callback", back).await.refused(401, "login_failed");
        }
        // it says that it always says who it is (RFC 9207)
        let begun = w.anonymous().get(&begin).await.expect(200);
        let mut back = brought(&real.sign_in(begun["authorization_url"].as_str().unwrap(), "ada-at-real", &ada()));
        back.as_object_mut().unwrap().remove("iss");
        w.anonymous().post("/v1/auth/callback", back).await.refused(401, "login_failed");
        // who is not known there, or whose address it does not vouch for
        let begun = w.anonymous().get(&begin).await.expect(200);
        let mut eve = ada();
        eve["email_verified"] = json!(false);
        let there = real.sign_in(begun["authorization_url"].as_str().unwrap(), "eve-at-real", &eve);
        w.anonymous().post("/v1/auth/callback", brought(&there)).await.refused(401, "login_failed");
        // the next round is another provider with the same people
        let user = w.owner().get("/v1/users?email=ada@corp.example").await.expect(200)["data"][0]["id"].clone();
        w.owner().delete(&format!("/v1/users/{}", user.as_str().unwrap())).await.expect(204);
        for g in w.owner().get("/v1/groups?source=oidc").await.expect(200)["data"].as_array().unwrap() {
            w.owner().delete(&format!("/v1/groups/{}", g["id"].as_str().unwrap())).await.expect(204);
        }
        w.owner().delete(&path).await.expect(204);
    }
}

async fn a_test_says_what_is_wrong_at_a_real_provider(e: Engine) {
    let w = world(e).await;
    let Some(real) = Real::start(&w, "RS256", "client_secret_basic") else { return };
    let path = set_up(&w, &real, json!({})).await;
    let test = async || w.owner().post(&format!("{path}/test"), json!({})).await;
    let well = test().await.expect(200);
    assert_eq!(well["success"], true, "{well}");
    let names: Vec<&str> = well["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["discovery", "keys", "pkce", "scopes", "client", "domains"]);
    let change = async |name: &str, value: Value| {
        let mut config = w.owner().get(&path).await.expect(200)["config"].clone();
        // with another issuer the secret is given again
        config["client_secret"] = json!(SECRET);
        config[name] = value;
        w.owner().put(&path, json!({ "config": config })).await.expect(200);
    };
    change("client_secret", json!("another")).await;
    let told = test().await.refused(502, "upstream_failed");
    assert!(
        told["message"].as_str().unwrap().contains("refuses client_id and client_secret (invalid_client)"),
        "{told}"
    );
    assert_eq!(told["details"]["checks"].as_array().unwrap().len(), 5);
    change("client_secret", json!(SECRET)).await;
    change("scopes", json!(["openid", "email", "teams"])).await;
    let told = test().await.expect(200);
    assert_eq!(told["success"], false);
    assert!(told["message"].as_str().unwrap().contains("teams"), "{told}");
    change("issuer_url", json!(format!("{}/", real.issuer))).await;
    let told = test().await.refused(502, "upstream_failed");
    assert!(told["message"].as_str().unwrap().contains("to the letter"), "{told}");
}

async fn a_page_leads_to_a_real_provider(e: Engine) {
    let w = world(e).await;
    let Some(mut real) = Real::start(&w, "RS256", "client_secret_basic") else { return };
    set_up(&w, &real, json!({})).await;
    let mut b = Browser::new(&w);
    let page = b.form("/sign-in", &[("email", "ada@corp.example"), ("return_to", "/account/keys")]).await.page(200);
    let sent = b.follow(&super::pages::link_to(&page, "Real")).await;
    let there = real.sign_in(sent.header("location").unwrap(), "ada-at-real", &ada());
    let back = there.as_str().strip_prefix(HERE).unwrap();
    let landed = b.follow(back).await.header("location").unwrap().to_owned();
    b.follow(&landed).await.leads_to("/account/keys");
    assert!(b.get("/account").await.page(200).contains("Ada Lovelace"));
    // somebody who turns back there is told so
    let mut b = Browser::new(&w);
    let page = b.form("/sign-in", &[("email", "ada@corp.example")]).await.page(200);
    let sent = b.follow(&super::pages::link_to(&page, "Real")).await;
    let told = real
        .say(&json!({ "url": sent.header("location").unwrap(), "sub": "ada-at-real", "claims": ada(), "abort": true }));
    let back = told["location"].as_str().unwrap().strip_prefix(HERE).unwrap().to_owned();
    let landed = b.follow(&back).await.header("location").unwrap().to_owned();
    let ended = b.follow(&landed).await.header("location").unwrap().to_owned();
    assert!(b.get(&ended).await.page(200).contains("You turned back at your identity provider."));
}
