//! What each operation costs: `cargo run --release -p portcullis-crypto --example costs`
#![allow(clippy::print_stdout, reason = "a report for a person")]
use std::{hint::black_box, time::Instant};

use portcullis_crypto::{
    cursor::{Cursors, Scope},
    password::{Hasher, Owner, Password, Rule, Scratch},
    random::OsRandom,
    seal::Key,
    signing::{Claims, Expect, Generation, KeyRing, SigningKey, SubjectType},
    token::{ApiKey, Purpose},
};
use portcullis_domain::Timestamp;
use uuid::Uuid;

fn main() {
    let (hasher, password) = (Hasher::default(), Password::new("plum-orbit-canvas-41"));
    let mut scratch = Scratch::default();
    hasher.hash(&mut scratch, &password, &OsRandom);
    per("argon2id, memory reused", 100, || hasher.hash(&mut scratch, &password, &OsRandom));
    per("argon2id, memory fresh", 100, || hasher.hash(&mut Scratch::default(), &password, &OsRandom));
    let owner = Owner { email: "ada@example.com", name: "Ada Lovelace" };
    per("password rule", 100_000, || Rule::default().check(&password, owner));

    let key = ApiKey::generate(&OsRandom);
    per("API key: generate", 100_000, || ApiKey::generate(&OsRandom));
    per("API key: parse, hash, compare", 100_000, || {
        ApiKey::parse(key.raw.expose()).is_ok_and(|k| k.hash() == key.hash)
    });
    per("single-use token: generate", 100_000, || Purpose::Invitation.generate(&OsRandom));

    let secret = Key::generate(&OsRandom);
    let sealed = secret.seal(b"aad", &[7; 256], &OsRandom);
    per("seal 256 bytes", 100_000, || secret.seal(b"aad", &[7; 256], &OsRandom));
    per("open 256 bytes", 100_000, || secret.open(b"aad", &sealed));
    let mac = secret.mac("idempotency");
    per("HMAC of 1 KiB", 100_000, || mac.tag(&[&[7; 1024]]));

    let now = Timestamp::from_micros(1_795_339_304_000_000);
    let scope = Scope { tenant: Uuid::from_u128(1), route: "GET /v1/users", filters: "", sort: "created_at" };
    let cursors = Cursors::new(&secret);
    let cursor = cursors.seal(&scope, b"[1795339304000000,\"0199c0de\"]", now, &OsRandom);
    per("cursor: seal", 100_000, || cursors.seal(&scope, b"[1795339304000000,\"0199c0de\"]", now, &OsRandom));
    per("cursor: open", 100_000, || cursors.open(&scope, &cursor, now));

    let ring = KeyRing::new(SigningKey::generate(&OsRandom), vec![]);
    let claims = Claims {
        iss: "https://id.example.com".into(),
        sub: Uuid::from_u128(1),
        aud: "portcullis".into(),
        exp: now.seconds() + 3_600,
        iat: now.seconds(),
        nbf: now.seconds(),
        jti: Uuid::from_u128(2),
        tenant_id: Uuid::from_u128(3),
        roles: vec!["user".into()],
        sid: Uuid::from_u128(4),
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: now.seconds(),
        generation: Generation::System,
        sub_type: SubjectType::User,
        email: None,
        org_ids: None,
        user_id: None,
        auth_via: None,
        secret_generation: None,
    };
    let token = ring.issue(&claims);
    let expect = Expect { issuer: "https://id.example.com", audience: "portcullis", now };
    per("access token: issue", 20_000, || ring.issue(&claims));
    per("access token: verify", 20_000, || ring.verify(&token, expect));
    println!("a token has {} bytes, a cursor {}", token.len(), cursor.len());
}

fn per<T>(what: &str, n: u32, mut f: impl FnMut() -> T) {
    let start = Instant::now();
    for _ in 0..n {
        black_box(f());
    }
    let each = start.elapsed() / n;
    println!("{:>10.2} µs {:>10.0}/s  {what}", each.as_secs_f64() * 1e6, 1.0 / each.as_secs_f64());
}
