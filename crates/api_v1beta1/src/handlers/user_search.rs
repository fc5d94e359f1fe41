//! `SearchUsers`: RQL over users (spec v1beta1 3.18).
use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_service::user_search::Users;
use portcullis_wire_v1beta1::DynamicMessage;

use super::current_user::superuser;
use super::read::Read;
use super::responses::SearchUsersResponse;
use crate::call::{Call, Outcome};
use crate::rql;

/// Rows in the order of the query, cut to its page.
pub async fn search(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Users>(request.inner("query").as_ref())?;
    superuser(&call.cx)?;
    let found = app.search_users(&call.cx, &query).await?;
    Ok(call.answer::<SearchUsersResponse>(&found).into())
}
