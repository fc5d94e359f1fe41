//! `audit`: the log verified from outside, with the public keys alone (decision 38).
mod kept;
mod store;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use portcullis_audit::chain::{Problem, Report};
use portcullis_audit::export::verify_export;
use portcullis_crypto::signing::VerifyingKey;
use portcullis_service::tenancy::Tenancies;

use crate::cli::{AuditCommand, Place, VerifyArgs};
use crate::config::Config;
use crate::output::say;
use crate::workers::CHECKPOINTS;
use crate::{logging, node};
use kept::Kept;

/// There is a problem, and its place was printed.
const PROBLEM: u8 = 1;
/// It could not be checked.
pub const NOT_CHECKED: u8 = 2;

/// Runs one of them. An error is [`NOT_CHECKED`].
pub async fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Keys(place) => {
            let config = configure(&place)?;
            let db = node::open_to_read(&config, &Tenancies::new(config.cache.tenants)).await?;
            let keys = store::keys(&db).await?;
            say(&keys.iter().map(VerifyingKey::public_text).collect::<Vec<_>>().join("\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Verify(VerifyArgs { file: Some(file), public_key: Some(key), checkpoint, .. }) => {
            verify_file(&file, &key, checkpoint.as_deref())
        }
        AuditCommand::Verify(args) => verify_store(&args.place, args.checkpoint.as_deref()).await,
    }
}

fn configure(place: &Place) -> anyhow::Result<Config> {
    let config = node::configure_at(place)?;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    Ok(config)
}

/// Every tenant of a store, against the checkpoints that were kept beside it and elsewhere.
async fn verify_store(place: &Place, checkpoint: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = configure(place)?;
    let db = node::open_to_read(&config, &Tenancies::new(config.cache.tenants)).await?;
    // before the store: what is written there later is in the store already
    let mut kept = Kept::default();
    let beside = config.data_dir.join(CHECKPOINTS);
    if beside.exists() {
        kept.read_log(&beside)?;
    }
    if let Some(file) = checkpoint {
        kept.read(file)?;
    }
    let keys = store::keys(&db).await?;
    let mut problems = 0;
    for tenant in store::tenants(&db).await? {
        let report = store::verify(&db, &tenant, &keys, &kept.take(tenant.id)).await?;
        problems += tell(&format!("tenant {} ({})", tenant.slug, tenant.id), &report)?;
    }
    for (id, checkpoints) in kept.rest() {
        let report = store::verify_missing(id, &keys, &checkpoints);
        problems += tell(&format!("tenant {id} (not in the store)"), &report)?;
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) })
}

/// An exported file: one tenant, or a part of its log.
fn verify_file(file: &Path, key: &Path, checkpoint: Option<&Path>) -> anyhow::Result<ExitCode> {
    let name = file.display().to_string();
    let keys = public_keys(key)?;
    let kept = checkpoint.map(kept::newest).transpose()?;
    let export = File::open(file).with_context(|| name.clone())?;
    let report = verify_export(BufReader::new(export), &keys, kept.as_ref()).with_context(|| name.clone())?;
    Ok(ExitCode::from(if tell(&name, &report)? == 0 { 0 } else { PROBLEM }))
}

fn public_keys(file: &Path) -> anyhow::Result<Vec<VerifyingKey>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let keys = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()).map(|(n, line)| {
        VerifyingKey::parse(line).with_context(|| {
            format!("{}:{}: this is no public key; write 32 bytes in base64url", file.display(), n + 1)
        })
    });
    let keys: Vec<_> = keys.collect::<anyhow::Result<_>>()?;
    if keys.is_empty() {
        bail!("{}: there is no public key in this file; `portcullis audit keys` prints them", file.display());
    }
    Ok(keys)
}

/// One line; how many problems it told (0 or 1).
fn tell(what: &str, report: &Report) -> anyhow::Result<usize> {
    let Report { checked, last_seq, last_checkpoint, problem, .. } = report;
    let text = |seq: &Option<i64>| seq.map_or("none".to_owned(), |s| s.to_string());
    match problem {
        None => say(&format!(
            "{what}: verified; {checked} entries, the last is {}, signed up to {}",
            text(last_seq),
            text(last_checkpoint)
        ))?,
        Some(problem @ Problem { seq, kind }) => {
            say(&format!("{what}: {problem} (problem {}, seq {seq})", kind.as_str()))?;
        }
    }
    Ok(usize::from(problem.is_some()))
}
