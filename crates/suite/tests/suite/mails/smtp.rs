//! What is said to a mail server, and what follows from its answers.
use std::time::Duration;

use portcullis_domain::Timestamp;
use portcullis_domain::mail::{Mail, Mailer, Undelivered};
use portcullis_domain::value::Email;
use portcullis_mail::{Directory, Sender, Server as Settings, SmtpMailer, Tls};

use super::server::{AUTHORITY, Server, Speaks};

pub fn sender() -> Sender {
    Sender::parse("Acme <no-reply@acme.example>").unwrap()
}
fn settings(server: &Server, tls: Tls) -> Settings {
    Settings { host: "localhost".into(), port: server.port, tls, login: None, authorities: None }
}
fn trusting(server: &Server, tls: Tls) -> Settings {
    Settings { authorities: Some(AUTHORITY.to_vec()), ..settings(server, tls) }
}
fn through(settings: Settings) -> SmtpMailer {
    SmtpMailer::new(sender(), settings).unwrap()
}
fn mail(to: &str) -> Mail {
    Mail {
        id: uuid::Uuid::from_u128(7),
        to: Email::parse(to).unwrap(),
        subject: "Grüße von Acme".into(),
        text:
            "Hello Ada,\n\n.\nhttps://id.example.com/invitation?token=pci_0123456789012345678901234567890123456789012\n"
                .into(),
        html: Some("<p>Hello Ada,</p>".into()),
        at: Timestamp::from_micros(1_795_339_304_000_000),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = Server::start().await;
    through(settings(&server, Tls::None)).send(&mail("ada@example.com")).await.unwrap();
    let taken = server.taken().remove(0);
    assert_eq!((&*taken.from, &*taken.to), ("no-reply@acme.example", &["ada@example.com".to_owned()][..]));
    assert_eq!((taken.text(), taken.html()), (mail("a@b.c").text, mail("a@b.c").html.unwrap()));
    assert_eq!((&*taken.header("To"), &*taken.header("From")), ("ada@example.com", "Acme <no-reply@acme.example>"));
    assert_eq!(taken.header("Message-ID"), "<00000000-0000-0000-0000-000000000007@acme.example>");
    assert_eq!(taken.header("Date"), "Sun, 22 Nov 2026 09:21:44 +0000");
    assert!(taken.header("Subject").starts_with("=?utf-8?"), "{taken:?}");
}

#[tokio::test]
async fn one_connection_does_for_several_mails_and_a_closed_one_is_opened_again() {
    let server = Server::start().await;
    let mailer = through(settings(&server, Tls::None));
    for _ in 0..3 {
        mailer.send(&mail("ada@example.com")).await.unwrap();
    }
    assert_eq!((server.taken().len(), server.connections()), (3, 1));
    server.reply("MAIL", "421 had enough");
    assert!(matches!(mailer.send(&mail("ada@example.com")).await, Err(Undelivered::Unreachable(_))));
    assert_eq!(server.connections(), 2, "the old one may have been tired: a new one was tried");
    server.reply("MAIL", "");
    mailer.send(&mail("ada@example.com")).await.unwrap();
    assert_eq!(server.taken().len(), 4);
}

#[tokio::test]
async fn who_refuses_what_says_what_is_to_be_done() {
    let server = Server::start().await;
    let mailer = through(settings(&server, Tls::None));
    for (to, reply, outcome) in [
        ("RCPT", "550 5.1.1 no such user ada@example.com", Undelivered::Refused("550".into())),
        ("RCPT", "450 4.2.1 greylisted", Undelivered::Later("450".into())),
        ("MESSAGE", "554 5.7.1 spam", Undelivered::Refused("554".into())),
        ("MESSAGE", "451 4.3.0 try later", Undelivered::Later("451".into())),
        ("DATA", "552 5.2.2 full", Undelivered::Refused("552".into())),
        // it is our own address that it does not like
        ("MAIL", "550 5.7.1 not yours", Undelivered::Later("550".into())),
    ] {
        server.reply(to, reply);
        assert_eq!(mailer.send(&mail("ada@example.com")).await, Err(outcome), "{to} {reply}");
        server.reply(to, "");
    }
    for (to, reply) in
        [("RCPT", "421 closing"), ("MAIL", "530 sign in"), ("EHLO", "550 go away"), ("MAIL", "gibberish")]
    {
        server.reply(to, reply);
        let outcome = mailer.send(&mail("ada@example.com")).await;
        assert!(matches!(outcome, Err(Undelivered::Unreachable(_))), "{to} {reply}: {outcome:?}");
        server.reply(to, "");
    }
    // an address that only newer servers know
    assert!(matches!(mailer.send(&mail("düse@example.com")).await, Err(Undelivered::Refused(_))));
    mailer.send(&mail("ada@example.com")).await.unwrap();
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn nothing_is_said_before_the_connection_is_encrypted_and_only_to_the_right_server() {
    let login = Some(("portcullis".to_owned(), "plum-orbit".to_owned()));
    for (speaks, tls) in [(Speaks::Starttls, Tls::Starttls), (Speaks::Tls, Tls::Implicit)] {
        let server = Server::speaking(speaks, Some(("portcullis", "plum-orbit"))).await;
        through(Settings { login: login.clone(), ..trusting(&server, tls) })
            .send(&mail("ada@example.com"))
            .await
            .unwrap();
        let taken = server.taken().remove(0);
        assert_eq!((taken.encrypted, taken.user.as_deref()), (true, Some("portcullis")));
        let clear = server.said_in_clear();
        assert!(clear.iter().all(|l| l.starts_with("EHLO ") || l == "STARTTLS"), "{clear:?}");
        // of an authority that nobody knows, or for another name
        let unknown = settings(&server, tls);
        let other = Settings { host: "127.0.0.1".into(), ..trusting(&server, tls) };
        let wrong = Settings { login: Some(("portcullis".into(), "wrong".into())), ..trusting(&server, tls) };
        for bad in [unknown, other, wrong] {
            let outcome = through(bad).send(&mail("ada@example.com")).await;
            assert!(matches!(outcome, Err(Undelivered::Unreachable(_))), "{outcome:?}");
        }
        assert_eq!(server.taken().len(), 1);
    }
    // who takes STARTTLS out of the conversation gets nothing to read
    let server = Server::start().await;
    let downgraded = through(Settings { login, ..trusting(&server, Tls::Starttls) });
    assert!(matches!(downgraded.send(&mail("ada@example.com")).await, Err(Undelivered::Unreachable(_))));
    let clear = server.said_in_clear();
    assert!(clear.iter().all(|l| l.starts_with("EHLO ") || l == "QUIT"), "{clear:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_a_while() {
    let server = Server::start().await;
    server.be_silent(true);
    let mailer = through(settings(&server, Tls::None)).patient_for(Duration::from_millis(300));
    assert!(matches!(mailer.send(&mail("ada@example.com")).await, Err(Undelivered::Unreachable(_))));
    let nobody = Settings { port: 1, ..settings(&server, Tls::None) };
    assert!(matches!(through(nobody).send(&mail("ada@example.com")).await, Err(Undelivered::Unreachable(_))));
}

#[tokio::test]
async fn without_a_server_each_mail_is_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mails");
    let directory = Directory::new(sender(), path.clone());
    for _ in 0..2 {
        directory.send(&mail("ada@example.com")).await.unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files, [path.join("00000000-0000-0000-0000-000000000007.eml")]);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("To: ada@example.com\r\n") && text.contains("invitation?token"), "{text}");
    for (path, mode) in [(&path, 0o700), (&files[0], 0o600)] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    std::fs::write(dir.path().join("file"), "").unwrap();
    let nowhere = Directory::new(sender(), dir.path().join("file"));
    assert!(matches!(nowhere.send(&mail("ada@example.com")).await, Err(Undelivered::Unreachable(_))));
}
