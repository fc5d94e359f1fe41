//! The style sheet, the icon, and the script of the pages that speak to passkeys and security keys. Their names change with what is in them, so that a browser may keep them for good.
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use data_encoding::HEXLOWER;
use portcullis_domain::Result;

use crate::brand;
use crate::refusal::no_page;
use crate::visit::Visit;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/webauthn.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// A name that changes with what it names is kept for good.
pub(crate) const FOREVER: &str = "public, max-age=31536000, immutable";

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| named("style", STYLE, "css"));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| named("webauthn", SCRIPT, "js"));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| named("icon", ICON, "svg"));

fn named(stem: &str, content: &str, extension: &str) -> String {
    let digest = HEXLOWER.encode(&portcullis_crypto::sha256(content.as_bytes())[..8]);
    format!("/assets/{stem}-{digest}.{extension}")
}
pub(crate) fn style_path() -> &'static str {
    &STYLE_PATH
}
pub(crate) fn script_path() -> &'static str {
    &SCRIPT_PATH
}
pub(crate) fn icon_path() -> &'static str {
    &ICON_PATH
}

pub(crate) async fn serve(visit: Visit) -> Result<Response> {
    match visit.parts.uri.path() {
        path if path == *STYLE_PATH => Ok(kept(STYLE, "text/css; charset=utf-8", FOREVER)),
        path if path == *SCRIPT_PATH => Ok(kept(SCRIPT, "text/javascript; charset=utf-8", FOREVER)),
        path if path == *ICON_PATH => Ok(kept(ICON, "image/svg+xml", FOREVER)),
        path => match brand::style(path) {
            Some(style) => Ok(kept(style, "text/css; charset=utf-8", FOREVER)),
            None => Err(no_page()),
        },
    }
}
/// Where browsers look without being told.
pub(crate) async fn icon(_: Visit) -> Result<Response> {
    Ok(kept(ICON, "image/svg+xml", "public, max-age=86400"))
}

fn kept(content: impl Into<Body>, media: &'static str, long: &'static str) -> Response {
    let mut answer = Response::new(content.into());
    let h = answer.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static(long));
    // opened by itself it is an image and nothing more
    h.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    answer
}
