//! How a tenant shows itself to its people: on the pages, and in mails.
use std::collections::BTreeMap;
use std::fmt;

use crate::mail::Purpose;

/// A colour, 8 bits each of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([r, g, b]))
    }
}
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

/// A mail whose words a tenant may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Template {
    /// Lets somebody set their first password.
    Invitation,
    /// Proves an address.
    Verification,
    /// Lets somebody set a new password.
    PasswordReset,
    /// Says that the password is another now.
    PasswordChanged,
    /// Says that the second factors are others now.
    FactorsChanged,
    /// Lets somebody in who types a code over.
    SignInCode,
    /// Lets somebody in who follows a link.
    SignInLink,
}
impl Template {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Invitation,
        Self::Verification,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::FactorsChanged,
        Self::SignInCode,
        Self::SignInLink,
    ];
    /// The word in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Verification => "verification",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::FactorsChanged => "factors_changed",
            Self::SignInCode => "sign_in_code",
            Self::SignInLink => "sign_in_link",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == s)
    }
    /// What such a mail is for.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Invitation => Purpose::Invitation,
            Self::Verification => Purpose::Verification,
            Self::PasswordReset => Purpose::PasswordReset,
            Self::PasswordChanged => Purpose::PasswordChanged,
            Self::FactorsChanged => Purpose::FactorsChanged,
            Self::SignInCode | Self::SignInLink => Purpose::SignIn,
        }
    }
    /// The place in its body without which the mail would be for nothing.
    pub const fn needs(self) -> Option<&'static str> {
        match self {
            Self::PasswordChanged | Self::FactorsChanged => None,
            Self::SignInCode => Some("Code"),
            _ => Some("Link"),
        }
    }
    /// The places that its words may have: `{{.Tenant}}`, `{{.Name}}` of the person where they are known to us, and what it needs.
    pub fn places(self) -> impl Iterator<Item = &'static str> {
        let name = (self.purpose() != Purpose::SignIn).then_some("Name");
        ["Tenant"].into_iter().chain(name).chain(self.needs())
    }
}

/// The words of a mail, with places such as `{{.Link}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// 1–200 characters, one line.
    pub subject: String,
    /// 1–4,000 characters: text, or, with a tag in it, a document.
    pub body: String,
}
impl Words {
    /// What is wrong with the words of this mail, by field.
    pub fn check(&self, template: Template) -> Result<(), (&'static str, String)> {
        for (field, text) in [("subject", &self.subject), ("body", &self.body)] {
            for place in places(text) {
                if !template.places().any(|p| p == place) {
                    let there: Vec<String> = template.places().map(|p| format!("{{{{.{p}}}}}")).collect();
                    return Err((field, format!("{{{{.{place}}}}} is nothing here: {}.", there.join(", "))));
                }
                if field == "subject" && template.needs() == Some(place) && place == "Link" {
                    return Err((field, "A link works in the body only.".to_owned()));
                }
            }
        }
        match template.needs() {
            Some(needed) if !places(&self.body).any(|p| p == needed) => {
                Err(("body", format!("{{{{.{needed}}}}} is missing: without it the mail is for nothing.")))
            }
            _ => Ok(()),
        }
    }
}
/// The names of the places in a text.
fn places(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{")
        .skip(1)
        .filter_map(|from| from.split_once("}}"))
        .filter_map(|(inner, _)| inner.trim().strip_prefix('.'))
}

/// How a tenant shows itself. What is not set is as we made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branding {
    /// What people read instead of the tenant's name; 1–60 characters.
    pub name: Option<String>,
    /// Of links and buttons; where text in it could not be read it is darkened, or lightened.
    pub accent: Option<Colour>,
    /// Above the form of the sign-in page; at most 500 characters.
    pub welcome: Option<String>,
    /// Below the forms of people who may not get in; at most 500 characters.
    pub help: Option<String>,
    /// SHA-256 of the logo, which is read by itself.
    pub logo: Option<[u8; 32]>,
    /// Words of mails.
    pub mails: BTreeMap<Template, Words>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_and_written() {
        assert_eq!(Colour::parse("#0A7bff").unwrap().to_string(), "#0a7bff");
        for no in ["", "#", "#fff", "0a7bff", "#0a7bfg", "#0a7bff0", "#+a7bff", "#é7bff"] {
            assert_eq!(Colour::parse(no), None, "{no}");
        }
    }

    #[test]
    fn words_have_the_places_of_their_mail() {
        let words = |subject: &str, body: &str| Words { subject: subject.into(), body: body.into() };
        let check = |t, s: &str, b: &str| words(s, b).check(t).map_err(|(field, _)| field);
        assert_eq!(check(Template::Invitation, "Come to {{.Tenant}}", "Hi {{ .Name }}: {{.Link}}"), Ok(()));
        assert_eq!(check(Template::Invitation, "Come", "Hi {{.Name}}"), Err("body"));
        assert_eq!(check(Template::Invitation, "{{.Link}}", "{{.Link}}"), Err("subject"));
        assert_eq!(check(Template::Invitation, "Come", "{{.Link}} {{.Code}}"), Err("body"));
        assert_eq!(check(Template::SignInCode, "{{.Code}} is yours", "It is {{.Code}}"), Ok(()));
        assert_eq!(check(Template::SignInCode, "A code", "{{.Code}} for {{.Name}}"), Err("body"));
        assert_eq!(check(Template::PasswordChanged, "Changed", "So it is."), Ok(()));
        for t in Template::ALL {
            assert_eq!(Template::parse(t.as_str()), Some(t));
        }
    }
}
