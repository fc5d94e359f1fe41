//! Addresses that answers are sent to: which may be registered, and which are the same (RFC 9700 2.1, 4.1; checklist 9).
use portcullis_domain::application::Kind;
use url::{Host, Url};

const LONGEST: usize = 2_048;
/// What an answer adds to the query: an address that brings these along itself could pass for one.
const OURS: &[&str] = &["code", "state", "iss", "error", "error_description"];

/// An address as it is registered. It is compared as it was written, so it has to be written as browsers do.
pub(crate) fn registered(text: &str) -> Result<(), String> {
    let told = |why: &str| Err(why.to_owned());
    if text.len() > LONGEST {
        return told("At most 2,048 characters.");
    }
    let Ok(url) = Url::parse(text) else {
        return told("Write an absolute URL such as https://app.example.com/callback.");
    };
    if text.contains('*') {
        return told("No wildcard (*): register each address.");
    }
    if text.contains('#') {
        return told("No fragment (#…).");
    }
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        return told("No user name or password.");
    }
    let (https, http) = (url.scheme() == "https", url.scheme() == "http");
    let may_be_registered = https || (http && is_loopback(&url));
    if !may_be_registered {
        return told("Write a URL that begins with https://, or with http:// and the address of a loopback interface.");
    }
    if url.query_pairs().any(|(name, _)| OURS.contains(&&*name)) {
        return told("Its query has a name that the answer adds: code, state, iss, error or error_description.");
    }
    let written = url.as_str();
    if text != written && written.strip_suffix('/') != Some(text) {
        return Err(format!("Write it as browsers do: {written}"));
    }
    Ok(())
}
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Is it an address of a loopback interface, at which any program of the machine can listen (RFC 8252 8.6)?
pub(crate) fn is_on_loopback(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| is_loopback(&url))
}

/// Is the address of a request one of these? Each is compared as a whole; only a program on a device may say another port of a
/// loopback address, since it takes the one that is free (RFC 8252 7.3).
pub(crate) fn is_one_of(list: &[String], said: &str, kind: Kind) -> bool {
    let native = (kind == Kind::Public).then(|| without_port(said)).flatten();
    list.iter().any(|r| r == said || (native.is_some() && without_port(r) == native))
}
/// An address of a loopback interface, written as a number, without its port; it has to be written as browsers do.
fn without_port(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| url.as_str() == text && url.scheme() == "http")?;
    let by_number = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    if !by_number || !is_loopback(&url) || registered(text).is_err() {
        return None;
    }
    url.set_port(None).ok()?;
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sec_09_what_cannot_be_registered() {
        for good in [
            "https://app.example.com/callback",
            "https://app.example.com",
            "https://app.example.com/cb?tenant=1",
            "https://app.example.com:8443/cb",
            "http://127.0.0.1:7777/cb",
            "http://127.0.0.1/cb",
            "http://[::1]/cb",
            "http://localhost:3000/api/auth/callback/portcullis",
        ] {
            assert_eq!(registered(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "app",
            "/callback",
            "//app.example.com/cb",
            "http://app.example.com/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/",
            "http://10.0.0.1/cb",
            "https://app.example.com/cb#x",
            "https://app.example.com/cb#",
            "https://*.example.com/cb",
            "https://app.example.com/*",
            "https://user@app.example.com/cb",
            "https://user:pass@app.example.com/cb",
            "https://@app.example.com/cb",
            "https://:@app.example.com/cb",
            "https://app.example.com/a/../cb",
            "https://app.example.com/a/%2e%2e/cb",
            "https://APP.example.com/cb",
            "https:\\\\app.example.com\\cb",
            "https://app.example.com/cb ",
            "https://app.example.com:443/cb",
            "https://app.example.com/cb?code=1",
            "https://app.example.com/cb?st%61te=1",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:/cb",
            "urn:ietf:wg:oauth:2.0:oob",
            &format!("https://app.example.com/{}", "a".repeat(2_048)),
        ] {
            assert!(registered(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sec_09_an_address_is_compared_as_a_whole() {
        let list = ["https://app.example.com/cb".to_owned(), "https://app.example.com".to_owned()];
        assert!(is_one_of(&list, "https://app.example.com/cb", Kind::Confidential));
        for bad in [
            "https://app.example.com/cb/",
            "https://app.example.com/cb/../cb",
            "https://app.example.com/cb?x=1",
            "https://app.example.com/cb#",
            "https://app.example.com/CB",
            "https://APP.example.com/cb",
            "https://app.example.com:443/cb",
            "http://app.example.com/cb",
            "https://app.example.com.evil.example/cb",
            "https://app.example.com@evil.example/cb",
            "https://app.example.com%2f@evil.example/cb",
            "https://evil.example/https://app.example.com/cb",
            "https://app.example.com/%63b",
            "https://app.example.com/",
            " https://app.example.com/cb",
            "",
        ] {
            assert!(!is_one_of(&list, bad, Kind::Public), "{bad}");
        }
    }

    #[test]
    fn a_program_on_a_device_takes_the_port_that_is_free() {
        let list = ["http://127.0.0.1/cb".to_owned(), "http://localhost/cb".to_owned()];
        assert!(is_one_of(&list, "http://127.0.0.1:49152/cb", Kind::Public));
        assert!(!is_one_of(&list, "http://127.0.0.1:49152/cb", Kind::Confidential));
        for bad in [
            "http://localhost:49152/cb",
            "http://127.0.0.2:1/cb",
            "http://[::1]:1/cb",
            "http://127.0.0.1:1/cb/",
            "http://127.0.0.1:1/cb?x",
            "http://127.1:1/cb",
            "http://x@127.0.0.1:1/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1:1/cb#",
        ] {
            assert!(!is_one_of(&list, bad, Kind::Public), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn sec_09_nothing_else_is_taken_for_a_registered_address(said in "\\PC{0,60}|https://app\\.example\\.com[/@:.?#a-z%]{0,12}") {
            let list = ["https://app.example.com/cb".to_owned()];
            prop_assert_eq!(is_one_of(&list, &said, Kind::Public), said == list[0]);
            let _ = registered(&said);
        }
    }
}
