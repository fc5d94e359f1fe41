//! The DNS of the machine: the name servers of its configuration, read anew for each lookup, and nothing kept.
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use portcullis_domain::dns::{Dns, Lookup, Unresolved};
use tokio::sync::Semaphore;

/// How long a lookup takes at most, the wait for its turn included.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many run at once.
const AT_ONCE: usize = 32;
/// So many records of a name are looked at, and so long ones: what we look for is much shorter.
const RECORDS: usize = 256;
const LONGEST: usize = 1_024;

/// The resolver of this machine.
pub struct SystemDns(Semaphore);
impl Default for SystemDns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}
impl Dns for SystemDns {
    fn txt<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let lookup = async {
                let _turn = self.0.acquire().await.map_err(unavailable)?;
                txt(name).await
            };
            tokio::time::timeout(PATIENCE, lookup).await.map_err(unavailable)?
        })
    }
}

async fn txt(name: &str) -> Result<Vec<String>, Unresolved> {
    let mut builder = TokioResolver::builder_tokio().map_err(unavailable)?;
    let options = builder.options_mut();
    options.timeout = Duration::from_secs(2);
    options.attempts = 1;
    options.cache_size = 0;
    let resolver = builder.build().map_err(unavailable)?;
    // with the dot: no search list is tried
    match resolver.txt_lookup(format!("{name}.")).await {
        Ok(found) => {
            let records = found.answers().iter().filter_map(|r| match &r.data {
                RData::TXT(txt) => Some(txt.txt_data.concat()),
                _ => None,
            });
            let short = records.filter(|r| r.len() <= LONGEST).take(RECORDS);
            Ok(short.filter_map(|r| String::from_utf8(r).ok()).collect())
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
            ResponseCode::NXDomain => Err(Unresolved::NoSuchHost),
            ResponseCode::NoError => Ok(vec![]),
            other => Err(unavailable(other)),
        },
        Err(e) => Err(unavailable(e)),
    }
}

fn unavailable(cause: impl std::fmt::Display) -> Unresolved {
    Unresolved::Unavailable(cause.to_string())
}
