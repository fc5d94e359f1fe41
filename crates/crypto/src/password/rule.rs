//! Which passwords are accepted (spec v1 9.1).
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, LazyLock};

use super::Password;
use super::breached::Breached;

/// The rule of a tenant.
#[derive(Clone, Debug)]
pub struct Rule {
    min: usize,
    breached: Option<Arc<Breached>>,
}
impl Default for Rule {
    fn default() -> Self {
        Self { min: Self::MIN, breached: None }
    }
}

/// Whose password it is to be; it must not be one of these.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner<'a> {
    /// The e-mail address; its local part is refused too.
    pub email: &'a str,
    /// The display name.
    pub name: &'a str,
}

/// Why a password is refused. Its text is the sentence to show beside the field (spec v1 4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than the tenant allows.
    #[error("At least {0} bytes.")]
    TooShort(usize),
    /// Longer than anyone needs: hashing is paid by the byte (security-checklist 14).
    #[error("At most {max} bytes.", max = Rule::MAX)]
    TooLong,
    /// On the list.
    #[error("This password is among the most used ones; choose another.")]
    Common,
    /// On the operator's list.
    #[error("This password is known from a breach elsewhere; choose one that you use nowhere else.")]
    Breached,
    /// The e-mail address, its local part, or the name.
    #[error("This password is your e-mail address or name; choose another.")]
    Personal,
}

impl Rule {
    /// No tenant may allow less, in bytes.
    pub const MIN: usize = 8;
    /// Nor more, in bytes.
    pub const MAX: usize = 256;

    /// A rule that demands so many bytes; never under [`Rule::MIN`] nor over 128 (the setting's own bounds).
    pub fn with_min(min: usize) -> Self {
        Self { min: min.clamp(Self::MIN, 128), breached: None }
    }
    /// The same, which refuses what is on a list too.
    #[must_use]
    pub fn against(self, breached: Option<Arc<Breached>>) -> Self {
        Self { breached, ..self }
    }
    /// Is this password acceptable for this person? Cheap checks first: nothing is read past the byte limit.
    ///
    /// # Errors
    /// Of the list, if there is one and it cannot be read. Reading it may take a moment: not for a thread that serves others.
    pub fn check(&self, password: &Password, owner: Owner<'_>) -> io::Result<Result<(), PasswordError>> {
        if let Err(e) = self.check_text(password, owner) {
            return Ok(Err(e));
        }
        let breached = self.breached.as_ref().map_or(Ok(false), |list| list.contains(password))?;
        Ok(if breached { Err(PasswordError::Breached) } else { Ok(()) })
    }
    fn check_text(&self, password: &Password, owner: Owner<'_>) -> Result<(), PasswordError> {
        let text = password.expose();
        if text.len() < self.min {
            return Err(PasswordError::TooShort(self.min));
        }
        if text.len() > Self::MAX {
            return Err(PasswordError::TooLong);
        }
        let lower = zeroize::Zeroizing::new(text.to_lowercase());
        if COMMON.contains(lower.as_str()) {
            return Err(PasswordError::Common);
        }
        let local = owner.email.rsplit_once('@').map_or("", |(local, _)| local);
        let own = [owner.email, local, owner.name];
        if own.iter().any(|own| !own.is_empty() && own.trim().to_lowercase() == *lower.trim()) {
            return Err(PasswordError::Personal);
        }
        Ok(())
    }
}

/// Lower-cased, at least 8 bytes each; data/README.md tells where they are from.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords.txt").lines().collect());

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Owner<'_> = Owner { email: "ada.lovelace@example.com", name: "Ada Lovelace" };

    fn check(password: &str) -> Result<(), PasswordError> {
        Rule::default().check(&Password::new(password), ADA).unwrap()
    }

    #[test]
    fn accepts_and_refuses_as_published() {
        assert_eq!(check("plum-orbit-canvas-41"), Ok(()));
        assert_eq!(check("example").unwrap_err().to_string(), "At least 8 bytes.");
        assert_eq!(check(&"é".repeat(129)).unwrap_err().to_string(), "At most 256 bytes.");
        assert_eq!(check(&"x7".repeat(128)), Ok(()));
        for common in ["password", "PassWord", "qwertyuiop", "1234567890", "Baseball"] {
            let said = check(common).unwrap_err().to_string();
            assert_eq!(said, "This password is among the most used ones; choose another.", "{common}");
        }
    }

    #[test]
    fn refuses_what_everybody_knows_about_its_owner() {
        for own in ["ada.lovelace@example.com", "ADA.lovelace", "ada LOVELACE", "Ada Lovelace "] {
            assert_eq!(check(own), Err(PasswordError::Personal), "{own}");
        }
        assert_eq!(Rule::default().check(&Password::new("plum-orbit"), Owner::default()).unwrap(), Ok(()));
    }

    #[test]
    fn a_tenant_may_demand_more_and_never_less() {
        let twelve = Rule::with_min(12).check(&Password::new("plum-orbit"), ADA).unwrap();
        assert_eq!(twelve.unwrap_err().to_string(), "At least 12 bytes.");
        assert_eq!(Rule::with_min(1).min, Rule::MIN);
    }

    #[test]
    fn the_list_is_as_it_is_looked_up() {
        assert!(COMMON.len() > 3_000);
        assert!(COMMON.iter().all(|w| w.len() >= Rule::MIN && *w == w.to_lowercase()));
    }
}
