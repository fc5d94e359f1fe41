//! Whom a provider speaks of (spec v1 9.3, decision 6, checklist 1): the person whom its subject is linked to; else who has the address
//! that it vouches for, once; else somebody new, if the tenant wants that.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::openid::Asserted;
use portcullis_domain::provider_config::{SignInTerms, Trust};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug, line};
use portcullis_domain::{Id, Result};
use portcullis_store::{Tx, identity, identity_provider, scim_user, tenant_domain, user};
use serde_json::Map;

use crate::app::Scribe;
use crate::federated_groups;
use crate::mfa;
use crate::scim_user::signs_in;
use crate::user_change::{end_access, record_update};
use crate::user_create::{created, free_slug};

/// Somebody whom a provider sends.
pub(crate) struct Arrival {
    provider: Id<IdentityProvider>,
    /// Of the provider, when it was asked.
    revision: i64,
    asserted: Asserted,
    email: Option<Email>,
    /// For a person who is made.
    id: Id<User>,
    scribe: Scribe,
}
impl Arrival {
    pub fn new(provider: &IdentityProvider, asserted: Asserted, id: Id<User>, scribe: Scribe) -> Self {
        let email = asserted.email.as_deref().and_then(|e| Email::parse(e).ok());
        Self { provider: provider.id, revision: provider.revision, asserted, email, id, scribe }
    }
}
/// What became of it.
pub(crate) enum Arrived {
    /// It is this person, who may sign in.
    Known(Box<User>),
    /// Nobody signs in: why, and who it would have been.
    Refused(&'static str, Option<Id<User>>),
}

pub(crate) async fn arrive(tx: &mut Tx, c: &Arrival) -> portcullis_store::Result<Arrived> {
    let Some(p) = identity_provider::by_id(tx, c.provider).await?.filter(|p| p.enabled && p.revision == c.revision)
    else {
        return Ok(Arrived::Refused("the provider was changed meanwhile", None));
    };
    let Some(terms) = p.config.sign_in_terms() else {
        return Ok(Arrived::Refused("the provider is of another type", None));
    };
    let mut structural = false;
    let person = match identity::user(tx, p.id, &c.asserted.subject).await? {
        Some(id) => match user::facts(tx, id).await? {
            Some(u) if u.state == UserState::Active => u,
            Some(u) => return Ok(Arrived::Refused("the user may not sign in", Some(u.id))),
            None => return Ok(Arrived::Refused("the user is gone", None)),
        },
        None => {
            let email = match vouched(tx, c, terms.trust).await? {
                Ok(email) => email,
                Err(why) => return Ok(Arrived::Refused(why, None)),
            };
            match user::by_email(tx, &email).await? {
                Some(u) => {
                    if let Some(why) = not_linked(tx, &u, &p, terms.auth_provider).await? {
                        return Ok(Arrived::Refused(why, Some(u.id)));
                    }
                    structural = true;
                    link(tx, c, u, terms.auth_provider).await?
                }
                None if terms.jit_create => make(tx, c, email, &terms).await?,
                None => {
                    return Ok(Arrived::Refused("nobody here has this address, and the provider makes nobody", None));
                }
            }
        }
    };
    let person = named(tx, c, person).await?;
    // none where they are not wanted any more: what the provider gave before goes
    let groups = if terms.group_sync { &c.asserted.groups[..] } else { &[] };
    structural |= federated_groups::sync(tx, &c.scribe, &p, person.id, groups).await?;
    if structural {
        tx.bump().await?;
    }
    Ok(Arrived::Known(Box::new(person)))
}

/// The address that the provider says is theirs, if it may speak for its domain today.
async fn vouched(tx: &mut Tx, c: &Arrival, trust: &Trust) -> portcullis_store::Result<Result<Email, &'static str>> {
    let Some(email) = &c.email else { return Ok(Err("the provider names no e-mail address")) };
    if !c.asserted.email_verified {
        return Ok(Err("the provider does not say that the e-mail address is verified"));
    }
    let trusted = trust.domains.iter().any(|d| **d == *email.domain());
    let proved = trusted && tenant_domain::is_proved(tx, email.domain()).await?;
    Ok(if proved { Ok(email.clone()) } else { Err("the provider is not trusted for the domain of the e-mail address") })
}

/// Why this user is not taken for who signs in, if it is so. Whoever has a way of their own to prove who they are keeps to it.
async fn not_linked(
    tx: &mut Tx,
    u: &User,
    p: &IdentityProvider,
    way: AuthProvider,
) -> portcullis_store::Result<Option<&'static str>> {
    if u.state == UserState::Suspended {
        return Ok(Some("the user may not sign in"));
    }
    // whoever sets providers up could be them
    if u.is_owner {
        return Ok(Some("the owner is not linked by an address"));
    }
    if u.identity_provider_id.is_some_and(|other| other != p.id) || !identity::of_user(tx, u.id).await?.is_empty() {
        return Ok(Some("the user signs in as somebody else, or at another provider"));
    }
    // whom a directory made before there was a provider signs in where people of the domain do today
    let there = match scim_user::directory(tx, u.id).await? {
        Some(_) => signs_in(tx, &u.email).await?,
        None => u.auth_provider,
    };
    Ok(match there {
        federated if federated == way => None,
        AuthProvider::Oidc => Some("the user signs in with OpenID Connect"),
        AuthProvider::Saml => Some("the user signs in with SAML"),
        AuthProvider::Local if user::password_hash(tx, u.id).await?.is_some() => {
            Some("the user signs in with a password here")
        }
        AuthProvider::Local if u.mfa_enrolled => Some("the user has a factor of their own here"),
        // decision 6
        AuthProvider::Local => None,
    })
}

async fn link(tx: &mut Tx, c: &Arrival, before: User, way: AuthProvider) -> portcullis_store::Result<User> {
    let now = tx.cx.now;
    let after = User {
        auth_provider: way,
        identity_provider_id: Some(c.provider),
        state: UserState::Active,
        email_verified: true,
        updated_at: now,
        revision: before.revision + 1,
        ..before.clone()
    };
    // whoever had the address here before may have been somebody else
    end_access(tx, &c.scribe, after.id, "linked").await?;
    mfa::forget(tx, after.id).await?;
    user::link(tx, &after).await?;
    identity::insert(tx, c.provider, &c.asserted.subject, after.id, now).await?;
    let event = c
        .scribe
        .event("user.linked", "user", after.id)
        .change("auth_provider", before.auth_provider.as_str(), after.auth_provider.as_str())
        .change("email_verified", before.email_verified, true)
        .with("identity_provider_id", c.provider.to_string());
    c.scribe.write(tx, event);
    if before.state != after.state {
        c.scribe.write(tx, c.scribe.event("user.activated", "user", after.id));
    }
    Ok(after)
}

/// The event of a link's end.
pub(crate) fn unlinked(
    scribe: &Scribe,
    user: Id<User>,
    provider: Id<IdentityProvider>,
    cause: &'static str,
) -> portcullis_domain::audit::Event {
    let event = scribe.event("user.unlinked", "user", user).with("cause", cause);
    event.with("identity_provider_id", provider.to_string())
}

async fn make(tx: &mut Tx, c: &Arrival, email: Email, terms: &SignInTerms<'_>) -> portcullis_store::Result<User> {
    let now = tx.cx.now;
    let slug = free_slug(tx, &Slug::from_email(&email)).await?;
    let user = User {
        id: c.id,
        slug,
        title: title(&c.asserted, &email),
        auth_provider: terms.auth_provider,
        identity_provider_id: Some(c.provider),
        state: UserState::Active,
        email_verified: true,
        mfa_enrolled: false,
        roles: terms.trust.default_roles,
        is_owner: false,
        avatar: None,
        external_id: None,
        manager_id: None,
        metadata: Map::new(),
        first_name: None,
        last_name: None,
        display_name: None,
        last_login_at: None,
        created_at: now,
        updated_at: now,
        revision: 1,
        email,
    };
    if !user::insert(tx, &user, None, None).await? {
        return Err(portcullis_store::Error::internal("a free address or slug was taken"));
    }
    identity::insert(tx, c.provider, &c.asserted.subject, user.id, now).await?;
    let event = created(c.scribe.event("user.created", "user", user.id), &user);
    c.scribe.write(tx, event.with("identity_provider_id", c.provider.to_string()));
    Ok(user)
}

/// What to call somebody new.
fn title(a: &Asserted, email: &Email) -> String {
    let both = [a.given_name.as_deref(), a.family_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let named = a.name.as_deref().into_iter().chain([&*both]).find_map(|n| plain(n, 200));
    named.unwrap_or_else(|| email.local().to_owned())
}
fn plain(text: &str, most: usize) -> Option<String> {
    line(text, most).ok().filter(|t| !t.is_empty())
}

/// First and last name belong to the provider (spec v1 4.3.5): what it says today is so.
async fn named(tx: &mut Tx, c: &Arrival, before: User) -> portcullis_store::Result<User> {
    let told = |name: &Option<String>, kept: &Option<String>| {
        name.as_deref().and_then(|n| plain(n, 100)).or_else(|| kept.clone())
    };
    let (first, last) =
        (told(&c.asserted.given_name, &before.first_name), told(&c.asserted.family_name, &before.last_name));
    if first == before.first_name && last == before.last_name {
        return Ok(before);
    }
    let after = User {
        first_name: first,
        last_name: last,
        updated_at: tx.cx.now,
        revision: before.revision + 1,
        ..before.clone()
    };
    user::update(tx, &after).await?;
    record_update(tx, &c.scribe, &before, &after);
    Ok(after)
}
