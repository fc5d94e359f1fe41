//! JSON of any message, by its descriptor (spec v1beta1 2.2, decision 40).
//!
//! Read: names in either spelling, unknown fields ignored, 64-bit numbers as string or number. Written: names as in the
//! .proto, 64-bit numbers as strings, enums by name, `Struct` as plain JSON.
use base64::Engine as _;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

use portcullis_domain::Timestamp;

use crate::{structure, timestamp};

/// Are fields written that hold their zero?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// Yes, as REST always did: `""`, `false`, `"0"`, `[]`, and `null` for a message that is not there.
    Written,
    /// No, as Connect does.
    LeftOut,
}

/// Reads a message from its JSON; the error says where.
pub fn read(message: MessageDescriptor, text: &[u8]) -> Result<DynamicMessage, serde_json::Error> {
    let mut input = serde_json::Deserializer::from_slice(text);
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(message, &mut input, &options)?;
    input.end()?;
    Ok(message)
}

/// The same, for what we wrote ourselves: a field that the message does not have is a mistake.
pub fn read_strictly(message: MessageDescriptor, text: &[u8]) -> Result<DynamicMessage, serde_json::Error> {
    let mut input = serde_json::Deserializer::from_slice(text);
    let message = DynamicMessage::deserialize(message, &mut input)?;
    input.end()?;
    Ok(message)
}

/// Writes a message.
pub fn write(message: &DynamicMessage, zeros: Zeros) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_message(message, zeros, &mut out);
    out
}

fn write_message(message: &DynamicMessage, zeros: Zeros, out: &mut Vec<u8>) {
    let descriptor = message.descriptor();
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => return timestamp::write(moment(message), out),
        "google.protobuf.Struct" => return text(&structure::to_json(message), out),
        "google.protobuf.ListValue" => return text(&structure::list_to_json(message), out),
        _ => {}
    }
    out.push(b'{');
    let begin = out.len();
    for field in descriptor.fields() {
        let given = message.has_field(&field);
        if !given && (zeros == Zeros::LeftOut || field.containing_oneof().is_some()) {
            continue;
        }
        if out.len() > begin {
            out.push(b',');
        }
        text(field.name(), out);
        out.push(b':');
        if !given && field.supports_presence() {
            out.extend_from_slice(b"null");
        } else {
            write_field(&message.get_field(&field), &field, zeros, out);
        }
    }
    out.push(b'}');
}

fn write_field(value: &Value, field: &FieldDescriptor, zeros: Zeros, out: &mut Vec<u8>) {
    match value {
        Value::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(item, &field.kind(), zeros, out);
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            let mut entries: Vec<(String, &Value)> = entries.iter().map(|(k, v)| (key(k), v)).collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let kind = match field.kind() {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other,
            };
            out.push(b'{');
            for (i, (k, v)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                text(k, out);
                out.push(b':');
                write_value(v, &kind, zeros, out);
            }
            out.push(b'}');
        }
        one => write_value(one, &field.kind(), zeros, out),
    }
}

fn write_value(value: &Value, kind: &Kind, zeros: Zeros, out: &mut Vec<u8>) {
    match value {
        Value::Bool(b) => text(b, out),
        Value::I32(n) => text(n, out),
        Value::U32(n) => text(n, out),
        Value::I64(n) => text(&n.to_string(), out),
        Value::U64(n) => text(&n.to_string(), out),
        Value::F32(n) => float(f64::from(*n), n, out),
        Value::F64(n) => float(*n, n, out),
        Value::String(s) => text(s, out),
        Value::Bytes(b) => text(&base64::engine::general_purpose::STANDARD.encode(b), out),
        Value::EnumNumber(n) => {
            let name = kind.as_enum().and_then(|e| Some(e.get_value(*n)?.name().to_owned()));
            match name {
                Some(name) => text(&name, out),
                None => text(n, out),
            }
        }
        Value::Message(m) => write_message(m, zeros, out),
        Value::List(_) | Value::Map(_) => out.extend_from_slice(b"null"), // lists hold no lists in protobuf
    }
}

fn float(n: f64, as_given: &impl serde::Serialize, out: &mut Vec<u8>) {
    if n.is_finite() {
        text(as_given, out);
    } else if n.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if n > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

fn text(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value); // a Vec takes everything
}

fn key(k: &MapKey) -> String {
    match k {
        MapKey::Bool(b) => b.to_string(),
        MapKey::I32(n) => n.to_string(),
        MapKey::I64(n) => n.to_string(),
        MapKey::U32(n) => n.to_string(),
        MapKey::U64(n) => n.to_string(),
        MapKey::String(s) => s.clone(),
    }
}

/// The moment that a `google.protobuf.Timestamp` says, to the microsecond.
pub fn moment(message: &DynamicMessage) -> Timestamp {
    let seconds = message.get_field_by_number(1).and_then(|v| v.as_i64()).unwrap_or(0);
    let nanos = message.get_field_by_number(2).and_then(|v| v.as_i32()).unwrap_or(0);
    Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1000)))
}
