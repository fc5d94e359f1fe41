//! Organizations: create, get, update, list, switch, delete (spec v1beta1 2.3.7, 3.2).
use portcullis_domain::organization::State;
use portcullis_domain::preference_trait::DISABLE_ORGS_LISTING;
use portcullis_domain::{Error, Id, Result};
use portcullis_service::App;
use portcullis_service::organization::{Content, NewOrganization, OrganizationFilter};
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::organization_view::{
    AdminCreateOrganizationResponse, CreateOrganizationResponse, DisableOrganizationResponse,
    EnableOrganizationResponse, GetOrganizationResponse, ListAllOrganizationsResponse,
    ListOrganizationsByCurrentUserResponse, ListOrganizationsByUserResponse, ListOrganizationsResponse,
    UpdateOrganizationResponse,
};
use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome};

/// What a page holds when nothing else is asked for (spec part 11, 4).
const PAGE: usize = 1_000;

/// `CreateOrganization`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = Body::of(&call, &request).and_then(|mut body| {
        let new = new_organization(&mut body);
        body.finish(new)
    });
    let reply = call.reply::<CreateOrganizationResponse>();
    Ok(app.create_organization(&call.cx, new, reply).await?.into())
}

/// `AdminCreateOrganization`: for the owner whom the body names.
pub async fn create_for(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = Body::of(&call, &request).and_then(|mut body| {
        let (new, owner) = (new_organization(&mut body), body.email("org_owner_email"));
        body.finish(new.zip(owner))
    });
    let reply = call.reply::<AdminCreateOrganizationResponse>();
    Ok(app.create_organization_for(&call.cx, new, reply).await?.into())
}

/// `GetOrganization`, by id or name.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let organization = app.get_organization(&call.cx, request.text("id")).await?;
    Ok(call.answer::<GetOrganizationResponse>(&organization).into())
}

/// `UpdateOrganization`, by id or name. The body's name names nothing (spec part 11, 6).
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let content = Body::of(&call, &request).and_then(|mut body| {
        let content = content(&mut body);
        body.finish(Some(content))
    });
    let organization = app.update_organization(&call.cx, request.text("id"), content).await?;
    Ok(call.answer::<UpdateOrganizationResponse>(&organization).into())
}

/// `EnableOrganization`.
pub async fn enable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<EnableOrganizationResponse>();
    Ok(app.set_organization_state(&call.cx, request.text("id"), State::Enabled, reply).await?.into())
}

/// `DisableOrganization`.
pub async fn disable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<DisableOrganizationResponse>();
    Ok(app.set_organization_state(&call.cx, request.text("id"), State::Disabled, reply).await?.into())
}

/// `DeleteOrganization`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_organization(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListOrganizations`: while the platform does not switch it off (spec 3.13).
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.unless_switched_off(&call.cx, &DISABLE_ORGS_LISTING).await?;
    let (organizations, _) = app.list_organizations(&call.cx, &filter(&request)?).await?;
    Ok(call.answer::<ListOrganizationsResponse>(&organizations).into())
}

/// `ListAllOrganizations`: with the number of all.
pub async fn list_all(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    super::current_user::superuser(&call.cx)?;
    let page = app.list_organizations(&call.cx, &filter(&request)?).await?;
    Ok(call.answer::<ListAllOrganizationsResponse>(&page).into())
}

/// `ListOrganizationsByUser`.
pub async fn list_of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (user, state) = (user_ref(&request.text("id")), state(&request)?);
    let organizations = app.list_organizations_of(&call.cx, user, state).await?;
    Ok(call.answer::<ListOrganizationsByUserResponse>(&organizations).into())
}

/// `ListOrganizationsByCurrentUser`.
pub async fn list_mine(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let organizations = app.list_my_organizations(&call.cx, state(&request)?).await?;
    Ok(call.answer::<ListOrganizationsByCurrentUserResponse>(&organizations).into())
}

fn new_organization(body: &mut Body) -> Option<NewOrganization> {
    let (name, content) = (body.name(), content(body));
    name.map(|name| NewOrganization { name, content })
}
fn content(body: &mut Body) -> Content {
    Content { title: body.title(), avatar: body.avatar(), metadata: body.metadata() }
}
fn filter(request: &DynamicMessage) -> Result<OrganizationFilter> {
    let user = match request.text("user_id").as_str() {
        "" => None,
        // who is nobody is in no organization
        id => Some(id.parse().unwrap_or(Id::from_uuid(uuid::Uuid::nil()))),
    };
    let size = Some(request.size("page_size")).filter(|n| *n > 0).unwrap_or(PAGE);
    Ok(OrganizationFilter { user, state: state(request)?, size, page: request.size("page_num").max(1) })
}
/// Of all states unless one is asked for.
fn state(request: &DynamicMessage) -> Result<Option<State>> {
    match request.text("state").as_str() {
        "" => Ok(None),
        word => State::parse(word).map(Some).ok_or_else(|| Error::field("state", "enabled or disabled.")),
    }
}
