//! A request as it came in, before anything of it was read: so that nobody's body is parsed before we know who sends it.
use bytes::Bytes;
use portcullis_domain::{Error, Result};
use portcullis_wire_v1beta1::endpoint::{Body, Rest};
use portcullis_wire_v1beta1::{DynamicMessage, MessageDescriptor, json};

use crate::encoding::Encoding;
use crate::{transcode, validation};

/// The parts of a request that make its message.
#[derive(Debug)]
pub struct Incoming {
    /// How it was sent.
    pub encoding: Encoding,
    /// The body, in full.
    pub body: Bytes,
    /// Of REST: the operation that matched.
    pub rest: Option<&'static Rest>,
    /// Of REST: the path's variables, decoded.
    pub variables: Vec<(&'static str, String)>,
    /// Of REST: the query string, as sent.
    pub query: Option<String>,
}
impl Incoming {
    /// The request message, checked against the rules of its fields.
    pub fn message(&self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let message = self.decode(descriptor)?;
        let wrong = validation::check(&message);
        if wrong.is_empty() {
            return Ok(message);
        }
        Err(Error::fields(wrong.into_iter().map(|f| self.as_sent(f)).collect()))
    }
    /// The request message, unchecked.
    pub fn decode(&self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        match (self.encoding, self.rest) {
            (Encoding::Rest, Some(rest)) => transcode::request(descriptor, rest, self),
            (Encoding::Rest, None) => Err(Error::internal("a REST call without its operation")),
            (Encoding::ConnectJson, _) => {
                json::read(descriptor.clone(), &self.body).map_err(|e| not_json(&self.body, &e))
            }
            (Encoding::ConnectProto, _) => DynamicMessage::decode(descriptor.clone(), self.body.clone())
                .map_err(|e| Error::field("", format!("The body is not this call's protobuf message: {e}."))),
        }
    }
    /// A variable of the path; empty when it has no such one.
    pub fn variable(&self, name: &str) -> String {
        self.variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    }
    /// A field of `body` as the sender knows it.
    pub fn prefixed(&self, field: &str) -> String {
        if self.encoding == Encoding::Rest { field.to_owned() } else { format!("body.{field}") }
    }
    /// A path in the message as the sender knows it: where REST sends `body` alone, its fields have no prefix.
    pub fn as_sent(&self, mut wrong: portcullis_domain::FieldError) -> portcullis_domain::FieldError {
        if let Some(Rest { body: Body::Field(name), .. }) = self.rest
            && let Some(inside) = wrong.field.strip_prefix(name).and_then(|f| f.strip_prefix('.'))
        {
            wrong.field = inside.to_owned().into();
        }
        wrong
    }
}

/// 400 with the place of what is wrong.
pub fn not_json(body: &[u8], e: &serde_json::Error) -> Error {
    if body.is_empty() {
        return Error::field("", "The body is empty; send at least {}.");
    }
    let text = e.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let what: String = what.chars().take(200).collect();
    Error::field("", format!("Line {}, column {}: {what}.", e.line(), e.column()))
}
