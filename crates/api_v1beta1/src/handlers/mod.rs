//! What answers each call. One file for each concept; a call that is not here answers `unimplemented`.
mod authentication;
mod current_user;
mod meta_schema;
mod read;
mod responses;
mod user;
mod user_body;
mod user_export;
mod user_list;
mod user_search;

use std::future::Future;
use std::pin::Pin;

use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_wire_v1beta1::DynamicMessage;

use crate::call::{Call, Outcome};
use crate::incoming::Incoming;

pub(crate) use read::Read;

/// A handler at work.
pub type Work = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// What answers a call.
#[derive(Clone, Copy)]
pub enum Handler {
    /// It gets the request message, checked.
    Message(fn(App, Call, DynamicMessage) -> Work),
    /// It reads and checks the request itself, without the descriptor.
    Incoming(fn(App, Call, Incoming) -> Work),
}

macro_rules! message {
    ($handle:path) => {
        Handler::Message(|app, call, message| Box::pin($handle(app, call, message)))
    };
}
macro_rules! incoming {
    ($handle:path) => {
        Handler::Incoming(|app, call, incoming| Box::pin($handle(app, call, incoming)))
    };
}

/// The handler of a call, by its name.
pub fn of(rpc: &str) -> Option<Handler> {
    Some(match rpc {
        "CreateUser" => incoming!(user::create),
        "GetUser" => message!(user::get),
        "UpdateUser" => incoming!(user::update),
        "EnableUser" => message!(user::enable),
        "DisableUser" => message!(user::disable),
        "DeleteUser" => message!(user::delete),
        "ListUsers" | "ListAllUsers" => message!(user_list::list),
        "SearchUsers" => message!(user_search::search),
        "ExportUsers" => message!(user_export::export),
        "GetCurrentUser" => message!(current_user::get),
        "GetCurrentAdminUser" => message!(current_user::get_admin),
        "UpdateCurrentUser" => incoming!(current_user::update),
        "ListMetaSchemas" => message!(meta_schema::list),
        "GetMetaSchema" => message!(meta_schema::get),
        "CreateMetaSchema" => message!(meta_schema::create),
        "UpdateMetaSchema" => message!(meta_schema::update),
        "DeleteMetaSchema" => message!(meta_schema::delete),
        "GetJWKs" => message!(authentication::jwks),
        "ListAuthStrategies" => message!(authentication::strategies),
        _ => return None,
    })
}
