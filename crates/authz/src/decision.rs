//! What a decision says: yes or no, why, and what follows from it.
use std::sync::Arc;

use portcullis_domain::Id;
use portcullis_domain::policy::{ApprovalMode, Policy, Rule};

/// Which layer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// A key's scopes do not hold the action.
    Scope,
    /// A guard rail that no rule lifts.
    Rail,
    /// Rules.
    Rule,
    /// The built-in roles.
    Base,
    /// Nothing said yes.
    Default,
}
impl Layer {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Rail => "rail",
            Self::Rule => "rule",
            Self::Base => "base",
            Self::Default => "default",
        }
    }
}

/// How far a yes reaches. A list that is allowed only for `Own` shows the caller's own rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The whole target.
    All,
    /// Only what the caller is the subject of.
    Own,
    /// Only what names the caller in a stage.
    Named,
    /// Either of the two.
    OwnOrNamed,
}

/// A rule that could not be evaluated (or read at all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// Which.
    pub rule_id: Id<Rule>,
    /// Its policy.
    pub policy_id: Id<Policy>,
    /// Cedar's own words.
    pub message: String,
}

/// What a permitted request for access means (spec v1 6.3 point 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A `standing` policy permits it already: there is nothing to ask for.
    pub standing: bool,
    /// The strictest of the permitting policies.
    pub policy_id: Id<Policy>,
    /// Its mode.
    pub approval_mode: ApprovalMode,
    /// The asked duration, else the policy's default, else the tenant's within the policy's maximum.
    pub duration_seconds: i64,
    /// Its maximum.
    pub max_duration_seconds: i64,
    /// Its cap with all extensions.
    pub max_total_duration_seconds: i64,
    /// Does any determining permit ask for the session to be recorded?
    pub audit_session: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub allowed: bool,
    /// Who said so.
    pub layer: Layer,
    /// How far a yes reaches; [`Reach::All`] unless the base layer gave less.
    pub reach: Reach,
    /// The determining rules, by policy and ordinal: the forbids, or else the permits, of the deciding group.
    pub rule_ids: Vec<Id<Rule>>,
    /// Their policies, without repeats.
    pub policy_ids: Vec<Id<Policy>>,
    /// The priority of the deciding group.
    pub deciding_priority: Option<i64>,
    /// The determining rules' notices, by ordinal, without repeats.
    pub notices: Vec<Arc<str>>,
    /// Rules that failed on the way.
    pub errors: Vec<RuleFault>,
    /// The revision of the tenant that this was decided on.
    pub revision: i64,
    /// Of a permitted request for access.
    pub terms: Option<Terms>,
    /// Of a refused one: it would be permitted for so long.
    pub permitted_seconds: Option<i64>,
}
impl Decision {
    pub(crate) fn new(allowed: bool, layer: Layer, revision: i64) -> Self {
        Self {
            allowed,
            layer,
            reach: Reach::All,
            rule_ids: vec![],
            policy_ids: vec![],
            deciding_priority: None,
            notices: vec![],
            errors: vec![],
            revision,
            terms: None,
            permitted_seconds: None,
        }
    }
    /// The no of somebody who asks about nothing.
    pub fn nothing() -> Self {
        Self::new(false, Layer::Default, -1)
    }
    /// The notices as plain strings, for an answer or an error.
    pub fn notice_strings(&self) -> Vec<String> {
        self.notices.iter().map(|n| (**n).to_owned()).collect()
    }
}
