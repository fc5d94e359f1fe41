//! Of whom an assertion speaks, and how they proved who they are. Its signature was checked.
use portcullis_domain::openid::{Asserted, Fault, GROUPS};
use portcullis_domain::provider_config::SamlSettings;

use super::xml::{ASSERTION, Node};

/// The longest text of a person that is taken, in characters.
const TEXT: usize = 320;
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// How Microsoft Entra names the methods of a sign-in.
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
const SEVERAL: &str = "http://schemas.microsoft.com/claims/multipleauthn";

/// What a signed assertion says of its subject.
pub fn asserted(assertion: Node<'_>, subject: Node<'_>, settings: &SamlSettings) -> Result<Asserted, Fault> {
    let Some(name) = subject.one(ASSERTION, "NameID") else {
        return Err(Fault::Token(
            "The subject has no NameID, or an encrypted one: have the provider send it in the clear.",
        ));
    };
    let format = name.attribute("Format").unwrap_or_default();
    if format == TRANSIENT {
        return Err(Fault::Token(
            "The NameID is transient, another one at each sign-in: have the provider send a persistent one, or the e-mail address.",
        ));
    }
    let id = name.text().filter(|s| (1..=255).contains(&s.len()) && !s.chars().any(char::is_control));
    let subject = id.ok_or(Fault::Token("The NameID is none that can be kept."))?;
    let values = |name: &str| values(assertion, name);
    let first = |name: &Option<String>| name.as_deref().and_then(|name| values(name).into_iter().next());
    let email = match &settings.email_attribute {
        Some(_) => first(&settings.email_attribute),
        None if format == EMAIL || ((format.is_empty() || format == UNSPECIFIED) && subject.contains('@')) => {
            Some(subject.clone())
        }
        None => None,
    };
    let groups = settings.groups_attribute.as_deref().filter(|_| settings.group_sync).map(values).unwrap_or_default();
    let classes: Vec<String> = assertion
        .all(ASSERTION, "AuthnStatement")
        .filter_map(|s| s.one(ASSERTION, "AuthnContext")?.one(ASSERTION, "AuthnContextClassRef")?.text())
        .collect();
    let mut amr: Vec<String> = classes.iter().flat_map(|c| factors(c)).map(|w| (*w).to_owned()).collect();
    if values(METHODS).iter().any(|m| m == SEVERAL) {
        amr.push("mfa".into());
    }
    Ok(Asserted {
        subject,
        // SAML has no word for it: for which domains the provider may speak is looked at by the use case
        email_verified: email.is_some(),
        email,
        name: None,
        given_name: first(&settings.first_name_attribute),
        family_name: first(&settings.last_name_attribute),
        groups: groups.into_iter().take(GROUPS).collect(),
        amr,
        acr: classes.into_iter().next(),
        session_ends_at: None,
    })
}
/// The values of an attribute that are texts.
fn values(assertion: Node<'_>, name: &str) -> Vec<String> {
    let statements = assertion.all(ASSERTION, "AttributeStatement");
    let attributes =
        statements.flat_map(|s| s.all(ASSERTION, "Attribute")).filter(|a| a.attribute("Name") == Some(name));
    let texts = attributes.flat_map(|a| a.all(ASSERTION, "AttributeValue")).filter_map(Node::text);
    texts.filter(|t| !t.is_empty() && t.chars().count() <= TEXT).collect()
}
/// What a context class says was shown (SAML Authentication Context 3.4), in the words of RFC 8176.
fn factors(class: &str) -> &'static [&'static str] {
    match class.strip_prefix("urn:oasis:names:tc:SAML:2.0:ac:classes:").unwrap_or(class) {
        "Password" | "PasswordProtectedTransport" => &["pwd"],
        "TimeSyncToken" => &["otp"],
        "Smartcard" => &["sc"],
        "SmartcardPKI" => &["sc", "pin"],
        "MobileTwoFactorContract" | "MobileTwoFactorUnregistered" | SEVERAL => &["mfa"],
        _ => &[],
    }
}
