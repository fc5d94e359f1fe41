//! Which role may what: every route and call as each role of a tenant, in `golden/authorization.txt` (spec v1 2.3, checklist 2).
use portcullis_wire_v1beta1::endpoint::Login;
use serde_json::json;

use crate::calls::requests::REQUESTS;
use crate::world::access::id;
use crate::world::routes::{AFTER, Things, call_with, is_public, v1_routes};
use crate::world::rpc::{self, of_the_table};
use crate::world::scene::{Scene, sign_in};
use crate::world::*;

both!(the_roles_may_what_the_golden_matrix_says);

/// Why nobody is answered "yes": what a right request of a table cannot be.
const NO_YES: &[(&str, &str)] = &[
    ("UpdatePolicy", "is unimplemented (decision 23)"),
    ("CreateProjectPreferences", "is unimplemented (decision 23)"),
    ("ListProjectPreferences", "is unimplemented (decision 23)"),
    ("CreateGroupPreferences", "is unimplemented (decision 23)"),
    ("ListGroupPreferences", "is unimplemented (decision 23)"),
];

/// Somebody with these roles, who has proved their address.
async fn proved(by: &Client, name: &str, roles: &[&str]) -> Client {
    let email = format!("{name}@example.com");
    let row = json!({ "email": email, "name": name, "password": PASSWORD, "roles": roles, "email_verified": true });
    let import = by.with("content-type", "application/x-ndjson");
    id(&import.send("POST", "/v1/users/import", row.to_string().as_bytes()).await.lines()[0]);
    sign_in(by, &email).await
}

async fn the_roles_may_what_the_golden_matrix_says(w: World) {
    let other = w.second_tenant("Globex").await;
    let (master, globex) = (w.owner(), other.owner.client.clone());
    let people: Vec<(&str, Client, &Client)> = vec![
        ("user", proved(&globex, "user", &["user"]).await, &globex),
        ("approver", proved(&globex, "approver", &["approver"]).await, &globex),
        ("admin", proved(&globex, "admin", &["user", "admin"]).await, &globex),
        ("owner", globex.clone(), &globex),
        ("master", proved(&master, "master", &["user", "admin"]).await, &master),
    ];
    let in_body =
        [Things::of(&w, &globex, &other.id, "secret").await, Things::of(&w, &master, &w.tenant, "secret").await];
    let head = |what: &str| {
        let names: String = people.iter().map(|(name, ..)| format!("{name:10}")).collect();
        format!("{what:58}{}\n", names.trim_end())
    };
    let mut matrix = head("route, with an id that does not exist");
    let mut unanswered = vec![];
    let mut line = |matrix: &mut String, name: String, cells: &[String]| {
        let why = NO_YES.iter().find(|(call, _)| *call == name).map(|(_, why)| *why);
        if why.is_some() == cells.iter().any(|c| c.starts_with("yes")) {
            unanswered.push(format!("{name}: {cells:?}"));
        }
        let cells: String = cells.iter().map(|c| format!("{c:10}")).collect();
        matrix.push_str(format!("{name:58}{cells}{}", why.unwrap_or_default()).trim_end());
        matrix.push('\n');
    };
    for route in v1_routes(&w).await.iter().filter(|r| !is_public(&r.path) && r.path != "/v1/auth/logout") {
        let mut cells = vec![];
        for (name, client, _) in &people {
            let (none, own) = (Things::none(), &in_body[usize::from(*name == "master")]);
            // of another tenant they are nobody's to see
            let its_own = ["/settings", "/branding"].iter().any(|end| route.path.ends_with(end));
            let in_path = if its_own { none.but("tenant", own) } else { none };
            let a = call_with(client, route, &in_path, own).await;
            cells.push(match a.status {
                200..=299 => "yes".to_owned(),
                403 => "no".to_owned(),
                // who may is told that it is not there, who may not is not
                404 if route.path.contains('{') => "yes 404".to_owned(),
                status if AFTER.contains(&(&*route.path, status)) => format!("yes {status}"),
                other => format!("{other} {}", a.text()),
            });
        }
        line(&mut matrix, format!("{} {}", route.method, route.path), &cells);
    }
    for (_, client, _) in &people {
        let back = json!({ "current_password": "velvet-anchor-monsoon", "new_password": PASSWORD });
        client.post("/v1/users/me/password", back).await.expect(204);
    }
    matrix.push_str(&head("\ncall, with things that are there"));
    let required = |rpc: &str| of_the_table(rpc).login == Login::Required;
    for (rpc, row) in REQUESTS.iter().filter(|(rpc, _)| required(rpc)) {
        let (e, mut cells) = (of_the_table(rpc), vec![]);
        for (_, client, owner) in &people {
            let request = Scene::of(&w, owner).for_caller(client).fill(row).await;
            let ended = match e.path {
                "" => rpc::rest(client, e, &request).await.unwrap(),
                _ => rpc::connect(client, e, &request).await,
            };
            cells.push(match &*ended.code {
                "ok" => "yes".to_owned(),
                "permission_denied" => "no".to_owned(),
                "unavailable" => "no 503".to_owned(),
                "unimplemented" => "501".to_owned(),
                "not_found" => "404".to_owned(),
                other => format!("{other} {}", ended.message),
            });
        }
        line(&mut matrix, (*rpc).to_owned(), &cells);
    }
    assert!(unanswered.is_empty(), "{}", unanswered.join("\n"));
    golden("authorization.txt", &matrix);
}
