//! A SaaS team's first week through the public API: two customers, what their people and machines may do along every path, who comes
//! and who goes, and nothing left of a customer who leaves (issue 3, done when 3).
use serde_json::json;

use crate::world::access::*;
use crate::world::tables::count;
use crate::world::*;

both!(the_first_week);

const NAMESPACE: &str = "compute/order";
/// Where something of an organization could stay.
const TABLES: [&str; 14] = [
    "organizations",
    "projects",
    "groups",
    "resources",
    "role_bindings",
    "access_roles",
    "service_users",
    "service_credentials",
    "invitations",
    "organization_domains",
    "organization_removals",
    "organization_kyc",
    "preferences",
    "personal_tokens",
];
async fn rows(w: &World) -> Vec<(&'static str, i64)> {
    let mut out = vec![];
    for table in TABLES {
        out.push((table, count(w, table).await));
    }
    out
}

/// A customer: who made the organization, a project in it and an order in that.
struct Customer {
    owner: Person,
    organization: String,
    project: String,
    order: String,
}
impl Customer {
    async fn new(w: &World, person: &str, name: &str) -> Self {
        let owner = w.person(person, &["user"]).await;
        let organization = organization(&owner.client, name).await;
        let project = project(&owner.client, &organization, &format!("{name}-shop")).await;
        let order = Self::order(&owner.client, &project, "order-1").await;
        Self { owner, organization, project, order }
    }
    async fn order(by: &Client, project: &str, name: &str) -> String {
        let body = json!({ "name": name, "namespace": NAMESPACE });
        id(&by.post(&format!("/v1beta1/projects/{project}/resources"), body).await.expect(200)["resource"])
    }
    fn path(&self, rest: &str) -> String {
        format!("/v1beta1/organizations/{}{rest}", self.organization)
    }
    /// What somebody may of: get and cancel the order, get and update the project, get and update the organization.
    async fn may(&self, by: &Client) -> [bool; 6] {
        let (order, project) = (format!("{NAMESPACE}:{}", self.order), format!("app/project:{}", self.project));
        let organization = format!("app/organization:{}", self.organization);
        [
            may(by, &order, "get").await,
            may(by, &order, "cancel").await,
            may(by, &project, "get").await,
            may(by, &project, "update").await,
            may(by, &organization, "get").await,
            may(by, &organization, "update").await,
        ]
    }
}
const ALL: [bool; 6] = [true; 6];
const NONE: [bool; 6] = [false; 6];

async fn the_first_week(w: World) {
    // Monday: the words, and two customers
    let keys = json!({ "bodies": [{ "key": "compute.order.get" }, { "key": "compute.order.cancel" }] });
    w.owner().post("/v1beta1/permissions", keys).await.expect(200);
    let beta = Customer::new(&w, "Bea", "beta-corp").await;
    let before = rows(&w).await;
    let acme = Customer::new(&w, "Ada", "acme-corp").await;
    let ada = acme.owner.client.clone();
    assert_eq!(acme.may(&ada).await, ALL, "who owns the organization may everything in it");
    assert_eq!((acme.may(&beta.owner.client).await, beta.may(&ada).await), (NONE, NONE));

    // Tuesday: people and a machine, each by another path
    let role =
        json!({ "name": "order_clerk", "permissions": ["compute_order_get"], "scopes": ["app/project", NAMESPACE] });
    let clerk = id(&ada.post(&acme.path("/roles"), role).await.expect(200)["role"]);
    let (max, mia) = (w.person("Max", &["user"]).await, w.person("Mia", &["user"]).await);
    for member in [&max, &mia] {
        join(&w, &acme.organization, &member.id, ORGANIZATION_VIEWER).await;
    }
    let member = [false, false, false, false, true, false];
    assert_eq!(acme.may(&max.client).await, member);
    // by a role on the project: no more than reading orders
    on_project(&ada, &acme.project, "app/user", &max.id, &clerk).await.expect(200);
    assert_eq!(acme.may(&max.client).await, [true, false, false, false, true, false]);
    // by a group that holds a role on the project
    let support = group(&ada, &acme.organization, "support").await;
    in_group(&ada, &support, &mia.id, GROUP_MEMBER).await.expect(200);
    on_project(&ada, &acme.project, "app/group", &support, PROJECT_OWNER).await.expect(200);
    assert_eq!(acme.may(&mia.client).await, [true, true, true, true, true, false]);
    // a machine by a role on one order alone
    let m = machine(&ada, &acme.organization, "CI").await;
    let (_, ci) = secret(&w, &ada, &acme.organization, &m).await;
    let other = Customer::order(&ada, &acme.project, "order-2").await;
    let on_order = json!({ "role_id": clerk, "resource": format!("{NAMESPACE}:{}", acme.order),
        "principal": format!("app/serviceuser:{m}") });
    ada.post("/v1beta1/policies", on_order).await.expect(200);
    assert_eq!(acme.may(&ci).await, [true, false, false, false, true, false]);
    assert!(!may(&ci, &format!("{NAMESPACE}:{other}"), "get").await, "the other order is none of its business");
    // by owning: what somebody makes is theirs
    let mias = Customer::order(&mia.client, &acme.project, "order-3").await;
    ada.delete(&acme.path(&format!("/groups/{support}/users/{}", mia.id))).await.expect(200);
    assert_eq!(acme.may(&mia.client).await, member, "who left the group has nothing by it");
    assert!(may(&mia.client, &format!("{NAMESPACE}:{mias}"), "cancel").await);

    // Wednesday: others come in, by invitation and by their domain
    let (ivy, dan) = (verified(&w, "ivy@example.com").await, verified(&w, "dan@acme.example").await);
    let invited = json!({ "user_ids": ["ivy@example.com"], "group_ids": [support] });
    let invitation = id(&ada.post(&acme.path("/invitations"), invited).await.expect(200)["invitations"][0]);
    assert_eq!(acme.may(&ivy.client).await, NONE);
    ivy.client.post(&acme.path(&format!("/invitations/{invitation}/accept")), json!({})).await.expect(200);
    assert_eq!(
        acme.may(&ivy.client).await,
        [true, true, true, true, true, false],
        "she is in the group that owns the project"
    );
    let domain =
        ada.post(&acme.path("/domains"), json!({ "domain": "acme.example" })).await.expect(200)["domain"].clone();
    dan.client.post(&acme.path("/join"), json!({})).await.expect(400);
    w.node.names.set("acme.example", &[domain["token"].as_str().unwrap()]);
    ada.post(&acme.path(&format!("/domains/{}/verify", id(&domain))), json!({})).await.expect(200);
    dan.client.post(&acme.path("/join"), json!({})).await.expect(200);
    assert_eq!(acme.may(&dan.client).await, member);
    ada.post(&acme.path("/invitations"), json!({ "user_ids": ["late@example.com"] })).await.expect(200);

    // Thursday: the customer is late with the bill
    w.owner().post(&acme.path("/disable"), json!({})).await.expect(200);
    for who in [&ada, &max.client, &ivy.client] {
        assert_eq!(acme.may(who).await, NONE);
    }
    let machine = ci.get("/v1beta1/users/self").await;
    assert!(machine.status == 403 && machine.text().contains("disabled"), "{}", machine.text());
    w.owner().post(&acme.path("/enable"), json!({})).await.expect(200);
    assert_eq!((acme.may(&ada).await, acme.may(&ivy.client).await[0], acme.may(&ci).await[0]), (ALL, true, true));
    let path = acme.path(&format!("/users/{}", acme.owner.id));
    let last = w.owner().delete(&path).await;
    assert!(last.status == 400 && last.text().contains("owner"), "{}", last.text());
    assert_eq!(acme.may(&ada).await, ALL, "the last owner stayed");

    // Friday: the customer leaves, with everything, and nobody else notices
    ada.delete(&acme.path("")).await.expect(200);
    let nothing = [&acme.order, &other, &mias].map(|order| format!("{NAMESPACE}:{order}"));
    for resource in nothing.iter().chain([&format!("app/project:{}", acme.project)]) {
        let asked = json!({ "resource": resource, "permission": "get" });
        assert_eq!(mia.client.post("/v1beta1/check", asked).await.status, 404, "{resource}");
    }
    ci.get("/v1beta1/users/self").await.expect(401);
    assert_eq!(rows(&w).await, before);
    assert_eq!(beta.may(&beta.owner.client).await, ALL);
}
