//! One Ed25519 key (RFC 8032): its public half as a JWK (RFC 7517, 8037), its private half wrapped for the store.
use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::port::Random;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::seal::{MasterKey, OpenError};

/// The bytes are no Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key")]
pub struct BadKey;

/// Why a wrapped signing key could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// It did not open with this master key.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What it held is no key, or not the one that its id names.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// The algorithm that a key is for. It is a property of the key; what a token's header says is compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037 3.1).
    EdDsa,
}
impl Algorithm {
    /// Its name in `alg` (RFC 7518 3.1, RFC 8037).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The public half: checks signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    id: String,
    public: [u8; 32],
    parsed: ParsedPublicKey,
}
impl VerifyingKey {
    /// A key of these 32 bytes (RFC 8032 5.1.5).
    pub fn new(public: [u8; 32]) -> Result<Self, BadKey> {
        let parsed = ParsedPublicKey::new(&ED25519, public).map_err(|_| BadKey)?;
        Ok(Self { id: thumbprint(&public), public, parsed })
    }
    /// Reads the bytes in base64url, as the JWKS and `keys[].public_key` carry them.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| BadKey)?;
        Self::new(bytes.try_into().map_err(|_| BadKey)?)
    }
    /// Its id: the JWK thumbprint (RFC 7638, with SHA-256) in base64url.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// The raw bytes.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }
    /// The raw bytes in base64url.
    pub fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public)
    }
    /// What it is for.
    pub const fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }
    /// Did the private half sign this?
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
    /// As a JWK with the fields of this key type only (RFC 8037 2).
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "x": self.public_text(),
            "alg": self.algorithm().as_str(), "use": "sig", "kid": self.id,
        })
    }
}
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id)
    }
}

/// RFC 7638 3.2: the required members only, sorted, without white space.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    URL_SAFE_NO_PAD.encode(crate::sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()))
}

/// Both halves: signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifying: VerifyingKey,
}
impl SigningKey {
    /// A fresh key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        random.fill(&mut *seed);
        match Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| BadKey).and_then(Self::of) {
            Ok(key) => key,
            Err(BadKey) => unreachable!("any 32 bytes are an Ed25519 seed (RFC 8032 5.1.5)"),
        }
    }
    /// Reads a private key in PKCS #8 (RFC 8410 7).
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadKey> {
        Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| BadKey).and_then(Self::of)
    }
    fn of(pair: Ed25519KeyPair) -> Result<Self, BadKey> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadKey)?;
        Ok(Self { verifying: VerifyingKey::new(public)?, pair })
    }
    /// The private half in PKCS #8, encrypted with the master key, for the store. It opens only under this key's id.
    pub fn wrap(&self, master: &MasterKey, random: &dyn Random) -> Vec<u8> {
        let Ok(pkcs8) = self.pair.to_pkcs8() else { unreachable!("a key pair that was made can be written") };
        master.seal(&wrap_aad(self.id()), pkcs8.as_ref(), random)
    }
    /// Reads a private half that was wrapped; `id` is the id under which it was stored.
    pub fn unwrap(master: &MasterKey, id: &str, wrapped: &[u8]) -> Result<Self, UnwrapError> {
        let key = Self::from_pkcs8(&master.open(&wrap_aad(id), wrapped)?)?;
        if key.id() == id { Ok(key) } else { Err(BadKey.into()) }
    }
    /// Its id.
    pub fn id(&self) -> &str {
        &self.verifying.id
    }
    /// The public half.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }
    /// A detached signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

fn wrap_aad(id: &str) -> Vec<u8> {
    [b"portcullis-signing-key-1\0", id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random::OsRandom, seal::Key};
    use proptest::prelude::*;

    #[test]
    fn the_thumbprint_of_rfc_8037_appendix_a() {
        let key = VerifyingKey::parse("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(
            key.jwk(),
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "alg": "EdDSA", "use": "sig", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            })
        );
        // RFC 8037 A.4
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert!(key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()));
    }

    #[test]
    fn a_wrapped_key_opens_under_its_own_id_and_master_key_only() {
        let master = MasterKey::new(*b"0123456789abcdef0123456789abcdef");
        let key = SigningKey::generate(&OsRandom);
        let wrapped = key.wrap(&master, &OsRandom);
        let again = SigningKey::unwrap(&master, key.id(), &wrapped).unwrap();
        assert_eq!(again.sign(b"message"), key.sign(b"message"));
        assert!(key.verifying().verify(b"message", &again.sign(b"message")));
        assert!(!key.verifying().verify(b"massage", &again.sign(b"message")));
        let other = SigningKey::generate(&OsRandom);
        assert_eq!(SigningKey::unwrap(&master, other.id(), &wrapped).unwrap_err(), OpenError::NotAuthentic.into());
        let elsewhere = MasterKey::new(*b"another-key-another-key-another-");
        assert!(SigningKey::unwrap(&elsewhere, key.id(), &wrapped).is_err());
        // a data key is no signing key
        let data = master.wrap(key.id().as_bytes(), &Key::generate(&OsRandom), &OsRandom);
        assert!(SigningKey::unwrap(&master, key.id(), &data).is_err());
    }

    proptest! {
        #[test]
        fn reading_anything_never_panics(s in "[A-Za-z0-9_.-]{0,200}|\\PC{0,60}") {
            let _ = VerifyingKey::parse(&s);
        }
    }
}
