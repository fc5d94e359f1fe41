//! What an event of the audit log is called on /v1beta1: in audit records, and in the older log, whose names webhooks carry
//! (decision 35, spec v1beta1 3.17). An event without a row keeps its name in both.

/// The names of one event.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// In our log.
    pub event: &'static str,
    /// In audit records.
    pub record: &'static str,
    /// In the older log and in webhooks, if Frontier knows such an event.
    pub legacy: Option<&'static str>,
}

const fn row(event: &'static str, record: &'static str, legacy: &'static str) -> Names {
    let legacy = if legacy.is_empty() { None } else { Some(legacy) };
    Names { event, record, legacy }
}

/// All events that have another name there, in the order of their names.
pub static NAMES: &[Names] = &[
    row("group.created", "group.created", "app.group.created"),
    row("group.deleted", "group.deleted", "app.group.deleted"),
    row("group.member_added", "group.member_added", "app.group.member.created"),
    row("group.member_removed", "group.member_removed", "app.group.members.removed"),
    row("group.member_role_changed", "group.member_role_changed", "app.group.member.role_changed"),
    row("group.updated", "group.updated", "app.group.updated"),
    row("kyc.unverified", "kyc.unverified", "app.organization.kyc.updated"),
    row("kyc.verified", "kyc.verified", "app.organization.kyc.updated"),
    row("organization.created", "organization.create", "app.organization.created"),
    row("organization.deleted", "organization.delete", "app.organization.deleted"),
    row("organization.disabled", "organization.state_change", "app.organization.disabled"),
    row("organization.enabled", "organization.state_change", ""),
    row("organization.member_added", "organization.added", "app.organization.member.created"),
    row("organization.member_removed", "organization.removed", "app.organization.member.deleted"),
    row("organization.member_role_changed", "organization.role_changed", "app.organization.member.role_changed"),
    row("organization.updated", "organization.update", "app.organization.updated"),
    row("permission.created", "permission.created", "app.permission.created"),
    row("permission.deleted", "permission.deleted", "app.permission.deleted"),
    row("permission.updated", "permission.updated", "app.permission.updated"),
    // what /v1 calls a policy is no policy of Frontier's, which is a role binding
    row("policy.created", "access_policy.created", ""),
    row("policy.deleted", "access_policy.deleted", ""),
    row("policy.reordered", "access_policy.reordered", ""),
    row("policy.updated", "access_policy.updated", ""),
    row("project.created", "project.created", "app.project.created"),
    row("project.deleted", "project.deleted", "app.project.deleted"),
    row("project.member_removed", "project.member_removed", "app.project.member.removed"),
    row("project.member_role_changed", "project.member_role_changed", "app.project.member.role_changed"),
    row("project.updated", "project.updated", "app.project.updated"),
    row("resource.created", "resource.created", "app.resource.created"),
    row("resource.deleted", "resource.deleted", "app.resource.deleted"),
    row("resource.updated", "resource.updated", "app.resource.updated"),
    row("role.created", "role.created", "app.role.created"),
    row("role.deleted", "role.deleted", "app.role.deleted"),
    row("role.updated", "role.updated", "app.role.updated"),
    row("role_binding.created", "policy.created", "app.policy.created"),
    row("role_binding.deleted", "policy.deleted", "app.policy.deleted"),
    row("role_binding.updated", "policy.updated", ""),
    row("service_user.created", "serviceuser.created", "app.serviceuser.created"),
    row("service_user.deleted", "serviceuser.deleted", "app.serviceuser.deleted"),
    row("user.created", "user.created", "app.user.created"),
    row("user.deleted", "user.deleted", "app.user.deleted"),
    row("user.updated", "user.updated", "app.user.updated"),
];

fn names(event: &str) -> Option<&'static Names> {
    // a handful of steps: this is asked at each commit of a tenant with an endpoint
    NAMES.binary_search_by(|n| n.event.cmp(event)).ok().map(|i| &NAMES[i])
}

/// Its name in audit records.
pub fn record(event: &str) -> &str {
    names(event).map_or(event, |n| n.record)
}
/// Its name in the older log, if Frontier knows such an event.
pub fn legacy(event: &str) -> Option<&'static str> {
    names(event).and_then(|n| n.legacy)
}
/// Its name in webhooks and in the older log: Frontier's, else ours.
pub fn sent(event: &str) -> &str {
    legacy(event).unwrap_or(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_event_once() {
        NAMES.windows(2).for_each(|n| assert!(n[0].event < n[1].event, "{}", n[1].event));
        assert_eq!(
            (record("organization.created"), sent("organization.created")),
            ("organization.create", "app.organization.created")
        );
        assert_eq!((record("session.revoked"), legacy("session.revoked")), ("session.revoked", None));
    }
}
