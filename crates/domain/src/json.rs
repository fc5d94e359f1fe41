//! Strict JSON: one object, no key twice anywhere, no deeper than [`DEPTH`]. One pass, straight into `serde_json::Value`.
use std::fmt;

use crate::{Error, Result};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// How many objects and lists may lie inside one another, the body itself included.
pub const DEPTH: usize = 32;

/// Reads a body that must be one JSON object; the error is 400 with the place of what is wrong, field `""`.
pub fn object(body: &[u8]) -> Result<Map<String, Value>> {
    parse(body, Strict { depth: DEPTH, object: true }).and_then(|v| match v {
        Value::Object(m) => Ok(m),
        _ => Err(Error::internal("the strict reader let something else than an object through")),
    })
}

/// The same for a body that may be any JSON value.
pub fn value(body: &[u8]) -> Result<Value> {
    parse(body, Strict { depth: DEPTH, object: false })
}

fn parse(body: &[u8], seed: Strict) -> Result<Value> {
    let mut de = serde_json::Deserializer::from_slice(body);
    let read = seed.deserialize(&mut de).and_then(|v| de.end().map(|()| v));
    read.map_err(|e| {
        let (line, column) = (e.line(), e.column());
        let text = e.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        let noun = if seed.object { "one JSON object" } else { "JSON" };
        Error::field("", format!("The body must be {noun} (line {line}, column {column}: {what})."))
    })
}

/// Reads a value with at most `depth` levels.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    /// Must it be an object?
    object: bool,
}
impl Strict {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, object: false }),
            None => Err(E::custom(format_args!("nested deeper than {DEPTH} levels"))),
        }
    }
    fn scalar<E: de::Error>(self, found: de::Unexpected<'_>, value: Value) -> Result<Value, E> {
        if self.object { Err(E::invalid_type(found, &self)) } else { Ok(value) }
    }
}
impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}
impl<'de> Visitor<'de> for Strict {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.object { "an object" } else { "a JSON value" })
    }
    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Value, E> {
        self.scalar(de::Unexpected::Bool(v), Value::Bool(v))
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        self.scalar(de::Unexpected::Signed(v), Value::Number(v.into()))
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        self.scalar(de::Unexpected::Unsigned(v), Value::Number(v.into()))
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        self.scalar(de::Unexpected::Float(v), Number::from_f64(v).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        self.visit_string(v.to_owned())
    }
    fn visit_string<E: de::Error>(self, v: String) -> Result<Value, E> {
        // The text itself stays out of the message: it may be a password.
        self.scalar(de::Unexpected::Other("string"), Value::String(v))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.scalar(de::Unexpected::Other("null"), Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        if self.object {
            return Err(de::Error::invalid_type(de::Unexpected::Other("list"), &self));
        }
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(v) = seq.next_element_seed(inner)? {
            list.push(v);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match map.entry(key) {
                Entry::Occupied(e) => {
                    let key: String = e.key().chars().take(64).collect();
                    return Err(de::Error::custom(format_args!("the key {key:?} is there twice")));
                }
                Entry::Vacant(e) => {
                    e.insert(members.next_value_seed(inner)?);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(body: &str) -> String {
        object(body.as_bytes()).unwrap_err().details()["fields"][0]["message"].as_str().unwrap().to_owned()
    }
    fn nested(levels: usize) -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
    }

    #[test]
    fn broken_bodies_are_told_their_place() {
        assert_eq!(
            message("[]"),
            "The body must be one JSON object (line 1, column 2: invalid type: list, expected an object)."
        );
        assert!(message("{\"email\": ").starts_with("The body must be one JSON object (line 1, column 10: EOF"));
        assert!(message("{\n  \"a\": nope }").contains("(line 2, column 9: "), "{}", message("{\n  \"a\": nope }"));
        for bad in
            ["", "null", "true", "1", "-1", "1.5", "\"secret\"", "{} {}", "{\"a\":1,}", "{'a':1}", "{\"a\":1e999}"]
        {
            assert!(!message(bad).contains("secret"));
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err() && object(b"\xef\xbb\xbf{}").is_err());
    }

    #[test]
    fn no_key_twice_anywhere() {
        for bad in ["{\"a\":1,\"a\":1}", "{\"x\":{\"a\":1,\"\\u0061\":2}}", "{\"x\":[{\"a\":1,\"b\":2,\"a\":3}]}"] {
            assert!(message(bad).contains("the key \"a\" is there twice"), "{}", message(bad));
        }
        assert!(object(b"{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}").is_ok());
    }

    #[test]
    fn depth_ends_at_32() {
        assert!(object(nested(32).as_bytes()).is_ok());
        assert!(message(&nested(33)).contains("deeper than 32"));
        assert!(message(&nested(100_000)).contains("deeper than 32"));
    }

    #[test]
    fn a_key_that_serde_json_uses_inside_is_a_plain_key() {
        let m = object(b"{\"$serde_json::private::RawValue\":\"{}\"}").unwrap();
        assert_eq!(m.len(), 1);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e12..1e12f64).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::String),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::btree_map("\\PC{0,6}", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn equals_serde_json_where_no_key_is_twice(v in any_json()) {
            let text = v.to_string();
            prop_assert_eq!(value(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
        }
        #[test]
        fn never_panics_and_never_accepts_more(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(v) = value(&bytes) {
                prop_assert_eq!(v, serde_json::from_slice::<Value>(&bytes).unwrap());
            }
        }
        #[test]
        fn never_panics_on_what_looks_like_json(s in "[\\[\\]{}:,\"a-b0-9.eE+\\\\ nul-]{0,40}") {
            if let Ok(m) = object(s.as_bytes()) {
                prop_assert_eq!(Value::Object(m), serde_json::from_str::<Value>(&s).unwrap());
            }
        }
    }
}
