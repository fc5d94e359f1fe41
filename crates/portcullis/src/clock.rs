//! The system's clock: the one place that asks for the time.
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_domain::Timestamp;
use portcullis_domain::port::Clock;

/// Real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the Clock port's door to the system")]
    fn now(&self) -> Timestamp {
        // a clock before 1970 stands still there
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
