//! Messages around resources: errors, lists, what is asked for in a body (RFC 7644 3.4.2, 3.4.3, 3.12).
use portcullis_domain::scim::SCIM_TYPE;
use portcullis_domain::{Code, Error};
use serde_json::{Map, Value, json};

/// The schema of a patch.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The status of an error here: meaning that `/v1` answers with 422 is an invalid value.
pub fn status(e: &Error) -> u16 {
    match e.code() {
        Code::Unprocessable => 400,
        code => code.http(),
    }
}
/// An error as SCIM tells it.
pub fn error(e: &Error) -> Value {
    let of_code = match e.code() {
        Code::UserExists | Code::AlreadyExists => Some("uniqueness"),
        Code::Unprocessable => Some("invalidValue"),
        // everything else that is malformed says itself what it is
        Code::InvalidInput => Some("invalidSyntax"),
        _ => None,
    };
    let said = e.details().get(SCIM_TYPE).and_then(Value::as_str).or(of_code);
    let mut out = json!({ "schemas": [ERROR], "status": status(e).to_string(), "detail": e.message() });
    if let Some(word) = said {
        out["scimType"] = json!(word);
    }
    out
}
/// A part of a list.
pub fn list(total: usize, start: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(), "Resources": resources,
    })
}
/// The member of this name, whatever its case.
pub fn member<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    members.get(name).or_else(|| members.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn an_error_says_its_type_where_there_is_one() {
        let e = error(&Fault::InvalidPath.because("There is no such attribute."));
        assert_eq!(
            e,
            json!({ "schemas": [ERROR], "status": "400", "scimType": "invalidPath", "detail": "There is no such attribute." })
        );
        assert_eq!(error(&Error::new(Code::UserExists, "x"))["scimType"], "uniqueness");
        assert_eq!(error(&Error::new(Code::Unprocessable, "x"))["status"], "400");
        assert!(error(&Error::not_found("user")).get("scimType").is_none());
        assert_eq!(error(&Error::field("", "The body must be one JSON object."))["scimType"], "invalidSyntax");
    }
}
