//! POST /v1/auth/login: argon2id is nearly all of it, and it must not slow down anyone else.
use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis_crypto::password::{Hasher, Password, Scratch};
use portcullis_crypto::random::OsRandom;

use crate::measure::filled::{self, PASSWORD};
use crate::measure::load::{self, Pace};
use crate::measure::people;
use crate::measure::process::Process;
use crate::measure::profile::Profiler;
use crate::measure::requests::{Gets, Logins};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

/// Sign-ins at once: fewer than may wait for the hash pool.
pub const CLIENTS: usize = 16;
/// Who sign in.
pub const PEOPLE: u64 = 500;
/// The others: so many connections, each so often.
const PROBES: usize = 4;
const PROBE_EVERY: Duration = Duration::from_millis(20);

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let server = filled::server(options)?.server;
    let ids = server.ids()?;
    let emails: Vec<String> = (0..PEOPLE.min(options.users)).map(people::email).collect();
    let logins = || Logins::on(&server, CLIENTS, &emails, PASSWORD);
    progress("logins, and reads beside them");
    load::run(server.address, logins(), options.warm_up(), Pace::Closed).await?;
    let alone =
        load::run(server.address, Gets::on(&server, PROBES, &ids), options.time() / 4, Pace::Every(PROBE_EVERY));
    let alone = alone.await?;
    let profiler = Profiler::start(options, server.process())?;
    let before = server.process().usage()?;
    let own = Process::own().usage()?;
    let probes = Gets::on(&server, PROBES, &ids);
    let (logged_in, probed) = tokio::try_join!(
        load::run(server.address, logins(), options.time(), Pace::Closed),
        load::run(server.address, probes, options.time(), Pace::Every(PROBE_EVERY)),
    )?;
    let (usage, own) = (server.process().usage()?.since(&before), Process::own().usage()?.since(&own));
    if let Some(profiler) = profiler {
        report.block("where the server's time goes, logins", &profiler.finish()?)?;
    }
    server.stop()?;
    progress("raw argon2id");
    let raw = raw_rate(options.time());
    report.note(&format!(
        "logins {}, {}, generator {:.2} s of CPU; reads beside them {} (without logins {})",
        logged_in.latency.words(),
        usage.each(logged_in.latency.count() as f64),
        own.cpu,
        probed.latency.words(),
        alone.latency.words()
    ))?;
    let share = logged_in.rate() / raw;
    report.row(&Row {
        work: &format!("password login, {CLIENTS} clients, while others read {} times a second", count(probed.rate())),
        goals: vec![Goal::share(0.9, share), Goal::below("reads' p99", 20.0, "ms", probed.latency.quantile(0.99))],
        measured: format!("{:.1}/s; reads p99 {:.2} ms", logged_in.rate(), probed.latency.quantile(0.99)),
        ceiling: format!("{raw:.1}/s: raw argon2id (19 MiB, t=2), a thread a core, reused memory"),
        ratio: percent(share),
        others: "",
    })
}

/// Verifications a second on all cores, each thread with memory of its own that it keeps.
fn raw_rate(time: Duration) -> f64 {
    let hasher = Hasher::default();
    let stored = hasher.hash(&mut Scratch::default(), &Password::new(PASSWORD), &OsRandom);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let done: u32 = std::thread::scope(|scope| {
        let work = || {
            let (mut scratch, password, mut n) = (Scratch::default(), Password::new(PASSWORD), 0);
            while start.elapsed() < time {
                assert!(hasher.verify(&mut scratch, &stored, &password).is_match(), "the hash is ours");
                n += 1;
            }
            n
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or(0)).sum()
    });
    f64::from(done) / start.elapsed().as_secs_f64()
}
