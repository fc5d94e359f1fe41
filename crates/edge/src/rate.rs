//! How often one caller may call. In memory and per node; password attempts are counted in the database, not here.
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use governor::clock::{Clock as _, Reference};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use portcullis_domain::port::Clock;
use portcullis_domain::{Code, Credential, Ctx, Error, Result};

use crate::config::EdgeConfig;

/// How many calls pass between two looks at the size of a table.
const TIDY_EVERY: u32 = 1024;
/// An address may ask so often a minute whether somebody confirmed a device: fifty devices at once that ask every five seconds.
const POLLS_PER_MINUTE: u32 = 600;
/// An application may ask so often a minute about one who is signed in: each answer is a row and an event.
const AUTHORIZATIONS_PER_MINUTE: u32 = 60;

/// The clock port in governor's clothes.
#[derive(Clone)]
struct PortClock(Arc<dyn Clock>);
impl governor::clock::Clock for PortClock {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        let micros = u64::try_from(self.0.now().micros()).unwrap_or(0);
        Nanos::from(micros.saturating_mul(1000))
    }
}

/// How a request stands against a limit: what `RateLimit-*` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Calls in a full bucket.
    pub limit: u32,
    /// Calls left now.
    pub remaining: u32,
    /// Seconds until the bucket is full again, or until the next call is let in if it was refused.
    pub reset: u64,
    /// Was the call refused?
    pub refused: bool,
}
impl Limited {
    /// Writes the headers.
    pub fn write(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", self.limit.into());
        headers.insert("ratelimit-remaining", self.remaining.into());
        headers.insert("ratelimit-reset", self.reset.into());
        if self.refused && !headers.contains_key(header::RETRY_AFTER) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.reset.max(1)));
        }
    }
    /// 429 if it was refused.
    pub fn check(self) -> Result<()> {
        if !self.refused {
            return Ok(());
        }
        let wait = self.reset.max(1);
        let message = format!("Too many calls. Try again in {wait} s.");
        Err(Error::new(Code::RateLimited, message).detail("retry_after_seconds", wait))
    }
}

type Buckets = RateLimiter<u128, DashMapStateStore<u128>, PortClock, StateInformationMiddleware>;

/// One limit with a bucket for each key.
struct Limit {
    /// The lock is only ever written to start over with an empty table.
    buckets: RwLock<Buckets>,
    quota: Quota,
    clock: PortClock,
    keys: usize,
    /// Calls since the last look at the number of keys.
    calls: AtomicU32,
}
impl Limit {
    fn new(quota: Quota, keys: usize, clock: PortClock) -> Self {
        let buckets = RwLock::new(Buckets::new(quota, DashMapStateStore::default(), clock.clone()));
        Self { buckets, quota, clock, keys, calls: AtomicU32::new(0) }
    }
    fn hit(&self, key: u128) -> Limited {
        self.tidy();
        match self.buckets.read().unwrap_or_else(PoisonError::into_inner).check_key(&key) {
            Ok(snapshot) => self.allowed(&snapshot),
            Err(wait) => self.refused(&wait),
        }
    }
    fn allowed(&self, snapshot: &StateSnapshot) -> Limited {
        let remaining = snapshot.remaining_burst_capacity();
        let limit = self.quota.burst_size().get();
        let reset = seconds(self.quota.replenish_interval().saturating_mul(limit.saturating_sub(remaining)));
        Limited { limit, remaining, reset, refused: false }
    }
    fn refused(&self, wait: &NotUntil<Nanos>) -> Limited {
        let ready = wait.earliest_possible();
        let reset = seconds(ready.duration_since(self.clock.now()).into());
        Limited { limit: self.quota.burst_size().get(), remaining: 0, reset, refused: true }
    }
    /// Keeps the memory bounded: full buckets are forgotten, and if an attacker fills the table with fresh keys faster than
    /// they run full again, all are.
    fn tidy(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY != TIDY_EVERY - 1 {
            return;
        }
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() <= self.keys {
            return;
        }
        buckets.retain_recent();
        if buckets.len() > self.keys {
            drop(buckets);
            tracing::warn!(keys = self.keys, "rate limit table overflows: all counts are forgotten");
            let empty = Buckets::new(self.quota, DashMapStateStore::default(), self.clock.clone());
            *self.buckets.write().unwrap_or_else(PoisonError::into_inner) = empty;
        }
    }
}

/// Rounded up: a client that waits so long is let in.
fn seconds(d: Duration) -> u64 {
    d.as_secs() + u64::from(d.subsec_nanos() > 0)
}

/// The limits of a listener.
pub struct RateLimits {
    api: Option<Limit>,
    auth: Limit,
    login: Limit,
    public: Limit,
    polls: Limit,
    authorizations: Limit,
}
impl RateLimits {
    /// From the settings; a limit of zero counts as one.
    pub fn new(config: &EdgeConfig, clock: Arc<dyn Clock>) -> Self {
        let clock = PortClock(clock);
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let per_minute = |n: u32| Limit::new(Quota::per_minute(at_least_one(n)), config.rate_keys, clock.clone());
        Self {
            api: config
                .api_per_second
                .map(|n| Limit::new(Quota::per_second(at_least_one(n)), config.rate_keys, clock.clone())),
            auth: per_minute(config.auth_per_minute),
            login: per_minute(config.login_per_minute),
            public: per_minute(config.public_per_minute),
            polls: per_minute(POLLS_PER_MINUTE),
            authorizations: per_minute(AUTHORIZATIONS_PER_MINUTE),
        }
    }
    /// Counts a call of a credential; `None` when the operator set no limit.
    pub fn api(&self, cx: &Ctx) -> Option<Limited> {
        let limit = self.api.as_ref()?;
        let key = match cx.principal.credential {
            Credential::Session { id, .. } => id.uuid().as_u128(),
            Credential::ApiKey { id, .. } => id.uuid().as_u128(),
            Credential::PersonalToken { id, .. } => id.uuid().as_u128(),
            Credential::Service { id, .. } => id.uuid().as_u128(),
            Credential::None => address_key(cx.ip?),
        };
        Some(limit.hit(key))
    }
    /// Counts a call on `/v1/auth/*` from an address.
    pub fn auth(&self, ip: Option<IpAddr>) -> Option<Limited> {
        Some(self.auth.hit(address_key(ip?)))
    }
    /// Counts a sign-in from an address.
    pub fn login(&self, ip: Option<IpAddr>) -> Option<Limited> {
        Some(self.login.hit(address_key(ip?)))
    }
    /// Counts a question of an address whether somebody confirmed a device (RFC 8628 3.4).
    pub fn poll(&self, ip: Option<IpAddr>) -> Option<Limited> {
        Some(self.polls.hit(address_key(ip?)))
    }
    /// Counts an application's request about who is signed in (RFC 6749 4.1.1), by their session: many may share an address.
    pub fn authorization(&self, cx: &Ctx) -> Option<Limited> {
        let Credential::Session { id, .. } = cx.principal.credential else { return self.auth(cx.ip) };
        Some(self.authorizations.hit(id.uuid().as_u128()))
    }
    /// Counts a change from an address that takes no credential.
    pub fn public(&self, ip: Option<IpAddr>) -> Option<Limited> {
        Some(self.public.hit(address_key(ip?)))
    }
}

/// A household has a /64 of IPv6 addresses: it counts as one.
fn address_key(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::Timestamp;
    use std::sync::atomic::AtomicI64;

    struct Held(AtomicI64);
    impl Clock for Held {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn thirty_sign_ins_a_minute_for_each_address() {
        let clock = Arc::new(Held(AtomicI64::new(1_000_000_000_000)));
        let limits = RateLimits::new(&EdgeConfig::default(), clock.clone());
        let at = |ip: &str| limits.login(Some(ip.parse().unwrap())).unwrap();
        let first = at("192.0.2.1");
        assert_eq!((first.limit, first.remaining, first.reset), (30, 29, 2));
        for _ in 1..30 {
            assert!(!at("192.0.2.1").refused);
        }
        let refused = at("192.0.2.1");
        assert!(refused.refused && refused.reset == 2 && refused.check().unwrap_err().code() == Code::RateLimited);
        assert!(!at("192.0.2.2").refused);
        clock.0.fetch_add(2_000_000, Ordering::Relaxed);
        assert!(!at("192.0.2.1").refused && at("192.0.2.1").refused);
        assert!(limits.login(None).is_none());
    }

    #[test]
    fn sec_14_the_table_of_addresses_is_bounded() {
        let clock = Arc::new(Held(AtomicI64::new(1_000_000_000_000)));
        let limits = RateLimits::new(&EdgeConfig { rate_keys: 100, ..EdgeConfig::default() }, clock);
        for n in 0..5_000u32 {
            limits.auth(Some(IpAddr::V4(n.into())));
        }
        assert!(limits.auth.buckets.read().unwrap().len() <= 100 + TIDY_EVERY as usize);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_caller() {
        let key = |s: &str| address_key(s.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
