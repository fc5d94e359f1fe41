//! Any message survives JSON and binary, in either spelling and with or without zeros.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use portcullis_wire_v1beta1::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Messages, Value, Zeros, json,
};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

/// A message with random fields; `budget` bounds its size.
fn random_message(descriptor: &MessageDescriptor, rng: &mut TestRng, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            message.set_field_by_number(1, Value::I64(i64::from(rng.next_u32())));
            message.set_field_by_number(2, Value::I32((rng.next_u32() % 1_000_000).cast_signed() * 1000));
            return message;
        }
        "google.protobuf.Value" => {
            let (number, value) = match rng.next_u32() % 4 {
                0 => (2, Value::F64(f64::from(rng.next_u32()) / 8.0)),
                1 => (3, Value::String(random_text(rng))),
                2 => (4, Value::Bool(rng.next_u32().is_multiple_of(2))),
                _ => (1, Value::EnumNumber(0)),
            };
            message.set_field_by_number(number, value);
            return message;
        }
        _ => {}
    }
    for field in descriptor.fields() {
        if rng.next_u32().is_multiple_of(3) || (depth == 0 && matches!(field.kind(), Kind::Message(_))) {
            continue;
        }
        let value = random_field(&field, rng, depth);
        if field.supports_presence() || !value.is_default_for_field(&field) {
            message.set_field(&field, value);
        }
    }
    message
}

fn random_field(field: &FieldDescriptor, rng: &mut TestRng, depth: u32) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!() };
        let kind = entry.map_entry_value_field().kind();
        let n = rng.next_u32() % 3;
        return Value::Map(
            (0..n).map(|i| (MapKey::String(format!("k{i}")), random_value(&kind, rng, depth))).collect(),
        );
    }
    if field.is_list() {
        let n = rng.next_u32() % 3;
        return Value::List((0..n).map(|_| random_value(&field.kind(), rng, depth)).collect());
    }
    random_value(&field.kind(), rng, depth)
}

fn random_value(kind: &Kind, rng: &mut TestRng, depth: u32) -> Value {
    match kind {
        Kind::Bool => Value::Bool(rng.next_u32().is_multiple_of(2)),
        Kind::Int32 => Value::I32(rng.next_u32().cast_signed()),
        Kind::Uint32 => Value::U32(rng.next_u32()),
        Kind::Int64 => Value::I64(rng.next_u64().cast_signed()),
        Kind::Float => Value::F32(f32::from_bits(rng.next_u32()).clamp(-1e30, 1e30).max(-1e30)),
        Kind::String => Value::String(random_text(rng)),
        Kind::Bytes => Value::Bytes((0..rng.next_u32() % 9).map(|i| i as u8).collect::<Vec<u8>>().into()),
        Kind::Enum(e) => Value::EnumNumber((rng.next_u32() as usize % e.values().len()).try_into().unwrap_or(0)),
        Kind::Message(m) => Value::Message(random_message(m, rng, depth.saturating_sub(1))),
        other => panic!("the API does not use {other:?}"),
    }
}

fn random_text(rng: &mut TestRng) -> String {
    ["", "ada", "\"q\"\\", "ü\u{1F600}", "line\nbreak", "\u{0}\u{1f}"][rng.next_u32() as usize % 6].to_owned()
}

#[test]
fn every_message_survives_both_forms() {
    use prost::Message;
    let mut rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut seen = 0;
    for descriptor in Messages::all() {
        for _ in 0..8 {
            let message = random_message(&descriptor, &mut rng, 3);
            let binary = message.encode_to_vec();
            assert_eq!(DynamicMessage::decode(descriptor.clone(), binary.as_slice()).unwrap(), message);
            for zeros in [Zeros::Written, Zeros::LeftOut] {
                let text = json::write(&message, zeros);
                let back = json::read_strictly(descriptor.clone(), &text)
                    .unwrap_or_else(|e| panic!("{}: {e}: {}", descriptor.full_name(), String::from_utf8_lossy(&text)));
                assert_eq!(json::write(&back, zeros), text);
            }
            // what camelCase clients send
            let camel = serde_json::to_vec(&message).unwrap();
            let back = json::read(descriptor.clone(), &camel).unwrap();
            assert_eq!(json::write(&back, Zeros::Written), json::write(&message, Zeros::Written));
        }
        seen += 1;
    }
    assert!(seen >= 596, "{seen}");
}

#[test]
fn zeros_are_written_for_rest_and_left_out_for_connect() {
    let check = DynamicMessage::new(Messages::named("CheckResourcePermissionResponse"));
    assert_eq!(json::write(&check, Zeros::Written), b"{\"status\":false}");
    assert_eq!(json::write(&check, Zeros::LeftOut), b"{}");
    let user = DynamicMessage::new(Messages::named("User"));
    let text = String::from_utf8(json::write(&user, Zeros::Written)).unwrap();
    assert!(text.contains("\"metadata\":null") && text.contains("\"title\":\"\""), "{text}");
    let config = DynamicMessage::new(Messages::named("Product.BehaviorConfig"));
    let text = String::from_utf8(json::write(&config, Zeros::Written)).unwrap();
    assert!(text.contains("\"seat_limit\":\"0\""), "{text}");
    // of a oneof, only what was chosen
    let filter = json::read(Messages::named("RQLFilter"), br#"{"name":"n","boolValue":false,"later":1}"#).unwrap();
    assert_eq!(json::write(&filter, Zeros::LeftOut), br#"{"name":"n","bool_value":false}"#);
    assert_eq!(json::write(&filter, Zeros::Written), br#"{"name":"n","operator":"","bool_value":false}"#);
}

#[test]
fn metadata_comes_back_as_it_was_sent() {
    let text = br#"{"body":{"metadata":{"b":{"c":[1,2.5,true,null]},"a":"x"}}}"#;
    let message = json::read(Messages::named("CreateUserRequest"), text).unwrap();
    assert_eq!(
        json::write(&message, Zeros::LeftOut),
        br#"{"body":{"metadata":{"a":"x","b":{"c":[1,2.5,true,null]}}}}"#
    );
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0usize..596) {
        let descriptor = Messages::all().nth(which).unwrap();
        let _ = json::read(descriptor.clone(), &bytes);
        if let Ok(m) = DynamicMessage::decode(descriptor, bytes.as_slice()) {
            let _ = json::write(&m, Zeros::Written);
        }
    }
}
