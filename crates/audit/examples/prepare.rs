//! How long an event takes from use case to canonical bytes, and a chain to verify.
//! `cargo run --release -p portcullis-audit --example prepare`
#![allow(clippy::print_stdout, reason = "a report for a person")]
use std::{hint::black_box, sync::Arc, time::Instant};

use portcullis_audit::{
    GENESIS,
    chain::{Start, Verifier},
    entry::Row,
    link, prepare,
};
use portcullis_domain::{Ctx, Id, Principal, Subject, Timestamp, audit::Event, tenant::TenantKey};
use serde_json::{Value, json};
use uuid::Uuid;

const N: usize = 200_000;
const BATCH: usize = 500;

fn main() {
    let tenant = Uuid::from_u128(7);
    let cx = Ctx {
        tenant: TenantKey(1),
        tenant_id: Id::from_uuid(tenant),
        principal: Arc::new(Principal::bare(Subject::User(Id::from_uuid(Uuid::from_u128(1))), "Ada Lovelace")),
        request_id: "0199c1b2-7d4e-7c3a-9b1f-3f2a8c5d6e70".into(),
        ip: Some(std::net::IpAddr::from([192, 0, 2, 7])),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into()),
        now: Timestamp::from_micros(1_795_339_304_120_583),
        notices: Default::default(),
    };
    let mut event = Event::new(Id::from_uuid(Uuid::from_u128(2)), "user.created", "user", Uuid::from_u128(3))
        .change("email", Value::Null, "grace.hopper@example.com")
        .change("name", Value::Null, "Grace Hopper")
        .change("roles", Value::Null, json!(["user", "approver"]))
        .with("source", "api");
    event.reasoning = Some("New in the compiler team, see HR-1815".into());

    let mut prepared = Vec::with_capacity(N);
    let mut batches = vec![];
    for i in 0..N / BATCH {
        let events = vec![event.clone(); BATCH];
        let start = Instant::now();
        for (j, event) in events.into_iter().enumerate() {
            let mut salt = [7; 32];
            salt[..8].copy_from_slice(&(i * BATCH + j).to_le_bytes());
            prepared.push(black_box(prepare(&cx, event, salt)));
        }
        batches.push(start.elapsed().as_secs_f64() * 1e6 / BATCH as f64);
    }
    batches.sort_by(f64::total_cmp);
    println!(
        "{:6.2} µs  prepare, with 6 digests (median of batches; best {:.2})",
        batches[batches.len() / 2],
        batches[0]
    );

    let start = Instant::now();
    let (mut prev, mut hashes) = (GENESIS, Vec::with_capacity(N));
    for (seq, p) in (1..).zip(&prepared) {
        prev = link(&prev, &p.canonical(seq));
        hashes.push(prev);
    }
    report("number and link (on the writer)", start);

    let mut verifier = Verifier::new(tenant, Start::Genesis, &[]);
    let start = Instant::now();
    for ((seq, p), hash) in (1..).zip(&prepared).zip(hashes) {
        let row = Row { seq, prev_hash: None, hash, body: &p.body, hole: p.hole, private: &p.private };
        if let Err(problem) = verifier.entry(&row) {
            println!("{problem}");
        }
    }
    report("verify", start);
    let p = &prepared[0];
    println!("{:?}; body {} bytes, private {} bytes", verifier.finish(), p.body.len(), p.private.len());
}

fn report(what: &str, start: Instant) {
    println!("{:6.2} µs  {what}", start.elapsed().as_secs_f64() * 1e6 / N as f64);
}
