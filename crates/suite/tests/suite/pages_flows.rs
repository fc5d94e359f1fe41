//! What people come for, from the first page to the last, in a real Chromium on either engine (`peers/pages/flows.mjs`). The browser is not
//! told what is in a mail, nor can it let time pass: it asks for that here.
use std::time::Duration;

use portcullis_service::webhook::Reach;
use serde_json::{Value, json};

use crate::mails::server::Taken;
use crate::mails::{Office, options};
use crate::openid::real::{Real, set_up};
use crate::pages_browser::{guided, hosts};
use crate::world::access::{ORGANIZATION_VIEWER, connect, id, join, organization};
use crate::world::authenticator::demand;
use crate::world::pages::HERE;
use crate::world::*;

/// Where an application of the operator's has its front door.
const HOME: &str = "http://app.example.com/home";

both!(each_flow_is_gone_through_in_a_real_browser);

async fn each_flow_is_gone_through_in_a_real_browser(engine: Engine) {
    let mut options = options();
    options.settings.federation = Reach { http: true, private: true };
    options.settings.callback_urls = vec![format!("{HERE}/v1beta1/auth/callback")];
    options.settings.return_urls = vec![HOME.into()];
    let o = Office::with(engine, options).await;
    let w = &o.w;
    // whose mail is taken on the way
    let globex = o.second_tenant("Globex").await;
    let domain = globex.owner.client.post("/v1/domains", json!({ "domain": "globex.example" })).await.expect(201);
    w.node.names.set(domain["dns_record"].as_str().unwrap(), &[domain["dns_value"].as_str().unwrap()]);
    let verify = format!("/v1/domains/{}/verify", id(&domain));
    assert_eq!(globex.owner.client.post(&verify, json!({})).await.expect(200)["verified"], true);
    let people = people(w).await;
    crate::identity_providers::verified_domain(w, "corp.example").await;
    let real = Real::start(w, "RS256", "client_secret_basic");
    if let Some(real) = &real {
        set_up(w, real, json!({})).await;
    }
    demand(w, "required_for_admins").await;
    let given = json!({
        "url": HERE,
        "hosts": hosts(w),
        "password": PASSWORD,
        "people": people,
        "tenant": { "slug": globex.slug, "name": "Globex", "email": globex.owner.email },
        "home": HOME,
        "provider": real.as_ref().map(|r| &r.issuer),
    });
    let mut kept = vec![];
    let answer = async |asked: &str, of: &Value| match asked {
        "mail" => json!(link(&o, &mut kept, of["to"].as_str().unwrap(), of["path"].as_str().unwrap()).await),
        "pass" => {
            w.clock.pass(of["seconds"].as_i64().unwrap());
            json!(w.clock.seconds())
        }
        "link" => {
            let asked = json!({ "strategy_name": "maillink", "email": of["email"], "return_to": HOME });
            connect(&w.anonymous(), "Authenticate", asked).await.expect(200)
        }
        "works" => {
            let secret = of["secret"].as_str().unwrap();
            let by = if secret.starts_with("pcl_") { w.with_key(secret) } else { w.bearer(secret) };
            json!(by.get("/v1beta1/users/self").await.status == 200)
        }
        other => panic!("what is {other}?"),
    };
    guided("flows.mjs", &given, answer).await;
}

/// The address of somebody for each flow.
async fn people(w: &World) -> Value {
    let mut people = json!({ "federated": "ada@corp.example" });
    for (flow, name) in
        [("forgetful", "Ada"), ("changing", "Bea"), ("careful", "Tom"), ("everywhere", "Sam"), ("profile", "Pia")]
    {
        people[flow] = json!(w.person(name, &["user"]).await.email);
    }
    // who never signed in here: a place that is known bears more
    let guessed = w.owner().post("/v1/users", new_user()).await.expect(201);
    people["guessed"] = guessed["email"].clone();
    let maker = w.person("Max", &["user"]).await;
    let place = organization(&w.owner(), "observatory").await;
    join(w, &place, &maker.id, ORGANIZATION_VIEWER).await;
    people["maker"] = json!(maker.email);
    people["demanded"] = json!(w.person("Grace", &["user", "approver"]).await.email);
    people["plain"] = json!("mia@example.com");
    w.owner().post("/v1beta1/users", json!({ "email": people["plain"] })).await.expect(200);
    people["invited"] = json!("boss@initech.example");
    let invited = json!({ "name": "Initech", "owner_email": people["invited"] });
    w.owner().post("/v1/tenants", invited).await.expect(201);
    people
}

/// The link to this path in the newest mail to somebody that has one. Mails may be written some time after the answer.
async fn link(o: &Office, kept: &mut Vec<Taken>, to: &str, path: &str) -> String {
    let begins = format!("{HERE}{path}?");
    for _ in 0..3_000 {
        kept.extend(o.deliver().await);
        let link = |m: &Taken| m.text().split_whitespace().find(|word| word.starts_with(&begins)).map(str::to_owned);
        if let Some(link) = kept.iter().rev().filter(|m| m.to == [to]).find_map(link) {
            return link;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no mail to {to} with a link to {path}")
}
