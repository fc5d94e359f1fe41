//! Columns that hold ciphertexts, each with the key that opens it: what a rotation of the master key seals anew, and what it need not
//! touch. A test compares the list with the schema, so that no new column is forgotten.

/// A column of ciphertexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedColumn {
    /// Where.
    pub table: &'static str,
    /// Which.
    pub column: &'static str,
    /// What opens it.
    pub by: SealedBy,
}
/// A key that seals columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SealedBy {
    /// The master key itself.
    Master(ByMaster),
    /// The tenant's data key, which the master key wraps: it stays, whatever becomes of the master key.
    DataKey,
}
/// What the master key seals. A new one needs its step in the rotation, which does not compile without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ByMaster {
    /// The private halves of the server's own keys. First: with these the nodes learn which master key seals from now on.
    SigningKeys,
    /// The data key of each tenant.
    DataKeys,
}

const fn column(table: &'static str, column: &'static str, by: SealedBy) -> SealedColumn {
    SealedColumn { table, column, by }
}

/// All of them, in the order of a rotation.
pub static SEALED: &[SealedColumn] = &[
    column("signing_keys", "private_key", SealedBy::Master(ByMaster::SigningKeys)),
    column("tenants", "data_key", SealedBy::Master(ByMaster::DataKeys)),
    column("idempotency", "answer", SealedBy::DataKey),
    column("identity_providers", "secret", SealedBy::DataKey),
    column("mails", "sealed", SealedBy::DataKey),
    column("mfa_challenges", "seed", SealedBy::DataKey),
    column("mfa_methods", "seed", SealedBy::DataKey),
    column("sign_in_starts", "answer", SealedBy::DataKey),
    column("webhooks", "headers", SealedBy::DataKey),
    column("webhooks", "secret", SealedBy::DataKey),
];
