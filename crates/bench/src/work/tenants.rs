//! Permission checks over HTTP in ten thousand small tenants, in no order, against the same checks in one of them; and what the
//! server holds in memory for all.
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::measure::load::{Script, Scripts};
use crate::measure::people::{self, scramble};
use crate::measure::phase;
use crate::measure::requests::each;
use crate::measure::server::Server;
use crate::measure::tenants::{self, PEOPLE, TENANTS, Tenant};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

const CLIENTS: usize = 64;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let (server, tenants) = tenants::server(options).await?;
    server.stop()?;
    let server = Server::start(options, &tenants::data(options))?;
    let idle = server.process().memory()?;
    let one = phase::run(options, report, &server, "checks in one tenant", || Checks::on(&tenants, 1)).await?;
    let before = server.process().memory()?;
    progress("the first check in each tenant");
    let start = Instant::now();
    for tenant in tenants.iter() {
        let mut request = vec![];
        ask(tenant, &mut request);
        server.call(&request, 200).await?;
    }
    let first = start.elapsed().as_secs_f64() * 1e3 / TENANTS as f64;
    let all = phase::run(options, report, &server, "checks in all tenants", || Checks::on(&tenants, tenants.len()));
    let all = all.await?;
    let after = server.process().memory()?;
    server.stop()?;
    let (p50, of_one) = (all.outcome.latency.quantile(0.5), one.outcome.latency.quantile(0.5));
    report.row(&Row {
        work: &format!("permission check in {} tenants of {PEOPLE} people, in no order", count(TENANTS as f64)),
        goals: vec![
            Goal::says("p50 at most a quarter above one tenant's", p50 <= of_one * 1.25),
            Goal::below("p99", 5.0, "ms", all.outcome.latency.quantile(0.99)),
        ],
        measured: format!(
            "{}; the first in each tenant {first:.1} ms, one after the other on connections of their own; {idle:.0} MiB after the \
             start, {before:.0} with one tenant in use, {after:.0} with all",
            all.brief()
        ),
        ceiling: format!("{}: the same in one tenant", one.brief()),
        ratio: percent(all.rate() / one.rate()),
        others: "",
    })
}

/// Asks in a tenant, then in another.
struct Checks {
    tenants: Arc<[Tenant]>,
    among: usize,
    state: u64,
}
impl Checks {
    fn on(tenants: &Arc<[Tenant]>, among: usize) -> Scripts {
        each(CLIENTS, |n| Self { tenants: tenants.clone(), among, state: people::fresh() + ((n as u64) << 20) })
    }
}
impl Script for Checks {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.state += 1;
        ask(&self.tenants[(scramble(self.state) % self.among as u64) as usize], out);
    }
    fn status(&self) -> u16 {
        200
    }
}

/// May somebody of a tenant see their organization?
fn ask(tenant: &Tenant, out: &mut Vec<u8>) {
    let Tenant { id, key, user, organization } = tenant;
    let (subject, resource) = (format!("app/user:{user}"), format!("app/organization:{organization}"));
    let body = json!({ "subject": subject, "resource": resource, "permission": "get" }).to_string();
    let head = format!(
        "POST /v1beta1/admin/check HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\nx-tenant-id: {id}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body.as_bytes());
}
