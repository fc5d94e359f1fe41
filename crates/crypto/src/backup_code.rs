//! Backup codes: `xxxxx-xxxxx`, for whoever has lost their second factor (spec v1 9). Each counts once.
//!
//! A code has 50 random bits. Guessing is bounded where codes are asked for; against whoever reads the store, what is kept is an
//! HMAC under a key of the tenant, which lies there only wrapped: so a fast one is enough.
use portcullis_domain::port::Random;
use zeroize::Zeroizing;

use crate::seal::Mac;
use crate::token::Raw;

/// How many are made at once.
pub const SET: usize = 10;
const LENGTH: usize = 10;
/// Crockford's base32: no letters that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code.
#[derive(Clone)]
pub struct BackupCode(Zeroizing<[u8; LENGTH]>);
impl BackupCode {
    /// A fresh one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random.fill(&mut *bytes);
        for b in bytes.iter_mut() {
            *b = ALPHABET[usize::from(*b % 32)];
        }
        Self(bytes)
    }
    /// Reads what somebody typed, in either case, with or without the hyphen; letters that look like digits are those. `None`:
    /// this is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).map(|b| match b.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            b => b,
        });
        let mut out = Zeroizing::new([0; LENGTH]);
        for b in out.iter_mut() {
            *b = typed.next().filter(|b| ALPHABET.contains(b))?;
        }
        typed.next().is_none().then_some(Self(out))
    }
    /// As its holder sees it. Shown once.
    pub fn raw(&self) -> Raw {
        let mut text = String::with_capacity(LENGTH + 1);
        for (n, b) in self.0.iter().enumerate() {
            if n == LENGTH / 2 {
                text.push('-');
            }
            text.push(char::from(*b));
        }
        Raw::new(text)
    }
    /// What is stored of somebody's code. `user` keeps equal codes of two people apart.
    pub fn tag(&self, mac: &Mac, user: &[u8]) -> [u8; 32] {
        mac.tag(&[user, &*self.0])
    }
}
impl std::fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;
    use crate::seal::Key;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = BackupCode::generate(&OsRandom);
        let text = code.raw().expose().to_owned();
        assert!(
            text.len() == 11 && text.as_bytes()[5] == b'-' && text != BackupCode::generate(&OsRandom).raw().expose()
        );
        for typed in [text.clone(), text.to_uppercase(), text.replace('-', ""), format!(" {} ", text.replace('-', " "))]
        {
            assert_eq!(BackupCode::parse(&typed).unwrap().raw().expose(), text, "{typed}");
        }
        assert_eq!(BackupCode::parse("oO0il-abcde").unwrap().raw().expose(), "00011-abcde");
        for bad in ["", "abcde-abcd", "abcde-abcdef", "abcde-abcdu", "abcde-abcdä", "050471"] {
            assert!(BackupCode::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_stored_is_of_one_tenant_and_one_person() {
        let code = BackupCode::parse("abcde-fghjk").unwrap();
        let (one, other) = (Key::new([1; 32]).mac("backup-code"), Key::new([2; 32]).mac("backup-code"));
        assert_eq!(code.tag(&one, b"ada"), code.tag(&one, b"ada"));
        assert_ne!(code.tag(&one, b"ada"), code.tag(&one, b"bob"));
        assert_ne!(code.tag(&one, b"ada"), code.tag(&other, b"ada"));
        assert_eq!(format!("{code:?}"), "BackupCode(…)");
    }
}
