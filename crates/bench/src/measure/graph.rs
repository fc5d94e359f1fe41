//! A store with an access graph and rules of the goals' size, made through the API: organizations with their members, projects,
//! roles that people hold on them, policies with rules. Made once in a work folder and found again.
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::Connection;
use super::people::{self, scramble};
use super::server::Server;
use super::{filled, upload};
use crate::options::Options;
use crate::report::progress;

/// Who could hold something.
pub const USERS: u64 = 100_000;
const ORGANIZATIONS: u64 = 1_000;
const PROJECTS: u64 = 10_000;
/// Memberships of organizations; the other bindings are on projects.
const MEMBERS: u64 = 40_000;
/// All bindings, but for those of who made what.
pub const BINDINGS: u64 = 100_000;
/// Rules of policies: none of them speaks of what is checked.
pub const RULES: u64 = 10_000;
const RULES_OF_ONE: u64 = 100;
/// Members that are added with one call.
const AT_ONCE: u64 = 200;
/// Connections that fill the store.
const HANDS: usize = 16;

const VIEWER: &str = "00000000-0000-7000-8000-000000000004";
const ADD_MEMBERS: &str = "/raystack.frontier.v1beta1.AdminService/AddOrganizationMembers";

/// The server, and who may get what by a binding.
pub struct Filled {
    pub server: Server,
    /// A user and a project that the user holds a role on.
    pub pairs: Arc<[(Uuid, Uuid)]>,
    /// Seconds for the bindings and for the rules, if they were made now.
    pub made: Option<(f64, f64)>,
}

/// The folder of the store.
pub fn data(options: &Options) -> PathBuf {
    options.dir().join("access")
}

/// Starts a server on it.
pub async fn server(options: &Options) -> Result<Filled> {
    let (data, done) = (data(options), options.dir().join("access.done"));
    if done.exists() {
        let pairs: Vec<(Uuid, Uuid)> = serde_json::from_slice(&fs::read(&done)?)?;
        return Ok(Filled { server: Server::start(options, &data)?, pairs: pairs.into(), made: None });
    }
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
    }
    let server = Server::start(options, &data)?;
    progress("an access graph: people, organizations, projects");
    upload::import(&server, 0..USERS, &filled::hash())?;
    let users = server.ids()?;
    let user = |n: u64| users[usize::try_from(scramble(n) % USERS).unwrap_or(0)];
    let organizations = made(
        &server,
        "/v1beta1/admin/organizations",
        "organization",
        ORGANIZATIONS,
        |n| json!({ "name": format!("organization-{n}"), "title": "An organization", "org_owner_email": people::email(n) }),
    );
    let organizations = organizations.await?;
    let home = |n: u64| organizations[usize::try_from(n % ORGANIZATIONS).unwrap_or(0)];
    let projects = made(
        &server,
        "/v1beta1/projects",
        "project",
        PROJECTS,
        |n| json!({ "name": format!("project-{n}"), "title": "A project", "org_id": home(n) }),
    );
    let projects = projects.await?;

    progress("its bindings");
    let start = std::time::Instant::now();
    let members = (0..MEMBERS / AT_ONCE).map(|call| {
        let members: Vec<Value> =
            (0..AT_ONCE).map(|n| json!({ "user_id": user(call * AT_ONCE + n), "role_id": VIEWER })).collect();
        server.post(ADD_MEMBERS, &json!({ "org_id": home(call), "members": members }))
    });
    all(&server, members.collect(), 200).await?;
    let pairs: Vec<(Uuid, Uuid)> = (0..BINDINGS - MEMBERS)
        .map(|n| (user(MEMBERS + n), projects[usize::try_from(scramble(!n) % PROJECTS).unwrap_or(0)]))
        .collect();
    let bindings = pairs.iter().map(|(user, project)| {
        let (resource, principal) = (format!("app/project:{project}"), format!("app/user:{user}"));
        let body = json!({ "role_id": "app_project_viewer", "resource": resource, "principal": principal });
        server.post("/v1beta1/policies", &body)
    });
    all(&server, bindings.collect(), 200).await?;
    let bound = start.elapsed().as_secs_f64();

    progress("its rules");
    let start = std::time::Instant::now();
    let policies = (0..RULES / RULES_OF_ONE).map(|p| {
        let rules: Vec<String> =
            (0..RULES_OF_ONE).map(|r| rule(user(p * RULES_OF_ONE + r), p * RULES_OF_ONE + r)).collect();
        let set = rules.join("\n");
        let name = format!("policy {p}");
        server.post("/v1/policies", &json!({ "name": name, "max_duration_seconds": 3600, "cedar_policy_set": set }))
    });
    all(&server, policies.collect(), 201).await?;
    let ruled = start.elapsed().as_secs_f64();
    fs::write(done, serde_json::to_vec(&pairs)?)?;
    Ok(Filled { server, pairs: pairs.into(), made: Some((bound, ruled)) })
}

/// One about its own account and person.
fn rule(user: Uuid, n: u64) -> String {
    let head =
        format!("principal == User::\"{user}\", action == Action::\"assume\", resource == AwsAccount::\"{n:012}\"");
    match n % 3 {
        0 => format!("permit({head});"),
        1 => format!("permit({head}) when {{ context.has_ticket && context.mfa }};"),
        _ => format!("forbid({head}) unless {{ context.mfa || context.hour < 20 }};"),
    }
}

/// Makes so many things; their ids.
async fn made(server: &Server, path: &str, what: &str, count: u64, body: impl Fn(u64) -> Value) -> Result<Vec<Uuid>> {
    let answers = all(server, (0..count).map(|n| server.post(path, &body(n))).collect(), 200).await?;
    let id = |answer: Vec<u8>| -> Result<Uuid> {
        let answer: Value = serde_json::from_slice(&answer)?;
        let id = answer[what]["id"].as_str().with_context(|| format!("no id of a {what}"))?;
        Ok(id.parse()?)
    };
    answers.into_iter().map(id).collect()
}

/// Sends all of these; the bodies of the answers in the same order.
async fn all(server: &Server, requests: Vec<Vec<u8>>, status: u16) -> Result<Vec<Vec<u8>>> {
    let requests = Arc::new(requests);
    let hands = (0..HANDS).map(|hand| {
        let (requests, address) = (requests.clone(), server.address);
        tokio::spawn(async move {
            let mut connection = Connection::open(address, None).await?;
            let mut out = vec![];
            for (n, request) in requests.iter().enumerate().skip(hand).step_by(HANDS) {
                let answer = connection.call(request).await?;
                answer.expect(status)?;
                out.push((n, answer.body.to_vec()));
            }
            anyhow::Ok(out)
        })
    });
    let mut out = vec![];
    for hand in hands.collect::<Vec<_>>() {
        out.extend(hand.await??);
    }
    out.sort_by_key(|(n, _)| *n);
    Ok(out.into_iter().map(|(_, body)| body).collect())
}
