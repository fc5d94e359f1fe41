//! What mails say. A letter is paragraphs and at most a link, from which text and document are made, so that both say the same
//! and everything that came from outside is escaped in one place (checklist 13).
use std::borrow::Cow;

use portcullis_domain::branding::{Piece, Template, Words, pieces};
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
    /// A mail of a tenant to somebody of this name, with the link or code that it is about: in the tenant's words, where it has some.
    pub fn of(template: Template, tenant: &str, words: Option<&Words>, name: &str, value: &str) -> Self {
        let Some(w) = words else { return Self::plain(template, tenant, name, value) };
        let mut names = vec![("Tenant", tenant), ("Name", name)];
        names.extend(template.needs().map(|place| (place, value)));
        Self::in_text(template.purpose(), &w.subject, &w.body, &names)
    }
    /// The same in ours.
    fn plain(template: Template, tenant: &str, name: &str, value: &str) -> Self {
        let draft = |subject: String| Draft::new(template.purpose(), subject);
        match template {
            Template::Invitation => draft(format!("You are invited to {tenant}"))
                .greet(name)
                .say(format!("you have an account at {tenant}. Choose a password, and you can sign in:"))
                .link("Choose a password", value)
                .say(LINK_WORKS),
            Template::Verification => draft(format!("Confirm your address for {tenant}"))
                .greet(name)
                .say(format!("an account at {tenant} was made with this address. Confirm that it is yours:"))
                .link("Confirm the address", value)
                .say(LINK_WORKS),
            Template::PasswordReset => draft(format!("A new password for {tenant}"))
                .greet(name)
                .say(format!("somebody, probably you, asked for a new password for your account at {tenant}:"))
                .link("Set a new password", value)
                .say("The link works once, for 30 minutes. If it was not you, do nothing: your password stays as it is."),
            Template::SignInCode => draft(format!("{value} is your code for {tenant}"))
                .say(format!("Somebody, probably you, wants to sign in to {tenant}. The code is:"))
                .say(value)
                .say("It works once, for 10 minutes, where it was asked for. Tell it to nobody; if it was not you, do nothing."),
            Template::SignInLink => draft(format!("Sign in to {tenant}"))
                .say(format!("Somebody, probably you, wants to sign in to {tenant}:"))
                .link("Sign in", value)
                .say("The link works once, for 10 minutes. If it was not you, do nothing."),
            Template::FactorsChanged => draft(format!("Your second factors for {tenant} were changed"))
                .greet(name)
                .say(format!("a second factor of your account at {tenant} was added or removed just now."))
                .say("If it was not you, set a new password at once, look at your second factors, and tell your administrator."),
            Template::PasswordChanged => draft(format!("Your password for {tenant} was changed"))
                .greet(name)
                .say(format!("the password of your account at {tenant} was changed just now."))
                .say("If it was not you, ask for a new password at once, and tell your administrator."),
        }
        .done()
    }
    /// Invites into an organization, in the words of the platform's preferences.
    pub fn organization_invitation(subject: &str, body: &str, names: &[(&str, &str)]) -> Self {
        // whoever may invite may invite many: new passwords go first
        Self::in_words(Purpose::OrganizationInvitation, subject, body, names).of_many()
    }
    /// A mail in the words of others, with these values in their places: a document, or text without a tag.
    fn in_words(purpose: Purpose, subject: &str, body: &str, names: &[(&str, &str)]) -> Self {
        if !body.contains('<') {
            return Self::in_text(purpose, subject, body, names);
        }
        let text = filled(&plain(body), names, |_, value| Cow::Borrowed(value));
        let html = filled(body, names, |_, value| escaped(value));
        Self { purpose, subject: subject_of(subject, names), text, html, of_many: false, seconds: worth(purpose) }
    }
    /// The same of text, whatever is in it.
    fn in_text(purpose: Purpose, subject: &str, body: &str, names: &[(&str, &str)]) -> Self {
        let text = filled(body.trim(), names, |_, value| Cow::Borrowed(value)) + "\n";
        let html = filled(&paragraphs(body.trim()), names, |name, value| match (name, escaped(value)) {
            ("Link", url) => Cow::Owned(format!("<a href=\"{url}\">{url}</a>")),
            (_, value) => value,
        });
        Self { purpose, subject: subject_of(subject, names), text, html, of_many: false, seconds: worth(purpose) }
    }
    /// The same as one of many.
    pub fn of_many(self) -> Self {
        Self { of_many: true, ..self }
    }
}

/// Nobody needs such a mail after so many seconds.
fn worth(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::PasswordReset => RESET_SECONDS,
        Purpose::SignIn => SIGN_IN_SECONDS,
        _ => TRIED,
    }
}

struct Draft(Letter);
impl Draft {
    fn new(purpose: Purpose, subject: String) -> Self {
        let (subject, seconds) = (one_line(&subject), worth(purpose));
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

/// A line with these values in its places.
fn subject_of(template: &str, names: &[(&str, &str)]) -> String {
    one_line(&filled(template, names, |_, value| Cow::Borrowed(value)))
}
/// Puts values in the places that documentation names, each in the form that its name has; anything else stays as it is.
fn filled<'v>(template: &str, names: &[(&str, &'v str)], form: impl Fn(&str, &'v str) -> Cow<'v, str>) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => out += text,
            Piece::Place { name, written } => match names.iter().find(|(n, _)| *n == name) {
                Some((_, value)) => out += &form(name, value),
                None => out += written,
            },
        }
    }
    out
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
        let l = Letter::of(Template::Invitation, "Acme", None, "Ada", "https://id.example.com/invitation?token=pci_a");
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
    fn a_tenant_says_it_in_its_words() {
        let words = Words {
            subject: "Welcome to {{.Tenant}}".into(),
            body: "Hi {{.Name}} & all,\n\nbegin here:\n{{.Link}}.".into(),
        };
        let l = Letter::of(Template::Invitation, "Fish & <Chips>", Some(&words), "A\"da", "https://x/?a=1&token=y");
        assert_eq!((&*l.subject, l.seconds, l.of_many), ("Welcome to Fish & <Chips>", TRIED, false));
        let url = "https://x/?a=1&amp;token=y";
        let link = format!("<p>begin here:<br><a href=\"{url}\">{url}</a>.</p>\n");
        assert_eq!(l.html, format!("<p>Hi A&quot;da &amp; all,</p>\n{link}"));
        assert_eq!(l.text, "Hi A\"da & all,\n\nbegin here:\nhttps://x/?a=1&token=y.\n");
        let words = Words { subject: "Code".into(), body: "It is {{.Code}}.".into() };
        let l = Letter::of(Template::SignInCode, "Acme", Some(&words), "", "ABC234");
        assert_eq!((&*l.text, &*l.html, l.seconds), ("It is ABC234.\n", "<p>It is ABC234.</p>\n", SIGN_IN_SECONDS));
    }
    #[test]
    fn sec_13_a_value_is_never_a_place_for_another() {
        let names = [("UserID", "{{.Organization}}"), ("Organization", "secret")];
        assert_eq!(filled("{{.UserID}}", &names, |_, value| Cow::Borrowed(value)), "{{.Organization}}");
    }

    proptest! {
        #[test]
        fn sec_13_no_name_is_more_than_words(name in "\\PC{0,30}|.{0,30}|[<>&\"'\r\n]{0,9}") {
            let made = [
                Letter::of(Template::Invitation, &name, None, &name, "https://x/?token=y"),
                Letter::of(Template::PasswordChanged, &name, None, &name, ""),
                Letter::organization_invitation("{{.Organization}}", "<p>{{.Organization}}</p>", &[("Organization", &name)]),
            ];
            let usual = [
                Letter::of(Template::Invitation, "x", None, "x", "https://x/?token=y"),
                Letter::of(Template::PasswordChanged, "x", None, "x", ""),
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
