//! The one error type. Each surface renders it its own way: `/v1` bodies, Connect and REST bodies, text on a terminal.
use serde_json::{Map, Value, json};
use std::{borrow::Cow, fmt};

/// What a use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Machine-readable reason (spec v1 2.4). The word, the `/v1` status and the Connect code all follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is its own word in the API; spec v1 2.4 describes them")]
pub enum Code {
    InvalidInput,
    InvalidToken,
    InvalidCode,
    WeakPassword,
    EmailNotVerified,
    Unauthenticated,
    InvalidCredentials,
    LoginFailed,
    InvalidChallenge,
    InvalidCredential,
    Forbidden,
    TenantMismatch,
    MfaSetupRequired,
    ReauthenticationRequired,
    /// Frontier's "function not available at the moment": refused to all but superusers (spec v1beta1 2.3).
    NotAvailable,
    NotFound,
    MethodNotAllowed,
    Conflict,
    IdempotencyInProgress,
    UserExists,
    AlreadyExists,
    AlreadyMember,
    AlreadyVerified,
    AlreadyEnrolled,
    OwnerProtected,
    ManagedExternally,
    InUse,
    NotConfigured,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    Unprocessable,
    IdempotencyMismatch,
    InvalidRoles,
    PolicyInvalid,
    DurationTooLong,
    RateLimited,
    Internal,
    NotImplemented,
    UpstreamFailed,
    Unavailable,
    DeadlineExceeded,
}
impl Code {
    /// The word that `/v1` answers as `code`.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }
    /// The status on `/v1`.
    pub const fn http(self) -> u16 {
        self.row().1
    }
    /// The code on `/v1beta1`: the Connect word, whose number and HTTP status follow from it (decision 30).
    pub const fn connect(self) -> &'static str {
        self.row().2
    }
    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidInput => ("invalid_input", 400, "invalid_argument"),
            Self::InvalidToken => ("invalid_token", 400, "invalid_argument"),
            Self::InvalidCode => ("invalid_code", 400, "invalid_argument"),
            Self::WeakPassword => ("weak_password", 400, "invalid_argument"),
            Self::EmailNotVerified => ("email_not_verified", 400, "failed_precondition"),
            Self::Unauthenticated => ("unauthenticated", 401, "unauthenticated"),
            Self::InvalidCredentials => ("invalid_credentials", 401, "unauthenticated"),
            Self::InvalidCredential => ("invalid_credential", 401, "unauthenticated"),
            Self::LoginFailed => ("login_failed", 401, "unauthenticated"),
            Self::InvalidChallenge => ("invalid_challenge", 401, "unauthenticated"),
            Self::Forbidden => ("forbidden", 403, "permission_denied"),
            Self::TenantMismatch => ("tenant_mismatch", 403, "permission_denied"),
            Self::MfaSetupRequired => ("mfa_setup_required", 403, "permission_denied"),
            Self::ReauthenticationRequired => ("reauthentication_required", 403, "permission_denied"),
            Self::NotAvailable => ("forbidden", 403, "unavailable"),
            Self::NotFound => ("not_found", 404, "not_found"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "unimplemented"),
            Self::Conflict => ("conflict", 409, "failed_precondition"),
            Self::IdempotencyInProgress => ("idempotency_in_progress", 409, "aborted"),
            Self::UserExists => ("user_exists", 409, "already_exists"),
            Self::AlreadyExists => ("already_exists", 409, "already_exists"),
            Self::AlreadyMember => ("already_member", 409, "already_exists"),
            Self::AlreadyEnrolled => ("already_enrolled", 409, "failed_precondition"),
            Self::AlreadyVerified => ("already_verified", 409, "failed_precondition"),
            Self::OwnerProtected => ("owner_protected", 409, "failed_precondition"),
            Self::ManagedExternally => ("managed_externally", 409, "failed_precondition"),
            Self::InUse => ("in_use", 409, "failed_precondition"),
            Self::NotConfigured => ("not_configured", 409, "failed_precondition"),
            Self::PreconditionFailed => ("precondition_failed", 412, "aborted"),
            Self::PayloadTooLarge => ("payload_too_large", 413, "resource_exhausted"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "invalid_argument"),
            Self::Unprocessable => ("unprocessable", 422, "invalid_argument"),
            Self::IdempotencyMismatch => ("idempotency_mismatch", 422, "invalid_argument"),
            Self::InvalidRoles => ("invalid_roles", 422, "invalid_argument"),
            Self::PolicyInvalid => ("policy_invalid", 422, "invalid_argument"),
            Self::DurationTooLong => ("duration_too_long", 422, "invalid_argument"),
            Self::RateLimited => ("rate_limited", 429, "resource_exhausted"),
            Self::Internal => ("internal", 500, "internal"),
            Self::NotImplemented => ("not_implemented", 501, "unimplemented"),
            Self::UpstreamFailed => ("upstream_failed", 502, "unavailable"),
            Self::Unavailable => ("unavailable", 503, "unavailable"),
            Self::DeadlineExceeded => ("deadline_exceeded", 504, "deadline_exceeded"),
        }
    }
}

/// One field that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path in the body (`roles[1]`), query name or header name; `""` is the body itself.
    pub field: Cow<'static, str>,
    /// A sentence for a person.
    pub message: Cow<'static, str>,
}

/// Why something did not happen, in words that tell the caller what to do. Nothing internal is in what it shows.
#[derive(Clone)]
pub struct Error(Box<Inner>);
#[derive(Clone)]
struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    notices: Vec<String>,
    /// For the log only.
    internal: Option<String>,
}
impl Error {
    /// An error that says this to the caller.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), details: Map::new(), notices: vec![], internal: None }))
    }
    /// Our fault: the caller sees a fixed sentence, the log sees `cause`.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut e =
            Self::new(Code::Internal, "Something went wrong on our side. Quote the X-Request-ID of this answer.");
        e.0.internal = Some(cause.to_string());
        e
    }
    /// The store (or something else that comes back) is away: try again. The log sees `cause`.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let mut e = Self::new(Code::Unavailable, "The server cannot do this right now. Try again shortly.");
        e.0.internal = Some(cause.to_string());
        e
    }
    /// 404: no such id in this tenant; the same whether it never was or belongs to someone else.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what} in this tenant.")).detail("resource", what)
    }
    /// One wrong field.
    pub fn field(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }
    /// Several wrong fields; at most 50 are told (spec v1 2.4).
    pub fn fields(fields: Vec<FieldError>) -> Self {
        Self::with_fields(Code::InvalidInput, fields)
    }
    /// The same for another code (422 carries fields too).
    pub fn with_fields(code: Code, mut fields: Vec<FieldError>) -> Self {
        fields.truncate(50);
        let names: Vec<&str> = fields.iter().map(|f| if f.field.is_empty() { "body" } else { &*f.field }).collect();
        let message = match names.as_slice() {
            [one] => format!("{one}: {}", fields[0].message),
            many => format!("{} fields need attention: {}.", many.len(), many.join(", ")),
        };
        let list = fields.iter().map(|f| json!({ "field": f.field, "message": f.message })).collect();
        Self::new(code, message).detail("fields", Value::Array(list))
    }
    /// Adds to `details`.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(key.into(), value.into());
        self
    }
    /// The notices of the rules that decided.
    #[must_use]
    pub fn notices(mut self, notices: Vec<String>) -> Self {
        self.0.notices = notices;
        self
    }
    /// What the log should know besides.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.internal = Some(cause.to_string());
        self
    }
    /// The reason.
    pub fn code(&self) -> Code {
        self.0.code
    }
    /// The sentence for the caller.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// What else the caller should know.
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }
    /// Notices of the rules that decided.
    pub fn notice_list(&self) -> &[String] {
        &self.0.notices
    }
    /// For the log only.
    pub fn cause(&self) -> Option<&str> {
        self.0.internal.as_deref()
    }
}
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)?;
        if !self.0.details.is_empty() {
            write!(f, " {}", Value::Object(self.0.details.clone()))?;
        }
        match &self.0.internal {
            Some(i) => write!(f, " ({i})"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for Error {}
