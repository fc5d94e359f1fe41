//! E-mail domains of organizations, and joining through one (spec v1beta1 2.3.7, 3.12).
use portcullis_domain::value::DomainName;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_wire_v1beta1::DynamicMessage;

use super::organization_domain_view::{
    CreateOrganizationDomainResponse, GetOrganizationDomainResponse, JoinOrganizationResponse,
    ListOrganizationDomainsResponse, VerifyOrganizationDomainResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};

/// `CreateOrganizationDomain`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let name = DomainName::parse(&request.text("domain")).map_err(|e| Error::field("domain", e));
    let reply = call.reply::<CreateOrganizationDomainResponse>();
    Ok(app.create_organization_domain(&call.cx, request.text("org_id"), name, reply).await?.into())
}

/// `GetOrganizationDomain`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let domain = app.get_organization_domain(&call.cx, request.text("org_id"), &request.text("id")).await?;
    Ok(call.answer::<GetOrganizationDomainResponse>(&domain).into())
}

/// `ListOrganizationDomains`: of one state, if it is named.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let domains = app.list_organization_domains(&call.cx, request.text("org_id"), &request.text("state")).await?;
    Ok(call.answer::<ListOrganizationDomainsResponse>(&domains).into())
}

/// `VerifyOrganizationDomain`.
pub async fn verify(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<VerifyOrganizationDomainResponse>();
    let (organization, id) = (request.text("org_id"), request.text("id"));
    Ok(app.verify_organization_domain(&call.cx, organization, &id, reply).await?.into())
}

/// `DeleteOrganizationDomain`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_organization_domain(&call.cx, request.text("org_id"), &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `JoinOrganization`.
pub async fn join(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<JoinOrganizationResponse>();
    Ok(app.join_organization(&call.cx, request.text("org_id"), reply).await?.into())
}
