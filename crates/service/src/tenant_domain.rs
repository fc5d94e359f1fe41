//! The e-mail domains of a tenant: claim, prove, give up, and the daily look whether they are still proved (spec v1 4.5, 7.4).
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_authz::Target;
use portcullis_domain::tenant_domain::TenantDomain;
use portcullis_domain::value::DomainName;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, identity_provider, tenant_domain};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::domain_check::Heard;
use crate::{Answer, App, Reply};

/// A tenant has so many: each is a lookup, and their list is not paged.
const MOST: usize = 250;
/// A proved domain is looked up so often,
const EVERY_SECONDS: i64 = 86_400;
/// and is lost when the record was missing so many times running.
const MISSES: i64 = 3;

/// What a check of a domain found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Is it proved now?
    pub verified: bool,
    /// What to do, or that all is well.
    pub message: String,
}

impl App {
    /// Claims a domain. `domains:create`.
    pub async fn create_domain(
        &self,
        cx: &Ctx,
        name: Result<DomainName>,
        reply: Reply<TenantDomain>,
    ) -> Result<Answer> {
        let command = async {
            let mut token = [0; 32];
            self.0.random.fill(&mut token);
            let domain = TenantDomain {
                id: self.id(cx),
                name: name?,
                token: URL_SAFE_NO_PAD.encode(token),
                verified_at: None,
                last_checked_at: None,
                last_error: None,
                misses: 0,
                created_at: cx.now,
            };
            Ok(Insert { domain, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::new("domains:create", Target::tenant()), command, reply, insert).await
    }
    /// All domains of the tenant, by name. `domains:list`.
    pub async fn list_domains(&self, cx: &Ctx) -> Result<Vec<TenantDomain>> {
        self.may(cx, "domains:list", Target::tenant()).await?;
        self.0.db.read(cx.clone(), &(), list).await.map_err(Error::from)
    }
    /// One domain. `domains:list`.
    pub async fn get_domain(&self, cx: &Ctx, id: Id<TenantDomain>) -> Result<TenantDomain> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        self.may_read(cx, "domains:list", Target::tenant(), found, "domain").await
    }
    /// Looks the record up now. What is proved stays so until the daily look misses it three times. `domains:verify`.
    pub async fn verify_domain(&self, cx: &Ctx, id: Id<TenantDomain>, reply: Reply<Verification>) -> Result<Answer> {
        let (domain, gate) = self.domain_gate(cx, id, "domains:verify").await?;
        let command = async {
            let heard = self.look_up(cx, uuid::Uuid::nil(), &domain.record(), &domain.value()).await?;
            Ok(Check { id, heard, daily: false, at: cx.now, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, check).await
    }
    /// Gives a domain up. `domains:delete`.
    pub async fn delete_domain(&self, cx: &Ctx, id: Id<TenantDomain>) -> Result<()> {
        let (_, gate) = self.domain_gate(cx, id, "domains:delete").await?;
        let command = async { Ok(Delete { id, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, delete).await
    }
    /// The domain, with what it takes to do this to it. One that is not there is told only to who may do it to all.
    async fn domain_gate(&self, cx: &Ctx, id: Id<TenantDomain>, action: &'static str) -> Result<(TenantDomain, Gate)> {
        let target = |id: &dyn std::fmt::Display| Target::new_in_tenant("Domain", id.to_string());
        let Some(domain) = self.0.db.read(cx.clone(), &id, by_id).await? else {
            return self.may_read(cx, action, target(&uuid::Uuid::nil()), None, "domain").await;
        };
        let target = target(&id).attribute("name", portcullis_authz::Attribute::Text(domain.name.to_string().into()));
        Ok((domain, Gate::new(action, target)))
    }

    /// Looks up the proved domains of a tenant that were not looked up for a day; true while there are more.
    pub(crate) async fn check_domains_in(&self, cx: &Ctx) -> Result<bool> {
        let due = self.0.db.scan(cx.clone(), cx.now.plus_seconds(-EVERY_SECONDS), due).await?;
        for d in &due {
            let heard = self.hear(&d.record(), &d.value()).await;
            let c = Check { id: d.id, heard, daily: true, at: cx.now, scribe: self.scribe(cx) };
            match self.0.db.write(cx.clone(), c, check).await.map_err(Error::from) {
                // it was given up meanwhile
                Err(e) if e.code() == Code::NotFound => {}
                out => drop(out?),
            }
        }
        Ok(!due.is_empty())
    }
}

fn gone() -> Error {
    Error::not_found("domain")
}
/// What a person reads who wants to know why it is not proved.
fn advice(d: &TenantDomain, heard: Heard) -> Option<String> {
    let publish = format!("Publish a TXT record at {} with the value {}.", d.record(), d.value());
    match heard {
        Heard::Record => None,
        Heard::NoRecord => Some(format!("The record there does not have the expected value. {publish}")),
        Heard::NoHost => Some(format!("There is no record yet. {publish}")),
        Heard::Silence => Some("The name servers did not answer. Try again later.".into()),
    }
}

struct Insert {
    domain: TenantDomain,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<TenantDomain> {
    let all = tenant_domain::list(tx).await?;
    if all.iter().any(|d| d.name == c.domain.name) {
        return Err(Error::new(Code::AlreadyExists, "This domain is there already.").detail("field", "domain").into());
    }
    if all.len() >= MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 250 domains: delete some.").into());
    }
    tenant_domain::insert(tx, &c.domain).await?;
    c.scribe.write(tx, event(&c.scribe, "domain.created", &c.domain));
    Ok(c.domain.clone())
}

struct Check {
    id: Id<TenantDomain>,
    heard: Heard,
    /// Does a miss count against what is proved?
    daily: bool,
    at: Timestamp,
    scribe: Scribe,
}
async fn check(tx: &mut Tx, c: &Check) -> portcullis_store::Result<Verification> {
    let Some(before) = tenant_domain::by_id(tx, c.id).await? else { return Err(gone().into()) };
    let checked_today = before.last_checked_at.is_some_and(|t| t.plus_seconds(EVERY_SECONDS) > c.at);
    if c.daily && (checked_today || before.verified_at.is_none()) {
        // by another node, or by somebody who could not wait
        return Ok(Verification { verified: before.verified_at.is_some(), message: String::new() });
    }
    let found = c.heard == Heard::Record;
    let misses = match (found, c.daily) {
        (true, _) => 0,
        // that nobody answers says nothing about the record
        (false, true) if c.heard != Heard::Silence => before.misses + 1,
        _ => before.misses,
    };
    let verified_at = match before.verified_at {
        Some(_) if misses >= MISSES => None,
        None if found => Some(c.at),
        same => same,
    };
    let last_error = advice(&before, c.heard);
    // a look by hand that missed puts no daily one off: only those count misses
    let looked = found || c.daily || before.verified_at.is_none();
    let last_checked_at = if looked { Some(c.at) } else { before.last_checked_at };
    let after = TenantDomain { verified_at, misses, last_checked_at, last_error, ..before.clone() };
    tenant_domain::update(tx, &after).await.map_err(|e| e.when_conflict("tenant_domains_proved", proved_elsewhere))?;
    match (before.verified_at, after.verified_at) {
        (None, Some(_)) => c.scribe.write(tx, event(&c.scribe, "domain.verified", &after)),
        (Some(_), None) => c.scribe.write(tx, event(&c.scribe, "domain.lost", &after)),
        _ => {}
    }
    let verified = after.verified_at.is_some();
    let message = match (&after.last_error, verified) {
        (None, _) => "The record is there: the domain is verified.".into(),
        (Some(wrong), true) => format!("The domain stays verified for now. {wrong}"),
        (Some(wrong), false) => wrong.clone(),
    };
    Ok(Verification { verified, message })
}
fn proved_elsewhere() -> Error {
    Error::new(Code::AlreadyExists, "Another tenant of this server has verified this domain.").detail("field", "domain")
}

struct Delete {
    id: Id<TenantDomain>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let Some(d) = tenant_domain::by_id(tx, c.id).await? else { return Err(gone().into()) };
    let trusted = identity_provider::all(tx).await?.into_iter().filter(|p| p.config.domains().contains(&d.name));
    let trusted: Vec<String> = trusted.map(|p| p.id.to_string()).collect();
    if !trusted.is_empty() {
        let message = "An identity provider is trusted for this domain: take it from its domains first.";
        return Err(Error::new(Code::InUse, message).detail("used_by", trusted).into());
    }
    tenant_domain::delete(tx, d.id).await?;
    c.scribe.write(tx, event(&c.scribe, "domain.deleted", &d));
    Ok(())
}
fn event(scribe: &Scribe, action: &'static str, d: &TenantDomain) -> portcullis_domain::audit::Event {
    scribe.event(action, "domain", d.id).with("domain", &*d.name)
}

async fn by_id(tx: &mut Tx, id: &Id<TenantDomain>) -> portcullis_store::Result<Option<TenantDomain>> {
    tenant_domain::by_id(tx, *id).await
}
async fn list(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<TenantDomain>> {
    tenant_domain::list(tx).await
}
async fn due(tx: &mut Tx, end: &Timestamp) -> portcullis_store::Result<Vec<TenantDomain>> {
    tenant_domain::due(tx, end).await
}
