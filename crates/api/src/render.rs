//! Answers: JSON bodies, pages, errors in the form of spec 2.4.
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::headers;
use portcullis_service::{Answer, Page};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The body of an error: always all four.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    details: &'a Map<String, Value>,
    notices: &'a [String],
}

impl<'a> From<&'a Error> for ErrorBody<'a> {
    fn from(e: &'a Error) -> Self {
        Self { code: e.code().as_str(), message: e.message(), details: e.details(), notices: e.notice_list() }
    }
}

/// An error in this surface's form; the [`Renderer`](portcullis_edge::Renderer) of `/v1`.
pub fn error(error: &Error, _request_id: &str) -> Response {
    json(error.code().http(), &ErrorBody::from(error))
}

/// The same as it is kept for a repetition of the call.
pub fn refusal(error: &Error) -> Answer {
    Answer::new(error.code().http(), bytes(&ErrorBody::from(error)))
}

/// The bytes of a JSON body. Our own types always serialise; if one did not, the body would be empty and the log would say so.
pub fn bytes(value: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(640);
    if let Err(e) = serde_json::to_writer(&mut body, value) {
        tracing::error!(error = %e, "an answer could not be written");
        body.clear();
    }
    body
}

/// A JSON answer.
pub fn json(status: u16, value: &impl Serialize) -> Response {
    with_body(status, bytes(value))
}

fn with_body(status: u16, body: Vec<u8>) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    answer
}

/// 204.
pub fn nothing() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// 200 with `{"message": …}`.
pub fn message(text: &str) -> Response {
    json(200, &serde_json::json!({ "message": text }))
}

/// One stored resource with its ETag; 304 when the caller has it already.
pub fn resource(request: &HeaderMap, revision: i64, value: &impl Serialize) -> Response {
    let mut answer = if headers::none_match(request, revision) {
        let mut answer = nothing();
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        json(200, value)
    };
    answer.headers_mut().insert(header::ETAG, headers::etag(revision));
    answer
}

/// A resource after a change.
pub fn changed(revision: i64, value: &impl Serialize) -> Response {
    let mut answer = json(200, value);
    answer.headers_mut().insert(header::ETAG, headers::etag(revision));
    answer
}

/// A resource with something beside it that does not move its revision: `variant` tells its representations apart.
pub fn varied(revision: i64, variant: i64, value: &impl Serialize) -> Response {
    let mut answer = json(200, value);
    if let Ok(tag) = HeaderValue::try_from(format!("\"{revision}-{variant}\"")) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// What a use case remembered or just rendered.
pub fn answer(answer: Answer) -> Response {
    let mut response = if answer.body.is_empty() {
        let mut empty = nothing();
        *empty.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        empty
    } else {
        with_body(answer.status, answer.body)
    };
    let h = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            h.insert(name, value);
        }
    }
    if answer.replayed {
        h.insert(headers::IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// 201 with `Location` and, where the resource has a revision, `ETag`; for [`Reply`](portcullis_service::Reply).
pub fn created(location: &str, revision: Option<i64>, value: &impl Serialize) -> Answer {
    let answer = Answer::new(201, bytes(value)).header("location", location);
    match revision {
        Some(r) => answer.header("etag", format!("\"{r}\"")),
        None => answer,
    }
}

/// A page: `{data, next_cursor, has_more}`, each row seen through `view`.
pub fn page<'p, T, V: Serialize>(page: &'p Page<T>, view: impl Fn(&'p T) -> V) -> Response {
    json(200, &PageBody { page, view })
}

struct PageBody<'p, T, F> {
    page: &'p Page<T>,
    view: F,
}
impl<'p, T, V: Serialize, F: Fn(&'p T) -> V> Serialize for PageBody<'p, T, F> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        struct Rows<'a, 'p, T, F>(&'a PageBody<'p, T, F>);
        impl<'p, T, V: Serialize, F: Fn(&'p T) -> V> Serialize for Rows<'_, 'p, T, F> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_seq(self.0.page.data.iter().map(&self.0.view))
            }
        }
        let mut body = s.serialize_struct("Page", 3)?;
        body.serialize_field("data", &Rows(self))?;
        body.serialize_field("next_cursor", &self.page.next_cursor)?;
        body.serialize_field("has_more", &self.page.next_cursor.is_some())?;
        body.end()
    }
}

/// 404 for a path that nobody serves.
pub fn no_such_path() -> Error {
    Error::new(Code::NotFound, "There is nothing at this path.")
}

/// 405; axum adds `Allow`.
pub fn no_such_method() -> Error {
    Error::new(Code::MethodNotAllowed, "This path does not have this method; the Allow header names those that it has.")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(answer: Response) -> String {
        String::from_utf8(axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_error_always_has_all_four_members() {
        let answer = error(&no_such_path(), "r");
        assert_eq!(answer.status(), 404);
        assert_eq!(
            text(answer).await,
            r#"{"code":"not_found","message":"There is nothing at this path.","details":{},"notices":[]}"#
        );
    }

    #[tokio::test]
    async fn the_last_page_says_so() {
        let p = Page { data: vec![1, 2], next_cursor: None };
        assert_eq!(text(page(&p, |n| n)).await, r#"{"data":[1,2],"next_cursor":null,"has_more":false}"#);
    }
}
