//! Latencies in buckets whose width grows with the value: 1/32 of it at most, 13 KiB in all, no allocation per sample.
use std::time::Duration;

/// Buckets for each doubling.
const FINE: usize = 32;
/// Doublings of a microsecond, beyond the first `FINE` microseconds: up to 2³⁰ µs, which is 18 minutes.
const DOUBLINGS: usize = 26;

/// Counts of latencies in microseconds.
#[derive(Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}
impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; FINE * (DOUBLINGS + 1)], count: 0, max: 0 }
    }
}
impl Histogram {
    /// Counts one.
    pub fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let last = self.buckets.len() - 1;
        self.buckets[bucket(micros).min(last)] += 1;
        self.count += 1;
        self.max = self.max.max(micros);
    }
    /// Takes in the counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }
    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Milliseconds below which this share of them lies; 0 if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (i, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return upper(i).min(self.max) as f64 / 1e3;
            }
        }
        self.max as f64 / 1e3
    }
    /// The largest, in milliseconds.
    pub fn max(&self) -> f64 {
        self.max as f64 / 1e3
    }
    /// `p50 1.20 ms, p99 4.10 ms, max 9.00 ms`.
    pub fn words(&self) -> String {
        format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", self.quantile(0.5), self.quantile(0.99), self.max())
    }
}

fn bucket(micros: u64) -> usize {
    if micros < FINE as u64 {
        return micros as usize;
    }
    let doubling = micros.ilog2() - FINE.ilog2();
    FINE * doubling as usize + (micros >> doubling) as usize
}
/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < 2 * FINE {
        return bucket as u64;
    }
    let doubling = bucket / FINE - 1;
    let first = (bucket - FINE * doubling) as u64;
    ((first + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket_and_that_is_narrow() {
        for micros in (0..5_000).chain([65_535, 65_536, 1_000_000, 9_999_999]) {
            let upper = upper(bucket(micros));
            assert!(upper >= micros && upper - micros <= micros / 32 + 1, "{micros} → {upper}");
        }
    }
    #[test]
    fn quantiles_of_a_known_series() {
        let mut h = Histogram::default();
        (1..=1_000).for_each(|i| h.add(Duration::from_micros(i * 10)));
        assert!((h.quantile(0.5) - 5.0).abs() < 0.2 && (h.quantile(0.99) - 9.9).abs() < 0.4, "{}", h.words());
        assert_eq!((h.count(), h.max()), (1_000, 10.0));
    }
}
