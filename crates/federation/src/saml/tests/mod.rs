//! What is refused, and that everything else is heard.
mod encrypted;
pub mod forge;
mod refusals;
mod wrapping;

use portcullis_domain::openid::Fault;

use super::response::Hearing;
use super::{Heard, ServiceProvider, provider};
use forge::Draft;

/// What a response is worth to us.
pub fn hear(xml: &str) -> Result<Heard, Fault> {
    hear_as(&forge::own(), &forge::settings(), xml)
}
pub fn hear_as(
    own: &ServiceProvider,
    settings: &portcullis_domain::provider_config::SamlSettings,
    xml: &str,
) -> Result<Heard, Fault> {
    let provider = provider::of_settings(settings).unwrap().unwrap();
    let key = forge::own_key();
    Hearing { own, key: &key, provider: &provider, settings, now: forge::NOW }.hear(&forge::post(xml))
}
/// Why it is refused.
#[track_caller]
pub fn refused(xml: &str) -> String {
    match hear(xml) {
        Err(Fault::Token(why)) => why.to_owned(),
        Err(fault @ Fault::Refused { .. }) => fault.to_string(),
        other => panic!("{other:?} of {xml}"),
    }
}

#[test]
fn what_is_signed_for_us_now_is_heard() {
    let heard = hear(&Draft::default().response()).unwrap();
    assert_eq!(heard.in_response_to.as_deref(), Some("_request"));
    assert_eq!(heard.assertion_id, "_assertion");
    assert_eq!(heard.dead_at, forge::NOW.plus_seconds(300 + 60));
    let a = heard.asserted;
    assert_eq!((&*a.subject, a.email.as_deref(), a.email_verified), ("ada-1", Some("ada@corp.example"), true));
    assert_eq!((a.given_name.as_deref(), a.family_name.as_deref()), (Some("Ada"), Some("Lovelace")));
    assert_eq!(a.groups, ["Engineering", "Ops & Co"]);
    assert_eq!(a.amr, ["pwd"]);
    // the response may be signed besides, and the document may be spelled in other ways
    let twice = forge::sign(&Draft::default().response(), "_response", &forge::IDP);
    assert!(hear(&twice).is_ok());
    let spelled = Draft::default().response().replace("<samlp:Status>", "\n  <!-- c --><samlp:Status>\n ");
    assert!(hear(&format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{spelled}\n")).is_ok());
}

#[test]
fn any_of_several_certificates_may_have_signed() {
    let xml = Draft::default().response_by(&forge::OTHER);
    assert_eq!(refused(&xml), "No certificate of the provider is the one that the assertion is signed with.");
    let both = forge::settings_with(&[&forge::IDP, &forge::OTHER]);
    assert!(hear_as(&forge::own(), &both, &xml).is_ok());
}

#[test]
fn a_sign_in_that_began_there_answers_nothing() {
    let draft = Draft { in_response_to: None, ..Draft::default() };
    assert_eq!(hear(&draft.response()).unwrap().in_response_to, None);
}

#[test]
fn how_somebody_signed_in_there_is_told() {
    let with = |class: &str| hear(&Draft { class: class.into(), ..Draft::default() }.response()).unwrap().asserted;
    let classes = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:ac:classes:{name}");
    assert_eq!(with(&classes("MobileTwoFactorContract")).amr, ["mfa"]);
    assert_eq!(with(&classes("SmartcardPKI")).amr, ["sc", "pin"]);
    assert_eq!(with("https://refeds.org/profile/mfa").acr.as_deref(), Some("https://refeds.org/profile/mfa"));
    assert!(with(&classes("unspecified")).amr.is_empty());
    let methods = Draft {
        more: r#"<saml:Attribute Name="http://schemas.microsoft.com/claims/authnmethodsreferences"><saml:AttributeValue>http://schemas.microsoft.com/claims/multipleauthn</saml:AttributeValue></saml:Attribute>"#.into(),
        ..Draft::default()
    };
    assert_eq!(hear(&methods.response()).unwrap().asserted.amr, ["pwd", "mfa"]);
}

#[test]
fn without_an_attribute_the_address_is_the_name() {
    let mut settings = forge::settings();
    settings.email_attribute = None;
    let heard = |format: &str, name: &str| {
        let draft = Draft { format: format.into(), name: name.into(), ..Draft::default() };
        hear_as(&forge::own(), &settings, &draft.response()).unwrap().asserted.email
    };
    assert_eq!(
        heard("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "ada@corp.example").as_deref(),
        Some("ada@corp.example")
    );
    assert_eq!(
        heard("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "ada@corp.example").as_deref(),
        Some("ada@corp.example")
    );
    assert_eq!(heard("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "ada@corp.example"), None);
    assert_eq!(heard("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "ada"), None);
}
