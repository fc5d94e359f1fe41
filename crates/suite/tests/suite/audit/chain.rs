//! One chain for each tenant, without a gap.
use serde_json::json;

use super::export::offline;
use super::{busy_day, settled};
use crate::world::*;

both!(
    the_chain_verifies_and_numbers_have_no_gap,
    a_long_chain_verifies_and_is_exported_with_all_its_checkpoints,
    each_tenant_has_its_own_chain,
);

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

/// More entries and checkpoints than are read at once.
async fn a_long_chain_verifies_and_is_exported_with_all_its_checkpoints(w: World) {
    for n in 0..6 {
        let row = |i: usize| format!("{{\"email\":\"p{n}-{i}@example.com\",\"name\":\"P\"}}\n");
        let rows: String = (0..200).map(row).collect();
        let import = w.service().with("content-type", "application/x-ndjson");
        assert_eq!(import.send("POST", "/v1/users/import", rows.as_bytes()).await.status, 200);
        w.seal().await;
    }
    let last = settled(&w).await;
    assert!(last > 1_200, "{last}");
    let part = w.service().post("/v1/audit-log/verify", json!({ "from_seq": 150, "to_seq": 1_150 })).await.expect(200);
    assert_eq!((&part["ok"], &part["checked"]), (&json!(true), &json!(1_001)), "{part}");
    let made = w.service().get("/v1/audit-log/checkpoints?limit=100").await.expect(200);
    let export = w.owner().get("/v1/audit-log/export").await;
    let lines = export.text();
    let exported = lines.lines().filter(|l| l.starts_with("{\"checkpoint\"")).count();
    assert_eq!(exported, made["data"].as_array().unwrap().len());
    assert!(exported >= 6, "{exported}");
    offline(&w, &export.body).await.unwrap();
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
