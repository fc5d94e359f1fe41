//! A clock that stands still but for a millisecond at each look, so that what is made later is newer.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use portcullis_domain::Timestamp;
use portcullis_domain::port::Clock;

/// 22 November 2026, a Sunday, 09:21 UTC.
pub const START: i64 = 1_795_339_304_000_000;

pub struct Held(AtomicI64);
impl Held {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }
    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Relaxed);
    }
    /// This moment as seconds, without a look.
    pub fn seconds(&self) -> i64 {
        self.0.load(Relaxed) / 1_000_000
    }
}
impl Clock for Held {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Relaxed))
    }
}
