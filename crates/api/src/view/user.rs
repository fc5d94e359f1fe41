//! Users, and their own profile.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Roles, Timestamp, avatar};
use serde::Serialize;
use serde_json::{Map, Value};

use super::RoleWords;

/// User (spec 3.1), written straight from the domain value: reading one is the busiest call there is.
#[derive(Serialize)]
pub struct UserView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    roles: RoleWords,
    auth_provider: &'static str,
    active: bool,
    email_verified: bool,
    is_owner: bool,
    avatar_base64: Option<&'a str>,
    external_id: Option<&'a str>,
    manager_id: Option<Id<User>>,
    metadata: &'a Map<String, Value>,
    state: &'static str,
    /// Own roles and those of groups; live grants, which add to them, are not part of this version.
    effective_roles: RoleWords,
    mfa_enrolled: bool,
    identity_provider_id: Option<Id<IdentityProvider>>,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> UserView<'a> {
    /// With its picture.
    pub fn whole(user: &'a User, effective: Roles) -> Self {
        Self { avatar_base64: picture(user), ..Self::listed(user, effective) }
    }
    /// As a row of a list: without the picture.
    pub fn listed(user: &'a User, effective: Roles) -> Self {
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            roles: RoleWords(user.roles),
            auth_provider: user.auth_provider.as_str(),
            active: user.state.is_active(),
            email_verified: user.email_verified,
            is_owner: user.is_owner,
            avatar_base64: None,
            external_id: user.external_id.as_deref(),
            manager_id: user.manager_id,
            metadata: &user.metadata,
            state: user.state.as_str(),
            effective_roles: RoleWords(effective),
            mfa_enrolled: user.mfa_enrolled,
            identity_provider_id: user.identity_provider_id,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// An https avatar was set through the other surface and is not shown here (decision 3).
fn picture(user: &User) -> Option<&str> {
    user.avatar.as_deref().filter(|a| avatar::is_image(a))
}

/// Profile (spec 3.1).
#[derive(Serialize)]
pub struct ProfileView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    auth_provider: &'static str,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    display_name: Option<&'a str>,
    avatar_base64: Option<&'a str>,
}
impl<'a> ProfileView<'a> {
    /// One's own user.
    pub fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            auth_provider: user.auth_provider.as_str(),
            first_name: user.first_name.as_deref(),
            last_name: user.last_name.as_deref(),
            display_name: user.display_name.as_deref(),
            avatar_base64: picture(user),
        }
    }
}
