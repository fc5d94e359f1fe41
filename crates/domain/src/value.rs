//! Values that cannot be wrong: once one of these exists, nobody checks it again.
use psl::Psl;
use std::{fmt, ops::Deref};
use unicode_normalization::{UnicodeNormalization, is_nfc};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);
        impl $name {
            /// A value that was parsed before it was stored.
            pub fn stored(s: impl Into<String>) -> Self {
                Self(s.into())
            }
            /// The text itself.
            pub fn into_string(self) -> String {
                self.0
            }
        }
        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
    };
}

text! {
    /// An e-mail address: 3–254 bytes, trimmed, lower-cased, `local@domain` without quotes or a display name, the domain as
    /// an IDNA A-label (spec v1 3.1; the atom rules of RFC 5321 section 4.1.2).
    Email
}
text! {
    /// A machine name: a letter, then 2–63 of letters, digits, `.`, `-`, `_`; lower case; never shaped like a UUID
    /// (decision 2). A tenant's slug has its own rule: [`Slug::tenant`].
    Slug
}

text! {
    /// A domain that somebody may own: A-labels in lower case without a dot at the end, 3–241 bytes, at least two labels, no
    /// public suffix (`co.uk`, `github.io`) and no IP address. The part of an [`Email`] after the `@` has the same form.
    DomainName
}

/// What a wrong address is answered.
pub const EMAIL_HINT: &str = "Enter an e-mail address such as ada@example.com.";

impl Email {
    /// Parses and normalises; the error is the sentence to show.
    pub fn parse(s: &str) -> Result<Self, &'static str> {
        let s = s.trim();
        let (local, domain) = s.rsplit_once('@').ok_or(EMAIL_HINT)?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c) || !c.is_ascii();
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.chars().all(|c| atom(c) && !c.is_control() && !c.is_whitespace())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EMAIL_HINT)?;
        let label = |l: &str| !l.is_empty() && l.len() <= 63;
        if !local_ok || domain.is_empty() || !domain.split('.').all(label) {
            return Err(EMAIL_HINT);
        }
        let local = match local.is_ascii() {
            true => local.to_ascii_lowercase(),
            false => local.nfc().flat_map(char::to_lowercase).collect(),
        };
        let email = format!("{local}@{domain}");
        if email.len() > 254 { Err("At most 254 bytes.") } else { Ok(Self(email)) }
    }
    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(l, _)| l)
    }
    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, d)| d)
    }
}

impl DomainName {
    /// With room for a label such as `_portcullis.` in front: a name has at most 253 bytes.
    const LONGEST: usize = 241;

    /// Parses and normalises; the error is the sentence to show.
    pub fn parse(s: &str) -> Result<Self, &'static str> {
        const HINT: &str = "Enter a domain that you own, such as example.com.";
        let s = s.trim();
        let s = s.strip_suffix('.').unwrap_or(s);
        if s.len() > 1_024 {
            return Err(HINT);
        }
        let name = idna::domain_to_ascii_strict(s).map_err(|_| HINT)?;
        let label = |l: &str| !l.is_empty() && l.len() <= 63;
        let address = name.rsplit('.').next().is_none_or(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if name.len() > Self::LONGEST || !name.contains('.') || !name.split('.').all(label) || address {
            return Err(HINT);
        }
        match psl::List.suffix(name.as_bytes()) {
            Some(suffix) if suffix.as_bytes().len() == name.len() => {
                Err("This is a public suffix, under which others own names: enter your own domain.")
            }
            _ => Ok(Self(name)),
        }
    }
}

impl Slug {
    /// The rule for users, organizations, projects, groups.
    pub fn parse(s: &str) -> Result<Self, &'static str> {
        const HINT: &str = "A letter, then 2 to 63 of letters, digits, '.', '-' and '_'; not shaped like a UUID.";
        let s = s.trim().to_ascii_lowercase();
        let mut chars = s.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_lowercase());
        let rest = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c));
        if first && rest && (3..=64).contains(&s.len()) && uuid::Uuid::try_parse(&s).is_err() {
            Ok(Self(s))
        } else {
            Err(HINT)
        }
    }
    /// The rule for tenants: `^[a-z0-9][a-z0-9-]{0,62}$` (spec v1 3.1).
    pub fn tenant(s: &str) -> Result<Self, &'static str> {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let s = s.trim();
        if (1..=63).contains(&s.len()) && s.starts_with(ok) && s.chars().all(|c| ok(c) || c == '-') {
            Ok(Self(s.into()))
        } else {
            Err("1 to 63 lower-case letters, digits and '-', not beginning with '-'.")
        }
    }
    /// A tenant's slug from its name: what is allowed stays, the rest becomes one `-`.
    pub fn tenant_from_name(name: &str) -> Self {
        let mut s = String::new();
        for c in name.nfkd().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                s.push(c);
            } else if !s.ends_with('-') && !s.is_empty() && (c.is_whitespace() || c.is_ascii_punctuation()) {
                s.push('-');
            }
        }
        s.truncate(50);
        let s = s.trim_matches('-');
        Self(if s.is_empty() { "tenant".into() } else { s.into() })
    }
    /// Frontier's rule for a user without a name (spec v1beta1 3.1): letters and digits of the local part (prefixed with `u`
    /// when it starts with a digit, `user` when nothing is left), `_`, the domain with dots as `_`; cut to 60.
    pub fn from_email(email: &Email) -> Self {
        let local: String = email.local().chars().filter(char::is_ascii_alphanumeric).collect();
        let domain: String = email
            .domain()
            .chars()
            .filter_map(|c| if c == '.' { Some('_') } else { c.is_ascii_alphanumeric().then_some(c) })
            .collect();
        let local = if local.is_empty() {
            "user".to_owned()
        } else if local.starts_with(|c: char| c.is_ascii_digit()) {
            format!("u{local}")
        } else {
            local
        };
        let mut s = format!("{local}_{domain}").to_ascii_lowercase();
        s.truncate(60);
        Self(s)
    }
    /// A group's slug from its title: what is allowed stays, the rest becomes one `-`; cut to 60.
    pub fn from_title(title: &str) -> Self {
        let plain = Self::tenant_from_name(title).0;
        Self::parse(&plain).or_else(|_| Self::parse(&format!("group-{plain}"))).unwrap_or_else(|_| Self("group".into()))
    }
    /// The same with `_2`, `_3`, … for when it is taken.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        if n < 2 { self.clone() } else { Self(format!("{}_{n}", self.0)) }
    }
}

/// One line of text: NFC, trimmed, no control characters, at most `max` characters. Empty is `Ok("")`.
pub fn line(s: &str, max: usize) -> Result<String, String> {
    let s = normal(s);
    if s.chars().any(char::is_control) {
        return Err("No control characters.".into());
    }
    bounded(s, max)
}

/// Text with newlines and tabs: NFC, trimmed, no other control characters, at most `max` characters.
pub fn text(s: &str, max: usize) -> Result<String, String> {
    let s = normal(s);
    if s.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("No control characters except newline and tab.".into());
    }
    bounded(s, max)
}

fn normal(s: &str) -> String {
    let s = s.trim();
    if is_nfc(s) { s.to_owned() } else { s.nfc().collect() }
}

fn bounded(s: String, max: usize) -> Result<String, String> {
    let n = s.chars().count();
    if n > max { Err(format!("At most {max} characters; this has {n}.")) } else { Ok(s) }
}

/// The key that names are sorted and searched by: NFKC, case-folded by lower-casing, compared bytewise on both engines
/// (engine.md 20).
pub fn name_key(s: &str) -> String {
    if s.is_ascii() { s.to_ascii_lowercase() } else { s.nfkc().flat_map(char::to_lowercase).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses() {
        for (given, want) in [
            (" Ada@Example.COM ", Some("ada@example.com")),
            ("a@b.c", Some("a@b.c")),
            ("ada+tag@bücher.example", Some("ada+tag@xn--bcher-kva.example")),
            ("root@localhost", Some("root@localhost")),
            ("example", None),
            ("Ada <ada@example.com>", None),
            ("\"a b\"@example.com", None),
            ("a b@example.com", None),
            (".a@example.com", None),
            ("a..b@example.com", None),
            ("a@", None),
            ("@example.com", None),
            ("a@exa mple.com", None),
            ("a@-example.com", None),
            ("a@example..com", None),
            ("a\u{0}@example.com", None),
        ] {
            assert_eq!(Email::parse(given).ok().as_deref(), want, "{given}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
    }

    #[test]
    fn domains() {
        for (given, want) in [
            (" Example.COM. ", Some("example.com")),
            ("mail.example.co.uk", Some("mail.example.co.uk")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("acme.example", Some("acme.example")),
            ("me.github.io", Some("me.github.io")),
            ("co.uk", None),
            ("com", None),
            ("github.io", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("_portcullis.example.com", None),
            ("*.example.com", None),
            ("example..com", None),
            (".example.com", None),
            ("-a.example.com", None),
            ("a b.com", None),
            ("https://example.com", None),
            ("ada@example.com", None),
            ("", None),
        ] {
            assert_eq!(DomainName::parse(given).ok().as_deref(), want, "{given}");
        }
        assert!(DomainName::parse(&format!("{}com", "a.".repeat(119))).is_ok());
        assert!(DomainName::parse(&format!("{}com", "a.".repeat(120))).is_err());
        let ada = Email::parse("ada@BÜCHER.example").unwrap();
        assert_eq!(&*DomainName::parse("bücher.example").unwrap(), ada.domain());
    }

    #[test]
    fn slugs_from_addresses() {
        for (email, slug) in [
            ("20230123@acme.org", "u20230123_acme_org"),
            ("$john-doe@acme.org", "johndoe_acme_org"),
            ("++@acme.org", "user_acme_org"),
        ] {
            assert_eq!(&*Slug::from_email(&Email::parse(email).unwrap()), slug);
        }
    }

    #[test]
    fn slugs() {
        assert_eq!(&*Slug::parse(" John.Doe ").unwrap(), "john.doe");
        for bad in ["9lives", "ab", "", "a b c", "-abc", "aaaaaaaa-0000-4000-8000-000000000000"] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(&*Slug::tenant_from_name("Acme, Inc. (EU)"), "acme-inc-eu");
        assert_eq!(&*Slug::tenant_from_name("日本"), "tenant");
        for (title, slug) in [("Human Resources", "human-resources"), ("HR", "group-hr"), ("24/7", "group-24-7")] {
            assert_eq!(&*Slug::from_title(title), slug);
        }
        assert!(Slug::from_title("aaaaaaaa-0000-4000-8000-000000000000").starts_with("group-"));
    }

    proptest! {
        #[test]
        fn an_address_parses_to_itself(s in "\\PC{0,40}") {
            if let Ok(e) = Email::parse(&s) {
                prop_assert_eq!(Email::parse(&e).unwrap(), e.clone());
                let slug = Slug::from_email(&e);
                prop_assert_eq!(Slug::parse(&slug).unwrap(), slug);
            }
        }
        #[test]
        fn a_domain_parses_to_itself(s in "[a-zA-Zäß.\\-]{0,40}|\\PC{0,20}\\.(com|example)") {
            if let Ok(d) = DomainName::parse(&s) {
                prop_assert_eq!(DomainName::parse(&d).unwrap(), d.clone());
                let ada = Email::parse(&format!("ada@{d}")).unwrap();
                prop_assert_eq!(ada.domain(), &*d);
            }
        }
        #[test]
        fn a_line_is_stable(s in "\\PC{0,60}") {
            if let Ok(l) = line(&s, 50) {
                prop_assert_eq!(line(&l, 50).unwrap(), l);
            }
        }
    }
}
