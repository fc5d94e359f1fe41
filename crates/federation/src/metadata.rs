//! What a provider says of itself (OpenID Connect Discovery 1.0).
use portcullis_domain::openid::Fault;
use portcullis_domain::outbound::Outbound;
use serde::Deserialize;
use url::Url;

const WHAT: &str = "The discovery document";
const MOST: usize = 128 * 1024;

/// How we prove who we are at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// In the header `Authorization`.
    Basic,
    /// In the body.
    Post,
}

/// A provider's addresses, and what it can do.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub authorization_endpoint: Url,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub proof: Proof,
    /// Does it say who it is whenever a browser comes back from it (RFC 9207)?
    pub names_itself: bool,
    scopes: Option<Vec<String>>,
    challenges: Option<Vec<String>>,
}
impl Metadata {
    /// Does it list this scope, if it lists any?
    pub fn offers_scope(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|all| all.iter().any(|s| s == scope))
    }
    /// Does it list S256, if it lists any way to make a challenge?
    pub fn takes_s256(&self) -> bool {
        self.challenges.as_ref().is_none_or(|all| all.iter().any(|c| c == "S256"))
    }
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// Asks an issuer.
pub async fn fetch(http: &dyn Outbound, issuer: &str) -> Result<Metadata, Fault> {
    // Discovery 4.1: a slash at the end of the issuer is taken away before the path is added
    let url = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    read(crate::document(http, WHAT, &url, MOST).await?, issuer)
}

fn read(d: Document, issuer: &str) -> Result<Metadata, Fault> {
    if d.issuer != issuer {
        let told: String = d.issuer.chars().take(200).collect();
        return Err(Fault::Provider(format!(
            "The provider calls itself {told:?}, not {issuer:?}: issuer_url has to be the same to the letter."
        )));
    }
    let secure = crate::is_https(issuer);
    let address = |name: &str, text: &str| {
        let url = Url::parse(text).ok().filter(|u| u.has_host() && u.fragment().is_none());
        let fine = url.filter(|u| u.scheme() == "https" || (!secure && u.scheme() == "http"));
        fine.ok_or_else(|| Fault::Provider(format!("{WHAT}: {name} is no https URL.")))
    };
    for (name, text) in [("token_endpoint", &d.token_endpoint), ("jwks_uri", &d.jwks_uri)] {
        address(name, text)?;
    }
    if let Some(userinfo) = &d.userinfo_endpoint {
        address("userinfo_endpoint", userinfo)?;
    }
    let proof = match &d.token_endpoint_auth_methods_supported {
        // Discovery 3: what is left out is client_secret_basic
        None => Proof::Basic,
        Some(all) if all.iter().any(|m| m == "client_secret_basic") => Proof::Basic,
        Some(_) => Proof::Post,
    };
    Ok(Metadata {
        authorization_endpoint: address("authorization_endpoint", &d.authorization_endpoint)?,
        token_endpoint: d.token_endpoint,
        jwks_uri: d.jwks_uri,
        userinfo_endpoint: d.userinfo_endpoint,
        proof,
        names_itself: d.authorization_response_iss_parameter_supported,
        scopes: d.scopes_supported,
        challenges: d.code_challenge_methods_supported,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://id.example/realms/a";

    fn of(change: &[(&str, Value)]) -> Result<Metadata, Fault> {
        let mut d = json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example/auth?tenant=a", "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
        });
        for (name, value) in change {
            d[*name] = value.clone();
        }
        read(serde_json::from_value(d).unwrap(), ISSUER)
    }

    #[test]
    fn an_issuer_is_itself_to_the_letter() {
        assert_eq!(of(&[]).unwrap().authorization_endpoint.query(), Some("tenant=a"));
        for other in ["https://id.example/realms/a/", "https://ID.example/realms/a", "https://id.example/realms/b"] {
            let fault = of(&[("issuer", json!(other))]).unwrap_err();
            assert!(fault.to_string().contains(other) && fault.is_upstream(), "{fault}");
        }
    }

    #[test]
    fn sec_10_every_address_is_https() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://id.example/x", "javascript:alert(1)", "/relative", "https://id.example/#x", ""] {
                assert!(of(&[(name, json!(bad))]).unwrap_err().to_string().contains(name), "{name} {bad}");
            }
        }
    }

    #[test]
    fn sec_10_an_issuer_is_https_however_it_is_spelled() {
        for (issuer, fine) in
            [("HTTPS://id.example", false), (" https://id.example", false), ("http://id.example", true)]
        {
            let d = json!({
                "issuer": issuer, "authorization_endpoint": "https://id.example/auth", "token_endpoint": "http://id.example/token",
                "jwks_uri": "https://id.example/jwks",
            });
            assert_eq!(read(serde_json::from_value(d).unwrap(), issuer).is_ok(), fine, "{issuer}");
        }
    }

    #[test]
    fn what_it_can_do_is_what_it_lists() {
        let m = of(&[("token_endpoint_auth_methods_supported", json!(["client_secret_post"]))]).unwrap();
        assert_eq!(m.proof, Proof::Post);
        assert_eq!(of(&[]).unwrap().proof, Proof::Basic);
        assert!(m.takes_s256() && m.offers_scope("groups") && !m.names_itself);
        assert!(of(&[("authorization_response_iss_parameter_supported", json!(true))]).unwrap().names_itself);
        let m = of(&[("scopes_supported", json!(["openid"])), ("code_challenge_methods_supported", json!(["plain"]))])
            .unwrap();
        assert!(!m.takes_s256() && !m.offers_scope("groups") && m.offers_scope("openid"));
    }
}
