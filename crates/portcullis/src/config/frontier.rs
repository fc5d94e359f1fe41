//! The settings of Frontier's ways to sign in (spec v1beta1 4.2).
use super::settings::{Form, Setting, list, put, texts};

/// All of them.
pub(super) fn settings() -> [Setting; 2] {
    [
        Setting::new(
            "frontier.callback_urls",
            Form::List,
            "Pages of yours that take code and state of a mailed link to /v1beta1/auth/callback; the first one if the caller names none. \
             Without one nobody is sent a link to sign in, only a code.",
            |c, v, _| put(&mut c.frontier.callback_urls, list(v, EXPECTED, is_page)),
            |c| texts(&c.frontier.callback_urls),
        ),
        Setting::new(
            "frontier.authorized_redirect_urls",
            Form::List,
            "Pages that /v1beta1/auth/callback may lead to (return_to); each must be written as callers send it.",
            |c, v, _| put(&mut c.frontier.authorized_redirect_urls, list(v, EXPECTED, is_page)),
            |c| texts(&c.frontier.authorized_redirect_urls),
        ),
    ]
}

const EXPECTED: &str = "pages such as [\"https://app.example.com/callback\"], without fragment, user or password";

/// A whole URL that a browser may be sent to (checklist 9).
fn is_page(s: &str) -> bool {
    url::Url::parse(s).is_ok_and(|u| {
        let plain = u.username().is_empty() && u.password().is_none() && u.fragment().is_none();
        matches!(u.scheme(), "http" | "https") && plain
    })
}
