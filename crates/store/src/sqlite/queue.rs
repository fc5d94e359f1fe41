//! The writer's two lanes: what people wait for, and bulk work that gets at most a quarter of the writer's time.
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::job::Job;
use crate::{Error, Result};

const WAITING: usize = 4096;

/// Which lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Urgent,
    Bulk,
}

/// What the writer does next.
pub(super) enum Next {
    /// Jobs of people are waiting: fetch them with [`Queue::pop`].
    Urgent,
    /// A bulk job whose turn has come.
    Bulk(Box<dyn Job>),
    /// Nobody came for a while.
    Idle,
    /// The store is being closed and nothing waits any more.
    Closed,
}

#[derive(Default)]
struct State {
    urgent: VecDeque<Box<dyn Job>>,
    bulk: VecDeque<Box<dyn Job>>,
    asleep: bool,
    closed: bool,
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

impl Queue {
    /// Fails when 4,096 jobs wait already, or the store is being closed.
    pub fn push(&self, lane: Lane, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::unavailable("the store is being closed"));
        }
        let line = match lane {
            Lane::Urgent => &mut state.urgent,
            Lane::Bulk => &mut state.bulk,
        };
        if line.len() >= WAITING {
            return Err(Error::unavailable("too many writes are waiting"));
        }
        line.push_back(job);
        if state.asleep {
            self.ready.notify_one();
        }
        Ok(())
    }
    /// Moves up to `max` urgent jobs to the end of `into`, without waiting.
    pub fn pop(&self, into: &mut VecDeque<Box<dyn Job>>, max: usize) {
        let mut state = self.lock();
        let count = max.min(state.urgent.len());
        into.extend(state.urgent.drain(..count));
    }
    /// Waits for work, at most `idle`. Bulk jobs wait until `bulk_from` while others write.
    pub fn wait(&self, bulk_from: Instant, idle: Duration) -> Next {
        let until = Instant::now() + idle;
        let mut state = self.lock();
        loop {
            if !state.urgent.is_empty() {
                return Next::Urgent;
            }
            let now = Instant::now();
            if (bulk_from <= now || state.closed)
                && let Some(job) = state.bulk.pop_front()
            {
                return Next::Bulk(job);
            }
            if state.closed {
                return Next::Closed;
            }
            if until <= now {
                return Next::Idle;
            }
            let wake = if state.bulk.is_empty() { until } else { until.min(bulk_from) };
            state.asleep = true;
            let waited = self.ready.wait_timeout(state, wake.saturating_duration_since(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
        }
    }
    /// How many wait.
    pub fn len(&self) -> usize {
        let state = self.lock();
        state.urgent.len() + state.bulk.len()
    }
    /// Takes no more jobs; those that wait are still run.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
    fn lock(&self) -> MutexGuard<'_, State> {
        // no code that can panic runs under this lock
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
