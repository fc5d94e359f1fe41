//! Signing in by mail, as Frontier's clients do (spec v1beta1 4.2): with a code that is typed over, or with a link.
//!
//! Who asks is answered before anybody looks for the account, so that neither the answer nor its time says whether there is one
//! (checklist 15). What was mailed counts once, for ten minutes and three tries.
use std::sync::Arc;

use portcullis_crypto::mail_code::MailCode;
use portcullis_crypto::seal::Mac;
use portcullis_crypto::token::{Purpose, Raw};
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::branding::Template;
use portcullis_domain::tenant::Registration;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result};
use portcullis_store::mail_sign_in::{self, MailSignIn};
use portcullis_store::{Tx, tenant_domain, user};

use crate::App;
use crate::app::Scribe;
use crate::change::moved;
use crate::letter::{Letter, SIGN_IN_SECONDS};
use crate::mail::Post;
use crate::session::{Begin, Hold, NewSession, Proof, SignedIn, begin};
use crate::tenancy::Tenancy;
use crate::user::NewUser;
use crate::user_create::{Insert, insert};

/// So many wrong codes end a sign-in.
const TRIES: i64 = 3;

/// What the mail holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `mailotp`: a code.
    Code,
    /// `maillink`: a link to a page of the operator's.
    Link,
}
impl Strategy {
    /// Frontier's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "mailotp",
            Self::Link => "maillink",
        }
    }
}

/// Who wants to sign in.
pub struct Asked {
    /// What to send.
    pub strategy: Strategy,
    /// The address as sent.
    pub email: String,
    /// The page that a link leads to; empty: the first one of the operator's.
    pub callback_url: String,
    /// Where they go then; kept if the operator listed it.
    pub return_to: String,
}

/// Somebody who is in.
pub struct Entered {
    /// What they hold of it.
    pub signed_in: SignedIn,
    /// Where they go.
    pub return_to: Option<String>,
}

impl App {
    /// What somebody can sign in with: nothing without mail, and no link without a page that it leads to.
    pub(crate) fn mail_strategies(&self) -> Vec<Strategy> {
        let link = (!self.0.settings.callback_urls.is_empty()).then_some(Strategy::Link);
        let all = [Some(Strategy::Code), link];
        all.into_iter().flatten().filter(|_| self.sends_mail()).collect()
    }
    /// Sends whoever may enter a mail, some time after this returned; answers what names the sign-in. 400 `invalid_input` for what is no
    /// address, and for a page that the operator did not list.
    pub async fn begin_mail_sign_in(&self, cx: &Ctx, asked: Asked) -> Result<Raw> {
        let email = address(&asked.email)?;
        let page = self.callback(&asked)?;
        let state = Purpose::MailSignIn.generate(&*self.0.random);
        let (strategy, return_to) = (asked.strategy, self.listed_return(asked.return_to));
        let wanted = Wanted { strategy, email, page, hash: *state.hash.bytes(), raw: state.raw.clone(), return_to };
        let place = self.0.letters.clone().acquire_owned().await.map_err(Error::internal)?;
        let (app, cx) = (self.clone(), cx.clone());
        tokio::spawn(async move {
            if let Err(e) = app.send_sign_in(cx, wanted).await {
                // too many for one address: whoever asked is not told, since others may have
                let often = e.code() == Code::RateLimited;
                if often {
                    tracing::debug!("a mail to sign in was not written: too many to one address");
                } else {
                    tracing::error!(error = ?e, "a mail to sign in could not be written");
                }
            }
            drop(place);
        });
        Ok(state.raw)
    }
    /// The page that a link of this sign-in leads to.
    fn callback(&self, asked: &Asked) -> Result<String> {
        let listed = &self.0.settings.callback_urls;
        match (asked.strategy, asked.callback_url.as_str()) {
            (Strategy::Code, _) => Ok(String::new()),
            (Strategy::Link, "") => Ok(listed.first().cloned().unwrap_or_default()),
            (Strategy::Link, url) if listed.iter().any(|l| l == url) => Ok(url.to_owned()),
            _ => Err(Error::new(Code::InvalidInput, "callback_url is not in the server's frontier.callback_urls")),
        }
    }
    async fn send_sign_in(&self, cx: Ctx, of: Wanted) -> Result<()> {
        let Some(post) = self.post(&cx).await? else { return Ok(()) };
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let registration = self.compiled(&tenancy).await?.settings.registration;
        let (shown, letter) = match of.strategy {
            Strategy::Code => {
                let code = MailCode::generate(&*self.0.random).raw();
                let letter = post.letter(Template::SignInCode, "", code.expose());
                (code, letter)
            }
            Strategy::Link => {
                let secret = Purpose::MailSignIn.generate(&*self.0.random).raw;
                let mark = if of.page.contains('?') { '&' } else { '?' };
                let (page, code, state) = (&of.page, secret.expose(), of.raw.expose());
                let link = format!("{page}{mark}strategy_name=maillink&code={code}&state={state}");
                let letter = post.letter(Template::SignInLink, "", &link);
                (secret, letter)
            }
        };
        let row = MailSignIn {
            strategy: of.strategy.as_str().into(),
            email: of.email,
            tag: tag(&mac(&tenancy), &of.hash, shown.expose()),
            return_to: of.return_to,
            tries: 0,
            expires_at: cx.now.plus_seconds(SIGN_IN_SECONDS),
        };
        let mut decoy = [0; 32];
        self.0.random.fill(&mut decoy);
        let c = Send { hash: of.hash, row, decoy, registration, letter, post, scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, send).await.map_err(Error::from)
    }

    /// Signs in with what the mail said, and makes a user of whoever is none yet, where the tenant's `registration` lets them. Where a
    /// second factor is due, the session is restricted until it is given (decision 5). 400 `invalid_input` when it is wrong, old or used.
    pub async fn end_mail_sign_in(&self, cx: &Ctx, strategy: Strategy, state: &str, code: &str) -> Result<Entered> {
        let hash = *Purpose::MailSignIn.parse(state).map_err(|_| wrong())?.bytes();
        let tenancy = self.tenancy_of(cx.tenant).await?;
        self.freshen(&tenancy).await?;
        let (row, known) = self.0.db.read(cx.clone(), &(hash, strategy), find).await?.ok_or_else(wrong)?;
        // a code that nobody can have been sent is a wrong one
        let shown = match strategy {
            Strategy::Code => MailCode::parse(code).map(|code| code.raw().expose().to_owned()).unwrap_or_default(),
            Strategy::Link => code.to_owned(),
        };
        let nobody = Ctx { principal: Arc::new(Principal::anonymous()), ..cx.clone() };
        if !portcullis_crypto::same(&row.tag, &tag(&mac(&tenancy), &hash, &shown)) {
            let c = Failed { hash, strategy, about: known.map(|user| user.id), scribe: self.scribe(&nobody) };
            self.0.db.write(nobody, c, failed).await?;
            return Err(wrong());
        }
        let newcomer = match known {
            Some(_) => None,
            None => Some(self.registrant(&nobody, row.email.clone()).await?),
        };
        let user = known.as_ref().or(newcomer.as_ref().map(|n| &n.user)).ok_or_else(wrong)?;
        let restricted = self.second_step(&tenancy, user).await?.is_some();
        let proof = Proof { restricted, ..vec!["mail".into()].into() };
        let made = self.new_session(&nobody, &tenancy, user, proof, Hold::Cookie).await?;
        let NewSession { cx, begin, signed_in } = made.without_idle_end();
        let (id, enrolled) = (user.id, user.mfa_enrolled);
        let registration = self.compiled(&tenancy).await?.settings.registration;
        let c = End { hash, strategy, id, enrolled, newcomer, registration, begin, email: row.email };
        if self.0.db.write_structure(cx, c, end).await? {
            return Ok(Entered { signed_in, return_to: row.return_to });
        }
        Err(wrong())
    }
    /// A user of this address, who has proved it.
    async fn registrant(&self, cx: &Ctx, email: Email) -> Result<Insert> {
        let mut made = self.new_user(cx, NewUser::of_address(email), false).await?;
        made.user.email_verified = true;
        Ok(made)
    }
}

/// The address that somebody signs in with; 400 `invalid_input` for what is none, in the original's words.
pub(crate) fn address(text: &str) -> Result<Email> {
    Email::parse(text).map_err(|_| Error::new(Code::InvalidInput, "Invalid email"))
}
/// 400 `invalid_input`, for every reason.
fn wrong() -> Error {
    Error::new(Code::InvalidInput, "This code or link is wrong, was used, or is too old: ask for a new one.")
}
fn mac(tenancy: &Tenancy) -> Mac {
    tenancy.data_key.mac("mail-sign-in")
}
/// What is stored of what a mail said, for one sign-in.
fn tag(mac: &Mac, sign_in: &[u8; 32], shown: &str) -> [u8; 32] {
    mac.tag(&[sign_in, shown.as_bytes()])
}
/// Others sign in elsewhere (decision 5), or not at all.
fn may_enter(user: &User) -> bool {
    user.auth_provider == AuthProvider::Local && user.state != UserState::Suspended
}

struct Wanted {
    strategy: Strategy,
    email: Email,
    page: String,
    hash: [u8; 32],
    raw: Raw,
    return_to: Option<String>,
}
struct Send {
    hash: [u8; 32],
    row: MailSignIn,
    /// The tag of no code.
    decoy: [u8; 32],
    registration: Registration,
    letter: Letter,
    post: Post,
    scribe: Scribe,
}
async fn send(tx: &mut Tx, c: &Send) -> portcullis_store::Result<()> {
    let email = &c.row.email;
    let user = user::facts_by_email(tx, email).await?;
    let enters = match &user {
        Some(user) => may_enter(user),
        None => may_register(tx, email, c.registration).await?,
    };
    c.post.count_sign_in(tx, email, user.as_ref().map(|u| u.id)).await?;
    if !enters {
        // what nobody was told is tried like any other, so that the end takes as long (checklist 15)
        return mail_sign_in::insert(tx, &c.hash, &MailSignIn { tag: c.decoy, ..c.row.clone() }).await;
    }
    mail_sign_in::insert(tx, &c.hash, &c.row).await?;
    c.post.write(tx, user.as_ref().map(|u| u.id), email, &c.letter).await?;
    let about = user.map_or_else(|| "unknown".to_owned(), |u| u.id.to_string());
    let event = c.scribe.event("auth.mail_requested", "user", about).with("strategy", c.row.strategy.as_str());
    c.scribe.write(tx, event);
    Ok(())
}
async fn may_register(tx: &mut Tx, email: &Email, registration: Registration) -> portcullis_store::Result<bool> {
    match registration {
        Registration::Closed => Ok(false),
        Registration::Domains => tenant_domain::is_proved(tx, email.domain()).await,
        Registration::Open => Ok(true),
    }
}

/// A sign-in that may be tried, with the user of its address, if there is one.
async fn find(
    tx: &mut Tx,
    (hash, strategy): &([u8; 32], Strategy),
) -> portcullis_store::Result<Option<(MailSignIn, Option<User>)>> {
    let Some(row) = live(tx, hash, *strategy).await? else { return Ok(None) };
    let user = user::facts_by_email(tx, &row.email).await?;
    Ok(Some((row, user)))
}
async fn live(tx: &mut Tx, hash: &[u8; 32], strategy: Strategy) -> portcullis_store::Result<Option<MailSignIn>> {
    let now = tx.cx.now;
    let found = mail_sign_in::by_hash(tx, hash).await?;
    Ok(found.filter(|s| s.strategy == strategy.as_str() && s.expires_at > now && s.tries < TRIES))
}

struct End {
    hash: [u8; 32],
    strategy: Strategy,
    id: Id<User>,
    /// Had they a second factor when it was decided what their session reaches?
    enrolled: bool,
    newcomer: Option<Insert>,
    registration: Registration,
    begin: Begin,
    email: Email,
}
/// False when others used it up, or its tries, meanwhile.
async fn end(tx: &mut Tx, c: &End) -> portcullis_store::Result<bool> {
    if live(tx, &c.hash, c.strategy).await?.is_none() {
        return Ok(false);
    }
    mail_sign_in::delete(tx, &c.hash).await?;
    let scribe = &c.begin.scribe;
    match &c.newcomer {
        Some(new) => {
            // the door may have been closed since
            if !may_register(tx, &c.email, c.registration).await? {
                return Err(wrong().into());
            }
            insert(tx, new).await?;
            scribe.write(tx, scribe.event("user.email_verified", "user", c.id));
        }
        None => {
            let before = user::facts(tx, c.id).await?.filter(may_enter).ok_or_else(wrong)?;
            if before.mfa_enrolled != c.enrolled || before.email != c.email {
                return Err(moved().into());
            }
            proved(tx, scribe, before).await?;
        }
    }
    begin(tx, &c.begin).await?;
    Ok(true)
}
/// Whoever reads the mails of an address has proved it; an invitation is accepted by that.
async fn proved(tx: &mut Tx, scribe: &Scribe, before: User) -> portcullis_store::Result<()> {
    let (now, id, invited) = (tx.cx.now, before.id, before.state == UserState::Invited);
    if before.email_verified && !invited {
        return Ok(());
    }
    if !before.email_verified {
        scribe.write(tx, scribe.event("user.email_verified", "user", id));
    }
    if invited {
        // the link of the invitation would set a password for whoever finds that mail later
        user::set_token(tx, id, None).await?;
        scribe.write(tx, scribe.event("user.activated", "user", id));
    }
    user::update(tx, &User { email_verified: true, state: UserState::Active, updated_at: now, ..before }).await?;
    tx.bump().await.map(drop)
}

/// A wrong code.
struct Failed {
    hash: [u8; 32],
    strategy: Strategy,
    /// Whose address it is, if it is somebody's.
    about: Option<Id<User>>,
    scribe: Scribe,
}
async fn failed(tx: &mut Tx, c: &Failed) -> portcullis_store::Result<()> {
    let Some(row) = live(tx, &c.hash, c.strategy).await? else { return Ok(()) };
    mail_sign_in::tried(tx, &c.hash).await?;
    // an event about a person names them, so that it goes with them
    let about = c.about.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let event = c.scribe.event("auth.login_failed", "user", about).with("email", &*row.email);
    c.scribe.write(tx, Event { outcome: Outcome::Denied, ..event.with("strategy", c.strategy.as_str()) });
    Ok(())
}
