//! A check as the service makes it, with this crate alone: rules first, with the groups, roles and parents that the graph knows;
//! where they are silent, the graph. And how a node keeps up what it checks with, change by change.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_authz::graph::{Fact, Graph, Object, Permission, Via};
use portcullis_authz::{CredentialKind, Facts, Layer, PolicySource, Request, Snapshot, SnapshotInput, Target};
use portcullis_domain::policy::Rule;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Credential, Id, Principal, Role, Roles, Subject, Timestamp};
use uuid::Uuid;

use crate::facts::{machine, organization, token, user};
use crate::policies;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    Person(u64),
    Machine,
    /// The token of that person, for the organization of that number.
    Token(u64),
}
impl Asker {
    pub const ALL: [Self; 6] =
        [Self::Person(0), Self::Person(1), Self::Person(2), Self::Machine, Self::Token(0), Self::Token(1)];
    /// Whose groups and bindings count.
    pub fn bearer(self) -> Bearer {
        match self {
            Self::Person(n) | Self::Token(n) => user(n),
            Self::Machine => machine(),
        }
    }
    /// What its token is called and which organization it is for.
    pub fn token(self) -> Option<(Bearer, Uuid)> {
        match self {
            Self::Token(n) => Some((token(n), organization(n))),
            Self::Person(_) | Self::Machine => None,
        }
    }
}
/// The roles of the tenant that people hold themselves.
pub type Own = [Roles; 3];

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// A permission on an object.
    On(Object, Permission),
    /// An access action on an account, of which only rules know.
    Account(&'static str),
}

/// What a check says. Its layers are the words of `POST /v1/access/check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub allowed: bool,
    pub layer: &'static str,
    pub rules: BTreeSet<Id<Rule>>,
    pub notices: Vec<Arc<str>>,
}
impl Answer {
    pub fn plain(allowed: bool, layer: &'static str) -> Self {
        Self { allowed, layer, rules: BTreeSet::new(), notices: vec![] }
    }
}

/// What one transaction changes: facts, and policies by number.
pub type Change = (Vec<Fact>, Vec<(u128, Option<PolicySource>)>);

/// The policies as they are now.
#[derive(Clone, Debug, Default)]
pub struct Policies(BTreeMap<u128, PolicySource>);
impl Policies {
    pub fn learn(&mut self, n: u128, now: Option<PolicySource>) {
        match now {
            Some(policy) => drop(self.0.insert(n, policies::numbered(n, policy))),
            None => drop(self.0.remove(&n)),
        }
    }
    pub fn input(&self, revision: i64) -> SnapshotInput {
        SnapshotInput {
            tenant_id: Id::from_uuid(policies::id(99)),
            tenant_slug: "acme".into(),
            is_master: false,
            revision,
            policies: self.0.values().cloned().collect(),
        }
    }
}

/// What a node checks with.
pub struct Access {
    pub snapshot: Arc<Snapshot>,
    pub graph: Graph,
}
impl Access {
    /// The rules are compiled anew only if some changed.
    pub fn after(&self, facts: Vec<Fact>, rules: Option<SnapshotInput>) -> Self {
        let snapshot = match rules {
            Some(input) => Arc::new(Snapshot::compile(input, Some(&self.snapshot))),
            None => self.snapshot.clone(),
        };
        Self { snapshot, graph: self.graph.after(facts) }
    }

    /// The groups of somebody that count (decision 19).
    fn counting(&self, who: Bearer) -> Vec<Uuid> {
        let counts = |id: &Uuid| {
            let above = self.graph.group(*id).and_then(|g| g.organization);
            above.is_none_or(|o| self.graph.organization(o).is_some_and(|o| o.enabled))
        };
        self.graph.groups_of(who).filter(counts).collect()
    }
    fn principal(&self, who: Asker, own: &Own) -> Principal {
        let subject = match who.bearer() {
            Bearer::ServiceUser(id) => Subject::ServiceUser(Id::from_uuid(id)),
            person => Subject::User(Id::from_uuid(person.id())),
        };
        let mut p = Principal::bare(subject, "somebody");
        if let Asker::Person(n) | Asker::Token(n) = who {
            p.roles = own[usize::try_from(n).unwrap()].and(self.graph.mapped_roles(who.bearer()));
        }
        if let Some((token, organization)) = who.token() {
            p.credential = Credential::PersonalToken {
                id: Id::from_uuid(token.id()),
                organization: Id::from_uuid(organization),
                generation: 0,
                made_at: Timestamp::from_micros(0),
                expires_at: Timestamp::from_micros(0),
            };
        }
        p.groups = self.counting(who.bearer()).into();
        p
    }
    /// An object as a rule sees it, with everything above it.
    fn target(&self, object: Object) -> Target<'static> {
        let within = |target: Target<'static>, project: Uuid| match self.graph.project(project) {
            Some(p) => target.within("Organization", p.organization.to_string()),
            None => target,
        };
        match object {
            Object::Organization(id)
            | Object::ServiceUser { organization: id }
            | Object::Invitation { organization: id, .. } => Target::resource("organization", id.to_string()),
            Object::Project(id) => within(Target::resource("project", id.to_string()), id),
            Object::Group(id) => Target::group(id),
            Object::Resource { id, project, .. } => {
                let target = Target::resource("compute/order", id.to_string());
                within(target.within("Project", project.to_string()), project)
            }
        }
    }

    pub fn answer(&self, who: Asker, own: &Own, question: &Question) -> (Answer, Option<Via>) {
        let principal = self.principal(who, own);
        let (action, target) = match question {
            Question::On(object, permission) => (&*permission.slug, self.target(*object)),
            Question::Account(word) => (*word, Target::resource("aws_account", "123456789012")),
        };
        let facts = Facts { credential: CredentialKind::of(&principal), ..Facts::default() };
        let decision = self.snapshot.decide(&Request::new(&principal, action, &target, &facts));
        let by_rule = decision.layer == Layer::Rule;
        assert!(!by_rule || self.snapshot.could_match(action), "{action}");
        let ruled = || Answer {
            allowed: decision.allowed,
            layer: "rule",
            rules: decision.rule_ids.iter().copied().collect(),
            notices: decision.notices.clone(),
        };
        let no = (Answer::plain(false, "default"), None);
        let Question::On(object, permission) = question else {
            return if by_rule { (ruled(), None) } else { no };
        };
        let given = self.graph.given_to(&principal, permission, *object);
        if by_rule && !decision.allowed {
            (ruled(), None)
        } else if who.token().is_none() && principal.roles.has(Role::Admin) {
            (Answer::plain(true, "base"), None)
        } else if by_rule {
            let held_back = given.is_some_and(|v| v.via.is_none()) || self.graph.disabled(*object).is_some();
            if held_back { no } else { (ruled(), None) }
        } else {
            let verdict = self.graph.verdict(&principal, permission, *object);
            if verdict.holds() { (Answer::plain(true, "binding"), verdict.via) } else { no }
        }
    }
}
