//! A `UserRequestBody`, parsed: every wrong field is told, with its path as the sender knows it.
use portcullis_domain::value::{Email, Slug, line};
use portcullis_domain::{Error, FieldError, Result, fields};
use portcullis_service::user::{NewUser, SlugChoice};
use portcullis_wire_v1beta1::{CreateUserRequest, DynamicMessage, Messages, UserRequestBody, Zeros, json};
use serde_json::{Map, Value};

use super::read::Read;
use crate::encoding::Encoding;
use crate::incoming::{Incoming, not_json};
use portcullis_domain::avatar;

/// A user's fields as sent, checked.
#[derive(Debug)]
pub struct UserBody {
    /// The slug, if one was sent.
    pub name: Option<Slug>,
    /// The address, if one was sent.
    pub email: Option<Email>,
    /// The display name; may be empty (decision 3).
    pub title: String,
    /// The avatar, if one was sent.
    pub avatar: Option<String>,
    /// Free data, within its bounds.
    pub metadata: Map<String, Value>,
}

/// What else than the body a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing: `{body}`.
    BodyOnly,
    /// An id: `{id, body}`.
    WithId,
}

/// The id and the body of a request. The hot path reads JSON without the descriptor.
pub fn read(incoming: &Incoming, shape: Shape, input: &'static str) -> Result<(String, UserBody)> {
    let id = incoming.variable("id");
    let (id, body) = match incoming.encoding {
        Encoding::Rest if incoming.body.is_empty() => (id, None),
        Encoding::Rest => (id, Some(UserRequestBody::read(&incoming.body).map_err(|e| not_json(&incoming.body, &e))?)),
        Encoding::ConnectJson if shape == Shape::BodyOnly => {
            let request = CreateUserRequest::read(&incoming.body).map_err(|e| not_json(&incoming.body, &e))?;
            (id, request.body)
        }
        Encoding::ConnectJson | Encoding::ConnectProto => {
            let message = incoming.decode(&Messages::named(input))?;
            (message.text("id"), message.inner("body").map(|b| from_message(&b)).transpose()?)
        }
    };
    let body = body.ok_or_else(|| Error::field("body", "This must be there."))?;
    Ok((id, check(body, incoming)?))
}

fn from_message(body: &DynamicMessage) -> Result<UserRequestBody> {
    UserRequestBody::read(&json::write(body, Zeros::LeftOut)).map_err(Error::internal)
}

fn check(body: UserRequestBody, incoming: &Incoming) -> Result<UserBody> {
    let mut wrong: Vec<FieldError> = vec![];
    let mut note = |field: &str, message: String| {
        wrong.push(FieldError { field: incoming.prefixed(field).into(), message: message.into() });
    };
    let name = given(body.name).and_then(|s| Slug::parse(&s).map_err(|e| note("name", e.into())).ok());
    let email = given(body.email).and_then(|s| Email::parse(&s).map_err(|e| note("email", e.into())).ok());
    let title = line(&body.title, 200).map_err(|e| note("title", e)).unwrap_or_default();
    let avatar = given(body.avatar);
    if let Some(avatar) = &avatar
        && let Err(e) = avatar::either(avatar)
    {
        note("avatar", e);
    }
    let metadata = match body.metadata {
        None => Map::new(),
        Some(m) => fields::metadata(Value::Object(m)).map_err(|e| note("metadata", e.into())).unwrap_or_default(),
    };
    if wrong.is_empty() { Ok(UserBody { name, email, title, avatar, metadata }) } else { Err(Error::fields(wrong)) }
}

/// An empty string is one that was not sent: protobuf does not tell them apart.
fn given(s: String) -> Option<String> {
    if s.is_empty() { None } else { Some(s) }
}

impl UserBody {
    /// A user to make (decision 1: local, no password, role `user`).
    pub fn into_new(self) -> NewUser {
        NewUser {
            email: self.email,
            slug: self.name.map_or(SlugChoice::FromEmail, SlugChoice::Sent),
            title: self.title,
            avatar: self.avatar,
            auth_provider: portcullis_domain::user::AuthProvider::Local,
            roles: vec!["user".into()],
            password: None,
            external_id: None,
            manager_id: None,
            metadata: self.metadata,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    fn sent(encoding: Encoding, body: Vec<u8>) -> Result<(String, UserBody)> {
        let incoming = Incoming { encoding, body: body.into(), rest: None, variables: vec![], query: None };
        read(&incoming, Shape::BodyOnly, "CreateUserRequest")
    }
    fn wrong(e: &Error) -> Vec<&str> {
        e.details()["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let body = r#"{"name":"John.Doe","email":"J@Example.com","title":"John Doe","metadata":{"n":5,"later":null}}"#;
        let connect = format!("{{\"body\":{body}}}");
        let proto = json::read(Messages::named("CreateUserRequest"), connect.as_bytes()).unwrap().encode_to_vec();
        for (encoding, sent_body) in [
            (Encoding::Rest, body.as_bytes().to_vec()),
            (Encoding::ConnectJson, connect.into_bytes()),
            (Encoding::ConnectProto, proto),
        ] {
            let (_, b) = sent(encoding, sent_body).unwrap();
            assert_eq!((b.name.as_deref(), b.email.as_deref()), (Some("john.doe"), Some("j@example.com")));
            assert_eq!(Value::Object(b.metadata), serde_json::json!({ "n": 5, "later": null }));
            assert_eq!((b.title.as_str(), b.avatar), ("John Doe", None));
        }
    }

    #[test]
    fn every_wrong_field_is_told_with_the_senders_path() {
        let bad = r#"{"name":"9lives","email":"x y","title":"a\nb","avatar":"http://x","metadata":{"":1}}"#;
        let e = sent(Encoding::Rest, bad.into()).unwrap_err();
        assert_eq!(wrong(&e), ["name", "email", "title", "avatar", "metadata"]);
        let e = sent(Encoding::ConnectJson, format!("{{\"body\":{bad}}}").into_bytes()).unwrap_err();
        assert_eq!(wrong(&e)[0], "body.name");
        for (encoding, body) in [(Encoding::Rest, ""), (Encoding::ConnectJson, "{}"), (Encoding::ConnectProto, "")] {
            assert_eq!(wrong(&sent(encoding, body.into()).unwrap_err()), ["body"]);
        }
        assert_eq!(wrong(&sent(Encoding::ConnectJson, vec![]).unwrap_err()), [""]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), which in 0usize..3) {
            let _ = sent(Encoding::ALL[which], bytes);
        }
    }
}
