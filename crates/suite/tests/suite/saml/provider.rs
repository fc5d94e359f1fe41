//! A SAML provider for tests: it signs whatever it is told, about whomever. What it writes is in canonical form already, so that it needs
//! no machinery for XML, and shares none with the server.
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use portcullis_domain::saml::Saml;
use portcullis_federation::saml::SamlParty;
use portcullis_outbound::{Allowed, HttpClient};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::world::*;

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const TWO_FACTORS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract";

/// A key with its certificate.
#[derive(Clone)]
pub struct Key {
    pair: Arc<KeyPair>,
    pub certificate: Vec<u8>,
    pub pkcs8: Vec<u8>,
}
impl Key {
    /// Its certificate begins now, for ten years.
    pub fn new(now: i64) -> Self {
        let http = Arc::new(HttpClient::new(Allowed { http: true, private: true }).unwrap());
        let bytes = SamlParty::new(http).new_key(Timestamp::from_micros(now * 1_000_000)).unwrap();
        let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        let (certificate, pkcs8) = bytes[2..].split_at(length);
        let pair = Arc::new(KeyPair::from_pkcs8(pkcs8).unwrap());
        Self { pair, certificate: certificate.to_vec(), pkcs8: pkcs8.to_vec() }
    }
    /// As metadata has it.
    pub fn shown(&self) -> String {
        STANDARD.encode(&self.certificate)
    }
    fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        STANDARD.encode(signature)
    }
}

/// A provider; clones are the same.
#[derive(Clone)]
pub struct Provider {
    pub key: Key,
    pub entity_id: String,
    /// The metadata that it publishes, and how often it was asked for it.
    published: Arc<Mutex<(String, usize)>>,
    pub metadata_url: String,
}
impl Provider {
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let published = Arc::new(Mutex::new((String::new(), 0)));
        let p = Self {
            key: Key::new(now),
            entity_id: format!("{at}/saml"),
            published: published.clone(),
            metadata_url: format!("{at}/metadata"),
        };
        p.publish(&[&p.key]);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4_096];
                let _ = stream.read(&mut buffer).await;
                let text = {
                    let mut published = published.lock().unwrap();
                    published.1 += 1;
                    published.0.clone()
                };
                let head = if text.is_empty() { "HTTP/1.1 500 X" } else { "HTTP/1.1 200 X" };
                let answer = format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        p
    }
    /// The same that signs with another key.
    pub fn with_key(&self, key: Key) -> Self {
        Self { key, ..self.clone() }
    }
    /// Shows these keys from now on; none: it is out of order.
    pub fn publish(&self, keys: &[&Key]) {
        self.published.lock().unwrap().0 = if keys.is_empty() { String::new() } else { self.metadata(keys) };
    }
    pub fn asked(&self) -> usize {
        self.published.lock().unwrap().1
    }
    pub fn metadata(&self, keys: &[&Key]) -> String {
        let keys: String = keys
            .iter()
            .map(|k| format!(r#"<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"#, k.shown()))
            .collect();
        format!(
            r#"<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{}"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
            self.entity_id,
            self.sso_url()
        )
    }
    pub fn sso_url(&self) -> String {
        self.metadata_url.replace("/metadata", "/sso?tenant=a")
    }
    /// Settings with each of its parts.
    pub fn config(&self, more: &Value) -> Value {
        let mut config = json!({
            "entity_id": self.entity_id, "sso_url": self.sso_url(), "certificates": [self.key.shown()],
            "email_attribute": "mail", "first_name_attribute": "first", "last_name_attribute": "last", "groups_attribute": "groups",
            "group_sync": true, "domains": ["corp.example"],
        });
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                config.as_object_mut().unwrap().remove(name);
            } else {
                config[name] = value.clone();
            }
        }
        config
    }
    /// What a browser is to post that was sent there and where somebody signed in.
    pub fn response(&self, said: &Said) -> String {
        STANDARD.encode(said.around(&said.signed(&self.key, &self.entity_id), &self.entity_id))
    }
}
/// The id of the request with which a browser was sent.
pub fn request_of(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    let sent = url.query_pairs().find(|(n, _)| n == "SAMLRequest").unwrap().1.into_owned();
    // a stored block (RFC 1951 3.2.4)
    let text = String::from_utf8(STANDARD.decode(sent).unwrap()[5..].to_vec()).unwrap();
    text.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What a response is to say.
#[derive(Clone)]
pub struct Said {
    /// The path of the provider here: `/v1/auth/saml/{id}`, with where the server is.
    pub at: String,
    pub request: Option<String>,
    pub now: i64,
    pub id: String,
    pub sub: String,
    pub mail: String,
    pub group: String,
    pub class: String,
    /// In how many seconds the session there ends, if that is said.
    pub until: Option<i64>,
}
impl Said {
    fn time(&self, seconds: i64) -> String {
        Timestamp::from_micros((self.now + seconds) * 1_000_000).to_string()
    }
    /// An assertion with its signature.
    pub fn signed(&self, key: &Key, issuer: &str) -> String {
        let bare = self.assertion(issuer);
        let digest = STANDARD.encode(digest(&SHA256, bare.as_bytes()));
        let info = |names: &str| {
            format!(
                r##"<ds:SignedInfo{names}><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#{}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##,
                self.id
            )
        };
        let names = r#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#""#;
        let signature = format!(
            "<ds:Signature{names}>{}<ds:SignatureValue>{}</ds:SignatureValue></ds:Signature>",
            info(""),
            key.sign(&info(names))
        );
        bare.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }
    /// In canonical form: attributes in their order, no empty-element tags.
    fn assertion(&self, issuer: &str) -> String {
        let asked = self.request.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let until = self.until.map(|s| format!(" SessionNotOnOrAfter=\"{}\"", self.time(s))).unwrap_or_default();
        let value = |name: &str, value: &str| {
            format!(
                r#"<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"#
            )
        };
        format!(
            r#"<saml:Assertion xmlns:saml="{ASSERTION}" ID="{}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData{asked} NotOnOrAfter="{end}" Recipient="{at}/acs"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{now}" NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{at}/metadata</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}"{until}><saml:AuthnContext><saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{}{}{}{}</saml:AttributeStatement></saml:Assertion>"#,
            self.id,
            self.sub,
            self.class,
            value("mail", &self.mail),
            value("first", "Ada"),
            value("last", "Lovelace"),
            value("groups", &self.group),
            now = self.time(0),
            end = self.time(300),
            at = self.at,
        )
    }
    /// A response around anything.
    pub fn around(&self, inner: &str, issuer: &str) -> String {
        let asked = self.request.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r{}" Version="2.0" IssueInstant="{}" Destination="{}/acs"{asked}><saml:Issuer xmlns:saml="{ASSERTION}">{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{inner}</samlp:Response>"#,
            unique(),
            self.time(0),
            self.at
        )
    }
}
