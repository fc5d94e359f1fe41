//! What things are: ids, values that cannot be wrong, entities, errors and ports.
//!
//! Pure: no IO, no clock, no async runtime. Everything that comes from outside is parsed into one of these types once, at
//! the edge, and is not checked again behind it.
pub mod access_role;
pub mod api_key;
pub mod audit;
pub mod avatar;
pub mod branding;
pub mod context;
pub mod device;
pub mod dns;
pub mod error;
pub mod event_name;
pub mod fields;
pub mod group;
pub mod id;
pub mod identity_provider;
pub mod invitation;
pub mod json;
pub mod kyc;
pub mod mail;
pub mod meta_schema;
pub mod mfa;
pub mod openid;
pub mod organization;
pub mod organization_domain;
pub mod outbound;
pub mod permission;
pub mod personal_token;
pub mod policy;
pub mod port;
pub mod preference;
pub mod preference_trait;
pub mod project;
pub mod prospect;
pub mod provider_config;
pub mod redirect_uri;
pub mod relation;
pub mod resource;
pub mod role;
pub mod role_binding;
pub mod service_credential;
pub mod service_user;
pub mod session;
pub mod tenant;
pub mod tenant_domain;
pub mod time;
pub mod user;
pub mod value;
pub mod webhook;

pub use context::{Credential, Ctx, Principal, Subject};
pub use error::{Code, Error, FieldError, Result};
pub use id::Id;
pub use role::{Role, Roles};
pub use time::Timestamp;
