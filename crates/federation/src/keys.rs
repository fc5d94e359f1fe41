//! The keys that a provider publishes (RFC 7517), and what each of them may have signed: the algorithm comes from the key.
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use portcullis_domain::openid::Fault;
use portcullis_domain::outbound::Outbound;
use serde::Deserialize;
use serde_json::{Map, Value};

const WHAT: &str = "The provider's keys (jwks_uri)";
const MOST: usize = 256 * 1024;
/// So many keys of a set are looked at.
const KEYS: usize = 100;
/// The longest token that is read, in bytes.
pub const TOKEN: usize = 64 * 1024;

/// A public key with what it may have signed. No shared secret is ever one.
pub struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}
impl Key {
    /// Of a JWK; `None` for what is not served: another use, another type, a shared secret.
    fn of(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))) {
            return None;
        }
        use Algorithm::{ES256, ES384, EdDSA, PS256, RS256, RS384, RS512};
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256],
            AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P256 => vec![ES256],
            AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P384 => vec![ES384],
            AlgorithmParameters::OctetKeyPair(p) if p.curve == EllipticCurve::Ed25519 => vec![EdDSA],
            _ => return None,
        };
        if let Some(named) = jwk.common.key_algorithm {
            algorithms.retain(|a| named_as(*a) == named);
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self { id: jwk.common.key_id, algorithms, key })
    }
}
fn named_as(a: Algorithm) -> KeyAlgorithm {
    match a {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::RS384 => KeyAlgorithm::RS384,
        Algorithm::RS512 => KeyAlgorithm::RS512,
        Algorithm::PS256 => KeyAlgorithm::PS256,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        Algorithm::ES384 => KeyAlgorithm::ES384,
        Algorithm::EdDSA => KeyAlgorithm::EdDSA,
        _ => KeyAlgorithm::UNKNOWN_ALGORITHM,
    }
}

/// Asks for them. A key that is not understood is left out: others beside it count.
pub async fn fetch(http: &dyn Outbound, url: &str) -> Result<Vec<Key>, Fault> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = crate::document(http, WHAT, url, MOST).await?;
    Ok(of_set(set.keys))
}
fn of_set(keys: Vec<Value>) -> Vec<Key> {
    keys.into_iter().take(KEYS).filter_map(Key::of).collect()
}

/// A token whose signature has not been looked at.
pub struct Unproved<'a> {
    token: &'a str,
    algorithm: Algorithm,
    key: Option<String>,
}
impl<'a> Unproved<'a> {
    /// Reads the header.
    pub fn read(token: &'a str) -> Result<Self, Fault> {
        if token.len() > TOKEN {
            return Err(Fault::Token("The ID token is too long."));
        }
        // `none` is no algorithm here, so such a header does not read
        let header = decode_header(token).map_err(|_| Fault::Token("The ID token is no JWT of a known algorithm."))?;
        // what must be understood is not (RFC 7515 4.1.11)
        if header.crit.is_some() || header.typ.is_some_and(|t| !t.eq_ignore_ascii_case("JWT")) {
            return Err(Fault::Token("The ID token is of another type."));
        }
        Ok(Self { token, algorithm: header.alg, key: header.kid })
    }
    /// Is the key that it names none of these?
    pub fn is_of_none(&self, keys: &[Key]) -> bool {
        self.key.is_some() && !keys.iter().any(|k| k.id == self.key)
    }
    /// Its claims, if the key that it names signed it with an algorithm of that key.
    pub fn prove(&self, keys: &[Key]) -> Result<Map<String, Value>, Fault> {
        let named = keys.iter().filter(|k| self.key.is_none() || k.id == self.key);
        let mut fitting = named.filter(|k| k.algorithms.contains(&self.algorithm));
        let (Some(key), None) = (fitting.next(), fitting.next()) else {
            return Err(Fault::Token("No key of the provider is the one that the ID token is signed with."));
        };
        let mut validation = Validation::new(self.algorithm);
        // what it says is looked at in `claims.rs`, with our own clock
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let proved = decode::<Map<String, Value>>(self.token, &key.key, &validation);
        proved.map(|data| data.claims).map_err(|_| Fault::Token("The signature of the ID token does not hold."))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    fn pair() -> (Ed25519KeyPair, Value) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        (pair, json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x }))
    }
    fn sign(pair: &Ed25519KeyPair, header: &Value) -> String {
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", encode(header), encode(&json!({ "sub": "ada" })));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())))
    }
    fn prove(token: &str, keys: &[Key]) -> Result<Map<String, Value>, Fault> {
        Unproved::read(token)?.prove(keys)
    }

    #[test]
    fn sec_07_the_algorithm_comes_from_the_key() {
        let (pair, jwk) = pair();
        let keys = of_set(vec![jwk.clone()]);
        let good = sign(&pair, &json!({ "alg": "EdDSA", "kid": "k1", "typ": "JWT" }));
        assert_eq!(prove(&good, &keys).unwrap()["sub"], "ada");
        for bad in [
            json!({ "alg": "none", "kid": "k1" }),
            json!({ "alg": "HS256", "kid": "k1" }),
            json!({ "alg": "RS256", "kid": "k1" }),
            json!({ "alg": "ES256", "kid": "k1" }),
            json!({ "alg": "EdDSA", "kid": "k2" }),
            json!({ "alg": "EdDSA", "kid": "k1", "crit": ["b64"] }),
            json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" }),
        ] {
            assert!(prove(&sign(&pair, &bad), &keys).is_err(), "{bad}");
        }
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        for bad in [format!("{unsigned}."), unsigned.to_owned(), format!("{good}x"), String::new(), "a.b.c".into()] {
            assert!(prove(&bad, &keys).is_err(), "{bad}");
        }
        // a key that names its algorithm has no other, and one that encrypts signs nothing
        for (member, value) in [("alg", "ES256"), ("use", "enc"), ("crv", "P-256"), ("kty", "EC")] {
            let mut other = jwk.clone();
            other[member] = json!(value);
            assert!(prove(&good, &of_set(vec![other])).is_err(), "{member}={value}");
        }
    }

    #[test]
    fn sec_07_a_shared_secret_is_no_key() {
        assert!(of_set(vec![json!({ "kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256" })]).is_empty());
        assert_eq!(of_set(vec![json!(5), json!({ "kty": "new" }), pair().1]).len(), 1, "others beside it count");
    }

    #[test]
    fn a_token_without_a_key_id_has_the_only_key_that_fits() {
        let ((pair, a), (_, mut b)) = (pair(), pair());
        let token = sign(&pair, &json!({ "alg": "EdDSA" }));
        assert!(prove(&token, &of_set(vec![a.clone()])).is_ok());
        b["kid"] = json!("k2");
        assert!(prove(&token, &of_set(vec![a, b])).is_err());
    }
}
