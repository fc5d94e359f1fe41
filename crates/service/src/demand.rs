//! Whose sessions need a second factor, by what counts now: one that they have, the tenant's policy, and their roles.
use std::sync::Arc;

use portcullis_domain::mfa::is_twofold;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;

use crate::tenancy::Compiled;

/// What a tenant demands at one revision.
#[derive(Clone)]
pub(crate) struct Demand(Arc<Compiled>);
impl Demand {
    /// That of this snapshot.
    pub fn of(compiled: Arc<Compiled>) -> Self {
        Self(compiled)
    }
    /// Does the tenant want a second factor of this person, with the roles that groups give them?
    pub fn wants(&self, user: &User) -> bool {
        let mapped = self.0.access.graph.mapped_roles(Bearer::User(user.id.uuid()));
        self.0.settings.mfa_policy.demands(user.roles.and(mapped), user.is_owner)
    }
    /// Is what was proved in these ways only half of what this person has to prove?
    pub fn is_half(&self, user: &User, amr: &[String]) -> bool {
        (user.mfa_enrolled || self.wants(user)) && !is_twofold(amr)
    }
}
