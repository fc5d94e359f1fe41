//! Rules: one Cedar statement, as text and taken apart (spec v1 6.3).
//!
//! [`Rule::parse_text`] reads what a person wrote, [`Rule::from_parts`] what a form sent; both give a [`RuleSource`], whose
//! [`render`](RuleSource::render) is the one canonical text that is stored. `parse(render(rule)) = rule`.
mod edit;
mod error;
mod lex;
mod parse;
mod parts;
mod render;
mod validate;

pub use error::{RuleErrors, RuleIssue, Warning};
pub(crate) use lex::{Kind as TokenKind, guard, lex, string_value};
pub use parse::{Resolver, RuleSource, parse_many};
pub use parts::{Effect, RuleParts, ScopeType};
pub use validate::validate;

/// Bytes of a rule's text.
pub const MAX_TEXT: usize = 16 * 1024;
/// Bytes of its conditions.
pub const MAX_CONDITIONS: usize = 8 * 1024;
/// Characters of its notice.
pub const MAX_NOTICE: usize = 500;
/// Action ids in its scope.
pub const MAX_ACTIONS: usize = 50;
/// Bytes of a `cedar_policy_set`.
pub const MAX_SET: usize = 256 * 1024;

/// How a rule comes into being.
#[derive(Debug)]
pub struct Rule;
impl Rule {
    /// Reads exactly one statement. Names of users and groups become ids; comments are dropped.
    pub fn parse_text(text: &str, resolver: &dyn Resolver) -> Result<RuleSource, RuleErrors> {
        parse::one(text, resolver)
    }
    /// Lays out the parts and reads the result. Errors in `conditions` point into `conditions`.
    pub fn from_parts(parts: &RuleParts, resolver: &dyn Resolver) -> Result<RuleSource, RuleErrors> {
        parse::from_parts(parts, resolver)
    }
}
