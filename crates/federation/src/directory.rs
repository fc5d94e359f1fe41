//! What is remembered of issuers: bounded, for a while, and asked for once however many wait.
use std::sync::Arc;

use portcullis_domain::Timestamp;
use portcullis_domain::openid::Fault;
use portcullis_domain::outbound::Outbound;
use tokio::sync::Mutex;

use crate::keys::{self, Key};
use crate::metadata::{self, Metadata};

/// Issuers that are remembered.
const ISSUERS: u64 = 1_000;
/// For so many seconds what an issuer said counts.
const FRESH: i64 = 600;
/// Keys are asked for again at most so often because a token names one that is not known.
const AGAIN: i64 = 60;
/// Who does not answer is left alone for so many seconds: those who wait for a dead provider do not wait one after the other.
const REST: i64 = 5;

#[derive(Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<[Key]>, Timestamp)>,
    fault: Option<(Fault, Timestamp)>,
}

/// The issuers that were asked lately.
pub struct Directory(moka::sync::Cache<String, Arc<Mutex<Known>>>);
impl Default for Directory {
    fn default() -> Self {
        Self(moka::sync::Cache::new(ISSUERS))
    }
}

fn within(since: Timestamp, seconds: i64, now: Timestamp) -> bool {
    since <= now && now < since.plus_seconds(seconds)
}

impl Directory {
    /// What an issuer says of itself.
    pub async fn metadata(&self, http: &dyn Outbound, issuer: &str, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        let slot = self.slot(issuer);
        let mut known = slot.lock().await;
        known.metadata(http, issuer, now).await
    }
    /// The keys of an issuer; asked for anew when `missing` is none of them.
    pub async fn keys(
        &self,
        http: &dyn Outbound,
        issuer: &str,
        missing: impl Fn(&[Key]) -> bool,
        now: Timestamp,
    ) -> Result<Arc<[Key]>, Fault> {
        let slot = self.slot(issuer);
        let mut known = slot.lock().await;
        let metadata = known.metadata(http, issuer, now).await?;
        if let Some((keys, at)) = &known.keys
            && within(*at, FRESH, now)
            && (!missing(keys) || within(*at, AGAIN, now))
        {
            return Ok(keys.clone());
        }
        let asked = keys::fetch(http, &metadata.jwks_uri).await;
        let keys: Arc<[Key]> = known.note(asked, now)?.into();
        known.keys = Some((keys.clone(), now));
        Ok(keys)
    }
    fn slot(&self, issuer: &str) -> Arc<Mutex<Known>> {
        self.0.get_with_by_ref(issuer, Arc::default)
    }
}
impl Known {
    async fn metadata(&mut self, http: &dyn Outbound, issuer: &str, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        if let Some((metadata, at)) = &self.metadata
            && within(*at, FRESH, now)
        {
            return Ok(metadata.clone());
        }
        if let Some((fault, at)) = &self.fault
            && within(*at, REST, now)
        {
            return Err(fault.clone());
        }
        let asked = metadata::fetch(http, issuer).await;
        let metadata = Arc::new(self.note(asked, now)?);
        self.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }
    /// A fault is remembered, an answer forgets it.
    fn note<T>(&mut self, asked: Result<T, Fault>, now: Timestamp) -> Result<T, Fault> {
        self.fault = asked.as_ref().err().map(|fault| (fault.clone(), now));
        asked
    }
}
