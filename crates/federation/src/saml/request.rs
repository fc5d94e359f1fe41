//! What we say: an `AuthnRequest` over HTTP-Redirect (SAML Bindings 3.4), and our metadata (SAML Metadata 2.4.4).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use portcullis_domain::saml::ServiceProvider;
use uppsala::XmlWriter;
use url::{Url, form_urlencoded};

use super::key::{OwnKey, RSA_SHA256};
use super::xml::{ASSERTION, DSIG, METADATA, PROTOCOL, XENC};
use portcullis_domain::openid::Fault;

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Where the browser goes; `key` signs it.
pub fn url(own: &ServiceProvider, to: &Url, id: &str, key: Option<&OwnKey>, now: Timestamp) -> Result<String, Fault> {
    let request = STANDARD.encode(deflate(authn_request(own, to, id, now).as_bytes()));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("SAMLRequest", &request);
    if let Some(key) = key {
        query.append_pair("SigAlg", RSA_SHA256);
        let signed = query.finish();
        // 3.4.4.1: what is signed is the query as it is sent
        let signature = STANDARD.encode(key.sign(signed.as_bytes())?);
        query = form_urlencoded::Serializer::new(signed);
        query.append_pair("Signature", &signature);
    }
    let query = query.finish();
    let mut url = to.clone();
    let query = match url.query() {
        Some(had) if !had.is_empty() => format!("{had}&{query}"),
        _ => query,
    };
    url.set_query(Some(&query));
    Ok(url.into())
}
fn authn_request(own: &ServiceProvider, to: &Url, id: &str, now: Timestamp) -> String {
    let mut x = XmlWriter::new();
    let at = now.to_string();
    let at = format!("{}Z", at.get(..19).unwrap_or_default());
    x.start_element(
        "samlp:AuthnRequest",
        &[
            ("xmlns:samlp", PROTOCOL),
            ("xmlns:saml", ASSERTION),
            ("ID", id),
            ("Version", "2.0"),
            ("IssueInstant", &at),
            ("Destination", to.as_str()),
            ("ProtocolBinding", POST),
            ("AssertionConsumerServiceURL", &own.acs_url),
        ],
    );
    text(&mut x, "saml:Issuer", &own.entity_id);
    x.empty_element("samlp:NameIDPolicy", &[("AllowCreate", "true")]);
    x.end_element("samlp:AuthnRequest");
    x.into_string()
}
fn text(x: &mut XmlWriter, name: &str, text: &str) {
    x.start_element(name, &[]);
    x.text(text);
    x.end_element(name);
}
/// RFC 1951 3.2.4: one block that is stored as it is. A request is a few hundred bytes.
fn deflate(text: &[u8]) -> Vec<u8> {
    let (text, length) = match u16::try_from(text.len()) {
        Ok(length) => (text, length),
        Err(_) => (&text[..usize::from(u16::MAX)], u16::MAX),
    };
    [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), text].concat()
}

/// What a provider has to know of us.
pub fn metadata(own: &ServiceProvider, key: &OwnKey, signs: bool) -> String {
    let certificate = STANDARD.encode(key.certificate());
    let mut x = XmlWriter::new();
    x.write_declaration();
    x.start_element("md:EntityDescriptor", &[("xmlns:md", METADATA), ("xmlns:ds", DSIG), ("entityID", &own.entity_id)]);
    x.start_element(
        "md:SPSSODescriptor",
        &[
            ("AuthnRequestsSigned", if signs { "true" } else { "false" }),
            ("WantAssertionsSigned", "true"),
            ("protocolSupportEnumeration", PROTOCOL),
        ],
    );
    for purpose in ["signing", "encryption"] {
        x.start_element("md:KeyDescriptor", &[("use", purpose)]);
        x.start_element("ds:KeyInfo", &[]);
        x.start_element("ds:X509Data", &[]);
        text(&mut x, "ds:X509Certificate", &certificate);
        x.end_element("ds:X509Data");
        x.end_element("ds:KeyInfo");
        if purpose == "encryption" {
            for method in [
                "http://www.w3.org/2009/xmlenc11#aes256-gcm",
                "http://www.w3.org/2009/xmlenc11#aes128-gcm",
                &format!("{XENC}rsa-oaep-mgf1p"),
            ] {
                x.empty_element("md:EncryptionMethod", &[("Algorithm", method)]);
            }
        }
        x.end_element("md:KeyDescriptor");
    }
    for format in [
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    ] {
        text(&mut x, "md:NameIDFormat", format);
    }
    x.empty_element(
        "md:AssertionConsumerService",
        &[("Binding", POST), ("Location", &own.acs_url), ("index", "0"), ("isDefault", "true")],
    );
    x.end_element("md:SPSSODescriptor");
    x.end_element("md:EntityDescriptor");
    x.into_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::super::certificate::Certificate;
    use super::super::tests::forge;
    use super::super::xml::{self, Node};
    use super::*;

    #[test]
    fn a_request_is_signed_as_it_is_sent() {
        let (own, key) = (forge::own(), forge::own_key());
        let to = Url::parse("https://idp.example/sso?tenant=a&b=%C3%A4").unwrap();
        let sent = url(&own, &to, "_id", Some(&key), forge::NOW).unwrap();
        let query = sent.strip_prefix("https://idp.example/sso?tenant=a&b=%C3%A4&").unwrap();
        let (signed, signature) = query.split_once("&Signature=").unwrap();
        let read = |text: &str| form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<(String, String)>>();
        let signature = STANDARD.decode(&read(&format!("x={signature}"))[0].1).unwrap();
        assert!(Certificate::of_der(key.certificate()).unwrap().signed(RSA_SHA256, signed.as_bytes(), &signature));
        let said = read(signed);
        assert_eq!((&*said[0].0, &*said[1].0, said.len()), ("SAMLRequest", "SigAlg", 2));
        let stored = STANDARD.decode(&said[0].1).unwrap();
        let text = std::str::from_utf8(&stored[5..]).unwrap();
        let doc = xml::parse(text).unwrap();
        let request = Node::root(&doc).unwrap();
        assert!(request.is(PROTOCOL, "AuthnRequest"));
        assert_eq!(request.attribute("Destination"), Some(to.as_str()));
        assert_eq!(request.attribute("IssueInstant"), Some("2026-11-22T09:21:44Z"));
        assert_eq!(request.one(ASSERTION, "Issuer").unwrap().text().unwrap(), own.entity_id);
        let plain = url(&own, &to, "_id", None, forge::NOW).unwrap();
        assert!(!plain.contains("Signature") && plain.contains("SAMLRequest"));
    }

    #[test]
    fn our_metadata_says_what_we_take() {
        let (own, key) =
            (ServiceProvider { entity_id: "https://p.example/a?b&\"<".into(), ..forge::own() }, forge::own_key());
        let text = metadata(&own, &key, true);
        let doc = xml::parse(&text).unwrap();
        let root = Node::root(&doc).unwrap();
        assert_eq!(root.attribute("entityID"), Some(&*own.entity_id), "what is written is what is read");
        let role = root.one(METADATA, "SPSSODescriptor").unwrap();
        assert_eq!(role.attribute("WantAssertionsSigned"), Some("true"));
        let acs = role.one(METADATA, "AssertionConsumerService").unwrap();
        assert_eq!((acs.attribute("Location"), acs.attribute("Binding")), (Some(&*own.acs_url), Some(POST)));
        let shown: Vec<_> = root.every().into_iter().filter(|n| n.is(DSIG, "X509Certificate")).collect();
        assert_eq!(shown.len(), 2);
        assert!(shown.iter().all(|c| Certificate::read(&c.text().unwrap()).is_ok()));
    }
}
