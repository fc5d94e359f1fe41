//! A caller as the access graph knows them, and what it says about them.
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Credential, Principal, Role, Subject};
use uuid::Uuid;

use super::{Graph, Object, Permission, Verdict};

/// The caller as a bearer of bindings. A key without every scope has no part in the graph. A personal access token is a bearer of its
/// own, and what it may do is asked with [`Graph::verdict`] alone: without its user it may do nothing.
pub fn bearer(principal: &Principal) -> Option<Bearer> {
    if matches!(&principal.credential, Credential::ApiKey { scopes, .. } if !scopes.is_all()) {
        return None;
    }
    match (&principal.credential, &principal.subject) {
        (Credential::PersonalToken { id, .. }, _) => Some(Bearer::Pat(id.uuid())),
        (_, Subject::User(id)) => Some(Bearer::User(id.uuid())),
        (_, Subject::ServiceUser(id)) => Some(Bearer::ServiceUser(id.uuid())),
        (_, Subject::Directory(_) | Subject::System | Subject::Anonymous) => None,
    }
}
/// Who owns what the caller makes: of a token its user (spec v1beta1 3.4).
pub fn maker(principal: &Principal) -> Option<Bearer> {
    match bearer(principal)? {
        Bearer::Pat(_) => principal.user_id().map(|id| Bearer::User(id.uuid())),
        other => Some(other),
    }
}

impl Graph {
    /// What the graph says about the caller. Of a token both have to hold: what it was given, in its own organization, and what its
    /// user may (spec v1beta1 5.6).
    pub fn verdict(&self, principal: &Principal, permission: &Permission, object: Object) -> Verdict {
        let given = self.given_to(principal, permission, object);
        match (given, maker(principal)) {
            (Some(given), _) if given.via.is_none() => Verdict::NO,
            // a superuser may everything, and his token what it was given of that
            (Some(given), _) if principal.is_owner || principal.roles.has(Role::Admin) => given,
            (Some(given), Some(user)) => match self.check(user, None, permission, object).via {
                Some(_) => given,
                None => Verdict::NO,
            },
            (None, Some(bearer)) => self.check(bearer, None, permission, object),
            (_, None) => Verdict::NO,
        }
    }
    /// A token's half of a verdict, whatever else lets its user do it; `None`: the caller is no token, and nothing holds them back.
    pub fn given_to(&self, principal: &Principal, permission: &Permission, object: Object) -> Option<Verdict> {
        let Credential::PersonalToken { id, organization, .. } = &principal.credential else { return None };
        let within = self.home(object) == Some(organization.uuid());
        Some(if within { self.given_to_token(id.uuid(), permission, object) } else { Verdict::NO })
    }
    /// The organization that something lies in.
    pub fn home(&self, object: Object) -> Option<Uuid> {
        match object {
            Object::Organization(id)
            | Object::ServiceUser { organization: id }
            | Object::Invitation { organization: id, .. } => Some(id),
            Object::Project(id) | Object::Resource { project: id, .. } => self.project(id).map(|p| p.organization),
            Object::Group(id) => self.group(id).and_then(|g| g.organization),
        }
    }
}
