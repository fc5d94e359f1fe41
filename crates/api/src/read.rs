//! Readers of values that several bodies share; each answers the sentence of spec 4.3.1 where there is one.
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::user::AuthProvider;
use serde_json::Value;

use portcullis_domain::avatar;

/// For a missing or ill-formed list of roles.
pub const ROLES: &str = "A list with at least one of user, approver, admin.";
/// For an unknown provider.
pub const PROVIDERS: &str = "One of local, oidc, saml.";

/// `auth_provider`, `local` when absent.
pub fn provider(f: &mut Fields) -> Option<AuthProvider> {
    if matches!(f.peek("auth_provider"), None | Some(Value::Null)) {
        f.take("auth_provider");
        return Some(AuthProvider::Local);
    }
    f.optional("auth_provider", word(AuthProvider::parse, PROVIDERS))
}

/// An image data URI.
pub fn image(v: Value) -> Result<String, String> {
    avatar::image(fields::string(v)?)
}

/// One word of a list.
pub fn word<T>(read: impl Fn(&str) -> Option<T>, words: &'static str) -> impl Fn(Value) -> Result<T, &'static str> {
    move |v| v.as_str().and_then(&read).ok_or(words)
}

/// An RFC 3339 time.
pub fn moment(v: Value) -> Result<portcullis_domain::Timestamp, &'static str> {
    let read = v.as_str().and_then(|s| s.parse().ok());
    read.ok_or("An RFC 3339 time such as 2026-11-22T09:15:04Z.")
}

/// An https URL of at most 2,048 characters, without user and password.
pub fn https(v: Value) -> Result<String, &'static str> {
    const HINT: &str = "An https URL of at most 2048 characters.";
    let text = fields::string(v)?;
    let fine = text.len() <= 2_048
        && url::Url::parse(&text)
            .is_ok_and(|u| u.scheme() == "https" && u.has_host() && u.username().is_empty() && u.password().is_none());
    if fine { Ok(text) } else { Err(HINT) }
}

/// A language tag in the form of BCP 47, such as `en` or `pt-BR`.
pub fn locale(v: Value) -> Result<String, &'static str> {
    let text = fields::string(v)?;
    let tag = |t: &str| (1..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric());
    let language = |t: &str| (2..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphabetic());
    let mut tags = text.split('-');
    let fine = text.len() <= 35 && tags.next().is_some_and(language) && tags.all(tag);
    if fine { Ok(text) } else { Err("A language tag such as en or pt-BR.") }
}

/// Passwords.
pub mod password {
    use super::{AuthProvider, Fields, Value, fields};
    use portcullis_crypto::password::{Password, Rule};

    /// A new password within its bounds; whether it is a good one is decided where its owner is known.
    pub fn new(v: Value) -> Result<Password, &'static str> {
        let text = fields::string(v)?;
        match text.len() {
            0..Rule::MIN => Err("At least 8 bytes."),
            Rule::MIN..=Rule::MAX => Ok(Password::new(text)),
            _ => Err("At most 256 bytes."),
        }
    }

    /// A new password whose bounds the service checks too, where being too short is `weak_password`. The cap only keeps a hash
    /// from being fed a whole body.
    pub fn candidate(v: Value) -> Result<Password, &'static str> {
        let text = fields::string(v)?;
        if text.len() > 4_096 { Err("At most 256 bytes.") } else { Ok(Password::new(text)) }
    }

    /// A password that is to be compared: anything up to the longest that could have been set.
    pub fn present(v: Value) -> Result<Password, &'static str> {
        let text = fields::string(v)?;
        if text.len() > Rule::MAX { Err("At most 256 bytes.") } else { Ok(Password::new(text)) }
    }

    /// The `password` of a new user: needed for `local`, refused for the others. Where the provider itself is wrong, that is
    /// the only complaint.
    pub fn for_provider(f: &mut Fields, provider: Option<AuthProvider>) -> Option<Password> {
        match provider {
            Some(AuthProvider::Local) => f.required("password", "Required for auth_provider local.", new),
            Some(other) => {
                if f.take("password").is_some_and(|v| !v.is_null()) {
                    f.wrong("password", format!("Leave it out: {} users sign in at their provider.", other.as_str()));
                }
                None
            }
            None => {
                f.take("password");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn urls_and_tags() {
        assert!(https(json!("https://acme.awsapps.com/start")).is_ok());
        for bad in ["http://acme.example", "https://", "javascript:alert(1)", "https://u:p@acme.example/", "acme"] {
            assert!(https(json!(bad)).is_err(), "{bad}");
        }
        assert!(locale(json!("en")).is_ok() && locale(json!("zh-Hant-TW")).is_ok());
        for bad in ["", "e", "en_US", "en-", "-en", "12", "ä-DE"] {
            assert!(locale(json!(bad)).is_err(), "{bad}");
        }
    }
}
