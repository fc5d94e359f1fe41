//! What somebody may do to what, and who may do it to something (`GET /v1/access/list`).
//!
//! The access graph says whom or what to look at, and a check of each decides: a list is never of another opinion than a check.
//! Where rules speak of an action, whatever there is must be looked at; so a page looks at so much and no more, and may be short.
use std::collections::BTreeSet;

use portcullis_authz::graph::{ObjectKind, Permission, expand};
use portcullis_domain::resource::Resource;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Ctx, Error, Id, Result, Role};
use portcullis_store::user_list::{UserFilter, UserKey, UserOrder};
use portcullis_store::{Tx, resource, user, user_list};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access_check::{is_own, permission};
use crate::check::{Who, find};
use crate::page::text;
use crate::tenancy::Compiled;
use crate::thing::{Name, Thing};
use crate::{App, Page, PageRequest};

/// Questions that one page asks of the graph alone, and with rules in play, which take longer.
const QUESTIONS: usize = 10_000;
const QUESTIONS_OF_RULES: usize = 1_000;
/// What a row that had to be read counts for at least.
const READ: usize = 4;
/// Rows that are read at once.
const AT_ONCE: usize = 250;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct AccessFilter {
    /// Who; without a resource the caller, if it is left out.
    pub principal: Option<String>,
    /// Of objects: of this namespace.
    pub kind: Option<String>,
    /// Only this permission.
    pub action: Option<String>,
    /// Who may do something to this.
    pub resource: Option<String>,
}

/// Somebody may do these things to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// `app/user:0199…`
    pub principal: String,
    /// `app/project:0199…`
    pub resource: String,
    /// The slugs of the permissions.
    pub actions: Vec<String>,
}

/// A page in the making.
struct Sheet {
    limit: usize,
    questions: usize,
    rows: Vec<Held>,
    /// The last place that was looked at.
    seen: Option<Value>,
    next: Option<Value>,
}
impl Sheet {
    /// Takes what was found at a place; false when the page is done.
    fn put(&mut self, place: Value, questions: usize, row: Option<Held>) -> bool {
        if let Some(row) = row {
            if self.rows.len() == self.limit {
                self.next = self.seen.take();
                return false;
            }
            self.rows.push(row);
        }
        self.seen = Some(place);
        self.questions = self.questions.saturating_sub(questions);
        if self.questions == 0 {
            self.next = self.seen.take();
        }
        self.questions > 0
    }
}

/// What is looked for, and on what.
struct Search<'c> {
    compiled: &'c Compiled,
    permissions: Vec<Permission>,
    /// Could a rule have a say?
    rules: bool,
}
impl<'c> Search<'c> {
    fn new(compiled: &'c Compiled, namespace: &str, action: Option<&str>) -> Result<Self> {
        let permissions = match action {
            Some(word) => {
                let found = permission(compiled, word, namespace).cloned();
                vec![found.ok_or_else(|| Error::field("action", "There is no such permission on this type."))?]
            }
            None => compiled.access.catalogue.of(namespace),
        };
        let rules = permissions.iter().any(|p| compiled.snapshot.could_match(&p.slug));
        Ok(Self { compiled, permissions, rules })
    }
    fn sheet(&self, page: &PageRequest) -> Sheet {
        let questions = if self.rules { QUESTIONS_OF_RULES } else { QUESTIONS };
        Sheet { limit: page.limit, questions, rows: vec![], seen: None, next: None }
    }
    /// What somebody may do to something; `None`: nothing.
    fn held(&self, who: &Who, thing: &Thing) -> Option<Held> {
        let bearer = who.bearer()?;
        let may = |p: &&Permission| find(self.compiled, who, thing, p).allowed;
        let actions: Vec<String> = self.permissions.iter().filter(may).map(|p| p.slug.to_string()).collect();
        let principal = format!("{}:{}", bearer.namespace(), bearer.id());
        (!actions.is_empty()).then(|| Held { principal, resource: thing.text(), actions })
    }
    /// Questions asked for one of them.
    fn cost(&self) -> usize {
        self.permissions.len().max(1)
    }
}

impl App {
    /// Without a resource: the objects of a type to which the principal may do something. With one: the people and machines who
    /// may do something to it. One's own: everybody who is known; else `access:check`.
    pub async fn list_access(&self, cx: &Ctx, filter: &AccessFilter, page: &PageRequest) -> Result<Page<Held>> {
        let own = match (&filter.principal, &filter.resource) {
            (None, Some(_)) => false,
            (principal, _) => is_own(cx, principal.as_deref()),
        };
        self.may_ask(cx, own, !own).await?;
        let start = self.page_start(cx, page).await?;
        let compiled = self.snapshot(cx).await?;
        let sheet = match &filter.resource {
            Some(resource) => self.bearers_of(cx, &compiled, filter, resource, start, page).await?,
            None => self.objects_of(cx, &compiled, filter, start, page).await?,
        };
        self.page_until(cx, page, sheet.rows, sheet.next).await
    }

    async fn objects_of(
        &self,
        cx: &Ctx,
        compiled: &Compiled,
        filter: &AccessFilter,
        start: Option<Value>,
        page: &PageRequest,
    ) -> Result<Sheet> {
        let wrong =
            || Error::field("type", "One of app/organization, app/project, app/group, or a namespace of yours.");
        let namespace = expand(filter.kind.as_deref().ok_or_else(wrong)?);
        let kind = ObjectKind::of(&namespace);
        if kind.is_none() && !compiled.access.catalogue.has_namespace(&namespace) {
            return Err(wrong());
        }
        let search = Search::new(compiled, &namespace, filter.action.as_deref())?;
        let who = self.whose(cx, filter.principal.as_deref(), || "principal".into()).await?;
        let mut sheet = search.sheet(page);
        let Some(bearer) = who.bearer() else { return Ok(sheet) };
        let after = start.map_or(Uuid::nil(), |key| id(&key));
        let Some(kind) = kind else {
            self.resources_of(cx, &search, &who, &namespace, after, &mut sheet).await?;
            return Ok(sheet);
        };
        let graph = &compiled.access.graph;
        let candidates = if who.superuser || search.rules { graph.all(kind) } else { graph.reached(bearer, kind) };
        for id in candidates.into_iter().filter(|id| *id > after) {
            let thing = Thing { object: kind.object(id), namespace: (*namespace).into(), id };
            if !sheet.put(json!({ "id": id }), search.cost(), search.held(&who, &thing)) {
                break;
            }
        }
        Ok(sheet)
    }
    /// Resources are not in the graph: they are read, and each is looked at.
    async fn resources_of(
        &self,
        cx: &Ctx,
        search: &Search<'_>,
        who: &Who,
        namespace: &str,
        mut after: Uuid,
        sheet: &mut Sheet,
    ) -> Result<()> {
        loop {
            let rows = self.0.db.scan(cx.clone(), after, resources).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id.uuid();
            for r in &rows {
                let there =
                    r.namespace == namespace && search.compiled.access.graph.project(r.project_id.uuid()).is_some();
                let row = if there { search.held(who, &Thing::of(r)) } else { None };
                if !sheet.put(json!({ "id": r.id }), search.cost().max(READ), row) {
                    return Ok(());
                }
            }
        }
    }

    async fn bearers_of(
        &self,
        cx: &Ctx,
        compiled: &Compiled,
        filter: &AccessFilter,
        resource: &str,
        start: Option<Value>,
        page: &PageRequest,
    ) -> Result<Sheet> {
        let notation = || Error::field("resource", "Type and id, such as app/project:0199…");
        let name = Name::parse(resource).ok_or_else(notation)?;
        if ObjectKind::of(&name.namespace).is_none() && !compiled.access.catalogue.has_namespace(&name.namespace) {
            return Err(notation());
        }
        let search = Search::new(compiled, &name.namespace, filter.action.as_deref())?;
        let mut sheet = search.sheet(page);
        let Some(thing) = self.thing(cx, compiled, name).await? else { return Ok(sheet) };
        if filter.principal.is_some() {
            let who = self.whose(cx, filter.principal.as_deref(), || "principal".into()).await?;
            sheet.rows.extend(search.held(&who, &thing));
            return Ok(sheet);
        }
        let graph = &compiled.access.graph;
        let mut reaching = graph.reaching(thing.object);
        // superusers by their own role are looked for among all people
        reaching.extend(graph.mapped(Role::Admin));
        let ids =
            |pick: fn(Bearer) -> Option<Uuid>| reaching.iter().filter_map(move |b| pick(*b)).collect::<BTreeSet<_>>();
        let users = ids(|b| if let Bearer::User(id) = b { Some(id) } else { None });
        let machines = ids(|b| if let Bearer::ServiceUser(id) = b { Some(id) } else { None });
        let begins_with_machines = start.as_ref().is_some_and(|key| key["machine"] == true);
        let after = start.map_or(Uuid::nil(), |key| id(&key));
        if !begins_with_machines {
            let users = if search.rules { None } else { Some(users) };
            if !self.people_of(cx, &search, &thing, users, after, &mut sheet).await? {
                return Ok(sheet);
            }
        }
        let after = if begins_with_machines { after } else { Uuid::nil() };
        for id in machines.into_iter().filter(|id| *id > after) {
            let who = self.somebody(cx, &format!("app/serviceuser:{id}")).await?;
            let row = who.and_then(|who| search.held(&who, &thing));
            if !sheet.put(json!({ "machine": true, "id": id }), search.cost(), row) {
                break;
            }
        }
        Ok(sheet)
    }
    /// Those of `users` and every superuser, or everybody; false when the page is full.
    async fn people_of(
        &self,
        cx: &Ctx,
        search: &Search<'_>,
        thing: &Thing,
        users: Option<BTreeSet<Uuid>>,
        mut after: Uuid,
        sheet: &mut Sheet,
    ) -> Result<bool> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        loop {
            let some = users.as_ref().map(|ids| {
                let mut next: Vec<Uuid> = ids.iter().filter(|id| **id > after).take(AT_ONCE + 1).copied().collect();
                let more = next.len() > AT_ONCE;
                next.truncate(AT_ONCE);
                Named { ids: next, more }
            });
            let people = self.0.db.scan(cx.clone(), Ask { after, some }, people).await?;
            for user in &people.users {
                let row = search.held(&Who::person(cx, search.compiled, user, tenancy.is_master), thing);
                if !sheet.put(json!({ "id": user.id }), search.cost().max(READ), row) {
                    return Ok(false);
                }
            }
            match people.until {
                Some(until) => after = until,
                None => return Ok(true),
            }
        }
    }
}

/// The next people to look at.
struct Ask {
    after: Uuid,
    /// These and every superuser; `None`: everybody.
    some: Option<Named>,
}
struct Named {
    /// The first few after `after`, in order.
    ids: Vec<Uuid>,
    more: bool,
}
struct People {
    users: Vec<User>,
    /// Everybody up to here is among them; `None`: everybody.
    until: Option<Uuid>,
}

async fn people(tx: &mut Tx, ask: &Ask) -> portcullis_store::Result<People> {
    let role = ask.some.as_ref().map(|_| Role::Admin);
    let filter = UserFilter { role, not_state: Some(UserState::Suspended), ..UserFilter::default() };
    let key = UserKey { id: Id::from_uuid(ask.after), value: String::new() };
    let mut users = user_list::list(tx, &filter, UserOrder::Id { descending: false }, Some(&key), AT_ONCE, 0).await?;
    let mut until = if users.len() < AT_ONCE { None } else { users.last().map(|u| u.id.uuid()) };
    if let Some(some) = &ask.some {
        users.extend(user::owner(tx).await?);
        for id in &some.ids {
            users.extend(user::facts(tx, Id::from_uuid(*id)).await?);
        }
        if some.more {
            until = until.into_iter().chain(some.ids.last().copied()).min();
        }
    }
    let after = |u: &User| u.id.uuid() > ask.after && until.is_none_or(|until| u.id.uuid() <= until);
    users.retain(|u| after(u) && u.state != UserState::Suspended);
    users.sort_by_key(|u| u.id);
    users.dedup_by_key(|u| u.id);
    Ok(People { users, until })
}

fn id(key: &Value) -> Uuid {
    text(key, "id").parse().unwrap_or_default()
}

async fn resources(tx: &mut Tx, after: &Uuid) -> portcullis_store::Result<Vec<Resource>> {
    resource::page(tx, *after).await
}
