//! "Know your customer": whether an organization has shown who it is (spec v1beta1 3.16).
use crate::id::Id;
use crate::organization::Organization;
use crate::time::Timestamp;

/// Longest link to what was shown.
const LINK: usize = 2_048;

/// What is known of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kyc {
    /// Which one.
    pub organization_id: Id<Organization>,
    /// Has it shown who it is?
    pub status: bool,
    /// Where what it showed is kept; empty: nowhere.
    pub link: String,
    /// When something was first written down; `None`: nothing was.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
}
impl Kyc {
    /// What is known of an organization of which nothing was written down.
    pub const fn unknown(organization_id: Id<Organization>) -> Self {
        Self { organization_id, status: false, link: String::new(), created_at: None, updated_at: None }
    }
}

/// The link as it is kept: an https address; the error is the sentence to show. Empty is `Ok("")`.
pub fn link(sent: &str) -> Result<String, &'static str> {
    const HINT: &str = "An https address of at most 2,048 bytes, without a user name or a password.";
    let sent = sent.trim();
    if sent.is_empty() {
        return Ok(String::new());
    }
    let url = url::Url::parse(sent).map_err(|_| HINT)?;
    let plain = url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none();
    let text = url.to_string();
    if plain && text.len() <= LINK { Ok(text) } else { Err(HINT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_https_address() {
        assert_eq!(link(" https://files.example.com/acme "), Ok("https://files.example.com/acme".into()));
        assert_eq!(link(" "), Ok(String::new()));
        let long = format!("https://example.com/{}", "a".repeat(2_048));
        for bad in [
            "acme",
            "http://example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "https://u:p@example.com",
            "https://",
            &long,
        ] {
            assert!(link(bad).is_err(), "{bad}");
        }
    }
}
