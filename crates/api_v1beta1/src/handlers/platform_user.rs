//! Superusers and checkers (spec v1beta1 2.3.15, 3.14).
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::platform_user::{PlatformRelation, PlatformUserRef, PlatformUsers};
use portcullis_wire_v1beta1::{DynamicMessage, Object, ServiceUserView, UserView};
use serde_json::{Map, Value, json};

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
    let mut all = app.list_platform_users(&call.cx).await?;
    all.users.iter_mut().for_each(|p| stamp(&mut p.who.metadata, &p.relations));
    all.service_users.iter_mut().for_each(|p| stamp(&mut p.who.metadata, &p.relations));
    Ok(call.answer::<ListPlatformUsersResponse>(&all).into())
}

fn stamp(metadata: &mut Map<String, Value>, relations: &[PlatformRelation]) {
    let words: Vec<&str> = relations.iter().map(|r| r.as_str()).collect();
    metadata.insert("relation".into(), json!(words.first()));
    metadata.insert("relations".into(), json!(words));
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
    type Of = PlatformUsers;
    const MESSAGE: &'static str = "ListPlatformUsersResponse";
    fn write(all: &PlatformUsers, object: &mut Object<'_>) {
        object.list("users", all.users.iter().map(|p| UserView(&p.who)));
        object.list("serviceusers", all.service_users.iter().map(|p| ServiceUserView(&p.who)));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_service::platform_user::PlatformUser;

    use super::super::responses::tests::{proves, user};
    use super::super::service_user_view::tests::service_user;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        proves::<AddPlatformUserResponse>(&());
        proves::<RemovePlatformUserResponse>(&());
        proves::<ListPlatformUsersResponse>(&PlatformUsers { users: vec![], service_users: vec![] });
        let mut p = PlatformUser { who: user(), relations: PlatformRelation::ALL.to_vec() };
        stamp(&mut p.who.metadata, &p.relations);
        assert_eq!(p.who.metadata["relation"], "admin");
        assert_eq!(p.who.metadata["relations"], json!(["admin", "member"]));
        let machine = PlatformUser { who: service_user(), relations: vec![PlatformRelation::Member] };
        proves::<ListPlatformUsersResponse>(&PlatformUsers { users: vec![p], service_users: vec![machine] });
    }
}
