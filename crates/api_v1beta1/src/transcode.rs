//! REST to message, by the rules of grpc-gateway v2 (spec v1beta1 2.2): variables of the path, the body, the query.
use std::borrow::Cow;

use portcullis_domain::{Error, Result, Timestamp};
use portcullis_wire_v1beta1::endpoint::{Body, Rest};
use portcullis_wire_v1beta1::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value, json};
use url::form_urlencoded;

use crate::incoming::{Incoming, not_json};

/// How deep `a.b.c` may go.
const DEPTH: usize = 8;

/// The request message of a REST call. The path wins over the body and the query, the body over the query.
pub fn request(descriptor: &MessageDescriptor, rest: &Rest, incoming: &Incoming) -> Result<DynamicMessage> {
    let mut message = match rest.body {
        Body::Whole if !incoming.body.is_empty() => {
            json::read(descriptor.clone(), &incoming.body).map_err(|e| not_json(&incoming.body, &e))?
        }
        _ => DynamicMessage::new(descriptor.clone()),
    };
    if let Body::Field(name) = rest.body
        && !incoming.body.is_empty()
    {
        put_body(&mut message, name, incoming)?;
    }
    if !matches!(rest.body, Body::Whole)
        && let Some(query) = &incoming.query
    {
        let taken = |name: &str| {
            incoming.variables.iter().any(|(v, _)| *v == name) || matches!(rest.body, Body::Field(b) if b == name)
        };
        put_query(&mut message, query, taken)?;
    }
    for (name, value) in &incoming.variables {
        // some REST-era paths carry a field that the message dropped since (spec 2.5)
        if let Some(field) = descriptor.get_field_by_name(name) {
            let value = scalar(&field, name, value)?;
            message.set_field(&field, value);
        }
    }
    Ok(message)
}

fn put_body(message: &mut DynamicMessage, name: &str, incoming: &Incoming) -> Result<()> {
    let Some(field) = message.descriptor_field(name) else {
        return Err(Error::internal(format!("the table names a body {name} that the message lacks")));
    };
    let value = match field.kind() {
        Kind::Message(inner) => {
            Value::Message(json::read(inner, &incoming.body).map_err(|e| not_json(&incoming.body, &e))?)
        }
        _ => Value::Bytes(incoming.body.clone()), // the provider's webhook: taken as it is
    };
    message.set_field(&field, value);
    Ok(())
}

/// Fields from a query string. What the message does not have is passed over, as grpc-gateway does.
fn put_query(message: &mut DynamicMessage, query: &str, taken: impl Fn(&str) -> bool) -> Result<()> {
    let mut seen: Vec<String> = vec![];
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (path, key) = match name.split_once('[') {
            Some((path, key)) => (path, key.strip_suffix(']')),
            None => (&*name, None),
        };
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > DEPTH {
            return Err(wrong(&name, "This goes too deep."));
        }
        let top = parts.first().and_then(|p| message.descriptor_field(p));
        if top.is_none_or(|f| taken(f.name())) {
            continue;
        }
        let again = seen.iter().any(|s| s == path);
        seen.push(path.to_owned());
        put(message, &parts, &name, key, &value, again)?;
    }
    Ok(())
}

fn put(
    message: &mut DynamicMessage,
    parts: &[&str],
    name: &str,
    key: Option<&str>,
    text: &str,
    again: bool,
) -> Result<()> {
    let Some((first, rest)) = parts.split_first() else { return Ok(()) };
    let Some(field) = message.descriptor_field(first) else { return Ok(()) };
    if !rest.is_empty() {
        if field.is_list() || field.is_map() || !matches!(field.kind(), Kind::Message(_)) {
            return Err(wrong(name, "This field has no fields inside that a query can name."));
        }
        let Some(inner) = message.get_field_mut(&field).as_message_mut() else { return Ok(()) };
        return put(inner, rest, name, key, text, again);
    }
    if field.is_map() {
        let key = key.ok_or_else(|| wrong(name, "Write entries of a map as name[key]=value."))?;
        if let Some(map) = message.get_field_mut(&field).as_map_mut() {
            map.insert(MapKey::String(key.to_owned()), Value::String(text.to_owned()));
        }
        return Ok(());
    }
    let value = scalar(&field, name, text)?;
    if field.is_list() {
        if let Some(list) = message.get_field_mut(&field).as_list_mut() {
            list.push(value);
        }
    } else if again {
        return Err(wrong(name, "Send this once."));
    } else {
        message.set_field(&field, value);
    }
    Ok(())
}

/// A value from its text in a path or a query.
fn scalar(field: &FieldDescriptor, name: &str, text: &str) -> Result<Value> {
    let number = |ok: Option<Value>| ok.ok_or_else(|| wrong(name, "This must be a whole number in range."));
    match field.kind() {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => match text {
            "true" | "True" | "TRUE" | "t" | "T" | "1" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "F" | "0" => Ok(Value::Bool(false)),
            _ => Err(wrong(name, "This must be true or false.")),
        },
        Kind::Int32 => number(text.parse().ok().map(Value::I32)),
        Kind::Uint32 => number(text.parse().ok().map(Value::U32)),
        Kind::Int64 => number(text.parse().ok().map(Value::I64)),
        Kind::Float => {
            let n = text.parse::<f32>().ok().filter(|n| n.is_finite());
            n.map(Value::F32).ok_or_else(|| wrong(name, "This must be a number."))
        }
        Kind::Enum(e) => {
            let by_name = e.get_value_by_name(text).map(|v| v.number());
            let known = by_name.or_else(|| text.parse().ok().filter(|n| e.get_value(*n).is_some()));
            known.map(Value::EnumNumber).ok_or_else(|| wrong(name, "This is not one of the known words."))
        }
        Kind::Message(m) if m.full_name() == "google.protobuf.Timestamp" => {
            let at: Timestamp =
                text.parse().map_err(|_| wrong(name, "This must be a moment such as 2024-03-03T10:30:00Z."))?;
            let mut message = DynamicMessage::new(m);
            let nanos = i32::try_from(at.micros().rem_euclid(1_000_000) * 1000).unwrap_or(0);
            message.set_field_by_number(1, Value::I64(at.seconds()));
            message.set_field_by_number(2, Value::I32(nanos));
            Ok(Value::Message(message))
        }
        _ => Err(wrong(name, "This cannot be sent in a path or a query.")),
    }
}

fn wrong(name: &str, what: &'static str) -> Error {
    Error::field(Cow::Owned(name.chars().take(100).collect()), what)
}

/// Looks a field up in either spelling.
trait Lookup {
    fn descriptor_field(&self, name: &str) -> Option<FieldDescriptor>;
}
impl Lookup for DynamicMessage {
    fn descriptor_field(&self, name: &str) -> Option<FieldDescriptor> {
        use portcullis_wire_v1beta1::ReflectMessage;
        let d = self.descriptor();
        d.get_field_by_name(name).or_else(|| d.get_field_by_json_name(name))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use crate::encoding::Encoding;
    use portcullis_wire_v1beta1::endpoint::Method;
    use portcullis_wire_v1beta1::{ENDPOINTS, Messages, Zeros};
    use proptest::prelude::*;

    fn send(rpc: &str, variables: &[(&'static str, &str)], query: &str, body: &str) -> Result<String> {
        let e = ENDPOINTS.iter().find(|e| e.rpc == rpc).unwrap();
        let incoming = Incoming {
            encoding: Encoding::Rest,
            body: body.to_owned().into(),
            rest: Some(&e.rest[0]),
            variables: variables.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
            query: (!query.is_empty()).then(|| query.to_owned()),
        };
        let m = request(&Messages::named(e.input), &e.rest[0], &incoming)?;
        Ok(String::from_utf8(json::write(&m, Zeros::LeftOut)).unwrap())
    }

    #[test]
    fn the_query_fills_a_get() {
        let sent = |q| send("ListUsers", &[], q, "").unwrap();
        assert_eq!(sent("page_size=2&pageNum=3&keyword=a%20b"), r#"{"page_size":2,"page_num":3,"keyword":"a b"}"#);
        assert_eq!(sent("org_id=x&unknown=1&state="), r#"{"org_id":"x"}"#);
        assert_eq!(
            send("ListCurrentUserGroups", &[], "with_permissions=a&withPermissions=b&with_member_count=true", "")
                .unwrap(),
            r#"{"with_permissions":["a","b"],"with_member_count":true}"#
        );
        for bad in ["page_size=x", "page_size=1.5", "page_size=99999999999", "page_size=1&page_size=2", "keyword.x=1"] {
            assert!(send("ListUsers", &[], bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_path_wins_and_the_body_is_a_field() {
        let body = r#"{"title":"T","id":"no such field here"}"#;
        assert_eq!(send("UpdateUser", &[("id", "7")], "id=8", body).unwrap(), r#"{"id":"7","body":{"title":"T"}}"#);
        assert_eq!(send("UpdateUser", &[("id", "7")], "body.title=x", "").unwrap(), r#"{"id":"7"}"#);
        let whole = send("CreateOrganizationDomain", &[("org_id", "o")], "domain=no", r#"{"domain":"d","orgId":"x"}"#);
        assert_eq!(whole.unwrap(), r#"{"org_id":"o","domain":"d"}"#);
        assert!(send("UpdateUser", &[("id", "7")], "", "[").is_err());
    }

    #[test]
    fn what_head_dropped_is_passed_over() {
        let e = ENDPOINTS.iter().find(|e| e.rpc == "GetGroup").unwrap();
        assert_eq!(e.rest[0].method, Method::Get);
        assert_eq!(send("GetGroup", &[("org_id", "o"), ("id", "g")], "", "").unwrap(), r#"{"id":"g"}"#);
    }

    proptest! {
        #[test]
        fn no_query_and_no_body_makes_it_panic(query in "[a-z_.\\[\\]=&%0-9+]{0,60}|\\PC{0,40}", body in "\\PC{0,60}", which in 0usize..242) {
            let e = &ENDPOINTS[which];
            for rest in e.rest {
                let incoming = Incoming {
                    encoding: Encoding::Rest, body: body.clone().into(), rest: Some(rest), variables: vec![("id", query.clone())],
                    query: Some(query.clone()),
                };
                let _ = incoming.message(&Messages::named(e.input));
            }
        }
        #[test]
        fn every_known_field_can_be_in_the_query(which in 0usize..242, value in "[a-z]{0,4}|[0-9]{1,6}|true|2024-03-03T10:30:00Z") {
            let e = &ENDPOINTS[which];
            let Some(rest) = e.rest.first() else { return Ok(()) };
            for field in Messages::named(e.input).fields() {
                let incoming = Incoming {
                    encoding: Encoding::Rest, body: bytes::Bytes::new(), rest: Some(rest), variables: vec![],
                    query: Some(format!("{}={value}", field.json_name())),
                };
                let _ = incoming.message(&Messages::named(e.input));
            }
        }
    }
}
