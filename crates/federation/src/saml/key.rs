//! Our own key for one provider: it signs what we ask, and opens what only we may read.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use portcullis_domain::Timestamp;
use portcullis_domain::openid::Fault;
use x509_cert::der::Encode;
use zeroize::Zeroizing;

use super::certificate::own;

/// How what we sign is signed.
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// How a key is wrapped for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// With SHA-1, the form that everybody speaks: what makes SHA-1 unfit for signatures does not matter inside of OAEP (RFC 8017 B.1).
    OaepSha1,
    /// With SHA-256 in both places.
    OaepSha256,
}

/// An RSA key of 2048 bits with a certificate of its own.
pub struct OwnKey {
    pair: KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    certificate: Vec<u8>,
}
impl OwnKey {
    pub fn generate(now: Timestamp) -> Result<Self, Fault> {
        Self::made(now).ok_or_else(|| Fault::Provider("No key could be made.".into()))
    }
    fn made(now: Timestamp) -> Option<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
        let (private, public) = (Zeroizing::new(private.as_ref().to_vec()), public.as_ref().to_vec());
        let to_sign = own::to_sign(&public, digest(&SHA256, &public).as_ref(), now).ok()?;
        let signature = sign(&pair, &to_sign.to_der().ok()?)?;
        let certificate = own::signed(to_sign, &signature).ok()?;
        Some(Self { pair, pkcs8: private, certificate })
    }
    /// Reads what [`OwnKey::to_bytes`] wrote.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let read = || {
            let (length, rest) = bytes.split_first_chunk()?;
            let (certificate, pkcs8) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let pair = KeyPair::from_pkcs8(pkcs8).ok()?;
            Some(Self { pair, pkcs8: Zeroizing::new(pkcs8.to_vec()), certificate: certificate.to_vec() })
        };
        read().ok_or_else(|| Fault::Provider("Our own key for this provider does not read.".into()))
    }
    /// The length of the certificate in two bytes, the certificate, and the key as PKCS #8: to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let length = u16::try_from(self.certificate.len()).unwrap_or(u16::MAX).to_be_bytes();
        Zeroizing::new([&length, &self.certificate[..], &self.pkcs8[..]].concat())
    }
    /// In DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
    /// With [`RSA_SHA256`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        sign(&self.pair, message).ok_or_else(|| Fault::Provider("Our own key for this provider does not sign.".into()))
    }
    /// A key that was wrapped for us.
    pub fn unwrap(&self, how: Wrap, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let algorithm: &'static OaepAlgorithm = match how {
            Wrap::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
            Wrap::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
        };
        let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&self.pkcs8).ok()?).ok()?;
        let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
        let length = key.decrypt(algorithm, wrapped, &mut out, None).ok()?.len();
        out.truncate(length);
        Some(out)
    }
}
fn sign(pair: &KeyPair, message: &[u8]) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::super::certificate::Certificate;
    use super::*;

    #[test]
    fn a_key_is_what_it_was_and_its_certificate_is_its_own() {
        let now = Timestamp::from_micros(1_795_339_304_000_000);
        let key = OwnKey::generate(now).unwrap();
        let again = OwnKey::of_bytes(&key.to_bytes()).unwrap();
        let certificate = Certificate::of_der(again.certificate()).unwrap();
        assert!(certificate.not_before < now && certificate.not_after > now.plus_seconds(9 * 365 * 86_400));
        let signature = again.sign(b"text").unwrap();
        assert!(
            certificate.signed(RSA_SHA256, b"text", &signature) && !certificate.signed(RSA_SHA256, b"texT", &signature)
        );
        assert!(!certificate.signed("http://www.w3.org/2000/09/xmldsig#rsa-sha1", b"text", &signature));
        assert!(!certificate.signed("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", b"text", &signature));
        for cut in [0, 1, 2, 100, key.to_bytes().len() - 1] {
            assert!(OwnKey::of_bytes(&key.to_bytes()[..cut]).is_err(), "{cut}");
        }
        let late = OwnKey::generate(Timestamp::from_micros(2_600_000_000_000_000)).unwrap();
        assert!(Certificate::of_der(late.certificate()).is_ok(), "beyond 2049");
    }
}
