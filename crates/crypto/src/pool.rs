//! The hash pool: a few plain threads that do nothing but hash, and a short queue before them. So a storm of logins slows
//! down logins and nothing else (security-checklist 14; engine.md 24: nice 10, 64 waiting).
use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use portcullis_domain::port::Random;
use tokio::sync::oneshot;

use crate::password::{Hasher, Password, Scratch, Verdict};

/// How many jobs may wait.
pub const WAITING: usize = 64;

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// [`WAITING`] jobs are waiting already: 429 or 503 with `Retry-After`.
    #[error("too many passwords are being checked")]
    Busy,
    /// The pool was dropped, or the job panicked.
    #[error("the hash pool is gone")]
    Closed,
}

enum Job {
    Hash(Password, oneshot::Sender<String>),
    /// `None`: no such user, so the dummy.
    Verify(Option<String>, Password, oneshot::Sender<Verdict>),
}
impl Job {
    fn abandoned(&self) -> bool {
        match self {
            Self::Hash(_, to) => to.is_closed(),
            Self::Verify(_, _, to) => to.is_closed(),
        }
    }
    fn run(self, hasher: &Hasher, scratch: &mut Scratch, random: &dyn Random) {
        // a caller that has left does not want the answer
        match self {
            Self::Hash(password, to) => {
                let _ = to.send(hasher.hash(scratch, &password, random));
            }
            Self::Verify(stored, password, to) => {
                let stored = stored.as_deref().unwrap_or(hasher.dummy());
                let _ = to.send(hasher.verify(scratch, stored, &password));
            }
        }
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    run: AtomicU64,
    hasher: Hasher,
    random: Arc<dyn Random>,
}
impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            match queue.jobs.pop_front() {
                Some(job) if job.abandoned() => {}
                Some(job) => return Some(job),
                None if queue.closed => return None,
                None => queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
    fn work(&self) {
        // Linux keeps the niceness of each thread; being refused it is no reason not to hash
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, 10);
        let mut scratch = Scratch::default();
        while let Some(job) = self.next() {
            self.run.fetch_add(1, Ordering::Relaxed);
            let run = AssertUnwindSafe(|| job.run(&self.hasher, &mut scratch, &*self.random));
            if catch_unwind(run).is_err() {
                scratch = Scratch::default();
            }
        }
    }
}

/// The pool. Its threads end when it is dropped; jobs that have not begun by then answer [`PoolError::Closed`].
pub struct HashPool(Arc<Shared>);
impl HashPool {
    /// So many threads; 0 means one a core.
    pub fn new(threads: usize, hasher: Hasher, random: Arc<dyn Random>) -> std::io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let pool = Self(Arc::new(Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            run: AtomicU64::new(0),
            hasher,
            random,
        }));
        for n in 0..if threads == 0 { cores } else { threads } {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("hash-{n}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }
    /// Hashes a new password. The job is queued by the call itself, not by the first poll.
    pub fn hash(&self, password: Password) -> impl Future<Output = Result<String, PoolError>> + Send + 'static + use<> {
        let (to, answer) = oneshot::channel();
        let queued = self.push(Job::Hash(password, to));
        async move { queued.and(answer.await.map_err(|_| PoolError::Closed)) }
    }
    /// Verifies a password. Without a stored hash (no such user, or one without a password) the dummy is verified, which
    /// takes as long and never matches.
    pub fn verify(
        &self,
        stored: Option<String>,
        password: Password,
    ) -> impl Future<Output = Result<Verdict, PoolError>> + Send + 'static + use<> {
        let (to, answer) = oneshot::channel();
        let queued = self.push(Job::Verify(stored, password, to));
        async move { queued.and(answer.await.map_err(|_| PoolError::Closed)) }
    }
    /// How many passwords it took on to hash or to verify: a metric, and whether a sign-in cost what every other one does.
    pub fn run(&self) -> u64 {
        self.0.run.load(Ordering::Relaxed)
    }
    /// How many jobs wait: a metric.
    pub fn waiting(&self) -> usize {
        self.0.queue().jobs.len()
    }
    fn push(&self, job: Job) -> Result<(), PoolError> {
        let mut queue = self.0.queue();
        if queue.jobs.len() >= WAITING {
            queue.jobs.retain(|j| !j.abandoned());
        }
        if queue.jobs.len() >= WAITING {
            return Err(PoolError::Busy);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.0.more.notify_one();
        Ok(())
    }
}
impl Drop for HashPool {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.0.more.notify_all();
    }
}
impl std::fmt::Debug for HashPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashPool({} waiting)", self.waiting())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{password::Params, random::OsRandom};
    use std::{
        pin::pin,
        sync::mpsc,
        task::{Context, Poll, Wake, Waker},
    };

    /// Waits without a runtime: the pool needs none.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        struct Thread(thread::Thread);
        impl Wake for Thread {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Thread(thread::current())));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Randomness that waits for the test: holds the workers inside a job.
    struct Gate(Mutex<mpsc::Receiver<()>>);
    impl Random for Gate {
        fn fill(&self, out: &mut [u8]) {
            let _ = self.0.lock().unwrap().recv();
            out.fill(7);
        }
    }

    fn quick() -> Hasher {
        Hasher::new(Params { m: 64, t: 1, p: 1 }).unwrap()
    }

    #[test]
    fn hashes_and_verifies() {
        let pool = HashPool::new(2, quick(), Arc::new(OsRandom)).unwrap();
        let hash = wait(pool.hash(Password::new("plum-orbit"))).unwrap();
        let yes = wait(pool.verify(Some(hash.clone()), Password::new("plum-orbit")));
        assert_eq!(yes, Ok(Verdict::Match { rehash: false }));
        assert_eq!(wait(pool.verify(Some(hash), Password::new("other"))), Ok(Verdict::Mismatch));
        assert_eq!(wait(pool.verify(None, Password::new("plum-orbit"))), Ok(Verdict::Mismatch));
    }

    #[test]
    fn sec_14_the_65th_that_waits_is_told_at_once_and_a_caller_who_leaves_makes_room() {
        let (open, gate) = mpsc::channel();
        let pool = HashPool::new(1, quick(), Arc::new(Gate(Mutex::new(gate)))).unwrap();
        let first = pool.hash(Password::new("in work"));
        while pool.waiting() > 0 {
            thread::yield_now();
        }
        let mut queued: Vec<_> = (0..WAITING).map(|_| pool.hash(Password::new("waiting"))).collect();
        assert_eq!(wait(pool.hash(Password::new("too many"))), Err(PoolError::Busy));
        drop(queued.pop());
        let last = pool.hash(Password::new("took the place"));
        assert_eq!(pool.waiting(), WAITING);
        for _ in 0..=WAITING {
            open.send(()).unwrap();
        }
        assert!(wait(first).is_ok() && wait(last).is_ok());
        assert!(queued.into_iter().all(|q| wait(q).is_ok()));
    }

    #[test]
    fn a_dropped_pool_answers_closed() {
        let (_open, gate) = mpsc::channel::<()>();
        let pool = HashPool::new(1, quick(), Arc::new(Gate(Mutex::new(gate)))).unwrap();
        let _busy = pool.hash(Password::new("in work"));
        while pool.waiting() > 0 {
            thread::yield_now();
        }
        let waiting = pool.hash(Password::new("waiting"));
        drop(pool);
        assert_eq!(wait(waiting), Err(PoolError::Closed));
    }
}
