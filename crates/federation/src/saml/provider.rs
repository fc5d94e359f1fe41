//! What a provider says of itself (SAML Metadata 2.4), or what was entered of it.
use portcullis_domain::Timestamp;
use portcullis_domain::openid::Fault;
use portcullis_domain::outbound::{Fetch, Outbound};
use portcullis_domain::provider_config::{SamlSettings, SamlSource};
use portcullis_domain::saml::BadSetting;
use url::Url;

use super::certificate::Certificate;
use super::xml::{self, DSIG, METADATA, Node, PROTOCOL};

const WHAT: &str = "The metadata (metadata_url)";
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// So many certificates are looked at.
const CERTIFICATES: usize = 20;

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    pub entity_id: String,
    /// Takes requests over HTTP-Redirect.
    pub sso_url: Url,
    /// One of their keys signed.
    pub certificates: Vec<Certificate>,
    /// Does it refuse requests that are not signed?
    pub wants_signed: bool,
    /// From then on this counts for nothing.
    pub valid_until: Option<Timestamp>,
}

/// Of settings that tell it; nothing where it has to be fetched.
pub fn of_settings(settings: &SamlSettings) -> Result<Option<Provider>, BadSetting> {
    let bad = |field: String, message: &str| BadSetting { field, message: message.to_owned() };
    match &settings.source {
        SamlSource::MetadataUrl(_) => Ok(None),
        SamlSource::MetadataXml(text) => of_metadata(text, true)
            .map(Some)
            .map_err(|why| bad("metadata_xml".into(), &format!("In this metadata {why}."))),
        SamlSource::Explicit { entity_id, sso_url, certificates } => {
            let url = address(sso_url, true)
                .ok_or_else(|| bad("sso_url".into(), "Write a URL that begins with https://."))?;
            let read = |(n, text): (usize, &String)| {
                Certificate::read(text).map_err(|why| bad(format!("certificates[{n}]"), why))
            };
            Ok(Some(Provider {
                entity_id: entity_id.clone(),
                sso_url: url,
                certificates: certificates.iter().enumerate().map(read).collect::<Result<_, _>>()?,
                wants_signed: false,
                valid_until: None,
            }))
        }
    }
}
/// Asks for it.
pub async fn fetch(http: &dyn Outbound, url: &str) -> Result<Provider, Fault> {
    let headers = vec![("accept".to_owned(), "application/samlmetadata+xml, application/xml, text/xml".to_owned())];
    let answer = crate::answer(http, WHAT, Fetch { body: None, url: url.to_owned(), headers, most: xml::MOST }).await?;
    if answer.status != 200 {
        return Err(Fault::Provider(format!("{WHAT} answers {}.", answer.status)));
    }
    let text = String::from_utf8(answer.body).map_err(|_| Fault::Provider(format!("{WHAT} is no text in UTF-8.")))?;
    of_metadata(&text, !crate::is_https(url)).map_err(|why| Fault::Provider(format!("{WHAT}: {why}.")))
}

/// `plain`: may a browser be sent to `http://`?
fn of_metadata(text: &str, plain: bool) -> Result<Provider, String> {
    let doc = xml::parse(text)?;
    let root = Node::root(&doc).ok_or("nothing is described")?;
    let of = |n: Node<'_>| n.all(METADATA, "IDPSSODescriptor").any(speaks_saml_2);
    let entity = if root.is(METADATA, "EntityDescriptor") {
        root
    } else if root.is(METADATA, "EntitiesDescriptor") {
        let mut all = root.all(METADATA, "EntityDescriptor").filter(|n| of(*n));
        match (all.next(), all.next()) {
            (Some(one), None) => one,
            (None, _) => return Err("no identity provider is described".into()),
            _ => return Err("several identity providers are described: send the metadata of one".into()),
        }
    } else {
        return Err("the outermost element is no EntityDescriptor of SAML 2.0".into());
    };
    let role = entity.all(METADATA, "IDPSSODescriptor").find(|n| speaks_saml_2(*n));
    let role = role.ok_or("no identity provider of SAML 2.0 is described (IDPSSODescriptor)")?;
    let entity_id = entity.attribute("entityID").map(str::trim).unwrap_or_default().to_owned();
    if !(1..=1_024).contains(&entity_id.len()) || entity_id.chars().any(char::is_control) {
        return Err("the entityID is missing or longer than 1,024 characters".into());
    }
    let services = role.all(METADATA, "SingleSignOnService").filter(|s| s.attribute("Binding") == Some(REDIRECT));
    let sso_url = services.filter_map(|s| s.attribute("Location")).find_map(|url| address(url, plain));
    let sso_url = sso_url.ok_or("no SingleSignOnService with an https URL takes HTTP-Redirect")?;
    let (mut certificates, mut wrong) = (vec![], None);
    let keys = role.all(METADATA, "KeyDescriptor").filter(|k| k.attribute("use") != Some("encryption"));
    let shown = keys.flat_map(Node::every).filter(|n| n.is(DSIG, "X509Certificate"));
    for c in shown.take(CERTIFICATES) {
        match Certificate::read(&c.text().unwrap_or_default()) {
            Ok(c) if certificates.contains(&c) => {}
            Ok(c) => certificates.push(c),
            Err(why) => wrong = Some(why),
        }
    }
    match (certificates.is_empty(), wrong) {
        (true, Some(why)) => {
            return Err(format!("the signing certificate is of no use: {}", why.trim_end_matches('.')));
        }
        (true, None) => return Err("no signing certificate is shown (KeyDescriptor with X509Certificate)".into()),
        (false, _) => {}
    }
    let ends = [root, entity, role].into_iter().filter_map(|n| n.attribute("validUntil"));
    let ends: Vec<Timestamp> =
        ends.map(|t| t.parse().map_err(|_| "validUntil is no time".to_owned())).collect::<Result<_, String>>()?;
    Ok(Provider {
        entity_id,
        sso_url,
        certificates,
        wants_signed: matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
        valid_until: ends.into_iter().min(),
    })
}
fn speaks_saml_2(role: Node<'_>) -> bool {
    role.attribute("protocolSupportEnumeration").unwrap_or_default().split_ascii_whitespace().any(|p| p == PROTOCOL)
}
fn address(text: &str, plain: bool) -> Option<Url> {
    let url =
        Url::parse(text.trim()).ok().filter(|u| u.has_host() && u.fragment().is_none() && u.username().is_empty())?;
    (url.scheme() == "https" || (plain && url.scheme() == "http")).then_some(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
pub mod tests {
    use super::super::tests::forge;
    use super::*;

    pub fn metadata(certificates: &[String]) -> String {
        let keys: String = certificates
            .iter()
            .map(|c| format!(r#"<KeyDescriptor use="signing"><d:KeyInfo><d:X509Data><d:X509Certificate>{c}</d:X509Certificate></d:X509Data></d:KeyInfo></KeyDescriptor>"#))
            .collect();
        format!(
            r#"<?xml version="1.0"?><EntityDescriptor xmlns="{METADATA}" xmlns:d="{DSIG}" entityID="https://idp.example/saml"><IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="{PROTOCOL}">{keys}<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/><SingleSignOnService Binding="{REDIRECT}" Location="https://idp.example/sso?tenant=a"/></IDPSSODescriptor></EntityDescriptor>"#
        )
    }

    #[test]
    fn metadata_says_who_it_is_and_what_is_wrong_with_it() {
        let (a, b) = (forge::certificate(&forge::IDP), forge::certificate(&forge::OTHER));
        let good = metadata(&[a.clone(), b, a.clone()]);
        let p = of_metadata(&good, false).unwrap();
        assert_eq!(
            (&*p.entity_id, p.sso_url.as_str(), p.certificates.len()),
            ("https://idp.example/saml", "https://idp.example/sso?tenant=a", 2)
        );
        assert!(p.wants_signed && p.valid_until.is_none());
        let (_, entity) = good.split_once("?>").unwrap();
        assert!(
            of_metadata(&format!(r#"<EntitiesDescriptor xmlns="{METADATA}">{entity}</EntitiesDescriptor>"#), false)
                .is_ok()
        );
        let dated = good.replace("entityID=", r#"validUntil="2026-01-01T00:00:00Z" entityID="#);
        assert_eq!(of_metadata(&dated, false).unwrap().valid_until, "2026-01-01T00:00:00Z".parse().ok());
        for (bad, told) in [
            (format!(r#"<EntitiesDescriptor xmlns="{METADATA}">{entity}{entity}</EntitiesDescriptor>"#), "several"),
            (format!(r#"<EntitiesDescriptor xmlns="{METADATA}"/>"#), "no identity provider"),
            (good.replace("IDPSSODescriptor", "SPSSODescriptor"), "IDPSSODescriptor"),
            (good.replace(PROTOCOL, "urn:oasis:names:tc:SAML:1.1:protocol"), "SAML 2.0"),
            (good.replace("HTTP-Redirect", "SOAP"), "HTTP-Redirect"),
            (good.replace("https://idp.example/sso", "http://idp.example/sso"), "https"),
            (good.replace("https://idp.example/sso", "javascript:alert(1)"), "https"),
            (good.replace("https://idp.example/saml", ""), "entityID"),
            (good.replace(&a, "AAAA"), ""),
            (metadata(&["AAAA".into()]), "certificate is of no use"),
            (metadata(&[]), "no signing certificate"),
            (good.replace(r#"use="signing""#, r#"use="encryption""#), "no signing certificate"),
            (dated.replace("2026-01-01T00:00:00Z", "soon"), "validUntil"),
            ("<html/>".into(), "EntityDescriptor"),
            (good.replace("?>", "?><!DOCTYPE x>"), "document type"),
            ("x".repeat(300_000), "256 KiB"),
        ] {
            match of_metadata(&bad, false) {
                Ok(p) => assert!(told.is_empty() && p.certificates.len() == 1, "the good ones beside a bad one count"),
                Err(why) => assert!(!told.is_empty() && why.contains(told), "{told}: {why}"),
            }
        }
    }
}
