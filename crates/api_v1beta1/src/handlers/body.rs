//! The `body` of a request that makes or changes a named thing: every wrong field is told, with its path as the sender knows it.
use portcullis_domain::value::{Email, Slug, line};
use portcullis_domain::{Error, FieldError, Result, avatar, fields};
use portcullis_wire_v1beta1::{DynamicMessage, structure};
use serde_json::{Map, Value};

use super::read::Read;
use crate::call::Call;
use crate::encoding::Encoding;

/// A body on its way to a command.
pub struct Body {
    message: DynamicMessage,
    /// Where it is in what was sent: REST sends the body alone.
    prefix: String,
    wrong: Vec<FieldError>,
}
impl Body {
    /// The body of a request.
    pub fn of(call: &Call, request: &DynamicMessage) -> Result<Self> {
        let message = request.inner("body").ok_or_else(|| Error::field("body", "This must be there."))?;
        let prefix = if call.encoding == Encoding::Rest { "" } else { "body." };
        Ok(Self { message, prefix: prefix.into(), wrong: vec![] })
    }
    /// One of several bodies.
    pub fn item(message: DynamicMessage, prefix: String) -> Self {
        Self { message, prefix, wrong: vec![] }
    }
    /// A text as it was sent; empty when it was not.
    pub fn text(&self, field: &str) -> String {
        self.message.text(field)
    }
    /// A list of texts as it was sent.
    pub fn texts(&self, field: &str) -> Vec<String> {
        self.message.texts(field)
    }
    /// Notes that a field is wrong.
    pub fn wrong(&mut self, field: &str, message: impl Into<String>) {
        let (field, message) = (format!("{}{field}", self.prefix), message.into());
        self.wrong.push(FieldError { field: field.into(), message: message.into() });
    }
    fn parsed<T, E: Into<String>>(&mut self, field: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        parse(&self.text(field)).map_err(|e| self.wrong(field, e)).ok()
    }
    /// `name`, which must be there (decision 2).
    pub fn name(&mut self) -> Option<Slug> {
        self.parsed("name", Slug::parse)
    }
    /// An e-mail address, which must be there.
    pub fn email(&mut self, field: &str) -> Option<Email> {
        self.parsed(field, Email::parse)
    }
    /// `title`: a line of text, maybe empty (decision 3).
    pub fn title(&mut self) -> String {
        self.parsed("title", |s| line(s, 200)).unwrap_or_default()
    }
    /// `avatar`, if one was sent (decision 3).
    pub fn avatar(&mut self) -> Option<String> {
        let sent = Some(self.text("avatar")).filter(|s| !s.is_empty())?;
        self.parsed("avatar", avatar::either).map(|()| sent)
    }
    /// `metadata` within its bounds; its schema is the use case's business.
    pub fn metadata(&mut self) -> Map<String, Value> {
        let sent = self.message.inner("metadata").map(|m| structure::to_json(&m)).unwrap_or_default();
        fields::metadata(Value::Object(sent)).map_err(|e| self.wrong("metadata", e)).unwrap_or_default()
    }
    /// What was made of the body, or all that is wrong with it.
    pub fn finish<T>(self, made: Option<T>) -> Result<T> {
        match made {
            Some(made) if self.wrong.is_empty() => Ok(made),
            _ => Err(Error::fields(self.wrong)),
        }
    }
}
