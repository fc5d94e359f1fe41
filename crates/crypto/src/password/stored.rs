//! The hashes that are understood, read from their text, with the bounds of spec v1 4.3.3. A hash beyond them never comes
//! into being as [`Stored`], so neither an import nor a login can be made to work for long: the numbers are bounded one by
//! one, and so is what they cost together. The dearest hash of each scheme takes a core 1 to 3 s.
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// A hash that can be verified.
#[derive(Debug)]
pub(super) enum Stored {
    Argon2 {
        algorithm: argon2::Algorithm,
        version: argon2::Version,
        params: argon2::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Bcrypt,
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Pbkdf2 {
        digest: Digest,
        iterations: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

const UNKNOWN: &str =
    "One of $argon2id$, $argon2i$, $argon2d$, $2a$, $2b$, $2y$, $scrypt$, $pbkdf2$, $pbkdf2-sha256$, $pbkdf2-sha512$.";
const ARGON2: &str = "Argon2 in PHC form with m at most 262144, t at most 16, p at most 16, and m·t at most 1048576.";
const BCRYPT: &str = "A bcrypt hash of 60 characters with a cost of 4 to 15.";
const SCRYPT: &str = "Scrypt in PHC form with ln at most 18, r at most 16, p at most 16, and 2^ln·r·p at most 2097152.";
const PBKDF2: &str =
    "PBKDF2 in PHC form with at most 2000000 iterations, counted for each digest that the hash is long.";

/// Argon2 writes this many KiB at most, in all passes together: four times 256 MiB, libsodium's "moderate" with one pass more.
pub(super) const ARGON2_WORK: u64 = 1 << 20;
/// Twice the N·r·p that OWASP asks for.
const SCRYPT_WORK: u64 = 1 << 21;
const PBKDF2_WORK: u64 = 2_000_000;

/// Are these parameters of argon2 within what is verified, and so within what may be configured?
pub(super) fn argon2_in_bounds(m: u32, t: u32, p: u32) -> bool {
    m <= 262_144 && t <= 16 && p <= 16 && u64::from(m) * u64::from(t) <= ARGON2_WORK
}

/// May this hash be imported? The error is the sentence to show (spec v1 4.3.3).
pub fn check_imported(hash: &str) -> Result<(), &'static str> {
    Stored::parse(hash).map(drop)
}

impl Stored {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 512 {
            return Err(UNKNOWN);
        }
        let (scheme, rest) = text.strip_prefix('$').and_then(|t| t.split_once('$')).ok_or(UNKNOWN)?;
        match scheme {
            "argon2id" => Self::argon2(argon2::Algorithm::Argon2id, rest).ok_or(ARGON2),
            "argon2i" => Self::argon2(argon2::Algorithm::Argon2i, rest).ok_or(ARGON2),
            "argon2d" => Self::argon2(argon2::Algorithm::Argon2d, rest).ok_or(ARGON2),
            "2a" | "2b" | "2y" => Self::bcrypt(text, rest).ok_or(BCRYPT),
            "scrypt" => Self::scrypt(rest).ok_or(SCRYPT),
            "pbkdf2" => Self::pbkdf2(Digest::Sha1, rest).ok_or(PBKDF2),
            "pbkdf2-sha256" => Self::pbkdf2(Digest::Sha256, rest).ok_or(PBKDF2),
            "pbkdf2-sha512" => Self::pbkdf2(Digest::Sha512, rest).ok_or(PBKDF2),
            _ => Err(UNKNOWN),
        }
    }
    fn argon2(algorithm: argon2::Algorithm, rest: &str) -> Option<Self> {
        // version 0x10 is what an absent v means (PHC string format, argon2)
        let (version, rest) = match rest.strip_prefix("v=") {
            None => (argon2::Version::V0x10, rest),
            Some(rest) => match rest.split_once('$')? {
                ("19", rest) => (argon2::Version::V0x13, rest),
                ("16", rest) => (argon2::Version::V0x10, rest),
                _ => return None,
            },
        };
        let (params, salt, hash) = fields(rest)?;
        let [m, t, p] = numbers(params, ["m", "t", "p"])?;
        if !argon2_in_bounds(m, t, p) || salt.len() < 8 {
            return None;
        }
        let params = argon2::Params::new(m, t, p, Some(hash.len())).ok()?;
        Some(Self::Argon2 { algorithm, version, params, salt, hash })
    }
    fn bcrypt(text: &str, rest: &str) -> Option<Self> {
        let (cost, salt_and_hash) = rest.split_once('$')?;
        let in_bounds = cost.len() == 2 && (4..=15).contains(&number(cost)?);
        (in_bounds && salt_and_hash.len() == 53 && text.parse::<bcrypt::HashParts>().is_ok()).then_some(Self::Bcrypt)
    }
    fn scrypt(rest: &str) -> Option<Self> {
        let (params, salt, hash) = fields(rest)?;
        let [ln, r, p] = numbers(params, ["ln", "r", "p"])?;
        if !(1..=18).contains(&ln) || !(1..=16).contains(&r) || !(1..=16).contains(&p) {
            return None;
        }
        if (u64::from(r) * u64::from(p)) << ln > SCRYPT_WORK {
            return None;
        }
        let params = scrypt::Params::new(u8::try_from(ln).ok()?, r, p).ok()?;
        Some(Self::Scrypt { params, salt, hash })
    }
    /// PHC says `i=29000,l=32`; passlib, under the same name, only `29000`, and `.` for `+`. Both are common.
    fn pbkdf2(digest: Digest, rest: &str) -> Option<Self> {
        let rest = rest.replace('.', "+");
        let (params, salt, hash) = fields(&rest)?;
        let iterations = match params.split_once(",l=") {
            Some((i, l)) if number(l)? as usize == hash.len() => number(i.strip_prefix("i=")?)?,
            Some(_) => return None,
            None => number(params.strip_prefix("i=").unwrap_or(params))?,
        };
        // a hash of several digests is computed digest by digest (RFC 8018 5.2)
        let work = u64::from(iterations) * hash.len().div_ceil(digest.bytes()) as u64;
        (1..=PBKDF2_WORK).contains(&work).then_some(Self::Pbkdf2 { digest, iterations, salt, hash })
    }
}

/// `params$salt$hash`. A hash under 10 bytes proves too little, one over 64 no scheme makes (PHC string format).
fn fields(rest: &str) -> Option<(&str, Vec<u8>, Vec<u8>)> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const B64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let mut parts = rest.split('$');
    let (params, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let (salt, hash) = (B64.decode(salt).ok()?, B64.decode(hash).ok()?);
    let lengths = (1..=64).contains(&salt.len()) && (10..=64).contains(&hash.len());
    (lengths && parts.next().is_none()).then_some((params, salt, hash))
}

/// `m=19456,t=2,p=1` with exactly these names, in this order.
fn numbers<const N: usize>(params: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut out = [0; N];
    let mut parts = params.split(',');
    for (out, name) in out.iter_mut().zip(names) {
        *out = number(parts.next()?.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    parts.next().is_none().then_some(out)
}

/// Digits only: `parse` alone would take a sign.
fn number(s: &str) -> Option<u32> {
    s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const HASH: &str = "q+mfZMShhqnOF+wPVOqpvjkLbZpxPpvMp9nHHWXBOa4";

    #[test]
    fn the_bounds_table_of_4_3_3() {
        let phc = |head: &str| format!("{head}${SALT}${HASH}");
        let bcrypt = |head: &str| format!("{head}$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u");
        for ok in [
            phc("$argon2id$v=19$m=65536,t=16,p=16"),
            phc("$argon2id$v=19$m=262144,t=4,p=16"),
            phc("$argon2i$m=4096,t=3,p=1"),
            phc("$argon2d$v=16$m=4096,t=3,p=1"),
            bcrypt("$2a$04"),
            bcrypt("$2b$15"),
            bcrypt("$2y$12"),
            phc("$scrypt$ln=18,r=8,p=1"),
            phc("$scrypt$ln=13,r=16,p=16"),
            phc("$pbkdf2$i=1000000"),
            phc("$pbkdf2-sha256$i=2000000"),
            phc("$pbkdf2-sha256$i=600000,l=32"),
            phc("$pbkdf2-sha512$29000"),
        ] {
            assert_eq!(check_imported(&ok), Ok(()), "{ok}");
        }
        for bad in [
            phc("$argon2id$v=19$m=262144,t=16,p=16"),
            phc("$argon2id$v=19$m=65537,t=16,p=1"),
            phc("$argon2id$v=19$m=262145,t=2,p=1"),
            phc("$argon2id$v=19$m=65536,t=17,p=1"),
            phc("$argon2id$v=19$m=65536,t=2,p=17"),
            phc("$argon2id$v=18$m=65536,t=2,p=1"),
            phc("$argon2id$v=19$t=2,m=65536,p=1"),
            phc("$argon2id$v=19$m=+65536,t=2,p=1"),
            phc("$argon2id$v=19$m=65536,t=2,p=1,data=AAAA"),
            phc("$argon2id$v=19$m=7,t=2,p=1"),
            format!("$argon2id$v=19$m=65536,t=2,p=1${SALT}$AAAA"),
            format!("$argon2id$v=19$m=65536,t=2,p=1$AAAA${HASH}"),
            bcrypt("$2b$16"),
            bcrypt("$2b$03"),
            bcrypt("$2x$12"),
            bcrypt("$2b$12") + "A",
            phc("$scrypt$ln=18,r=16,p=16"),
            phc("$scrypt$ln=18,r=8,p=2"),
            phc("$scrypt$ln=19,r=8,p=1"),
            phc("$scrypt$ln=17,r=17,p=1"),
            phc("$scrypt$ln=17,r=8,p=17"),
            phc("$scrypt$ln=17,r=8,p=0"),
            phc("$pbkdf2-sha256$i=2000001"),
            // two digests of SHA-1 for 32 bytes: twice the work
            phc("$pbkdf2$i=1000001"),
            phc("$pbkdf2-sha256$i=0"),
            phc("$pbkdf2-sha256$i=1000,l=31"),
            phc("$pbkdf2-md5$i=1000"),
            phc("$6$rounds=5000"),
            String::new(),
            "plain".into(),
            "$".repeat(600),
        ] {
            assert!(check_imported(&bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_anything_never_panics(s in "(\\$(argon2id|2b|scrypt|pbkdf2)\\$)?\\PC{0,120}") {
            let _ = check_imported(&s);
        }
    }
}
