//! How often something happened in this minute, in memory: a restart forgets.
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use portcullis_domain::Timestamp;

/// So many are counted at once; beyond that the count begins anew.
const COUNTED: usize = 10_000;

/// Counts by key, up to a limit a minute.
pub(crate) struct Tally<K> {
    limit: usize,
    seen: Mutex<HashMap<K, (Timestamp, usize)>>,
}
impl<K: Eq + Hash> Tally<K> {
    /// Of so many a minute.
    pub fn of(limit: usize) -> Self {
        Self { limit, seen: Mutex::default() }
    }
    /// Counts one more; false when it is beyond the limit.
    pub fn counts(&self, key: K, now: Timestamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= COUNTED {
            seen.retain(|_, (since, _)| since.plus_seconds(60) > now);
        }
        if seen.len() >= COUNTED {
            seen.clear();
        }
        let (since, n) = seen.entry(key).or_insert((now, 0));
        if since.plus_seconds(60) <= now {
            (*since, *n) = (now, 0);
        }
        *n += 1;
        *n <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_for_each_key() {
        let (t, now) = (Tally::of(10), Timestamp::from_micros(0));
        assert_eq!((0..20).filter(|_| t.counts("a", now)).count(), 10);
        assert!(t.counts("b", now));
        assert!(t.counts("a", now.plus_seconds(60)));
    }
}
