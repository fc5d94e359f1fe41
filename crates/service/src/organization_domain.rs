//! The e-mail domains of organizations: claim, prove, give up (spec v1beta1 2.3.7, 3.12). Who joins through one is in
//! `organization_join.rs`.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::organization::Organization;
use portcullis_domain::organization_domain::{OrganizationDomain, PENDING, VERIFIED};
use portcullis_domain::value::DomainName;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, organization_domain};

use crate::app::Scribe;
use crate::domain_check::Heard;
use crate::organization::{current, on};
use crate::{Answer, App, Reply};

/// An organization has so many: each is a lookup.
const MOST: usize = 100;
const UPDATE: &str = "app_organization_update";

impl App {
    /// Claims a domain. The answer says which record proves it.
    pub async fn create_organization_domain(
        &self,
        cx: &Ctx,
        which: String,
        name: Result<DomainName>,
        reply: Reply<OrganizationDomain>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, UPDATE).await?;
        let command = async {
            let mut token = [0; 40];
            self.0.random.fill(&mut token);
            let domain = OrganizationDomain {
                id: self.id(cx),
                organization_id: organization.id,
                name: name?,
                token: format!("_frontier-domain-verification={}", STANDARD.encode(token)),
                verified: false,
                created_at: cx.now,
                updated_at: cx.now,
            };
            Ok(Insert { domain, scribe: self.scribe(cx) })
        };
        self.answer(cx, on(&organization, UPDATE), command, reply, insert).await
    }
    /// The domains of an organization; of one state, if it is named. `app_organization_get`.
    pub async fn list_organization_domains(
        &self,
        cx: &Ctx,
        which: String,
        state: &str,
    ) -> Result<Vec<OrganizationDomain>> {
        let organization = self.organization_for(cx, &which, "app_organization_get").await?.id;
        if !["", PENDING, VERIFIED].contains(&state) {
            return Err(Error::field("state", "pending or verified."));
        }
        let all = self.0.db.read(cx.clone(), &organization, of).await?;
        Ok(all.into_iter().filter(|d| state.is_empty() || d.state() == state).collect())
    }
    /// One of them. `app_organization_get`.
    pub async fn get_organization_domain(&self, cx: &Ctx, which: String, id: &str) -> Result<OrganizationDomain> {
        let organization = self.organization_for(cx, &which, "app_organization_get").await?.id;
        self.domain_of(cx, organization, id).await
    }
    /// Looks whether the record is there. What is proved stays so.
    pub async fn verify_organization_domain(
        &self,
        cx: &Ctx,
        which: String,
        id: &str,
        reply: Reply<OrganizationDomain>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, UPDATE).await?;
        let command = async {
            let domain = self.domain_of(cx, organization.id, id).await?;
            if !domain.verified {
                match self.look_up(cx, organization.id.uuid(), &domain.name, &domain.token).await? {
                    Heard::Record => {}
                    Heard::NoRecord => return Err(no_record()),
                    Heard::NoHost => return Err(no_host()),
                    Heard::Silence => return Err(Error::unavailable("the name servers did not answer")),
                }
            }
            Ok(Verify { id: domain.id, scribe: self.scribe(cx) })
        };
        self.answer(cx, on(&organization, UPDATE), command, reply, verify).await
    }
    /// Gives a domain up: nobody joins through it any more; who did stays.
    pub async fn delete_organization_domain(&self, cx: &Ctx, which: String, id: &str) -> Result<()> {
        let organization = self.find_organization(cx, &which, UPDATE).await?;
        let command = async {
            let domain = self.domain_of(cx, organization.id, id).await?;
            Ok(Delete { id: domain.id, scribe: self.scribe(cx) })
        };
        self.apply(cx, on(&organization, UPDATE), command, delete).await
    }

    /// A domain of an organization that the caller may look at; one of another organization is not there.
    async fn domain_of(&self, cx: &Ctx, organization: Id<Organization>, id: &str) -> Result<OrganizationDomain> {
        let found = match id.parse() {
            Ok(id) => self.0.db.read(cx.clone(), &id, by_id).await?,
            Err(_) => None,
        };
        found.filter(|d| d.organization_id == organization).ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::not_found("domain")
}
fn no_record() -> Error {
    Error::new(Code::NotFound, "required TXT record not found for domain verification")
}
fn no_host() -> Error {
    Error::new(Code::NotFound, "invalid domain, no such host found")
}

struct Insert {
    domain: OrganizationDomain,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<OrganizationDomain> {
    let d = &c.domain;
    current(tx, d.organization_id).await?;
    if organization_domain::by_name(tx, d.organization_id, &d.name).await?.is_some() {
        return Err(Error::new(Code::AlreadyExists, "domain name already exists for that organization").into());
    }
    if organization_domain::of(tx, d.organization_id).await?.len() >= MOST {
        let e = Error::new(Code::Conflict, "An organization has at most 100 domains: give some up.");
        return Err(e.detail("state", "full").into());
    }
    organization_domain::insert(tx, d).await?;
    c.scribe.write(tx, event(&c.scribe, "organization.domain_created", d));
    Ok(d.clone())
}

struct Verify {
    id: Id<OrganizationDomain>,
    scribe: Scribe,
}
async fn verify(tx: &mut Tx, c: &Verify) -> portcullis_store::Result<OrganizationDomain> {
    // its name and token never change
    let Some(before) = organization_domain::by_id(tx, c.id).await? else { return Err(gone().into()) };
    if before.verified {
        return Ok(before);
    }
    let now = tx.cx.now;
    organization_domain::verify(tx, c.id, now).await?;
    let after = OrganizationDomain { verified: true, updated_at: now, ..before };
    c.scribe.write(tx, event(&c.scribe, "organization.domain_verified", &after));
    Ok(after)
}

struct Delete {
    id: Id<OrganizationDomain>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let Some(d) = organization_domain::by_id(tx, c.id).await? else { return Err(gone().into()) };
    organization_domain::delete(tx, d.id).await?;
    c.scribe.write(tx, event(&c.scribe, "organization.domain_deleted", &d));
    Ok(())
}

fn event(scribe: &Scribe, action: &'static str, d: &OrganizationDomain) -> portcullis_domain::audit::Event {
    scribe.event(action, "organization", d.organization_id).with("domain_id", d.id.to_string()).with("domain", &*d.name)
}

async fn by_id(tx: &mut Tx, id: &Id<OrganizationDomain>) -> portcullis_store::Result<Option<OrganizationDomain>> {
    organization_domain::by_id(tx, *id).await
}
async fn of(tx: &mut Tx, id: &Id<Organization>) -> portcullis_store::Result<Vec<OrganizationDomain>> {
    organization_domain::of(tx, *id).await
}
