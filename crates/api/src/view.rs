//! How things look in answers: each field of spec part 3, always present, `null` where there is nothing.
mod api_key;
mod application;
mod group;
mod identity_provider;
mod policy;
mod tenant;
mod user;
mod webhook;

use portcullis_domain::Roles;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

pub use api_key::ApiKeyView;
pub use application::ApplicationView;
pub use group::{GroupMemberView, GroupMembersView, GroupRoleView, GroupView};
pub use identity_provider::{IdentityProviderView, OidcConfigView};
pub use policy::{PolicyRuleView, PolicySummaryView, WholePolicyView};
pub use tenant::{DomainView, TenantView};
pub use user::{ProfileView, UserView};
pub use webhook::{DeliveryView, WebhookView};

/// Roles as the words of this surface.
struct RoleWords(Roles);
impl Serialize for RoleWords {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut list = s.serialize_seq(None)?;
        for role in self.0.public() {
            list.serialize_element(role.as_str())?;
        }
        list.end()
    }
}
