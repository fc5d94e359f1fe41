//! The closed list of built-in actions (spec v1 part 5), and how the free words of access actions look.
use std::collections::HashMap;
use std::sync::LazyLock;

/// A built-in action: what the server itself does for its callers.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// `users:create`.
    pub name: &'static str,
    /// `users:*`, the area group that a rule or a scope may name instead.
    pub area: &'static str,
    /// Its real Cedar resource types, and no others (engine.md 9).
    pub resources: &'static [&'static str],
}

macro_rules! actions {
    ($($area:literal { $($verb:literal: $($ty:literal)|+;)+ })+) => {
        /// Every built-in action, area by area.
        pub static ALL: &[BuiltIn] = &[$($(BuiltIn {
            name: concat!($area, ":", $verb),
            area: concat!($area, ":*"),
            resources: &[$($ty),+],
        }),+),+];
        /// Every area group, in the order of [`ALL`].
        pub static AREAS: &[&str] = &[$(concat!($area, ":*")),+];
    };
}
actions! {
    "access" { "check": "Tenant"; }
    "api_keys" {
        "list": "Tenant"; "create": "Tenant"; "create_service": "Tenant"; "revoke": "ApiKey";
    }
    "applications" {
        "list": "Tenant"; "create": "Tenant"; "update": "Tenant"; "rotate_secret": "Tenant"; "delete": "Tenant";
    }
    "audit" { "list": "Tenant"; "export": "Tenant"; "verify": "Tenant"; "create": "Tenant"; }
    "channels" {
        "list": "Tenant"; "create": "Tenant"; "update": "NotificationChannel"; "delete": "NotificationChannel";
        "test": "NotificationChannel";
    }
    "domains" { "list": "Tenant"; "create": "Tenant"; "verify": "Domain"; "delete": "Domain"; }
    "grants" {
        "list": "Tenant"; "read": "Grant"; "activity": "Grant"; "activity_write": "Grant"; "create": "Tenant";
        "update": "Grant"; "extend": "Grant"; "revoke": "Grant";
    }
    "groups" {
        "list": "Tenant"; "read": "Group"; "create": "Tenant"; "update": "Group"; "delete": "Group"; "members": "Group";
        "roles": "Group";
    }
    "identity_providers" {
        "list": "Tenant"; "read": "IdentityProvider"; "create": "Tenant"; "update": "IdentityProvider";
        "delete": "IdentityProvider"; "test": "IdentityProvider"; "sync": "IdentityProvider";
    }
    "integrations" {
        "read": "Integration" | "Tenant"; "create": "Tenant"; "update": "Integration"; "delete": "Integration";
        "test": "Integration";
    }
    "meta_schemas" { "create": "Tenant"; "update": "MetaSchema"; "delete": "MetaSchema"; }
    "policies" {
        "list": "Tenant"; "read": "Policy" | "Tenant"; "create": "Tenant"; "update": "Policy" | "Tenant"; "delete": "Policy";
        "preview": "Tenant"; "evaluate": "Tenant";
    }
    "requests" {
        "list": "Tenant"; "read": "AccessRequest"; "create": "Tenant"; "create_for_others": "Tenant";
        "cancel": "AccessRequest"; "approve": "AccessRequest"; "deny": "AccessRequest"; "message": "AccessRequest";
        "message_as_ai": "AccessRequest";
    }
    "resources" { "list": "Tenant"; "sync": "Tenant"; }
    "reviews" { "list": "Tenant"; "complete": "Review"; }
    "roles" { "grant": "User" | "Tenant"; }
    "settings" { "read": "Tenant"; "update": "Tenant"; }
    "tenants" {
        "list": "Tenant"; "read": "Tenant"; "create": "Tenant"; "update": "Tenant"; "transfer": "Tenant"; "delete": "Tenant";
    }
    "users" {
        "list": "Tenant"; "read": "User"; "create": "Tenant"; "import": "Tenant"; "update": "User"; "delete": "User";
        "suspend": "User"; "invite": "User"; "sessions": "User"; "reset_mfa": "User";
    }
    "webhooks" {
        "list": "Tenant"; "create": "Tenant"; "update": "Tenant"; "delete": "Tenant"; "redeliver": "Tenant";
    }
}

/// The Cedar action group that holds every access action.
pub const REQUEST_ACCESS: &str = "request_access";

static INDEX: LazyLock<HashMap<&'static str, usize>> =
    LazyLock::new(|| ALL.iter().enumerate().map(|(i, a)| (a.name, i)).collect());

/// The place of a built-in action in [`ALL`].
pub fn index(action: &str) -> Option<usize> {
    INDEX.get(action).copied()
}
/// Is it a built-in action? (`users:create` is; `users:*` is an area, not an action.)
pub fn is_builtin(action: &str) -> bool {
    INDEX.contains_key(action)
}
/// Is it an area group such as `users:*`?
pub fn is_area(word: &str) -> bool {
    word.ends_with(":*") && AREAS.contains(&word)
}
/// Is it a group of actions: an area, or `request_access`?
pub fn is_group(word: &str) -> bool {
    word == REQUEST_ACCESS || is_area(word)
}
/// May a key carry this scope: a built-in action, an area, or `*`?
pub fn is_scope(word: &str) -> bool {
    word == "*" || is_builtin(word) || is_area(word)
}
/// Does this look like an access action: `^[a-z][a-z0-9_.-]{0,63}$`? (`request_access` is the group of them, not one.)
pub fn is_access_word(word: &str) -> bool {
    let rest = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.-".contains(&c);
    word.len() <= 64
        && word != REQUEST_ACCESS
        && word.bytes().next().is_some_and(|c| c.is_ascii_lowercase())
        && word.bytes().all(rest)
}
/// What kind of action a word is, which says how rules reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Built-in, by its place in [`ALL`]: a rule must name it or its area.
    BuiltIn(usize),
    /// A permission slug of Frontier's own types (`app_…`): a rule must name it (decision 24).
    Permission,
    /// A free word: also reached through `request_access` and scope `any`.
    Access,
}
impl Kind {
    /// Of this word; `None` for a word that is no action at all.
    pub fn of(action: &str) -> Option<Self> {
        match index(action) {
            Some(i) => Some(Self::BuiltIn(i)),
            None if !is_access_word(action) => None,
            None if action.starts_with("app_") => Some(Self::Permission),
            None => Some(Self::Access),
        }
    }
    /// The group through which rules reach it besides its own name.
    pub fn group(self) -> Option<&'static str> {
        match self {
            Self::BuiltIn(i) => Some(ALL[i].area),
            Self::Permission => None,
            Self::Access => Some(REQUEST_ACCESS),
        }
    }
    /// Is it one of ours?
    pub const fn is_builtin(self) -> bool {
        matches!(self, Self::BuiltIn(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_lies_in_its_area_and_appears_once() {
        for a in ALL {
            let area = a.area.strip_suffix('*').unwrap();
            assert!(a.name.starts_with(area) && is_area(a.area), "{}", a.name);
        }
        assert_eq!(INDEX.len(), ALL.len());
    }

    #[test]
    fn words() {
        assert!(is_builtin("users:create") && !is_builtin("users:*") && !is_builtin("users:fly"));
        assert!(
            is_scope("*") && is_scope("users:*") && is_scope("users:create") && !is_scope("cats:*") && !is_scope("")
        );
        assert!(is_access_word("assume") && is_access_word("a.b-c_9") && is_access_word(&"a".repeat(64)));
        for bad in ["", "A", "9a", "users:create", "a b", "request_access", &"a".repeat(65), "ä"] {
            assert!(!is_access_word(bad), "{bad}");
        }
        assert_eq!(Kind::of("app_project_get"), Some(Kind::Permission));
        assert_eq!(Kind::of("compute_order_get").and_then(Kind::group), Some("request_access"));
        assert_eq!(Kind::of("users:create").and_then(Kind::group), Some("users:*"));
        assert_eq!(Kind::of("nope:nope"), None);
    }
}
