//! What is refused, and that everything else is heard.
mod encrypted;
pub mod forge;
mod refusals;
mod wrapping;

use std::sync::Arc;

use portcullis_domain::openid::{Fault, Waiting};
use portcullis_domain::outbound::{Fetch, Fetched, Message, Outbound, Outcome, Unreachable};
use portcullis_domain::provider_config::{SamlSettings, SamlSource};
use portcullis_domain::saml::{Heard, Report, Saml};

use super::response::Hearing;
use super::{SamlParty, ServiceProvider, provider};
use forge::Draft;

/// What a response is worth to us.
pub fn hear(xml: &str) -> Result<Heard, Fault> {
    hear_as(&forge::own(), &forge::settings(), xml)
}
pub fn hear_as(own: &ServiceProvider, settings: &SamlSettings, xml: &str) -> Result<Heard, Fault> {
    let provider = provider::of_settings(settings).unwrap().unwrap();
    let key = forge::own_key();
    Hearing { own, key: &key, provider: &provider, settings, now: forge::NOW }.hear(&forge::post(xml)).heard
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

struct Nowhere;
impl Outbound for Nowhere {
    fn post<'a>(&'a self, _: &'a Message) -> Waiting<'a, Outcome> {
        Box::pin(std::future::ready(Err(Unreachable::Name)))
    }
    fn fetch<'a>(&'a self, _: &'a Fetch) -> Waiting<'a, Result<Fetched, Unreachable>> {
        Box::pin(std::future::ready(Err(Unreachable::Name)))
    }
}

#[test]
fn sec_14_so_many_responses_are_read_at_once_and_no_more() {
    let party = SamlParty::new(Arc::new(Nowhere));
    let (own, settings, posted) = (forge::own(), forge::settings(), forge::post(&Draft::default().response()));
    let hear = async || party.hear(&own, &settings, &posted, forge::NOW).await;
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let turns = party.turns.clone().try_acquire_many_owned(15).unwrap();
        let report = hear().await;
        assert!(report.is_signed && report.heard.is_ok());
        assert_eq!(report.claims_to_answer.as_deref(), Some("_request"));
        let last = party.turns.clone().try_acquire_owned().unwrap();
        assert_eq!(hear().await, Report::unread(Fault::Busy));
        drop((turns, last));
        assert!(hear().await.heard.is_ok());
    });
}

#[test]
fn what_is_known_before_a_response_counts_is_reported() {
    let party = SamlParty::new(Arc::new(Nowhere));
    let (own, settings) = (forge::own(), forge::settings());
    let report = |settings: &SamlSettings, xml: &str| {
        let hearing = async { party.hear(&own, settings, &forge::post(xml), forge::NOW).await };
        let report = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(hearing);
        assert!(report.heard.is_err());
        (report.claims_to_answer.is_some(), report.is_signed)
    };
    let d = Draft::default();
    assert_eq!(report(&settings, "<x"), (false, false));
    assert_eq!(report(&settings, &d.around(&d.assertion())), (true, false));
    assert_eq!(report(&settings, &d.response_by(&forge::OTHER)), (true, false));
    assert_eq!(report(&settings, &Draft { audience: "x".into(), ..d.clone() }.response()), (true, true));
    // a provider that cannot be asked: the sign-in that waits is found all the same
    let source = SamlSource::MetadataUrl("https://idp.example/metadata".into());
    assert_eq!(report(&SamlSettings { source, ..settings.clone() }, &d.response()), (true, false));
}

#[test]
fn sec_10_metadata_is_fetched_from_where_it_is_and_from_nowhere_else() {
    struct Elsewhere(u16);
    impl Outbound for Elsewhere {
        fn post<'a>(&'a self, _: &'a Message) -> Waiting<'a, Outcome> {
            Box::pin(std::future::ready(Err(Unreachable::Private)))
        }
        fn fetch<'a>(&'a self, _: &'a Fetch) -> Waiting<'a, Result<Fetched, Unreachable>> {
            let body = provider::tests::metadata(&[forge::certificate(&forge::IDP)]).into_bytes();
            Box::pin(std::future::ready(match self.0 {
                0 => Err(Unreachable::Private),
                status => Ok(Fetched { status, body }),
            }))
        }
    }
    let source = SamlSource::MetadataUrl("https://idp.example/metadata".into());
    let settings = SamlSettings { source, ..forge::settings() };
    let begin = |status: u16| {
        let party = SamlParty::new(Arc::new(Elsewhere(status)));
        let (own, runtime) = (forge::own(), tokio::runtime::Builder::new_current_thread().build().unwrap());
        runtime.block_on(party.request_url(&own, &settings, "_request", forge::NOW))
    };
    assert_eq!(begin(0), Err(Fault::Unreachable("The metadata (metadata_url)", Unreachable::Private)));
    // a redirect is an answer, whatever comes with it
    assert_eq!(begin(302), Err(Fault::Provider("The metadata (metadata_url) answers 302.".into())));
    assert!(begin(200).unwrap().starts_with("https://idp.example/sso?tenant=a&SAMLRequest="));
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
