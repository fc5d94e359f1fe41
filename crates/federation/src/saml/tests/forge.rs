//! A provider for tests: it signs whatever it is told.
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use portcullis_domain::provider_config::{SamlSettings, SamlSource, Trust};
use portcullis_domain::saml::ServiceProvider;
use portcullis_domain::{Role, Roles};

use super::super::key::{OwnKey, RSA_SHA256};
use super::super::xml::{self, ASSERTION, DSIG, EXCLUSIVE, Node, PROTOCOL};

/// 2026-11-22T09:21:44Z.
pub const NOW: Timestamp = Timestamp::from_micros(1_795_339_304_000_000);
pub const ENTITY: &str = "https://idp.example/saml";
pub const DIGEST: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
/// The provider, another one, and ours.
pub static IDP: LazyLock<OwnKey> = LazyLock::new(|| OwnKey::generate(NOW).unwrap());
pub static OTHER: LazyLock<OwnKey> = LazyLock::new(|| OwnKey::generate(NOW).unwrap());
static OWN: LazyLock<OwnKey> = LazyLock::new(|| OwnKey::generate(NOW).unwrap());

pub fn own() -> ServiceProvider {
    ServiceProvider {
        entity_id: "https://sp.example/v1/auth/saml/1/metadata".into(),
        acs_url: "https://sp.example/v1/auth/saml/1/acs".into(),
        key: OWN.to_bytes(),
    }
}
pub fn own_key() -> OwnKey {
    OwnKey::of_bytes(&OWN.to_bytes()).unwrap()
}
pub fn certificate(key: &OwnKey) -> String {
    STANDARD.encode(key.certificate())
}
pub fn settings() -> SamlSettings {
    settings_with(&[&IDP])
}
pub fn settings_with(keys: &[&OwnKey]) -> SamlSettings {
    SamlSettings {
        source: SamlSource::Explicit {
            entity_id: ENTITY.into(),
            sso_url: "https://idp.example/sso".into(),
            certificates: keys.iter().map(|k| certificate(k)).collect(),
        },
        email_attribute: Some("mail".into()),
        first_name_attribute: Some("urn:oid:2.5.4.42".into()),
        last_name_attribute: Some("urn:oid:2.5.4.4".into()),
        groups_attribute: Some("groups".into()),
        sign_requests: true,
        allow_idp_initiated: false,
        jit_create: true,
        group_sync: true,
        trust: Trust { domains: vec![], default_roles: Roles::NONE.with(Role::User) },
    }
}
pub fn post(xml: &str) -> String {
    STANDARD.encode(xml)
}

/// What an assertion is to say.
#[derive(Clone)]
pub struct Draft {
    pub issuer: String,
    pub format: String,
    /// As it is written.
    pub name: String,
    pub recipient: String,
    pub destination: String,
    pub in_response_to: Option<&'static str>,
    pub audience: String,
    pub issued: i64,
    pub not_before: i64,
    pub not_on_or_after: i64,
    pub confirmed_until: Option<i64>,
    pub method: String,
    pub class: String,
    /// In the attributes.
    pub more: String,
    /// In the conditions.
    pub condition: String,
}
impl Default for Draft {
    fn default() -> Self {
        Self {
            issuer: ENTITY.into(),
            format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".into(),
            name: "ada-1".into(),
            recipient: own().acs_url,
            destination: own().acs_url,
            in_response_to: Some("_request"),
            audience: own().entity_id,
            issued: 0,
            not_before: -30,
            not_on_or_after: 300,
            confirmed_until: Some(300),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".into(),
            class: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport".into(),
            more: String::new(),
            condition: String::new(),
        }
    }
}
fn at(seconds: i64) -> String {
    NOW.plus_seconds(seconds).to_string()
}
impl Draft {
    /// Without a signature.
    pub fn assertion(&self) -> String {
        let asked = self.in_response_to.map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let until = self.confirmed_until.map(|s| format!(" NotOnOrAfter=\"{}\"", at(s))).unwrap_or_default();
        format!(
            r#"<saml:Assertion xmlns:saml="{ASSERTION}" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_assertion" Version="2.0" IssueInstant="{issued}"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{format}">{name}</saml:NameID><saml:SubjectConfirmation Method="{method}"><saml:SubjectConfirmationData{asked}{until} Recipient="{recipient}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{begin}" NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>{condition}</saml:Conditions><saml:AuthnStatement AuthnInstant="{issued}"><saml:AuthnContext><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue xsi:type="xs:string">ada@corp.example</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:2.5.4.42"><saml:AttributeValue>Ada</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:2.5.4.4"><saml:AttributeValue>Lovelace</saml:AttributeValue></saml:Attribute><saml:Attribute Name="groups"><saml:AttributeValue>Engineering</saml:AttributeValue><saml:AttributeValue>Ops &amp; Co</saml:AttributeValue></saml:Attribute>{more}</saml:AttributeStatement></saml:Assertion>"#,
            issued = at(self.issued),
            issuer = self.issuer,
            format = self.format,
            name = self.name,
            method = self.method,
            recipient = self.recipient,
            begin = at(self.not_before),
            end = at(self.not_on_or_after),
            audience = self.audience,
            condition = self.condition,
            class = self.class,
            more = self.more,
        )
    }
    /// With one.
    pub fn signed(&self) -> String {
        sign(&self.assertion(), "_assertion", &IDP)
    }
    /// A response around the signed assertion.
    pub fn response(&self) -> String {
        self.around(&self.signed())
    }
    pub fn response_by(&self, key: &OwnKey) -> String {
        self.around(&sign(&self.assertion(), "_assertion", key))
    }
    /// A response around anything.
    pub fn around(&self, inner: &str) -> String {
        let asked = self.in_response_to.map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        format!(
            r#"<samlp:Response xmlns:samlp="{PROTOCOL}" ID="_response" Version="2.0" IssueInstant="{}" Destination="{}"{asked}><saml:Issuer xmlns:saml="{ASSERTION}">{ENTITY}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{inner}</samlp:Response>"#,
            at(self.issued),
            self.destination
        )
    }
}

/// The signature of the outermost element, about the one with this id.
pub fn signature(element: &str, id: &str, key: &OwnKey) -> String {
    bent_signature(element, id, &|info| info, &|signed| key.sign(signed).unwrap(), key)
}
/// The same of a `SignedInfo` that was bent before it was signed, in whatever way.
pub fn bent_signature(
    element: &str,
    id: &str,
    bend: &dyn Fn(String) -> String,
    sign: &dyn Fn(&[u8]) -> Vec<u8>,
    shown: &OwnKey,
) -> String {
    let doc = xml::parse(element).unwrap();
    let content = Node::root(&doc).unwrap().canonical(None, &["xs"]).unwrap();
    let value = STANDARD.encode(digest(&SHA256, &content));
    let info = bend(format!(
        r##"<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/><ds:SignatureMethod Algorithm="{RSA_SHA256}"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}"><ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="xs"/></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="{DIGEST}"/><ds:DigestValue>{value}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
    ));
    let doc = format!(r#"<ds:Signature xmlns:ds="{DSIG}">{info}</ds:Signature>"#);
    let doc = xml::parse(&doc).unwrap();
    let signed = Node::root(&doc).unwrap().one(DSIG, "SignedInfo").unwrap().canonical(None, &[]).unwrap();
    let value = STANDARD.encode(sign(&signed));
    format!(
        r#"<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"#,
        certificate(shown)
    )
}
/// The same element with its signature after its issuer.
pub fn sign(element: &str, id: &str, key: &OwnKey) -> String {
    put(element, &signature(element, id, key))
}
/// Something after an element's issuer.
pub fn put(element: &str, what: &str) -> String {
    element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{what}"), 1)
}
