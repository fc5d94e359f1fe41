//! What is signed and still not for us, not now, or not clear.
use aws_lc_rs::hmac;
use x509_cert::der::{Decode, Encode};

use super::forge::{self, DIGEST, Draft, bent_signature, put};
use super::{hear, hear_as, refused};
use crate::saml::key::RSA_SHA256;

#[test]
fn sec_06_a_response_is_for_us_now_and_from_the_provider() {
    let d = Draft::default;
    let other = "https://sp.example/v1/auth/saml/2/";
    for (bad, told) in [
        (Draft { audience: format!("{other}metadata"), ..d() }, "another audience"),
        (Draft { audience: String::new(), ..d() }, "another audience"),
        (
            Draft {
                condition: "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>"
                    .into(),
                ..d()
            },
            "another audience",
        ),
        (Draft { recipient: format!("{other}acs"), ..d() }, "Recipient"),
        (Draft { destination: format!("{other}acs"), ..d() }, "Destination"),
        (Draft { issuer: "https://idp.example/other".into(), ..d() }, "another issuer"),
        (Draft { not_on_or_after: -60, ..d() }, "expired"),
        (Draft { confirmed_until: Some(-60), ..d() }, "expired"),
        (Draft { confirmed_until: None, ..d() }, "no end"),
        (Draft { not_before: 61, ..d() }, "not valid yet"),
        (Draft { issued: 61, ..d() }, "IssueInstant"),
        (Draft { issued: -90_000, ..d() }, "IssueInstant"),
        (Draft { method: "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".into(), ..d() }, "bearer"),
        (Draft { condition: "<saml:Condition/>".into(), ..d() }, "not understood"),
        (Draft { name: String::new(), ..d() }, "NameID"),
        (Draft { name: "x".repeat(256), ..d() }, "NameID"),
        (Draft { name: "a<b/>c".into(), ..d() }, "NameID"),
        (Draft { format: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient".into(), ..d() }, "transient"),
    ] {
        let why = refused(&bad.response());
        assert!(why.contains(told), "{told}: {why}");
    }
    for good in [
        Draft { not_on_or_after: -59, ..d() },
        Draft { confirmed_until: Some(-59), ..d() },
        Draft { not_before: 60, ..d() },
        Draft { issued: 60, ..d() },
        Draft { condition: "<saml:OneTimeUse/>".into(), ..d() },
    ] {
        hear(&good.response()).unwrap();
    }
}

#[test]
fn sec_08_an_assertion_is_remembered_while_any_of_its_confirmations_counts() {
    let end = |until: i64, begin: i64| {
        let d = Draft { not_on_or_after: 900, confirmed_until: Some(100), ..Draft::default() };
        let at = |s: i64| forge::NOW.plus_seconds(s).to_string();
        let first = d.assertion();
        let more = first.split("<saml:SubjectConfirmation ").nth(1).unwrap().split("</saml:Subject>").next().unwrap();
        let later = more
            .replace(&at(100), &at(until))
            .replace("Recipient=", &format!("NotBefore=\"{}\" Recipient=", at(begin)));
        let both = first.replacen("</saml:Subject>", &format!("<saml:SubjectConfirmation {later}</saml:Subject>"), 1);
        hear(&d.around(&forge::sign(&both, "_assertion", &forge::IDP))).unwrap().dead_at
    };
    // one that counts already, one that counts later, and one that is over
    assert_eq!(end(800, -10), forge::NOW.plus_seconds(860));
    assert_eq!(end(800, 500), forge::NOW.plus_seconds(860));
    assert_eq!(end(-700, -800), forge::NOW.plus_seconds(160));
    // none outlives the conditions
    assert_eq!(end(5_000, -10), forge::NOW.plus_seconds(960));
}

#[test]
fn sec_06_what_a_response_says_around_its_assertion_makes_it_no_better() {
    let good = Draft::default().response();
    for (from, to, told) in [
        ("Version=\"2.0\" IssueInstant", "Version=\"1.1\" IssueInstant", "SAML 2.0"),
        ("samlp:Response", "samlp:ArtifactResponse", "SAML 2.0"),
        ("status:Success", "status:Requester", "refuses: Requester"),
        ("samlp:Status>", "samlp:Stat>", "no status"),
        ("InResponseTo=\"_request\"><", "InResponseTo=\"_another\"><", "another request"),
        ("<samlp:Status>", "<samlp:Status ID=\"_assertion\">", "SAML 2.0"),
        (
            ">https://idp.example/saml</saml:Issuer><samlp:Status>",
            ">https://evil.example</saml:Issuer><samlp:Status>",
            "another issuer",
        ),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        let why = refused(&bad);
        assert!(why.contains(told), "{told}: {why}");
    }
    let failed = good.replace(
        "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>",
        "Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></samlp:StatusCode>",
    );
    assert_eq!(refused(&failed), "The provider refuses: AuthnFailed.");
    let strange = good.replace("status:Success", "status:&lt;script&gt;\u{a0}x");
    assert_eq!(refused(&strange), "The provider refuses: it does not say why.");
}

#[test]
fn sec_06_an_assertion_is_signed_itself_by_this_provider() {
    let d = Draft::default();
    let why = refused(&d.around(&d.assertion()));
    assert!(why.contains("itself is not signed"), "{why}");
    let why = refused(&d.response_by(&forge::OTHER));
    assert!(why.contains("No certificate"), "the key that a signature brings along is not believed: {why}");
    for (from, to) in
        [("ada-1", "ada-2"), ("ada@corp", "owner@corp"), ("Engineering", "Admins"), ("cm:bearer", "cm:bearer2")]
    {
        let why = refused(&d.response().replace(from, to));
        assert!(why.contains("changed after it was signed"), "{why}");
    }
    for (from, to, told) in [
        ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA", "No certificate"),
        ("<ds:SignatureValue>", "<ds:SignatureValue>%", "not of the form"),
        ("PrefixList=\"xs\"", "PrefixList=\"xs xsi\"", "changed after it was signed"),
    ] {
        let why = refused(&d.response().replace(from, to));
        assert!(why.contains(told), "{told}: {why}");
    }
}

#[test]
fn sec_06_sha_1_and_strange_forms_are_refused_even_if_the_provider_signed_them() {
    let d = Draft::default();
    let with = |bend: &dyn Fn(String) -> String, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let signature = bent_signature(&d.assertion(), "_assertion", bend, sign, &forge::IDP);
        d.around(&put(&d.assertion(), &signature))
    };
    let by_provider = |signed: &[u8]| forge::IDP.sign(signed).unwrap();
    assert!(hear(&with(&|info| info, &by_provider)).is_ok());
    let (weak, form, elsewhere) = ("SHA-1", "not of the form", "about something other than");
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    let more = |transform: &str| format!("</ds:Transform>{transform}</ds:Transforms>");
    let xslt = more(r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>"#);
    let xpath = more(
        r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>true()</ds:XPath></ds:Transform>"#,
    );
    for (from, to, told) in [
        (RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1", weak),
        (DIGEST, "http://www.w3.org/2000/09/xmldsig#sha1", weak),
        (RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#hmac-sha1", weak),
        (RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", weak),
        (DIGEST, "http://www.w3.org/2001/04/xmldsig-more#md5", weak),
        (DIGEST, "http://www.w3.org/2001/04/xmldsig-more#sha224", "none of SHA-256, SHA-384 and SHA-512"),
        (RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224", "No certificate"),
        ("ds:SignatureMethod Algorithm", "ds:SignatureMethod Other", "No certificate"),
        ("</ds:Transform></ds:Transforms>", &xslt, form),
        ("</ds:Transform></ds:Transforms>", &xpath, form),
        ("URI=\"#_assertion\"", "URI=\"\"", elsewhere),
        ("URI=\"#_assertion\"", "URI=\"file:///etc/passwd\"", elsewhere),
        ("URI=\"#_assertion\"", "URI=\"http://evil.example/\"", elsewhere),
        ("URI=\"#_assertion\"", "URI=\"#_response\"", elsewhere),
        ("URI=\"#_assertion\"", "URI=\"#xpointer(id('_assertion'))\"", elsewhere),
        ("URI=\"#_assertion\"", "", elsewhere),
        ("xml-exc-c14n#\"/>", "xml-exc-c14n#WithComments\"/>", form),
        ("xml-exc-c14n#\"><ec", "xml-exc-c14n#WithComments\"><ec", form),
        ("2001/10/xml-exc-c14n#\"/>", "TR/2001/REC-xml-c14n-20010315\"/>", form),
        (enveloped, "", form),
        ("</ds:SignedInfo>", "<ds:Reference/></ds:SignedInfo>", form),
    ] {
        let bend = |info: String| {
            let bent = info.replace(from, to);
            assert_ne!(bent, info, "{from}");
            bent
        };
        let why = refused(&with(&bend, &by_provider));
        assert!(why.contains(told), "{from} -> {to}: {why}");
    }
}

#[test]
fn sec_06_a_public_key_is_no_shared_secret() {
    let d = Draft::default();
    let certificate = x509_cert::Certificate::from_der(forge::IDP.certificate()).unwrap();
    let spki = certificate.tbs_certificate.subject_public_key_info;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", forge::certificate(&forge::IDP));
    for secret in [
        spki.to_der().unwrap(),
        spki.subject_public_key.raw_bytes().to_vec(),
        forge::IDP.certificate().to_vec(),
        pem.into_bytes(),
    ] {
        let tag = |signed: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            hmac::sign(&key, signed).as_ref().to_vec()
        };
        let bend = |info: String| info.replace(RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256");
        let signature = bent_signature(&d.assertion(), "_assertion", &bend, &tag, &forge::IDP);
        let why = refused(&d.around(&put(&d.assertion(), &signature)));
        assert!(why.contains("No certificate"), "{why}");
    }
}

#[test]
fn sec_06_a_comment_in_a_name_cuts_nothing() {
    // the provider signed it with a comment, or somebody put one in later: the canonical form is the same
    for name in ["owner@corp.example<!-- x -->.evil.example", "owner@corp.example.evil.example"] {
        let draft = Draft { name: name.into(), ..Draft::default() };
        for xml in [draft.response(), draft.response().replace("corp.example.evil", "corp.example<!---->.evil")] {
            assert_eq!(hear(&xml).unwrap().asserted.subject, "owner@corp.example.evil.example");
        }
    }
}

#[test]
fn sec_06_bombs_and_entities_in_a_response_are_refused() {
    let good = Draft::default().response();
    for dtd in [
        r#"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#,
        r#"<!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>"#,
        "<!DOCTYPE r SYSTEM \"http://evil.example/x.dtd\">",
    ] {
        let why = refused(&format!("{dtd}{good}"));
        assert!(why.contains("document type"), "{why}");
    }
    refused(&good.replace("ada-1", "&x;"));
    refused(&format!("{}{good}{}", "<a>".repeat(50), "</a>".repeat(50)));
    refused(&good.replace("<samlp:Status>", &format!("<!--{}--><samlp:Status>", "x".repeat(270_000))));
    let own = forge::own();
    let provider = crate::saml::provider::of_settings(&forge::settings()).unwrap().unwrap();
    let (settings, key) = (forge::settings(), forge::own_key());
    let hearing = crate::saml::response::Hearing {
        own: &own,
        key: &key,
        provider: &provider,
        settings: &settings,
        now: forge::NOW,
    };
    for bad in ["", "%%%", "AAAA", "/w==", &"A".repeat(400_000)] {
        assert!(hearing.hear(bad).heard.is_err());
    }
}

#[test]
fn sec_02_a_response_for_another_tenant_is_none_here() {
    // the same provider may serve two tenants: each is an audience and an address of its own
    let ours = forge::own();
    let theirs = crate::saml::ServiceProvider {
        entity_id: "https://sp.example/v1/auth/saml/2/metadata".into(),
        acs_url: "https://sp.example/v1/auth/saml/2/acs".into(),
        ..forge::own()
    };
    let xml = Draft::default().response();
    assert!(hear_as(&ours, &forge::settings(), &xml).is_ok());
    assert!(hear_as(&theirs, &forge::settings(), &xml).is_err());
    let half = crate::saml::ServiceProvider { entity_id: ours.entity_id.clone(), ..theirs.clone() };
    assert!(hear_as(&half, &forge::settings(), &xml).is_err());
    let half = crate::saml::ServiceProvider { acs_url: ours.acs_url.clone(), ..theirs };
    assert!(hear_as(&half, &forge::settings(), &xml).is_err());
}
