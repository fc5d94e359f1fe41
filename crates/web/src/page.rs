//! A page as an answer: its frame, and the headers that keep it what it is.
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::{Error, Result};
use portcullis_service::branding::Brand;

use crate::assets;
use crate::brand;
use crate::refusal::Refused;
use crate::texts::{EN, Texts};
use crate::visit::Visit;

/// What the layout of every page needs.
pub(crate) struct Frame {
    pub title: String,
    /// What was just done.
    pub done: Option<&'static str>,
    /// What there is to do first, or was not done.
    pub note: Option<&'static str>,
    /// What just did not work.
    pub problem: Option<String>,
    pub notices: Vec<String>,
    pub style: &'static str,
    /// Of a page that speaks to a passkey or security key ([`scripted`]).
    pub script: Option<&'static str>,
    pub icon: &'static str,
    /// How the tenant shows itself, where one is known.
    pub brand: Option<Brand>,
}
impl Frame {
    pub fn new(title: impl Into<String>) -> Self {
        let (style, icon) = (assets::style_path(), assets::icon_path());
        Self {
            title: title.into(),
            done: None,
            note: None,
            problem: None,
            notices: vec![],
            style,
            script: None,
            icon,
            brand: None,
        }
    }
    /// As this tenant's.
    pub fn of(self, brand: Option<&Brand>) -> Self {
        Self { brand: brand.cloned(), ..self }
    }
    /// What the page calls itself.
    pub fn name(&self) -> &str {
        self.brand.as_ref().map_or(EN.product, |b| &b.name)
    }
    /// The style sheet of the tenant's colour.
    pub fn accent(&self) -> Option<String> {
        self.brand.as_ref()?.accent.map(brand::style_path)
    }
    /// Where its logo is.
    pub fn logo(&self) -> Option<String> {
        brand::logo_path(self.brand.as_ref()?)
    }
    /// What it says to who comes.
    pub fn welcome(&self) -> Option<&str> {
        self.brand.as_ref()?.welcome.as_deref()
    }
    /// What it says to who may not get in.
    pub fn help(&self) -> Option<&str> {
        self.brand.as_ref()?.help.as_deref()
    }
    /// With the script; the page goes through [`scripted`].
    pub fn script(self) -> Self {
        Self { script: Some(assets::script_path()), ..self }
    }
    /// With the words for what a redirect says was done, or is to be.
    pub fn done(self, word: Option<&str>) -> Self {
        let done = match word.unwrap_or_default() {
            "signed_out" => Some(EN.done_signed_out),
            "password_set" => Some(EN.done_password_set),
            "reset_asked" => Some(EN.done_reset_asked),
            "address_verified" => Some(EN.done_address_verified),
            "profile" => Some(EN.done_profile),
            "picture" => Some(EN.done_picture),
            "picture_removed" => Some(EN.done_picture_removed),
            "password" => Some(EN.done_password),
            "session" => Some(EN.done_session),
            "sessions" => Some(EN.done_sessions),
            "key_revoked" => Some(EN.done_key_revoked),
            "token_deleted" => Some(EN.done_token_deleted),
            "factor_added" => Some(EN.done_factor_added),
            "factor_removed" => Some(EN.done_factor_removed),
            "application_left" => Some(EN.done_application_left),
            "device_allowed" => Some(EN.done_device_allowed),
            _ => None,
        };
        let note = match word.unwrap_or_default() {
            "factor_first" => Some(EN.factor_first),
            "sign_in_again" => Some(EN.sign_in_again),
            "sign_in_first" => Some(EN.session_ended),
            "device_denied" => Some(EN.device_denied),
            _ => None,
        };
        Self { done, note, ..self }
    }
    /// With why its form is shown again.
    pub fn refused(self, refused: Option<&Refused>) -> Self {
        let Some(r) = refused else { return self };
        Self { problem: r.message.clone(), notices: r.notices.clone(), ..self }
    }
}

/// Nothing but our own style sheet, pictures and forms; in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same with our own script.
const WITH_SCRIPT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
/// A page that may run our script.
pub(crate) fn scripted(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, WITH_SCRIPT);
    answer
}

/// Renders a page.
pub(crate) fn page(status: u16, page: &impl Template) -> Result<Response> {
    let body = page.render().map_err(Error::internal)?;
    let mut answer = dressed(Response::new(Body::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(Error::internal)?;
    Ok(answer)
}

/// With the headers of a page. The layer adds that nothing keeps it.
pub(crate) fn dressed(mut answer: Response) -> Response {
    let h = answer.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| h.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, "text/html; charset=utf-8");
    // links carry tokens: nobody else hears of them, and our own forms still say where they come from
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    h.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    answer
}

#[derive(Template)]
#[template(path = "onward.html")]
struct Onward<'a> {
    frame: Frame,
    t: &'static Texts,
    url: &'a str,
}
/// The browser goes to an application. Where a form of ours led here, a page goes there instead of a redirect: browsers let a form lead
/// only where `form-action` of its page allows, and to the end of its redirects.
pub(crate) fn show_on(visit: &Visit, url: &str) -> Result<Response> {
    if visit.parts.headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"same-origin") {
        return page(200, &Onward { frame: Frame::new(EN.onward), t: &EN, url });
    }
    redirect(url)
}

/// 303: what was sent is done; look there now.
pub(crate) fn redirect(to: &str) -> Result<Response> {
    let mut answer = dressed(Response::new(Body::empty()));
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::try_from(to).map_err(Error::internal)?);
    Ok(answer)
}
