//! The part of an entry that may be erased: the values behind the digests, and the salts that keep anyone from guessing them.
//!
//! Its text is canonical JSON. `{"actor_name":…,"salt":"…"}` as it was written, with one salt for all fields;
//! `{"metadata":…,"salts":{"metadata":"…"}}` when only some fields were erased: the one salt would let an erased name be
//! found by trying names; the empty string when all of it was erased (or there never was any).
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{PERSONAL, jcs};

/// The salt of an event, ready to give the salt of each field: HMAC-SHA256(salt, name of the field), RFC 2104.
pub(crate) struct Salt {
    inner: Sha256,
    outer: Sha256,
}
impl Salt {
    pub(crate) fn new(salt: &[u8; 32]) -> Self {
        let (mut inner, mut outer) = ([0x36; 64], [0x5c; 64]);
        for (i, b) in salt.iter().enumerate() {
            inner[i] ^= b;
            outer[i] ^= b;
        }
        // the two first blocks are hashed once for all six fields
        Self { inner: Sha256::new_with_prefix(inner), outer: Sha256::new_with_prefix(outer) }
    }
    pub(crate) fn of(&self, field: &str) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(field).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

/// What stands in the hashed body for a value.
pub(crate) fn digest(salt: &[u8; 32], canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(canonical).finalize().into()
}

/// Was there nothing to hide? Then the value stays as it is: `null`, or `{}` of `changes` and `metadata`.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The private part, read. What it holds is not yet compared with any digest.
#[derive(Debug, Default)]
pub(crate) struct Private {
    pub values: Map<String, Value>,
    /// For each of `values`.
    pub salts: Vec<(&'static str, [u8; 32])>,
}

/// The private text is not of our making.
#[derive(Debug)]
pub(crate) struct BadPrivate;

impl Private {
    pub(crate) fn parse(text: &str) -> Result<Self, BadPrivate> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut values: Map<String, Value> = serde_json::from_str(text).map_err(|_| BadPrivate)?;
        let mut canonical = String::with_capacity(text.len());
        jcs::write_map(&mut canonical, &values);
        if canonical != text {
            return Err(BadPrivate);
        }
        let salts = match (values.remove("salt"), values.remove("salts")) {
            (Some(salt), None) => {
                let salt = Salt::new(&read_salt(&salt)?);
                PERSONAL.into_iter().filter(|f| values.contains_key(*f)).map(|f| (f, salt.of(f))).collect()
            }
            (None, Some(Value::Object(salts))) => Self::read_salts(&salts)?,
            _ => return Err(BadPrivate),
        };
        Self { values, salts }.whole()
    }
    /// From the fields of an exported line.
    pub(crate) fn of(values: Map<String, Value>, salts: &Map<String, Value>) -> Result<Self, BadPrivate> {
        Self { values, salts: Self::read_salts(salts)? }.whole()
    }
    fn read_salts(salts: &Map<String, Value>) -> Result<Vec<(&'static str, [u8; 32])>, BadPrivate> {
        let known = |name: &String| PERSONAL.into_iter().find(|f| f == name).ok_or(BadPrivate);
        salts.iter().map(|(name, salt)| Ok((known(name)?, read_salt(salt)?))).collect()
    }
    /// Each value has its salt, and the other way round.
    fn whole(self) -> Result<Self, BadPrivate> {
        let each =
            self.values.len() == self.salts.len() && self.salts.iter().all(|(f, _)| self.values.contains_key(*f));
        if each { Ok(self) } else { Err(BadPrivate) }
    }
    pub(crate) fn salt(&self, field: &str) -> Option<&[u8; 32]> {
        self.salts.iter().find(|(f, _)| *f == field).map(|(_, salt)| salt)
    }
    /// The text with only these fields left.
    pub(crate) fn keep(mut self, fields: &[&str]) -> String {
        self.salts.retain(|(field, _)| fields.contains(field));
        if self.salts.is_empty() {
            return String::new();
        }
        let mut kept = Map::new();
        let mut salts = Map::new();
        for (field, salt) in &self.salts {
            if let Some(value) = self.values.remove(*field) {
                kept.insert((*field).into(), value);
                salts.insert((*field).into(), write_salt(salt).into());
            }
        }
        kept.insert("salts".into(), salts.into());
        jcs::to_string(&kept.into())
    }
}

pub(crate) fn write_salt(salt: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(salt)
}

fn read_salt(salt: &Value) -> Result<[u8; 32], BadPrivate> {
    let bytes = salt.as_str().and_then(|s| URL_SAFE_NO_PAD.decode(s).ok()).ok_or(BadPrivate)?;
    bytes.try_into().map_err(|_| BadPrivate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_s_salt_is_hmac_sha_256() {
        // as RFC 4231 would have it: compared with aws-lc's HMAC
        let mac = aws_lc_hmac(&[7; 32], b"metadata");
        assert_eq!(Salt::new(&[7; 32]).of("metadata"), mac);
    }

    fn aws_lc_hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
        // HMAC(K, m) = H(K ^ opad ‖ H(K ^ ipad ‖ m)), spelled out
        let pad = |b: u8| {
            let mut block = [b; 64];
            block.iter_mut().zip(key).for_each(|(block, key)| *block ^= key);
            block
        };
        let inner = portcullis_crypto::sha256(&[&pad(0x36)[..], message].concat());
        portcullis_crypto::sha256(&[&pad(0x5c)[..], &inner].concat())
    }
}
