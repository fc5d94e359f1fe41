//! A closed loop: each connection sends its next request when the last one was answered, or at fixed moments.
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::histogram::Histogram;
use super::http::Connection;

/// What one connection asks.
pub trait Script: Send {
    /// Writes the next request, whole, into an empty buffer.
    fn request(&mut self, out: &mut Vec<u8>);
    /// The only status that is right.
    fn status(&self) -> u16;
    /// An address to go on from with a new connection, before the next request.
    fn moves_to(&mut self) -> Option<Ipv4Addr> {
        None
    }
}
/// The scripts of all connections.
pub type Scripts = Vec<Box<dyn Script>>;

/// When a connection sends.
#[derive(Clone, Copy)]
pub enum Pace {
    /// As soon as it has an answer.
    Closed,
    /// At these intervals; a late answer counts from when it should have been asked for.
    Every(Duration),
}

/// What came of it.
pub struct Outcome {
    pub latency: Histogram,
    pub seconds: f64,
}
impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.latency.count() as f64 / self.seconds
    }
}

/// Runs all scripts for this long. The first unexpected answer ends the run.
pub async fn run(to: SocketAddr, scripts: Scripts, time: Duration, pace: Pace) -> Result<Outcome> {
    let mut open = Vec::with_capacity(scripts.len());
    for script in scripts {
        open.push((Connection::open(to, None).await?, script));
    }
    let start = Instant::now();
    let tasks = open.into_iter().map(|(connection, script)| {
        tokio::spawn(async move {
            match pace {
                Pace::Closed => closed(to, connection, script, start + time).await,
                Pace::Every(interval) => paced(connection, script, start + time, interval).await,
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut latency = Histogram::default();
    for task in tasks {
        latency.merge(&task.await??);
    }
    Ok(Outcome { latency, seconds: start.elapsed().as_secs_f64() })
}

async fn closed(
    to: SocketAddr,
    mut connection: Connection,
    mut script: Box<dyn Script>,
    end: Instant,
) -> Result<Histogram> {
    let (mut latency, mut request) = (Histogram::default(), Vec::with_capacity(2 << 10));
    loop {
        if let Some(from) = script.moves_to() {
            connection = Connection::open(to, Some(from)).await?;
        }
        let start = Instant::now();
        if start >= end {
            return Ok(latency);
        }
        once(&mut connection, &mut *script, &mut request).await?;
        latency.add(start.elapsed());
    }
}

async fn paced(
    mut connection: Connection,
    mut script: Box<dyn Script>,
    end: Instant,
    interval: Duration,
) -> Result<Histogram> {
    let (mut latency, mut request) = (Histogram::default(), Vec::with_capacity(2 << 10));
    let mut due = Instant::now() + interval;
    while due < end {
        tokio::time::sleep_until(due.into()).await;
        // the timer rounds up to a millisecond: that is ours, not the server's; a request that came late is the server's
        let asked = Instant::now().min(due + Duration::from_millis(2));
        once(&mut connection, &mut *script, &mut request).await?;
        latency.add(asked.elapsed());
        due += interval;
    }
    Ok(latency)
}

async fn once(connection: &mut Connection, script: &mut dyn Script, request: &mut Vec<u8>) -> Result<()> {
    request.clear();
    script.request(request);
    connection.call(request).await?.expect(script.status())
}
