//! Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, a step of 30 s, one step either side (spec v1 9.2).
//!
//! That a step counts once is the store's to know: [`Seed::step_of`] says which step a code is of.
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis_domain::Timestamp;
use portcullis_domain::port::Random;
use zeroize::Zeroizing;

/// Seconds of a step.
const STEP: i64 = 30;
/// Bytes of a seed: as many as SHA-1 gives (RFC 4226 4, R6).
const SEED: usize = 20;
/// RFC 3986's unreserved characters stay.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an authenticator app shares with the server. Wiped when dropped.
pub struct Seed(Zeroizing<[u8; SEED]>);
impl Seed {
    /// A fresh one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; SEED]);
        random.fill(&mut *bytes);
        Self(bytes)
    }
    /// One that was kept; `None` if these bytes are none.
    pub fn stored(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }
    /// What to seal and keep.
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }
    /// As a person types it into an app: base32 without padding. Shown once.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&*self.0))
    }
    /// What a QR code holds: an `otpauth` URI, which names the account and who issued it.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        // a colon ends the issuer in the label
        let issuer = issuer.replace(':', " ");
        let (issuer, account) = (utf8_percent_encode(&issuer, &RESERVED), utf8_percent_encode(account, &RESERVED));
        let secret = self.base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            &*secret
        ))
    }
    /// The step that this code is of, among the present one and its neighbours; the newest, should two have one code. Takes the
    /// same time whichever it is.
    pub fn step_of(&self, code: Code, now: Timestamp) -> Option<i64> {
        let present = now.seconds().div_euclid(STEP);
        let mut found = None;
        for step in present - 1..=present + 1 {
            if crate::same(&self.code(step), &code.0) {
                found = Some(step);
            }
        }
        found
    }
    /// The code of a step (RFC 4226 5.3).
    fn code(&self, step: i64) -> [u8; 6] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[tag.len() - 1] & 0xf);
        let mut number = tag[at..at + 4].iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) & 0x7fff_ffff;
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        digits
    }
}
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A code as somebody typed it.
#[derive(Clone, Copy)]
pub struct Code([u8; 6]);
impl Code {
    /// Six digits; spaces between them, as apps show them, are left out. `None`: this is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = text.bytes().filter(|b| *b != b' ');
        let mut out = [0; 6];
        for digit in &mut out {
            *digit = digits.next().filter(u8::is_ascii_digit)?;
        }
        digits.next().is_none().then_some(Self(out))
    }
}
impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }
    fn rfc() -> Seed {
        Seed::stored(b"12345678901234567890").unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // appendix B has eight digits: these are their last six
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = rfc().step_of(Code::parse(code).unwrap(), at(seconds));
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_one_step_either_side_and_no_further() {
        let code = Code::parse("050471").unwrap();
        let step = 1_111_111_111 / 30;
        let begins = step * 30;
        for (seconds, counts) in
            [(begins - 31, false), (begins - 30, true), (begins + 29, true), (begins + 59, true), (begins + 60, false)]
        {
            assert_eq!(rfc().step_of(code, at(seconds)), counts.then_some(step), "{}", seconds - begins);
        }
    }

    #[test]
    fn what_people_type() {
        for good in ["050471", "050 471", " 050471 "] {
            assert!(Code::parse(good).is_some(), "{good:?}");
        }
        for bad in ["", "05047", "0504711", "05047a", "05047１", "-50471", "050-471"] {
            assert!(Code::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_uri_names_issuer_and_account() {
        assert_eq!(
            &*rfc().uri("Acme: R&D", "ada+1@example.com"),
            "otpauth://totp/Acme%20%20R%26D:ada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Acme%20%20R%26D&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn sec_18_debug_shows_no_seed_and_no_code() {
        assert_eq!(format!("{:?} {:?}", rfc(), Code::parse("050471")), "Seed(…) Some(Code(…))");
        assert!(Seed::stored(b"too short").is_none());
    }

    proptest! {
        #[test]
        fn only_the_seed_that_made_a_code_takes_it(seconds in 0_i64..1 << 40) {
            let code = Code(rfc().code(seconds / 30));
            prop_assert_eq!(rfc().step_of(code, at(seconds)).is_some(), true);
            let other = Seed::stored(b"abcdefghijabcdefghij").unwrap();
            let same = (-1..=1).any(|n| other.code(seconds / 30 + n) == code.0);
            prop_assert_eq!(other.step_of(code, at(seconds)).is_some(), same);
        }
    }
}
