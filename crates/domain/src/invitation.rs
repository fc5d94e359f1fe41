//! An invitation into an organization, for whoever proves the address that it names (spec v1beta1 3.11, decision 7).
use crate::access_role::AccessRole;
use crate::group::Group;
use crate::id::Id;
use crate::organization::Organization;
use crate::role_binding::Bearer;
use crate::time::Timestamp;
use crate::value::Email;

/// How long it can be accepted: 7 days.
pub const LIFE_SECONDS: i64 = 7 * 86_400;
/// How long it is kept after that.
pub const KEPT_SECONDS: i64 = 7 * 86_400;

/// An invitation. There is at most one for an address and an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Made by us, version 7.
    pub id: Id<Invitation>,
    /// Into which.
    pub organization_id: Id<Organization>,
    /// Who is invited.
    pub email: Email,
    /// Groups of the organization that they will be in.
    pub groups: Vec<Id<Group>>,
    /// What they will be; the least kind of member when it is empty.
    pub roles: Vec<Id<AccessRole>>,
    /// Who said so last: it gives no more than they could still give. `None`: an older version did not write it down.
    pub inviter: Option<Bearer>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it cannot be accepted.
    pub expires_at: Timestamp,
}
impl Invitation {
    /// Can it be accepted at this moment, as far as time goes?
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.expires_at > now
    }
}
