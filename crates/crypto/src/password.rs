//! Passwords: which ones are accepted, how they are hashed, and how hashes from elsewhere are verified.
use std::fmt;

use zeroize::Zeroizing;

pub mod breached;
mod hasher;
mod rule;
mod stored;

pub use hasher::{Hasher, Params, ParamsError, Scratch, Verdict};
pub use rule::{Owner, PasswordError, Rule};
pub use stored::check_imported;

/// A password in clear, taken as it was sent. Wiped from memory when dropped, and never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);
impl Password {
    /// Takes the text as it is: no trimming, no normalisation.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The bytes. Never log them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl From<String> for Password {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
impl<'de> serde::Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_18_debug_shows_no_password() {
        assert_eq!(format!("{:?}", Password::new("plum-orbit-canvas-41")), "Password(…)");
    }
}
