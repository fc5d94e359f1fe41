//! Asking a policy what it would say, without doing anything (`POST /v1/policies/evaluate`).
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_authz::actions;
use portcullis_authz::{Facts, Request, Target};
use portcullis_domain::fields::{Fields, boolean, integer, string, strings};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Credential, Ctx, Error, FieldError, Principal, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::App;
use crate::authenticate::of_user;
use crate::authorize::counting;
use crate::policy::Evaluation;
use crate::user::UserRef;

/// The context as it was sent (spec v1 6.2), owned.
#[derive(Default)]
struct Sent {
    roles: Option<Vec<String>>,
    role: Option<String>,
    email_domain: Option<String>,
    auth_provider: Option<String>,
    duration_seconds: Option<i64>,
    reason: Option<String>,
    ticket: Option<String>,
    break_glass: Option<bool>,
    extension: Option<bool>,
    permission_set: Option<String>,
    permission_set_rank: Option<i64>,
    account_id: Option<String>,
    mfa: Option<bool>,
    amr: Option<Vec<String>>,
    auth_age_seconds: Option<i64>,
    ip: Option<IpAddr>,
}

impl App {
    /// Dry run; the answer is the body of spec v1 4.12 evaluate. Oneself free, others `policies:evaluate`.
    pub async fn evaluate(&self, cx: &Ctx, evaluation: Result<Evaluation>) -> Result<Value> {
        let evaluation = match evaluation {
            Ok(e) => e,
            Err(e) => {
                self.may(cx, "policies:evaluate", Target::tenant()).await?;
                return Err(e);
            }
        };
        let user = self.evaluated(cx, &evaluation.principal).await?;
        let oneself = user.as_ref().is_some_and(|u| cx.principal.himself() == Some(u.id));
        if !oneself {
            self.may(cx, "policies:evaluate", Target::tenant()).await?;
        }
        let user = user.ok_or_else(|| unprocessable("principal", "No such user in this tenant."))?;
        let sent = sent(&evaluation)?;
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let compiled = self.compiled(&tenancy).await?;
        let principal = of_user(&user, Credential::None, tenancy.is_master);
        let principal = self.with_mapped_roles(&tenancy, principal).await?;
        let mut groups = counting(&compiled, Bearer::User(user.id.uuid()));
        let mut roles = principal.roles;
        for added in evaluation.groups.iter().filter_map(|g| g.parse::<Uuid>().ok()) {
            // what a group carries comes with it; who may ask about themselves only does not learn of it so
            let group = compiled.access.graph.group(added).filter(|g| g.enabled && !oneself);
            roles = roles.and(group.map(|g| g.roles).unwrap_or_default());
            groups.push(added);
        }
        let principal = Principal { groups: groups.into(), roles, ..principal };
        let target = self.evaluated_target(cx, &evaluation).await?;
        let target = match target.as_user().map(Bearer::User) {
            Some(u) => target.in_groups(&counting(&compiled, u), compiled.access.graph.mapped_roles(u)),
            None => target,
        };
        if !actions::is_builtin(&evaluation.action) && !actions::is_access_word(&evaluation.action) {
            return Err(Error::field("action", "A built-in action such as users:create, or a word such as assume."));
        }
        let as_them = Ctx { principal: Arc::new(principal), ..cx.clone() };
        let facts = facts(&as_them, &sent);
        let request = Request::new(&as_them.principal, &evaluation.action, &target, &facts);
        let d = compiled.snapshot.decide(&request.asking(compiled.settings.default_duration_seconds));
        let reason_code = match (d.allowed, d.permitted_seconds, d.rule_ids.is_empty()) {
            (true, ..) => "permitted",
            (false, Some(_), _) => "duration_too_long",
            (false, None, false) => "forbidden",
            (false, None, true) => "no_match",
        };
        let reason = match reason_code {
            "permitted" => format!("Permitted by the layer {}.", d.layer.as_str()),
            "forbidden" => "A rule forbids it.".into(),
            "duration_too_long" => "It would be permitted for a shorter time.".into(),
            _ => "Nothing permits it.".into(),
        };
        let ids = |v: Vec<String>| Value::from(v);
        Ok(json!({
            "permitted": d.allowed,
            "reason": reason,
            "reason_code": reason_code,
            "matching_policy_ids": ids(d.policy_ids.iter().map(ToString::to_string).collect()),
            "rule_ids": ids(d.rule_ids.iter().map(ToString::to_string).collect()),
            "notices": d.notice_strings(),
            "deciding_priority": d.deciding_priority,
            "approval_mode": d.terms.as_ref().map(|t| t.approval_mode.as_str()),
            "policy_id": d.terms.as_ref().map(|t| t.policy_id.to_string()),
            "max_duration_seconds": d.terms.as_ref().map(|t| t.max_duration_seconds).or(d.permitted_seconds),
            "errors": d.errors.iter().map(|e| json!({ "rule_id": e.rule_id, "message": e.message })).collect::<Vec<_>>(),
        }))
    }
    async fn evaluated(&self, cx: &Ctx, principal: &str) -> Result<Option<User>> {
        let which = match (principal.parse(), Email::parse(principal)) {
            (Ok(id), _) => UserRef::Id(id),
            (_, Ok(email)) => UserRef::Email(email),
            _ => return Err(Error::field("principal", "The id or the e-mail address of a user.")),
        };
        self.find_user(cx, &which).await
    }
    /// `type:id`, split at the first colon.
    async fn evaluated_target(&self, cx: &Ctx, e: &Evaluation) -> Result<Target<'static>> {
        let wrong = || Error::field("resource", "Type and id, such as user:0199… or aws_account:123456789012.");
        let (kind, id) =
            e.resource.split_once(':').filter(|(k, i)| !k.is_empty() && !i.is_empty()).ok_or_else(wrong)?;
        Ok(match kind {
            "tenant" if id.eq_ignore_ascii_case(&cx.tenant_id.to_string()) => Target::tenant(),
            "tenant" => Target::other_tenant(id.parse().map_err(|_| wrong())?),
            "user" => {
                let found = self.find_user(cx, &UserRef::Id(id.parse().map_err(|_| wrong())?)).await?;
                crate::user::target(Some(
                    &found.ok_or_else(|| unprocessable("resource", "No such user in this tenant."))?,
                ))
            }
            "api_key" => Target::api_key(id.parse().map_err(|_| wrong())?, None),
            "policy" => Target::policy(id.parse().map_err(|_| wrong())?),
            _ => Target::resource(kind, id.to_owned()),
        })
    }
}

fn unprocessable(field: &'static str, message: &'static str) -> Error {
    Error::with_fields(Code::Unprocessable, vec![FieldError { field: field.into(), message: message.into() }])
}

fn sent(e: &Evaluation) -> Result<Sent> {
    let mut f = Fields::nested(e.context.clone(), "context");
    let seconds = || integer(0, i64::MAX);
    let sent = Sent {
        roles: f.optional("roles", strings),
        role: f.optional("role", string),
        email_domain: f.optional("email_domain", string),
        auth_provider: f.optional("auth_provider", string),
        duration_seconds: f.optional("duration_seconds", seconds()),
        reason: f.optional("reason", string),
        ticket: f.optional("ticket", string),
        break_glass: f.optional("break_glass", boolean),
        extension: f.optional("extension", boolean),
        permission_set: f.optional("permission_set", string),
        permission_set_rank: f.optional("permission_set_rank", integer(i64::MIN, i64::MAX)),
        account_id: f.optional("account_id", string),
        mfa: f.optional("mfa", boolean),
        amr: f.optional("amr", strings),
        auth_age_seconds: f.optional("auth_age_seconds", seconds()),
        ip: f.optional("ip", |v| string(v)?.parse().map_err(|_| "An IP address.")),
    };
    // has_reason and has_ticket follow from the two; time is now
    for derived in ["has_reason", "has_ticket", "time", "hour", "weekday", "credential"] {
        f.take(derived);
    }
    f.finish(Some(sent))
}

fn facts<'a>(cx: &'a Ctx, s: &'a Sent) -> Facts<'a> {
    let mut f = Facts::of(cx);
    f.roles = s.roles.as_ref().map(|r| r.iter().map(String::as_str).collect());
    f.role = s.role.as_deref();
    f.email_domain = s.email_domain.as_deref();
    f.auth_provider = s.auth_provider.as_deref();
    f.duration_seconds = s.duration_seconds;
    f.reason = s.reason.as_deref().unwrap_or_default();
    f.ticket = s.ticket.as_deref();
    f.break_glass = s.break_glass.unwrap_or_default();
    f.extension = s.extension.unwrap_or_default();
    f.permission_set = s.permission_set.as_deref();
    f.permission_set_rank = s.permission_set_rank;
    f.account_id = s.account_id.as_deref();
    f.mfa = s.mfa.unwrap_or_default();
    f.amr = s.amr.as_deref().unwrap_or_default();
    f.auth_age_seconds = s.auth_age_seconds.unwrap_or_default();
    f.ip = s.ip.or(cx.ip);
    f
}
