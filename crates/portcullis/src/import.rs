//! `import`: the database of another system into a tenant, offline or beside other nodes.
use std::fmt::Write as _;

use portcullis_service::App;
use portcullis_service::frontier::{FrontierOptions, Report};
use portcullis_service::tenancy::Tenancies;
use portcullis_store::frontier::Source;

use crate::cli::{FrontierArgs, ImportCommand};
use crate::config::Config;
use crate::output::{explain, say};
use crate::{admin, apply, logging, master_key, node};

/// Problems that are printed for people; `--json` has all that are named.
const SHOWN: usize = 50;

/// Runs one of them.
pub async fn run(command: ImportCommand) -> anyhow::Result<()> {
    match command {
        ImportCommand::Frontier(args) => frontier(args).await,
    }
}

async fn frontier(args: FrontierArgs) -> anyhow::Result<()> {
    let config = node::configure_at(&args.place)?;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    let app = if args.dry_run { look(&config).await? } else { apply::open(&config).await? };
    let id = admin::find(&app, args.tenant.as_deref()).await?;
    let cx = app.system(id).await.map_err(explain)?;
    let source = Source::open(args.dsn.expose(), args.ca_file.as_deref()).await?;
    let options = FrontierOptions { dry_run: args.dry_run, restart: args.restart, any_version: args.any_version };
    let report = app.import_frontier(&cx, &source, options).await.map_err(explain)?;
    say(&if args.json { serde_json::to_string(&report)? } else { text(&report) })
}

/// The store for a look: a SQLite store may be in use by a server meanwhile.
async fn look(config: &Config) -> anyhow::Result<App> {
    let key = master_key::read(config)?;
    let tenancies = Tenancies::new(config.cache.tenants);
    let db = node::open_to_read(config, &tenancies).await?;
    node::assemble(config, db, tenancies, key).await
}

fn text(r: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:24}{:>9}{:>10}{:>9}{:>9}{:>10}", "table", "read", "imported", "there", "left", "problems");
    for t in &r.tables {
        let (c, left) = (&t.count, t.count.left.values().sum::<u64>());
        let _ = writeln!(out, "{:24}{:>9}{:>10}{:>9}{left:>9}{:>10}", t.table, c.read, c.imported, c.there, c.problems);
    }
    for t in &r.tables {
        for (why, n) in &t.count.left {
            let _ = writeln!(out, "{}: {n} left out: {why}", t.table);
        }
    }
    for p in r.problems.iter().take(SHOWN) {
        let _ = writeln!(out, "{} {}: {}", p.table, p.id, p.problem);
    }
    let more = r.problems.len().saturating_sub(SHOWN) as u64 + r.problems_not_named;
    if more > 0 {
        let _ = writeln!(out, "{more} more problems; --json names them");
    }
    if r.resumed {
        let _ = writeln!(
            out,
            "It went on where an earlier run broke off; run it once more for rows that were made meanwhile."
        );
    }
    out.push_str(if r.dry_run { "Nothing was kept." } else { "Done." });
    out
}
