//! Mail that this server sends: a port, and what a mail is for. What it says is made elsewhere.
use std::fmt;
use std::pin::Pin;

use uuid::Uuid;

use crate::time::Timestamp;
use crate::value::Email;

/// A finished mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names it, at each try.
    pub id: Uuid,
    /// To whom.
    pub to: Email,
    /// A line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as a document, if there is one.
    pub html: Option<String>,
    /// When it was written.
    pub at: Timestamp,
}
impl fmt::Debug for Mail {
    /// The address is a person's, and the text may hold a link that lets in whoever has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a mail is not on its way. No text names the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Nobody will ever take it: the reason, such as a server's code.
    Refused(String),
    /// Not this one and not now; others may go.
    Later(String),
    /// The server was not reached, or lets us do nothing: no other mail would go either.
    Unreachable(String),
}
impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Later(why) | Self::Unreachable(why) => f.write_str(why),
        }
    }
}
impl std::error::Error for Undelivered {}

/// A mail being sent.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Takes mails to the world, each in a bounded time: at most [`LONGEST_SECONDS`].
pub trait Mailer: Send + Sync {
    /// Hands it over to whoever brings it further. Success does not mean that somebody reads it.
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a>;
}
/// A try takes at most so long, in seconds.
pub const LONGEST_SECONDS: i64 = 45;

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Lets somebody set their first password.
    Invitation,
    /// Proves an address.
    Verification,
    /// Lets somebody set a new password.
    PasswordReset,
    /// Says that the password is another now.
    PasswordChanged,
    /// Says that the second factors are others now.
    FactorsChanged,
    /// Invites into an organization.
    OrganizationInvitation,
    /// Lets somebody in: a code, or a link.
    SignIn,
}
impl Purpose {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Invitation,
        Self::Verification,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::FactorsChanged,
        Self::OrganizationInvitation,
        Self::SignIn,
    ];
    /// The word in the database and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Verification => "verification",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::FactorsChanged => "factors_changed",
            Self::OrganizationInvitation => "organization_invitation",
            Self::SignIn => "sign_in",
        }
    }
    /// Does a newer one take the place of one that still waits? What that one says counts no more.
    pub const fn replaces(self) -> bool {
        matches!(self, Self::Invitation | Self::Verification | Self::PasswordReset)
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == s)
    }
}
