//! The chains of a store, walked without any secret: the public keys are in the store, the private ones are not needed.
use portcullis_audit::chain::{Kind, Problem, Report, Start, Verifier};
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::entry::{Row, entry};
use portcullis_crypto::signing::VerifyingKey;
use portcullis_domain::tenant::{Tenant, TenantKey};
use portcullis_domain::{Ctx, Timestamp};
use portcullis_store::audit::{self, SealedRow};
use portcullis_store::{Db, Tx, directory, signing_key};
use uuid::Uuid;

use crate::node::nowhere;

/// Entries that are read at once.
const STEP: i64 = 1_000;

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
    let (mut out, mut after) = (vec![], TenantKey(0));
    loop {
        let page = db.read(nowhere(), &after, directory::tenants).await?;
        let Some((last, _)) = page.last() else { return Ok(out) };
        after = *last;
        for (key, id) in page {
            let cx = nowhere().in_tenant(key, id);
            let tenant = db.read(cx.clone(), &(), tenant).await?;
            out.push(Whose { id: id.uuid(), slug: tenant.map_or("?".into(), |t| t.slug.to_string()), cx });
        }
    }
}

/// Walks one chain from its beginning.
pub async fn verify(db: &Db, whose: &Whose, keys: &[VerifyingKey], kept: &[Checkpoint]) -> anyhow::Result<Report> {
    let mut verifier = Verifier::new(whose.id, Start::Genesis, keys);
    for checkpoint in checkpoints(db, &whose.cx).await?.iter().chain(kept) {
        if verifier.checkpoint(checkpoint).is_err() {
            return Ok(verifier.finish());
        }
    }
    let mut next = 1;
    loop {
        let rows = db.scan(whose.cx.clone(), audit::Start { seq: next, limit: STEP }, audit::range).await?;
        let Some(last) = rows.last() else { return Ok(verifier.finish()) };
        next = last.seq + 1;
        for r in &rows {
            let row =
                Row { seq: r.seq, prev_hash: None, hash: r.hash, body: &r.body, hole: r.hole, private: &r.private };
            if verifier.entry(&row).is_err() {
                return Ok(verifier.finish());
            }
            if !columns_agree(r) {
                let problem = Some(Problem { seq: r.seq, kind: Kind::Digest });
                return Ok(Report { problem, ..verifier.finish() });
            }
        }
    }
}

/// A tenant that only kept checkpoints know of: all of its log is missing.
pub fn verify_missing(tenant: Uuid, keys: &[VerifyingKey], kept: &[Checkpoint]) -> Report {
    let mut verifier = Verifier::new(tenant, Start::Genesis, keys);
    // the first that is wrong is the answer
    let _ = kept.iter().try_for_each(|c| verifier.checkpoint(c));
    verifier.finish()
}

/// The columns that lists filter by are outside the hash; they have to say what the sealed body says.
fn columns_agree(r: &SealedRow) -> bool {
    let Ok(e) = entry(&r.body, r.hole, &r.private, None) else { return false };
    let at = e["created_at"].as_str().and_then(|t| t.parse::<Timestamp>().ok()).map(Timestamp::micros);
    let says = |name: &str, value: &str| e[name].as_str() == Some(value);
    at == Some(r.columns.at) && says("id", &r.id.to_string()) && r.columns.texts.iter().all(|(n, v)| says(n, v))
}

/// All checkpoints of the store; one for each second with events at most.
async fn checkpoints(db: &Db, cx: &Ctx) -> anyhow::Result<Vec<Checkpoint>> {
    let (mut out, mut before) = (vec![], i64::MAX);
    loop {
        let page = db.read(cx.clone(), &before, audit::checkpoints).await?;
        let Some(last) = page.last() else { return Ok(out) };
        before = last.seq;
        for c in page {
            let signature = c.signature.try_into();
            out.push(Checkpoint {
                id: c.id,
                tenant_id: cx.tenant_id.uuid(),
                seq: c.seq,
                hash: c.hash,
                created_at: Timestamp::from_micros(c.created_at),
                key_id: c.key_id,
                // one of the wrong length is as good as a wrong one
                signature: signature.unwrap_or([0; 64]),
            });
        }
    }
}

async fn all_keys(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<signing_key::SigningKeyRow>> {
    signing_key::all(tx).await
}
async fn tenant(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Tenant>> {
    portcullis_store::tenant::get(tx).await
}
