//! An assertion that was encrypted for us (XML Encryption 1.1): AES in Galois counter mode under a key that is wrapped with RSA-OAEP.
//!
//! Anybody can post something encrypted, so nothing that could be asked again and again for a little of a secret is understood: no
//! CBC, no PKCS #1 v1.5; and one sentence says that it did not open, whatever it was.
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use portcullis_domain::openid::Fault;

use super::key::{OwnKey, Wrap};
use super::signature::bytes;
use super::xml::{DSIG, Node, XENC, XENC11};

const CLOSED: Fault =
    Fault::Token("The encrypted assertion does not open with our key: give the provider our metadata again.");
/// So many wrapped keys are tried.
const KEYS: usize = 4;

/// What is in an `EncryptedAssertion`.
pub fn open(encrypted: Node<'_>, key: &OwnKey) -> Result<String, Fault> {
    let data = encrypted.one(XENC, "EncryptedData").ok_or(CLOSED)?;
    let how = data.one(XENC, "EncryptionMethod").and_then(|m| m.attribute("Algorithm"));
    let how: &'static Algorithm = match how {
        Some("http://www.w3.org/2009/xmlenc11#aes256-gcm") => &AES_256_GCM,
        Some("http://www.w3.org/2009/xmlenc11#aes128-gcm") => &AES_128_GCM,
        _ => {
            return Err(Fault::Token(
                "The assertion is not encrypted with AES-GCM: set the provider to AES-256-GCM, or to none.",
            ));
        }
    };
    let mut sealed = cipher_value(data).ok_or(CLOSED)?;
    let wrapped: Vec<Node<'_>> =
        encrypted.every().into_iter().filter(|n| n.is(XENC, "EncryptedKey")).take(KEYS).collect();
    let mut strange = !wrapped.is_empty();
    for w in wrapped {
        let Some(wrap) = w.one(XENC, "EncryptionMethod").and_then(wrapping) else { continue };
        strange = false;
        let unwrapped = cipher_value(w).and_then(|v| key.unwrap(wrap, &v));
        let Some(key) = unwrapped.and_then(|k| UnboundKey::new(how, &k).ok()) else { continue };
        let Some((nonce, body)) = sealed.split_at_mut_checked(12) else { return Err(CLOSED) };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CLOSED)?;
        let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), body).map_err(|_| CLOSED)?;
        return String::from_utf8(opened.to_vec()).map_err(|_| CLOSED);
    }
    if strange {
        return Err(Fault::Token("The assertion's key is not wrapped with RSA-OAEP: set the provider to RSA-OAEP."));
    }
    Err(CLOSED)
}
fn wrapping(method: Node<'_>) -> Option<Wrap> {
    let digest = match method.one(DSIG, "DigestMethod").and_then(|d| d.attribute("Algorithm")) {
        None | Some("http://www.w3.org/2000/09/xmldsig#sha1") => Wrap::OaepSha1,
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => Wrap::OaepSha256,
        Some(_) => return None,
    };
    let mask = match method.one(XENC11, "MGF").and_then(|m| m.attribute("Algorithm")) {
        None | Some("http://www.w3.org/2009/xmlenc11#mgf1sha1") => Wrap::OaepSha1,
        Some("http://www.w3.org/2009/xmlenc11#mgf1sha256") => Wrap::OaepSha256,
        Some(_) => return None,
    };
    let known = match method.attribute("Algorithm") {
        Some("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p") => mask == Wrap::OaepSha1,
        Some("http://www.w3.org/2009/xmlenc11#rsa-oaep") => true,
        _ => false,
    };
    (known && digest == mask && method.lacks(XENC, "OAEPparams")).then_some(digest)
}
fn cipher_value(of: Node<'_>) -> Option<Vec<u8>> {
    bytes(of.one(XENC, "CipherData")?.one(XENC, "CipherValue")?).ok()
}
