//! `apply`: a tenant's access as a reviewed file says, offline or beside other nodes; and the same at the start of `serve`.
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use portcullis_service::App;
use portcullis_service::apply::{ApplyOptions, Difference, What};
use serde_json::{Value, json};

use crate::cli::ApplyArgs;
use crate::config::Config;
use crate::output::{explain, say};
use crate::{access_file, admin, logging, master_key, node};

/// Values longer than this are not shown to people.
const LONGEST_SHOWN: usize = 200;

/// Applies a file and says what changed.
pub async fn run(args: ApplyArgs) -> anyhow::Result<()> {
    let wanted = access_file::read(&args.file)?;
    let mut config = node::configure_at(&args.place)?;
    // a look changes nothing, the schema included
    config.database.migrate &= !args.dry_run;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    let app = open(&config).await?;
    let id = admin::find(&app, args.tenant.as_deref()).await?;
    let cx = app.system(id).await.map_err(explain)?;
    let options = ApplyOptions { adopt: args.adopt, dry_run: args.dry_run };
    let differences = app.apply_access(&cx, &wanted, options).await.map_err(explain)?;
    match args.json {
        true => say(&json!({ "applied": !args.dry_run, "changes": differences }).to_string()),
        false => say(&text(&differences, args.dry_run)),
    }
}

/// The store as a command that writes opens it. A server that has a SQLite store open is told to be stopped: it keeps what it
/// decides by in memory.
pub async fn open(config: &Config) -> anyhow::Result<App> {
    if config.database.url.is_none() && !config.data_dir.join("portcullis.db").exists() {
        bail!("{}: there is no store in this directory", config.data_dir.display());
    }
    let key = master_key::read(config)?;
    let app = node::open(config, key).await;
    match config.database.url {
        Some(_) => app,
        None => app.context(
            "the store cannot be opened for a change; while a server has it open, stop that server, or start it with \
             `serve --apply FILE`",
        ),
    }
}

/// At the start of a server: to its default tenant.
pub async fn at_start(app: &App, file: &Path) -> anyhow::Result<()> {
    let wanted = access_file::read(file)?;
    let id = admin::find(app, None).await?;
    let cx = app.system(id).await.map_err(explain)?;
    let differences = app.apply_access(&cx, &wanted, ApplyOptions::default()).await;
    let differences = differences.map_err(explain).with_context(|| file.display().to_string())?;
    tracing::info!(file = %file.display(), changes = differences.len(), "access file applied");
    Ok(())
}

/// The changes as a person reviews them.
fn text(differences: &[Difference], dry_run: bool) -> String {
    let mut out = String::new();
    let mut counts = [0; 5];
    for d in differences {
        let (n, sign, note) = match d.what {
            What::Create => (0, '+', ""),
            What::Change => (1, '~', ""),
            What::Remove => (2, '-', ""),
            What::Adopt => (3, '=', " (taken over)"),
            What::Release => (4, '=', " (predefined: it stays, but this file keeps it no longer)"),
        };
        counts[n] += 1;
        let _ = writeln!(out, "{sign} {} {}{note}", d.kind.replace('_', " "), d.name);
        for f in &d.fields {
            let _ = writeln!(out, "    {}: {} -> {}", f.field, shown(&f.before), shown(&f.after));
        }
    }
    let [created, changed, removed, adopted, released] = counts;
    let end = match (differences.is_empty(), dry_run) {
        (true, _) => "Everything is as the file says.".to_owned(),
        (false, dry_run) => {
            let would = if dry_run { "It would be: " } else { "" };
            let more = match adopted + released {
                0 => String::new(),
                n => format!(", {n} taken over or let go"),
            };
            let nothing = if dry_run { " Nothing was changed." } else { "" };
            format!("{would}{created} made, {changed} changed, {removed} removed{more}.{nothing}")
        }
    };
    out.push_str(&end);
    out
}
fn shown(v: &Value) -> String {
    let text = v.to_string();
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
