//! `dev`: a server to try things on, with everything that is needed made on the way.
use std::io::Write;
use std::net::SocketAddr;

use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Timestamp};
use portcullis_service::App;
use serde::Serialize;

use crate::cli::DevArgs;
use crate::config::Config;
use crate::output::{explain, say};
use crate::server::{Server, Sockets};
use crate::{logging, mail, master_key, node, samples, secret_word};
use portcullis_service::tenancy::Tenancies;

/// Whose tenant it is. `.example` never receives mail (RFC 2606).
const OWNER: &str = "owner@localhost.example";
/// The name of the key that each start replaces.
const KEY: &str = "dev";

/// The first line with `--json`.
#[derive(Serialize)]
struct Ready {
    base_url: String,
    tenant_id: String,
    owner_email: String,
    /// `None`: it was printed when it was made.
    owner_password: Option<String>,
    api_key: String,
    access_token: String,
    #[serde(skip)]
    token_ends: Timestamp,
}

/// Serves until it is told to stop.
pub async fn run(args: DevArgs) -> anyhow::Result<()> {
    let mut config = node::configure(Config::dev(), None)?;
    if let Some(dir) = args.data_dir {
        config.data_dir = dir;
    }
    // embedded, whatever the environment has for production
    config.database.url = None;
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    logging::start(&config.log);
    master_key::private_dir(&config.data_dir)?;
    let (key, _) = master_key::read_or_make(&config)?;
    // the store first: who finds it in use should hear of that, not of the port
    let tenancies = Tenancies::new(config.cache.tenants);
    let db = node::open_store(&config, &tenancies).await?;
    let sockets = Sockets::bind(&config).await?;
    let address = sockets.address()?;
    warn_of_others(address);
    if config.public_url == Config::default().public_url {
        config.public_url = format!("http://localhost:{}", address.port());
    }
    let app = node::assemble(&config, db, tenancies, key).await?;
    let ready = prepare(&app, format!("http://127.0.0.1:{}", address.port())).await?;
    let metrics = sockets.metrics_address();
    let server = Server::start(&config, &app, sockets).await?;
    if args.json {
        say(&serde_json::to_string(&ready)?)?;
    } else {
        say(&welcome(&config, &ready, metrics.map(|a| a.to_string()).as_deref(), &app))?;
    }
    drop(ready);
    server.until_stopped().await
}

/// Who listens for more than this machine should know what that means. Not refused: containers do it. The log is on standard
/// error; where it is told to leave warnings out, the words are there all the same.
fn warn_of_others(address: SocketAddr) {
    const WORDS: &str = "dev listens for other machines too: it is plain HTTP, and whoever reads what it prints may do \
                         everything. Listen on 127.0.0.1, or run `portcullis serve` behind a proxy with TLS";
    if address.ip().to_canonical().is_loopback() {
        return;
    }
    if tracing::enabled!(tracing::Level::WARN) {
        tracing::warn!(%address, "{WORDS}");
    } else {
        let _ = writeln!(std::io::stderr(), "portcullis: {WORDS} ({address})");
    }
}

/// Makes what is missing, and fresh credentials.
async fn prepare(app: &App, base_url: String) -> anyhow::Result<Ready> {
    let (tenant_id, owner_password) = match app.first_tenant().await.map_err(explain)? {
        Some(id) => (id, None),
        None => {
            let owner = Email::parse(OWNER).map_err(anyhow::Error::msg)?;
            let password = secret_word::password(&**app.random());
            let made = app.init("Development", owner, Some(password.clone())).await.map_err(explain)?;
            (made.tenant.id, Some(password.expose().to_owned()))
        }
    };
    let cx = app.system(tenant_id).await.map_err(explain)?;
    let api_key = app.service_key(&cx, KEY, None).await.map_err(explain)?;
    let signed_in = app.sign_owner_in(&cx).await.map_err(explain)?;
    Ok(Ready {
        base_url,
        tenant_id: tenant_id.to_string(),
        owner_email: owner_email(app, &cx).await?,
        owner_password,
        api_key,
        access_token: signed_in.access,
        token_ends: signed_in.expires_at,
    })
}

/// Another one than ours, if the store was made by `init`.
async fn owner_email(app: &App, cx: &Ctx) -> anyhow::Result<String> {
    let tenant = app.db().read(cx.clone(), &(), tenant).await?;
    Ok(tenant.and_then(|t| t.owner_email).unwrap_or_else(|| OWNER.into()))
}
async fn tenant(
    tx: &mut portcullis_store::Tx,
    (): &(),
) -> portcullis_store::Result<Option<portcullis_domain::tenant::Tenant>> {
    portcullis_store::tenant::get(tx).await
}

/// What a person reads.
fn welcome(config: &Config, ready: &Ready, metrics: Option<&str>, app: &App) -> String {
    let url = &config.public_url;
    let Ready { tenant_id, owner_email, api_key, access_token, token_ends, .. } = ready;
    let again = format!(
        "as printed at the first start (new: portcullis admin reset-owner --data-dir {})",
        config.data_dir.display()
    );
    let password = ready.owner_password.as_deref().unwrap_or(&again);
    let metrics = metrics.map_or("off".into(), |m| format!("http://{m}/metrics"));
    let new_user = secret_word::password(&**app.random());
    let (v1, v1beta1) = (
        samples::create_user_v1(url, tenant_id, access_token, new_user.expose()),
        samples::create_user_v1beta1(url, access_token),
    );
    format!(
        "Portcullis answers at {url} (reference: {url}/docs). Nothing of this is printed again.\n\
         Sign in at {url}/sign-in as the owner.\n\
         \n\
         tenant        {tenant_id}\n\
         owner         {owner_email}\n\
         password      {password}\n\
         API key       {api_key}\n\
         \x20             a service key that may do everything; the next start replaces it\n\
         access token  {access_token}\n\
         \x20             the owner's, until {token_ends}\n\
         store         {store}\n\
         metrics       {metrics}\n\
         mails         {mails}\n\
         \n\
         Create a user:\n\
         \n\
         {v1}\n\
         \n\
         The same through /v1beta1, as Frontier does it:\n\
         \n\
         {v1beta1}\n\
         \n\
         Ctrl-C stops the server and keeps the store.",
        store = config.data_dir.display(),
        mails = mail::place(&config.mail),
    )
}
