//! A mail server (RFC 5321): takes mails, refuses what the test says, speaks TLS with the certificate beside this file.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The authority that the server's certificate is of.
pub const AUTHORITY: &[u8] = include_bytes!("ca.pem");

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    /// Who had signed in.
    pub user: Option<String>,
    pub encrypted: bool,
}
impl Taken {
    /// The headers, unfolded.
    pub fn headers(&self) -> Vec<String> {
        let head = self.data.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }
    pub fn header(&self, name: &str) -> String {
        let begins = format!("{name}: ");
        let all = self.headers();
        let found: Vec<&str> = all.iter().filter_map(|h| h.strip_prefix(&begins)).collect();
        assert_eq!(found.len(), 1, "{name}: {all:#?}");
        found[0].to_owned()
    }
    pub fn text(&self) -> String {
        self.part("text/plain")
    }
    pub fn html(&self) -> String {
        self.part("text/html")
    }
    fn part(&self, kind: &str) -> String {
        let (_, from) =
            self.data.split_once(&format!("Content-Type: {kind}")).unwrap_or_else(|| panic!("{}", self.data));
        let (head, body) = from.split_once("\r\n\r\n").unwrap();
        let body = body.split("\r\n--").next().unwrap();
        if head.contains("base64") {
            let joined: String = body.split_whitespace().collect();
            return String::from_utf8(STANDARD.decode(joined).unwrap()).unwrap().replace("\r\n", "\n");
        }
        let quoted = head.contains("quoted-printable");
        let body = if quoted { unquoted(body) } else { body.to_owned() };
        body.replace("\r\n", "\n")
    }
    /// What stands behind `token=`.
    pub fn token(&self) -> String {
        let text = self.text();
        let (_, from) = text.split_once("token=").unwrap_or_else(|| panic!("no link: {text}"));
        from.split_whitespace().next().unwrap().to_owned()
    }
}
fn unquoted(body: &str) -> String {
    let (mut out, joined) = (vec![], body.replace("=\r\n", ""));
    let mut bytes = joined.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'=' => {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).unwrap()
}

#[derive(Default)]
struct Desk {
    taken: Vec<Taken>,
    /// What is answered to a verb, or to a recipient.
    replies: HashMap<String, String>,
    silent: bool,
    /// Everything that was said before TLS.
    clear: Vec<String>,
    connections: usize,
}

/// How the server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Clear,
    Starttls,
    Tls,
}

/// Listens until the test ends.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    speaks: Speaks,
    login: Option<(&'static str, &'static str)>,
    desk: Arc<Mutex<Desk>>,
}
impl Server {
    /// Takes everything, in the clear.
    pub async fn start() -> Self {
        Self::speaking(Speaks::Clear, None).await
    }
    pub async fn speaking(speaks: Speaks, login: Option<(&'static str, &'static str)>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), speaks, login)
    }
    /// On a port that was free a moment ago.
    pub async fn at(port: u16) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), Speaks::Clear, None)
    }
    fn on(listener: TcpListener, speaks: Speaks, login: Option<(&'static str, &'static str)>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let me = Self { port, speaks, login, desk: Arc::default() };
        let server = me.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    // whoever leaves in the middle is their own business
                    let _ = server.welcome(stream).await;
                });
            }
        });
        me
    }
    /// What is answered to a verb or a recipient from now on; empty: what is usual.
    pub fn reply(&self, to: &str, reply: &str) {
        let mut desk = self.desk.lock().unwrap();
        match reply {
            "" => drop(desk.replies.remove(to)),
            reply => drop(desk.replies.insert(to.into(), reply.into())),
        }
    }
    /// Says nothing more, and hangs up on nobody.
    pub fn be_silent(&self, silent: bool) {
        self.desk.lock().unwrap().silent = silent;
    }
    pub fn taken(&self) -> Vec<Taken> {
        self.desk.lock().unwrap().taken.clone()
    }
    /// The mails so far, which are forgotten.
    pub fn take(&self) -> Vec<Taken> {
        std::mem::take(&mut self.desk.lock().unwrap().taken)
    }
    pub fn said_in_clear(&self) -> Vec<String> {
        self.desk.lock().unwrap().clear.clone()
    }
    pub fn connections(&self) -> usize {
        self.desk.lock().unwrap().connections
    }

    async fn welcome(self, stream: TcpStream) -> std::io::Result<()> {
        self.desk.lock().unwrap().connections += 1;
        match self.speaks {
            Speaks::Tls => self.talk(BufReader::new(acceptor().accept(stream).await?), true, true).await.map(drop),
            Speaks::Clear => self.talk(BufReader::new(stream), false, true).await.map(drop),
            Speaks::Starttls => {
                let Some(stream) = self.talk(BufReader::new(stream), false, true).await? else { return Ok(()) };
                let encrypted = acceptor().accept(stream.into_inner()).await?;
                self.talk(BufReader::new(encrypted), true, false).await.map(drop)
            }
        }
    }
    /// Until the client quits; the stream, if it wants to be encrypted.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut s: BufReader<S>,
        encrypted: bool,
        greet: bool,
    ) -> std::io::Result<Option<BufReader<S>>> {
        if greet {
            self.say(&mut s, "220 test.example ESMTP").await?;
        }
        let (mut user, mut from, mut to) = (None, String::new(), vec![]);
        loop {
            let mut line = String::new();
            if s.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end().to_owned();
            if !encrypted {
                self.desk.lock().unwrap().clear.push(line.clone());
            }
            let verb = line.split([' ', ':']).next().unwrap().to_uppercase();
            let address =
                || line.split_once('<').and_then(|(_, a)| a.split_once('>')).map_or("", |(a, _)| a).to_owned();
            let planned = {
                let desk = self.desk.lock().unwrap();
                desk.replies.get(&verb).or(desk.replies.get(&address())).cloned()
            };
            if let Some(reply) = planned {
                self.say(&mut s, &reply).await?;
                continue;
            }
            let signed_in = self.login.is_none() || user.is_some();
            let reply = match &*verb {
                "EHLO" => {
                    let tls = if self.speaks == Speaks::Starttls && !encrypted { "250-STARTTLS\r\n" } else { "" };
                    let auth = if self.login.is_some() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
                    format!("250-test.example\r\n{tls}{auth}250-8BITMIME\r\n250 SIZE 1000000")
                }
                "STARTTLS" if self.speaks == Speaks::Starttls && !encrypted => {
                    self.say(&mut s, "220 go on").await?;
                    return Ok(Some(s));
                }
                "AUTH" => {
                    let given = line.split(' ').nth(2).and_then(|t| STANDARD.decode(t).ok()).unwrap_or_default();
                    let given = String::from_utf8(given).unwrap();
                    let right = self.login.map(|(u, p)| format!("\0{u}\0{p}"));
                    match right == Some(given) {
                        true => {
                            user = self.login.map(|(u, _)| u.to_owned());
                            "235 welcome".into()
                        }
                        false => "535 no such user or password".into(),
                    }
                }
                "MAIL" | "RCPT" if !signed_in => "530 sign in".into(),
                "MAIL" => {
                    (from, to) = (address(), vec![]);
                    "250 ok".into()
                }
                "RCPT" => {
                    to.push(address());
                    "250 ok".into()
                }
                "DATA" => {
                    self.say(&mut s, "354 go on").await?;
                    let data = read_data(&mut s).await?;
                    let refused = self.desk.lock().unwrap().replies.get("MESSAGE").cloned();
                    match refused {
                        Some(reply) => reply,
                        None => {
                            let mail =
                                Taken { from: from.clone(), to: to.clone(), data, user: user.clone(), encrypted };
                            self.desk.lock().unwrap().taken.push(mail);
                            "250 taken".into()
                        }
                    }
                }
                "QUIT" => {
                    self.say(&mut s, "221 bye").await?;
                    return Ok(None);
                }
                "NOOP" | "RSET" => "250 ok".into(),
                _ => "502 what?".into(),
            };
            self.say(&mut s, &reply).await?;
        }
    }
    async fn say<S: AsyncRead + AsyncWrite + Unpin>(&self, s: &mut BufReader<S>, line: &str) -> std::io::Result<()> {
        while self.desk.lock().unwrap().silent {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        s.write_all(format!("{line}\r\n").as_bytes()).await?;
        s.flush().await
    }
}
async fn read_data<S: AsyncRead + AsyncWrite + Unpin>(s: &mut BufReader<S>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if s.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        data += line.strip_prefix('.').unwrap_or(&line);
    }
}
fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("server.key")).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}
