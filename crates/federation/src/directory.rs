//! What is remembered of what providers publish: bounded, for a while, and asked for once however many wait.
use std::sync::Arc;
use std::time::Instant;

use portcullis_domain::Timestamp;
use portcullis_domain::openid::Fault;
use tokio::sync::Mutex;

/// URLs that are remembered.
const MOST: u64 = 1_000;
/// For so many seconds what was said there counts.
const FRESH: i64 = 600;
/// It is asked for again at most so often because it does not help: somebody names or uses a key that is not in it.
const AGAIN: i64 = 60;
/// Who does not answer is left alone for so many seconds, which is longer than a call takes: those who wait for a dead provider do not wait
/// one after the other.
const REST: i64 = 15;

/// What was said at URLs that were asked lately.
pub struct Directory<T>(moka::sync::Cache<String, Arc<Mutex<Remembered<T>>>>);
impl<T: Send + Sync + 'static> Default for Directory<T> {
    fn default() -> Self {
        Self(moka::sync::Cache::new(MOST))
    }
}
struct Remembered<T> {
    said: Option<(Arc<T>, Timestamp)>,
    fault: Option<(Fault, Timestamp)>,
}
impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { said: None, fault: None }
    }
}

/// Is it that long ago at most? Who had to wait for it began before it.
fn within(at: Timestamp, seconds: i64, now: Timestamp) -> bool {
    at.plus_seconds(-seconds) < now && now < at.plus_seconds(seconds)
}

impl<T: Send + Sync + 'static> Directory<T> {
    /// What is said at a URL. It is asked for if nothing is known, if that is old, or if it does not help and is not quite new.
    pub async fn get(
        &self,
        url: &str,
        helps: impl FnOnce(&Arc<T>) -> bool,
        ask: impl Future<Output = Result<T, Fault>>,
        now: Timestamp,
    ) -> Result<Arc<T>, Fault> {
        let slot = self.0.get_with_by_ref(url, Arc::default);
        let mut known = slot.lock().await;
        if let Some((said, at)) = &known.said
            && within(*at, if helps(said) { FRESH } else { AGAIN }, now)
        {
            return Ok(said.clone());
        }
        if let Some((fault, at)) = &known.fault
            && within(*at, REST, now)
        {
            return Err(fault.clone());
        }
        let began = Instant::now();
        let answer = ask.await;
        let now = now.plus_seconds(i64::try_from(began.elapsed().as_secs()).unwrap_or(i64::MAX));
        match answer {
            Ok(said) => {
                let said = Arc::new(said);
                *known = Remembered { said: Some((said.clone(), now)), fault: None };
                Ok(said)
            }
            Err(fault) => {
                known.fault = Some((fault.clone(), now));
                Err(fault)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_339_304_000_000);

    /// Somebody who counts how often they are asked.
    #[derive(Default)]
    struct Asked {
        directory: Directory<usize>,
        times: AtomicUsize,
    }
    impl Asked {
        async fn at(&self, seconds: i64, helps: bool, works: bool) -> Option<usize> {
            let ask = async {
                let n = self.times.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::task::yield_now().await;
                if works { Ok(n) } else { Err(Fault::Provider("down".into())) }
            };
            let said = self.directory.get("https://id.example", |_| helps, ask, NOW.plus_seconds(seconds)).await;
            said.ok().map(|n| *n)
        }
    }
    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
    }

    #[test]
    fn what_was_said_counts_for_a_while_and_for_less_if_it_does_not_help() {
        run(async {
            let a = Asked::default();
            assert_eq!((a.at(0, true, true).await, a.at(599, true, true).await), (Some(1), Some(1)));
            assert_eq!(a.at(600, true, true).await, Some(2));
            assert_eq!((a.at(659, false, true).await, a.at(660, false, true).await), (Some(2), Some(3)));
            // a clock that was wrong for years keeps nothing that long
            assert_eq!(a.at(-1_000_000, true, true).await, Some(4));
        });
    }

    #[test]
    fn sec_14_who_does_not_answer_is_left_alone_for_longer_than_a_call_takes() {
        run(async {
            let a = Asked::default();
            for later in [0, 10, 14] {
                assert_eq!(a.at(later, true, false).await, None);
            }
            assert_eq!(a.times.load(Ordering::Relaxed), 1);
            assert_eq!(a.at(15, true, true).await, Some(2));
            // the same while something is known that does not help, which goes on counting for who is helped by it
            for later in [100, 110] {
                assert_eq!(a.at(later, false, false).await, None);
                assert_eq!(a.at(later, true, false).await, Some(2));
            }
            assert_eq!(a.times.load(Ordering::Relaxed), 3);
        });
    }

    #[test]
    fn however_many_wait_it_is_asked_for_once() {
        run(async {
            let a = Asked::default();
            // the others began earlier than the one who asks
            let (one, two, three) = tokio::join!(a.at(9, true, false), a.at(0, true, false), a.at(5, true, true));
            assert_eq!((one, two, three, a.times.load(Ordering::Relaxed)), (None, None, None, 1));
        });
    }
}
