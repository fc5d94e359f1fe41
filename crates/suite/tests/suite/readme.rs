//! The README's calls, pasted into a shell. They cannot rot.
use std::process::Command;

use crate::world::*;

both!(every_call_of_the_readme_works);

/// What a reader pastes: the blocks that are marked as shell.
fn pasted() -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default());
    let blocks: Vec<&str> = blocks.collect();
    assert!(blocks.len() >= 4, "the README has its tour");
    blocks.join("\n\n")
}

async fn every_call_of_the_readme_works(w: World) {
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &pasted()])
        .env("URL", format!("http://{}", w.node.address))
        .env("TENANT", &w.tenant)
        .env("KEY", w.service_key())
        .env("TOKEN", w.owner_token());
    // the server runs on this runtime: the shell must not hold it up
    let out = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    let said = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    assert!(out.status.success(), "{}\n{}", said(&out.stdout), said(&out.stderr));
}
