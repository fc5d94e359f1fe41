//! A short way to write a schema: one line a field, `name* kind` for what must be sent, `kind?` for what may be null.
//!
//! Kinds: `string`, `string(1..200)`, `integer`, `integer(60..86400)`, `boolean`, `object`, `any`, `uuid`, `date-time`, `email`,
//! `uri`, `a|b|c` (an enum), `#Name` (another schema), `#One|#Other` (any of them), `[kind]`
//! (a list).
use serde_json::{Map, Value, json};

/// A schema: its name, what it is, its fields.
pub(super) type Row = (&'static str, &'static str, &'static [&'static str]);

/// The schema of one field's kind.
pub fn kind(text: &str) -> Value {
    if let Some(inner) = text.strip_suffix('?') {
        return nullable(kind(inner));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return json!({ "type": "array", "items": kind(inner) });
    }
    if text.starts_with('#') && text.contains('|') {
        return json!({ "anyOf": text.split('|').map(kind).collect::<Vec<_>>() });
    }
    if let Some(name) = text.strip_prefix('#') {
        return json!({ "$ref": format!("#/components/schemas/{name}") });
    }
    if text.contains('|') {
        return json!({ "type": "string", "enum": text.split('|').collect::<Vec<_>>() });
    }
    let (word, range) =
        text.strip_suffix(')').and_then(|t| t.split_once('(')).map_or((text, None), |(w, r)| (w, Some(r)));
    let mut schema = match word {
        "any" => json!({}),
        "string" | "integer" | "boolean" | "object" => json!({ "type": word }),
        format => json!({ "type": "string", "format": format }),
    };
    if let Some((min, max)) = range.and_then(|r| r.split_once("..")) {
        let (low, high) = if word == "integer" { ("minimum", "maximum") } else { ("minLength", "maxLength") };
        for (name, bound) in [(low, min), (high, max)] {
            if let Ok(n) = bound.parse::<i64>() {
                schema[name] = n.into();
            }
        }
    }
    schema
}

fn nullable(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(t @ Value::String(_)) => {
            schema["type"] = json!([t, "null"]);
            if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                words.push(Value::Null);
            }
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// An object's schema from its lines. `answer`: every field is present unless its name ends in `?`; else only those with `*`
/// must be sent. What is not named is refused in requests, and may be added to answers.
pub fn object(about: &str, lines: &[&str], answer: bool) -> Value {
    let (mut properties, mut required) = (Map::new(), vec![]);
    for line in lines {
        let (name, rest) = line.split_once(' ').unwrap_or((line, "any"));
        let (rest, description) = rest.split_once(" – ").map_or((rest, None), |(k, d)| (k, Some(d)));
        let mut schema = kind(rest);
        if let Some(d) = description {
            schema["description"] = d.into();
        }
        let must = if answer { !name.ends_with('?') } else { name.ends_with('*') };
        let name = name.trim_end_matches(['*', '?']);
        if must {
            required.push(name);
        }
        properties.insert(name.into(), schema);
    }
    let mut object = json!({ "type": "object", "description": about, "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    if !answer {
        object["additionalProperties"] = false.into();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(kind("string(1..200)"), json!({ "type": "string", "minLength": 1, "maxLength": 200 }));
        assert_eq!(
            kind("[user|admin]"),
            json!({ "type": "array", "items": { "type": "string", "enum": ["user", "admin"] } })
        );
        assert_eq!(kind("uuid?"), json!({ "type": ["string", "null"], "format": "uuid" }));
        let both = json!([{ "$ref": "#/components/schemas/User" }, { "$ref": "#/components/schemas/Group" }]);
        assert_eq!(kind("#User|#Group"), json!({ "anyOf": both }));
        assert_eq!(kind("#User?"), json!({ "anyOf": [{ "$ref": "#/components/schemas/User" }, { "type": "null" }] }));
    }

    #[test]
    fn answers_hold_every_field_and_requests_refuse_others() {
        let lines = ["id uuid", "note? string"];
        assert_eq!(object("", &lines, true)["required"], json!(["id"]));
        let o = object("", &["name* string", "note string"], false);
        assert_eq!((&o["required"], &o["additionalProperties"]), (&json!(["name"]), &json!(false)));
    }
}
