//! What a browser keeps between `Authenticate` and `AuthCallback`, in a cookie that is bound to this host: what ends a sign-in at a provider,
//! so that nobody is signed in by a link that another browser was given (checklist 4), and where its person wanted to go.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_edge::cookie;
use portcullis_service::federation::SIGN_IN_SECONDS;

/// As many characters as a verifier has: a shorter one could be anybody's.
const VERIFIER: usize = 43;

/// What a cookie says; `return_to` is read as if anybody had written it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Of a sign-in at a provider.
    pub verifier: Option<String>,
    /// A page.
    pub return_to: Option<String>,
}
impl Kept {
    /// Of the cookie's value.
    pub fn read(value: &str) -> Self {
        let (verifier, page) = value.split_once('.').unwrap_or((value, ""));
        let page = URL_SAFE_NO_PAD.decode(page).ok().and_then(|page| String::from_utf8(page).ok());
        Self {
            verifier: Some(verifier).filter(|v| v.len() == VERIFIER).map(str::to_owned),
            return_to: page.filter(|page| !page.is_empty()),
        }
    }
    fn value(&self) -> String {
        let page = URL_SAFE_NO_PAD.encode(self.return_to.as_deref().unwrap_or_default());
        format!("{}.{page}", self.verifier.as_deref().unwrap_or_default())
    }
    /// `Set-Cookie`.
    pub fn cookie(&self, public_url: &str) -> String {
        cookie::bound(public_url, cookie::STRATEGY, &self.value(), SIGN_IN_SECONDS)
    }
}
/// `Set-Cookie` that ends it.
pub fn spent(public_url: &str) -> String {
    cookie::bound(public_url, cookie::STRATEGY, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_and_nothing_else() {
        let verifier = Some("v".repeat(VERIFIER));
        for kept in [
            Kept { verifier: verifier.clone(), return_to: Some("https://app.example.com/a?b=c".into()) },
            Kept { verifier, return_to: None },
            Kept { verifier: None, return_to: Some("https://app.example.com/".into()) },
        ] {
            assert_eq!(Kept::read(&kept.value()), kept);
        }
        for bad in ["", ".", "short.", &"v".repeat(VERIFIER + 1), ".%%%", "._w"] {
            assert_eq!(Kept::read(bad), Kept::default(), "{bad}");
        }
    }
}
