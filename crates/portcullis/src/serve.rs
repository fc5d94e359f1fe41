//! `serve`: the server in production.
use anyhow::bail;

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::output::explain;
use crate::server::{Server, Sockets};
use crate::{apply, logging, master_key, node};

/// Serves until it is told to stop.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let mut config = node::configure(Config::default(), Some(&args.config))?;
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    if args.apply.is_some() {
        config.access_file = args.apply;
    }
    if let Some(workers) = args.workers {
        config.workers.enabled = workers;
    }
    logging::start(&config.log);
    let key = master_key::read(&config)?;
    master_key::private_dir(&config.data_dir)?;
    let app = node::open(&config, key).await?;
    if app.first_tenant().await.map_err(explain)?.is_none() {
        bail!(
            "the store has no tenant yet; run `portcullis init --owner-email ADDR --config {}`",
            args.config.display()
        );
    }
    if let Some(file) = &config.access_file {
        apply::at_start(&app, file).await?;
    }
    let sockets = Sockets::bind(&config).await?;
    let (address, metrics) = (sockets.address()?, sockets.metrics_address());
    let server = Server::start(&config, &app, sockets).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %address,
        metrics = metrics.map(|a| a.to_string()),
        public_url = config.public_url,
        workers = config.workers.enabled,
        "serving"
    );
    server.until_stopped().await
}
