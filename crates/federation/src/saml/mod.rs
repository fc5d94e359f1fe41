//! Signing in at a SAML identity provider: what it says of itself, what we ask, and what its response is worth (SAML 2.0, Web Browser SSO:
//! HTTP-Redirect there, HTTP-POST back).
//!
//! XML is read by `uppsala` and brought into canonical form by `bergshamra-c14n`, over the same tree; keys and digests are aws-lc's. The
//! general machinery of XML signatures (transforms, key material of the sender, references to anywhere) is left out on purpose: one form
//! of signature is checked, and the text that it covers is what is read.
mod certificate;
mod decrypt;
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
use portcullis_domain::saml::{BadSetting, Report, Saml, ServiceProvider, Told};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::directory::Directory;
use key::OwnKey;
use provider::Provider;
use response::Hearing;

/// So many responses are read at once. Anybody can post one, and each costs milliseconds of a core and megabytes.
const AT_ONCE: usize = 16;

/// Speaks SAML; what providers publish is fetched over this port.
pub struct SamlParty {
    http: Arc<dyn Outbound>,
    known: Directory<Provider>,
    turns: Arc<Semaphore>,
}
impl SamlParty {
    /// Knows nobody yet.
    pub fn new(http: Arc<dyn Outbound>) -> Self {
        Self { http, known: Directory::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The provider of these settings, as far as what it says of itself still counts. `stale`: other than this, if there is another.
    async fn provider(
        &self,
        settings: &SamlSettings,
        stale: Option<&Arc<Provider>>,
        now: Timestamp,
    ) -> Result<Arc<Provider>, Fault> {
        let provider = match &settings.source {
            SamlSource::MetadataUrl(url) => {
                let helps = |p: &Arc<Provider>| stale.is_none_or(|stale| !Arc::ptr_eq(stale, p));
                self.known.get(url, helps, provider::fetch(&*self.http, url), now).await?
            }
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
    /// What a response is worth, and what is known of it if it is worth nothing.
    async fn report(&self, own: &ServiceProvider, settings: &SamlSettings, response: &str, now: Timestamp) -> Report {
        let response: Arc<str> = response.into();
        let provider = match self.provider(settings, None, now).await {
            Ok(provider) => provider,
            Err(fault) => {
                let claims = self.aside(move || response::claims_to_answer(&response)).await;
                return Report { claims_to_answer: claims.ok().flatten(), ..Report::unread(fault) };
            }
        };
        let hear = |provider: Arc<Provider>| {
            let (own, settings, response) = (own.clone(), settings.clone(), response.clone());
            self.aside(move || match OwnKey::of_bytes(&own.key) {
                Ok(key) => {
                    Hearing { own: &own, key: &key, provider: &provider, settings: &settings, now }.hear(&response)
                }
                Err(fault) => Report::unread(fault),
            })
        };
        let report = hear(provider.clone()).await.unwrap_or_else(Report::unread);
        if report.heard != Err(signature::UNKNOWN_SIGNER) || !matches!(settings.source, SamlSource::MetadataUrl(_)) {
            return report;
        }
        // it may have a new one since
        match self.provider(settings, Some(&provider), now).await {
            Ok(again) if !Arc::ptr_eq(&again, &provider) => hear(again).await.unwrap_or_else(Report::unread),
            Ok(_) => report,
            Err(fault) => Report { heard: Err(fault), ..report },
        }
    }
    /// Off the threads that serve everybody, if there is a turn left.
    async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let turn = self.turns.clone().try_acquire_owned().map_err(|_| Fault::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // held to the end, whether or not anybody waits for it
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Fault::Token("What was posted could not be read."))
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
    ) -> Waiting<'a, Report> {
        Box::pin(self.report(own, settings, response, now))
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
