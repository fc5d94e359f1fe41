//! One request and its answer, as the edge sees them: id, origin, and later the caller's context.
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::http::{Extensions, HeaderMap, HeaderName, header::USER_AGENT, request::Parts};
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_service::authenticate::Origin;

use crate::address;
use crate::rate::Limited;
use crate::state::Listener;

/// `X-Request-ID`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The other end of the connection; [`serve`](crate::serve) puts it into each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What the layer and the handler of one request share.
#[derive(Debug)]
pub struct Exchange {
    origin: Origin,
    started: Instant,
    cx: OnceLock<Ctx>,
    limited: OnceLock<Limited>,
}
impl Exchange {
    /// Begins one: takes or makes the request id, finds the client's address.
    pub(crate) fn begin(edge: &Listener, headers: &HeaderMap, extensions: &Extensions) -> Arc<Self> {
        let peer = extensions.get::<Peer>().map(|p| p.0);
        let origin = Origin {
            request_id: accepted_id(headers).unwrap_or_else(|| fresh_id(edge)),
            ip: address::client(peer, headers, &edge.config.trusted_proxies),
            user_agent: user_agent(headers),
        };
        Arc::new(Self { origin, started: Instant::now(), cx: OnceLock::new(), limited: OnceLock::new() })
    }
    /// The exchange of a request that came through [`EdgeLayer`](crate::EdgeLayer).
    pub fn of_request(request: &axum::extract::Request) -> Option<Arc<Self>> {
        request.extensions().get::<Arc<Self>>().cloned()
    }
    /// The same, once a request was taken apart.
    pub fn of(parts: &Parts) -> Result<Arc<Self>> {
        let found = parts.extensions.get::<Arc<Self>>().cloned();
        found.ok_or_else(|| Error::internal("a router without EdgeLayer"))
    }
    /// Where the request comes from, for `App::identify` and its like.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
    /// The request's id.
    pub fn request_id(&self) -> &Arc<str> {
        &self.origin.request_id
    }
    /// Tells the layer who is calling: the log line names them, and the notices collected in `cx` go into the answer.
    pub fn enter(&self, cx: &Ctx) {
        let _ = self.cx.set(cx.clone());
    }
    /// Who is calling, once [`enter`](Self::enter) was told.
    pub fn cx(&self) -> Option<&Ctx> {
        self.cx.get()
    }
    /// Tells the layer which `RateLimit-*` headers the answer gets.
    pub fn limited(&self, limited: Limited) {
        let _ = self.limited.set(limited);
    }
    pub(crate) fn limit(&self) -> Option<&Limited> {
        self.limited.get()
    }
    pub(crate) fn started(&self) -> Instant {
        self.started
    }
}

/// `[A-Za-z0-9._-]{1,128}`, sent once.
fn accepted_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let value = headers.get(&X_REQUEST_ID)?.as_bytes();
    let fine = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let text = std::str::from_utf8(value).ok()?;
    ((1..=128).contains(&value.len()) && value.iter().all(fine)).then(|| text.into())
}

fn fresh_id(edge: &Listener) -> Arc<str> {
    let id = Id::<Exchange>::new(edge.clock.now(), &*edge.random).uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    Arc::from(&*id.hyphenated().encode_lower(&mut text))
}

/// Cut to 512 bytes at a character's edge; one that is no text is left out.
fn user_agent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = std::str::from_utf8(headers.get(USER_AGENT)?.as_bytes()).ok()?;
    let text = &text[..text.floor_char_boundary(512)];
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_request_id_is_kept_only_if_it_is_harmless() {
        let of = |v: &[u8]| {
            let mut h = HeaderMap::new();
            h.insert(X_REQUEST_ID, HeaderValue::from_bytes(v).unwrap());
            accepted_id(&h).map(|s| s.to_string())
        };
        assert_eq!(of(b"abc.DEF_1-2").as_deref(), Some("abc.DEF_1-2"));
        for bad in [&b""[..], b"a b", b"a\"b", "é".as_bytes(), b"a;b", &[b'a'; 129]] {
            assert_eq!(of(bad), None);
        }
    }

    #[test]
    fn a_long_user_agent_is_cut_at_a_character() {
        let mut h = HeaderMap::new();
        h.insert(USER_AGENT, HeaderValue::from_bytes(format!("{}é", "a".repeat(511)).as_bytes()).unwrap());
        assert_eq!(user_agent(&h).unwrap().len(), 511);
    }
}
