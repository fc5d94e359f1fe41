//! Encryption at rest, and keys made from keys.
//!
//! A ciphertext is `1 ‖ key id (8) ‖ nonce (24) ‖ AES-256-GCM ciphertext ‖ tag (16)`. It names its key, so that keys can be
//! rotated; the name is covered by the tag. The nonce is 192 random bits: the first half makes a one-time key from the
//! key (HMAC-SHA256), the second half is GCM's own nonce. That is the construction of XAES-256-GCM (C2SP), with HMAC in
//! CMAC's place; it lifts the limit of 2^32 messages that NIST SP 800-38D 8.3 sets for random 96-bit nonces.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::{aead, hkdf, hmac};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use data_encoding::HEXLOWER;
use portcullis_domain::port::Random;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FORM: u8 = 1;
const ID: usize = 8;
const NONCE: usize = 24;
const HEAD: usize = 1 + ID + NONCE;
const TAG: usize = 16;

/// How many bytes a ciphertext has more than its plaintext.
pub const OVERHEAD: usize = HEAD + TAG;

/// Names a key without telling anything about it: HMAC of a fixed text under the key, cut to 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; ID]);
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a ciphertext did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or of a form that this version does not know.
    #[error("this is no ciphertext of ours")]
    Malformed,
    /// Sealed with another key: find the one that it names.
    #[error("sealed with key {0}, which is not this one")]
    OtherKey(KeyId),
    /// Changed since it was sealed, or sealed for another purpose.
    #[error("the ciphertext is not authentic")]
    NotAuthentic,
}

/// The key that a ciphertext names.
pub fn key_of(sealed: &[u8]) -> Result<KeyId, OpenError> {
    match sealed {
        [FORM, rest @ ..] if sealed.len() >= OVERHEAD => {
            rest.first_chunk().map(|id| KeyId(*id)).ok_or(OpenError::Malformed)
        }
        _ => Err(OpenError::Malformed),
    }
}

/// 32 secret bytes that encrypt, or that other keys are derived from. Wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Key {
    secret: [u8; 32],
    #[zeroize(skip)]
    id: KeyId,
    /// The same secret as a prepared HMAC key; aws-lc wipes it.
    #[zeroize(skip)]
    mac: hmac::Key,
}
impl Key {
    /// A key of these bytes, which must be random.
    pub fn new(secret: [u8; 32]) -> Self {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let mut id = [0; ID];
        id.copy_from_slice(&hmac::sign(&mac, b"portcullis-key-id-1").as_ref()[..ID]);
        Self { secret, id: KeyId(id), mac }
    }
    /// A fresh key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(&mut *secret);
        Self::new(*secret)
    }
    /// Its public name.
    pub fn id(&self) -> KeyId {
        self.id
    }
    /// Encrypts. `aad` says what it is and where it belongs (`"totp:" ‖ tenant ‖ user`); it must be the same at [`Key::open`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
        let mut nonce = [0u8; NONCE];
        random.fill(&mut nonce);
        let mut out = Vec::with_capacity(OVERHEAD + plaintext.len());
        out.push(FORM);
        out.extend(self.id.0);
        out.extend(nonce);
        out.extend(plaintext);
        let (key, nonce, aad) = self.one_time(&nonce, aad);
        match key.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), &mut out[HEAD..]) {
            Ok(tag) => out.extend(tag.as_ref()),
            Err(_) => unreachable!("AES-GCM seals anything under 64 GiB"),
        }
        out
    }
    /// Decrypts.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let named = key_of(sealed)?;
        if named != self.id {
            return Err(OpenError::OtherKey(named));
        }
        let (head, body) = sealed.split_at(HEAD);
        let nonce: &[u8; NONCE] = head[1 + ID..].try_into().map_err(|_| OpenError::Malformed)?;
        let mut body = Zeroizing::new(body.to_vec());
        let (key, nonce, aad) = self.one_time(nonce, aad);
        let n = key.open_in_place(nonce, aead::Aad::from(aad), &mut body).map_err(|_| OpenError::NotAuthentic)?.len();
        body.truncate(n);
        Ok(body)
    }
    fn one_time(&self, nonce: &[u8; NONCE], aad: &[u8]) -> (aead::LessSafeKey, aead::Nonce, Vec<u8>) {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(b"portcullis-aead-1");
        context.update(&nonce[..12]);
        let secret = context.sign();
        let Ok(key) = aead::UnboundKey::new(&aead::AES_256_GCM, secret.as_ref()) else {
            unreachable!("an HMAC-SHA256 tag has the length of an AES-256 key")
        };
        let mut half = [0; 12];
        half.copy_from_slice(&nonce[12..]);
        // form and key id are authenticated too
        let aad = [&[FORM], &self.id.0[..], aad].concat();
        (aead::LessSafeKey::new(key), aead::Nonce::assume_unique_for_key(half), aad)
    }
    /// Another key made from this one (HKDF-Expand, RFC 5869 2.3): one a purpose, so that nothing made for one is valid
    /// for another.
    pub fn derive(&self, label: &str) -> Self {
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &self.secret);
        let mut secret = Zeroizing::new([0; 32]);
        let info = [b"portcullis-derive-1\0", label.as_bytes()];
        if prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *secret)).is_err() {
            unreachable!("HKDF-SHA256 gives 32 bytes");
        }
        Self::new(*secret)
    }
    /// A MAC key made from this one.
    pub fn mac(&self, label: &str) -> Mac {
        Mac(self.derive(label).mac.clone())
    }
}
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// HMAC-SHA256 (RFC 2104) under a derived key.
#[derive(Clone)]
pub struct Mac(hmac::Key);
impl Mac {
    /// The tag over these parts, in order. Each part is preceded by its length, so that no two lists of parts share a tag.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
    /// Is this the tag over these parts? In constant time.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        crate::same(&self.tag(parts), tag)
    }
}
impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(…)")
    }
}

/// Why a master key could not be read. Shows nothing of what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// Not base64.
    #[error("the master key is not base64")]
    NotBase64,
    /// Base64 of something that is not 32 bytes.
    #[error("the master key must be 32 bytes in base64; this is {0} bytes")]
    Length(usize),
    /// Surely not random: all bytes are the same.
    #[error("the master key is not random; make one with `openssl rand -base64 32`")]
    NotRandom,
}

/// The operator's key, which is kept outside of the database. It wraps the data key of each tenant and the signing keys;
/// deleting a tenant's wrapped key erases the tenant everywhere, backups too (engine.md 24).
///
/// While it is replaced it is two: one of them seals, and both open. Clones seal with the same one.
#[derive(Clone, Debug)]
pub struct MasterKey {
    keys: Vec<Key>,
    sealing: Arc<AtomicUsize>,
}
impl MasterKey {
    /// A key of these bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self::of(Key::new(secret))
    }
    fn of(key: Key) -> Self {
        Self { keys: vec![key], sealing: Arc::default() }
    }
    /// The same, which also opens what `other` sealed.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let known: Vec<KeyId> = self.keys.iter().map(Key::id).collect();
        self.keys.extend(other.keys.into_iter().filter(|k| !known.contains(&k.id())));
        // its own choice: those that it was made of do not know the other one
        Self { sealing: Arc::new(AtomicUsize::new(self.sealing.load(Ordering::Relaxed))), ..self }
    }
    /// Seals with the key of this name from now on; false if it is none of these.
    pub fn seal_with(&self, id: KeyId) -> bool {
        match self.keys.iter().position(|k| k.id() == id) {
            Some(n) => {
                self.sealing.store(n, Ordering::Relaxed);
                true
            }
            None => false,
        }
    }
    /// A fresh key, and its base64 for the file or variable that keeps it.
    pub fn generate(random: &dyn Random) -> (Self, Zeroizing<String>) {
        let key = Key::generate(random);
        let text = base64::engine::general_purpose::STANDARD.encode(key.secret);
        (Self::of(key), Zeroizing::new(text))
    }
    /// Reads 32 bytes of base64, of either alphabet, padded or not; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        const CONFIG: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
        const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
        let text = text.trim();
        let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
        let mut bytes = Zeroizing::new(decoded.map_err(|_| MasterKeyError::NotBase64)?);
        let mut secret: [u8; 32] = bytes.as_slice().try_into().map_err(|_| MasterKeyError::Length(bytes.len()))?;
        bytes.zeroize();
        if secret.iter().all(|b| *b == secret[0]) {
            return Err(MasterKeyError::NotRandom);
        }
        let key = Self::new(secret);
        secret.zeroize();
        Ok(key)
    }
    /// The public name of the one that seals.
    pub fn id(&self) -> KeyId {
        self.key().id()
    }
    /// Encrypts a key for the store; `owner` says whose it is (the tenant's id).
    pub fn wrap(&self, owner: &[u8], key: &Key, random: &dyn Random) -> Vec<u8> {
        self.seal(&wrap_aad(owner), &key.secret, random)
    }
    /// Decrypts a wrapped key.
    pub fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Result<Key, OpenError> {
        let secret = self.open(&wrap_aad(owner), wrapped)?;
        let secret = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).map_err(|_| OpenError::Malformed)?);
        Ok(Key::new(*secret))
    }
    /// The one that seals.
    fn key(&self) -> &Key {
        &self.keys[self.sealing.load(Ordering::Relaxed)]
    }
    pub(crate) fn seal(&self, aad: &[u8], plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
        self.key().seal(aad, plaintext, random)
    }
    /// Opens with the one that the ciphertext names.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let named = key_of(sealed)?;
        self.keys.iter().find(|k| k.id() == named).ok_or(OpenError::OtherKey(named))?.open(aad, sealed)
    }
}

fn wrap_aad(owner: &[u8]) -> Vec<u8> {
    [b"portcullis-wrap-1\0", owner].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;
    use proptest::prelude::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = Key::generate(&OsRandom);
        let sealed = key.seal(b"aad", b"plaintext", &OsRandom);
        assert_eq!(sealed.len(), 9 + OVERHEAD);
        assert_eq!(key_of(&sealed), Ok(key.id()));
        assert_eq!(**key.open(b"aad", &sealed).unwrap(), *b"plaintext");
        assert_eq!(key.open(b"aae", &sealed).unwrap_err(), OpenError::NotAuthentic);
        let other = Key::generate(&OsRandom);
        assert_eq!(other.open(b"aad", &sealed).unwrap_err(), OpenError::OtherKey(key.id()));
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(key.open(b"aad", &bent).is_err(), "byte {i}");
            assert!(key.open(b"aad", &sealed[..i]).is_err(), "cut at {i}");
        }
        assert_ne!(key.seal(b"aad", b"plaintext", &OsRandom), sealed, "a nonce is never used twice");
    }

    #[test]
    fn derived_keys_are_their_own() {
        let key = Key::new([7; 32]);
        assert_ne!(key.derive("a").id(), key.derive("b").id());
        assert_eq!(key.derive("a").id(), key.derive("a").id());
        let mac = key.mac("cursor");
        let tag = mac.tag(&[b"ab", b"c"]);
        assert!(
            mac.verify(&[b"ab", b"c"], &tag) && !mac.verify(&[b"a", b"bc"], &tag) && !mac.verify(&[b"ab", b"c"], &[])
        );
        assert!(!key.mac("other").verify(&[b"ab", b"c"], &tag));
    }

    #[test]
    fn a_master_key_wraps_for_one_owner() {
        let (master, text) = MasterKey::generate(&OsRandom);
        let again = MasterKey::parse(&format!(" {}\n", *text)).unwrap();
        let data = Key::generate(&OsRandom);
        let wrapped = master.wrap(b"tenant 1", &data, &OsRandom);
        assert_eq!(again.unwrap(b"tenant 1", &wrapped).unwrap().id(), data.id());
        assert_eq!(again.unwrap(b"tenant 2", &wrapped).unwrap_err(), OpenError::NotAuthentic);
    }

    #[test]
    fn two_master_keys_open_and_one_of_them_seals() {
        let (old, new) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let data = Key::generate(&OsRandom);
        let (by_old, by_new) = (old.wrap(b"t", &data, &OsRandom), new.wrap(b"t", &data, &OsRandom));
        assert_eq!(old.unwrap(b"t", &by_new).unwrap_err(), OpenError::OtherKey(new.id()));
        let both = old.clone().and(new.clone()).and(old.clone());
        let elsewhere = both.clone();
        assert!(both.unwrap(b"t", &by_old).is_ok() && both.unwrap(b"t", &by_new).is_ok());
        assert_eq!(key_of(&both.wrap(b"t", &data, &OsRandom)), Ok(old.id()));
        assert!(both.seal_with(new.id()) && !both.seal_with(MasterKey::new([3; 32]).id()));
        assert_eq!(key_of(&elsewhere.wrap(b"t", &data, &OsRandom)), Ok(new.id()), "clones follow");
        assert_eq!(old.id(), MasterKey::new([1; 32]).id());
        assert_eq!(both.unwrap(b"u", &by_old).unwrap_err(), OpenError::NotAuthentic);
    }

    #[test]
    fn a_bad_master_key_says_what_is_wrong() {
        assert_eq!(MasterKey::parse("***").unwrap_err(), MasterKeyError::NotBase64);
        assert_eq!(MasterKey::parse("AAAA").unwrap_err(), MasterKeyError::Length(3));
        assert_eq!(MasterKey::parse("").unwrap_err(), MasterKeyError::Length(0));
        assert_eq!(MasterKey::parse(&"A".repeat(43)).unwrap_err(), MasterKeyError::NotRandom);
        let url = "_-8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4";
        assert_eq!(
            MasterKey::parse(url).unwrap().id(),
            MasterKey::parse(&url.replace('_', "/").replace('-', "+")).unwrap().id()
        );
    }

    #[test]
    fn sec_18_debug_shows_no_secret() {
        let key = Key::new(*b"thirty-two bytes of great secret");
        assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
        assert!(!format!("{:?} {:?}", key.mac("x"), MasterKey::new([1; 32])).contains("1, 1"));
    }

    proptest! {
        #[test]
        fn opening_anything_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Key::new([1; 32]).open(b"", &bytes).is_err());
        }
    }
}
