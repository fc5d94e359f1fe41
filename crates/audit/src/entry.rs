//! An entry as people see it: body and private part put together again (spec v1 3.5 `AuditEntry`).
use serde_json::{Map, Value};

use crate::{
    PERSONAL, hex,
    private::{self, Private},
};

/// An entry as the store keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its number.
    pub seq: i64,
    /// The hash of the entry before it, where the reader knows it; the store need not keep it.
    pub prev_hash: Option<[u8; 32]>,
    /// Its hash.
    pub hash: [u8; 32],
    /// [`crate::Prepared::body`].
    pub body: &'a [u8],
    /// [`crate::Prepared::hole`].
    pub hole: usize,
    /// [`crate::Prepared::private`], empty when erased.
    pub private: &'a str,
}

/// What a seal added to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Its number.
    pub seq: i64,
    /// The hash of the entry before it; `None` where it was not read.
    pub prev_hash: Option<[u8; 32]>,
    /// Its hash.
    pub hash: [u8; 32],
}

/// The stored bytes are no entry: the row is damaged. `audit verify` says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a damaged audit entry")]
pub struct DamagedEntry;

/// The full entry. `seal` is `None` for an event that still waits for its number. `redacted` is derived: a digest is there
/// and its value is not.
pub fn entry(body: &[u8], hole: usize, private: &str, seal: Option<Seal>) -> Result<Value, DamagedEntry> {
    let private = Private::parse(private).map_err(|_| DamagedEntry)?;
    let mut entry = parse(body, hole)?;
    show(&mut entry, private);
    entry.remove("tenant_id");
    add_seal(&mut entry, seal);
    Ok(Value::Object(entry))
}

/// The members of the body, without `seq`.
pub(crate) fn parse(body: &[u8], hole: usize) -> Result<Map<String, Value>, DamagedEntry> {
    serde_json::from_slice(&crate::fill(body, hole, 0)).map_err(|_| DamagedEntry)
}

/// Puts the values in the place of their digests.
pub(crate) fn show(entry: &mut Map<String, Value>, mut private: Private) {
    let mut redacted = false;
    for field in PERSONAL {
        let Some(slot) = entry.get_mut(field).filter(|digest| !private::is_empty(digest)) else { continue };
        *slot = private.values.remove(field).unwrap_or_else(|| {
            redacted = true;
            if matches!(field, "changes" | "metadata") { Value::Object(Map::new()) } else { Value::Null }
        });
    }
    entry.insert("redacted".into(), redacted.into());
}

pub(crate) fn add_seal(entry: &mut Map<String, Value>, seal: Option<Seal>) {
    let hash = |hash: Option<[u8; 32]>| hash.map_or(Value::Null, |h| hex(&h).into());
    entry.insert("seq".into(), seal.map_or(Value::Null, |s| s.seq.into()));
    entry.insert("prev_hash".into(), hash(seal.and_then(|s| s.prev_hash)));
    entry.insert("hash".into(), hash(seal.map(|s| s.hash)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prepare, prepare::tests::*};
    use serde_json::json;

    #[test]
    fn shows_what_happened() {
        let p = prepare(&ctx(session()), created(5), [7; 32]);
        let seal = Seal { seq: 3, prev_hash: Some([1; 32]), hash: [2; 32] };
        let e = entry(&p.body, p.hole, &p.private, Some(seal)).unwrap();
        assert_eq!(e["actor_name"], "Ada Lovelace");
        assert_eq!(e["ip"], "192.0.2.7");
        assert_eq!(e["changes"]["email"], json!({ "before": null, "after": "grace@example.com" }));
        assert_eq!(e["metadata"]["score"], "1.5");
        assert_eq!((&e["seq"], &e["redacted"], &e["hash"]), (&json!(3), &json!(false), &json!("02".repeat(32))));
        assert_eq!(e.get("tenant_id"), None);
        assert_eq!(e["created_at"], "2026-11-22T09:21:44.120583Z");
    }

    #[test]
    fn an_unsealed_or_erased_entry_says_so() {
        let p = prepare(&ctx(session()), created(5), [7; 32]);
        let e = entry(&p.body, p.hole, "", None).unwrap();
        assert_eq!((&e["seq"], &e["hash"], &e["prev_hash"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!((&e["redacted"], &e["actor_name"], &e["changes"]), (&json!(true), &Value::Null, &json!({})));
        assert!(entry(b"{", 1, "", None).is_err() && entry(&p.body, 0, "", None).is_err());
        assert!(entry(&p.body, p.hole, "{}", None).is_err());
    }
}
