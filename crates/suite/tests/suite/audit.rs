//! The audit log: each change leaves its event, and nobody changes the log unseen.
use std::collections::{BTreeMap, BTreeSet};

use portcullis_audit::export::verify_export;
use portcullis_crypto::signing::VerifyingKey;
use serde_json::{Value, json};

use crate::world::*;

both!(
    each_change_writes_its_event,
    an_event_says_who_did_what_from_where_and_what_changed,
    no_secret_is_in_any_event,
    the_chain_verifies_and_numbers_have_no_gap,
    sec_20_a_flipped_byte_in_any_column_of_any_row_is_reported_with_its_place,
    sec_20_a_removed_row_in_the_middle_is_reported_with_its_place,
    sec_20_a_cut_tail_is_reported_against_a_checkpoint_kept_elsewhere,
    sec_20_rows_that_change_places_or_are_put_in_are_reported,
    sec_20_an_erasure_leaves_the_chain_verifying_and_nothing_of_the_person,
    sec_20_a_quiet_erasure_is_no_erasure,
    an_export_verifies_offline_and_a_changed_one_does_not,
    the_log_is_filtered_and_read_entry_by_entry,
    a_refused_write_leaves_no_event_of_success,
    each_tenant_has_its_own_chain,
);

/// A column's value, whatever the engine calls it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(uuid::Uuid),
}

/// All rows of a table, in the order of its first columns.
pub async fn rows(w: &World, table: &str) -> Vec<BTreeMap<String, Cell>> {
    let sql = format!("SELECT * FROM {table} ORDER BY 1, 2");
    if w.engine.is_sqlite() {
        let db = w.engine.raw_sqlite();
        let mut statement = db.prepare(&sql).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            Ok(names
                .iter()
                .enumerate()
                .map(|(n, name)| {
                    use rusqlite::types::ValueRef;
                    let cell = match row.get_ref(n).unwrap() {
                        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
                        ValueRef::Integer(i) => Cell::Int(i),
                        ValueRef::Text(t) => Cell::Text(String::from_utf8(t.to_vec()).unwrap()),
                        ValueRef::Blob(b) => Cell::Bytes(b.to_vec()),
                    };
                    (name.clone(), cell)
                })
                .collect())
        };
        return statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    }
    let found = w.engine.raw_postgres().await.query(&sql, &[]).await.unwrap();
    found
        .iter()
        .map(|row| {
            row.columns()
                .iter()
                .enumerate()
                .map(|(n, c)| {
                    let cell = match c.type_().name() {
                        "int8" => row.get::<_, Option<i64>>(n).map_or(Cell::Null, Cell::Int),
                        "text" => row.get::<_, Option<String>>(n).map_or(Cell::Null, Cell::Text),
                        "bytea" => row.get::<_, Option<Vec<u8>>>(n).map_or(Cell::Null, Cell::Bytes),
                        "uuid" => row.get::<_, Option<uuid::Uuid>>(n).map_or(Cell::Null, Cell::Uuid),
                        other => panic!("a column of type {other}"),
                    };
                    (c.name().to_owned(), cell)
                })
                .collect()
        })
        .collect()
}

const TABLES: [&str; 16] = [
    "tenants",
    "users",
    "user_avatars",
    "sessions",
    "api_keys",
    "policies",
    "policy_rules",
    "meta_schemas",
    "idempotency",
    "attempts",
    "audit_events",
    "audit_seals",
    "audit_checkpoints",
    "signing_keys",
    "leases",
    "erasures",
];

/// Everything that the store holds, one value after the other.
pub async fn dump(w: &World) -> Vec<u8> {
    let mut out = vec![];
    for table in TABLES {
        out.extend(table_bytes(w, table).await);
    }
    out
}
async fn table_bytes(w: &World, table: &str) -> Vec<u8> {
    let mut out = vec![];
    for cell in rows(w, table).await.into_iter().flat_map(BTreeMap::into_values) {
        match cell {
            Cell::Null => {}
            Cell::Int(i) => out.extend(i.to_string().bytes()),
            Cell::Text(t) => out.extend(t.bytes()),
            Cell::Bytes(b) => out.extend(b),
            Cell::Uuid(u) => out.extend(u.to_string().bytes()),
        }
        out.push(b'\n');
    }
    out
}
fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

/// Runs statements beside the server.
async fn tamper(w: &World, sql: &str) {
    if w.engine.is_sqlite() {
        w.engine.raw_sqlite().execute_batch(sql).unwrap();
    } else {
        w.engine.raw_postgres().await.batch_execute(sql).await.unwrap();
    }
}
/// A value as a literal of both engines.
fn literal(w: &World, cell: &Cell) -> String {
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match cell {
        Cell::Null => "NULL".into(),
        Cell::Int(i) => i.to_string(),
        Cell::Text(t) => format!("'{}'", t.replace('\'', "''")),
        Cell::Bytes(b) if w.engine.is_sqlite() => format!("x'{}'", hex(b)),
        Cell::Bytes(b) => format!("'\\x{}'::bytea", hex(b)),
        Cell::Uuid(u) => format!("'{u}'::uuid"),
    }
}
/// The same value with one bit or one character changed, for each place in `places` that it has.
fn flips(cell: &Cell, places: usize) -> Vec<Cell> {
    let spread = |len: usize| -> BTreeSet<usize> {
        (0..places).map(|n| n * len / places).chain([len.saturating_sub(1)]).filter(|at| *at < len).collect()
    };
    match cell {
        Cell::Null => vec![],
        Cell::Int(i) => vec![Cell::Int(i ^ 1), Cell::Int(i ^ (1 << 20))],
        Cell::Text(t) if t.is_empty() => vec![Cell::Text("x".into())],
        Cell::Text(t) => spread(t.len())
            .into_iter()
            .filter(|at| t.is_char_boundary(*at) && t.as_bytes()[*at].is_ascii())
            .map(|at| {
                let mut b = t.clone().into_bytes();
                b[at] ^= if b[at] == b'0' { 3 } else { 1 };
                Cell::Text(String::from_utf8(b).unwrap())
            })
            .collect(),
        Cell::Bytes(b) => spread(b.len())
            .into_iter()
            .map(|at| {
                let mut b = b.clone();
                b[at] ^= 1;
                Cell::Bytes(b)
            })
            .collect(),
        Cell::Uuid(u) => spread(16)
            .into_iter()
            .map(|at| {
                let mut b = *u.as_bytes();
                b[at] ^= 1;
                Cell::Uuid(uuid::Uuid::from_bytes(b))
            })
            .collect(),
    }
}

async fn verdict(w: &World) -> Value {
    w.service().post("/v1/audit-log/verify", json!({})).await.expect(200)
}
/// Sealed, verified, and with the requests of the test itself in it.
async fn settled(w: &World) -> i64 {
    w.seal().await;
    let v = verdict(w).await;
    assert_eq!((&v["ok"], v.get("problem").is_none_or(Value::is_null)), (&json!(true), true), "{v}");
    v["last_seq"].as_i64().unwrap()
}

/// Something of everything that changes something.
async fn busy_day(w: &World) {
    let o = w.owner();
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1/users/{}", ada.id);
    o.put(&at, json!({ "name": "Ada L", "roles": ["user", "approver"], "external_id": "x", "manager_id": w.owner_id, "metadata": { "a": "b" } })).await.expect(200);
    o.put(&at, json!({ "roles": ["user"] })).await.expect(200);
    ada.client
        .put("/v1/users/me/profile", json!({ "first_name": "Ada", "display_name": "Countess" }))
        .await
        .expect(200);
    let change = json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" });
    ada.client.post("/v1/users/me/password", change).await.expect(204);
    w.login(&ada.email).await.refused(401, "invalid_credentials");
    ada.client.post("/v1/auth/logout", json!({})).await.expect(204);
    let (key, _) = w.api_key(&o, json!({ "name": "k", "scopes": ["users:list"] })).await;
    o.delete(&format!("/v1/api-keys/{key}")).await.expect(204);
    o.post(&format!("{at}/suspend"), json!({ "active": false })).await.expect(200);
    o.post(&format!("{at}/suspend"), json!({ "active": true })).await.expect(200);
    let p = w.policy("p", 1, r#"forbid (principal, action == Action::"users:fly_not", resource);"#.replace("users:fly_not", "users:import").as_str()).await;
    let rules = format!("/v1/policies/{p}/rules");
    let rule = o
        .post(&rules, json!({ "policy_text": "permit (principal, action == Action::\"read\", resource);" }))
        .await
        .expect(201);
    o.patch(&format!("{rules}/{}", rule["id"].as_str().unwrap()), json!({ "notice": "n" })).await.expect(200);
    let ids: Vec<Value> =
        o.get(&rules).await.expect(200)["data"].as_array().unwrap().iter().rev().map(|r| r["id"].clone()).collect();
    o.patch(&format!("{rules}/reorder"), json!({ "ids": ids })).await.expect(204);
    o.delete(&format!("{rules}/{}", rule["id"].as_str().unwrap())).await.expect(204);
    o.patch(&format!("/v1/policies/{p}"), json!({ "priority": 2 })).await.expect(200);
    let ids: Vec<Value> =
        o.get("/v1/policies").await.expect(200)["data"].as_array().unwrap().iter().map(|p| p["id"].clone()).collect();
    o.patch("/v1/policies/reorder", json!({ "ids": ids })).await.expect(204);
    o.delete(&format!("/v1/policies/{p}")).await.expect(204);
    let rows = b"{\"email\":\"i1@example.com\",\"name\":\"I\"}\n{\"email\":\"ada@example.com\",\"name\":\"Ada M\"}";
    let import = w.service().with("content-type", "application/x-ndjson");
    let report = import.send("POST", "/v1/users/import?on_conflict=update", rows).await.lines();
    o.post(&format!("/v1/users/{}/resend-invite", report[0]["id"].as_str().unwrap()), json!({})).await.expect(200);
    w.second_tenant("Globex").await;
    o.put(&format!("/v1/tenants/{}", w.tenant), json!({ "name": "Acme Ltd" })).await.expect(200);
    let heir = w.person("Heir", &["user", "admin"]).await;
    o.put(&format!("/v1/tenants/{}", w.tenant), json!({ "owner_user_id": heir.id })).await.expect(200);
    heir.client.put(&format!("/v1/tenants/{}", w.tenant), json!({ "owner_user_id": w.owner_id })).await.expect(200);
    o.post("/v1beta1/meta/schemas", json!({ "name": "device", "schema": "{}" })).await.expect(200);
    o.put("/v1beta1/meta/schemas/device", json!({ "name": "device", "schema": "{\"type\":\"object\"}" }))
        .await
        .expect(200);
    o.delete("/v1beta1/meta/schemas/device").await.expect(200);
    o.get("/v1/audit-log/export").await;
    o.delete(&at).await.expect(204);
    w.seal().await;
    w.node.erase().await;
    w.seal().await;
}

/// What the contract names and this version can do (spec v1 7.3 to 7.5).
const EXPECTED: &[&str] = &[
    "api_key.created",
    "api_key.revoked",
    "audit.exported",
    "auth.login_failed",
    "auth.login_succeeded",
    "password.changed",
    "policy.created",
    "policy.deleted",
    "policy.reordered",
    "policy.updated",
    "role.granted",
    "role.taken",
    "rule.created",
    "rule.deleted",
    "rule.reordered",
    "rule.updated",
    "session.revoked",
    "tenant.created",
    "tenant.owner_changed",
    "tenant.updated",
    "user.created",
    "user.deleted",
    "user.invited",
    "user.reactivated",
    "user.suspended",
    "user.updated",
    "users.imported",
];

async fn each_change_writes_its_event(w: World) {
    busy_day(&w).await;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for row in rows(&w, "audit_events").await {
        let (Cell::Text(action), Cell::Text(kind)) = (&row["action"], &row["resource_type"]) else { panic!("{row:?}") };
        seen.insert(format!("{action:28} {kind}"));
    }
    let actions: BTreeSet<&str> = seen.iter().map(|s| s.split(' ').next().unwrap()).collect();
    for action in EXPECTED {
        assert!(actions.contains(action), "{action} is missing in {actions:?}");
    }
    let list: String = seen.iter().map(|s| format!("{s}\n")).collect();
    golden("audit_events.txt", &list);
    settled(&w).await;
}

async fn an_event_says_who_did_what_from_where_and_what_changed(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let client = w.owner().with("x-request-id", "req.42").with("user-agent", "suite/1");
    client.put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada L" })).await.expect(200);
    let e = w.events("action=user.updated").await.remove(0);
    for (field, value) in [
        ("actor_id", json!(w.owner_id)),
        ("actor_type", json!("user")),
        ("action", json!("user.updated")),
        ("resource_type", json!("user")),
        ("resource_id", json!(ada.id)),
        ("http_request_id", json!("req.42")),
        ("user_agent", json!("suite/1")),
        ("ip", json!("127.0.0.1")),
        ("outcome", json!("ok")),
        ("redacted", json!(false)),
        ("changes", json!({ "name": { "before": "Ada", "after": "Ada L" } })),
    ] {
        assert_eq!(e[field], value, "{field}: {e}");
    }
    assert!(
        e["seq"].is_i64() && e["hash"].as_str().is_some_and(|h| h.len() == 64) && e["prev_hash"].is_string(),
        "{e}"
    );
    // a key never hides the person who made it
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "k" })).await;
    key.put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada M" })).await.expect(200);
    let e = w.events("action=user.updated").await.remove(0);
    assert_eq!(e["actor_type"], "api_key", "{e}");
    let text = e.to_string();
    assert!(text.contains(&w.owner_id) && text.contains(&id) || e["actor_id"] == w.owner_id.as_str(), "{e}");
}

async fn no_secret_is_in_any_event(w: World) {
    let made = w.owner().post("/v1/api-keys", json!({ "name": "k" })).await.expect(201);
    busy_day(&w).await;
    let log = table_bytes(&w, "audit_events").await;
    for secret in [
        PASSWORD,
        "velvet-anchor-monsoon",
        &made["raw_key"].as_str().unwrap()[17..],
        "$argon2",
        w.owner_token(),
        "token=",
    ] {
        assert!(!contains(&log, secret), "{secret} is in the log");
    }
}

async fn the_chain_verifies_and_numbers_have_no_gap(w: World) {
    busy_day(&w).await;
    let last = settled(&w).await;
    let mut seqs = vec![];
    let mut cursor = String::new();
    loop {
        let page = w.service().get(&format!("/v1/audit-log?limit=50{cursor}")).await.expect(200);
        seqs.extend(page["data"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
    let part = w.service().post("/v1/audit-log/verify", json!({ "from_seq": 5, "to_seq": 12 })).await.expect(200);
    assert_eq!(
        (&part["ok"], &part["checked"], &part["first_seq"], &part["last_seq"]),
        (&json!(true), &json!(8), &json!(5), &json!(12))
    );
    let points = w.service().get("/v1/audit-log/checkpoints").await.expect(200);
    assert_eq!(points["data"][0]["seq"], last);
    assert!(points["keys"][0]["public_key"].is_string());
}

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
                    tamper(
                        &w,
                        &format!("UPDATE {table} SET {column} = {} WHERE {}", literal(&w, &flipped), at(&row[key])),
                    )
                    .await;
                    let v = verdict(&w).await;
                    tamper(
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
            tamper(&w, &sql.join(";")).await;
            let v = verdict(&w).await;
            let mut back = vec![];
            if removes {
                back.push("INSERT INTO audit_events SELECT * FROM kept_e".to_owned());
            }
            if from {
                back.push("INSERT INTO audit_seals SELECT * FROM kept_s".to_owned());
            }
            tamper(&w, &back.join(";")).await;
            assert_eq!(
                (&v["ok"], &v["problem"]["seq"]),
                (&json!(false), &json!(seq)),
                "entry {seq}, event {removes}, seal {from}: {v}"
            );
        }
    }
    tamper(&w, "DROP TABLE kept_e; DROP TABLE kept_s").await;
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
    tamper(&w, &format!(
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
    tamper(&w, &[park.clone(), swap(b, a), swap(a, b)].join(";")).await;
    let v = verdict(&w).await;
    assert_eq!((&v["ok"], &v["problem"]["seq"]), (&json!(false), &json!(a.0)), "{v}");
    tamper(&w, &[park, swap(b, b), swap(a, a)].join(";")).await;
    settled(&w).await;
    // the whole chain made anew without one entry: the signature of the checkpoint speaks
    let hash = chain.last().unwrap();
    tamper(&w, &format!("UPDATE audit_checkpoints SET seq = seq - 1 WHERE tenant = {tenant} AND seq = {}", hash.0))
        .await;
    assert_eq!(verdict(&w).await["ok"], false);
}

async fn sec_20_an_erasure_leaves_the_chain_verifying_and_nothing_of_the_person(w: World) {
    let email = "mathilde.unmistakable@example.com";
    let body = json!({ "email": email, "name": "Mathilde Unmistakable", "password": PASSWORD, "roles": ["user"], "metadata": { "phone": "+49-30-5551234" } });
    let id = w.owner().post("/v1/users", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let client =
        w.bearer(w.login(email).await.expect(200)["token"].as_str().unwrap()).with("user-agent", "mathildes-phone/9");
    client
        .put("/v1/users/me/profile", json!({ "first_name": "Mathilde", "last_name": "Unmistakable" }))
        .await
        .expect(200);
    let wrong = json!({ "email": email, "password": "wrong-password-here" });
    w.anonymous().post("/v1/auth/login", wrong).await.refused(401, "invalid_credentials");
    w.owner().put(&format!("/v1/users/{id}"), json!({ "name": "M. Unmistakable" })).await.expect(200);
    client.get("/v1/users/me/profile").await.expect(200);
    // a refused call of someone who tries the same address
    w.owner().post("/v1/users", new_user_with(json!({ "email": email }))).await.refused(409, "user_exists");
    w.owner()
        .with("idempotency-key", "k")
        .post("/v1/users", new_user_with(json!({ "email": email })))
        .await
        .refused(409, "user_exists");
    settled(&w).await;
    assert!(contains(&table_bytes(&w, "audit_events").await, email));
    w.owner().delete(&format!("/v1/users/{id}")).await.expect(204);
    w.seal().await;
    w.node.erase().await;
    w.clock.pass(60);
    w.seal().await;
    w.node.erase().await;
    w.seal().await;
    let log = table_bytes(&w, "audit_events").await;
    for word in [email, "Unmistakable", "Mathilde", "+49-30-5551234", "mathildes-phone"] {
        assert!(!contains(&log, word), "{word} is still in the log");
        for table in ["users", "sessions", "user_avatars", "erasures", "attempts"] {
            assert!(!contains(&table_bytes(&w, table).await, word), "{word} is still in {table}");
        }
    }
    settled(&w).await;
    let events = w.events(&format!("resource_id={id}")).await;
    assert!(events.iter().any(|e| e["action"] == "user.deleted"));
    assert!(events.iter().any(|e| e["redacted"] == true), "{events:?}");
    assert!(rows(&w, "erasures").await.is_empty(), "the erasure is done");
    // and what came before still verifies offline
    let export = w.owner().get("/v1/audit-log/export").await;
    assert!(!export.text().contains("Unmistakable"));
    offline(&w, &export.body).await.unwrap();
}

async fn sec_20_a_quiet_erasure_is_no_erasure(w: World) {
    w.owner().post("/v1/users", new_user()).await.expect(201);
    settled(&w).await;
    let all = rows(&w, "audit_events").await;
    let created = all.iter().rev().find(|r| r["action"] == Cell::Text("user.created".into())).unwrap();
    let Cell::Text(private) = &created["private"] else { panic!() };
    assert!(private.contains("example.com"), "{private}");
    let at = format!("id = {}", literal(&w, &created["id"]));
    let whole: Value = serde_json::from_str(private).unwrap();
    let mut emptied = whole.clone();
    for value in emptied.as_object_mut().unwrap().values_mut() {
        *value = Value::Null;
    }
    for quiet in ["{}".to_owned(), String::new(), "null".to_owned(), "[]".to_owned(), emptied.to_string()] {
        let quiet = Cell::Text(quiet);
        tamper(&w, &format!("UPDATE audit_events SET private = {} WHERE {at}", literal(&w, &quiet))).await;
        let v = verdict(&w).await;
        assert_eq!((&v["ok"], &v["problem"]["kind"]), (&json!(false), &json!("digest")), "{quiet:?}: {v}");
    }
}

async fn offline(w: &World, lines: &[u8]) -> Result<(), String> {
    let keys = w.service().get("/v1/audit-log/checkpoints").await.expect(200)["keys"].clone();
    let keys: Vec<VerifyingKey> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|k| VerifyingKey::parse(k["public_key"].as_str().unwrap()).unwrap())
        .collect();
    match verify_export(lines, &keys, None) {
        Ok(report) if report.is_ok() => Ok(()),
        Ok(report) => Err(format!("{:?}", report.problem)),
        Err(e) => Err(e.to_string()),
    }
}

async fn an_export_verifies_offline_and_a_changed_one_does_not(w: World) {
    busy_day(&w).await;
    settled(&w).await;
    let a = w.owner().get("/v1/audit-log/export").await;
    assert_eq!((a.status, a.header("content-type")), (200, Some("application/x-ndjson")));
    let lines: Vec<String> = a.text().lines().map(str::to_owned).collect();
    let summary: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(summary["summary"]["first_seq"], 1);
    offline(&w, &a.body).await.unwrap();
    let without = |n: usize| -> Vec<u8> {
        lines
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != n)
            .map(|(_, l)| format!("{l}\n"))
            .collect::<String>()
            .into_bytes()
    };
    for n in [0, 3, lines.len() - 1] {
        assert!(offline(&w, &without(n)).await.is_err(), "without line {n}");
    }
    for (from, to) in [("user.created", "user.updated"), ("Ada", "Eve"), (&*w.owner_id, NOBODY)] {
        let at = lines.iter().position(|l| l.contains(from));
        let Some(at) = at else { continue };
        let mut changed = lines.clone();
        changed[at] = changed[at].replacen(from, to, 1);
        let changed = changed.join("\n") + "\n";
        assert!(offline(&w, changed.as_bytes()).await.is_err(), "{from} → {to}");
    }
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    assert!(offline(&w, (swapped.join("\n") + "\n").as_bytes()).await.is_err());
}

async fn the_log_is_filtered_and_read_entry_by_entry(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.service().with("x-request-id", "one-call").post("/v1/users", new_user()).await.expect(201);
    let only = async |query: &str| w.events(query).await;
    for (query, field, value) in [
        ("action=user.created", "action", json!("user.created")),
        ("actor_type=service", "actor_type", json!("service")),
        ("resource_type=api_key", "resource_type", json!("api_key")),
        ("outcome=ok", "outcome", json!("ok")),
        ("http_request_id=one-call", "http_request_id", json!("one-call")),
    ] {
        let found = only(query).await;
        assert!(!found.is_empty() && found.iter().all(|e| e[field] == value), "{query}: {found:?}");
    }
    let of_ada = only(&format!("resource_id={}", ada.id)).await;
    assert!(of_ada.iter().all(|e| e["resource_id"] == ada.id) && !of_ada.is_empty());
    assert!(only("action=user.*").await.iter().all(|e| e["action"].as_str().unwrap().starts_with("user.")));
    assert!(
        only("action=user.creat").await.is_empty()
            && only("action=%25").await.is_empty()
            && only("action=%2A").await.len() > 2
    );
    assert!(only("from=2030-01-01T00:00:00Z").await.is_empty() && only("to=2020-01-01T00:00:00Z").await.is_empty());
    let one = of_ada[0].clone();
    assert_eq!(w.owner().get(&format!("/v1/audit-log/{}", one["id"].as_str().unwrap())).await.expect(200), one);
    w.owner().get(&format!("/v1/audit-log/{NOBODY}")).await.refused(404, "not_found");
    for bad in ["outcome=maybe", "from=yesterday", "page=2", "limit=0"] {
        w.owner().get(&format!("/v1/audit-log?{bad}")).await.refused(400, "invalid_input");
    }
    for path in ["/v1/audit-log", "/v1/audit-log/export", "/v1/audit-log/checkpoints"] {
        ada.client.get(path).await.refused(403, "forbidden");
    }
    ada.client.post("/v1/audit-log/verify", json!({})).await.refused(403, "forbidden");
}

async fn a_refused_write_leaves_no_event_of_success(w: World) {
    let before = settled(&w).await;
    w.owner()
        .post("/v1/users", new_user_with(json!({ "email": "owner@example.com" })))
        .await
        .refused(409, "user_exists");
    w.owner().post("/v1/users", new_user_with(json!({ "manager_id": NOBODY }))).await.refused(422, "unprocessable");
    w.owner().put(&format!("/v1/users/{}", w.owner_id), json!({ "name": "Owner" })).await.expect(200);
    w.seal().await;
    let events = w.events("outcome=ok").await;
    let after: Vec<&Value> = events.iter().filter(|e| e["seq"].as_i64() > Some(before)).collect();
    assert!(after.iter().all(|e| e["action"] != "user.created" && e["action"] != "user.updated"), "{after:?}");
}

async fn each_tenant_has_its_own_chain(w: World) {
    let other = w.second_tenant("Globex").await;
    other.person("Ada", &["user"]).await;
    let mine = settled(&w).await;
    let theirs = other.owner.client.post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(theirs["ok"], true);
    assert!(theirs["last_seq"].as_i64().unwrap() >= 4 && mine >= 3);
    let page = other.owner.client.get("/v1/audit-log?limit=250").await;
    // it begins with its making, and tells of nothing else that happened elsewhere
    for e in page.json()["data"].as_array().unwrap() {
        assert!(e["resource_id"] != w.owner_id.as_str() && e["resource_id"] != w.tenant.as_str(), "{e}");
        assert!(!e.to_string().contains("owner@example.com"), "{e}");
    }
    // their checkpoint is not ours
    let kept = other.owner.client.get("/v1/audit-log/checkpoints").await.expect(200)["data"][0].clone();
    let v = w.service().post("/v1/audit-log/verify", json!({ "checkpoint": kept })).await;
    assert!(v.status == 400 || v.json()["ok"] == false, "{}", v.text());
}
