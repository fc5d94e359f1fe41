//! Whether organizations have shown who they are (spec v1beta1 2.3.8, 3.16).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    who_may_read_and_write_it,
    nothing_is_known_at_first,
    whoever_has_shown_who_they_are_has_a_link,
    all_that_is_known_is_listed,
    it_goes_with_the_organization,
    sec_02_an_organization_of_another_tenant_is_not_there,
    sec_20_each_change_of_it_is_an_event,
);

const LIST: &str = "/v1beta1/admin/organizations/kyc";

fn read(organization: &str) -> String {
    format!("/v1beta1/organizations/{organization}/kyc")
}
fn write(organization: &str) -> String {
    format!("/v1beta1/admin/organizations/{organization}/kyc")
}
fn known(status: bool, link: &str) -> Value {
    json!({ "status": status, "link": link })
}

async fn who_may_read_and_write_it(w: World) {
    let (owner, member) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    join(&w, &acme, &member.id, ORGANIZATION_VIEWER).await;
    let tenant = w.second_tenant("Rival").await;
    for (who, by, get, set, list) in [
        ("nobody", w.anonymous(), 401, 401, 401),
        ("stranger", w.person("Sam", &["user"]).await.client, 403, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 404, 400, 200),
        ("member", member.client.clone(), 200, 403, 403),
        ("organization's owner", owner.client.clone(), 200, 403, 403),
        ("superuser", w.owner(), 200, 200, 200),
        ("service key", w.service(), 200, 200, 200),
    ] {
        assert_eq!(by.get(&read(&acme)).await.status, get, "{who} reads");
        let a = by.put(&write(&acme), known(true, "https://files.example.com/acme")).await;
        assert_eq!(a.status, set, "{who} writes: {}", a.text());
        assert_eq!(by.get(LIST).await.status, list, "{who} lists");
        if set == 403 {
            assert_eq!(by.put(&write(NOBODY), known(true, "")).await.status, 403, "{who} is told nothing");
        }
    }
}

async fn nothing_is_known_at_first(w: World) {
    let acme = organization(&w.owner(), "acme-corp").await;
    let kyc = w.owner().get(&read("acme-corp")).await.expect(200)["organization_kyc"].clone();
    assert_eq!(kyc, json!({ "org_id": acme, "status": false, "link": "", "created_at": null, "updated_at": null }));
    let kyc = connect(&w.owner(), "GetOrganizationKyc", json!({ "org_id": acme })).await.expect(200);
    assert_eq!(kyc, json!({ "organization_kyc": { "org_id": acme } }), "Connect leaves zeros out");
    assert_eq!(w.owner().get(LIST).await.expect(200)["organizations_kyc"], json!([]));
}

async fn whoever_has_shown_who_they_are_has_a_link(w: World) {
    let acme = organization(&w.owner(), "acme-corp").await;
    let refused = async |which: &str, body: Value| {
        w.owner().put(&write(which), body).await.expect(400)["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&acme, known(true, "")).await, "link cannot be empty");
    assert_eq!(refused(&acme, known(true, "  ")).await, "link cannot be empty");
    for bad in ["http://files.example.com", "javascript:alert(1)", "files/acme", "https://user:secret@example.com"] {
        assert!(refused(&acme, known(true, bad)).await.starts_with("invalid syntax in body: link"), "{bad}");
    }
    assert_eq!(refused(NOBODY, known(false, "")).await, "org doesn't exist");
    assert_eq!(refused("no-such", known(false, "")).await, "invalid syntax of uuid");
    let set = w.owner().put(&write(&acme), known(true, "https://files.example.com/acme")).await.expect(200);
    let set = set["organization_kyc"].clone();
    assert_eq!(
        (&set["org_id"], &set["status"], &set["link"]),
        (&json!(acme), &json!(true), &json!("https://files.example.com/acme"))
    );
    assert_eq!(w.owner().get(&read(&acme)).await.expect(200)["organization_kyc"], set);
    w.clock.pass(5);
    let now = w.owner().put(&write(&acme), known(false, "")).await.expect(200)["organization_kyc"].clone();
    assert_eq!((&now["status"], &now["created_at"]), (&json!(false), &set["created_at"]));
    assert_ne!(now["updated_at"], set["updated_at"]);
    assert_eq!(w.owner().get(&read(&acme)).await.expect(200)["organization_kyc"], now);
}

async fn all_that_is_known_is_listed(w: World) {
    let mut made = vec![];
    for name in ["acme-corp", "beta-corp", "gamma-corp"] {
        made.push(organization(&w.owner(), name).await);
    }
    for id in &made[..2] {
        w.owner().put(&write(id), known(true, "https://files.example.com/x")).await.expect(200);
    }
    assert_eq!(all(&w.owner().get(LIST).await.expect(200)["organizations_kyc"], "org_id"), made[..2]);
    // an organization's own name is not in the way of the list
    organization(&w.owner(), "kyc").await;
    assert_eq!(w.owner().get(LIST).await.expect(200)["organizations_kyc"].as_array().unwrap().len(), 2);
}

async fn it_goes_with_the_organization(w: World) {
    let acme = organization(&w.owner(), "acme-corp").await;
    w.owner().put(&write(&acme), known(true, "https://files.example.com/x")).await.expect(200);
    assert_eq!(count(&w, "organization_kyc").await, 1);
    w.owner().delete(&format!("/v1beta1/organizations/{acme}")).await.expect(200);
    assert_eq!(count(&w, "organization_kyc").await, 0);
    assert_eq!(w.owner().put(&write(&acme), known(false, "")).await.status, 400);
    assert_eq!(count(&w, "organization_kyc").await, 0);
}

async fn sec_02_an_organization_of_another_tenant_is_not_there(w: World) {
    let rival = w.second_tenant("Rival").await;
    let theirs = organization(&rival.owner.client, "rival-corp").await;
    let link = "https://files.example.com/x";
    rival.owner.client.put(&write(&theirs), known(true, link)).await.expect(200);
    let (there, not) = (w.owner().get(&read(&theirs)).await, w.owner().get(&read(NOBODY)).await);
    assert_eq!((there.status, there.json()), (404, not.json()));
    let (there, not) =
        (w.owner().put(&write(&theirs), known(false, "")).await, w.owner().put(&write(NOBODY), known(false, "")).await);
    assert_eq!((there.status, there.json()), (400, not.json()));
    assert_eq!(w.owner().get(LIST).await.expect(200)["organizations_kyc"], json!([]));
    assert_eq!(rival.owner.client.get(&read(&theirs)).await.expect(200)["organization_kyc"]["status"], true);
}

async fn sec_20_each_change_of_it_is_an_event(w: World) {
    let acme = organization(&w.owner(), "acme-corp").await;
    for body in
        [known(true, "https://a.example/"), known(true, "https://a.example/"), known(false, "https://a.example/")]
    {
        w.owner().put(&write(&acme), body).await.expect(200);
    }
    for action in ["kyc.verified", "kyc.unverified"] {
        let events = w.events(&format!("action={action}")).await;
        assert_eq!((events.len(), &events[0]["resource_id"]), (1, &json!(acme)), "{action}");
    }
}
