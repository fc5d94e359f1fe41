//! Bearer secrets of our own making: API keys and single-use tokens. All are stored as a hash only, of SHA-256 or, for personal
//! access tokens, SHA-3: they are 256 random bits, so nothing slower is needed.
use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::port::Random;
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

/// A secret's hash, as it is stored. Compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);
impl TokenHash {
    /// A hash that was stored.
    pub const fn stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// The bytes to store.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        crate::same(&self.0, &other.0)
    }
}
impl Eq for TokenHash {}
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A secret as its holder sees it. Shown once; wiped from memory when dropped.
#[derive(Clone)]
pub struct Raw(Zeroizing<String>);
impl Raw {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
    /// The text to hand to its holder. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(…)")
    }
}

/// The text is not a key or token of ours: mistyped, cut, or another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed token")]
pub struct MalformedToken;

const PREFIX: usize = 12;
const SECRET: usize = 43;
const CHECK: usize = 6;
const KEY: usize = "pcl_".len() + PREFIX + "_".len() + SECRET + CHECK;

/// An API key (spec v1 2.2): `pcl_` + 12 characters of `[0-9a-z]` + `_` + 43 base64url characters + 6 check characters.
///
/// The check characters are the first 36 bits of the SHA-256 of all before them, in base64url. They are no secret: they
/// let a mistyped key be refused without a look into the store, and a secret scanner be sure of what it found.
pub struct ApiKey<'a> {
    raw: &'a str,
}
impl<'a> ApiKey<'a> {
    /// Makes a key.
    pub fn generate(random: &dyn Random) -> NewApiKey {
        let (mut id, mut secret) = ([0u8; 16], [0u8; 32]);
        random.fill(&mut id);
        random.fill(&mut secret);
        // 128 bits modulo 36^12 (62 bits): the bias is below 2^-65
        let mut n = u128::from_le_bytes(id);
        let prefix: String = (0..PREFIX)
            .map(|_| {
                let digit = (n % 36) as u8;
                n /= 36;
                char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })
            })
            .collect();
        let mut raw = String::with_capacity(KEY);
        raw.push_str("pcl_");
        raw.push_str(&prefix);
        raw.push('_');
        URL_SAFE_NO_PAD.encode_string(secret, &mut raw);
        let check = check(&raw);
        raw.extend(check.map(char::from));
        secret.zeroize();
        NewApiKey { hash: hash(&raw), raw: Raw(Zeroizing::new(raw)), prefix }
    }
    /// Reads a key's text. Whether it is a live key, only the store knows.
    pub fn parse(raw: &'a str) -> Result<Self, MalformedToken> {
        let rest = raw.strip_prefix("pcl_").filter(|_| raw.len() == KEY && raw.is_ascii()).ok_or(MalformedToken)?;
        let (prefix, rest) = rest.split_at(PREFIX);
        let (secret, _) = rest.strip_prefix('_').ok_or(MalformedToken)?.split_at(SECRET);
        let (body, given) = raw.as_bytes().split_at(KEY - CHECK);
        if !prefix.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
            || !secret.bytes().all(is_base64url)
            || given != check(std::str::from_utf8(body).map_err(|_| MalformedToken)?)
        {
            return Err(MalformedToken);
        }
        Ok(Self { raw })
    }
    /// The public part: names the key in lists, logs and the store's index.
    pub fn prefix(&self) -> &'a str {
        &self.raw[4..4 + PREFIX]
    }
    /// What to compare with the stored hash.
    pub fn hash(&self) -> TokenHash {
        hash(self.raw)
    }
}
impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey(pcl_{}_…)", self.prefix())
    }
}

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Shown once.
    pub raw: Raw,
    /// The public part.
    pub prefix: String,
    /// What is stored.
    pub hash: TokenHash,
}

/// What a single-use or opaque token is for. The purpose is in its first characters, so that one kind never passes for
/// another, and is part of what is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `pci_`: sets the first password.
    Invitation,
    /// `pcw_`: sets a new password.
    PasswordReset,
    /// `pcv_`: proves an address.
    EmailVerification,
    /// `pcr_`: the refresh token of a session (spec v1 9.6).
    Refresh,
    /// `pck_`: the cookie of a session (spec v1 2.2).
    Cookie,
    /// `pcm_`: the second step of a sign-in.
    MfaChallenge,
    /// `pcc_`: what a browser carries from a provider's answer to `/v1/auth/callback`.
    LoginCode,
    /// `pce_`: a sign-in by mail, and what its link proves (spec v1beta1 4.2).
    MailSignIn,
    /// `pcs_`: a service user's secret (decision 14).
    ServiceSecret,
    /// `pca_`: an application's secret (RFC 6749 2.3.1).
    ApplicationSecret,
    /// `pco_`: what a browser carries from the server to an application (RFC 6749 4.1.2).
    AuthorizationCode,
    /// `pcn_`: the refresh token of a session at an application.
    ApplicationRefresh,
    /// `pcd_`: what a device asks with whether somebody confirmed it (RFC 8628).
    DeviceCode,
    /// `fpt_`: a personal access token, in Frontier's form (spec v1beta1 3.20), so that those that were made there go on working.
    PersonalAccess,
}
impl Purpose {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::EmailVerification,
        Self::Refresh,
        Self::Cookie,
        Self::MfaChallenge,
        Self::LoginCode,
        Self::MailSignIn,
        Self::ServiceSecret,
        Self::ApplicationSecret,
        Self::AuthorizationCode,
        Self::ApplicationRefresh,
        Self::DeviceCode,
        Self::PersonalAccess,
    ];
    /// How its tokens begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "pci_",
            Self::PasswordReset => "pcw_",
            Self::EmailVerification => "pcv_",
            Self::Refresh => "pcr_",
            Self::Cookie => "pck_",
            Self::MfaChallenge => "pcm_",
            Self::LoginCode => "pcc_",
            Self::MailSignIn => "pce_",
            Self::ServiceSecret => "pcs_",
            Self::ApplicationSecret => "pca_",
            Self::AuthorizationCode => "pco_",
            Self::ApplicationRefresh => "pcn_",
            Self::DeviceCode => "pcd_",
            Self::PersonalAccess => "fpt_",
        }
    }
    /// Makes a token: the prefix and 32 random bytes in base64url.
    pub fn generate(self, random: &dyn Random) -> NewToken {
        let mut secret = Zeroizing::new([0u8; 32]);
        random.fill(&mut *secret);
        let mut raw = String::with_capacity(self.prefix().len() + SECRET);
        raw.push_str(self.prefix());
        URL_SAFE_NO_PAD.encode_string(*secret, &mut raw);
        NewToken { hash: self.hash(&raw, &*secret), raw: Raw(Zeroizing::new(raw)) }
    }
    /// Reads a token of this purpose; what to look up is its hash.
    pub fn parse(self, raw: &str) -> Result<TokenHash, MalformedToken> {
        let text = raw.strip_prefix(self.prefix()).filter(|text| text.len() == SECRET).ok_or(MalformedToken)?;
        let mut secret = Zeroizing::new([0u8; 33]); // the decoder wants room for whole groups of four
        match URL_SAFE_NO_PAD.decode_slice(text, &mut *secret) {
            Ok(32) => Ok(self.hash(raw, &secret[..32])),
            _ => Err(MalformedToken),
        }
    }
    /// What is stored: of the text with its purpose, or, as Frontier stores it, of the secret bytes alone.
    fn hash(self, raw: &str, secret: &[u8]) -> TokenHash {
        match self {
            Self::PersonalAccess => TokenHash(crate::sha3_256(secret)),
            _ => hash(raw),
        }
    }
}
impl FromStr for Purpose {
    type Err = MalformedToken;
    /// The purpose that a token's first characters name.
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| raw.starts_with(p.prefix())).ok_or(MalformedToken)
    }
}

/// A service user's API token (spec v1beta1 3.10): `pcb_` + 22 base64url characters, which are its id, + 43 that are secret.
pub struct ServiceToken;
impl ServiceToken {
    const PREFIX: &'static str = "pcb_";
    const ID: usize = 22;

    /// Makes the token of this id.
    pub fn generate(id: Uuid, random: &dyn Random) -> NewToken {
        let mut secret = Zeroizing::new([0u8; 32]);
        random.fill(&mut *secret);
        let mut raw = String::with_capacity(Self::PREFIX.len() + Self::ID + SECRET);
        raw.push_str(Self::PREFIX);
        URL_SAFE_NO_PAD.encode_string(id.as_bytes(), &mut raw);
        URL_SAFE_NO_PAD.encode_string(*secret, &mut raw);
        NewToken { hash: hash(&raw), raw: Raw::new(raw) }
    }
    /// Is it one, by its first characters?
    pub fn is(raw: &str) -> bool {
        raw.starts_with(Self::PREFIX)
    }
    /// Reads a token: its id, and what to compare with the stored hash.
    pub fn parse(raw: &str) -> Result<(Uuid, TokenHash), MalformedToken> {
        let rest = raw.strip_prefix(Self::PREFIX).ok_or(MalformedToken)?;
        if rest.len() != Self::ID + SECRET || !rest.bytes().all(is_base64url) {
            return Err(MalformedToken);
        }
        let id = URL_SAFE_NO_PAD.decode(&rest[..Self::ID]).map_err(|_| MalformedToken)?;
        Ok((Uuid::from_slice(&id).map_err(|_| MalformedToken)?, hash(raw)))
    }
}

/// A secret or token that was presented beside its id, as it is stored of those of ours.
pub fn hash_of(raw: &str) -> TokenHash {
    hash(raw)
}

/// A token that was just made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Shown or mailed once.
    pub raw: Raw,
    /// What is stored.
    pub hash: TokenHash,
}

pub(crate) fn hash(raw: &str) -> TokenHash {
    TokenHash(crate::sha256(raw.as_bytes()))
}

fn check(body: &str) -> [u8; CHECK] {
    let digest = crate::sha256(body.as_bytes());
    let mut out = [0; 8];
    // 6 bytes are 8 characters; the first 6 of them are 36 bits
    let _ = URL_SAFE_NO_PAD.encode_slice(&digest[..6], &mut out);
    [out[0], out[1], out[2], out[3], out[4], out[5]]
}

fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;
    use proptest::prelude::*;

    struct Zero;
    impl Random for Zero {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    #[test]
    fn a_key_has_the_published_form() {
        let key = ApiKey::generate(&OsRandom);
        let raw = key.raw.expose();
        assert_eq!(raw.len(), 66);
        let parsed = ApiKey::parse(raw).unwrap();
        assert_eq!(parsed.prefix(), key.prefix);
        assert_eq!(parsed.hash(), key.hash);
        assert_eq!(&raw[..17], format!("pcl_{}_", key.prefix));
        assert_ne!(ApiKey::generate(&OsRandom).hash, key.hash);
        let zero = ApiKey::generate(&Zero);
        assert_eq!(
            zero.raw.expose(),
            format!("pcl_000000000000_{}{}", "A".repeat(43), String::from_utf8_lossy(&check(&zero.raw.expose()[..60])))
        );
    }

    #[test]
    fn any_single_mistyped_character_is_refused_before_the_store() {
        let key = ApiKey::generate(&OsRandom);
        let raw = key.raw.expose();
        for i in 0..raw.len() {
            for c in ["a", "B", "7", "_", "-", "é"] {
                let typo = format!("{}{c}{}", &raw[..i], &raw[i + 1..]);
                assert!(typo == raw || ApiKey::parse(&typo).is_err(), "{typo}");
            }
        }
        assert!(ApiKey::parse(&raw[..65]).is_err() && ApiKey::parse(&format!("{raw}A")).is_err());
    }

    #[test]
    fn a_token_of_one_purpose_is_none_of_another() {
        for made in Purpose::ALL {
            let token = made.generate(&OsRandom);
            assert_eq!(token.raw.expose().parse::<Purpose>(), Ok(made));
            for read in Purpose::ALL {
                assert_eq!(read.parse(token.raw.expose()).ok(), (read == made).then_some(token.hash));
            }
        }
    }

    #[test]
    fn a_personal_access_token_of_frontier_is_one_of_ours() {
        let token = Purpose::PersonalAccess.generate(&Zero);
        assert_eq!(token.raw.expose(), format!("fpt_{}", "A".repeat(43)));
        // SHA3-256 of 32 zero bytes
        let hex = data_encoding::HEXLOWER.encode(token.hash.bytes());
        assert_eq!(hex, "9e6291970cb44dd94008c79bcaf9d86f18b4b49ba5b2a04781db7199ed3b9e4e");
        assert!(Purpose::PersonalAccess.parse(&format!("fpt_{}B", "A".repeat(42))).is_err(), "one text a secret");
    }
    #[test]
    fn a_service_token_names_its_credential() {
        let id = Uuid::from_u128(7);
        let token = ServiceToken::generate(id, &OsRandom);
        assert_eq!(ServiceToken::parse(token.raw.expose()), Ok((id, token.hash)));
        assert_eq!(hash_of(token.raw.expose()), token.hash);
        assert_ne!(ServiceToken::generate(id, &OsRandom).hash, token.hash);
        for bad in [
            "",
            "pcb_",
            "pcb_é",
            &token.raw.expose()[1..],
            &token.raw.expose()[..68],
            &format!("{}A", token.raw.expose()),
        ] {
            assert_eq!(ServiceToken::parse(bad), Err(MalformedToken), "{bad}");
        }
        assert!(token.raw.expose().parse::<Purpose>().is_err());
    }

    #[test]
    fn sec_18_debug_shows_no_secret() {
        let key = ApiKey::generate(&OsRandom);
        let shown = format!("{key:?} {:?}", ApiKey::parse(key.raw.expose()).unwrap());
        assert!(!shown.contains(&key.raw.expose()[20..30]), "{shown}");
    }

    proptest! {
        #[test]
        fn parsing_anything_never_panics(s in "\\PC{0,80}") {
            let _ = ApiKey::parse(&s);
            let _ = Purpose::Refresh.parse(&s);
            let _ = ApiKey::parse(&format!("pcl_{s}"));
        }
    }
}
