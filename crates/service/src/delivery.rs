//! How a node delivers, mails (`mail_delivery.rs`) and webhooks (`webhook_delivery.rs`) alike: so many tasks at once, each for a
//! shift, and a pause before what failed is tried again. Whose turn it is and what is sent, each of the two knows by itself.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_domain::Result;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Seconds to the next try after so many: `first`, doubled with each try but at most `most`, and shortened by chance by up to a
/// tenth, so that what failed together does not come back together.
pub(crate) fn pause(first: i64, most: i64, tries: i64, chance: u8) -> i64 {
    let whole = first.saturating_mul(1 << (tries - 1).clamp(0, 13)).min(most);
    whole - whole * i64::from(chance) / 2_550
}

/// The tasks that deliver on this node.
pub(crate) struct Crew {
    places: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
    stopping: Arc<AtomicBool>,
}
impl Crew {
    /// At most so many tasks at once.
    pub fn new(at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), tasks: Mutex::default(), stopping: Arc::default() }
    }
    /// Those under way, for one round at a time to add to.
    pub async fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        let mut tasks = self.tasks.lock().await;
        while tasks.try_join_next().is_some() {}
        tasks
    }
    /// A place for a task, if one is free; free again when it is dropped.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }
    /// What a task works by: it serves at most so many, and none once the crew stops.
    pub fn shift(&self, most: usize) -> Shift {
        Shift { most, stopping: self.stopping.clone() }
    }
    /// Waits for what is under way.
    pub async fn settle(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
    /// Ends after the tries that are under way.
    pub async fn finish(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.settle().await;
    }
}

/// How long a task serves before others have their turn.
pub(crate) struct Shift {
    most: usize,
    stopping: Arc<AtomicBool>,
}
impl Shift {
    /// Serves one after the other while `one` says that there may be more. An error ends the shift.
    pub async fn serve<F, One>(self, mut one: F) -> Result<()>
    where
        F: FnMut() -> One,
        One: Future<Output = Result<bool>>,
    {
        for _ in 0..self.most {
            if self.stopping.load(Ordering::Relaxed) || !one().await? {
                break;
            }
        }
        Ok(())
    }
}
