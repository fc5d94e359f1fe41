//! A disk that is full, in the middle of a group.
use std::time::Duration;

use portcullis_store::{Class, Error, Result, Sql, Tx, audit};

use crate::support::*;

const LIMIT: Sql = Sql { name: "test", text: "PRAGMA max_page_count = 600", class: Class::Scan, tenant: false };
const UNLIMIT: Sql = Sql { name: "test", text: "PRAGMA max_page_count = 1000000", class: Class::Scan, tenant: false };
const FILL: Sql = sql("UPDATE users SET title = $3 WHERE tenant = $1 AND id = $2", Class::Write);

async fn limit(tx: &mut Tx, _: &()) -> Result<()> {
    tx.all(&LIMIT, &[], |_| Ok(())).await.map(drop)
}
async fn unlimit(tx: &mut Tx, _: &()) -> Result<()> {
    tx.all(&UNLIMIT, &[], |_| Ok(())).await.map(drop)
}
async fn sleeps(tx: &mut Tx, ms: &u64) -> Result<()> {
    std::thread::sleep(Duration::from_millis(*ms));
    emails(tx, &()).await.map(drop)
}
async fn fills_the_disk(tx: &mut Tx, cmd: &NewUser) -> Result<uuid::Uuid> {
    let id = create(tx, cmd).await?;
    let big = "y".repeat(40_000_000);
    tx.run(&FILL, &[cmd.id.into(), (&big).into()]).await?;
    Ok(id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_the_job_at_fault_alone() {
    let t = TestDb::sqlite().await;
    t.db.write(cx(1), (), limit).await.unwrap();
    for round in 1..=3 {
        let blocker = {
            let db = t.db.clone();
            tokio::spawn(async move { db.write(cx(1), 30, sleeps).await })
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
        let jobs: Vec<_> = (0..40)
            .map(|i| {
                let db = t.db.clone();
                tokio::spawn(async move {
                    if i == 20 {
                        db.write(cx(1), user("full"), fills_the_disk).await
                    } else {
                        db.write(cx(1), user("f"), create).await
                    }
                })
            })
            .collect();
        let mut saved = 0;
        for job in jobs {
            match job.await.unwrap() {
                Ok(_) => saved += 1,
                Err(e) => assert!(matches!(e, Error::Unavailable(_)), "{e:?}"),
            }
        }
        blocker.await.unwrap().unwrap();
        assert_eq!(saved, 39);
        // no acknowledged row is lost, and no number is missing
        assert_eq!(t.emails().await.len(), 39 * round);
        let start = audit::Start { seq: 1, limit: 1_000 };
        let sealed = t.db.read(cx(1), &start, audit::range).await.unwrap();
        let numbers: Vec<i64> = sealed.iter().map(|s| s.seq).collect();
        assert_eq!(numbers, (1..=39 * round as i64).collect::<Vec<_>>());
    }
    assert!(t.db.stats().lost >= 1);
    t.db.write(cx(1), (), unlimit).await.unwrap();
    t.db.write(cx(1), user("last"), create).await.unwrap();
}
