//! Users: create, get, update (or create by address), enable, disable, delete (spec v1beta1 2.3.3, 3.1).
use portcullis_domain::user::UserState;
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_service::user::{Draft, NewUser, UserPatch, UserRef};
use portcullis_wire_v1beta1::DynamicMessage;

use super::read::Read;
use super::responses::{
    CreateUserResponse, DisableUserResponse, EnableUserResponse, GetUserResponse, UpdateUserResponse,
};
use super::user_body::{self, Shape, UserBody};
use crate::call::{Call, Outcome};
use crate::incoming::Incoming;

/// A user by UUID, address or name. What is none of them names nobody.
pub fn user_ref(text: &str) -> Result<UserRef> {
    let nobody = || Error::not_found("user");
    if let Ok(id) = text.parse() {
        Ok(UserRef::Id(id))
    } else if text.contains('@') {
        Email::parse(text).map(UserRef::Email).map_err(|_| nobody())
    } else {
        Slug::parse(text).map(UserRef::Slug).map_err(|_| nobody())
    }
}

/// `CreateUser` (the seed page).
pub async fn create(app: App, mut call: Call, incoming: Incoming) -> Result<Outcome> {
    let (_, body) = user_body::read(&incoming, Shape::BodyOnly, call.endpoint.input)?;
    let draft = new_user(&call, body);
    let reply = call.reply::<CreateUserResponse>();
    Ok(app.create_user(&call.cx, draft, reply).await?.into())
}

fn new_user(call: &Call, body: UserBody) -> Draft<NewUser> {
    let email = body.email.as_ref().or(call.cx.principal.email.as_ref());
    Draft {
        roles: Some(vec!["user".into()]),
        email_domain: email.map(|e| e.domain().to_owned()),
        auth_provider: Some("local".into()),
        command: Ok(body.into_new()),
    }
}

/// `GetUser`. A disabled user is not found here; lists show them with `state=disabled` (spec 3.1).
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let user = app.get_user_as_superuser(&call.cx, &user_ref(&request.text("id"))?).await?;
    if user.state == UserState::Suspended {
        return Err(Error::not_found("user"));
    }
    Ok(call.answer::<GetUserResponse>(&user).into())
}

/// `UpdateUser`: title, avatar and metadata are replaced; address and name stay. An id that is an address makes the user when
/// there is none.
pub async fn update(app: App, mut call: Call, incoming: Incoming) -> Result<Outcome> {
    let (id, body) = user_body::read(&incoming, Shape::WithId, call.endpoint.input)?;
    let at = incoming.prefixed("email");
    let Some(email) = &body.email else { return Err(Error::field(at, "An e-mail address must be there.")) };
    let which = user_ref(&id)?;
    if matches!(&which, UserRef::Email(named) if named != email) {
        return Err(email_conflict(at));
    }
    let patch = UserPatch {
        title: Some(body.title.clone()),
        avatar: Some(body.avatar.clone()),
        metadata: Some(body.metadata.clone()),
        ..UserPatch::default()
    };
    let draft =
        Draft { roles: None, email_domain: Some(email.domain().to_owned()), auth_provider: None, command: Ok(patch) };
    match app.update_user(&call.cx, &which, draft, None).await {
        Ok(user) => Ok(call.answer::<UpdateUserResponse>(&user).into()),
        Err(e) if e.code() == Code::NotFound && matches!(which, UserRef::Email(_)) => {
            let draft = new_user(&call, body);
            let reply = call.reply::<UpdateUserResponse>();
            Ok(app.create_user(&call.cx, draft, reply).await?.into())
        }
        Err(e) => Err(e),
    }
}

/// 400: an address cannot be changed here.
pub fn email_conflict(field: String) -> Error {
    let fields = serde_json::json!([{ "field": field, "message": "This must be the user's own address." }]);
    Error::new(Code::InvalidInput, "user email can't be updated").detail("fields", fields)
}

/// `EnableUser`.
pub async fn enable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let which = user_ref(&request.text("id"))?;
    let reply = call.reply::<EnableUserResponse>();
    Ok(app.set_user_active(&call.cx, &which, Ok(true), reply).await?.into())
}

/// `DisableUser`: ends sessions, keys and grants at once (decision 19).
pub async fn disable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let which = user_ref(&request.text("id"))?;
    let reply = call.reply::<DisableUserResponse>();
    Ok(app.set_user_active(&call.cx, &which, Ok(false), reply).await?.into())
}

/// `DeleteUser`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_user(&call.cx, &user_ref(&request.text("id"))?, None).await?;
    Ok(call.empty().into())
}
