//! Two that act at the same moment.
use std::time::Duration;

use portcullis_domain::{Code, Error as DomainError};
use portcullis_store::{Class, Result, Sql, Tx};
use uuid::Uuid;

use crate::support::*;

const OWNER: i64 = 8;
const OWNERS: Sql = sql("SELECT count(*) FROM users WHERE tenant = $1 AND roles = 8", Class::Scan);
const DEMOTE: Sql = sql("UPDATE users SET roles = 1 WHERE tenant = $1 AND id = $2", Class::Write);
const CLEAR: Sql = sql("DELETE FROM users WHERE tenant = $1", Class::Write);

async fn owners(tx: &mut Tx, _: &()) -> Result<i64> {
    Ok(tx.one(&OWNERS, &[], |row| row.int(0)).await?.unwrap_or(0))
}
async fn step_down(tx: &mut Tx, id: &Uuid) -> Result<()> {
    if owners(tx, &()).await? < 2 {
        return Err(DomainError::new(Code::OwnerProtected, "the last one stays").into());
    }
    tx.run(&DEMOTE, &[(*id).into()]).await.map(drop)
}
async fn clear(tx: &mut Tx, _: &()) -> Result<()> {
    tx.run(&CLEAR, &[]).await.map(drop)
}
async fn sleeps(tx: &mut Tx, ms: &u64) -> Result<i64> {
    std::thread::sleep(Duration::from_millis(*ms));
    owners(tx, &()).await
}

both! {
    async fn the_last_owner_stays(t: &TestDb) {
        for _ in 0..40 {
            let (a, b) = (NewUser { roles: OWNER, ..user("a") }, NewUser { roles: OWNER, ..user("b") });
            for owner in [&a, &b] {
                t.db.write(cx(1), owner.clone(), create).await.unwrap();
            }
            let (db, other) = (t.db.clone(), t.db.clone());
            let x = tokio::spawn(async move { db.write(cx(1), a.id, step_down).await });
            let y = tokio::spawn(async move { other.write(cx(1), b.id, step_down).await });
            let (x, y) = (x.await.unwrap(), y.await.unwrap());
            assert!(x.is_ok() ^ y.is_ok(), "{x:?} {y:?}");
            assert_eq!(t.db.read(cx(1), &(), owners).await.unwrap(), 1);
            t.db.write(cx(1), (), clear).await.unwrap();
        }
    }

    async fn revisions_have_no_gaps_under_contention(t: &TestDb) {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let db = t.db.clone();
                tokio::spawn(async move {
                    let mut got = vec![];
                    for _ in 0..20 {
                        got.push(db.write_structure(cx(1), user("r"), create_and_bump).await.unwrap());
                    }
                    got
                })
            })
            .collect();
        let mut all = vec![];
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (2..162).collect::<Vec<i64>>());
    }

    async fn callers_that_leave_lose_nothing_half_done(t: &TestDb) {
        let slow = t.db.write(cx(1), 50, sleeps);
        let gone = async {
            for _ in 0..200 {
                let _ = tokio::time::timeout(Duration::ZERO, t.db.write_structure(cx(1), user("gone"), create_and_bump)).await;
            }
        };
        let (slow, ()) = tokio::join!(slow, gone);
        slow.unwrap();
        while t.db.stats().waiting > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        t.db.write(cx(1), user("last"), create).await.unwrap();
        let kept = t.emails().await.len() - 1;
        // every one that was committed was published, and none that was not
        assert_eq!(t.seen.lock().unwrap().len(), kept);
        assert_eq!(kept as u64 + t.db.stats().skipped, 200);
    }
}
