//! Making a user: the heart of the product, through either surface.

use data_encoding::HEXLOWER;
use portcullis_audit::Prepared;
use portcullis_authz::Target;
use portcullis_crypto::password::Owner;
use portcullis_domain::branding::Template;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles};
use portcullis_store::user::UserToken;
use portcullis_store::{Tx, user};
use serde_json::Value;

use crate::authorize::Gate;
use crate::letter::Letter;
use crate::mail::Post;
use crate::user::{Draft, NewUser, SlugChoice, lenient, roles};
use crate::{Answer, App, Reply};

impl App {
    /// Makes a user. `users:create`, and `roles:grant` for each role beyond `user`.
    pub async fn create_user(&self, cx: &Ctx, draft: Draft<NewUser>, reply: Reply<User>) -> Result<Answer> {
        let gate = Gate {
            asked: draft.asked(),
            grants: lenient(draft.roles.as_ref()).without(Role::User),
            // what feeds policies is written only with users:update (decision 4)
            also: match &draft.command {
                Ok(new) if new.metadata.contains_key("attributes") => vec!["users:update"],
                _ => vec![],
            },
            ..Gate::new("users:create", Target::tenant())
        };
        let shows_ids = self.would_allow(cx, "users:read", &Target::tenant()).await;
        let command = async { self.new_user(cx, draft.command?, shows_ids).await };
        self.answer(cx, gate, command, reply, insert).await
    }

    /// Everything that can be made before the writer's turn: id, hash, canonical event.
    pub(crate) async fn new_user(&self, cx: &Ctx, new: NewUser, shows_ids: bool) -> Result<Insert> {
        let email = match new.email {
            Some(email) => email,
            None => cx.principal.email.clone().ok_or_else(|| {
                Error::field("email", "Send an e-mail address: this credential has none to take it from.")
            })?,
        };
        let roles = roles(&new.roles)?;
        let compiled = self.snapshot(cx).await?;
        compiled.schemas.check("user", &new.metadata)?;
        if let Some(password) = &new.password {
            let (min, owner) = (compiled.settings.password_min_length, Owner { email: &email, name: &new.title });
            if let Some(e) = self.wrong_with_password(min, password, owner).await? {
                return Err(Error::field("password", e.to_string()));
            }
        }
        let password_hash = match new.password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let id = self.id(cx);
        let slug = match &new.slug {
            SlugChoice::Sent(slug) => slug.clone(),
            SlugChoice::FromEmail => Slug::from_email(&email),
            SlugChoice::FromId => from_id(id),
        };
        let user = User {
            id,
            email,
            slug,
            title: new.title,
            auth_provider: new.auth_provider,
            identity_provider_id: None,
            state: UserState::Active,
            email_verified: false,
            roles,
            is_owner: false,
            avatar: new.avatar,
            external_id: new.external_id,
            manager_id: new.manager_id,
            metadata: new.metadata,
            first_name: None,
            last_name: None,
            display_name: None,
            last_login_at: None,
            mfa_enrolled: false,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        // who has no password here proves the address in another way
        let asks = user.auth_provider == AuthProvider::Local && password_hash.is_some();
        let verification = match self.post(cx).await? {
            Some(post) if asks => {
                let (url, token) = self.verification(cx);
                let letter = post.letter(Template::Verification, user.name(), &url);
                Some(Verification { token, post, letter })
            }
            _ => None,
        };
        let event = self.prepare(cx, created(self.event(cx, "user.created", "user", user.id), &user));
        let numbered = matches!(new.slug, SlugChoice::FromEmail);
        Ok(Insert { user, password_hash, verification, event, numbered, shows_ids })
    }
}

/// A slug in the order of its making: the index of slugs stays cheap (engine.md 11).
pub(crate) fn from_id(id: Id<User>) -> Slug {
    Slug::stored(format!("u-{}", id.uuid().simple()))
}

/// The fields of a new user, for its event. An avatar enters as a digest only.
pub(crate) fn created(event: portcullis_domain::audit::Event, u: &User) -> portcullis_domain::audit::Event {
    let null = || Value::Null;
    let event = event
        .change("email", null(), &*u.email)
        .change("slug", null(), &*u.slug)
        .change("name", null(), u.title.as_str())
        .change("roles", null(), words(u.roles))
        .change("auth_provider", null(), u.auth_provider.as_str());
    let event = match &u.external_id {
        Some(external_id) => event.change("external_id", null(), external_id.as_str()),
        None => event,
    };
    let event = match u.manager_id {
        Some(manager) => event.change("manager_id", null(), manager.to_string()),
        None => event,
    };
    let event =
        if u.metadata.is_empty() { event } else { event.change("metadata", null(), Value::Object(u.metadata.clone())) };
    match &u.avatar {
        Some(avatar) => event.change("avatar_sha256", null(), digest(avatar)),
        None => event,
    }
}

pub(crate) fn words(roles: Roles) -> Vec<&'static str> {
    roles.iter().map(Role::as_str).collect()
}
pub(crate) fn digest(avatar: &str) -> String {
    HEXLOWER.encode(&portcullis_crypto::sha256(avatar.as_bytes()))
}

pub(crate) struct Insert {
    pub user: User,
    password_hash: Option<String>,
    verification: Option<Verification>,
    pub event: Prepared,
    /// The slug was made from the address: a taken one gets a number instead of a refusal.
    numbered: bool,
    /// The caller may learn the id of the user who has the address.
    shows_ids: bool,
}

/// The mail that asks whether the address is the person's own.
struct Verification {
    token: UserToken,
    post: Post,
    letter: Letter,
}

pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<User> {
    let mut user = c.user.clone();
    if let Some(manager) = user.manager_id {
        manager_exists(tx, manager).await?;
    }
    if c.numbered {
        user.slug = free_slug(tx, &user.slug).await?;
    }
    let token = c.verification.as_ref().map(|v| &v.token);
    if !user::insert(tx, &user, c.password_hash.as_deref(), token).await? {
        return Err(why_taken(tx, &user, c.shows_ids).await?.into());
    }
    if let Some(v) = &c.verification {
        v.post.write(tx, Some(user.id), &user.email, &v.letter).await?;
    }
    tx.audit(c.event.clone());
    Ok(user)
}

/// Which unique rule refused the row. Two can fail at once: the order is fixed here, since the engines report different ones
/// (engine.md 21).
pub(crate) async fn why_taken(tx: &mut Tx, user: &User, shows_ids: bool) -> portcullis_store::Result<Error> {
    let with_id = |e: Error, other: &User| if shows_ids { e.detail("user_id", other.id.to_string()) } else { e };
    if let Some(other) = user::by_email(tx, &user.email).await? {
        return Ok(with_id(taken("email", "A user with this e-mail address exists in this tenant."), &other));
    }
    if let Some(external_id) = &user.external_id
        && let Some(other) = user::by_external_id(tx, external_id).await?
    {
        return Ok(with_id(taken("external_id", "A user with this external id exists in this tenant."), &other));
    }
    Ok(taken("name", "This name is taken in this tenant."))
}
pub(crate) fn taken(field: &'static str, message: &'static str) -> Error {
    Error::new(Code::UserExists, message).detail("field", field)
}
pub(crate) async fn manager_exists(tx: &mut Tx, manager: Id<User>) -> portcullis_store::Result<()> {
    if user::facts(tx, manager).await?.is_some() {
        return Ok(());
    }
    let field =
        portcullis_domain::FieldError { field: "manager_id".into(), message: "No such user in this tenant.".into() };
    Err(Error::with_fields(Code::Unprocessable, vec![field]).into())
}
/// The slug itself, or the first free one of `_2`, `_3`, … (decision 2).
pub(crate) async fn free_slug(tx: &mut Tx, slug: &Slug) -> portcullis_store::Result<Slug> {
    for n in 1..100 {
        let candidate = slug.numbered(n);
        if !user::slug_taken(tx, &candidate).await? {
            return Ok(candidate);
        }
    }
    Err(taken("name", "No free name could be made from this address: send one.").into())
}
