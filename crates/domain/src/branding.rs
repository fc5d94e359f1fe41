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
    /// 1–4,000 characters of text: what is a link in it is ours to say.
    pub body: String,
}
impl Words {
    /// What is wrong with the words of this mail, by field.
    pub fn check(&self, template: Template) -> Result<(), (&'static str, String)> {
        if self.body.contains('<') {
            // tags would decide where a token goes; and between angle brackets an address may go on over spaces (RFC 3986 C)
            return Err((
                "body",
                "This is text, not HTML: leave < out. {{.Link}} becomes a link by itself.".to_owned(),
            ));
        }
        for (field, text) in [("subject", &self.subject), ("body", &self.body)] {
            let pieces = pieces(text);
            for place in places(&pieces) {
                if !template.places().any(|p| p == place) {
                    let there: Vec<String> = template.places().map(|p| format!("{{{{.{p}}}}}")).collect();
                    return Err((field, format!("{{{{.{place}}}}} is nothing here: {}.", there.join(", "))));
                }
                if field == "subject" && template.needs() == Some(place) && place == "Link" {
                    return Err((field, "A link works in the body only.".to_owned()));
                }
            }
            if let Some(secret) = template.needs()
                && !stands_alone(&pieces, secret)
            {
                let why = "must be a word of its own: a space or a new line before it, and after it one of these or . , ; : ! ? ).";
                return Err((field, format!("{{{{.{secret}}}}} {why}")));
            }
        }
        match template.needs() {
            Some(needed) if !places(&pieces(&self.body)).any(|p| p == needed) => {
                Err(("body", format!("{{{{.{needed}}}}} is missing: without it the mail is for nothing.")))
            }
            _ => Ok(()),
        }
    }
}
/// A part of a text with places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// It stands as it is.
    Text(&'t str),
    /// A value stands here.
    Place {
        /// Whose: `Link` for `{{.Link}}`.
        name: &'t str,
        /// As it is written.
        written: &'t str,
    },
}
/// Takes a text apart at its places, written as in Go's templates.
pub fn pieces(template: &str) -> Vec<Piece<'_>> {
    let (mut out, mut done, mut at) = (vec![], 0, 0);
    while let Some(open) = template[at..].find("{{").map(|n| at + n) {
        at = open + 2;
        let Some((inner, _)) = template[at..].split_once("}}") else { break };
        let Some(name) = inner.trim().strip_prefix('.').filter(|n| !n.contains('{')) else { continue };
        at += inner.len() + 2;
        if done < open {
            out.push(Piece::Text(&template[done..open]));
        }
        out.push(Piece::Place { name, written: &template[open..at] });
        done = at;
    }
    if done < template.len() {
        out.push(Piece::Text(&template[done..]));
    }
    out
}
/// The names of the places.
fn places<'t>(pieces: &[Piece<'t>]) -> impl Iterator<Item = &'t str> {
    pieces.iter().filter_map(|p| match p {
        Piece::Place { name, .. } => Some(*name),
        Piece::Text(_) => None,
    })
}
/// Is this place a word by itself wherever it stands? As a part of an address, what stands there would be sent to whomever it names.
fn stands_alone(pieces: &[Piece<'_>], secret: &str) -> bool {
    let at_word = |piece: Option<&Piece<'_>>, parted: fn(&str) -> bool| match piece {
        None => true,
        Some(Piece::Text(text)) => parted(text),
        Some(Piece::Place { .. }) => false,
    };
    pieces.iter().enumerate().all(|(n, piece)| match piece {
        Piece::Place { name, .. } if *name == secret => {
            at_word(n.checked_sub(1).and_then(|n| pieces.get(n)), |t| t.ends_with([' ', '\n']))
                && match pieces.get(n + 1) {
                    Some(Piece::Text(t)) => {
                        let rest = t.trim_start_matches(['.', ',', ';', ':', '!', '?', ')']);
                        // nothing after it, or a place that would go on where it ends
                        rest.starts_with([' ', '\n']) || (rest.is_empty() && n + 2 == pieces.len())
                    }
                    next => next.is_none(),
                }
        }
        _ => true,
    })
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
        for body in
            ["{{.Link}}", "a\n{{.Link}}", "a {{ .Link }}.\nb", "(so {{.Link}})", "{{.Link}}, {{.Link}}: {{.Name}}"]
        {
            assert_eq!(check(Template::Invitation, "Come", body), Ok(()), "{body}");
        }
        for t in Template::ALL {
            assert_eq!(Template::parse(t.as_str()), Some(t));
        }
    }

    #[test]
    fn sec_11_no_words_send_a_link_or_a_code_to_an_address_of_theirs() {
        for body in [
            "<a href=\"https://evil.example/?{{.Link}}\">Begin</a>",
            "<img src=https://evil.example/> {{.Link}}",
            "<https://evil.example/? {{.Link}} >",
            "https://evil.example/?{{.Link}}",
            "https://evil.example/?{{ .Link }}",
            "https://evil.example/{{.Name}}{{.Link}}",
            "{{.Link}}{{.Link}}",
            "{{.Link}}{{.Name}}",
            "{{.Link}}.{{.Name}}",
            "{{.Link}}.evil.example",
            "{{{{.Link}}",
            "({{.Link}})",
            "x\u{a0}{{.Link}}",
            "\"{{.Link}}\"",
        ] {
            for (template, body) in
                [(Template::PasswordReset, body.to_owned()), (Template::SignInCode, body.replace(".Link", ".Code"))]
            {
                let body = body
                    .replace("{{.Name}}", if template == Template::SignInCode { "{{.Tenant}}" } else { "{{.Name}}" });
                let words = Words { subject: "x".into(), body: format!("{body}\n") };
                assert_eq!(words.check(template).map_err(|(field, _)| field), Err("body"), "{}", words.body);
            }
        }
        let words = Words { subject: "https://evil.example/?{{.Code}}".into(), body: "It is {{.Code}}.".into() };
        assert_eq!(words.check(Template::SignInCode).map_err(|(field, _)| field), Err("subject"));
    }

    #[test]
    fn a_text_is_taken_apart_at_its_places_and_loses_nothing() {
        let text = "a {{.B}}{{ .C }} {{ {{.D}} {{no}} {{.E{{.F}} }} {{";
        let pieces = pieces(text);
        assert_eq!(places(&pieces).collect::<Vec<_>>(), ["B", "C", "D", "F"]);
        let whole: String = pieces
            .iter()
            .map(|p| match p {
                Piece::Text(t) => *t,
                Piece::Place { written, .. } => *written,
            })
            .collect();
        assert_eq!(whole, text);
    }
}
