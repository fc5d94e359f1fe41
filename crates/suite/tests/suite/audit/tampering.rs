//! Whoever has the database and changes the log in it is found out, and where.
use std::collections::BTreeMap;

use serde_json::json;

use super::tables::{flips, literal};
use super::{settled, verdict};
use crate::world::tables::{Cell, execute, rows};
use crate::world::*;

both!(
    sec_20_a_flipped_byte_in_any_column_of_any_row_is_reported_with_its_place,
    sec_20_a_removed_row_in_the_middle_is_reported_with_its_place,
    sec_20_a_cut_tail_is_reported_against_a_checkpoint_kept_elsewhere,
    sec_20_a_cut_tail_is_reported_by_the_checkpoints_that_were_left,
    sec_20_a_checkpoint_that_was_changed_is_reported,
    sec_20_rows_that_change_places_or_are_put_in_are_reported,
);

/// The rows that the chain is made of: an event's id, its number.
async fn chain(w: &World) -> Vec<(i64, Cell)> {
    let mine = first_tenant(w).await;
    let seals = rows(w, "audit_seals").await;
    let of = |r: &BTreeMap<String, Cell>| {
        let Cell::Int(seq) = r["seq"] else { panic!("{r:?}") };
        (seq, r["event_id"].clone())
    };
    seals.iter().filter(|r| r["tenant"] == mine).map(of).collect()
}
async fn first_tenant(w: &World) -> Cell {
    rows(w, "tenants").await.into_iter().find(|t| t["is_master"] == Cell::Int(1)).unwrap()["tenant"].clone()
}

async fn sec_20_a_flipped_byte_in_any_column_of_any_row_is_reported_with_its_place(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.owner().put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada L" })).await.expect(200);
    w.login("nobody@example.com").await;
    let last = settled(&w).await;
    let tenant = first_tenant(&w).await;
    let chain = chain(&w).await;
    assert_eq!(chain.len() as i64, last);
    let seq_of = |id: &Cell| chain.iter().find(|(_, e)| e == id).unwrap().0;
    let mut tried = 0;
    // The PostgreSQL round is the same code over another connection; a byte of each column is enough there.
    let places = if w.engine.is_sqlite() { 24 } else { 3 };
    for (table, key, columns) in [
        (
            "audit_events",
            "id",
            &[
                "at",
                "actor_type",
                "actor_id",
                "action",
                "resource_type",
                "resource_id",
                "outcome",
                "body",
                "hole",
                "private",
                "id",
            ][..],
        ),
        ("audit_seals", "seq", &["hash", "event_id", "seq"][..]),
    ] {
        for row in rows(&w, table).await.into_iter().filter(|r| r["tenant"] == tenant) {
            let seq = if table == "audit_events" {
                seq_of(&row["id"])
            } else {
                let Cell::Int(s) = row["seq"] else { panic!() };
                s
            };
            for column in columns {
                // a number that another row has is no change that the database takes
                let taken = |f: &Cell| *column == "seq" && matches!(f, Cell::Int(n) if *n < 1_000);
                for flipped in flips(&row[*column], places).into_iter().filter(|f| !taken(f)) {
                    let at =
                        |value: &Cell| format!("tenant = {} AND {key} = {}", literal(&w, &tenant), literal(&w, value));
                    let changed_key = if *column == key { &flipped } else { &row[key] };
                    execute(
                        &w,
                        &format!("UPDATE {table} SET {column} = {} WHERE {}", literal(&w, &flipped), at(&row[key])),
                    )
                    .await;
                    let v = verdict(&w).await;
                    execute(
                        &w,
                        &format!(
                            "UPDATE {table} SET {column} = {} WHERE {}",
                            literal(&w, &row[*column]),
                            at(changed_key)
                        ),
                    )
                    .await;
                    tried += 1;
                    assert_eq!(
                        v["ok"], false,
                        "{table}.{column} of entry {seq}: {flipped:?} instead of {:?} was not seen",
                        row[*column]
                    );
                    let place = v["problem"]["seq"].as_i64().unwrap();
                    assert!(
                        (seq - 1..=seq + 1).contains(&place) && v["problem"]["kind"].is_string(),
                        "{table}.{column} of entry {seq}: {v}"
                    );
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
    settled(&w).await;
}

async fn sec_20_a_removed_row_in_the_middle_is_reported_with_its_place(w: World) {
    for _ in 0..4 {
        w.owner().post("/v1/users", new_user()).await.expect(201);
    }
    let last = settled(&w).await;
    let tenant = literal(&w, &first_tenant(&w).await);
    for (seq, id) in chain(&w).await.into_iter().filter(|(seq, _)| *seq < last) {
        let event = format!("tenant = {tenant} AND id = {}", literal(&w, &id));
        let seal = format!("tenant = {tenant} AND seq = {seq}");
        for (removes, from) in [(true, true), (true, false), (false, true)] {
            // both rows, the event alone, its seal alone
            let mut sql = vec![
                "DROP TABLE IF EXISTS kept_e; DROP TABLE IF EXISTS kept_s".to_owned(),
                format!("CREATE TABLE kept_e AS SELECT * FROM audit_events WHERE {event}"),
                format!("CREATE TABLE kept_s AS SELECT * FROM audit_seals WHERE {seal}"),
            ];
            if removes {
                sql.push(format!("DELETE FROM audit_events WHERE {event}"));
            }
            if from {
                sql.push(format!("DELETE FROM audit_seals WHERE {seal}"));
            }
            execute(&w, &sql.join(";")).await;
            let v = verdict(&w).await;
            let mut back = vec![];
            if removes {
                back.push("INSERT INTO audit_events SELECT * FROM kept_e".to_owned());
            }
            if from {
                back.push("INSERT INTO audit_seals SELECT * FROM kept_s".to_owned());
            }
            execute(&w, &back.join(";")).await;
            assert_eq!(
                (&v["ok"], &v["problem"]["seq"]),
                (&json!(false), &json!(seq)),
                "entry {seq}, event {removes}, seal {from}: {v}"
            );
        }
    }
    execute(&w, "DROP TABLE kept_e; DROP TABLE kept_s").await;
    settled(&w).await;
}

async fn sec_20_a_cut_tail_is_reported_against_a_checkpoint_kept_elsewhere(w: World) {
    for _ in 0..4 {
        w.owner().post("/v1/users", new_user()).await.expect(201);
    }
    let last = settled(&w).await;
    let kept = w.service().get("/v1/audit-log/checkpoints").await.expect(200)["data"][0].clone();
    assert_eq!(kept["seq"], last);
    let tenant = literal(&w, &first_tenant(&w).await);
    // whoever cuts the tail takes the checkpoints of the database along, and the events
    let cut = last - 2;
    execute(&w, &format!(
        "DELETE FROM audit_events WHERE tenant = {tenant} AND id IN (SELECT event_id FROM audit_seals WHERE tenant = {tenant} AND seq >= {cut});
         DELETE FROM audit_seals WHERE tenant = {tenant} AND seq >= {cut};
         DELETE FROM audit_checkpoints WHERE tenant = {tenant} AND seq >= {cut}"
    )).await;
    let v = w.service().post("/v1/audit-log/verify", json!({ "checkpoint": kept })).await.expect(200);
    assert_eq!(
        (&v["ok"], &v["problem"]["kind"], &v["problem"]["seq"]),
        (&json!(false), &json!("truncated"), &json!(cut)),
        "{v}"
    );
    // a checkpoint that nobody signed, or of another tenant, is no checkpoint
    let mut forged = kept.clone();
    forged["seq"] = json!(1);
    let v = w.service().post("/v1/audit-log/verify", json!({ "checkpoint": forged })).await;
    assert!(v.status == 400 || v.json()["ok"] == false, "{}", v.text());
    w.service().post("/v1/audit-log/verify", json!({ "checkpoint": { "seq": 1 } })).await.refused(400, "invalid_input");
}

async fn sec_20_a_cut_tail_is_reported_by_the_checkpoints_that_were_left(w: World) {
    w.owner().post("/v1/users", new_user()).await.expect(201);
    let last = settled(&w).await;
    let tenant = literal(&w, &first_tenant(&w).await);
    execute(&w, &format!("DELETE FROM audit_seals WHERE tenant = {tenant} AND seq >= {last}")).await;
    let v = verdict(&w).await;
    assert_eq!((&v["problem"]["kind"], &v["problem"]["seq"]), (&json!("truncated"), &json!(last)), "{v}");
}

async fn sec_20_a_checkpoint_that_was_changed_is_reported(w: World) {
    w.owner().post("/v1/users", new_user()).await.expect(201);
    let last = settled(&w).await;
    let tenant = literal(&w, &first_tenant(&w).await);
    let newest = format!("tenant = {tenant} AND seq = {last}");
    for (signature, wrong) in [("flipped", vec![7; 64]), ("short", vec![7; 3]), ("empty", vec![])] {
        let wrong = literal(&w, &Cell::Bytes(wrong));
        execute(&w, &format!("UPDATE audit_checkpoints SET signature = {wrong} WHERE {newest}")).await;
        let v = verdict(&w).await;
        let problem = (&v["problem"]["kind"], &v["problem"]["seq"]);
        assert_eq!(problem, (&json!("signature"), &json!(last)), "{signature}: {v}");
    }
    // on an entry that never was
    execute(&w, &format!("UPDATE audit_checkpoints SET seq = -5 WHERE {newest}")).await;
    let v = verdict(&w).await;
    assert_eq!((&v["problem"]["kind"], &v["problem"]["seq"]), (&json!("signature"), &json!(-5)), "{v}");
}

async fn sec_20_rows_that_change_places_or_are_put_in_are_reported(w: World) {
    for _ in 0..4 {
        w.owner().post("/v1/users", new_user()).await.expect(201);
    }
    settled(&w).await;
    let tenant = literal(&w, &first_tenant(&w).await);
    let chain = chain(&w).await;
    let (a, b) = (&chain[2], &chain[4]);
    let swap = |x: &(i64, Cell), y: &(i64, Cell)| {
        format!("UPDATE audit_seals SET event_id = {} WHERE tenant = {tenant} AND seq = {}", literal(&w, &y.1), x.0)
    };
    let spare = if w.engine.is_sqlite() { "x'00'" } else { "'00000000-0000-0000-0000-000000000000'::uuid" };
    let park = format!("UPDATE audit_seals SET event_id = {spare} WHERE tenant = {tenant} AND seq = {}", a.0);
    execute(&w, &[park.clone(), swap(b, a), swap(a, b)].join(";")).await;
    let v = verdict(&w).await;
    assert_eq!((&v["ok"], &v["problem"]["seq"]), (&json!(false), &json!(a.0)), "{v}");
    execute(&w, &[park, swap(b, b), swap(a, a)].join(";")).await;
    settled(&w).await;
    // the whole chain made anew without one entry: the signature of the checkpoint speaks
    let hash = chain.last().unwrap();
    execute(&w, &format!("UPDATE audit_checkpoints SET seq = seq - 1 WHERE tenant = {tenant} AND seq = {}", hash.0))
        .await;
    assert_eq!(verdict(&w).await["ok"], false);
}
