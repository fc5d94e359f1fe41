//! Relations: Frontier's view of the access graph as single edges, `object#relation@subject` (spec v1beta1 3.8, 5.3).
//!
//! There is no table of them: each is read off the thing that it stands for, and is made and ended as that thing. So the list of
//! kinds is closed, and the id of a relation names its kind and its thing.
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::time::Timestamp;

/// Which edge of which thing; the id of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationId {
    /// `app/organization:O#platform@app/platform:platform`.
    Platform(Uuid),
    /// `app/project:P#org@app/organization:O`.
    ProjectIn(Uuid),
    /// `app/group:G#org@app/organization:O`.
    GroupIn(Uuid),
    /// `app/group:G#member@app/user:U`, of the group and the person.
    Member(Uuid, Uuid),
    /// `ns:R#project@app/project:P`.
    ResourceIn(Uuid),
    /// `ns:R#owner@app/user:U`.
    Owner(Uuid),
    /// `X#granted@app/rolebinding:B`.
    Granted(Uuid),
    /// `app/rolebinding:B#bearer@app/user:U`.
    Bearer(Uuid),
    /// `app/rolebinding:B#role@app/role:R`.
    Role(Uuid),
    /// `app/platform:platform#admin@app/user:U`.
    Admin(Uuid),
    /// `app/platform:platform#member@app/user:U`.
    Checker(Uuid),
}
impl RelationId {
    const fn word(self) -> &'static str {
        match self {
            Self::Platform(_) => "platform",
            Self::ProjectIn(_) => "project-org",
            Self::GroupIn(_) => "group-org",
            Self::Member(..) => "member",
            Self::ResourceIn(_) => "project",
            Self::Owner(_) => "owner",
            Self::Granted(_) => "granted",
            Self::Bearer(_) => "bearer",
            Self::Role(_) => "role",
            Self::Admin(_) => "admin",
            Self::Checker(_) => "checker",
        }
    }
}
impl fmt::Display for RelationId {
    /// The kind, and what it is about, with dots between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word();
        match self {
            Self::Member(group, user) => write!(f, "{word}.{group}.{user}"),
            Self::Platform(id)
            | Self::ProjectIn(id)
            | Self::GroupIn(id)
            | Self::ResourceIn(id)
            | Self::Owner(id)
            | Self::Granted(id)
            | Self::Bearer(id)
            | Self::Role(id)
            | Self::Admin(id)
            | Self::Checker(id) => write!(f, "{word}.{id}"),
        }
    }
}
/// The text is no id of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARelation;
impl FromStr for RelationId {
    type Err = NotARelation;
    /// Reads exactly what is written.
    fn from_str(s: &str) -> Result<Self, NotARelation> {
        let mut parts = s.split('.');
        let word = parts.next().ok_or(NotARelation)?;
        let mut id = || parts.next().and_then(|p| Uuid::try_parse(p).ok()).ok_or(NotARelation);
        let found = match word {
            "platform" => Self::Platform(id()?),
            "project-org" => Self::ProjectIn(id()?),
            "group-org" => Self::GroupIn(id()?),
            "member" => Self::Member(id()?, id()?),
            "project" => Self::ResourceIn(id()?),
            "owner" => Self::Owner(id()?),
            "granted" => Self::Granted(id()?),
            "bearer" => Self::Bearer(id()?),
            "role" => Self::Role(id()?),
            "admin" => Self::Admin(id()?),
            "checker" => Self::Checker(id()?),
            _ => return Err(NotARelation),
        };
        if found.to_string() == s { Ok(found) } else { Err(NotARelation) }
    }
}

/// One edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Names its kind and its thing; the same as long as it is there.
    pub id: RelationId,
    /// `namespace:id`.
    pub object: String,
    /// What the subject is to the object.
    pub relation: &'static str,
    /// `namespace:id`.
    pub subject: String,
    /// `member` when the subject is a group: those who are in it. Else empty.
    pub sub_relation: &'static str,
    /// Of the thing that it stands for.
    pub created_at: Timestamp,
    /// Of the thing that it stands for.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_we_write_is_an_id() {
        let id = Uuid::from_u128(7);
        for bad in [
            String::new(),
            id.to_string(),
            "admin".into(),
            "admin.".into(),
            format!("admin.{id}.{id}"),
            format!("member.{id}"),
            format!("fly.{id}"),
            format!("admin.{}", id.simple()),
            format!("Admin.{id}"),
        ] {
            assert_eq!(bad.parse::<RelationId>(), Err(NotARelation), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(a: u128, b: u128, kind in 0..11usize) {
            let (a, b) = (Uuid::from_u128(a), Uuid::from_u128(b));
            let id = [
                RelationId::Platform(a), RelationId::ProjectIn(a), RelationId::GroupIn(a), RelationId::Member(a, b),
                RelationId::ResourceIn(a), RelationId::Owner(a), RelationId::Granted(a), RelationId::Bearer(a),
                RelationId::Role(a), RelationId::Admin(a), RelationId::Checker(a),
            ][kind];
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
        #[test]
        fn no_text_breaks_it(s in "\\PC{0,80}") {
            if let Ok(id) = s.parse::<RelationId>() {
                prop_assert_eq!(id.to_string(), s);
            }
        }
    }
}
