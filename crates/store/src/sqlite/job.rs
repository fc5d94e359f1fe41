//! A use case that waits for the writer. It can be run again: a group that is lost is repeated job by job.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use portcullis_domain::Ctx;
use tokio::sync::oneshot;

use crate::{Error, Result, Tx, UseCase};

pub(super) trait Job: Send {
    /// Has its caller left?
    fn abandoned(&self) -> bool;
    fn cx(&self) -> &Ctx;
    /// Runs it to its end. False: roll back to the savepoint.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Replaces a success by an error.
    fn fail(&mut self, e: Error);
    /// Tells the caller.
    fn answer(self: Box<Self>);
}

pub(super) struct Call<C, T, F> {
    cx: Ctx,
    cmd: C,
    use_case: F,
    out: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}
impl<C, T, F> Call<C, T, F> {
    pub fn new(cx: Ctx, cmd: C, use_case: F) -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Self { cx, cmd, use_case, out: None, reply }, answer)
    }
}
impl<C, T, F> Job for Call<C, T, F>
where
    C: Send + Sync + 'static,
    T: Send,
    F: for<'a> UseCase<'a, C, T> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }
    fn cx(&self) -> &Ctx {
        &self.cx
    }
    fn run(&mut self, tx: &mut Tx) -> bool {
        let out = catch_unwind(AssertUnwindSafe(|| poll_once(tx, &self.cmd, &self.use_case)));
        let out = out.unwrap_or_else(|_| Err(Error::internal("the use case panicked")));
        let ok = out.is_ok();
        self.out = Some(out);
        ok
    }
    fn fail(&mut self, e: Error) {
        if !matches!(self.out, Some(Err(_))) {
            self.out = Some(Err(e));
        }
    }
    fn answer(self: Box<Self>) {
        let out = self.out.unwrap_or_else(|| Err(Error::internal("the job did not run")));
        // an error here means that the caller left after the job began: it is committed all the same
        let _ = self.reply.send(out);
    }
}

/// Polls a use case exactly once: on SQLite nothing that it may await is ever pending.
pub(super) fn poll_once<C, T, F>(tx: &mut Tx, cmd: &C, use_case: &F) -> Result<T>
where
    C: 'static,
    F: for<'a> UseCase<'a, C, T>,
{
    let polled = {
        let future = pin!(async {
            let out = use_case(&mut *tx, cmd).await;
            tx.finish(out).await
        });
        future.poll(&mut Context::from_waker(Waker::noop()))
    };
    match polled {
        Poll::Ready(out) => out,
        Poll::Pending => Err(Error::internal("the use case awaited something that is not the database")),
    }
}
