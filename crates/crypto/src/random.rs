//! Randomness from the operating system.
use aws_lc_rs::rand;
use portcullis_domain::port::Random;

/// The system's generator, through aws-lc (a DRBG of NIST SP 800-90A, seeded by the kernel).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    /// Never returns without entropy: a process that cannot get any must not go on making keys.
    fn fill(&self, out: &mut [u8]) {
        if rand::fill(out).is_err() {
            unreachable!("the operating system gives no randomness");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0u8; 32], [0u8; 32]);
        OsRandom.fill(&mut a);
        OsRandom.fill(&mut b);
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
