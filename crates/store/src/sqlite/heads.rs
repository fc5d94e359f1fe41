//! The end of each tenant's audit chain, kept by the writer: it numbers and chains events inside their own savepoint.
//!
//! A head is only a copy of what the table says. After a rollback it is forgotten and read again.
use std::collections::HashMap;

use portcullis_audit::Prepared;
use portcullis_domain::tenant::TenantKey;

use super::writer::connection;
use crate::audit::{HEAD, INSERT_EVENT, INSERT_SEAL, event_params, read_head};
use crate::param::Args;
use crate::{Result, Tx, audit::Head};

const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Heads {
    kept: HashMap<TenantKey, (Head, u64)>,
    uses: u64,
}

impl Heads {
    /// Writes the transaction's events with their numbers, each in the log of its tenant.
    pub fn seal(&mut self, tx: &mut Tx) -> Result<()> {
        let events = std::mem::take(&mut tx.effects.audit);
        let out = self.write(tx, &events);
        // told back: after a failure the caller forgets the heads of these tenants
        tx.effects.audit = events;
        out
    }
    fn write(&mut self, tx: &mut Tx, events: &[(TenantKey, Prepared)]) -> Result<()> {
        let connection = connection(tx);
        for (tenant, event) in events {
            let head = match self.kept.get(tenant) {
                Some((head, _)) => *head,
                None => {
                    let found = connection.all(HEAD.text, &Args::new(Some(*tenant), &[]), read_head)?;
                    found.into_iter().next().unwrap_or(Head::START)
                }
            };
            let head = head.next(&event.canonical(head.seq + 1));
            self.keep(*tenant, head);
            connection.run(INSERT_EVENT.text, &Args::new(Some(*tenant), &event_params(event)))?;
            let seal = [head.seq.into(), event.id.into(), (&head.hash).into()];
            connection.run(INSERT_SEAL.text, &Args::new(Some(*tenant), &seal))?;
        }
        Ok(())
    }
    pub fn forget(&mut self, tenant: TenantKey) {
        self.kept.remove(&tenant);
    }
    pub fn clear(&mut self) {
        self.kept.clear();
    }
    fn keep(&mut self, tenant: TenantKey, head: Head) {
        self.uses += 1;
        self.kept.insert(tenant, (head, self.uses));
        if self.kept.len() > KEPT {
            // the older half goes at once, so that a walk over all tenants costs little for each
            let mut uses: Vec<u64> = self.kept.values().map(|(_, used)| *used).collect();
            let (_, median, _) = uses.select_nth_unstable(KEPT / 2);
            let median = *median;
            self.kept.retain(|_, (_, used)| *used > median);
        }
    }
}
