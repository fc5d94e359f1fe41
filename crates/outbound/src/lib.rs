//! Calls from this server to others: webhooks, and what is fetched from the identity providers of tenants (checklist 10).
//!
//! A call looks its name up once, refuses it unless every address is public, and connects to an address that it has looked at:
//! nobody answers the second question differently. Each call has a connection of its own, follows no redirect, takes no proxy
//! from the environment, and reads no more of the answer than was asked for.
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use portcullis_domain::outbound::{Fetch, Fetched, Message, Outbound, Outcome, Reached, Unreachable, is_public};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Of one call, with everything.
const WHOLE: Duration = Duration::from_secs(10);
/// Of a connection to one address, with its TLS handshake.
const CONNECT: Duration = Duration::from_secs(4);
/// Addresses of a name that are tried.
const ADDRESSES: usize = 3;
/// The longest head of an answer.
const HEAD: usize = 16 * 1024;

/// What the operator allows beyond `https://` to public addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// `http://`.
    pub http: bool,
    /// Loopback, private and link-local addresses.
    pub private: bool,
}

/// The addresses of a name and port.
pub type Lookup = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;
/// Looks a name up.
pub type Resolver = Arc<dyn Fn(String) -> Lookup + Send + Sync>;

/// The system's resolver.
fn system() -> Resolver {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|a| a.ip()).collect()) }))
}

/// The client.
pub struct HttpClient {
    allowed: Allowed,
    resolve: Resolver,
    tls: TlsConnector,
}

impl HttpClient {
    /// With the system's resolver and certificate authorities.
    ///
    /// # Errors
    /// The TLS library lacks what it was built with.
    pub fn new(allowed: Allowed) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::with(allowed, system(), roots)
    }
    /// With another resolver and other authorities.
    ///
    /// # Errors
    /// The TLS library lacks what it was built with.
    pub fn with(allowed: Allowed, resolve: Resolver, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { allowed, resolve, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends it and reads at most so much of the body.
    async fn call(&self, sent: &Sent<'_>, most: Option<usize>) -> Result<Fetched, Unreachable> {
        let url = Url::parse(sent.url).map_err(|_| Unreachable::Url)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" if self.allowed.http => false,
            _ => return Err(Unreachable::Url),
        };
        let (host, port) = (url.host().ok_or(Unreachable::Url)?, url.port_or_known_default().ok_or(Unreachable::Url)?);
        let request = request(&url, sent).ok_or(Unreachable::Url)?;
        let addresses = self.addresses(&host).await?;
        let mut stream = None;
        let mut trouble = Unreachable::Connection;
        for ip in addresses.into_iter().take(ADDRESSES) {
            let attempt = timeout(CONNECT, TcpStream::connect(SocketAddr::new(ip, port))).await;
            match attempt {
                Ok(Ok(found)) => {
                    stream = Some(found);
                    break;
                }
                Ok(Err(_)) => trouble = Unreachable::Connection,
                Err(_) => trouble = Unreachable::Time,
            }
        }
        let stream = stream.ok_or(trouble)?;
        if secure {
            let name = match &host {
                Host::Domain(name) => ServerName::try_from((*name).to_owned()).map_err(|_| Unreachable::Url)?,
                Host::Ipv4(ip) => ServerName::IpAddress(IpAddr::V4(*ip).into()),
                Host::Ipv6(ip) => ServerName::IpAddress(IpAddr::V6(*ip).into()),
            };
            let stream = timeout(CONNECT, self.tls.connect(name, stream)).await.map_err(|_| Unreachable::Time)?;
            exchange(stream.map_err(|_| Unreachable::Tls)?, request, most).await
        } else {
            exchange(stream, request, most).await
        }
    }
    /// The addresses of a host. One that may not be called spoils all: a name that leads to both is nobody's receiver.
    async fn addresses(&self, host: &Host<&str>) -> Result<Vec<IpAddr>, Unreachable> {
        let found = match host {
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            Host::Domain(name) => (self.resolve)((*name).to_owned()).await.map_err(|_| Unreachable::Name)?,
        };
        if found.is_empty() {
            return Err(Unreachable::Name);
        }
        if !self.allowed.private && !found.iter().all(|ip| is_public(*ip)) {
            return Err(Unreachable::Private);
        }
        Ok(found)
    }
}

impl Outbound for HttpClient {
    fn post<'a>(&'a self, message: &'a Message) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            let began = Instant::now();
            let sent = Sent { method: Method::POST, url: &message.url, headers: &message.headers, body: &message.body };
            let answer = timeout(WHOLE, self.call(&sent, None)).await.unwrap_or(Err(Unreachable::Time))?;
            Ok(Reached { status: answer.status, took: began.elapsed() })
        })
    }
    fn fetch<'a>(
        &'a self,
        request: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, Unreachable>> + Send + 'a>> {
        Box::pin(async move {
            let method = if request.body.is_some() { Method::POST } else { Method::GET };
            let body = request.body.as_deref().unwrap_or_default();
            let sent = Sent { method, url: &request.url, headers: &request.headers, body };
            timeout(WHOLE, self.call(&sent, Some(request.most))).await.unwrap_or(Err(Unreachable::Time))
        })
    }
}

/// What is sent.
struct Sent<'a> {
    method: Method,
    url: &'a str,
    headers: &'a [(String, String)],
    body: &'a [u8],
}

/// The request; `None` if a header is none.
fn request(url: &Url, sent: &Sent<'_>) -> Option<Request<Full<Bytes>>> {
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = Request::builder()
        .method(sent.method.clone())
        .uri(target)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    for (name, value) in sent.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::copy_from_slice(sent.body))).ok()
}

/// Sends it, waits for the answer and reads what is wanted of it; then the connection is closed.
async fn exchange<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
    most: Option<usize>,
) -> Result<Fetched, Unreachable> {
    let shake = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shake.map_err(|_| Unreachable::Protocol)?;
    let conversation = async {
        let answer = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let status = answer.status().as_u16();
        let body = match most {
            None => vec![],
            Some(most) => match Limited::new(answer.into_body(), most).collect().await {
                Ok(body) => body.to_bytes().to_vec(),
                Err(e) if e.is::<http_body_util::LengthLimitError>() => return Err(Unreachable::Length),
                Err(e) => return Err(e.downcast_ref().map_or(Unreachable::Connection, broken)),
            },
        };
        Ok(Fetched { status, body })
    };
    let (mut conversation, mut connection) = (pin!(conversation), pin!(connection));
    tokio::select! {
        biased;
        out = &mut conversation => out,
        // it may have ended right after the answer came
        _ = &mut connection => conversation.await,
    }
}
fn broken(e: &hyper::Error) -> Unreachable {
    if e.is_parse() || e.is_incomplete_message() { Unreachable::Protocol } else { Unreachable::Connection }
}
