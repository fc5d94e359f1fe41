//! Who holds which roles on a group or a project: what the calls on their members share (spec v1beta1 3.3, 3.4).
use std::collections::{BTreeMap, BTreeSet};

use portcullis_authz::graph::{Catalogue, Graph, Permission};
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, access_role, group, role_binding, service_user, user};
use uuid::Uuid;

use crate::App;
use crate::change::moved;
use crate::thing::takes;

/// A list that has no pages ends here (decision 22).
pub(crate) const MOST: usize = 10_000;

/// Somebody with the roles that they hold.
#[derive(Clone, Debug)]
pub struct Holder<T> {
    /// Who.
    pub who: T,
    /// Which.
    pub roles: Vec<AccessRole>,
}

/// The roles on an object by holder, of those holders that `pick` takes.
pub(crate) fn held(graph: &Graph, object: Uuid, pick: fn(Bearer) -> Option<Uuid>) -> BTreeMap<Uuid, Vec<Uuid>> {
    let mut out: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (_, binding) in graph.bindings_on(object) {
        if let Some(id) = pick(binding.bearer)
            && binding.relation == Relation::Granted
        {
            out.entry(id).or_default().push(binding.role);
        }
    }
    out
}
/// Persons.
pub(crate) const fn persons(bearer: Bearer) -> Option<Uuid> {
    match bearer {
        Bearer::User(id) => Some(id),
        _ => None,
    }
}
/// Machines.
pub(crate) const fn machines(bearer: Bearer) -> Option<Uuid> {
    match bearer {
        Bearer::ServiceUser(id) => Some(id),
        _ => None,
    }
}
/// Groups.
pub(crate) const fn groups(bearer: Bearer) -> Option<Uuid> {
    match bearer {
        Bearer::Group(id) => Some(id),
        _ => None,
    }
}
/// How many persons hold a role on an object itself.
pub(crate) fn count(graph: &Graph, object: Uuid) -> u32 {
    u32::try_from(held(graph, object, persons).len()).unwrap_or(u32::MAX)
}
/// `resource_exhausted` for a list that would be too long.
pub(crate) fn bounded(rows: usize) -> Result<()> {
    if rows <= MOST {
        return Ok(());
    }
    Err(Error::new(Code::RateLimited, "This list would have more than 10,000 rows: narrow it."))
}

impl App {
    /// The persons with these roles; disabled ones are in no list (spec v1beta1 3.1).
    pub(crate) async fn people(&self, cx: &Ctx, held: BTreeMap<Uuid, Vec<Uuid>>) -> Result<Vec<Holder<User>>> {
        bounded(held.len())?;
        self.0.db.scan(cx.clone(), held, read_people).await.map_err(Error::from)
    }
    /// The persons who hold something on each of these objects, in their order; disabled ones are in no list.
    pub(crate) async fn people_on(&self, cx: &Ctx, objects: Vec<Vec<Uuid>>) -> Result<Vec<Vec<User>>> {
        bounded(objects.iter().map(Vec::len).sum())?;
        self.0.db.scan(cx.clone(), objects, read_people_on).await.map_err(Error::from)
    }
    /// The groups with these roles; disabled ones are in no list.
    pub(crate) async fn groups_holding(&self, cx: &Ctx, held: BTreeMap<Uuid, Vec<Uuid>>) -> Result<Vec<Holder<Group>>> {
        bounded(held.len())?;
        self.0.db.scan(cx.clone(), held, read_groups).await.map_err(Error::from)
    }
    /// The service users with these roles; disabled ones are in no list.
    pub(crate) async fn machines_holding(
        &self,
        cx: &Ctx,
        held: BTreeMap<Uuid, Vec<Uuid>>,
    ) -> Result<Vec<Holder<ServiceUser>>> {
        bounded(held.len())?;
        self.0.db.scan(cx.clone(), held, read_machines).await.map_err(Error::from)
    }
    /// The role that a call names by id, if there is such a one here: those of other organizations are nobody's business.
    pub(crate) async fn named_role(
        &self,
        cx: &Ctx,
        id: &str,
        organization: Option<Id<Organization>>,
    ) -> Result<Option<AccessRole>> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let found = self.0.db.read(cx.clone(), &id, read_role).await?;
        Ok(found.filter(|r| r.organization_id.is_none() || r.organization_id == organization))
    }
}

/// Pictures of one list: links always, images only as far as there is room for them.
pub(crate) struct Pictures(usize);
impl Pictures {
    /// For one answer: 4 MiB.
    pub const ROOM: Self = Self(4 << 20);
    /// No images.
    pub const LINKS: Self = Self(0);
    /// Leaves a picture out that there is no room for.
    pub fn keep(&mut self, avatar: &mut Option<String>) {
        let image = avatar.as_ref().filter(|a| portcullis_domain::avatar::is_image(a));
        let Some(size) = image.map(String::len) else { return };
        match self.0.checked_sub(size) {
            Some(left) => self.0 = left,
            None => *avatar = None,
        }
    }
}

async fn read_people(tx: &mut Tx, held: &BTreeMap<Uuid, Vec<Uuid>>) -> portcullis_store::Result<Vec<Holder<User>>> {
    let (mut roles, mut out) = (Roles::default(), Vec::with_capacity(held.len()));
    let mut pictures = Pictures::ROOM;
    for (id, held) in held {
        if let Some(mut who) = user::by_id(tx, Id::from_uuid(*id)).await?.filter(|u| u.state != UserState::Suspended) {
            pictures.keep(&mut who.avatar);
            out.push(Holder { who, roles: roles.of(tx, held).await? });
        }
    }
    Ok(out)
}
async fn read_people_on(tx: &mut Tx, objects: &Vec<Vec<Uuid>>) -> portcullis_store::Result<Vec<Vec<User>>> {
    let (mut known, mut out) = (BTreeMap::<Uuid, Option<User>>::new(), Vec::with_capacity(objects.len()));
    let mut pictures = Pictures::LINKS;
    for ids in objects {
        let mut people = Vec::with_capacity(ids.len());
        for id in ids {
            if !known.contains_key(id) {
                let mut user = user::by_id(tx, Id::from_uuid(*id)).await?.filter(|u| u.state != UserState::Suspended);
                if let Some(user) = &mut user {
                    pictures.keep(&mut user.avatar);
                }
                known.insert(*id, user);
            }
            people.extend(known.get(id).and_then(Clone::clone));
        }
        out.push(people);
    }
    Ok(out)
}
async fn read_groups(tx: &mut Tx, held: &BTreeMap<Uuid, Vec<Uuid>>) -> portcullis_store::Result<Vec<Holder<Group>>> {
    let (mut roles, mut out) = (Roles::default(), Vec::with_capacity(held.len()));
    for (id, held) in held {
        if let Some(who) = group::by_id(tx, Id::from_uuid(*id)).await?.filter(|g| g.state.is_enabled()) {
            out.push(Holder { who, roles: roles.of(tx, held).await? });
        }
    }
    Ok(out)
}
async fn read_machines(
    tx: &mut Tx,
    held: &BTreeMap<Uuid, Vec<Uuid>>,
) -> portcullis_store::Result<Vec<Holder<ServiceUser>>> {
    let (mut roles, mut out) = (Roles::default(), Vec::with_capacity(held.len()));
    for (id, held) in held {
        if let Some(who) = service_user::by_id(tx, Id::from_uuid(*id)).await?.filter(|s| s.state.is_enabled()) {
            out.push(Holder { who, roles: roles.of(tx, held).await? });
        }
    }
    Ok(out)
}
async fn read_role(tx: &mut Tx, id: &Id<AccessRole>) -> portcullis_store::Result<Option<AccessRole>> {
    access_role::by_id(tx, *id).await
}

/// Roles that were read already: many people hold few roles.
#[derive(Default)]
struct Roles(BTreeMap<Uuid, Option<AccessRole>>);
impl Roles {
    async fn of(&mut self, tx: &mut Tx, ids: &[Uuid]) -> portcullis_store::Result<Vec<AccessRole>> {
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            if !self.0.contains_key(id) {
                let role = access_role::by_id(tx, Id::from_uuid(*id)).await?;
                self.0.insert(*id, role);
            }
            out.extend(self.0.get(id).and_then(Clone::clone));
        }
        Ok(out)
    }
}

// --- giving and taking, inside a transaction -----------------------------------------------------------------------------------

/// The permissions that a list is asked to look for on each of its rows, each once, with the words they were asked in; a word
/// that is none is in no answer.
pub(crate) fn asked_words<'a>(
    catalogue: &'a Catalogue,
    words: &'a [String],
    namespace: &str,
) -> Result<Vec<(&'a String, &'a Permission)>> {
    const MOST_WORDS: usize = 100;
    let mut seen = BTreeSet::new();
    let words: Vec<&String> = words.iter().filter(|word| seen.insert(*word)).collect();
    if words.len() > MOST_WORDS {
        return Err(Error::field("with_permissions", format!("At most {MOST_WORDS}; this has {}.", words.len())));
    }
    let found: Vec<_> =
        words.into_iter().filter_map(|word| Some((word, catalogue.resolve(word, namespace)?))).collect();
    let distinct: BTreeSet<&str> = found.iter().map(|(_, permission)| &*permission.slug).collect();
    // another spelling costs a check of its own
    if found.len() > 4 * distinct.len() {
        return Err(Error::field("with_permissions", "Ask for each permission once."));
    }
    Ok(found)
}

/// What a role gives on an object of this kind; its permissions of other kinds mean nothing there (spec v1beta1 5.4).
pub(crate) fn gives(role: &AccessRole, catalogue: &Catalogue, namespace: &str) -> Vec<String> {
    let counts = |slug: &&String| catalogue.get(slug).is_some_and(|p| takes(namespace, p));
    role.permissions.iter().filter(counts).cloned().collect()
}
/// Is it still the role that the call was allowed with? What it gives was decided on.
pub(crate) async fn same_role(tx: &mut Tx, seen: &AccessRole) -> portcullis_store::Result<()> {
    match access_role::by_id(tx, seen.id).await? {
        None => Err(no_such_role().into()),
        Some(now) if now.permissions == seen.permissions && now.scopes == seen.scopes && now.state == seen.state => {
            Ok(())
        }
        Some(_) => Err(moved().into()),
    }
}
/// The person, unless there is no such one or they are disabled.
pub(crate) async fn active_user(tx: &mut Tx, id: Id<User>) -> portcullis_store::Result<User> {
    let user = user::facts(tx, id).await?.ok_or_else(|| Error::not_found("user"))?;
    if user.state == UserState::Suspended {
        return Err(Error::new(Code::Conflict, "user is disabled").detail("state", "disabled").into());
    }
    Ok(user)
}

/// What became of what somebody holds on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// They held nothing there before.
    Added,
    /// They hold something else than before.
    Changed,
    /// Nothing happened.
    Same,
}
/// A role that somebody shall hold on an object instead of all that they hold there.
pub(crate) struct Give<'a> {
    pub id: Id<RoleBinding>,
    pub role: Id<AccessRole>,
    pub namespace: &'a str,
    pub object: Uuid,
    pub bearer: Bearer,
    pub now: Timestamp,
}
/// Gives it.
pub(crate) async fn give(tx: &mut Tx, g: &Give<'_>) -> portcullis_store::Result<Became> {
    let held = role_binding::held_on(tx, g.bearer, g.object).await?;
    let (same, others): (Vec<_>, Vec<_>) =
        held.into_iter().filter(|b| b.relation == Relation::Granted).partition(|b| b.role_id == g.role);
    if others.is_empty() && !same.is_empty() {
        return Ok(Became::Same);
    }
    let became = if others.is_empty() { Became::Added } else { Became::Changed };
    for b in &others {
        role_binding::delete(tx, b.id).await?;
        tx.touch(Kind::Binding, b.id.uuid());
    }
    if same.is_empty() {
        give_too(tx, g).await?;
    }
    Ok(became)
}
/// Gives it besides what they hold there.
pub(crate) async fn give_too(tx: &mut Tx, g: &Give<'_>) -> portcullis_store::Result<()> {
    let binding = RoleBinding {
        id: g.id,
        role_id: g.role,
        namespace: g.namespace.to_owned(),
        object_id: g.object,
        bearer: g.bearer,
        relation: Relation::Granted,
        title: String::new(),
        metadata: serde_json::Map::new(),
        created_at: g.now,
        updated_at: g.now,
    };
    role_binding::insert(tx, &binding).await?;
    tx.touch(Kind::Binding, binding.id.uuid());
    Ok(())
}
/// Takes everything that somebody holds on an object; false when there was nothing.
pub(crate) async fn take(tx: &mut Tx, bearer: Bearer, object: Uuid) -> portcullis_store::Result<bool> {
    let held = role_binding::held_on(tx, bearer, object).await?;
    for b in &held {
        role_binding::delete(tx, b.id).await?;
        tx.touch(Kind::Binding, b.id.uuid());
    }
    Ok(!held.is_empty())
}
/// Takes these.
pub(crate) async fn take_these(tx: &mut Tx, bindings: &[Id<RoleBinding>]) -> portcullis_store::Result<()> {
    for id in bindings {
        role_binding::delete(tx, *id).await?;
        tx.touch(Kind::Binding, id.uuid());
    }
    Ok(())
}
/// How many rows one transaction may still remove: fewer than a node would load the whole access graph for, and no long turn of
/// the writer (engine.md 18).
pub(crate) struct Room(pub usize);
impl Room {
    /// For one transaction.
    pub const STEP: Self = Self(200);
    /// Room for one more?
    pub fn one(&mut self) -> bool {
        let room = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        room
    }
}
/// Takes what anybody holds on an object that is about to go; false when the room ended before.
pub(crate) async fn take_on(tx: &mut Tx, object: Uuid, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        let page = role_binding::on_object(tx, object, (Uuid::nil(), Uuid::nil())).await?;
        if let Some(done) = take_page(tx, &page, room).await? {
            return Ok(done);
        }
    }
}
/// The same for what somebody holds who is about to go, on whatever it is.
pub(crate) async fn take_everywhere(tx: &mut Tx, bearer: Bearer, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        let page = role_binding::held_by(tx, bearer, Uuid::nil()).await?;
        if let Some(done) = take_page(tx, &page, room).await? {
            return Ok(done);
        }
    }
}
/// The same for what anybody holds of a role that is about to go.
pub(crate) async fn take_role(tx: &mut Tx, role: Id<AccessRole>, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        let page = role_binding::of_role(tx, role, Uuid::nil()).await?;
        if let Some(done) = take_page(tx, &page, room).await? {
            return Ok(done);
        }
    }
}
/// Takes all that anybody holds on an object on which little is held.
pub(crate) async fn take_all(tx: &mut Tx, object: Uuid) -> portcullis_store::Result<()> {
    take_on(tx, object, &mut Room(usize::MAX)).await.map(drop)
}
/// `None`: look for more.
async fn take_page(tx: &mut Tx, page: &[RoleBinding], room: &mut Room) -> portcullis_store::Result<Option<bool>> {
    if page.is_empty() {
        return Ok(Some(true));
    }
    for b in page {
        if !room.one() {
            return Ok(Some(false));
        }
        role_binding::delete(tx, b.id).await?;
        tx.touch(Kind::Binding, b.id.uuid());
    }
    Ok(None)
}
/// Somebody has to own an organization or a group.
pub(crate) fn last_owner() -> Error {
    let message = "this is the last owner: make somebody else an owner first";
    Error::new(Code::Conflict, message).detail("state", "last_owner")
}
/// Does anybody else hold this role on the object who can act? Disabled people cannot (decision 19).
pub(crate) async fn has_another(
    tx: &mut Tx,
    role: Id<AccessRole>,
    object: Uuid,
    than: Bearer,
) -> portcullis_store::Result<bool> {
    let mut after = (Uuid::nil(), Uuid::nil());
    loop {
        let page = role_binding::on_object(tx, object, after).await?;
        let Some(last) = page.last() else { return Ok(false) };
        after = (last.bearer.id(), last.id.uuid());
        for b in page.iter().filter(|b| b.role_id == role && b.bearer != than) {
            let acts = match b.bearer {
                Bearer::User(id) => {
                    user::facts(tx, Id::from_uuid(id)).await?.is_some_and(|u| u.state != UserState::Suspended)
                }
                Bearer::ServiceUser(id) => crate::service_user::is_active(tx, id).await?,
                Bearer::Group(_) | Bearer::Pat(_) => false,
            };
            if acts {
                return Ok(true);
            }
        }
    }
}

// --- refusals: Frontier's texts (spec v1beta1 6.2) --------------------------------------------------------------------------

pub(crate) fn no_such_role() -> Error {
    Error::new(Code::NotFound, "role id is invalid")
}
pub(crate) fn not_a_member(code: Code) -> Error {
    Error::new(code, "principal is not a member of the resource").detail("state", "not_member")
}
pub(crate) fn not_in_organization() -> Error {
    Error::new(Code::Conflict, "principal is not a member of the organization").detail("state", "not_member")
}
