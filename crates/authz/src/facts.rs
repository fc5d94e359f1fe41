//! What a request states besides principal, action and resource: the Cedar context of spec v1 6.2.
use std::net::IpAddr;

use portcullis_domain::api_key::KeyOwner;
use portcullis_domain::{Credential, Ctx, Principal, Subject, Timestamp};

/// `context.credential`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A person's session.
    #[default]
    Session,
    /// A key or a personal access token, which acts as its creator.
    ApiKey,
    /// A machine of its own.
    Service,
}
impl CredentialKind {
    /// The word in Cedar.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiKey => "api_key",
            Self::Service => "service",
        }
    }
    /// Of this caller.
    pub fn of(principal: &Principal) -> Self {
        match (&principal.credential, &principal.subject) {
            (Credential::ApiKey { owner: KeyOwner::User(_), .. } | Credential::PersonalToken { .. }, _) => Self::ApiKey,
            (Credential::ApiKey { .. }, _) | (_, Subject::ServiceUser(_)) => Self::Service,
            _ => Self::Session,
        }
    }
}

/// The facts of one request. `None` is an absent optional field, which rules test with `has`.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// This moment: `time`, `hour`, `weekday`.
    pub now: Timestamp,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// Were two factors proved?
    pub mfa: bool,
    /// How the person signed in (RFC 8176).
    pub amr: &'a [String],
    /// Seconds since the last proof of a factor; 0 for keys.
    pub auth_age_seconds: i64,
    /// Through what the caller came.
    pub credential: CredentialKind,
    /// Roles that a user create, update or `roles:grant` asks for; none in the context of a call that asks for none.
    pub roles: Option<Vec<&'a str>>,
    /// The one role that a `roles:grant` is about.
    pub role: Option<&'a str>,
    /// The domain of the address that a user create or update is about.
    pub email_domain: Option<&'a str>,
    /// The provider that a user create or update is about.
    pub auth_provider: Option<&'a str>,
    /// Access: the asked time; at a check the live grant's. `None` at request time: each policy's own default; else 0.
    pub duration_seconds: Option<i64>,
    /// Access: why.
    pub reason: &'a str,
    /// Access: the ticket.
    pub ticket: Option<&'a str>,
    /// Access: an emergency?
    pub break_glass: bool,
    /// Access: does it prolong a grant?
    pub extension: bool,
    /// Access to AWS: the permission set's ARN.
    pub permission_set: Option<&'a str>,
    /// Access to AWS: its rank.
    pub permission_set_rank: Option<i64>,
    /// Access to AWS: the account.
    pub account_id: Option<&'a str>,
}
impl<'a> Facts<'a> {
    /// What the request's own context says; the caller adds what the body says.
    pub fn of(cx: &'a Ctx) -> Self {
        let base = Self { now: cx.now, ip: cx.ip, credential: CredentialKind::of(&cx.principal), ..Self::default() };
        match &cx.principal.credential {
            Credential::Session { auth_time, amr, .. } => Self {
                mfa: amr.iter().any(|m| m == "mfa"),
                amr,
                auth_age_seconds: i64::try_from(cx.now.since(*auth_time).as_secs()).unwrap_or(i64::MAX),
                ..base
            },
            _ => base,
        }
    }
}
