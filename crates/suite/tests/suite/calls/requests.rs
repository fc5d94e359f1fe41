//! A minimal valid request of each call. `$words` stand for things that are made anew for every request, in one organization:
//! [`Scene::make`] has them all.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::access::{
    self, FRONTIER, GROUP_MEMBER, ORGANIZATION_MANAGER, ORGANIZATION_VIEWER, PROJECT_VIEWER, connect, id,
};
use crate::world::*;

/// What the call of one who may ends with, where that is not `ok`.
pub const ENDS: &[(&str, &str)] = &[
    ("UpdatePolicy", "unimplemented"),
    ("CreateProjectPreferences", "unimplemented"),
    ("ListProjectPreferences", "unimplemented"),
    ("CreateGroupPreferences", "unimplemented"),
    ("ListGroupPreferences", "unimplemented"),
    ("AuthCallback", "invalid_argument"),
    ("VerifyOrganizationDomain", "not_found"),
];

/// The call and its request as JSON: what Connect sends, which is what REST says with path, query and body.
#[rustfmt::skip]
pub const REQUESTS: &[(&str, &str)] = &[
    // authentication
    ("ListAuthStrategies", "{}"),
    ("GetJWKs", "{}"),
    // checks
    ("CheckResourcePermission", r#"{"resource":"app/project:$project","permission":"get"}"#),
    ("BatchCheckPermission", r#"{"bodies":[{"resource":"app/project:$project","permission":"get"}]}"#),
    ("CheckFederatedResourcePermission", r#"{"subject":"app/user:$user","resource":"app/project:$project","permission":"get"}"#),
    // users
    ("ListUsers", r#"{"org_id":"$organization"}"#),
    ("CreateUser", r#"{"body":{"email":"$email"}}"#),
    ("GetUser", r#"{"id":"$user"}"#),
    ("ListUserGroups", r#"{"id":"$user"}"#),
    ("ListCurrentUserGroups", "{}"),
    ("GetCurrentUser", "{}"),
    ("UpdateUser", r#"{"id":"$user","body":{"email":"$user_email","title":"T"}}"#),
    ("UpdateCurrentUser", r#"{"body":{"email":"owner@example.com","title":"T"}}"#),
    ("EnableUser", r#"{"id":"$user"}"#),
    ("DisableUser", r#"{"id":"$user"}"#),
    ("DeleteUser", r#"{"id":"$user"}"#),
    ("ListOrganizationsByUser", r#"{"id":"$user"}"#),
    ("ListOrganizationsByCurrentUser", "{}"),
    ("ListProjectsByUser", r#"{"id":"$user"}"#),
    ("ListProjectsByCurrentUser", "{}"),
    ("ListAllUsers", "{}"),
    ("SearchUsers", r#"{"query":{}}"#),
    ("ExportUsers", "{}"),
    ("GetCurrentAdminUser", "{}"),
    // groups
    ("CreateGroup", r#"{"org_id":"$organization","body":{"name":"$name"}}"#),
    ("GetGroup", r#"{"id":"$group"}"#),
    ("UpdateGroup", r#"{"id":"$group","body":{"name":"$name","title":"T"}}"#),
    ("EnableGroup", r#"{"id":"$group"}"#),
    ("DisableGroup", r#"{"id":"$group"}"#),
    ("DeleteGroup", r#"{"id":"$group"}"#),
    ("ListOrganizationGroups", r#"{"org_id":"$organization"}"#),
    ("ListGroups", "{}"),
    ("ListGroupUsers", r#"{"id":"$group"}"#),
    ("SetGroupMemberRole", r#"{"group_id":"$group","principal_id":"$member","principal_type":"app/user","role_id":"$group_role"}"#),
    ("RemoveGroupUser", r#"{"id":"$group","user_id":"$group_member"}"#),
    ("AddGroupUsers", r#"{"org_id":"$organization","id":"$group","user_ids":["$member"]}"#),
    // roles
    ("ListRoles", "{}"),
    ("CreateRole", r#"{"body":{"name":"$name","permissions":["app_project_get"],"scopes":["app/project"]}}"#),
    ("UpdateRole", r#"{"id":"$role","body":{"name":"$name","permissions":["app_project_get"],"scopes":["app/project"]}}"#),
    ("DeleteRole", r#"{"id":"$role"}"#),
    ("ListOrganizationRoles", r#"{"org_id":"$organization"}"#),
    ("CreateOrganizationRole", r#"{"org_id":"$organization","body":{"name":"$name","permissions":["app_project_get"],"scopes":["app/project"]}}"#),
    ("GetOrganizationRole", r#"{"org_id":"$organization","id":"$organization_role"}"#),
    ("UpdateOrganizationRole", r#"{"org_id":"$organization","id":"$organization_role","body":{"name":"$name","permissions":["app_project_get"],"scopes":["app/project"]}}"#),
    ("DeleteOrganizationRole", r#"{"org_id":"$organization","id":"$organization_role"}"#),
    // organizations
    ("ListOrganizations", "{}"),
    ("CreateOrganization", r#"{"body":{"name":"$name","title":"T"}}"#),
    ("GetOrganization", r#"{"id":"$organization"}"#),
    ("UpdateOrganization", r#"{"id":"$organization","body":{"name":"$name","title":"T"}}"#),
    ("ListOrganizationProjects", r#"{"id":"$organization"}"#),
    ("ListOrganizationUsers", r#"{"id":"$organization"}"#),
    ("ListOrganizationAdmins", r#"{"id":"$organization"}"#),
    ("SetOrganizationMemberRole", r#"{"org_id":"$organization","user_id":"$member","role_id":"$other_organization_role"}"#),
    ("RemoveOrganizationMember", r#"{"org_id":"$organization","principal_id":"$member","principal_type":"app/user"}"#),
    ("AddOrganizationUsers", r#"{"id":"$organization","user_ids":["$user"]}"#),
    ("RemoveOrganizationUser", r#"{"id":"$organization","user_id":"$member"}"#),
    ("EnableOrganization", r#"{"id":"$organization"}"#),
    ("DisableOrganization", r#"{"id":"$organization"}"#),
    ("DeleteOrganization", r#"{"id":"$organization"}"#),
    ("ListAllOrganizations", "{}"),
    ("AdminCreateOrganization", r#"{"body":{"name":"$name","title":"T","org_owner_email":"$email"}}"#),
    ("AddOrganizationMembers", r#"{"org_id":"$organization","members":[{"user_id":"$user","role_id":"$member_role"}]}"#),
    // projects
    ("CreateProject", r#"{"body":{"name":"$name","title":"T","org_id":"$organization"}}"#),
    ("GetProject", r#"{"id":"$project"}"#),
    ("UpdateProject", r#"{"id":"$project","body":{"name":"$name","title":"T","org_id":"$organization"}}"#),
    ("ListProjectAdmins", r#"{"id":"$project"}"#),
    ("ListProjectUsers", r#"{"id":"$project"}"#),
    ("ListProjectGroups", r#"{"id":"$project"}"#),
    ("EnableProject", r#"{"id":"$project"}"#),
    ("DisableProject", r#"{"id":"$project"}"#),
    ("DeleteProject", r#"{"id":"$project"}"#),
    ("SetProjectMemberRole", r#"{"project_id":"$project","principal_id":"$member","principal_type":"app/user","role_id":"$project_role"}"#),
    ("RemoveProjectMember", r#"{"project_id":"$project","principal_id":"$project_member","principal_type":"app/user"}"#),
    ("ListProjects", "{}"),
    ("SearchProjectUsers", r#"{"id":"$project","query":{}}"#),
    // policies
    ("CreatePolicy", r#"{"body":{"role_id":"$project_role","resource":"app/project:$project","principal":"app/user:$member"}}"#),
    ("CreatePolicyForProject", r#"{"project_id":"$project","body":{"role_id":"$project_role","principal":"app/user:$member"}}"#),
    ("GetPolicy", r#"{"id":"$policy"}"#),
    ("ListPolicies", r#"{"project_id":"$project"}"#),
    ("UpdatePolicy", r#"{"id":"$policy","body":{"role_id":"$project_role","resource":"app/project:$project","principal":"app/user:$member"}}"#),
    ("DeletePolicy", r#"{"id":"$policy"}"#),
    // permissions and namespaces
    ("ListPermissions", "{}"),
    ("GetPermission", r#"{"id":"$permission"}"#),
    ("CreatePermission", r#"{"bodies":[{"key":"$key"}]}"#),
    ("UpdatePermission", r#"{"id":"$permission","body":{"metadata":{"n":1}}}"#),
    ("DeletePermission", r#"{"id":"$permission"}"#),
    ("ListNamespaces", "{}"),
    ("GetNamespace", r#"{"id":"$namespace"}"#),
    // resources
    ("CreateProjectResource", r#"{"project_id":"$project","body":{"name":"$name","namespace":"$namespace"}}"#),
    ("GetProjectResource", r#"{"project_id":"$project","id":"$resource"}"#),
    ("UpdateProjectResource", r#"{"project_id":"$project","id":"$resource","body":{"name":"$name","namespace":"$namespace"}}"#),
    ("DeleteProjectResource", r#"{"project_id":"$project","id":"$resource"}"#),
    ("ListProjectResources", r#"{"project_id":"$project"}"#),
    ("ListResources", r#"{"namespace":"compute/order"}"#),
    // meta-schemas
    ("ListMetaSchemas", "{}"),
    ("GetMetaSchema", r#"{"id":"$metaschema"}"#),
    ("CreateMetaSchema", r#"{"body":{"name":"$name","schema":"{}"}}"#),
    ("UpdateMetaSchema", r#"{"id":"$metaschema","body":{"name":"$name","schema":"{}"}}"#),
    ("DeleteMetaSchema", r#"{"id":"$metaschema"}"#),
    // service users
    ("ListServiceUsers", r#"{"org_id":"$organization"}"#),
    ("CreateServiceUser", r#"{"org_id":"$organization","body":{"title":"T"}}"#),
    ("GetServiceUser", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("DeleteServiceUser", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("ListServiceUserProjects", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("CreateServiceUserJWK", r#"{"org_id":"$organization","id":"$machine","title":"T"}"#),
    ("ListServiceUserJWKs", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("CreateServiceUserCredential", r#"{"org_id":"$organization","id":"$machine","title":"T"}"#),
    ("ListServiceUserCredentials", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("CreateServiceUserToken", r#"{"org_id":"$organization","id":"$machine","title":"T"}"#),
    ("ListServiceUserTokens", r#"{"org_id":"$organization","id":"$machine"}"#),
    ("ListAllServiceUsers", "{}"),
    ("SearchOrganizationServiceUsers", r#"{"id":"$organization","query":{}}"#),
    ("SearchOrganizationServiceUserCredentials", r#"{"id":"$organization","query":{}}"#),
    ("ListOrganizationServiceUsers", r#"{"id":"$organization"}"#),
    ("ListProjectServiceUsers", r#"{"id":"$project"}"#),
    // sessions and tokens
    ("ListSessions", "{}"),
    ("PingUserSession", "{}"),
    ("ListUserSessions", r#"{"user_id":"$user"}"#),
    ("ListRolesForPAT", "{}"),
    ("SearchCurrentUserPATs", r#"{"org_id":"$organization","query":{}}"#),
    ("CheckCurrentUserPATTitle", r#"{"org_id":"$organization","title":"T"}"#),
    ("SearchOrganizationPATs", r#"{"org_id":"$organization","query":{}}"#),
    // invitations and domains
    ("ListUserInvitations", r#"{"id":"$user"}"#),
    ("ListCurrentUserInvitations", "{}"),
    ("ListOrganizationInvitations", r#"{"org_id":"$organization"}"#),
    ("CreateOrganizationInvitation", r#"{"org_id":"$organization","user_ids":["$email"]}"#),
    ("ListOrganizationDomains", r#"{"org_id":"$organization"}"#),
    ("CreateOrganizationDomain", r#"{"org_id":"$organization","domain":"$name.example"}"#),
    // searches and exports
    ("SearchUserOrganizations", r#"{"id":"$user","query":{}}"#),
    ("SearchUserProjects", r#"{"user_id":"$user","org_id":"$organization","query":{}}"#),
    ("SearchOrganizations", r#"{"query":{}}"#),
    ("SearchOrganizationUsers", r#"{"id":"$organization","query":{}}"#),
    ("SearchOrganizationProjects", r#"{"id":"$organization","query":{}}"#),
    // KYC, relations, preferences, platform users
    ("SetOrganizationKyc", r#"{"org_id":"$organization","status":true,"link":"https://kyc.example.com/1"}"#),
    ("ListOrganizationsKyc", "{}"),
    ("ListRelations", r#"{"object":"app/group:$group"}"#),
    ("DescribePreferences", "{}"),
    ("ListOrganizationPreferences", r#"{"id":"$organization"}"#),
    ("ListUserPreferences", r#"{"id":"$user"}"#),
    ("ListCurrentUserPreferences", "{}"),
    ("ListPreferences", "{}"),
    ("AddPlatformUser", r#"{"user_id":"$user","relation":"member"}"#),
    ("ListPlatformUsers", "{}"),
    // audit records, webhooks, prospects
    ("ListAuditRecords", r#"{"query":{}}"#),
    ("ListWebhooks", "{}"),
    ("ListProspects", r#"{"query":{}}"#),
    ("Authenticate", r#"{"strategy_name":"mailotp","email":"$email"}"#),
    ("AuthCallback", r#"{"strategy_name":"mailotp","state":"s","code":"c"}"#),
    // what is in an organization, one by one
    ("GetServiceUserJWK", r#"{"org_id":"$organization","id":"$machine","key_id":"$machine_key"}"#),
    ("DeleteServiceUserJWK", r#"{"org_id":"$organization","id":"$machine","key_id":"$machine_key"}"#),
    ("DeleteServiceUserCredential", r#"{"org_id":"$organization","id":"$machine","secret_id":"$machine_secret"}"#),
    ("DeleteServiceUserToken", r#"{"org_id":"$organization","id":"$machine","token_id":"$machine_token"}"#),
    ("GetOrganizationInvitation", r#"{"org_id":"$organization","id":"$invitation"}"#),
    ("DeleteOrganizationInvitation", r#"{"org_id":"$organization","id":"$invitation"}"#),
    ("GetOrganizationDomain", r#"{"org_id":"$organization","id":"$domain"}"#),
    ("VerifyOrganizationDomain", r#"{"org_id":"$organization","id":"$domain"}"#),
    ("DeleteOrganizationDomain", r#"{"org_id":"$organization","id":"$domain"}"#),
    ("ExportOrganizations", r#"{}"#),
    ("ExportOrganizationUsers", r#"{"id":"$organization"}"#),
    ("CreateRelation", r#"{"body":{"object":"app/group:$group","subject":"app/user:$member","relation":"member"}}"#),
    ("GetRelation", r#"{"id":"member.$group.$group_member"}"#),
    ("DeleteRelation", r#"{"object":"app/group:$group","subject":"app/user:$group_member","relation":"member"}"#),
    ("CreateProjectPreferences", r#"{"id":"$project","bodies":[{"name":"newsletter","value":"true"}]}"#),
    ("ListProjectPreferences", r#"{"id":"$project"}"#),
    ("CreateGroupPreferences", r#"{"id":"$group","bodies":[{"name":"newsletter","value":"true"}]}"#),
    ("ListGroupPreferences", r#"{"id":"$group"}"#),
    ("CreateUserPreferences", r#"{"id":"$user","bodies":[{"name":"newsletter","value":"true"}]}"#),
    ("CreateCurrentUserPreferences", r#"{"bodies":[{"name":"newsletter","value":"true"}]}"#),
    ("CreatePreferences", r#"{"preferences":[{"name":"invite_with_roles","value":"true"}]}"#),
    ("RemovePlatformUser", r#"{"user_id":"$checker","relation":"member"}"#),
    ("CreateCurrentUserPAT", r#"{"title":"$name","org_id":"$organization","scopes":[{"role_id":"$member_role","resource_type":"app/organization"}],"expires_at":"$soon"}"#),
    ("GetCurrentUserPAT", r#"{"id":"$token"}"#),
    ("UpdateCurrentUserPAT", r#"{"id":"$token","title":"$name","scopes":[{"role_id":"$member_role","resource_type":"app/organization"}]}"#),
    ("RegenerateCurrentUserPAT", r#"{"id":"$token","expires_at":"$soon"}"#),
    ("DeleteCurrentUserPAT", r#"{"id":"$token"}"#),
    ("CreateWebhook", r#"{"body":{"url":"https://hooks.example.com/$name","description":"T"}}"#),
    ("UpdateWebhook", r#"{"id":"$webhook","body":{"url":"https://hooks.example.com/$name","description":"T"}}"#),
    ("DeleteWebhook", r#"{"id":"$webhook"}"#),
    ("CreateProspect", r#"{"email":"$email","activity":"newsletter","status":"STATUS_SUBSCRIBED"}"#),
    ("GetProspect", r#"{"id":"$prospect"}"#),
    ("UpdateProspect", r#"{"id":"$prospect","email":"$email","activity":"newsletter","status":"STATUS_SUBSCRIBED"}"#),
    ("DeleteProspect", r#"{"id":"$prospect"}"#),
];

/// Lists narrowed by a thing: of one that is not there they are empty, in another tenant too.
pub const EMPTY: &[&str] = &["ListUserSessions", "ListRelations"];

/// Calls that are exercised in the files of their areas only: their requests need more than things of one organization.
pub const ELSEWHERE: &[&str] = &[
    "AuthToken",
    "AuthLogout",
    "RevokeSession",
    "RevokeUserSession",
    "AcceptOrganizationInvitation",
    "JoinOrganization",
    "ExportOrganizationProjects",
    "GetOrganizationKyc",
    "CreateOrganizationPreferences",
    "CreateAuditRecord",
    "ExportAuditRecords",
    "CreateProspectPublic",
    "OldCreateServiceUser",
    "OldGetServiceUser",
    "OldDeleteServiceUser",
    "OldCreateServiceUserJWK",
    "OldListServiceUserJWKs",
    "OldGetServiceUserJWK",
    "OldDeleteServiceUserJWK",
    "OldCreateServiceUserCredential",
    "OldListServiceUserCredentials",
    "OldDeleteServiceUserCredential",
    "ListOrganizationAuditLogs",
    "CreateOrganizationAuditLogs",
    "GetOrganizationAuditLog",
];

/// Words that are no thing of the tenant: what a new thing shall be called, and the roles that have the same ids in all tenants.
const NO_THINGS: &[&str] =
    &["soon", "name", "email", "key", "member_role", "other_organization_role", "group_role", "project_role"];

/// What one request is about. A word stands for the same thing wherever it is in it.
pub struct Scene<'w> {
    w: &'w World,
    made: BTreeMap<String, String>,
}
impl<'w> Scene<'w> {
    /// Nothing is there yet.
    pub fn new(w: &'w World) -> Self {
        Self { w, made: BTreeMap::new() }
    }
    /// A row's request with everything made that it names.
    pub async fn fill(mut self, row: &str) -> Value {
        let mut text = row.to_owned();
        for word in words(row) {
            let is = self.get(word).await;
            text = replaced(&text, word, &is);
        }
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
    /// Does a row name a thing of the tenant?
    pub fn names_a_thing(row: &str) -> bool {
        words(row).iter().any(|w| !NO_THINGS.contains(w))
    }
    /// What a word stands for.
    async fn get(&mut self, word: &str) -> String {
        if let Some(is) = self.made.get(word) {
            return is.clone();
        }
        let is = Box::pin(self.make(word)).await;
        self.made.insert(word.to_owned(), is.clone());
        is
    }
    /// Makes what a word stands for. New words go here.
    async fn make(&mut self, word: &str) -> String {
        let (w, owner, name) = (self.w, self.w.owner(), format!("s{}", unique()));
        match word {
            "name" => name,
            "email" => format!("{name}@example.com"),
            "key" => format!("{name}.thing.get"),
            "member_role" => ORGANIZATION_VIEWER.into(),
            "other_organization_role" => ORGANIZATION_MANAGER.into(),
            "group_role" => GROUP_MEMBER.into(),
            "project_role" => PROJECT_VIEWER.into(),
            "user" => {
                let email = format!("{name}@example.com");
                let body = json!({ "email": email });
                self.made.insert("user_email".into(), email);
                id(&owner.post("/v1beta1/users", body).await.expect(200)["user"])
            }
            "user_email" => {
                self.get("user").await;
                self.made["user_email"].clone()
            }
            "organization" => access::organization(&owner, &name).await,
            "soon" => crate::world::token::in_seconds(w, 3_600).as_str().unwrap().to_owned(),
            "machine_key" | "machine_secret" | "machine_token" => {
                let (rpc, member) = match word {
                    "machine_key" => ("CreateServiceUserJWK", "key"),
                    "machine_secret" => ("CreateServiceUserCredential", "secret"),
                    _ => ("CreateServiceUserToken", "token"),
                };
                let (organization, machine) = (self.get("organization").await, self.get("machine").await);
                let body = json!({ "org_id": organization, "id": machine, "title": "T" });
                let made = connect(&owner, rpc, body).await.expect(200)[member].clone();
                made["kid"].as_str().map_or_else(|| id(&made), ToOwned::to_owned)
            }
            "invitation" => {
                let body =
                    json!({ "org_id": self.get("organization").await, "user_ids": [format!("{name}@example.com")] });
                id(&connect(&owner, "CreateOrganizationInvitation", body).await.expect(200)["invitations"][0])
            }
            "domain" => {
                let body = json!({ "org_id": self.get("organization").await, "domain": format!("{name}.example") });
                id(&connect(&owner, "CreateOrganizationDomain", body).await.expect(200)["domain"])
            }
            "checker" => {
                let user = self.get("user").await;
                connect_admin(&owner, "AddPlatformUser", json!({ "user_id": user, "relation": "member" })).await;
                user
            }
            "token" => {
                let organization = self.get("organization").await;
                crate::world::token::token(w, &owner, &organization, crate::world::token::viewer()).await.0
            }
            "webhook" => {
                let body =
                    json!({ "body": { "url": format!("https://hooks.example.com/{name}"), "description": "T" } });
                id(&connect_admin(&owner, "CreateWebhook", body).await["webhook"])
            }
            "prospect" => {
                let email = format!("{name}@example.com");
                let body = json!({ "email": email, "activity": "newsletter", "status": "STATUS_SUBSCRIBED" });
                id(&connect_admin(&owner, "CreateProspect", body).await["prospect"])
            }
            "machine" => {
                let body = json!({ "org_id": self.get("organization").await, "body": { "title": "A machine" } });
                id(&connect(&owner, "CreateServiceUser", body).await.expect(200)["serviceuser"])
            }
            "project" => access::project(&owner, &self.get("organization").await, &name).await,
            "group" => access::group(&owner, &self.get("organization").await, &name).await,
            "member" => {
                let user = self.get("user").await;
                access::join(w, &self.get("organization").await, &user, ORGANIZATION_VIEWER).await;
                user
            }
            "group_member" => {
                let (group, member) = (self.get("group").await, self.get("member").await);
                access::in_group(&owner, &group, &member, GROUP_MEMBER).await.expect(200);
                member
            }
            "project_member" => {
                let (project, member) = (self.get("project").await, self.get("member").await);
                access::on_project(&owner, &project, "app/user", &member, PROJECT_VIEWER).await.expect(200);
                member
            }
            "role" => {
                let body = json!({ "name": name, "permissions": ["app_project_get"], "scopes": ["app/project"] });
                id(&owner.post("/v1beta1/roles", body).await.expect(200)["role"])
            }
            "organization_role" => {
                let body = json!({ "name": name, "permissions": ["app_project_get"], "scopes": ["app/project"] });
                let path = format!("/v1beta1/organizations/{}/roles", self.get("organization").await);
                id(&owner.post(&path, body).await.expect(200)["role"])
            }
            "policy" => {
                let (project, member) = (self.get("project").await, self.get("member").await);
                let body = json!({
                    "role_id": PROJECT_VIEWER, "resource": format!("app/project:{project}"),
                    "principal": format!("app/user:{member}"),
                });
                id(&owner.post("/v1beta1/policies", body).await.expect(200)["policy"])
            }
            "permission" => {
                let body = json!({ "bodies": [{ "key": format!("{name}.thing.get") }] });
                let made = connect_admin(&owner, "CreatePermission", body).await;
                self.made.insert("namespace".into(), format!("{name}/thing"));
                id(&made["permissions"][0])
            }
            "namespace" => {
                self.get("permission").await;
                self.made["namespace"].clone()
            }
            "resource" => {
                let (project, namespace) = (self.get("project").await, self.get("namespace").await);
                let body = json!({ "project_id": project, "body": { "name": name, "namespace": namespace } });
                id(&connect(&owner, "CreateProjectResource", body).await.expect(200)["resource"])
            }
            "metaschema" => {
                let body = json!({ "body": { "name": name, "schema": "{}" } });
                id(&owner.post(&format!("{FRONTIER}/CreateMetaSchema"), body).await.expect(200)["metaschema"])
            }
            other => panic!("no such word: ${other}"),
        }
    }
}

async fn connect_admin(by: &Client, rpc: &str, body: Value) -> Value {
    by.post(&format!("{}/{rpc}", access::ADMIN), body).await.expect(200)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}
/// The words of a row, each once, in order.
fn words(row: &str) -> Vec<&str> {
    let mut out = vec![];
    for part in row.split('$').skip(1) {
        let word = &part[..part.find(|c| !is_of_word(c)).unwrap_or(part.len())];
        if !out.contains(&word) {
            out.push(word);
        }
    }
    out
}
/// The text with this very word replaced, and no longer one that begins with it.
fn replaced(text: &str, word: &str, is: &str) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.strip_prefix(word).filter(|rest| !rest.starts_with(is_of_word)) {
            Some(rest) => out.push_str(&format!("{is}{rest}")),
            None => out.push_str(&format!("${part}")),
        }
    }
    out
}
