//! `export`: a tenant's access as a file for `apply`. It only reads, so that it works beside a running server.
use portcullis_service::tenancy::Tenancies;

use crate::cli::ExportArgs;
use crate::output::{explain, say};
use crate::{access_file, admin, logging, master_key, node};

/// Prints the file.
pub async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let config = node::configure_at(&args.place)?;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    let key = master_key::read(&config)?;
    let tenancies = Tenancies::new(config.cache.tenants);
    let db = node::open_to_read(&config, &tenancies).await?;
    let app = node::assemble(&config, db, tenancies, key).await?;
    let id = admin::find(&app, args.tenant.as_deref()).await?;
    let cx = app.system(id).await.map_err(explain)?;
    let file = app.export_access(&cx).await.map_err(explain)?;
    say(access_file::write(&file)?.trim_end())
}
