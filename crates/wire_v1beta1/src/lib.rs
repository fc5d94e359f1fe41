//! The messages of Raystack Frontier's API, package `raystack.frontier.v1beta1` (spec v1beta1 part 2).
//!
//! `src/generated/` is made by `scripts/generate-v1beta1` from the published description and committed: the messages as a
//! descriptor, the table of the 242 calls, the rules of their fields. All messages can be read and written through their
//! descriptor ([`json`], [`Messages`]); the few that the server writes itself have a [`View`], which writes the same JSON
//! straight from a domain value. Nothing here knows HTTP.
pub mod endpoint;
pub mod json;
mod messages;
mod meta_schema;
mod object;
mod rest_era;
pub mod rule;
mod service_user;
pub mod structure;
mod timestamp;
mod user;

pub use endpoint::{ENDPOINTS, Endpoint};
pub use json::Zeros;
pub use messages::{Messages, PACKAGE};
pub use meta_schema::MetaSchemaView;
pub use object::{Object, View, write};
pub use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
pub use rest_era::REST_ERA;
pub use service_user::ServiceUserView;
pub use user::{CreateUserRequest, UserRequestBody, UserView};
