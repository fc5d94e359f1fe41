//! Signing in at an OpenID provider (OpenID Connect Core 1.0): a port. What a provider says of somebody is believed by the use case,
//! not here.
use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::outbound::Unreachable;
use crate::provider_config::ProviderSecret;
use crate::time::Timestamp;

/// Who we are at a provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// The provider's issuer, to the letter.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// And its secret; none for a public client.
    pub secret: Option<ProviderSecret>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups, if they are wanted.
    pub groups_claim: Option<String>,
}

/// What a sign-in begins with.
#[derive(Clone)]
pub struct Ask {
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Comes back as it is.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// The base64url of the SHA-256 of the verifier (RFC 7636, S256).
    pub challenge: String,
}
/// What it ends with.
#[derive(Clone)]
pub struct Redemption {
    /// What the browser brought.
    pub code: String,
    /// Where it was brought to.
    pub redirect_uri: String,
    /// What the challenge was made of.
    pub verifier: String,
    /// The nonce of the beginning.
    pub nonce: String,
    /// Who the browser says the code is of (RFC 9207), if it says so.
    pub issuer: Option<String>,
}
impl fmt::Debug for Redemption {
    /// Whoever reads it could finish the sign-in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redemption").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// What a provider says of somebody who signed in there; its signature and everything around it has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asserted {
    /// Who they are there: 1–255 characters.
    pub subject: String,
    /// Their address as it was told.
    pub email: Option<String>,
    /// Does the provider say that it is theirs?
    pub email_verified: bool,
    /// Their whole name.
    pub name: Option<String>,
    /// Their first name.
    pub given_name: Option<String>,
    /// Their last name.
    pub family_name: Option<String>,
    /// Their groups; at most [`GROUPS`].
    pub groups: Vec<String>,
    /// How they proved who they are (RFC 8176), as far as it is said.
    pub amr: Vec<String>,
    /// The authentication context that was met.
    pub acr: Option<String>,
    /// Until when they are to be signed in (SAML Core 2.7.2, `SessionNotOnOrAfter`).
    #[serde(default)]
    pub session_ends_at: Option<Timestamp>,
}

/// So many groups of one person are heard.
pub const GROUPS: usize = 200;

/// Why a provider could not be asked, or what it said does not count. The words are for administrators: they are kept with the refusal,
/// and told to nobody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This of its addresses does not answer.
    Unreachable(&'static str, Unreachable),
    /// It answers something that it must not.
    Provider(String),
    /// It refused: the code is wrong, used or too old, or we are not who it knows.
    Refused {
        /// Which of its addresses.
        what: &'static str,
        /// Its word for why (RFC 6749 5.2), or a sentence of ours.
        why: String,
    },
    /// What it said does not hold: signature, issuer, audience, time, nonce.
    Token(&'static str),
    /// Nothing was looked at: too much of the kind is being read already.
    Busy,
}
impl Fault {
    /// Is it the provider that does not work, rather than this sign-in?
    pub const fn is_upstream(&self) -> bool {
        matches!(self, Self::Unreachable(..) | Self::Provider(_))
    }
}
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(what, why) => write!(f, "{what}: {why}"),
            Self::Refused { what, why } => write!(f, "{what} refuses: {why}."),
            Self::Provider(text) => f.write_str(text),
            Self::Token(text) => f.write_str(text),
            Self::Busy => f.write_str("Too much is being read already."),
        }
    }
}
impl std::error::Error for Fault {}

/// One look at a provider's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `discovery`, `keys`, `pkce`, `scopes`, `client`, `domains`; of a SAML provider `metadata`, `certificates`,
    /// `requests`, `own_certificate`, `domains`.
    pub name: &'static str,
    /// Is it well?
    pub ok: bool,
    /// What was found, or what to do.
    pub message: String,
}
impl Check {
    /// It is well.
    pub fn passed(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, ok: true, message: message.into() }
    }
    /// It is not, and this is what to do.
    pub fn failed(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, ok: false, message: message.into() }
    }
}

/// What takes as long as somebody else needs.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Speaks to OpenID providers.
pub trait OpenId: Send + Sync {
    /// Where the browser goes to sign in.
    fn authorization_url<'a>(
        &'a self,
        client: &'a Client,
        ask: &'a Ask,
        now: Timestamp,
    ) -> Waiting<'a, Result<String, Fault>>;
    /// Redeems a code, and says who signed in.
    fn redeem<'a>(
        &'a self,
        client: &'a Client,
        redemption: &'a Redemption,
        now: Timestamp,
    ) -> Waiting<'a, Result<Asserted, Fault>>;
    /// Looks at everything that a sign-in which comes back to `redirect_uri` needs, short of signing in; nothing that is remembered
    /// is believed.
    fn examine<'a>(&'a self, client: &'a Client, redirect_uri: &'a str) -> Waiting<'a, Vec<Check>>;
}
