//! The traits that preferences are values of: the built-in ones and those that the operator adds (spec v1beta1 3.13).
use std::borrow::Cow;

use crate::preference::Level;
use crate::value::{line, text};

/// Longest value of a text of several lines, in characters.
const LONG: usize = 16_384;
/// Longest value of all others.
const SHORT: usize = 1_024;
/// So many traits there are at most, with the built-in ones.
const MOST: usize = 200;
/// Longest of the texts that describe a trait, in characters.
const DESCRIPTION: usize = 2_000;

/// How a value is asked for, and with that what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line.
    Text,
    /// Several lines.
    Textarea,
    /// One of the choices.
    Select,
    /// The same; without choices any line.
    Combobox,
    /// `true` or `false`.
    Checkbox,
    /// Some of the choices, with commas between them.
    Multiselect,
    /// A number.
    Number,
}
impl Input {
    /// All of them, in the order of their numbers in the API, which begin with 1.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Textarea, Self::Select, Self::Combobox, Self::Checkbox, Self::Multiselect, Self::Number];
    /// The word in a file of traits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Textarea => "textarea",
            Self::Select => "select",
            Self::Combobox => "combobox",
            Self::Checkbox => "checkbox",
            Self::Multiselect => "multiselect",
            Self::Number => "number",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.as_str() == s)
    }
    /// The API's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "INPUT_TYPE_TEXT",
            Self::Textarea => "INPUT_TYPE_TEXTAREA",
            Self::Select => "INPUT_TYPE_SELECT",
            Self::Combobox => "INPUT_TYPE_COMBOBOX",
            Self::Checkbox => "INPUT_TYPE_CHECKBOX",
            Self::Multiselect => "INPUT_TYPE_MULTISELECT",
            Self::Number => "INPUT_TYPE_NUMBER",
        }
    }
}

/// A value that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value.
    pub name: Cow<'static, str>,
    /// For people.
    pub description: Cow<'static, str>,
}

/// Something that can be preferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trait {
    /// Whose preferences have it.
    pub level: Level,
    /// Unique in its level.
    pub name: Cow<'static, str>,
    /// For people, as all up to the default.
    pub title: Cow<'static, str>,
    /// In a sentence.
    pub description: Cow<'static, str>,
    /// In more.
    pub long_description: Cow<'static, str>,
    /// Of the page on which it is shown.
    pub heading: Cow<'static, str>,
    /// Below it.
    pub sub_heading: Cow<'static, str>,
    /// Where that page is.
    pub breadcrumb: Cow<'static, str>,
    /// What counts while nothing is set; empty: nothing.
    pub default: Cow<'static, str>,
    /// What a value may look like, for people.
    pub input_hints: Cow<'static, str>,
    /// How it is asked for.
    pub input: Input,
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// May a person set it for one organization? Then only so.
    pub scoped: bool,
}
impl Trait {
    const fn new(
        level: Level,
        name: &'static str,
        input: Input,
        default: &'static str,
        title: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            level,
            name: Cow::Borrowed(name),
            title: Cow::Borrowed(title),
            description: Cow::Borrowed(description),
            long_description: Cow::Borrowed(""),
            heading: Cow::Borrowed(match level {
                Level::Platform => "Platform",
                Level::Organization => "Security",
                Level::User => "Profile",
            }),
            sub_heading: Cow::Borrowed(match level {
                Level::Platform => "How people use this platform.",
                Level::Organization => "How members of the organization sign in.",
                Level::User => "About you.",
            }),
            breadcrumb: Cow::Borrowed(""),
            default: Cow::Borrowed(default),
            input_hints: Cow::Borrowed(match input {
                Input::Checkbox => "true,false",
                _ => "",
            }),
            input,
            choices: vec![],
            scoped: false,
        }
    }
    /// A value as it is kept; the error is the sentence to show.
    pub fn value(&self, sent: &str) -> Result<String, String> {
        let value = if self.input == Input::Textarea { text(sent, LONG) } else { line(sent, SHORT) }?;
        if value.is_empty() {
            return Err(format!("{} needs a value.", self.name));
        }
        let is_choice = |word: &str| self.choices.iter().any(|c| c.name == word);
        let one_of = || {
            let names: Vec<&str> = self.choices.iter().take(20).map(|c| &*c.name).collect();
            format!("{} is one of: {}.", self.name, names.join(", "))
        };
        match self.input {
            Input::Text | Input::Textarea => Ok(value),
            Input::Checkbox if value == "true" || value == "false" => Ok(value),
            Input::Checkbox => Err(format!("{} is true or false.", self.name)),
            Input::Number if value.parse::<f64>().is_ok_and(f64::is_finite) => Ok(value),
            Input::Number => Err(format!("{} is a number.", self.name)),
            Input::Select | Input::Combobox if self.choices.is_empty() || is_choice(&value) => Ok(value),
            Input::Select | Input::Combobox => Err(one_of()),
            Input::Multiselect => {
                let words: Vec<&str> = value.split(',').map(str::trim).collect();
                let known = words.iter().all(|w| !w.is_empty() && (self.choices.is_empty() || is_choice(w)));
                if known { Ok(words.join(",")) } else { Err(one_of()) }
            }
        }
    }
    /// What a value says to people; empty when it says so itself.
    pub fn describe(&self, value: &str) -> &str {
        self.choices.iter().find(|c| c.name == value).map_or("", |c| &c.description)
    }
}

/// An organization that somebody makes begins disabled.
pub static DISABLE_ORGS_ON_CREATE: Trait = Trait::new(
    Level::Platform,
    "disable_orgs_on_create",
    Input::Checkbox,
    "false",
    "New organizations begin disabled",
    "An organization that a person makes is disabled until an administrator of the platform enables it.",
);
/// Nobody lists organizations but through the administrators' call.
pub static DISABLE_ORGS_LISTING: Trait = Trait::new(
    Level::Platform,
    "disable_orgs_listing",
    Input::Checkbox,
    "false",
    "No list of organizations",
    "ListOrganizations is not available; ListAllOrganizations still is for administrators of the platform.",
);
/// Nobody lists users but through the administrators' call.
pub static DISABLE_USERS_LISTING: Trait = Trait::new(
    Level::Platform,
    "disable_users_listing",
    Input::Checkbox,
    "false",
    "No list of users",
    "ListUsers is not available; ListAllUsers still is for administrators of the platform.",
);
/// Whoever accepts an invitation gets the roles that it names.
pub static INVITE_WITH_ROLES: Trait = Trait::new(
    Level::Platform,
    "invite_with_roles",
    Input::Checkbox,
    "false",
    "Invitations give roles",
    "An invitation may name a role for the invited person; otherwise it makes a member of the least kind.",
);
/// The subject of an invitation's mail.
pub static INVITE_MAIL_SUBJECT: Trait = Trait::new(
    Level::Platform,
    "invite_mail_template_subject",
    Input::Text,
    "You are invited to join {{.Organization}}",
    "Subject of invitations",
    "The subject of the mail that invites somebody into an organization.",
);
/// The body of an invitation's mail.
pub static INVITE_MAIL_BODY: Trait = Trait::new(
    Level::Platform,
    "invite_mail_template_body",
    Input::Textarea,
    "<p>Hello {{.UserID}},</p><p>you are invited to join {{.Organization}}. Sign in to accept the invitation.</p>",
    "Text of invitations",
    "The text of the mail that invites somebody into an organization. {{.UserID}}, {{.Organization}}, {{.OrganizationID}} and \
     {{.InviteID}} stand for who is invited, where to, and the invitation.",
);
/// May members sign in through a social provider?
pub static SOCIAL_LOGIN: Trait = Trait::new(
    Level::Organization,
    "social_login",
    Input::Checkbox,
    "",
    "Social login",
    "Members may sign in through an account with a social provider.",
);
/// May members sign in with a code from a mail?
pub static MAIL_OTP: Trait = Trait::new(
    Level::Organization,
    "mail_otp",
    Input::Checkbox,
    "",
    "Code by mail",
    "Members may sign in with a code that is mailed to them.",
);
/// May members sign in with a link from a mail?
pub static MAIL_LINK: Trait = Trait::new(
    Level::Organization,
    "mail_link",
    Input::Checkbox,
    "",
    "Link by mail",
    "Members may sign in with a link that is mailed to them.",
);
/// A person's name.
pub static FIRST_NAME: Trait =
    Trait::new(Level::User, "first_name", Input::Text, "", "Full name", "What you want to be called.");
/// Does a person want the newsletter?
pub static NEWSLETTER: Trait =
    Trait::new(Level::User, "newsletter", Input::Checkbox, "false", "Newsletter", "You want to get the newsletter.");

/// The built-in ones.
pub static BUILT_IN: [&Trait; 11] = [
    &DISABLE_ORGS_ON_CREATE,
    &DISABLE_ORGS_LISTING,
    &DISABLE_USERS_LISTING,
    &INVITE_WITH_ROLES,
    &INVITE_MAIL_SUBJECT,
    &INVITE_MAIL_BODY,
    &FIRST_NAME,
    &NEWSLETTER,
    &SOCIAL_LOGIN,
    &MAIL_OTP,
    &MAIL_LINK,
];

/// The catalogue of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits(Vec<Trait>);
impl Traits {
    /// The built-in ones and these; the error says which is wrong and why.
    pub fn with(own: Vec<Trait>) -> Result<Self, String> {
        if own.len() + BUILT_IN.len() > MOST {
            return Err(format!("at most {} traits of your own", MOST - BUILT_IN.len()));
        }
        for (n, t) in own.iter().enumerate() {
            let same = |o: &Trait| o.level == t.level && o.name == t.name;
            let wrong = |what: &str| Err(format!("{:?} of {}: {what}", t.name, t.level.as_str()));
            let of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let texts = [&t.title, &t.description, &t.long_description, &t.heading, &t.sub_heading, &t.breadcrumb];
            if !(2..=64).contains(&t.name.len()) || !t.name.chars().all(of_name) {
                return wrong("a name is 2 to 64 letters, digits, '-' and '_'");
            }
            if BUILT_IN.iter().any(|o| same(o)) || own[..n].iter().any(same) {
                return wrong("there is such a trait already");
            }
            if texts.iter().any(|text| text.chars().count() > DESCRIPTION) {
                return wrong("its texts have at most 2,000 characters each");
            }
            if t.scoped && t.level != Level::User {
                return wrong("only traits of users are set for an organization");
            }
            if t.choices.len() > MOST || t.choices.iter().any(|c| c.name.is_empty() || c.name.contains(',')) {
                return wrong("at most 200 options, each with a name without commas");
            }
            if !t.default.is_empty()
                && let Err(e) = t.value(&t.default)
            {
                return wrong(&format!("its default is none: {e}"));
            }
        }
        Ok(Self(own))
    }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Trait> {
        BUILT_IN.into_iter().chain(&self.0)
    }
    /// One of a level.
    pub fn find(&self, level: Level, name: &str) -> Option<&Trait> {
        self.iter().find(|t| t.level == level && t.name == name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(input: Input, choices: &[&'static str]) -> Trait {
        let choices = choices.iter().map(|c| Choice { name: (*c).into(), description: "Yes".into() }).collect();
        Trait { choices, ..Trait::new(Level::User, "colour", input, "", "", "") }
    }

    #[test]
    fn each_input_takes_its_values() {
        let none: &[&'static str] = &[];
        for (input, choices, good, bad) in [
            (Input::Text, none, vec!["a", " a b "], vec!["", "  ", "a\nb"]),
            (Input::Textarea, none, vec!["a\nb"], vec!["", "\n", "\u{0}"]),
            (Input::Checkbox, none, vec!["true", "false"], vec!["True", "1", "", "yes"]),
            (Input::Number, none, vec!["1", "-1.5", "1e3"], vec!["one", "NaN", "inf", ""]),
            (Input::Select, &["red", "blue"], vec!["red"], vec!["Red", "green", ""]),
            (Input::Select, none, vec!["anything"], vec![" "]),
            (Input::Combobox, &["red"], vec!["red"], vec!["green"]),
            (Input::Multiselect, &["red", "blue"], vec!["red", "red, blue"], vec!["red,green", "red,", ""]),
        ] {
            let t = of(input, choices);
            for value in good {
                assert!(t.value(value).is_ok(), "{input:?} {value:?}");
            }
            for value in bad {
                assert!(t.value(value).is_err(), "{input:?} {value:?}");
            }
        }
        assert_eq!((of(Input::Select, &["red"]).describe("red"), of(Input::Text, &[]).describe("red")), ("Yes", ""));
        assert!(of(Input::Text, &[]).value(&"a".repeat(SHORT + 1)).is_err());
    }

    #[test]
    fn the_built_in_ones_are_a_catalogue_themselves() {
        for t in BUILT_IN {
            assert!(t.default.is_empty() || t.value(&t.default).as_deref() == Ok(&*t.default), "{}", t.name);
            assert_eq!(BUILT_IN.iter().filter(|o| o.name == t.name && o.level == t.level).count(), 1);
        }
        assert_eq!(Traits::default().iter().count(), 11);
        assert_eq!(Traits::default().find(Level::User, "newsletter").unwrap().default, "false");
        assert_eq!(Traits::default().find(Level::Organization, "newsletter"), None);
    }

    #[test]
    fn what_an_operator_adds_is_looked_at() {
        let good = of(Input::Text, &[]);
        assert_eq!(Traits::with(vec![good.clone()]).unwrap().iter().count(), 12);
        for bad in [
            vec![good.clone(), good.clone()],
            vec![Trait { name: "newsletter".into(), ..good.clone() }],
            vec![Trait { name: "a b".into(), ..good.clone() }],
            vec![Trait { scoped: true, level: Level::Organization, ..good.clone() }],
            vec![Trait { default: "maybe".into(), ..of(Input::Checkbox, &[]) }],
            vec![Trait { title: "a".repeat(2_001).into(), ..good.clone() }],
            vec![of(Input::Select, &["a,b"])],
            (0..200).map(|n| Trait { name: format!("t-{n}").into(), ..good.clone() }).collect(),
        ] {
            assert!(Traits::with(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_value_that_is_kept_is_kept_again_as_it_is(s in "\\PC{0,40}|[a-c, ]{0,12}") {
            for input in Input::ALL {
                let t = of(input, &["a", "b"]);
                if let Ok(kept) = t.value(&s) {
                    prop_assert_eq!(t.value(&kept), Ok(kept.clone()));
                }
            }
        }
    }
}
