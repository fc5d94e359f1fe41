//! The schema's steps and who may serve it. Each step has one number, and a file for each engine with the same tables.
//!
//! A binary is as new as the last step it knows. The schema says how old a binary may be (`min_binary`): an older one
//! refuses it, and a newer schema that was only expanded is served (engine.md 23).
use std::time::Duration;

use portcullis_domain::Timestamp;
use rusqlite::TransactionBehavior;

use crate::{Error, Result};

struct Step {
    version: i64,
    /// The oldest binary that still works after this step.
    min_binary: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! step {
    ($version:literal, min_binary $min:literal, $file:literal) => {
        Step {
            version: $version,
            min_binary: $min,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }
    };
}

const STEPS: &[Step] = &[
    step!(1, min_binary 1, "0001_base.sql"),
    step!(2, min_binary 1, "0002_access.sql"),
    step!(3, min_binary 1, "0003_service_users.sql"),
    step!(4, min_binary 1, "0004_personal_access_tokens.sql"),
    step!(5, min_binary 1, "0005_invitations_domains.sql"),
    step!(6, min_binary 1, "0006_preferences.sql"),
    step!(8, min_binary 1, "0008_webhooks.sql"),
    step!(9, min_binary 1, "0009_audit_records.sql"),
    step!(10, min_binary 1, "0010_group_sources.sql"),
    step!(11, min_binary 1, "0011_managed.sql"),
    step!(12, min_binary 1, "0012_inviters.sql"),
    step!(13, min_binary 1, "0013_refresh_tokens.sql"),
    step!(14, min_binary 1, "0014_audit_order.sql"),
    step!(15, min_binary 1, "0015_session_cookies.sql"),
    step!(16, min_binary 1, "0016_mail.sql"),
    // an older binary reads its keys at the start only, and knows one master key: it could not follow a rotation
    step!(19, min_binary 19, "0019_key_rotation.sql"),
    // a binary of before would let people in without their second factor
    step!(20, min_binary 20, "0020_second_factors.sql"),
    step!(21, min_binary 20, "0021_mail_sign_in.sql"),
    // a binary of before would leave who somebody was at a provider when it erases them
    step!(22, min_binary 22, "0022_identity_providers.sql"),
    // a binary of before would leave what somebody allowed applications when it erases them, and their tokens when it ends their sessions
    step!(23, min_binary 23, "0023_applications.sql"),
    // a binary of before would take a directory's key for one that may do more
    step!(24, min_binary 24, "0024_scim.sql"),
    step!(25, min_binary 22, "0025_saml.sql"),
    // a binary of before does not know the mails about second factors
    step!(26, min_binary 26, "0026_branding.sql"),
    step!(27, min_binary 26, "0027_session_ends.sql"),
];

/// The schema that this binary was written for.
pub const fn latest_version() -> i64 {
    STEPS[STEPS.len() - 1].version
}

/// What a database says about its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The last step taken; 0 for an empty database.
    pub version: i64,
    /// The oldest binary that may serve it.
    pub min_binary: i64,
}
impl SchemaVersion {
    const EMPTY: Self = Self { version: 0, min_binary: 0 };

    /// May this binary serve it?
    pub(crate) fn serve(self) -> Result<()> {
        self.not_too_new()?;
        if self.version < latest_version() {
            return Err(Error::Unavailable(format!(
                "the database has schema {}, this program needs {}: run `portcullis migrate`",
                self.version,
                latest_version()
            )));
        }
        Ok(())
    }
    fn not_too_new(self) -> Result<()> {
        if self.min_binary > latest_version() {
            return Err(Error::Unavailable(format!(
                "the database has schema {}, which needs a newer portcullis (this one knows schemas up to {})",
                self.version,
                latest_version()
            )));
        }
        Ok(())
    }
    fn missing(self) -> impl Iterator<Item = &'static Step> {
        STEPS.iter().filter(move |step| step.version > self.version)
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version \
    (version bigint NOT NULL PRIMARY KEY, min_binary bigint NOT NULL, applied_at bigint NOT NULL)";
const READ: &str = "SELECT coalesce(max(version), 0), coalesce(max(min_binary), 0) FROM schema_version";
const APPLIED: &str = "INSERT INTO schema_version (version, min_binary, applied_at) VALUES ($1, $2, $3)";

/// What this SQLite file says.
pub(crate) fn sqlite_version(connection: &rusqlite::Connection) -> Result<SchemaVersion> {
    if !connection.table_exists(None, "schema_version").map_err(Error::unavailable)? {
        return Ok(SchemaVersion::EMPTY);
    }
    let read = |row: &rusqlite::Row<'_>| Ok(SchemaVersion { version: row.get(0)?, min_binary: row.get(1)? });
    connection.query_row(READ, [], read).map_err(Error::unavailable)
}

/// Takes the missing steps, each in an exclusive transaction. The caller owns the store, and its writer has not begun.
pub(crate) fn sqlite(connection: &mut rusqlite::Connection, now: Timestamp) -> Result<()> {
    let current = sqlite_version(connection)?;
    current.not_too_new()?;
    for step in current.missing() {
        let mut take = || {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
            tx.execute_batch(TABLE)?;
            tx.execute_batch(step.sqlite)?;
            tx.execute(APPLIED, (step.version, step.min_binary, now.micros()))?;
            tx.commit()
        };
        take().map_err(|e: rusqlite::Error| Error::Internal(format!("schema step {}: {e}", step.version)))?;
        tracing::info!(version = step.version, "schema step taken");
    }
    Ok(())
}

/// What this PostgreSQL database says.
pub(crate) async fn postgres_version(client: &tokio_postgres::Client) -> Result<SchemaVersion> {
    let exists = "SELECT count(*) FROM information_schema.tables \
                  WHERE table_schema = current_schema() AND table_name = 'schema_version'";
    let found: i64 = client.query_one(exists, &[]).await?.try_get(0)?;
    if found == 0 {
        return Ok(SchemaVersion::EMPTY);
    }
    let row = client.query_one(READ, &[]).await?;
    Ok(SchemaVersion { version: row.try_get(0)?, min_binary: row.try_get(1)? })
}

/// Takes the missing steps, each in a transaction that waits at most 2 s for a lock. Several nodes may do this at once:
/// the one that loses is told so by the database, looks again, and goes on from there.
pub(crate) async fn postgres(client: &mut tokio_postgres::Client, now: Timestamp) -> Result<()> {
    const TRIES: u32 = 20;
    let mut tries = 0;
    loop {
        let current = postgres_version(client).await?;
        current.not_too_new()?;
        let Some(step) = current.missing().next() else { return Ok(()) };
        match take(client, step, now).await {
            Ok(()) => tracing::info!(version = step.version, "schema step taken"),
            Err(e) if tries < TRIES => {
                tries += 1;
                tracing::info!(version = step.version, cause = %e, "schema step not taken; looking again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(e) => return Err(Error::Internal(format!("schema step {}: {}", step.version, Error::from(e)))),
        }
    }
}

async fn take(client: &mut tokio_postgres::Client, step: &Step, now: Timestamp) -> Result<(), tokio_postgres::Error> {
    let tx = client.transaction().await?;
    tx.batch_execute("SET LOCAL lock_timeout = 2000; SET LOCAL statement_timeout = 0").await?;
    tx.batch_execute(TABLE).await?;
    // the row first: of two nodes one waits here for the other, and fails on the key
    tx.execute(APPLIED, &[&step.version, &step.min_binary, &now.micros()]).await?;
    tx.batch_execute(step.postgres).await?;
    tx.commit().await
}
