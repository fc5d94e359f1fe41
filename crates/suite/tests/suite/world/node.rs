//! One server process as far as a test needs it: the application and a listener with both surfaces.
use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_crypto::password::Params;
use portcullis_crypto::random::OsRandom;
use portcullis_crypto::seal::MasterKey;
use portcullis_edge::metrics::Metrics;
use portcullis_edge::{EdgeConfig, EdgeState, Listener, serve};
use portcullis_service::App;
use portcullis_service::app::Settings;
use portcullis_service::tenancy::Tenancies;
use portcullis_service::tidy::Sealed;
use portcullis_store::Db;
use tokio::net::TcpSocket;

use super::{Engine, Held, Names};

/// How a server is set up; hashing is cheap unless a test says otherwise.
pub struct Options {
    pub settings: Settings,
    pub edge: EdgeConfig,
    /// The DNS of the server.
    pub names: Names,
    pub master_key: MasterKey,
    /// Bytes of an answer that the kernel takes from the server before its reader has taken any; `None`: some megabytes.
    pub send_buffer: Option<u32>,
}
impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Settings { password: Params { m: 8, t: 1, p: 1 }, hash_threads: 2, ..Settings::default() },
            // all clients of a test share one address
            edge: EdgeConfig {
                access_log: false,
                login_per_minute: 1_000_000,
                auth_per_minute: 1_000_000,
                ..EdgeConfig::default()
            },
            names: Names::default(),
            master_key: MasterKey::new([7; 32]),
            send_buffer: None,
        }
    }
}

pub struct Node {
    pub app: App,
    pub names: Names,
    pub address: SocketAddr,
    name: String,
    sealed: Arc<Sealed>,
    server: tokio::task::JoinHandle<()>,
}
impl Drop for Node {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Node {
    pub async fn start(engine: &Engine, clock: Arc<Held>, options: Options) -> Self {
        let random = Arc::new(OsRandom);
        let tenancies = Tenancies::new(100);
        let db = Db::open(&engine.config, clock.clone(), tenancies.publish()).await.unwrap();
        let dns = Arc::new(options.names.clone());
        let app = App::new(options.settings, db, tenancies, options.master_key, clock.clone(), random.clone(), dns)
            .await
            .unwrap();
        // the providers of tests are on this machine, and their certificates nobody's
        let reach = app.settings().federation;
        let allowed = portcullis_outbound::Allowed { http: reach.http, private: reach.private };
        let providers = Arc::new(portcullis_outbound::HttpClient::new(allowed).unwrap());
        let app = app.federated(Arc::new(portcullis_federation::RelyingParty::new(providers.clone())));
        let app = app.speaking_saml(Arc::new(portcullis_federation::saml::SamlParty::new(providers)));
        let listener = Listener::new(clock, random, options.edge.clone(), Arc::new(Metrics::default()));
        let edge = EdgeState::new(app.clone(), listener);
        let router = portcullis_api::router(edge.clone())
            .merge(portcullis_api::scim_router(edge.clone()))
            .merge(portcullis_api_v1beta1::router(edge.clone()))
            .merge(portcullis_openid::router(edge.clone()))
            .merge(portcullis_web::router(edge));
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = options.send_buffer {
            // what is accepted has the buffer of the listener
            socket.set_send_buffer_size(bytes).unwrap();
        }
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let socket = socket.listen(1024).unwrap();
        let address = socket.local_addr().unwrap();
        let server = tokio::spawn(async move {
            serve(socket, router, &options.edge, std::future::pending()).await.unwrap();
        });
        Self {
            app,
            names: options.names,
            address,
            name: format!("node-{}", address.port()),
            sealed: Arc::default(),
            server,
        }
    }
    /// One round of the sealer.
    pub async fn seal(&self) -> usize {
        self.app.seal(&self.name, &self.sealed).await.unwrap().len()
    }
    /// A round of whoever rotates token keys.
    pub async fn rotate_keys(&self) {
        while self.app.rotate_keys(&self.name).await.unwrap() {}
    }
    /// Rounds of retention until nothing is left to do.
    pub async fn retain(&self) {
        while self.app.retain(&self.name).await.unwrap() {}
    }
    /// The daily look at the domains that are due.
    pub async fn check_domains(&self) {
        while self.app.check_domains(&self.name).await.unwrap() {}
    }
    /// Rounds of erasure until nothing is left to do.
    pub async fn erase(&self) {
        while self.app.erase(&self.name).await.unwrap() {}
    }
}
