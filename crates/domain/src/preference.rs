//! What somebody prefers: a value for a trait of the catalogue (spec v1beta1 3.13). The catalogue is in `preference_trait.rs`.
use uuid::Uuid;

use crate::id::Id;
use crate::organization::Organization;
use crate::time::Timestamp;
use crate::user::User;

/// What a preference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The tenant itself.
    Platform,
    /// An organization.
    Organization,
    /// A person.
    User,
}
impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Platform, Self::Organization, Self::User];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "app/platform",
            Self::Organization => "app/organization",
            Self::User => "app/user",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.as_str() == s)
    }
}

/// Whose preferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The tenant's.
    Platform,
    /// An organization's.
    Organization(Id<Organization>),
    /// A person's.
    User(Id<User>),
}
impl Whose {
    /// What they are about.
    pub const fn level(self) -> Level {
        match self {
            Self::Platform => Level::Platform,
            Self::Organization(_) => Level::Organization,
            Self::User(_) => Level::User,
        }
    }
    /// The id in API and database; the tenant's own are under the nil UUID.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Platform => Uuid::nil(),
            Self::Organization(id) => id.uuid(),
            Self::User(id) => id.uuid(),
        }
    }
}

/// Where a person's preference counts: in one organization, or everywhere.
pub type Scope = Option<Id<Organization>>;

/// A value that somebody set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Made by us, version 7.
    pub id: Id<Preference>,
    /// Whose it is.
    pub whose: Whose,
    /// Where it counts.
    pub scope: Scope,
    /// The trait's name.
    pub name: String,
    /// Checked against the trait.
    pub value: String,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub updated_at: Timestamp,
}
