//! Mails over SMTP (RFC 5321) to the operator's own server.
//!
//! The steps are taken one by one rather than by the library's `send`: who was refused says what is to be done. That the server
//! lets us do nothing (connection, TLS, sign-in) is no fault of a mail; that it does not like its recipient or content is.
use std::net::Ipv4Addr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use portcullis_domain::mail::{LONGEST_SECONDS, Mail, Mailer, Sending, Undelivered};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::{Sender, Unusable};

/// Of a connection to one address.
const CONNECT: Duration = Duration::from_secs(10);
/// Of one mail, with everything.
const WHOLE: Duration = Duration::from_secs(LONGEST_SECONDS.unsigned_abs());
/// A connection that was idle for longer is not used again, and so many are kept.
const IDLE: Duration = Duration::from_secs(20);
const KEPT: usize = 4;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It begins in the clear and is encrypted before anything is said, or nothing is (RFC 3207).
    Starttls,
    /// From its first byte (RFC 8314).
    Implicit,
    /// Not at all.
    None,
}

/// The operator's server.
#[derive(Clone)]
pub struct Server {
    /// Its name, which its certificate has to name.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// How connections to it are encrypted.
    pub tls: Tls,
    /// User and password, if it asks for them.
    pub login: Option<(String, String)>,
    /// Authorities besides the system's, in PEM.
    pub authorities: Option<Vec<u8>>,
}

/// Sends through one server.
pub struct SmtpMailer {
    sender: Sender,
    host: String,
    port: u16,
    tls: Option<(Tls, TlsParameters)>,
    login: Option<Credentials>,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    patience: Duration,
}

impl SmtpMailer {
    /// Through this server; nothing is sent yet.
    ///
    /// # Errors
    /// Its name or the authorities are none.
    pub fn new(sender: Sender, server: Server) -> Result<Self, Unusable> {
        let tls = match server.tls {
            Tls::None => None,
            kind => Some((kind, parameters(&server).map_err(|e| Unusable(said(&e)))?)),
        };
        let login = server.login.map(|(user, password)| Credentials::new(user, password));
        Ok(Self { sender, host: server.host, port: server.port, tls, login, idle: Mutex::default(), patience: WHOLE })
    }
    /// The same with less time for a mail than is usual.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience: patience.min(WHOLE), ..self }
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        let message = self.sender.message(mail)?;
        let (bytes, to) = (message.formatted(), &message.envelope().to()[0]);
        if let Some(mut old) = self.kept().await {
            // a server may have closed it meanwhile, or be tired of it: then a new one does the same
            match self.hand_over(&mut old, to, &bytes).await {
                Err(Undelivered::Unreachable(_)) => {}
                outcome => return self.keep(old, outcome).await,
            }
        }
        let mut new = self.open().await.map_err(|e| Undelivered::Unreachable(said(&e)))?;
        let outcome = self.hand_over(&mut new, to, &bytes).await;
        self.keep(new, outcome).await
    }
    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        // what a client without a name of its own says (RFC 5321 4.1.3)
        let me = ClientId::Ipv4(Ipv4Addr::LOCALHOST);
        let implicit = self.tls.as_ref().filter(|(kind, _)| *kind == Tls::Implicit).map(|(_, p)| p.clone());
        let to = (&*self.host, self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(to, Some(CONNECT), &me, implicit, None).await?;
        if let Some((Tls::Starttls, parameters)) = &self.tls {
            connection.starttls(parameters.clone(), &me).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
        }
        Ok(connection)
    }
    /// One mail on an open connection.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &lettre::Address,
        message: &[u8],
    ) -> Result<(), Undelivered> {
        let mut options = vec![];
        if !to.user().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Undelivered::Refused("the server knows no such addresses (SMTPUTF8)".into()));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = From::new(Some(self.sender.address().clone()), options);
        // that it does not take our own address is for the operator to mend, and the mail may wait for that
        connection.command(from).await.map_err(|e| judged(&e, Undelivered::Later))?;
        let recipient = Rcpt::new(to.clone(), vec![]);
        connection.command(recipient).await.map_err(|e| judged(&e, Undelivered::Refused))?;
        connection.command(Data).await.map_err(|e| judged(&e, Undelivered::Refused))?;
        connection.message(message).await.map_err(|e| judged(&e, Undelivered::Refused))?;
        Ok(())
    }

    /// A connection that was used a moment ago.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        let (connection, since) = self.idle.lock().await.pop()?;
        (since.elapsed() < IDLE).then_some(connection)
    }
    /// Keeps a connection on which a mail was taken; after anything else it is left.
    async fn keep(
        &self,
        mut connection: AsyncSmtpConnection,
        outcome: Result<(), Undelivered>,
    ) -> Result<(), Undelivered> {
        let mut idle = self.idle.lock().await;
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if outcome.is_ok() && idle.len() < KEPT {
            idle.push((connection, Instant::now()));
        } else {
            drop(idle);
            connection.abort().await;
        }
        outcome
    }
}
impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        let slow = |_| Err(Undelivered::Unreachable("the server took too long".into()));
        Box::pin(async move { timeout(self.patience, self.deliver(mail)).await.unwrap_or_else(slow) })
    }
}

fn parameters(server: &Server) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &server.authorities {
        builder = builder.add_root_certificate(Certificate::from_pem(pem)?);
    }
    builder.build_rustls()
}

/// What follows from a refusal at one step, where the server means it for good.
fn judged(e: &Error, for_good: fn(String) -> Undelivered) -> Undelivered {
    // the code alone: what is written behind it often names the person
    let code = e.status().map(|c| c.to_string());
    match code {
        // closing, or not signed in: nobody's mail would be taken
        Some(code) if code == "421" || code == "530" => Undelivered::Unreachable(said(e)),
        Some(code) if e.is_permanent() => for_good(code),
        Some(code) => Undelivered::Later(code),
        None => Undelivered::Unreachable(said(e)),
    }
}
/// An error in a line, for the operator's log.
fn said(e: &Error) -> String {
    e.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}
