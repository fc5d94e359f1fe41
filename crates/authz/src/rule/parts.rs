//! A rule taken apart, as `PolicyRule` shows it (spec v1 3.4).

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows.
    Permit,
    /// Refuses, whatever the permits of its group say.
    Forbid,
}
impl Effect {
    /// The word in API and Cedar.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Permit, Self::Forbid].into_iter().find(|e| e.as_str() == s)
    }
}

/// How one part of a scope narrows. Actions know only the first three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScopeType {
    /// Not at all.
    #[default]
    Any,
    /// This very entity.
    Eq,
    /// This entity or what lies in it.
    In,
    /// Anything of this type.
    Is,
    /// Anything of this type in this entity.
    IsIn,
}
impl ScopeType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Any, Self::Eq, Self::In, Self::Is, Self::IsIn];
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Eq => "eq",
            Self::In => "in",
            Self::Is => "is",
            Self::IsIn => "is_in",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == s)
    }
}

/// The parts. `*_entity_id` of an `is_in` scope is `C::"id"`, or on input a bare id: a group or role for principals, an
/// organizational unit (`ou-…`) or account (12 digits) for resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleParts {
    /// Permit or forbid.
    pub effect: Effect,
    /// Of the principal.
    pub principal_scope_type: ScopeType,
    /// `User`, `Group`, …
    pub principal_entity_type: Option<String>,
    /// Its id.
    pub principal_entity_id: Option<String>,
    /// Of the action: `any`, `eq` or `in`.
    pub action_scope_type: ScopeType,
    /// Its ids.
    pub action_ids: Vec<String>,
    /// Of the resource.
    pub resource_scope_type: ScopeType,
    /// `AwsAccount`, …
    pub resource_entity_type: Option<String>,
    /// Its id.
    pub resource_entity_id: Option<String>,
    /// Any number of `when { … }` and `unless { … }`, as they are.
    pub conditions: Option<String>,
    /// Text for the caller when the rule decides.
    pub notice: Option<String>,
    /// Is what happens under a grant of this rule recorded?
    pub audit_session: bool,
}
impl RuleParts {
    /// A rule about everything, to be narrowed.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            principal_scope_type: ScopeType::Any,
            principal_entity_type: None,
            principal_entity_id: None,
            action_scope_type: ScopeType::Any,
            action_ids: vec![],
            resource_scope_type: ScopeType::Any,
            resource_entity_type: None,
            resource_entity_id: None,
            conditions: None,
            notice: None,
            audit_session: true,
        }
    }
}
