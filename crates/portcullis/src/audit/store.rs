//! The chains of a store, walked without any secret: the public keys are in the store, the private ones are not needed.
use portcullis_audit::chain::{Report, Start, Verifier};
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_crypto::signing::VerifyingKey;
use portcullis_domain::Ctx;
use portcullis_domain::tenant::Tenant;
use portcullis_service::audit_chain;
use portcullis_service::every_tenant::EveryTenant;
use portcullis_store::{Db, Tx, signing_key};
use uuid::Uuid;

use crate::node::nowhere;
use crate::output::explain;

/// Whose chain.
pub struct Whose {
    /// The public id.
    pub id: Uuid,
    /// For people.
    pub slug: String,
    cx: Ctx,
}

/// The public halves of the audit keys, old ones too.
pub async fn keys(db: &Db) -> anyhow::Result<Vec<VerifyingKey>> {
    let rows = db.scan(nowhere(), (), all_keys).await?;
    let rows = rows.into_iter().filter(|r| r.purpose == "audit");
    rows.map(|r| {
        let public = r.public_key.try_into().map_err(|_| anyhow::anyhow!("the audit key {} is damaged", r.id))?;
        Ok(VerifyingKey::new(public)?)
    })
    .collect()
}

/// Every tenant.
pub async fn tenants(db: &Db) -> anyhow::Result<Vec<Whose>> {
    let (mut out, mut every) = (vec![], EveryTenant::of(db));
    while let Some(cx) = every.next(nowhere()).await.map_err(explain)? {
        let tenant = db.read(cx.clone(), &(), tenant).await?;
        out.push(Whose { id: cx.tenant_id.uuid(), slug: tenant.map_or("?".into(), |t| t.slug.to_string()), cx });
    }
    Ok(out)
}

/// Walks one chain from its beginning.
pub async fn verify(db: &Db, whose: &Whose, keys: &[VerifyingKey], kept: &[Checkpoint]) -> anyhow::Result<Report> {
    audit_chain::verify(db, &whose.cx, keys, 1..=i64::MAX, kept).await.map_err(explain)
}

/// A tenant that only kept checkpoints know of: all of its log is missing.
pub fn verify_missing(tenant: Uuid, keys: &[VerifyingKey], kept: &[Checkpoint]) -> Report {
    let mut verifier = Verifier::new(tenant, Start::Genesis, keys);
    // the first that is wrong is the answer
    let _ = kept.iter().try_for_each(|c| verifier.checkpoint(c));
    verifier.finish()
}

async fn all_keys(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<signing_key::SigningKeyRow>> {
    signing_key::all(tx).await
}
async fn tenant(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Tenant>> {
    portcullis_store::tenant::get(tx).await
}
