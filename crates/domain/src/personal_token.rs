//! Personal access tokens: a person's own right to some of what they may do in one organization (spec v1beta1 3.20).
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access_role::AccessRole;
use crate::id::Id;
use crate::organization::Organization;
use crate::role_binding::{Relation, RoleBinding};
use crate::time::Timestamp;
use crate::user::User;

/// A token. What it may do is kept as role bindings of the bearer `app/pat`; it never does more than its user may.
#[derive(Clone, Debug)]
pub struct PersonalToken {
    /// Its id.
    pub id: Id<PersonalToken>,
    /// Whose.
    pub user_id: Id<User>,
    /// Where; it is worth nothing elsewhere.
    pub organization_id: Id<Organization>,
    /// Unique among the person's tokens of the organization; case does not count.
    pub title: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// How often its secret was replaced: an access token that was made with an older one is dead.
    pub generation: i64,
    /// Ends by itself.
    pub expires_at: Timestamp,
    /// Last seen, exact to a minute.
    pub used_at: Option<Timestamp>,
    /// When its secret was last replaced.
    pub regenerated_at: Option<Timestamp>,
    /// Ended before its time, for good.
    pub revoked_at: Option<Timestamp>,
    /// Made when.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
impl PersonalToken {
    /// Does it still count?
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
    /// When its secret was made.
    pub fn secret_made_at(&self) -> Timestamp {
        self.regenerated_at.unwrap_or(self.created_at)
    }
}

/// A role of a token, and where it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenScope {
    /// Which.
    pub role_id: Id<AccessRole>,
    /// On what.
    pub reach: Reach,
}

/// Where a role of a token holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On the organization, as for a member.
    Organization,
    /// On each of its projects, those to come too.
    AllProjects,
    /// On these projects.
    Projects(Vec<Uuid>),
}
impl Reach {
    /// The kind of object in the API.
    pub const fn namespace(&self) -> &'static str {
        match self {
            Self::Organization => "app/organization",
            Self::AllProjects | Self::Projects(_) => "app/project",
        }
    }
    /// What the bindings are made of: on which objects, and how.
    pub fn bindings(&self, organization: Id<Organization>) -> Vec<(&'static str, Uuid, Relation)> {
        match self {
            Self::Organization => vec![("app/organization", organization.uuid(), Relation::Granted)],
            Self::AllProjects => vec![("app/organization", organization.uuid(), Relation::PatGranted)],
            Self::Projects(ids) => ids.iter().map(|id| ("app/project", *id, Relation::Granted)).collect(),
        }
    }
}

/// What a token's bindings say. A project that was deleted took its binding along: a token of listed projects never becomes one
/// of all.
pub fn scopes(bindings: &[RoleBinding]) -> Vec<TokenScope> {
    let mut out: Vec<TokenScope> = vec![];
    for b in bindings {
        let reach = match (&*b.namespace, b.relation) {
            ("app/organization", Relation::Granted) => Reach::Organization,
            ("app/organization", Relation::PatGranted) => Reach::AllProjects,
            _ => Reach::Projects(vec![b.object_id]),
        };
        let same = out.iter_mut().find(|s| s.role_id == b.role_id && s.reach.namespace() == reach.namespace());
        match (same.map(|s| &mut s.reach), reach) {
            (Some(Reach::Projects(ids)), Reach::Projects(more)) => ids.extend(more),
            (Some(known), Reach::AllProjects) => *known = Reach::AllProjects,
            (Some(_), _) => {}
            (None, reach) => out.push(TokenScope { role_id: b.role_id, reach }),
        }
    }
    out.sort_by_key(|s| s.reach.namespace());
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use crate::role_binding::Bearer;

    #[test]
    fn scopes_come_back_from_their_bindings() {
        let organization = Id::from_uuid(Uuid::from_u128(1));
        let (viewer, manager) = (Id::from_uuid(Uuid::from_u128(2)), Id::from_uuid(Uuid::from_u128(3)));
        let projects = vec![Uuid::from_u128(8), Uuid::from_u128(9)];
        for reach in [Reach::AllProjects, Reach::Projects(projects)] {
            let asked = [
                TokenScope { role_id: viewer, reach: Reach::Organization },
                TokenScope { role_id: manager, reach: reach.clone() },
            ];
            let bindings: Vec<RoleBinding> = asked
                .iter()
                .flat_map(|s| s.reach.bindings(organization).into_iter().map(|b| (s.role_id, b)))
                .map(|(role_id, (namespace, object_id, relation))| RoleBinding {
                    id: Id::from_uuid(Uuid::nil()),
                    role_id,
                    namespace: namespace.into(),
                    object_id,
                    bearer: Bearer::Pat(Uuid::nil()),
                    relation,
                    title: String::new(),
                    metadata: Map::new(),
                    created_at: Timestamp::from_micros(0),
                    updated_at: Timestamp::from_micros(0),
                })
                .collect();
            assert_eq!(scopes(&bindings), asked);
        }
        assert_eq!(scopes(&[]), []);
    }
}
