//! An e-mail domain of a tenant (spec v1 4.5, 7.4): once it is proved, a sign-in with an address there finds the tenant.
use crate::id::Id;
use crate::time::Timestamp;
use crate::value::DomainName;

/// A domain of a tenant. Many tenants may claim it, one may have proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDomain {
    /// Made by us, version 7.
    pub id: Id<TenantDomain>,
    /// Unique in the tenant.
    pub name: DomainName,
    /// What the TXT record has to say. No secret: everybody reads it in the DNS.
    pub token: String,
    /// When it was proved; `None`: it is not.
    pub verified_at: Option<Timestamp>,
    /// When the record was last looked up.
    pub last_checked_at: Option<Timestamp>,
    /// What was wrong then.
    pub last_error: Option<String>,
    /// How many daily checks in a row missed the record.
    pub misses: i64,
    /// When it was claimed.
    pub created_at: Timestamp,
}
impl TenantDomain {
    /// Where the record has to be.
    pub fn record(&self) -> String {
        format!("_portcullis.{}", self.name)
    }
    /// What it has to say.
    pub fn value(&self) -> String {
        format!("portcullis-verify={}", self.token)
    }
}
