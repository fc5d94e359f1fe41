//! Looking a domain up: is the record there that only its owner can put there? At most 10 times a minute for each tenant
//! (spec v1 2.8), and for each of its organizations: none of them keeps the others from it.
use portcullis_domain::dns::Unresolved;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Code, Ctx, Error, Result};
use uuid::Uuid;

use crate::App;
use crate::tally::Tally;

/// How often each tenant and each organization had something looked up in this minute.
pub(crate) struct Lookups(Tally<(TenantKey, Uuid)>);
impl Default for Lookups {
    fn default() -> Self {
        Self(Tally::of(10))
    }
}

/// What the name servers said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The record is there.
    Record,
    /// Other records are there, or none.
    NoRecord,
    /// There is no such name.
    NoHost,
    /// Nothing that can be relied on.
    Silence,
}

impl App {
    /// Asks, for somebody who waits for the answer. `of`: the organization; nil for the tenant's own domains.
    pub(crate) async fn look_up(&self, cx: &Ctx, of: Uuid, name: &str, value: &str) -> Result<Heard> {
        if !self.0.lookups.0.counts((cx.tenant, of), cx.now) {
            let message = "At most 10 domain checks a minute. Try again in a minute.";
            return Err(Error::new(Code::RateLimited, message).detail("retry_after_seconds", 60));
        }
        Ok(self.hear(name, value).await)
    }
    /// Asks.
    pub(crate) async fn hear(&self, name: &str, value: &str) -> Heard {
        match self.0.dns.txt(name).await {
            Ok(records) if records.iter().any(|r| r.trim() == value) => Heard::Record,
            Ok(_) => Heard::NoRecord,
            Err(Unresolved::NoSuchHost) => Heard::NoHost,
            Err(Unresolved::Unavailable(cause)) => {
                tracing::warn!(name, cause, "a domain could not be looked up");
                Heard::Silence
            }
        }
    }
}
