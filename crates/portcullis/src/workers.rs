//! Work in the background of a serving process: sealing the audit log, erasing personal data, forgetting what is over, looking at
//! domains, sending webhooks and mails, rotating token keys.
//!
//! Each is a loop of steps that are safe to repeat. A step that fails is logged, and the next one goes on.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_domain::mail::Mailer;
use portcullis_domain::outbound::Outbound;
use portcullis_service::App;
use portcullis_service::key_rotation::RELOAD_SECONDS;
use portcullis_service::mail_delivery::Postman;
use portcullis_service::tidy::Sealed;
use portcullis_service::webhook_delivery::Courier;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The file in the data directory that each checkpoint is appended to (engine.md 14).
pub const CHECKPOINTS: &str = "audit-checkpoints.log";

const SEAL: Duration = Duration::from_secs(1);
const ERASE: Duration = Duration::from_secs(10);
const RETAIN: Duration = Duration::from_secs(3_600);
/// A domain is looked up once a day, at most so much later.
const CHECK_DOMAINS: Duration = Duration::from_secs(600);
const DELIVER: Duration = Duration::from_secs(1);
const ROTATE_KEYS: Duration = Duration::from_secs(60);
const RELOAD_KEYS: Duration = Duration::from_secs(RELOAD_SECONDS.unsigned_abs());

/// Running workers.
pub struct Workers {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts them; who sends mails only where there is a mailer.
    pub async fn start(
        app: &App,
        data_dir: &Path,
        outbound: Arc<dyn Outbound>,
        mailer: Option<Arc<dyn Mailer>>,
    ) -> anyhow::Result<Self> {
        let mut id = [0; 16];
        app.random().fill(&mut id);
        let holder = Uuid::from_bytes(id).simple().to_string();
        let stop = CancellationToken::new();
        let sealer = Sealer {
            app: app.clone(),
            holder: holder.clone(),
            sealed: Sealed::default(),
            log: CheckpointLog::open(data_dir).await?,
        };
        let mut tasks = vec![
            tokio::spawn(sealer.run(stop.clone())),
            tokio::spawn(erase(app.clone(), holder.clone(), stop.clone())),
            tokio::spawn(retain(app.clone(), holder.clone(), stop.clone())),
            tokio::spawn(check_domains(app.clone(), holder.clone(), stop.clone())),
            tokio::spawn(rotate_keys(app.clone(), holder, stop.clone())),
            tokio::spawn(deliver(app.clone(), Courier::new(outbound), stop.clone())),
        ];
        if let Some(mailer) = mailer {
            tasks.push(tokio::spawn(send_mails(app.clone(), Postman::new(mailer), stop.clone())));
        }
        Ok(Self { stop, tasks })
    }
    /// Stops them after a last seal, which covers every write that was answered.
    pub async fn finish(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(e) = task.await {
                tracing::error!(error = %e, "a worker ended badly");
            }
        }
    }
}

struct Sealer {
    app: App,
    holder: String,
    sealed: Sealed,
    log: CheckpointLog,
}
impl Sealer {
    async fn run(mut self, stop: CancellationToken) {
        let mut tick = interval(SEAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                _ = tick.tick() => false,
                () = stop.cancelled() => true,
            };
            self.seal().await;
            if last {
                return;
            }
        }
    }
    async fn seal(&mut self) {
        match self.app.seal(&self.holder, &self.sealed).await {
            Ok(checkpoints) => {
                for checkpoint in &checkpoints {
                    announce(checkpoint);
                }
                if let Err(e) = self.log.append(&checkpoints).await {
                    tracing::error!(error = %e, file = CHECKPOINTS, "checkpoints could not be appended");
                }
            }
            Err(e) => tracing::error!(error = ?e, "the audit log could not be sealed"),
        }
    }
}

/// Whoever collects the log has the checkpoint where the database's owner cannot take it away.
fn announce(checkpoint: &Checkpoint) {
    let v = checkpoint.to_value();
    let text = |name: &str| v[name].as_str().unwrap_or_default().to_owned();
    tracing::info!(
        tenant_id = text("tenant_id"),
        seq = checkpoint.seq,
        hash = text("hash"),
        created_at = text("created_at"),
        key_id = text("key_id"),
        signature = text("signature"),
        id = text("id"),
        "audit checkpoint"
    );
}

struct CheckpointLog(File);
impl CheckpointLog {
    async fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(CHECKPOINTS);
        let mut options = tokio::fs::OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        options.mode(0o600);
        let open = async {
            let mut file = options.open(&path).await?;
            if ends_in_a_line(&mut file).await? {
                file.write_all(b"\n").await?;
            }
            Ok::<_, std::io::Error>(file)
        };
        Ok(Self(open.await.with_context(|| path.display().to_string())?))
    }
    async fn append(&mut self, checkpoints: &[Checkpoint]) -> std::io::Result<()> {
        if checkpoints.is_empty() {
            return Ok(());
        }
        let lines: String = checkpoints.iter().map(|c| c.to_line() + "\n").collect();
        self.0.write_all(lines.as_bytes()).await?;
        self.0.flush().await?;
        self.0.sync_data().await
    }
}

/// Was the last line cut short by a crash? Then the next one must not be glued to it.
async fn ends_in_a_line(file: &mut File) -> std::io::Result<bool> {
    use tokio::io::{AsyncReadExt, AsyncSeekExt};
    if file.metadata().await?.len() == 0 {
        return Ok(false);
    }
    file.seek(std::io::SeekFrom::End(-1)).await?;
    Ok(file.read_u8().await? != b'\n')
}

async fn erase(app: App, holder: String, stop: CancellationToken) {
    repeat(ERASE, "personal data could not be erased", stop, || app.erase(&holder)).await;
}
async fn retain(app: App, holder: String, stop: CancellationToken) {
    repeat(RETAIN, "what has outlived its use could not be removed", stop, || app.retain(&holder)).await;
}
async fn check_domains(app: App, holder: String, stop: CancellationToken) {
    repeat(CHECK_DOMAINS, "domains could not be looked up", stop, || app.check_domains(&holder)).await;
}

async fn rotate_keys(app: App, holder: String, stop: CancellationToken) {
    repeat(ROTATE_KEYS, "token keys could not be rotated", stop, || app.rotate_keys(&holder)).await;
}
/// Reads the server's keys every minute, on every node, whether it works in the background or not: another one may have changed them.
pub async fn reload_keys(app: App, stop: CancellationToken) {
    let again = || async { app.reload_keys().await.map(|()| false) };
    repeat(RELOAD_KEYS, "the server's keys could not be read", stop, again).await;
}

/// A delivery under way when the server stops is waited for: it takes ten seconds at most.
async fn deliver(app: App, courier: Courier, stop: CancellationToken) {
    let round = || async { app.deliver(&courier).await.map(|_| false) };
    repeat(DELIVER, "webhooks could not be served", stop, round).await;
    courier.finish().await;
}
/// A mail under way when the server stops is waited for: it takes [`LONGEST_SECONDS`](portcullis_domain::mail::LONGEST_SECONDS)
/// at most.
async fn send_mails(app: App, postman: Postman, stop: CancellationToken) {
    let round = || async { app.deliver_mails(&postman).await.map(|_| false) };
    repeat(DELIVER, "mails could not be sent", stop, round).await;
    postman.finish().await;
}
/// A step now and then, again at once while there is more to do.
async fn repeat<F: Future<Output = portcullis_domain::Result<bool>>>(
    every: Duration,
    trouble: &'static str,
    stop: CancellationToken,
    step: impl Fn() -> F,
) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() {
            match step().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    tracing::error!(error = ?e, "{trouble}");
                    break;
                }
            }
        }
    }
}
