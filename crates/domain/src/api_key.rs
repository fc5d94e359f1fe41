//! A key for machines and scripts (spec v1 2.2, 3.2).
use std::sync::Arc;

use crate::context::ServiceUser;
use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::time::Timestamp;
use crate::user::User;

/// Whom a key acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// Its creator: rights = scopes ∩ what the creator may do now.
    User(Id<User>),
    /// A service user of its own: rights = its scopes.
    Service(Id<ServiceUser>),
}

/// What a key may do at most: built-in actions (`users:create`), areas (`users:*`) or everything (`*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Arc<[String]>);
impl Scopes {
    /// Everything.
    pub fn all() -> Self {
        Self(Arc::from(["*".to_owned()]))
    }
    /// Scopes that were checked against the list of actions.
    pub fn new(scopes: Vec<String>) -> Self {
        Self(scopes.into())
    }
    /// Is this action within them?
    pub fn allow(&self, action: &str) -> bool {
        self.0.iter().any(|s| {
            s == "*" || s == action || s.strip_suffix('*').is_some_and(|a| a.ends_with(':') && action.starts_with(a))
        })
    }
    /// Does it hold `*`?
    pub fn is_all(&self) -> bool {
        self.0.iter().any(|s| s == "*")
    }
    /// The words.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
    /// Is every right of `other` within this?
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|s| if s == "*" { self.is_all() } else { self.allow(s) })
    }
}

/// A key as it is stored; the raw key is shown once and kept only as a hash.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: Id<ApiKey>,
    /// 1–120 characters.
    pub name: String,
    /// The public part of the raw key.
    pub prefix: String,
    /// Whom it acts for.
    pub owner: KeyOwner,
    /// What it may do at most.
    pub scopes: Scopes,
    /// The person who made it.
    pub created_by: Option<Id<User>>,
    /// Made when.
    pub created_at: Timestamp,
    /// Used when, exact to a minute.
    pub last_used_at: Option<Timestamp>,
    /// Ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Ended before its time.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<Id<User>>,
    /// The directory that it works for, and for nothing else.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
}
impl ApiKey {
    /// `active`, `expired` or `revoked` at this moment.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if self.revoked_at.is_some() {
            "revoked"
        } else if self.expires_at.is_some_and(|e| e <= now) {
            "expired"
        } else {
            "active"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_cover() {
        let s = |v: &[&str]| Scopes::new(v.iter().map(|s| (*s).to_owned()).collect());
        assert!(s(&["users:*"]).allow("users:create") && !s(&["users:*"]).allow("groups:create"));
        assert!(!s(&["users:create"]).allow("users:delete") && s(&["*"]).allow("anything:at_all"));
        assert!(s(&["users:*"]).cover(&s(&["users:create", "users:*"])));
        assert!(!s(&["users:create"]).cover(&s(&["users:*"])) && !s(&["users:*"]).cover(&s(&["*"])));
    }
}
