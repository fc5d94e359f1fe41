//! One read for all who wait: whoever asks is answered by a read that began after they asked (engine.md 8).
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::{Error, Result};
use tokio::sync::oneshot;

type Read = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Shares reads among tasks.
#[derive(Clone, Default)]
pub(crate) struct Freshness(Arc<Mutex<Waiting>>);
#[derive(Default)]
struct Waiting {
    running: bool,
    next: Vec<oneshot::Sender<Result<()>>>,
}
impl Freshness {
    /// Waits for a read that begins from here on. `read` may be run several times, on a task of its own.
    pub async fn wait(&self, read: impl Fn() -> Read + Send + 'static) -> Result<()> {
        let (tell, told) = oneshot::channel();
        let lead = {
            let mut w = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            w.next.push(tell);
            !std::mem::replace(&mut w.running, true)
        };
        if lead {
            // a task of its own: a caller that leaves must not leave the others waiting
            tokio::spawn(self.clone().lead(read));
        }
        told.await.map_err(|_| Error::unavailable("the revision could not be read"))?
    }
    async fn lead(self, read: impl Fn() -> Read + Send + 'static) {
        loop {
            let waiting = {
                let mut w = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if w.next.is_empty() {
                    w.running = false;
                    return;
                }
                std::mem::take(&mut w.next)
            };
            let out = read().await;
            for tell in waiting {
                // whoever left does not want to know
                let _ = tell.send(out.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_caller_sees_a_read_that_began_after_it_asked() {
        let (fresh, world, reads) = (Freshness::default(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let seen = Arc::new(AtomicU64::new(0));
        let mut tasks = vec![];
        for _ in 0..64 {
            let (fresh, world, reads, seen) = (fresh.clone(), world.clone(), reads.clone(), seen.clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..50 {
                    let asked_at = world.fetch_add(1, SeqCst) + 1;
                    let (world, reads, seen2) = (world.clone(), reads.clone(), seen.clone());
                    fresh
                        .wait(move || {
                            reads.fetch_add(1, SeqCst);
                            let now = world.load(SeqCst);
                            let seen = seen2.clone();
                            Box::pin(async move {
                                tokio::task::yield_now().await;
                                seen.fetch_max(now, SeqCst);
                                Ok(())
                            })
                        })
                        .await
                        .unwrap();
                    assert!(seen.load(SeqCst) >= asked_at);
                }
            }));
        }
        for t in tasks {
            t.await.unwrap();
        }
        assert!(reads.load(SeqCst) < 3_200, "reads were shared");
    }
}
