//! `User` and what creates or changes one: the hot messages, read and written without the descriptor.
use std::fmt;
use std::marker::PhantomData;

use portcullis_domain::user::User;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::object::{Object, View};

/// A user as this API shows it.
#[derive(Clone, Copy, Debug)]
pub struct UserView<'a>(pub &'a User);
impl View for UserView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let user = self.0;
        object.id("id", user.id);
        object.text("name", &user.slug);
        object.text("title", &user.title);
        object.text("email", &user.email);
        object.structure("metadata", &user.metadata);
        object.time("created_at", user.created_at);
        object.time("updated_at", user.updated_at);
        object.text("state", user.state.frontier());
        object.text("avatar", user.avatar.as_deref().unwrap_or_default());
    }
}

/// What a body says about a user. A field that is null or not there reads as empty.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct UserRequestBody {
    /// The slug.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub name: String,
    /// The address.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub email: String,
    /// Free data.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The display name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub title: String,
    /// Https URL or image data URI.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub avatar: String,
}
impl UserRequestBody {
    /// From JSON, as REST sends it.
    pub fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<OnlyObject<Self>>(text).map(|o| o.0)
    }
}

/// `CreateUser`'s request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct CreateUserRequest {
    /// Must be there.
    #[serde(default, deserialize_with = "object_or_null")]
    pub body: Option<UserRequestBody>,
}
impl CreateUserRequest {
    /// From JSON, as Connect sends it.
    pub fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<OnlyObject<Self>>(text).map(|o| o.0)
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(input).map(Option::unwrap_or_default)
}

fn object_or_null<'de, D: Deserializer<'de>>(input: D) -> Result<Option<UserRequestBody>, D::Error> {
    Option::<OnlyObject<UserRequestBody>>::deserialize(input).map(|o| o.map(|o| o.0))
}

/// serde would read a struct from a list too; protobuf's JSON does not.
struct OnlyObject<T>(T);
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OnlyObject<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }
        input.deserialize_map(Members(PhantomData)).map(Self)
    }
}
