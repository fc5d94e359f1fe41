//! Not a claim, a measurement: `cargo test --release -p portcullis-store -- --ignored --nocapture speed`.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::support::*;

both! {
    #[allow(clippy::print_stdout, reason = "a measurement")]
    async fn creates_per_second(t: &TestDb) {
        if std::env::var_os("PORTCULLIS_SPEED").is_none() {
            return;
        }
        for tasks in [1, 32, 64] {
            let done = Arc::new(AtomicU64::new(0));
            let began = Instant::now();
            let workers: Vec<_> = (0..tasks)
                .map(|_| {
                    let (db, done) = (t.db.clone(), done.clone());
                    tokio::spawn(async move {
                        let mut slowest = Duration::ZERO;
                        while began.elapsed() < Duration::from_secs(3) {
                            let one = Instant::now();
                            db.write(cx(1), user("s"), create_sent).await.unwrap();
                            slowest = slowest.max(one.elapsed());
                            done.fetch_add(1, Relaxed);
                        }
                        slowest
                    })
                })
                .collect();
            let mut slowest = Duration::ZERO;
            for worker in workers {
                slowest = slowest.max(worker.await.unwrap());
            }
            let rate = done.load(Relaxed) as f64 / began.elapsed().as_secs_f64();
            println!("{tasks} tasks: {rate:.0} audited users a second, slowest {slowest:?}, {:?}", t.db.stats());
        }
    }
}
