//! Audit records and the older log of an organization: what others write, what is found (spec v1beta1 2.3.17, 2.5, 3.17, 3.18).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_write_and_read_records,
    a_record_is_kept_as_the_callers_with_what_was_claimed,
    the_actor_may_be_named_by_a_session,
    the_same_key_answers_the_same_record,
    what_is_wrong_with_a_record_is_told,
    what_the_server_did_is_a_record_under_frontiers_name,
    records_are_filtered_searched_sorted_and_counted,
    records_are_exported_as_csv,
    an_organization_has_its_older_log,
    the_older_log_takes_what_members_claim,
    sec_02_an_organizations_log_shows_nothing_of_another,
    sec_20_a_claimed_actor_never_becomes_the_actor_of_the_log,
    sec_20_a_claimed_line_passes_for_none_of_the_servers,
);

fn record(change: Value) -> Value {
    let mut body = json!({
        "actor": { "id": "0199c0de-0000-7000-8000-0000000000aa", "type": "app/serviceuser", "name": "robot", "metadata": { "a": 1 } },
        "event": "order.shipped",
        "resource": { "id": "o-1", "type": "compute/order", "name": "Order 1" },
        "target": { "id": "t-1", "type": "parcel", "name": "Parcel" },
        "org_id": "00000000-0000-0000-0000-000000000000",
        "request_id": "their-call",
        "metadata": { "weight": 5 },
        "idempotency_key": format!("0199c0de-0000-7000-8000-{}", unique()),
    });
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
async fn write(by: &Client, body: Value) -> Answer {
    connect(by, "CreateAuditRecord", body).await
}
async fn find(by: &Client, query: Value) -> Value {
    by.post(&format!("{ADMIN}/ListAuditRecords"), json!({ "query": query })).await.expect(200)
}
fn events(found: &Value) -> Vec<&str> {
    let rows = found["audit_records"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|r| r["event"].as_str().unwrap()).collect()
}
fn eq(name: &str, value: &str) -> Value {
    json!({ "name": name, "operator": "eq", "string_value": value })
}

async fn who_may_write_and_read_records(w: World) {
    let plain = w.person("Plain", &["user"]).await.client;
    let reader = w.api_key(&w.owner(), json!({ "name": "r", "scopes": ["audit:*"] })).await.1;
    for (who, says) in [(w.anonymous(), "unauthenticated"), (plain, "permission_denied")] {
        assert_eq!(code(&write(&who, record(json!({}))).await), says);
        assert_eq!(code(&who.post(&format!("{ADMIN}/ListAuditRecords"), json!({})).await), says);
    }
    // to write for others is a right of its own; to search all is for superusers
    write(&reader, record(json!({}))).await.expect(200);
    assert_eq!(code(&reader.post(&format!("{ADMIN}/ListAuditRecords"), json!({})).await), "permission_denied");
    write(&w.service(), record(json!({}))).await.expect(200);
    let theirs = w.second_tenant("Globex").await.owner.client;
    assert_eq!(events(&find(&theirs, json!({ "search": "order" })).await), Vec::<&str>::new());
    assert_eq!(events(&find(&w.owner(), json!({ "search": "order" })).await), ["order.shipped", "order.shipped"]);
}

async fn a_record_is_kept_as_the_callers_with_what_was_claimed(w: World) {
    let organization = organization(&w.owner(), "acme-corp").await;
    let at = "2026-11-21T10:00:00Z";
    let body = record(json!({ "org_id": organization, "occurred_at": at }));
    let made = write(&w.service(), body).await.expect(200)["audit_record"].clone();
    let found = find(&w.owner(), json!({ "filters": [eq("id", &id(&made))] })).await["audit_records"][0].clone();
    assert_eq!(made, found);
    assert_eq!(made["actor"]["name"], "robot");
    assert_eq!(made["actor"]["metadata"], json!({ "a": 1 }));
    assert_eq!((&made["resource"]["type"], &made["target"]["id"]), (&json!("compute/order"), &json!("t-1")));
    assert_eq!((&made["org_id"], &made["org_name"]), (&json!(organization), &json!("acme-corp")));
    assert_eq!((&made["request_id"], &made["metadata"]), (&json!("their-call"), &json!({ "weight": 5 })));
    assert!(made["occurred_at"].as_str().unwrap().starts_with("2026-11-21T10:00:00"), "{made}");
    assert!(made["created_at"].as_str().unwrap().starts_with("2026-11-22"), "{made}");
    let missing = record(json!({ "org_id": NOBODY }));
    assert_eq!(code(&write(&w.service(), missing).await), "not_found");
}

async fn the_actor_may_be_named_by_a_session(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let session = w.events("action=auth.login_succeeded").await[0]["resource_id"].as_str().unwrap().to_owned();
    let by = json!({ "actor": { "id": session } });
    let made = write(&w.service(), record(by)).await.expect(200)["audit_record"].clone();
    assert_eq!((&made["actor"]["id"], &made["actor"]["type"]), (&json!(ada.id), &json!("app/user")));
    assert_eq!(made["actor"]["title"], "Ada");
    assert_eq!(code(&write(&w.service(), record(json!({ "actor": { "id": NOBODY } }))).await), "not_found");
    let nil = "00000000-0000-0000-0000-000000000000";
    let made = write(&w.service(), record(json!({ "actor": { "id": nil } }))).await.expect(200)["audit_record"].clone();
    assert_eq!((&made["actor"]["type"], &made["actor"]["name"]), (&json!("system"), &json!("system")));
    let owner = json!({ "actor": { "id": w.owner_id, "type": "app/user", "name": "claimed" } });
    let made = write(&w.service(), record(owner)).await.expect(200)["audit_record"].clone();
    assert_eq!(made["actor"]["metadata"]["is_super_user"], true);
    assert_ne!(made["actor"]["name"], "claimed");
    let answer = write(&w.service(), record(json!({ "actor": { "id": NOBODY, "type": "app/ghost" } }))).await;
    assert_eq!((code(&answer), text(&answer)), ("invalid_argument".into(), "invalid actor type".into()));
}

async fn the_same_key_answers_the_same_record(w: World) {
    let body = record(json!({}));
    let first = write(&w.service(), body.clone()).await;
    let again = write(&w.service(), body.clone()).await;
    assert_eq!(first.expect(200), again.expect(200));
    assert_eq!((first.header("x-idempotency-replayed"), again.header("x-idempotency-replayed")), (None, Some("true")));
    let mut other = body.clone();
    other["event"] = "order.lost".into();
    assert_eq!(code(&write(&w.service(), other).await), "already_exists");
    assert_eq!(events(&find(&w.owner(), json!({ "search": "order" })).await), ["order.shipped"]);
    // another tenant's keys are its own
    let theirs = w.second_tenant("Globex").await.owner.client;
    let made = write(&theirs, body.clone()).await;
    assert_ne!(made.expect(200), first.expect(200));
    // at the same moment, too
    let body = record(json!({}));
    let service = w.service();
    let (a, b) = tokio::join!(write(&service, body.clone()), write(&service, body));
    assert_eq!(a.expect(200)["audit_record"]["id"], b.expect(200)["audit_record"]["id"]);
}

async fn what_is_wrong_with_a_record_is_told(w: World) {
    for bad in [
        json!({ "event": "no" }),
        json!({ "event": "e".repeat(256) }),
        json!({ "org_id": "acme" }),
        json!({ "idempotency_key": "k" }),
        json!({ "metadata": { "a": "x".repeat(17_000) } }),
        json!({ "resource": { "id": "x".repeat(256) } }),
        json!({ "occurred_at": "2027-01-01T00:00:00Z" }),
        json!({ "actor": { "id": "not-an-id" } }),
    ] {
        assert_eq!(code(&write(&w.service(), record(bad.clone())).await), "invalid_argument", "{bad}");
    }
    for bad in [
        json!({ "filters": [eq("password", "x")] }),
        json!({ "filters": [{ "name": "occurred_at", "operator": "like", "string_value": "x" }] }),
        json!({ "group_by": ["request_id"] }),
    ] {
        let answer = w.owner().post(&format!("{ADMIN}/ListAuditRecords"), json!({ "query": bad })).await;
        assert_eq!(code(&answer), "invalid_argument");
        assert!(text(&answer).contains("failed to validate rql query"), "{}", answer.text());
    }
}

async fn what_the_server_did_is_a_record_under_frontiers_name(w: World) {
    let org = organization(&w.owner().with("x-request-id", "r-9"), "acme-corp").await;
    let ada = w.person("Ada", &["user"]).await;
    join(&w, &org, &ada.id, ORGANIZATION_VIEWER).await;
    let found = find(
        &w.owner(),
        json!({ "filters": [eq("org_id", &org)], "sort": [{ "name": "created_at", "order": "asc" }] }),
    )
    .await;
    assert_eq!(events(&found), ["organization.create", "organization.added"], "{found}");
    let made = &found["audit_records"][0];
    assert_eq!((&made["actor"]["id"], &made["actor"]["type"]), (&json!(w.owner_id), &json!("app/user")));
    assert_eq!((&made["resource"]["id"], &made["resource"]["type"]), (&json!(org), &json!("organization")));
    assert_eq!((&made["request_id"], &made["org_name"]), (&json!("r-9"), &json!("acme-corp")));
    let added = &found["audit_records"][1];
    assert_eq!((&added["target"]["id"], &added["target"]["type"]), (&json!(ada.id), &json!("user")));
    // what was refused is not what was done
    ada.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    w.seal().await;
    assert!(!events(&find(&w.owner(), json!({})).await).contains(&"access.denied"));
}

async fn records_are_filtered_searched_sorted_and_counted(w: World) {
    for (event, at) in
        [("a.one", "2026-11-20T00:00:00Z"), ("b.two", "2026-11-19T00:00:00Z"), ("b.three", "2026-11-21T00:00:00Z")]
    {
        write(&w.service(), record(json!({ "event": event, "occurred_at": at }))).await.expect(200);
    }
    let look = async |query: Value| find(&w.owner(), query).await;
    let ours = eq("resource_type", "compute/order");
    assert_eq!(events(&look(json!({ "filters": [ours] })).await), ["b.three", "b.two", "a.one"], "newest first");
    let by = |order: &str| json!({ "filters": [ours], "sort": [{ "name": "occurred_at", "order": order }] });
    assert_eq!(events(&look(by("asc")).await), ["b.two", "a.one", "b.three"]);
    assert_eq!(events(&look(by("desc")).await), ["b.three", "a.one", "b.two"]);
    let since = json!({ "name": "occurred_at", "operator": "gte", "string_value": "2026-11-20T00:00:00Z" });
    assert_eq!(events(&look(json!({ "filters": [ours, since] })).await), ["b.three", "a.one"]);
    let like = json!({ "name": "event", "operator": "like", "string_value": "b.%" });
    let page = look(json!({ "filters": [like], "limit": 1, "offset": 1, "group_by": ["event"] })).await;
    assert_eq!(events(&page), ["b.two"]);
    assert_eq!(page["pagination"], json!({ "offset": 1, "limit": 1, "total_count": 2 }));
    let groups = json!([{ "name": "b.three", "count": 1 }, { "name": "b.two", "count": 1 }]);
    assert_eq!(page["group"], json!({ "name": "event", "data": groups }));
    assert_eq!(events(&look(json!({ "search": "PARCEL" })).await).len(), 3);
    // without a filter the newest are read alone, and all are counted
    let newest = look(json!({ "limit": 1 })).await;
    let all = look(json!({ "sort": [{ "name": "event", "order": "asc" }] })).await;
    assert_eq!(newest["pagination"]["total_count"], all["pagination"]["total_count"]);
    assert_eq!(events(&newest), ["b.three"]);
    let written = json!({ "name": "created_at", "operator": "lt", "string_value": "2026-11-21T00:00:00Z" });
    assert_eq!(events(&look(json!({ "filters": [written] })).await), Vec::<&str>::new());
}

async fn records_are_exported_as_csv(w: World) {
    write(&w.service(), record(json!({ "event": "=cmd()", "metadata": { "say": "a \"b\", c" } }))).await.expect(200);
    let export = async |by: &Client, query: Value| {
        let body = json!({ "query": query }).to_string();
        let mut bytes = vec![0];
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(body.as_bytes());
        by.with("content-type", "application/connect+json")
            .send("POST", &format!("{ADMIN}/ExportAuditRecords"), &bytes)
            .await
    };
    let answer = export(&w.owner(), json!({ "filters": [eq("resource_type", "compute/order")] })).await;
    assert_eq!(answer.status, 200);
    let data: String = envelopes(&answer.body).iter().filter_map(|e| e["data"].as_str().map(decoded)).collect();
    let lines: Vec<&str> = data.lines().collect();
    assert!(
        lines[0].starts_with("Record ID,Idempotency Key,Event,Actor ID,") && lines[0].ends_with(",Created At,Metadata"),
        "{data}"
    );
    assert_eq!(lines.len(), 2, "{data}");
    assert!(
        lines[1].contains(",\"'=cmd()\",") && lines[1].contains("robot,,\"{\"\"a\"\":1}\",o-1,compute/order,Order 1"),
        "{data}"
    );
    let all = export(&w.owner(), json!({})).await;
    assert!(all.body.len() > answer.body.len());
    let none = export(&w.owner(), json!({ "filters": [eq("event", "nothing")] })).await;
    assert!(none.text().contains("no data to export") && none.text().contains("invalid_argument"), "{}", none.text());
    let plain = w.person("Plain", &["user"]).await.client;
    assert!(export(&plain, json!({})).await.text().contains("permission_denied"));
}
/// The messages of a Connect stream.
fn envelopes(mut bytes: &[u8]) -> Vec<Value> {
    let mut out = vec![];
    while let [_, a, b, c, d, rest @ ..] = bytes {
        let (message, rest) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        out.push(serde_json::from_slice(message).unwrap());
        bytes = rest;
    }
    out
}
fn decoded(text: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

async fn an_organization_has_its_older_log(w: World) {
    let olga = w.person("Olga", &["user"]).await.client;
    let org = organization(&olga, "acme-corp").await;
    let group = group(&olga, &org, "crew").await;
    let path = format!("/v1beta1/organizations/{org}/auditlogs");
    let log = olga.get(&path).await.expect(200);
    assert_eq!(all(&log["logs"], "action"), ["app.group.created", "app.organization.created"], "{log}");
    let line = &log["logs"][0];
    assert_eq!(
        (&line["source"], &line["target"]["id"], &line["target"]["type"]),
        (&json!("frontier"), &json!(group), &json!("app/group"))
    );
    assert_eq!(olga.get(&format!("{path}/{}", id(line))).await.expect(200)["log"], *line);
    // by name, and under the path of an older client
    assert_eq!(olga.get("/v1beta1/organization/acme-corp/auditlogs").await.expect(200), log);
    let narrow = async |query: &str| all(&olga.get(&format!("{path}?{query}")).await.expect(200)["logs"], "action");
    assert_eq!(narrow("action=app.group.created").await, ["app.group.created"]);
    assert_eq!(narrow("source=elsewhere").await, Vec::<String>::new());
    assert_eq!(narrow("ignore_system=true").await.len(), 2);
    let at = line["created_at"].as_str().unwrap();
    assert_eq!(narrow(&format!("start_time={at}&end_time={at}")).await, ["app.group.created"], "both ends inclusive");
    olga.get(&format!("{path}?start_time=yesterday")).await.expect(400);
    let member = w.person("Max", &["user"]).await;
    join(&w, &org, &member.id, ORGANIZATION_VIEWER).await;
    for (who, status) in
        [(w.anonymous(), 401), (member.client, 403), (w.second_tenant("Globex").await.owner.client, 404)]
    {
        assert_eq!(who.get(&path).await.status, status);
        assert_eq!(who.get(&format!("{path}/{}", id(line))).await.status, status);
    }
}

async fn the_older_log_takes_what_members_claim(w: World) {
    let olga = w.person("Olga", &["user"]).await.client;
    let org = organization(&olga, "acme-corp").await;
    let member = w.person("Max", &["user"]).await;
    join(&w, &org, &member.id, ORGANIZATION_VIEWER).await;
    let path = format!("/v1beta1/organizations/{org}/auditlogs");
    let line = json!({ "source": "shop", "action": "order.paid", "actor": { "id": "a", "type": "x", "name": "Somebody" },
        "target": { "id": "t", "type": "order", "name": "T" }, "context": { "k": "v" }, "created_at": "2026-11-20T00:00:00Z" });
    assert_eq!(member.client.post(&path, json!({ "logs": [line, line] })).await.expect(200), json!({}));
    let log = olga.get(&format!("{path}?source=shop")).await.expect(200);
    assert_eq!(log["logs"].as_array().unwrap().len(), 2);
    let shown = &log["logs"][0];
    for field in ["source", "action", "actor", "target", "context"] {
        assert_eq!(shown[field], line[field], "{field}");
    }
    for bad in [
        json!({}),
        json!({ "logs": [] }),
        json!({ "logs": [{ "source": "s", "action": "order.paid" }] }),
        json!({ "logs": [{ "source": "shop", "action": "order.paid", "context": { "n": 1 } }] }),
        json!({ "logs": vec![line.clone(); 101] }),
    ] {
        member.client.post(&path, bad).await.expect(400);
    }
    let stranger = w.person("Stranger", &["user"]).await.client;
    stranger.post(&path, json!({ "logs": [line] })).await.expect(403);
}

async fn sec_20_a_claimed_line_passes_for_none_of_the_servers(w: World) {
    let olga = w.person("Olga", &["user"]).await.client;
    let org = organization(&olga, "acme-corp").await;
    let path = format!("/v1beta1/organizations/{org}/auditlogs");
    let ours = olga.get(&path).await.expect(200)["logs"][0]["source"].clone();
    for (field, value) in
        [("source", ours), ("source", json!("FRONTIER")), ("created_at", json!("2026-12-24T00:00:00Z"))]
    {
        let mut line = json!({ "source": "shop", "action": "order.paid" });
        line["target"] = json!({ "id": "t", "type": "order", "name": "T" });
        line[field] = value;
        let refused = olga.post(&path, json!({ "logs": [line] })).await.expect(400);
        assert!(refused.to_string().contains(&format!("logs[0].{field}")), "{refused}");
    }
    // a machine that left is told as what it is, not as a person
    let m = machine(&olga, &org, "CI").await;
    let leave = json!({ "org_id": org, "principal_id": m, "principal_type": "app/serviceuser" });
    connect(&olga, "RemoveOrganizationMember", leave).await.expect(200);
    let gone = w.events("action=organization.member_removed").await.remove(0)["metadata"].clone();
    assert_eq!((&gone["principal_id"], &gone["user_id"]), (&json!(m), &Value::Null), "{gone}");
}

async fn sec_02_an_organizations_log_shows_nothing_of_another(w: World) {
    let (a, b) = (w.person("Anna", &["user"]).await.client, w.person("Bert", &["user"]).await.client);
    let (of_a, of_b) = (organization(&a, "org-a").await, organization(&b, "org-b").await);
    let first = a.get(&format!("/v1beta1/organizations/{of_a}/auditlogs")).await.expect(200)["logs"][0].clone();
    let here = b.get(&format!("/v1beta1/organizations/{of_b}/auditlogs/{}", id(&first))).await;
    let none = b.get(&format!("/v1beta1/organizations/{of_b}/auditlogs/{NOBODY}")).await;
    assert_eq!((here.status, here.text()), (404, none.text()));
    b.get(&format!("/v1beta1/organizations/{of_a}/auditlogs")).await.expect(403);
    assert!(!b.get(&format!("/v1beta1/organizations/{of_b}/auditlogs")).await.text().contains(&of_a));
}

async fn sec_20_a_claimed_actor_never_becomes_the_actor_of_the_log(w: World) {
    let claim = json!({ "actor": { "id": w.owner_id, "type": "app/user" }, "occurred_at": "2020-01-01T00:00:00Z" });
    write(&w.service(), record(claim)).await.expect(200);
    let event = w.events("action=external.recorded").await.remove(0);
    assert_eq!(event["actor_type"], "service");
    assert_ne!(event["actor_id"], json!(w.owner_id));
    assert!(event["created_at"].as_str().unwrap().starts_with("2026-"), "{event}");
    let v = w.owner().post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(v["ok"], true, "{v}");
}
