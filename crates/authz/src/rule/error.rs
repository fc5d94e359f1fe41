//! What is wrong with a rule, and where: `details.errors[]` of `policy_invalid` (spec v1 2.4).
use std::fmt;

use serde::Serialize;

/// One thing that is wrong, at a place in the text that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleIssue {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// A sentence for a person.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

/// Something that is not wrong but probably not meant, in the same form.
pub type Warning = RuleIssue;

/// Everything that is wrong with a text; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct RuleErrors(Vec<RuleIssue>);
impl RuleErrors {
    pub(crate) fn new(issues: Vec<RuleIssue>) -> Self {
        debug_assert!(!issues.is_empty());
        Self(issues)
    }
    /// The issues, in order.
    pub fn issues(&self) -> &[RuleIssue] {
        &self.0
    }
}
impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "line {}, column {}: {}", e.line, e.column, e.message)?;
        }
        Ok(())
    }
}

/// Something wrong at a byte offset of the text that is being read.
#[derive(Debug)]
pub(super) struct Found {
    pub offset: usize,
    pub message: String,
    pub help: String,
}
impl Found {
    pub(super) fn new(offset: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { offset, message: message.into(), help: help.into() }
    }
    /// Cedar's own diagnostic.
    pub(super) fn cedar(e: &dyn miette::Diagnostic) -> Self {
        let label = e.labels().and_then(|mut l| l.next());
        let offset = label.as_ref().map_or(0, miette::LabeledSpan::offset);
        let mut message = e.to_string();
        // there is one rule, and this is not its name
        if let Some(rest) = message.strip_prefix("for policy `policy0`, ") {
            message = rest.to_owned();
        }
        // the message says what, the label often why ("expected `(`")
        if let Some(why) = label.as_ref().and_then(|l| l.label()).filter(|w| !message.contains(*w)) {
            message = format!("{message}: {why}");
        }
        Self { offset, message, help: e.help().map(|h| h.to_string()).unwrap_or_default() }
    }
    pub(super) fn moved(self, place: impl FnOnce(usize) -> usize) -> Self {
        Self { offset: place(self.offset), ..self }
    }
    /// As the caller sees it, who sent this text.
    pub(super) fn issue(self, sent: &str) -> RuleIssue {
        let before = &sent[..sent.floor_char_boundary(self.offset)];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        RuleIssue { line, column, message: self.message, help: self.help }
    }
}
