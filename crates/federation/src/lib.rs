//! Signing in at identity providers. At an OpenID provider: where the browser goes, what its code is worth, and what the ID token says
//! (OpenID Connect Core 1.0 and Discovery 1.0, code flow with PKCE). At a SAML provider: [`saml`].
//!
//! Every URL is called through the port [`Outbound`], which goes to public addresses only. What is learned of an issuer is remembered
//! for a while, by its URL: it is the same for everybody who asks there. Signatures are checked by `jsonwebtoken` over aws-lc; what a
//! token says is checked here, with our own clock. The algorithm is that of the key (checklist 7).
mod claims;
mod directory;
mod examine;
mod keys;
mod metadata;
mod redeem;
pub mod saml;

use std::sync::Arc;

use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Ask, Asserted, Check, Client, Fault, OpenId, Redemption, Waiting};
use portcullis_domain::outbound::{Fetch, Fetched, Outbound, Unreachable};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use url::Url;

use crate::directory::Directory;
use crate::keys::Key;
use crate::metadata::Metadata;

/// Speaks to OpenID providers over this port.
pub struct RelyingParty {
    http: Arc<dyn Outbound>,
    known: Known,
}
/// What issuers say of themselves, and the keys that they publish.
#[derive(Default)]
struct Known {
    issuers: Directory<Metadata>,
    keys: Directory<Vec<Key>>,
}
impl Known {
    async fn metadata(&self, http: &dyn Outbound, issuer: &str, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        self.issuers.get(issuer, |_| true, metadata::fetch(http, issuer), now).await
    }
    /// The keys that are published at a URL; asked for anew if they do not help.
    async fn keys(
        &self,
        http: &dyn Outbound,
        url: &str,
        helps: impl FnOnce(&[Key]) -> bool,
        now: Timestamp,
    ) -> Result<Arc<Vec<Key>>, Fault> {
        self.keys.get(url, |keys| helps(keys), keys::fetch(http, url), now).await
    }
}
impl RelyingParty {
    /// Knows nobody yet.
    pub fn new(http: Arc<dyn Outbound>) -> Self {
        Self { http, known: Known::default() }
    }

    async fn url(&self, client: &Client, ask: &Ask, now: Timestamp) -> Result<String, Fault> {
        let metadata = self.known.metadata(&*self.http, &client.issuer, now).await?;
        let mut url = metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.client_id)
            .append_pair("redirect_uri", &ask.redirect_uri)
            .append_pair("scope", &client.scopes.join(" "))
            .append_pair("state", &ask.state)
            .append_pair("nonce", &ask.nonce)
            .append_pair("code_challenge", &ask.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }
}

impl OpenId for RelyingParty {
    fn authorization_url<'a>(
        &'a self,
        client: &'a Client,
        ask: &'a Ask,
        now: Timestamp,
    ) -> Waiting<'a, Result<String, Fault>> {
        Box::pin(self.url(client, ask, now))
    }
    fn redeem<'a>(
        &'a self,
        client: &'a Client,
        redemption: &'a Redemption,
        now: Timestamp,
    ) -> Waiting<'a, Result<Asserted, Fault>> {
        Box::pin(redeem::redeem(&*self.http, &self.known, client, redemption, now))
    }
    fn examine<'a>(&'a self, client: &'a Client, redirect_uri: &'a str) -> Waiting<'a, Vec<Check>> {
        Box::pin(examine::examine(&*self.http, client, redirect_uri))
    }
}

/// Is it one, however it is spelled?
fn is_https(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}
/// A JSON document of one of a provider's addresses. `what` names the address in what goes wrong.
async fn document<T: DeserializeOwned>(
    http: &dyn Outbound,
    what: &'static str,
    url: &str,
    most: usize,
) -> Result<T, Fault> {
    let headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let answer = answer(http, what, Fetch { body: None, url: url.to_owned(), headers, most }).await?;
    if answer.status != 200 {
        return Err(Fault::Provider(format!("{what} answers {}.", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|e| Fault::Provider(unread(what, &e)))
}
/// Where it does not read, and in which way: the parser's own sentence quotes what was fetched, which may be anything.
fn unread(what: &str, e: &serde_json::Error) -> String {
    let why = match e.classify() {
        Category::Io | Category::Eof => "it ends too early",
        Category::Syntax => "it is no JSON",
        Category::Data => "a member is missing or of the wrong type",
    };
    format!("{what} does not read: {why} (line {}, column {}).", e.line(), e.column())
}
async fn answer(http: &dyn Outbound, what: &'static str, request: Fetch) -> Result<Fetched, Fault> {
    http.fetch(&request).await.map_err(|why: Unreachable| Fault::Unreachable(what, why))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::sync::Mutex;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use portcullis_domain::outbound::{Message, Outcome};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_339_304_000_000);
    const ISSUER: &str = "https://id.example";

    /// Answers with what is at a URL. Whatever else is asked for is at a private address, as the one that calls would find.
    struct Net {
        answers: Vec<(String, u16, String)>,
        asked: Mutex<Vec<String>>,
    }
    impl Outbound for Net {
        fn post<'a>(&'a self, _: &'a Message) -> Waiting<'a, Outcome> {
            Box::pin(std::future::ready(Err(Unreachable::Private)))
        }
        fn fetch<'a>(&'a self, request: &'a Fetch) -> Waiting<'a, Result<Fetched, Unreachable>> {
            self.asked.lock().unwrap().push(request.url.clone());
            let found = self.answers.iter().find(|(url, ..)| *url == request.url);
            Box::pin(std::future::ready(match found {
                Some((_, _, body)) if body.len() > request.most => Err(Unreachable::Length),
                Some((_, status, body)) => Ok(Fetched { status: *status, body: body.clone().into_bytes() }),
                None => Err(Unreachable::Private),
            }))
        }
    }
    /// What becomes of a sign-in there, and what was asked.
    fn redeemed(answers: &[(&str, u16, String)]) -> (Fault, Vec<String>) {
        let answers = answers.iter().map(|(path, status, body)| (format!("{ISSUER}{path}"), *status, body.clone()));
        let net = Arc::new(Net { answers: answers.collect(), asked: Mutex::default() });
        let client = Client {
            issuer: ISSUER.into(),
            client_id: "us".into(),
            secret: None,
            scopes: vec!["openid".into()],
            groups_claim: None,
        };
        let redemption = Redemption {
            code: "c".into(),
            redirect_uri: "https://app.example/".into(),
            verifier: "v".into(),
            nonce: "n".into(),
            issuer: None,
        };
        let party = RelyingParty::new(net.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let fault = runtime.block_on(party.redeem(&client, &redemption, NOW)).unwrap_err();
        let asked = net.asked.lock().unwrap().clone();
        (fault, asked)
    }
    fn discovery(change: &[(&str, &str)]) -> String {
        let mut d = json!({
            "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth"), "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/jwks"), "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        });
        for (name, value) in change {
            d[*name] = json!(value);
        }
        d.to_string()
    }
    const WELL_KNOWN: &str = "/.well-known/openid-configuration";

    #[test]
    fn sec_10_what_a_provider_names_goes_the_same_way_as_the_provider() {
        let pair = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(aws_lc_rs::signature::KeyPair::public_key(&pair));
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x }] }).to_string();
        let part = |v: Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let now = NOW.seconds();
        let claims = json!({ "iss": ISSUER, "aud": "us", "sub": "ada", "nonce": "n", "iat": now, "exp": now + 300 });
        let signed = format!("{}.{}", part(json!({ "alg": "EdDSA", "kid": "k1" })), part(claims));
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())));
        let tokens = json!({ "id_token": token, "access_token": "at" }).to_string();
        let inside = "https://metadata.internal.example/";
        for (name, what) in [
            ("token_endpoint", "The token endpoint"),
            ("jwks_uri", "The provider's keys (jwks_uri)"),
            ("userinfo_endpoint", "The UserInfo endpoint"),
        ] {
            let all = [
                (WELL_KNOWN, 200, discovery(&[(name, inside)])),
                ("/token", 200, tokens.clone()),
                ("/jwks", 200, jwks.clone()),
            ];
            let (fault, asked) = redeemed(&all);
            assert_eq!(fault, Fault::Unreachable(what, Unreachable::Private), "{name}");
            assert_eq!(asked.last().map(String::as_str), Some(inside));
        }
    }

    #[test]
    fn sec_10_a_redirect_is_no_document() {
        let (fault, asked) = redeemed(&[(WELL_KNOWN, 302, discovery(&[]))]);
        assert_eq!(fault, Fault::Provider("The discovery document answers 302.".into()));
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn sec_14_a_document_that_is_too_long_is_not_read() {
        let long = |text: String, most: usize| format!("{text}{}", " ".repeat(most + 1 - text.len()));
        let (fault, _) = redeemed(&[(WELL_KNOWN, 200, long(discovery(&[]), 128 * 1024))]);
        assert_eq!(fault, Fault::Unreachable("The discovery document", Unreachable::Length));
        let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"k1"}"#));
        let (fault, _) = redeemed(&[
            (WELL_KNOWN, 200, discovery(&[])),
            ("/token", 200, json!({ "id_token": token }).to_string()),
            ("/jwks", 200, long(r#"{"keys":[]}"#.into(), 256 * 1024)),
        ]);
        assert_eq!(fault, Fault::Unreachable("The provider's keys (jwks_uri)", Unreachable::Length));
    }

    #[test]
    fn sec_13_what_was_fetched_is_not_quoted() {
        for (text, told) in [
            (r#"{"issuer":"top secret"#, "it ends too early (line 1, column 21)"),
            ("<top secret>", "it is no JSON (line 1, column 1)"),
            (r#"{"keys":"top secret"}"#, "a member is missing or of the wrong type (line 1, column 20)"),
        ] {
            let e = serde_json::from_str::<std::collections::BTreeMap<String, Vec<u8>>>(text).unwrap_err();
            assert_eq!(unread("The discovery document", &e), format!("The discovery document does not read: {told}."));
        }
    }
}
