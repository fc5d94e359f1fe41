//! SCIM 2.0 on the wire (RFC 7643, RFC 7644; spec v1 4.18): how people and groups are written and read, what filters and paths say, what a
//! patch does, and what the server tells about itself. What a call does with it is `service`'s, how it comes is `api`'s.
//!
//! A filter becomes a [`Search`](portcullis_domain::scim::Search) of typed fields, a patch of a person another document of that person, a
//! patch of a group steps of a [`GroupChange`](portcullis_domain::scim::GroupChange): nothing of a request goes further as text.
pub mod attribute;
pub mod discovery;
pub mod filter;
pub mod group;
mod matching;
pub mod message;
mod patch;
pub mod projection;
mod read;
pub mod user;

use portcullis_domain::scim::SCIM_TYPE;
use portcullis_domain::{Code, Error};

/// The media type of everything here (RFC 7644 3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";

/// Why a request is refused, in the words of RFC 7644 3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The filter does not read, or asks for what is not searched by.
    InvalidFilter,
    /// More than one call does.
    TooMany,
    /// The body is not what it has to be.
    InvalidSyntax,
    /// The path does not read, or names nothing.
    InvalidPath,
    /// The path names nothing that could be changed so.
    NoTarget,
    /// A value is missing or not of its kind.
    InvalidValue,
    /// It is not the client's to change.
    Mutability,
}
impl Fault {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::Mutability => "mutability",
        }
    }
    /// 400 with this word and a sentence for whoever set the directory up.
    pub fn because(self, detail: impl Into<String>) -> Error {
        Error::new(Code::InvalidInput, detail.into()).detail(SCIM_TYPE, self.as_str())
    }
}
