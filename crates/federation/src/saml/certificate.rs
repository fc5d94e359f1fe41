//! The certificates by which keys are shown. They are envelopes: who trusts one trusts its key, and its dates are for people to look at.
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;
use x509_cert::spki::ObjectIdentifier;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    P521,
}
/// A certificate with a key that may have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    kind: Kind,
    key: Vec<u8>,
    /// Its dates.
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}
impl Certificate {
    /// Of PEM, or of base64 of DER as metadata has it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let body = match text.split_once(BEGIN) {
            None => text,
            Some((_, rest)) => rest.split_once(END).ok_or("It is cut off.")?.0,
        };
        if text.matches(BEGIN).count() > 1 {
            return Err("These are several: send each as an item of its own.");
        }
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(body).map_err(|_| "It is neither PEM nor base64.")?;
        Self::of_der(&der)
    }
    pub fn of_der(der: &[u8]) -> Result<Self, &'static str> {
        let c = X509::from_der(der).map_err(|_| "It is no X.509 certificate.")?.tbs_certificate;
        let (algorithm, key) =
            (c.subject_public_key_info.algorithm, c.subject_public_key_info.subject_public_key.raw_bytes().to_vec());
        let curve = || algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        let kind = match algorithm.oid {
            // the modulus is most of it
            RSA if key.len() >= 256 => Kind::Rsa,
            RSA => return Err("Its RSA key is shorter than 2048 bits."),
            EC if curve() == Some(P256) => Kind::P256,
            EC if curve() == Some(P384) => Kind::P384,
            EC if curve() == Some(P521) => Kind::P521,
            _ => return Err("Its key is neither RSA nor of the curves P-256, P-384 and P-521."),
        };
        let moment = |t: x509_cert::time::Time| {
            Timestamp::from_micros(i64::try_from(t.to_unix_duration().as_micros()).unwrap_or(i64::MAX))
        };
        let (not_before, not_after) = (moment(c.validity.not_before), moment(c.validity.not_after));
        Ok(Self { kind, key, not_before, not_after })
    }
    /// Did its key sign this, with a method that belongs to the key? SHA-1 belongs to none (checklist 7).
    pub fn signed(&self, method: &str, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, method) {
            (Kind::Rsa, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256") => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384") => &RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512") => &RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256") => &ECDSA_P256_SHA256_FIXED,
            (Kind::P384, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384") => &ECDSA_P384_SHA384_FIXED,
            (Kind::P521, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512") => &ECDSA_P521_SHA512_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.key).verify(message, signature).is_ok()
    }
}

/// A certificate of its own key: what to sign, and what becomes of the signature.
pub mod own {
    use portcullis_domain::Timestamp;
    use x509_cert::certificate::{TbsCertificate, Version};
    use x509_cert::der::asn1::{Any, BitString, GeneralizedTime, Null, UtcTime};
    use x509_cert::der::{self, Decode, Encode};
    use x509_cert::serial_number::SerialNumber;
    use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};
    use x509_cert::time::{Time, Validity};

    const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    const DAY: i64 = 86_400;
    const YEARS: i64 = 10 * 365 * DAY;

    fn algorithm() -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: SHA256_WITH_RSA, parameters: Some(Any::from(Null)) }
    }
    /// RFC 5280 4.1.2.5: one form until 2049, another from then on.
    fn time(at: Timestamp) -> der::Result<Time> {
        let since = std::time::Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0));
        UtcTime::from_unix_duration(since)
            .map(Time::UtcTime)
            .or_else(|_| GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime))
    }
    /// What is signed: for ten years, under a number that follows from the key.
    pub fn to_sign(public: &[u8], digest: &[u8], now: Timestamp) -> der::Result<TbsCertificate> {
        let name: x509_cert::name::Name = "CN=Portcullis".parse()?;
        let mut number = digest.get(..16).unwrap_or_default().to_vec();
        // it is a number above zero
        if let Some(first) = number.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        Ok(TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&number)?,
            signature: algorithm(),
            issuer: name.clone(),
            validity: Validity { not_before: time(now.plus_seconds(-DAY))?, not_after: time(now.plus_seconds(YEARS))? },
            subject: name,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(public)?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: None,
        })
    }
    /// The certificate in DER.
    pub fn signed(tbs_certificate: TbsCertificate, signature: &[u8]) -> der::Result<Vec<u8>> {
        let signature = BitString::from_bytes(signature)?;
        x509_cert::Certificate { tbs_certificate, signature_algorithm: algorithm(), signature }.to_der()
    }
}
