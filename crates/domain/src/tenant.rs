//! The wall that nothing crosses.
use crate::id::Id;
use crate::mfa::MfaPolicy;
use crate::time::Timestamp;
use crate::user::User;
use crate::value::Slug;

/// The number that stands for a tenant in every row (engine.md 11). Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantKey(pub i64);

/// Is the tenant alive?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// In use.
    Active,
    /// Its credentials are dead; rows go after 30 days.
    Deleting,
}

/// A tenant (spec v1 3.1).
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The number in rows.
    pub key: TenantKey,
    /// The public id.
    pub id: Id<Tenant>,
    /// 1–200 characters.
    pub name: String,
    /// Unique on the server, fixed.
    pub slug: Slug,
    /// BCP 47.
    pub locale: String,
    /// The one tenant that administers the others.
    pub is_master: bool,
    /// Active or on its way out.
    pub state: TenantState,
    /// The owner's id.
    pub owner_user_id: Option<Id<User>>,
    /// The owner's address.
    pub owner_email: Option<String>,
    /// Of its domains, the one that was proved first.
    pub primary_domain: Option<String>,
    /// AWS access portal.
    pub sso_start_url: Option<String>,
    /// Its region.
    pub sso_region: Option<String>,
    /// Made when.
    pub created_at: Timestamp,
    /// Changed when.
    pub updated_at: Timestamp,
    /// The row's revision: the ETag.
    pub revision: i64,
}

/// No access token lives longer, whatever its tenant sets.
pub const LONGEST_ACCESS_TOKEN_SECONDS: i64 = 86_400;

/// Who becomes a user of a tenant by proving an address (decision 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Nobody: users are made, invited or provisioned.
    #[default]
    Closed,
    /// Whose address is in a domain that the tenant has proved.
    Domains,
    /// Everybody.
    Open,
}
impl Registration {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Domains, Self::Open];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Domains => "domains",
            Self::Open => "open",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == s)
    }
}

/// What a tenant may set (spec v1 3.1 TenantSettings), as far as this version acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// Who needs a second factor.
    pub mfa_policy: MfaPolicy,
    /// Who may become a user by their own doing.
    pub registration: Registration,
    /// 8–128 bytes.
    pub password_min_length: usize,
    /// Does a second factor that an identity provider states count?
    pub mfa_trust_provider: bool,
    /// Where a sign-in at an identity provider may come back to, each to the letter; at most 20.
    pub redirect_uris: Vec<String>,
    /// Life of an access token, 300–86,400 s ([`LONGEST_ACCESS_TOKEN_SECONDS`]).
    pub access_token_seconds: i64,
    /// A session ends after so long without use.
    pub session_idle_seconds: i64,
    /// A session ends after so long in any case.
    pub session_max_seconds: i64,
    /// Used when neither request nor policy names a duration.
    pub default_duration_seconds: i64,
}
impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            mfa_policy: MfaPolicy::Optional,
            registration: Registration::Closed,
            password_min_length: 8,
            mfa_trust_provider: true,
            redirect_uris: vec![],
            access_token_seconds: 3_600,
            session_idle_seconds: 604_800,
            session_max_seconds: 2_592_000,
            default_duration_seconds: 3_600,
        }
    }
}
