//! A store with many small tenants, made through the API: each with an owner, an API key, people, and an organization that one of
//! them is a member of. Made once in a work folder and found again.
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::filled::PASSWORD;
use super::http::Connection;
use super::people;
use super::server::Server;
use crate::options::Options;
use crate::report::progress;

/// How many there are.
pub const TENANTS: u64 = 10_000;
/// People in each, its owner among them.
pub const PEOPLE: u64 = 10;
const HANDS: u64 = 16;

/// What a check in a tenant needs.
#[derive(Serialize, Deserialize)]
pub struct Tenant {
    pub id: String,
    /// An API key of its owner.
    pub key: String,
    /// Somebody who may see the organization.
    pub user: String,
    pub organization: String,
}

/// The folder of the store.
pub fn data(options: &Options) -> PathBuf {
    options.dir().join("tenants")
}

/// Starts a server on it.
pub async fn server(options: &Options) -> Result<(Server, Arc<[Tenant]>)> {
    let (data, done) = (data(options), options.dir().join("tenants.done"));
    if done.exists() {
        let tenants: Vec<Tenant> = serde_json::from_slice(&fs::read(&done)?)?;
        return Ok((Server::start(options, &data)?, tenants.into()));
    }
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
    }
    let server = Server::start(options, &data)?;
    progress("many tenants");
    let next = Arc::new(AtomicU64::new(0));
    let hands = (0..HANDS).map(|_| {
        let next = next.clone();
        let master = format!("x-api-key: {}\r\nx-tenant-id: {}\r\n", server.key, server.tenant);
        let to = server.address;
        tokio::spawn(async move {
            let mut out = vec![];
            loop {
                let n = next.fetch_add(1, Relaxed);
                if n >= TENANTS {
                    return anyhow::Ok(out);
                }
                // an address may sign in 30 times a minute: each tenant has its own
                let [_, _, high, low] = u32::try_from(n)?.to_be_bytes();
                let mut connection = Connection::open(to, Some(Ipv4Addr::new(127, 1, high, low))).await?;
                out.push(tenant(&mut connection, &master, n).await.with_context(|| format!("tenant {n}"))?);
            }
        })
    });
    let mut tenants = vec![];
    for hand in hands.collect::<Vec<_>>() {
        tenants.extend(hand.await??);
    }
    fs::write(done, serde_json::to_vec(&tenants)?)?;
    Ok((server, tenants.into()))
}

/// Makes one, as its people would.
async fn tenant(connection: &mut Connection, master: &str, n: u64) -> Result<Tenant> {
    let owner = people::email(n * PEOPLE);
    let body = json!({ "name": format!("Tenant {n}"), "slug": format!("tenant-{n}"), "owner_email": owner });
    let made = post(connection, master, "/v1/tenants", &body, 201).await?;
    let invitation = text(&made, "invitation_url")?;
    let token = invitation.rsplit_once("token=").map(|(_, token)| token).context("an invitation without a token")?;
    post(connection, "", "/v1/auth/verify-email", &json!({ "token": token }), 200).await?;
    let first = json!({ "token": token, "password": PASSWORD });
    post(connection, "", "/v1/auth/set-initial-password", &first, 200).await?;
    let login = json!({ "email": owner, "password": PASSWORD, "tenant_slug": format!("tenant-{n}") });
    let session = post(connection, "", "/v1/auth/login", &login, 200).await?;
    let (id, bearer) = (text(&session, "tenant_id")?, text(&session, "token")?);
    let signed_in = format!("authorization: Bearer {bearer}\r\nx-tenant-id: {id}\r\n");
    let key = post(connection, &signed_in, "/v1/api-keys", &json!({ "name": "bench" }), 201).await?;
    let key = text(&key, "raw_key")?;
    let own = format!("x-api-key: {key}\r\nx-tenant-id: {id}\r\n");

    let mut user = String::new();
    for person in 1..PEOPLE {
        let mut body = String::new();
        people::body(&mut body, n * PEOPLE + person);
        user = text(&send(connection, &own, "/v1/users", &body, 201).await?, "id")?;
    }
    let body = json!({ "name": "home", "title": "Home" });
    let made = post(connection, &own, "/v1beta1/organizations", &body, 200).await?;
    let organization = text(&made["organization"], "id")?;
    let member = json!({ "role_id": "app_organization_viewer", "resource": format!("app/organization:{organization}"),
        "principal": format!("app/user:{user}") });
    post(connection, &own, "/v1beta1/policies", &member, 200).await?;
    Ok(Tenant { id, key, user, organization })
}

async fn post(connection: &mut Connection, who: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
    send(connection, who, path, &body.to_string(), status).await
}
async fn send(connection: &mut Connection, who: &str, path: &str, body: &str, status: u16) -> Result<Value> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{who}");
    write!(request, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    let answer = connection.call(request.as_bytes()).await?;
    answer.expect(status).with_context(|| path.to_owned())?;
    serde_json::from_slice(answer.body).with_context(|| path.to_owned())
}
fn text(of: &Value, member: &str) -> Result<String> {
    of[member].as_str().map(ToOwned::to_owned).with_context(|| format!("no {member}: {of}"))
}
