//! Guard rails: what no rule lifts (spec v1 part 5). Those that need rows (who holds which role) are the service's.
use portcullis_domain::Principal;

use crate::actions::BuiltIn;
use crate::target::{Side, Target};

/// What a rail says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rail {
    Allow,
    Refuse,
}

/// The rail that this request meets, if any.
pub(crate) fn meet(principal: &Principal, action: &BuiltIn, target: &Target<'_>) -> Option<Rail> {
    // (5) other tenants only from the master tenant, only `tenants:*`, and only who administers it: no rule gives them away
    let on_tenants = action.area == "tenants:*";
    let master_only = matches!(action.name, "tenants:create" | "tenants:delete") || target.side == Side::Other;
    if master_only && !(on_tenants && principal.administers_tenants()) {
        return Some(Rail::Refuse);
    }
    // (1) nobody decides on, grants to, or reviews himself, also through a key that he made
    let acting = principal.acting_user.or(principal.user_id());
    let on_himself = acting.is_some() && target.subject == acting;
    let needs_another = matches!(
        action.name,
        "requests:approve" | "requests:deny" | "reviews:complete" | "grants:create" | "users:reset_mfa"
    );
    if on_himself && needs_another {
        return Some(Rail::Refuse);
    }
    // (2) what belongs to the owner cannot be given by a rule: whoever writes rules would be the owner
    let owners = matches!(action.name, "tenants:transfer" | "api_keys:create_service");
    // the key of a former owner must not take the tenant back
    let machine = principal.is_service_key() && action.name != "tenants:transfer";
    let of_another = target.side == Side::Other && principal.administers_tenants();
    if owners && !(principal.is_owner || of_another || machine) {
        return Some(Rail::Refuse);
    }
    // (3) a bad rule cannot lock the tenant
    let kept = matches!(action.area, "policies:*" | "settings:*" | "api_keys:*") || action.name == "users:read";
    (principal.is_owner && kept).then_some(Rail::Allow)
}
