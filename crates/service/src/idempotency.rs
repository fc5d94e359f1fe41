//! `Idempotency-Key`: the same call twice happens once (spec v1 2.7, engine.md 16).
//!
//! The answer is kept in the transaction of the change, sealed with the tenant's data key. A refusal is kept by a transaction
//! of its own. A key whose first call still runs in this process is answered 409; without a key nothing here costs anything.
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Code, Credential, Ctx, Error, Result, Subject};
use portcullis_store::{Tx, idempotency};
use serde_json::{Value, json};

use crate::tenancy::Tenancy;
use crate::{Answer, App, IdempotencyKey};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 24 * 3_600;
/// A larger answer is not repeated word for word (engine.md 16).
const LARGEST: usize = 64 * 1024;

/// Calls with a key that run in this process.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<(TenantKey, i64)>>>);

/// Ends the claim on a key when the call is over, however it ends.
pub(crate) struct Claim {
    running: Running,
    slot: (TenantKey, i64),
}
impl Drop for Claim {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
    }
}

/// A key that was not seen before: where its answer will be kept.
#[derive(Clone)]
pub(crate) struct Slot {
    slot: i64,
    fingerprint: [u8; 32],
    tenancy: Arc<Tenancy>,
    random: Arc<dyn portcullis_domain::port::Random>,
    refuse: fn(&Error) -> Answer,
    /// An older row of more than 24 h is in the way.
    stale: bool,
}

/// What a key says about this call.
pub(crate) enum Seen {
    /// Nothing: go on, keep the answer here, and hold the claim until the call is answered. (Not longer: the writer may drop its
    /// job after the client has the answer, and the next call must not find the key claimed.)
    Never(Slot, Claim),
    /// It was made and answered.
    Before(Answer),
}

impl App {
    /// Looks a key up, after the call was authorised.
    pub(crate) async fn seen(&self, cx: &Ctx, key: &IdempotencyKey) -> Result<Seen> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let who = match &cx.principal.subject {
            Subject::User(id) => id.to_string(),
            Subject::ServiceUser(id) => id.to_string(),
            Subject::Directory(id) => id.to_string(),
            Subject::System => "system".into(),
            Subject::Anonymous => "anonymous".into(),
        };
        // a narrower key of the same owner must not be given the answer to a wider one's call
        let rights = match &cx.principal.credential {
            Credential::ApiKey { scopes, .. } => scopes.as_slice().join(" "),
            Credential::PersonalToken { id, .. } => id.to_string(),
            Credential::Session { .. } | Credential::Service { .. } | Credential::None => "*".into(),
        };
        let identity = [who.as_bytes(), rights.as_bytes(), key.route.as_bytes(), key.key.as_bytes()];
        let tag = tenancy.idempotency.tag(&identity);
        let slot = i64::from_be_bytes([tag[0], tag[1], tag[2], tag[3], tag[4], tag[5], tag[6], tag[7]]);
        let fingerprint = tenancy.idempotency.tag(&[&tag, &key.body]);
        let claim = self.claim((cx.tenant, slot))?;
        let kept = self.0.db.read(cx.clone(), &slot, find).await?;
        let stale = kept.as_ref().is_some_and(|k| k.created_at.plus_seconds(KEPT_SECONDS) <= cx.now);
        match kept {
            Some(kept) if !stale => replay(&tenancy, slot, &fingerprint, &kept).map(Seen::Before),
            _ => Ok(Seen::Never(
                Slot { slot, fingerprint, tenancy, random: self.0.random.clone(), refuse: key.refuse, stale },
                claim,
            )),
        }
    }
    fn claim(&self, slot: (TenantKey, i64)) -> Result<Claim> {
        let running = self.0.idempotency.clone();
        if running.0.lock().unwrap_or_else(PoisonError::into_inner).insert(slot) {
            return Ok(Claim { running, slot });
        }
        Err(Error::new(
            Code::IdempotencyInProgress,
            "The first call with this Idempotency-Key still runs. Try again in a second.",
        )
        .detail("retry_after_seconds", 1))
    }
    /// Keeps a refusal, so that a repetition is refused alike; answers what to tell the caller. 401, 403, 429 and 5xx are not
    /// kept: they may pass. Another node may have been faster with the same call: then its answer counts, not this refusal.
    pub(crate) async fn keep_refusal(&self, cx: &Ctx, slot: Slot, error: Error) -> Result<Answer> {
        if !matches!(error.code().http(), 400 | 402 | 404..=428 | 430..=499) {
            return Err(error);
        }
        let answer = (slot.refuse)(&error);
        if let Err(e) = self.0.db.write(cx.clone(), (slot.clone(), answer), keep).await {
            let kept = self.0.db.read(cx.clone(), &slot.slot, find).await?;
            if let Some(kept) = kept {
                return replay(&slot.tenancy, slot.slot, &slot.fingerprint, &kept);
            }
            tracing::warn!(error = %e, "a refusal was not kept for its Idempotency-Key");
        }
        Err(error)
    }
}

async fn find(tx: &mut Tx, slot: &i64) -> portcullis_store::Result<Option<idempotency::Kept>> {
    idempotency::find(tx, *slot).await
}
async fn keep(tx: &mut Tx, (slot, answer): &(Slot, Answer)) -> portcullis_store::Result<()> {
    slot.keep(tx, answer).await
}

impl Slot {
    /// Writes the answer into the transaction of the change.
    pub async fn keep(&self, tx: &mut Tx, answer: &Answer) -> portcullis_store::Result<()> {
        let sealed = self.tenancy.data_key.seal(&aad(self.slot), &encode(answer), &*self.random);
        let oldest = self.stale.then(|| tx.cx.now.plus_seconds(-KEPT_SECONDS));
        if idempotency::keep(tx, self.slot, &self.fingerprint, &sealed, oldest).await? {
            return Ok(());
        }
        // another node was faster with the same key: nothing of this call may stay
        let busy =
            Error::new(Code::IdempotencyInProgress, "Another call with this Idempotency-Key was faster. Repeat it.");
        Err(busy.detail("retry_after_seconds", 1).into())
    }
}

fn replay(tenancy: &Tenancy, slot: i64, fingerprint: &[u8; 32], kept: &idempotency::Kept) -> Result<Answer> {
    if !portcullis_crypto::same(fingerprint, &kept.fingerprint) {
        return Err(Error::new(
            Code::IdempotencyMismatch,
            "This Idempotency-Key was used for another body. Use a fresh key for a new call.",
        ));
    }
    let plain = tenancy.data_key.open(&aad(slot), &kept.answer).map_err(Error::internal)?;
    decode(&plain).ok_or_else(|| Error::internal("a kept answer does not parse"))
}

fn aad(slot: i64) -> Vec<u8> {
    [b"idempotency".as_slice(), &slot.to_be_bytes()].concat()
}

/// A line of JSON (status, headers), then the body.
fn encode(a: &Answer) -> Vec<u8> {
    let body: &[u8] = if a.body.len() > LARGEST { b"{}" } else { &a.body };
    let mut out = json!({ "status": a.status, "headers": a.headers }).to_string().into_bytes();
    out.push(b'\n');
    out.extend_from_slice(body);
    out
}
fn decode(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let head: Value = serde_json::from_slice(&bytes[..end]).ok()?;
    let headers = head["headers"].as_array()?.iter();
    let headers = headers.filter_map(|h| Some((h[0].as_str()?.to_owned(), h[1].as_str()?.to_owned()))).collect();
    let status = u16::try_from(head["status"].as_u64()?).ok()?;
    Some(Answer { status, headers, body: bytes[end + 1..].to_vec(), replayed: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_word_for_word() {
        let a = Answer::new(201, b"{\"id\":\"x\\ny\"}".to_vec()).header("ETag", "\"1\"");
        assert_eq!(decode(&encode(&a)), Some(Answer { replayed: true, ..a }));
    }
}
