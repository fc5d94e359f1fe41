//! One schema on both engines: tables, columns, nullability, indexes.
use std::collections::BTreeSet;

use crate::support::*;

const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN 'bigint' ELSE \
      lower(c.type) END || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' not null' ELSE '' END \
    FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
const SQLITE_INDEXES: &str = "SELECT m.name || ' ' || CASE i.origin WHEN 'pk' THEN m.name || '_pkey' ELSE i.name END || \
      CASE i.\"unique\" WHEN 1 THEN ' unique' ELSE '' END || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END || ' (' || \
      (SELECT group_concat(x.name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) x) || ')' \
    FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table'";
/// A rowid that is the key has no index of its own.
const SQLITE_ROWID_KEYS: &str = "SELECT m.name || ' ' || m.name || '_pkey unique (' || c.name || ')' \
    FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk = 1 \
      AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i WHERE i.origin = 'pk')";
const POSTGRES_COLUMNS: &str = "SELECT c.relname || '.' || a.attname || ' ' || CASE format_type(a.atttypid, a.atttypmod) \
      WHEN 'uuid' THEN 'blob' WHEN 'bytea' THEN 'blob' ELSE format_type(a.atttypid, a.atttypmod) END || \
      CASE WHEN a.attnotnull THEN ' not null' ELSE '' END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind = 'r'";
const POSTGRES_INDEXES: &str = "SELECT t.relname || ' ' || i.relname || CASE WHEN x.indisunique THEN ' unique' ELSE '' END || \
      CASE WHEN x.indpred IS NOT NULL THEN ' partial' ELSE '' END || ' (' || \
      (SELECT string_agg(pg_get_indexdef(i.oid, k, true), ', ' ORDER BY k) FROM generate_series(1, x.indnatts) k) || ')' \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
    JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'";
const POSTGRES_COLLATIONS: &str = "SELECT c.relname || '.' || a.attname FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 JOIN pg_collation l ON l.oid = a.attcollation \
    WHERE c.relkind = 'r' AND l.collname <> 'C'";

fn sqlite_lines(raw: &rusqlite::Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = raw.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
async fn postgres_lines(client: &tokio_postgres::Client, sql: &str) -> BTreeSet<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Bytes that are no ciphertext: hashes, public halves, signatures, what the log says; ids besides.
const OPEN: &[&str] = &[
    "api_keys.hash",
    "application_devices.address_hash",
    "application_devices.device_hash",
    "application_devices.user_code_hash",
    "application_sessions.code_hash",
    "application_sessions.identity_provider",
    "application_sessions.refresh_family",
    "application_sessions.refresh_hash",
    "applications.old_secret_hash",
    "applications.secret_hash",
    "audit_checkpoints.hash",
    "audit_checkpoints.signature",
    "audit_events.body",
    "audit_record_keys.content",
    "audit_record_keys.key",
    "audit_seals.hash",
    "backup_codes.tag",
    "brandings.logo_digest",
    "groups.identity_provider",
    "idempotency.fingerprint",
    "mail_sign_ins.hash",
    "mail_sign_ins.tag",
    "mfa_challenges.asked_hash",
    "mfa_challenges.hash",
    "mfa_challenges.identity_provider",
    "mfa_challenges.proof",
    "mfa_methods.challenge_hash",
    "mfa_methods.public_key",
    "passkey_requests.hash",
    "personal_tokens.hash",
    "policies.notification_channel",
    "saml_assertions.digest",
    "service_credentials.verifier",
    "sessions.cookie_hash",
    "sessions.identity_provider",
    "sessions.refresh_family",
    "sessions.refresh_hash",
    "sign_in_starts.code_hash",
    "signing_keys.public_key",
    "users.identity_provider",
    "users.reset_hash",
    "users.token_hash",
];
const SQLITE_BYTES: &str = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND c.type = 'BLOB' AND c.name <> 'id' AND c.name NOT LIKE '%\\_id' ESCAPE '\\' \
      AND c.name NOT LIKE '%\\_by' ESCAPE '\\'";

#[tokio::test]
async fn sec_18_every_column_of_bytes_is_sealed_or_known_to_be_open() {
    let db = TestDb::sqlite().await;
    let raw = db.raw();
    let sealed = portcullis_store::sealed::SEALED.iter().map(|c| format!("{}.{}", c.table, c.column));
    let told: BTreeSet<String> = sealed.chain(OPEN.iter().map(|c| (*c).to_owned())).collect();
    assert_eq!(
        sqlite_lines(&raw, SQLITE_BYTES),
        told,
        "name a new column in store/src/sealed.rs, or in OPEN if it is no secret"
    );
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_indexes() {
    let Some(p) = TestDb::postgres().await else { return };
    let s = TestDb::sqlite().await;
    let (raw, client) = (s.raw(), p.raw_postgres().await);
    assert_eq!(sqlite_lines(&raw, SQLITE_COLUMNS), postgres_lines(&client, POSTGRES_COLUMNS).await);
    let mut indexes = sqlite_lines(&raw, SQLITE_INDEXES);
    indexes.extend(sqlite_lines(&raw, SQLITE_ROWID_KEYS));
    assert_eq!(indexes, postgres_lines(&client, POSTGRES_INDEXES).await);
    assert_eq!(postgres_lines(&client, POSTGRES_COLLATIONS).await, BTreeSet::new());
    p.remove().await;
}
