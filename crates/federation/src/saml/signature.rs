//! The signature of an element, inside of it (XML Signature 1.1, the profile of SAML Core 5.4): who signed is asked about the element
//! itself, never about what a reference leads to, and the answer is the text that was signed. Nothing else is read (checklist 6).
//!
//! One form counts: one reference to the element by its id, its own signature left out, exclusive canonical form, a digest of the SHA-2
//! family. No key is taken from the signature.
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::openid::Fault;

use super::certificate::Certificate;
use super::xml::{DSIG, EXCLUSIVE, Node};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// So many prefixes may be named.
const PREFIXES: usize = 16;

const fn no(why: &'static str) -> Fault {
    Fault::Token(why)
}
const FORM: Fault = no("The signature of the assertion is not of the form that is accepted.");
const LONG: Fault = no("The assertion is longer than 256 KiB in the form that is signed.");
/// No certificate of the provider is the signer's: perhaps there is a new one.
pub const UNKNOWN_SIGNER: Fault = no("No certificate of the provider is the one that the assertion is signed with.");

/// The element as one of these signed it: its canonical form, without the signature.
pub fn verify(element: Node<'_>, trusted: &[Certificate]) -> Result<String, Fault> {
    if element.lacks(DSIG, "Signature") {
        return Err(no(
            "The assertion itself is not signed: have the provider sign the assertion, not the response alone.",
        ));
    }
    let signature = element.one(DSIG, "Signature").ok_or(FORM)?;
    let (info, value) = match *names(signature, &["SignedInfo", "SignatureValue", "KeyInfo"])? {
        [info, value] | [info, value, _] => (info, value),
        _ => return Err(FORM),
    };
    let [form, method, reference] = *names(info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])? else {
        return Err(FORM);
    };
    let [transforms, digest, expected] = *names(reference, &["Transforms", "DigestMethod", "DigestValue"])? else {
        return Err(FORM);
    };
    let id = element.attribute("ID").filter(|id| !id.is_empty()).ok_or(FORM)?;
    if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(no("The signature is about something other than the assertion that it stands in."));
    }
    let [enveloped, canonical] = *names(transforms, &["Transform", "Transform"])? else { return Err(FORM) };
    if enveloped.attribute("Algorithm") != Some(ENVELOPED) || enveloped.children().next().is_some() {
        return Err(FORM);
    }
    let (algorithm, signed_with) = (digest.attribute("Algorithm"), method.attribute("Algorithm"));
    let weak = |a: Option<&str>| a.is_some_and(|a| a.ends_with("sha1") || a.ends_with("md5"));
    if weak(algorithm) || weak(signed_with) {
        return Err(no(
            "The signature is made with SHA-1, which is not accepted: have the provider sign with SHA-256.",
        ));
    }
    let algorithm = match algorithm {
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => &SHA256,
        Some("http://www.w3.org/2001/04/xmldsig-more#sha384") => &SHA384,
        Some("http://www.w3.org/2001/04/xmlenc#sha512") => &SHA512,
        _ => return Err(no("The signature's digest is none of SHA-256, SHA-384 and SHA-512.")),
    };
    if method.children().next().is_some() || digest.children().next().is_some() {
        return Err(FORM);
    }
    let content = element.canonical(Some(signature), &prefixes(canonical)?).ok_or(LONG)?;
    if digest::digest(algorithm, &content).as_ref() != bytes(expected)? {
        return Err(no("The signature does not hold: the assertion was changed after it was signed."));
    }
    let signed = info.canonical(None, &prefixes(form)?).ok_or(LONG)?;
    let (with, value) = (signed_with.unwrap_or_default(), bytes(value)?);
    if !trusted.iter().any(|c| c.signed(with, &signed, &value)) {
        return Err(UNKNOWN_SIGNER);
    }
    String::from_utf8(content).map_err(|_| FORM)
}
/// The elements in it, if they are of these names in this order; what is not there is at the end.
fn names<'d>(parent: Node<'d>, names: &[&str]) -> Result<Box<[Node<'d>]>, Fault> {
    let children: Box<[Node<'d>]> = parent.children().take(names.len() + 1).collect();
    let fine = children.len() <= names.len() && children.iter().zip(names).all(|(c, name)| c.is(DSIG, name));
    if fine { Ok(children) } else { Err(FORM) }
}
/// The prefixes that exclusive canonical form treats as inclusive, if it is that form.
fn prefixes<'d>(method: Node<'d>) -> Result<Vec<&'d str>, Fault> {
    if method.attribute("Algorithm") != Some(EXCLUSIVE) {
        return Err(FORM);
    }
    let children: Vec<Node<'d>> = method.children().take(2).collect();
    match children[..] {
        [] => Ok(vec![]),
        [list] if list.is(EXCLUSIVE, "InclusiveNamespaces") => {
            let all: Vec<&str> = list.attribute("PrefixList").unwrap_or_default().split_ascii_whitespace().collect();
            if all.len() <= PREFIXES { Ok(all) } else { Err(FORM) }
        }
        _ => Err(FORM),
    }
}
/// The bytes that its text stands for.
pub fn bytes(node: Node<'_>) -> Result<Vec<u8>, Fault> {
    let text: String = node.text().ok_or(FORM)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|_| FORM)
}
