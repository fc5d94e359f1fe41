//! Leases: what only one node may do at a time (sealing, reconcilers), with a fence that grows with each new holder.
//!
//! On SQLite one process owns the store (engine.md 5), so a lease is always held and no row is written.
use portcullis_domain::Timestamp;

use crate::directory::{LEASE_FENCE, LEASE_RELEASE, LEASE_TAKE};
use crate::{Error, P, Result, Tx};

/// Who wants what, for how long.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What: `audit.seal`.
    pub name: &'static str,
    /// Who: the node's name, different for each start.
    pub holder: String,
    /// Ends so many seconds after `cx.now`, unless it is renewed by a new claim.
    pub seconds: i64,
}

/// A held lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What.
    pub name: &'static str,
    /// Who.
    pub holder: String,
    /// Grows with each new holder: work that carries an old one is refused by [`check`].
    pub fence: i64,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Takes or renews a lease. `None` while another holder's has not ended. The fence stays the same on a renewal.
pub async fn acquire(tx: &mut Tx, claim: &Claim) -> Result<Option<Lease>> {
    let now = tx.cx.now;
    let expires_at = now.plus_seconds(claim.seconds);
    let fence = if tx.is_postgres() {
        let params: [P<'_>; 4] = [claim.name.into(), (&claim.holder).into(), expires_at.into(), now.into()];
        tx.one(&LEASE_TAKE, &params, |row| row.int(0)).await?
    } else {
        Some(0)
    };
    Ok(fence.map(|fence| Lease { name: claim.name, holder: claim.holder.clone(), fence, expires_at }))
}

/// Ends a lease before its time, so that another node need not wait.
pub async fn release(tx: &mut Tx, lease: &Lease) -> Result<()> {
    if tx.is_postgres() {
        tx.run(&LEASE_RELEASE, &[lease.name.into(), (&lease.holder).into(), lease.fence.into()]).await?;
    }
    Ok(())
}

/// Fails with [`Error::Unavailable`] if the lease is no longer held: first in every transaction that works under it.
pub async fn check(tx: &mut Tx, lease: &Lease) -> Result<()> {
    if !tx.is_postgres() {
        return Ok(());
    }
    let now = tx.cx.now;
    let fence =
        tx.one(&LEASE_FENCE, &[lease.name.into(), (&lease.holder).into(), now.into()], |row| row.int(0)).await?;
    if fence == Some(lease.fence) {
        Ok(())
    } else {
        Err(Error::Unavailable(format!("the lease {} is lost", lease.name)))
    }
}
