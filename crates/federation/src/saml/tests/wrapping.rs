//! The eight shapes of signature wrapping (Somorovsky and others, "On Breaking SAML: Be Whoever You Want to Be", 2012; numbered as SAML
//! Raider does): a signature that holds, beside an assertion that it does not cover.
use super::forge::{self, Draft, put, sign, signature};
use super::{hear, refused};
use crate::saml::xml::{self, ASSERTION, Node};
use crate::saml::{provider, signature as signatures};
use portcullis_domain::openid::Fault;

/// What the attacker has: a response for themselves; and what they would like to be.
fn theirs() -> Draft {
    Draft { name: "mallory".into(), ..Draft::default() }
}
fn wish(id: &str) -> String {
    Draft::default().assertion().replace("ada-1", "the-owner").replace("\"_assertion\"", &format!("\"{id}\""))
}
const TWO: &str = "has to hold one assertion, and no other anywhere";
const TWICE: &str = "What was posted is no Response of SAML 2.0";
const UNSIGNED: &str = "The assertion itself is not signed";
const ELSEWHERE: &str = "about something other than the assertion";
const CHANGED: &str = "changed after it was signed";
const FORM: &str = "not of the form that is accepted";
const STRANGER: &str = "No certificate of the provider";

/// No shape is worth anything, least of all the wish: the response is refused for the first reason, and the wish by itself for the second.
#[track_caller]
fn worthless(name: &str, xml: &str, whole: &str, by_itself: &str) {
    let why = refused(xml);
    assert!(xml.contains("mallory") && why.contains(whole), "{name}: {why}");
    let trusted = provider::of_settings(&forge::settings()).unwrap().unwrap().certificates;
    let doc = xml::parse(xml).unwrap();
    let every = Node::root(&doc).unwrap().every();
    let name_of = |a: &Node<'_>| a.one(ASSERTION, "Subject")?.one(ASSERTION, "NameID")?.text();
    let wishes: Vec<_> = every.into_iter().filter(|n| name_of(n).as_deref() == Some("the-owner")).collect();
    assert_eq!(wishes.len(), 1, "{name}");
    match signatures::verify(wishes[0], &trusted) {
        Err(Fault::Token(why)) => assert!(why.contains(by_itself), "{name} by itself: {why}"),
        other => panic!("{name} by itself: {other:?}"),
    }
}

#[test]
fn sec_06_a_response_beside_its_signature() {
    // the whole response is signed, and the assertion in it
    let inner = theirs().around(&theirs().signed());
    let whole = signature(&inner, "_response", &forge::IDP);
    let evil = |signature: &str| put(&theirs().around(&wish("_evil")).replace("\"_response\"", "\"_new\""), signature);
    // 1: the old response inside of its signature
    worthless(
        "XSW1",
        &evil(&whole.replace("</ds:Signature>", &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"))),
        TWO,
        UNSIGNED,
    );
    // 2: before it
    worthless("XSW2", &evil(&format!("{inner}{whole}")), TWO, UNSIGNED);
}

#[test]
fn sec_06_an_assertion_beside_the_signed_one() {
    let signed = theirs().signed();
    let bare = theirs().assertion();
    let own = signature(&bare, "_assertion", &forge::IDP);
    let close = "</saml:Assertion>";
    // an id that is there twice is seen before anything is counted
    let two = |id: &str| if id == "_evil" { TWO } else { TWICE };
    // 3: another before it, and after it
    for id in ["_evil", "_assertion"] {
        worthless("XSW3", &theirs().around(&format!("{}{signed}", wish(id))), two(id), UNSIGNED);
        worthless("XSW3 behind", &theirs().around(&format!("{signed}{}", wish(id))), two(id), UNSIGNED);
    }
    // 4: the signed one inside of another
    worthless("XSW4", &theirs().around(&wish("_evil").replace(close, &format!("{signed}{close}"))), TWO, UNSIGNED);
    // 5: another with its signature, and the old one behind
    for id in ["_evil", "_assertion"] {
        let by_itself = if id == "_evil" { ELSEWHERE } else { CHANGED };
        worthless("XSW5", &theirs().around(&format!("{}{bare}", put(&wish(id), &own))), two(id), by_itself);
        // 6: and inside of the signature
        let inside = own.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"));
        worthless("XSW6", &theirs().around(&put(&wish(id), &inside)), two(id), FORM);
        // 8: as an object of it
        let object = own.replace("</ds:Signature>", &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"));
        worthless("XSW8", &theirs().around(&put(&wish(id), &object)), two(id), FORM);
    }
    // 7: in the extensions
    for id in ["_evil", "_assertion"] {
        let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", wish(id));
        worthless("XSW7", &put(&theirs().around(&signed), &extensions), two(id), UNSIGNED);
    }
}

#[test]
fn sec_06_a_signature_elsewhere_signs_nothing_here() {
    let bare = theirs().assertion();
    let own = signature(&bare, "_assertion", &forge::IDP);
    // two signatures, an own one that is about something else, and one that is somewhere deeper
    let twice = put(&put(&wish("_evil"), &own), &own);
    worthless("two signatures", &theirs().around(&format!("{twice}<!-- mallory -->")), FORM, FORM);
    let deeper = wish("_evil").replace("<saml:Subject>", &format!("<saml:Subject>{own}"));
    worthless("deeper", &theirs().around(&format!("{deeper}<!-- mallory -->")), UNSIGNED, UNSIGNED);
    let about = sign(&wish("_evil"), "_assertion", &forge::IDP);
    worthless("about another", &theirs().around(&format!("{about}<!-- mallory -->")), ELSEWHERE, ELSEWHERE);
    // the response's own signature stands for no assertion
    let whole = sign(&theirs().around(&wish("_assertion")), "_response", &forge::IDP);
    let why = refused(&whole);
    assert!(why.contains("The assertion itself is not signed"), "{why}");
    // nor does the text of a digest that a comment splits, or of two
    let signed = theirs().signed();
    let digest = signed.split("<ds:DigestValue>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let split = signed.replace(&digest, &format!("{}<!-- x -->{}", &digest[..5], &digest[5..]));
    assert!(hear(&theirs().around(&split)).is_ok(), "read as a signature reads it");
    let evil = signed.replace("mallory", "the-owner");
    let other = forge::signature(&wish("_assertion"), "_assertion", &forge::OTHER);
    let other = other.split("<ds:DigestValue>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    for (bad, why) in [
        (evil.replace(&digest, &format!("{digest}<!--{other}-->")), CHANGED),
        (evil.replace(&digest, &format!("<!--{digest}-->{other}")), STRANGER),
        (evil.replace("<ds:DigestValue>", &format!("<ds:DigestValue>{other}</ds:DigestValue><ds:DigestValue>")), FORM),
    ] {
        worthless("digest", &theirs().around(&format!("{bad}<!-- mallory -->")), why, why);
    }
    // two SignedInfo, the first of which was signed
    let info = |s: &str| {
        format!(
            "<ds:SignedInfo>{}</ds:SignedInfo>",
            s.split("<ds:SignedInfo>").nth(1).unwrap().split("</ds:SignedInfo>").next().unwrap()
        )
    };
    let forged = info(&forge::signature(&wish("_assertion"), "_assertion", &forge::OTHER));
    for both in [format!("{}{forged}", info(&own)), format!("{forged}{}", info(&own))] {
        let two = own.replace(&info(&own), &both);
        worthless(
            "two infos",
            &theirs().around(&format!("{}<!-- mallory -->", put(&wish("_assertion"), &two))),
            FORM,
            FORM,
        );
    }
}
