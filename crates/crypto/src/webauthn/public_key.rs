//! The key of a credential: a COSE key (RFC 9052 7, RFC 9053 2 and 7, RFC 8812 2) of one of three kinds.
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use minicbor::Decoder;

use super::Refusal;
use super::authenticator_data::malformed;

/// The algorithms that are asked for, the one that all authenticators have first. Windows Hello still makes RS256.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// What the answers of one credential are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    cose: Vec<u8>,
    key: Key,
}
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// An uncompressed point.
    Es256([u8; 65]),
    EdDsa([u8; 32]),
    Rs256 {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a COSE key, of an authenticator or as it was kept. Its algorithm is the key's own, never an answer's (checklist 7).
    pub fn parse(cose: &[u8]) -> Result<Self, Refusal> {
        Ok(Self { cose: cose.to_vec(), key: read(cose)? })
    }
    /// As it was read, to be kept.
    pub fn cose(&self) -> &[u8] {
        &self.cose
    }
    /// Was this signed with it?
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Key::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Key::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        }
        .is_ok()
    }
}

/// The members of a COSE key that are read: by their labels, which mean something else in each kind.
#[derive(Default)]
struct Members<'a> {
    kty: Option<i64>,
    alg: Option<i64>,
    crv: Option<i64>,
    /// `x`, or the exponent of RSA.
    second: Option<&'a [u8]>,
    /// `y`.
    third: Option<&'a [u8]>,
    /// The modulus of RSA, which stands where others have the curve.
    modulus: Option<&'a [u8]>,
}
fn members(cose: &[u8]) -> Result<Members<'_>, Refusal> {
    let mut cbor = Decoder::new(cose);
    let count = cbor.map().map_err(malformed)?.ok_or(Refusal::Malformed)?;
    let mut m = Members::default();
    for _ in 0..count {
        let number = |slot: &mut Option<i64>, cbor: &mut Decoder<'_>| {
            let value = cbor.i64().map_err(malformed)?;
            if slot.replace(value).is_some() { Err(Refusal::Malformed) } else { Ok(()) }
        };
        match cbor.i64().map_err(malformed)? {
            1 => number(&mut m.kty, &mut cbor)?,
            3 => number(&mut m.alg, &mut cbor)?,
            -1 if cbor.probe().bytes().is_ok() => once(&mut m.modulus, cbor.bytes())?,
            -1 => number(&mut m.crv, &mut cbor)?,
            -2 => once(&mut m.second, cbor.bytes())?,
            -3 => once(&mut m.third, cbor.bytes())?,
            _ => return Err(Refusal::Malformed),
        }
    }
    if cbor.position() == cose.len() { Ok(m) } else { Err(Refusal::Malformed) }
}
fn once<'a>(slot: &mut Option<&'a [u8]>, value: Result<&'a [u8], minicbor::decode::Error>) -> Result<(), Refusal> {
    if slot.replace(value.map_err(malformed)?).is_some() { Err(Refusal::Malformed) } else { Ok(()) }
}

fn read(cose: &[u8]) -> Result<Key, Refusal> {
    match members(cose)? {
        Members { kty: Some(2), alg: Some(ES256), crv: Some(1), second: Some(x), third: Some(y), modulus: None } => {
            let point = [&[4], x, y].concat();
            let point = <[u8; 65]>::try_from(point).ok().filter(|_| x.len() == 32).ok_or(Refusal::Malformed)?;
            // a point that is not on the curve verifies nothing
            ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| Refusal::Malformed)?;
            Ok(Key::Es256(point))
        }
        Members { kty: Some(1), alg: Some(EDDSA), crv: Some(6), second: Some(x), third: None, modulus: None } => {
            Ok(Key::EdDsa(x.try_into().map_err(|_| Refusal::Malformed)?))
        }
        Members { kty: Some(3), alg: Some(RS256), crv: None, second: Some(e), third: None, modulus: Some(n) } => {
            // less than 2,048 bits are too few, more than 8,192 too slow
            if !(256..=1_024).contains(&n.len()) || e.is_empty() || e.len() > 4 {
                return Err(Refusal::Algorithm);
            }
            Ok(Key::Rs256 { n: n.to_vec(), e: e.to_vec() })
        }
        _ => Err(Refusal::Algorithm),
    }
}
