//! What a form makes is made once: a page that is loaded again shows the same secret and makes no second one.
//!
//! A form that makes something carries a number of its own: with what was typed it is the idempotency key of the call. So a form that
//! the browser's way back leads to again may be sent with something else.
use data_encoding::HEXLOWER;
use portcullis_domain::{Code, Error, FieldError, Id, Result};
use portcullis_service::{Answer, IdempotencyKey, Reply};
use serde_json::{Value, json};

use crate::account::Account;
use crate::form::Form;

/// The form's hidden field.
pub(crate) const FIELD: &str = "once";

/// A new number for a form.
pub(crate) fn number(account: &Account) -> String {
    Id::<Form>::new(account.cx.now, &*account.visit.edge.random).to_string()
}

/// How the service keeps what this form made.
pub(crate) fn reply<T>(form: &Form, route: &str, render: fn(&T) -> Answer) -> Reply<T> {
    let number = form.text(FIELD);
    let key = number.parse::<Id<Form>>().is_ok().then(|| IdempotencyKey {
        key: HEXLOWER.encode(&portcullis_crypto::sha256(&form.fingerprint())),
        route: format!("form {route}"),
        body: vec![],
        refuse,
    });
    Reply { key, render }
}
/// What was made, for [`made`] to read.
pub(crate) fn keep(value: &Value) -> Answer {
    Answer::new(201, value.to_string().into_bytes())
}
fn refuse(error: &Error) -> Answer {
    let body = json!({ "message": error.message(), "fields": error.details().get("fields") });
    Answer::new(error.code().http(), body.to_string().into_bytes())
}

/// What was made, now or the first time; or why it was refused then.
pub(crate) fn made(answer: &Answer) -> Result<Value> {
    let value: Value = serde_json::from_slice(&answer.body).map_err(Error::internal)?;
    if answer.status < 400 {
        return Ok(value);
    }
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let fields: Vec<FieldError> = value["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| FieldError { field: text(&f["field"]).into(), message: text(&f["message"]).into() })
        .collect();
    Err(if fields.is_empty() { Error::new(Code::InvalidInput, text(&value["message"])) } else { Error::fields(fields) })
}
