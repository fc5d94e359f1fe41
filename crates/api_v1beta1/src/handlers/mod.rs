//! What answers each call. One file for each concept; a call that is not here answers `unimplemented`.
mod audit_log;
mod audit_record;
mod audit_record_view;
mod auth_kept;
mod authentication;
mod body;
mod check;
mod csv;
mod current_user;
mod export;
mod group;
mod group_view;
mod holder_view;
mod invitation;
mod invitation_view;
mod kyc;
mod meta_schema;
mod organization;
mod organization_domain;
mod organization_domain_view;
mod organization_member;
mod organization_search;
mod organization_view;
mod permission;
mod permission_view;
mod personal_token;
mod personal_token_view;
mod platform_user;
mod policy;
mod policy_view;
mod preference;
mod preference_view;
mod project;
mod project_search;
mod project_view;
mod prospect;
mod prospect_view;
mod read;
mod relation;
mod resource;
mod resource_view;
mod responses;
mod role;
mod role_view;
mod service_credential;
mod service_credential_view;
mod service_user;
mod service_user_search;
mod service_user_view;
mod session;
mod session_view;
mod user;
mod user_body;
mod user_list;
mod user_search;
mod webhook;
mod webhook_view;

use std::future::Future;
use std::pin::Pin;

use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_wire_v1beta1::{DynamicMessage, Messages};

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

/// For paths of the REST era that lack what the message demands today.
macro_rules! unchecked {
    ($handle:path) => {
        Handler::Incoming(|app, call, incoming| {
            Box::pin(async move {
                let message = incoming.decode(&Messages::named(call.endpoint.input))?;
                $handle(app, call, message).await
            })
        })
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
        "ExportUsers" => message!(export::users),
        "GetCurrentUser" => message!(current_user::get),
        "GetCurrentAdminUser" => message!(current_user::get_admin),
        "UpdateCurrentUser" => incoming!(current_user::update),
        "CreateOrganization" => message!(organization::create),
        "GetOrganization" => message!(organization::get),
        "UpdateOrganization" => message!(organization::update),
        "AdminCreateOrganization" => message!(organization::create_for),
        "EnableOrganization" => message!(organization::enable),
        "DisableOrganization" => message!(organization::disable),
        "DeleteOrganization" => message!(organization::delete),
        "ListOrganizations" => message!(organization::list),
        "ListAllOrganizations" => message!(organization::list_all),
        "ListOrganizationsByUser" => message!(organization::list_of_user),
        "ListOrganizationsByCurrentUser" => message!(organization::list_mine),
        "ListOrganizationUsers" => message!(organization_member::list),
        "ListOrganizationAdmins" => message!(organization_member::list_admins),
        "ListOrganizationProjects" => message!(organization_member::list_projects),
        "SetOrganizationMemberRole" => message!(organization_member::set_role),
        "RemoveOrganizationMember" => message!(organization_member::remove),
        "AddOrganizationUsers" => incoming!(organization_member::add_users),
        "RemoveOrganizationUser" => incoming!(organization_member::remove_user),
        "AddOrganizationMembers" => message!(organization_member::add),
        "ListOrganizationInvitations" => message!(invitation::list),
        "CreateOrganizationInvitation" => message!(invitation::create),
        "GetOrganizationInvitation" => message!(invitation::get),
        "AcceptOrganizationInvitation" => message!(invitation::accept),
        "DeleteOrganizationInvitation" => message!(invitation::delete),
        "ListUserInvitations" => message!(invitation::of_user),
        "ListCurrentUserInvitations" => message!(invitation::mine),
        "ListOrganizationDomains" => message!(organization_domain::list),
        "CreateOrganizationDomain" => message!(organization_domain::create),
        "GetOrganizationDomain" => message!(organization_domain::get),
        "VerifyOrganizationDomain" => message!(organization_domain::verify),
        "DeleteOrganizationDomain" => message!(organization_domain::delete),
        "JoinOrganization" => message!(organization_domain::join),
        "SearchOrganizations" => message!(organization_search::organizations),
        "SearchOrganizationUsers" => message!(organization_search::users),
        "SearchOrganizationProjects" => message!(organization_search::projects),
        "SearchUserOrganizations" => message!(organization_search::of_user),
        "SearchUserProjects" => message!(organization_search::projects_of_user),
        "ExportOrganizations" => message!(export::organizations),
        "ExportOrganizationUsers" => message!(export::organization_users),
        "ExportOrganizationProjects" => message!(export::organization_projects),
        "ListMetaSchemas" => message!(meta_schema::list),
        "GetMetaSchema" => message!(meta_schema::get),
        "CreateMetaSchema" => message!(meta_schema::create),
        "UpdateMetaSchema" => message!(meta_schema::update),
        "DeleteMetaSchema" => message!(meta_schema::delete),
        "ListPermissions" => message!(permission::list),
        "GetPermission" => message!(permission::get),
        "CreatePermission" => message!(permission::create),
        "UpdatePermission" => message!(permission::update),
        "DeletePermission" => message!(permission::delete),
        "ListNamespaces" => message!(permission::list_namespaces),
        "GetNamespace" => message!(permission::get_namespace),
        "ListRoles" => message!(role::list),
        "CreateRole" => message!(role::create),
        "UpdateRole" => message!(role::update),
        "DeleteRole" => message!(role::delete),
        "ListOrganizationRoles" => message!(role::list_of_organization),
        "CreateOrganizationRole" => message!(role::create_in_organization),
        "GetOrganizationRole" => message!(role::get_of_organization),
        "UpdateOrganizationRole" => message!(role::update_of_organization),
        "DeleteOrganizationRole" => message!(role::delete_of_organization),
        "CreateGroup" => message!(group::create),
        "GetGroup" => message!(group::get),
        "UpdateGroup" => message!(group::update),
        "EnableGroup" => message!(group::enable),
        "DisableGroup" => message!(group::disable),
        "DeleteGroup" => message!(group::delete),
        "ListOrganizationGroups" => message!(group::list),
        "ListGroups" => message!(group::list_all),
        "ListGroupUsers" => message!(group::list_users),
        "SetGroupMemberRole" => message!(group::set_role),
        "AddGroupUsers" => incoming!(group::add_users),
        "RemoveGroupUser" => message!(group::remove_user),
        "ListUserGroups" => message!(group::of_user),
        "ListCurrentUserGroups" => message!(group::mine),
        "CreateProject" => message!(project::create),
        "GetProject" => message!(project::get),
        "UpdateProject" => message!(project::update),
        "EnableProject" => message!(project::enable),
        "DisableProject" => message!(project::disable),
        "DeleteProject" => message!(project::delete),
        "ListProjects" => message!(project::list),
        "ListProjectAdmins" => message!(project::list_admins),
        "ListProjectUsers" => incoming!(project::list_users),
        "ListProjectGroups" => message!(project::list_groups),
        "SearchProjectUsers" => message!(project_search::search),
        "SetProjectMemberRole" => message!(project::set_role),
        "RemoveProjectMember" => message!(project::remove_member),
        "ListProjectsByUser" => message!(project::of_user),
        "ListProjectsByCurrentUser" => message!(project::mine),
        "Authenticate" => message!(authentication::begin),
        "AuthCallback" => incoming!(authentication::finish),
        "AuthToken" => message!(authentication::token),
        "AuthLogout" => message!(authentication::sign_out),
        "ListSessions" => message!(session::list),
        "RevokeSession" => message!(session::revoke),
        "PingUserSession" => message!(session::ping),
        "ListUserSessions" => message!(session::list_of_user),
        "RevokeUserSession" => message!(session::revoke_of_user),
        "CreateCurrentUserPAT" => message!(personal_token::create),
        "ListRolesForPAT" => message!(personal_token::roles),
        "SearchCurrentUserPATs" => message!(personal_token::search),
        "GetCurrentUserPAT" => message!(personal_token::get),
        "UpdateCurrentUserPAT" => message!(personal_token::update),
        "DeleteCurrentUserPAT" => message!(personal_token::delete),
        "RegenerateCurrentUserPAT" => message!(personal_token::regenerate),
        "CheckCurrentUserPATTitle" => message!(personal_token::check_title),
        "SearchOrganizationPATs" => message!(personal_token::search_organization),
        "GetJWKs" => message!(authentication::jwks),
        "ListAuthStrategies" => message!(authentication::strategies),
        "CheckResourcePermission" => message!(check::check),
        "BatchCheckPermission" => message!(check::batch),
        "CheckFederatedResourcePermission" => message!(check::federated),
        "CreateServiceUser" | "OldCreateServiceUser" => message!(service_user::create),
        "GetServiceUser" => message!(service_user::get),
        "OldGetServiceUser" => unchecked!(service_user::get),
        "DeleteServiceUser" => message!(service_user::delete),
        "OldDeleteServiceUser" => unchecked!(service_user::delete),
        "ListServiceUsers" => message!(service_user::list),
        "ListOrganizationServiceUsers" => message!(service_user::list_of_organization),
        "ListProjectServiceUsers" => message!(service_user::list_of_project),
        "ListAllServiceUsers" => message!(service_user::list_all),
        "ListServiceUserProjects" => message!(service_user::projects),
        "SearchOrganizationServiceUsers" => message!(service_user_search::service_users),
        "SearchOrganizationServiceUserCredentials" => message!(service_user_search::credentials),
        "CreateServiceUserJWK" => message!(service_credential::create_key),
        "OldCreateServiceUserJWK" => unchecked!(service_credential::create_key),
        "ListServiceUserJWKs" => message!(service_credential::list_keys),
        "OldListServiceUserJWKs" => unchecked!(service_credential::list_keys),
        "GetServiceUserJWK" => message!(service_credential::get_key),
        "OldGetServiceUserJWK" => unchecked!(service_credential::get_key),
        "DeleteServiceUserJWK" => message!(service_credential::delete_key),
        "OldDeleteServiceUserJWK" => unchecked!(service_credential::delete_key),
        "CreateServiceUserCredential" => message!(service_credential::create_secret),
        "OldCreateServiceUserCredential" => unchecked!(service_credential::create_secret),
        "ListServiceUserCredentials" => message!(service_credential::list_secrets),
        "OldListServiceUserCredentials" => unchecked!(service_credential::list_secrets),
        "DeleteServiceUserCredential" => message!(service_credential::delete_secret),
        "OldDeleteServiceUserCredential" => unchecked!(service_credential::delete_secret),
        "CreateServiceUserToken" => message!(service_credential::create_token),
        "ListServiceUserTokens" => message!(service_credential::list_tokens),
        "DeleteServiceUserToken" => message!(service_credential::delete_token),
        "CreatePolicy" => message!(policy::create),
        "CreatePolicyForProject" => message!(policy::create_for_project),
        "GetPolicy" => message!(policy::get),
        "ListPolicies" => message!(policy::list),
        "UpdatePolicy" => message!(policy::update),
        "DeletePolicy" => message!(policy::delete),
        "CreateProjectResource" => message!(resource::create),
        "GetProjectResource" => message!(resource::get),
        "UpdateProjectResource" => message!(resource::update),
        "DeleteProjectResource" => message!(resource::delete),
        "ListProjectResources" => message!(resource::list),
        "ListResources" => message!(resource::list_all),
        "CreateRelation" => message!(relation::create),
        "GetRelation" => message!(relation::get),
        "DeleteRelation" => message!(relation::delete),
        "ListRelations" => message!(relation::list),
        "DescribePreferences" => message!(preference::describe),
        "CreatePreferences" => message!(preference::set),
        "ListPreferences" => message!(preference::list),
        "CreateOrganizationPreferences" => message!(preference::set_of_organization),
        "ListOrganizationPreferences" => message!(preference::list_of_organization),
        "CreateProjectPreferences" => message!(preference::set_of_project),
        "ListProjectPreferences" => message!(preference::list_of_project),
        "CreateGroupPreferences" => message!(preference::set_of_group),
        "ListGroupPreferences" => message!(preference::list_of_group),
        "CreateUserPreferences" => message!(preference::set_of_user),
        "ListUserPreferences" => message!(preference::list_of_user),
        "CreateCurrentUserPreferences" => message!(preference::set_mine),
        "ListCurrentUserPreferences" => message!(preference::list_mine),
        "AddPlatformUser" => message!(platform_user::add),
        "RemovePlatformUser" => message!(platform_user::remove),
        "ListPlatformUsers" => message!(platform_user::list),
        "GetOrganizationKyc" => message!(kyc::get),
        "SetOrganizationKyc" => message!(kyc::set),
        "ListOrganizationsKyc" => message!(kyc::list),
        "CreateProspectPublic" => message!(prospect::sign_up),
        "CreateProspect" => message!(prospect::create),
        "GetProspect" => message!(prospect::get),
        "UpdateProspect" => message!(prospect::update),
        "DeleteProspect" => message!(prospect::delete),
        "ListProspects" => message!(prospect::search),
        "CreateWebhook" => message!(webhook::create),
        "UpdateWebhook" => message!(webhook::update),
        "DeleteWebhook" => message!(webhook::delete),
        "ListWebhooks" => message!(webhook::list),
        "CreateAuditRecord" => message!(audit_record::create),
        "ListAuditRecords" => message!(audit_record::list),
        "ExportAuditRecords" => message!(audit_record::export),
        "ListOrganizationAuditLogs" => incoming!(audit_log::list),
        "CreateOrganizationAuditLogs" => incoming!(audit_log::create),
        "GetOrganizationAuditLog" => incoming!(audit_log::get),
        _ => return None,
    })
}
