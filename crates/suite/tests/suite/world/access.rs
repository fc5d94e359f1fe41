//! Organizations, groups and projects for tests to begin from, made through the API.
use portcullis_domain::Id;
use portcullis_domain::service_user::ServiceUser;
use portcullis_store::{Tx, service_user};
use serde_json::{Value, json};

use super::{Answer, Client, PASSWORD, Person, World};

pub const FRONTIER: &str = "/raystack.frontier.v1beta1.FrontierService";
pub const ADMIN: &str = "/raystack.frontier.v1beta1.AdminService";
/// The ids of predefined roles, the same in every tenant.
pub const ORGANIZATION_OWNER: &str = "00000000-0000-7000-8000-000000000001";
pub const ORGANIZATION_MANAGER: &str = "00000000-0000-7000-8000-000000000002";
pub const ORGANIZATION_ACCESS_MANAGER: &str = "00000000-0000-7000-8000-000000000003";
pub const ORGANIZATION_VIEWER: &str = "00000000-0000-7000-8000-000000000004";
pub const PROJECT_OWNER: &str = "00000000-0000-7000-8000-000000000006";
pub const PROJECT_MANAGER: &str = "00000000-0000-7000-8000-000000000007";
pub const PROJECT_VIEWER: &str = "00000000-0000-7000-8000-000000000008";
pub const GROUP_OWNER: &str = "00000000-0000-7000-8000-000000000009";
pub const GROUP_MEMBER: &str = "00000000-0000-7000-8000-00000000000a";

pub fn id(of: &Value) -> String {
    of["id"].as_str().unwrap_or_else(|| panic!("no id: {of}")).to_owned()
}
/// The ids or names of a list, in its order.
pub fn all(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|v| v[member].as_str().unwrap().to_owned()).collect()
}
/// The same, sorted.
pub fn sorted(list: &Value, member: &str) -> Vec<String> {
    let mut out = all(list, member);
    out.sort();
    out
}
/// A Connect call of the service that everybody has.
pub async fn connect(by: &Client, rpc: &str, body: Value) -> Answer {
    by.post(&format!("{FRONTIER}/{rpc}"), body).await
}
/// An organization that its maker owns; its id.
pub async fn organization(by: &Client, name: &str) -> String {
    id(&by.post("/v1beta1/organizations", json!({ "name": name, "title": name })).await.expect(200)["organization"])
}
/// Makes somebody a member of an organization.
pub async fn join(w: &World, organization: &str, user: &str, role: &str) {
    let body = json!({ "org_id": organization, "members": [{ "user_id": user, "role_id": role }] });
    let made = w.owner().post(&format!("{ADMIN}/AddOrganizationMembers"), body).await.expect(200);
    assert_eq!(made["results"][0]["success"], true, "{made}");
}
/// Somebody who has proved this address, signed in.
pub async fn verified(w: &World, email: &str) -> Person {
    let row = json!({ "email": email, "name": "Row", "password": PASSWORD, "email_verified": true });
    let by = w.service().with("content-type", "application/x-ndjson");
    let report = by.send("POST", "/v1/users/import", row.to_string().as_bytes()).await.lines();
    Person { id: id(&report[0]), email: email.into(), client: signed_in(w, email).await }
}
/// A new session of somebody who is there: tokens end while a test lets time pass.
pub async fn signed_in(w: &World, email: &str) -> Client {
    let body = json!({ "email": email, "password": PASSWORD, "tenant_slug": "acme" });
    let signed_in = w.anonymous().post("/v1/auth/login", body).await.expect(200);
    w.bearer(signed_in["token"].as_str().unwrap())
}
/// A group that its maker owns; its id.
pub async fn group(by: &Client, organization: &str, name: &str) -> String {
    let path = format!("/v1beta1/organizations/{organization}/groups");
    id(&by.post(&path, json!({ "name": name })).await.expect(200)["group"])
}
/// Gives somebody a role on a group.
pub async fn in_group(by: &Client, group: &str, user: &str, role: &str) -> Answer {
    let body = json!({ "group_id": group, "principal_id": user, "principal_type": "app/user", "role_id": role });
    connect(by, "SetGroupMemberRole", body).await
}
/// A project that its maker owns; its id.
pub async fn project(by: &Client, organization: &str, name: &str) -> String {
    let body = json!({ "name": name, "title": name, "org_id": organization });
    id(&by.post("/v1beta1/projects", body).await.expect(200)["project"])
}
/// Gives somebody or some group a role on a project.
pub async fn on_project(by: &Client, project: &str, kind: &str, id: &str, role: &str) -> Answer {
    let body = json!({ "project_id": project, "principal_id": id, "principal_type": kind, "role_id": role });
    connect(by, "SetProjectMemberRole", body).await
}
/// What a Connect call was refused with.
#[track_caller]
pub fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_else(|| panic!("no refusal: {}", answer.text())).to_owned()
}
/// How a Connect refusal reads.
#[track_caller]
pub fn text(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap_or_default().to_owned()
}
/// A service user of an organization; its id.
pub async fn machine(by: &Client, organization: &str, title: &str) -> String {
    let path = format!("/v1beta1/organizations/{organization}/serviceusers");
    id(&by.post(&path, json!({ "body": { "title": title } })).await.expect(200)["serviceuser"])
}
/// Who comes with the id and the secret of a credential.
pub fn basic(w: &World, id: &str, secret: &str) -> Client {
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    w.anonymous().with("x-tenant-id", &*w.tenant).with("authorization", format!("Basic {pair}"))
}
/// A secret of a service user: its id, and who comes with it.
pub async fn secret(w: &World, by: &Client, organization: &str, machine: &str) -> (String, Client) {
    let path = format!("/v1beta1/organizations/{organization}/serviceusers/{machine}/secrets");
    let made = by.post(&path, json!({ "title": "s" })).await.expect(200)["secret"].clone();
    (id(&made), basic(w, &id(&made), made["secret"].as_str().unwrap()))
}
/// Gives somebody a role on something.
pub async fn policy(by: &Client, role: &str, resource: &str, principal: &str) -> Answer {
    by.post("/v1beta1/policies", json!({ "role_id": role, "resource": resource, "principal": principal })).await
}
/// The same as the tenant's owner; the policy's id.
pub async fn grant(w: &World, role: &str, resource: &str, principal: &str) -> String {
    id(&policy(&w.owner(), role, resource, principal).await.expect(200)["policy"])
}
/// Makes permissions; what they are.
pub async fn permissions(by: &Client, keys: &[&str]) -> Vec<Value> {
    let bodies: Vec<Value> = keys.iter().map(|key| json!({ "key": key })).collect();
    let made = by.post("/v1beta1/permissions", json!({ "bodies": bodies })).await.expect(200);
    made["permissions"].as_array().unwrap().clone()
}
/// What `/v1beta1/check` answers.
pub async fn check(by: &Client, resource: &str, permission: &str) -> Answer {
    by.post("/v1beta1/check", json!({ "resource": resource, "permission": permission })).await
}
/// What it says.
pub async fn may(by: &Client, resource: &str, permission: &str) -> bool {
    check(by, resource, permission).await.expect(200)["status"].as_bool().unwrap()
}
/// Changes a row as an import or a platform role would.
pub async fn change_machine(w: &World, id: &str, with: fn(ServiceUser) -> ServiceUser) {
    async fn write(
        tx: &mut Tx,
        (id, with): &(Id<ServiceUser>, fn(ServiceUser) -> ServiceUser),
    ) -> portcullis_store::Result<()> {
        let before = service_user::by_id(tx, *id).await?.unwrap();
        service_user::update(tx, &with(before)).await?;
        tx.bump().await?;
        Ok(())
    }
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    w.node.app.db().write(cx, (id.parse().unwrap(), with), write).await.unwrap();
}
