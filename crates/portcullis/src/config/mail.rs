//! The settings of mail.
use std::net::IpAddr;

use portcullis_mail::{Sender, Tls};
use toml::Value;

use super::settings::{Form, Setting, number, path, public_url, put, shown_path, text};
use super::{Mail, Secret};

/// All of them.
pub(super) fn settings() -> [Setting; 10] {
    use Form::{Number, Text};
    [
        Setting::new(
            "mail.from",
            Text,
            "Whom mails come from. Mail needs this and either smtp_host or directory; without these nothing is sent, and links \
             of invitations are answered once to whoever asked for them.",
            |c, v, _| {
                let sender = text(v).ok().filter(|s| Sender::parse(s).is_ok());
                let expected = "write an address such as \"Acme <no-reply@example.com>\"";
                put(&mut c.mail.from, sender.map(Some).ok_or_else(|| expected.into()))
            },
            |c| c.mail.from.clone().map(Value::from),
        )
        .like("\"Acme <no-reply@example.com>\""),
        Setting::new(
            "mail.pages_url",
            Text,
            "Where your pages are that take the tokens of links (/invitation, /verify-email and /reset-password, each with \
             ?token=) to the API; without it public_url.",
            |c, v, _| put(&mut c.mail.pages_url, public_url(v).map(Some)),
            |c| c.mail.pages_url.clone().map(Value::from),
        )
        .like("\"https://console.example.com\""),
        Setting::new(
            "mail.directory",
            Text,
            "Write each mail into a file of this directory instead of sending it, to try things out.",
            |c, v, base| put(&mut c.mail.directory, path(v, base).map(Some)),
            |c| c.mail.directory.as_deref().and_then(shown_path),
        )
        .like("\"mails\""),
        Setting::new(
            "mail.smtp_host",
            Text,
            "The mail server.",
            |c, v, _| {
                let host = text(v).ok().filter(|h| url::Host::parse(h).is_ok());
                put(&mut c.mail.smtp_host, host.map(Some).ok_or_else(|| "write a name such as \"smtp.example.com\"".into()))
            },
            |c| c.mail.smtp_host.clone().map(Value::from),
        )
        .like("\"smtp.example.com\""),
        Setting::new(
            "mail.smtp_port",
            Number,
            "Where it listens; without it 587 for starttls, 465 for tls, 25 for none.",
            |c, v, _| put(&mut c.mail.smtp_port, number(v, 1, 65_535).map(Some)),
            |c| c.mail.smtp_port.map(|p| i64::from(p).into()),
        )
        .like("587"),
        Setting::new(
            "mail.smtp_tls",
            Text,
            "starttls (nothing is said before the connection is encrypted), tls (from the first byte), or none: only to this \
             machine.",
            |c, v, _| {
                c.mail.smtp_tls = match v.as_str() {
                    Some("starttls") => Tls::Starttls,
                    Some("tls") => Tls::Implicit,
                    Some("none") => Tls::None,
                    _ => return Err("write \"starttls\", \"tls\" or \"none\"".into()),
                };
                Ok(())
            },
            |c| {
                Some(Value::from(match c.mail.smtp_tls {
                    Tls::Starttls => "starttls",
                    Tls::Implicit => "tls",
                    Tls::None => "none",
                }))
            },
        ),
        Setting::new(
            "mail.smtp_ca_file",
            Text,
            "PEM file of the authority of the mail server's certificate, if it is not one of the system's.",
            |c, v, base| put(&mut c.mail.smtp_ca_file, path(v, base).map(Some)),
            |c| c.mail.smtp_ca_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/mail-ca.pem\""),
        Setting::new(
            "mail.smtp_username",
            Text,
            "Who signs in at the mail server, if it asks for that.",
            |c, v, _| put(&mut c.mail.smtp_username, text(v).map(Some)),
            |c| c.mail.smtp_username.clone().map(Value::from),
        )
        .like("\"portcullis\""),
        Setting::new(
            "mail.smtp_password_file",
            Text,
            "The file with the password, of mode 600 or less; PORTCULLIS_MAIL__SMTP_PASSWORD may hold the password itself.",
            |c, v, base| put(&mut c.mail.smtp_password_file, path(v, base).map(Some)),
            |c| c.mail.smtp_password_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/smtp-password\""),
        Setting::new(
            "mail.smtp_password",
            Text,
            "The password itself.",
            |c, v, _| put(&mut c.mail.smtp_password, text(v).map(Secret::from).map(Some)),
            |_| None,
        )
        .secret(),
    ]
}

/// What each of these settings alone cannot say: where it is wrong, and what to do.
pub(super) fn together(mail: &Mail) -> Vec<(&'static str, &'static str)> {
    let mut wrong = vec![];
    let mut note = |is_wrong: bool, place, message| {
        if is_wrong {
            wrong.push((place, message));
        }
    };
    let server = mail.smtp_host.is_some();
    note(server && mail.directory.is_some(), "mail.directory", "set this or mail.smtp_host, not both");
    note(mail.is_on() && mail.from.is_none(), "mail.from", "say whom mails come from");
    note(
        !mail.is_on() && mail.from.is_some(),
        "mail.from",
        "this alone sends nothing: set mail.smtp_host, or mail.directory to try things out",
    );
    let remote = mail.smtp_host.as_deref().is_some_and(|h| !is_this_machine(h));
    note(remote && mail.smtp_tls == Tls::None, "mail.smtp_tls", "without TLS mails go to this machine only");
    let password = mail.smtp_password.is_some() || mail.smtp_password_file.is_some();
    note(
        mail.smtp_username.is_some() && !password,
        "mail.smtp_username",
        "set PORTCULLIS_MAIL__SMTP_PASSWORD or mail.smtp_password_file",
    );
    note(mail.smtp_username.is_none() && password, "mail.smtp_username", "say whose password this is");
    wrong
}
fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, load};

    fn mistakes(settings: &[(&str, &str)]) -> Vec<String> {
        let given = settings.iter().map(|(n, v)| (format!("PORTCULLIS_MAIL__{n}"), (*v).to_owned()));
        match load(Config::default(), None, given) {
            Ok(_) => vec![],
            Err(e) => e.0.into_iter().map(|m| m.place).collect(),
        }
    }

    #[test]
    fn settings_of_mail_go_together() {
        const FROM: (&str, &str) = ("FROM", "Acme <no-reply@example.com>");
        const HOST: (&str, &str) = ("SMTP_HOST", "smtp.example.com");
        for good in [
            &[][..],
            &[FROM, HOST],
            &[FROM, HOST, ("SMTP_USERNAME", "u"), ("SMTP_PASSWORD", "p")],
            &[FROM, ("SMTP_HOST", "127.0.0.1"), ("SMTP_TLS", "none")],
            &[FROM, ("SMTP_HOST", "localhost"), ("SMTP_TLS", "none"), ("SMTP_PORT", "2525")],
            &[FROM, ("DIRECTORY", "mails"), ("PAGES_URL", "https://console.example.com")],
        ] {
            assert_eq!(mistakes(good), [""; 0], "{good:?}");
        }
        for (bad, place) in [
            (&[HOST][..], "mail.from"),
            (&[FROM], "mail.from"),
            (&[FROM, HOST, ("DIRECTORY", "mails")], "mail.directory"),
            (&[FROM, HOST, ("SMTP_TLS", "none")], "mail.smtp_tls"),
            (&[FROM, ("SMTP_HOST", "127.0.0.1.example.com"), ("SMTP_TLS", "none")], "mail.smtp_tls"),
            (&[FROM, HOST, ("SMTP_USERNAME", "u")], "mail.smtp_username"),
            (&[FROM, HOST, ("SMTP_PASSWORD", "p")], "mail.smtp_username"),
            (&[("FROM", "acme"), HOST], "PORTCULLIS_MAIL__FROM"),
            (&[FROM, ("SMTP_HOST", "smtp example")], "PORTCULLIS_MAIL__SMTP_HOST"),
            (&[FROM, HOST, ("SMTP_TLS", "ssl")], "PORTCULLIS_MAIL__SMTP_TLS"),
            (&[FROM, HOST, ("PAGES_URL", "console")], "PORTCULLIS_MAIL__PAGES_URL"),
        ] {
            assert!(mistakes(bad).iter().any(|p| p == place), "{bad:?}: {:?}", mistakes(bad));
        }
    }
}
