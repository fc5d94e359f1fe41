//! Mails as files: for whoever tries things out without a mail server.
use std::path::PathBuf;

use portcullis_domain::mail::{Mail, Mailer, Sending, Undelivered};
use tokio::io::AsyncWriteExt;

use crate::Sender;

/// A directory with a file for each mail, which nobody but its owner reads: the links in them let in whoever has them.
pub struct Directory {
    sender: Sender,
    path: PathBuf,
}
impl Directory {
    /// Writes into this directory, which is made when the first mail comes.
    pub fn new(sender: Sender, path: PathBuf) -> Self {
        Self { sender, path }
    }
    async fn write(&self, mail: &Mail) -> Result<(), Undelivered> {
        let message = self.sender.message(mail)?.formatted();
        self.keep(mail, &message).await.map_err(|e| Undelivered::Unreachable(format!("{}: {e}", self.path.display())))
    }
    async fn keep(&self, mail: &Mail, message: &[u8]) -> std::io::Result<()> {
        let mut dir = tokio::fs::DirBuilder::new();
        dir.recursive(true);
        #[cfg(unix)]
        dir.mode(0o700);
        dir.create(&self.path).await?;
        // ids sort by the time of their making; a mail that is sent once more replaces itself
        let name = self.path.join(format!("{}.eml", mail.id));
        let unfinished = name.with_extension("part");
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&unfinished).await?;
        file.write_all(message).await?;
        file.flush().await?;
        tokio::fs::rename(unfinished, name).await
    }
}
impl Mailer for Directory {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(self.write(mail))
    }
}
