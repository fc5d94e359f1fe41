//! What the store did, for the operator's listener.
use std::fmt;

use portcullis_store::Db;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the store's counts at each scrape.
pub struct StoreMetrics(pub Db);

impl fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreMetrics")
    }
}

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let stats = self.0.stats();
        for (name, help, value) in [
            ("store_jobs", "Write use cases run to their end", stats.jobs),
            ("store_groups", "Commits of the SQLite writer", stats.groups),
            ("store_skipped", "Writes whose caller had left before they began", stats.skipped),
            ("store_lost_groups", "Groups of writes that were lost and repeated one by one", stats.lost),
            ("store_retries", "Repetitions after a conflict with another node", stats.retries),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let waiting = ConstGauge::new(u64::try_from(stats.waiting).unwrap_or(u64::MAX));
        waiting.encode(encoder.encode_descriptor("store_waiting", "Writes that wait", None, waiting.metric_type())?)
    }
}
