//! How every change goes: allowed → seen before? → well-formed → committed with its audit events, if nothing moved meanwhile.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_store::{Tx, UseCase};

use crate::authorize::Gate;
use crate::idempotency::{Seen, Slot};
use crate::reauthentication::freshly;
use crate::{Answer, App, Reply};

/// A decision is made again at most so often before the caller is told to come back.
const TURNS: usize = 8;

impl App {
    /// A change whose answer may have to be given again: a POST. `command` is looked at only once the caller is allowed.
    pub(crate) async fn answer<C, T, F>(
        &self,
        cx: &Ctx,
        gate: Gate,
        command: impl Future<Output = Result<C>> + Send,
        reply: Reply<T>,
        f: F,
    ) -> Result<Answer>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let revision = self.allowed(cx, &gate).await?;
        let (slot, _claim) = match &reply.key {
            None => (None, None),
            Some(key) => match self.seen(cx, key).await? {
                Seen::Before(answer) => return Ok(answer),
                Seen::Never(slot, claim) => (Some(slot), Some(claim)),
            },
        };
        let out = match command.await {
            Ok(command) => match self.may_grant(cx, &gate).await {
                Ok(()) => {
                    let keep = Keep { render: reply.render, slot: slot.clone() };
                    self.commit(cx, &gate, revision, command, Some(keep), f).await.and_then(Made::answer)
                }
                Err(e) => Err(e),
            },
            Err(e) => Err(e),
        };
        match (out, slot) {
            (Err(e), Some(slot)) => self.keep_refusal(cx, slot, e).await,
            (out, _) => out,
        }
    }

    /// A change of the caller's own account, which needs nothing but being signed in; the use case looks at the session.
    pub(crate) async fn answer_own<C, T, F>(
        &self,
        cx: &Ctx,
        command: Result<C>,
        reply: Reply<T>,
        f: F,
    ) -> Result<Answer>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let (slot, _claim) = match &reply.key {
            None => (None, None),
            Some(key) => match self.seen(cx, key).await? {
                // what counts as a factor by now is shown to nobody who comes back hours later
                Seen::Before(answer) => return freshly(cx).map(|()| answer),
                Seen::Never(slot, claim) => (Some(slot), Some(claim)),
            },
        };
        let out = match command {
            Ok(command) => {
                let own = Own { command, f, render: reply.render, slot: slot.clone() };
                self.0.db.write(cx.clone(), own, unguarded::<C, T, F>).await.map_err(Error::from)
            }
            Err(e) => Err(e),
        };
        match (out, slot) {
            (Err(e), Some(slot)) => self.keep_refusal(cx, slot, e).await,
            (out, _) => out,
        }
    }

    /// A change that may simply be repeated: a PUT, PATCH or DELETE.
    pub(crate) async fn apply<C, T, F>(
        &self,
        cx: &Ctx,
        gate: Gate,
        command: impl Future<Output = Result<C>> + Send,
        f: F,
    ) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let revision = self.allowed(cx, &gate).await?;
        let command = command.await?;
        self.may_grant(cx, &gate).await?;
        self.commit(cx, &gate, revision, command, None, f).await.and_then(Made::value)
    }

    /// A refused change leaves a trace: `access.denied`.
    async fn allowed(&self, cx: &Ctx, gate: &Gate) -> Result<i64> {
        let out = self.allow(cx, gate).await;
        if let Err(e) = &out
            && e.code() == Code::Forbidden
        {
            self.record_denial(cx, gate.action, e);
        }
        out.map(|a| a.revision)
    }

    /// Runs the use case in a transaction that refuses to commit if the tenant's revision is not the one that the decision
    /// stands on; then who is asking and whether they may is looked at again (engine.md 15).
    async fn commit<C, T, F>(
        &self,
        cx: &Ctx,
        gate: &Gate,
        mut revision: i64,
        command: C,
        keep: Option<Keep<T>>,
        f: F,
    ) -> Result<Made<T>>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let work = Arc::new(Work { command, f, keep, moved: AtomicBool::new(false) });
        let mut cx = cx.clone();
        let tenancy = self.tenancy_of(cx.tenant).await?;
        // Whoever lost a turn to another change queues with the others who did, and so does who finds them queueing: else of many
        // who change one tenant's structure some would never get their turn (engine.md 7).
        let mut queued = None;
        let mut stale = false;
        if gate.need.is_some() && tenancy.structure.try_lock().is_err() {
            queued = Some(tenancy.structure.lock().await);
            stale = gate.again && tenancy.latest() != revision;
        }
        for _ in 0..TURNS {
            if stale {
                self.freshen(&tenancy).await?;
                cx = self.identify_again(&cx).await?;
                revision = self.allow(&cx, gate).await?.revision;
                self.may_grant(&cx, gate).await?;
            }
            work.moved.store(false, Ordering::Relaxed);
            let out = self.0.db.write(cx.clone(), Turn { work: work.clone(), revision }, guarded::<C, T, F>).await;
            if out.is_ok() || !work.moved.load(Ordering::Relaxed) {
                return out.map_err(Error::from);
            }
            if !gate.again {
                return Err(moved());
            }
            if queued.is_none() {
                queued = Some(tenancy.structure.lock().await);
            }
            stale = true;
        }
        Err(Error::unavailable("the tenant's structure keeps changing"))
    }
}

/// What the decision stands on changed while the call was under way, and cannot be looked at again by itself.
pub(crate) fn moved() -> Error {
    Error::new(Code::Conflict, "Something that this call depends on changed at the same moment. Repeat the call.")
        .detail("state", "changed")
}

/// What must be remembered, and how it is rendered.
struct Keep<T> {
    render: fn(&T) -> Answer,
    slot: Option<Slot>,
}
struct Work<C, T, F> {
    command: C,
    f: F,
    keep: Option<Keep<T>>,
    moved: AtomicBool,
}
/// One try on one revision.
struct Turn<C, T, F> {
    work: Arc<Work<C, T, F>>,
    revision: i64,
}
enum Made<T> {
    Answer(Answer),
    Value(T),
}
impl<T> Made<T> {
    fn answer(self) -> Result<Answer> {
        match self {
            Self::Answer(a) => Ok(a),
            Self::Value(_) => Err(Error::internal("a change without a rendering")),
        }
    }
    fn value(self) -> Result<T> {
        match self {
            Self::Value(v) => Ok(v),
            Self::Answer(_) => Err(Error::internal("a change that was rendered")),
        }
    }
}

/// A change of the caller's own account.
struct Own<C, T, F> {
    command: C,
    f: F,
    render: fn(&T) -> Answer,
    slot: Option<Slot>,
}
async fn unguarded<C, T, F>(tx: &mut Tx, own: &Own<C, T, F>) -> portcullis_store::Result<Answer>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
    F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
{
    let made = (own.f)(tx, &own.command).await?;
    let answer = (own.render)(&made);
    if let Some(slot) = &own.slot {
        slot.keep(tx, &answer).await?;
    }
    Ok(answer)
}

async fn guarded<C, T, F>(tx: &mut Tx, turn: &Turn<C, T, F>) -> portcullis_store::Result<Made<T>>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
    F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
{
    if tx.revision().await? != turn.revision {
        turn.work.moved.store(true, Ordering::Relaxed);
        return Err(Error::unavailable("the tenant's revision moved").into());
    }
    let made = (turn.work.f)(tx, &turn.work.command).await?;
    let Some(keep) = &turn.work.keep else { return Ok(Made::Value(made)) };
    let answer = (keep.render)(&made);
    if let Some(slot) = &keep.slot {
        slot.keep(tx, &answer).await?;
    }
    Ok(Made::Answer(answer))
}
