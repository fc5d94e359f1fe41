//! What mails say. A letter is paragraphs and at most a link, from which text and document are made, so that both say the same
//! and everything that came from outside is escaped in one place (checklist 13).
use std::borrow::Cow;

use portcullis_domain::mail::Purpose;

/// A link of an invitation or to prove an address counts for so many seconds (spec v1 9).
pub(crate) const LINK_SECONDS: i64 = 7 * 86_400;
/// What the mail says of that: the two must agree.
const LINK_WORKS: &str = "The link works once, for 7 days. If this means nothing to you, leave it be.";
/// One that sets a new password (spec v1 9).
pub(crate) const RESET_SECONDS: i64 = 30 * 60;
/// One that signs in, or a code that does (spec v1beta1 4.2).
pub(crate) const SIGN_IN_SECONDS: i64 = 10 * 60;
/// A mail is tried for so many seconds.
const TRIED: i64 = 86_400;

/// What a mail says.
#[derive(Clone)]
pub(crate) struct Letter {
    /// What it is for.
    pub purpose: Purpose,
    /// A line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as a document.
    pub html: String,
    /// One of many that are written at once.
    pub of_many: bool,
    /// Nobody needs it after so many seconds.
    pub seconds: i64,
}

impl Letter {
    /// Lets somebody set the first password of an account that others made.
    pub fn invitation(tenant: &str, name: &str, link: &str) -> Self {
        let subject = format!("You are invited to {tenant}");
        let why = format!("you have an account at {tenant}. Choose a password, and you can sign in:");
        asking(Purpose::Invitation, subject, name, why, ("Choose a password", link), LINK_WORKS)
    }
    /// Asks whether an address is the person's own.
    pub fn verification(tenant: &str, name: &str, link: &str) -> Self {
        let subject = format!("Confirm your address for {tenant}");
        let why = format!("an account at {tenant} was made with this address. Confirm that it is yours:");
        asking(Purpose::Verification, subject, name, why, ("Confirm the address", link), LINK_WORKS)
    }
    /// Lets somebody set a new password.
    pub fn password_reset(tenant: &str, name: &str, link: &str) -> Self {
        let subject = format!("A new password for {tenant}");
        let why = format!("somebody, probably you, asked for a new password for your account at {tenant}:");
        let end = "The link works once, for 30 minutes. If it was not you, do nothing: your password stays as it is.";
        asking(Purpose::PasswordReset, subject, name, why, ("Set a new password", link), end)
    }
    /// Lets somebody in who types a code over.
    pub fn sign_in_code(tenant: &str, code: &str) -> Self {
        Draft::new(Purpose::SignIn, format!("{code} is your code for {tenant}"))
            .say(format!("Somebody, probably you, wants to sign in to {tenant}. The code is:"))
            .say(code)
            .say("It works once, for 10 minutes, where it was asked for. Tell it to nobody; if it was not you, do nothing.")
            .done()
    }
    /// Lets somebody in who follows a link.
    pub fn sign_in_link(tenant: &str, link: &str) -> Self {
        Draft::new(Purpose::SignIn, format!("Sign in to {tenant}"))
            .say(format!("Somebody, probably you, wants to sign in to {tenant}:"))
            .link("Sign in", link)
            .say("The link works once, for 10 minutes. If it was not you, do nothing.")
            .done()
    }
    /// Says that the password is another now.
    pub fn password_changed(tenant: &str, name: &str) -> Self {
        Draft::new(Purpose::PasswordChanged, format!("Your password for {tenant} was changed"))
            .greet(name)
            .say(format!("the password of your account at {tenant} was changed just now."))
            .say("If it was not you, ask for a new password at once, and tell your administrator.")
            .done()
    }
    /// Invites into an organization, in the words of the platform's preferences: a document, or text without a tag.
    pub fn organization_invitation(subject: &str, body: &str, names: &[(&str, &str)]) -> Self {
        let (text, html) = if body.contains('<') {
            (filled(&plain(body), names, Cow::Borrowed), filled(body, names, escaped))
        } else {
            let text = filled(body.trim(), names, Cow::Borrowed) + "\n";
            let html = paragraphs(&text);
            (text, html)
        };
        Self {
            purpose: Purpose::OrganizationInvitation,
            subject: one_line(&filled(subject, names, Cow::Borrowed)),
            text,
            html,
            // whoever may invite may invite many: new passwords go first
            of_many: true,
            seconds: TRIED,
        }
    }
    /// The same as one of many.
    pub fn of_many(self) -> Self {
        Self { of_many: true, ..self }
    }
}

/// Asks somebody to follow a link: why, the link under its words, and how long it works.
fn asking(
    purpose: Purpose,
    subject: String,
    name: &str,
    why: String,
    (words, link): (&str, &str),
    end: &str,
) -> Letter {
    Draft::new(purpose, subject).greet(name).say(why).link(words, link).say(end).done()
}

struct Draft(Letter);
impl Draft {
    fn new(purpose: Purpose, subject: String) -> Self {
        let seconds = match purpose {
            Purpose::PasswordReset => RESET_SECONDS,
            Purpose::SignIn => SIGN_IN_SECONDS,
            _ => TRIED,
        };
        let subject = one_line(&subject);
        Self(Letter { purpose, subject, text: String::new(), html: String::new(), of_many: false, seconds })
    }
    fn greet(self, name: &str) -> Self {
        self.say(format!("Hello {},", one_line(name)))
    }
    fn say(mut self, words: impl AsRef<str>) -> Self {
        self.0.text += words.as_ref();
        self.0.text += "\n\n";
        self.0.html += &format!("<p>{}</p>\n", escaped(words.as_ref()));
        self
    }
    fn link(mut self, words: &str, url: &str) -> Self {
        self.0.text += url;
        self.0.text += "\n\n";
        let url = escaped(url);
        self.0.html += &format!("<p><a href=\"{url}\">{}</a></p>\n<p>{url}</p>\n", escaped(words));
        self
    }
    fn done(mut self) -> Letter {
        self.0.text.truncate(self.0.text.trim_end().len() + 1);
        self.0
    }
}

/// The text for a document: in an element or between double quotes.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
/// Without a break: of a name no second header or paragraph is made.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|p| format!("<p>{}</p>\n", escaped(p.trim()).replace('\n', "<br>"))).collect()
}

/// Puts values in the places of Go's templates that documentation names, `{{.Name}}`; anything else stays as it is.
fn filled<'v>(template: &str, names: &[(&str, &'v str)], form: impl Fn(&'v str) -> Cow<'v, str>) -> String {
    let (mut out, mut rest) = (String::with_capacity(template.len() + 64), template);
    while let Some((before, from)) = rest.split_once("{{") {
        out += before;
        let found = from.split_once("}}").and_then(|(inner, after)| {
            let name = inner.trim().strip_prefix('.')?;
            names.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value, after))
        });
        match found {
            Some((value, after)) => {
                out += &form(value);
                rest = after;
            }
            None => {
                out += "{{";
                rest = from;
            }
        }
    }
    out + rest
}
/// A document as text: its tags are left out, where its lines end they do here too.
fn plain(document: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(document.len()), document);
    while let Some((before, from)) = rest.split_once('<') {
        out += before;
        let Some((tag, after)) = from.split_once('>') else {
            rest = "";
            break;
        };
        let name = tag.trim_end_matches('/').trim().to_ascii_lowercase();
        match &*name {
            "/p" | "/div" | "/h1" | "/h2" | "/h3" | "/table" | "/ul" => out += "\n\n",
            "br" | "/li" | "/tr" => out += "\n",
            _ => {}
        }
        rest = after;
    }
    out += rest;
    // what a document writes for the characters that it cannot have, and last the one that begins all of these
    for (from, to) in [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        out = out.replace(from, to);
    }
    out.trim().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::preference_trait::{INVITE_MAIL_BODY, INVITE_MAIL_SUBJECT};
    use proptest::prelude::*;

    const NAMES: [(&str, &str); 2] = [("UserID", "ada@example.com"), ("Organization", "Fish & <Chips>")];

    #[test]
    fn a_letter_says_the_same_as_text_and_as_a_document() {
        let l = Letter::invitation("Acme", "Ada", "https://id.example.com/invitation?token=pci_a");
        assert_eq!(l.subject, "You are invited to Acme");
        assert!(l.text.starts_with("Hello Ada,\n\nyou have an account at Acme."), "{}", l.text);
        assert!(l.text.contains("\n\nhttps://id.example.com/invitation?token=pci_a\n\n"), "{}", l.text);
        assert!(l.text.ends_with("leave it be.\n"), "{:?}", l.text);
        assert!(l.html.contains("<a href=\"https://id.example.com/invitation?token=pci_a\">"), "{}", l.html);
    }
    #[test]
    fn the_documented_words_of_an_invitation_stand_for_what_they_name() {
        let l = Letter::organization_invitation(&INVITE_MAIL_SUBJECT.default, &INVITE_MAIL_BODY.default, &NAMES);
        assert_eq!(l.subject, "You are invited to join Fish & <Chips>");
        assert!(l.html.contains("<p>Hello ada@example.com,</p>") && l.html.contains("Fish &amp; &lt;Chips&gt;"));
        let text =
            "Hello ada@example.com,\n\nyou are invited to join Fish & <Chips>. Sign in to accept the invitation.\n";
        assert_eq!(l.text, text);
        let l = Letter::organization_invitation("{{ .UserID }} {{.Else}} {{", "One\n\nTwo {{.Organization}}", &NAMES);
        assert_eq!(l.subject, "ada@example.com {{.Else}} {{");
        assert_eq!(l.html, "<p>One</p>\n<p>Two Fish &amp; &lt;Chips&gt;</p>\n");
        assert_eq!(l.text, "One\n\nTwo Fish & <Chips>\n");
    }
    #[test]
    fn sec_13_a_value_is_never_a_place_for_another() {
        let names = [("UserID", "{{.Organization}}"), ("Organization", "secret")];
        assert_eq!(filled("{{.UserID}}", &names, Cow::Borrowed), "{{.Organization}}");
    }

    proptest! {
        #[test]
        fn sec_13_no_name_is_more_than_words(name in "\\PC{0,30}|.{0,30}|[<>&\"'\r\n]{0,9}") {
            let made = [
                Letter::invitation(&name, &name, "https://x/?token=y"),
                Letter::password_changed(&name, &name),
                Letter::organization_invitation("{{.Organization}}", "<p>{{.Organization}}</p>", &[("Organization", &name)]),
            ];
            let usual = [
                Letter::invitation("x", "x", "https://x/?token=y"),
                Letter::password_changed("x", "x"),
                Letter::organization_invitation("{{.Organization}}", "<p>{{.Organization}}</p>", &[("Organization", "x")]),
            ];
            for (l, usual) in made.iter().zip(&usual) {
                prop_assert!(!l.subject.contains(['\r', '\n']));
                for c in ['<', '>', '"'] {
                    prop_assert_eq!(l.html.matches(c).count(), usual.html.matches(c).count());
                }
            }
        }
        #[test]
        fn any_words_of_a_preference_make_a_letter(body in "(\\PC|<|>|\\{\\{|\\}\\}|\\.UserID){0,40}") {
            Letter::organization_invitation(&body, &body, &NAMES);
        }
    }
}
