//! What did not work, in words: above a form, beside its fields, or as a page of its own.
use askama::Template;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};
use serde_json::Value;

use crate::page::{Frame, dressed, page};
use crate::texts::{EN, Texts, fill};

/// Why a form is shown again.
#[derive(Debug)]
pub(crate) struct Refused {
    pub status: u16,
    /// Above the form.
    pub message: Option<String>,
    /// Of the rules that decided.
    pub notices: Vec<String>,
    /// Seconds until it may be tried again.
    wait: Option<u64>,
    /// The link that led to the form is of no more use.
    pub dead_link: bool,
    fields: Vec<(String, String)>,
}
impl Refused {
    /// One field is wrong.
    pub fn field(name: &str, message: &str) -> Self {
        let fields = vec![(name.to_owned(), message.to_owned())];
        Self { status: 400, message: None, notices: vec![], wait: None, dead_link: false, fields }
    }
    /// It did not work, and no field is to blame.
    pub fn saying(status: u16, message: &str) -> Self {
        Self {
            status,
            message: Some(message.to_owned()),
            notices: vec![],
            wait: None,
            dead_link: false,
            fields: vec![],
        }
    }
    /// From an error of the service; those that no form can mend stay errors. Fields that the form has not are told above it.
    pub fn of(error: Error, form: &[&str]) -> Result<Self> {
        let status = error.code().http();
        if matches!(error.code(), Code::Unauthenticated | Code::TenantMismatch | Code::NotFound) || status >= 500 {
            return Err(error);
        }
        let told = error.details().get("fields").and_then(Value::as_array);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let fields: Vec<_> = told.into_iter().flatten().map(|f| (text(&f["field"]), text(&f["message"]))).collect();
        let beside = !fields.is_empty() && fields.iter().all(|(name, _)| form.contains(&name.as_str()));
        let message = (!beside).then(|| error.message().to_owned());
        let wait = error.details().get("retry_after_seconds").and_then(Value::as_u64);
        let dead_link = error.code() == Code::InvalidToken;
        Ok(Self { status, message, notices: error.notice_list().to_vec(), wait, dead_link, fields })
    }
    /// The same for a form with a field `code`, beside which it stands.
    pub fn of_code(error: Error) -> Result<Self> {
        match error.code() {
            Code::InvalidCode => Ok(Self::field("code", error.message())),
            _ => Self::of(error, &["code"]),
        }
    }
    /// The form once more.
    pub fn page(&self, form: &impl Template) -> Result<Response> {
        let mut answer = page(self.status, form)?;
        if let Some(seconds) = self.wait {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        Ok(answer)
    }
    /// A form, for the first time or once more.
    pub fn form(refused: Option<&Self>, form: &impl Template) -> Result<Response> {
        refused.map_or_else(|| page(200, form), |r| r.page(form))
    }
    pub fn of_field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, m)| m.as_str())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    frame: Frame,
    t: &'static Texts,
    message: &'a str,
    notices: &'a [String],
    number: &'a str,
}

/// 404.
pub(crate) fn no_page() -> Error {
    Error::new(Code::NotFound, EN.error_not_found_explained)
}

/// An error as a page.
pub(crate) fn render(error: &Error, request_id: &str) -> Response {
    let status = error.code().http();
    let ours = status == 500 || status == 501;
    let (title, message) = match status {
        403 => (EN.error_forbidden, error.message()),
        404 | 405 => (
            EN.error_not_found,
            if error.code() == Code::NotFound { error.message() } else { EN.error_not_found_explained },
        ),
        413 => (EN.error_large, error.message()),
        429 => (EN.error_many, error.message()),
        500 | 501 => (EN.error_ours, EN.error_ours_explained),
        503 | 504 => (EN.error_away, EN.error_away_explained),
        _ => (EN.error_refused, error.message()),
    };
    let page = Page {
        frame: Frame::new(title),
        t: &EN,
        message,
        notices: error.notice_list(),
        number: if ours { request_id } else { "" },
    };
    // without words there is still the number
    let body = page.render().unwrap_or_default();
    let mut answer = dressed(Response::new(Body::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// The hint that goes with a new password.
pub(crate) fn password_hint(least: usize) -> String {
    fill(EN.password_hint, &[("n", &least.to_string())])
}
