//! What a request of the table `calls/requests.rs` is about, made through the API by the owner of any tenant.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::{
    self, ADMIN, FRONTIER, GROUP_MEMBER, ORGANIZATION_MANAGER, ORGANIZATION_VIEWER, PROJECT_VIEWER, connect, id,
};
use super::{Client, NOBODY, PASSWORD, World, token, unique};

/// Words that are no thing of the tenant: what a new thing shall be called, and the roles that have the same ids in all tenants.
const NO_THINGS: &[&str] =
    &["soon", "uuid", "name", "email", "key", "member_role", "other_organization_role", "group_role", "project_role"];

/// What requests are about. A word stands for the same thing wherever it is in them.
pub struct Scene<'w> {
    w: &'w World,
    maker: Client,
    caller: Client,
    made: BTreeMap<String, String>,
}
impl<'w> Scene<'w> {
    /// Nothing is there yet; the owner of the first tenant makes things and calls.
    pub fn new(w: &'w World) -> Self {
        Self::of(w, &w.owner())
    }
    /// In the tenant of this owner.
    pub fn of(w: &'w World, owner: &Client) -> Self {
        Self { w, maker: owner.clone(), caller: owner.clone(), made: BTreeMap::new() }
    }
    /// For requests of somebody else of that tenant: what has to be the caller's own is theirs.
    #[must_use]
    pub fn for_caller(self, caller: &Client) -> Self {
        Self { caller: caller.clone(), ..self }
    }
    /// A row's request with everything made that it names.
    pub async fn fill(&mut self, row: &str) -> Value {
        self.fill_with(row, &BTreeMap::new()).await
    }
    /// The same with other things for some of the words. All are made here nevertheless: what a request says beside them holds.
    pub async fn fill_with(&mut self, row: &str, others: &BTreeMap<&str, String>) -> Value {
        let mut text = row.to_owned();
        for word in words(row) {
            let own = self.get(word).await;
            text = replaced(&text, word, others.get(word).unwrap_or(&own));
        }
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
    /// The words of a row that are things of the tenant.
    pub fn things(row: &str) -> Vec<&str> {
        words(row).into_iter().filter(|w| !NO_THINGS.contains(w)).collect()
    }
    /// What has the form of this word's things and is nothing.
    pub fn nothing(word: &str) -> &'static str {
        match word {
            "user_email" | "own_email" => "nobody@example.com",
            "namespace" => "nobody/thing",
            _ => NOBODY,
        }
    }
    /// Is any of the things in this text?
    pub fn is_in(&self, text: &str) -> bool {
        self.made.iter().any(|(word, is)| !NO_THINGS.contains(&word.as_str()) && text.contains(is.as_str()))
    }
    /// The text without new names.
    pub fn unnamed(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (_, name) in self.made.iter().filter(|(word, _)| ["name", "email", "uuid"].contains(&word.as_str())) {
            out = out.replace(name, "NEW");
        }
        out
    }
    /// New names for what is to be made.
    pub fn rename(&mut self) {
        self.made.retain(|word, _| !NO_THINGS.contains(&word.as_str()));
    }
    /// What a word stands for.
    pub async fn get(&mut self, word: &str) -> String {
        if let Some(is) = self.made.get(word) {
            return is.clone();
        }
        let is = Box::pin(self.make(word)).await;
        self.made.insert(word.to_owned(), is.clone());
        is
    }
    /// Makes what a word stands for. New words go here.
    async fn make(&mut self, word: &str) -> String {
        let (w, owner, name) = (self.w, self.maker.clone(), format!("s{}", unique()));
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
            "soon" => token::in_seconds(w, 3_600).as_str().unwrap().to_owned(),
            "uuid" => format!("0199c0de-0000-7000-8000-{}", unique()),
            "own_email" => self.of_caller("email").await,
            "session" => {
                let again = sign_in(&owner, &self.of_caller("email").await).await;
                let list = connect(&again, "ListSessions", json!({})).await.expect(200);
                id(list["sessions"].as_array().unwrap().iter().find(|s| s["is_current_session"] == true).unwrap())
            }
            "busy_organization" => {
                self.get("project").await;
                self.get("organization").await
            }
            "open_organization" => {
                let email = self.of_caller("email").await;
                self.domain(email.split_once('@').unwrap().1, true).await;
                let at = format!("/v1beta1/organizations/{}/domains", self.get("organization").await);
                let at = format!("{at}/{}/verify", self.get("domain").await);
                owner.post(&at, json!({})).await.expect(200);
                self.get("organization").await
            }
            "log_line" => {
                let at = format!("/v1beta1/organizations/{}/auditlogs", self.get("organization").await);
                id(&owner.get(&at).await.expect(200)["logs"][0])
            }
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
            "others_organization" => {
                let body = json!({ "body": { "name": name, "org_owner_email": format!("{name}@example.com") } });
                id(&connect_admin(&owner, "AdminCreateOrganization", body).await["organization"])
            }
            "own_invitation" => {
                let email = self.of_caller("email").await;
                let body = json!({ "org_id": self.get("others_organization").await, "user_ids": [email] });
                id(&connect(&owner, "CreateOrganizationInvitation", body).await.expect(200)["invitations"][0])
            }
            "invitation" => {
                let body =
                    json!({ "org_id": self.get("organization").await, "user_ids": [format!("{name}@example.com")] });
                id(&connect(&owner, "CreateOrganizationInvitation", body).await.expect(200)["invitations"][0])
            }
            "domain" | "published_domain" => self.domain(&format!("{name}.example"), word != "domain").await,
            "checker" => {
                let user = self.get("user").await;
                connect_admin(&owner, "AddPlatformUser", json!({ "user_id": user, "relation": "member" })).await;
                user
            }
            "token" => {
                let organization = self.get("organization").await;
                let caller = self.of_caller("id").await;
                if caller != id(&owner.get("/v1beta1/users/self").await.expect(200)["user"]) {
                    self.join(&caller).await;
                }
                token::token(w, &self.caller, &organization, token::viewer()).await.0
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
                self.join(&user).await;
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
    async fn of_caller(&self, member: &str) -> String {
        let caller = self.caller.get("/v1beta1/users/self").await.expect(200);
        caller["user"][member].as_str().unwrap().to_owned()
    }
    async fn join(&mut self, user: &str) {
        let members = json!([{ "user_id": user, "role_id": ORGANIZATION_VIEWER }]);
        let body = json!({ "org_id": self.get("organization").await, "members": members });
        let made = connect_admin(&self.maker, "AddOrganizationMembers", body).await;
        assert_eq!(made["results"][0]["success"], true, "{made}");
    }
    async fn domain(&mut self, name: &str, published: bool) -> String {
        let body = json!({ "org_id": self.get("organization").await, "domain": name });
        let made = connect(&self.maker, "CreateOrganizationDomain", body).await.expect(200)["domain"].clone();
        if published {
            self.w.node.names.set(name, &[made["token"].as_str().unwrap()]);
        }
        self.made.insert("domain".into(), id(&made));
        id(&made)
    }
}

/// A new session of somebody of the tenant of this owner.
pub async fn sign_in(owner: &Client, email: &str) -> Client {
    let (_, headers) = owner.parts();
    let (_, tenant) = headers.iter().find(|(name, _)| name == "x-tenant-id").unwrap();
    let tenants = owner.get("/v1/tenants").await.expect(200)["data"].clone();
    let tenant = tenants.as_array().unwrap().iter().find(|t| t["id"] == **tenant).unwrap().clone();
    let login = json!({ "email": email, "password": PASSWORD, "tenant_slug": tenant["slug"] });
    let made = owner.without("authorization").post("/v1/auth/login", login).await.expect(200);
    owner.with("authorization", format!("Bearer {}", made["token"].as_str().unwrap()))
}

async fn connect_admin(by: &Client, rpc: &str, body: Value) -> Value {
    by.post(&format!("{ADMIN}/{rpc}"), body).await.expect(200)
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
