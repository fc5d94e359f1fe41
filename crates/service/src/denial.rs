//! Refused changes in the audit log: `access.denied`, at most 10 a minute for each actor and action (spec v1 7.5).
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Ctx, Error, Subject};
use portcullis_store::Tx;

use crate::App;
use crate::tally::Tally;

type Who = (TenantKey, String, &'static str);

/// How often each actor was refused in this minute: forgotten counts cost a few more lines.
pub(crate) struct Denials(Tally<Who>);
impl Default for Denials {
    fn default() -> Self {
        Self(Tally::of(10))
    }
}

impl App {
    /// Nobody waits for it.
    pub(crate) fn record_denial(&self, cx: &Ctx, action: &'static str, refusal: &Error) {
        let actor = match &cx.principal.subject {
            Subject::User(id) => id.to_string(),
            Subject::ServiceUser(id) => id.to_string(),
            Subject::Directory(_) | Subject::System | Subject::Anonymous => return,
        };
        if !self.0.denials.0.counts((cx.tenant, actor, action), cx.now) {
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
