//! Who holds which roles on something, as this API shows it: the things in one list, pairs of ids and roles in another.
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::group::Group;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::User;
use portcullis_service::holder::Holder;
use portcullis_wire_v1beta1::{Object, ServiceUserView, UserView, View};
use uuid::Uuid;

use super::group_view::GroupView;
use super::role_view::RoleView;

/// An id with the roles that it holds; the field of the id has a name of its own in each answer.
pub struct RolePair<'a> {
    /// `user_id`, `group_id`.
    pub field: &'static str,
    /// Whose.
    pub id: Uuid,
    /// Which.
    pub roles: &'a [AccessRole],
}
impl View for RolePair<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id(self.field, self.id);
        object.list("roles", self.roles.iter().map(RoleView));
    }
}
/// `users` and `role_pairs`.
pub fn users(holders: &[Holder<User>], object: &mut Object<'_>) {
    object.list("users", holders.iter().map(|h| UserView(&h.who)));
    object.list(
        "role_pairs",
        holders.iter().map(|h| RolePair { field: "user_id", id: h.who.id.uuid(), roles: &h.roles }),
    );
}
/// `serviceusers` and `role_pairs`.
pub fn service_users(holders: &[Holder<ServiceUser>], object: &mut Object<'_>) {
    object.list("serviceusers", holders.iter().map(|h| ServiceUserView(&h.who)));
    object.list(
        "role_pairs",
        holders.iter().map(|h| RolePair { field: "serviceuser_id", id: h.who.id.uuid(), roles: &h.roles }),
    );
}
/// `groups` and `role_pairs`.
pub fn groups(holders: &[Holder<Group>], object: &mut Object<'_>) {
    object.list("groups", holders.iter().map(|h| GroupView::alone(&h.who)));
    object.list(
        "role_pairs",
        holders.iter().map(|h| RolePair { field: "group_id", id: h.who.id.uuid(), roles: &h.roles }),
    );
}

/// What of the asked permissions somebody has on a thing.
pub struct AccessPair<'a> {
    /// `project_id`, `group_id`.
    pub field: &'static str,
    /// Which thing, and the words as they were asked.
    pub pair: &'a (Uuid, Vec<String>),
}
impl View for AccessPair<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id(self.field, self.pair.0);
        let words: Vec<&str> = self.pair.1.iter().map(String::as_str).collect();
        object.texts("permissions", &words);
    }
}
