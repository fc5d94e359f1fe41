//! What is done in the background, in steps that are safe to repeat: sealing, checkpoints, erasures, retention.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::erasure as redaction;
use portcullis_domain::application::Application;
use portcullis_domain::application_device::WaitingDevice;
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::audit::Event;
use portcullis_domain::invitation::{Invitation, KEPT_SECONDS};
use portcullis_domain::mail::Mail;
use portcullis_domain::mfa::MfaMethod;
use portcullis_domain::organization_domain::{OrganizationDomain, PENDING_SECONDS};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::session::Session;
use portcullis_domain::tenant::{Tenant, TenantKey};
use portcullis_domain::user::User;
use portcullis_domain::webhook::Webhook;
use portcullis_domain::{Ctx, Error, Id, Result, Timestamp};
use portcullis_store::lease::{self, Claim, Lease};
use portcullis_store::{
    Tx, access_change, application_consent, application_device, application_session, attempt, audit, directory,
    erasure, idempotency, invitation, mail, mail_sign_in, mfa_challenge, mfa_method, organization_domain,
    passkey_request, saml_assertion, session, sign_in_start, webhook_delivery,
};
use uuid::Uuid;

use crate::App;
use crate::app::Scribe;
use crate::every_tenant::EveryTenant;

/// A tenant's checkpoint is due after so many events, or after a second with any.
const EVENTS: i64 = 1_000;
/// Events of one step of an erasure.
const STEP: i64 = 1_000;

/// Where the sealer left off in each tenant, so that idle tenants cost nothing.
#[derive(Default)]
pub struct Sealed(Mutex<HashMap<TenantKey, i64>>, AtomicBool);

/// The tenants that this process wrote events for lately: the sealer need not look at the others.
#[derive(Clone, Default)]
pub(crate) struct Touched(Arc<Mutex<HashMap<TenantKey, Lately>>>);
/// A tenant, and for how many rounds more it is looked at.
type Lately = (Id<Tenant>, u8);
impl Touched {
    /// An event is made canonical before it is committed, so its tenant is looked at for some rounds.
    const ROUNDS: u8 = 30;
    pub fn note(&self, cx: &Ctx) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(cx.tenant, (cx.tenant_id, Self::ROUNDS));
    }
    fn round(&self) -> Vec<(TenantKey, Id<Tenant>)> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = seen.iter().map(|(key, (id, _))| (*key, *id)).collect();
        seen.retain(|_, (_, left)| {
            *left -= 1;
            *left > 0
        });
        now
    }
}

impl App {
    /// One round of the sealer: numbers what waits (PostgreSQL), then signs a checkpoint for each tenant that moved. The
    /// checkpoints are answered too, to be written where the database's owner cannot take them away (engine.md 14).
    pub async fn seal(&self, holder: &str, sealed: &Sealed) -> Result<Vec<Checkpoint>> {
        // it would hold up those that can sign
        if self.keys().signing().is_err() {
            return Ok(vec![]);
        }
        let claim = claim("audit.seal", holder);
        let Some(lease) = self.0.db.write(self.nowhere(), claim, acquire).await? else { return Ok(vec![]) };
        let mut moved = self.0.touched.round();
        if self.0.db.is_shared() {
            // what other nodes wrote waits here as well
            for (key, id) in self.0.db.read(self.nowhere(), &(), directory::pending_tenants).await? {
                let cx = self.nowhere().in_tenant(key, id);
                let batch = audit::SealPending { lease: lease.clone(), limit: EVENTS };
                while self.0.db.write(cx.clone(), batch.clone(), audit::seal_pending).await? == EVENTS as usize {}
                moved.push((key, id));
            }
        }
        let mut out = vec![];
        if !sealed.1.swap(true, Ordering::Relaxed) {
            // the first round looks at every tenant: the process before this one may have been cut off
            let mut every = EveryTenant::of(&self.0.db);
            while let Some(cx) = every.next(self.nowhere()).await? {
                moved.push((cx.tenant, cx.tenant_id));
            }
        }
        moved.sort_unstable();
        moved.dedup();
        for (key, id) in moved {
            out.extend(self.checkpoint(key, id, sealed).await?);
        }
        Ok(out)
    }
    async fn checkpoint(&self, key: TenantKey, id: Id<Tenant>, sealed: &Sealed) -> Result<Option<Checkpoint>> {
        let cx = self.nowhere().in_tenant(key, id);
        let head = self.0.db.read(cx.clone(), &(), audit::head).await?;
        let known = sealed.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let last = match known {
            Some(seq) => seq,
            None => self.0.db.read(cx.clone(), &(), audit::latest_checkpoint).await?.map_or(0, |c| c.seq),
        };
        if head.seq > last {
            let keys = self.keys();
            let made = Checkpoint::sign(
                &keys.signing()?.audit,
                self.id::<Event>(&cx).uuid(),
                id.uuid(),
                head.seq,
                head.hash,
                cx.now,
            );
            let row = audit::Checkpoint {
                seq: made.seq,
                id: made.id,
                hash: made.hash,
                key_id: made.key_id.clone(),
                signature: made.signature.to_vec(),
                created_at: made.created_at.micros(),
            };
            self.0.db.write(cx, row, keep_checkpoint).await?;
            sealed.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, head.seq);
            return Ok(Some(made));
        }
        sealed.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, last);
        Ok(None)
    }

    /// Forgets what has outlived its use, up to 1,000 rows of a kind in each tenant: kept answers after 24 hours, sessions a week
    /// after their end, counted failures after an hour, changes of the access graph that no node can be waiting for, invitations a
    /// week after they expired, domains of organizations that nobody proved for a week, enrolments and sign-ins that nobody ended in
    /// time, here or at a provider, assertions that count for nothing any more, deliveries of webhooks after 30 days, mails that nobody tries any more (the operator set up none since),
    /// sessions at applications a day after their end, or an hour after nobody brought their code, devices that waited to be confirmed, consents to applications that are gone. True
    /// while there is more to do.
    pub async fn retain(&self, holder: &str) -> Result<bool> {
        if self.0.db.write(self.nowhere(), claim("retain", holder), acquire).await?.is_none() {
            return Ok(false);
        }
        let (mut more, mut every) = (false, EveryTenant::of(&self.0.db));
        while let Some(cx) = every.next(self.nowhere()).await? {
            more |= self.retain_in(cx, holder).await?;
        }
        Ok(more)
    }
    async fn retain_in(&self, cx: Ctx, holder: &str) -> Result<bool> {
        let (answers, sessions) = (cx.now.plus_seconds(-86_400), cx.now.plus_seconds(-7 * 86_400));
        let slots = self.0.db.scan(cx.clone(), answers, idempotency::old).await?;
        let ended = self.0.db.scan(cx.clone(), sessions, session::ended).await?;
        let tries = self.0.db.scan(cx.clone(), cx.now.plus_seconds(-3_600), attempt::old).await?;
        let changes = self.0.db.scan(cx.clone(), (), access_change::outlived).await?;
        let invited = self.0.db.scan(cx.clone(), cx.now.plus_seconds(-KEPT_SECONDS), invitation::outlived).await?;
        let claims =
            self.0.db.scan(cx.clone(), cx.now.plus_seconds(-PENDING_SECONDS), organization_domain::stale).await?;
        let enrolments = self.0.db.scan(cx.clone(), cx.now, mfa_method::outlived).await?;
        let challenges = self.0.db.scan(cx.clone(), cx.now, mfa_challenge::outlived).await?;
        let begun = self.0.db.scan(cx.clone(), cx.now, sign_in_start::old).await?;
        let heard = self.0.db.scan(cx.clone(), cx.now, saml_assertion::old).await?;
        let mailed = self.0.db.scan(cx.clone(), cx.now, mail_sign_in::outlived).await?;
        let told = cx.now.plus_seconds(-crate::webhook_delivery::KEPT);
        let told = self.0.db.scan(cx.clone(), told, webhook_delivery::old).await?;
        let mails = self.0.db.scan(cx.clone(), cx.now.plus_seconds(-86_400), mail::outlived).await?;
        let at_applications = self.0.db.scan(cx.clone(), cx.now, application_session::ended).await?;
        let devices = self.0.db.scan(cx.clone(), answers, application_device::ended).await?;
        let consents = self.0.db.scan(cx.clone(), (), application_consent::orphans).await?;
        let most = slots.len().max(ended.len()).max(tries.len()).max(invited.len()).max(claims.len()).max(mails.len());
        let asked = self.0.db.scan(cx.clone(), cx.now, passkey_request::outlived).await?;
        let half =
            enrolments.len().max(challenges.len()).max(asked.len()).max(begun.len()).max(heard.len()).max(mailed.len());
        let most = most.max(at_applications.len()).max(devices.len()).max(consents.len());
        let more = most as i64 >= STEP || changes.is_some() || !told.is_empty() || half > 0;
        if most > 0 || more {
            // renewed where something is written: a round over many tenants takes longer than a lease
            let renewed = self.0.db.write(self.nowhere(), claim("retain", holder), acquire).await?;
            let Some(lease) = renewed else { return Ok(false) };
            let c = Outlived {
                slots,
                answers,
                ended,
                tries,
                changes,
                invited,
                claims,
                enrolments,
                challenges,
                asked,
                begun,
                heard,
                mailed,
                told,
                mails,
                at_applications,
                devices,
                consents,
                lease,
            };
            self.0.db.write_bulk(cx, c, forget).await?;
        }
        Ok(more)
    }

    /// Looks at the proved domains of tenants that are due (spec v1 7.4); true while there may be more.
    pub async fn check_domains(&self, holder: &str) -> Result<bool> {
        let claim = claim("domains.check", holder);
        if self.0.db.write(self.nowhere(), claim, acquire).await?.is_none() {
            return Ok(false);
        }
        let (mut more, mut every) = (false, EveryTenant::of(&self.0.db));
        while let Some(cx) = every.next(self.nowhere()).await? {
            more |= self.check_domains_in(&cx).await?;
        }
        Ok(more)
    }

    /// One step of what deleted organizations and ended tokens left behind, and one of every erasure under way: the personal part of events by or
    /// about a deleted person goes, and an event says which (engine.md 14). True while there is more to do.
    pub async fn erase(&self, holder: &str) -> Result<bool> {
        if self.0.db.write(self.nowhere(), claim("audit.erase", holder), acquire).await?.is_none() {
            return Ok(false);
        }
        let (mut more, mut every) = (false, EveryTenant::of(&self.0.db));
        while let Some(cx) = every.next(self.nowhere()).await? {
            more |= self.remove_left_overs(&cx).await?;
            more |= self.remove_ended_tokens(&cx).await?;
            more |= self.erase_in(cx, holder).await?;
        }
        Ok(more)
    }
    async fn erase_in(&self, cx: Ctx, holder: &str) -> Result<bool> {
        let Some(e) = self.0.db.read(cx.clone(), &(), next).await? else { return Ok(false) };
        let renewed = self.0.db.write(self.nowhere(), claim("audit.erase", holder), acquire).await?;
        let Some(lease) = renewed else { return Ok(false) };
        self.take_from_deleted(&cx, Bearer::User(e.user_id.uuid())).await?;
        let from = audit::Start { seq: e.after_seq + 1, limit: STEP };
        let rows = self.0.db.scan(cx.clone(), from, audit::range).await?;
        let head = self.0.db.read(cx.clone(), &(), audit::head).await?;
        let person = e.user_id.to_string();
        let mut erased = vec![];
        for r in &rows {
            let entry = portcullis_audit::entry::entry(&r.body, r.hole, &r.private, None).map_err(Error::internal)?;
            let of = |name: &str| entry[name].as_str() == Some(person.as_str());
            let action = entry["action"].as_str().unwrap_or_default();
            // the record of an erasure is the server's own and names nobody; erasing it would make another one, without end
            let about = action != redaction::REDACTED
                && (of("actor_id")
                    || of("resource_id")
                    || of("on_behalf_of")
                    || entry["metadata"]["user_id"] == person.as_str()
                    // what others recorded of them
                    || ["actor", "resource", "target"].iter().any(|p| entry["metadata"][p]["id"] == person.as_str()));
            if about {
                erased.push((r.seq, r.id, redaction::erase(action, &r.private)));
            }
        }
        let reached = rows.last().map_or(head.seq, |r| r.seq);
        // what was appended before the deletion may still wait for its number
        let settled = cx.now.since(e.created_at).as_secs() >= 10;
        let done = settled && (rows.len() as i64) < STEP;
        let c = Step { user: e.user_id, erased, reached, done, lease: lease.clone(), scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, erase_step).await?;
        Ok(!done && !rows.is_empty())
    }
}

pub(crate) fn claim(name: &'static str, holder: &str) -> Claim {
    Claim { name, holder: holder.to_owned(), seconds: 30 }
}
pub(crate) async fn acquire(tx: &mut Tx, claim: &Claim) -> portcullis_store::Result<Option<Lease>> {
    lease::acquire(tx, claim).await
}
async fn keep_checkpoint(tx: &mut Tx, c: &audit::Checkpoint) -> portcullis_store::Result<()> {
    audit::insert_checkpoint(tx, c).await
}
async fn next(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<erasure::Erasure>> {
    erasure::next(tx).await
}

struct Outlived {
    slots: Vec<i64>,
    answers: Timestamp,
    ended: Vec<Id<Session>>,
    tries: Vec<String>,
    /// Changes of the access graph up to this revision.
    changes: Option<i64>,
    invited: Vec<Id<Invitation>>,
    claims: Vec<Id<OrganizationDomain>>,
    enrolments: Vec<Id<MfaMethod>>,
    /// Sign-ins that waited for a second step.
    challenges: Vec<[u8; 32]>,
    /// What passkeys were asked.
    asked: Vec<[u8; 32]>,
    /// Sign-ins that nobody ended at a provider.
    begun: Vec<Uuid>,
    heard: Vec<[u8; 32]>,
    /// Sign-ins by mail.
    mailed: Vec<[u8; 32]>,
    /// Deliveries of webhooks.
    told: Vec<(Id<Webhook>, Uuid)>,
    mails: Vec<Id<Mail>>,
    at_applications: Vec<Id<ApplicationSession>>,
    devices: Vec<Id<WaitingDevice>>,
    /// To applications that are gone.
    consents: Vec<(Id<User>, Id<Application>)>,
    lease: Lease,
}
async fn forget(tx: &mut Tx, c: &Outlived) -> portcullis_store::Result<()> {
    lease::check(tx, &c.lease).await?;
    for slot in &c.slots {
        idempotency::forget(tx, *slot, c.answers).await?;
    }
    for id in &c.ended {
        session::delete(tx, *id).await?;
    }
    for subject in &c.tries {
        attempt::clear(tx, subject).await?;
    }
    for id in &c.invited {
        invitation::delete(tx, *id).await?;
    }
    for id in &c.claims {
        organization_domain::forget(tx, *id).await?;
    }
    for id in &c.enrolments {
        mfa_method::forget(tx, *id).await?;
    }
    for hash in &c.challenges {
        mfa_challenge::delete(tx, hash).await?;
    }
    for hash in &c.asked {
        passkey_request::forget(tx, hash).await?;
    }
    for id in &c.begun {
        sign_in_start::forget(tx, *id).await?;
    }
    for digest in &c.heard {
        saml_assertion::forget(tx, digest).await?;
    }
    for hash in &c.mailed {
        mail_sign_in::delete(tx, hash).await?;
    }
    for (webhook, event) in &c.told {
        webhook_delivery::delete(tx, *webhook, *event).await?;
    }
    for id in &c.mails {
        mail::forget(tx, *id).await?;
    }
    for id in &c.at_applications {
        application_session::delete(tx, *id).await?;
    }
    for id in &c.devices {
        application_device::delete(tx, *id).await?;
    }
    for (user, application) in &c.consents {
        application_consent::withdraw(tx, *user, *application).await?;
    }
    if let Some(revision) = c.changes {
        access_change::forget(tx, revision).await?;
    }
    Ok(())
}

struct Step {
    user: Id<portcullis_domain::user::User>,
    erased: Vec<(i64, Uuid, String)>,
    reached: i64,
    done: bool,
    lease: Lease,
    scribe: Scribe,
}
async fn erase_step(tx: &mut Tx, c: &Step) -> portcullis_store::Result<()> {
    lease::check(tx, &c.lease).await?;
    for (_, id, private) in &c.erased {
        erasure::redact(tx, *id, private).await?;
    }
    if !c.erased.is_empty() {
        let seqs: Vec<(i64, i64)> = c.erased.iter().map(|(seq, ..)| (*seq, *seq)).collect();
        c.scribe.write(tx, redaction::redacted(c.scribe.id(), c.user, &seqs));
    }
    if c.done { erasure::done(tx, c.user).await } else { erasure::advance(tx, c.user, c.reached).await }
}
