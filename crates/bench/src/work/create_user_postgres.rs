//! POST /v1/users on PostgreSQL with its own durability (fsync on), against pgbench with the same rows.
use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

use crate::measure::phase::{self, settle};
use crate::measure::requests::Creates;
use crate::measure::server::Initialised;
use crate::measure::{people, pgbench};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

const CLIENTS: usize = 32;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let Some(url) = &options.postgres else {
        progress("no PostgreSQL: give --postgres or PORTCULLIS_TEST_POSTGRES");
        return Ok(());
    };
    let admin = connect(url).await?;
    let setting =
        async |name: &str| -> Result<String> { Ok(admin.query_one(&format!("SHOW {name}"), &[]).await?.try_get(0)?) };
    report.note(&format!(
        "PostgreSQL {}, fsync {}, synchronous_commit {}, shared_buffers {}",
        setting("server_version").await?,
        setting("fsync").await?,
        setting("synchronous_commit").await?,
        setting("shared_buffers").await?
    ))?;
    let name = format!("portcullis_bench_{:08x}", people::fresh() >> 32);
    let bound = format!("{name}_ceiling");
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let measured = both(options, report, &admin, &name, &bound, url).await;
    for database in [&bound, &name] {
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await?;
    }
    measured
}

async fn both(options: &Options, report: &Report, admin: &Client, name: &str, bound: &str, url: &str) -> Result<()> {
    let data = options.dir().join("postgres");
    let ours = with_database(url, name)?;
    // one user, whose rows are pgbench's pattern; then a copy of the empty database for pgbench
    let database = Initialised::new(options, &data, &ours)?;
    let server = database.serve(options).await?;
    for mut script in Creates::on(&server, 1, false) {
        let mut request = vec![];
        script.request(&mut request);
        server.call(&request, script.status()).await?;
    }
    server.stop()?;
    let client = connect(&ours).await?;
    let script = pgbench::script(&client).await?;
    drop(client);
    admin.batch_execute(&format!("CREATE DATABASE {bound} TEMPLATE {name}")).await?;

    let server = database.serve(options).await?;
    let work = "create user on PostgreSQL, empty store";
    let phase = phase::run(options, report, &server, work, || Creates::on(&server, CLIENTS, false)).await?;
    server.stop()?;
    admin.batch_execute("CHECKPOINT").await?;
    settle().await;
    progress("pgbench");
    let seconds = options.seconds.ceil() as u64;
    let ceiling = pgbench::rate(&options.dir(), &script, &with_database(url, bound)?, CLIENTS, seconds)?;
    let share = phase.rate() / ceiling;
    report.row(&Row {
        work,
        goals: vec![Goal::share(1.0, share)],
        measured: phase.brief(),
        ceiling: format!("{}/s: pgbench, {CLIENTS} clients, the same rows", count(ceiling)),
        ratio: percent(share),
        others: "a small prototype of the store 34,000/s, its pgbench 15,700/s (two rows)",
    })
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}

/// The same server, another database.
fn with_database(url: &str, name: &str) -> Result<String> {
    let (place, options) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = place.rsplit_once('/').context("a PostgreSQL URL ends in /DATABASE")?;
    let mark = if options.is_empty() { "" } else { "?" };
    Ok(format!("{server}/{name}{mark}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_the_last_part_of_the_path() {
        let url = with_database("postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "x").unwrap();
        assert_eq!(url, "postgres://postgres@127.0.0.1:5432/x?sslmode=disable");
    }
}
