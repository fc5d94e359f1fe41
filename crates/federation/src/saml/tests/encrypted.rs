//! Assertions that were encrypted for us: what is inside has to be signed like any other.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::forge::{self, Draft};
use super::{hear, refused};
use crate::saml::key::OwnKey;
use crate::saml::xml::{ASSERTION, DSIG, XENC};

const SHA1: &str = r#"<xe:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>"#;

fn wrapped(key: &[u8], to: &OwnKey, sha256: bool) -> String {
    let c = Certificate::from_der(to.certificate()).unwrap();
    let spki = c.tbs_certificate.subject_public_key_info.to_der().unwrap();
    let public = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&spki).unwrap()).unwrap();
    let mut out = vec![0; public.ciphertext_size()];
    let how = if sha256 { &OAEP_SHA256_MGF1SHA256 } else { &OAEP_SHA1_MGF1SHA1 };
    STANDARD.encode(public.encrypt(how, key, &mut out, None).unwrap())
}
/// An `EncryptedAssertion`; `method` says how its key is wrapped, and `beside` puts the key behind the data.
fn encrypted(plain: &str, to: &OwnKey, method: &str, beside: bool) -> String {
    let key = [7; 32];
    let mut body = plain.as_bytes().to_vec();
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap())
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut body)
        .unwrap();
    let data = STANDARD.encode([&[9; 12][..], &body].concat());
    let wrapped = wrapped(&key, to, method.contains("mgf1sha256"));
    let key = format!(
        r##"<xe:EncryptedKey xmlns:xe="{XENC}">{method}<xe:CipherData><xe:CipherValue>{wrapped}</xe:CipherValue></xe:CipherData></xe:EncryptedKey>"##
    );
    let (inside, behind) =
        if beside { (r##"<ds:RetrievalMethod URI="#k"/>"##.to_owned(), key) } else { (key, String::new()) };
    format!(
        r#"<saml:EncryptedAssertion xmlns:saml="{ASSERTION}"><xe:EncryptedData xmlns:xe="{XENC}" Type="{XENC}Element"><xe:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo xmlns:ds="{DSIG}">{inside}</ds:KeyInfo><xe:CipherData><xe:CipherValue>{data}</xe:CipherValue></xe:CipherData></xe:EncryptedData>{behind}</saml:EncryptedAssertion>"#
    )
}

#[test]
fn an_encrypted_assertion_is_heard_when_it_is_signed_inside() {
    let (d, own) = (Draft::default(), forge::own_key());
    let sha256 = format!(
        r#"<xe:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod xmlns:ds="{DSIG}" Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><m:MGF xmlns:m="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xe:EncryptionMethod>"#
    );
    for xml in [
        encrypted(&d.signed(), &own, SHA1, false),
        encrypted(&d.signed(), &own, SHA1, true),
        encrypted(&d.signed(), &own, &sha256, false),
    ] {
        assert_eq!(hear(&d.around(&xml)).unwrap().asserted.subject, "ada-1");
    }
    // encryption proves nothing: anybody has our public key
    let why = refused(&d.around(&encrypted(&d.assertion(), &own, SHA1, false)));
    assert!(why.contains("itself is not signed"), "{why}");
    let theirs = forge::sign(&d.assertion(), "_assertion", &forge::OTHER);
    let why = refused(&d.around(&encrypted(&theirs, &own, SHA1, false)));
    assert!(why.contains("No certificate"), "{why}");
    let two = format!("{}{}", encrypted(&d.signed(), &own, SHA1, false), d.assertion());
    refused(&d.around(&two));
    let doubled = format!("<saml:Assertion xmlns:saml=\"{ASSERTION}\">{}</saml:Assertion>", d.signed());
    for inside in
        ["text", "<a/>", &doubled, &encrypted(&d.signed(), &own, SHA1, false), &format!("<!DOCTYPE x>{}", d.signed())]
    {
        let why = refused(&d.around(&encrypted(inside, &own, SHA1, false)));
        assert!(why.contains("no assertion that stands by itself"), "{why}");
    }
}

#[test]
fn sec_06_what_does_not_open_says_one_sentence() {
    let (d, own) = (Draft::default(), forge::own_key());
    let good = d.around(&encrypted(&d.signed(), &own, SHA1, false));
    let to_other = d.around(&encrypted(&d.signed(), &forge::OTHER, SHA1, false));
    let at = good.rfind("</xe:CipherValue>").unwrap();
    let mut bent = good.clone();
    bent.replace_range(at - 20..at - 16, "AAAA");
    let first = good.find("<xe:CipherValue>").unwrap() + 16;
    let mut bent_key = good.clone();
    bent_key.replace_range(first + 4..first + 8, "AAAA");
    let short = good.replace(&good[good.rfind("<xe:CipherValue>").unwrap() + 16..at], "AAAA");
    for bad in [to_other, bent, bent_key, short] {
        let why = refused(&bad);
        assert!(why.contains("does not open with our key"), "{why}");
    }
    let why = refused(&good.replace("2009/xmlenc11#aes256-gcm", "2001/04/xmlenc#aes256-cbc"));
    assert!(why.contains("AES-GCM"), "{why}");
    for weak in ["xmlenc#rsa-1_5", "xmlenc#kw-aes256"] {
        let why = refused(&good.replace("xmlenc#rsa-oaep-mgf1p", weak));
        assert!(why.contains("RSA-OAEP"), "{why}");
    }
}
