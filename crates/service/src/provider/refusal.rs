//! What an application is told did not work (RFC 6749 4.1.2.1 and 5.2, RFC 6750 3.1, RFC 8628 3.5, OpenID Connect Core 1.0 3.1.2.6).
use portcullis_domain::Error;

macro_rules! words {
    ($($name:ident $word:literal,)*) => {
        /// The words of `error`.
        #[allow(missing_docs, reason = "the word says what it is")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OAuthError { $($name,)* }
        impl OAuthError {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}
words! {
    AccessDenied "access_denied",
    AuthorizationPending "authorization_pending",
    ConsentRequired "consent_required",
    ExpiredToken "expired_token",
    InsufficientScope "insufficient_scope",
    InvalidClient "invalid_client",
    InvalidGrant "invalid_grant",
    InvalidRequest "invalid_request",
    InvalidScope "invalid_scope",
    InvalidToken "invalid_token",
    LoginRequired "login_required",
    RegistrationNotSupported "registration_not_supported",
    RequestNotSupported "request_not_supported",
    RequestUriNotSupported "request_uri_not_supported",
    SlowDown "slow_down",
    UnauthorizedClient "unauthorized_client",
    UnsupportedGrantType "unsupported_grant_type",
    UnsupportedResponseType "unsupported_response_type",
    UnsupportedTokenType "unsupported_token_type",
}

/// A refusal in the protocol's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `error`.
    pub error: OAuthError,
    /// `error_description`: for whoever develops the application. ASCII without quotes and backslashes (RFC 6749 5.2).
    pub description: &'static str,
}
impl Refusal {
    /// With these words.
    pub const fn new(error: OAuthError, description: &'static str) -> Self {
        Self { error, description }
    }
}

/// Why an application got no answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It asked for something that it does not get.
    Refused(Refusal),
    /// This server's own doing, or its limits.
    Failed(Error),
}
impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}
impl From<portcullis_store::Error> for Failure {
    fn from(e: portcullis_store::Error) -> Self {
        Self::Failed(e.into())
    }
}
impl From<Refusal> for Failure {
    fn from(r: Refusal) -> Self {
        Self::Refused(r)
    }
}
/// What an application asked for, or why it does not get it.
pub type Outcome<T> = Result<T, Failure>;

/// A refusal as a failure.
pub(super) const fn refused(error: OAuthError, description: &'static str) -> Failure {
    Failure::Refused(Refusal::new(error, description))
}
