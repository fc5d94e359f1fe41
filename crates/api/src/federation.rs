//! `/v1/auth`: signing in at an identity provider (spec 4.2, 9.3).
use axum::body::Body as HttpBody;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::identity_provider::ProviderType;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::federation::{Place, SignInMethods};
use portcullis_service::federation_end::{Callback, Due, VouchedFor};
use portcullis_service::session::Hold;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::auth::{hold, signed_in};
use crate::call::Visit;
use crate::op::{Access, Body, Op, Param, Route, Shape, param};
use crate::query::Query;
use crate::render;

const DOMAIN: Param = param("domain", "string", "Of an e-mail address.");
const SLUG: Param = param("slug", "string", "A tenant's.");

static PROVIDERS: Op = Op::get(
    "/v1/auth/providers",
    "signInMethods",
    "",
    "How people sign in: by the domain of their address, or a tenant's slug.",
    (200, Shape::Json("SignInMethods")),
)
.access(Access::Auth)
.query(&[DOMAIN, SLUG])
.refuses(&[Code::NotFound]);
static START: Op = Op::get(
    "/v1/auth/start",
    "beginSignIn",
    "",
    "Begin a sign-in at a provider: 302 to it, or with mode json where the browser goes. It has to end within ten minutes.",
    (200, Shape::Json("SignInBegun")),
)
.access(Access::Auth)
.redirects()
.query(&[
    param("provider_id", "uuid", "At this provider; or else domain, or slug."),
    DOMAIN,
    SLUG,
    param("redirect_uri", "string", "Where the browser comes back to: one of the tenant's, to the letter."),
    param("code_challenge", "string", "Base64url of the SHA-256 of a secret that you keep (RFC 7636, S256): only who sends that as code_verifier ends the sign-in."),
    param("mode", "string", "redirect or json."),
])
.refuses(&[Code::NotFound, Code::NotConfigured, Code::UpstreamFailed, Code::NotImplemented]);
static CALLBACK: Op = Op::post(
    "/v1/auth/callback",
    "finishSignIn",
    "",
    "End a sign-in at a provider with what the browser brought back. Counts once.",
    Body::Json("Callback"),
    (200, Shape::Json("LoginResult")),
)
.access(Access::Auth)
.refuses(&[Code::LoginFailed, Code::UpstreamFailed, Code::NotImplemented]);

static RETURN: Op = Op::get(
    "/v1/auth/callback",
    "returnFromProvider",
    "",
    "Where a provider sends browsers back to that began on this server's own pages: register this address there. 303 to the page that \
     ends the sign-in.",
    (303, Shape::Empty),
)
.access(Access::Auth)
.query(&RETURNED);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![PROVIDERS.open(providers), START.open(start), CALLBACK.open(callback), RETURN.open(forward)]
}

async fn providers(visit: Visit) -> Result<Response> {
    let place = place(visit.query(), false)?;
    let methods = visit.app().sign_in_methods(place).await?;
    Ok(render::json(200, &shown(&methods)))
}
pub(crate) fn shown(m: &SignInMethods) -> Value {
    let mut methods = vec!["local"];
    for kind in [ProviderType::Oidc, ProviderType::Saml] {
        if m.providers.iter().any(|p| p.kind == kind) {
            methods.push(kind.as_str());
        }
    }
    let providers: Vec<Value> = m
        .providers
        .iter()
        .map(|p| json!({ "id": p.id, "name": p.name, "type": p.kind.as_str(), "start_url": p.start_url }))
        .collect();
    json!({ "tenant_id": m.tenant_id, "methods": methods, "providers": providers })
}

async fn start(visit: Visit) -> Result<Response> {
    let mut q = visit.query();
    let redirect_uri = q.read("redirect_uri", |s| bounded(s, 2_048));
    let challenge = q.read("code_challenge", s256);
    let plain = q.word("mode", |w| ["redirect", "json"].contains(&w).then_some(w == "json"), "One of redirect, json.");
    let place = place(q, true)?;
    let missing = || Error::field("redirect_uri", "Send where the browser shall come back to.");
    let redirect_uri = redirect_uri.ok_or_else(missing)?;
    let begun = visit.app().begin_sign_in(visit.origin(), place, redirect_uri, challenge).await?;
    if plain == Some(true) {
        let answer = json!({
            "authorization_url": begun.authorization_url, "state": begun.state, "expires_at": begun.expires_at,
        });
        return Ok(render::json(200, &answer));
    }
    let mut answer = Response::new(HttpBody::empty());
    *answer.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::try_from(begun.authorization_url).map_err(Error::internal)?;
    answer.headers_mut().insert(header::LOCATION, location);
    Ok(answer)
}

async fn callback(mut visit: Visit) -> Result<Response> {
    let (back, hold) = back(visit.take_fields())?;
    visit.may_hold(hold)?;
    let done = visit.app().finish_sign_in(visit.origin(), back, hold).await?;
    signed_in(visit, &done.signed_in, due(&done)).await
}
/// What a restricted session wants (spec 9.2).
pub(crate) fn due(done: &VouchedFor) -> Value {
    match &done.due {
        None => json!({}),
        Some(Due::Enrolment) => json!({ "mfa_setup_required": true }),
        Some(Due::Factor(step)) => {
            json!({ "mfa_required": true, "challenge_id": step.challenge_id.expose(), "methods": step.methods })
        }
    }
}
pub(crate) fn back(mut f: Fields) -> Result<(Callback, Hold)> {
    let text = |most| move |v: Value| bounded(&fields::string(v)?, most);
    let code = f.required("code", "Send the code that the browser brought.", text(4_096));
    let redirect_uri = f.required("redirect_uri", "Send the address to which it was brought.", text(2_048));
    let state = f.required("state", "Send the state that the browser brought.", text(512));
    let issuer = f.optional("iss", text(2_048));
    let verifier = f.optional("code_verifier", |v: Value| verifier(&fields::string(v)?));
    let hold = hold(&mut f);
    let back = code.zip(redirect_uri).zip(state);
    f.finish(back.map(|((code, redirect_uri), state)| (Callback { code, redirect_uri, state, issuer, verifier }, hold)))
}
/// What a provider's answer has of what is read (RFC 6749 4.1.2, RFC 9207); it may add other names.
const RETURNED: [Param; 4] = [
    param("code", "string", "What is redeemed."),
    param("state", "string", "As of the beginning."),
    param("error", "string", "Why there is no code."),
    param("iss", "string", "Who the provider says it is."),
];
/// The page has the words for what went wrong, and the cookie.
async fn forward(visit: Visit) -> Result<Response> {
    let names = RETURNED.map(|p| p.name);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(visit.raw_query().as_bytes()) {
        if names.contains(&&*name) {
            query.append_pair(&name, &value);
        }
    }
    let mut answer = Response::new(HttpBody::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let to = format!("/sign-in/callback?{}", query.finish());
    answer.headers_mut().insert(header::LOCATION, HeaderValue::try_from(to).map_err(Error::internal)?);
    Ok(answer)
}
/// RFC 7636 4.2 with S256, which is the only way.
fn s256(text: &str) -> Result<String, &'static str> {
    let fine = text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fine {
        Ok(text.to_owned())
    } else {
        Err("Send the base64url of the SHA-256 of your code_verifier: 43 characters.")
    }
}
/// RFC 7636 4.1.
fn verifier(text: &str) -> Result<String, &'static str> {
    let fine =
        (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    if fine { Ok(text.to_owned()) } else { Err("Send 43 to 128 letters, digits, or any of -._~.") }
}
/// Text that is compared and nothing else: taken as it is.
fn bounded(text: &str, most: usize) -> Result<String, &'static str> {
    let fine = !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err("This is empty, too long, or holds control characters.") }
}

/// The one place that is named, and the end of the query.
fn place(mut q: Query, with_provider: bool) -> Result<Place> {
    let provider = if with_provider { q.id("provider_id") } else { None };
    let (domain, slug) = (q.filled("domain", 253), q.filled("slug", 63));
    let place = match (provider, domain, slug) {
        (Some(id), None, None) => Some(Place::Provider(id)),
        (None, Some(domain), None) => Some(Place::Domain(domain)),
        (None, None, Some(slug)) => Some(Place::Slug(slug)),
        _ => None,
    };
    match place {
        Some(place) => q.finish(place),
        None if with_provider => q.lacks("provider_id", "Send one of provider_id, domain and slug."),
        None => q.lacks("domain", "Send one of domain and slug."),
    }
}
