//! Work that outlives the call that began it: imports and exports. It has one of few places for each tenant (spec v1 2.8),
//! runs only as long as its caller may do it, and does not wait for ever for one who takes no answer.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_authz::Target;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Code, Ctx, Error, Result};
use tokio::sync::mpsc;

use crate::App;
use crate::authorize::Allowed;

/// What runs for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Long {
    /// Of users.
    Import,
    /// Of the audit log, or of users.
    Export,
}
impl Long {
    /// So many of a tenant run at once on one node.
    const MOST: u8 = 2;
    const fn plural(self) -> &'static str {
        match self {
            Self::Import => "imports",
            Self::Export => "exports",
        }
    }
}

/// How many run.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<(TenantKey, Long), u8>>>);

/// One of the places; free again when it is dropped.
pub struct Place {
    places: Places,
    held: (TenantKey, Long),
    patience: Duration,
}
impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        match places.get_mut(&self.held) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(places.remove(&self.held)),
        }
    }
}

/// An answer in pieces. An error is its last one: what came before is not the whole.
pub type Pieces = mpsc::Receiver<Result<Vec<u8>>>;

impl App {
    /// A place for what the caller may do, or 429. Ask after the right: who has none learns nothing of what runs.
    pub fn place(&self, cx: &Ctx, what: Long) -> Result<Place> {
        let (places, held) = (self.0.places.clone(), (cx.tenant, what));
        let mut running = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = running.entry(held).or_default();
        if *n >= Long::MOST {
            let (most, what) = (Long::MOST, what.plural());
            let message =
                format!("{most} {what} of this tenant run already, and no more run at once: wait for one to end.");
            return Err(Error::new(Code::RateLimited, message).detail("limit", most).detail("retry_after_seconds", 10));
        }
        *n += 1;
        drop(running);
        Ok(Place { places, held, patience: self.0.settings.reader_patience })
    }
    /// The caller as of now: what was revoked, has expired, or lost its roles since the call began is refused.
    pub async fn still(&self, cx: &Ctx) -> Result<Ctx> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        self.freshen(&tenancy).await?;
        self.identify_again(&Ctx { now: self.0.clock.now(), ..cx.clone() }).await
    }
    /// The same, who may still do this.
    pub(crate) async fn still_may(&self, cx: &Ctx, action: &'static str) -> Result<(Ctx, Allowed)> {
        let cx = self.still(cx).await?;
        let allowed = self.may(&cx, action, Target::tenant()).await?;
        Ok((cx, allowed))
    }
}

impl Place {
    /// Answers in pieces from a task of its own, which holds the place.
    pub fn answer<F>(self, work: impl FnOnce(Outlet) -> F) -> Pieces
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        // one piece may wait: whoever reads slowly is not sent what was allowed long ago
        let (send, receive) = mpsc::channel(1);
        let work = work(Outlet { send: send.clone(), patience: self.patience });
        tokio::spawn(async move {
            let out = work.await;
            drop(self);
            if let Err(e) = out {
                // the reader may have left: then nobody is told
                let _ = send.send(Err(e)).await;
            }
        });
        receive
    }
    /// How long it waits for the one who called.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }
    /// Waits for what the one who called has to take, but not for ever.
    pub(crate) async fn patiently<T>(&self, taken: impl Future<Output = T>) -> Result<T> {
        patiently(self.patience, taken).await
    }
}

/// Where the pieces of an answer go.
pub struct Outlet {
    send: mpsc::Sender<Result<Vec<u8>>>,
    patience: Duration,
}
/// Room for one piece.
pub struct Room<'a>(mpsc::Permit<'a, Result<Vec<u8>>>);
impl Outlet {
    /// Waits until the reader has taken enough. Look at rights and rows after this, not before.
    pub async fn room(&self) -> Result<Room<'_>> {
        let room = patiently(self.patience, self.send.reserve()).await?;
        room.map(Room).map_err(|_| Error::unavailable("the reader of an answer left"))
    }
}
impl Room<'_> {
    /// Hands a piece over.
    pub fn fill(self, piece: Vec<u8>) {
        self.0.send(Ok(piece));
    }
}

async fn patiently<T>(patience: Duration, taken: impl Future<Output = T>) -> Result<T> {
    let out = tokio::time::timeout(patience, taken).await;
    out.map_err(|_| Error::unavailable("the one who called takes no answer"))
}
