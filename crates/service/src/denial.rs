//! Refused changes in the audit log: `access.denied`, at most 10 a minute for each actor and action (spec v1 7.5).
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Ctx, Error, Subject, Timestamp};
use portcullis_store::Tx;

use crate::App;

const A_MINUTE: usize = 10;
/// Actors that are counted at once; beyond that the count begins anew.
const COUNTED: usize = 10_000;

type Who = (TenantKey, String, &'static str);

/// How often each actor was refused in this minute, in memory: a restart forgets, which costs a few more lines.
#[derive(Default)]
pub(crate) struct Denials(Mutex<HashMap<Who, (Timestamp, usize)>>);
impl Denials {
    fn counts(&self, who: Who, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= COUNTED {
            seen.clear();
        }
        let (since, n) = seen.entry(who).or_insert((now, 0));
        if since.plus_seconds(60) <= now {
            (*since, *n) = (now, 0);
        }
        *n += 1;
        *n <= A_MINUTE
    }
}

impl App {
    /// Nobody waits for it.
    pub(crate) fn record_denial(&self, cx: &Ctx, action: &'static str, refusal: &Error) {
        let actor = match &cx.principal.subject {
            Subject::User(id) => id.to_string(),
            Subject::ServiceUser(id) => id.to_string(),
            Subject::System | Subject::Anonymous => return,
        };
        if !self.0.denials.counts((cx.tenant, actor, action), cx.now) {
            return;
        }
        let event = self.event(cx, "access.denied", "tenant", cx.tenant_id).with("action", action);
        let event = Event { outcome: Outcome::Denied, notices: refusal.notice_list().to_vec(), ..event };
        let (app, cx, event) = (self.clone(), cx.clone(), self.prepare(cx, event));
        tokio::spawn(async move {
            if let Err(e) = app.0.db.write(cx, event, record).await {
                tracing::warn!(error = %e, "a refusal was not recorded");
            }
        });
    }
}

async fn record(tx: &mut Tx, event: &portcullis_audit::Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_minute_for_each_actor_and_action() {
        let (d, now) = (Denials::default(), Timestamp::from_micros(0));
        let who = |a: &str| (TenantKey(1), a.to_owned(), "users:create");
        assert_eq!((0..20).filter(|_| d.counts(who("a"), now)).count(), 10);
        assert!(d.counts(who("b"), now));
        assert!(d.counts(who("a"), now.plus_seconds(60)));
    }
}
