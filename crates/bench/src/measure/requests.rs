//! The scripts: what the connections of a load ask.
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use uuid::Uuid;

use super::load::{Script, Scripts};
use super::people;
use super::server::Server;

/// One script for each of so many connections.
pub fn each<S: Script + 'static>(connections: usize, mut make: impl FnMut(usize) -> S) -> Scripts {
    (0..connections).map(|i| Box::new(make(i)) as Box<dyn Script>).collect()
}

/// Creates users, one after the other.
pub struct Creates {
    head: Arc<str>,
    next: Arc<AtomicU64>,
    with_key: bool,
    body: String,
    text: String,
}
impl Creates {
    /// For so many connections; `with_key` sends a fresh Idempotency-Key with each.
    pub fn on(server: &Server, connections: usize, with_key: bool) -> Scripts {
        let head: Arc<str> = server.head("POST", "/v1/users").into();
        let next = Arc::new(AtomicU64::new(people::fresh()));
        each(connections, |_| Self {
            head: head.clone(),
            next: next.clone(),
            with_key,
            body: String::new(),
            text: String::new(),
        })
    }
}
impl Script for Creates {
    fn request(&mut self, out: &mut Vec<u8>) {
        let n = self.next.fetch_add(1, Relaxed);
        self.body.clear();
        self.text.clear();
        people::body(&mut self.body, n);
        if self.with_key {
            let _ = write!(self.text, "idempotency-key: bench-{n:016x}\r\n");
        }
        let _ = write!(self.text, "content-type: application/json\r\ncontent-length: {}\r\n\r\n", self.body.len());
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(self.body.as_bytes());
    }
    fn status(&self) -> u16 {
        201
    }
}

/// Reads users by id, in no order.
pub struct Gets {
    /// The request, with a hole for the id.
    request: Vec<u8>,
    hole: usize,
    ids: Arc<[Uuid]>,
    state: u64,
}
impl Gets {
    pub fn on(server: &Server, connections: usize, ids: &Arc<[Uuid]>) -> Scripts {
        let hole = "GET /v1/users/".len();
        each(connections, |i| Self {
            request: format!("{}\r\n", server.head("GET", &format!("/v1/users/{}", Uuid::nil()))).into_bytes(),
            hole,
            ids: ids.clone(),
            state: people::fresh() + ((i as u64) << 20),
        })
    }
}
impl Script for Gets {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.state += 1;
        let id = self.ids[(people::scramble(self.state) % self.ids.len() as u64) as usize];
        id.hyphenated().encode_lower(&mut self.request[self.hole..]);
        out.extend_from_slice(&self.request);
    }
    fn status(&self) -> u16 {
        200
    }
}

/// Signs in. Each address may do so 30 times a minute, so the loopback network lends others.
pub struct Logins {
    requests: Arc<[Vec<u8>]>,
    addresses: Arc<AtomicU64>,
    used: u64,
}
impl Logins {
    /// Sign-ins from one address before the next is taken.
    const FROM_ONE: u64 = 25;

    pub fn on(server: &Server, connections: usize, emails: &[String], password: &str) -> Scripts {
        let request = |email: &String| {
            let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
            let length = body.len();
            let head = format!("POST /v1/auth/login HTTP/1.1\r\nhost: {}\r\n", server.address);
            format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
        };
        let requests: Arc<[Vec<u8>]> = emails.iter().map(request).collect();
        // runs follow each other within a minute: each begins somewhere else in 127.0.0.0/8
        let addresses = Arc::new(AtomicU64::new(people::fresh() >> 32));
        each(connections, |_| Self { requests: requests.clone(), addresses: addresses.clone(), used: 0 })
    }
}
impl Script for Logins {
    fn request(&mut self, out: &mut Vec<u8>) {
        let n = self.addresses.fetch_add(1 << 32, Relaxed) >> 32;
        out.extend_from_slice(&self.requests[(n % self.requests.len() as u64) as usize]);
    }
    fn status(&self) -> u16 {
        200
    }
    fn moves_to(&mut self) -> Option<Ipv4Addr> {
        let moves = self.used.is_multiple_of(Self::FROM_ONE);
        self.used += 1;
        moves.then(|| {
            let n = self.addresses.fetch_add(1, Relaxed) % 15_000_000;
            let [_, a, b, c] = (u32::try_from(n).unwrap_or(0) + 0x1_0002).to_be_bytes();
            Ipv4Addr::new(127, a, b, c)
        })
    }
}
