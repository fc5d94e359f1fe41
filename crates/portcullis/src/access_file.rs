//! The access file as YAML (of which JSON is a part): bounded, without anchors, each mistake with its line.
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use portcullis_domain::fields::{self, Fields};
use portcullis_service::apply::file::AccessFile;
use portcullis_service::apply::{Wanted, WantedPolicy};
use serde_json::{Map, Value};

/// Bytes of a file.
const LONGEST: u64 = 16 << 20;

/// Reads a file; `-` is standard input.
pub fn read(path: &Path) -> anyhow::Result<Wanted> {
    let mut text = String::new();
    let bytes = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|f| f.take(LONGEST + 1).read_to_string(&mut text)),
    };
    if bytes.with_context(|| path.display().to_string())? as u64 > LONGEST {
        bail!("{}: a file has at most {} MiB", path.display(), LONGEST >> 20);
    }
    parse(&text).with_context(|| path.display().to_string())
}

/// Reads a text.
pub fn parse(text: &str) -> anyhow::Result<Wanted> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4_000_000,
            max_nodes: 2_000_000,
            max_depth: 24,
            max_documents: 1,
            // a few lines of them can stand for gigabytes, and a reviewed file should say what it means
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let mut file: AccessFile = serde_saphyr::from_str_with_options(text, options)?;
    let policies = std::mem::take(&mut file.policies).into_iter().enumerate();
    let policies = policies.map(|(n, members)| policy(n, members)).collect::<anyhow::Result<_>>()?;
    Wanted::read(file, policies).map_err(told)
}

/// A policy as `POST /v1/policies` takes it, with its rules beside.
fn policy(n: usize, members: Map<String, Value>) -> anyhow::Result<WantedPolicy> {
    let mut f = Fields::nested(members, format!("policies[{n}]"));
    if f.has("cedar_policy_set") {
        bail!("policies[{n}].cedar_policy_set: write rules instead, a list of Cedar texts");
    }
    let rules = f.optional("rules", fields::strings).unwrap_or_default();
    Ok(WantedPolicy { policy: portcullis_api::new_policy(f).map_err(told)?, rules })
}

/// Every wrong place with what is wrong there: a person mends them all at once.
fn told(e: portcullis_domain::Error) -> anyhow::Error {
    let lines = |list: &Vec<Value>| -> Vec<String> {
        let text = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
        list.iter().map(|v| format!("{}: {}", text(v, "field"), text(v, "message"))).collect()
    };
    match e.details().get("fields").and_then(Value::as_array) {
        Some(list) => anyhow::anyhow!("{}", lines(list).join("; ")),
        None => anyhow::anyhow!("{}", e.message()),
    }
}

/// Writes a file.
pub fn write(file: &AccessFile) -> anyhow::Result<String> {
    serde_saphyr::to_string(file).context("the file cannot be written as YAML")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn a_file_without_anything_is_a_file() {
        parse("version: 1\n").unwrap();
        parse("{\"version\": 1, \"set\": \"base\"}").unwrap();
    }

    #[test]
    fn the_example_of_the_page_is_a_file() {
        let page = include_str!("../../../docs/access-file.md");
        let (_, example) = page.split_once("```yaml\n").unwrap();
        parse(example.split_once("```").unwrap().0).unwrap();
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let e =
            wrong("version: 1\nroles:\n  - name: auditor\n    permissions: [app.project.get]\n    scope: [project]\n");
        assert!(e.contains("scope") && e.contains("line 5"), "{e}");
        let e = wrong("version: 1\npolicies:\n  - name: wall\n    max_duration_seconds: 60\n    rule: []\n");
        assert!(e.contains("policies[0].rule"), "{e}");
        let e = wrong("version: 1\nset: a\nset: b\n");
        assert!(e.contains("line 3"), "{e}");
    }

    #[test]
    fn sec_14_a_bomb_of_anchors_is_refused() {
        let e = wrong("version: 1\nroles: &a []\ngroups: *a\n");
        assert!(e.to_lowercase().contains("anchor"), "{e}");
        let deep = format!("version: 1\nroles: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
        parse(&deep).unwrap_err();
        parse("version: 1\n---\nversion: 1\n").unwrap_err();
        parse(&format!("version: 1\nroles: [{}]\n", "{},".repeat(3_000_000))).unwrap_err();
    }

    #[test]
    fn what_is_written_is_read() {
        let mut file = AccessFile::empty("base");
        let policy = serde_json::json!({
            "name": "yes: \"no\" # ~", "description": "a\nb\n", "max_duration_seconds": 3_600, "priority": -5,
            "rules": ["forbid (\n  principal,\n  action,\n  resource\n)\nwhen { context.hour < 6 };", " leading: -"],
        });
        file.policies.push(policy.as_object().unwrap().clone());
        let text = write(&file).unwrap();
        let again: AccessFile = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(file, again, "{text}");
    }
}
