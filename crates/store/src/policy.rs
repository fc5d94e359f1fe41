//! Rows of policies and their rules.
use portcullis_domain::Id;
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy, Rule};
use portcullis_domain::value::name_key;

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, name, description, enabled, priority, max_duration_seconds, default_duration_seconds, notification_channel, \
         approval_mode, approval_timeout_seconds, approval_stages, max_total_duration_seconds, access, created_at, updated_at, \
         revision"
    };
}
macro_rules! rule_columns {
    () => {
        "id, policy_id, ordinal, policy_text, notice, audit_session, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO policies (tenant, id, name, name_key, description, enabled, priority, max_duration_seconds, \
        default_duration_seconds, notification_channel, approval_mode, approval_timeout_seconds, approval_stages, \
        max_total_duration_seconds, access, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1)";
    UPDATE: write "UPDATE policies SET name = $3, name_key = $4, description = $5, enabled = $6, priority = $7, \
        max_duration_seconds = $8, default_duration_seconds = $9, notification_channel = $10, approval_mode = $11, \
        approval_timeout_seconds = $12, approval_stages = $13, max_total_duration_seconds = $14, access = $15, \
        updated_at = $16, revision = revision + 1 WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM policies WHERE tenant = $1 AND id = $2");
    ALL_POLICIES: scan concat!("SELECT ", columns!(), " FROM policies WHERE tenant = $1 ORDER BY priority DESC, name_key, id");
    DELETE: write "DELETE FROM policies WHERE tenant = $1 AND id = $2";
    DELETE_RULES: write "DELETE FROM policy_rules WHERE tenant = $1 AND policy_id = $2";
    SET_PRIORITY: write "UPDATE policies SET priority = $3, updated_at = $4, revision = revision + 1 \
        WHERE tenant = $1 AND id = $2";
    TOUCH: write "UPDATE policies SET updated_at = $3, revision = revision + 1 WHERE tenant = $1 AND id = $2";
    COUNT: scan "SELECT count(*) FROM policies WHERE tenant = $1";
    INSERT_RULE: write "INSERT INTO policy_rules (tenant, id, policy_id, ordinal, policy_text, notice, audit_session, \
        created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    UPDATE_RULE: write "UPDATE policy_rules SET ordinal = $3, policy_text = $4, notice = $5, audit_session = $6, \
        updated_at = $7 WHERE tenant = $1 AND id = $2";
    RULE_BY_ID: point concat!("SELECT ", rule_columns!(), " FROM policy_rules WHERE tenant = $1 AND id = $2");
    RULES_OF: page concat!("SELECT ", rule_columns!(), " FROM policy_rules WHERE tenant = $1 AND policy_id = $2 ORDER BY ordinal");
    ALL_RULES: scan concat!("SELECT ", rule_columns!(), " FROM policy_rules WHERE tenant = $1 ORDER BY policy_id, ordinal");
    DELETE_RULE: write "DELETE FROM policy_rules WHERE tenant = $1 AND id = $2";
    RULE_COUNT: page "SELECT count(*) FROM policy_rules WHERE tenant = $1 AND policy_id = $2";
    ALL_RULE_COUNT: scan "SELECT count(*) FROM policy_rules WHERE tenant = $1";
}

fn read(r: &Row<'_>) -> Result<Policy> {
    Ok(Policy {
        id: Id::from_uuid(r.uuid(0)?),
        name: r.text(1)?,
        description: r.opt_text(2)?,
        enabled: r.bool(3)?,
        priority: r.int(4)?,
        max_duration_seconds: r.int(5)?,
        default_duration_seconds: r.opt_int(6)?,
        notification_channel: r.opt_uuid(7)?,
        approval_mode: ApprovalMode::parse(&r.text(8)?).unwrap_or(ApprovalMode::Require),
        approval_timeout_seconds: r.int(9)?,
        approval_stages: serde_json::from_str(&r.text(10)?).unwrap_or_default(),
        max_total_duration_seconds: r.opt_int(11)?,
        access: AccessKind::parse(&r.text(12)?).unwrap_or(AccessKind::OnRequest),
        created_at: r.timestamp(13)?,
        updated_at: r.timestamp(14)?,
        revision: r.int(15)?,
    })
}
fn read_rule(r: &Row<'_>) -> Result<Rule> {
    Ok(Rule {
        id: Id::from_uuid(r.uuid(0)?),
        policy_id: Id::from_uuid(r.uuid(1)?),
        ordinal: r.int(2)?,
        text: r.text(3)?,
        notice: r.opt_text(4)?,
        audit_session: r.bool(5)?,
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
    })
}

/// Writes a new policy. A taken name surfaces as `policies_name`.
pub async fn insert(tx: &mut Tx, p: &Policy) -> Result<()> {
    let (key, stages) = (name_key(&p.name), p.approval_stages.to_string());
    tx.run(
        &INSERT,
        &[
            p.id.into(),
            P::Text(&p.name),
            P::Text(&key),
            p.description.as_deref().into(),
            p.enabled.into(),
            P::Int(p.priority),
            P::Int(p.max_duration_seconds),
            p.default_duration_seconds.into(),
            p.notification_channel.into(),
            P::Text(p.approval_mode.as_str()),
            P::Int(p.approval_timeout_seconds),
            P::Text(&stages),
            p.max_total_duration_seconds.into(),
            P::Text(p.access.as_str()),
            p.created_at.into(),
            p.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}
/// Writes a changed policy; the revision goes up by one.
pub async fn update(tx: &mut Tx, p: &Policy) -> Result<()> {
    let (key, stages) = (name_key(&p.name), p.approval_stages.to_string());
    tx.run(
        &UPDATE,
        &[
            p.id.into(),
            P::Text(&p.name),
            P::Text(&key),
            p.description.as_deref().into(),
            p.enabled.into(),
            P::Int(p.priority),
            P::Int(p.max_duration_seconds),
            p.default_duration_seconds.into(),
            p.notification_channel.into(),
            P::Text(p.approval_mode.as_str()),
            P::Int(p.approval_timeout_seconds),
            P::Text(&stages),
            p.max_total_duration_seconds.into(),
            P::Text(p.access.as_str()),
            p.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}
/// One policy.
pub async fn by_id(tx: &mut Tx, id: Id<Policy>) -> Result<Option<Policy>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// All policies, highest first; a tenant has at most 2,000.
pub async fn all(tx: &mut Tx) -> Result<Vec<Policy>> {
    tx.all(&ALL_POLICIES, &[], read).await
}
/// How many policies the tenant has.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one(&COUNT, &[], |r| r.int(0)).await?.unwrap_or(0))
}
/// Deletes a policy with its rules.
pub async fn delete(tx: &mut Tx, id: Id<Policy>) -> Result<()> {
    tx.run(&DELETE_RULES, &[id.into()]).await?;
    tx.run(&DELETE, &[id.into()]).await?;
    Ok(())
}
/// Gives a policy its place.
pub async fn set_priority(tx: &mut Tx, id: Id<Policy>, priority: i64) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&SET_PRIORITY, &[id.into(), P::Int(priority), now.into()]).await?;
    Ok(())
}
/// A change of a rule is a change of its policy.
pub async fn touch(tx: &mut Tx, id: Id<Policy>) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&TOUCH, &[id.into(), now.into()]).await?;
    Ok(())
}

/// Where a page of policies begins.
#[derive(Clone, Debug)]
pub struct PolicyKey {
    /// Of the last row.
    pub priority: i64,
    /// Of the last row.
    pub name_key: String,
}

/// At most `limit` policies after `after`, by priority, then name.
pub async fn list(
    tx: &mut Tx,
    enabled: Option<bool>,
    q: Option<&str>,
    after: Option<&PolicyKey>,
    limit: usize,
) -> Result<Vec<Policy>> {
    let mut text = format!("SELECT {} FROM policies WHERE tenant = $1", columns!());
    let mut values: Vec<P<'_>> = vec![];
    let pattern = q.map(|q| format!("%{}%", crate::select::escape(&name_key(q))));
    if let Some(e) = enabled {
        values.push(e.into());
        text.push_str(&format!(" AND enabled = ${}", values.len() + 1));
    }
    if let Some(p) = &pattern {
        values.push(P::Text(p));
        text.push_str(&format!(" AND name_key LIKE ${} ESCAPE '\\'", values.len() + 1));
    }
    if let Some(k) = after {
        values.push(P::Int(k.priority));
        values.push(P::Text(&k.name_key));
        let (p, n) = (values.len(), values.len() + 1);
        text.push_str(&format!(" AND (priority < ${p} OR (priority = ${p} AND name_key > ${n}))"));
    }
    text.push_str(&format!(" ORDER BY priority DESC, name_key, id LIMIT {limit}"));
    tx.all_dynamic(&text, &values, read).await
}

/// Writes a new rule.
pub async fn insert_rule(tx: &mut Tx, r: &Rule) -> Result<()> {
    tx.run(
        &INSERT_RULE,
        &[
            r.id.into(),
            r.policy_id.into(),
            P::Int(r.ordinal),
            P::Text(&r.text),
            r.notice.as_deref().into(),
            r.audit_session.into(),
            r.created_at.into(),
            r.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}
/// Writes a changed rule.
pub async fn update_rule(tx: &mut Tx, r: &Rule) -> Result<()> {
    tx.run(
        &UPDATE_RULE,
        &[
            r.id.into(),
            P::Int(r.ordinal),
            P::Text(&r.text),
            r.notice.as_deref().into(),
            r.audit_session.into(),
            r.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}
/// One rule.
pub async fn rule_by_id(tx: &mut Tx, id: Id<Rule>) -> Result<Option<Rule>> {
    tx.one(&RULE_BY_ID, &[id.into()], read_rule).await
}
/// The rules of a policy by ordinal.
pub async fn rules_of(tx: &mut Tx, policy: Id<Policy>) -> Result<Vec<Rule>> {
    tx.all(&RULES_OF, &[policy.into()], read_rule).await
}
/// How many rules a policy has.
pub async fn rule_count(tx: &mut Tx, policy: Id<Policy>) -> Result<i64> {
    Ok(tx.one(&RULE_COUNT, &[policy.into()], |r| r.int(0)).await?.unwrap_or(0))
}
/// How many rules the tenant has.
pub async fn all_rule_count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one(&ALL_RULE_COUNT, &[], |r| r.int(0)).await?.unwrap_or(0))
}
/// Every rule of the tenant, by policy and ordinal: what a snapshot is compiled from.
pub async fn all_rules(tx: &mut Tx) -> Result<Vec<Rule>> {
    tx.all(&ALL_RULES, &[], read_rule).await
}
/// Deletes a rule.
pub async fn delete_rule(tx: &mut Tx, id: Id<Rule>) -> Result<()> {
    tx.run(&DELETE_RULE, &[id.into()]).await?;
    Ok(())
}
