//! What a transaction promises to a use case and to its caller.
use portcullis_domain::{Code, Error as DomainError};
use portcullis_store::{Change, Class, Error, Result, Sql, Tx, access_change};

use crate::support::*;

const SWAPPED: Sql = sql("UPDATE users SET title = $3, metadata = $4 WHERE id = $2 AND tenant = $1", Class::Write);
const TITLES: Sql = sql("SELECT title FROM users WHERE tenant = $1 ORDER BY id", Class::Scan);
const COUNT: Sql = sql("SELECT count(*) FROM users WHERE tenant = $1", Class::Scan);

const SEQS: Sql = sql("SELECT seq FROM audit_seals WHERE tenant = $1 ORDER BY seq", Class::Scan);

async fn seqs(tx: &mut Tx, _: &()) -> Result<Vec<i64>> {
    tx.all(&SEQS, &[], |row| row.int(0)).await
}
async fn retitle(tx: &mut Tx, cmd: &NewUser) -> Result<u64> {
    tx.run(&SWAPPED, &[cmd.id.into(), "a new title".into(), "{}".into()]).await
}
async fn titles(tx: &mut Tx, _: &()) -> Result<Vec<String>> {
    tx.all(&TITLES, &[], |row| row.text(0)).await
}
async fn ignores_a_failure(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    let _ = create(tx, cmd).await;
    Ok(())
}
async fn goes_on_after_a_failure(tx: &mut Tx, cmd: &NewUser) -> Result<Vec<String>> {
    let _ = create(tx, cmd).await;
    emails(tx, &()).await
}
async fn refuses(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create(tx, cmd).await?;
    tx.bump().await?;
    Err(DomainError::new(Code::InUse, "no").into())
}
async fn touches(tx: &mut Tx, id: &uuid::Uuid) -> Result<()> {
    tx.touch(access_change::Kind::Role, *id);
    tx.bump().await.map(drop)
}
const MOVE_ON: Sql = sql("UPDATE tenants SET authz_revision = authz_revision + $2 WHERE tenant = $1", Class::Write);
async fn moves_on(tx: &mut Tx, by: &i64) -> Result<()> {
    tx.run(&MOVE_ON, &[(*by).into()]).await.map(drop)
}
async fn forgets(tx: &mut Tx, revision: &i64) -> Result<()> {
    access_change::forget(tx, *revision).await
}
async fn changes(tx: &mut Tx, (): &()) -> Result<Option<Vec<access_change::Touched>>> {
    access_change::since(tx, 0).await
}
async fn writes_and_refuses(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create(tx, cmd).await?;
    Err(DomainError::new(Code::InUse, "no").into())
}
async fn panics(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create(tx, cmd).await?;
    panic!("a bug in the use case")
}
async fn awaits_a_stranger(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create(tx, cmd).await?;
    tokio::task::yield_now().await;
    Ok(())
}
async fn counts_what_it_sent(tx: &mut Tx, cmd: &NewUser) -> Result<i64> {
    create_sent(tx, cmd).await?;
    Ok(tx.one(&COUNT, &[], |row| row.int(0)).await?.unwrap_or(-1))
}
async fn two_statements(tx: &mut Tx, _: &()) -> Result<usize> {
    emails(tx, &()).await?;
    Ok(emails(tx, &()).await?.len())
}
/// On PostgreSQL the wrong value is found before COMMIT is sent, or the transaction would be kept without it.
async fn sends_a_wrong_value(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create_sent(tx, cmd).await?;
    tx.send(&SWAPPED, &[cmd.id.into(), 7.into(), "{}".into()]).await
}
async fn sends_too_few_values(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create_sent(tx, cmd).await?;
    tx.send(&SWAPPED, &[cmd.id.into()]).await
}
const OWN_ALL: Sql = sql("UPDATE users SET is_owner = 1 WHERE tenant = $1", Class::Write);
const ONE_TOKEN: Sql = sql("UPDATE users SET token_hash = $2 WHERE tenant = $1", Class::Write);
const TWO_MASTERS: Sql = sql("UPDATE tenants SET is_master = 1 WHERE tenant >= $1", Class::Write);
async fn breaks_a_partial_rule(tx: &mut Tx, rule: &&str) -> Result<u64> {
    match *rule {
        "users_owner" => tx.run(&OWN_ALL, &[]).await,
        "users_token_hash" => tx.run(&ONE_TOKEN, &[(&[1u8; 32]).into()]).await,
        _ => tx.run(&TWO_MASTERS, &[]).await,
    }
}
async fn writes(tx: &mut Tx, cmd: &NewUser) -> Result<()> {
    create(tx, cmd).await.map(drop)
}

both! {
    async fn a_taken_email_has_one_name(t: &TestDb) {
        let first = user("dup");
        t.db.write(cx(1), first.clone(), create).await.unwrap();
        let again = NewUser { email: first.email.clone(), ..user("again") };
        for sent in [false, true] {
            let out = if sent {
                t.db.write(cx(1), again.clone(), create_sent).await
            } else {
                t.db.write(cx(1), again.clone(), create).await
            };
            assert!(matches!(&out, Err(Error::Conflict(name)) if name == "users_email"), "{out:?}");
        }
        let same_id = NewUser { id: first.id, ..user("other") };
        let out = t.db.write(cx(1), same_id, create).await;
        assert!(matches!(&out, Err(Error::Conflict(name)) if name == "users_id"), "{out:?}");
        let refused = out.unwrap_err().when_conflict("users_id", || DomainError::new(Code::UserExists, "taken"));
        assert_eq!(DomainError::from(refused).code(), Code::UserExists);
        let out = t.db.write(cx(1), new_id(), make_tenant).await;
        assert!(matches!(&out, Err(Error::Conflict(name)) if name == "tenants_pkey"), "{out:?}");
        // another tenant does not see it
        t.db.write(cx(2), again, create).await.unwrap();
    }

    async fn partial_unique_rules_have_one_name(t: &TestDb) {
        for _ in 0..2 {
            t.db.write(cx(1), user("u"), create).await.unwrap();
        }
        for rule in ["users_owner", "users_token_hash", "tenants_master"] {
            let out = t.db.write(cx(1), rule, breaks_a_partial_rule).await;
            assert!(matches!(&out, Err(Error::Conflict(name)) if name == rule), "{rule}: {out:?}");
        }
    }

    async fn placeholders_are_bound_by_number(t: &TestDb) {
        let ada = user("ada");
        t.db.write(cx(1), ada.clone(), create).await.unwrap();
        assert_eq!(t.db.write(cx(2), ada.clone(), retitle).await.unwrap(), 0);
        assert_eq!(t.db.write(cx(1), ada, retitle).await.unwrap(), 1);
        assert_eq!(t.db.read(cx(1), &(), titles).await.unwrap(), ["a new title"]);
    }

    async fn a_failed_statement_ends_the_transaction(t: &TestDb) {
        let ada = user("ada");
        t.db.write(cx(1), ada.clone(), create).await.unwrap();
        let out = t.db.write(cx(1), ada.clone(), ignores_a_failure).await;
        assert!(matches!(out, Err(Error::Internal(_))), "{out:?}");
        let out = t.db.write(cx(1), ada, goes_on_after_a_failure).await;
        assert!(matches!(out, Err(Error::Internal(_))), "{out:?}");
        assert_eq!(t.emails().await.len(), 1);
    }

    async fn a_refusal_keeps_nothing_and_tells_nobody(t: &TestDb) {
        let out = t.db.write(cx(1), user("no"), refuses).await;
        assert_eq!(DomainError::from(out.unwrap_err()).code(), Code::InUse);
        assert!(t.emails().await.is_empty());
        assert!(t.seen.lock().unwrap().is_empty());
        assert_eq!(t.db.write(cx(1), user("yes"), create_and_bump).await.unwrap(), 2);
    }

    async fn refusals_in_a_crowd_undo_only_themselves(t: &TestDb) {
        let (mut kept, mut calls) = (vec![], tokio::task::JoinSet::new());
        for n in 0..300 {
            let (db, who) = (t.db.clone(), user(if n % 7 == 0 { "refused" } else { "kept" }));
            if n % 7 == 0 {
                calls.spawn(async move { assert!(matches!(db.write(cx(1), who, writes_and_refuses).await, Err(Error::Domain(_)))) });
            } else {
                kept.push(who.email.clone());
                calls.spawn(async move { db.write(cx(1), who, writes).await.unwrap() });
            }
        }
        calls.join_all().await;
        assert_eq!(t.emails().await, kept);
        if t.is_sqlite() {
            let seqs: Vec<i64> = t.db.read(cx(1), &(), seqs).await.unwrap();
            assert_eq!(seqs, (1..=kept.len() as i64).collect::<Vec<_>>());
        }
    }

    async fn what_changed_long_ago_is_forgotten_and_the_rest_kept(t: &TestDb) {
        for _ in 0..3 {
            t.db.write(cx(1), new_id(), touches).await.unwrap();
        }
        assert_eq!(t.db.read(cx(1), &(), access_change::outlived).await.unwrap(), None);
        t.db.write(cx(1), access_change::KEPT, moves_on).await.unwrap();
        let upto = t.db.read(cx(1), &(), access_change::outlived).await.unwrap().unwrap();
        t.db.write(cx(1), upto, forgets).await.unwrap();
        assert_eq!(t.db.read(cx(1), &(), access_change::outlived).await.unwrap(), None);
        t.db.write(cx(1), new_id(), touches).await.unwrap();
        let kept = t.db.read(cx(1), &(), changes).await.unwrap();
        assert_eq!(kept.map(|c| c.len()), Some(1));
    }

    async fn a_change_is_published_before_the_answer(t: &TestDb) {
        for revision in 2..20 {
            assert_eq!(t.db.write_structure(cx(1), user("u"), create_and_bump).await.unwrap(), revision);
            assert_eq!(t.seen.lock().unwrap().last(), Some(&(cx(1).tenant, Change::Revision(revision))));
        }
        assert_eq!(t.seen.lock().unwrap().len(), 18);
    }

    async fn a_panic_is_one_callers_trouble(t: &TestDb) {
        let out = t.db.write(cx(1), user("panic"), panics).await;
        assert!(matches!(out, Err(Error::Internal(_))), "{out:?}");
        assert!(t.emails().await.is_empty());
        for _ in 0..40 {
            t.db.write(cx(1), user("after"), create).await.unwrap();
        }
        assert_eq!(t.emails().await.len(), 40);
    }

    async fn a_sent_statement_is_seen_by_the_next_one(t: &TestDb) {
        assert_eq!(t.db.write(cx(1), user("a"), counts_what_it_sent).await.unwrap(), 1);
        assert_eq!(t.db.write(cx(1), user("b"), counts_what_it_sent).await.unwrap(), 2);
    }

    async fn a_single_read_has_one_statement(t: &TestDb) {
        assert!(t.db.read_single(cx(1), &(), emails).await.unwrap().is_empty());
        assert!(t.db.read_single(cx(1), &(), two_statements).await.is_err());
        assert_eq!(t.db.read(cx(1), &(), two_statements).await.unwrap(), 0);
    }

    async fn a_read_cannot_write(t: &TestDb) {
        assert!(t.db.read(cx(1), &user("w"), writes).await.is_err());
        assert!(t.db.scan(cx(1), user("w"), writes).await.is_err());
        assert!(t.db.read_single(cx(1), &user("w"), writes).await.is_err());
        assert!(t.emails().await.is_empty());
        assert!(t.db.scan(cx(1), (), emails).await.unwrap().is_empty());
    }

    async fn a_read_after_an_answer_sees_the_write(t: &TestDb) {
        for n in 1..=200 {
            t.db.write(cx(1), user("u"), create).await.unwrap();
            let db = t.db.clone();
            let seen = tokio::spawn(async move { db.read(cx(1), &(), emails).await.unwrap().len() });
            assert_eq!(seen.await.unwrap(), n);
        }
    }

    async fn a_wrong_value_keeps_nothing(t: &TestDb) {
        assert!(t.db.write(cx(1), user("few"), sends_too_few_values).await.is_err());
        assert!(t.emails().await.is_empty());
        if t.db.is_shared() {
            let out = t.db.write(cx(1), user("wrong"), sends_a_wrong_value).await;
            assert!(matches!(out, Err(Error::Internal(_))), "{out:?}");
            assert!(t.emails().await.is_empty());
        }
    }

    async fn bulk_jobs_share_the_writer(t: &TestDb) {
        let bulk = async {
            for _ in 0..50 {
                t.db.write_bulk(cx(1), user("bulk"), create).await.unwrap();
            }
        };
        let urgent = async {
            for _ in 0..50 {
                t.db.write(cx(1), user("urgent"), create).await.unwrap();
            }
        };
        tokio::join!(bulk, urgent);
        assert_eq!(t.emails().await.len(), 100);
    }
}

#[tokio::test]
async fn awaiting_a_stranger_is_refused_on_sqlite() {
    let t = TestDb::sqlite().await;
    let out = t.db.write(cx(1), user("s"), awaits_a_stranger).await;
    assert!(matches!(out, Err(Error::Internal(_))), "{out:?}");
    assert!(t.emails().await.is_empty());
    t.db.write(cx(1), user("next"), create).await.unwrap();
}

/// Compiles only if a handler's future may move between threads.
#[tokio::test]
async fn a_handlers_future_is_send() {
    async fn handler(t: TestDb) -> usize {
        t.db.write(cx(1), user("h"), create).await.unwrap();
        t.db.read(cx(1), &(), emails).await.unwrap().len()
    }
    assert_eq!(tokio::spawn(handler(TestDb::sqlite().await)).await.unwrap(), 1);
}

const ENDLESS: Sql = Sql {
    name: "test",
    text: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    class: Class::Scan,
    tenant: false,
};
async fn endless(tx: &mut Tx, _: &()) -> Result<()> {
    tx.one(&ENDLESS, &[], |_| Ok(())).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_end_by_force_and_a_fifth_is_turned_away() {
    let t = TestDb::sqlite().await;
    let scans: Vec<_> = (0..4)
        .map(|_| {
            let db = t.db.clone();
            tokio::spawn(async move { db.scan(cx(1), (), endless).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let fifth = t.db.scan(cx(1), (), emails).await.unwrap_err();
    assert_eq!(DomainError::from(fifth).code(), Code::RateLimited);
    for scan in scans {
        let out = scan.await.unwrap();
        assert!(matches!(out, Err(Error::Unavailable(_))), "{out:?}");
    }
    t.db.scan(cx(1), (), emails).await.unwrap();
}
