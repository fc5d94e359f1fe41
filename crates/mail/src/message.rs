//! The message that a mail is.
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use portcullis_domain::mail::{Mail, Undelivered};

use crate::Unusable;

/// Whom mails come from.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);
impl Sender {
    /// Reads `no-reply@example.com` or `Acme <no-reply@example.com>`.
    ///
    /// # Errors
    /// It is no address.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let expected = || Unusable("write an address such as \"Acme <no-reply@example.com>\"".into());
        if text.contains(|c: char| c.is_control()) {
            return Err(expected());
        }
        text.parse().map(Self).map_err(|_| expected())
    }
    /// The bare address, for the envelope.
    pub(crate) fn address(&self) -> &Address {
        &self.0.email
    }

    /// The message, whose id is the mail's own at each try, so that a second copy is recognised.
    pub(crate) fn message(&self, mail: &Mail) -> Result<Message, Undelivered> {
        let unfit = |_| Undelivered::Refused("an address that mail does not know".into());
        let to = Address::new(mail.to.local(), mail.to.domain()).map_err(unfit)?;
        let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(mail.at.seconds()).unwrap_or(0));
        let builder = Message::builder()
            .from(self.0.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .date(written)
            .message_id(Some(format!("<{}@{}>", mail.id, self.0.email.domain())))
            // no vacation notices, please (RFC 3834)
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
        let message = match &mail.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
            None => builder.body(mail.text.clone()),
        };
        message.map_err(|e| Undelivered::Refused(format!("a message that cannot be written ({e})")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use portcullis_domain::Timestamp;
    use portcullis_domain::value::Email;

    fn mail(to: &str, subject: &str) -> Mail {
        Mail {
            id: uuid::Uuid::from_u128(7),
            to: Email::stored(to),
            subject: subject.into(),
            text: "Hello Ada,\n\nhttps://x/?token=1\n".into(),
            html: Some("<p>Hello</p>".into()),
            at: Timestamp::from_micros(1_795_339_304_000_000),
        }
    }
    /// Headers up to the first blank line, unfolded.
    fn headers(m: &Message) -> Vec<String> {
        let text = String::from_utf8(m.formatted()).unwrap();
        let head = text.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_mail_has_the_headers_that_it_needs() {
        let sender = Sender::parse("Acme Düsseldorf <no-reply@acme.example>").unwrap();
        let h = headers(&sender.message(&mail("ada@example.com", "Grüße")).unwrap());
        for begins in ["From: ", "To: ada@example.com", "Subject: =?utf-8?", "Date: ", "Message-ID: <00000000-"] {
            assert!(h.iter().any(|l| l.starts_with(begins)), "{begins}: {h:#?}");
        }
        assert!(h.contains(&"Auto-Submitted: auto-generated".to_owned()), "{h:#?}");
    }

    #[test]
    fn sec_13_no_text_becomes_a_header() {
        let sender = Sender::parse("no-reply@acme.example").unwrap();
        let usual = headers(&sender.message(&mail("ada@example.com", "x")).unwrap()).len();
        for evil in ["x\r\nBcc: eve@evil.example", "x\nBcc: eve@evil.example", "x\rBcc: e@e", "x\r\n\r\n<html>", "\0"] {
            let h = headers(&sender.message(&mail("ada@example.com", evil)).unwrap());
            assert!(h.len() == usual && !h.iter().any(|l| l.to_lowercase().starts_with("bcc")), "{h:#?}");
        }
        for evil in
            ["ada@example.com\r\nBcc: eve@evil.example", "a b@example.com", "ada@ex\nample.com", "@", "a<b>@c.d"]
        {
            assert!(matches!(sender.message(&mail(evil, "x")), Err(Undelivered::Refused(_))), "{evil:?}");
        }
        for evil in ["", "acme", "Acme\r\nBcc: e@e.e <a@b.c>", "a@b.c\r\nBcc: e@e.e"] {
            assert!(Sender::parse(evil).is_err(), "{evil:?}");
        }
    }
}
