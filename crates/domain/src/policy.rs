//! Policies: named, ordered sets of Cedar rules with what a request under them means (spec v1 3.4).
use crate::id::Id;
use crate::time::Timestamp;

/// How a request under a policy is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalMode {
    /// People approve.
    Require,
    /// At once.
    Auto,
    /// At once, alarmed and reviewed; only for requests that say so.
    BreakGlass,
}
impl ApprovalMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Require, Self::Auto, Self::BreakGlass];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Auto => "auto",
            Self::BreakGlass => "break_glass",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
}

/// What a permit of a policy means for access actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// People may ask.
    OnRequest,
    /// Access at once, without request or grant.
    Standing,
}
impl AccessKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OnRequest, Self::Standing];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnRequest => "on_request",
            Self::Standing => "standing",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
}

/// A policy without its rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its id.
    pub id: Id<Policy>,
    /// 1–120 characters, unique in the tenant.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// Do its rules count?
    pub enabled: bool,
    /// −1,000 to 1,000; higher first.
    pub priority: i64,
    /// 60–2,592,000 s.
    pub max_duration_seconds: i64,
    /// At most the maximum.
    pub default_duration_seconds: Option<i64>,
    /// A channel that gets its events.
    pub notification_channel: Option<uuid::Uuid>,
    /// How a request is decided.
    pub approval_mode: ApprovalMode,
    /// 300–2,592,000 s, all stages together.
    pub approval_timeout_seconds: i64,
    /// The stages as JSON, checked when saved.
    pub approval_stages: serde_json::Value,
    /// Cap on a grant's life with all extensions.
    pub max_total_duration_seconds: Option<i64>,
    /// May ask, or may at once.
    pub access: AccessKind,
    /// Made when.
    pub created_at: Timestamp,
    /// Changed when.
    pub updated_at: Timestamp,
    /// The row's revision: the ETag.
    pub revision: i64,
}

/// One Cedar statement of a policy. The text is canonical; its parts are read off it (spec v1 6.3).
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: Id<Rule>,
    /// The policy.
    pub policy_id: Id<Policy>,
    /// From 1, unique in the policy.
    pub ordinal: i64,
    /// Canonical Cedar text.
    pub text: String,
    /// Text for the caller when the rule decides.
    pub notice: Option<String>,
    /// Is what happens under a grant of this rule recorded?
    pub audit_session: bool,
    /// Made when.
    pub created_at: Timestamp,
    /// Changed when.
    pub updated_at: Timestamp,
}
