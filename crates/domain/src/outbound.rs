//! A call from this server to somebody else's: a port, and which addresses it may go to (checklist 10).
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::time::Duration;

/// A POST.
#[derive(Clone)]
pub struct Message {
    /// Where it goes.
    pub url: String,
    /// Its headers, beyond those that HTTP itself needs.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}
impl fmt::Debug for Message {
    /// Headers may carry credentials, and the body tells of people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("url", &self.url).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// A call whose answer is read.
#[derive(Clone)]
pub struct Fetch {
    /// GET, or POST with this body.
    pub body: Option<Vec<u8>>,
    /// Where it goes.
    pub url: String,
    /// Its headers, beyond those that HTTP itself needs.
    pub headers: Vec<(String, String)>,
    /// The longest body of an answer that is read, in bytes.
    pub most: usize,
}
impl fmt::Debug for Fetch {
    /// Headers and body may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("url", &self.url).finish_non_exhaustive()
    }
}
/// What was answered, whatever its status.
#[derive(Clone)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("status", &self.status).field("body", &self.body.len()).finish()
    }
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The URL is none that is called.
    Url,
    /// The name has no address.
    Name,
    /// An address of the name is not public, and the operator allows no others.
    Private,
    /// Nobody listens there.
    Connection,
    /// The certificate is not the name's, or of an unknown authority.
    Tls,
    /// No HTTP came back.
    Protocol,
    /// It took too long.
    Time,
    /// It is longer than anything that is expected there.
    Length,
}
impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "The URL cannot be called.",
            // one text for both: a tenant learns nothing about names inside
            Self::Name | Self::Private => "The host name has no public address.",
            Self::Connection => "The connection was refused or broke.",
            Self::Tls => "The TLS certificate could not be verified.",
            Self::Protocol => "What came back is no HTTP.",
            Self::Time => "The receiver took too long.",
            Self::Length => "The answer is too long.",
        })
    }
}
impl std::error::Error for Unreachable {}

/// An answer: its status. The body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// HTTP status.
    pub status: u16,
    /// From the first look at the name to the head of the answer.
    pub took: Duration,
}

/// What a call came to.
pub type Outcome = Result<Reached, Unreachable>;

/// Calls others. Follows no redirect, and goes to no address that [`is_public`] refuses unless the operator allows it.
pub trait Outbound: Send + Sync {
    /// Sends a POST and waits for the head of the answer.
    fn post<'a>(&'a self, message: &'a Message) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
    /// Sends a GET or POST and reads the whole answer.
    fn fetch<'a>(
        &'a self,
        request: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, Unreachable>> + Send + 'a>>;
}

/// Is this an address of the public internet? Of IPv6 only what is given out (2000::/3) without what leads elsewhere.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}
/// RFC 6890 and its successors (the IANA registry of special-purpose addresses).
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, d] = ip.octets();
    let special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b),
        // not in the registry: Azure's host, which only its own machines reach
        168 => (b, c, d) == (63, 129, 16),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => a >= 224,
    };
    !special
}
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let given_out = a & 0xe000 == 0x2000;
    // protocol assignments with Teredo, documentation, 6to4: each may stand for an IPv4 address inside
    let elsewhere = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    given_out && !elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_10_only_addresses_of_the_public_internet_are_public() {
        let public = |s: &str| is_public(s.parse().unwrap());
        for yes in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "192.169.0.1",
            "2606:4700::1111",
            "2a00::1",
            "2001:4860:4860::8888",
        ] {
            assert!(public(yes), "{yes}");
        }
        for no in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "168.63.129.16",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fd00:ec2::254",
        ] {
            assert!(!public(no), "{no}");
        }
    }
}
