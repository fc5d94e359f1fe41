//! Keys of machines: an RSA pair whose private half its holder sees once, and the short-lived JWTs that are signed with it
//! (RFC 7523, spec v1beta1 3.10).
//!
//! The algorithm is that of the key. A token's header is compared with it and chooses nothing (RFC 8725 3.1).
use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_domain::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::signing::MAX_TOKEN;
use crate::token::Raw;

/// A JWT may live this long at most, in seconds (decision 14).
pub const LONGEST: i64 = 3_600;
/// So far the clocks of machines may be off, in seconds.
const SKEW: i64 = 60;
const ALGORITHM: &str = "RS256";

/// A pair that was just made.
#[derive(Debug)]
pub struct NewMachineKey {
    /// PKCS #8 in PEM. Shown once.
    pub private: Raw,
    /// What is stored.
    pub public: PublicKey,
}
impl NewMachineKey {
    /// Makes a 2048-bit pair. It takes a core for tenths of a second, and its randomness is the library's own.
    pub fn generate(id: Uuid) -> Result<Self, BadMachineKey> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| BadMachineKey)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BadMachineKey)?;
        let (n, e) = components(pair.public_key().as_ref()).ok_or(BadMachineKey)?;
        let public = PublicKey { id: id.to_string(), n: n.to_vec(), e: e.to_vec() };
        Ok(Self { private: pem("PRIVATE KEY", private.as_ref()), public })
    }
}

/// The bytes or the text are no key that is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA key of a machine")]
pub struct BadMachineKey;

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> Raw {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut out = String::with_capacity(body.len() + body.len() / 64 + 64);
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    Raw::new(out)
}

/// Modulus and exponent of a DER `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 A.1.1).
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inside, _) = element(der, 0x30)?;
    let (n, rest) = element(inside, 0x02)?;
    let (e, _) = element(rest, 0x02)?;
    Some((positive(n), positive(e)))
}
/// One DER element of this tag, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
        }
        _ => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}
fn positive(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|b| **b == 0).count();
    &integer[zeros..]
}

/// The public half of a machine's key.
#[derive(Clone)]
pub struct PublicKey {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
}
impl PublicKey {
    /// Reads a JWK (RFC 7517). Only RSA for RS256 is served.
    pub fn parse(jwk: &str) -> Result<Self, BadMachineKey> {
        #[derive(Deserialize)]
        struct Jwk {
            kty: String,
            #[serde(default)]
            alg: Option<String>,
            kid: String,
            n: String,
            e: String,
        }
        let jwk: Jwk = serde_json::from_str(jwk).map_err(|_| BadMachineKey)?;
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| BadMachineKey);
        if jwk.kty != "RSA" || jwk.alg.is_some_and(|alg| alg != ALGORITHM) {
            return Err(BadMachineKey);
        }
        // 2,048 to 8,192 bits are verified; what is longer is not even decoded
        if jwk.n.len() > 1_400 || jwk.e.len() > 16 {
            return Err(BadMachineKey);
        }
        let (n, e) = (positive(&number(&jwk.n)?).to_vec(), positive(&number(&jwk.e)?).to_vec());
        if !(256..=1_024).contains(&n.len()) || !(1..=4).contains(&e.len()) {
            return Err(BadMachineKey);
        }
        Ok(Self { id: jwk.kid, n, e })
    }
    /// Its id: the credential's.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// As a JWK.
    pub fn jwk(&self) -> Value {
        serde_json::json!({
            "kty": "RSA", "alg": ALGORITHM, "use": "sig", "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(&self.n), "e": URL_SAFE_NO_PAD.encode(&self.e),
        })
    }
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKeyComponents { n: &self.n, e: &self.e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// Why an assertion was refused. For the log; its holder is only told that it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JWT with a key id, an id of its own, and an end.
    #[error("not an assertion of a service user")]
    Malformed,
    /// `alg` is not that of the key: `none`, or an attempt at key confusion.
    #[error("the algorithm is not that of the key")]
    WrongAlgorithm,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// `aud` is someone else.
    #[error("made for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the assertion has expired")]
    Expired,
    /// `exp` is more than an hour ahead.
    #[error("the assertion lives too long")]
    TooLong,
    /// `nbf` or `iat` is still to come.
    #[error("the assertion is not valid yet")]
    NotYet,
}

/// A JWT that a machine made, before its signature was looked at. All that may be done with it then is to find its key.
pub struct Assertion<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: String,
    key: Uuid,
    claims: Claims,
}
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    kid: Option<String>,
    jti: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    aud: Option<Audience>,
}
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}
impl<'a> Assertion<'a> {
    /// Reads a compact JWS. The key is named by the claim `kid`, as Frontier's clients write it, or by the header's (RFC 7515
    /// 4.1.4); where both are there they agree.
    pub fn read(token: &'a str) -> Result<Self, AssertionError> {
        const BAD: AssertionError = AssertionError::Malformed;
        if token.len() > MAX_TOKEN {
            return Err(BAD);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(BAD)?;
        let (header, claims) = signed.split_once('.').ok_or(BAD)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| BAD);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| BAD)?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| BAD)?;
        let named = match (&claims.kid, &header.kid) {
            (Some(a), Some(b)) if a != b => return Err(BAD),
            (Some(kid), _) | (None, Some(kid)) => kid,
            (None, None) => return Err(BAD),
        };
        let key = Uuid::try_parse(named).map_err(|_| BAD)?;
        // what must be understood is not (RFC 7515 4.1.11); tokens of another type are for something else
        let other = header.typ.as_deref().is_some_and(|t| !t.eq_ignore_ascii_case("JWT"));
        if header.crit.is_some() || other || claims.jti.is_empty() || claims.jti.len() > 255 {
            return Err(BAD);
        }
        Ok(Self { signed, signature: decode(signature)?, algorithm: header.alg, key, claims })
    }
    /// The key that it says it was signed with.
    pub const fn key(&self) -> Uuid {
        self.key
    }
    /// Proves it; what it says is looked at only after the signature held. `aud` need not be there; if it is, it must name one
    /// of these. Answers when it ends.
    pub fn verify(&self, key: &PublicKey, audiences: &[&str], now: Timestamp) -> Result<Timestamp, AssertionError> {
        if self.algorithm != ALGORITHM {
            return Err(AssertionError::WrongAlgorithm);
        }
        if !key.verify(self.signed.as_bytes(), &self.signature) {
            return Err(AssertionError::BadSignature);
        }
        let c = &self.claims;
        let ours = |aud: &String| audiences.contains(&aud.as_str());
        let for_us = match &c.aud {
            None => true,
            Some(Audience::One(aud)) => ours(aud),
            Some(Audience::Many(all)) => all.iter().any(ours),
        };
        let at = now.seconds() as f64;
        let to_come = |moment: Option<f64>| moment.is_some_and(|m| m > at + SKEW as f64);
        if !for_us {
            Err(AssertionError::WrongAudience)
        } else if c.exp <= at {
            Err(AssertionError::Expired)
        } else if c.exp > at + (LONGEST + SKEW) as f64 {
            Err(AssertionError::TooLong)
        } else if to_come(c.nbf) || to_come(c.iat) {
            Err(AssertionError::NotYet)
        } else {
            Ok(Timestamp::from_micros((c.exp * 1e6) as i64))
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::LazyLock;

    use super::*;

    const NOW: i64 = 1_795_339_304;
    const KEY: Uuid = Uuid::from_u128(7);
    static PAIR: LazyLock<NewMachineKey> = LazyLock::new(|| NewMachineKey::generate(KEY).unwrap());

    fn der(private: &Raw) -> Vec<u8> {
        let lines: Vec<&str> = private.expose().lines().filter(|l| !l.starts_with("-----")).collect();
        STANDARD.decode(lines.concat()).unwrap()
    }
    fn sign(pair: &NewMachineKey, header: &Value, claims: &Value) -> String {
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let key = RsaKeyPair::from_pkcs8(&der(&pair.private)).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
    fn claims() -> Value {
        json!({ "kid": KEY, "jti": "a", "iat": NOW, "exp": NOW + 3_600, "sub": "anything" })
    }
    fn verify(token: &str) -> Result<i64, AssertionError> {
        let now = Timestamp::from_micros(NOW * 1_000_000);
        Assertion::read(token)?.verify(&PAIR.public, &["portcullis", "https://id"], now).map(Timestamp::seconds)
    }
    fn with(name: &str, value: Value) -> Result<i64, AssertionError> {
        let mut claims = claims();
        claims[name] = value;
        verify(&sign(&PAIR, &json!({ "alg": "RS256", "typ": "JWT" }), &claims))
    }

    #[test]
    fn an_assertion_is_read_with_the_key_as_it_is_stored() {
        let stored = PublicKey::parse(&PAIR.public.jwk().to_string()).unwrap();
        assert_eq!((stored.id(), stored.jwk()), (PAIR.public.id(), PAIR.public.jwk()));
        assert_eq!((stored.n.len(), &*stored.e), (256, &[1, 0, 1][..]));
        let token = sign(&PAIR, &json!({ "alg": "RS256" }), &claims());
        let read = Assertion::read(&token).unwrap();
        assert_eq!(read.key(), KEY);
        assert_eq!(
            read.verify(&stored, &[], Timestamp::from_micros(NOW * 1_000_000)).map(Timestamp::seconds),
            Ok(NOW + 3_600)
        );
        assert!(PAIR.private.expose().starts_with("-----BEGIN PRIVATE KEY-----\nMII"));
        assert!(PAIR.private.expose().lines().all(|l| l.len() <= 64));
    }

    #[test]
    fn the_key_is_named_in_the_claims_or_in_the_header() {
        let mut bare = claims();
        bare.as_object_mut().unwrap().remove("kid");
        assert!(verify(&sign(&PAIR, &json!({ "alg": "RS256", "kid": KEY }), &bare)).is_ok());
        assert_eq!(verify(&sign(&PAIR, &json!({ "alg": "RS256" }), &bare)), Err(AssertionError::Malformed));
        let other = json!({ "alg": "RS256", "kid": Uuid::from_u128(8) });
        assert_eq!(verify(&sign(&PAIR, &other, &claims())), Err(AssertionError::Malformed));
        assert_eq!(with("kid", json!("../../etc/passwd")), Err(AssertionError::Malformed));
    }

    #[test]
    fn sec_07_the_algorithm_is_the_keys() {
        let body = URL_SAFE_NO_PAD.encode(claims().to_string());
        for alg in ["none", "HS256", "RS512", "PS256", "rs256", ""] {
            let header = json!({ "alg": alg });
            assert_eq!(verify(&sign(&PAIR, &header, &claims())), Err(AssertionError::WrongAlgorithm), "{alg}");
            let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(verify(&unsigned), Err(AssertionError::WrongAlgorithm), "{alg}");
        }
        // the public key as a secret
        let public = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, PAIR.public.jwk().to_string().as_bytes());
        let signed = format!("{}.{body}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
        let tag = aws_lc_rs::hmac::sign(&public, signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(verify(&token), Err(AssertionError::WrongAlgorithm));
        assert_eq!(
            PublicKey::parse(r#"{"kty":"oct","kid":"a","k":"AA","n":"AA","e":"AQAB"}"#).err(),
            Some(BadMachineKey)
        );
    }

    #[test]
    fn sec_07_a_foreign_key_and_a_changed_token_are_refused() {
        let header = json!({ "alg": "RS256" });
        let other = NewMachineKey::generate(KEY).unwrap();
        assert_eq!(verify(&sign(&other, &header, &claims())), Err(AssertionError::BadSignature));
        let token = sign(&PAIR, &header, &claims());
        for i in (0..token.len()).step_by(7) {
            let c = if token.as_bytes()[i] == b'A' { "B" } else { "A" };
            assert!(verify(&format!("{}{c}{}", &token[..i], &token[i + 1..])).is_err(), "character {i}");
        }
        for cut in ["", ".", "..", &token[..token.len() - 2], &format!("{token}.")] {
            assert!(verify(cut).is_err(), "{cut}");
        }
        for header in [json!({ "alg": "RS256", "crit": ["b64"] }), json!({ "alg": "RS256", "typ": "at+jwt" })] {
            assert_eq!(verify(&sign(&PAIR, &header, &claims())), Err(AssertionError::Malformed));
        }
    }

    #[test]
    fn sec_07_audience_and_times_are_checked() {
        assert_eq!(with("aud", json!("portcullis")), Ok(NOW + 3_600));
        assert_eq!(with("aud", json!(["other", "https://id"])), Ok(NOW + 3_600));
        assert_eq!(with("aud", json!("other")), Err(AssertionError::WrongAudience));
        assert_eq!(with("aud", json!([])), Err(AssertionError::WrongAudience));
        assert_eq!(with("aud", json!(7)), Err(AssertionError::Malformed));
        assert_eq!(with("exp", json!(NOW)), Err(AssertionError::Expired));
        assert_eq!(with("exp", json!(NOW + 1)), Ok(NOW + 1));
        assert_eq!(with("exp", json!(NOW + 3_661)), Err(AssertionError::TooLong));
        assert_eq!(with("exp", json!(f64::MAX)), Err(AssertionError::TooLong));
        assert_eq!(with("exp", Value::Null), Err(AssertionError::Malformed));
        assert_eq!(with("nbf", json!(NOW + 61)), Err(AssertionError::NotYet));
        assert_eq!(with("iat", json!(NOW + 61)), Err(AssertionError::NotYet));
        assert_eq!(with("iat", json!(NOW + 59)), Ok(NOW + 3_600));
        assert_eq!(with("jti", json!("")), Err(AssertionError::Malformed));
    }

    #[test]
    fn sec_18_debug_shows_no_secret() {
        assert_eq!(format!("{:?}", *PAIR), format!("NewMachineKey {{ private: Raw(…), public: PublicKey({KEY}) }}"));
    }

    proptest! {
        #[test]
        fn reading_anything_never_panics(s in "[A-Za-z0-9_.-]{0,200}|\\PC{0,60}", der in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Assertion::read(&s);
            let _ = PublicKey::parse(&s);
            let _ = components(&der);
        }
    }
}
