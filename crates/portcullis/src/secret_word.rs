//! Passwords that are made for people: printed once, typed once.
use portcullis_crypto::password::Password;
use portcullis_domain::port::Random;

/// Letters and digits that are told apart in every font: 32, so that each is five random bits.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// Four groups of five: 100 random bits.
pub fn password(random: &dyn Random) -> Password {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    let groups = bytes.chunks(5).map(|group| group.iter().map(|b| char::from(LETTERS[usize::from(b % 32)])).collect());
    Password::new(groups.collect::<Vec<String>>().join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_crypto::random::OsRandom;

    #[test]
    fn has_four_groups_and_never_repeats() {
        let (a, b) = (password(&OsRandom), password(&OsRandom));
        assert_ne!(a.expose(), b.expose());
        assert!(a.expose().split('-').all(|g| g.len() == 5) && a.expose().len() == 23);
    }
}
