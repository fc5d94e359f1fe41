//! The answers that are written straight from domain values.
use portcullis_domain::meta_schema::MetaSchema;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::User;
use portcullis_service::user::UserShown;
use portcullis_wire_v1beta1::{MetaSchemaView, Object, ServiceUserView, UserView, View};

use crate::call::Response;
use crate::rql::Found;

macro_rules! one {
    ($(#[$doc:meta])* $name:ident, $field:literal, $of:ty, $view:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = $of;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &$of, object: &mut Object<'_>) {
                object.message($field, &$view(of));
            }
        }
    };
}
macro_rules! nothing {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = UserShown;
            const MESSAGE: &'static str = stringify!($name);
            fn write(_: &UserShown, _: &mut Object<'_>) {}
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [User];
            const MESSAGE: &'static str = stringify!($name);
            fn write(users: &[User], object: &mut Object<'_>) {
                object.number("count", u32::try_from(users.len()).unwrap_or(u32::MAX));
                object.list("users", users.iter().map(UserView));
            }
        }
    };
}

one!(/** The made user. */ CreateUserResponse, "user", User, UserView);
one!(/** The user. */ GetUserResponse, "user", User, UserView);
one!(/** The user as it is now. */ UpdateUserResponse, "user", User, UserView);
one!(/** The caller as they are now. */ UpdateCurrentUserResponse, "user", User, UserView);
one!(/** The made schema. */ CreateMetaSchemaResponse, "metaschema", MetaSchema, MetaSchemaView);
one!(/** The schema. */ GetMetaSchemaResponse, "metaschema", MetaSchema, MetaSchemaView);
one!(/** The schema as it is now. */ UpdateMetaSchemaResponse, "metaschema", MetaSchema, MetaSchemaView);
nothing!(/** Nothing. */ EnableUserResponse);
nothing!(/** Nothing. */ DisableUserResponse);
many!(/** A page of users; `count` is its length. */ ListUsersResponse);
many!(/** The same for administrators. */ ListAllUsersResponse);

/// All schemas.
pub struct ListMetaSchemasResponse;
impl Response for ListMetaSchemasResponse {
    type Of = [MetaSchema];
    const MESSAGE: &'static str = "ListMetaSchemasResponse";
    fn write(schemas: &[MetaSchema], object: &mut Object<'_>) {
        object.list("metaschemas", schemas.iter().map(MetaSchemaView));
    }
}

/// Who calls: a person or a machine.
pub enum Caller {
    /// A person.
    User(Box<User>),
    /// A machine.
    ServiceUser(Box<ServiceUser>),
}
fn write_caller(caller: &Caller, machine: &'static str, object: &mut Object<'_>) {
    match caller {
        Caller::User(user) => {
            object.message("user", &UserView(user));
            object.absent(machine);
        }
        Caller::ServiceUser(service_user) => {
            object.absent("user");
            object.message(machine, &ServiceUserView(service_user));
        }
    }
}
/// The caller.
pub struct GetCurrentUserResponse;
impl Response for GetCurrentUserResponse {
    type Of = Caller;
    const MESSAGE: &'static str = "GetCurrentUserResponse";
    fn write(caller: &Caller, object: &mut Object<'_>) {
        write_caller(caller, "serviceuser", object);
    }
}
/// The calling superuser.
pub struct GetCurrentAdminUserResponse;
impl Response for GetCurrentAdminUserResponse {
    type Of = Caller;
    const MESSAGE: &'static str = "GetCurrentAdminUserResponse";
    fn write(caller: &Caller, object: &mut Object<'_>) {
        write_caller(caller, "service_user", object);
    }
}

/// What a search found.
pub struct SearchUsersResponse;
impl Response for SearchUsersResponse {
    type Of = Found<User>;
    const MESSAGE: &'static str = "SearchUsersResponse";
    fn write(found: &Found<User>, object: &mut Object<'_>) {
        object.list("users", found.rows.iter().map(UserView));
        page_and_groups(found, object);
    }
}
/// `pagination` and `group` of a search.
pub fn page_and_groups<R>(found: &Found<R>, object: &mut Object<'_>) {
    object.message("pagination", &Pagination(found.offset, found.limit));
    match &found.groups {
        Some((name, groups)) => object.message("group", &Group(name, groups)),
        None => object.absent("group"),
    }
}
/// Offset and limit of a search.
pub struct Pagination(pub usize, pub usize);
impl View for Pagination {
    fn write(&self, object: &mut Object<'_>) {
        object.number("offset", u32::try_from(self.0).unwrap_or(u32::MAX));
        object.number("limit", u32::try_from(self.1).unwrap_or(u32::MAX));
        object.number("total_count", 0); // this search never filled it (spec 3.18)
    }
}
/// The grouped column with its counts.
pub struct Group<'a>(pub &'a str, pub &'a [(String, u32)]);
impl View for Group<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("name", self.0);
        object.list("data", self.1.iter().map(Count));
    }
}
struct Count<'a>(&'a (String, u32));
impl View for Count<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("name", &self.0.0);
        object.number("count", self.0.1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
pub(super) mod tests {
    use super::*;
    use portcullis_domain::user::{AuthProvider, UserState};
    use portcullis_domain::value::{Email, Slug};
    use portcullis_domain::{Id, Roles, Timestamp};
    use portcullis_wire_v1beta1::{Messages, Zeros, json, write};
    use serde_json::Value;

    struct Whole<'a, R: Response>(&'a R::Of);
    impl<R: Response> View for Whole<'_, R> {
        fn write(&self, object: &mut Object<'_>) {
            R::write(self.0, object);
        }
    }
    /// Does it write exactly the message that it says it is?
    pub(in crate::handlers) fn proves<R: Response>(of: &R::Of) {
        for zeros in [Zeros::Written, Zeros::LeftOut] {
            let text = write(&Whole::<R>(of), zeros);
            let message = json::read_strictly(Messages::named(R::MESSAGE), &text)
                .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&text)));
            let by_descriptor: Value = serde_json::from_slice(&json::write(&message, zeros)).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), by_descriptor, "{}", R::MESSAGE);
        }
    }
    pub(in crate::handlers) fn user() -> User {
        User {
            id: Id::from_uuid(uuid::Uuid::nil()),
            email: Email::stored("ada@example.com"),
            slug: Slug::stored("ada"),
            title: String::new(),
            auth_provider: AuthProvider::Local,
            identity_provider_id: None,
            state: UserState::Suspended,
            email_verified: false,
            roles: Roles::NONE,
            is_owner: false,
            avatar: None,
            external_id: None,
            manager_id: None,
            metadata: serde_json::Map::new(),
            first_name: None,
            last_name: None,
            display_name: None,
            last_login_at: None,
            mfa_enrolled: false,
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(0),
            revision: 0,
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let u = user();
        proves::<CreateUserResponse>(&u);
        proves::<GetUserResponse>(&u);
        proves::<UpdateUserResponse>(&u);
        proves::<UpdateCurrentUserResponse>(&u);
        let shown = UserShown { user: u.clone(), effective: Roles::NONE };
        proves::<EnableUserResponse>(&shown);
        proves::<DisableUserResponse>(&shown);
        proves::<ListUsersResponse>(&[]);
        proves::<ListAllUsersResponse>(&[u.clone(), u.clone()]);
        let schema = MetaSchema {
            id: Id::from_uuid(uuid::Uuid::nil()),
            name: Slug::stored("user"),
            schema: "{}".into(),
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        };
        proves::<CreateMetaSchemaResponse>(&schema);
        proves::<GetMetaSchemaResponse>(&schema);
        proves::<UpdateMetaSchemaResponse>(&schema);
        proves::<ListMetaSchemasResponse>(&[schema]);
        let machine = super::super::service_user_view::tests::service_user();
        for caller in [Caller::User(Box::new(u.clone())), Caller::ServiceUser(Box::new(machine))] {
            proves::<GetCurrentUserResponse>(&caller);
            proves::<GetCurrentAdminUserResponse>(&caller);
        }
        for groups in [None, Some(("state".to_owned(), vec![("enabled".to_owned(), 2)]))] {
            proves::<SearchUsersResponse>(&Found { rows: vec![u.clone()], groups, offset: 0, limit: 5 });
        }
    }
}
