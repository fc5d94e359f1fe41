//! What the fields of a request must look like (spec v1beta1 2.3, the braces), as data. Checking is the surface's work.
use std::collections::HashMap;
use std::sync::LazyLock;

/// One rule. On a list of strings it holds for each item, but for the two about items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The message must be there.
    Required,
    /// At least so many characters.
    MinChars(usize),
    /// At most so many characters.
    MaxChars(usize),
    /// At least so many items.
    MinItems(usize),
    /// At most so many items.
    MaxItems(usize),
    /// At least this number.
    Min(i64),
    /// At most this number.
    Max(i64),
    /// More than this number.
    Above(i64),
    /// An address.
    Email,
    /// A UUID.
    Uuid,
    /// An absolute address of something.
    Uri,
    /// `^[A-Za-z0-9-_]+$`.
    Slug,
    /// The same with dots.
    DottedSlug,
    /// The name of a user: empty, or a slug of decision 2.
    UserName,
    /// The one avatar rule of decision 3, or empty.
    Avatar,
    /// Letters and spaces.
    Letters,
    /// One of these words (of an enum: numbers).
    OneOf(&'static [&'static str]),
}

/// When rules count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Only when the field is not zero.
    IfGiven,
}

/// The rules of one field.
#[derive(Clone, Copy, Debug)]
pub struct FieldRules {
    /// The field's name.
    pub field: &'static str,
    /// When they count.
    pub when: When,
    /// They all must hold.
    pub rules: &'static [Rule],
}

mod table {
    use super::FieldRules;
    use super::Rule::{
        Above, Avatar, DottedSlug, Email, Letters, Max, MaxChars, MaxItems, Min, MinChars, MinItems, OneOf, Required,
        Slug, Uri, UserName, Uuid,
    };
    use super::When::{Always, IfGiven};

    #[rustfmt::skip]
    pub(super) static RULES: &[(&str, &[FieldRules])] = &include!("generated/rules.in");
}

static BY_MESSAGE: LazyLock<HashMap<&'static str, &'static [FieldRules]>> =
    LazyLock::new(|| table::RULES.iter().copied().collect());

/// The rules of a message of the package, by its name there.
pub fn rules_of(message: &str) -> &'static [FieldRules] {
    BY_MESSAGE.get(message).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Messages;

    #[test]
    fn every_rule_has_its_field() {
        for (message, fields) in table::RULES {
            let d = Messages::named(message);
            for f in *fields {
                assert!(d.get_field_by_name(f.field).is_some(), "{message}.{}", f.field);
            }
        }
        assert!(table::RULES.len() > 100);
    }

    #[test]
    fn the_e_mail_of_a_new_user_may_be_left_out() {
        let email = rules_of("UserRequestBody").iter().find(|f| f.field == "email").unwrap();
        assert_eq!((email.when, email.rules), (When::IfGiven, [Rule::Email].as_slice()));
    }
}
