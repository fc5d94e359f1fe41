//! A request of an application on its way to a handler, and who it proves to be (RFC 6749 2.3).
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::application::Application;
use portcullis_domain::{Error, Result};
use portcullis_edge::{EdgeState, Exchange, Limited, body, credential};
use portcullis_service::authenticate::Presented;
use portcullis_service::provider::{Failure, OAuthError, Outcome, Provider, Refusal};
use url::form_urlencoded;

use crate::render;

/// A request.
pub(crate) struct Call {
    edge: EdgeState,
    exchange: Arc<Exchange>,
    pub parts: Parts,
    /// Locked by nobody: so that what only looks at a request may wait while it does.
    body: Mutex<Body>,
}

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Runs a handler; what it refuses is answered in the form of OAuth, and to pages of any origin.
pub(crate) fn handled<H, F>(
    handler: H,
) -> impl Fn(State<EdgeState>, Request) -> Answering + Clone + Send + Sync + 'static
where
    H: Fn(Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Outcome<Response>> + Send,
{
    move |State(edge): State<EdgeState>, request: Request| {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let exchange = match Exchange::of(&parts) {
                Ok(exchange) => exchange,
                Err(error) => return render::error(&error, ""),
            };
            let call = Call { edge, exchange: exchange.clone(), parts, body: Mutex::new(body) };
            let mut answer = match handler(call).await {
                Ok(answer) => answer,
                Err(Failure::Refused(refusal)) => render::refusal(&refusal),
                Err(Failure::Failed(error)) => portcullis_edge::refuse(render::error, &error, &exchange),
            };
            allow(&mut answer);
            answer
        })
    }
}
fn allow(answer: &mut Response) {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
/// What a browser asks before a page of another origin calls.
pub(crate) async fn from_anywhere() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    allow(&mut answer);
    let h = answer.headers_mut();
    h.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
    h.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    h.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    answer
}

impl Call {
    /// The provider that the path names.
    pub async fn provider(&self) -> Result<Provider> {
        let path = self.parts.uri.path();
        let slug = path.split('/').skip_while(|part| *part != "t").nth(1).unwrap_or_default();
        self.edge.app.openid_provider(self.exchange.origin().clone(), slug).await
    }
    /// The fields of the form that was sent.
    pub async fn form(&mut self) -> Outcome<Form> {
        body::demand_type(&self.parts.headers, "application/x-www-form-urlencoded")?;
        let body = std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner));
        Form::read(&body::read(&self.edge.config, body).await?)
    }
    /// The application that asks. Who proves nothing is counted by address.
    pub async fn client(&self, provider: &Provider, form: &Form) -> Outcome<Application> {
        let found = match self.shown(form) {
            Ok((id, secret)) => provider.client(&id, secret.as_deref()).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(Failure::Refused(Refusal { error: OAuthError::InvalidClient, .. })) = &found {
            self.count()?;
        }
        found
    }
    fn shown(&self, form: &Form) -> Outcome<(String, Option<String>)> {
        let invalid = |error, why| Failure::Refused(Refusal::new(error, why));
        let unreadable = |_: Error| invalid(OAuthError::InvalidClient, "The Authorization header is not readable.");
        match credential::presented(&self.parts.headers).map_err(unreadable)? {
            Presented::Basic(text) => {
                let twice = "Authenticate by one method: the header or client_secret.";
                let (id, secret) = basic(text)
                    .ok_or_else(|| invalid(OAuthError::InvalidClient, "The Authorization header is not readable."))?;
                if form.get("client_secret").is_some() || form.get("client_id").is_some_and(|said| said != id) {
                    return Err(invalid(OAuthError::InvalidRequest, twice));
                }
                Ok((id, Some(secret)))
            }
            Presented::Nothing => {
                let id = form.required("client_id")?;
                Ok((id.to_owned(), form.get("client_secret").map(str::to_owned)))
            }
            _ => Err(invalid(OAuthError::InvalidClient, "Authenticate by client_secret_basic or client_secret_post.")),
        }
    }
    /// Counts a call of an address; 429 beyond the limit.
    pub fn count(&self) -> Result<()> {
        self.within(self.edge.rate.auth(self.exchange.origin().ip))
    }
    /// The same, of a device that asks whether somebody confirmed it.
    pub fn count_poll(&self) -> Result<()> {
        self.within(self.edge.rate.poll(self.exchange.origin().ip))
    }
    fn within(&self, limited: Option<Limited>) -> Result<()> {
        let Some(limited) = limited else { return Ok(()) };
        self.exchange.limited(limited);
        limited.check()
    }
}

/// Id and secret, each encoded as a form is (RFC 6749 2.3.1).
fn basic(text: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |part: &str| {
        let pair = format!("x={}", part.replace('&', "%26"));
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

/// The fields of a form, each once (RFC 6749 3.2).
pub(crate) struct Form(Vec<(String, String)>);
impl Form {
    fn read(body: &[u8]) -> Outcome<Self> {
        let all: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().take(100).collect();
        let twice = |(n, (name, _)): (usize, &(String, String))| all[..n].iter().any(|(earlier, _)| earlier == name);
        if all.iter().enumerate().any(twice) {
            let refusal = Refusal::new(OAuthError::InvalidRequest, "Each parameter is sent once.");
            return Err(Failure::Refused(refusal));
        }
        Ok(Self(all))
    }
    /// What was sent under this name; empty counts as nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }
    /// The same, which must be there.
    pub fn required(&self, name: &str) -> Outcome<&str> {
        let refusal = Refusal::new(OAuthError::InvalidRequest, "A parameter that this request needs is missing.");
        self.get(name).ok_or(Failure::Refused(refusal))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_as_a_form_is() {
        let of = |text: &str| basic(&STANDARD.encode(text)).unwrap();
        assert_eq!(of("a:b:c"), ("a".into(), "b:c".into()));
        assert_eq!(of("a%3Ab:c+d%20&e"), ("a:b".into(), "c d &e".into()));
        assert!(basic("?").is_none() && basic(&STANDARD.encode("a")).is_none());
    }

    #[test]
    fn a_field_that_is_sent_twice_is_wrong() {
        assert!(Form::read(b"a=1&b=2&a=1").is_err());
        let form = Form::read(b"a=1&b=").ok().unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.required("b").is_err()), (Some("1"), None, true));
    }
}
