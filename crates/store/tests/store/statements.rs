//! Every registered statement, on both engines.
use portcullis_store::{Class, statements};

use crate::support::*;

#[test]
fn every_statement_of_a_tenant_names_it() {
    for sql in statements() {
        let text = sql.text.to_lowercase();
        if sql.tenant {
            let inserts = text.starts_with("insert into") && text.contains("(tenant,") && text.contains("values ($1");
            assert!(inserts || text.contains("tenant = $1"), "{}: {}", sql.name, sql.text);
        } else {
            assert!(sql.name.starts_with("portcullis_store::directory::"), "{}", sql.name);
        }
        let writes = ["insert", "update", "delete"].iter().any(|verb| text.starts_with(verb));
        assert_eq!(writes, sql.class == Class::Write, "{}", sql.name);
    }
}

#[test]
fn statement_names_are_unique() {
    let mut names: Vec<_> = statements().map(|sql| sql.name).collect();
    names.sort_unstable();
    names.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
}

both! {
    async fn every_statement_is_understood(t: &TestDb) {
        if t.is_sqlite() {
            let raw = t.raw();
            for sql in statements() {
                let prepared = raw.prepare(sql.text);
                assert!(prepared.is_ok(), "{}: {:?}", sql.name, prepared.err());
            }
        } else {
            let client = t.raw_postgres().await;
            for sql in statements() {
                let prepared = client.prepare(sql.text).await;
                assert!(prepared.is_ok(), "{}: {:?}", sql.name, prepared.err());
                for ty in prepared.unwrap().params() {
                    assert!(["int8", "text", "bytea", "uuid"].contains(&ty.name()), "{}: {ty}", sql.name);
                }
            }
        }
    }
}

/// Points and pages search an index, of a tenant by its tenant; only scans walk.
#[tokio::test]
async fn query_plans_are_as_cheap_as_their_class() {
    let t = TestDb::sqlite().await;
    let raw = t.raw();
    let mut wrong = vec![];
    for sql in statements().filter(|sql| matches!(sql.class, Class::Point | Class::Page | Class::Write)) {
        let mut plan = raw.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
        let (mut rows, mut lines) = (plan.raw_query(), Vec::<String>::new());
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get(3).unwrap());
        }
        let walks = lines.iter().any(|line| line.starts_with("SCAN") && !line.contains("CONSTANT ROW"));
        let sorts = sql.class != Class::Point && lines.iter().any(|line| line.contains("USE TEMP B-TREE"));
        let by_tenant = |line: &String| {
            !line.starts_with("SEARCH") || line.contains("tenant=?") || line.contains("INTEGER PRIMARY KEY (rowid=?)")
        };
        if walks || sorts || (sql.tenant && !lines.iter().all(by_tenant)) {
            wrong.push(format!("{} ({:?}): {lines:?}", sql.name, sql.class));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
