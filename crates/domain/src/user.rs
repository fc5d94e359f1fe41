//! A person.
use serde_json::{Map, Value};

use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::role::Roles;
use crate::time::Timestamp;
use crate::value::{Email, Slug};

/// Where a user signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthProvider {
    /// Here, with a password.
    Local,
    /// At an OpenID provider.
    Oidc,
    /// At a SAML identity provider.
    Saml,
}
impl AuthProvider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::Oidc, Self::Saml];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Oidc => "oidc",
            Self::Saml => "saml",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
}

/// Where a user stands (spec v1 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Named, but has not set a first password.
    Invited,
    /// May sign in.
    Active,
    /// May not; nothing of theirs works.
    Suspended,
}
impl UserState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Invited, Self::Active, Self::Suspended];
    /// The word in `/v1` and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
    /// The word on `/v1beta1` (decision 1).
    pub const fn frontier(self) -> &'static str {
        match self {
            Self::Suspended => "disabled",
            Self::Invited | Self::Active => "enabled",
        }
    }
    /// `active` on `/v1`: false only when suspended.
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Suspended)
    }
}

/// A user, the same one on both surfaces.
#[derive(Clone, Debug)]
pub struct User {
    /// Made by us, version 7.
    pub id: Id<User>,
    /// Unique in the tenant.
    pub email: Email,
    /// `name` on `/v1beta1`; unique in the tenant.
    pub slug: Slug,
    /// The display name: `name` on `/v1`, `title` on `/v1beta1`; may be empty there.
    pub title: String,
    /// Where they sign in.
    pub auth_provider: AuthProvider,
    /// The identity provider that they came or were linked through.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
    /// Invited, active or suspended.
    pub state: UserState,
    /// Was the address proved?
    pub email_verified: bool,
    /// Own roles.
    pub roles: Roles,
    /// The tenant's owner; exactly one.
    pub is_owner: bool,
    /// Https URL or image data URI. Read with the single user only.
    pub avatar: Option<String>,
    /// The id in the customer's own directory.
    pub external_id: Option<String>,
    /// Their manager.
    pub manager_id: Option<Id<User>>,
    /// Free data.
    pub metadata: Map<String, Value>,
    /// Of the profile.
    pub first_name: Option<String>,
    /// Of the profile.
    pub last_name: Option<String>,
    /// Of the profile.
    pub display_name: Option<String>,
    /// Last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// Has a second factor. Changed with the factors alone, never with the rest of the user.
    pub mfa_enrolled: bool,
    /// Made when.
    pub created_at: Timestamp,
    /// Changed when.
    pub updated_at: Timestamp,
    /// The row's revision: the ETag.
    pub revision: i64,
}
impl User {
    /// The name to show: the title, else the slug (decision 1).
    pub fn name(&self) -> &str {
        if self.title.is_empty() { &self.slug } else { &self.title }
    }
    /// Cedar tags: the strings of `metadata.attributes` (decision 4).
    pub fn tags(&self) -> Vec<(String, String)> {
        match self.metadata.get("attributes") {
            Some(Value::Object(m)) => m.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect(),
            _ => vec![],
        }
    }
}
