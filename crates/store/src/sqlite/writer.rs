//! The one writer: one commit a group, answers after it.
//!
//! The rules are engine.md 4, but for its savepoint around each job: that makes SQLite copy every page which the job touches,
//! a third of a create's cost. So a group runs without, as long as no job both writes and fails, which is rare: then it is
//! rolled back and run again with savepoints, and so are the groups after it for a while, so that a caller who provokes it
//! cannot double everybody's work.
//!
//! A disk that is full makes SQLite roll the whole group back by itself; then nobody has been answered, and the group's jobs are
//! run again one by one, so that only the one at fault fails.
use std::collections::VecDeque;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::time::{Duration, Instant};

use portcullis_domain::tenant::TenantKey;

use super::checkpoint::Wal;
use super::connection::Connection;
use super::heads::Heads;
use super::job::Job;
use super::queue::{Next, Queue};
use crate::db::Counters;
use crate::tx::Engine;
use crate::{Change, Error, Publish, Tx};

const GROUP: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(5);
/// So long nobody else writes before bulk work goes on. Longer than a busy client needs from an answer to its next request.
const QUIET: Duration = Duration::from_millis(5);
/// So long nobody comes before the writer looks after its log.
const IDLE: Duration = Duration::from_millis(20);
const ASLEEP: Duration = Duration::from_secs(60);
/// So many groups have savepoints after one that needed them.
const CAREFUL: u32 = 64;

pub(super) struct Writer {
    pub tx: Tx,
    pub queue: Arc<Queue>,
    pub publish: Publish,
    pub counters: Arc<Counters>,
    pub wal: Wal,
    heads: Heads,
    /// Taken off the queue, not yet begun.
    taken: VecDeque<Box<dyn Job>>,
    /// What `PRAGMA data_version` said last: it moves when another process writes.
    data_version: Option<i64>,
    /// When the next bulk job may begin while others write.
    bulk_from: Instant,
    /// When others have been quiet for so long that it need not wait.
    quiet_from: Instant,
    /// So many groups still have savepoints.
    careful: u32,
}

/// Why a group cannot be committed.
enum Broken {
    /// A job failed after it had written, and has no savepoint to go back to.
    Refused,
    /// SQLite failed, and not one job's statement.
    Lost(Error),
}
impl From<Error> for Broken {
    fn from(cause: Error) -> Self {
        Self::Lost(cause)
    }
}

/// A group of which nothing was kept.
struct Lost {
    jobs: Vec<Box<dyn Job>>,
    cause: Error,
}

impl Writer {
    pub fn new(tx: Tx, queue: Arc<Queue>, publish: Publish, counters: Arc<Counters>, wal: Wal) -> Self {
        Self {
            tx,
            queue,
            publish,
            counters,
            wal,
            heads: Heads::default(),
            taken: VecDeque::new(),
            data_version: None,
            bulk_from: Instant::now(),
            quiet_from: Instant::now(),
            careful: 0,
        }
    }
    /// Runs until the queue is closed and empty.
    pub fn serve(&mut self) {
        loop {
            if self.taken.is_empty() {
                let idle = if self.wal.wants_idle() { IDLE } else { ASLEEP };
                match self.queue.wait(self.bulk_from.min(self.quiet_from), idle) {
                    Next::Urgent => {}
                    Next::Bulk(job) => {
                        self.bulk(job);
                        self.wal.when_large(connection(&self.tx));
                        continue;
                    }
                    Next::Idle => {
                        let connection = connection(&self.tx);
                        self.wal.when_idle(connection);
                        continue;
                    }
                    Next::Closed => return,
                }
            }
            self.urgent();
            self.quiet_from = Instant::now() + QUIET;
            self.wal.when_large(connection(&self.tx));
        }
    }

    fn urgent(&mut self) {
        let began = Instant::now();
        let mut begun = 0;
        let group = self.group(|writer| {
            if begun == GROUP || began.elapsed() >= GROUP_TIME {
                return None;
            }
            begun += 1;
            if writer.taken.is_empty() {
                writer.queue.pop(&mut writer.taken, GROUP + 1 - begun);
            }
            writer.taken.pop_front()
        });
        if let Err(lost) = group {
            self.one_by_one(lost);
        }
    }

    /// A bulk job is a group of its own. While others write, three times its duration passes before the next one.
    fn bulk(&mut self, job: Box<dyn Job>) {
        let began = Instant::now();
        let mut job = Some(job);
        if let Err(lost) = self.group(|_| job.take()) {
            self.one_by_one(lost);
        }
        let end = Instant::now();
        self.bulk_from = end + 3 * (end - began);
    }

    fn one_by_one(&mut self, lost: Lost) {
        self.counters.lost.fetch_add(1, Relaxed);
        tracing::warn!(jobs = lost.jobs.len(), cause = %lost.cause, "a group of writes was lost; repeating one by one");
        for job in lost.jobs {
            let mut job = Some(job);
            if let Err(lost) = self.group(|_| job.take()) {
                for mut job in lost.jobs {
                    job.fail(lost.cause.clone());
                    job.answer();
                }
            }
        }
    }

    /// Runs what `next` gives as one transaction. Ok: committed, published and answered.
    fn group(&mut self, mut next: impl FnMut(&mut Self) -> Option<Box<dyn Job>>) -> Result<(), Lost> {
        let mut jobs = Vec::new();
        let mut out = self.jobs(&mut next, &mut jobs);
        if let Err(Broken::Refused) = out {
            self.roll_back();
            self.careful = CAREFUL;
            let mut again = std::mem::take(&mut jobs).into_iter();
            out = self.jobs(&mut |_| again.next(), &mut jobs);
            jobs.extend(again);
        }
        self.careful = self.careful.saturating_sub(1);
        let cause = match out {
            Ok(changes) => {
                self.counters.groups.fetch_add(1, Relaxed);
                self.counters.jobs.fetch_add(jobs.len() as u64, Relaxed);
                for (tenant, change) in &changes {
                    (self.publish)(*tenant, std::slice::from_ref(change));
                }
                jobs.into_iter().for_each(Job::answer);
                return Ok(());
            }
            Err(Broken::Lost(cause)) => cause,
            Err(Broken::Refused) => Error::internal("a job with a savepoint asked for one"),
        };
        self.roll_back();
        // with nobody in it there is nothing to repeat: the next job meets the same trouble and hears of it
        while jobs.is_empty()
            && let Some(job) = next(self)
        {
            jobs.push(job);
        }
        Err(Lost { jobs, cause })
    }

    fn roll_back(&mut self) {
        if !connection(&self.tx).is_autocommit()
            && let Err(e) = connection(&self.tx).control("ROLLBACK")
        {
            tracing::error!(cause = %e, "a group of writes could not be rolled back");
        }
        self.heads.clear();
    }

    /// BEGIN, each job, COMMIT. An error: the transaction is gone or has to go.
    fn jobs(
        &mut self,
        next: &mut impl FnMut(&mut Self) -> Option<Box<dyn Job>>,
        done: &mut Vec<Box<dyn Job>>,
    ) -> Result<Vec<(TenantKey, Change)>, Broken> {
        connection(&self.tx).control("BEGIN IMMEDIATE")?;
        self.notice_strangers()?;
        let mut changes = Vec::new();
        while let Some(job) = next(self) {
            if job.abandoned() {
                self.counters.skipped.fetch_add(1, Relaxed);
                continue;
            }
            done.push(job);
            let Some(job) = done.last_mut() else { continue };
            if self.job(job.as_mut())? {
                changes.append(&mut self.tx.effects.changes);
            }
        }
        connection(&self.tx).control("COMMIT")?;
        Ok(changes)
    }

    /// One job. Ok: was it kept?
    fn job(&mut self, job: &mut dyn Job) -> Result<bool, Broken> {
        self.tx.reset(job.cx().clone());
        let savepoint = self.careful > 0;
        let before = connection(&self.tx).changes();
        if savepoint {
            connection(&self.tx).control("SAVEPOINT job")?;
        }
        let mut kept = job.run(&mut self.tx);
        // what followed a rollback by SQLite itself would commit by itself
        still_open(&self.tx)?;
        if kept && let Err(e) = self.heads.seal(&mut self.tx) {
            job.fail(e);
            kept = false;
        }
        still_open(&self.tx)?;
        if !kept {
            for (tenant, _) in &self.tx.effects.audit {
                self.heads.forget(*tenant);
            }
        }
        if savepoint {
            if !kept {
                connection(&self.tx).control("ROLLBACK TO job")?;
            }
            // a savepoint that is rolled back is still open: released too, or the stack grows with each refusal
            connection(&self.tx).control("RELEASE job")?;
            still_open(&self.tx)?;
        } else if !kept && connection(&self.tx).changes() != before {
            return Err(Broken::Refused);
        }
        Ok(kept)
    }

    /// The store has one owner (engine.md 5); should another process have written all the same, the heads are stale.
    fn notice_strangers(&mut self) -> Result<(), Error> {
        let version = connection(&self.tx).number("PRAGMA data_version")?;
        if self.data_version.replace(version).is_some_and(|before| before != version) {
            tracing::error!("another process has written to this store");
            self.heads.clear();
        }
        Ok(())
    }
}

/// The writer's connection.
pub(super) fn connection(tx: &Tx) -> &Connection {
    match &tx.engine {
        Engine::Sqlite(connection) => connection,
        Engine::Postgres(_) => unreachable!("the writer is made with a SQLite connection"),
    }
}

fn still_open(tx: &Tx) -> Result<(), Error> {
    if connection(tx).is_autocommit() {
        return Err(Error::unavailable("the disk refused the write"));
    }
    Ok(())
}
