//! Signing in at a real SAML provider, which others wrote: `samlify`, run by `peers/saml`, with the browser of whoever signs in there; and
//! once with a real Chromium. `scripts/test` installs what this needs, and without that the test says so and is skipped.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::provider::Key;
use super::{Stage, post};
use crate::openid::{HOME, encoded, settings_of};
use crate::pages_browser::{driven, hosts};
use crate::world::pages::HERE;
use crate::world::*;

both!(people_sign_in_at_a_real_saml_provider, a_real_browser_signs_in_at_a_real_saml_provider);

/// The provider; it ends with the test.
struct Real {
    node: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    metadata_url: String,
}
impl Real {
    /// `None`: something that it needs is not there.
    fn start(w: &World, encrypted: bool) -> Option<Self> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/saml");
        if !peers.join("node_modules/samlify").is_dir() {
            println!("skipped: the packages of crates/suite/peers/saml are not installed");
            return None;
        }
        let mut node = Command::new("node");
        node.current_dir(peers).arg("provider.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut node) = node.spawn() else {
            println!("skipped: node is not installed");
            return None;
        };
        let (to, from) = (node.stdin.take()?, BufReader::new(node.stdout.take()?));
        let mut real = Self { node, to, from, metadata_url: String::new() };
        let key = Key::new(w.clock.seconds());
        let told = real.say(&json!({
            "key": pem("PRIVATE KEY", &key.pkcs8), "certificate": pem("CERTIFICATE", &key.certificate), "now": w.clock.seconds(),
            "encrypted": encrypted, "visitor": ada(),
        }));
        real.metadata_url = told["metadata_url"].as_str().unwrap().to_owned();
        Some(real)
    }
    fn say(&mut self, line: &Value) -> Value {
        writeln!(self.to, "{line}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("the peer ended: {answer:?}"));
        assert!(answer.get("error").is_none(), "{answer}");
        answer
    }
    /// Makes it known here, and us there.
    async fn introduce(&mut self, w: &World, more: Value) -> String {
        let mut config = json!({
            "metadata_url": self.metadata_url, "email_attribute": "mail", "first_name_attribute": "first", "last_name_attribute": "last",
            "groups_attribute": "group", "group_sync": true, "domains": ["corp.example"],
        });
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let body = json!({ "name": "Real", "provider_type": "saml", "config": config });
        let id = w.owner().post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let metadata = w.anonymous().get(&format!("/v1/auth/saml/{id}/metadata")).await.text();
        self.say(&json!({ "metadata": metadata }));
        id
    }
}
impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
fn ada() -> Value {
    json!({ "sub": "ada-at-real", "mail": "ada@corp.example", "first": "Ada", "last": "Lovelace & Co", "group": "Engineering" })
}
async fn world(e: Engine) -> World {
    let w = World::on(e, Options { settings: crate::openid::Stage::settings(), ..Options::default() }).await;
    crate::identity_providers::verified_domain(&w, "corp.example").await;
    settings_of(&w, &json!({ "redirect_uris": [HOME] })).await;
    w
}

async fn people_sign_in_at_a_real_saml_provider(e: Engine) {
    let w = world(e).await;
    for encrypted in [false, true] {
        let Some(mut real) = Real::start(&w, encrypted) else { return };
        let id = real.introduce(&w, json!({})).await;
        let told = w.owner().post(&format!("/v1/identity-providers/{id}/test"), json!({})).await.expect(200);
        assert_eq!(told["success"], true, "{told}");
        let begin = format!("/v1/auth/start?provider_id={id}&mode=json&redirect_uri={}", encoded(HOME));
        for _ in 0..2 {
            let begun = w.anonymous().get(&begin).await.expect(200);
            let mut line = ada();
            line["url"] = begun["authorization_url"].clone();
            // it checks the signature of the request
            let made = real.say(&line);
            assert_eq!(made["acs"], json!(format!("{HERE}/v1/auth/saml/{id}/acs")));
            let response = made["SAMLResponse"].as_str().unwrap();
            let xml = String::from_utf8(STANDARD.decode(response).unwrap()).unwrap();
            assert_eq!(xml.contains("EncryptedAssertion"), encrypted);
            let answer = post(&w.anonymous(), &id, response).await;
            assert_eq!(answer.status, 303, "{:?}: {xml}", w.events("action=auth.login_failed").await.first());
            let back = Stage::brought(&answer);
            assert_eq!(back["state"], begun["state"]);
            let done = w.anonymous().post("/v1/auth/callback", back.clone()).await.expect(200);
            let me = w.bearer(done["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
            assert_eq!(
                (&me["first_name"], &me["last_name"], &me["auth_provider"]),
                (&json!("Ada"), &json!("Lovelace & Co"), &json!("saml"))
            );
            post(&w.anonymous(), &id, response).await.refused(401, "login_failed");
            // what somebody changes on the way is worth nothing
            let bent = STANDARD.encode(
                xml.replace("ada-at-real", "eve-at-real").replace("</xenc:CipherValue>", "AAAA</xenc:CipherValue>"),
            );
            let begun = w.anonymous().get(&begin).await.expect(200);
            line["url"] = begun["authorization_url"].clone();
            real.say(&line);
            post(&w.anonymous(), &id, &bent).await.refused(401, "login_failed");
        }
        // the next round is another provider with the same people
        let user = w.owner().get("/v1/users?email=ada@corp.example").await.expect(200)["data"][0]["id"].clone();
        w.owner().delete(&format!("/v1/users/{}", user.as_str().unwrap())).await.expect(204);
        for g in w.owner().get("/v1/groups?source=saml").await.expect(200)["data"].as_array().unwrap() {
            w.owner().delete(&format!("/v1/groups/{}", g["id"].as_str().unwrap())).await.expect(204);
        }
        w.owner().delete(&format!("/v1/identity-providers/{id}")).await.expect(204);
    }
}

async fn a_real_browser_signs_in_at_a_real_saml_provider(e: Engine) {
    let w = world(e).await;
    let Some(mut real) = Real::start(&w, true) else { return };
    real.introduce(&w, json!({ "allow_idp_initiated": true })).await;
    let there = real.metadata_url.replace("/metadata", "/sso");
    let given = json!({ "url": HERE, "hosts": hosts(&w), "email": "ada@corp.example", "there": there });
    driven("saml.mjs", given).await;
}
