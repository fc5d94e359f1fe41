//! Preferences and their traits: who sets them, what they may be, what they do (spec v1beta1 2.3.14, 3.13).
use portcullis_domain::preference::Level;
use portcullis_domain::preference_trait::{Choice, Input, NEWSLETTER, Trait, Traits};
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    who_may_set_and_list_preferences,
    the_catalogue_is_the_contracts,
    a_value_must_be_one_of_its_trait,
    a_preference_that_is_set_again_keeps_its_id,
    my_list_has_every_trait_with_its_default,
    projects_and_groups_have_none,
    a_scoped_preference_counts_in_its_organization,
    a_scope_needs_the_right_to_look_at_the_organization,
    new_organizations_wait_while_the_platform_wants_it,
    the_platform_switches_lists_off,
    preferences_go_with_whom_they_are_of,
    sec_02_the_preferences_of_another_tenant_are_not_there,
    sec_14_preferences_are_bounded,
    sec_20_each_change_of_a_preference_is_an_event,
);

const PLATFORM: &str = "/v1beta1/preferences";
const SELF: &str = "/v1beta1/users/self/preferences";

fn one(name: &str, value: &str) -> Value {
    json!({ "bodies": [{ "name": name, "value": value }] })
}
fn platform(name: &str, value: &str) -> Value {
    json!({ "preferences": [{ "name": name, "value": value }] })
}
fn of_organization(organization: &str) -> String {
    format!("/v1beta1/organizations/{organization}/preferences")
}
/// A server whose operator added traits: one for each organization that a user is in, one of users, one of organizations.
async fn with_traits(engine: Engine) -> World {
    let choice =
        |name: &'static str, description: &'static str| Choice { name: name.into(), description: description.into() };
    let choices = vec![choice("all", "Everything"), choice("none", "Nothing")];
    let of = |level, name: &'static str, input, default: &'static str, scoped| Trait {
        level,
        name: name.into(),
        input,
        default: default.into(),
        choices: choices.clone(),
        scoped,
        ..NEWSLETTER.clone()
    };
    let own = vec![
        of(Level::User, "notify", Input::Select, "none", true),
        of(Level::User, "digest", Input::Multiselect, "", false),
        of(Level::Organization, "seats", Input::Number, "5", false),
    ];
    let mut options = Options::default();
    options.settings.traits = Traits::with(own).unwrap();
    World::on(engine, options).await
}

async fn who_may_set_and_list_preferences(w: World) {
    let (owner, member) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let stranger = w.person("Sam", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    join(&w, &organization, &member.id, ORGANIZATION_VIEWER).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let of_user = format!("/v1beta1/users/{}/preferences", member.id);
    let here = of_organization(&organization);
    for (who, by, traits, own, set, get, platform_wide, other) in [
        ("nobody", w.anonymous(), 401, 401, 401, 401, 401, 401),
        ("stranger", stranger.client.clone(), 200, 200, 403, 403, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 200, 200, 404, 404, 200, 404),
        ("a narrow key", narrow, 403, 403, 403, 403, 403, 403),
        ("member", member.client.clone(), 200, 200, 403, 200, 403, 403),
        ("organization's owner", owner.client.clone(), 200, 200, 200, 200, 403, 403),
        ("superuser", w.owner(), 200, 200, 200, 200, 200, 200),
        ("service key", w.service(), 200, 403, 200, 200, 200, 200),
    ] {
        assert_eq!(by.get("/v1beta1/preferences/traits").await.status, traits, "{who} describes");
        assert_eq!(by.post(SELF, one("newsletter", "true")).await.status, own, "{who} sets own");
        assert_eq!(by.get(SELF).await.status, own, "{who} lists own");
        assert_eq!(by.post(&here, one("mail_otp", "true")).await.status, set, "{who} sets the organization's");
        assert_eq!(by.get(&here).await.status, get, "{who} lists the organization's");
        let a = by.post(PLATFORM, platform("invite_with_roles", "true")).await;
        assert_eq!(a.status, platform_wide, "{who} sets the platform's: {}", a.text());
        assert_eq!(by.get(PLATFORM).await.status, platform_wide, "{who} lists the platform's");
        assert_eq!(by.post(&of_user, one("newsletter", "false")).await.status, other, "{who} sets a user's");
        assert_eq!(by.get(&of_user).await.status, other, "{who} lists a user's");
    }
    // what is not there reads like what is
    let (there, not) = (stranger.client.get(&here).await, stranger.client.get(&of_organization(NOBODY)).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()));
}

async fn the_catalogue_is_the_contracts(w: World) {
    let traits = w.owner().get("/v1beta1/preferences/traits").await.expect(200)["traits"].clone();
    let mut seen: Vec<(String, String, String, String)> = vec![];
    for t in traits.as_array().unwrap() {
        let text = |member: &str| t[member].as_str().unwrap().to_owned();
        let default = if text("name").starts_with("invite_mail") { "…".into() } else { text("default") };
        seen.push((text("resource_type"), text("name"), text("input_type"), default));
        assert!(!text("title").is_empty() && !text("description").is_empty() && t["input_options"] == json!([]), "{t}");
    }
    seen.sort();
    let row = |level: &str, name: &str, input: &str, default: &str| {
        (format!("app/{level}"), name.to_owned(), format!("INPUT_TYPE_{input}"), default.to_owned())
    };
    let expected = vec![
        row("organization", "mail_link", "CHECKBOX", ""),
        row("organization", "mail_otp", "CHECKBOX", ""),
        row("organization", "social_login", "CHECKBOX", ""),
        row("platform", "disable_orgs_listing", "CHECKBOX", "false"),
        row("platform", "disable_orgs_on_create", "CHECKBOX", "false"),
        row("platform", "disable_users_listing", "CHECKBOX", "false"),
        row("platform", "invite_mail_template_body", "TEXTAREA", "…"),
        row("platform", "invite_mail_template_subject", "TEXT", "…"),
        row("platform", "invite_with_roles", "CHECKBOX", "false"),
        row("user", "first_name", "TEXT", ""),
        row("user", "newsletter", "CHECKBOX", "false"),
    ];
    assert_eq!(seen, expected);
    let by_connect = connect(&w.owner(), "DescribePreferences", json!({})).await.expect(200);
    assert_eq!(by_connect["traits"].as_array().unwrap().len(), 11);
}

async fn a_value_must_be_one_of_its_trait(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for (name, value, hint) in [
        ("newsletter", "yes", "invalid value for preference"),
        ("newsletter", "True", "invalid value for preference"),
        ("newsletter", "", "invalid value for preference"),
        ("first_name", "  ", "invalid value for preference"),
        ("first_name", "a\nb", "invalid value for preference"),
        ("disable_orgs_on_create", "true", "preference trait not found"),
        ("no_such_trait", "true", "preference trait not found"),
        ("x", "true", "invalid syntax in body"),
    ] {
        let e = ada.client.post(SELF, one(name, value)).await.expect(400);
        assert!(e["code"] == 3 && e["message"].as_str().unwrap().starts_with(hint), "{name}: {e}");
    }
    let a = connect(&ada.client, "CreateCurrentUserPreferences", json!({ "bodies": [] })).await;
    assert_eq!(code(&a), "invalid_argument");
    // all or nothing
    let two = json!({ "bodies": [{ "name": "newsletter", "value": "true" }, { "name": "first_name", "value": "" }] });
    ada.client.post(SELF, two).await.expect(400);
    assert_eq!(count(&w, "preferences").await, 0);
    let e = ada.client.post(SELF, scoped("newsletter", "true", "app/organization", NOBODY)).await.expect(400);
    assert!(e["message"].as_str().unwrap().starts_with("invalid scope"), "{e}");
    let text = "Hello,\n{{.UserID}}";
    let set = w.owner().post(PLATFORM, platform("invite_mail_template_body", text)).await.expect(200);
    assert_eq!(set["preference"][0]["value"], text);
}

async fn a_preference_that_is_set_again_keeps_its_id(w: World) {
    let first =
        w.owner().post(PLATFORM, platform("disable_orgs_listing", "true")).await.expect(200)["preference"][0].clone();
    assert_eq!(
        (&first["resource_type"], &first["resource_id"], &first["scope_type"], &first["scope_id"]),
        (
            &json!("app/platform"),
            &json!("00000000-0000-0000-0000-000000000000"),
            &json!("app/platform"),
            &json!("00000000-0000-0000-0000-000000000000")
        )
    );
    w.clock.pass(5);
    let again =
        w.owner().post(PLATFORM, platform("disable_orgs_listing", "false")).await.expect(200)["preference"][0].clone();
    assert_eq!(
        (&again["id"], &again["created_at"], &again["value"]),
        (&first["id"], &first["created_at"], &json!("false"))
    );
    assert_ne!(again["updated_at"], first["updated_at"]);
    let list = w.owner().get(PLATFORM).await.expect(200)["preferences"].clone();
    assert_eq!(list, json!([again]));
    // what counts everywhere may be sent as it is shown
    let echo = json!({ "preferences": [{ "name": "disable_orgs_listing", "value": "false", "scope_type": "app/platform",
        "scope_id": "00000000-0000-0000-0000-000000000000" }] });
    assert_eq!(w.owner().post(PLATFORM, echo).await.expect(200)["preference"][0]["id"], first["id"]);
    let keyed = w.owner().with("idempotency-key", "k1");
    let first = keyed.post(PLATFORM, platform("disable_orgs_listing", "true")).await.expect(200);
    let again = keyed.post(PLATFORM, platform("disable_orgs_listing", "true")).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), first));
}

async fn my_list_has_every_trait_with_its_default(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mine = ada.client.get(SELF).await.expect(200)["preferences"].clone();
    assert_eq!(sorted(&mine, "name"), ["first_name", "newsletter"]);
    let newsletter = mine.as_array().unwrap().iter().find(|p| p["name"] == "newsletter").unwrap();
    assert_eq!(
        (&newsletter["value"], &newsletter["id"], &newsletter["created_at"]),
        (&json!("false"), &json!(""), &Value::Null)
    );
    ada.client.post(SELF, one("newsletter", "true")).await.expect(200);
    w.owner().post(&format!("/v1beta1/users/{}/preferences", ada.id), one("first_name", "Ada L")).await.expect(200);
    for (by, path) in
        [(&ada.client, SELF.to_owned()), (&w.owner(), format!("/v1beta1/users/{}/preferences", ada.email))]
    {
        let mine = by.get(&path).await.expect(200)["preferences"].clone();
        assert_eq!((&mine[0]["value"], &mine[1]["value"]), (&json!("Ada L"), &json!("true")), "{mine}");
        assert_eq!((&mine[0]["resource_type"], &mine[0]["resource_id"]), (&json!("app/user"), &json!(ada.id)));
    }
    // an organization and the platform show what was set
    assert_eq!(w.owner().get(PLATFORM).await.expect(200)["preferences"], json!([]));
}

async fn projects_and_groups_have_none(w: World) {
    let (owner, stranger) = (w.person("Olga", &["user"]).await, w.person("Sam", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    let (p, g) = (project(&owner.client, &acme, "apollo").await, group(&owner.client, &acme, "backend").await);
    for path in [format!("/v1beta1/projects/{p}/preferences"), format!("/v1beta1/groups/{g}/preferences")] {
        for (by, status) in
            [(w.anonymous(), 401), (stranger.client.clone(), 403), (owner.client.clone(), 501), (w.owner(), 501)]
        {
            assert_eq!(by.get(&path).await.status, status, "GET {path}");
            assert_eq!(by.post(&path, one("newsletter", "true")).await.status, status, "POST {path}");
        }
    }
}

fn scoped(name: &str, value: &str, kind: &str, id: &str) -> Value {
    json!({ "bodies": [{ "name": name, "value": value, "scope_type": kind, "scope_id": id }] })
}
async fn a_scoped_preference_counts_in_its_organization(engine: Engine) {
    let w = with_traits(engine).await;
    let ada = w.person("Ada", &["user"]).await;
    let (acme, other) = (organization(&ada.client, "acme-corp").await, organization(&ada.client, "other-corp").await);
    let set =
        ada.client.post(SELF, scoped("notify", "all", "org", "acme-corp")).await.expect(200)["preferences"][0].clone();
    assert_eq!(
        (&set["scope_type"], &set["scope_id"], &set["value_description"]),
        (&json!("app/organization"), &json!(acme), &json!("Everything"))
    );
    let notify = async |query: &str| {
        let list = ada.client.get(&format!("{SELF}{query}")).await.expect(200)["preferences"].clone();
        list.as_array().unwrap().iter().find(|p| p["name"] == "notify").unwrap()["value"].as_str().unwrap().to_owned()
    };
    let within = |id: &str| format!("?scope_type=app/organization&scope_id={id}");
    assert_eq!((notify(&within(&acme)).await, notify(&within(&other)).await), ("all".into(), "none".into()));
    assert_eq!(notify("").await, "none");
    for (name, kind, id) in [
        ("notify", "", ""),
        ("notify", "app/organization", ""),
        ("notify", "", &*acme),
        ("newsletter", "org", &*acme),
        ("notify", "project", &*acme),
    ] {
        let e = ada.client.post(SELF, scoped(name, "all", kind, id)).await.expect(400);
        assert!(e["message"].as_str().unwrap().starts_with("invalid scope"), "{name} {kind} {id}: {e}");
    }
    ada.client.get(&format!("{SELF}?scope_type=app/organization")).await.expect(400);
    // the operator's other inputs
    assert_eq!(
        ada.client.post(SELF, one("digest", "all, none")).await.expect(200)["preferences"][0]["value"],
        "all,none"
    );
    ada.client.post(SELF, one("digest", "all,some")).await.expect(400);
    ada.client.post(&of_organization(&acme), one("seats", "12")).await.expect(200);
    ada.client.post(&of_organization(&acme), one("seats", "many")).await.expect(400);
}

async fn a_scope_needs_the_right_to_look_at_the_organization(engine: Engine) {
    let w = with_traits(engine).await;
    let (ada, sam) = (w.person("Ada", &["user"]).await, w.person("Sam", &["user"]).await);
    let acme = organization(&ada.client, "acme-corp").await;
    let rival = w.second_tenant("Rival").await;
    let theirs = organization(&rival.owner.client, "rival-corp").await;
    for id in [&*acme, "acme-corp", NOBODY, "no-such", &*theirs] {
        sam.client.post(SELF, scoped("notify", "all", "app/organization", id)).await.expect(403);
        sam.client.get(&format!("{SELF}?scope_type=app/organization&scope_id={id}")).await.expect(403);
    }
    let of_sam = format!("/v1beta1/users/{}/preferences", sam.id);
    for id in [NOBODY, &*theirs] {
        w.owner().post(&of_sam, scoped("notify", "all", "app/organization", id)).await.expect(404);
        w.owner().get(&format!("{of_sam}?scope_type=app/organization&scope_id={id}")).await.expect(404);
    }
    w.owner().post(&of_sam, scoped("notify", "all", "app/organization", &acme)).await.expect(200);
    // what people prefer in an organization goes with it, in however many steps
    assert_eq!(count(&w, "preferences").await, 1);
    ada.client.delete(&format!("/v1beta1/organizations/{acme}")).await.expect(200);
    assert_eq!(count(&w, "preferences").await, 0);
}

async fn new_organizations_wait_while_the_platform_wants_it(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.owner().post(PLATFORM, platform("disable_orgs_on_create", "true")).await.expect(200);
    let make = async |by: &Client, name: &str| {
        by.post("/v1beta1/organizations", json!({ "name": name })).await.expect(200)["organization"].clone()
    };
    let waiting = make(&ada.client, "waiting").await;
    assert_eq!(waiting["state"], "disabled");
    let path = format!("/v1beta1/organizations/{}", id(&waiting));
    let e = ada.client.get(&path).await.expect(400);
    assert!(e["message"].as_str().unwrap().starts_with("org is disabled"), "{e}");
    ada.client.post("/v1beta1/projects", json!({ "name": "apollo", "org_id": "waiting" })).await.expect(400);
    w.owner().post(&format!("{path}/enable"), json!({})).await.expect(200);
    assert_eq!(ada.client.get(&path).await.expect(200)["organization"]["state"], "enabled");
    assert_eq!(make(&w.owner(), "at-once").await["state"], "enabled", "a superuser's need not wait");
    let body = json!({ "body": { "name": "for-ada", "org_owner_email": ada.email } });
    let made = w.owner().post(&format!("{ADMIN}/AdminCreateOrganization"), body).await.expect(200);
    assert_eq!(made["organization"]["state"], "enabled");
    w.owner().post(PLATFORM, platform("disable_orgs_on_create", "false")).await.expect(200);
    assert_eq!(make(&ada.client, "free").await["state"], "enabled");
}

async fn the_platform_switches_lists_off(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for (name, path, rpc, all) in [
        ("disable_users_listing", "/v1beta1/users", "ListUsers", "/v1beta1/admin/users"),
        ("disable_orgs_listing", "/v1beta1/organizations", "ListOrganizations", "/v1beta1/admin/organizations"),
    ] {
        w.owner().get(path).await.expect(200);
        w.owner().post(PLATFORM, platform(name, "true")).await.expect(200);
        for by in [&w.owner(), &ada.client] {
            by.get(path).await.expect(403);
            let a = connect(by, rpc, json!({ "user_id": ada.id })).await;
            assert_eq!((code(&a), text(&a)), ("unavailable".into(), "function not available at the moment".into()));
        }
        w.owner().get(all).await.expect(200);
        w.owner().post(PLATFORM, platform(name, "false")).await.expect(200);
        w.owner().get(path).await.expect(200);
        ada.client.get(path).await.expect(403);
    }
    // another tenant's switch is its own
    let rival = w.second_tenant("Rival").await;
    rival.owner.client.post(PLATFORM, platform("disable_users_listing", "true")).await.expect(200);
    w.owner().get("/v1beta1/users").await.expect(200);
}

async fn preferences_go_with_whom_they_are_of(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = organization(&ada.client, "acme-corp").await;
    ada.client.post(&of_organization(&acme), one("mail_otp", "true")).await.expect(200);
    for p in [&ada, &bob] {
        p.client.post(SELF, one("first_name", "X")).await.expect(200);
    }
    assert_eq!(count(&w, "preferences").await, 3);
    w.owner().delete(&format!("/v1beta1/users/{}", bob.id)).await.expect(200);
    assert_eq!(count(&w, "preferences").await, 2);
    ada.client.delete(&format!("/v1beta1/organizations/{acme}")).await.expect(200);
    assert_eq!(count(&w, "preferences").await, 1);
    w.owner().get(&of_organization(&acme)).await.expect(404);
}

async fn sec_02_the_preferences_of_another_tenant_are_not_there(w: World) {
    let rival = w.second_tenant("Rival").await;
    let theirs = organization(&rival.owner.client, "rival-corp").await;
    rival.owner.client.post(&of_organization(&theirs), one("mail_otp", "true")).await.expect(200);
    rival.owner.client.post(PLATFORM, platform("invite_with_roles", "true")).await.expect(200);
    for id in [&*theirs, NOBODY, "rival-corp"] {
        w.owner().get(&of_organization(id)).await.expect(404);
        w.owner().post(&of_organization(id), one("mail_otp", "false")).await.expect(404);
    }
    for id in [&*rival.owner.id, NOBODY] {
        w.owner().get(&format!("/v1beta1/users/{id}/preferences")).await.expect(404);
    }
    assert_eq!(w.owner().get(PLATFORM).await.expect(200)["preferences"], json!([]));
    assert_eq!(rival.owner.client.get(PLATFORM).await.expect(200)["preferences"][0]["value"], "true");
}

async fn sec_14_preferences_are_bounded(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let many: Vec<Value> = (0..51).map(|_| json!({ "name": "newsletter", "value": "true" })).collect();
    ada.client.post(SELF, json!({ "bodies": many })).await.expect(400);
    ada.client.post(SELF, one("first_name", &"a".repeat(1_025))).await.expect(400);
    ada.client.post(SELF, one("first_name", &"a".repeat(1_024))).await.expect(200);
    w.owner().post(PLATFORM, platform("invite_mail_template_body", &"a".repeat(16_385))).await.expect(400);
    let event = w.events("action=preference.created").await.remove(0);
    assert!(event["changes"].get("value").is_none() && event["changes"].get("value_sha256").is_some(), "{event}");
}

async fn sec_20_each_change_of_a_preference_is_an_event(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for value in ["true", "true", "false"] {
        ada.client.post(SELF, one("newsletter", value)).await.expect(200);
    }
    let changes = |e: &Value| e["changes"]["value"].clone();
    let created = w.events("action=preference.created").await;
    let updated = w.events("action=preference.updated").await;
    assert_eq!((created.len(), updated.len()), (1, 1), "what stays the same is no change");
    assert_eq!(changes(&created[0]), json!({ "before": null, "after": "true" }));
    assert_eq!(changes(&updated[0]), json!({ "before": "true", "after": "false" }));
    assert_eq!(updated[0]["metadata"], json!({ "name": "newsletter", "user_id": ada.id }));
    // a refusal changes nothing
    ada.client.post(PLATFORM, platform("invite_with_roles", "true")).await.expect(403);
    assert_eq!(count(&w, "preferences").await, 1);
}
