//! The one place where an audit event becomes deliveries: in the transaction of the change, so that there is no change without
//! its deliveries and no delivery without its change. No use case thinks of it.
//!
//! Who wants what is remembered by revision ([`Subscribers`]): a transaction that was authorised has read the tenant's revision
//! anyway, and asks no table as long as the memory is of that revision. Any other reads the tenant's enabled endpoints.
use std::sync::{Arc, OnceLock};

use portcullis_audit::Prepared;
use portcullis_domain::audit::Outcome;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::webhook::Subscription;

use crate::webhook_delivery::INSERT;
use crate::{P, Result, Tx, webhook};

/// What is remembered of a tenant's subscriptions at a revision; `None`: nothing of this one.
pub type Subscribers = Arc<dyn Fn(TenantKey, i64) -> Option<Arc<[Subscription]>> + Send + Sync>;

/// Where the memory is, once there is one.
pub(crate) type Memory = Arc<OnceLock<Subscribers>>;

/// Writes the deliveries of the transaction's events.
pub(crate) async fn fill(tx: &mut Tx) -> Result<()> {
    let (events, own) = (std::mem::take(&mut tx.effects.audit), tx.cx.tenant);
    let out = deliver(tx, &events).await;
    tx.cx.tenant = own;
    tx.effects.audit = events;
    out
}

async fn deliver(tx: &mut Tx, events: &[(TenantKey, Prepared)]) -> Result<()> {
    let mut known: Option<(TenantKey, Arc<[Subscription]>)> = None;
    for (tenant, event) in events.iter().filter(|(_, e)| e.outcome == Outcome::Ok.as_str()) {
        tx.cx.tenant = *tenant;
        let subscriptions = match &known {
            Some((of, subscriptions)) if of == tenant => subscriptions.clone(),
            _ => subscriptions(tx).await?,
        };
        let now = tx.cx.now;
        for s in subscriptions.iter().filter(|s| s.wants(&event.action)) {
            let params = [s.webhook.into(), event.id.into(), P::Text(&event.action), now.into()];
            tx.send(&INSERT, &params).await?;
        }
        known = Some((*tenant, subscriptions));
    }
    Ok(())
}

async fn subscriptions(tx: &mut Tx) -> Result<Arc<[Subscription]>> {
    match tx.remembered() {
        Some(subscriptions) => Ok(subscriptions),
        None => webhook::subscriptions(tx).await.map(Into::into),
    }
}
