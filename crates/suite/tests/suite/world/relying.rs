//! An application that relies on the OpenID provider: registered, and speaking the protocol by hand, so that a test can say what no
//! library would.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_crypto::signing::VerifyingKey;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::access::id;
use super::pages::{Browser, HERE, send, value};
use super::{Answer, Client, PASSWORD, World};

pub const CALLBACK: &str = "https://app.example.com/callback";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A registered application of a tenant.
#[derive(Clone)]
pub struct Relying {
    /// Nobody: where it calls.
    pub client: Client,
    pub slug: String,
    pub id: String,
    pub secret: Option<String>,
}

/// An application of the first tenant, with this beside what most need.
pub async fn relying(w: &World, change: Value) -> Relying {
    relying_of(w, &w.owner(), "acme", change).await
}
/// The same in the tenant of this owner.
pub async fn relying_of(w: &World, owner: &Client, slug: &str, change: Value) -> Relying {
    let mut body = json!({
        "name": "Shop", "kind": "confidential", "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": ["https://app.example.com/bye"],
        "grants": ["authorization_code", "refresh_token"],
        "scopes": ["openid", "profile", "email", "roles", "groups", "offline_access", "orders:read"],
    });
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = owner.post("/v1/applications", body).await.expect(201);
    let secret = made["client_secret"].as_str().map(str::to_owned);
    Relying { client: w.anonymous(), slug: slug.into(), id: id(&made), secret }
}

/// A query of these, but for those that are empty.
pub fn query(fields: &[(&str, &str)]) -> String {
    let said = fields.iter().filter(|(_, v)| !v.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish()
}
/// What an answer at an address of the application says.
#[track_caller]
pub fn said(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap_or_else(|e| panic!("{e}: {url}"));
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

impl Relying {
    pub fn issuer(&self) -> String {
        format!("{HERE}/t/{}", self.slug)
    }
    pub fn at(&self, path: &str) -> String {
        format!("/t/{}/{path}", self.slug)
    }
    /// The path of an authorization request, with these instead of what it says; empty leaves one out.
    pub fn request(&self, change: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", &*self.id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("state", "s-1"),
            ("nonce", "n-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| change.iter().all(|(n, _)| n != name));
        let all: Vec<(&str, &str)> = kept.chain(change.iter().copied()).collect();
        format!("{}?{}", self.at("oauth2/authorize"), query(&all))
    }
    /// The code that somebody who is signed in brings.
    pub async fn code(&self, by: &Browser, change: &[(&str, &str)]) -> String {
        let answer = by.get(&self.request(change)).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let url = answer.header("location").unwrap().to_owned();
        said(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
    }
    /// As itself, by `client_secret_basic`; a public one by nothing.
    pub fn proved(&self) -> Client {
        match &self.secret {
            Some(secret) => {
                let pair = STANDARD.encode(format!("{}:{secret}", self.id));
                self.client.with("authorization", format!("Basic {pair}"))
            }
            None => self.client.clone(),
        }
    }
    /// A form to one of the endpoints, as itself.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut fields = fields.to_vec();
        if self.secret.is_none() {
            fields.push(("client_id", &self.id));
        }
        send(&self.proved(), &self.at(path), &fields).await
    }
    pub async fn exchange(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("oauth2/token", &fields).await
    }
    /// The tokens of somebody who signs in.
    pub async fn tokens(&self, by: &Browser, scope: &str) -> Value {
        let code = self.code(by, &[("scope", scope)]).await;
        self.exchange(&code).await.expect(200)
    }
    pub async fn refresh(&self, token: &Value) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())];
        self.post("oauth2/token", &fields).await
    }
    pub async fn userinfo(&self, token: &Value) -> Answer {
        let by = self.client.with("authorization", format!("Bearer {}", token.as_str().unwrap()));
        by.get(&self.at("oauth2/userinfo")).await
    }
    /// Is anything that was given for this token worth anything?
    pub async fn is_alive(&self, tokens: &Value) -> bool {
        let seen = self.userinfo(&tokens["access_token"]).await.status == 200;
        let looked = self.post("oauth2/introspect", &[("token", tokens["access_token"].as_str().unwrap())]).await;
        if self.secret.is_some() {
            assert_eq!(looked.expect(200)["active"], seen);
        }
        seen
    }
    /// What a token says whose signature one of the published keys made; its header, its claims.
    pub async fn read(&self, token: &Value) -> (Value, Value) {
        let keys = self.client.get(&self.at("jwks")).await.expect(200);
        let token = token.as_str().unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let part = |n: usize| -> Value {
            let bytes = URL_SAFE_NO_PAD.decode(signed.split('.').nth(n).unwrap()).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        let key = keys["keys"].as_array().unwrap().iter().find(|k| k["kid"] == header["kid"]).unwrap();
        let key = VerifyingKey::parse(key["x"].as_str().unwrap()).unwrap();
        assert!(key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()));
        (header, claims)
    }
}
/// The error of an OAuth refusal.
#[track_caller]
pub fn oauth_refused(answer: &Answer, status: u16, error: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["error"].as_str()), (status, Some(error)), "{body}");
    assert!(body["error_description"].as_str().is_some_and(|d| d.is_ascii() && d.contains(' ')), "{body}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
/// Answers the page that asks for consent.
pub async fn decide(app: &Relying, b: &mut Browser, page: &str, decision: &str) -> Answer {
    let (request, shown) = (value(page, "request").replace("&#38;", "&"), value(page, "shown"));
    b.form(&app.at("oauth2/consent"), &[("request", &request), ("shown", &shown), ("decision", decision)]).await
}
/// Enters the code of a device, and answers what is asked then.
pub async fn decide_device(app: &Relying, b: &mut Browser, user_code: &str, decision: &str) -> Answer {
    let page = b.form(&app.at("device"), &[("user_code", user_code)]).await.page(200);
    let shown = value(&page, "shown");
    b.form(&app.at("device"), &[("user_code", user_code), ("shown", &shown), ("decision", decision)]).await
}
/// Signs somebody in through the pages of a tenant, from where they were sent.
pub async fn sign_in_from(b: &mut Browser, sent_to: &Answer, email: &str) -> Answer {
    let at = sent_to.header("location").unwrap_or_else(|| panic!("{} {}", sent_to.status, sent_to.text())).to_owned();
    assert!(at.starts_with("/sign-in?tenant="), "{at}");
    let (tenant, back) =
        (said(&format!("{HERE}{at}"), "tenant").unwrap(), said(&format!("{HERE}{at}"), "return_to").unwrap());
    assert_eq!(b.get(&at).await.status, 200);
    let form = [("email", email), ("password", PASSWORD), ("tenant", &tenant), ("return_to", &back)];
    b.form("/sign-in", &form).await
}
