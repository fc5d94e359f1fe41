//! What the store and the hash pool did, for the operator's listener.
use std::fmt;

use portcullis_service::App;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the counts at each scrape.
pub struct AppMetrics(pub App);

impl fmt::Debug for AppMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppMetrics")
    }
}

impl Collector for AppMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (stats, passwords) = (self.0.db().stats(), self.0.passwords());
        for (name, help, value) in [
            ("store_jobs", "Write use cases run to their end", stats.jobs),
            ("store_groups", "Commits of the SQLite writer", stats.groups),
            ("store_skipped", "Writes whose caller had left before they began", stats.skipped),
            ("store_lost_groups", "Groups of writes that were lost and repeated one by one", stats.lost),
            ("store_retries", "Repetitions after a conflict with another node", stats.retries),
            ("password_hashes", "Passwords hashed or verified", passwords.run()),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        for (name, help, waiting) in [
            ("store_waiting", "Writes that wait", stats.waiting),
            ("password_waiting", "Passwords that wait to be hashed or verified", passwords.waiting()),
        ] {
            let waiting = ConstGauge::new(u64::try_from(waiting).unwrap_or(u64::MAX));
            waiting.encode(encoder.encode_descriptor(name, help, None, waiting.metric_type())?)?;
        }
        Ok(())
    }
}
