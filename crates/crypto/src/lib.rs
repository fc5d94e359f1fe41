//! Secrets: made, kept, compared, signed.
//!
//! Pure computing. `now` and randomness come in as arguments (ports of the domain), nothing is read from disk or network,
//! and only [`pool`] starts threads. Every primitive is aws-lc-rs's, except the password hashes that it does not have
//! (argon2, bcrypt, scrypt: RustCrypto). No `Debug` output shows a secret.
//!
//! | To … | use |
//! |---|---|
//! | refuse a bad password | [`password::Rule`] |
//! | hash or verify one, off the async threads | [`pool::HashPool`] |
//! | make and read API keys and single-use tokens | [`token`] |
//! | encrypt what is stored, wrap keys, derive MAC keys | [`seal`] |
//! | hand a client an opaque place in a list | [`cursor`] |
//! | sign access tokens and checkpoints | [`signing`] |
//! | ask for a second factor | [`totp`], [`backup_code`], [`webauthn`] |
//! | let somebody in by mail | [`mail_code`] |
//! | make a machine's key, read what is signed with it | [`machine_key`] |
pub mod backup_code;
pub mod cursor;
pub mod machine_key;
pub mod mail_code;
pub mod password;
pub mod pool;
pub mod random;
pub mod refresh_token;
pub mod seal;
pub mod signing;
pub mod token;
pub mod totp;
pub mod webauthn;

use aws_lc_rs::{digest, hmac};

/// SHA-256 (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// SHA3-256 (FIPS 202).
pub fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA3_256, bytes).as_ref());
    out
}

/// HMAC-SHA256 (RFC 2104) of these parts, one behind the other, under a key that somebody else has too. For tags of our own there
/// is [`seal::Mac`].
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Are these equal? Takes the same time wherever they differ; only their lengths may show.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}
