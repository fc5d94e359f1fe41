//! An e-mail domain of an organization: who has a proved address there may join by themselves (spec v1beta1 3.12). The domains
//! of the tenant are another table (decision 20): `tenant_domain.rs`.
use crate::id::Id;
use crate::organization::Organization;
use crate::time::Timestamp;
use crate::value::DomainName;

/// A claim that nobody proved is kept so long: 7 days.
pub const PENDING_SECONDS: i64 = 7 * 86_400;

/// A domain of an organization. Two organizations may prove the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationDomain {
    /// Made by us, version 7.
    pub id: Id<OrganizationDomain>,
    /// Whose.
    pub organization_id: Id<Organization>,
    /// Unique in the organization.
    pub name: DomainName,
    /// The whole text of the TXT record that proves it. No secret: everybody reads it in the DNS.
    pub token: String,
    /// Was it proved?
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
impl OrganizationDomain {
    /// The word in API and database.
    pub const fn state(&self) -> &'static str {
        if self.verified { VERIFIED } else { PENDING }
    }
}

/// The state of a claim.
pub const PENDING: &str = "pending";
/// The state of what was proved.
pub const VERIFIED: &str = "verified";
