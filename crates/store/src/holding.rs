//! What somebody holds inside an organization: on its projects, on its groups, on the resources of its projects.
use portcullis_domain::Id;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::{Bearer, RoleBinding};

use crate::{Result, Tx};

/// At most so many of each kind in one step.
const STEP: usize = 60;

statements! {
    ON_PROJECTS: page "SELECT b.id FROM role_bindings b JOIN projects p ON p.tenant = b.tenant AND p.id = b.object_id \
        WHERE b.tenant = $1 AND b.bearer_id = $2 AND p.organization_id = $3 LIMIT 60";
    ON_GROUPS: page "SELECT b.id FROM role_bindings b JOIN groups g ON g.tenant = b.tenant AND g.id = b.object_id \
        WHERE b.tenant = $1 AND b.bearer_id = $2 AND g.scope_id = $3 LIMIT 60";
    ON_RESOURCES: page "SELECT b.id FROM role_bindings b JOIN resources r ON r.tenant = b.tenant AND r.id = b.object_id \
        JOIN projects p ON p.tenant = r.tenant AND p.id = r.project_id \
        WHERE b.tenant = $1 AND b.bearer_id = $2 AND p.organization_id = $3 LIMIT 60";
}

/// Some of what somebody holds inside an organization.
#[derive(Clone, Debug)]
pub struct Inside {
    /// Few enough to be removed in one transaction.
    pub bindings: Vec<Id<RoleBinding>>,
    /// Is it all?
    pub whole: bool,
}

/// What a bearer holds inside an organization, but for what it holds on the organization itself.
pub async fn inside(tx: &mut Tx, bearer: Bearer, organization: Id<Organization>) -> Result<Inside> {
    let mut out = Inside { bindings: vec![], whole: true };
    for sql in [&ON_PROJECTS, &ON_GROUPS, &ON_RESOURCES] {
        let some = tx.all(sql, &[bearer.id().into(), organization.into()], |r| r.id(0)).await?;
        out.whole &= some.len() < STEP;
        out.bindings.extend(some);
    }
    Ok(out)
}
