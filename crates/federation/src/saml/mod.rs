//! Signing in at a SAML identity provider: what it says of itself, what we ask, and what its response is worth (SAML 2.0, Web Browser SSO:
//! HTTP-Redirect there, HTTP-POST back).
//!
//! XML is read by `uppsala` and brought into canonical form by `bergshamra-c14n`, over the same tree; keys and digests are aws-lc's. The
//! general machinery of XML signatures (transforms, key material of the sender, references to anywhere) is left out on purpose: one form
//! of signature is checked, and the text that it covers is what is read.
mod certificate;
mod decrypt;
mod directory;
mod examine;
mod key;
mod person;
mod provider;
mod request;
mod response;
mod signature;
mod xml;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Check, Fault, Waiting};
use portcullis_domain::outbound::Outbound;
use portcullis_domain::provider_config::{SamlSettings, SamlSource};
use portcullis_domain::saml::{BadSetting, Heard, Saml, ServiceProvider, Told};
use zeroize::Zeroizing;

use directory::Directory;
use key::OwnKey;
use provider::Provider;
use response::Hearing;

/// Speaks SAML; what providers publish is fetched over this port.
pub struct SamlParty {
    http: Arc<dyn Outbound>,
    known: Directory,
}
impl SamlParty {
    /// Knows nobody yet.
    pub fn new(http: Arc<dyn Outbound>) -> Self {
        Self { http, known: Directory::default() }
    }

    /// The provider of these settings, as far as what it says of itself still counts. `stale`: other than this, if there is another.
    async fn provider(
        &self,
        settings: &SamlSettings,
        stale: Option<&Arc<Provider>>,
        now: Timestamp,
    ) -> Result<Arc<Provider>, Fault> {
        let provider = match &settings.source {
            SamlSource::MetadataUrl(url) => self.known.provider(&*self.http, url, stale, now).await?,
            _ => match provider::of_settings(settings) {
                Ok(Some(provider)) => Arc::new(provider),
                Ok(None) => return Err(Fault::Provider("Nothing is known of the provider.".into())),
                Err(bad) => return Err(Fault::Provider(format!("{}: {}", bad.field, bad.message))),
            },
        };
        if provider.valid_until.is_some_and(|end| end <= now) {
            return Err(Fault::Provider("The provider's metadata is not valid any more (validUntil).".into()));
        }
        Ok(provider)
    }
    async fn url(
        &self,
        own: &ServiceProvider,
        settings: &SamlSettings,
        id: &str,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let provider = self.provider(settings, None, now).await?;
        let key = if settings.sign_requests { Some(OwnKey::of_bytes(&own.key)?) } else { None };
        request::url(own, &provider.sso_url, id, key.as_ref(), now)
    }
    async fn heard(
        &self,
        own: &ServiceProvider,
        settings: &SamlSettings,
        response: &str,
        now: Timestamp,
    ) -> Result<Heard, Fault> {
        let key = OwnKey::of_bytes(&own.key)?;
        let provider = self.provider(settings, None, now).await?;
        let hear = |provider: &Provider| Hearing { own, key: &key, provider, settings, now }.hear(response);
        match hear(&provider) {
            // it may have a new one since
            Err(fault)
                if fault == signature::UNKNOWN_SIGNER && matches!(settings.source, SamlSource::MetadataUrl(_)) =>
            {
                let again = self.provider(settings, Some(&provider), now).await?;
                if Arc::ptr_eq(&again, &provider) { Err(fault) } else { hear(&again) }
            }
            heard => heard,
        }
    }
    async fn checks(&self, own: &ServiceProvider, settings: &SamlSettings, now: Timestamp) -> Vec<Check> {
        match OwnKey::of_bytes(&own.key) {
            Ok(key) => examine::examine(&*self.http, &key, settings, now).await,
            Err(fault) => vec![Check::failed("own_certificate", fault.to_string())],
        }
    }
}

impl Saml for SamlParty {
    fn new_key(&self, now: Timestamp) -> Result<Zeroizing<Vec<u8>>, Fault> {
        OwnKey::generate(now).map(|key| key.to_bytes())
    }
    fn told(&self, settings: &SamlSettings) -> Result<Option<Told>, BadSetting> {
        let told = provider::of_settings(settings)?;
        Ok(told.map(|p| Told { entity_id: p.entity_id, sso_url: p.sso_url.into() }))
    }
    fn metadata(&self, own: &ServiceProvider, settings: &SamlSettings) -> Result<String, Fault> {
        Ok(request::metadata(own, &OwnKey::of_bytes(&own.key)?, settings.sign_requests))
    }
    fn request_url<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        id: &'a str,
        now: Timestamp,
    ) -> Waiting<'a, Result<String, Fault>> {
        Box::pin(self.url(own, settings, id, now))
    }
    fn hear<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        response: &'a str,
        now: Timestamp,
    ) -> Waiting<'a, Result<Heard, Fault>> {
        Box::pin(self.heard(own, settings, response, now))
    }
    fn claims_to_answer(&self, response: &str) -> Option<String> {
        response::claims_to_answer(response)
    }
    fn examine<'a>(
        &'a self,
        own: &'a ServiceProvider,
        settings: &'a SamlSettings,
        now: Timestamp,
    ) -> Waiting<'a, Vec<Check>> {
        Box::pin(self.checks(own, settings, now))
    }
}
