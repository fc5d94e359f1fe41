//! What a browser sends of a form.
use std::convert::Infallible;

use axum::body::Bytes;
use futures_util::stream;
use portcullis_crypto::password::{Password, Rule};
use portcullis_domain::{Code, Error, Result};

use crate::refusal::Refused;
use crate::texts::EN;

/// No form of ours has more fields.
const FIELDS: usize = 256;

/// The fields of a form, in their order.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().take(FIELDS).collect())
    }
    /// The first field of this name, as it was sent; empty without one.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
    /// The same read as JSON; null if it is none.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(self.raw(name)).unwrap_or_default()
    }
    /// The same without the blanks around it.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }
    /// Was a field of this name sent, empty or not?
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }
    /// All fields of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
    /// All fields as a query.
    pub fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
    /// What two forms that are the same have in common.
    pub fn fingerprint(&self) -> Vec<u8> {
        self.query().into_bytes()
    }
    /// A password that is to be compared.
    pub fn password(&self, name: &'static str) -> Result<Password, Refused> {
        match self.raw(name).len() {
            0 => Err(Refused::field(name, EN.enter_password)),
            1..=Rule::MAX => Ok(Password::new(self.raw(name))),
            _ => Err(Refused::field(name, EN.wrong_credentials)),
        }
    }
    /// A password that is to be set, and was typed twice. Whether it is a good one is the service's to say.
    pub fn new_password(&self, name: &'static str, again: &'static str) -> Result<Password, Refused> {
        match self.raw(name).len() {
            0 => Err(Refused::field(name, EN.enter_password)),
            n if n > Rule::MAX => Err(Refused::field(name, EN.password_long)),
            _ if self.raw(name) != self.raw(again) => Err(Refused::field(again, EN.passwords_differ)),
            _ => Ok(Password::new(self.raw(name))),
        }
    }
}

/// A file.
pub(crate) struct Upload(pub Bytes);

/// The file of this name in a multipart body; none, or an empty one without a name, is what a browser sends of a field left empty.
pub(crate) async fn upload(body: Bytes, boundary: String, name: &str) -> Result<Option<Upload>> {
    let broken = |_| Error::new(Code::InvalidInput, EN.error_refused);
    let mut parts = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        if part.name() == Some(name) {
            let bytes = part.bytes().await.map_err(broken)?;
            return Ok((!bytes.is_empty()).then_some(Upload(bytes)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_sent() {
        let form = Form::read(b"a=+x%20&b=%3Cscript%3E&a=2&c");
        assert_eq!((form.raw("a"), form.text("a"), form.raw("b")), (" x ", "x", "<script>"));
        assert_eq!(form.all("a").collect::<Vec<_>>(), [" x ", "2"]);
        assert!(form.has("c") && !form.has("d") && form.raw("d").is_empty());
        assert_ne!(form.fingerprint(), Form::read(b"a=+x%20&b=%3Cscript%3E&a=2&d").fingerprint());
    }
}
