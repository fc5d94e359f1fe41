//! Values of a body, each with the name that a refusal tells.
use portcullis_domain::{Result, value};
use serde_json::Value;

use crate::Fault;

/// One line of text; nothing, if it is empty or null.
pub(crate) fn line(name: &str, v: Option<&Value>, most: usize) -> Result<Option<String>> {
    let text = match v {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Fault::InvalidValue.because(format!("{name}: this must be text."))),
    };
    let text = value::line(text, most).map_err(|e| Fault::InvalidValue.because(format!("{name}: {e}")))?;
    Ok((!text.is_empty()).then_some(text))
}
/// True or false, which some directories write as text.
pub(crate) fn boolean(name: &str, v: Option<&Value>) -> Result<Option<bool>> {
    match v {
        None | Some(Value::Null) => Ok(None),
        Some(v) => match truth(v) {
            Some(b) => Ok(Some(b)),
            None => Err(Fault::InvalidValue.because(format!("{name}: true or false."))),
        },
    }
}
pub(crate) fn truth(v: &Value) -> Option<bool> {
    match v {
        Value::Bool(b) => Some(*b),
        Value::String(s) if s.eq_ignore_ascii_case("true") => Some(true),
        Value::String(s) if s.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
