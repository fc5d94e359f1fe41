//! Where a browser may be sent with what signs somebody in (spec v1 3.1 TenantSettings, checklist 9): each address is compared to the letter.
use url::{Host, Url};

/// A tenant has at most so many.
pub const MOST: usize = 20;
const LONGEST: usize = 2_048;

/// Is this an address that a tenant may register? It is absolute and of https, or of http on the visitor's own machine; it has no
/// fragment, no user and no password.
pub fn check(text: &str) -> Result<(), &'static str> {
    const FORM: &str =
        "An https URL of at most 2048 ASCII characters (or http to localhost), without fragment, user and password.";
    // nothing that a browser reads in another way than it was compared
    let plain = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
    let url = Url::parse(text).ok().filter(|u| plain && u.username().is_empty() && u.password().is_none());
    let Some(url) = url else { return Err(FORM) };
    // `https:x` and `https:///x` name a host to a browser, and to nobody who reads them
    let authority = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/') && !rest.contains('@'));
    match (url.scheme(), url.host()) {
        ("https", Some(_)) if authority => Ok(()),
        ("http", Some(host)) if authority && is_loopback(&host) => Ok(()),
        _ => Err(FORM),
    }
}
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_09_what_may_be_registered() {
        for good in [
            "https://app.example.com",
            "https://app.example.com/signed-in?x=1",
            "https://app.example.com:8443/",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:3000/cb",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "*",
            "/signed-in",
            "//app.example.com/",
            "app.example.com",
            "http://app.example.com/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://app.example.com/#top",
            "https://app.example.com/#",
            "https://user@app.example.com/",
            "https://user:word@app.example.com/",
            "https://@app.example.com/",
            "https:app.example.com",
            "https:/app.example.com",
            "https:///app.example.com",
            "https:\\\\app.example.com",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com/a b",
            "https://app.example.com/\n",
            "https://äpp.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp://signed-in",
            "ftp://app.example.com/",
            &format!("https://app.example.com/{}", "a".repeat(LONGEST)),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
