//! How an error reads on this surface (spec v1beta1 part 6, decisions 21 and 30): the codes and the beginnings of the texts are
//! Frontier's, what follows tells a person what to do.
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use portcullis_domain::{Code, Error};
use portcullis_service::Answer;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::{Value, json};

use crate::encoding::Encoding;

/// Texts that stand alone in the contract (spec 6.2).
const CONTRACT: &[&str] = &[
    "user email can't be updated",
    "role id is invalid",
    "principal is not a member of the resource",
    "service user not found",
    "this operation is not allowed with a personal access token",
    "personal access token with this name already exists",
    "unsupported authentication method",
    "principal is already a member of the resource",
    "domain name already exists for that organization",
    "invalid domain, no such host found",
    "required TXT record not found for domain verification",
    "service user credentials not found",
];

/// Of "SU else unavailable" calls.
pub const NOT_AVAILABLE: &str = "function not available at the moment";

/// For the edge: an error on a REST path.
pub fn rest(error: &Error, _request_id: &str) -> Response {
    response(Encoding::Rest, error)
}

/// For the edge: an error on a Connect path; JSON in any case, as Connect wants it.
pub fn connect(error: &Error, _request_id: &str) -> Response {
    response(Encoding::ConnectJson, error)
}

fn response(encoding: Encoding, error: &Error) -> Response {
    let answer = answer(encoding, error);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Status and body of an error.
pub fn answer(encoding: Encoding, error: &Error) -> Answer {
    let (word, number, status) = code(encoding, error.code());
    let message = message(error);
    let body = match encoding {
        Encoding::Rest => json!({ "code": number, "message": message, "details": rest_details(error) }),
        Encoding::ConnectJson | Encoding::ConnectProto => {
            let details = connect_details(error);
            if details.is_empty() {
                json!({ "code": word, "message": message })
            } else {
                json!({ "code": word, "message": message, "details": details })
            }
        }
    };
    Answer::new(status, body.to_string().into_bytes())
}

/// The Connect word, its number, the HTTP status (spec 6.1).
fn code(encoding: Encoding, code: Code) -> (&'static str, u8, u16) {
    let word = match (encoding, code) {
        (Encoding::Rest, Code::NotAvailable) => "permission_denied", // decision 21
        _ => code.connect(),
    };
    let (number, status) = number(word);
    // what is about HTTP itself keeps HTTP's own status
    let status = match code {
        Code::MethodNotAllowed => 405,
        Code::UnsupportedMediaType => 415,
        Code::PayloadTooLarge => 413,
        _ => status,
    };
    (word, number, status)
}

/// gRPC's number and the HTTP status of a word.
pub(crate) fn number(word: &str) -> (u8, u16) {
    match word {
        "canceled" => (1, 499),
        "invalid_argument" => (3, 400),
        "deadline_exceeded" => (4, 504),
        "not_found" => (5, 404),
        "already_exists" => (6, 409),
        "permission_denied" => (7, 403),
        "resource_exhausted" => (8, 429),
        "failed_precondition" => (9, 400),
        "aborted" => (10, 409),
        "out_of_range" => (11, 400),
        "unimplemented" => (12, 501),
        "internal" => (13, 500),
        "unavailable" => (14, 503),
        "data_loss" => (15, 500),
        "unauthenticated" => (16, 401),
        _ => (2, 500),
    }
}

/// Frontier's text (spec 6.2), then what is wrong and where.
fn message(error: &Error) -> String {
    let own = error.message();
    match error.code() {
        Code::Internal => "internal server error".into(),
        Code::NotAvailable => NOT_AVAILABLE.into(),
        _ if own.starts_with(beginning(error)) || CONTRACT.contains(&own) => own.into(),
        _ => match beginning(error) {
            "" => own.into(),
            beginning => format!("{beginning}: {own}"),
        },
    }
}

fn beginning(error: &Error) -> &'static str {
    let what = || error.details().get("resource").and_then(Value::as_str).unwrap_or_default();
    match error.code() {
        Code::InvalidInput | Code::Unprocessable => {
            let metadata = |field: &str| field.trim_start_matches("body.").split('.').next() == Some("metadata");
            if fields(error).next().is_none() {
                ""
            } else if fields(error).any(|(field, _)| metadata(field)) {
                "invalid syntax in body : metadata schema validation failed"
            } else {
                "invalid syntax in body"
            }
        }
        Code::Unauthenticated | Code::InvalidCredentials | Code::LoginFailed | Code::InvalidChallenge => {
            "not authenticated"
        }
        Code::Forbidden | Code::TenantMismatch | Code::MfaSetupRequired | Code::ReauthenticationRequired => {
            "not authorized"
        }
        Code::NotFound => match what() {
            "user" => "user doesn't exist",
            "metaschema" => "metaschema doesn't exist",
            "session" => "session doesn't exist",
            "group" => "group doesn't exist",
            "role" => "role doesn't exist",
            "policy" => "policy doesn't exist",
            "invitation" => "invitation not found",
            "domain" => "domain whitelist request doesn't exist",
            "prospect" => "record not found for the given input",
            _ => "not found",
        },
        Code::UserExists | Code::AlreadyExists => "already exist",
        _ => "",
    }
}

/// Field and sentence of each wrong field.
fn fields(error: &Error) -> impl Iterator<Item = (&str, &str)> {
    let list = error.details().get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|f| Some((f.get("field")?.as_str()?, f.get("message")?.as_str()?)))
}

fn rest_details(error: &Error) -> Vec<Value> {
    let mut out = vec![];
    let violations: Vec<Value> = fields(error).map(|(f, m)| json!({ "field": f, "description": m })).collect();
    if !violations.is_empty() {
        out.push(json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "field_violations": violations }));
    }
    if !error.notice_list().is_empty() {
        let notices = json!(error.notice_list()).to_string();
        out.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "POLICY_NOTICES", "domain": "portcullis", "metadata": { "notices": notices },
        }));
    }
    out
}

fn connect_details(error: &Error) -> Vec<Value> {
    let mut out = vec![];
    let violations: Vec<(&str, &str)> = fields(error).collect();
    if !violations.is_empty() {
        let debug: Vec<Value> = violations.iter().map(|(f, m)| json!({ "field": f, "message": m })).collect();
        out.push(json!({
            "type": "buf.validate.Violations", "value": STANDARD_NO_PAD.encode(violations_message(&violations)),
            "debug": { "violations": debug },
        }));
    }
    if !error.notice_list().is_empty() {
        let notices = json!(error.notice_list()).to_string();
        out.push(json!({
            "type": "google.rpc.ErrorInfo", "value": STANDARD_NO_PAD.encode(error_info(&notices)),
            "debug": { "reason": "POLICY_NOTICES", "domain": "portcullis", "metadata": { "notices": notices } },
        }));
    }
    out
}

/// `buf.validate.Violations`: violations = 1 of { field = 5: FieldPath { elements = 1 of { field_name = 2 } }, message = 3 }.
fn violations_message(violations: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![];
    for (field, message) in violations {
        let mut path = vec![];
        for part in field.split('.').filter(|p| !p.is_empty()) {
            let (name, index) =
                part.split_once('[').map_or((part, None), |(n, i)| (n, i.trim_end_matches(']').parse().ok()));
            let mut element = vec![];
            block(2, name.as_bytes(), &mut element);
            if let Some(index) = index {
                encode_key(6, WireType::Varint, &mut element); // subscript: index
                encode_varint(index, &mut element);
            }
            block(1, &element, &mut path);
        }
        let mut violation = vec![];
        block(3, message.as_bytes(), &mut violation);
        block(5, &path, &mut violation);
        block(1, &violation, &mut out);
    }
    out
}

/// `google.rpc.ErrorInfo`: reason = 1, domain = 2, metadata = 3.
fn error_info(notices: &str) -> Vec<u8> {
    let (mut out, mut entry) = (vec![], vec![]);
    block(1, b"POLICY_NOTICES", &mut out);
    block(2, b"portcullis", &mut out);
    block(1, b"notices", &mut entry);
    block(2, notices.as_bytes(), &mut entry);
    block(3, &entry, &mut out);
    out
}

/// A field of bytes.
pub(crate) fn block(tag: u32, data: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(data.len() as u64, out);
    out.extend_from_slice(data);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn of(encoding: Encoding, e: &Error) -> (u16, Value) {
        let a = answer(encoding, e);
        (a.status, serde_json::from_slice(&a.body).unwrap())
    }

    #[test]
    fn texts_begin_as_frontiers_and_go_on_for_people() {
        let e = Error::field("email", "Enter an e-mail address such as ada@example.com.");
        let (status, body) = of(Encoding::Rest, &e);
        assert_eq!((status, &body["code"]), (400, &json!(3)));
        assert_eq!(body["message"], "invalid syntax in body: email: Enter an e-mail address such as ada@example.com.");
        assert_eq!(body["details"][0]["field_violations"][0]["field"], "email");
        let (_, body) = of(Encoding::Rest, &Error::field("metadata", "label: must be an object."));
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .starts_with("invalid syntax in body : metadata schema validation failed: ")
        );
        let (status, body) = of(Encoding::ConnectJson, &Error::not_found("user"));
        assert_eq!((status, &body["code"]), (404, &json!("not_found")));
        assert!(body["message"].as_str().unwrap().starts_with("user doesn't exist") && body.get("details").is_none());
        let (status, body) = of(Encoding::Rest, &Error::internal("secret cause"));
        assert_eq!((status, body), (500, json!({ "code": 13, "message": "internal server error", "details": [] })));
    }

    #[test]
    fn a_refusal_of_what_only_superusers_may() {
        let e = Error::new(Code::NotAvailable, "no");
        assert_eq!(of(Encoding::Rest, &e).0, 403);
        assert_eq!(of(Encoding::ConnectJson, &e), (503, json!({ "code": "unavailable", "message": NOT_AVAILABLE })));
    }

    #[test]
    fn notices_are_one_detail() {
        let e = Error::new(Code::Forbidden, "No.").notices(vec!["Ask security first".into()]);
        let (status, body) = of(Encoding::ConnectJson, &e);
        assert_eq!((status, &body["message"]), (403, &json!("not authorized: No.")));
        assert_eq!(body["details"][0]["debug"]["metadata"]["notices"], "[\"Ask security first\"]");
        assert_eq!(of(Encoding::Rest, &e).1["details"][0]["metadata"]["notices"], "[\"Ask security first\"]");
    }

    #[test]
    fn every_code_has_its_number_and_status() {
        for (code, rest, connect) in [
            (Code::UserExists, (6, 409), "already_exists"),
            (Code::Unauthenticated, (16, 401), "unauthenticated"),
            (Code::TenantMismatch, (7, 403), "permission_denied"),
            (Code::IdempotencyMismatch, (3, 400), "invalid_argument"),
            (Code::IdempotencyInProgress, (10, 409), "aborted"),
            (Code::NotImplemented, (12, 501), "unimplemented"),
            (Code::MethodNotAllowed, (12, 405), "unimplemented"),
            (Code::PayloadTooLarge, (8, 413), "resource_exhausted"),
        ] {
            let e = Error::new(code, "x");
            let (status, body) = of(Encoding::Rest, &e);
            assert_eq!((body["code"].as_u64().unwrap(), status), rest);
            assert_eq!(of(Encoding::ConnectJson, &e).1["code"], connect);
        }
    }
}
