//! The keys of a server, and the access tokens that they sign and read.
//!
//! Tokens are compact JWS (RFC 7515 3.1), written and read here with aws-lc-rs rather than through `jsonwebtoken`: that
//! library reads the system's clock itself when it checks `exp` and `nbf` (ours is a port), and it looks at the algorithm
//! that the header names before it looks at the key. What is left of JWS for one algorithm and three header fields is a
//! page of code that refuses everything else.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Claims, Expect, SigningKey, TokenError, VerifyingKey};

/// A longer token is refused unread.
pub const MAX_TOKEN: usize = 8_192;

/// `typ`: what a token is, so that none passes for another (RFC 8725 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`: an access token (RFC 9068 2.1).
    Access,
    /// `JWT`: an ID token (OpenID Connect Core 1.0 2), for an application and nobody else.
    Id,
}
impl TokenType {
    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
        }
    }
}

/// Our header has these three fields and no other; above all no `crit`, `jwk`, `jku`, `x5u` (RFC 8725 3.1, 3.10).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// The keys of a server: one signs, and every one that may have signed a token that still lives verifies.
#[derive(Debug)]
pub struct KeyRing {
    signing: SigningKey,
    /// Those that take over later, each with its second, the earliest first.
    next: Vec<(i64, SigningKey)>,
    accepted: KeySet,
}
/// Public halves, each once: what verifies, and needs no secret to do so.
#[derive(Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);
impl KeyRing {
    /// A ring that signs with `signing` and accepts that and `others`: the last ones until their tokens are gone.
    pub fn new(signing: SigningKey, others: Vec<VerifyingKey>) -> Self {
        let first = signing.verifying().clone();
        Self { signing, next: vec![], accepted: KeySet::new([first].into_iter().chain(others)) }
    }
    /// The same ring, which signs with `next` from then on and accepts it at once. Who has read it needs not be told when to change.
    pub fn then(mut self, from: Timestamp, next: SigningKey) -> Self {
        self.accepted.accept(next.verifying().clone());
        self.next.push((from.seconds(), next));
        self.next.sort_by_key(|(from, _)| *from);
        self
    }
    /// The key that signs, until another takes over.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }
    /// The key that signs what is made in this second.
    fn signing_at(&self, second: i64) -> &SigningKey {
        self.next.iter().rev().find(|(from, _)| *from <= second).map_or(&self.signing, |(_, key)| key)
    }
    /// The keys that are accepted.
    pub fn verifying(&self) -> &[VerifyingKey] {
        self.accepted.keys()
    }
    /// [`KeySet::jwks`] of what this accepts.
    pub fn jwks(&self) -> Value {
        self.accepted.jwks()
    }
    /// [`KeySet::verify`] by what this accepts.
    pub fn verify(&self, token: &str, expect: Expect<'_>) -> Result<Claims, TokenError> {
        self.accepted.verify(token, expect)
    }
    /// [`KeySet::verify_made`] by what this accepts.
    pub fn verify_made(&self, token: &str, expect: Expect<'_>) -> Result<Claims, TokenError> {
        self.accepted.verify_made(token, expect)
    }
    /// Makes a token, signed by the key of the second in which it is issued (`iat`).
    pub fn issue(&self, claims: &Claims) -> String {
        self.sign(TokenType::Access, claims.iat, claims)
    }
    /// Makes a token of any claims, signed by the key of this second.
    pub fn sign(&self, typ: TokenType, second: i64, claims: &impl Serialize) -> String {
        let signing = self.signing_at(second);
        let header = Header { alg: signing.verifying().algorithm().as_str(), typ: typ.as_str(), kid: signing.id() };
        let mut token = String::with_capacity(1_024);
        for part in [serde_json::to_vec(&header), serde_json::to_vec(claims)] {
            let Ok(json) = part else { unreachable!("strings, numbers and lists of them are JSON") };
            if !token.is_empty() {
                token.push('.');
            }
            URL_SAFE_NO_PAD.encode_string(json, &mut token);
        }
        let signature = signing.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

impl KeySet {
    /// These.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut set = Self::default();
        keys.into_iter().for_each(|key| set.accept(key));
        set
    }
    fn accept(&mut self, key: VerifyingKey) {
        if self.0.iter().all(|k| k.id() != key.id()) {
            self.0.push(key);
        }
    }
    /// The keys.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }
    /// `/.well-known/jwks.json` (RFC 7517 5).
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.0.iter().map(VerifyingKey::jwk).collect::<Vec<_>>() })
    }
    /// Reads a token that is good now.
    pub fn verify(&self, token: &str, expect: Expect<'_>) -> Result<Claims, TokenError> {
        let claims = self.verify_made(token, expect)?;
        if expect.now.seconds() >= claims.exp { Err(TokenError::Expired) } else { Ok(claims) }
    }
    /// Reads a token that is or was good: whoever signs out may do so with one that has ended (spec v1 4.2). The key is chosen by
    /// `kid` among ours, the algorithm by the key; the claims are looked at only after the signature held (RFC 8725 3.1).
    pub fn verify_made(&self, token: &str, expect: Expect<'_>) -> Result<Claims, TokenError> {
        let claims: Claims = self.read(TokenType::Access, token)?;
        let now = expect.now.seconds();
        if claims.iss != expect.issuer {
            Err(TokenError::WrongIssuer)
        } else if claims.aud != expect.audience {
            Err(TokenError::WrongAudience)
        } else if now < claims.nbf || now < claims.iat {
            Err(TokenError::NotYet)
        } else {
            Ok(claims)
        }
    }
    /// What a token of this type says that one of these keys signed. For whom it is and until when is still to be looked at.
    pub fn read<C: DeserializeOwned>(&self, typ: TokenType, token: &str) -> Result<C, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let (header, signature) = (decode(header)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.typ != typ.as_str() {
            return Err(TokenError::WrongType);
        }
        let key = self.0.iter().find(|k| k.id() == header.kid).ok_or(TokenError::UnknownKey)?;
        if header.alg != key.algorithm().as_str() {
            return Err(TokenError::WrongAlgorithm);
        }
        if !key.verify(signed.as_bytes(), &signature) {
            return Err(TokenError::BadSignature);
        }
        serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::{Generation, SubjectType};
    use super::*;
    use crate::random::OsRandom;

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
            user_id: None,
            auth_via: None,
            secret_generation: None,
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
            let head = URL_SAFE_NO_PAD.encode(
                json!({ "alg": alg, "typ": TokenType::Access.as_str(), "kid": ring.signing().id() }).to_string(),
            );
            assert_eq!(ring.verify(&format!("{head}.{claims}."), at(NOW)), Err(TokenError::WrongAlgorithm));
        }
        let bare = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(ring.verify(&format!("{bare}.{claims}."), at(NOW)), Err(TokenError::Malformed));
    }

    #[test]
    fn sec_07_hs256_with_the_public_key_is_refused() {
        let ring = ring();
        let public = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, ring.signing().verifying().public());
        let head = json!({ "alg": "HS256", "typ": TokenType::Access.as_str(), "kid": ring.signing().id() });
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
    fn sec_18_a_key_that_takes_over_is_accepted_before_it_signs() {
        let (old, next, last) =
            (ring(), SigningKey::generate(&OsRandom), SigningKey::generate(&OsRandom).verifying().clone());
        let (old_id, next_id) = (old.signing().id().to_owned(), next.id().to_owned());
        let reader = KeyRing::new(SigningKey::generate(&OsRandom), vec![last, next.verifying().clone()]);
        let ring = old.then(Timestamp::from_micros((NOW + 60) * 1_000_000), next);
        let kid_of = |iat: i64| {
            let token = ring.issue(&Claims { iat, nbf: iat, exp: iat + 60, ..claims() });
            assert!(ring.verify(&token, at(iat)).is_ok());
            assert_eq!(reader.verify(&token, at(iat)).is_ok(), iat >= NOW + 60);
            let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            serde_json::from_slice::<Value>(&head).unwrap()["kid"].as_str().unwrap().to_owned()
        };
        assert_eq!([kid_of(NOW), kid_of(NOW + 59)], [old_id.clone(), old_id]);
        assert_eq!([kid_of(NOW + 60), kid_of(NOW + 9_000)], [next_id.clone(), next_id]);
        assert_eq!(ring.jwks()["keys"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_has_ended_is_still_known_to_be_ours() {
        let (ring, theirs) = (ring(), ring());
        let token = ring.issue(&claims());
        assert_eq!(ring.verify_made(&token, at(NOW + 9_000)), Ok(claims()));
        assert_eq!(ring.verify_made(&token, at(NOW - 1)), Err(TokenError::NotYet));
        assert_eq!(ring.verify_made(&theirs.issue(&claims()), at(NOW)), Err(TokenError::UnknownKey));
        let elsewhere = Claims { iss: "https://evil.example".into(), ..claims() };
        assert_eq!(ring.verify_made(&ring.issue(&elsewhere), at(NOW)), Err(TokenError::WrongIssuer));
    }

    #[test]
    fn sec_18_debug_shows_no_secret() {
        let ring = ring();
        let id = ring.signing().id();
        assert_eq!(
            format!("{ring:?}"),
            format!("KeyRing {{ signing: SigningKey({id}), next: [], accepted: KeySet([VerifyingKey({id})]) }}")
        );
    }

    proptest! {
        #[test]
        fn reading_anything_never_panics(s in "[A-Za-z0-9_.-]{0,200}|\\PC{0,60}") {
            prop_assert!(ring().verify(&s, at(NOW)).is_err());
        }
    }
}
