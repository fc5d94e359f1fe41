//! Users: create, list, read, change, suspend, erase.
use std::sync::Arc;

use portcullis_authz::{Reach, Target};
use portcullis_crypto::password::Password;
use portcullis_domain::group::Group;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles};
use portcullis_store::user_list::{self, UserKey, UserOrder};
use portcullis_store::{Tx, user};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::authorize::{Asked, Gate};
use crate::{App, Page, PageRequest};

/// A command with the facts that its authorization reads; the facts are read leniently, so that a refusal never depends on
/// whether the rest of the body is well-formed (decision 29).
pub struct Draft<T> {
    /// `context.roles`: the role words asked for.
    pub roles: Option<Vec<String>>,
    /// `context.email_domain`.
    pub email_domain: Option<String>,
    /// `context.auth_provider`.
    pub auth_provider: Option<String>,
    /// The typed command, or every field error.
    pub command: Result<T>,
}

/// Where a new user's slug comes from (decision 2, engine.md 11).
#[derive(Clone, Debug)]
pub enum SlugChoice {
    /// The caller sent it: it may conflict.
    Sent(Slug),
    /// Made from the address, numbered when taken.
    FromEmail,
    /// Made from the id.
    FromId,
}

/// A user to make.
pub struct NewUser {
    /// The address; without one, the caller's own (seed page of `/v1beta1`).
    pub email: Option<Email>,
    /// The slug.
    pub slug: SlugChoice,
    /// The display name.
    pub title: String,
    /// Https URL or image data URI, checked.
    pub avatar: Option<String>,
    /// Where they sign in.
    pub auth_provider: AuthProvider,
    /// Role words as sent; what they may be is decided here (422 `invalid_roles`).
    pub roles: Vec<String>,
    /// For local users of `/v1`; without one the user gets a password by reset or invitation.
    pub password: Option<Password>,
    /// In the customer's own directory.
    pub external_id: Option<String>,
    /// Their manager.
    pub manager_id: Option<Id<User>>,
    /// Checked against the tenant's MetaSchema `user` here.
    pub metadata: Map<String, Value>,
}

impl NewUser {
    /// A user of whom only the address is known: local, without a password.
    pub(crate) fn of_address(email: Email) -> Self {
        Self {
            email: Some(email),
            slug: SlugChoice::FromEmail,
            title: String::new(),
            avatar: None,
            auth_provider: AuthProvider::Local,
            roles: vec![Role::User.as_str().into()],
            password: None,
            external_id: None,
            manager_id: None,
            metadata: Map::new(),
        }
    }
}

/// Which user is meant.
#[derive(Clone, Debug)]
pub enum UserRef {
    /// By id.
    Id(Id<User>),
    /// By address.
    Email(Email),
    /// By slug.
    Slug(Slug),
}

/// A change of a user. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// The display name.
    pub title: Option<String>,
    /// Role words.
    pub roles: Option<Vec<String>>,
    /// In the customer's own directory.
    pub external_id: Option<Option<String>>,
    /// Their manager.
    pub manager_id: Option<Option<Id<User>>>,
    /// Replaces the old one.
    pub metadata: Option<Map<String, Value>>,
    /// Replaces or removes it.
    pub avatar: Option<Option<String>>,
}

/// What a list of users is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Exactly this address.
    pub email: Option<Email>,
    /// Holding this role.
    pub role: Option<portcullis_domain::Role>,
    /// In this state.
    pub state: Option<UserState>,
    /// Start of a word of the name, or of the whole address (decision 41).
    pub q: Option<String>,
    /// In the customer's own directory.
    pub external_id: Option<String>,
    /// Where they sign in.
    pub auth_provider: Option<AuthProvider>,
    /// In this group of the tenant.
    pub group: Option<Id<Group>>,
    /// `/v1beta1`: case-insensitive substring of slug or address.
    pub keyword: Option<String>,
}

/// The roles that users hold: their own and those that their groups carry (spec v1 3.1).
pub struct EffectiveRoles(Arc<Access>);
impl EffectiveRoles {
    /// Of this one.
    pub fn of(&self, user: &User) -> Roles {
        user.roles.and(self.0.graph.mapped_roles(Bearer::User(user.id.uuid())))
    }
}
/// A user as a change left them, with the roles that they hold.
#[derive(Clone, Debug)]
pub struct UserShown {
    /// Who.
    pub user: User,
    /// Their own roles and those of their groups.
    pub effective: Roles,
}

/// How a list of users is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By address.
    Email {
        /// From the end.
        descending: bool,
    },
    /// By name.
    Name {
        /// From the end.
        descending: bool,
    },
}

impl App {
    /// One user. `users:read`, oneself always.
    pub async fn get_user(&self, cx: &Ctx, which: &UserRef) -> Result<User> {
        let found = self.find_user(cx, which).await?;
        if let Some(user) = &found
            && cx.principal.user_id() == Some(user.id)
            && cx.principal.credential.is_session()
        {
            return Ok(user.clone());
        }
        let target = target(found.as_ref());
        self.may_read(cx, "users:read", target, found, "user").await
    }
    /// The same for superusers only: /v1beta1 knows nobody else who reads users (spec v1beta1 2.3.3).
    pub async fn get_user_as_superuser(&self, cx: &Ctx, which: &UserRef) -> Result<User> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        self.get_user(cx, which).await
    }
    /// A page of users. `users:list`; without it everywhere, only oneself is listed.
    pub async fn list_users(
        &self,
        cx: &Ctx,
        filter: &UserFilter,
        sort: UserSort,
        page: &PageRequest,
    ) -> Result<Page<User>> {
        let filter = self.visible(cx, filter).await?;
        let order = sort.order();
        let after = self.page_start(cx, page).await?.map(|k| UserKey {
            id: crate::page::text(&k, "id").parse().unwrap_or(Id::from_uuid(uuid::Uuid::nil())),
            value: crate::page::text(&k, "value"),
        });
        let list = List { filter, order, after, limit: page.limit + 1, offset: 0 };
        let rows = self.run_list(cx, list).await?;
        self.page(cx, page, rows, |u| {
            let k = UserKey::of(u, order);
            json!({ "id": k.id, "value": k.value })
        })
        .await
    }
    /// A page by number, for `/v1beta1` only: `page` from 1, at most 5,000 rows a page, 10,000 rows in all (decision 22).
    pub async fn list_users_by_number(
        &self,
        cx: &Ctx,
        filter: &UserFilter,
        size: usize,
        page: usize,
    ) -> Result<Vec<User>> {
        let mut filter = self.visible(cx, filter).await?;
        if filter.state.is_none() {
            // Frontier's lists leave the disabled ones out unless they are asked for (spec v1beta1 3.1)
            filter.not_state = Some(UserState::Suspended);
        }
        let offset = page.saturating_sub(1).saturating_mul(size);
        if offset.saturating_add(size) > 10_000 {
            return Err(Error::new(
                Code::RateLimited,
                "A list by page number ends at 10,000 rows: narrow it, or export.",
            ));
        }
        let order = UserOrder::Id { descending: true };
        self.run_list(cx, List { filter, order, after: None, limit: size, offset }).await
    }
    async fn run_list(&self, cx: &Ctx, list: List) -> Result<Vec<User>> {
        let out = if list.filter.is_scan() || list.limit > 1_000 || list.offset > 0 {
            self.0.db.scan(cx.clone(), list, run_list).await
        } else {
            self.0.db.read(cx.clone(), &list, run_list).await
        };
        out.map_err(Error::from)
    }
    async fn visible(&self, cx: &Ctx, filter: &UserFilter) -> Result<user_list::UserFilter> {
        let reach = self.may(cx, "users:list", Target::tenant()).await?.reach;
        let only = match reach {
            Reach::All => None,
            _ => Some(cx.principal.user_id().unwrap_or(Id::from_uuid(uuid::Uuid::nil()))),
        };
        Ok(user_list::UserFilter {
            email: filter.email.as_ref().map(ToString::to_string),
            role: filter.role,
            state: filter.state,
            not_state: None,
            q: filter.q.clone(),
            external_id: filter.external_id.clone(),
            auth_provider: filter.auth_provider,
            keyword: filter.keyword.clone(),
            only,
            group: filter.group,
        })
    }
    /// The roles that users hold, by their groups too.
    pub async fn effective_roles(&self, cx: &Ctx) -> Result<EffectiveRoles> {
        Ok(EffectiveRoles(self.snapshot(cx).await?.access.clone()))
    }
    /// The built-in actions that the caller may do somewhere in the tenant.
    pub async fn my_permissions(&self, cx: &Ctx) -> Result<Vec<&'static str>> {
        let compiled = self.snapshot(cx).await?;
        Ok(compiled.snapshot.allowed_actions(&cx.principal, Roles::NONE))
    }

    pub(crate) async fn find_user(&self, cx: &Ctx, which: &UserRef) -> Result<Option<User>> {
        self.0.db.read(cx.clone(), which, find).await.map_err(Error::from)
    }
}

/// The target of an action on a user; one that is not there is asked for in general (spec v1 2.3 step 7).
pub(crate) fn target(user: Option<&User>) -> Target<'static> {
    // one who is not there is nobody's own: so 403 does not say whether an id exists (spec v1 2.3)
    let nobody = || Target::tenant().about(Id::from_uuid(uuid::Uuid::nil()));
    user.map_or_else(nobody, |u| Target::of_user(u, u.roles, &[]).into_owned())
}

struct List {
    filter: user_list::UserFilter,
    order: UserOrder,
    after: Option<UserKey>,
    limit: usize,
    offset: usize,
}
async fn run_list(tx: &mut Tx, l: &List) -> portcullis_store::Result<Vec<User>> {
    user_list::list(tx, &l.filter, l.order, l.after.as_ref(), l.limit, l.offset).await
}
async fn find(tx: &mut Tx, which: &UserRef) -> portcullis_store::Result<Option<User>> {
    match which {
        UserRef::Id(id) => user::by_id(tx, *id).await,
        UserRef::Email(email) => user::by_email(tx, email).await,
        UserRef::Slug(slug) => user::by_slug(tx, slug).await,
    }
}

impl UserSort {
    fn order(self) -> UserOrder {
        match self {
            Self::Newest => UserOrder::Id { descending: true },
            Self::Oldest => UserOrder::Id { descending: false },
            Self::Email { descending } => UserOrder::Email { descending },
            Self::Name { descending } => UserOrder::Name { descending },
        }
    }
}

/// Reads role words: 422 `invalid_roles` for an unknown one or an empty list (spec v1 4.3.1).
pub(crate) fn roles(words: &[String]) -> Result<Roles> {
    let allowed: Vec<&str> = Role::PUBLIC.into_iter().map(Role::as_str).collect();
    let unknown: Vec<&str> = words.iter().map(String::as_str).filter(|w| Role::parse(w).is_none()).collect();
    let refuse = |message: String, roles: Vec<&str>| {
        Err(Error::new(Code::InvalidRoles, message).detail("roles", roles).detail("allowed", allowed.clone()))
    };
    if words.is_empty() {
        return refuse("Give at least one role.".into(), vec![]);
    }
    if !unknown.is_empty() {
        let message =
            format!("These roles cannot be given: {}. You may give: {}.", unknown.join(", "), allowed.join(", "));
        return refuse(message, unknown);
    }
    Ok(words.iter().filter_map(|w| Role::parse(w)).collect())
}

/// The role words of a draft that mean something, for the decision on them.
pub(crate) fn lenient(words: Option<&Vec<String>>) -> Roles {
    words.into_iter().flatten().filter_map(|w| Role::parse(w)).collect()
}

impl<T> Draft<T> {
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            roles: self.roles.clone(),
            email_domain: self.email_domain.clone(),
            auth_provider: self.auth_provider.clone(),
        }
    }
}

/// A gate for an action on a user.
pub(crate) fn gate(action: &'static str, user: Option<&User>) -> Gate {
    Gate::new(action, target(user))
}
