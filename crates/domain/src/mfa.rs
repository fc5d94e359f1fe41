//! Second factors (spec v1 3.1 MfaMethod, 9).
use crate::id::Id;
use crate::role::{Role, Roles};
use crate::time::Timestamp;
use crate::user::User;

/// What kind of factor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MfaKind {
    /// Codes of an authenticator app (RFC 6238).
    Totp,
    /// A credential that an authenticator finds by itself, and uses only for who it knows (WebAuthn).
    Passkey,
    /// A credential that whoever holds the authenticator uses with a touch (WebAuthn, FIDO U2F).
    SecurityKey,
}
impl MfaKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Totp, Self::Passkey, Self::SecurityKey];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "webauthn_passkey",
            Self::SecurityKey => "webauthn_fido",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == s)
    }
    /// Is it one that a browser speaks to?
    pub const fn is_webauthn(self) -> bool {
        matches!(self, Self::Passkey | Self::SecurityKey)
    }
}

/// Somebody's second factor, proved once when it was enrolled.
#[derive(Clone, Debug)]
pub struct MfaMethod {
    /// Its id.
    pub id: Id<MfaMethod>,
    /// Whose.
    pub user_id: Id<User>,
    /// What it is.
    pub kind: MfaKind,
    /// What its person calls it, at most 100 characters.
    pub device_name: Option<String>,
    /// Enrolment began when.
    pub created_at: Timestamp,
    /// Last used to sign in or to sign in anew.
    pub last_used_at: Option<Timestamp>,
}

/// Who needs a second factor (spec v1 3.1 TenantSettings).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MfaPolicy {
    /// Nobody: people may have one.
    #[default]
    Optional,
    /// Administrators, approvers and the owner.
    RequiredForAdmins,
    /// Everybody.
    Required,
}
impl MfaPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Optional, Self::RequiredForAdmins, Self::Required];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::RequiredForAdmins => "required_for_admins",
            Self::Required => "required",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
    /// Does somebody with these effective roles need one?
    pub fn demands(self, roles: Roles, is_owner: bool) -> bool {
        match self {
            Self::Optional => false,
            Self::RequiredForAdmins => is_owner || roles.has(Role::Admin) || roles.has(Role::Approver),
            Self::Required => true,
        }
    }
}

/// Were two different factors shown (RFC 8176)? Some providers name both and not that they are two.
pub fn is_twofold(amr: &[String]) -> bool {
    const KNOWN: &[&str] = &["pwd", "pin", "kba"];
    const HELD: &[&str] = &["otp", "hwk", "swk", "sc", "sms", "tel", "pop", "face", "fpt", "iris", "retina", "vbm"];
    let any = |words: &[&str]| amr.iter().any(|m| words.contains(&m.as_str()));
    any(&["mfa"]) || (any(KNOWN) && any(HELD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_a_factor() {
        let (user, approver, admin) = (Role::User, Role::Approver, Role::Admin);
        for (policy, role, owner, demands) in [
            (MfaPolicy::Optional, admin, true, false),
            (MfaPolicy::RequiredForAdmins, user, false, false),
            (MfaPolicy::RequiredForAdmins, user, true, true),
            (MfaPolicy::RequiredForAdmins, approver, false, true),
            (MfaPolicy::RequiredForAdmins, admin, false, true),
            (MfaPolicy::Required, user, false, true),
        ] {
            assert_eq!(policy.demands(Roles::NONE.with(role), owner), demands, "{policy:?} {role:?}");
        }
        assert!(MfaPolicy::ALL.into_iter().all(|p| MfaPolicy::parse(p.as_str()) == Some(p)));
        assert_eq!((MfaPolicy::parse("off"), MfaKind::parse("sms")), (None, None));
    }

    #[test]
    fn two_factors_are_two_of_different_kinds() {
        let two = |amr: &[&str]| is_twofold(&amr.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        for twofold in [&["fed", "mfa"][..], &["fed", "pwd", "otp"], &["fed", "hwk", "pin"]] {
            assert!(two(twofold), "{twofold:?}");
        }
        for one in
            [&["fed"][..], &["fed", "pwd"], &["fed", "otp", "sms"], &["fed", "pwd", "pin"], &["fed", "user", "geo"]]
        {
            assert!(!two(one), "{one:?}");
        }
    }
}
