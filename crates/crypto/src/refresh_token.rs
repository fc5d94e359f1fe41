//! Refresh tokens (spec v1 9.6): `pcr_`, or `pcn_` of a session at an application, and 43 base64url characters, which are 32 bytes.
//!
//! The first half of the bytes stays the session's, the second is new at each use. So a spent token still says whose it was, however
//! many uses ago, and whoever shows one ends that session; and only who ever held a token of it can.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::port::Random;
use zeroize::Zeroizing;

use crate::token::{MalformedToken, Purpose, Raw, TokenHash, hash};

const HALF: usize = 16;

/// A refresh token, of a session or of one at an application.
pub struct RefreshToken(Purpose, Zeroizing<[u8; 2 * HALF]>);
impl RefreshToken {
    /// The first one of a session.
    pub fn generate(random: &dyn Random) -> Self {
        Self::first(Purpose::Refresh, random)
    }
    /// The first one of a session at an application.
    pub fn generate_for_application(random: &dyn Random) -> Self {
        Self::first(Purpose::ApplicationRefresh, random)
    }
    fn first(purpose: Purpose, random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 2 * HALF]);
        random.fill(&mut *bytes);
        Self(purpose, bytes)
    }
    /// Reads the text of a session's token. Whether it counts, only the store knows.
    ///
    /// # Errors
    /// It is no text of one.
    pub fn parse(raw: &str) -> Result<Self, MalformedToken> {
        Self::read(Purpose::Refresh, raw)
    }
    /// The same for a session at an application.
    ///
    /// # Errors
    /// It is no text of one.
    pub fn parse_of_application(raw: &str) -> Result<Self, MalformedToken> {
        Self::read(Purpose::ApplicationRefresh, raw)
    }
    fn read(purpose: Purpose, raw: &str) -> Result<Self, MalformedToken> {
        let text = raw.strip_prefix(purpose.prefix()).ok_or(MalformedToken)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedToken)?);
        let bytes: [u8; 2 * HALF] = bytes.as_slice().try_into().map_err(|_| MalformedToken)?;
        Ok(Self(purpose, Zeroizing::new(bytes)))
    }
    /// The one that takes this one's place.
    #[must_use]
    pub fn next(&self, random: &dyn Random) -> Self {
        let mut next = Self(self.0, self.1.clone());
        random.fill(&mut next.1[HALF..]);
        next
    }
    /// What its holder is shown.
    pub fn raw(&self) -> Raw {
        let mut raw = self.0.prefix().to_owned();
        URL_SAFE_NO_PAD.encode_string(*self.1, &mut raw);
        Raw::new(raw)
    }
    /// What says whose it is: the same for all tokens of one session.
    pub fn family(&self) -> TokenHash {
        TokenHash::stored(crate::sha256(&self.1[..HALF]))
    }
    /// What says whether it is the one that counts.
    pub fn hash(&self) -> TokenHash {
        hash(self.raw().expose())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a_spent_token_and_the_next_are_of_one_family_and_no_others() {
        let first = RefreshToken::generate(&OsRandom);
        let read = RefreshToken::parse(first.raw().expose()).unwrap();
        assert_eq!((read.family(), read.hash()), (first.family(), first.hash()));
        let next = first.next(&OsRandom);
        assert_eq!(next.family(), first.family());
        assert_ne!(next.hash(), first.hash());
        assert_ne!(RefreshToken::generate(&OsRandom).family(), first.family());
        assert_ne!(first.family(), first.hash());
        assert_eq!(first.raw().expose().len(), 47);
    }

    #[test]
    fn a_token_of_an_application_is_none_of_a_session() {
        let token = RefreshToken::generate_for_application(&OsRandom);
        let next = token.next(&OsRandom);
        let read = RefreshToken::parse_of_application(next.raw().expose()).unwrap();
        assert_eq!((read.family(), read.hash()), (token.family(), next.hash()));
        assert!(RefreshToken::parse(token.raw().expose()).is_err());
        let session = RefreshToken::generate(&OsRandom);
        assert!(RefreshToken::parse_of_application(session.raw().expose()).is_err());
    }

    #[test]
    fn what_is_no_refresh_token_is_malformed() {
        let good = RefreshToken::generate(&OsRandom).raw();
        let other = good.expose().replacen("pcr_", "pci_", 1);
        let short = &good.expose()[..46];
        for bad in ["", "pcr_", "pcr_äöü", &other, short, &format!("{}A", good.expose())] {
            assert!(RefreshToken::parse(bad).is_err(), "{bad}");
        }
    }
}
