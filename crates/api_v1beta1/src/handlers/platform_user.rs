//! Superusers and checkers (spec v1beta1 2.3.15, 3.14).
use portcullis_domain::user::User;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::platform_user::{PlatformRelation, PlatformUser, PlatformUserRef};
use portcullis_wire_v1beta1::{DynamicMessage, Object, ServiceUserView, UserView};
use serde_json::json;

use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome, Response};

/// `AddPlatformUser`: an address that nobody has makes a user.
pub async fn add(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (who, relation) = (who(&request), relation(&request).and_then(|r| r.ok_or_else(no_relation)));
    let reply = call.reply::<AddPlatformUserResponse>();
    Ok(app.add_platform_user(&call.cx, who, relation, reply).await?.into())
}

/// `RemovePlatformUser`: one relation, or without a word both.
pub async fn remove(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (who, relation) = (who(&request), relation(&request));
    let reply = call.reply::<RemovePlatformUserResponse>();
    Ok(app.remove_platform_user(&call.cx, who, relation, reply).await?.into())
}

/// `ListPlatformUsers`: each with what they are in `metadata.relation` and `metadata.relations`.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let all = app.list_platform_users(&call.cx).await?;
    let users: Vec<User> = all.into_iter().map(stamped).collect();
    Ok(call.answer::<ListPlatformUsersResponse>(&users).into())
}

fn stamped(p: PlatformUser) -> User {
    let words: Vec<&str> = p.relations.iter().map(|r| r.as_str()).collect();
    let mut user = p.user;
    user.metadata.insert("relation".into(), json!(words.first()));
    user.metadata.insert("relations".into(), json!(words));
    user
}
fn who(request: &DynamicMessage) -> Result<PlatformUserRef> {
    match (&*request.text("user_id"), &*request.text("serviceuser_id")) {
        ("", "") => Err(Error::field("user_id", "Name a user, or a service user in serviceuser_id.")),
        (user, "") => user_ref(user).map(PlatformUserRef::User),
        ("", machine) => Ok(PlatformUserRef::ServiceUser(machine.to_owned())),
        _ => Err(Error::field("serviceuser_id", "Name a user or a service user, not both.")),
    }
}
fn relation(request: &DynamicMessage) -> Result<Option<PlatformRelation>> {
    match &*request.text("relation") {
        "" => Ok(None),
        word => PlatformRelation::parse(word).map(Some).ok_or_else(no_relation),
    }
}
fn no_relation() -> Error {
    Error::field("relation", "admin or member.")
}

macro_rules! nothing {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = ();
            const MESSAGE: &'static str = stringify!($name);
            fn write((): &(), _: &mut Object<'_>) {}
        }
    };
}
nothing!(/** Nothing. */ AddPlatformUserResponse);
nothing!(/** Nothing. */ RemovePlatformUserResponse);

/// The platform users, stamped.
pub struct ListPlatformUsersResponse;
impl Response for ListPlatformUsersResponse {
    type Of = [User];
    const MESSAGE: &'static str = "ListPlatformUsersResponse";
    fn write(users: &[User], object: &mut Object<'_>) {
        object.list("users", users.iter().map(UserView));
        object.list("serviceusers", std::iter::empty::<ServiceUserView>());
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::{proves, user};
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        proves::<AddPlatformUserResponse>(&());
        proves::<RemovePlatformUserResponse>(&());
        proves::<ListPlatformUsersResponse>(&[]);
        let both = PlatformRelation::ALL.to_vec();
        let user = stamped(PlatformUser { user: user(), relations: both });
        assert_eq!(user.metadata["relation"], "admin");
        assert_eq!(user.metadata["relations"], json!(["admin", "member"]));
        proves::<ListPlatformUsersResponse>(&[user]);
    }
}
