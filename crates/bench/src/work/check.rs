//! Permission checks over HTTP on an access graph and rules of the goals' size: one's own, and those that a server asks for its
//! callers. Then how soon a server that has just started answers the first one, and what it holds in memory.
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::measure::bare::Same;
use crate::measure::filled::PASSWORD;
use crate::measure::graph::{self, BINDINGS, RULES, USERS};
use crate::measure::http::Connection;
use crate::measure::load::{Script, Scripts};
use crate::measure::people::{self, scramble};
use crate::measure::phase::{self, Phase};
use crate::measure::requests::each;
use crate::measure::server::Server;
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent};

const CLIENTS: usize = 64;
/// Checks of others, and of oneself.
const FOR_OTHERS: &str = "/v1beta1/admin/check";
const OWN: &str = "/v1beta1/check";

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let filled = graph::server(options).await?;
    let (server, pairs) = (filled.server, filled.pairs);
    if let Some((bound, ruled)) = filled.made {
        let each = bound / BINDINGS as f64 * 1e6;
        report.note(&format!(
            "made: {} bindings in {bound:.1} s ({each:.0} µs each), {} rules in {ruled:.1} s",
            count(BINDINGS as f64),
            count(RULES as f64)
        ))?;
    }
    let others = || Checks::for_others(&server, &pairs);
    let others = phase::run(options, report, &server, "checks for others", others).await?;
    let tokens = tokens(&server).await?;
    let own = || Checks::own(&server, &pairs, &tokens);
    let own = phase::run(options, report, &server, "one's own checks", own).await?;
    let health = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).into_bytes();
    let health = || each(CLIENTS, |_| Same(health.clone()));
    let health = phase::run(options, report, &server, "`/healthz`", health).await?;
    let memory = server.process().memory()?;
    server.stop()?;
    row(report, "permission check for others", &others, &health)?;
    row(report, "permission check of one's own", &own, &health)?;
    cold(options, report, &pairs, memory).await
}

fn row(report: &Report, work: &str, got: &Phase, health: &Phase) -> Result<()> {
    let size =
        format!("{} rules, {} bindings, {} users", count(RULES as f64), count(BINDINGS as f64), count(USERS as f64));
    report.row(&Row {
        work: &format!("{work}, {size}"),
        goals: vec![
            Goal::rate(60_000.0, got.rate()),
            Goal::below("p99", 5.0, "ms", got.outcome.latency.quantile(0.99)),
        ],
        measured: got.brief(),
        ceiling: format!("{}/s: `/healthz`", count(health.rate())),
        ratio: percent(got.rate() / health.rate()),
        others: "SpiceDB embedded 2,150/s over gRPC; Cerbos 4,000/s over HTTP",
    })
}

/// A server that has just started: until it has answered its first check, beyond what one with an empty store takes for its first
/// answer.
async fn cold(options: &Options, report: &Report, pairs: &[(Uuid, Uuid)], warm: f64) -> Result<()> {
    let (user, project) = pairs[0];
    let list = |server: &Server| format!("{}\r\n", server.head("GET", "/v1/users?limit=1")).into_bytes();
    let empty = options.dir().join("empty");
    // the first start makes the store
    started(options, &empty, list).await?;
    let (none, idle) = started(options, &empty, list).await?;
    let check = |server: &Server| server.post(FOR_OTHERS, &question(user, project));
    let (took, memory) = started(options, &graph::data(options), check).await?;
    let each = (memory - idle) * 1024.0 * 1024.0 / BINDINGS as f64;
    report.row(&Row {
        work: "the first check after a start",
        goals: vec![Goal::below("loading the graph and the rules", 2.0, "s", took - none)],
        measured: format!(
            "{:.2} s more than with an empty store; {idle:.0} MiB with that, {memory:.0} with this one ({each:.0} B a binding with its \
             share of everything), {warm:.0} under load",
            took - none
        ),
        ceiling: format!("{none:.2} s: start and first answer of an empty store"),
        ratio: "–".into(),
        others: "",
    })
}

/// Seconds from the start to the first answer, and MiB then.
async fn started(options: &Options, data: &Path, ask: impl Fn(&Server) -> Vec<u8>) -> Result<(f64, f64)> {
    let start = Instant::now();
    let server = Server::start(options, data)?;
    server.call(&ask(&server), 200).await?;
    let (took, memory) = (start.elapsed().as_secs_f64(), server.process().memory()?);
    server.stop()?;
    Ok((took, memory))
}

fn question(user: Uuid, project: Uuid) -> Value {
    json!({ "subject": format!("app/user:{user}"), "resource": format!("app/project:{project}"), "permission": "get" })
}

/// Tokens of as many people as there are clients.
async fn tokens(server: &Server) -> Result<Arc<[String]>> {
    let mut out = vec![];
    for n in 0..CLIENTS as u64 {
        let body = json!({ "email": people::email(n), "password": PASSWORD }).to_string();
        let head = format!("POST /v1/auth/login HTTP/1.1\r\nhost: {}\r\n", server.address);
        let request = format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        // an address may sign in 30 times a minute
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(n + 1)?);
        let mut connection = Connection::open(server.address, Some(from)).await?;
        let answer = connection.call(request.as_bytes()).await?;
        answer.expect(200)?;
        let said: Value = serde_json::from_slice(answer.body)?;
        out.push(said["token"].as_str().context("no token")?.to_owned());
    }
    Ok(out.into())
}

/// Asks about pairs in no order.
struct Checks {
    head: String,
    path: &'static str,
    pairs: Arc<[(Uuid, Uuid)]>,
    state: u64,
}
impl Checks {
    fn for_others(server: &Server, pairs: &Arc<[(Uuid, Uuid)]>) -> Scripts {
        each(CLIENTS, |n| Self::new(server.head("POST", FOR_OTHERS), FOR_OTHERS, pairs, n))
    }
    fn own(server: &Server, pairs: &Arc<[(Uuid, Uuid)]>, tokens: &Arc<[String]>) -> Scripts {
        each(CLIENTS, |n| {
            let head =
                format!("POST {OWN} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n", server.address, tokens[n]);
            Self::new(head, OWN, pairs, n)
        })
    }
    fn new(head: String, path: &'static str, pairs: &Arc<[(Uuid, Uuid)]>, n: usize) -> Self {
        Self { head, path, pairs: pairs.clone(), state: people::fresh() + ((n as u64) << 20) }
    }
}
impl Script for Checks {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.state += 1;
        let (user, project) = self.pairs[(scramble(self.state) % self.pairs.len() as u64) as usize];
        let body = match self.path {
            FOR_OTHERS => question(user, project),
            _ => json!({ "resource": format!("app/project:{project}"), "permission": "get" }),
        };
        let body = body.to_string();
        out.extend_from_slice(self.head.as_bytes());
        let length = body.len();
        out.extend_from_slice(format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n").as_bytes());
        out.extend_from_slice(body.as_bytes());
    }
    fn status(&self) -> u16 {
        200
    }
}
