//! Made-up people: their number decides everything about them, and no two numbers share an address.
use std::fmt::Write as _;

const NAMES: [&str; 8] = ["ada", "grace", "alan", "edsger", "barbara", "donald", "frances", "ken"];

/// A bijection of 64 bits that looks like chance (SplitMix64): addresses arrive in no order, as they do in life.
pub fn scramble(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
/// A first number that no run before this one had.
pub fn fresh() -> u64 {
    // the standard hasher is seeded at random: chance enough to keep runs apart
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) & !0xFFFF_FFFF
}

/// The address of a person.
pub fn email(n: u64) -> String {
    let x = scramble(n);
    format!("{}.{x:016x}@example.com", NAMES[(x % 8) as usize])
}
/// Their name: `Ada L1f3a Lovelace`, so that names differ as well.
pub fn name(n: u64) -> String {
    let x = scramble(n);
    format!("{} {:05x} Lovelace", NAMES[(x % 8) as usize], x >> 44)
}
/// The body of a POST /v1/users, without a password: they sign in elsewhere.
pub fn body(out: &mut String, n: u64) {
    let (email, name) = (email(n), name(n));
    let _ = write!(out, r#"{{"email":"{email}","name":"{name}","roles":["user"],"auth_provider":"oidc"}}"#);
}
/// A line of an import, with a ready hash and an id of the customer's own.
pub fn line(out: &mut String, n: u64, hash: &str) {
    let (email, name, id) = (email(n), name(n), scramble(!n));
    let _ = writeln!(
        out,
        r#"{{"email":"{email}","name":"{name}","roles":["user"],"password_hash":"{hash}","email_verified":true,"external_id":"hr-{id:016x}"}}"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nobody_shares_an_address() {
        let all: HashSet<String> = (0..50_000).map(email).collect();
        assert_eq!(all.len(), 50_000);
    }
}
