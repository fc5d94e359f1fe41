//! The Cedar rules of a file: read all of them, validated those that the tenant does not have yet. Validation is milliseconds
//! a rule (engine.md 9); ten thousand that are there already cost their parsing alone.
use std::collections::HashSet;
use std::sync::Arc;

use portcullis_authz::{Rule as Cedar, RuleErrors, rule};
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_store::{Tx, policy};

use super::WantedPolicy;
use crate::App;
use crate::policy::NewPolicy;
use crate::rule::{Text, statement};

/// A policy whose rules hold.
pub(super) struct ReadPolicy {
    pub policy: NewPolicy,
    pub rules: Vec<Text>,
}

impl App {
    pub(super) async fn read_rules(&self, cx: &Ctx, policies: &[WantedPolicy]) -> Result<Vec<ReadPolicy>> {
        if policies.is_empty() {
            return Ok(vec![]);
        }
        let known = Arc::new(self.0.db.scan(cx.clone(), (), statements).await?);
        let mut out = Vec::with_capacity(policies.len());
        for p in policies {
            let texts: Vec<&str> = p.rules.iter().map(String::as_str).collect();
            let names = self.names(cx, &texts).await?;
            let (texts, known) = (p.rules.clone(), known.clone());
            let read = self.validating(move || {
                let read = |(n, text): (usize, &String)| {
                    let source = Cedar::parse_text(text, &names).map_err(|e| (n, e))?;
                    if !known.contains(source.render(None).as_str()) {
                        rule::validate(&source).map_err(|e| (n, e))?;
                    }
                    Ok(Text(source))
                };
                texts.iter().enumerate().map(read).collect::<Result<Vec<_>, (usize, RuleErrors)>>()
            });
            let rules = read.await?.map_err(|(n, e)| invalid(&p.policy.name, n, &e))?;
            out.push(ReadPolicy { policy: p.policy.clone(), rules });
        }
        Ok(out)
    }
}

fn invalid(policy: &str, n: usize, e: &RuleErrors) -> Error {
    let first = e.issues().first().map(|i| format!("line {}, column {}: {}", i.line, i.column, i.message));
    let message = format!("policy {policy}, rules[{n}] does not hold: {}", first.unwrap_or_default());
    Error::new(Code::PolicyInvalid, message)
}
/// What the tenant has, in the canonical layout.
async fn statements(tx: &mut Tx, (): &()) -> portcullis_store::Result<HashSet<String>> {
    Ok(policy::all_rules(tx).await?.iter().map(|r| statement(&r.text).to_owned()).collect())
}
