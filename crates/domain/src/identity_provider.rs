//! A party that vouches for people, as a tenant keeps it (spec v1 3.2).
use serde_json::{Map, Value, json};

use crate::id::Id;
use crate::provider_config::{OidcSettings, ProviderConfig, SamlSettings};
use crate::time::Timestamp;

/// What stands in an answer where a secret is kept; sent back, it keeps it.
pub const MASKED: &str = "********";

/// Which protocol it speaks; fixed once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderType {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// SCIM 2.0: it writes people and groups, and vouches for no sign-in.
    Scim,
    /// AWS IAM Identity Center's directory, read by us.
    AwsIdentityCenter,
}
impl ProviderType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Oidc, Self::Saml, Self::Scim, Self::AwsIdentityCenter];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Scim => "scim",
            Self::AwsIdentityCenter => "aws_identity_center",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == s)
    }
}

/// How the last run of a directory's sync went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncStatus {
    /// None ran, or one waits.
    Pending,
    /// One runs.
    Running,
    /// It took everything over.
    Succeeded,
    /// It did not.
    Failed,
}
impl SyncStatus {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|v| v.as_str() == s)
    }
}

/// An identity provider of a tenant.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Made by us, version 7.
    pub id: Id<IdentityProvider>,
    /// 1–120 characters, unique in the tenant whatever the case.
    pub name: String,
    /// Its settings, by its type.
    pub config: ProviderConfig,
    /// The secret of `config`, or our own key for a SAML provider, sealed with the tenant's key.
    pub sealed_secret: Option<Vec<u8>>,
    /// If not, it is dead on every path.
    pub enabled: bool,
    /// How the last sync went.
    pub sync_status: SyncStatus,
    /// When it was.
    pub last_synced_at: Option<Timestamp>,
    /// What went wrong.
    pub sync_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Moves with each change: the ETag.
    pub revision: i64,
}
impl IdentityProvider {
    /// Its type.
    pub const fn kind(&self) -> ProviderType {
        self.config.kind()
    }
    /// Its settings as an OpenID provider, if it is one.
    pub const fn oidc(&self) -> Option<&OidcSettings> {
        match &self.config {
            ProviderConfig::Oidc(oidc) => Some(oidc),
            _ => None,
        }
    }
    /// Its settings as a SAML provider, if it is one.
    pub const fn saml(&self) -> Option<&SamlSettings> {
        match &self.config {
            ProviderConfig::Saml(saml) => Some(saml),
            _ => None,
        }
    }
    /// The OpenID provider that `/v1/oidc-config` shows.
    pub fn is_default(&self) -> bool {
        self.oidc().is_some_and(|o| o.is_default)
    }
    /// The members of `config` as an answer has them.
    pub fn shown_config(&self) -> Map<String, Value> {
        let mut members = self.config.members();
        if self.kind() == ProviderType::Oidc {
            let secret = if self.sealed_secret.is_some() { json!(MASKED) } else { Value::Null };
            members.insert("client_secret".into(), secret);
        }
        members
    }
}
