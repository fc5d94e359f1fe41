//! Mails on their way: over SMTP to the operator's server, or into files for those who try things out.
//!
//! Both write the same message (RFC 5322). Every header is made by the library from a parsed address or an encoded text, so that no
//! name or subject becomes a header of its own (checklist 13).
mod directory;
mod message;
mod smtp;

pub use directory::Directory;
pub use message::Sender;
pub use smtp::{Server, SmtpMailer, Tls};

/// What is wrong with a setting of mail.
#[derive(Debug)]
pub struct Unusable(String);
impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Unusable {}
