//! A tenant's access written as a file that, applied to the same tenant, changes nothing.
use std::collections::HashMap;

use portcullis_domain::access_role::{AccessRole, Predefined};
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::policy::{Policy, Rule};
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::{Ctx, Id, Result, Role};
use portcullis_store::user_list::{self, UserFilter, UserKey, UserOrder};
use portcullis_store::{Tx, access_role, group, organization, permission, policy, project, role_binding, user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::file::{
    AccessFile, BindingEntry, GroupEntry, OrganizationEntry, PermissionEntry, PlatformRelation, PlatformUserEntry,
    ProjectEntry, RoleEntry, SET, Switch,
};
use super::wanted::Placed;
use crate::App;
use crate::rule::statement;

impl App {
    /// The tenant's access as a file: all that a file can say, whoever made it. Tokens' bindings are not in it: they live and
    /// end with their tokens.
    pub async fn export_access(&self, cx: &Ctx) -> Result<AccessFile> {
        self.0.db.scan(cx.clone(), (), read).await.map_err(Into::into)
    }
}

/// Walks pages of things that are in the order of their ids.
macro_rules! pages {
    ($tx:ident, $page:path) => {{
        let (mut out, mut last) = (vec![], Uuid::nil());
        loop {
            let page = $page($tx, last).await?;
            let Some(end) = page.last() else { break };
            last = end.id.uuid();
            out.extend(page);
        }
        out
    }};
}

async fn read(tx: &mut Tx, (): &()) -> portcullis_store::Result<AccessFile> {
    let mut file = AccessFile::empty(SET);
    let mut last = String::new();
    loop {
        let page = permission::page(tx, &last).await?;
        let Some(end) = page.last() else { break };
        last.clone_from(&end.slug);
        file.permissions.extend(page.into_iter().map(|p| PermissionEntry {
            name: p.key(),
            title: p.title,
            metadata: p.metadata,
        }));
    }
    let organizations: Vec<Organization> = pages!(tx, organization::page);
    let projects: Vec<Project> = pages!(tx, project::page);
    let mut groups: Vec<Group> = pages!(tx, group::page);
    // a provider says who is in its own: they are no file's to make, nor what is bound to them
    groups.retain(|g| g.identity_provider_id.is_none());
    let roles: Vec<AccessRole> = pages!(tx, access_role::page);
    let bindings: Vec<RoleBinding> = pages!(tx, role_binding::page);

    let mut names = Names { organizations: HashMap::new(), things: HashMap::new(), roles: HashMap::new() };
    for o in &organizations {
        names.organizations.insert(o.id, o.name.to_string());
        names.things.insert(o.id.uuid(), format!("organization:{}", o.name));
    }
    names.things.extend(projects.iter().map(|p| (p.id.uuid(), format!("project:{}", p.name))));
    for g in &groups {
        if let Some(at) = names.placed(g.organization_id, &g.name) {
            names.things.insert(g.id.uuid(), format!("group:{at}"));
        }
    }
    for r in &roles {
        if let Some(at) = names.placed(r.organization_id, &r.name) {
            names.roles.insert(r.id, at);
        }
    }

    let mut inside: HashMap<Option<Id<Organization>>, Inside> = HashMap::new();
    for r in roles.into_iter().filter(|r| !is_as_shipped(r)) {
        inside.entry(r.organization_id).or_default().roles.push(role_entry(r));
    }
    for g in groups {
        inside.entry(g.organization_id).or_default().groups.push(GroupEntry {
            name: g.name.into_string(),
            title: g.title,
            state: Switch::of(g.state),
            metadata: g.metadata,
        });
    }
    for p in projects {
        inside.entry(Some(p.organization_id)).or_default().projects.push(ProjectEntry {
            name: p.name.into_string(),
            title: p.title,
            state: Switch::of(p.state),
            metadata: p.metadata,
        });
    }
    for inside in inside.values_mut() {
        inside.roles.sort_by(|a, b| a.name.cmp(&b.name));
        inside.groups.sort_by(|a, b| a.name.cmp(&b.name));
        inside.projects.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for o in organizations {
        let Inside { roles, groups, projects } = inside.remove(&Some(o.id)).unwrap_or_default();
        file.organizations.push(OrganizationEntry {
            name: o.name.into_string(),
            title: o.title,
            avatar: o.avatar,
            state: Switch::of(o.state),
            metadata: o.metadata,
            roles,
            groups,
            projects,
        });
    }
    file.organizations.sort_by(|a, b| a.name.cmp(&b.name));
    let own = inside.remove(&None).unwrap_or_default();
    (file.roles, file.groups) = (own.roles, own.groups);

    let mut rules: HashMap<Id<Policy>, Vec<Rule>> = HashMap::new();
    for rule in policy::all_rules(tx).await? {
        rules.entry(rule.policy_id).or_default().push(rule);
    }
    for p in policy::all(tx).await? {
        let rules = rules.remove(&p.id).unwrap_or_default();
        file.policies.push(policy_entry(p, &rules));
    }
    file.bindings = binding_entries(tx, bindings, &names).await?;
    file.platform_users = platform_users(tx).await?;
    Ok(file)
}

/// What lies in an organization, or in the tenant itself.
#[derive(Default)]
struct Inside {
    roles: Vec<RoleEntry>,
    groups: Vec<GroupEntry>,
    projects: Vec<ProjectEntry>,
}

/// What the file calls things.
struct Names {
    organizations: HashMap<Id<Organization>, String>,
    /// Organizations, projects and groups, with their kind.
    things: HashMap<Uuid, String>,
    roles: HashMap<Id<AccessRole>, String>,
}
impl Names {
    /// `None`: it lies in an organization that is on its way out.
    fn placed(&self, organization: Option<Id<Organization>>, name: &str) -> Option<String> {
        let organization = match organization {
            Some(id) => Some(self.organizations.get(&id)?.clone()),
            None => None,
        };
        Some(Placed { organization, name: name.into() }.to_string())
    }
}

/// A predefined role that nobody edited needs no words.
fn is_as_shipped(r: &AccessRole) -> bool {
    let same = |list: &[String], shipped: &[&str]| {
        list.len() == shipped.len() && list.iter().all(|word| shipped.contains(&word.as_str()))
    };
    Predefined::named(&r.name).is_some_and(|p| {
        p.id() == r.id
            && r.title == p.title
            && same(&r.permissions, p.permissions)
            && same(&r.scopes, &[p.scope])
            && r.metadata.is_empty()
    })
}
fn role_entry(r: AccessRole) -> RoleEntry {
    let mut metadata = r.metadata;
    if r.organization_id.is_some() {
        metadata.remove("org_name");
    }
    RoleEntry { name: r.name.into_string(), title: r.title, permissions: r.permissions, scopes: r.scopes, metadata }
}
fn policy_entry(p: Policy, rules: &[Rule]) -> Map<String, Value> {
    let all = json!({
        "name": p.name,
        "description": p.description,
        "enabled": p.enabled,
        "priority": p.priority,
        "access": p.access.as_str(),
        "max_duration_seconds": p.max_duration_seconds,
        "default_duration_seconds": p.default_duration_seconds,
        "max_total_duration_seconds": p.max_total_duration_seconds,
        "notification_channel": p.notification_channel.map(|id| id.to_string()),
        "approval_mode": p.approval_mode.as_str(),
        "approval_timeout_seconds": p.approval_timeout_seconds,
        "approval_stages": p.approval_stages,
        "rules": rules.iter().map(|r| statement(&r.text)).collect::<Vec<_>>(),
    });
    match all {
        Value::Object(all) => all.into_iter().filter(|(_, v)| !v.is_null()).collect(),
        _ => Map::new(),
    }
}
async fn binding_entries(
    tx: &mut Tx,
    bindings: Vec<RoleBinding>,
    names: &Names,
) -> portcullis_store::Result<Vec<BindingEntry>> {
    let (mut out, mut people) = (Vec::with_capacity(bindings.len()), HashMap::new());
    for b in bindings.into_iter().filter(|b| b.relation == Relation::Granted) {
        let to = match b.bearer {
            Bearer::User(id) => {
                if let std::collections::hash_map::Entry::Vacant(unknown) = people.entry(id) {
                    let email = user::facts(tx, Id::from_uuid(id)).await?.map(|u| format!("user:{}", u.email));
                    unknown.insert(email);
                }
                people.get(&id).cloned().flatten()
            }
            Bearer::Group(id) => names.things.get(&id).cloned(),
            Bearer::ServiceUser(id) => Some(format!("serviceuser:{id}")),
            Bearer::Pat(_) => None,
        };
        let on = match b.namespace.starts_with("app/") {
            true => names.things.get(&b.object_id).cloned(),
            false => Some(format!("{}:{}", b.namespace, b.object_id)),
        };
        if let (Some(role), Some(on), Some(to)) = (names.roles.get(&b.role_id).cloned(), on, to) {
            out.push(BindingEntry { role, on, to });
        }
    }
    out.sort();
    Ok(out)
}
async fn platform_users(tx: &mut Tx) -> portcullis_store::Result<Vec<PlatformUserEntry>> {
    const PAGE: usize = 250;
    let mut out = vec![];
    for (role, relation) in [(Role::Admin, PlatformRelation::Admin), (Role::Checker, PlatformRelation::Member)] {
        let filter = UserFilter { role: Some(role), ..UserFilter::default() };
        let order = UserOrder::Email { descending: false };
        let mut after = None;
        loop {
            let page = user_list::list(tx, &filter, order, after.as_ref(), PAGE, 0).await?;
            let Some(end) = page.last() else { break };
            after = Some(UserKey::of(end, order));
            out.extend(page.into_iter().map(|u| PlatformUserEntry { user: u.email.into_string(), relation }));
        }
    }
    out.sort();
    Ok(out)
}
