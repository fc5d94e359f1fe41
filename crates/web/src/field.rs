//! One field of a form with its label, its hint and what is wrong with it.
use askama::Template;
use askama::filters::HtmlSafe;

use crate::refusal::Refused;
use crate::texts::EN;

/// A text field. It is shown wherever a template names it.
#[derive(Template)]
#[template(path = "field.html")]
pub(crate) struct Field {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: String,
    autocomplete: &'static str,
    /// Which keyboard a phone shows; empty: the usual one, which corrects what is typed.
    keyboard: &'static str,
    hint: Option<String>,
    error: Option<String>,
    longest: usize,
    required: bool,
    fixed: bool,
    focus: bool,
}
/// `field.html` escapes what it is given.
impl HtmlSafe for Field {}

impl Field {
    /// An optional line of text.
    pub fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            value: String::new(),
            autocomplete: "off",
            keyboard: "",
            hint: None,
            error: None,
            longest: 200,
            required: false,
            fixed: false,
            focus: false,
        }
    }
    /// An address, which is demanded.
    pub fn email(name: &'static str, label: &'static str) -> Self {
        let base = Self::text(name, label);
        Self { kind: "email", autocomplete: "username", keyboard: "email", longest: 254, required: true, ..base }
    }
    /// A code of an app, or one with letters in its place.
    pub fn code(name: &'static str, label: &'static str) -> Self {
        Self { keyboard: "text", longest: 32, required: true, ..Self::text(name, label).autocomplete("one-time-code") }
    }
    /// A code of an app.
    pub fn digits(name: &'static str, label: &'static str) -> Self {
        Self { keyboard: "numeric", ..Self::code(name, label) }
    }
    /// A password, which is demanded. It is never sent back.
    pub fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self { kind: "password", autocomplete, longest: 4_096, required: true, ..Self::text(name, label) }
    }
    /// A new password, twice.
    pub fn new_password(hint: String, refused: Option<&Refused>) -> [Self; 2] {
        let first = Self::password("password", EN.new_password, "new-password").hint(hint).refused(refused).focus();
        [first, Self::password("again", EN.new_password_again, "new-password").refused(refused)]
    }
    pub fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
    pub fn longest(self, longest: usize) -> Self {
        Self { longest, ..self }
    }
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }
    /// It is shown and sent, and cannot be changed.
    pub fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }
    /// Where typing begins.
    pub fn focus(self) -> Self {
        Self { focus: true, ..self }
    }
    /// With what is wrong with it, if anything is; then typing begins here.
    pub fn refused(self, refused: Option<&Refused>) -> Self {
        let error = refused.and_then(|r| r.of_field(self.name)).map(str::to_owned);
        Self { focus: self.focus || error.is_some(), error, ..self }
    }
}
