//! Where a request comes from: the peer, or what a proxy that we were told to trust says.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

/// A network in CIDR form (`10.0.0.0/8`), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;
impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write an address or a network such as 10.0.0.0/8 or fd00::/8")
    }
}
impl std::error::Error for NetworkError {}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(s: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = s.split_once('/').map_or((s, None), |(a, p)| (a, Some(p)));
        let base = plain(address.parse().map_err(|_| NetworkError)?);
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(p) => p.parse::<u8>().ok().filter(|p| *p <= longest).ok_or(NetworkError)?,
        };
        Ok(Self { base, prefix })
    }
}
impl Network {
    /// Does the address lie within?
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, plain(ip)) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32 - u32::from(self.prefix);
                (a.to_bits() ^ b.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128 - u32::from(self.prefix);
                (a.to_bits() ^ b.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// An IPv4 address that came in IPv6 clothes is an IPv4 address.
fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The client's address: the peer's, unless the peer is a trusted proxy; then the right-most address of `X-Forwarded-For` that
/// is no trusted proxy itself. What stands further left was written by the client and is never believed.
pub fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let peer = plain(peer?);
    if trusted.is_empty() || !trusted.iter().any(|n| n.contains(peer)) {
        return Some(peer);
    }
    let mut seen = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(value) = value.to_str() else { return Some(seen) };
        for hop in value.rsplit(',') {
            // A hop that is no address (`unknown`, an obfuscated name) ends the chain of trust.
            let Some(ip) = hop_address(hop.trim()) else { return Some(seen) };
            seen = ip;
            if !trusted.iter().any(|n| n.contains(ip)) {
                return Some(ip);
            }
        }
    }
    Some(seen)
}

/// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let ip = hop.parse::<IpAddr>().or_else(|_| hop.parse::<std::net::SocketAddr>().map(|a| a.ip()));
    ip.ok().or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok()).map(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }
    fn forwarded(values: &[&'static str]) -> HeaderMap {
        let mut h = HeaderMap::new();
        for v in values {
            h.append("x-forwarded-for", HeaderValue::from_static(v));
        }
        h
    }

    #[test]
    fn networks() {
        let n: Network = "10.1.0.0/16".parse().unwrap();
        assert!(n.contains(ip("10.1.2.3")) && !n.contains(ip("10.2.0.1")) && n.contains(ip("::ffff:10.1.2.3")));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains(ip("203.0.113.9")));
        assert!(!"0.0.0.0/0".parse::<Network>().unwrap().contains(ip("::1")));
        assert!("::/0".parse::<Network>().unwrap().contains(ip("2001:db8::1")));
        assert!("192.0.2.1".parse::<Network>().unwrap().contains(ip("192.0.2.1")));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "example.com", "10.0.0/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sec_04_a_forwarded_header_is_believed_only_behind_a_configured_proxy() {
        let spoof = forwarded(&["203.0.113.1"]);
        assert_eq!(client(Some(ip("198.51.100.7")), &spoof, &[]), Some(ip("198.51.100.7")));
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client(Some(ip("198.51.100.7")), &spoof, &trusted), Some(ip("198.51.100.7")));
        assert_eq!(client(Some(ip("10.0.0.2")), &spoof, &trusted), Some(ip("203.0.113.1")));
    }

    #[test]
    fn the_nearest_address_that_no_proxy_of_ours_wrote_counts() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let at = |h: &HeaderMap| client(Some(ip("10.0.0.2")), h, &trusted);
        assert_eq!(at(&forwarded(&["1.1.1.1, 203.0.113.5, 10.0.0.9"])), Some(ip("203.0.113.5")));
        assert_eq!(at(&forwarded(&["1.1.1.1", "203.0.113.5:443"])), Some(ip("203.0.113.5")));
        assert_eq!(at(&forwarded(&["[2001:db8::5]:443"])), Some(ip("2001:db8::5")));
        assert_eq!(at(&forwarded(&["203.0.113.5, unknown"])), Some(ip("10.0.0.2")));
        assert_eq!(at(&HeaderMap::new()), Some(ip("10.0.0.2")));
        assert_eq!(client(None, &forwarded(&["1.1.1.1"]), &trusted), None);
    }
}
