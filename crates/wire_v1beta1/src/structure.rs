//! `google.protobuf.Struct`: metadata, between its message and plain JSON.
use prost_reflect::{DynamicMessage, Value};
use serde_json::{Map, Number, Value as Json};

/// The object that a `Struct` says, keys in order. Whole numbers come back as whole numbers.
pub fn to_json(message: &DynamicMessage) -> Map<String, Json> {
    let Some(fields) = message.get_field_by_number(1) else { return Map::new() };
    let Value::Map(fields) = &*fields else { return Map::new() };
    let mut entries: Vec<(&str, &Value)> = fields.iter().filter_map(|(k, v)| Some((k.as_str()?, v))).collect();
    entries.sort_unstable_by_key(|(k, _)| *k);
    entries.into_iter().map(|(k, v)| (k.to_owned(), value_to_json(v))).collect()
}

fn value_to_json(value: &Value) -> Json {
    let Some(message) = value.as_message() else { return Json::Null };
    let Some((field, value)) = message.fields().next() else { return Json::Null };
    match (field.number(), value) {
        (2, Value::F64(n)) => number(*n),
        (3, Value::String(s)) => Json::String(s.clone()),
        (4, Value::Bool(b)) => Json::Bool(*b),
        (5, Value::Message(m)) => Json::Object(to_json(m)),
        (6, Value::Message(m)) => list_to_json(m),
        _ => Json::Null,
    }
}

/// The list that a `ListValue` says.
pub(crate) fn list_to_json(message: &DynamicMessage) -> Json {
    match message.get_field_by_number(1).as_deref() {
        Some(Value::List(items)) => items.iter().map(value_to_json).collect(),
        _ => Json::Array(vec![]),
    }
}

/// JSON knows one kind of number and protobuf's `Value` only doubles: what is whole is written without a point, so that `5`
/// comes back as `5`. NaN and the infinities have no JSON.
fn number(n: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    if n.trunc() == n && n.abs() < EXACT {
        Json::from(n as i64)
    } else {
        Number::from_f64(n).map_or(Json::Null, Json::Number)
    }
}
