//! Canonical JSON (RFC 8785), written straight from `serde_json::Value`.
//!
//! Faster than a general serializer because it need not be one: keys that are already in order (they nearly always are)
//! are not sorted again, and numbers are integers. What RFC 7493 2.2 warns of never gets in: a float, or an integer
//! beyond ±(2^53 − 1), is written as a string of its digits. So two readers never disagree on a number.
use serde_json::{Map, Number, Value};

const SAFE: i64 = (1 << 53) - 1;

/// The canonical bytes of a value.
pub fn to_string(value: &Value) -> String {
    let mut out = String::with_capacity(128);
    write(&mut out, value);
    out
}

pub(crate) fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(n) => write_number(out, n),
        Value::String(s) => write_str(out, s),
        Value::Array(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, value);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(out, map),
    }
}

/// Sorted by UTF-16 code units (RFC 8785 3.2.3).
pub(crate) fn write_map(out: &mut String, map: &Map<String, Value>) {
    out.push('{');
    if is_sorted(map) {
        write_members(out, map.iter());
    } else {
        let mut members: Vec<_> = map.iter().collect();
        members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        write_members(out, members.into_iter());
    }
    out.push('}');
}

/// A `Map` is sorted bytewise, or (if some crate of the build asks for `preserve_order`) not at all. Bytes and UTF-16 agree
/// as long as nothing is at or beyond U+E000, whose UTF-8 begins with 0xEE.
fn is_sorted(map: &Map<String, Value>) -> bool {
    let mut last = "";
    map.keys().all(|key| {
        let next = last <= key.as_str() && key.bytes().all(|b| b < 0xEE);
        last = key;
        next
    })
}

fn write_members<'a>(out: &mut String, members: impl Iterator<Item = (&'a String, &'a Value)>) {
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_str(out, key);
        out.push(':');
        write(out, value);
    }
}

fn write_number(out: &mut String, n: &Number) {
    let safe = n.as_i64().filter(|n| (-SAFE..=SAFE).contains(n)).is_some();
    let text = n.to_string();
    if safe {
        out.push_str(&text);
    } else {
        write_str(out, &text);
    }
}

/// RFC 8785 3.2.2.2: the escapes of ECMAScript's `JSON.stringify`.
pub(crate) fn write_str(out: &mut String, s: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut from = 0;
    for (i, b) in s.bytes().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.push_str(&s[from..i]);
        from = i + 1;
        out.push('\\');
        match b {
            b'"' | b'\\' => out.push(b.into()),
            0x08 => out.push('b'),
            0x09 => out.push('t'),
            0x0a => out.push('n'),
            0x0c => out.push('f'),
            0x0d => out.push('r'),
            _ => {
                out.push_str("u00");
                out.push(HEX[usize::from(b >> 4)].into());
                out.push(HEX[usize::from(b & 15)].into());
            }
        }
    }
    out.push_str(&s[from..]);
    out.push('"');
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// What the canonicalizer must be given to print the same: unsafe numbers as strings.
    fn safe(value: Value) -> Value {
        match value {
            Value::Number(n) if n.as_i64().is_none_or(|n| n.abs() > SAFE) => Value::String(n.to_string()),
            Value::Array(list) => list.into_iter().map(safe).collect(),
            Value::Object(map) => map.into_iter().map(|(k, v)| (k, safe(v))).collect(),
            other => other,
        }
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-z]{0,6}",
            "\\PC{0,6}",
            any::<String>(),
            "[\u{0}-\u{1f}\"\\\\\u{7f}\u{d7ff}\u{e000}\u{ffff}\u{10000}]{0,4}"
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-SAFE + 1..SAFE).prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..5).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn the_sorting_example_of_rfc_8785() {
        let value = json!({ "\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7 });
        let want = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(to_string(&value), want);
    }

    #[test]
    fn numbers_that_readers_disagree_on_are_strings() {
        let value = json!([
            9_007_199_254_740_991_i64,
            9_007_199_254_740_992_i64,
            -9_007_199_254_740_993_i64,
            1.5,
            1e30,
            u64::MAX
        ]);
        let want = r#"[9007199254740991,"9007199254740992","-9007199254740993","1.5","1e+30","18446744073709551615"]"#;
        assert_eq!(to_string(&value), want);
    }

    proptest! {
        #[test]
        fn equals_serde_json_canonicalizer(value in any_json()) {
            prop_assert_eq!(to_string(&value), serde_json_canonicalizer::to_string(&safe(value)).unwrap());
        }
        #[test]
        fn what_is_written_is_canonical(value in any_json()) {
            let text = to_string(&value);
            prop_assert_eq!(to_string(&serde_json::from_str(&text).unwrap()), text);
        }
    }
}
