//! What is remembered of providers that describe themselves at a URL: bounded, for a while, and asked for once however many wait.
use std::sync::Arc;

use portcullis_domain::Timestamp;
use portcullis_domain::openid::Fault;
use portcullis_domain::outbound::Outbound;
use tokio::sync::Mutex;

use super::provider::{self, Provider};

/// URLs that are remembered.
const MOST: u64 = 1_000;
/// For so many seconds what was said there counts.
const FRESH: i64 = 600;
/// It is asked for again at most so often because somebody signs with a key that is not known.
const AGAIN: i64 = 60;
/// Who does not answer is left alone for so many seconds.
const REST: i64 = 5;

#[derive(Default)]
struct Known {
    provider: Option<(Arc<Provider>, Timestamp)>,
    fault: Option<(Fault, Timestamp)>,
}
/// The URLs that were asked lately.
pub struct Directory(moka::sync::Cache<String, Arc<Mutex<Known>>>);
impl Default for Directory {
    fn default() -> Self {
        Self(moka::sync::Cache::new(MOST))
    }
}

fn within(since: Timestamp, seconds: i64, now: Timestamp) -> bool {
    since <= now && now < since.plus_seconds(seconds)
}

impl Directory {
    /// What is said at a URL; asked for anew if this is what was said, and it did not help.
    pub async fn provider(
        &self,
        http: &dyn Outbound,
        url: &str,
        stale: Option<&Arc<Provider>>,
        now: Timestamp,
    ) -> Result<Arc<Provider>, Fault> {
        let slot = self.0.get_with_by_ref(url, Arc::default);
        let mut known = slot.lock().await;
        if let Some((provider, at)) = &known.provider {
            let helps = stale.is_none_or(|s| !Arc::ptr_eq(s, provider));
            if within(*at, if helps { FRESH } else { AGAIN }, now) {
                return Ok(provider.clone());
            }
        }
        if let Some((fault, at)) = &known.fault
            && within(*at, REST, now)
        {
            return Err(fault.clone());
        }
        match provider::fetch(http, url).await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                *known = Known { provider: Some((provider.clone(), now)), fault: None };
                Ok(provider)
            }
            Err(fault) => {
                known.fault = Some((fault.clone(), now));
                Err(fault)
            }
        }
    }
}
