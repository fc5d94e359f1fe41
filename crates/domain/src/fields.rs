//! Reading a JSON object member by member, so that every wrong field is told at once.
use serde_json::{Map, Value};
use std::borrow::Cow;

use crate::error::{Error, FieldError, Result};

/// The members of a body. What nobody took is an unknown field.
#[derive(Debug)]
pub struct Fields {
    members: Map<String, Value>,
    prefix: Cow<'static, str>,
    errors: Vec<FieldError>,
}
impl Fields {
    /// From a parsed body object.
    pub fn new(members: Map<String, Value>) -> Self {
        Self { members, prefix: Cow::Borrowed(""), errors: vec![] }
    }
    /// The same for an object inside: errors carry `prefix` (`rules[2]`).
    pub fn nested(members: Map<String, Value>, prefix: impl Into<Cow<'static, str>>) -> Self {
        Self { members, prefix: prefix.into(), errors: vec![] }
    }
    /// Notes a wrong field.
    pub fn wrong(&mut self, field: &str, message: impl Into<Cow<'static, str>>) {
        let field = match (self.prefix.is_empty(), field.is_empty()) {
            (true, _) => field.to_owned(),
            (false, true) => self.prefix.clone().into_owned(),
            (false, false) => format!("{}.{field}", self.prefix),
        };
        self.errors.push(FieldError { field: field.into(), message: message.into() });
    }
    /// Looks without taking.
    pub fn peek(&self, field: &str) -> Option<&Value> {
        self.members.get(field)
    }
    /// Was it sent, even as null?
    pub fn has(&self, field: &str) -> bool {
        self.members.contains_key(field)
    }
    /// Takes a member as it is.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.members.remove(field)
    }
    /// Takes a member and reads it; absent and null are `None`. `read` answers the sentence to show.
    pub fn optional<T, E: Into<Cow<'static, str>>>(
        &mut self,
        field: &str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(field) {
            None | Some(Value::Null) => None,
            Some(v) => read(v).map_err(|e| self.wrong(field, e)).ok(),
        }
    }
    /// Takes a member that must be there; absent and null are answered with `missing`.
    pub fn required<T, E: Into<Cow<'static, str>>>(
        &mut self,
        field: &str,
        missing: &'static str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(field) {
            None | Some(Value::Null) => {
                self.wrong(field, missing);
                None
            }
            Some(v) => read(v).map_err(|e| self.wrong(field, e)).ok(),
        }
    }
    /// For a partial update of a nullable field: absent is `None`, null is `Some(None)`.
    pub fn patch<T, E: Into<Cow<'static, str>>>(
        &mut self,
        field: &str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.take(field) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(v) => read(v).map_err(|e| self.wrong(field, e)).ok().map(Some),
        }
    }
    /// For a partial update of a field that cannot be null.
    pub fn change<T, E: Into<Cow<'static, str>>>(
        &mut self,
        field: &str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(field) {
            None => None,
            Some(Value::Null) => {
                self.wrong(field, "This cannot be null; leave it out to keep it.");
                None
            }
            Some(v) => read(v).map_err(|e| self.wrong(field, e)).ok(),
        }
    }
    /// Takes over the errors of an object inside.
    pub fn absorb(&mut self, inner: Self) {
        self.errors.extend(inner.close());
    }
    /// Is nothing wrong so far?
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }
    /// All errors; what nobody took is unknown.
    pub fn close(mut self) -> Vec<FieldError> {
        let left: Vec<String> = self.members.keys().cloned().collect();
        for field in left {
            self.wrong(&field, "Unknown field.");
        }
        self.errors
    }
    /// The value if nothing is wrong, else every error at once.
    pub fn finish<T>(self, value: Option<T>) -> Result<T> {
        let errors = self.close();
        match value {
            Some(v) if errors.is_empty() => Ok(v),
            _ if errors.is_empty() => Err(Error::internal("a field was dropped without an error")),
            _ => Err(Error::fields(errors)),
        }
    }
}

/// A string, or the sentence that asks for one.
pub fn string(v: Value) -> Result<String, &'static str> {
    match v {
        Value::String(s) => Ok(s),
        _ => Err("This must be a string."),
    }
}
/// A boolean.
pub fn boolean(v: Value) -> Result<bool, &'static str> {
    v.as_bool().ok_or("This must be true or false.")
}
/// A whole number in a range.
pub fn integer(min: i64, max: i64) -> impl Fn(Value) -> Result<i64, String> {
    move |v| {
        v.as_i64().filter(|n| (min..=max).contains(n)).ok_or_else(|| format!("A whole number from {min} to {max}."))
    }
}
/// An object.
pub fn object(v: Value) -> Result<Map<String, Value>, &'static str> {
    match v {
        Value::Object(m) => Ok(m),
        _ => Err("This must be an object."),
    }
}
/// A list of strings.
pub fn strings(v: Value) -> Result<Vec<String>, &'static str> {
    const HINT: &str = "This must be a list of strings.";
    match v {
        Value::Array(a) => a.into_iter().map(|v| string(v).map_err(|_| HINT)).collect(),
        _ => Err(HINT),
    }
}
/// A line of 1 to `max` characters.
pub fn line(max: usize, empty: &'static str) -> impl Fn(Value) -> Result<String, String> {
    move |v| {
        let s = crate::value::line(&string(v)?, max)?;
        if s.is_empty() { Err(empty.into()) } else { Ok(s) }
    }
}
/// A text of at most `max` characters; empty counts as absent.
pub fn text(max: usize) -> impl Fn(Value) -> Result<String, String> {
    move |v| crate::value::text(&string(v)?, max)
}
/// An id.
pub fn id<T>(v: Value) -> Result<crate::Id<T>, &'static str> {
    v.as_str().and_then(|s| s.parse().ok()).ok_or("This must be a UUID.")
}
/// Metadata within its bounds: at most 16 KiB as JSON, depth 5, 64 keys of 1–128 characters (spec v1 2.6), and 256
/// values in all: small ones take many times their text once they are read.
pub fn metadata(v: Value) -> Result<Map<String, Value>, &'static str> {
    fn depth(v: &Value) -> usize {
        match v {
            Value::Object(m) => 1 + m.values().map(depth).max().unwrap_or(0),
            Value::Array(a) => 1 + a.iter().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    fn values(v: &Value) -> usize {
        match v {
            Value::Object(m) => 1 + m.values().map(values).sum::<usize>(),
            Value::Array(a) => 1 + a.iter().map(values).sum::<usize>(),
            _ => 1,
        }
    }
    let v = Value::Object(object(v)?);
    if values(&v) > 256 {
        return Err("At most 256 values in all.");
    }
    if depth(&v) > 5 {
        return Err("At most 5 levels deep.");
    }
    if v.to_string().len() > 16_384 {
        return Err("At most 16 KiB as JSON.");
    }
    let Value::Object(m) = v else { return Err("This must be an object.") };
    if m.len() > 64 || m.keys().any(|k| k.is_empty() || k.chars().count() > 128) {
        return Err("At most 64 keys of 1 to 128 characters.");
    }
    if has_nul(&m) {
        return Err("No NUL characters.");
    }
    Ok(m)
}
fn has_nul(m: &Map<String, Value>) -> bool {
    fn value(v: &Value) -> bool {
        match v {
            Value::String(s) => s.contains('\0'),
            Value::Array(a) => a.iter().any(value),
            Value::Object(m) => has_nul(m),
            _ => false,
        }
    }
    m.iter().any(|(k, v)| k.contains('\0') || value(v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(v: Value) -> Fields {
        Fields::new(object(v).unwrap())
    }

    #[test]
    fn every_wrong_field_is_told() {
        let mut f = of(json!({ "a": 1, "b": "x", "is_owner": true }));
        let a = f.required("a", "Required.", string);
        let b = f.required("b", "Required.", integer(1, 3));
        let c = f.required("c", "Required.", string);
        assert!(a.is_none() && b.is_none() && c.is_none());
        let e = f.finish(a).unwrap_err();
        let fields: Vec<&str> =
            e.details()["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["a", "b", "c", "is_owner"]);
        assert_eq!(e.message(), "4 fields need attention: a, b, c, is_owner.");
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let mut f = of(json!({ "n": null, "v": "x" }));
        assert_eq!(f.patch("absent", string), None);
        assert_eq!(f.patch("n", string), Some(None));
        assert_eq!(f.patch("v", string), Some(Some("x".into())));
        assert!(f.is_clean());
    }

    #[test]
    fn metadata_is_bounded() {
        assert!(metadata(json!({ "department": "Engineering" })).is_ok());
        assert!(metadata(json!({ "a": { "b": { "c": { "d": { "e": 1 } } } } })).is_ok());
        assert!(metadata(json!({ "a": { "b": { "c": { "d": { "e": { } } } } } })).is_err());
        assert!(metadata(json!({ "a": "x".repeat(17_000) })).is_err());
        assert!(metadata(json!({ "": 1 })).is_err());
        assert!(metadata(json!({ "a": ["\u{0}"] })).is_err());
    }
}
