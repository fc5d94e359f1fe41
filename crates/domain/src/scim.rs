//! People and groups as a directory keeps them (RFC 7643, spec v1 4.18): what a `scim` connection writes here, and how it searches. How
//! that looks on the wire is the crate `scim`.
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::group::Group;
use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;
use crate::value::Email;

/// Under this name an error's details hold the word for `scimType`, where the code does not say it (RFC 7644 3.12).
pub const SCIM_TYPE: &str = "scim_type";
/// A directory names people and groups by its own ids, of at most so many characters.
pub const EXTERNAL_ID: usize = 255;
/// One call changes at most so many members of a group.
pub const MEMBERS: usize = 1_000;
/// And a group has at most so many that are shown.
pub const GROUP: usize = 10_000;
/// A page has at most so many rows.
pub const PAGE: usize = 250;

/// What a directory says about a person and nobody else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `userName`, as it was sent; unique among what the connection made, whatever the case.
    pub user_name: String,
    /// `displayName`, if it was sent.
    pub display_name: Option<String>,
    /// `name.formatted`, if it was sent.
    pub formatted: Option<String>,
    /// What the directory last said of `active`. Who was suspended by hand meanwhile stays so until it says something else.
    pub active: bool,
}
impl Listing {
    /// As a row keeps it.
    pub fn members(&self) -> Map<String, Value> {
        let Self { user_name, display_name, formatted, active } = self;
        let all =
            json!({ "userName": user_name, "displayName": display_name, "formatted": formatted, "active": active });
        match all {
            Value::Object(mut members) => {
                members.retain(|_, v| !v.is_null());
                members
            }
            _ => Map::new(),
        }
    }
    /// Reads what [`Listing::members`] wrote.
    pub fn stored(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let active = members.get("active").and_then(Value::as_bool).unwrap_or(true);
        Some(Self {
            user_name: text("userName")?,
            display_name: text("displayName"),
            formatted: text("formatted"),
            active,
        })
    }
}

/// A person whom a connection made.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Who they are here.
    pub user: User,
    /// And there.
    pub listing: Listing,
}

/// A person as a directory wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What only it says.
    pub listing: Listing,
    /// Their address: the primary one of `emails`, else `userName`.
    pub email: Email,
    /// `name.givenName`, at most 100 characters.
    pub first_name: Option<String>,
    /// `name.familyName`, at most 100 characters.
    pub last_name: Option<String>,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Their manager, who is one of the same connection.
    pub manager: Option<Id<User>>,
}
impl Person {
    /// What they are called: `displayName`, else `name.formatted`, else first and last name, else the address before its `@`.
    pub fn title(&self) -> String {
        let parts = [&self.first_name, &self.last_name];
        let both = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        let named = self.listing.display_name.clone().or_else(|| self.listing.formatted.clone());
        named.or_else(|| (!both.is_empty()).then_some(both)).unwrap_or_else(|| self.email.local().to_owned())
    }
}

/// A group of a connection, with who is in it unless that is not asked for.
#[derive(Clone, Debug)]
pub struct GroupListing {
    /// The group.
    pub group: Group,
    /// Who is in it.
    pub members: Option<Vec<Id<User>>>,
}

/// A change of a group. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// `displayName`.
    pub title: Option<String>,
    /// `externalId`.
    pub external_id: Option<Option<String>>,
    /// Who shall be in it, one step after the other.
    pub members: Vec<MemberStep>,
}
/// A step of a change of who is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStep {
    /// These too.
    Add(Vec<Id<User>>),
    /// These not.
    Remove(Vec<Id<User>>),
    /// These and nobody else.
    Set(Vec<Id<User>>),
}

/// What people are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the attribute of RFC 7643 of this name")]
pub enum UserField {
    Id,
    UserName,
    ExternalId,
    DisplayName,
    GivenName,
    FamilyName,
    Email,
    Active,
    Manager,
    Created,
    LastModified,
}
/// What groups are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the attribute of RFC 7643 of this name")]
pub enum GroupField {
    Id,
    DisplayName,
    ExternalId,
    Member,
    Created,
    LastModified,
}
/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text; case counts only where it is `exact`.
    Text {
        /// Does it?
        exact: bool,
    },
    /// An id of ours.
    Id,
    /// True or false.
    Bool,
    /// A moment.
    Time,
}
/// A field that a search names.
pub trait Field: Copy {
    /// What its values are.
    fn kind(self) -> FieldKind;
}
impl Field for UserField {
    fn kind(self) -> FieldKind {
        match self {
            Self::Id | Self::Manager => FieldKind::Id,
            Self::UserName | Self::DisplayName | Self::GivenName | Self::FamilyName | Self::Email => {
                FieldKind::Text { exact: false }
            }
            Self::ExternalId => FieldKind::Text { exact: true },
            Self::Active => FieldKind::Bool,
            Self::Created | Self::LastModified => FieldKind::Time,
        }
    }
}
impl Field for GroupField {
    fn kind(self) -> FieldKind {
        match self {
            Self::Id | Self::Member => FieldKind::Id,
            Self::DisplayName => FieldKind::Text { exact: false },
            Self::ExternalId => FieldKind::Text { exact: true },
            Self::Created | Self::LastModified => FieldKind::Time,
        }
    }
}

/// What is looked for (RFC 7644 3.4.2.2), with nothing of a request left in it but values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search<F> {
    /// Always, or never.
    Constant(bool),
    /// All of these.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// The field has a value.
    Present(F),
    /// The field compares so with this value; what has none compares with nothing.
    Is(F, Comparison, Operand),
}
/// How a field compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the comparisons of RFC 7644 3.4.2.2 but ne, which is the opposite of one of them")]
pub enum Comparison {
    Equal,
    Contains,
    StartsWith,
    EndsWith,
    More,
    AtLeast,
    Less,
    AtMost,
}
/// With what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Text as it was sent.
    Text(String),
    /// An id.
    Id(Uuid),
    /// True or false.
    Bool(bool),
    /// A moment.
    Time(Timestamp),
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// After so many rows.
    pub offset: usize,
    /// At most so many: up to [`PAGE`].
    pub count: usize,
}
/// A part of a list, and how long all of it is.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(display: Option<&str>, formatted: Option<&str>, first: Option<&str>, last: Option<&str>) -> Person {
        let own = |s: Option<&str>| s.map(ToOwned::to_owned);
        Person {
            listing: Listing {
                user_name: "Ada".into(),
                display_name: own(display),
                formatted: own(formatted),
                active: true,
            },
            email: Email::parse("ada@corp.example").unwrap(),
            first_name: own(first),
            last_name: own(last),
            external_id: None,
            manager: None,
        }
    }

    #[test]
    fn a_person_is_called_by_the_best_name_that_was_sent() {
        assert_eq!(person(Some("A"), Some("B"), Some("C"), Some("D")).title(), "A");
        assert_eq!(person(None, Some("B"), Some("C"), Some("D")).title(), "B");
        assert_eq!(person(None, None, Some("C"), Some("D")).title(), "C D");
        assert_eq!(person(None, None, None, Some("D")).title(), "D");
        assert_eq!(person(None, None, None, None).title(), "ada");
    }

    #[test]
    fn a_listing_reads_back() {
        for p in [person(None, None, None, None), person(Some("A"), Some("B"), None, None)] {
            assert_eq!(Listing::stored(&p.listing.members()).unwrap(), p.listing);
        }
        let gone = Listing { active: false, ..person(None, None, None, None).listing };
        assert_eq!(Listing::stored(&gone.members()).unwrap(), gone);
    }
}
