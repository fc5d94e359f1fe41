//! The mailer that the settings name.
use std::fs::File;
use std::sync::Arc;

use anyhow::Context;
use portcullis_domain::mail::Mailer;
use portcullis_mail::{Directory, Sender, Server, SmtpMailer, Tls};

use crate::config::{Config, Mail};
use crate::private_file;

/// The mailer; `None` where no mail is set up.
pub fn mailer(config: &Config) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let mail = &config.mail;
    // load.rs lets neither a server nor a directory pass without a sender
    let Some(from) = &mail.from else { return Ok(None) };
    let sender = Sender::parse(from).context("mail.from")?;
    if let Some(directory) = &mail.directory {
        return Ok(Some(Arc::new(Directory::new(sender, directory.clone()))));
    }
    let Some(host) = &mail.smtp_host else { return Ok(None) };
    let usual = match mail.smtp_tls {
        Tls::Starttls => 587,
        Tls::Implicit => 465,
        Tls::None => 25,
    };
    let authorities = match &mail.smtp_ca_file {
        Some(path) => Some(std::fs::read(path).with_context(|| path.display().to_string())?),
        None => None,
    };
    let server = Server {
        host: host.clone(),
        port: mail.smtp_port.unwrap_or(usual),
        tls: mail.smtp_tls,
        login: login(mail)?,
        authorities,
    };
    Ok(Some(Arc::new(SmtpMailer::new(sender, server).context("mail.smtp_host")?)))
}

fn login(mail: &Mail) -> anyhow::Result<Option<(String, String)>> {
    let Some(user) = &mail.smtp_username else { return Ok(None) };
    let password = match (&mail.smtp_password, &mail.smtp_password_file) {
        (Some(password), _) => password.expose().to_owned(),
        (None, Some(path)) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            let text = private_file::text(file, path, "the password of the mail server")?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        (None, None) => return Ok(None),
    };
    Ok(Some((user.clone(), password)))
}

/// Where mails go, in words.
pub fn place(mail: &Mail) -> String {
    match (&mail.directory, &mail.smtp_host) {
        (Some(directory), _) => format!("in {}, a file each", directory.display()),
        (None, Some(host)) => format!("through {host}"),
        (None, None) => "none are sent: links are answered where they are made".into(),
    }
}
