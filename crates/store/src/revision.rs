//! The tenant's revision: the number that moves with its structure (engine.md 7). Reached through [`crate::Tx::bump`] and
//! [`crate::Tx::revision`].

statements! {
    pub(crate) BUMP: write
        "UPDATE tenants SET authz_revision = authz_revision + 1 WHERE tenant = $1 RETURNING authz_revision";
    pub(crate) READ: point "SELECT authz_revision FROM tenants WHERE tenant = $1";
}
