//! Devices without a browser (RFC 8628): they show a short code, which a person confirms in a browser elsewhere.
use std::fmt;
use std::net::IpAddr;

use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_crypto::token::{Purpose, Raw};
use portcullis_domain::application::{Application, GrantType, scope};
use portcullis_domain::application_device::{DeviceState, WaitingDevice};
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::session::Refresh;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::application_device::Digests;
use portcullis_store::{Tx, application, application_device, application_session};

use super::Provider;
use super::authorize::Person;
use super::code::{begin, behind};
use super::consent::{SHOWN_SECONDS, remember, slices};
use super::refusal::{OAuthError, Outcome, refused};
use super::stamp::About;
use super::standing::{self, Standing};
use super::token::{TokenAnswer, narrowed};
use crate::app::Scribe;
use crate::application_session_end::make_room;
use crate::demand::Demand;

/// A device waits at most so long.
const LIFE_SECONDS: i64 = 600;
/// It asks again after so long, and so much later each time that it was too early (RFC 8628 3.5), up to the longest.
const INTERVAL_SECONDS: i64 = 5;
const LONGEST_INTERVAL_SECONDS: i64 = 60;
/// At most so many wait at once: in a tenant, of an application, from an address. Anybody can begin one of a public application.
const MOST: i64 = 10_000;
const MOST_OF_APPLICATION: i64 = 5_000;
const MOST_AT_ADDRESS: i64 = 100;
/// Letters that are not taken for others, and make no words (RFC 8628 6.1): 20 of them, eight times, are 34 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// What a device is told.
#[derive(Clone)]
pub struct DeviceAnswer {
    /// What it asks with.
    pub device_code: Raw,
    /// What it shows.
    pub user_code: String,
    /// For how many seconds both are good.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub interval: i64,
}
impl fmt::Debug for DeviceAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
/// A device that waits for this person's word.
#[derive(Clone)]
pub struct Waiting {
    /// The application on it.
    pub application: Application,
    /// What it wants to learn.
    pub scopes: Vec<String>,
    /// What it shows.
    pub user_code: String,
    /// What the person's word has to bring along: it is good for just this.
    pub shown: String,
}
impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("application", &self.application.id).finish_non_exhaustive()
    }
}
/// What came of a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It counts.
    Done,
    /// The device does not wait any more.
    Gone,
    /// It was not about this, or this is different by now: the person is to look again.
    LookAgain,
}

impl Provider {
    /// Begins for a device.
    pub async fn begin_device(&self, application: &Application, said: Option<&str>) -> Outcome<DeviceAnswer> {
        if !application.may(GrantType::DeviceCode) {
            return Err(refused(OAuthError::UnauthorizedClient, "The grant device_code is not registered."));
        }
        let scopes = narrowed(&application.scopes, said)?;
        let device = Purpose::DeviceCode.generate(&*self.app.0.random);
        for _ in 0..5 {
            let user_code = self.new_user_code();
            let waiting = WaitingDevice {
                id: self.app.id(&self.cx),
                application_id: application.id,
                scopes: scopes.clone(),
                state: DeviceState::Pending,
                application_session_id: None,
                interval_seconds: INTERVAL_SECONDS,
                polled_at: None,
                created_at: self.cx.now,
                expires_at: self.cx.now.plus_seconds(LIFE_SECONDS),
            };
            let address = self.cx.ip.map(|ip| self.address(ip));
            let digests = Digests { device: *device.hash.bytes(), user_code: self.digest(&user_code), address };
            let c = Insert { waiting, digests };
            if self.app.0.db.write(self.cx.clone(), c, insert).await.map_err(Error::from)? {
                let (expires_in, interval) = (LIFE_SECONDS, INTERVAL_SECONDS);
                return Ok(DeviceAnswer { device_code: device.raw, user_code, expires_in, interval });
            }
        }
        Err(Error::unavailable("no free user code was found").into())
    }
    /// The device that shows this, if it waits. A person who is signed in here only.
    pub async fn waiting(&self, cx: &Ctx, user_code: &str) -> Result<Option<Waiting>> {
        let person = self.person_of(Some(cx)).ok_or_else(|| crate::authenticate::refused("missing"))?;
        let Some(user_code) = spelled(user_code) else { return Ok(None) };
        let found = self.app.0.db.read(self.cx.clone(), &self.digest(&user_code), pending).await?;
        Ok(found.map(|(device, application)| {
            let shown = self.stamp(About::Device, &slices(&about(&device, &application, &person)));
            Waiting { application, scopes: device.scopes, user_code, shown }
        }))
    }
    /// Lets the device in that `shown` was made for, or not. A person who is signed in here only.
    pub async fn decide_device(&self, cx: &Ctx, user_code: &str, allow: bool, shown: &str) -> Result<Decided> {
        let person = self.person_of(Some(cx)).ok_or_else(|| crate::authenticate::refused("missing"))?;
        let Some(user_code) = spelled(user_code) else { return Ok(Decided::Gone) };
        let found = self.app.0.db.read(self.cx.clone(), &self.digest(&user_code), pending).await?;
        let Some((device, application)) = found else { return Ok(Decided::Gone) };
        let parts = about(&device, &application, &person);
        if self.stamped_at(About::Device, &slices(&parts), shown, SHOWN_SECONDS).is_none() {
            return Ok(Decided::LookAgain);
        }
        let session = ApplicationSession {
            id: self.app.id(cx),
            application_id: Id::from_uuid(uuid::Uuid::nil()),
            user_id: person.user,
            session_id: person.session,
            identity_provider: None,
            began_with: GrantType::DeviceCode,
            scopes: vec![],
            offline: false,
            amr: person.amr,
            auth_time: person.auth_time,
            nonce: None,
            created_at: cx.now,
            expires_at: cx.now,
            revoked_at: None,
        };
        let seen = (device.id, application.revision);
        let (demand, scribe) = (self.demand.clone(), self.app.scribe(cx));
        let c = Decide { user_code: self.digest(&user_code), seen, session, allow, demand, scribe };
        self.app.0.db.write(cx.clone(), c, decide).await.map_err(Error::from)
    }
    /// A device asks whether somebody confirmed it.
    pub(super) async fn poll(&self, application: &Application, code: &str) -> Outcome<TokenAnswer> {
        let wrong = || refused(OAuthError::InvalidGrant, "The device_code is not good, or not for this client.");
        let hash = Purpose::DeviceCode.parse(code).map_err(|_| wrong())?;
        let keys = self.app.keys();
        let signing = keys.signing()?;
        let refresh = application
            .may(GrantType::RefreshToken)
            .then(|| RefreshToken::generate_for_application(&*self.app.0.random));
        let c = Poll {
            application: application.id,
            device: *hash.bytes(),
            refresh: refresh.as_ref().map(|r| Refresh { family: *r.family().bytes(), hash: *r.hash().bytes() }),
            demand: self.demand.clone(),
        };
        let standing = match self.app.0.db.write(self.cx.clone(), c, poll).await.map_err(Error::from)? {
            Polled::Allowed(standing) => *standing,
            Polled::Unknown => return Err(wrong()),
            Polled::Waiting => return Err(refused(OAuthError::AuthorizationPending, "Nobody has confirmed it yet.")),
            Polled::TooSoon => {
                return Err(refused(OAuthError::SlowDown, "Wait five seconds longer between two calls."));
            }
            Polled::Denied => return Err(refused(OAuthError::AccessDenied, "The person refused.")),
            Polled::Expired => return Err(refused(OAuthError::ExpiredToken, "Nobody confirmed it in time.")),
        };
        let scopes = standing.session.scopes.clone();
        Ok(self.tokens(signing, &standing, scopes, refresh.map(|r| r.raw())).await?)
    }

    fn new_user_code(&self) -> String {
        let mut out = String::with_capacity(LENGTH + 1);
        let mut byte = [0];
        while out.len() < LENGTH + 1 {
            self.app.0.random.fill(&mut byte);
            // 240 is a multiple of 20: each letter is as likely as the others
            if byte[0] < 240 {
                out.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
            }
            if out.len() == LENGTH / 2 {
                out.push('-');
            }
        }
        out
    }
    fn digest(&self, user_code: &str) -> [u8; 32] {
        self.tenancy.data_key.mac("user_code").tag(&[user_code.as_bytes()])
    }
    /// Of an address; a household has a /64 of IPv6 ones.
    fn address(&self, ip: IpAddr) -> [u8; 32] {
        let network = match ip.to_canonical() {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
        };
        self.tenancy.data_key.mac("device_address").tag(&[&network.to_be_bytes()])
    }
}
/// What a person is shown of a device, and by whom.
fn about(device: &WaitingDevice, application: &Application, person: &Person) -> [Vec<u8>; 6] {
    [
        person.user.uuid().as_bytes().to_vec(),
        person.session.uuid().as_bytes().to_vec(),
        device.id.uuid().as_bytes().to_vec(),
        application.id.uuid().as_bytes().to_vec(),
        application.revision.to_be_bytes().to_vec(),
        device.scopes.join(" ").into_bytes(),
    ]
}

/// What a person typed, as it is shown; `None` when it is none, however it was meant.
fn spelled(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let letters: String = typed.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
    let known = letters.len() == LENGTH && letters.bytes().all(|b| LETTERS.contains(&b));
    known.then(|| format!("{}-{}", &letters[..LENGTH / 2], &letters[LENGTH / 2..]))
}

struct Insert {
    waiting: WaitingDevice,
    digests: Digests,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<bool> {
    let mut full = application_device::waiting(tx).await? >= MOST
        || application_device::waiting_of(tx, c.waiting.application_id).await? >= MOST_OF_APPLICATION;
    if let Some(address) = &c.digests.address {
        full |= application_device::waiting_at(tx, address).await? >= MOST_AT_ADDRESS;
    }
    if full {
        let full = Error::new(Code::RateLimited, "Too many devices are waiting. Try again in a minute.");
        return Err(full.detail("retry_after_seconds", 60).into());
    }
    application_device::insert(tx, &c.waiting, &c.digests).await
}
async fn pending(tx: &mut Tx, user_code: &[u8; 32]) -> portcullis_store::Result<Option<(WaitingDevice, Application)>> {
    let now = tx.cx.now;
    let found = application_device::by_user_code(tx, user_code).await?;
    let Some(device) = found.filter(|d| d.state == DeviceState::Pending && now < d.expires_at) else { return Ok(None) };
    Ok(application::by_id(tx, device.application_id).await?.map(|a| (device, a)))
}

struct Decide {
    user_code: [u8; 32],
    /// The device that the person was shown, and the revision of its application.
    seen: (Id<WaitingDevice>, i64),
    /// All but what the device says itself, and who vouched for the session behind it.
    session: ApplicationSession,
    allow: bool,
    demand: Demand,
    scribe: Scribe,
}
async fn decide(tx: &mut Tx, c: &Decide) -> portcullis_store::Result<Decided> {
    let Some((device, application)) = pending(tx, &c.user_code).await? else { return Ok(Decided::Gone) };
    let (user, id) = (c.session.user_id, c.session.id);
    let behind = behind(tx, &c.session, &c.demand).await?;
    if (device.id, application.revision) != c.seen {
        return Ok(Decided::LookAgain);
    }
    if !application_device::decide(tx, device.id, user, c.allow.then_some(id)).await? {
        return Ok(Decided::Gone);
    }
    let action = if c.allow { "application.device_allowed" } else { "application.device_denied" };
    let event = c.scribe.event(action, "application", application.id).with("user_id", user.to_string());
    if c.allow {
        remember(tx, &c.scribe, user, application.id, &device.scopes).await?;
        let offline = device.scopes.iter().any(|s| s == scope::OFFLINE_ACCESS);
        make_room(tx, &c.scribe, user, application.id, offline).await?;
        let session = ApplicationSession {
            application_id: application.id,
            identity_provider: behind.identity_provider,
            offline,
            scopes: device.scopes.clone(),
            expires_at: device.expires_at,
            ..c.session.clone()
        };
        application_session::insert(tx, &session, None).await?;
        let event = event.with("application_session", id.to_string());
        c.scribe.write(tx, event.with("scopes", session.scopes));
    } else {
        c.scribe.write(tx, event);
    }
    Ok(Decided::Done)
}

struct Poll {
    application: Id<Application>,
    device: [u8; 32],
    refresh: Option<Refresh>,
    demand: Demand,
}
enum Polled {
    Allowed(Box<Standing>),
    Waiting,
    TooSoon,
    Denied,
    Expired,
    Unknown,
}
async fn poll(tx: &mut Tx, c: &Poll) -> portcullis_store::Result<Polled> {
    let now = tx.cx.now;
    let found = application_device::by_device(tx, &c.device).await?;
    let Some(d) = found.filter(|d| d.application_id == c.application) else { return Ok(Polled::Unknown) };
    if d.expires_at <= now {
        return Ok(Polled::Expired);
    }
    match d.state {
        DeviceState::Denied => Ok(Polled::Denied),
        DeviceState::Pending => {
            let soon = d.polled_at.is_some_and(|at| now < at.plus_seconds(d.interval_seconds));
            let longer = (d.interval_seconds + INTERVAL_SECONDS).min(LONGEST_INTERVAL_SECONDS);
            let interval = if soon { longer } else { d.interval_seconds };
            application_device::polled(tx, d.id, interval).await?;
            Ok(if soon { Polled::TooSoon } else { Polled::Waiting })
        }
        DeviceState::Allowed => {
            // once
            application_device::delete(tx, d.id).await?;
            let Some(id) = d.application_session_id else { return Ok(Polled::Unknown) };
            let Some(s) = application_session::by_id(tx, id).await? else { return Ok(Polled::Unknown) };
            let Some(standing) = standing::of(tx, s, &c.demand).await? else { return Ok(Polled::Unknown) };
            begin(tx, standing, c.refresh.as_ref(), &c.demand).await.map(|s| Polled::Allowed(Box::new(s)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_read_with_patience() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b.c.d.f.g.h.j.k"] {
            assert_eq!(spelled(typed).as_deref(), Some("BCDF-GHJK"), "{typed}");
        }
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", &"-".repeat(65), "ÄCDF-GHJK"] {
            assert_eq!(spelled(bad), None, "{bad}");
        }
    }
}
