//! Signing in at a SAML identity provider (SAML 2.0, Web Browser SSO profile): a port. What a provider says of somebody is believed by the
//! use case, not here.
use std::fmt;

use zeroize::Zeroizing;

use crate::openid::{Asserted, Check, Fault, Waiting};
use crate::provider_config::SamlSettings;
use crate::time::Timestamp;

/// Who we are at a provider.
#[derive(Clone)]
pub struct ServiceProvider {
    /// Our entity id there: the URL of our metadata.
    pub entity_id: String,
    /// Where responses are posted.
    pub acs_url: String,
    /// Our key there, as [`Saml::new_key`] made it.
    pub key: Zeroizing<Vec<u8>>,
}
impl fmt::Debug for ServiceProvider {
    /// The key signs in our name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceProvider").field("entity_id", &self.entity_id).finish_non_exhaustive()
    }
}

/// What a response says, with everything checked that the response itself tells: signature, issuer, audience, recipient, times. Whether
/// it was asked for, and whether it was heard before, is the use case's to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Of whom it speaks.
    pub asserted: Asserted,
    /// The id of the request that it answers; none for a sign-in that began at the provider.
    pub in_response_to: Option<String>,
    /// The assertion's id.
    pub assertion_id: String,
    /// From then on the assertion counts for nothing, whoever brings it.
    pub dead_at: Timestamp,
}

/// What was found in what a browser posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The request that it says it answers. Nothing of it has been checked.
    pub claims_to_answer: Option<String>,
    /// Did the provider sign the assertion in it, whatever else is wrong?
    pub is_signed: bool,
    /// What it says, or why that does not count.
    pub heard: Result<Heard, Fault>,
}
impl Report {
    /// Nothing was read.
    pub const fn unread(fault: Fault) -> Self {
        Self { claims_to_answer: None, is_signed: false, heard: Err(fault) }
    }
}

/// What settings tell of a provider without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who it is.
    pub entity_id: String,
    /// Where a sign-in begins.
    pub sso_url: String,
}
/// A setting that does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// `metadata_xml`, `certificates[0]`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// Speaks SAML with identity providers.
pub trait Saml: Send + Sync {
    /// A key of ours for one provider, with the certificate that it is shown by. It takes a core for tenths of a second, and its
    /// randomness is the library's own.
    fn new_key(&self, now: Timestamp) -> Result<Zeroizing<Vec<u8>>, Fault>;
    /// What the settings tell; nothing where it has to be fetched.
    fn told(&self, settings: &SamlSettings) -> Result<Option<Told>, BadSetting>;
    /// What we say of ourselves.
    fn metadata(&self, own: &ServiceProvider, settings: &SamlSettings) -> Result<String, Fault>;
    /// Where the browser goes to sign in. The provider's answer names the `id` of the request.
    fn request_url<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        id: &'a str,
        now: Timestamp,
    ) -> Waiting<'a, Result<String, Fault>>;
    /// Reads what the browser posted. [`Fault::Busy`] where too many are being read already.
    fn hear<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        response: &'a str,
        now: Timestamp,
    ) -> Waiting<'a, Report>;
    /// Looks at everything that a sign-in needs, short of signing in; nothing that is remembered is believed.
    fn examine<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        now: Timestamp,
    ) -> Waiting<'a, Vec<Check>>;
}
