//! Personal access tokens as this API shows them.
use portcullis_domain::Id;
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::personal_token::{Reach, TokenScope};
use portcullis_domain::user::User;
use portcullis_service::personal_token::{Owned, Shown};
use portcullis_wire_v1beta1::{Object, View};

use super::role_view::RoleView;
use crate::call::Response;
use crate::rql::Found;

struct TokenView<'a>(&'a Shown);
impl View for TokenView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let (token, organization) = (&self.0.token, self.0.token.organization_id);
        object.id("id", token.id);
        object.text("title", &token.title);
        object.id("user_id", token.user_id);
        object.id("org_id", organization);
        object.text("token", self.0.secret.as_ref().map_or("", |s| s.expose()));
        object.list("scopes", self.0.scopes.iter().map(|scope| ScopeView { scope, organization }));
        object.time("expires_at", token.expires_at);
        object.maybe_time("used_at", token.used_at);
        object.time("created_at", token.created_at);
        object.time("updated_at", token.updated_at);
        object.maybe_time("regenerated_at", token.regenerated_at);
        object.structure("metadata", &token.metadata);
    }
}
struct ScopeView<'a> {
    scope: &'a TokenScope,
    organization: Id<Organization>,
}
impl View for ScopeView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("role_id", self.scope.role_id);
        object.text("resource_type", self.scope.reach.namespace());
        let ids: Vec<String> = match &self.scope.reach {
            Reach::Organization => vec![self.organization.to_string()],
            Reach::AllProjects => vec![],
            Reach::Projects(ids) => ids.iter().map(ToString::to_string).collect(),
        };
        object.texts("resource_ids", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Shown;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Shown, object: &mut Object<'_>) {
                object.message("pat", &TokenView(of));
            }
        }
    };
}
one!(/** The made token, with its text. */ CreateCurrentUserPATResponse);
one!(/** The token. */ GetCurrentUserPATResponse);
one!(/** The token as it is now. */ UpdateCurrentUserPATResponse);
one!(/** The token with its new text. */ RegenerateCurrentUserPATResponse);

/// Is the title free?
pub struct CheckCurrentUserPATTitleResponse;
impl Response for CheckCurrentUserPATTitleResponse {
    type Of = bool;
    const MESSAGE: &'static str = "CheckCurrentUserPATTitleResponse";
    fn write(free: &bool, object: &mut Object<'_>) {
        object.flag("available", *free);
    }
}
/// What tokens may be given.
pub struct ListRolesForPATResponse;
impl Response for ListRolesForPATResponse {
    type Of = [AccessRole];
    const MESSAGE: &'static str = "ListRolesForPATResponse";
    fn write(roles: &[AccessRole], object: &mut Object<'_>) {
        object.list("roles", roles.iter().map(RoleView));
    }
}

/// A page with the number of all rows that match.
struct Pagination {
    offset: usize,
    limit: usize,
    total: usize,
}
impl View for Pagination {
    fn write(&self, object: &mut Object<'_>) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        object.number("offset", number(self.offset));
        object.number("limit", number(self.limit));
        object.number("total_count", number(self.total));
    }
}

/// What was found of one's own.
pub struct Page {
    /// The page.
    pub found: Found<Shown>,
    /// On all pages.
    pub total: usize,
}
/// One's own tokens.
pub struct SearchCurrentUserPATsResponse;
impl Response for SearchCurrentUserPATsResponse {
    type Of = Page;
    const MESSAGE: &'static str = "SearchCurrentUserPATsResponse";
    fn write(of: &Page, object: &mut Object<'_>) {
        object.list("pats", of.found.rows.iter().map(TokenView));
        let Found { offset, limit, .. } = of.found;
        object.message("pagination", &Pagination { offset, limit, total: of.total });
    }
}

/// What was found in an organization.
pub struct OrganizationPage {
    /// The page.
    pub found: Found<Owned>,
    /// What each of its tokens may do.
    pub scopes: Vec<Vec<TokenScope>>,
    /// On all pages.
    pub total: usize,
}
/// Everybody's tokens.
pub struct SearchOrganizationPATsResponse;
impl Response for SearchOrganizationPATsResponse {
    type Of = OrganizationPage;
    const MESSAGE: &'static str = "SearchOrganizationPATsResponse";
    fn write(of: &OrganizationPage, object: &mut Object<'_>) {
        let rows = of.found.rows.iter().zip(&of.scopes);
        object.list("organization_pats", rows.map(|(owned, scopes)| OwnedView { owned, scopes }));
        let Found { offset, limit, .. } = of.found;
        object.message("pagination", &Pagination { offset, limit, total: of.total });
    }
}
struct OwnedView<'a> {
    owned: &'a Owned,
    scopes: &'a [TokenScope],
}
impl View for OwnedView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let (token, organization) = (&self.owned.token, self.owned.token.organization_id);
        object.id("id", token.id);
        object.text("title", &token.title);
        match &self.owned.user {
            Some(user) => object.message("created_by", &CreatedBy(user)),
            None => object.absent("created_by"),
        }
        object.list("scopes", self.scopes.iter().map(|scope| ScopeView { scope, organization }));
        object.time("created_at", token.created_at);
        object.time("expires_at", token.expires_at);
        object.maybe_time("used_at", token.used_at);
        object.maybe_time("regenerated_at", token.regenerated_at);
    }
}
struct CreatedBy<'a>(&'a User);
impl View for CreatedBy<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("id", self.0.id);
        object.text("title", &self.0.title);
        object.text("email", &self.0.email);
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::Timestamp;
    use portcullis_domain::personal_token::PersonalToken;
    use uuid::Uuid;

    use super::super::responses::tests::{proves, user};
    use super::*;

    fn shown() -> Shown {
        let token = PersonalToken {
            id: Id::from_uuid(Uuid::from_u128(1)),
            user_id: Id::from_uuid(Uuid::from_u128(2)),
            organization_id: Id::from_uuid(Uuid::from_u128(3)),
            title: "CI".into(),
            metadata: serde_json::Map::new(),
            generation: 1,
            expires_at: Timestamp::from_micros(3),
            used_at: Some(Timestamp::from_micros(2)),
            regenerated_at: None,
            revoked_at: None,
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(1),
        };
        let scope = |reach| TokenScope { role_id: Id::from_uuid(Uuid::from_u128(4)), reach };
        let scopes = vec![scope(Reach::Organization), scope(Reach::Projects(vec![Uuid::from_u128(5)]))];
        Shown { token, scopes, secret: None }
    }

    #[test]
    fn every_answer_is_its_message() {
        let all =
            Shown { scopes: vec![TokenScope { reach: Reach::AllProjects, ..shown().scopes[0].clone() }], ..shown() };
        for shown in [shown(), all] {
            proves::<CreateCurrentUserPATResponse>(&shown);
            proves::<GetCurrentUserPATResponse>(&shown);
            proves::<UpdateCurrentUserPATResponse>(&shown);
            proves::<RegenerateCurrentUserPATResponse>(&shown);
            for user in [None, Some(user())] {
                let (token, scopes) = (shown.token.clone(), vec![shown.scopes.clone()]);
                let found = Found { rows: vec![Owned { token, user }], groups: None, offset: 0, limit: 30 };
                proves::<SearchOrganizationPATsResponse>(&OrganizationPage { found, scopes, total: 1 });
            }
            let found = Found { rows: vec![shown], groups: None, offset: 1, limit: 30 };
            proves::<SearchCurrentUserPATsResponse>(&Page { found, total: 2 });
        }
        for free in [true, false] {
            proves::<CheckCurrentUserPATTitleResponse>(&free);
        }
        proves::<ListRolesForPATResponse>(&[]);
    }
}
