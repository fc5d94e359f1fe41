//! What is signed and still not for us, not now, or not clear.
use super::forge::{self, Draft, put, signature_with};
use super::{hear, hear_as, refused};
use crate::saml::key::RSA_SHA256;

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

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
    for (from, to) in
        [("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"), ("PrefixList=\"xs\"", "PrefixList=\"xs xsi\"")]
    {
        refused(&d.response().replace(from, to));
    }
}

#[test]
fn sec_06_sha_1_and_strange_forms_are_refused() {
    let d = Draft::default();
    let with = |method: &str, digest: &str, more: &str| {
        let signature = signature_with(&d.assertion(), "_assertion", &forge::IDP, method, digest, more);
        d.around(&put(&d.assertion(), &signature))
    };
    assert!(hear(&with(RSA_SHA256, SHA256, "")).is_ok());
    for (method, digest) in [
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", SHA256),
        (RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", SHA256),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", SHA256),
    ] {
        let why = refused(&with(method, digest, ""));
        assert!(why.contains("SHA-1"), "{why}");
    }
    // a public key is no shared secret
    refused(&with("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", SHA256, ""));
    refused(&with(RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#md5", ""));
    for more in [
        r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>"#,
        r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>true()</ds:XPath></ds:Transform>"#,
    ] {
        refused(&with(RSA_SHA256, SHA256, more));
    }
    let good = d.response();
    for (from, to) in [
        ("URI=\"#_assertion\"", "URI=\"\""),
        ("URI=\"#_assertion\"", "URI=\"file:///etc/passwd\""),
        ("URI=\"#_assertion\"", "URI=\"http://evil.example/\""),
        ("URI=\"#_assertion\"", ""),
        ("xml-exc-c14n#\"/>", "xml-exc-c14n#WithComments\"/>"),
        ("<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>", ""),
        ("ds:SignatureMethod Algorithm", "ds:SignatureMethod Other"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        refused(&bad);
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
        assert!(hearing.hear(bad).is_err());
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
