//! The postman: what commits left in the table of mails is sent, tried again, and given up.
//!
//! A tenant's mails are sent one after the other, by one task a node; tenants have their turns, so that one with a thousand
//! invitations keeps nobody's new password waiting. Whoever claims a mail has it until the claim ends, so that any number of
//! nodes may work and one that dies loses nothing: at least once, each under one id. While the server cannot be reached this
//! node rests.
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::mail::{LONGEST_SECONDS, Mailer, Undelivered};
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Ctx, Principal, Result, Timestamp};
use portcullis_store::mail::{self, MailRow};
use portcullis_store::{Tx, directory};
use tokio::sync::OwnedSemaphorePermit;

use crate::App;
use crate::app::Scribe;
use crate::delivery::{Crew, Shift, pause};
use crate::mail::open;

/// Tenants whose mails a node sends at once.
const AT_ONCE: usize = 8;
/// Tenants that one round looks at, and mails of one before others have their turn.
const ROUND: usize = 1_024;
const TURN: usize = 16;
/// A claim ends by itself after so many seconds: longer than any try takes.
const CLAIM: i64 = LONGEST_SECONDS + 45;
/// The pause after the first try of a mail, and the longest one, in seconds.
const FIRST_PAUSE: i64 = 30;
const LONGEST_PAUSE: i64 = 3_600;
/// The longest rest of a node whose server cannot be reached, in seconds.
const REST: i64 = 300;

/// Before the first tenant.
const START: TenantKey = TenantKey(0);

/// What is under way on this node.
pub struct Postman {
    mailer: Arc<dyn Mailer>,
    desk: Arc<Mutex<Desk>>,
    crew: Crew,
}
struct Desk {
    busy: HashSet<TenantKey>,
    /// Where the last round ended: all tenants have their turn.
    last: TenantKey,
    /// Nothing is tried before then.
    resting: Timestamp,
    /// How often the server was not reached since it last was.
    missed: u32,
}
impl Desk {
    fn new() -> Self {
        Self { busy: HashSet::new(), last: START, resting: Timestamp::default(), missed: 0 }
    }
    /// The server was not reached: the rest doubles from ten seconds on.
    fn rest(&mut self, now: Timestamp) -> Timestamp {
        let seconds = (10_i64 << self.missed.min(6)).min(REST);
        // tasks that were under way together miss it together
        if self.resting <= now {
            self.missed += 1;
            self.resting = now.plus_seconds(seconds);
        }
        self.resting
    }
    fn reached(&mut self) {
        (self.missed, self.resting) = (0, Timestamp::default());
    }
}
impl Postman {
    /// Sends through this.
    pub fn new(mailer: Arc<dyn Mailer>) -> Self {
        Self { mailer, desk: Arc::new(Mutex::new(Desk::new())), crew: Crew::new(AT_ONCE) }
    }
    /// Waits for what is under way.
    pub async fn settle(&self) {
        self.crew.settle().await;
    }
    /// Ends after the tries that are under way.
    pub async fn finish(&self) {
        self.crew.finish().await;
    }
}
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tenant's place at the desk; free again when it is dropped.
struct Seat {
    desk: Arc<Mutex<Desk>>,
    of: TenantKey,
    _place: OwnedSemaphorePermit,
}
impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.desk).busy.remove(&self.of);
    }
}

impl App {
    /// One round: looks for tenants with mails that are due and begins to send them, each tenant's on a task of its own. How
    /// many were begun.
    pub async fn deliver_mails(&self, postman: &Postman) -> Result<usize> {
        let mut tasks = postman.crew.tasks().await;
        let (begin, resting) = {
            let desk = lock(&postman.desk);
            (desk.last, desk.resting)
        };
        if resting > self.0.clock.now() {
            return Ok(0);
        }
        let (mut at, mut wrapped, mut begun, mut turn) = (begin, false, 0, None);
        for _ in 0..ROUND {
            let Some(tenant) = self.0.db.read_single(self.nowhere(), &at, next).await? else {
                at = START;
                if wrapped || begin == START {
                    break;
                }
                wrapped = true;
                continue;
            };
            if wrapped && tenant > begin {
                break;
            }
            let Some(place) = postman.crew.place() else { break };
            at = tenant;
            let tenancy = self.tenancy_of(tenant).await?;
            let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
            if self.0.db.read(cx, &(), mail::due).await?.is_some() && lock(&postman.desk).busy.insert(tenant) {
                let seat = Seat { desk: postman.desk.clone(), of: tenant, _place: place };
                let (app, mailer, shift) = (self.clone(), postman.mailer.clone(), postman.crew.shift(TURN));
                tasks.spawn(async move { app.serve_mails(&*mailer, seat, shift).await });
                begun += 1;
                turn = Some(tenant);
            }
        }
        // the next round begins after the last one that got a place
        lock(&postman.desk).last = turn.unwrap_or(at);
        Ok(begun)
    }

    /// Some mails of one tenant.
    async fn serve_mails(&self, mailer: &dyn Mailer, seat: Seat, shift: Shift) {
        if let Err(e) = shift.serve(|| self.serve_mail(mailer, &seat)).await {
            tracing::error!(error = ?e, "a mail could not be served");
        }
    }
    /// True: there may be more.
    async fn serve_mail(&self, mailer: &dyn Mailer, seat: &Seat) -> Result<bool> {
        let tenancy = self.tenancy_of(seat.of).await?;
        let cx = Ctx { principal: Arc::new(Principal::system()), ..self.nowhere().in_tenant(tenancy.key, tenancy.id) };
        let row = match self.0.db.write(cx.clone(), self.scribe(&cx), claim).await? {
            Claimed::Nothing => return Ok(false),
            Claimed::Dropped => return Ok(true),
            Claimed::Try(row) => row,
        };
        let outcome = match open(&tenancy.data_key, &row) {
            Ok(mail) => mailer.send(&mail).await,
            Err(e) => {
                tracing::error!(error = ?e, mail = %row.id, "a mail does not open");
                Err(Undelivered::Refused("unreadable".into()))
            }
        };
        let now = self.0.clock.now();
        let mut chance = [0];
        self.0.random.fill(&mut chance);
        let (mut more, mut again) = (true, None);
        match &outcome {
            Ok(()) | Err(Undelivered::Refused(_)) => lock(&seat.desk).reached(),
            Err(Undelivered::Later(why)) => {
                lock(&seat.desk).reached();
                tracing::info!(mail = %row.id, purpose = row.purpose.as_str(), why, "a mail will be tried again");
                again = Some(now.plus_seconds(pause(FIRST_PAUSE, LONGEST_PAUSE, row.attempts, chance[0])));
            }
            Err(Undelivered::Unreachable(why)) => {
                tracing::warn!(why, "the mail server cannot be used");
                again = Some(lock(&seat.desk).rest(now));
                more = false;
            }
        }
        let then = match (outcome, again) {
            (Ok(()), _) => Then::Delivered,
            (Err(_), Some(at)) if at < row.expires_at => Then::Again(at),
            (Err(Undelivered::Refused(why)), _) => Then::Failed("refused", why),
            (Err(Undelivered::Later(why)), _) => Then::Failed("expired", why),
            // what it says of the operator's server is none of the tenant's business
            (Err(Undelivered::Unreachable(_)), _) => Then::Failed("expired", String::new()),
        };
        let cx = Ctx { now, ..cx };
        let end = End { row: *row, then, scribe: self.scribe(&cx) };
        self.0.db.write(cx, end, end_of).await?;
        Ok(more)
    }
}

async fn next(tx: &mut Tx, after: &TenantKey) -> portcullis_store::Result<Option<TenantKey>> {
    directory::mail_after(tx, after).await
}

enum Claimed {
    /// Nothing is due, or somebody else was faster.
    Nothing,
    /// One that nobody needs any more was put away.
    Dropped,
    /// This one is ours for a while.
    Try(Box<MailRow>),
}
async fn claim(tx: &mut Tx, scribe: &Scribe) -> portcullis_store::Result<Claimed> {
    let now = tx.cx.now;
    let Some(mut row) = mail::due(tx, &()).await? else { return Ok(Claimed::Nothing) };
    if row.expires_at <= now {
        fail(tx, scribe, &row, "expired", "").await?;
        return Ok(Claimed::Dropped);
    }
    let until = now.plus_seconds(CLAIM);
    if !mail::claim(tx, &row, until).await? {
        return Ok(Claimed::Nothing);
    }
    (row.attempts, row.due_at) = (row.attempts + 1, until);
    Ok(Claimed::Try(Box::new(row)))
}

/// What becomes of a mail after a try.
enum Then {
    Delivered,
    Again(Timestamp),
    /// Nobody tries any more: the cause, and what was said last.
    Failed(&'static str, String),
}
struct End {
    row: MailRow,
    then: Then,
    scribe: Scribe,
}
async fn end_of(tx: &mut Tx, c: &End) -> portcullis_store::Result<()> {
    match &c.then {
        Then::Delivered => mail::delete(tx, &c.row).await.map(drop),
        Then::Again(at) => mail::again(tx, &c.row, *at).await,
        Then::Failed(cause, said) => fail(tx, &c.scribe, &c.row, cause, said).await,
    }
}
/// Nobody gets it: said in the log, for whoever looks for a mail that did not come.
async fn fail(
    tx: &mut Tx,
    scribe: &Scribe,
    row: &MailRow,
    cause: &'static str,
    said: &str,
) -> portcullis_store::Result<()> {
    if !mail::delete(tx, row).await? {
        return Ok(());
    }
    tracing::warn!(mail = %row.id, purpose = row.purpose.as_str(), cause, said, "a mail was given up");
    let event = scribe.event("mail.failed", "mail", row.id).with("purpose", row.purpose.as_str()).with("cause", cause);
    let event = if said.is_empty() { event } else { event.with("said", said) };
    let event = match row.user_id {
        Some(user) => event.with("user_id", user.to_string()),
        None => event,
    };
    scribe.write(tx, Event { outcome: Outcome::Failed, ..event });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_never_reach_zero() {
        let pause = |tries, chance| pause(FIRST_PAUSE, LONGEST_PAUSE, tries, chance);
        assert_eq!((pause(1, 0), pause(2, 0), pause(7, 0), pause(8, 0), pause(99, 0)), (30, 60, 1_920, 3_600, 3_600));
        assert!((0..30).all(|n| (0..=255).all(|chance| pause(n, chance) >= 27)));
    }

    #[test]
    fn the_rest_doubles_while_nobody_is_reached() {
        let (mut desk, mut now, mut rests) = (Desk::new(), Timestamp::from_micros(1 << 50), vec![]);
        for _ in 0..8 {
            let until = desk.rest(now);
            assert_eq!(desk.rest(now), until, "who missed it together rests together");
            rests.push(until.since(now).as_secs());
            now = until;
        }
        assert_eq!(rests, [10, 20, 40, 80, 160, 300, 300, 300]);
        desk.reached();
        assert_eq!(desk.rest(now).since(now).as_secs(), 10);
    }
}
