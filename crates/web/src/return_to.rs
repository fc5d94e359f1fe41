//! Where somebody wanted to go before they were asked to sign in: only ever to a page of ours that shows something (checklist 9).
use axum::http::Method;
use axum::http::request::Parts;
use url::form_urlencoded;

/// Pages that one may be sent to after signing in, with what is below them. No call that does something by a GET is among them.
const PAGES: &[&str] = &["/account"];
/// Below a tenant's own path too: an application's request, and a device to confirm. Neither does anything without the person or what
/// they allowed before.
const PAGES_OF_TENANTS: &[&str] = &["/oauth2/authorize", "/device"];
/// Where it goes when nothing was said.
const START: &str = "/account";
/// No link of ours is longer.
const LONGEST: usize = 6_144;

/// A path and query of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnTo(Option<String>);

impl ReturnTo {
    /// What a link or a form says; anything that is no page of ours is as if nothing was said.
    pub fn read(said: Option<&str>) -> Self {
        Self(said.filter(|s| is_own_page(s)).map(str::to_owned))
    }
    /// The page that was asked for; of a form, the page that it is on.
    pub fn of(parts: &Parts) -> Self {
        if parts.method == Method::GET || parts.method == Method::HEAD {
            return Self::read(parts.uri.path_and_query().map(|p| p.as_str()));
        }
        let area: Vec<&str> = parts.uri.path().split('/').take(3).collect();
        Self::read(Some(&area.join("/")))
    }
    /// As a form's hidden field; empty when nothing was said.
    pub fn said(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
    pub fn path(&self) -> &str {
        self.0.as_deref().unwrap_or(START)
    }
    /// The tenant whose page it is, if it is one of those.
    pub fn tenant(&self) -> Option<&str> {
        let path = self.said().split('?').next().unwrap_or_default();
        of_tenant(path).map(|(slug, _)| slug)
    }
    /// The link to sign in and come here.
    pub fn sign_in(&self) -> String {
        link("/sign-in", &[("return_to", self.said()), ("done", if self.0.is_some() { "sign_in_first" } else { "" })])
    }
}

/// A link of ours with these in its query, but for those that are empty.
pub(crate) fn link(path: &str, query: &[(&str, &str)]) -> String {
    let said = query.iter().filter(|(_, v)| !v.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn is_own_page(said: &str) -> bool {
    let (path, query) = said.split_once('?').unwrap_or((said, ""));
    // nothing in a path that a browser reads in another way than we do: no dots, no escapes, no second slash
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'/' | b'-');
    let harmless = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\' | b'"' | b'<' | b'>');
    let below = |page: &&str| path.strip_prefix(*page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    said.len() <= LONGEST
        && path.bytes().all(plain)
        && !path.contains("//")
        && query.bytes().all(harmless)
        && (PAGES.iter().any(below) || of_tenant(path).is_some_and(|(_, page)| PAGES_OF_TENANTS.contains(&page)))
}
/// A tenant's slug, and the path of a page below its own.
fn of_tenant(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/t/")?;
    let at = rest.find('/')?;
    let (slug, page) = rest.split_at(at);
    (!slug.is_empty()).then_some((slug, page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sec_09_only_pages_of_ours() {
        for good in [
            "/account",
            "/account/keys",
            "/account/tokens?organization=1",
            "/account?a=%2F%2Fevil",
            "/t/acme/oauth2/authorize?client_id=1&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb",
            "/t/acme/device?user_code=BCDF-GHJK",
        ] {
            assert_eq!(ReturnTo::read(Some(good)).path(), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/account",
            "javascript:alert(1)",
            "/accountant",
            "/account/../v1beta1/auth/logout",
            "/account/%2e%2e/x",
            "/account//evil.example",
            "/account\r\nset-cookie: a=b",
            "/account?a\r\nb",
            "/account#x",
            " /account",
            "/v1beta1/auth/logout",
            "account",
            "/t/acme/oauth2/end-session",
            "/t/acme/oauth2/authorize/x",
            "/t//oauth2/authorize",
            "/t/oauth2/authorize",
            "/t/acme/x/oauth2/authorize",
            "/t/acme//oauth2/authorize",
            &format!("/account?{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(ReturnTo::read(Some(bad)).path(), START, "{bad}");
        }
        assert_eq!(ReturnTo::read(None).path(), START);
    }

    proptest! {
        #[test]
        fn sec_09_no_text_leads_away(s in "[/\\\\.:a-z%@?#\\t\\r\\n ]{0,20}|/account[ -~]{0,12}") {
            let base = url::Url::parse("https://id.example.com/sign-in").unwrap();
            let url = base.join(ReturnTo::read(Some(&s)).path()).unwrap();
            prop_assert_eq!(url.origin(), base.origin());
            prop_assert!(url.path().starts_with("/account"));
        }
    }
}
