//! GET /v1/users in pages of 50: the first one, 100,000 rows down, and near the end, which only cursors reach.
use std::time::Instant;

use anyhow::{Context, Result};
use rusqlite::Connection as Sqlite;
use serde_json::Value;

use crate::measure::histogram::Histogram;
use crate::measure::http::Connection;
use crate::measure::people;
use crate::measure::server::Server;
use crate::measure::{filled, phase};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, progress};

/// Cursors that are followed in pages of 50.
const FOLLOWED: usize = 2_000;
/// Repetitions of one page.
const REPEATED: usize = 2_000;
/// Rows of the largest page, to get down quickly.
const LARGEST: u64 = 250;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let server = filled::server(options)?.server;
    phase::settle().await;
    progress("pages");
    let mut client = Client { connection: Connection::open(server.address, None).await?, server: &server };
    client.repeat("limit=50", REPEATED / 4).await?;

    let first = client.repeat("limit=50", REPEATED).await?;
    let (followed, _) = client.follow("limit=50", FOLLOWED).await?;
    // nearly to the end, in the largest pages
    let steps = usize::try_from((options.users / LARGEST).saturating_sub(200).max(1))?;
    let (_, cursor) = client.follow(&format!("limit={LARGEST}"), steps).await?;
    let depth = steps as u64 * LARGEST;
    let (deep, _) = client.follow(&format!("limit=50&cursor={cursor}"), FOLLOWED / 4).await?;
    report.note(&format!(
        "one client, pages of 50: first page {}; {} cursors followed {}; from row {} on {}",
        first.words(),
        count(followed.count() as f64),
        followed.words(),
        count(depth as f64),
        deep.words()
    ))?;
    filters(&mut client, report).await?;

    let raw = raw(&server.database()?, options.users)?;
    server.stop()?;
    let (p50, p50_deep) = (first.quantile(0.5), deep.quantile(0.5));
    report.row(&Row {
        work: &format!("page of 50 among {} users", count(options.users as f64)),
        goals: vec![
            Goal::below("p50", 1.0, "ms", p50.max(p50_deep)),
            Goal::says("independent of depth (deep p50 < 1.5 × the first page's)", p50_deep < p50 * 1.5),
        ],
        measured: format!(
            "first page p50 {p50:.2}, p99 {:.2} ms; {} rows deep p50 {p50_deep:.2}, p99 {:.2} ms",
            first.quantile(0.99),
            count(depth as f64),
            deep.quantile(0.99)
        ),
        ceiling: format!("the raw query: first page p50 {:.2} ms, deep {:.2} ms", raw.0, raw.1),
        ratio: format!("{:.1} × the raw query's time", p50 / raw.0),
        others: "",
    })
}

/// By address and by the start of a word: for the notes, without a goal.
async fn filters(client: &mut Client<'_>, report: &Report) -> Result<()> {
    let email = people::email(7);
    let mut said = vec![];
    for (what, query, times) in [
        ("by e-mail", format!("email={email}"), REPEATED / 4),
        ("q= of a common word", "limit=50&q=lovelace".to_owned(), 200),
        ("q= of a rare address", format!("limit=50&q={email}"), 20),
    ] {
        said.push(format!("{what} {}", client.repeat(&query, times).await?.words()));
    }
    report.note(&said.join("; "))
}

struct Client<'a> {
    connection: Connection,
    server: &'a Server,
}
impl Client<'_> {
    /// The latencies of one page again and again.
    async fn repeat(&mut self, query: &str, times: usize) -> Result<Histogram> {
        let mut latency = Histogram::default();
        for _ in 0..times {
            self.page(query, &mut latency).await?;
        }
        Ok(latency)
    }
    /// The latencies of the pages that follow this one, and the last cursor.
    async fn follow(&mut self, query: &str, pages: usize) -> Result<(Histogram, String)> {
        let limit = query.split('&').next().unwrap_or_default();
        let (mut latency, mut cursor) = (Histogram::default(), None);
        let mut query = query.to_owned();
        for _ in 0..pages {
            let Some(next) = self.page(&query, &mut latency).await? else { break };
            query = format!("{limit}&cursor={next}");
            cursor = Some(next);
        }
        Ok((latency, cursor.context("one page holds all users: fill the store with more")?))
    }
    async fn page(&mut self, query: &str, latency: &mut Histogram) -> Result<Option<String>> {
        let request = self.server.head("GET", &format!("/v1/users?{query}")) + "\r\n";
        let start = Instant::now();
        let answer = self.connection.call(request.as_bytes()).await?;
        latency.add(start.elapsed());
        answer.expect(200)?;
        let page: Value = serde_json::from_slice(answer.body)?;
        Ok(page["next_cursor"].as_str().map(ToOwned::to_owned))
    }
}

/// The same query by itself: milliseconds (p50) of the first page and of one near the end.
fn raw(database: &Sqlite, users: u64) -> Result<(f64, f64)> {
    let tenant: i64 =
        database.query_row("SELECT tenant FROM users GROUP BY tenant ORDER BY count(*) DESC", [], |r| r.get(0))?;
    let offset = i64::try_from(users.saturating_sub(10_000))?;
    let deep: Vec<u8> = database.query_row(
        "SELECT id FROM users WHERE tenant = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2",
        (tenant, offset),
        |r| r.get(0),
    )?;
    let mut statement = database.prepare(
        "SELECT id, email, slug, title, auth_provider, state, email_verified, roles, is_owner, external_id, manager_id, \
         metadata, first_name, last_name, display_name, last_login_at, created_at, updated_at, revision \
         FROM users WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT 51",
    )?;
    let mut time = |below: &[u8]| -> Result<f64> {
        let mut latency = Histogram::default();
        for _ in 0..REPEATED {
            let start = Instant::now();
            let mut rows = statement.query((tenant, below))?;
            while let Some(row) = rows.next()? {
                std::hint::black_box((row.get_ref(0)?, row.get_ref(1)?, row.get_ref(18)?));
            }
            latency.add(start.elapsed());
        }
        Ok(latency.quantile(0.5))
    };
    Ok((time(&[0xFF; 16])?, time(&deep)?))
}
