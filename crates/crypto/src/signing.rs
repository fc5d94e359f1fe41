//! Ed25519 (RFC 8032) keys, access tokens, the JWKS that publishes the keys, and detached signatures for audit checkpoints.
//!
//! Tokens are compact JWS (RFC 7515 3.1), written and read here with aws-lc-rs rather than through `jsonwebtoken`: that
//! library reads the system's clock itself when it checks `exp` and `nbf` (ours is a port), and it looks at the algorithm
//! that the header names before it looks at the key. What is left of JWS for one algorithm and three header fields is a
//! page of code that refuses everything else.
use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::{Timestamp, port::Random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seal::{MasterKey, OpenError};

/// A longer token is refused unread.
pub const MAX_TOKEN: usize = 8_192;

const TYPE: &str = "at+jwt";

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
        master.key().seal(&wrap_aad(self.id()), pkcs8.as_ref(), random)
    }
    /// Reads a private half that was wrapped; `id` is the id under which it was stored.
    pub fn unwrap(master: &MasterKey, id: &str, wrapped: &[u8]) -> Result<Self, UnwrapError> {
        let key = Self::from_pkcs8(&master.key().open(&wrap_aad(id), wrapped)?)?;
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

/// Whom a token speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectType {
    /// A person.
    #[serde(rename = "app/user")]
    User,
    /// A machine.
    #[serde(rename = "app/serviceuser")]
    ServiceUser,
    /// A personal access token.
    #[serde(rename = "app/pat")]
    Pat,
}

/// `gen`: who made the token. There is one value; another does not parse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// This server.
    #[default]
    #[serde(rename = "system")]
    System,
}

/// What an access token says (spec v1 9.6, decision 12; RFC 9068 2.2). Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The public URL of the server.
    pub iss: String,
    /// The user.
    pub sub: Uuid,
    /// `portcullis`, or what is configured.
    pub aud: String,
    /// Good until, exclusive.
    pub exp: i64,
    /// Made at.
    pub iat: i64,
    /// Good from, inclusive.
    pub nbf: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Effective roles at issue. They inform others: the server itself looks at the session.
    pub roles: Vec<String>,
    /// The session.
    pub sid: Uuid,
    /// How the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// When.
    pub auth_time: i64,
    /// `system`.
    #[serde(rename = "gen")]
    pub generation: Generation,
    /// `app/user`.
    pub sub_type: SubjectType,
    /// Only where asked for on /v1beta1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Comma list of organization ids, only where asked for on /v1beta1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_ids: Option<String>,
}

/// Our header has these three fields and no other; above all no `crit`, `jwk`, `jku`, `x5u` (RFC 8725 3.1, 3.10).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// Why a token was refused. For the log; its holder is only told that it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN`].
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts with a header and claims of ours.
    #[error("not an access token of this server")]
    Malformed,
    /// `typ` is not `at+jwt`: a token made for something else (RFC 9068 4).
    #[error("the token is of another type")]
    WrongType,
    /// `kid` names no key of ours.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// `alg` is not that of the key: `none`, or an attempt at key confusion (RFC 8725 2.1).
    #[error("the algorithm is not that of the key")]
    WrongAlgorithm,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// `iss` is someone else.
    #[error("made by another issuer")]
    WrongIssuer,
    /// `aud` is someone else.
    #[error("made for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
}

/// What a token must say to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The only issuer.
    pub issuer: &'a str,
    /// The only audience.
    pub audience: &'a str,
    /// This moment; there is no leeway, since the server's own clock made the token.
    pub now: Timestamp,
}

/// The keys of a server: one signs, and every one that may have signed a token that still lives verifies.
#[derive(Debug)]
pub struct KeyRing {
    signing: SigningKey,
    verifying: Vec<VerifyingKey>,
}
impl KeyRing {
    /// A ring that signs with `signing` and accepts that and `others`: the next key before it signs, the last ones until
    /// their tokens are gone.
    pub fn new(signing: SigningKey, others: Vec<VerifyingKey>) -> Self {
        let mut verifying = vec![signing.verifying.clone()];
        for key in others {
            if verifying.iter().all(|k| k.id != key.id) {
                verifying.push(key);
            }
        }
        Self { signing, verifying }
    }
    /// The key that signs.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }
    /// The keys that are accepted.
    pub fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }
    /// `/.well-known/jwks.json` (RFC 7517 5).
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.verifying.iter().map(VerifyingKey::jwk).collect::<Vec<_>>() })
    }
    /// Makes a token.
    pub fn issue(&self, claims: &Claims) -> String {
        let header = Header { alg: self.signing.verifying.algorithm().as_str(), typ: TYPE, kid: self.signing.id() };
        let mut token = String::with_capacity(1_024);
        for part in [serde_json::to_vec(&header), serde_json::to_vec(claims)] {
            let Ok(json) = part else { unreachable!("strings, numbers and lists of them are JSON") };
            if !token.is_empty() {
                token.push('.');
            }
            URL_SAFE_NO_PAD.encode_string(json, &mut token);
        }
        let signature = self.signing.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
    /// Reads a token. The key is chosen by `kid` among ours, the algorithm by the key; the claims are looked at only after
    /// the signature held (RFC 8725 3.1).
    pub fn verify(&self, token: &str, expect: Expect<'_>) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let (header, signature) = (decode(header)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.typ != TYPE {
            return Err(TokenError::WrongType);
        }
        let key = self.verifying.iter().find(|k| k.id == header.kid).ok_or(TokenError::UnknownKey)?;
        if header.alg != key.algorithm().as_str() {
            return Err(TokenError::WrongAlgorithm);
        }
        if !key.verify(signed.as_bytes(), &signature) {
            return Err(TokenError::BadSignature);
        }
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)?;
        let now = expect.now.seconds();
        if claims.iss != expect.issuer {
            Err(TokenError::WrongIssuer)
        } else if claims.aud != expect.audience {
            Err(TokenError::WrongAudience)
        } else if now >= claims.exp {
            Err(TokenError::Expired)
        } else if now < claims.nbf || now < claims.iat {
            Err(TokenError::NotYet)
        } else {
            Ok(claims)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random::OsRandom, seal::Key};
    use proptest::prelude::*;

    const NOW: i64 = 1_795_339_304;

    fn claims() -> Claims {
        Claims {
            iss: "https://id.example.com".into(),
            sub: Uuid::from_u128(1),
            aud: "portcullis".into(),
            exp: NOW + 3_600,
            iat: NOW,
            nbf: NOW,
            jti: Uuid::from_u128(2),
            tenant_id: Uuid::from_u128(3),
            roles: vec!["user".into(), "admin".into()],
            sid: Uuid::from_u128(4),
            amr: vec!["pwd".into()],
            auth_time: NOW,
            generation: Generation::System,
            sub_type: SubjectType::User,
            email: None,
            org_ids: None,
        }
    }
    fn at(now: i64) -> Expect<'static> {
        Expect {
            issuer: "https://id.example.com",
            audience: "portcullis",
            now: Timestamp::from_micros(now * 1_000_000),
        }
    }
    fn ring() -> KeyRing {
        KeyRing::new(SigningKey::generate(&OsRandom), vec![])
    }
    /// A token with any header and claims, properly signed.
    fn forge(key: &SigningKey, header: &Value, claims: &impl Serialize) -> String {
        let claims = serde_json::to_vec(claims).unwrap();
        let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(key.sign(body.as_bytes())))
    }
    fn header(ring: &KeyRing) -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": ring.signing().id() })
    }

    #[test]
    fn a_token_is_read_back_until_it_ends() {
        let ring = ring();
        let token = ring.issue(&claims());
        assert_eq!(ring.verify(&token, at(NOW)), Ok(claims()));
        assert_eq!(ring.verify(&token, at(NOW + 3_599)), Ok(claims()));
        assert_eq!(ring.verify(&token, at(NOW + 3_600)), Err(TokenError::Expired));
        assert_eq!(ring.verify(&token, at(NOW - 1)), Err(TokenError::NotYet));
        let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&head).unwrap(), header(&ring));
        assert_eq!(forge(ring.signing(), &header(&ring), &claims()).len(), token.len());
    }

    #[test]
    fn sec_07_alg_none_is_refused() {
        let ring = ring();
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap());
        for alg in ["none", "None", "NONE", ""] {
            let head =
                URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": TYPE, "kid": ring.signing().id() }).to_string());
            assert_eq!(ring.verify(&format!("{head}.{claims}."), at(NOW)), Err(TokenError::WrongAlgorithm));
        }
        let bare = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(ring.verify(&format!("{bare}.{claims}."), at(NOW)), Err(TokenError::Malformed));
    }

    #[test]
    fn sec_07_hs256_with_the_public_key_is_refused() {
        let ring = ring();
        let public = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, ring.signing().verifying().public());
        let head = json!({ "alg": "HS256", "typ": TYPE, "kid": ring.signing().id() });
        let body = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head.to_string()),
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap())
        );
        let tag = aws_lc_rs::hmac::sign(&public, body.as_bytes());
        let token = format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(ring.verify(&token, at(NOW)), Err(TokenError::WrongAlgorithm));
    }

    #[test]
    fn sec_07_a_header_that_is_not_ours_is_refused_even_if_signed() {
        let ring = ring();
        let with = |key: &str, value: Value| {
            let mut head = header(&ring);
            head[key] = value;
            ring.verify(&forge(ring.signing(), &head, &claims()), at(NOW)).unwrap_err()
        };
        assert_eq!(with("typ", json!("JWT")), TokenError::WrongType);
        assert_eq!(with("typ", json!("AT+JWT")), TokenError::WrongType);
        assert_eq!(with("kid", json!("../../etc/passwd")), TokenError::UnknownKey);
        assert_eq!(with("kid", json!(7)), TokenError::Malformed);
        assert_eq!(with("alg", json!("Ed25519")), TokenError::WrongAlgorithm);
        assert_eq!(with("crit", json!(["b64"])), TokenError::Malformed);
        assert_eq!(with("jwk", ring.signing().verifying().jwk()), TokenError::Malformed);
    }

    #[test]
    fn sec_07_a_foreign_key_is_refused() {
        let (ours, theirs) = (ring(), ring());
        assert_eq!(ours.verify(&theirs.issue(&claims()), at(NOW)), Err(TokenError::UnknownKey));
        let posing = forge(theirs.signing(), &header(&ours), &claims());
        assert_eq!(ours.verify(&posing, at(NOW)), Err(TokenError::BadSignature));
    }

    #[test]
    fn sec_07_a_tampered_token_is_refused() {
        let ring = ring();
        let token = ring.issue(&claims());
        for i in 0..token.len() {
            let c = if token.as_bytes()[i] == b'A' { "B" } else { "A" };
            assert!(ring.verify(&format!("{}{c}{}", &token[..i], &token[i + 1..]), at(NOW)).is_err(), "character {i}");
        }
        for cut in ["", ".", "..", "...", &token[..token.len() - 1], &format!("{token}."), &format!("{token}A")] {
            assert!(ring.verify(cut, at(NOW)).is_err(), "{cut}");
        }
    }

    #[test]
    fn sec_07_issuer_audience_and_times_are_checked() {
        let ring = ring();
        let verify = |change: fn(&mut Claims)| {
            let mut claims = claims();
            change(&mut claims);
            ring.verify(&ring.issue(&claims), at(NOW)).map(drop)
        };
        assert_eq!(verify(|_| ()), Ok(()));
        assert_eq!(verify(|c| c.iss.push('/')), Err(TokenError::WrongIssuer));
        assert_eq!(verify(|c| c.aud = "other".into()), Err(TokenError::WrongAudience));
        assert_eq!(verify(|c| c.exp = NOW), Err(TokenError::Expired));
        assert_eq!(verify(|c| c.nbf = NOW + 1), Err(TokenError::NotYet));
        assert_eq!(verify(|c| c.iat = NOW + 1), Err(TokenError::NotYet));
    }

    #[test]
    fn sec_07_claims_must_be_whole() {
        let ring = ring();
        let whole = serde_json::to_value(claims()).unwrap();
        for key in whole.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(key);
            let token = forge(ring.signing(), &header(&ring), &less);
            assert_eq!(ring.verify(&token, at(NOW)), Err(TokenError::Malformed), "without {key}");
        }
        let mut other = whole;
        other["gen"] = json!("user");
        let token = forge(ring.signing(), &header(&ring), &other);
        assert_eq!(ring.verify(&token, at(NOW)), Err(TokenError::Malformed));
    }

    #[test]
    fn sec_07_an_overlong_token_is_refused_unread() {
        let ring = ring();
        let mut claims = claims();
        claims.roles = vec!["r".repeat(100); 100];
        assert_eq!(ring.verify(&ring.issue(&claims), at(NOW)), Err(TokenError::TooLong));
    }

    #[test]
    fn sec_18_keys_rotate_without_downtime() {
        let old = ring();
        let token = old.issue(&claims());
        let new = KeyRing::new(SigningKey::generate(&OsRandom), old.verifying().to_vec());
        assert_eq!(new.verify(&token, at(NOW)), Ok(claims()));
        assert_eq!(old.verify(&new.issue(&claims()), at(NOW)), Err(TokenError::UnknownKey));
        assert_eq!(new.jwks()["keys"].as_array().unwrap().len(), 2);
    }

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

    #[test]
    fn sec_18_debug_shows_no_secret() {
        let ring = ring();
        let id = ring.signing().id();
        assert_eq!(
            format!("{ring:?}"),
            format!("KeyRing {{ signing: SigningKey({id}), verifying: [VerifyingKey({id})] }}")
        );
    }

    proptest! {
        #[test]
        fn reading_anything_never_panics(s in "[A-Za-z0-9_.-]{0,200}|\\PC{0,60}") {
            prop_assert!(ring().verify(&s, at(NOW)).is_err());
            let _ = VerifyingKey::parse(&s);
        }
    }
}
