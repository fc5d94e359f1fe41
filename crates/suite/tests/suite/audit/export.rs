//! An export is verified without the server.
use portcullis_audit::export::verify_export;
use portcullis_crypto::signing::VerifyingKey;
use serde_json::Value;

use super::{busy_day, settled};
use crate::world::*;

both!(an_export_verifies_offline_and_a_changed_one_does_not);

/// Verifies an export with the public keys alone.
pub async fn offline(w: &World, lines: &[u8]) -> Result<(), String> {
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
