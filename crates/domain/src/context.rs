//! Who asks, through what, from where and when. Made once a request; everything below reads it.
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api_key::{ApiKey, KeyOwner, Scopes};
use crate::error::{Code, Error};
use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::organization::Organization;
use crate::personal_token::PersonalToken;
use crate::role::{Role, Roles};
use crate::service_credential::{ServiceCredential, ServiceCredentialKind};
use crate::session::Session;
use crate::tenant::{Tenant, TenantKey};
use crate::time::Timestamp;
use crate::user::{AuthProvider, User};
use crate::value::Email;

pub use crate::service_user::ServiceUser;

/// What the caller proved.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A session: of a bearer token or a cookie.
    Session {
        /// Its row, looked at on every call.
        id: Id<Session>,
        /// When its person last proved a factor.
        auth_time: Timestamp,
        /// How (RFC 8176: `pwd`, `otp`, …).
        amr: Arc<[String]>,
        /// A second factor is due: it reaches only what enrols or shows one (spec v1 9.2).
        restricted: bool,
    },
    /// An API key.
    ApiKey {
        /// Its row.
        id: Id<ApiKey>,
        /// Whom it acts for.
        owner: KeyOwner,
        /// What it may do at most.
        scopes: Scopes,
        /// When it ends by itself; a key made with it ends no later.
        expires_at: Option<Timestamp>,
    },
    /// A personal access token: some of what its user may do in one organization.
    PersonalToken {
        /// Its row, looked at on every call.
        id: Id<PersonalToken>,
        /// Where it is worth something.
        organization: Id<Organization>,
        /// Which of its secrets it is.
        generation: i64,
        /// When that secret was made.
        made_at: Timestamp,
        /// When it ends by itself.
        expires_at: Timestamp,
    },
    /// What a service user proved itself with.
    Service {
        /// Its row, looked at on every call.
        id: Id<ServiceCredential>,
        /// How.
        kind: ServiceCredentialKind,
    },
    /// Nothing: a public operation, or the server itself.
    None,
}
impl Credential {
    /// Is a person at the other end (a session), rather than a key?
    pub fn is_session(&self) -> bool {
        matches!(self, Self::Session { .. })
    }
    /// Is it a session whose person has to enrol or show a second factor first?
    pub fn is_restricted(&self) -> bool {
        matches!(self, Self::Session { restricted: true, .. })
    }
    /// Is it a personal access token?
    pub fn is_personal_token(&self) -> bool {
        matches!(self, Self::PersonalToken { .. })
    }
}

/// What an access token says that was presented in place of the credential it was made from; or the cookie of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// When it ends, which may be long before the credential does.
    pub expires_at: Timestamp,
    /// Was it exchanged for something else (spec v1beta1 4.3)? Such a one is not exchanged again.
    pub exchanged: bool,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    User(Id<User>),
    /// A machine.
    ServiceUser(Id<ServiceUser>),
    /// A directory that writes people and groups over SCIM, and does nothing else.
    Directory(Id<IdentityProvider>),
    /// The server: workers, the command line.
    System,
    /// Nobody has said who they are.
    Anonymous,
}

/// The caller with every fact that a decision or an audit event reads. Facts are those of one revision of the tenant.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who acts.
    pub subject: Subject,
    /// The person behind: of a session its user, of a key the user who created it (spec v1 2.2 "acting person").
    pub acting_user: Option<Id<User>>,
    /// How a person would call the caller, for audit.
    pub name: Arc<str>,
    /// What was proved.
    pub credential: Credential,
    /// The access token or the cookie that proved it; `None`: the credential itself did.
    pub token: Option<AccessToken>,
    /// Effective roles of the tenant.
    pub roles: Roles,
    /// The tenant's owner?
    pub is_owner: bool,
    /// Is the caller's tenant the master tenant?
    pub in_master: bool,
    /// Of a user: the address.
    pub email: Option<Email>,
    /// Of a user: was the address proved?
    pub email_verified: bool,
    /// Of a user: where they sign in.
    pub auth_provider: Option<AuthProvider>,
    /// Groups, for rules that name them.
    pub groups: Arc<[uuid::Uuid]>,
    /// Cedar tags: the strings of `metadata.attributes` (decision 4).
    pub tags: Arc<[(String, String)]>,
    /// Is a second factor enrolled?
    pub mfa_enrolled: bool,
    /// A manager, for rules.
    pub manager_id: Option<Id<User>>,
}
impl Principal {
    /// Does the caller administer the master tenant, by role or as a key of its own? Only such a one works on other tenants:
    /// no rule gives them away.
    pub fn administers_tenants(&self) -> bool {
        self.in_master && (self.is_owner || self.roles.has(Role::Admin) || self.is_service_key())
    }
    /// Is it a service key, whose rights are its scopes (decision 13)? A service user that comes with a credential of its own
    /// has what its bindings and roles give, and nothing else.
    pub fn is_service_key(&self) -> bool {
        matches!(self.credential, Credential::ApiKey { owner: KeyOwner::Service(_), .. })
    }
    /// Nobody.
    pub fn anonymous() -> Self {
        Self::bare(Subject::Anonymous, "anonymous")
    }
    /// The server itself.
    pub fn system() -> Self {
        Self::bare(Subject::System, "system")
    }
    /// A subject with no rights and no facts; callers fill in what they know.
    pub fn bare(subject: Subject, name: &str) -> Self {
        Self {
            subject,
            acting_user: None,
            name: name.into(),
            credential: Credential::None,
            token: None,
            roles: Roles::NONE,
            is_owner: false,
            in_master: false,
            email: None,
            email_verified: false,
            auth_provider: None,
            groups: Arc::from([]),
            tags: Arc::from([]),
            mfa_enrolled: false,
            manager_id: None,
        }
    }
    /// 403 `mfa_setup_required` for a restricted session.
    pub fn is_whole(&self) -> Result<(), Error> {
        if self.credential.is_restricted() { Err(self.second_factor_first()) } else { Ok(()) }
    }
    /// What a restricted session is told (guard rail 8): 403 `mfa_setup_required`.
    pub fn second_factor_first(&self) -> Error {
        let message = if self.mfa_enrolled {
            "Show your second factor first: POST /v1/users/me/reauthenticate with a code of your authenticator app."
        } else {
            "Enrol a second factor first: POST /v1/users/me/mfa/totp."
        };
        Error::new(Code::MfaSetupRequired, message)
    }
    /// The user who acts with all that is his own: not one whose token speaks for a part of it.
    pub fn himself(&self) -> Option<Id<User>> {
        self.user_id().filter(|_| !self.credential.is_personal_token())
    }
    /// The user who acts, if it is one.
    pub fn user_id(&self) -> Option<Id<User>> {
        match self.subject {
            Subject::User(id) => Some(id),
            _ => None,
        }
    }
}

/// The context of one request. `now` is taken once, so a repetition writes the same times.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The small number that every row of the tenant carries.
    pub tenant: TenantKey,
    /// The tenant's public id.
    pub tenant_id: Id<Tenant>,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// `X-Request-ID`: in the answer, the log line and the audit event.
    pub request_id: Arc<str>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The client's `User-Agent`, cut to 512 bytes.
    pub user_agent: Option<Arc<str>>,
    /// This moment.
    pub now: Timestamp,
    /// Notices of the rules that decided, for the answer's `X-Policy-Notices`.
    pub notices: Notices,
}

/// Collects the notices of every decision of a request; all clones of a context share one list.
#[derive(Clone, Debug, Default)]
pub struct Notices(Arc<Mutex<Vec<String>>>);
impl Notices {
    /// Adds what is not there yet.
    pub fn add(&self, notices: &[String]) {
        if notices.is_empty() {
            return;
        }
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for n in notices {
            if !list.contains(n) {
                list.push(n.clone());
            }
        }
    }
    /// What was collected, in order.
    pub fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
impl Ctx {
    /// The server itself, in no tenant: for what belongs to none, and to begin from before a tenant is known.
    pub fn nowhere(now: Timestamp) -> Self {
        Self {
            tenant: TenantKey(0),
            tenant_id: Id::from_uuid(uuid::Uuid::nil()),
            principal: Arc::new(Principal::system()),
            request_id: Arc::from("-"),
            ip: None,
            user_agent: None,
            now,
            notices: Notices::default(),
        }
    }
    /// The same request, seen in another tenant (the master tenant's work on a tenant, sign-in before a credential).
    #[must_use]
    pub fn in_tenant(&self, tenant: TenantKey, tenant_id: Id<Tenant>) -> Self {
        Self { tenant, tenant_id, ..self.clone() }
    }
}
