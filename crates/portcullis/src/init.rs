//! `init`: configuration, master key, first tenant (decision 9).
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{InitArgs, Place};
use crate::config::{Config, settings};
use crate::output::{explain, say};
use crate::{logging, master_key, node};
use anyhow::{Context, bail};

/// How long the first service key lives.
const KEY_SECONDS: i64 = 24 * 3_600;

/// Makes what is missing and prints the secrets of it.
pub async fn run(args: InitArgs) -> anyhow::Result<()> {
    let file = config_file(&args.place);
    let made_file = !file.exists();
    if made_file {
        write_config(&file, args.public_url.as_deref())?;
    } else if args.public_url.is_some() {
        bail!("{} exists; set public_url there instead of --public-url", file.display());
    }
    let config = node::configure(Config::default(), Some(&file))?;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    master_key::private_dir(&config.data_dir)?;
    let (key, made_key) = master_key::read_or_make(&config)?;
    let app = node::open(&config, key).await?;
    let made = app.init(&args.tenant_name, args.owner_email.clone(), None).await.map_err(explain)?;
    let cx = app.system(made.tenant.id).await.map_err(explain)?;
    let ends = cx.now.plus_seconds(KEY_SECONDS);
    let api_key = app.service_key(&cx, "init", Some(ends)).await.map_err(explain)?;
    let invitation = made.invitation_url.context("the owner's invitation was not made")?;

    let note = |made: bool| if made { "" } else { " (it was there already)" };
    let key = match &config.master_key {
        Some(_) => "from PORTCULLIS_MASTER_KEY".into(),
        None => format!(
            "{}{}; keep a copy apart from the backups: without it the store cannot be read",
            config.master_key_path().display(),
            note(made_key)
        ),
    };
    say(&format!(
        "configuration  {file}{file_note}\n\
         master key     {key}\n\
         store          {store}\n\
         tenant         {id} ({slug}: the master and the default one)\n\
         owner          {owner}\n\
         invitation     {invitation}\n\
         service key    {api_key}\n\
         \x20              may do everything until {ends}\n\
         \n\
         Neither the link nor the key is printed again. Start the server:\n\
         \n\
         portcullis serve --config {file}",
        file = file.display(),
        store = config.store_name(),
        file_note = note(made_file),
        id = made.tenant.id,
        slug = &*made.tenant.slug,
        owner = args.owner_email,
    ))
}

/// The file that `--config` names, else the one in the data directory.
fn config_file(place: &Place) -> PathBuf {
    let in_dir = || place.data_dir.clone().unwrap_or_else(|| Config::default().data_dir).join("portcullis.toml");
    place.config.clone().unwrap_or_else(in_dir)
}

fn write_config(file: &Path, public_url: Option<&str>) -> anyhow::Result<()> {
    let dir = file.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    master_key::private_dir(dir)?;
    // the directory of the file is the data directory, so the two can be moved together
    let mut config = Config { data_dir: ".".into(), ..Config::default() };
    if let Some(url) = public_url {
        let given = [("PORTCULLIS_PUBLIC_URL".to_owned(), url.to_owned())];
        config = crate::config::load(config, None, given.into_iter())
            .map_err(|e| anyhow::anyhow!("--public-url: {}", e.0.first().map_or("", |m| m.message.as_str())))?;
    }
    let mut out = std::fs::OpenOptions::new();
    let out = out.write(true).create_new(true).open(file);
    let written = out.and_then(|mut f| f.write_all(settings::render(&config).as_bytes()));
    written.with_context(|| file.display().to_string())
}
