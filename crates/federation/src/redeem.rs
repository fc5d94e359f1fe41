//! A code for an ID token (OpenID Connect Core 1.0, 3.1.3), and what the token leaves out from the UserInfo endpoint (5.3).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Asserted, Client, Fault, Redemption};
use portcullis_domain::outbound::{Fetch, Outbound};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::Known;
use crate::claims::{self, Claims};
use crate::keys::Unproved;
use crate::metadata::{Metadata, Proof};

const TOKEN_ENDPOINT: &str = "The token endpoint";
const USERINFO: &str = "The UserInfo endpoint";
const MOST: usize = 256 * 1024;

/// What is read of a token answer.
#[derive(Deserialize)]
pub struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

/// Redeems a code and says who signed in.
pub async fn redeem(
    http: &dyn Outbound,
    known: &Known,
    client: &Client,
    redemption: &Redemption,
    now: Timestamp,
) -> Result<Asserted, Fault> {
    let metadata = known.metadata(http, &client.issuer, now).await?;
    of_this_provider(&metadata, client, redemption.issuer.as_deref())?;
    let tokens = tokens(http, &metadata, client, redemption).await?;
    let token = Unproved::read(&tokens.id_token)?;
    let keys = known.keys(http, &metadata.jwks_uri, |keys| !token.is_of_none(keys), now).await?;
    let mut said = token.prove(&keys)?;
    claims::check(&said, client, &redemption.nonce, now)?;
    let wanting = !said.contains_key("email")
        || client.groups_claim.as_ref().is_some_and(|groups| !said.contains_key(groups.as_str()));
    if let (true, Some(url), Some(token)) = (wanting, &metadata.userinfo_endpoint, &tokens.access_token) {
        let more = userinfo(http, url, token).await?;
        // 5.3.2: it speaks of the same person, or it is not heard
        if claims::subject(&more).ok() != Some(claims::subject(&said)?) {
            return Err(Fault::Token("The UserInfo endpoint speaks of somebody else."));
        }
        claims::fill(&mut said, more, client);
    }
    claims::asserted(&said, client)
}
/// A code is shown to no provider but the one that made it, as far as the browser can tell (RFC 9207 2.4).
fn of_this_provider(m: &Metadata, client: &Client, issuer: Option<&str>) -> Result<(), Fault> {
    match issuer {
        Some(issuer) if issuer != client.issuer => Err(Fault::Token("The browser came from another provider.")),
        None if m.names_itself => {
            Err(Fault::Token("The browser came without iss, with which this provider always says who it is."))
        }
        _ => Ok(()),
    }
}

/// Asks for the tokens of a code.
pub async fn tokens(http: &dyn Outbound, m: &Metadata, client: &Client, r: &Redemption) -> Result<Tokens, Fault> {
    let request = token_request(m, client, r);
    let answer = crate::answer(http, TOKEN_ENDPOINT, request).await?;
    match answer.status {
        200 => serde_json::from_slice(&answer.body)
            .map_err(|_| Fault::Provider(format!("{TOKEN_ENDPOINT} answers no ID token."))),
        400..=499 => Err(Fault::Refused { what: TOKEN_ENDPOINT, why: reason(&answer.body) }),
        status => Err(Fault::Provider(format!("{TOKEN_ENDPOINT} answers {status}."))),
    }
}
fn token_request(m: &Metadata, client: &Client, r: &Redemption) -> Fetch {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", &r.code)
        .append_pair("redirect_uri", &r.redirect_uri)
        .append_pair("code_verifier", &r.verifier);
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
    ];
    match (&client.secret, m.proof) {
        (Some(secret), Proof::Basic) => {
            headers.push(("authorization".into(), basic(&client.client_id, secret.expose())))
        }
        (Some(secret), Proof::Post) => {
            form.append_pair("client_id", &client.client_id).append_pair("client_secret", secret.expose());
        }
        (None, _) => {
            form.append_pair("client_id", &client.client_id);
        }
    }
    Fetch { body: Some(form.finish().into_bytes()), url: m.token_endpoint.clone(), headers, most: MOST }
}
/// RFC 6749 2.3.1: both are encoded as in a form before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}
/// The error word of RFC 6749 5.2, if there is one.
fn reason(body: &[u8]) -> String {
    let error = serde_json::from_slice::<Value>(body).ok().and_then(|v| v["error"].as_str().map(ToOwned::to_owned));
    let word = |s: &String| s.len() <= 64 && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    error.filter(word).unwrap_or_else(|| "it does not say why".into())
}

async fn userinfo(http: &dyn Outbound, url: &str, token: &str) -> Result<Claims, Fault> {
    let headers = vec![
        ("authorization".to_owned(), format!("Bearer {token}")),
        ("accept".to_owned(), "application/json".to_owned()),
    ];
    let request = Fetch { body: None, url: url.to_owned(), headers, most: MOST };
    let answer = crate::answer(http, USERINFO, request).await?;
    if answer.status != 200 {
        return Err(Fault::Provider(format!("{USERINFO} answers {}.", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|_| Fault::Provider(format!("{USERINFO} answers no JSON object.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        assert_eq!(basic("a:b", "p%ss w"), format!("Basic {}", STANDARD.encode("a%3Ab:p%25ss+w")));
    }

    #[test]
    fn sec_13_what_a_provider_says_goes_into_no_line_as_it_is() {
        assert_eq!(reason(br#"{"error":"invalid_grant"}"#), "invalid_grant");
        for bad in [&br#"{"error":"a\nb"}"#[..], br#"{"error":5}"#, b"<html>", b""] {
            assert_eq!(reason(bad), "it does not say why");
        }
    }
}
