//! The calls of the README and of docs/, pasted into a shell. They cannot rot.
use std::process::Command;

use crate::world::*;

both!(
    every_call_of_the_readme_works,
    every_call_of_protect_your_first_resource_works,
    every_call_of_coming_from_frontier_works,
    every_call_of_sign_in_with_your_provider_works,
    every_call_of_openid_provider_works,
    every_call_of_provision_with_scim_works,
);

/// What a reader of a page pastes: the blocks that are marked as shell.
fn pasted(page: &str) -> String {
    let page = std::fs::read_to_string(format!("{}/../../{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default());
    blocks.collect::<Vec<&str>>().join("\n\n")
}

async fn works(w: World, page: &str, calls: usize) {
    works_with(w, page, calls, &[]).await;
}
async fn works_with(w: World, page: &str, calls: usize, more: &[(&str, &str)]) {
    let script = pasted(page);
    assert!(script.matches("$URL").count() + script.matches("post /").count() >= calls, "{page} has its calls");
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &script])
        .env("URL", format!("http://{}", w.node.address))
        .env("TENANT", &w.tenant)
        .env("KEY", w.service_key())
        .env("TOKEN", w.owner_token())
        .envs(more.iter().copied());
    // the server runs on this runtime: the shell must not hold it up
    let out = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    let said = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    assert!(out.status.success(), "{page}\n{}\n{}", said(&out.stdout), said(&out.stderr));
}

async fn every_call_of_the_readme_works(w: World) {
    works(w, "README.md", 8).await;
}
async fn every_call_of_protect_your_first_resource_works(w: World) {
    works(w, "docs/protect-your-first-resource.md", 10).await;
}
async fn every_call_of_coming_from_frontier_works(w: World) {
    works(w, "docs/coming-from-frontier.md", 2).await;
}
async fn every_call_of_sign_in_with_your_provider_works(e: Engine) {
    use crate::openid::{Stage, provider};
    let s = Stage::on(e).await;
    let issuer = s.provider.issuer();
    let path = s.path();
    s.w.owner().delete(&path).await.expect(204);
    let given = [
        ("ISSUER", &*issuer),
        ("CLIENT_ID", provider::CLIENT),
        ("CLIENT_SECRET", provider::SECRET),
        ("DOMAIN", "corp.example"),
    ];
    works_with(s.w, "docs/sign-in-with-your-provider.md", 4, &given).await;
}
async fn every_call_of_openid_provider_works(w: World) {
    works(w, "docs/openid-provider.md", 10).await;
}
async fn every_call_of_provision_with_scim_works(w: World) {
    crate::identity_providers::verified_domain(&w, "corp.example").await;
    works_with(w, "docs/provision-with-scim.md", 6, &[("DOMAIN", "corp.example")]).await;
}
