//! Looks at everything that a sign-in needs, short of signing in. Nothing that is remembered is believed.
use portcullis_domain::openid::{Check, Client, Fault, Redemption};
use portcullis_domain::outbound::Outbound;

use crate::{keys, metadata, redeem};

/// What was found, in the order in which it was looked at. What needs an answer that did not come is left out.
pub async fn examine(http: &dyn Outbound, client: &Client, redirect_uri: &str) -> Vec<Check> {
    let mut checks = vec![];
    let metadata = match metadata::fetch(http, &client.issuer).await {
        Ok(metadata) => metadata,
        Err(fault) => return vec![Check::failed("discovery", fault.to_string())],
    };
    checks.push(Check::passed("discovery", format!("{} describes itself.", client.issuer)));
    checks.push(match keys::fetch(http, &metadata.jwks_uri).await {
        Ok(keys) if keys.is_empty() => Check::failed(
            "keys",
            "It publishes no key of an accepted algorithm (RS256, RS384, RS512, PS256, ES256, ES384, EdDSA).",
        ),
        Ok(keys) if keys.len() == 1 => Check::passed("keys", "It publishes one usable key."),
        Ok(keys) => Check::passed("keys", format!("It publishes {} usable keys.", keys.len())),
        Err(fault) => Check::failed("keys", fault.to_string()),
    });
    checks.push(if metadata.takes_s256() {
        Check::passed("pkce", "It takes PKCE with S256, or does not say.")
    } else {
        Check::failed(
            "pkce",
            "It does not list PKCE with S256, which every sign-in uses: switch it on for this client.",
        )
    });
    let lacking: Vec<&str> = client.scopes.iter().filter(|s| !metadata.offers_scope(s)).map(String::as_str).collect();
    checks.push(if lacking.is_empty() {
        Check::passed("scopes", "It offers every scope that is asked for, or does not list any.")
    } else {
        Check::failed(
            "scopes",
            format!(
                "It does not list these scopes: {}. Add them there, or take them out of scopes.",
                lacking.join(", ")
            ),
        )
    });
    // a code that nobody was given: who knows us says that it is none, who does not says so first
    let nothing = Redemption {
        code: "portcullis-test".into(),
        redirect_uri: redirect_uri.to_owned(),
        verifier: "portcullis-test-of-a-code-that-nobody-was-given".into(),
        nonce: String::new(),
        issuer: None,
    };
    checks.push(match redeem::tokens(http, &metadata, client, &nothing).await {
        Ok(_) => Check::failed("client", "It gives tokens for a code that it never made: do not trust it."),
        Err(Fault::Refused { why, .. }) => match &*why {
            "invalid_grant" => Check::passed("client", "It accepts client_id and client_secret."),
            "invalid_client" | "unauthorized_client" => Check::failed(
                "client",
                format!("It refuses client_id and client_secret ({why}): compare both with what it shows for this client."),
            ),
            _ => Check::passed(
                "client",
                format!("Asked with a code that is none, it says: {why}. Whether it accepts client_id and client_secret shows at a sign-in."),
            ),
        },
        Err(fault) => Check::failed("client", fault.to_string()),
    });
    checks
}
