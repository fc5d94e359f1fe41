//! Hashing new passwords with argon2id (RFC 9106), and verifying any hash that was accepted.
use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, Version};
use aws_lc_rs::pbkdf2;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use portcullis_domain::port::Random;
use zeroize::Zeroizing;

use super::{
    Password,
    rule::Rule,
    stored::{Digest, Stored, argon2_in_bounds},
};

const SALT: usize = 16;
const OUTPUT: usize = 32;

/// What a new hash costs. The default is OWASP's first choice for argon2id: 19 MiB, 2 passes, 1 lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Memory in KiB.
    pub m: u32,
    /// Passes.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}
impl Default for Params {
    fn default() -> Self {
        Self { m: 19 * 1024, t: 2, p: 1 }
    }
}

/// These parameters cannot be used: m of 8 × p to 262,144 KiB, t of 1 to 16, p of 1 to 16, m × t of at most 1,048,576 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argon2id needs m of 8·p to 262144 KiB, t of 1 to 16, p of 1 to 16, and m·t of at most 1048576 KiB")]
pub struct ParamsError;

/// How a password compared with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one.
    Match {
        /// The stored hash is of another scheme or other parameters: store a new one now that the password is known.
        rehash: bool,
    },
    /// It is not; or the stored text is no hash that we accept.
    Mismatch,
}
impl Verdict {
    /// Is it the one?
    pub fn is_match(self) -> bool {
        matches!(self, Self::Match { .. })
    }
}

/// The working memory of one thread: 19 MiB that are not asked from the system (and zeroed by it) for every hash.
#[derive(Default)]
pub struct Scratch(Vec<Block>);
impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scratch({} KiB)", self.0.len())
    }
}

/// Hashes and verifies. Cheap to clone; the expensive part is in [`Scratch`].
#[derive(Clone, Debug)]
pub struct Hasher {
    params: argon2::Params,
    dummy: String,
}
impl Default for Hasher {
    fn default() -> Self {
        match Self::new(Params::default()) {
            Ok(hasher) => hasher,
            Err(_) => unreachable!("the default parameters are within the bounds"),
        }
    }
}
impl Hasher {
    /// Hashes made by this one cost so much.
    pub fn new(params: Params) -> Result<Self, ParamsError> {
        let Params { m, t, p } = params;
        if !argon2_in_bounds(m, t, p) {
            return Err(ParamsError);
        }
        let params = argon2::Params::new(m, t, p, Some(OUTPUT)).map_err(|_| ParamsError)?;
        let salt = &crate::sha256(b"portcullis dummy salt")[..SALT];
        let dummy = phc(&params, salt, &crate::sha256(b"portcullis dummy hash"));
        Ok(Self { params, dummy })
    }
    /// A hash in PHC form, with a fresh salt.
    pub fn hash(&self, scratch: &mut Scratch, password: &Password, random: &dyn Random) -> String {
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        let mut out = Zeroizing::new([0; OUTPUT]);
        let done = self.argon2(Algorithm::Argon2id, Version::V0x13, &self.params, scratch, password, &salt, &mut *out);
        assert!(done, "argon2id takes any password under 4 GiB");
        phc(&self.params, &salt, &*out)
    }
    /// A hash that no password has, of the same cost: what to verify against for a user who does not exist, so that the
    /// answer takes as long (security-checklist 15).
    pub fn dummy(&self) -> &str {
        &self.dummy
    }
    /// Does the password belong to this stored hash? One beyond [`Rule::MAX`] bytes belongs to none and is not hashed. A hash
    /// beyond the bounds is not computed, and costs what [`Self::dummy`] does, so that nobody sees who has one.
    pub fn verify(&self, scratch: &mut Scratch, stored: &str, password: &Password) -> Verdict {
        if password.expose().len() > Rule::MAX {
            return Verdict::Mismatch;
        }
        let Ok(parsed) = Stored::parse(stored).or_else(|_| Stored::parse(&self.dummy)) else {
            return Verdict::Mismatch;
        };
        let secret = password.expose().as_bytes();
        let (matches, rehash) = match &parsed {
            Stored::Argon2 { algorithm, version, params, salt, hash } => {
                let mut out = Zeroizing::new(vec![0; hash.len()]);
                let done = self.argon2(*algorithm, *version, params, scratch, password, salt, &mut out);
                let ours = *algorithm == Algorithm::Argon2id
                    && *version == Version::V0x13
                    && *params == self.params
                    && salt.len() >= SALT;
                (done && crate::same(&out, hash), !ours)
            }
            // what bcrypt saw of a longer password were its first 72 bytes
            Stored::Bcrypt => (bcrypt::verify(secret, stored).unwrap_or(false), true),
            Stored::Scrypt { params, salt, hash } => {
                let mut out = Zeroizing::new(vec![0; hash.len()]);
                (scrypt::scrypt(secret, salt, params, &mut out).is_ok() && crate::same(&out, hash), true)
            }
            Stored::Pbkdf2 { digest, iterations, salt, hash } => {
                let digest = match digest {
                    Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                    Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                    Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                };
                let n = NonZeroU32::new(*iterations);
                (n.is_some_and(|n| pbkdf2::verify(digest, n, salt, secret, hash).is_ok()), true)
            }
        };
        if matches { Verdict::Match { rehash } } else { Verdict::Mismatch }
    }
    #[allow(clippy::too_many_arguments, reason = "they are the inputs of RFC 9106 section 3.1")]
    fn argon2(
        &self,
        algorithm: Algorithm,
        version: Version,
        params: &argon2::Params,
        scratch: &mut Scratch,
        password: &Password,
        salt: &[u8],
        out: &mut [u8],
    ) -> bool {
        let blocks = params.block_count();
        if scratch.0.len() < blocks {
            scratch.0.resize(blocks, Block::new());
        }
        let argon2 = Argon2::new(algorithm, version, params.clone());
        let done =
            argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, out, &mut scratch.0[..blocks]);
        // an imported hash may have needed up to 256 MiB; that is given back
        let own = self.params.block_count();
        if scratch.0.len() > own {
            scratch.0.truncate(own);
            scratch.0.shrink_to_fit();
        }
        done.is_ok()
    }
}

fn phc(params: &argon2::Params, salt: &[u8], hash: &[u8]) -> String {
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    fn quick() -> Hasher {
        Hasher::new(Params { m: 64, t: 1, p: 1 }).unwrap()
    }

    fn verify(stored: &str, password: &str) -> Verdict {
        quick().verify(&mut Scratch::default(), stored, &Password::new(password))
    }

    #[test]
    fn verifies_what_it_hashed() {
        let (hasher, mut scratch) = (Hasher::default(), Scratch::default());
        let hash = hasher.hash(&mut scratch, &Password::new("plum-orbit-canvas-41"), &OsRandom);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let check = |password: &str, scratch: &mut Scratch| hasher.verify(scratch, &hash, &Password::new(password));
        assert_eq!(check("plum-orbit-canvas-41", &mut scratch), Verdict::Match { rehash: false });
        assert_eq!(check("plum-orbit-canvas-42", &mut scratch), Verdict::Mismatch);
        assert_eq!(verify(&hash, "plum-orbit-canvas-41"), Verdict::Match { rehash: true }, "other parameters");
    }

    #[test]
    fn verifies_hashes_made_elsewhere() {
        // argon2: RFC 9106 reference implementation's README and tests; bcrypt: OpenBSD and crypt_blowfish test vectors;
        // scrypt and PBKDF2: made with CPython's hashlib
        for (stored, password) in include_str!("../../data/known-hashes.tsv").lines().filter_map(|l| l.split_once('\t'))
        {
            assert_eq!(verify(stored, password), Verdict::Match { rehash: true }, "{stored}");
            assert_eq!(verify(stored, &format!("x{password}")), Verdict::Mismatch, "{stored}");
        }
    }

    #[test]
    fn memory_is_reused_and_a_large_import_gives_it_back() {
        let (hasher, mut scratch) = (quick(), Scratch::default());
        let hash = hasher.hash(&mut scratch, &Password::new("password"), &OsRandom);
        assert_eq!(scratch.0.len(), 64);
        let big = Hasher::new(Params { m: 1024, t: 1, p: 2 }).unwrap();
        let imported = big.hash(&mut Scratch::default(), &Password::new("password"), &OsRandom);
        assert!(hasher.verify(&mut scratch, &imported, &Password::new("password")).is_match());
        assert_eq!(scratch.0.len(), 64);
        assert!(hasher.verify(&mut scratch, &hash, &Password::new("password")).is_match());
    }

    #[test]
    fn sec_15_the_dummy_costs_the_same_and_matches_nothing() {
        let hasher = quick();
        let dummy = Stored::parse(hasher.dummy()).unwrap();
        assert!(matches!(dummy, Stored::Argon2 { params, .. } if params == hasher.params));
        assert_eq!(verify(hasher.dummy(), ""), Verdict::Mismatch);
    }

    #[test]
    fn sec_15_a_stored_hash_that_is_not_taken_costs_what_the_dummy_costs() {
        let hasher = Hasher::default();
        let dearer = hasher.dummy().replace("m=19456,t=2", "m=262144,t=16");
        for stored in [&*dearer, "", "plain"] {
            let mut scratch = Scratch::default();
            assert_eq!(hasher.verify(&mut scratch, stored, &Password::new("password")), Verdict::Mismatch);
            assert_eq!(scratch.0.len(), 19456, "{stored}: the dummy's memory was used, and no more");
        }
    }

    #[test]
    fn sec_14_an_overlong_password_is_not_hashed() {
        let hash = quick().hash(&mut Scratch::default(), &Password::new("x".repeat(257)), &OsRandom);
        assert_eq!(verify(&hash, &"x".repeat(257)), Verdict::Mismatch);
    }

    #[test]
    fn parameters_are_bounded() {
        for (m, t, p) in
            [(7, 1, 1), (262_145, 1, 1), (64, 0, 1), (64, 17, 1), (64, 1, 0), (1024, 1, 17), (262_144, 5, 1)]
        {
            assert!(Hasher::new(Params { m, t, p }).is_err(), "m={m} t={t} p={p}");
        }
    }
}
