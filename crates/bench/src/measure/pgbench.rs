//! The ceiling on PostgreSQL: pgbench with 32 clients that insert the very rows which the server wrote for one user, with
//! fresh keys, prepared, one transaction each.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};
use tokio_postgres::Client;

/// A UUID of version 7 in hexadecimal: ordered by `n` (each client counts), unique by client and chance.
const ID: &str = "(lpad(to_hex(1786706395136 + :n), 12, '0') || '7' || lpad(to_hex(:client_id::bigint), 3, '0') || '8' \
    || lpad(to_hex(:CHANCE::bigint), 15, '0'))";

/// The script for the rows of the newest user.
pub async fn script(client: &Client) -> Result<String> {
    let user = newest(client, "users", "TRUE").await?;
    let id = user["id"].as_str().context("users.id")?;
    let about = format!("action = 'user.created' AND resource_id = '{id}'");
    let event = newest(client, "audit_events", &about).await?;
    let mut pending = Map::new();
    pending.insert("tenant".into(), user["tenant"].clone());
    pending.insert("event_id".into(), event["id"].clone());
    let rows = [("users", user), ("audit_events", event), ("audit_pending", pending)];
    let inserts: Vec<String> = rows.iter().map(|(table, row)| insert(table, row)).collect();
    Ok(format!(
        "\\set n :n + 1\n\\set a random(1, 9007199254740991)\n\\set b random(1, 9007199254740991)\nBEGIN;\n{}\nCOMMIT;\n",
        inserts.join("\n")
    ))
}

async fn newest(client: &Client, table: &str, which: &str) -> Result<Map<String, Value>> {
    let text = format!("SELECT row_to_json(t)::text FROM {table} t WHERE {which} ORDER BY id DESC LIMIT 1");
    let row: String = client.query_one(&text, &[]).await.with_context(|| format!("a row of {table}"))?.try_get(0)?;
    Ok(serde_json::from_str(&row)?)
}

fn insert(table: &str, row: &Map<String, Value>) -> String {
    let columns: Vec<&str> = row.keys().map(String::as_str).collect();
    let values: Vec<String> = row.iter().map(|(column, value)| expression(table, column, value)).collect();
    format!("INSERT INTO {table} ({}) VALUES ({});", columns.join(", "), values.join(", "))
}

fn expression(table: &str, column: &str, value: &Value) -> String {
    let (user, event) = (ID.replace("CHANCE", "a"), ID.replace("CHANCE", "b"));
    let digits = "lpad(to_hex(:a::bigint), 16, '0')";
    match (table, column, value) {
        (_, _, Value::Null) => "NULL".into(),
        ("users", "id", _) => format!("{user}::uuid"),
        ("users", "slug", _) => format!("'u-' || {user}"),
        ("users", "email", _) => format!("'ada.' || {digits} || '@example.com'"),
        ("users", "title", _) => format!("'ada ' || left({digits}, 5) || ' Lovelace'"),
        ("users", "name_key", _) => format!("'ada ' || left({digits}, 5) || ' lovelace'"),
        ("audit_events", "id", _) | ("audit_pending", "event_id", _) => format!("{event}::uuid"),
        ("audit_events", "resource_id", _) => format!("{user}::uuid::text"),
        (_, _, Value::String(text)) => literal(text),
        (_, _, other) => other.to_string(),
    }
}
/// Quoted, and without a colon: pgbench would take `:null` for one of its variables.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\x3a"))
}

/// Transactions a second of a script, after a short warm-up.
pub fn rate(dir: &Path, script: &str, url: &str, clients: usize, seconds: u64) -> Result<f64> {
    let file = dir.join("create-user.pgbench");
    std::fs::write(&file, script)?;
    once(&file, url, clients, 1, 0)?;
    once(&file, url, clients, seconds.max(1), 100_000_000)
}
fn once(file: &Path, url: &str, clients: usize, seconds: u64, from: u64) -> Result<f64> {
    let out = Command::new(program()?)
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &seconds.to_string()])
        .args(["-D", &format!("n={from}"), "-f"])
        .arg(file)
        .arg(url)
        .output()?;
    let (text, complaint) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "pgbench: {complaint}");
    let tps = text.lines().find_map(|l| l.strip_prefix("tps = ")).and_then(|l| l.split(' ').next());
    tps.and_then(|t| t.parse().ok()).with_context(|| format!("pgbench said nothing of tps: {text}{complaint}"))
}
fn program() -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|v| v.path().join("bin/pgbench")).filter(|p| p.exists()).collect())
        .unwrap_or_default();
    found.sort();
    Ok(found.pop().unwrap_or_else(|| "pgbench".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_holds_nothing_that_pgbench_replaces() {
        assert_eq!(literal(r#"{"a":null,"b":"it's"}\"#), r#"E'{"a"\x3anull,"b"\x3a"it''s"}\\'"#);
    }
}
