//! `ListUsers` and `ListAllUsers`: pages by number (spec v1beta1 3.1, decision 22).
use std::collections::BTreeSet;

use portcullis_domain::preference_trait::DISABLE_USERS_LISTING;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::user::UserFilter;
use portcullis_wire_v1beta1::DynamicMessage;

use super::current_user::superuser;
use super::read::Read;
use super::responses::{ListAllUsersResponse, ListUsersResponse};
use crate::call::{Call, Outcome};

/// What a page holds when nothing else is asked for.
const PAGE: usize = 50;

/// A page of users; disabled ones only with `state=disabled`. The members of an organization or a group are a list without
/// pages, for those who may look at it. The platform may switch `ListUsers` off (spec 3.13).
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    if call.endpoint.rpc == "ListAllUsers" {
        superuser(&call.cx)?;
    } else {
        app.unless_switched_off(&call.cx, &DISABLE_USERS_LISTING).await?;
    }
    let (organization, group) = (request.text("org_id"), request.text("group_id"));
    if !organization.is_empty() || !group.is_empty() {
        let members = match organization.as_str() {
            "" => app.list_group_users(&call.cx, group).await?,
            _ => app.list_organization_users(&call.cx, organization, &BTreeSet::new()).await?,
        };
        let users: Vec<User> = members.into_iter().map(|h| h.who).collect();
        return Ok(answer(&call, &users));
    }
    superuser(&call.cx)?;
    let filter = UserFilter { keyword: given(keyword(&request)?), state: state(&request)?, ..UserFilter::default() };
    let size = match request.size("page_size") {
        0 => PAGE,
        n => n,
    };
    let users = app.list_users_by_number(&call.cx, &filter, size, request.size("page_num").max(1)).await?;
    Ok(answer(&call, &users))
}
fn answer(call: &Call, users: &[User]) -> Outcome {
    if call.endpoint.rpc == "ListUsers" {
        call.answer::<ListUsersResponse>(users).into()
    } else {
        call.answer::<ListAllUsersResponse>(users).into()
    }
}

/// Without a state, and with `enabled`, the use case leaves the disabled ones out.
fn state(request: &DynamicMessage) -> Result<Option<UserState>> {
    match request.text("state").as_str() {
        "" | "enabled" => Ok(None),
        "disabled" => Ok(Some(UserState::Suspended)),
        _ => Err(Error::field("state", "enabled or disabled.")),
    }
}

/// One line: PostgreSQL keeps no NUL, and nobody looks for one.
fn keyword(request: &DynamicMessage) -> Result<String> {
    portcullis_domain::value::line(&request.text("keyword"), 254).map_err(|e| Error::field("keyword", e))
}

fn given(s: String) -> Option<String> {
    Some(s).filter(|s| !s.is_empty())
}
