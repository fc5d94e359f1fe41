//! Opening, closing, migrating, and who may have a store open.
use std::sync::Arc;

use portcullis_store::{Config, Db, Error, latest_version};

use crate::support::*;

async fn open(config: &Config) -> Result<Db, Error> {
    Db::open(config, Arc::new(Still), Arc::new(|_, _| {})).await
}
fn why(out: Result<Db, Error>) -> String {
    match out {
        Ok(_) => panic!("opened"),
        Err(e) => e.to_string(),
    }
}

#[tokio::test]
async fn a_second_owner_is_told_so() {
    let t = TestDb::sqlite().await;
    assert!(why(open(&t.config).await).contains("another portcullis process"));
    let reader = Db::open_read_only(t.dir.as_ref().unwrap().path()).unwrap();
    t.db.write(cx(1), user("a"), create).await.unwrap();
    assert_eq!(reader.read(cx(1), &(), emails).await.unwrap().len(), 1);
    assert!(matches!(reader.write(cx(1), user("b"), create).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_closed_store_can_be_opened_again_with_all_that_was_answered() {
    let t = TestDb::sqlite().await;
    for _ in 0..10 {
        t.db.write(cx(1), user("a"), create).await.unwrap();
    }
    let TestDb { db, config, dir, .. } = t;
    assert_eq!(db.read(cx(1), &(), emails).await.unwrap().len(), 10);
    drop(db);
    let again = open(&config).await.unwrap();
    assert_eq!(again.read(cx(1), &(), emails).await.unwrap().len(), 10);
    again.write(cx(1), user("b"), create).await.unwrap();
    drop((again, dir));
}

#[tokio::test]
async fn stores_of_one_process_do_not_meet() {
    let (a, b) = (TestDb::sqlite().await, TestDb::sqlite().await);
    for _ in 0..3 {
        a.db.write(cx(1), user("a"), create).await.unwrap();
        assert!(b.emails().await.is_empty());
    }
    assert_eq!(a.emails().await.len(), 3);
}

both! {
    async fn a_schema_for_newer_programs_is_refused(t: &TestDb) {
        let next = latest_version() + 1;
        assert_eq!(t.db.schema_version().await.unwrap().version, latest_version());
        let expanded = format!("INSERT INTO schema_version VALUES ({next}, {}, 0)", latest_version());
        let contracted = format!("UPDATE schema_version SET min_binary = {next} WHERE version = {next}");
        if t.is_sqlite() {
            let dir = tempfile::tempdir().unwrap();
            let config = Config::sqlite(dir.path());
            for (change, refused) in [(expanded, false), (contracted, true)] {
                drop(open(&config).await.unwrap());
                rusqlite::Connection::open(dir.path().join("portcullis.db")).unwrap().execute_batch(&change).unwrap();
                let out = open(&config).await;
                assert_eq!(out.is_err(), refused);
                if refused {
                    assert!(why(out).contains("newer portcullis"));
                }
            }
        } else {
            let client = t.raw_postgres().await;
            client.batch_execute(&expanded).await.unwrap();
            open(&t.config).await.unwrap();
            client.batch_execute(&contracted).await.unwrap();
            assert!(why(open(&t.config).await).contains("newer portcullis"));
        }
    }

    async fn nodes_that_start_together_share_an_empty_database(t: &TestDb) {
        if t.is_sqlite() {
            return;
        }
        t.raw_postgres().await.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        let opens = (0..4).map(|_| {
            let config = t.config.clone();
            tokio::spawn(async move { open(&config).await.map(drop) })
        });
        for open in opens.collect::<Vec<_>>() {
            open.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn an_old_schema_is_refused_when_it_must_not_be_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { migrate: false, ..Config::sqlite(dir.path()) };
    assert!(why(open(&config).await).contains("portcullis migrate"));
    assert_eq!(Db::migrate(&config, Arc::new(Still)).await.unwrap().version, latest_version());
    open(&config).await.unwrap();
}
