//! The cookie of a session: its names and attributes, and whose calls it counts for (spec v1 2.2, decision 11).
//!
//! A browser sends a cookie along with whatever any page makes it call. So a call that changes something counts only if it says
//! that it comes from this server's own pages, or from an origin that the operator listed (checklist 17).
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use cookie::{Cookie, SameSite, time::Duration};
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_service::authenticate::Origin;
use portcullis_service::session::SessionCookie;

use crate::credential::unauthenticated;
use crate::state::Edge;

/// Bound to this host and to https by its name (RFC 6265bis 4.1.3.2).
const HOST: &str = "__Host-portcullis_session";
/// Frontier's (decision 11). Nothing here sets it, and any neighbour in the domain can: it is never preferred, and two of it are none, so
/// that a neighbour's cookie shuts nobody out.
const SID: &str = "sid";
/// Over plain http, as a browser takes no `Secure` one there.
const PLAIN: &str = "portcullis_session";

/// What a browser keeps between a sign-in at a provider and its end on a page of ours; see [`bound`].
pub const SIGN_IN: &str = "portcullis_sign_in";
/// The same for a sign-in with one of Frontier's strategies; its verifier, and where its person wanted to go.
pub const STRATEGY: &str = "portcullis_strategy";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which cookies a surface reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/v1`.
    V1,
    /// `/v1beta1`, which knows Frontier's cookie too.
    V1Beta1,
}

/// What a call does that a cookie came with.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// How it is sent.
    pub method: &'a Method,
    /// Does it change something, however it is sent?
    pub changes: bool,
}

fn names(public_url: &str, surface: Surface) -> &'static [&'static str] {
    match (is_secure(public_url), surface) {
        (true, Surface::V1) => &[HOST],
        (true, Surface::V1Beta1) => &[HOST, SID],
        (false, _) => &[PLAIN],
    }
}
fn is_secure(public_url: &str) -> bool {
    public_url.starts_with("https://")
}

/// The value of the request's session cookie, if it has one that counts. 403 `forbidden` when the call comes from elsewhere; 401 when
/// there are two of one of our names.
pub fn presented<'h>(edge: &Edge, headers: &'h HeaderMap, surface: Surface, deed: Deed<'_>) -> Result<Option<&'h str>> {
    let own = &edge.app.settings().public_url;
    let Some(value) = read(headers, names(own, surface))? else { return Ok(None) };
    if comes_from(headers, deed, |o| is_ours(edge, o)) { Ok(Some(value)) } else { Err(foreign(own)) }
}
/// Is this our own origin, or one that the operator listed?
fn is_ours(edge: &Edge, origin: &HeaderValue) -> bool {
    let own = &edge.app.settings().public_url;
    edge.config.allowed_origins.iter().chain([own]).any(|o| o.as_bytes() == origin.as_bytes())
}

fn read<'h>(headers: &'h HeaderMap, names: &[&str]) -> Result<Option<&'h str>> {
    for name in names {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut values = lines
            .flat_map(Cookie::split_parse)
            .filter_map(|c| c.ok().filter(|c| c.name() == *name).and_then(|c| c.value_raw()))
            .filter(|v| !v.is_empty());
        match (values.next(), values.next()) {
            (None, _) => {}
            (Some(value), None) => return Ok(Some(value)),
            (Some(_), Some(_)) if *name == SID => {}
            (Some(_), Some(_)) => return Err(unauthenticated("malformed")),
        }
    }
    Ok(None)
}

fn comes_from(headers: &HeaderMap, deed: Deed<'_>, is_ours: impl Fn(&HeaderValue) -> bool) -> bool {
    let safe = deed.method.is_safe();
    if safe && !deed.changes {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => is_ours(origin),
        // no browser names the origin of a plain GET, but every one says whether it is the page's own
        (None, _) if safe => {
            headers.get(SEC_FETCH_SITE).is_some_and(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
        }
        _ => false,
    }
}

/// One `Set-Cookie` for each of these.
pub fn put(answer: &mut Response, cookies: impl IntoIterator<Item = String>) -> Result<()> {
    for cookie in cookies {
        answer.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(Error::internal)?);
    }
    Ok(())
}

fn foreign(own: &str) -> Error {
    let message = format!(
        "A call with a session cookie must come from {own} or from an origin in cors.allowed_origins: its Origin header says neither."
    );
    Error::new(Code::Forbidden, message).detail("reason", "origin")
}

/// 403 `forbidden` when the page that a request comes from is given no cookie: one of another origin, or, where a browser names none, of
/// another site. A request that says neither comes from no page.
pub fn may_set(edge: &Edge, headers: &HeaderMap) -> Result<()> {
    let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
    let elsewhere = || headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"cross-site");
    let ours = if origins.peek().is_none() { !elsewhere() } else { origins.all(|o| is_ours(edge, o)) };
    if ours { Ok(()) } else { Err(foreign(&edge.app.settings().public_url)) }
}

/// 403 `forbidden` for what no page asked for: an address that somebody opened.
pub fn demand_page(edge: &Edge, headers: &HeaderMap) -> Result<()> {
    let opened = headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"none");
    if opened { Err(foreign(&edge.app.settings().public_url)) } else { Ok(()) }
}

/// `Set-Cookie` for a new session; the one whose cookie it takes the place of ends.
pub async fn replace(app: &App, origin: Origin, held: Option<&str>, session: &SessionCookie) -> Result<String> {
    if let Some(before) = held {
        app.replaced(origin, before).await?;
    }
    let own = &app.settings().public_url;
    Ok(attributes(own, name(own), session.value.expose(), session.seconds))
}
/// The value of the session cookie that this server set in this browser, whoever made it call.
pub fn held<'h>(public_url: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    read(headers, &[name(public_url)]).ok().flatten()
}
fn name(public_url: &str) -> &'static str {
    if is_secure(public_url) { HOST } else { PLAIN }
}
/// `Set-Cookie` that ends each cookie of a session, whichever surface set it.
pub fn clear(public_url: &str) -> impl Iterator<Item = String> {
    names(public_url, Surface::V1Beta1).iter().map(move |name| attributes(public_url, name, "", 0))
}
/// `Set-Cookie` for another cookie of this host's own pages, of this name, for so many seconds; 0 ends it.
pub fn bound(public_url: &str, name: &str, value: &str, seconds: i64) -> String {
    attributes(public_url, &bound_name(public_url, name), value, seconds)
}
/// Its value, if the request has one and no other beside it.
pub fn read_bound<'h>(public_url: &str, name: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    read(headers, &[&bound_name(public_url, name)]).ok().flatten()
}
fn bound_name(public_url: &str, name: &str) -> String {
    if is_secure(public_url) { format!("__Host-{name}") } else { name.to_owned() }
}
fn attributes(public_url: &str, name: &str, value: &str, seconds: i64) -> String {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure(public_url))
        .max_age(Duration::seconds(seconds))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }
    fn value(list: &[(&'static str, &'static str)], surface: Surface) -> Result<Option<String>, Code> {
        let names = names("https://id.example.com", surface);
        read(&headers(list), names).map(|v| v.map(str::to_owned)).map_err(|e| e.code())
    }

    #[test]
    fn each_surface_reads_its_names() {
        let both = [("cookie", "a=b; sid=one"), ("cookie", "__Host-portcullis_session=two")];
        assert_eq!(value(&both, Surface::V1), Ok(Some("two".into())));
        assert_eq!(value(&both, Surface::V1Beta1), Ok(Some("two".into())));
        assert_eq!(value(&both[..1], Surface::V1), Ok(None));
        assert_eq!(value(&both[..1], Surface::V1Beta1), Ok(Some("one".into())));
        assert_eq!(value(&[("cookie", "sid=")], Surface::V1Beta1), Ok(None));
        for surface in [Surface::V1, Surface::V1Beta1] {
            let two = [("cookie", "__Host-portcullis_session=a"), ("cookie", "__Host-portcullis_session=b")];
            assert_eq!(value(&two, surface), Err(Code::Unauthenticated));
        }
        // a neighbour in the domain can set these beside another one
        assert_eq!(value(&[("cookie", "sid=a; sid=b")], Surface::V1Beta1), Ok(None));
        assert_eq!(value(&[("cookie", "sid=a"), ("cookie", "sid=b")], Surface::V1Beta1), Ok(None));
        assert_eq!(value(&[("cookie", "portcullis_session=a")], Surface::V1), Ok(None));
        assert_eq!(value(&[("cookie", ";;=; =x;sid;\"")], Surface::V1Beta1), Ok(None));
    }

    #[test]
    fn changes_come_from_own_pages() {
        let own = |o: &HeaderValue| o == "https://id.example.com";
        let may = |method: Method, changes, list: &[(&'static str, &'static str)]| {
            comes_from(&headers(list), Deed { method: &method, changes }, own)
        };
        let here = ("origin", "https://id.example.com");
        assert!(may(Method::GET, false, &[("origin", "https://evil.example")]));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(may(method.clone(), false, &[here]));
            let foreign: [&[_]; 6] = [
                &[],
                &[("origin", "null")],
                &[("origin", "https://id.example.com.evil.example")],
                &[("origin", "http://id.example.com")],
                &[here, ("origin", "https://evil.example")],
                &[("sec-fetch-site", "same-origin")],
            ];
            for list in foreign {
                assert!(!may(method.clone(), true, list), "{method} {list:?}");
            }
        }
        // a GET that changes something
        assert!(may(Method::GET, true, &[here]));
        assert!(may(Method::GET, true, &[("sec-fetch-site", "same-origin")]));
        assert!(may(Method::GET, true, &[("sec-fetch-site", "none")]));
        for list in [&[][..], &[("sec-fetch-site", "same-site")], &[("sec-fetch-site", "cross-site")]] {
            assert!(!may(Method::GET, true, list), "{list:?}");
        }
    }

    #[test]
    fn another_cookie_is_bound_to_its_host_too() {
        let set = bound("https://id.example.com", "x", "v", 60);
        assert_eq!(set, "__Host-x=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let of = |own, sent| read_bound(own, "x", &headers(&[("cookie", sent)])).map(str::to_owned);
        assert_eq!(of("https://id.example.com", "x=a; __Host-x=b"), Some("b".into()));
        assert_eq!(of("https://id.example.com", "x=a"), None);
        assert_eq!(of("https://id.example.com", "__Host-x=a; __Host-x=b"), None);
        assert_eq!(of("http://localhost:7400", "x=a"), Some("a".into()));
    }

    #[test]
    fn cookies_are_for_no_script_and_no_other_site() {
        let ends: Vec<String> = clear("https://id.example.com").collect();
        let rest = "=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        assert_eq!(ends, [format!("__Host-portcullis_session{rest}"), format!("sid{rest}")]);
        let ends: Vec<String> = clear("http://localhost:7400").collect();
        assert_eq!(ends, ["portcullis_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"]);
    }
}
