//! `apply`, `export` and `import` of the built binary: a store that nobody serves, one that is being served, and a server that applies
//! its file when it starts. What a file does is tested in the suite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#[allow(dead_code, reason = "shared with the other tests of the binary")]
mod process;

use std::path::Path;

use process::{Serving, call, portcullis};
use serde_json::Value;

const FILE: &str = "version: 1\nroles:\n  - { name: auditor, permissions: [app.project.get], scopes: [project] }\n\
                    groups:\n  - { name: everybody, title: Everybody }\n";

/// A store that `init` made.
fn store(dir: &Path) {
    let (code, _, err) = portcullis(dir, &["init", "--owner-email", "owner@example.com", "--data-dir", "data"]);
    assert_eq!(code, 0, "{err}");
    std::fs::write(dir.join("access.yaml"), FILE).unwrap();
}
fn apply(dir: &Path, more: &[&str]) -> (i32, String, String) {
    portcullis(dir, &[&["apply", "-f", "access.yaml", "--data-dir", "data"], more].concat())
}

#[test]
fn apply_says_what_it_does_and_does_it_once() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let (code, out, err) = apply(dir.path(), &["--dry-run"]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        out,
        "+ role auditor\n+ group everybody\nIt would be: 2 made, 0 changed, 0 removed. Nothing was changed.\n"
    );
    assert_eq!(apply(dir.path(), &[]).1, "+ role auditor\n+ group everybody\n2 made, 0 changed, 0 removed.\n");
    assert_eq!(apply(dir.path(), &[]).1, "Everything is as the file says.\n");
    std::fs::write(dir.path().join("access.yaml"), FILE.replace("title: Everybody", "title: All")).unwrap();
    let (_, out, _) = apply(dir.path(), &["--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["applied"], true);
    assert_eq!(told["changes"][0]["fields"][0]["after"], "All", "{told}");
    let (_, out, _) = portcullis(dir.path(), &["export", "--data-dir", "data"]);
    assert!(out.contains("name: auditor") && out.contains("title: All"), "{out}");
    std::fs::write(dir.path().join("access.yaml"), out).unwrap();
    assert_eq!(apply(dir.path(), &[]).1, "Everything is as the file says.\n");
}

#[test]
fn a_wrong_file_is_told_with_its_line_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    std::fs::write(dir.path().join("access.yaml"), FILE.replace("scopes:", "scope:")).unwrap();
    let (code, out, err) = apply(dir.path(), &[]);
    assert_eq!((code, &*out), (1, ""));
    assert!(err.contains("access.yaml") && err.contains("line 3") && err.contains("scope"), "{err}");
    let (code, _, err) = portcullis(dir.path(), &["apply", "-f", "nowhere.yaml", "--data-dir", "data"]);
    assert!(code == 1 && err.contains("nowhere.yaml"), "{err}");
    let (code, _, err) = apply(dir.path(), &["--tenant", "nobody"]);
    assert!(code == 1 && !err.is_empty());
}

#[test]
fn a_served_store_is_exported_but_not_changed_from_outside() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let server = Serving::serve(dir.path(), "data/portcullis.toml");
    let (code, _, err) = apply(dir.path(), &[]);
    assert_eq!(code, 1);
    assert!(err.contains("serve --apply") && err.contains("stop"), "{err}");
    let (code, out, err) = portcullis(dir.path(), &["export", "--data-dir", "data"]);
    assert!(code == 0 && out.starts_with("version: 1"), "{err}");
    server.terminate();
}

#[test]
fn a_server_applies_its_file_before_it_serves() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let config = dir.path().join("data/portcullis.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("access_file = \"../access.yaml\"\n{text}")).unwrap();
    let server = Serving::serve(dir.path(), "data/portcullis.toml");
    assert_eq!(call(&server.url(), "GET", "/healthz", &[], "").0 / 100, 2);
    server.terminate();
    assert_eq!(apply(dir.path(), &[]).1, "Everything is as the file says.\n");
    // a file that cannot be applied is no reason to serve without it
    std::fs::write(dir.path().join("access.yaml"), "version: 7\n").unwrap();
    let (code, _, err) =
        portcullis(dir.path(), &["serve", "--config", "data/portcullis.toml", "--listen", "127.0.0.1:0"]);
    assert!(code == 1 && err.contains("version"), "{err}");
}

#[test]
fn an_import_needs_a_frontier_database() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let dsn = "postgres://reader:geheim@127.0.0.1:1/frontier";
    for more in [&[][..], &["--dry-run"]] {
        let args = [&["import", "frontier", "--dsn", dsn, "--data-dir", "data"], more].concat();
        let (code, out, err) = portcullis(dir.path(), &args);
        assert_eq!((code, &*out), (1, ""));
        assert!(err.contains("127.0.0.1:1/frontier") && !err.contains("geheim"), "{err}");
    }
}
