//! An authenticator app, by people who know nothing of this server.
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use super::{Answer, Client, Held, PASSWORD, Person, World};

/// An app with one seed.
pub struct App(Totp);
impl App {
    /// With the text that a person types.
    pub fn with(secret: &Value) -> Self {
        let secret = Secret::try_from_base32(secret.as_str().unwrap_or_else(|| panic!("no secret: {secret}"))).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }
    /// What it shows now.
    pub fn now(&self, clock: &Held) -> String {
        self.at(clock.seconds())
    }
    /// What it shows once nothing of now counts any more.
    pub fn next(&self, clock: &Held) -> String {
        clock.pass(60);
        self.now(clock)
    }
    /// What it shows at a time.
    pub fn at(&self, seconds: i64) -> String {
        self.0.generate(seconds.try_into().unwrap()).to_string()
    }
    /// A code that it shows at no time near now.
    pub fn wrong(&self, clock: &Held) -> String {
        let near: Vec<String> = (-3..=3).map(|n| self.at(clock.seconds() + 30 * n)).collect();
        let other = (0..).map(|n| format!("{n:06}"));
        other.into_iter().find(|code| !near.contains(code)).unwrap()
    }
}

pub const MFA: &str = "/v1/users/me/mfa";

/// Enrols an app; the app, and the backup codes.
pub async fn enrol(w: &World, by: &Client) -> (App, Vec<String>) {
    let enrolled = enrol_now(w, by).await;
    w.clock.pass(60);
    enrolled
}
/// The same without time passing: the app's next code is that one still.
pub async fn enrol_now(w: &World, by: &Client) -> (App, Vec<String>) {
    let begun = by.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    let app = App::with(&begun["secret"]);
    let body = json!({ "id": begun["id"], "code": app.now(&w.clock) });
    let made = by.post(&format!("{MFA}/totp/confirm"), body).await.expect(200);
    (app, texts(&made["codes"]))
}
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(|v| v.as_str().unwrap().into()).collect()
}
/// Somebody with an app.
pub async fn with_app(w: &World, name: &str, roles: &[&str]) -> (Person, App, Vec<String>) {
    let person = w.person(name, roles).await;
    let (app, codes) = enrol(w, &person.client).await;
    (person, app, codes)
}
/// The first step of a sign-in; the challenge of the second.
pub async fn challenge(w: &World, email: &str) -> String {
    let body = json!({ "email": email, "password": PASSWORD, "tenant_slug": "acme" });
    let step = w.anonymous().post("/v1/auth/login", body).await.expect(200);
    assert!(step.get("token").is_none() && step["mfa_required"] == true, "{step}");
    step["challenge_id"].as_str().unwrap_or_else(|| panic!("no challenge: {step}")).to_owned()
}
/// The second step.
pub async fn show(by: &Client, challenge: &str, method: &str, code: &str) -> Answer {
    let body = json!({ "challenge_id": challenge, "method": method, "code": code });
    by.post("/v1/auth/mfa/challenge", body).await
}
/// Both steps: somebody in a new session.
pub async fn sign_in(w: &World, email: &str, app: &App) -> Client {
    let challenge = challenge(w, email).await;
    let done = show(&w.anonymous(), &challenge, "totp", &app.next(&w.clock)).await.expect(200);
    w.bearer(done["token"].as_str().unwrap())
}
/// Says who needs a second factor.
pub async fn demand(w: &World, policy: &str) {
    let path = format!("/v1/tenants/{}/settings", w.tenant);
    w.service().patch(&path, json!({ "mfa_policy": policy })).await.expect(200);
}
