//! The audit log's rows: sealed in order, read, erased; and the leases under which that happens.
use portcullis_audit::{fill, link};
use portcullis_store::audit::{self, Checkpoint, Filter, Head, SealPending, Start};
use portcullis_store::lease::{self, Claim, Lease};
use portcullis_store::{Error, directory};

use crate::support::*;

fn claim(holder: &str) -> Claim {
    Claim { name: "audit.seal", holder: holder.into(), seconds: 30 }
}
async fn lease_of(t: &TestDb, holder: &str) -> Option<Lease> {
    t.db.write(cx(1), claim(holder), lease::acquire).await.unwrap()
}
/// On PostgreSQL the sealer's work; on SQLite the writer has done it.
async fn seal(t: &TestDb, tenant: i64) -> usize {
    let lease = lease_of(t, "node-a").await.unwrap();
    t.db.write(cx(tenant), SealPending { lease, limit: 1_000 }, audit::seal_pending).await.unwrap()
}

both! {
    async fn events_are_numbered_and_chained_per_tenant(t: &TestDb) {
        for n in 0..30 {
            t.db.write(cx(1 + n % 2), user("a"), create).await.unwrap();
        }
        if t.db.is_shared() {
            assert_eq!(t.db.scan(cx(1), (), directory::pending_tenants).await.unwrap().len(), 2);
        }
        for tenant in [1, 2] {
            assert_eq!(seal(t, tenant).await, if t.db.is_shared() { 15 } else { 0 });
            assert_eq!(seal(t, tenant).await, 0);
            let rows = t.db.read(cx(tenant), &Start { seq: 1, limit: 1_000 }, audit::range).await.unwrap();
            assert_eq!(rows.len(), 15);
            let mut head = Head::START;
            for row in &rows {
                let hash = link(&head.hash, &fill(&row.body, row.hole, row.seq));
                assert_eq!((row.seq, row.hash), (head.seq + 1, hash));
                head = Head { seq: row.seq, hash };
            }
            assert_eq!(t.db.read(cx(tenant), &(), audit::head).await.unwrap(), head);
        }
        // the chain goes on where it was
        t.db.write(cx(1), user("more"), create).await.unwrap();
        seal(t, 1).await;
        assert_eq!(t.db.read(cx(1), &(), audit::head).await.unwrap().seq, 16);
    }

    /// An id says when a call began, which says nothing of what it found there.
    async fn what_was_written_first_is_numbered_first(t: &TestDb) {
        let mut calls: Vec<_> = (0..20).map(|_| user("a")).collect();
        calls.sort_by_key(|c| std::cmp::Reverse(c.id));
        for call in &calls {
            t.db.write(cx(1), call.clone(), create).await.unwrap();
        }
        seal(t, 1).await;
        let rows = t.db.read(cx(1), &Start { seq: 1, limit: 1_000 }, audit::range).await.unwrap();
        let numbered: Vec<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(numbered, calls.iter().map(|c| c.id).collect::<Vec<_>>());
    }

    async fn a_refused_job_leaves_no_gap(t: &TestDb) {
        let taken = user("taken");
        t.db.write(cx(1), taken.clone(), create).await.unwrap();
        for _ in 0..5 {
            assert!(t.db.write(cx(1), NewUser { id: new_id(), ..taken.clone() }, create).await.is_err());
            t.db.write(cx(1), user("ok"), create).await.unwrap();
        }
        // an event whose id is taken fails its job, after the user was written
        let again = NewUser { id: taken.id, ..user("other") };
        assert!(t.db.write(cx(1), again, audit_only).await.is_err());
        t.db.write(cx(1), user("ok"), create).await.unwrap();
        seal(t, 1).await;
        assert_eq!(t.db.read(cx(1), &(), audit::head).await.unwrap().seq, 7);
    }

    async fn lists_are_newest_first_and_filtered(t: &TestDb) {
        let mut ids = vec![];
        for _ in 0..7 {
            ids.push(t.db.write(cx(1), user("a"), create).await.unwrap());
        }
        t.db.write(cx(2), user("foreign"), create).await.unwrap();
        seal(t, 1).await;
        ids.reverse();
        let mut seen = vec![];
        let mut filter = Filter { limit: 3, ..Filter::default() };
        loop {
            let page = t.db.read(cx(1), &filter, audit::list).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some(last.id);
            seen.extend(page.iter().map(|row| row.id));
        }
        assert_eq!(seen, ids);
        let all = async |filter: Filter| { t.db.read(cx(1), &filter, audit::list).await.unwrap().len() };
        let base = || Filter { limit: 250, ..Filter::default() };
        let action = |a: &str| Filter { action: Some(a.into()), ..base() };
        assert_eq!(all(action("user.*")).await, 7);
        assert_eq!(all(action("user.created")).await, 7);
        assert_eq!(all(action("user.cre")).await, 0);
        assert_eq!(all(action("group.*")).await, 0);
        assert_eq!(all(action("*")).await, 7);
        assert_eq!(all(Filter { outcome: Some("denied".into()), ..base() }).await, 0);
        assert_eq!(all(Filter { from: Some(NOW.micros()), to: Some(NOW.micros()), ..base() }).await, 0);
        assert_eq!(all(Filter { from: Some(NOW.micros()), actor_type: Some("system".into()), ..base() }).await, 7);
        let one = t.db.read(cx(1), &ids[0], audit::by_id).await.unwrap().unwrap();
        assert_eq!(one.seq, Some(7));
        assert_eq!(one.hash, Some(link(&one.prev_hash.unwrap(), &fill(&one.body, one.hole, 7))));
        let first = t.db.read(cx(1), &ids[6], audit::by_id).await.unwrap().unwrap();
        assert_eq!((first.seq, first.prev_hash), (Some(1), Some([0; 32])));
        assert!(t.db.read(cx(2), &ids[0], audit::by_id).await.unwrap().is_none());
    }

    async fn an_erasure_empties_the_private_part_only(t: &TestDb) {
        let id = t.db.write(cx(1), user("a"), create).await.unwrap();
        t.db.write(cx(2), vec![id], erase).await.unwrap();
        let before = t.db.read(cx(1), &id, audit::by_id).await.unwrap().unwrap();
        assert_ne!(before.private, "");
        t.db.write(cx(1), vec![id], erase).await.unwrap();
        let after = t.db.read(cx(1), &id, audit::by_id).await.unwrap().unwrap();
        assert_eq!(after, audit::AuditRow { private: String::new(), ..before });
    }

    async fn checkpoints_are_kept_once(t: &TestDb) {
        let checkpoint = |seq| Checkpoint {
            seq,
            id: new_id(),
            hash: [seq as u8; 32],
            key_id: "k1".into(),
            signature: vec![1; 64],
            created_at: NOW.micros(),
        };
        assert!(t.db.read(cx(1), &(), audit::latest_checkpoint).await.unwrap().is_none());
        for seq in [3, 9, 9] {
            t.db.write(cx(1), checkpoint(seq), audit::insert_checkpoint).await.unwrap();
        }
        assert_eq!(t.db.read(cx(1), &(), audit::latest_checkpoint).await.unwrap().unwrap().seq, 9);
        let older = t.db.read(cx(1), &9, audit::checkpoints).await.unwrap();
        assert_eq!(older.iter().map(|c| c.seq).collect::<Vec<_>>(), [3]);
    }

    async fn a_lease_has_one_holder_and_a_growing_fence(t: &TestDb) {
        let first = lease_of(t, "node-a").await.unwrap();
        let renewed = lease_of(t, "node-a").await.unwrap();
        assert_eq!(first.fence, renewed.fence);
        let other = lease_of(t, "node-b").await;
        if !t.db.is_shared() {
            assert!(other.is_some(), "one process owns the store: always held");
            return;
        }
        assert_eq!(other, None);
        t.db.write(cx(1), renewed.clone(), lease::release).await.unwrap();
        let other = lease_of(t, "node-b").await.unwrap();
        assert!(other.fence > first.fence);
        let stale = t.db.write(cx(1), renewed, lease::check).await;
        assert!(matches!(stale, Err(Error::Unavailable(_))), "{stale:?}");
        t.db.write(cx(1), other, lease::check).await.unwrap();
    }
}

async fn erase(tx: &mut portcullis_store::Tx, ids: &Vec<uuid::Uuid>) -> portcullis_store::Result<()> {
    audit::erase_private(tx, ids).await.map(drop)
}
async fn audit_only(tx: &mut portcullis_store::Tx, cmd: &NewUser) -> portcullis_store::Result<()> {
    tx.audit(event(cmd.id, &cmd.email));
    Ok(())
}
