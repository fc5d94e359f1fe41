//! The DNS of the machine: the name servers of its configuration, read anew for each lookup, and nothing kept.
use std::time::Duration;

use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};
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
                txt(TokioResolver::builder_tokio().map_err(unavailable)?, name).await
            };
            tokio::time::timeout(PATIENCE, lookup).await.map_err(unavailable)?
        })
    }
}

async fn txt(mut builder: ResolverBuilder<TokioRuntimeProvider>, name: &str) -> Result<Vec<String>, Unresolved> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::rdata::TXT;
    use hickory_resolver::proto::rr::{Record, RecordType};
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server that gives one answer to whatever it is asked, and to itself what that was.
    async fn answers(code: ResponseCode, records: Vec<Vec<String>>) -> (Result<Vec<String>, Unresolved>, Vec<String>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let mut asked = vec![];
            let mut buffer = [0; 2_048];
            while let Ok(Ok((n, from))) =
                tokio::time::timeout(Duration::from_millis(300), socket.recv_from(&mut buffer)).await
            {
                let request = Message::from_vec(&buffer[..n]).unwrap();
                let query = request.queries[0].clone();
                asked.push(query.name().to_string().to_lowercase());
                assert_eq!(query.query_type(), RecordType::TXT);
                let mut answer = Message::error_msg(request.metadata.id, request.metadata.op_code, code);
                for strings in &records {
                    let txt = RData::TXT(TXT::new(strings.clone()));
                    answer.add_answer(Record::from_rdata(query.name().clone(), 60, txt));
                }
                answer.add_query(query);
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
            asked
        });
        let mut connection = ConnectionConfig::udp();
        connection.port = port;
        let server_config = NameServerConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), true, vec![connection]);
        let search = vec!["search.example.".parse().unwrap()];
        let config = ResolverConfig::from_parts(None, search, vec![server_config]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let out = txt(builder, "_portcullis.example.com").await;
        (out, server.await.unwrap())
    }
    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[tokio::test]
    async fn records_are_read_whole_and_only_of_the_name_itself() {
        let records = vec![strings(&["v=spf1 -all"]), strings(&["portcullis-", "verify=x"])];
        let (out, asked) = answers(ResponseCode::NoError, records).await;
        assert_eq!(out, Ok(strings(&["v=spf1 -all", "portcullis-verify=x"])));
        assert_eq!(asked, ["_portcullis.example.com."]);
    }

    #[tokio::test]
    async fn no_name_no_record_and_no_sense_are_three_things() {
        let (out, asked) = answers(ResponseCode::NXDomain, vec![]).await;
        assert_eq!((out, &*asked[0]), (Err(Unresolved::NoSuchHost), "_portcullis.example.com."));
        assert!(asked.iter().all(|n| n == "_portcullis.example.com."), "{asked:?}: no search list");
        assert_eq!(answers(ResponseCode::NoError, vec![]).await.0, Ok(vec![]));
        for code in [ResponseCode::ServFail, ResponseCode::Refused] {
            assert!(matches!(answers(code, vec![]).await.0, Err(Unresolved::Unavailable(_))), "{code}");
        }
    }

    #[tokio::test]
    async fn what_is_too_long_is_left_out() {
        // more than 1,024 bytes, in a datagram of fewer than 1,232
        let long = vec!["x".repeat(206); 5];
        let (out, _) = answers(ResponseCode::NoError, vec![long, strings(&["short"])]).await;
        assert_eq!(out, Ok(strings(&["short"])));
    }
}
