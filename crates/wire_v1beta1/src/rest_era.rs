//! REST operations that the published table dropped and old clients still call (spec v1beta1 2.5). They never were on Connect;
//! their handlers read what the messages of today lack.
use crate::endpoint::{Body, Effect, Endpoint, Login, Method, Output, Refusal, Rest, Service};

const fn row(rpc: &'static str, rest: &'static [Rest], input: &'static str, area: &'static str) -> Endpoint {
    Endpoint {
        rpc,
        service: Service::Frontier,
        path: "",
        rest,
        input,
        output: Output::Unary("RemoveGroupUserResponse"),
        login: Login::Required,
        refusal: Refusal::Denied,
        effect: Effect::Changes,
        action: None,
        area,
        authz: "",
    }
}
const fn reads(mut row: Endpoint) -> Endpoint {
    row.effect = Effect::Reads;
    row
}
/// Paths of service users before they named the organization.
const fn old(rpc: &'static str, rest: &'static [Rest], input: &'static str, effect: Effect) -> Endpoint {
    Endpoint { effect, ..row(rpc, rest, input, "Service users (machine identities of an org)") }
}
const fn on(method: Method, path: &'static str, body: Body) -> [Rest; 1] {
    [Rest { method, path, body }]
}

/// The dropped operations. Their answers have no fields, or are of messages that were dropped with them.
pub static REST_ERA: &[Endpoint] = &[
    row("AddGroupUsers", &ADD_GROUP_USERS, "ListGroupUsersRequest", "Groups"),
    row("AddOrganizationUsers", &ADD_ORGANIZATION_USERS, "ListOrganizationUsersRequest", "Organizations"),
    old("OldCreateServiceUser", &MACHINES, "CreateServiceUserRequest", Effect::Changes),
    old("OldGetServiceUser", &GET_MACHINE, "GetServiceUserRequest", Effect::Reads),
    old("OldDeleteServiceUser", &DELETE_MACHINE, "DeleteServiceUserRequest", Effect::Changes),
    old("OldCreateServiceUserJWK", &CREATE_KEY, "CreateServiceUserJWKRequest", Effect::Changes),
    old("OldListServiceUserJWKs", &LIST_KEYS, "ListServiceUserJWKsRequest", Effect::Reads),
    old("OldGetServiceUserJWK", &GET_KEY, "GetServiceUserJWKRequest", Effect::Reads),
    old("OldDeleteServiceUserJWK", &DELETE_KEY, "DeleteServiceUserJWKRequest", Effect::Changes),
    old("OldCreateServiceUserCredential", &CREATE_SECRET, "CreateServiceUserCredentialRequest", Effect::Changes),
    old("OldListServiceUserCredentials", &LIST_SECRETS, "ListServiceUserCredentialsRequest", Effect::Reads),
    old("OldDeleteServiceUserCredential", &DELETE_SECRET, "DeleteServiceUserCredentialRequest", Effect::Changes),
    row("RemoveOrganizationUser", &REMOVE_ORGANIZATION_USER, "ListOrganizationUsersRequest", "Organizations"),
    reads(row("ListOrganizationAuditLogs", &LIST_AUDIT_LOGS, "ListOrganizationUsersRequest", "Audit records")),
    row("CreateOrganizationAuditLogs", &CREATE_AUDIT_LOGS, "ListOrganizationUsersRequest", "Audit records"),
    reads(row("GetOrganizationAuditLog", &GET_AUDIT_LOG, "ListOrganizationUsersRequest", "Audit records")),
];
// the singular is what frontier-python 0.1.3 calls
static LIST_AUDIT_LOGS: [Rest; 2] = [
    on(Method::Get, "/v1beta1/organizations/{org_id}/auditlogs", Body::None)[0],
    on(Method::Get, "/v1beta1/organization/{org_id}/auditlogs", Body::None)[0],
];
static CREATE_AUDIT_LOGS: [Rest; 2] = [
    on(Method::Post, "/v1beta1/organizations/{org_id}/auditlogs", Body::Whole)[0],
    on(Method::Post, "/v1beta1/organization/{org_id}/auditlogs", Body::Whole)[0],
];
static GET_AUDIT_LOG: [Rest; 2] = [
    on(Method::Get, "/v1beta1/organizations/{org_id}/auditlogs/{id}", Body::None)[0],
    on(Method::Get, "/v1beta1/organization/{org_id}/auditlogs/{id}", Body::None)[0],
];
static ADD_GROUP_USERS: [Rest; 1] = on(Method::Post, "/v1beta1/organizations/{org_id}/groups/{id}/users", Body::Whole);
static ADD_ORGANIZATION_USERS: [Rest; 1] = on(Method::Post, "/v1beta1/organizations/{id}/users", Body::Whole);
static REMOVE_ORGANIZATION_USER: [Rest; 1] =
    on(Method::Delete, "/v1beta1/organizations/{id}/users/{user_id}", Body::None);
static MACHINES: [Rest; 1] = on(Method::Post, "/v1beta1/serviceusers", Body::Whole);
static GET_MACHINE: [Rest; 1] = on(Method::Get, "/v1beta1/serviceusers/{id}", Body::None);
static DELETE_MACHINE: [Rest; 1] = on(Method::Delete, "/v1beta1/serviceusers/{id}", Body::None);
static CREATE_KEY: [Rest; 1] = on(Method::Post, "/v1beta1/serviceusers/{id}/keys", Body::Whole);
static LIST_KEYS: [Rest; 1] = on(Method::Get, "/v1beta1/serviceusers/{id}/keys", Body::None);
static GET_KEY: [Rest; 1] = on(Method::Get, "/v1beta1/serviceusers/{id}/keys/{key_id}", Body::None);
static DELETE_KEY: [Rest; 1] = on(Method::Delete, "/v1beta1/serviceusers/{id}/keys/{key_id}", Body::None);
static CREATE_SECRET: [Rest; 1] = on(Method::Post, "/v1beta1/serviceusers/{id}/secrets", Body::Whole);
static LIST_SECRETS: [Rest; 1] = on(Method::Get, "/v1beta1/serviceusers/{id}/secrets", Body::None);
static DELETE_SECRET: [Rest; 1] = on(Method::Delete, "/v1beta1/serviceusers/{id}/secrets/{secret_id}", Body::None);
