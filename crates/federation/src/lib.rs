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

use crate::directory::Directory;

/// Speaks to OpenID providers over this port.
use crate::keys::Key;
use crate::metadata::Metadata;
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
    serde_json::from_slice(&answer.body).map_err(|e| Fault::Provider(format!("{what} does not read: {e}.")))
}
async fn answer(http: &dyn Outbound, what: &'static str, request: Fetch) -> Result<Fetched, Fault> {
    http.fetch(&request).await.map_err(|why: Unreachable| Fault::Unreachable(what, why))
}
