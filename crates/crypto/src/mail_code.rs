//! The code of a sign-in by mail: six letters and digits that a person types over (spec v1beta1 4.2).
//!
//! It has 29 bits: guessing is bounded where codes are asked for.
use portcullis_domain::port::Random;
use zeroize::Zeroizing;

use crate::token::Raw;

const LENGTH: usize = 6;
/// Frontier's: none that looks like another.
const ALPHABET: &[u8; 29] = b"ABCDEFGHJKMNPQRSTWXYZ23456789";

/// A code.
pub struct MailCode(Zeroizing<[u8; LENGTH]>);
impl MailCode {
    /// A fresh one; all are equally likely.
    pub fn generate(random: &dyn Random) -> Self {
        let mut out = Zeroizing::new([0; LENGTH]);
        for place in out.iter_mut() {
            *place = loop {
                let mut byte = [0];
                random.fill(&mut byte);
                // what is beyond the last whole alphabet would favour its first letters
                if let Some(letter) = ALPHABET.get(usize::from(byte[0] % 32)) {
                    break *letter;
                }
            };
        }
        Self(out)
    }
    /// Reads what somebody typed, in either case, with or without spaces. `None`: this is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).map(|b| b.to_ascii_uppercase());
        let mut out = Zeroizing::new([0; LENGTH]);
        for place in out.iter_mut() {
            *place = typed.next().filter(|b| ALPHABET.contains(b))?;
        }
        typed.next().is_none().then_some(Self(out))
    }
    /// As its reader sees it.
    pub fn raw(&self) -> Raw {
        Raw::new(self.0.iter().map(|b| char::from(*b)).collect())
    }
}
impl std::fmt::Debug for MailCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let text = MailCode::generate(&OsRandom).raw().expose().to_owned();
        assert!(text.len() == 6 && text.bytes().all(|b| ALPHABET.contains(&b)), "{text}");
        assert_ne!(text, MailCode::generate(&OsRandom).raw().expose());
        for typed in [text.clone(), text.to_lowercase(), format!(" {} {} ", &text[..3], &text[3..])] {
            assert_eq!(MailCode::parse(&typed).unwrap().raw().expose(), text, "{typed}");
        }
        for bad in ["", "ABCDE", "ABCDEFG", "ABCDE1", "ABCDEO", "ABCDEÄ"] {
            assert!(MailCode::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_letter_comes_up() {
        let all: String = (0..200).map(|_| MailCode::generate(&OsRandom).raw().expose().to_owned()).collect();
        assert!(ALPHABET.iter().all(|letter| all.contains(char::from(*letter))), "{all}");
    }
}
