//! The same check by Cedar alone (engine.md 10). Its entities are the facts, edge by edge; its layers are the rules, then a forbid
//! for whatever is disabled, then one policy a binding with the actions that it gives on each type of object.
use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet, Request as Asked,
    RestrictedExpression as Expr,
};
use portcullis_authz::graph::{Binding, Object, Permission, Via};
use portcullis_authz::oracle::Rules;
use portcullis_authz::{CredentialKind, Facts as Stated, Request, SnapshotInput, Target};
use portcullis_domain::role_binding::{Bearer, Relation};
use portcullis_domain::{Principal, Role};
use uuid::Uuid;

use crate::access::{Answer, Asker, Own, Question};
use crate::facts::{Facts, interesting, machine, objects, user};

fn uid(kind: &str, id: impl ToString) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), cedar_policy::EntityId::new(id.to_string()))
}
fn entity(uid: EntityUid, attributes: &[(&str, Expr)], parents: Vec<EntityUid>) -> Entity {
    let attributes: HashMap<String, Expr> = attributes.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    Entity::new(uid, attributes, HashSet::from_iter(parents)).unwrap()
}
fn name(bearer: Bearer) -> EntityUid {
    let kind = match bearer {
        Bearer::User(_) => "User",
        Bearer::ServiceUser(_) => "ServiceUser",
        Bearer::Group(_) => "Group",
        Bearer::Pat(_) => "Pat",
    };
    uid(kind, bearer.id())
}
const ORDER: &str = "x_compute_order";
fn place(object: Object) -> EntityUid {
    match object {
        Object::Organization(id)
        | Object::ServiceUser { organization: id }
        | Object::Invitation { organization: id, .. } => uid("Organization", id),
        Object::Project(id) => uid("Project", id),
        Object::Group(id) => uid("Group", id),
        Object::Resource { id, .. } => uid(ORDER, id),
    }
}

/// Groups that count: enabled, and of an organization that is.
fn memberships(facts: &Facts, who: Bearer) -> Vec<EntityUid> {
    let counts = |id: &Uuid| {
        facts.groups.get(id).is_some_and(|g| g.enabled && g.organization.is_none_or(|o| facts.is_enabled(o)))
    };
    let on = facts.bindings.values().filter(|b| b.bearer == who).map(|b| b.object);
    on.filter(counts).map(|id| uid("Group", id)).collect()
}

/// As spec v1 6.1 tells it to rules: users lie in groups, groups in the roles that they map, everything in the tenant.
fn told_to_rules(facts: &Facts, own: &Own, tenant: &EntityUid) -> Entities {
    let role = |r: Role| uid("Role", r.as_str());
    let mut all = vec![entity(tenant.clone(), &[("slug", Expr::new_string("acme".into()))], vec![])];
    for (n, roles) in (0..).zip(own) {
        let parents = memberships(facts, user(n)).into_iter().chain(roles.iter().map(role)).chain([tenant.clone()]);
        let no = Expr::new_bool(false);
        let attributes = [("email_verified", no.clone()), ("mfa_enrolled", no.clone()), ("is_owner", no)];
        all.push(entity(name(user(n)), &attributes, parents.collect()));
    }
    all.push(entity(name(machine()), &[], vec![tenant.clone()]));
    for (id, g) in &facts.groups {
        all.push(entity(uid("Group", id), &[], g.roles.iter().map(role).chain([tenant.clone()]).collect()));
    }
    for id in facts.organizations.keys() {
        all.push(entity(uid("Organization", id), &[], vec![tenant.clone()]));
    }
    for (id, j) in &facts.projects {
        all.push(entity(uid("Project", id), &[], vec![uid("Organization", j.organization), tenant.clone()]));
    }
    for object in objects() {
        if let Object::Resource { id, project, .. } = object {
            all.push(entity(uid(ORDER, id), &[], vec![uid("Project", project), tenant.clone()]));
        }
    }
    all.push(entity(uid("AwsAccount", "123456789012"), &[], vec![tenant.clone()]));
    for word in ["assume", "read", "compute_order_get", "compute_order_delete"] {
        all.push(entity(uid("Action", word), &[], vec![uid("Action", "request_access")]));
    }
    Entities::from_entities(all, None).unwrap()
}

/// What bindings speak of: who is in which group, and what lies in which organization.
fn told_to_bindings(facts: &Facts) -> Entities {
    let mut all: Vec<Entity> = Asker::ALL
        .into_iter()
        .filter(|who| who.token().is_none())
        .map(|who| entity(name(who.bearer()), &[], memberships(facts, who.bearer())))
        .collect();
    let above = |o: Uuid| uid("Organization", o);
    all.extend(
        facts
            .groups
            .iter()
            .map(|(id, g)| entity(uid("Group", id), &[], g.organization.map(above).into_iter().collect())),
    );
    all.extend(facts.projects.iter().map(|(id, j)| entity(uid("Project", id), &[], vec![above(j.organization)])));
    for object in objects() {
        if let Object::Resource { id, project, .. } = object {
            all.push(entity(uid(ORDER, id), &[], vec![uid("Project", project)]));
        }
    }
    Entities::from_entities(all, None).unwrap()
}

/// What is disabled, or lies in nothing that is there, as forbids; everything else is permitted.
fn wall(facts: &Facts) -> PolicySet {
    let organizations =
        facts.projects.values().map(|j| j.organization).chain(facts.groups.values().filter_map(|g| g.organization));
    let organizations: BTreeSet<Uuid> = organizations.chain(facts.organizations.keys().copied()).collect();
    let mut closed: Vec<EntityUid> =
        organizations.into_iter().filter(|o| !facts.is_enabled(*o)).map(|o| uid("Organization", o)).collect();
    closed.extend(facts.projects.iter().filter(|(_, j)| !j.enabled).map(|(id, _)| uid("Project", id)));
    closed.extend(facts.groups.iter().filter(|(_, g)| !g.enabled).map(|(id, _)| uid("Group", id)));
    let text: String = closed.iter().map(|c| format!("forbid(principal, action, resource in {c});")).collect();
    format!("permit(principal, action, resource);{text}").parse().unwrap()
}

/// The types of objects on which a permission can be held.
fn takes(p: &Permission) -> &'static [&'static str] {
    match &*p.namespace {
        "app/organization" => &["Organization"],
        "app/project" => &["Organization", "Project"],
        "app/group" => &["Organization", "Group"],
        "compute/order" => &["Organization", "Project", ORDER],
        _ => &[],
    }
}
/// Does a role of these slugs, held on an object of this type, give a permission there and below (spec v1beta1 5.4)?
fn gives(slugs: &BTreeSet<String>, on: &str, relation: Relation, p: &Permission) -> bool {
    let has = |slug: &str| slugs.contains(slug);
    let (of_organization, of_project, of_group) =
        (*p.namespace == *"app/organization", *p.namespace == *"app/project", *p.namespace == *"app/group");
    let custom = !(of_organization || of_project || of_group);
    let (get, administer) = (&*p.verb == "get", &*p.verb == "administer");
    match (on, relation) {
        ("Organization", Relation::PatGranted) => {
            (of_project || custom) && (has("app_project_administer") || has(&p.slug))
        }
        (_, Relation::PatGranted) => false,
        ("Organization", Relation::Granted) => {
            has("app_organization_administer")
                || (has(&p.slug) && (of_organization || !administer))
                || (of_organization && get && has("app_organization_update"))
        }
        ("Project", Relation::Granted) => {
            (of_project || custom)
                && (has("app_project_administer") || has(&p.slug) || (of_project && get && has("app_project_update")))
        }
        ("Group", Relation::Granted) => {
            of_group && (has("app_group_administer") || has(&p.slug) || (get && has("app_group_update")))
        }
        (_, Relation::Granted) => custom && has(&p.slug),
    }
}
/// The policies that a binding stands for: one a type of object.
fn meant(facts: &Facts, b: &Binding) -> Vec<String> {
    let Some(slugs) = facts.roles.get(&b.role) else { return vec![] };
    let on = match b.object {
        id if facts.organizations.contains_key(&id) => "Organization",
        id if facts.projects.contains_key(&id) => "Project",
        id if facts.groups.contains_key(&id) => "Group",
        id if objects().iter().any(|o| matches!(o, Object::Resource { id: r, .. } if *r == id)) => ORDER,
        _ => return vec![],
    };
    let mut slugs = slugs.clone();
    let home = match b.bearer {
        Bearer::Pat(_) => {
            slugs.retain(|s| !facts.denied.contains(s));
            let who = Asker::ALL.into_iter().find_map(|who| who.token().filter(|(t, _)| *t == b.bearer));
            who.map_or_else(String::new, |(_, home)| format!("when {{ resource in {} }}", uid("Organization", home)))
        }
        _ => String::new(),
    };
    let policy = |kind: &str| {
        let given = interesting().into_iter().filter(|p| takes(p).contains(&kind) && gives(&slugs, on, b.relation, p));
        let actions: Vec<String> = given.map(|p| uid("Action", p.slug).to_string()).collect();
        (!actions.is_empty()).then(|| {
            let (who, on) = (name(b.bearer), uid(on, b.object));
            format!(
                "permit(principal in {who}, action in [{}], resource is {kind} in {on}) {home};",
                actions.join(", ")
            )
        })
    };
    ["Organization", "Project", "Group", ORDER].into_iter().filter_map(policy).collect()
}
const OWNER: &str = "owner";
fn bindings(facts: &Facts) -> PolicySet {
    let mut set = PolicySet::new();
    let mut add = |of: &str, text: &str| {
        let id = PolicyId::new(format!("{of} {}", set.num_of_policies()));
        set.add(Policy::parse(Some(id), text).unwrap()).unwrap();
    };
    for (id, b) in &facts.bindings {
        meant(facts, b).iter().for_each(|text| add(&id.to_string(), text));
    }
    for object in objects() {
        // a token has what it was given and nothing by owning
        if let Object::Resource { id, owner: Some(owner), .. } = object
            && !matches!(owner, Bearer::Pat(_))
        {
            add(OWNER, &format!("permit(principal == {}, action, resource == {});", name(owner), uid(ORDER, id)));
        }
    }
    set
}

/// Everything that Cedar is asked about one state of a tenant.
pub struct Cedar<'a> {
    rules: Rules<'a>,
    of_rules: Entities,
    of_bindings: Entities,
    wall: PolicySet,
    bindings: PolicySet,
}
impl<'a> Cedar<'a> {
    pub fn new(facts: &Facts, own: &Own, input: &'a SnapshotInput) -> Self {
        Self {
            rules: Rules::new(input),
            of_rules: told_to_rules(facts, own, &uid("Tenant", input.tenant_id)),
            of_bindings: told_to_bindings(facts),
            wall: wall(facts),
            bindings: bindings(facts),
        }
    }
    /// The answer, and what the bindings and owners say by themselves: those through which it would hold.
    pub fn answer(&self, who: Asker, question: &Question) -> (Answer, BTreeSet<String>) {
        let (action, resource) = match question {
            Question::On(object, permission) => (&*permission.slug, place(*object)),
            Question::Account(word) => (*word, uid("AwsAccount", "123456789012")),
        };
        let credential = match who {
            Asker::Person(_) => CredentialKind::Session,
            Asker::Machine => CredentialKind::Service,
            Asker::Token(_) => CredentialKind::ApiKey,
        };
        let (nobody, nothing) = (Principal::anonymous(), Target::tenant());
        let stated = Stated { credential, ..Stated::default() };
        let request = Request::new(&nobody, action, &nothing, &stated);
        let ruled = self.rules.decide(&request, &self.of_rules, name(who.bearer()), resource.clone());
        let ruled = ruled.map(|v| Answer { allowed: v.allowed, layer: "rule", rules: v.rules, notices: v.notices });
        if let Question::Account(_) = question {
            return (ruled.unwrap_or(Answer::plain(false, "default")), BTreeSet::new());
        }
        let ask = |set: &PolicySet, who: Bearer| {
            let asked = Asked::new(name(who), uid("Action", action), resource.clone(), Context::empty(), None).unwrap();
            let said = Authorizer::new().is_authorized(&asked, set, &self.of_bindings);
            let why =
                said.diagnostics().reason().map(|id| AsRef::<str>::as_ref(id).split(' ').next().unwrap().to_owned());
            (said.decision() == Decision::Allow).then(|| why.collect::<BTreeSet<String>>())
        };
        let is_admin = self.of_rules.is_ancestor_of(&uid("Role", "admin"), &name(who.bearer()));
        let given = who.token().map(|(token, _)| ask(&self.bindings, token));
        let own = ask(&self.bindings, who.bearer());
        let held = match given.clone() {
            Some(given) => given.filter(|_| own.is_some() || is_admin),
            None => own,
        };
        let open = ask(&self.wall, who.bearer()).is_some();
        let answer = match ruled {
            Some(no) if !no.allowed => no,
            _ if is_admin && given.is_none() => Answer::plain(true, "base"),
            Some(yes) if open && given.is_none_or(|g| g.is_some()) => yes,
            None if open && held.is_some() => Answer::plain(true, "binding"),
            _ => Answer::plain(false, "default"),
        };
        (answer, held.unwrap_or_default())
    }
}
/// How [`Cedar`] calls what a check holds through.
pub fn called(via: Via) -> String {
    match via {
        Via::Owner => OWNER.to_owned(),
        Via::Binding { id, .. } => id.to_string(),
    }
}
